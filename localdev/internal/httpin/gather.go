package httpin

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	// calls is how many calls of ingest are under way at once.
	calls = 2
	// patience bounds one call.
	patience = time.Minute
)

// gatherer hands the events of several requests to ingest as one.
type gatherer struct {
	cfg     Config
	slots   chan struct{}
	running sync.WaitGroup

	mu   sync.Mutex
	open *gathering // takes more; nil: there is none
}

// gathering is some requests on their way. Who adds to it waits for done.
type gathering struct {
	events []event.Event
	done   chan struct{}
	err    error // as HandleBatch answers it
}

func newGatherer(cfg Config) *gatherer {
	return &gatherer{cfg: cfg, slots: make(chan struct{}, calls)}
}

// take hands events over together with those of others, and answers with the
// error of each. Its own error is that ctx was done first; the events may have
// been taken nevertheless.
func (g *gatherer) take(ctx context.Context, events []event.Event) ([]error, error) {
	b, from := g.add(events)
	select {
	case <-b.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	errs := make([]error, len(events))
	for i := range errs {
		errs[i] = fault.Of(b.err, from+i)
	}
	return errs, nil
}

// add puts events into the open gathering, and tells where in it they are.
func (g *gatherer) add(events []event.Event) (b *gathering, from int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != nil && len(g.open.events)+len(events) > g.cfg.Batch {
		g.close(g.open)
	}
	if g.open == nil {
		g.open = &gathering{done: make(chan struct{})}
		opened := g.open
		g.running.Add(1)
		time.AfterFunc(g.cfg.Window, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.close(opened)
		})
	}
	b, from = g.open, len(g.open.events)
	b.events = append(b.events, events...)
	if len(b.events) >= g.cfg.Batch {
		g.close(b)
	}
	return b, from
}

// close sends a gathering on its way, unless it is. g.mu is held.
func (g *gatherer) close(b *gathering) {
	if g.open != b {
		return
	}
	g.open = nil
	go func() {
		defer g.running.Done()
		defer close(b.done)
		g.slots <- struct{}{}
		defer func() { <-g.slots }()
		// Not the context of a request: the events are several requests'.
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		b.err = g.run(ctx, b.events)
	}()
}

// run is the host of ingest: handle, publish, and only then answer.
func (g *gatherer) run(ctx context.Context, events []event.Event) (err error) {
	defer func() {
		if recover() != nil { // what it says may be a row's
			g.cfg.Logger.Error("panic in ingest", slog.String("stack", stack()))
			err = fault.New(fault.Poison, "panic", "the function panicked", "report it with the stack in its log")
		}
	}()
	made, err := g.cfg.Ingest.HandleBatch(ctx, events)
	if len(made) == 0 {
		return err
	}
	if published := g.cfg.Publish(ctx, made); published != nil {
		// Whose these are is not known of a batch, so all are sent again; but
		// who was refused is refused.
		failed := fault.Batch{}
		for i := range events {
			if failed[i] = fault.Of(err, i); failed[i] == nil {
				failed[i] = fault.Wrap(fault.Retry, "publish", published, "what was taken could not be announced")
			}
		}
		return failed
	}
	return err
}

// stack names the functions that led to where it is called, without arguments.
func stack() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		fmt.Fprintf(&b, "%s %s:%d\n", f.Function, filepath.Base(f.File), f.Line)
	}
	return b.String()
}

// wait waits until all that was added is done.
func (g *gatherer) wait() { g.running.Wait() }

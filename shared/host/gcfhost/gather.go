package gcfhost

import (
	"context"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
)

// gatherer hands the events of requests that come at about the same time to a
// function together. The platform delivers one message with each request.
type gatherer struct {
	f       host.Func       // whose trace a batch has in the log cannot be said
	running *sync.WaitGroup // of the requests; batches count as well
	timeout time.Duration
	window  time.Duration
	batch   int

	mu   sync.Mutex
	open *batch // takes more; nil: there is none
}

// batch is the events of some requests on their way. Who adds to it waits for
// done, and then reads its own outcomes.
type batch struct {
	events   []event.Event
	done     chan struct{}
	outcomes []error // as Func.Process tells them
}

func newGatherer(h *Handler, f host.Func, cfg Config) *gatherer {
	return &gatherer{f: f, running: &h.running, timeout: cfg.Timeout, window: cfg.Window, batch: cfg.Batch}
}

// process processes events together with those of others. If ctx is done first,
// all have failed with Retry; they may be done nevertheless.
func (g *gatherer) process(ctx context.Context, events []event.Event) []error {
	b, from := g.add(events)
	select {
	case <-b.done:
		return b.outcomes[from : from+len(events)]
	case <-ctx.Done():
		outcomes := make([]error, len(events))
		for i := range outcomes {
			outcomes[i] = fault.Wrap(fault.Retry, "again", ctx.Err(), "the time of the request is over")
		}
		return outcomes
	}
}

// add puts the events of one request into the open batch, and tells where in it
// they are. Those of one request are not parted.
func (g *gatherer) add(events []event.Event) (b *batch, from int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != nil && len(g.open.events)+len(events) > g.batch {
		g.close(g.open)
	}
	if g.open == nil {
		opened := &batch{done: make(chan struct{})}
		g.open = opened
		g.running.Add(1)
		time.AfterFunc(g.window, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.close(opened)
		})
	}
	b, from = g.open, len(g.open.events)
	b.events = append(b.events, events...)
	if len(b.events) >= g.batch {
		g.close(b)
	}
	return b, from
}

// close sends a batch on its way, unless it is. g.mu is held.
func (g *gatherer) close(b *batch) {
	if g.open != b {
		return
	}
	g.open = nil
	go func() {
		defer g.running.Done()
		defer close(b.done)
		// Not the context of a request: the events are several requests'.
		ctx, cancel := context.WithTimeout(context.Background(), g.timeout)
		defer cancel()
		b.outcomes = g.f.Process(ctx, b.events)
	}()
}

// Package host runs the chain's functions: it hands them events, publishes what
// they answer and decides what becomes of each event. A function knows nothing
// of queues, acks and retries; a host knows nothing of drops and rows.
//
// [Func.Process] is the one place of that decision, for every kind of host. The
// order is always: handle, publish the answers, and only then ack. Whatever
// crashes in between makes the event come again, and functions are made so that
// a second run does no harm.
//
// [Worker] is the host for queues: any gocloud pubsub subscription.
package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Handler is a function of the chain. It answers an event with the events that
// follow from it; none for an event that is not its own. With an error, what it
// answers is not published, and the error's fault.Kind decides what happens. Only
// with a fault.Partial that is Retry it is published, and then the event nacked.
//
// It may be called concurrently, and again with an event that it has handled:
// at any point of a crash, and by two processes at once.
type Handler interface {
	Handle(ctx context.Context, e event.Event) ([]event.Event, error)
}

// BatchHandler is a Handler to which several events at once are cheaper than one
// after another.
type BatchHandler interface {
	Handler

	// HandleBatch answers the events together. With a fault.Batch only the
	// items in it have failed, and the answers are those of the others. With
	// any other error the whole batch has failed: if the error is final, the
	// host takes the batch apart and calls Handle for each, so that one bad
	// event does not condemn those beside it.
	HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error)
}

// HandlerFunc is a Go function as a Handler.
type HandlerFunc func(ctx context.Context, e event.Event) ([]event.Event, error)

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	return f(ctx, e)
}

// Func is a function with all that it takes to run it. It is a value; its
// methods may be called concurrently.
type Func struct {
	// Name says which function this is: "ingest", "mask", "fanout", "audit".
	Name string
	// Handler is the function itself. If it is a BatchHandler, batches are
	// handed to it as such.
	Handler Handler
	// Out gets the handler's answers. It may be nil for one that has none.
	Out Publisher
	// Dead gets an event.TypeDeadLettered for every event that can never
	// succeed.
	Dead Publisher
	// Direct says that the sender waits for the answer: what is refused for
	// good is an error of Process as well, for the sender to be told, and gets
	// no dead letter.
	Direct bool
	// Logger gets one line per event. nil logs nothing.
	Logger *slog.Logger
	// Now tells the time of dead letters. nil is time.Now.
	Now func() time.Time
}

// Process handles events, publishes the answers and returns what to do with each
// event, by its index: nil, ack it; an error, nack it, so that it comes again.
//
// Acked are events that were handled, and events that are refused for good
// (Invalid, Denied, Poison, a panic), for which a dead letter was published.
// Nacked are events that failed with Retry, and those whose answers or whose
// dead letter could not be published.
func (f Func) Process(ctx context.Context, events []event.Event) []error {
	if h, ok := f.Handler.(BatchHandler); ok && len(events) > 1 {
		if results, ok := f.together(ctx, h, events); ok {
			return results
		}
	}
	results := make([]error, len(events))
	for i, e := range events {
		results[i] = f.alone(ctx, e)
	}
	return results
}

// ProcessMessages is Process for the bodies of messages. A body that is no event
// gets a dead letter whose id is derived from its digest, and is acked.
func (f Func) ProcessMessages(ctx context.Context, bodies [][]byte) []error {
	results := make([]error, len(bodies))
	events := make([]event.Event, 0, len(bodies))
	indices := make([]int, 0, len(bodies))
	for i, body := range bodies {
		e, err := DecodeEvent(body)
		if err != nil {
			results[i] = f.settle(ctx, message(body), 0, time.Now(), err)
			continue
		}
		events = append(events, e)
		indices = append(indices, i)
	}
	for i, err := range f.Process(ctx, events) {
		results[indices[i]] = err
	}
	return results
}

// message stands for a body that is no event: an id, and nothing else.
func message(body []byte) event.Event {
	digest := sha256.Sum256(body)
	e := ce.New()
	e.SetID(event.ID("message", hex.EncodeToString(digest[:])))
	return e
}

// together handles the events as one batch. It reports false, with nothing
// published or settled, if the events have to be handled one by one.
func (f Func) together(ctx context.Context, h BatchHandler, events []event.Event) ([]error, bool) {
	start := time.Now()
	var made []event.Event
	err := f.safely(ctx, func() (err error) {
		made, err = h.HandleBatch(ctx, events)
		return err
	})
	var batch fault.Batch
	whole := err != nil && !errors.As(err, &batch)
	if whole && fault.KindOf(err).Final() {
		return nil, false
	}
	var publishErr error
	if !whole {
		if publishErr = f.publish(ctx, f.Out, made); fault.KindOf(publishErr).Final() {
			return nil, false
		}
	}
	results := make([]error, len(events))
	for i, e := range events {
		itemErr := fault.Of(err, i)
		if itemErr == nil {
			itemErr = publishErr
		}
		// Whose the answers are is not known of a batch: they are not counted.
		results[i] = f.settle(ctx, e, -1, start, itemErr)
	}
	return results, true
}

// alone handles one event.
func (f Func) alone(ctx context.Context, e event.Event) error {
	start := time.Now()
	var made []event.Event
	err := f.safely(ctx, func() (err error) {
		made, err = f.Handler.Handle(ctx, e)
		return err
	})
	var partial *fault.Partial
	switch {
	case err == nil:
		err = f.publish(ctx, f.Out, made)
	case errors.As(err, &partial) && !fault.KindOf(err).Final():
		err = errors.Join(err, f.publish(ctx, f.Out, made))
	}
	return f.settle(ctx, e, len(made), start, err)
}

func (f Func) publish(ctx context.Context, to Publisher, events []event.Event) error {
	if len(events) == 0 {
		return nil
	}
	if to == nil {
		return fault.New(fault.Retry, "no-topic", "there is no topic for what the function answers", "give the host a topic to publish to")
	}
	return f.safely(ctx, func() error { return to.Publish(ctx, events) })
}

// settle decides what becomes of an event, given how it went, and logs it.
func (f Func) settle(ctx context.Context, e event.Event, answers int, start time.Time, err error) error {
	log := func(level slog.Level, msg string, err error) {
		if f.Logger == nil {
			return
		}
		attrs := []slog.Attr{telemetry.Function(f.Name), telemetry.EventID(e.ID()), telemetry.EventType(e.Type())}
		if drop := event.Extension(e, event.ExtCorrelationID); drop != "" {
			attrs = append(attrs, telemetry.Drop(drop))
		}
		if answers >= 0 && err == nil {
			attrs = append(attrs, telemetry.Count("answers", int64(answers)))
		}
		attrs = append(attrs, telemetry.Duration("took", time.Since(start)), telemetry.Fault(err))
		f.Logger.LogAttrs(ctx, level, msg, attrs...)
	}
	if err == nil {
		log(slog.LevelInfo, "handled", nil)
		return nil
	}
	if !fault.KindOf(err).Final() {
		log(slog.LevelWarn, "will be retried", err)
		return err
	}
	if f.Direct {
		log(slog.LevelWarn, "refused", err)
		return err
	}
	if e.Type() == event.TypeDeadLettered {
		// A dead letter for a dead letter would have one of its own, and so on.
		log(slog.LevelError, "dead letter failed, will be retried", err)
		return err
	}
	if deadErr := f.bury(ctx, e, err); deadErr != nil {
		log(slog.LevelError, "dead letter not published, will be retried", deadErr)
		return deadErr
	}
	log(slog.LevelError, "dead-lettered", err)
	return nil
}

// bury publishes the dead letter of e. Its id is derived from e's and the
// function's name.
func (f Func) bury(ctx context.Context, e event.Event, cause error) error {
	now := f.Now
	if now == nil {
		now = time.Now
	}
	letter, err := event.New(e, event.TypeDeadLettered, "/sallyport/"+f.Name, now(), event.DeadLetter{
		ID: e.ID(), Type: e.Type(), Function: f.Name, Fault: *event.FaultOf(cause),
	}, f.Name)
	if err != nil {
		return err
	}
	return f.publish(ctx, f.Dead, []event.Event{letter})
}

// safely turns a panic into a fault. Of the panic only the place is logged: its
// value and the arguments on the stack may be a row's.
func (f Func) safely(ctx context.Context, run func() error) (err error) {
	defer func() {
		if recover() == nil {
			return
		}
		if f.Logger != nil {
			f.Logger.LogAttrs(ctx, slog.LevelError, "panic", telemetry.Function(f.Name), slog.String("stack", stack()))
		}
		err = fault.New(fault.Poison, "panic", "the function panicked", "report it with the stack in its log")
	}()
	return run()
}

// stack names the functions and lines that led to the panic, innermost first,
// without their arguments.
func stack() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	var b strings.Builder
	panicked := false
	for {
		frame, more := frames.Next()
		if panicked && !strings.HasPrefix(frame.Function, "runtime.") {
			b.WriteString(frame.Function + " " + filepath.Base(frame.File) + ":" + strconv.Itoa(frame.Line) + "\n")
		}
		if frame.Function == "runtime.gopanic" {
			panicked = true
		}
		if !more {
			return b.String()
		}
	}
}

package host

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Defaults of a Worker.
const (
	DefaultConcurrency = 4
	DefaultBatch       = 100
	DefaultWindow      = 20 * time.Millisecond
	DefaultGrace       = 20 * time.Second
)

const (
	// maxBatchBytes ends a batch early: 4 of the largest events, thousands of
	// usual ones.
	maxBatchBytes = 4 * MaxEvent
	// abandonAfter is how long handlers have to notice that the grace is over.
	abandonAfter = 5 * time.Second
	// shutdownTimeout bounds the sending of the last acks.
	shutdownTimeout = 10 * time.Second
	// The pause after failures doubles from minPause to maxPause.
	minPause = 100 * time.Millisecond
	maxPause = 10 * time.Second
)

// Worker runs a function on a queue.
//
// A message is acked or nacked when Func.Process has decided on it. Where the
// queue has no nack (Kafka), it is kept, and handled again after a pause until it
// succeeds: such a queue would bring it again only to another process, and what
// comes after it cannot be acked before it. To keep a message while it is being
// handled is the queue's driver's matter: sallyport's JetStream driver does, with
// others the ack deadline has to be longer than the handling.
type Worker struct {
	Func

	// Open opens the subscription, which the worker shuts down itself. It is
	// called at the start, and again when the subscription has failed for
	// good: an error of gocloud's Receive is permanent.
	Open func(ctx context.Context) (*pubsub.Subscription, error)
	// Concurrency is how many batches, or events if the handler takes no
	// batches, are handled at once. The default is DefaultConcurrency.
	Concurrency int
	// Batch is how many events a BatchHandler gets at once at most, and Window
	// how long the first of them waits for the others. The defaults are
	// DefaultBatch and DefaultWindow.
	Batch  int
	Window time.Duration
	// Grace is how long what runs may take to finish when the worker is asked
	// to end. Then its context is cancelled. The default is DefaultGrace.
	Grace time.Duration
}

// Run works until ctx is done, and then drains: nothing more is received, what
// runs is finished, acks are sent. It returns nil after that, and an error if the
// worker is not complete, if the first Open fails, or if handlers went on after
// the grace and its end; their events come again.
func (w Worker) Run(ctx context.Context) error {
	if w.Name == "" || w.Handler == nil || w.Dead == nil || w.Open == nil {
		return fault.New(fault.Invalid, "worker", "a worker needs a name, a handler, a subscription and a topic for dead letters", "set Name, Handler, Open and Dead")
	}
	if w.Concurrency <= 0 {
		w.Concurrency = DefaultConcurrency
	}
	if w.Batch <= 0 {
		w.Batch = DefaultBatch
	}
	if w.Window <= 0 {
		w.Window = DefaultWindow
	}
	if w.Grace <= 0 {
		w.Grace = DefaultGrace
	}
	// What runs outlives ctx by the grace.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-time.After(w.Grace):
			cancel()
		case <-work.Done():
		}
	})()

	sub, err := w.Open(ctx)
	if ctx.Err() != nil && err != nil { // asked to end before it had begun
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Retry, "subscription-open", err, "cannot open the subscription of "+w.Name)
	}
	for {
		failed, err := w.serve(ctx, work, sub)
		if ctx.Err() != nil {
			return err
		}
		w.log(ctx, "the subscription failed", failed)
		if sub = w.reopen(ctx); sub == nil {
			return nil
		}
	}
}

// reopen opens the subscription again, however long it takes. It returns nil
// when ctx is done.
func (w Worker) reopen(ctx context.Context) *pubsub.Subscription {
	for failures := 1; ; failures++ {
		sleep(ctx, pause(failures))
		if ctx.Err() != nil {
			return nil
		}
		sub, err := w.Open(ctx)
		if err == nil {
			return sub
		}
		w.log(ctx, "the subscription does not open", err)
	}
}

// serve works on one subscription until ctx is done or receiving fails, drains
// and shuts it down. It returns what went wrong in receiving and in draining.
func (w Worker) serve(ctx, work context.Context, sub *pubsub.Subscription) (failed, drain error) {
	var (
		running  sync.WaitGroup
		failures atomic.Int64 // batches in a row of which nothing succeeded
		slots    = make(chan struct{}, w.Concurrency)
	)
	for failed == nil {
		// A message is received only when there is someone to handle it.
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			failed = ctx.Err()
			continue
		}
		var batch []*pubsub.Message
		if batch, failed = w.gather(ctx, sub); len(batch) == 0 {
			<-slots
			continue
		}
		running.Go(func() {
			defer func() { <-slots }()
			for attempt := 1; ; attempt++ {
				kept, succeeded := w.handle(work, batch)
				failed := 0
				if succeeded {
					failures.Store(0)
				} else {
					failed = int(failures.Add(1))
				}
				if succeeded && len(kept) == 0 {
					return
				}
				// While the world is broken there is no use in turning fast,
				// and not every queue waits before it brings a nacked message
				// again.
				sleep(ctx, pause(max(failed, attempt)))
				if len(kept) == 0 || ctx.Err() != nil {
					return // what is kept comes to whoever opens the queue next
				}
				batch = kept
			}
		})
	}

	drained := make(chan struct{})
	go func() {
		running.Wait()
		close(drained)
	}()
	drain = wait(work, drained)
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	// A subscription that has failed reports that failure again.
	if err := sub.Shutdown(shutdown); err != nil && ctx.Err() != nil && drain == nil {
		drain = fault.Wrap(fault.Retry, "subscription-shutdown", err, "cannot send the last acks of "+w.Name)
	}
	return failed, drain
}

// wait waits for drained, and abandons it some time after work was cancelled.
func wait(work context.Context, drained <-chan struct{}) error {
	select {
	case <-drained:
		return nil
	case <-work.Done():
	}
	select {
	case <-drained:
		return nil
	case <-time.After(abandonAfter):
		return fault.New(fault.Retry, "drain", "handlers did not end when they were told to", "their events come again; look for a handler that ignores its context")
	}
}

// gather receives a message, and, for a handler of batches, those that come soon
// after. It may return both messages and an error.
func (w Worker) gather(ctx context.Context, sub *pubsub.Subscription) ([]*pubsub.Message, error) {
	m, err := sub.Receive(ctx)
	if err != nil {
		return nil, err
	}
	batch, size := []*pubsub.Message{m}, len(m.Body)
	if _, ok := w.Handler.(BatchHandler); !ok {
		return batch, nil
	}
	window, cancel := context.WithTimeout(ctx, w.Window)
	defer cancel()
	for len(batch) < w.Batch && size < maxBatchBytes {
		m, err := sub.Receive(window)
		if window.Err() != nil && m == nil {
			return batch, nil // if it was ctx that ended, the next receive says so
		}
		if err != nil {
			return batch, err
		}
		batch = append(batch, m)
		size += len(m.Body)
	}
	return batch, nil
}

// handle processes the messages and answers the queue. It returns those that have
// to be handled again and cannot be handed back, and whether any succeeded.
func (w Worker) handle(ctx context.Context, batch []*pubsub.Message) (kept []*pubsub.Message, succeeded bool) {
	bodies := make([][]byte, len(batch))
	for i, m := range batch {
		bodies[i] = m.Body
	}
	for i, err := range w.ProcessMessages(ctx, bodies) {
		switch {
		case err == nil:
			batch[i].Ack()
			succeeded = true
		case batch[i].Nackable():
			batch[i].Nack()
		default:
			kept = append(kept, batch[i])
		}
	}
	return kept, succeeded
}

func (w Worker) log(ctx context.Context, msg string, err error) {
	if w.Logger != nil {
		w.Logger.LogAttrs(ctx, slog.LevelError, msg, telemetry.Function(w.Name), telemetry.Fault(err))
	}
}

// pause is how long to wait after so many failures in a row.
func pause(failures int) time.Duration {
	if failures > 7 {
		return maxPause
	}
	return min(minPause<<max(failures-1, 0), maxPause)
}

// sleep waits for d or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

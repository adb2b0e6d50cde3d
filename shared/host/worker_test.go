package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/mempubsub"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/jetstream"
	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// A queue is a topic and the ways to subscribe to it. open may be called again
// after the subscription was shut down; what was not acked comes again.
type queue struct {
	topic *pubsub.Topic
	open  func(context.Context) (*pubsub.Subscription, error)
	js    natsjs.JetStream // nil if it is not JetStream's
}

// queues are the queues that a worker is tested on.
var queues = map[string]func(t *testing.T) queue{
	"mem":       memQueue,
	"jetstream": func(t *testing.T) queue { return natsQueue(t, 30*time.Second) },
}

func memQueue(t *testing.T) queue {
	topic := mempubsub.NewTopic()
	t.Cleanup(func() { _ = topic.Shutdown(context.Background()) })
	sub := mempubsub.NewSubscription(topic, time.Minute) // before anything is sent
	return queue{topic: topic, open: func(context.Context) (*pubsub.Subscription, error) { return sub, nil }}
}

func natsQueue(t *testing.T, ackWait time.Duration) queue {
	t.Helper()
	s, err := embedded.Start(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown() })
	conn, err := s.Conn()
	if err != nil {
		t.Fatal(err)
	}
	js, err := natsjs.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	topic, err := jetstream.OpenTopic(js, "S", "s", jetstream.TopicOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = topic.Shutdown(context.Background()) })
	return queue{topic: topic, js: js, open: func(ctx context.Context) (*pubsub.Subscription, error) {
		return jetstream.OpenSubscription(ctx, js, "S", jetstream.SubscriptionOptions{Durable: "w", AckWait: ackWait})
	}}
}

func (q queue) publish(t *testing.T, ids ...string) {
	t.Helper()
	var events []event.Event
	for _, id := range ids {
		events = append(events, newEvent(id))
	}
	if err := host.TopicPublisher(q.topic).Publish(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// run runs the worker until stop is called, which returns what Run returned.
func run(t *testing.T, w host.Worker) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() {
			cancel()
			select {
			case result = <-done:
			case <-time.After(30 * time.Second):
				result = errors.New("the worker does not end")
			}
		})
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

// eventually waits for what must become true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// tally counts how often each event was handled.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) add(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[id]++
	return c.n[id]
}

func (c *tally) of(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[id]
}

// nothingLeft fails the test if the queue still holds a message.
func nothingLeft(t *testing.T, q queue) {
	t.Helper()
	sub, err := q.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Shutdown(context.Background()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if m, err := sub.Receive(ctx); err == nil {
		t.Errorf("the queue still holds %s", m.Body)
		m.Ack()
	}
}

// Every outcome, on every queue: what succeeds and what is refused for good is
// gone, what failed comes again until it succeeds.
func TestWorker(t *testing.T) {
	for name, open := range queues {
		for _, batches := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/batches=%v", name, batches), func(t *testing.T) {
				q := open(t)
				var seen tally
				handle := host.HandlerFunc(func(ctx context.Context, e event.Event) ([]event.Event, error) {
					if n := seen.add(e.ID()); strings.HasPrefix(e.ID(), "retry") && n > 2 {
						return []event.Event{answer(e)}, nil
					}
					return outcome(ctx, e)
				})
				out, dead, log := new(shelf), new(shelf), new(safeBuffer)
				w := host.Worker{
					Func: host.Func{Name: "mask", Handler: handle, Out: out, Dead: dead, Logger: telemetry.Logger(log, nil, true)},
					Open: q.open,
				}
				if batches {
					w.Handler, w.Batch, w.Window = &batcher{HandlerFunc: handle}, 4, 50*time.Millisecond
				}
				q.publish(t, "good#1", "nothing#2", "invalid#3", "denied#4", "poison#5", "panic#6", "retry#7", "good#8")
				if err := q.topic.Send(t.Context(), &pubsub.Message{Body: []byte(secret)}); err != nil {
					t.Fatal(err)
				}
				stop := run(t, w)
				eventually(t, "answers", func() bool { return len(out.all()) >= 3 })
				eventually(t, "dead letters", func() bool { return len(dead.all()) >= 5 })
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if got := slices.Compact(causes(out.all())); !slices.Equal(got, []string{"good#1", "good#8", "retry#7"}) {
					t.Errorf("answered %v", got)
				}
				var codes []string
				for _, e := range dead.all() {
					l, err := event.Decode[event.DeadLetter](e)
					if err != nil {
						t.Fatal(err)
					}
					codes = append(codes, l.Fault.Code)
				}
				slices.Sort(codes)
				if got := slices.Compact(codes); !slices.Equal(got, []string{"denied", "event-undecodable", "invalid", "panic", "poison"}) {
					t.Errorf("dead-lettered %v", got)
				}
				if seen.of("retry#7") < 3 {
					t.Errorf("retried %d times", seen.of("retry#7"))
				}
				if strings.Contains(log.String(), secret) {
					t.Error("the log holds a value")
				}
				if name != "mem" { // its one subscription is shut down
					nothingLeft(t, q)
				}
			})
		}
	}
}

// The answers of an event whose publishing fails come again with the event.
func TestWorkerPublishFails(t *testing.T) {
	for name, open := range queues {
		t.Run(name, func(t *testing.T) {
			q := open(t)
			var failures atomic.Int64
			out := &shelf{fail: func([]event.Event) error {
				if failures.Add(1) <= 2 {
					return errors.New(secret)
				}
				return nil
			}}
			dead := new(shelf)
			q.publish(t, "good")
			stop := run(t, host.Worker{Func: host.Func{Name: "mask", Handler: host.HandlerFunc(outcome), Out: out, Dead: dead}, Open: q.open})
			eventually(t, "answer", func() bool { return len(out.all()) == 1 })
			if err := stop(); err != nil || len(dead.all()) != 0 || failures.Load() != 3 {
				t.Errorf("%v, %d dead letters, %d attempts", err, len(dead.all()), failures.Load())
			}
		})
	}
}

// Batches are gathered: not one by one, never more than asked for.
func TestWorkerGathers(t *testing.T) {
	for name, open := range queues {
		t.Run(name, func(t *testing.T) {
			q := open(t)
			b := &batcher{HandlerFunc: outcome}
			out := new(shelf)
			var ids []string
			for i := range 40 {
				ids = append(ids, fmt.Sprintf("good#%d", i))
			}
			q.publish(t, ids...)
			stop := run(t, host.Worker{
				Func: host.Func{Name: "ingest", Handler: b, Out: out, Dead: new(shelf)}, Open: q.open,
				Concurrency: 1, Batch: 8, Window: 2 * time.Second,
			})
			eventually(t, "answers", func() bool { return len(out.all()) >= 40 })
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			largest := slices.Max(b.batches)
			if largest > 8 || largest < 2 {
				t.Errorf("batches of %v, want up to 8", b.batches)
			}
		})
	}
}

func TestWorkerConcurrency(t *testing.T) {
	q := memQueue(t)
	var now, most atomic.Int64
	release := make(chan struct{})
	out := new(shelf)
	stop := run(t, host.Worker{
		Func: host.Func{Name: "mask", Out: out, Dead: new(shelf), Handler: host.HandlerFunc(func(ctx context.Context, e event.Event) ([]event.Event, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-release
			return outcome(ctx, e)
		})},
		Open: q.open, Concurrency: 3,
	})
	q.publish(t, "good#1", "good#2", "good#3", "good#4", "good#5", "good#6")
	eventually(t, "three at once", func() bool { return now.Load() == 3 })
	time.Sleep(100 * time.Millisecond) // time for a fourth
	close(release)
	eventually(t, "answers", func() bool { return len(out.all()) == 6 })
	if err := stop(); err != nil || most.Load() != 3 {
		t.Errorf("%v, %d at once, want 3", err, most.Load())
	}
}

// Asked to end, a worker finishes what runs, acks it, and takes nothing more.
func TestWorkerDrains(t *testing.T) {
	q := natsQueue(t, 30*time.Second)
	var seen tally
	started, finish := make(chan struct{}, 10), make(chan struct{})
	out := new(shelf)
	w := host.Worker{
		Func: host.Func{Name: "mask", Out: out, Dead: new(shelf), Handler: host.HandlerFunc(func(ctx context.Context, e event.Event) ([]event.Event, error) {
			seen.add(e.ID())
			started <- struct{}{}
			select {
			case <-finish:
				return []event.Event{answer(e)}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})},
		Open: q.open, Concurrency: 1,
	}
	stop := run(t, w)
	q.publish(t, "first")
	<-started
	q.publish(t, "second", "third") // they wait for a free slot
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	select {
	case err := <-stopped:
		t.Fatalf("ended with %v while a handler ran", err)
	case <-time.After(200 * time.Millisecond):
	}
	close(finish)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := causes(out.all()); !slices.Equal(got, []string{"first"}) || seen.of("second")+seen.of("third") != 0 {
		t.Errorf("answered %v", got)
	}

	// The next worker gets the others at once, and the first no more.
	began := time.Now()
	stop = run(t, w)
	eventually(t, "the others", func() bool { return len(out.all()) == 3 })
	if err := stop(); err != nil || seen.of("first") != 1 || time.Since(began) > 10*time.Second {
		t.Errorf("%v, first handled %d times, after %v", err, seen.of("first"), time.Since(began))
	}
	nothingLeft(t, q)
}

// After the grace the handler's context ends; its event comes again.
func TestWorkerGrace(t *testing.T) {
	q := natsQueue(t, 30*time.Second)
	started := make(chan struct{}, 10)
	w := host.Worker{
		Func: host.Func{Name: "mask", Dead: new(shelf), Handler: host.HandlerFunc(func(ctx context.Context, e event.Event) ([]event.Event, error) {
			started <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		})},
		Open: q.open, Grace: 100 * time.Millisecond,
	}
	q.publish(t, "slow")
	for range 2 {
		stop := run(t, w)
		<-started
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// A handler that ignores its context does not hold the worker for ever.
func TestWorkerAbandons(t *testing.T) {
	q := natsQueue(t, 30*time.Second)
	started, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	stop := run(t, host.Worker{
		Func: host.Func{Name: "mask", Dead: new(shelf), Handler: host.HandlerFunc(func(context.Context, event.Event) ([]event.Event, error) {
			close(started)
			<-release
			return nil, nil
		})},
		Open: q.open, Grace: 50 * time.Millisecond,
	})
	q.publish(t, "stuck")
	<-started
	if err := stop(); fault.CodeOf(err) != "drain" {
		t.Errorf("got %v", err)
	}
}

// Handling may take longer than the queue's ack wait: nobody else gets the event.
func TestWorkerLongHandling(t *testing.T) {
	q := natsQueue(t, time.Second)
	var seen tally
	out := new(shelf)
	w := host.Worker{
		Func: host.Func{Name: "mask", Out: out, Dead: new(shelf), Handler: host.HandlerFunc(func(_ context.Context, e event.Event) ([]event.Event, error) {
			seen.add(e.ID())
			time.Sleep(2500 * time.Millisecond)
			return []event.Event{answer(e)}, nil
		})},
		Open: q.open, Concurrency: 1,
	}
	stops := []func() error{run(t, w), run(t, w)}
	q.publish(t, "1", "2", "3")
	eventually(t, "answers", func() bool { return len(out.all()) == 3 })
	for _, stop := range stops {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{"1", "2", "3"} {
		if seen.of(id) != 1 {
			t.Errorf("event %s handled %d times", id, seen.of(id))
		}
	}
	nothingLeft(t, q)
}

// A subscription that fails for good is opened again.
func TestWorkerReopens(t *testing.T) {
	q := natsQueue(t, 30*time.Second)
	var opened atomic.Int64
	out := new(shelf)
	stop := run(t, host.Worker{
		Func: host.Func{Name: "mask", Handler: host.HandlerFunc(outcome), Out: out, Dead: new(shelf)},
		Open: func(ctx context.Context) (*pubsub.Subscription, error) {
			switch opened.Add(1) {
			case 1:
				sub, err := q.open(ctx)
				if err == nil {
					err = q.js.DeleteConsumer(ctx, "S", "w")
				}
				return sub, err
			case 2:
				return nil, errors.New("not yet")
			}
			return q.open(ctx)
		},
	})
	q.publish(t, "good")
	eventually(t, "answer", func() bool { return len(out.all()) == 1 })
	if err := stop(); err != nil || opened.Load() != 3 {
		t.Errorf("%v, opened %d times", err, opened.Load())
	}
}

func TestWorkerDoesNotStart(t *testing.T) {
	good := host.Worker{
		Func: host.Func{Name: "mask", Handler: host.HandlerFunc(outcome), Dead: new(shelf)},
		Open: func(context.Context) (*pubsub.Subscription, error) { return nil, errors.New("no such queue") },
	}
	if err := good.Run(t.Context()); fault.CodeOf(err) != "subscription-open" {
		t.Errorf("a queue that does not open: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := good.Run(ended); err != nil {
		t.Errorf("asked to end before the queue was open: %v", err)
	}
	for name, change := range map[string]func(*host.Worker){
		"name":    func(w *host.Worker) { w.Name = "" },
		"handler": func(w *host.Worker) { w.Handler = nil },
		"dead":    func(w *host.Worker) { w.Dead = nil },
		"open":    func(w *host.Worker) { w.Open = nil },
	} {
		w := good
		change(&w)
		if err := w.Run(t.Context()); fault.CodeOf(err) != "worker" {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestTopicPublisher(t *testing.T) {
	q := memQueue(t)
	bad := newEvent("bad")
	bad.SetExtension("x", []string{secret})
	p := host.TopicPublisher(q.topic)
	if err := p.Publish(t.Context(), []event.Event{newEvent("1"), bad}); fault.KindOf(err) != fault.Poison {
		t.Errorf("an event that cannot be encoded: %v", err)
	}
	q.publish(t, "2")
	sub, _ := q.open(t.Context())
	m, err := sub.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.Ack()
	if e := decode(t, m.Body); e.ID() != "2" || len(m.Metadata) != 1 || m.Metadata["content-type"] != host.ContentType {
		t.Errorf("sent %s with %v", m.Body, m.Metadata)
	}
	if err := q.topic.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), []event.Event{newEvent("3")}); fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != "publish" {
		t.Errorf("a topic that is shut down: %v", err)
	}
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

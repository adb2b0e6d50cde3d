package workerhost_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"gocloud.dev/pubsub"
	_ "gocloud.dev/pubsub/mempubsub"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/workerhost"
)

// function is a Function of the tests.
type function struct {
	host.HandlerFunc
	closed *bool
}

func (f function) Close() error {
	*f.closed = true
	return nil
}

type config struct {
	Landing string `env:"LANDING,required"`
}

func opening(h host.HandlerFunc, closed *bool) func(context.Context, config) (function, error) {
	return func(context.Context, config) (function, error) { return function{h, closed}, nil }
}

// queue is a mem topic to publish on, and its URL.
func queue(t *testing.T, name string) (*pubsub.Topic, string) {
	t.Helper()
	url := "mem://" + t.Name() + "-" + name
	topic, err := pubsub.OpenTopic(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return topic, url
}

func newEvent(id, typ string) event.Event {
	e := ce.New()
	e.SetID(id)
	e.SetType(typ)
	e.SetSource("/test")
	return e
}

func send(t *testing.T, topic *pubsub.Topic, events ...event.Event) {
	t.Helper()
	if err := host.TopicPublisher(topic).Publish(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// logs are the lines of a worker.
type logs struct {
	lines chan map[string]any
	w     io.WriteCloser
}

func newLogs(t *testing.T) *logs {
	r, w := io.Pipe()
	l := &logs{lines: make(chan map[string]any, 100), w: w}
	go func() {
		for s := bufio.NewScanner(r); s.Scan(); {
			var line map[string]any
			if err := json.Unmarshal(s.Bytes(), &line); err != nil {
				t.Errorf("not a line of JSON: %s", s.Bytes())
			}
			l.lines <- line
		}
	}()
	t.Cleanup(func() { _ = w.Close() })
	return l
}

// await returns the next line whose message is msg.
func (l *logs) await(t *testing.T, msg string) map[string]any {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case line := <-l.lines:
			if line["msg"] == msg {
				return line
			}
		case <-late:
			t.Fatalf("no line %q", msg)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, strings.TrimSpace(string(body))
}

// From the environment to the end: it is ready, works, says when its connection
// is broken, drains and closes.
func TestRun(t *testing.T) {
	in, inURL := queue(t, "in")
	_, outURL := queue(t, "out")
	_, deadURL := queue(t, "dead")
	results, err := pubsub.OpenSubscription(t.Context(), outURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = results.Shutdown(context.Background()) })
	started, finish := make(chan struct{}, 1), make(chan struct{})
	closed := false
	open := opening(func(_ context.Context, e event.Event) ([]event.Event, error) {
		if closed {
			t.Error("closed while a handler runs")
		}
		started <- struct{}{}
		<-finish
		return []event.Event{newEvent("of "+e.ID(), event.TypeTick)}, nil
	}, &closed)
	var mu sync.Mutex
	var broken error
	log := newLogs(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- workerhost.Run(ctx, "mask", open, workerhost.Options{
			Environ: []string{"SALLYPORT_SUBSCRIPTION=" + inURL, "SALLYPORT_TOPIC=" + outURL, "SALLYPORT_DEAD=" + deadURL, "SALLYPORT_LANDING=x", "SALLYPORT_HEALTH=127.0.0.1:0"},
			Log:     log.w,
			Check: func() error {
				mu.Lock()
				defer mu.Unlock()
				return broken
			},
		})
	}()
	base := "http://" + log.await(t, "the worker starts")["health"].(string)
	ready := func(want int, text string) func() bool {
		return func() bool {
			status, body := get(t, base+"/readyz")
			return status == want && strings.Contains(body, text)
		}
	}
	eventually(t, "ready", ready(200, "ok"))
	mu.Lock()
	broken = fault.New(fault.Retry, "x", "the line is cut", "")
	mu.Unlock()
	eventually(t, "not ready without a connection", ready(503, "the line is cut"))
	mu.Lock()
	broken = nil
	mu.Unlock()
	eventually(t, "ready again", ready(200, "ok"))

	send(t, in, newEvent("1", event.TypeTick))
	<-started
	cancel()
	eventually(t, "draining", ready(503, "asked to end"))
	if status, _ := get(t, base+"/healthz"); status != 200 {
		t.Errorf("a worker that drains answers %d", status)
	}
	select {
	case err := <-done:
		t.Fatalf("ended with %v while a handler ran", err)
	default:
	}
	close(finish)
	if err := <-done; err != nil || !closed {
		t.Errorf("%v, closed: %v", err, closed)
	}
	m, err := results.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.Ack()
	if e, err := host.DecodeEvent(m.Body); err != nil || e.ID() != "of 1" {
		t.Errorf("%v, %v", e, err)
	}
	if _, err := http.Get(base + "/healthz"); err == nil {
		t.Error("the health is answered after the end")
	}
}

func TestRunDoesNotStart(t *testing.T) {
	_, inURL := queue(t, "in")
	_, deadURL := queue(t, "dead")
	good := []string{"SALLYPORT_SUBSCRIPTION=" + inURL, "SALLYPORT_DEAD=" + deadURL, "SALLYPORT_LANDING=x"}
	for name, c := range map[string]struct {
		environ []string
		code    string
		names   []string
	}{
		"nothing":         {nil, "environment", []string{"SALLYPORT_SUBSCRIPTION", "SALLYPORT_DEAD", "SALLYPORT_LANDING"}},
		"no number":       {append(good, "SALLYPORT_BATCH=many"), "environment", []string{"Batch"}},
		"below 0":         {append(good, "SALLYPORT_GRACE=-1s"), "environment", []string{"GRACE"}},
		"half a partner":  {append(good, "SALLYPORT_PARTNER=acme"), "environment", []string{"CONTRACT"}},
		"no partner":      {append(good, "SALLYPORT_CONTRACT=orders"), "environment", []string{"PARTNER"}},
		"unknown queue":   {append(good, "SALLYPORT_SUBSCRIPTION=nothing://x"), "subscription-open", nil},
		"unknown topic":   {append(good, "SALLYPORT_TOPIC=nothing://x"), "topic-open", nil},
		"no such address": {append(good, "SALLYPORT_HEALTH=127.0.0.1:x"), "health-listen", nil},
	} {
		closed := false
		err := workerhost.Run(t.Context(), "mask", opening(nil, &closed), workerhost.Options{Environ: append([]string{}, c.environ...), Log: io.Discard})
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want code %s", name, err, c.code)
			continue
		}
		for _, n := range c.names {
			if !strings.Contains(err.Error(), n) {
				t.Errorf("%s: %v does not name %s", name, err, n)
			}
		}
		if strings.Contains(err.Error(), "many") {
			t.Errorf("%s: %v holds the value", name, err)
		}
	}
}

// batcher refuses, in a batch, the items whose type is com.example.bad, or the
// whole batch if whole is set.
type batcher struct {
	whole error

	mu   sync.Mutex
	seen []event.Event
}

func (b *batcher) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	made, err := b.HandleBatch(ctx, []event.Event{e})
	return made, fault.Of(err, 0)
}

func (b *batcher) HandleBatch(_ context.Context, events []event.Event) ([]event.Event, error) {
	if b.whole != nil && len(events) > 1 {
		return nil, b.whole
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	failed := fault.Batch{}
	for i, e := range events {
		if e.Type() == "com.example.bad" {
			failed[i] = fault.New(fault.Invalid, "bad", "m", "")
			continue
		}
		b.seen = append(b.seen, e)
	}
	return nil, failed
}

// shelf is a Publisher that keeps what it gets.
type shelf struct {
	mu     sync.Mutex
	events []event.Event
}

func (s *shelf) Publish(_ context.Context, events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
	return nil
}

func (s *shelf) letters(t *testing.T) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, e := range s.events {
		l, err := event.Decode[event.DeadLetter](e)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l.ID+" "+l.Fault.Code)
	}
	slices.Sort(all)
	return all
}

// What arrives by a partner's queue is the partner's, whatever it says, and
// never the chain's; those beside what is refused are taken.
func TestPartner(t *testing.T) {
	for _, whole := range []error{nil, fault.New(fault.Poison, "whole", "m", "")} {
		in, url := queue(t, "in"+fault.CodeOf(whole))
		b, dead := &batcher{whole: whole}, new(shelf)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- workerhost.Serve(ctx, host.Func{Name: "ingest", Handler: b, Dead: dead},
				workerhost.Settings{Subscription: url, Partner: "acme", Contract: "orders/eu", Concurrency: 1, Window: 200 * time.Millisecond}, workerhost.Options{})
		}()
		claims := newEvent("claims", "com.example.order")
		claims.SetExtension(event.ExtPartner, "somebody-else")
		claims.SetExtension(event.ExtContract, "salaries")
		all := []event.Event{newEvent("chain", event.TypeDropReceived), newEvent("1", "com.example.order"), newEvent("bad", "com.example.bad"), claims}
		eventually(t, "taken", func() bool {
			send(t, in, all...) // mem keeps nothing for a worker that has not subscribed yet
			b.mu.Lock()
			defer b.mu.Unlock()
			return len(b.seen) >= 2
		})
		eventually(t, "dead letters", func() bool { return len(slices.Compact(dead.letters(t))) == 2 })
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := slices.Compact(dead.letters(t)); !slices.Equal(got, []string{"bad bad", "chain reserved-type"}) {
			t.Errorf("dead-lettered %v", got)
		}
		for _, e := range b.seen {
			if event.Extension(e, event.ExtPartner) != "acme" || event.Extension(e, event.ExtContract) != "orders/eu" {
				t.Errorf("taken as %v", e.Extensions())
			}
		}
	}
}

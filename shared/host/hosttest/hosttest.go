// Package hosttest is the conformance suite of hosts: whatever brings an event to
// a function, the same becomes of it.
//
// A [Platform] is a host together with what feeds it: a worker and its queue, a
// Lambda handler and its event source, an HTTP handler and what pushes to it. Run
// hands it events of every kind of fate (see fates) and compares, per event: how
// often the function saw it, how often an answer was published, and the code of
// its dead letter. Then the host is started anew: nothing may come again.
package hosttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Platform is a host that runs, with what feeds it.
type Platform interface {
	// Send has messages delivered to the function, together where the platform
	// has batches, and again as long as the host asks for it. It may return
	// before they are handled. An error: the platform does not take a message,
	// because it is too large.
	Send(ctx context.Context, bodies ...[]byte) error
	// Interrupt ends what runs before it is finished, as the platform does: a
	// worker whose grace is over, a request at its deadline. What was not
	// finished is delivered again. It returns ErrEndless where the platform
	// cannot do that without losing its messages.
	Interrupt(ctx context.Context) error
}

// Dropper is a Platform that tells of new objects in its own words.
type Dropper interface {
	// Drop delivers that the object of d lies in the drops bucket.
	Drop(ctx context.Context, d event.DropReceived) error
}

// ErrEndless is Interrupt's where the platform's messages end with the host.
var ErrEndless = errors.New("hosttest: the platform cannot be interrupted")

// Options say what a platform is like.
type Options struct {
	// MaxMessage is the largest message that the platform takes, in bytes, if
	// that is below host.MaxEvent.
	MaxMessage int
}

// Start starts a host for f, which ends with the test. It may be called
// concurrently.
type Start func(t *testing.T, f host.Func) Platform

// Run runs the suite: for a function of single events, and for one of batches.
func Run(t *testing.T, start Start, opts Options) {
	if opts.MaxMessage == 0 || opts.MaxMessage > host.MaxEvent {
		opts.MaxMessage = host.MaxEvent
	}
	for _, name := range []string{"events", "batches"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSuite(t, opts)
			f := host.Func{Name: "test", Handler: host.HandlerFunc(s.handle), Out: &s.out, Dead: &s.dead, Logger: telemetry.Logger(&s.log, nil, true)}
			if name == "batches" {
				f.Handler = batcher{s}
			}
			s.platform = start(t, f)
			s.run(t)
		})
	}
}

// fate is what has to become of an event.
type fate struct {
	handled int    // how often the function sees it
	answers int    // how often an answer is published
	code    string // of its dead letter
}

// fates are the fates by the first word of an event's id, which is also what the
// function does with it.
var fates = map[string]fate{
	"drop":        {handled: 1, answers: 1},
	"good":        {handled: 1, answers: 1},
	"unknown":     {handled: 1},             // not the function's own
	"retry":       {handled: 3, answers: 1}, // fails twice
	"unpublished": {handled: 2, answers: 1}, // its answer cannot be published at first
	"unburied":    {handled: 2, code: "unburied"},
	"invalid":     {handled: 1, code: "invalid"},
	"denied":      {handled: 1, code: "denied"},
	"poison":      {handled: 1, code: "poison"},
	"panic":       {handled: 1, code: "panic"},
	"waits":       {handled: 2, answers: 1}, // its context ends the first time
	"twice":       {handled: 2, answers: 2}, // delivered twice
	"large":       {handled: 1, answers: 1},
	"undecodable": {code: "event-undecodable"},
	"huge":        {code: "event-too-large"},
	"last":        {handled: 1, answers: 1},
}

// secret is what must not appear in logs and dead letters.
const secret = "4111111111111111"

// patience is how long something may take to happen.
const patience = 40 * time.Second

// suite is one run.
type suite struct {
	opts     Options
	platform Platform
	out      shelf
	dead     shelf
	log      safeBuffer
	waiting  chan struct{} // gets one when "waits" waits

	mu      sync.Mutex
	handled map[string]int
	got     map[string]event.Event // as the function saw it, the last time
	want    map[string]fate        // of what was sent, by id
}

func newSuite(t *testing.T, opts Options) *suite {
	s := &suite{opts: opts, waiting: make(chan struct{}, 1), handled: map[string]int{}, got: map[string]event.Event{}, want: map[string]fate{}}
	failOnce := func(id string) func([]event.Event) error {
		var mu sync.Mutex
		failed := false
		return func(events []event.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if !failed && slices.ContainsFunc(events, func(e event.Event) bool { return cause(e) == id }) {
				failed = true
				return errors.New(secret)
			}
			return nil
		}
	}
	s.out.fail, s.dead.fail = failOnce("unpublished"), failOnce("unburied")
	t.Cleanup(func() {
		if strings.Contains(s.log.String(), secret) {
			t.Error("the log holds a value")
		}
	})
	return s
}

// do is the first word of an id: "good" of "good-1".
func do(id string) string {
	word, _, _ := strings.Cut(id, "-")
	return word
}

// cause is the id of the event that e follows from.
func cause(e event.Event) string { return event.Extension(e, event.ExtCausationID) }

// handle is the function under test.
func (s *suite) handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	id := e.ID()
	if e.Type() == event.TypeDropReceived {
		id = "drop" // its own is derived
	}
	s.mu.Lock()
	s.handled[id]++
	n := s.handled[id]
	s.got[id] = e.Clone()
	s.mu.Unlock()
	switch do(id) {
	case "unknown":
		return nil, nil
	case "retry":
		if n <= 2 {
			return nil, fault.New(fault.Retry, "retry", secret, "")
		}
	case "invalid":
		return nil, fault.New(fault.Invalid, "invalid", "m", "d")
	case "denied":
		return nil, fault.New(fault.Denied, "denied", "m", "d")
	case "poison":
		return nil, fault.Wrap(fault.Poison, "poison", errors.New(secret), "m")
	case "unburied":
		return nil, fault.New(fault.Invalid, "unburied", "m", "d")
	case "panic":
		panic(secret)
	case "waits":
		if n == 1 {
			s.waiting <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}
	a, err := event.New(e, event.TypeDropAccepted, "/test", time.Unix(1, 0), event.DropOutcome{})
	return []event.Event{a}, err
}

// batcher is the function as one of batches.
type batcher struct{ s *suite }

func (b batcher) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	return b.s.handle(ctx, e)
}

// HandleBatch panics for one that panics before it has seen any.
func (b batcher) HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error) {
	for _, e := range events {
		if do(e.ID()) == "panic" {
			panic(secret)
		}
	}
	var made []event.Event
	failed := fault.Batch{}
	for i, e := range events {
		a, err := b.s.handle(ctx, e)
		if err != nil {
			failed[i] = err
		}
		made = append(made, a...)
	}
	if len(failed) > 0 {
		return made, failed
	}
	return made, nil
}

// newEvent is an event of the suite.
func newEvent(id string) event.Event {
	e := ce.New()
	e.SetID(id)
	e.SetType(event.TypeSegmentAccepted)
	e.SetSource("/hosttest")
	return e
}

func encode(t *testing.T, e event.Event) []byte {
	t.Helper()
	b, err := host.EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// expect notes that the event id was sent.
func (s *suite) expect(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want[id] = fates[do(id)]
}

// send sends an event of each id, and waits until what has to become of
// everything that was ever sent has become of it.
func (s *suite) send(t *testing.T, ids ...string) {
	t.Helper()
	bodies := make([][]byte, len(ids))
	for i, id := range ids {
		bodies[i] = encode(t, newEvent(id))
		s.expect(id)
	}
	s.sendBodies(t, bodies...)
	s.settle(t)
}

func (s *suite) sendBodies(t *testing.T, bodies ...[]byte) {
	t.Helper()
	if err := s.platform.Send(t.Context(), bodies...); err != nil {
		t.Fatal(err)
	}
}

// outcome is what has become of everything so far. What no id is known of counts
// as "undecodable" or "huge", by the code of its dead letter.
func (s *suite) outcome() map[string]fate {
	got := map[string]fate{}
	s.mu.Lock()
	for id, n := range s.handled {
		f := got[id]
		f.handled = n
		got[id] = f
	}
	drop := ""
	if e, ok := s.got["drop"]; ok {
		drop = e.ID()
	}
	s.mu.Unlock()
	for _, e := range s.out.all() {
		id := cause(e)
		if id == drop {
			id = "drop"
		}
		f := got[id]
		f.answers++
		got[id] = f
	}
	for _, e := range s.dead.all() {
		l, err := event.Decode[event.DeadLetter](e)
		if err != nil {
			panic(err) // Func makes them
		}
		id := l.ID
		switch l.Fault.Code {
		case fates["undecodable"].code:
			id = "undecodable"
		case fates["huge"].code:
			id = "huge"
		}
		f := got[id]
		f.code += l.Fault.Code // twice is wrong
		got[id] = f
	}
	return got
}

// settle waits until the outcome is what it has to be.
func (s *suite) settle(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		got := s.outcome()
		s.mu.Lock()
		same := maps.Equal(got, s.want)
		want := maps.Clone(s.want)
		s.mu.Unlock()
		if same {
			return
		}
		if time.Now().After(deadline) {
			for _, id := range slices.Sorted(maps.Keys(want)) {
				if got[id] != want[id] {
					t.Errorf("%s: %+v, want %+v", id, got[id], want[id])
				}
				delete(got, id)
			}
			for id, f := range got {
				t.Errorf("nobody sent %s: %+v", id, f)
			}
			t.Fatal("the outcome is not what it has to be")
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// run runs the cases one after another: the fates of all of them are held up to
// the end.
func (s *suite) run(t *testing.T) {
	cases := []struct {
		name string
		run  func(t *testing.T)
	}{
		{"drop", s.drop},
		{"one event", s.intact},
		{"many events", func(t *testing.T) {
			var ids []string
			for i := range 25 {
				ids = append(ids, fmt.Sprintf("good-%d", i))
			}
			s.send(t, ids...)
		}},
		{"unknown event", func(t *testing.T) { s.send(t, "unknown") }},
		{"batch with a bad item", func(t *testing.T) { s.send(t, "good-a", "good-b", "invalid-b", "good-c", "denied-b", "poison-b") }},
		{"batch with an item that is retried", func(t *testing.T) { s.send(t, "good-d", "retry-b", "good-e") }},
		{"batch with an item that panics", func(t *testing.T) { s.send(t, "good-f", "panic-b", "good-g") }},
		{"panic", func(t *testing.T) { s.send(t, "panic") }},
		{"answers that are not published", func(t *testing.T) { s.send(t, "unpublished") }},
		{"dead letter that is not published", func(t *testing.T) { s.send(t, "unburied") }},
		{"duplicate delivery", s.duplicate},
		{"undecodable message", func(t *testing.T) {
			s.expect("undecodable")
			s.expect("good-h")
			s.sendBodies(t, []byte(secret), encode(t, newEvent("good-h")))
			s.settle(t)
		}},
		{"event of the largest size", s.large},
		{"event of 6 MiB", s.huge},
		{"deadline", s.deadline},
		{"nothing comes again", s.again},
	}
	for _, c := range cases {
		if !t.Run(c.name, c.run) {
			t.Fatal("the cases that follow would not be told apart from this one")
		}
	}
}

func (s *suite) drop(t *testing.T) {
	d := event.DropReceived{Key: "acme/orders/große datei+1.csv", Generation: "7", ETag: `"e"`, Size: 12, Time: time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC)}
	s.expect("drop")
	if p, ok := s.platform.(Dropper); ok {
		if err := p.Drop(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	} else {
		e, err := event.Origin(event.DropID(d.Key, d.Identity()), event.TypeDropReceived, "/hosttest", time.Unix(1, 0), d)
		if err != nil {
			t.Fatal(err)
		}
		s.sendBodies(t, encode(t, e))
	}
	s.settle(t)
	s.mu.Lock()
	e := s.got["drop"]
	s.mu.Unlock()
	got, err := event.Decode[event.DropReceived](e)
	if err != nil || e.ID() != event.DropID(d.Key, d.Generation) || got.Key != d.Key || got.Generation != d.Generation || got.Size != d.Size || !got.Time.Equal(d.Time) {
		t.Errorf("the function saw %v, %+v, %v", e, got, err)
	}
}

// intact: the function sees the event as it was sent, and its answer continues
// the trace.
func (s *suite) intact(t *testing.T) {
	e := newEvent("good")
	e.SetSubject("a subject ☺")
	e.SetTime(time.Date(2026, 11, 1, 2, 3, 4, 567, time.UTC))
	e.SetExtension(event.ExtExchange, "sha256:1")
	e.SetExtension(event.ExtCorrelationID, "the drop")
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	e.SetExtension(event.ExtTraceparent, "00-"+trace+"-00f067aa0ba902b7-01")
	if err := e.SetData(ce.ApplicationJSON, json.RawMessage(`{ "a" : 2.50, "<&>":null }`)); err != nil {
		t.Fatal(err)
	}
	s.expect("good")
	s.sendBodies(t, encode(t, e))
	s.settle(t)
	s.mu.Lock()
	got := s.got["good"]
	s.mu.Unlock()
	for _, x := range []*event.Event{&e, &got} {
		if tp := event.Extension(*x, event.ExtTraceparent); len(tp) != 55 || tp[3:35] != trace {
			t.Errorf("another trace: %s", tp)
		}
		x.SetExtension(event.ExtTraceparent, nil) // a host may add a span of its own
	}
	if a, b := encode(t, got), encode(t, e); !bytes.Equal(a, b) {
		t.Errorf("the function saw\n%s\nof\n%s", a, b)
	}
	for _, a := range s.out.all() {
		if cause(a) != "good" {
			continue
		}
		if tp := event.Extension(a, event.ExtTraceparent); len(tp) != 55 || tp[3:35] != trace || event.Extension(a, event.ExtCorrelationID) != "the drop" {
			t.Errorf("answered %v", a)
		}
	}
}

// duplicate: what is delivered twice is handled twice, and answered with the
// same.
func (s *suite) duplicate(t *testing.T) {
	s.expect("twice")
	body := encode(t, newEvent("twice"))
	s.sendBodies(t, body, body)
	s.settle(t)
	var ids []string
	for _, e := range s.out.all() {
		if cause(e) == "twice" {
			ids = append(ids, e.ID())
		}
	}
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("answered %v", ids)
	}
}

// sized is an event whose message is size bytes.
func sized(t *testing.T, id string, size int) event.Event {
	e := newEvent(id)
	e.SetDataContentType(ce.TextPlain)
	e.DataEncoded = []byte("x")
	e.DataEncoded = bytes.Repeat([]byte("x"), size-len(encode(t, e))+1)
	return e
}

func (s *suite) large(t *testing.T) {
	e := sized(t, "large", s.opts.MaxMessage)
	s.expect("large")
	s.sendBodies(t, encode(t, e))
	s.settle(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !bytes.Equal(s.got["large"].Data(), e.Data()) {
		t.Error("the data are not those that were sent")
	}
}

// huge: what no host takes is refused by the platform or has a dead letter, and
// what comes after it gets through.
func (s *suite) huge(t *testing.T) {
	attributes, _ := bytes.CutSuffix(encode(t, newEvent("huge")), []byte("}"))
	body := append(attributes, []byte(`,"data":"`+strings.Repeat("x", 6<<20)+`"}`)...)
	if err := s.platform.Send(t.Context(), body); err != nil {
		t.Logf("the platform refuses it: %v", err)
	} else {
		s.expect("huge")
	}
	s.send(t, "good-i")
}

func (s *suite) deadline(t *testing.T) {
	s.expect("waits")
	s.sendBodies(t, encode(t, newEvent("waits")))
	select {
	case <-s.waiting:
	case <-time.After(patience):
		t.Fatal("the function does not get the event")
	}
	err := s.platform.Interrupt(t.Context())
	if errors.Is(err, ErrEndless) {
		s.mu.Lock()
		s.want["waits"] = fate{handled: 1} // it waits until the test ends
		s.mu.Unlock()
		t.Skip("the messages of this platform end with the host")
	}
	if err != nil {
		t.Fatal(err)
	}
	s.settle(t)
}

// again: after a new start nothing comes that was done. Where the platform keeps
// the order, it would come before what is sent last.
func (s *suite) again(t *testing.T) {
	if err := s.platform.Interrupt(t.Context()); errors.Is(err, ErrEndless) {
		t.Skip("the messages of this platform end with the host")
	} else if err != nil {
		t.Fatal(err)
	}
	s.send(t, "last-1", "last-2", "last-3")
}

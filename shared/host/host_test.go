package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// secret is what must not appear in logs, errors and dead letters.
const secret = "4111111111111111"

// shelf is a Publisher that keeps what it gets. fail, if set, is asked first.
type shelf struct {
	fail func(events []event.Event) error

	mu     sync.Mutex
	events []event.Event
}

func (s *shelf) Publish(_ context.Context, events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(events); err != nil {
			return err
		}
	}
	s.events = append(s.events, events...)
	return nil
}

func (s *shelf) all() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// answer is what the test handlers make of an event.
func answer(e event.Event) event.Event {
	a, err := event.New(e, event.TypeDropAccepted, "/test", time.Unix(1, 0), event.DropOutcome{})
	if err != nil {
		panic(err)
	}
	return a
}

// causes lists which events the published ones follow from.
func causes(events []event.Event) []string {
	var ids []string
	for _, e := range events {
		ids = append(ids, event.Extension(e, event.ExtCausationID))
	}
	slices.Sort(ids)
	return ids
}

// outcome is a handler that does with an event what its id says. Each id is a
// row of the fault table below.
func outcome(_ context.Context, e event.Event) ([]event.Event, error) {
	id, _, _ := strings.Cut(e.ID(), "#")
	switch id {
	case "good":
		return []event.Event{answer(e)}, nil
	case "nothing":
		return nil, nil
	case "plain":
		return []event.Event{answer(e)}, errors.New(secret)
	case "retry":
		return []event.Event{answer(e)}, fault.New(fault.Retry, "retry", secret, "")
	case "part":
		return []event.Event{answer(e)}, &fault.Partial{Err: errors.Join(fault.New(fault.Retry, "retry", secret, ""))}
	case "part-denied":
		return []event.Event{answer(e)}, &fault.Partial{Err: fault.New(fault.Denied, "denied", "m", "d")}
	case "invalid":
		return []event.Event{answer(e)}, fault.New(fault.Invalid, "invalid", "m", "d").At(fault.Where{Drop: "drop"})
	case "denied":
		return nil, fault.New(fault.Denied, "denied", "m", "d")
	case "poison":
		return nil, fmt.Errorf("%s: %w", secret, fault.Wrap(fault.Poison, "poison", errors.New(secret), "m"))
	case "cancelled":
		return nil, fault.Wrap(fault.Poison, "poison", context.Canceled, "m")
	case "panic":
		panic(secret)
	case "nil":
		_ = []string{}[len(secret)]
	case "unencodable":
		return []event.Event{{}}, nil
	}
	return nil, fault.New(fault.Invalid, "unknown-outcome", "a test with an outcome that does not exist", "")
}

// What becomes of one event: the fault table of Process.
func TestProcessOne(t *testing.T) {
	down := func([]event.Event) error { return fault.New(fault.Retry, "down", "m", "") }
	crash := func([]event.Event) error { panic(secret) }
	for _, c := range []struct {
		id        string
		out, dead func([]event.Event) error
		ack       bool
		code      string // of the dead letter
		answered  bool
	}{
		{id: "good", ack: true, answered: true},
		{id: "nothing", ack: true},
		{id: "nothing", ack: true, out: down, dead: down},
		{id: "plain"},
		{id: "retry"},
		{id: "cancelled"},
		{id: "part", answered: true},
		{id: "part", out: down},
		{id: "part", out: crash},
		{id: "part-denied", ack: true, code: "denied"},
		{id: "invalid", ack: true, code: "invalid"},
		{id: "denied", ack: true, code: "denied"},
		{id: "poison", ack: true, code: "poison"},
		{id: "panic", ack: true, code: "panic"},
		{id: "nil", ack: true, code: "panic"},
		{id: "good", out: down},
		{id: "good", out: crash, ack: true, code: "panic"},
		{id: "poison", dead: down},
		{id: "panic", dead: down},
		{id: "good", out: crash, dead: down},
		{id: "unencodable", out: func(es []event.Event) error { _, err := host.EncodeEvent(es[0]); return err }, ack: true, code: "event-unencodable"},
	} {
		t.Run(fmt.Sprintf("%s/out=%v/dead=%v", c.id, c.out != nil, c.dead != nil), func(t *testing.T) {
			out, dead, log := &shelf{fail: c.out}, &shelf{fail: c.dead}, new(bytes.Buffer)
			f := host.Func{
				Name: "mask", Handler: host.HandlerFunc(outcome), Out: out, Dead: dead,
				Logger: telemetry.Logger(log, slog.LevelDebug, false),
			}
			e := newEvent(c.id)
			e.SetExtension(event.ExtCorrelationID, "the-drop")
			err := f.Process(t.Context(), []event.Event{e})[0]
			if (err == nil) != c.ack || err != nil && fault.KindOf(err).Final() {
				t.Errorf("result %v, want ack %v", err, c.ack)
			}
			if got := len(out.all()) == 1; got != c.answered {
				t.Errorf("published %d answers", len(out.all()))
			}
			letters := dead.all()
			if c.code == "" {
				if len(letters) != 0 {
					t.Errorf("dead letters %v", letters)
				}
			} else {
				checkLetter(t, letters, e.ID(), e.Type(), c.code)
			}
			lines := strings.Count(log.String(), "event="+e.ID()+" type="+e.Type())
			if lines != 1 || !strings.Contains(log.String(), "function=mask") || !strings.Contains(log.String(), "drop=the-drop") {
				t.Errorf("%d lines about the event:\n%s", lines, log)
			}
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log holds a value:\n%s", log)
			}
		})
	}
}

func checkLetter(t *testing.T, letters []event.Event, id, typ, code string) {
	t.Helper()
	if len(letters) != 1 {
		t.Fatalf("%d dead letters, want 1", len(letters))
	}
	l, err := event.Decode[event.DeadLetter](letters[0])
	if err != nil {
		t.Fatal(err)
	}
	if l.ID != id || l.Type != typ || l.Function != "mask" || l.Fault.Code != code || letters[0].Type() != event.TypeDeadLettered {
		t.Errorf("dead letter %+v, want one for %s with %s", l, id, code)
	}
	if strings.Contains(letters[0].String(), secret) {
		t.Errorf("the dead letter holds a value: %v", letters[0])
	}
}

func TestPanicIsLocated(t *testing.T) {
	log := new(bytes.Buffer)
	f := host.Func{Name: "mask", Handler: host.HandlerFunc(outcome), Dead: new(shelf), Logger: telemetry.Logger(log, nil, false)}
	for _, id := range []string{"panic", "nil"} {
		log.Reset()
		f.Process(t.Context(), []event.Event{newEvent(id)})
		if !strings.Contains(log.String(), "host_test.outcome host_test.go:") || strings.Contains(log.String(), "0x") {
			t.Errorf("%s: no place, or more than the place:\n%s", id, log)
		}
	}
}

// A second run of the same event writes the same dead letter; another function's
// for the same event is another.
func TestDeadLetterID(t *testing.T) {
	ids := map[string]int{}
	for _, name := range []string{"mask", "mask", "fanout"} {
		dead := new(shelf)
		host.Func{Name: name, Handler: host.HandlerFunc(outcome), Dead: dead}.Process(t.Context(), []event.Event{newEvent("poison")})
		for _, e := range dead.all() {
			ids[e.ID()]++
		}
	}
	if len(ids) != 2 {
		t.Errorf("ids %v, want one twice and one once", ids)
	}
}

// A dead letter that cannot be handled gets no dead letter of its own, and is not
// lost either.
func TestNoDeadLetterOfADeadLetter(t *testing.T) {
	dead := new(shelf)
	e := newEvent("poison")
	e.SetType(event.TypeDeadLettered)
	err := host.Func{Name: "audit", Handler: host.HandlerFunc(outcome), Dead: dead}.Process(t.Context(), []event.Event{e})[0]
	if err == nil || len(dead.all()) != 0 {
		t.Errorf("result %v and %d dead letters, want a nack and none", err, len(dead.all()))
	}
}

func TestAnswersNeedATopic(t *testing.T) {
	err := host.Func{Name: "mask", Handler: host.HandlerFunc(outcome), Dead: new(shelf)}.Process(t.Context(), []event.Event{newEvent("good")})[0]
	if fault.CodeOf(err) != "no-topic" || fault.KindOf(err) != fault.Retry {
		t.Errorf("got %v", err)
	}
}

// batcher is a BatchHandler. whole, if set, decides about a batch as a whole.
type batcher struct {
	host.HandlerFunc
	whole func(events []event.Event) error

	mu      sync.Mutex
	batches []int // sizes
}

func (b *batcher) HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error) {
	b.mu.Lock()
	b.batches = append(b.batches, len(events))
	b.mu.Unlock()
	if b.whole != nil {
		if err := b.whole(events); err != nil {
			return []event.Event{answer(newEvent("of a failed batch"))}, err
		}
	}
	var out []event.Event
	failed := fault.Batch{}
	for i, e := range events {
		made, err := b.Handle(ctx, e)
		if err != nil {
			failed[i] = err
			continue
		}
		out = append(out, made...)
	}
	if len(failed) > 0 {
		return out, failed
	}
	return out, nil
}

func TestProcessBatch(t *testing.T) {
	final := func([]event.Event) error { return fault.New(fault.Poison, "whole", "m", "") }
	worldly := func([]event.Event) error { return io.ErrUnexpectedEOF }
	crash := func([]event.Event) error { panic(secret) }
	refuseMany := func(es []event.Event) error {
		if len(es) > 1 {
			return fault.New(fault.Poison, "too-many", "m", "")
		}
		return nil
	}
	for _, c := range []struct {
		name       string
		events     []string
		whole, out func([]event.Event) error
		nacked     []int
		answered   []string
		dead       []string
	}{
		{name: "all good", events: []string{"good#1", "nothing#2", "good#3"}, answered: []string{"good#1", "good#3"}},
		{name: "one bad item", events: []string{"good#1", "invalid#2", "good#3"}, answered: []string{"good#1", "good#3"}, dead: []string{"invalid#2"}},
		{name: "one to retry", events: []string{"good#1", "retry#2", "poison#3"}, nacked: []int{1}, answered: []string{"good#1"}, dead: []string{"poison#3"}},
		{name: "all fail for now", events: []string{"good#1", "invalid#2"}, whole: worldly, nacked: []int{0, 1}},
		{name: "taken apart", events: []string{"good#1", "invalid#2", "retry#3"}, whole: final, nacked: []int{2}, answered: []string{"good#1"}, dead: []string{"invalid#2"}},
		{name: "taken apart after a panic", events: []string{"good#1", "good#2"}, whole: crash, answered: []string{"good#1", "good#2"}},
		{name: "not published", events: []string{"good#1", "invalid#2", "nothing#3"}, out: worldly, nacked: []int{0, 2}, dead: []string{"invalid#2"}},
		{name: "refused together", events: []string{"good#1", "good#2"}, out: refuseMany, answered: []string{"good#1", "good#2"}},
		{name: "a batch of one", events: []string{"good#1"}, whole: final, answered: []string{"good#1"}},
		{name: "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, dead, log := &shelf{fail: c.out}, new(shelf), new(bytes.Buffer)
			f := host.Func{
				Name: "ingest", Handler: &batcher{HandlerFunc: outcome, whole: c.whole}, Out: out, Dead: dead,
				Logger: telemetry.Logger(log, nil, false),
			}
			var events []event.Event
			for _, id := range c.events {
				events = append(events, newEvent(id))
			}
			results := f.Process(t.Context(), events)
			var nacked []int
			for i, err := range results {
				if err != nil {
					nacked = append(nacked, i)
				}
			}
			if len(results) != len(events) || !slices.Equal(nacked, c.nacked) {
				t.Errorf("results %v, want nacks of %v", results, c.nacked)
			}
			if got := causes(out.all()); !slices.Equal(got, c.answered) {
				t.Errorf("answered %v, want %v", got, c.answered)
			}
			if got := causes(dead.all()); !slices.Equal(got, c.dead) {
				t.Errorf("dead-lettered %v, want %v", got, c.dead)
			}
			for _, id := range c.events {
				if n := strings.Count(log.String(), "event="+id+" "); n != 1 {
					t.Errorf("%d lines about %s:\n%s", n, id, log)
				}
			}
		})
	}
}

func TestProcessMessages(t *testing.T) {
	out, dead := new(shelf), new(shelf)
	f := host.Func{Name: "mask", Handler: &batcher{HandlerFunc: outcome}, Out: out, Dead: dead}
	bodies := [][]byte{encode(t, newEvent("good#0")), []byte(secret), encode(t, newEvent("retry#2")), encode(t, newEvent("good#3"))}
	for range 2 {
		results := f.ProcessMessages(t.Context(), bodies)
		for i, err := range results {
			if (err != nil) != (i == 2) {
				t.Errorf("message %d: %v", i, err)
			}
		}
	}
	if got := causes(out.all()); !slices.Equal(got, []string{"good#0", "good#0", "good#3", "good#3"}) {
		t.Errorf("answered %v", got)
	}
	letters := dead.all()
	if len(letters) != 2 || letters[0].ID() != letters[1].ID() {
		t.Fatalf("dead letters %v, want the same one twice", letters)
	}
	checkLetter(t, letters[:1], event.Extension(letters[0], event.ExtCausationID), "", "event-undecodable")

	dead.fail = func([]event.Event) error { return io.ErrClosedPipe }
	if err := f.ProcessMessages(t.Context(), [][]byte{nil})[0]; err == nil {
		t.Error("a message whose dead letter was not published is acked")
	}
}

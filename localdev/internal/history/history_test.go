package history_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/history"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/ledger"
)

// chain makes the events that the chain makes of one drop, with the ids that it
// gives them.
type chain struct {
	t    *testing.T
	drop event.Drop
	root event.Event
}

func newChain(t *testing.T, name string) *chain {
	t.Helper()
	c := &chain{t: t, drop: event.Drop{ID: event.DropID(name, "1"), Partner: "acme", Contract: "stock", Object: "row", Key: name, Time: time.Unix(1e9, 0)}}
	text := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/test","type":"test","correlationid":%q,"exchange":"sha256:00"}`, c.drop.ID, c.drop.ID)
	if err := json.Unmarshal([]byte(text), &c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *chain) event(cause event.Event, typ string, data any, parts ...string) event.Event {
	c.t.Helper()
	e, err := event.New(cause, typ, "/test", c.drop.Time, data, parts...)
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

func (c *chain) outcome(accepted bool, segments int) event.Event {
	typ := event.TypeDropAccepted
	if !accepted {
		typ = event.TypeDropRejected
	}
	return c.event(c.root, typ, event.DropOutcome{Drop: c.drop, Rows: event.Rows{Accepted: 10, Invalid: 2}, Segments: segments, Rules: map[string]int{"sku pattern": 1, "available minimum": 5}})
}

func (c *chain) segment(n, of int) event.Event {
	return c.event(c.root, event.TypeSegmentAccepted, event.SegmentAccepted{Drop: c.drop, Segment: n, Segments: of}, fmt.Sprint(n))
}

func (c *chain) masked(n, of int, subscription string) event.Event {
	return c.event(c.segment(n, of), event.TypeSegmentMasked, event.SegmentMasked{Drop: c.drop, Segment: n, Segments: of, Subscription: subscription, Partner: "p-" + subscription}, subscription)
}

func (c *chain) delivered(n, of int, subscription string) event.Event {
	return c.event(c.masked(n, of, subscription), event.TypeDeliveryCompleted, event.Delivery{Drop: c.drop, Segment: n, Segments: of, Subscription: subscription, Partner: "p-" + subscription, Rows: 5, Object: event.Ref{Key: fmt.Sprintf("stock/%d.csv", n)}})
}

func (c *chain) failed(n, of int, subscription string) event.Event {
	return c.event(c.masked(n, of, subscription), event.TypeDeliveryFailed, event.Delivery{Drop: c.drop, Segment: n, Segments: of, Subscription: subscription, Fault: &event.Fault{Code: "gone"}})
}

func (c *chain) dead(cause event.Event) event.Event {
	return c.event(cause, event.TypeDeadLettered, event.DeadLetter{ID: cause.ID(), Type: cause.Type(), Function: "mask", Fault: event.Fault{Code: "poison"}})
}

// record is an event as audit records it.
func record(t *testing.T, e event.Event) ledger.Record {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Record{ID: e.ID(), Type: e.Type(), JSON: text}
}

func read(t *testing.T, keep int, events ...event.Event) *history.History {
	t.Helper()
	h := history.New(keep)
	for i, e := range events {
		if err := h.Add(int64(i), record(t, e)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestStates(t *testing.T) {
	c := newChain(t, "acme/stock/1.csv")
	for _, tc := range []struct {
		name    string
		events  []event.Event
		state   history.State
		settled bool // for the subscriptions a and b
	}{
		{"a segment is all there is", []event.Event{c.segment(0, 2)}, history.Waiting, false},
		{"refused", []event.Event{c.outcome(false, 0)}, history.Refused, true},
		{"taken", []event.Event{c.outcome(true, 1)}, history.Done, false},
		{"taken without a row", []event.Event{c.outcome(true, 0)}, history.Done, true},
		{"masked for one", []event.Event{c.outcome(true, 1), c.masked(0, 1, "a")}, history.UnderWay, false},
		{"delivered to one", []event.Event{c.outcome(true, 1), c.delivered(0, 1, "a")}, history.Done, false},
		{"delivered to both", []event.Event{c.outcome(true, 1), c.delivered(0, 1, "a"), c.delivered(0, 1, "b")}, history.Done, true},
		{"in another order", []event.Event{c.delivered(0, 1, "a"), c.delivered(0, 1, "b"), c.masked(0, 1, "a"), c.segment(0, 1), c.outcome(true, 1)}, history.Done, true},
		{"one segment of two", []event.Event{c.outcome(true, 2), c.delivered(0, 2, "a"), c.delivered(0, 2, "b"), c.delivered(1, 2, "b")}, history.UnderWay, false},
		{"failed for one", []event.Event{c.outcome(true, 1), c.delivered(0, 1, "a"), c.failed(0, 1, "b")}, history.Failed, true},
		{"a segment is dead", []event.Event{c.outcome(true, 2), c.segment(0, 2), c.segment(1, 2), c.dead(c.segment(0, 2)), c.delivered(1, 2, "a"), c.delivered(1, 2, "b")}, history.Failed, true},
		{"a delivery is dead", []event.Event{c.outcome(true, 1), c.masked(0, 1, "a"), c.dead(c.masked(0, 1, "a")), c.delivered(0, 1, "b")}, history.Failed, true},
		{"a delivery is dead, another waits", []event.Event{c.outcome(true, 1), c.masked(0, 1, "a"), c.dead(c.masked(0, 1, "a"))}, history.Failed, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := read(t, 10, tc.events...).Drop(c.drop.ID)
			if d == nil {
				t.Fatal("the drop is not known")
			}
			if got := d.State(); got != tc.state {
				t.Errorf("state %q, want %q", got, tc.state)
			}
			if got := d.Settled([]string{"a", "b"}); got != tc.settled {
				t.Errorf("settled: %v, want %v", got, tc.settled)
			}
		})
	}
}

func TestDrop(t *testing.T) {
	c := newChain(t, "acme/stock/1.csv")
	h := read(t, 10, c.segment(0, 2), c.segment(1, 2), c.outcome(true, 2), c.delivered(0, 2, "a"), c.delivered(1, 2, "a"), c.failed(0, 2, "b"))
	d := h.Drop(c.drop.ID[:8])
	if d == nil || d.Key != c.drop.Key || d.Outcome.Exchange != "sha256:00" {
		t.Fatalf("got %+v", d)
	}
	if h.Drop("") != nil || h.Drop("zz") != nil {
		t.Error("a drop is found by an id that is not its own")
	}
	a, b := d.Deliveries[0], d.Deliveries[1]
	if a.Done != 2 || a.Rows != 10 || strings.Join(a.Objects, " ") != "stock/0.csv stock/1.csv" {
		t.Errorf("delivery to a: %+v", a)
	}
	if b.Failed != 1 || b.Fault.Code != "gone" {
		t.Errorf("delivery to b: %+v", b)
	}
	want := history.Totals{Records: 6, Accepted: 1, Rows: 10, InvalidRows: 2, Delivered: 2, DeliveredRows: 10, FailedDeliveries: 1}
	if h.Totals != want {
		t.Errorf("totals %+v, want %+v", h.Totals, want)
	}
	if rules := d.Outcome.Broken(); len(rules) != 2 || rules[0] != (history.Rule{Name: "available minimum", Times: 5}) {
		t.Errorf("rules %+v", rules)
	}
}

// TestKeepsTheNewest: memory is bounded, totals are not.
func TestKeepsTheNewest(t *testing.T) {
	var events []event.Event
	for i := range 5 {
		c := newChain(t, fmt.Sprintf("acme/stock/%d.csv", i))
		events = append(events, c.outcome(true, 1))
	}
	h := read(t, 3, events...)
	var keys []string
	for _, d := range h.Newest(10) {
		keys = append(keys, d.Key)
	}
	if got := strings.Join(keys, " "); got != "acme/stock/4.csv acme/stock/3.csv acme/stock/2.csv" {
		t.Errorf("kept %s", got)
	}
	if len(h.Newest(1)) != 1 || h.Totals.Accepted != 5 {
		t.Errorf("newest %d, totals %+v", len(h.Newest(1)), h.Totals)
	}
}

func TestOddRecords(t *testing.T) {
	h := history.New(10)
	if err := h.Add(0, ledger.Record{Type: event.TypeDropAccepted}); err != nil || h.Totals.Erased != 1 {
		t.Errorf("an erased record: %v, %+v", err, h.Totals)
	}
	c := newChain(t, "acme/stock/1.csv")
	if err := h.Add(1, record(t, c.event(c.root, "io.sallyport.later", struct{}{}))); err != nil {
		t.Errorf("an event of a type to come: %v", err)
	}
	const secret = "hunter2"
	if err := h.Add(2, ledger.Record{ID: "x", JSON: []byte(`{"` + secret)}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a record that is no event: %v", err)
	}
	bad := c.event(c.root, event.TypeDropAccepted, map[string]any{"drop": secret})
	if err := h.Add(3, record(t, bad)); fault.KindOf(err) != fault.Poison || strings.Contains(err.Error(), secret) {
		t.Errorf("an event with other data: %v", err)
	}
}

// TestReveals: requests for values behind tokens are counted, those that were too many
// to be recorded one by one included.
func TestReveals(t *testing.T) {
	h := history.New(10)
	for i, data := range []event.Reveal{{Tokens: 5, Revealed: 4}, {Tokens: 1, Revealed: 1, Unrecorded: 7}, {Tokens: 9, Fault: &event.Fault{Code: "unauthorized"}}} {
		typ := event.TypeRevealCompleted
		if data.Fault != nil {
			typ = event.TypeRevealRefused
		}
		e, err := event.Origin(fmt.Sprint(i), typ, "/sallyport/reveal", time.Unix(1e9, 0), data)
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Add(int64(i), ledger.Record{ID: e.ID(), Type: typ, JSON: text}); err != nil {
			t.Fatal(err)
		}
	}
	if want := (history.Totals{Records: 3, Reveals: 2, Revealed: 5, RefusedReveals: 8}); h.Totals != want {
		t.Errorf("%+v, want %+v", h.Totals, want)
	}
}

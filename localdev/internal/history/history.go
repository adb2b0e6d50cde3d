// Package history tells from the ledger what became of each drop: it was taken
// or refused, its segments were masked for so many subscriptions, and each was
// delivered or not.
package history

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/ledger"
)

// History gathers records of the ledger into drops. It keeps the newest drops
// only, so that its memory does not grow with the ledger. It is for one
// goroutine.
type History struct {
	// Totals of all records, those of drops that are not kept included.
	Totals Totals

	keep  int
	drops map[string]*Drop
	order []string // ids of the drops in the order of their first record
}

// Totals count what the ledger holds.
type Totals struct {
	Records          int64 `json:"records"`
	Accepted         int64 `json:"accepted"`      // drops
	Rejected         int64 `json:"rejected"`      // drops
	Rows             int64 `json:"rows"`          // accepted
	InvalidRows      int64 `json:"invalidRows"`   // quarantined
	Delivered        int64 `json:"delivered"`     // segments, each counted once per subscription
	DeliveredRows    int64 `json:"deliveredRows"` // rows of these
	FailedDeliveries int64 `json:"failedDeliveries"`
	DeadLetters      int64 `json:"deadLetters"`
	Reveals          int64 `json:"reveals"`        // requests for values behind tokens that were answered
	Revealed         int64 `json:"revealed"`       // tokens of these
	RefusedReveals   int64 `json:"refusedReveals"` // requests
	ErasedSubjects   int64 `json:"erasedSubjects"` // whose keys were destroyed
	Erased           int64 `json:"erased"`         // records of which only the fact is left
}

// Drop is what is known of one drop.
type Drop struct {
	event.Drop
	// Outcome is nil as long as the drop is neither taken nor refused; the
	// records of one drop come in any order.
	Outcome *Outcome `json:"outcome,omitempty"`
	// Deliveries by subscription, those that are under way included.
	Deliveries []*Delivery `json:"deliveries,omitempty"`
	// DeadLetters of the drop: work that can never succeed.
	DeadLetters []event.DeadLetter `json:"deadLetters,omitempty"`

	segments map[string]int    // segment by the id of its segment.accepted event
	masked   map[string]*piece // by the id of the segment.masked event
}

// Outcome is the end of a drop's intake.
type Outcome struct {
	Accepted   bool           `json:"accepted"`
	Rows       event.Rows     `json:"rows"`
	Segments   int            `json:"segments"`
	Format     event.Format   `json:"format"`
	Exchange   string         `json:"exchange,omitempty"` // digest of the bundle that the drop is pinned to
	Notes      []string       `json:"notes,omitempty"`
	Rules      map[string]int `json:"rules,omitempty"`
	Quarantine []event.Ref    `json:"quarantine,omitempty"`
	Report     *event.Ref     `json:"report,omitempty"`
	Fault      *event.Fault   `json:"fault,omitempty"`
}

// Delivery is what one subscription got of a drop.
type Delivery struct {
	Subscription string       `json:"subscription"`
	Partner      string       `json:"partner"`
	Segments     int          `json:"segments"` // of the drop
	Done         int          `json:"done"`     // of these, delivered
	Failed       int          `json:"failed"`   // of these, given up
	Rows         int64        `json:"rows"`     // delivered
	Objects      []string     `json:"objects,omitempty"`
	Manifest     string       `json:"manifest,omitempty"`
	Fault        *event.Fault `json:"fault,omitempty"` // why the first failed

	settled map[int]bool // segments that are done or failed
}

// piece is one segment for one subscription.
type piece struct {
	delivery *Delivery
	segment  int
}

// maxObjects bounds how many object names a Delivery lists.
const maxObjects = 100

// New makes a history that keeps so many drops, the newest.
func New(keep int) *History {
	return &History{keep: keep, drops: make(map[string]*Drop)}
}

// Add takes in the next record of the ledger. What cannot be read is an error:
// the ledger holds events of the chain only.
func (h *History) Add(index int64, r ledger.Record) error {
	h.Totals.Records++
	if r.JSON == nil {
		h.Totals.Erased++
		return nil
	}
	var e event.Event
	if err := json.Unmarshal(r.JSON, &e); err != nil {
		return fmt.Errorf("entry %d of the ledger is not an event of the chain: another version may have written it", index)
	}
	if err := h.event(e); err != nil {
		return fmt.Errorf("entry %d of the ledger: %w", index, err)
	}
	return nil
}

func (h *History) event(e event.Event) error {
	switch e.Type() {
	case event.TypeDropAccepted, event.TypeDropRejected:
		return with(e, h.outcome)
	case event.TypeSegmentAccepted:
		return with(e, func(e event.Event, s event.SegmentAccepted) { h.drop(s.Drop).segments[e.ID()] = s.Segment })
	case event.TypeSegmentMasked:
		return with(e, func(e event.Event, s event.SegmentMasked) {
			d := h.drop(s.Drop)
			d.masked[e.ID()] = &piece{d.delivery(s.Subscription, s.Partner, s.Segments), s.Segment}
		})
	case event.TypeDeliveryCompleted, event.TypeDeliveryFailed:
		return with(e, h.delivery)
	case event.TypeDropDelivered:
		return with(e, func(_ event.Event, made event.DropDelivered) {
			h.drop(made.Drop).delivery(made.Subscription, made.Partner, made.Segments).Manifest = made.Manifest
		})
	case event.TypeRevealCompleted, event.TypeRevealRefused:
		return with(e, h.reveal)
	case event.TypeSubjectErased:
		return with(e, func(event.Event, event.SubjectErased) { h.Totals.ErasedSubjects++ })
	case event.TypeDeadLettered:
		return with(e, h.deadLetter)
	}
	return nil
}

// with decodes the data of an event for f.
func with[T any](e event.Event, f func(event.Event, T)) error {
	data, err := event.Decode[T](e)
	if err != nil {
		return err
	}
	f(e, data)
	return nil
}

func (h *History) outcome(e event.Event, o event.DropOutcome) {
	accepted := e.Type() == event.TypeDropAccepted
	if accepted {
		h.Totals.Accepted++
		h.Totals.Rows += o.Rows.Accepted
	} else {
		h.Totals.Rejected++
	}
	h.Totals.InvalidRows += o.Rows.Invalid
	h.drop(o.Drop).Outcome = &Outcome{Accepted: accepted, Rows: o.Rows, Segments: o.Segments, Format: o.Format,
		Exchange: event.Extension(e, event.ExtExchange), Notes: o.Notes, Rules: o.Rules,
		Quarantine: o.Quarantine, Report: o.Report, Fault: o.Fault}
}

func (h *History) delivery(e event.Event, made event.Delivery) {
	d := h.drop(made.Drop).delivery(made.Subscription, made.Partner, made.Segments)
	if e.Type() == event.TypeDeliveryFailed {
		h.Totals.FailedDeliveries++
		d.fail(made.Segment, made.Fault)
		return
	}
	h.Totals.Delivered++
	h.Totals.DeliveredRows += made.Rows
	d.Done++
	d.Rows += made.Rows
	d.settled[made.Segment] = true
	if made.Object.Key != "" && len(d.Objects) < maxObjects {
		d.Objects = append(d.Objects, made.Object.Key)
	}
}

func (h *History) deadLetter(e event.Event, dead event.DeadLetter) {
	h.Totals.DeadLetters++
	id := dead.Fault.Where.Drop
	if id == "" {
		id = event.Extension(e, event.ExtCorrelationID)
	}
	d := h.drops[id]
	if d == nil {
		return // of no drop that is kept
	}
	d.DeadLetters = append(d.DeadLetters, dead)
}

func (h *History) reveal(e event.Event, r event.Reveal) {
	h.Totals.RefusedReveals += int64(r.Unrecorded)
	if e.Type() == event.TypeRevealRefused {
		h.Totals.RefusedReveals++
		return
	}
	h.Totals.Reveals++
	h.Totals.Revealed += int64(r.Revealed)
}

// drop is the drop with the id of d, which is remembered if it is new.
func (h *History) drop(d event.Drop) *Drop {
	if known := h.drops[d.ID]; known != nil {
		return known
	}
	if len(h.order) == h.keep {
		delete(h.drops, h.order[0])
		h.order = h.order[1:]
	}
	made := &Drop{Drop: d, segments: make(map[string]int), masked: make(map[string]*piece)}
	h.drops[d.ID] = made
	h.order = append(h.order, d.ID)
	return made
}

func (d *Drop) delivery(subscription, partner string, segments int) *Delivery {
	for _, known := range d.Deliveries {
		if known.Subscription == subscription {
			return known
		}
	}
	made := &Delivery{Subscription: subscription, Partner: partner, Segments: segments, settled: make(map[int]bool)}
	d.Deliveries = append(d.Deliveries, made)
	return made
}

func (d *Delivery) fail(segment int, why *event.Fault) {
	d.Failed++
	d.settled[segment] = true
	if d.Fault == nil {
		d.Fault = why
	}
}

// Drop is the drop with the id, or the one whose id starts with it; nil if there
// is none, or more than one.
func (h *History) Drop(id string) *Drop {
	if d := h.drops[id]; d != nil || id == "" {
		return d
	}
	var found *Drop
	for known, d := range h.drops {
		if len(known) > len(id) && known[:len(id)] == id {
			if found != nil {
				return nil
			}
			found = d
		}
	}
	return found
}

// Newest are the drops that are kept, the newest first: at most so many.
func (h *History) Newest(limit int) []*Drop {
	var newest []*Drop
	for _, id := range slices.Backward(h.order) {
		if len(newest) == limit {
			break
		}
		newest = append(newest, h.drops[id])
	}
	return newest
}

// Settled reports whether nothing more will happen to the drop by itself:
// it was refused, or every segment has reached each of the subscriptions, or is
// given up.
func (d *Drop) Settled(subscriptions []string) bool {
	if d.Outcome == nil {
		return len(d.DeadLetters) > 0
	}
	if !d.Outcome.Accepted {
		return true
	}
	dead := d.dead()
	for _, s := range subscriptions {
		var settled map[int]bool
		for _, known := range d.Deliveries {
			if known.Subscription == s {
				settled = known.settled
			}
		}
		for segment := range d.Outcome.Segments {
			if !settled[segment] && !dead[place{"", segment}] && !dead[place{s, segment}] {
				return false
			}
		}
	}
	return true
}

// place is a segment for a subscription, or for all ("").
type place struct {
	subscription string
	segment      int
}

// dead are the places whose event is a dead letter.
func (d *Drop) dead() map[place]bool {
	dead := make(map[place]bool)
	for _, letter := range d.DeadLetters {
		if segment, ok := d.segments[letter.ID]; ok {
			dead[place{"", segment}] = true
		}
		if p := d.masked[letter.ID]; p != nil {
			dead[place{p.delivery.Subscription, p.segment}] = true
		}
	}
	return dead
}

// State says in one word where a drop stands.
type State string

// The states of a drop.
const (
	Waiting  State = "waiting"  // not taken yet, as far as the ledger knows
	Refused  State = "refused"  // nothing of it goes on
	UnderWay State = "underway" // some deliveries are not done yet
	Done     State = "done"     // all known deliveries are done
	Failed   State = "failed"   // some are given up
)

// State of the drop, going by the deliveries that the ledger knows of.
func (d *Drop) State() State {
	var known []string
	for _, delivery := range d.Deliveries {
		known = append(known, delivery.Subscription)
	}
	switch {
	case d.failed():
		return Failed
	case d.Outcome == nil:
		return Waiting
	case !d.Outcome.Accepted:
		return Refused
	case !d.Settled(known):
		return UnderWay
	}
	return Done
}

// failed reports whether something of the drop is given up.
func (d *Drop) failed() bool {
	return len(d.DeadLetters) > 0 || slices.ContainsFunc(d.Deliveries, func(d *Delivery) bool { return d.Failed > 0 })
}

// Broken lists the rules that rows broke, the most frequent first.
func (o *Outcome) Broken() []Rule {
	var rules []Rule
	for _, name := range slices.Sorted(maps.Keys(o.Rules)) {
		rules = append(rules, Rule{name, o.Rules[name]})
	}
	slices.SortStableFunc(rules, func(a, b Rule) int { return b.Times - a.Times })
	return rules
}

// Rule is a rule of a contract and how often a drop broke it.
type Rule struct {
	Name  string // "path rule"
	Times int
}

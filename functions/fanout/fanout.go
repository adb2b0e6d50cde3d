// Package fanout is the chain's outer door: it brings masked segments to the
// destinations of the subscriptions that still stand.
//
// What is delivered, and how, is decided by the exchange that the drop is pinned
// to; whether it is delivered at all by the newest. What was delivered is marked
// in the state bucket, so that a second run delivers nothing and tells the same:
//
//	deliveries/<subscription>/<drop>/<segment %06d>   created once a segment is there
//	manifests/<subscription>/<drop>                   created once the manifest is there
package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/store"
)

// Source is the source attribute of the events that fanout makes.
const Source = "/sallyport/fanout"

// Config says where fanout reads and how it reaches partners. It holds no way to
// raw data and no keys.
type Config struct {
	Masked   string `env:"MASKED,required"`   // bucket URL: masked segments; read only
	State    string `env:"STATE,required"`    // bucket URL: what was delivered
	Exchange string `env:"EXCHANGE,required"` // bucket URL: published exchange bundles; read only
	// Buckets opens these URLs; nil: blob.DefaultURLMux().
	Buckets *blob.URLMux `env:"-"`
	// Destinations opens those of the partners.
	Destinations deliver.Opener `env:"-"`
	// Now is the clock; nil: time.Now.
	Now func() time.Time `env:"-"`
}

// Function is the fanout function. Any number of goroutines, and of copies in
// any number of processes, may call it at once.
type Function struct {
	masked, state, config *blob.Bucket
	exchanges             *exchange.Repository
	policies              *policy.Cache
	destinations          *pool
	now                   func() time.Time
}

// Open opens the buckets of cfg. Destinations are opened when they are due, so
// that one that is broken holds up no other.
func Open(ctx context.Context, cfg Config) (*Function, error) {
	b, err := store.Open(ctx, cfg.Buckets, cfg.Masked, cfg.State, cfg.Exchange)
	if err != nil {
		return nil, err
	}
	f := &Function{masked: b[0], state: b[1], config: b[2], now: cfg.Now, destinations: newPool(cfg.Destinations)}
	f.exchanges = exchange.Open(f.config)
	f.policies = policy.NewCache(f.exchanges)
	if f.now == nil {
		f.now = time.Now
	}
	return f, nil
}

// Close closes the destinations and the buckets. No Handle may be under way.
func (f *Function) Close() error {
	return errors.Join(f.destinations.close(), store.Close(f.masked, f.state, f.config))
}

// Handle takes a segment.masked and answers a delivery.completed, or a
// delivery.failed if the partner may not have the segment (any more) or the
// destination has not taken it for as long as the subscription says. Other
// events are not fanout's and yield nothing.
//
// A destination that fails is a Retry fault until then. With the segment that
// completes the drop a drop.delivered is answered, too, or a delivery.failed if
// the drop's manifest cannot be delivered.
func (f *Function) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	if e.Type() != event.TypeSegmentMasked {
		return nil, nil
	}
	s, err := event.Decode[event.SegmentMasked](e)
	if err != nil {
		return nil, err
	}
	if s.Segments <= 0 || s.Segment < 0 || s.Segment >= s.Segments || s.Rows < 0 {
		return nil, fault.New(fault.Poison, "event-data", "the event counts segments or rows as no producer of this version does", "look for a producer of another version")
	}
	d := &delivery{f: f, cause: e, s: s}
	out, err := d.run(ctx)
	if err != nil {
		return nil, d.located(err)
	}
	return out, nil
}

// standing is nil if the newest exchange still entitles the partner to the
// contract, and otherwise a Denied fault.
func (f *Function) standing(ctx context.Context, s *event.SegmentMasked) error {
	newest, err := f.exchanges.Newest(ctx)
	if err != nil {
		return err
	}
	sub := newest.Subscription(s.Subscription)
	if sub == nil || sub.Partner().ID != s.Partner {
		return fault.New(fault.Denied, "subscription-removed", "the newest exchange has no such subscription of this partner",
			"nothing is sent; to resume, put the subscription back and publish the exchange")
	}
	if c := newest.Contract(sub.Contract); c == nil || c.ID != s.Drop.Contract {
		return fault.New(fault.Denied, "subscription-removed", fmt.Sprintf("in the newest exchange the subscription is to contract %s", sub.Contract),
			"nothing of the former contract is sent; give the new subscription an id of its own")
	}
	return sub.Standing(f.now())
}

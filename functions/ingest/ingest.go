// Package ingest is the chain's first door: it takes what a partner dropped,
// holds it to its contract, and keeps the rows that pass in landing and those
// that do not in quarantine.
//
// A drop is read once: the bytes that were validated are the bytes that are
// kept. Everything that a run writes becomes true in one step, when the drop's
// outcome is created in landing; a second run finds it there and publishes the
// same events again.
package ingest

import (
	"context"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/store"
)

// Source is the source attribute of the events that ingest makes.
const Source = "/sallyport/ingest"

// Config says where ingest reads and writes. It holds no way to a partner.
type Config struct {
	Drops      string `env:"DROPS,required"`      // bucket URL: what partners dropped; read only
	Landing    string `env:"LANDING,required"`    // bucket URL: accepted segments and outcomes
	Quarantine string `env:"QUARANTINE,required"` // bucket URL: refused rows and reports
	Exchange   string `env:"EXCHANGE,required"`   // bucket URL: published exchange bundles; read only
	// Buckets opens the URLs; nil: blob.DefaultURLMux().
	Buckets *blob.URLMux `env:"-"`
	// Now is the clock; nil: time.Now.
	Now func() time.Time `env:"-"`
}

// Function is the ingest function. Any number of goroutines, and of copies in
// any number of processes, may call it at once.
type Function struct {
	drops, landing, quarantine, config *blob.Bucket
	policies                           *policy.Cache
	now                                func() time.Time
}

// Open opens the buckets of cfg.
func Open(ctx context.Context, cfg Config) (*Function, error) {
	b, err := store.Open(ctx, cfg.Buckets, cfg.Drops, cfg.Landing, cfg.Quarantine, cfg.Exchange)
	if err != nil {
		return nil, err
	}
	f := &Function{drops: b[0], landing: b[1], quarantine: b[2], config: b[3], now: cfg.Now}
	f.policies = policy.NewCache(exchange.Open(f.config))
	if f.now == nil {
		f.now = time.Now
	}
	return f, nil
}

// Close closes the buckets.
func (f *Function) Close() error { return store.Close(f.drops, f.landing, f.quarantine, f.config) }

// Handle takes one drop.received, or one event of a partner. See HandleBatch.
func (f *Function) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	out, err := f.HandleBatch(ctx, []event.Event{e})
	return out, fault.Of(err, 0)
}

// HandleBatch takes drop.received events, each a drop of its own, and events of
// partners (event.ExtPartner and event.ExtContract say whose and what), which
// are gathered into one drop per partner and contract. Other events of the
// chain are not ingest's and yield nothing. The error, if any, is a fault.Batch.
func (f *Function) HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error) {
	var out []event.Event
	failed := fault.Batch{}
	gathered := map[place][]int{}
	var order []place
	for i, e := range events {
		switch {
		case e.Type() == event.TypeDropReceived:
			made, err := f.received(ctx, e)
			if err != nil {
				failed[i] = err
				continue
			}
			out = append(out, made...)
		case !event.FromChain(e):
			at := place{event.Extension(e, event.ExtPartner), event.Extension(e, event.ExtContract)}
			if gathered[at] == nil {
				order = append(order, at)
			}
			gathered[at] = append(gathered[at], i)
		}
	}
	for _, at := range order {
		members := gathered[at]
		batch := make([]event.Event, len(members))
		for i, m := range members {
			batch[i] = events[m]
		}
		made, err := f.gather(ctx, at, batch)
		for i, m := range members {
			if err := fault.Of(err, i); err != nil {
				failed[m] = err
			}
		}
		out = append(out, made...)
	}
	if len(failed) > 0 {
		return out, failed
	}
	return out, nil
}

// received takes the drop that e names.
func (f *Function) received(ctx context.Context, e event.Event) ([]event.Event, error) {
	data, err := event.Decode[event.DropReceived](e)
	if err != nil {
		return nil, err
	}
	if data.ETag == "" {
		attrs, err := f.drops.Attributes(ctx, data.Key)
		if err == nil {
			data.ETag = attrs.ETag
		} else if !store.NotFound(err) { // what is gone is refused below, by name
			return nil, fault.Wrap(fault.Retry, "bucket-read", err, "cannot look at the drop")
		}
	}
	t := &taking{f: f, cause: e, drop: event.Drop{ID: event.DropID(data.Key, data.Identity()), Key: data.Key}, etag: data.ETag}
	return t.run(ctx, t.object)
}

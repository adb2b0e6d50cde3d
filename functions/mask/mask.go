// Package mask makes the partners' views: it reads an accepted segment once and
// writes one masked segment per view that the contract's subscriptions need.
//
// Its output is a pure function of the event, the exchange that the event is
// pinned to, and the key ring, so that a second run writes the same bytes.
package mask

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// Source is the source attribute of the events that mask makes.
const Source = "/sallyport/mask"

// together is how many views are written in one reading of a segment: each has
// an open object and a buffer, and memory must not grow with the partners.
const together = 64

// Config says where mask reads and writes. It holds no way to a partner.
type Config struct {
	Landing  string `env:"LANDING,required"`  // bucket URL: accepted segments; read only
	Masked   string `env:"MASKED,required"`   // bucket URL: masked segments
	Exchange string `env:"EXCHANGE,required"` // bucket URL: published exchange bundles; read only
	Keys     string `env:"KEYS,required"`     // key ring URL, see keys.Open
	Subjects string `env:"SUBJECTS"`          // bucket URL: keys of data subjects, see keys.Subjects; "": no view asks for them
	// Buckets opens the URLs; nil: blob.DefaultURLMux().
	Buckets *blob.URLMux `env:"-"`
}

// Function is the mask function. Any number of goroutines, and of copies in any
// number of processes, may call it at once.
type Function struct {
	landing, masked, config *blob.Bucket
	policies                *policy.Cache
	ring                    *keys.Ring
	secrets                 *blob.Bucket   // of data subjects; nil: none
	subjects                *keys.Subjects // nil: none
}

// Open opens the buckets and the key ring of cfg.
func Open(ctx context.Context, cfg Config) (*Function, error) {
	ring, err := keys.Open(ctx, cfg.Keys)
	if err != nil {
		return nil, err
	}
	b, err := store.Open(ctx, cfg.Buckets, cfg.Landing, cfg.Masked, cfg.Exchange)
	if err != nil {
		return nil, errors.Join(err, ring.Close())
	}
	f := &Function{landing: b[0], masked: b[1], config: b[2], ring: ring}
	f.policies = policy.NewCache(exchange.Open(f.config))
	if cfg.Subjects != "" {
		b, err := store.Open(ctx, cfg.Buckets, cfg.Subjects)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		f.secrets, f.subjects = b[0], keys.NewSubjects(b[0], ring)
	}
	return f, nil
}

// Close closes the buckets and the key ring.
func (f *Function) Close() error {
	var err error
	if f.subjects != nil {
		f.subjects.Close()
		err = f.secrets.Close()
	}
	return errors.Join(err, store.Close(f.landing, f.masked, f.config), f.ring.Close())
}

// Handle takes a segment.accepted and answers one segment.masked for each
// subscription; other events are not mask's and yield nothing.
func (f *Function) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	if e.Type() != event.TypeSegmentAccepted {
		return nil, nil
	}
	segment, err := event.Decode[event.SegmentAccepted](e)
	if err != nil {
		return nil, err
	}
	out, err := f.segment(ctx, e, segment)
	var partial *fault.Partial
	if errors.As(err, &partial) {
		return out, err
	}
	if err != nil {
		var fe *fault.Error
		if errors.As(err, &fe) {
			return nil, fe.At(fault.Where{Partner: segment.Drop.Partner, Contract: segment.Drop.Contract, Drop: segment.Drop.ID, Segment: fmt.Sprint(segment.Segment)})
		}
		return nil, err
	}
	return out, nil
}

func (f *Function) segment(ctx context.Context, cause event.Event, segment event.SegmentAccepted) ([]event.Event, error) {
	p, err := f.policies.Get(ctx, event.Extension(cause, event.ExtExchange))
	if err != nil {
		return nil, err
	}
	// A subscription that had ended when the drop was taken gets none of it;
	// one that ends later is stopped at the outer door.
	var out []event.Event
	var waits error // of partners whose own key does not answer
	for _, feed := range p.Feeds(segment.Drop.Contract, segment.Drop.Version, segment.Drop.Object) {
		var views []due
		var crowded []due // whose rows are counted first, over the whole drop
		for _, v := range feed.Views {
			subs := v.Standing(segment.Drop.Time)
			if len(subs) == 0 {
				continue
			}
			if failed, err, lacks := f.keyless(cause, segment, due{v, subs}); lacks {
				out, waits = append(out, failed...), errors.Join(waits, err)
				continue
			}
			if v.KAnonymity != nil {
				crowded = append(crowded, due{v, subs})
				continue
			}
			views = append(views, due{v, subs})
		}
		for group := range slices.Chunk(views, together) {
			made, err := f.group(ctx, cause, segment, feed, group, nil)
			if err != nil {
				return nil, err
			}
			out = append(out, made...)
		}
		for _, d := range crowded { // one by one: each holds a table
			made, err := f.crowd(ctx, cause, segment, feed, d)
			if err != nil {
				return nil, err
			}
			out = append(out, made...)
		}
	}
	if waits != nil {
		return out, &fault.Partial{Err: waits}
	}
	return out, nil
}

// due is a view that somebody waits for.
type due struct {
	view          *policy.View
	subscriptions []*exchange.Subscription
}

// crowd renders a view whose rows leave only if enough are alike.
func (f *Function) crowd(ctx context.Context, cause event.Event, segment event.SegmentAccepted, feed policy.Feed, d due) ([]event.Event, error) {
	crowds, err := f.crowded(ctx, segment, feed, d.view)
	if err == nil && crowds.counts.overflown {
		err = tooMany()
	}
	if err != nil && fault.KindOf(err) == fault.Denied {
		return uncounted(cause, segment, d, err)
	}
	if err != nil {
		return nil, err
	}
	return f.group(ctx, cause, segment, feed, []due{d}, crowds)
}

// group renders some views of a feed in one reading of the segment. crowds is nil, or
// tells which rows of the only view leave.
func (f *Function) group(ctx context.Context, cause event.Event, segment event.SegmentAccepted, feed policy.Feed, views []due, crowds *crowds) (out []event.Event, err error) {
	landed, err := record.ParseFormat(segment.Format, feed.Schema)
	if err != nil {
		return nil, err
	}
	format := landed
	if feed.Migration != nil {
		format = feed.Migration.Format(landed)
	}
	rendered := make([]*rendering, len(views))
	for i, d := range views {
		key := path.Join(d.view.ID, segment.Drop.ID, fmt.Sprintf("%06d", segment.Segment))
		if rendered[i], err = f.rendering(d.view, key, format, segment); err != nil {
			return nil, err
		}
		rendered[i].crowds = crowds
	}
	if err := f.render(ctx, segment, feed, rendered); err != nil {
		return nil, err
	}
	for i, d := range views {
		for _, s := range d.subscriptions {
			typ, data := event.TypeSegmentMasked, any(event.SegmentMasked{Drop: segment.Drop, Segment: segment.Segment, Segments: segment.Segments,
				Subscription: s.ID, Partner: s.Partner().ID, View: d.view.ID,
				Rows: rendered[i].rows, Suppressed: rendered[i].kept, Format: rendered[i].wire, Object: rendered[i].ref, Suspects: rendered[i].suspects})
			if rendered[i].withheld() {
				typ, data = event.TypeDeliveryFailed, event.Delivery{Drop: segment.Drop, Segment: segment.Segment, Segments: segment.Segments,
					Subscription: s.ID, Partner: s.Partner().ID, Fault: event.FaultOf(leak(segment, s, rendered[i].suspects))}
			}
			made, err := event.New(cause, typ, Source, time.Now(), data, s.ID)
			if err != nil {
				return nil, err
			}
			made.SetSubject(fmt.Sprintf("%s/%06d/%s", segment.Drop.ID, segment.Segment, s.ID))
			d.view.Contract.Deprecation(d.view.Compiled.Object, segment.Drop.Time).Mark(&made)
			out = append(out, made)
		}
	}
	return out, nil
}

// render reads the segment and writes every view of it.
func (f *Function) render(ctx context.Context, segment event.SegmentAccepted, feed policy.Feed, views []*rendering) (err error) {
	defer func() {
		if err != nil {
			for _, v := range views {
				v.abort()
			}
		}
	}()
	for _, v := range views {
		v.others = views
	}
	route := newRouter(views)
	err = f.read(ctx, segment.Object.Key, segment.Format, feed, func(b *record.Batch) error {
		if err := route.batch(ctx, f.masked, b); err != nil {
			return err
		}
		for _, v := range views {
			if err := v.write(ctx, f.masked, b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, v := range views {
		if err := v.close(ctx, f.masked); err != nil {
			return err
		}
	}
	return nil
}

// read calls each for the rows of a segment, which are those of the feed's views.
func (f *Function) read(ctx context.Context, key string, wire event.Format, feed policy.Feed, each func(*record.Batch) error) error {
	landed, err := record.ParseFormat(wire, feed.Schema)
	if err != nil {
		return err
	}
	r, err := f.landing.NewReader(ctx, key, nil)
	if err != nil {
		return fault.Wrap(fault.Retry, "bucket-read", err, "cannot open the segment")
	}
	defer r.Close()
	// The rows passed the limits of the exchange, whatever those were.
	limits := record.Limits{Row: int(r.Size()) + 1, Columns: 1 << 16, Nesting: 1 << 10}
	reader, err := record.NewReader(r, landed, feed.Schema, limits)
	if err == nil && feed.Migration != nil {
		reader, err = feed.Migration.Reader(reader, landed, limits)
	}
	if err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if fault.KindOf(err) == fault.Invalid {
				return damaged(0)
			}
			return fault.Wrap(fault.Retry, "bucket-read", err, "cannot read the segment")
		}
		for i := range b.Rows {
			if b.Rows[i].Bad != "" {
				return damaged(b.First + int64(i))
			}
		}
		if err := each(b); err != nil {
			return err
		}
	}
}

// damaged: ingest accepts no row that does not parse, so somebody else wrote.
func damaged(row int64) error {
	return &fault.Error{Kind: fault.Poison, Code: "landing-damaged", Where: fault.Where{Row: row},
		Msg: "an accepted segment does not parse any more", Do: "find out who else writes into the landing bucket"}
}

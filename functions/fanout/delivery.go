package fanout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// delivery is one segment on its way to one subscription.
type delivery struct {
	f     *Function
	cause event.Event
	s     event.SegmentMasked

	subscription *exchange.Subscription // of the pinned exchange
	view         *policy.View
	deprecation  event.Deprecation // of what the subscription is to, when the drop was pinned
	class        event.Classification
}

func (d *delivery) run(ctx context.Context) ([]event.Event, error) {
	if err := d.resolve(ctx); err != nil {
		return nil, err
	}
	m, there, err := d.f.mark(ctx, d.s)
	if err != nil {
		return nil, err
	}
	if !there {
		if m, err = d.bring(ctx); err != nil {
			return d.failed(ctx, err)
		}
	}
	completed, err := d.completed(m)
	if err != nil {
		return nil, err
	}
	whole, err := d.manifest(ctx)
	var more []event.Event
	switch {
	case err != nil:
		more, err = d.failed(ctx, err)
	case whole != nil:
		more, err = d.delivered(whole)
	}
	if err != nil {
		return nil, err
	}
	return append(completed, more...), nil
}

// resolve finds what the pinned exchange says of the subscription, and holds the
// event to it: an object of another view must not reach the partner, whoever
// sent the event.
func (d *delivery) resolve(ctx context.Context) error {
	p, err := d.f.policies.Get(ctx, event.Extension(d.cause, event.ExtExchange))
	if err != nil {
		return err
	}
	d.subscription = p.Bundle().Subscription(d.s.Subscription)
	if d.subscription == nil || d.subscription.Partner().ID != d.s.Partner {
		return fault.New(fault.Poison, "subscription-unknown", "the exchange that the drop is pinned to has no such subscription of this partner",
			"look for a producer of another version")
	}
	for _, v := range p.Views(d.s.Drop.Contract, d.s.Drop.Object) {
		if v.ID == d.s.View && slices.Contains(v.Subscriptions, d.subscription) {
			d.view = v
		}
	}
	if d.view == nil {
		return fault.New(fault.Poison, "view-unknown", "the view of the segment is not the subscription's", "mask the drop again; nothing was sent")
	}
	// By the pinned exchange and the drop's time: the same in every run.
	d.deprecation = d.view.Contract.Deprecation(d.view.Compiled.Object, d.s.Drop.Time)
	d.class = d.view.Classification()
	if want := path.Join(d.s.View, d.s.Drop.ID, number(d.s.Segment)); d.s.Rows > 0 && d.s.Object.Key != want {
		return fault.New(fault.Poison, "object-misplaced", "the object of the segment does not lie where its view's do", "mask the drop again; nothing was sent")
	}
	return nil
}

// bring delivers the segment if the subscription stands, and marks it.
func (d *delivery) bring(ctx context.Context) (mark, error) {
	if err := d.f.standing(ctx, &d.s); err != nil {
		return mark{}, err
	}
	var receipt deliver.Receipt
	if d.s.Rows > 0 {
		segment, err := d.segment()
		if err != nil {
			return mark{}, err
		}
		err = d.to(ctx, func(to deliver.Destination) error {
			receipt, err = to.Deliver(ctx, segment)
			return err
		})
		if err != nil {
			return mark{}, err
		}
	}
	return d.f.setMark(ctx, d.s, mark{Receipt: receipt, Time: d.f.now().UTC()})
}

// to calls f with the subscription's destination.
func (d *delivery) to(ctx context.Context, f func(deliver.Destination) error) error {
	at := d.subscription.Destination
	to, release, err := d.f.destinations.acquire(ctx, deliver.Target{URL: at.URL, Send: at.Send, Format: at.Format, Bucket: at.Bucket})
	if err != nil {
		return err
	}
	err = f(to)
	release(err)
	return err
}

func (d *delivery) drop() deliver.Drop {
	return deliver.Drop{Subscription: d.s.Subscription, Contract: d.s.Drop.Contract, ID: d.s.Drop.ID, Time: d.s.Drop.Time, Deprecation: d.deprecation, Classification: d.class}
}

// segment is the segment as deliver takes it.
func (d *delivery) segment() (deliver.Segment, error) {
	format, err := record.ParseFormat(d.s.Format, d.view.Schema)
	if err != nil {
		return deliver.Segment{}, err
	}
	var columns []int
	for _, c := range d.view.Schema.Columns() {
		if d.view.Fields[c].Op != record.Drop {
			columns = append(columns, c)
		}
	}
	return deliver.Segment{
		Drop: d.drop(), Number: d.s.Segment, Of: d.s.Segments, Rows: d.s.Rows,
		Schema: d.view.Schema, Format: format, Columns: columns,
		Dropped: record.Codec(d.s.Format.Dropped), Seen: seen(d.view),
		Size: d.s.Object.Size, Digest: d.s.Object.Digest,
		Open: func(ctx context.Context) (io.ReadCloser, error) {
			r, err := d.f.masked.NewReader(ctx, d.s.Object.Key, nil)
			switch {
			case err == nil:
				return r, nil
			case store.NotFound(err):
				return nil, fault.New(fault.Poison, "masked-missing", "the masked segment is not there any more",
					"keep masked segments longer than destinations may be broken; mask the drop again")
			}
			return nil, fault.Wrap(fault.Retry, "bucket-read", err, "cannot open the masked segment")
		},
	}, nil
}

// seen describes the rows as the view shows them: without the fields that it
// leaves out, and with the types that its transforms make.
func seen(v *policy.View) *record.Schema {
	fields := slices.Clone(v.Schema.Fields)
	var show func(id int)
	show = func(id int) {
		f := &fields[id]
		switch rule := v.Fields[id]; rule.Op {
		case record.Replace:
			f.Type, f.Format, f.Members, f.Items = rule.Out, "", nil, -1
			if f.Type == record.Date || f.Type == record.Timestamp || f.Type == record.Time {
				f.Format = record.FormatText // a month or a year is no date
			}
		case record.Descend:
			f.Members = nil
			for _, m := range v.Schema.Fields[id].Members {
				if v.Fields[m].Op != record.Drop {
					f.Members = append(f.Members, m)
					show(m)
				}
			}
			if f.Items >= 0 {
				show(f.Items)
			}
		}
	}
	fields[0].Members = nil
	for _, m := range v.Schema.Columns() {
		if v.Fields[m].Op != record.Drop {
			fields[0].Members = append(fields[0].Members, m)
			show(m)
		}
	}
	return record.NewSchema(v.Schema.Name, fields)
}

// completed is the event that the mark was made for, the same in every run.
func (d *delivery) completed(m mark) ([]event.Event, error) {
	data := d.outcome()
	data.Rows, data.Object = m.Rows, m.Object
	e, err := event.New(d.cause, event.TypeDeliveryCompleted, Source, m.Time, data)
	if err != nil {
		return nil, err
	}
	e.SetSubject(d.subject())
	d.deprecation.Mark(&e)
	return []event.Event{e}, nil
}

// delivered is the event that the subscription has the whole drop: the same,
// whichever segment is found to have completed it.
func (d *delivery) delivered(whole *done) ([]event.Event, error) {
	cause := d.cause.Clone()
	cause.SetID(d.s.Drop.ID)
	data := event.DropDelivered{Drop: d.s.Drop, Segments: d.s.Segments, Subscription: d.s.Subscription, Partner: d.s.Partner, Rows: whole.Rows, Manifest: whole.Key}
	e, err := event.New(cause, event.TypeDropDelivered, Source, whole.Time, data, d.s.Subscription)
	if err != nil {
		return nil, err
	}
	e.SetSubject(d.s.Drop.ID + "/" + d.s.Subscription)
	d.deprecation.Mark(&e)
	return []event.Event{e}, nil
}

// failed is the event that ends a delivery: if policy refused it, or if its
// destination was broken for too long. Any other error is to be returned.
func (d *delivery) failed(ctx context.Context, err error) ([]event.Event, error) {
	switch {
	case ctx.Err() != nil:
		return nil, err // we were stopped, whatever it looks like
	case fault.KindOf(err) == fault.Denied:
	case fault.KindOf(err) == fault.Retry && fault.CodeOf(err) == deliver.CodeUnavailable && d.patienceEnded():
	default:
		return nil, err
	}
	data := d.outcome()
	data.Fault = event.FaultOf(d.located(err))
	e, err := event.New(d.cause, event.TypeDeliveryFailed, Source, d.f.now(), data)
	if err != nil {
		return nil, err
	}
	e.SetSubject(d.subject())
	d.deprecation.Mark(&e)
	return []event.Event{e}, nil
}

// patienceEnded reports whether the segment waits for its destination for longer
// than the subscription says.
func (d *delivery) patienceEnded() bool {
	return d.f.now().After(d.cause.Time().Add(d.subscription.Destination.Patience()))
}

func (d *delivery) outcome() event.Delivery {
	return event.Delivery{Drop: d.s.Drop, Segment: d.s.Segment, Segments: d.s.Segments, Subscription: d.s.Subscription, Partner: d.s.Partner}
}

func (d *delivery) subject() string {
	return fmt.Sprintf("%s/%s/%s", d.s.Drop.ID, number(d.s.Segment), d.s.Subscription)
}

// located is err with its place.
func (d *delivery) located(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	return f.At(fault.Where{Partner: d.s.Partner, Contract: d.s.Drop.Contract, Subscription: d.s.Subscription,
		Drop: d.s.Drop.ID, Segment: fmt.Sprint(d.s.Segment)})
}

// number is how a segment's number stands in keys.
func number(segment int) string { return fmt.Sprintf("%06d", segment) }

package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gocloud.dev/blob"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

const (
	// maxState is how large an object in the state bucket may be.
	maxState = 64 << 10
	// readers is how many marks are read at once for a manifest.
	readers = 16
)

// mark says that a segment was delivered, or that it had no rows to deliver.
type mark struct {
	deliver.Receipt
	Time time.Time `json:"time"`
}

// done says that the manifest of a drop was delivered.
type done struct {
	Key  string    `json:"key"` // of the manifest, at the destination
	Rows int64     `json:"rows"`
	Time time.Time `json:"time"`
}

func marksPrefix(s *event.SegmentMasked) string {
	return "deliveries/" + s.Subscription + "/" + s.Drop.ID + "/"
}

func doneKey(s *event.SegmentMasked) string {
	return "manifests/" + s.Subscription + "/" + s.Drop.ID
}

// mark is that of the segment, if there is one.
func (f *Function) mark(ctx context.Context, s event.SegmentMasked) (m mark, there bool, err error) {
	return load[mark](ctx, f.state, marksPrefix(&s)+number(s.Segment))
}

// setMark marks the segment as delivered. Of several that deliver it at once the
// first is right; its mark is answered.
func (f *Function) setMark(ctx context.Context, s event.SegmentMasked, m mark) (mark, error) {
	return save(ctx, f.state, marksPrefix(&s)+number(s.Segment), m)
}

// load reads an object of the state bucket, if it is there.
func load[T any](ctx context.Context, b *blob.Bucket, key string) (v T, there bool, err error) {
	data, err := store.Read(ctx, b, key, maxState)
	if store.NotFound(err) {
		return v, false, nil
	}
	if err != nil {
		return v, false, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, false, &fault.Error{Kind: fault.Poison, Code: "state-damaged", Where: fault.Where{Object: key},
			Msg: "an object of the state bucket is not what fanout writes", Do: "find out who else writes there; remove it to deliver again"}
	}
	return v, true, nil
}

// save creates an object of the state bucket, or answers the one that is there.
func save[T any](ctx context.Context, b *blob.Bucket, key string, v T) (T, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return v, fault.Wrap(fault.Poison, "state-encode", err, "cannot encode what was delivered")
	}
	created, err := store.Create(ctx, b, key, data)
	if err != nil || created {
		return v, err
	}
	first, _, err := load[T](ctx, b, key)
	return first, err
}

// manifest is what a partner gets of a drop when it is complete: how many rows,
// and in which objects. It is the same bytes whoever writes it, and whenever.
type manifest struct {
	Contract     string            `json:"contract"`
	Object       string            `json:"object"` // schema object of the contract
	Drop         string            `json:"drop"`
	Subscription string            `json:"subscription"`
	Rows         int64             `json:"rows"`
	Deprecation  event.Deprecation `json:"deprecation,omitzero"` // if the contract ends
	Segments     []manifestSegment `json:"segments"`             // by number; those without rows are left out
}

type manifestSegment struct {
	Segment int    `json:"segment"`
	Rows    int64  `json:"rows"`
	Key     string `json:"key,omitempty"` // no object if rows are sent as events
	Size    int64  `json:"size,omitempty"`
	Digest  string `json:"digest,omitempty"`
}

// manifest delivers the drop's manifest if all its segments are delivered. It
// answers nil if they are not (yet).
//
// A drop of which the partner sees no row has no manifest: that there was a drop
// is not for it to know.
func (d *delivery) manifest(ctx context.Context) (*done, error) {
	f := d.f
	made, there, err := load[done](ctx, f.state, doneKey(&d.s))
	if err != nil || there {
		return &made, err
	}
	complete, err := f.complete(ctx, &d.s)
	if err != nil || !complete {
		return nil, err
	}
	rows, body, err := d.manifestBody(ctx)
	if err != nil || rows == 0 {
		return nil, err
	}
	if err := f.standing(ctx, &d.s); err != nil {
		return nil, err
	}
	made = done{Rows: rows, Time: f.now().UTC()}
	err = d.to(ctx, func(to deliver.Destination) error {
		made.Key, err = to.Manifest(ctx, d.drop(), body)
		return err
	})
	if err != nil {
		return nil, err
	}
	if made, err = save(ctx, f.state, doneKey(&d.s), made); err != nil {
		return nil, err
	}
	return &made, nil
}

// complete reports whether all segments of the drop are marked. Keys come in
// order, so the first gap decides.
func (f *Function) complete(ctx context.Context, s *event.SegmentMasked) (bool, error) {
	prefix, next := marksPrefix(s), 0
	err := store.Each(ctx, f.state, prefix, func(o *blob.ListObject) error {
		if o.Key != prefix+number(next) {
			return store.ErrStop
		}
		next++
		return nil
	})
	return next >= s.Segments, err
}

// manifestBody is the manifest of a complete drop, and how many rows it counts.
func (d *delivery) manifestBody(ctx context.Context) (rows int64, body []byte, err error) {
	marks := make([]mark, d.s.Segments)
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(readers)
	for i := range marks {
		s := d.s
		s.Segment = i
		reading.Go(func() error {
			m, there, err := d.f.mark(ctx, s)
			if err == nil && !there {
				err = fault.New(fault.Retry, "mark-missing", "the mark of a delivered segment is not there any more", "keep the state bucket as it is")
			}
			marks[i] = m
			return err
		})
	}
	if err := reading.Wait(); err != nil {
		return 0, nil, err
	}
	m := manifest{Contract: d.s.Drop.Contract, Object: d.s.Drop.Object, Drop: d.s.Drop.ID, Subscription: d.s.Subscription, Deprecation: d.deprecation}
	for i, segment := range marks {
		if segment.Rows == 0 {
			continue
		}
		m.Rows += segment.Rows
		m.Segments = append(m.Segments, manifestSegment{Segment: i, Rows: segment.Rows,
			Key: segment.Object.Key, Size: segment.Object.Size, Digest: segment.Object.Digest})
	}
	body, err = json.MarshalIndent(m, "", "  ")
	if err != nil {
		return 0, nil, errors.Join(fault.New(fault.Poison, "manifest-encode", "cannot encode the manifest", ""), err)
	}
	return m.Rows, append(body, '\n'), nil
}

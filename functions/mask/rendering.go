package mask

import (
	"context"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/transform"
)

const (
	flushAt = 128 << 10 // bytes of a view that are gathered before they are written
	atOnce  = 64        // rows of a view that are rendered together
)

// rendering is one view of one segment while it is written.
type rendering struct {
	view       *policy.View
	key        string
	wire       event.Format
	projection *record.Projection
	matcher    *policy.Matcher    // nil: all rows
	dropper    *policy.RowDropper // nil: no rule keeps a row
	crowds     *crowds            // nil: rows need not be alike
	guard      *guard             // nil: nothing is watched
	subjects   *subjects          // nil: no token is of one

	others []*rendering // of the same reading, and itself

	due  []uint32 // rows of the batch at hand that are not rendered yet
	out  []byte
	w    *store.Writer // from the first row on: an empty view is no object
	rows int64
	kept int64 // rows that the filter lets through and that do not leave
	ref  event.Ref

	suspects []event.Suspect // what the guard found
}

// rendering prepares the transforms of a view for the segment's moment. format is
// how the rows are written.
func (f *Function) rendering(v *policy.View, key string, format record.Format, segment event.SegmentAccepted) (_ *rendering, err error) {
	rules := make([]record.Rule, len(v.Fields))
	subjects, err := f.subjectsOf(v, func() (keys.TokenKey, error) { return f.tokenKey(v, segment) })
	if err != nil {
		return nil, err
	}
	for id, field := range v.Fields {
		if rules[id], err = f.rule(v, field, v.Schema.Fields[id], segment, subjects); err != nil {
			return nil, err
		}
	}
	r := &rendering{view: v, key: key, subjects: subjects, guard: newGuard(v), projection: record.NewProjection(v.Schema, format, rules)}
	r.wire = record.WireFormat(r.projection.Format(), v.Schema)
	r.wire.Dropped = segment.Format.Dropped
	if v.Filter != nil {
		r.matcher = v.Filter.Matcher()
	}
	if r.dropper, err = v.RowDropper(); err != nil {
		return nil, err
	}
	return r, nil
}

// rule turns what policy says of a field into what the projection does.
func (f *Function) rule(v *policy.View, rule policy.FieldRule, field record.Field, segment event.SegmentAccepted, subjects *subjects) (record.Rule, error) {
	if rule.Op != record.Replace {
		return record.Rule{Op: rule.Op}, nil
	}
	var key transform.TokenKey
	if transform.Keyed(rule.Transform) {
		domain, err := f.tokenKey(v, segment)
		if err == nil {
			key, err = domain.Within(scope(v, rule.Transform, field)...)
		}
		if err != nil {
			return record.Rule{}, err
		}
	}
	compiled, err := transform.Compile(rule.Transform, field.Type, key)
	if err != nil {
		return record.Rule{}, fault.Wrap(fault.Poison, "transform-compile", err, "a transform of the view cannot be made")
	}
	place := transform.Place{Time: segment.Drop.Time, Drop: segment.Drop.ID, Segment: segment.Segment, View: v.ID, Field: field.Path}
	if subjects != nil {
		place.Subjects = subjects
	}
	return compiled.Rule(v.Schema, place), nil
}

// scope names the part of the token domain in which equal values of a field become
// equal.
func scope(v *policy.View, spec transform.Spec, field record.Field) []string {
	switch spec.Scope {
	case transform.ScopeContract:
		return keys.ContractScope(v.Contract.ID)
	case transform.ScopeField:
		return keys.FieldScope(v.Contract.ID, v.Compiled.Object, field.Path)
	}
	return nil
}

// tokenKey is the key of a view's tokens in a segment.
func (f *Function) tokenKey(v *policy.View, segment event.SegmentAccepted) (keys.TokenKey, error) {
	return f.ring.PartnerTokenKey(v.KeyHolder, v.TokenDomain, segment.Drop.Time)
}

// add takes row i of b, the batch at hand, which the filter lets through. Write
// must follow before the next batch.
func (r *rendering) add(ctx context.Context, bucket *blob.Bucket, b *record.Batch, i int) error {
	if r.dropper != nil && r.dropper.Drops(b, i) {
		r.kept++
		return nil
	}
	if r.crowds != nil {
		if of := r.crowds.of(b, i); !r.crowds.counts.crowd(&of) {
			r.kept++
			return nil
		}
	}
	if r.guard != nil && r.guard.found.Row() {
		r.guard.observe(b, i)
	}
	if r.due = append(r.due, uint32(i)); len(r.due) < atOnce {
		return nil
	}
	return r.write(ctx, bucket, b)
}

// write renders the rows of b that were added.
func (r *rendering) write(ctx context.Context, bucket *blob.Bucket, b *record.Batch) error {
	if len(r.due) == 0 {
		return nil
	}
	if err := r.subjects.fetch(ctx, b, r.due); err != nil {
		return err
	}
	if r.w == nil {
		var err error
		if r.w, err = store.NewWriter(ctx, bucket, r.key); err != nil {
			return err
		}
		r.out = r.projection.AppendHead(r.out[:0])
	}
	r.out = r.projection.AppendRows(r.out, b, r.due, r.rows == 0)
	r.rows += int64(len(r.due))
	r.due = r.due[:0]
	if len(r.out) >= flushAt {
		return r.flush()
	}
	return nil
}

// flush writes what was gathered, and with it what the fullest of the others has:
// two digests take little longer than one.
func (r *rendering) flush() (err error) {
	var second *rendering
	for _, o := range r.others {
		if o != r && len(o.out) > 0 && o.w != nil && (second == nil || len(o.out) > len(second.out)) {
			second = o
		}
	}
	if second == nil {
		_, err = r.w.Write(r.out)
	} else {
		err = store.WriteBoth(r.w, second.w, r.out, second.out)
		second.out = second.out[:0]
	}
	r.out = r.out[:0]
	return err
}

func (r *rendering) close(ctx context.Context, bucket *blob.Bucket) (err error) {
	if r.w == nil {
		return nil
	}
	if r.suspects = r.guard.suspects(); r.withheld() {
		r.abort()
		return nil
	}
	r.out = r.projection.AppendTail(r.out)
	if err := r.flush(); err != nil {
		return err
	}
	r.ref, _, err = r.w.Commit()
	r.w = nil
	if r.subjects != nil && fault.CodeOf(err) == store.CodeDiffers {
		// Somebody was erased since it was first masked. What was made then stands:
		// nobody can tell any more what it says of who was erased.
		r.ref, err = store.Look(ctx, bucket, r.key)
	}
	return err
}

// withheld tells that the segment does not leave, because of what is in it.
func (r *rendering) withheld() bool { return len(r.suspects) > 0 && r.view.Guard.Block }

func (r *rendering) abort() {
	if r.w != nil {
		r.w.Abort()
		r.w = nil
	}
}

// router brings each row to the views that may see it. Views whose filter is
// an equality are found by one lookup; the others are asked one by one.
type router struct {
	asked   []*rendering
	lookups []lookup
	scratch []byte
}

// lookup finds views by the value of a top-level field.
type lookup struct {
	field int
	views map[string][]*rendering
	at    uint32 // of the field among the nodes of a CSV row: there in all of them
}

func (l *lookup) node(b *record.Batch, i int) *record.Node {
	if len(b.Keys) > 0 { // JSON
		return b.Top(i, l.field)
	}
	row := &b.Rows[i]
	if at := row.First + l.at; at < row.Past && int(b.Nodes[at].Field) == l.field {
		return &b.Nodes[at]
	}
	for at := row.First; at < row.Past; at++ {
		if int(b.Nodes[at].Field) == l.field {
			l.at = at - row.First
			return &b.Nodes[at]
		}
	}
	return nil
}

func newRouter(views []*rendering) *router {
	r := &router{}
	byField := map[int]int{}
	for _, v := range views {
		if v.view.Filter == nil {
			r.asked = append(r.asked, v)
			continue
		}
		field, values, ok := v.view.Filter.Equality()
		if !ok {
			r.asked = append(r.asked, v)
			continue
		}
		at, there := byField[field]
		if !there {
			at = len(r.lookups)
			byField[field] = at
			r.lookups = append(r.lookups, lookup{field: field, views: map[string][]*rendering{}})
		}
		for _, value := range values {
			r.lookups[at].views[string(value)] = append(r.lookups[at].views[string(value)], v)
		}
	}
	return r
}

func (r *router) batch(ctx context.Context, bucket *blob.Bucket, b *record.Batch) error {
	for i := range b.Rows {
		for k := range r.lookups {
			l := &r.lookups[k]
			n := l.node(b, i)
			if n == nil || n.Kind != record.Text && n.Kind != record.JSONString {
				continue
			}
			var value []byte
			value, r.scratch = b.Value(n, r.scratch)
			for _, v := range l.views[string(value)] {
				if err := v.add(ctx, bucket, b, i); err != nil {
					return err
				}
			}
		}
		for _, v := range r.asked {
			if v.matcher != nil && !v.matcher.Match(b, i) {
				continue
			}
			if err := v.add(ctx, bucket, b, i); err != nil {
				return err
			}
		}
	}
	return nil
}

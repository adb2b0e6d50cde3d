package mask

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"path"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// CodeCombinations, of kind Denied: the rows of a drop have more combinations of a
// view's quasi-identifiers than are counted, so that nothing of it leaves.
const CodeCombinations = "k-anonymity-combinations"

// crowds tells which rows of a view are one of at least k that are alike in their
// quasi-identifiers, as they leave. It is for one goroutine.
//
// Values count as they leave, because that is what a receiver can compare, and because
// a coarser value (an age in tens) makes groups where raw ones have none. Rows count
// that the filter and the rules of the profile let through, of all segments of a drop.
type crowds struct {
	fields []quasi
	mac    hash.Hash
	text   []byte
	spare  []byte
	sum    []byte
	counts *counts // of the drop
}

// quasi is a quasi-identifier.
type quasi struct {
	field int
	rule  record.Rule
	at    uint32 // where in its row it was found last
}

// crowds prepares the quasi-identifiers of a view of a segment's drop. Their hashes
// are made with a key of the view's own, from the exchange's key ring, because counts
// lie where fanout can read them.
func (f *Function) crowds(v *policy.View, segment event.SegmentAccepted) (*crowds, error) {
	// No token domain has a colon in it.
	key, err := f.ring.TokenKey("k-anonymity:"+v.ID, segment.Drop.Time)
	if err != nil {
		return nil, err
	}
	c := &crowds{mac: hmac.New(sha256.New, key.Secret()), counts: newCounts(v.KAnonymity.K, key.Version())}
	for _, field := range v.KAnonymity.Fields {
		rule, err := f.rule(v, v.Fields[field], v.Schema.Fields[field], segment, nil) // none is a token of a data subject
		if err != nil {
			return nil, err
		}
		c.fields = append(c.fields, quasi{field: field, rule: rule})
	}
	return c, nil
}

// of is the combination of row i of b.
func (c *crowds) of(b *record.Batch, i int) (made combination) {
	c.text = c.mark(b, i)
	c.mac.Reset()
	c.mac.Write(c.text)
	c.sum = c.mac.Sum(c.sum[:0])
	return combination(c.sum)
}

// What a value begins with in a combination: absent and null look alike in most
// formats, but not in all.
const (
	absent = iota
	null
	present
)

// mark is the values of a row, each with its length, valid until the next call.
func (c *crowds) mark(b *record.Batch, i int) []byte {
	text := c.text[:0]
	for k := range c.fields {
		q := &c.fields[k]
		n := q.node(b, &b.Rows[i])
		if q.rule.Row != nil {
			var by []byte
			if n := b.Top(i, q.rule.By); q.rule.By > 0 && n != nil {
				by, c.spare = b.Value(n, c.spare)
			}
			q.rule.Row(b.First+int64(i), by)
		}
		switch {
		case n == nil || n.Kind == record.Absent:
			text = append(text, absent)
			continue
		case q.rule.Op == record.Nullify || n.Kind == record.Null && !q.rule.Nulls:
			text = append(text, null)
			continue
		}
		var value []byte
		value, c.spare = b.Value(n, c.spare)
		start := len(text)
		text = append(text, present, 0, 0, 0, 0)
		ok := true
		if q.rule.Op == record.Replace {
			text, ok = q.rule.Append(text, value)
		} else {
			text = append(text, value...)
		}
		if !ok {
			text = append(text[:start], null)
			continue
		}
		binary.LittleEndian.PutUint32(text[start+1:], uint32(len(text)-start-5))
	}
	return text
}

// node is the value of the quasi-identifier, which a row has once at most.
func (q *quasi) node(b *record.Batch, row *record.Row) *record.Node {
	if at := row.First + q.at; at < row.Past && int(b.Nodes[at].Field) == q.field {
		return &b.Nodes[at]
	}
	for at := row.First; at < row.Past; at++ {
		if int(b.Nodes[at].Field) == q.field {
			q.at = at - row.First
			return &b.Nodes[at]
		}
	}
	return nil
}

// crowded is what tells which rows of a view leave, after all segments of the drop were
// counted.
//
// Segments are masked one by one, anywhere and in any order, and a row may not leave
// before all of them are counted. When one is accepted all lie in landing. So whoever
// needs counts that are not there makes them, starting with those of its own segment,
// and stores them create-if-absent (<view>/<drop>/counts/<segment>); whoever has all
// stores which combinations are common enough (<view>/<drop>/counts/common), which is
// all that the others read. Each of these objects is a pure function of the drop, the
// exchange and the key ring: a run that is cut off, or done twice, changes nothing, and
// what it has counted need not be counted again.
func (f *Function) crowded(ctx context.Context, segment event.SegmentAccepted, feed policy.Feed, v *policy.View) (*crowds, error) {
	c, err := f.crowds(v, segment)
	if err != nil {
		return nil, err
	}
	folder := path.Join(v.ID, segment.Drop.ID, "counts")
	if segment.Segments > 1 {
		switch there, err := f.stored(ctx, path.Join(folder, "common"), c.counts); {
		case err != nil:
			return nil, err
		case there:
			return c, nil
		}
	}
	for i := range segment.Segments {
		n := (segment.Segment + i) % segment.Segments
		if err := f.count(ctx, segment, n, feed, v, path.Join(folder, fmt.Sprintf("%06d", n)), c); err != nil {
			return nil, err
		}
	}
	if segment.Segments > 1 {
		_, err = store.Create(ctx, f.masked, path.Join(folder, "common"), c.counts.encode(c.counts.k))
	}
	return c, err
}

// stored adds counts that are stored, if they are.
func (f *Function) stored(ctx context.Context, key string, to *counts) (there bool, err error) {
	data, err := store.Read(ctx, f.masked, key, maxCounts)
	switch {
	case err == nil:
		return true, to.merge(data)
	case store.NotFound(err):
		return false, nil
	}
	return false, err
}

// count adds the counts of the n-th segment of the drop.
func (f *Function) count(ctx context.Context, segment event.SegmentAccepted, n int, feed policy.Feed, v *policy.View, key string, to *crowds) error {
	if segment.Segments > 1 {
		if there, err := f.stored(ctx, key, to.counts); err != nil || there {
			return err
		}
	}
	from := segment.Object.Key
	if path.Base(from) != fmt.Sprintf("%06d", segment.Segment) {
		return fault.New(fault.Poison, "landing-layout", "a segment does not lie where those of its drop do", "look for an ingest of another version")
	}
	from = path.Join(path.Dir(from), fmt.Sprintf("%06d", n))
	rows, err := newRowsOf(v)
	if err != nil {
		return err
	}
	own := to.counts
	if segment.Segments > 1 {
		own = newCounts(v.KAnonymity.K, int(own.key))
	}
	err = f.read(ctx, from, segment.Format, feed, func(b *record.Batch) error {
		for i := range b.Rows {
			if rows.match(b, i) {
				of := to.of(b, i)
				own.add(&of, 1)
			}
		}
		return nil
	})
	if err != nil || segment.Segments == 1 {
		return err
	}
	made := own.encode(1)
	if _, err := store.Create(ctx, f.masked, key, made); err != nil {
		return err
	}
	return to.counts.merge(made)
}

// rowsOf are the rows of a view, by its filter and the rules of its profile.
type rowsOf struct {
	filter  *policy.Matcher
	dropper *policy.RowDropper
}

func newRowsOf(v *policy.View) (r rowsOf, err error) {
	if v.Filter != nil {
		r.filter = v.Filter.Matcher()
	}
	r.dropper, err = v.RowDropper()
	return r, err
}

func (r rowsOf) match(b *record.Batch, i int) bool {
	return (r.filter == nil || r.filter.Match(b, i)) && (r.dropper == nil || !r.dropper.Drops(b, i))
}

func tooMany() error {
	return fault.New(fault.Denied, CodeCombinations, fmt.Sprintf("the rows of the drop have more than %d combinations of the quasi-identifiers", maxCombinations),
		"make the quasi-identifiers coarser in the profile (bucket, date, prefix, geo), or name fewer; then drop the file again under another name")
}

// uncounted are the failed deliveries of a view whose rows could not be counted.
func uncounted(cause event.Event, segment event.SegmentAccepted, d due, why error) (failed []event.Event, err error) {
	for _, s := range d.subscriptions {
		e, err := deliveryFailed(cause, segment, s, at(why, segment, s))
		if err != nil {
			return nil, err
		}
		failed = append(failed, e)
	}
	return failed, nil
}

// deliveryFailed says that a segment will never reach a subscription.
func deliveryFailed(cause event.Event, segment event.SegmentAccepted, s *exchange.Subscription, why error) (event.Event, error) {
	e, err := event.New(cause, event.TypeDeliveryFailed, Source, time.Now(), event.Delivery{Drop: segment.Drop, Segment: segment.Segment, Segments: segment.Segments,
		Subscription: s.ID, Partner: s.Partner().ID, Fault: event.FaultOf(why)}, s.ID)
	if err != nil {
		return event.Event{}, err
	}
	e.SetSubject(fmt.Sprintf("%s/%06d/%s", segment.Drop.ID, segment.Segment, s.ID))
	return e, nil
}

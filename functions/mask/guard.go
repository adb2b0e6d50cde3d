package mask

import (
	"fmt"

	"github.com/sallyport-io/sallyport/shared/detect"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
)

// CodeLeak, of kind Denied: a field that leaves in the clear seems to hold personal
// data, so that the segment stays.
const CodeLeak = "leak-suspected"

// guard watches the fields of a view that leave in the clear: a profile says
// nothing of what somebody puts into a field that was made for something else.
type guard struct {
	view    *policy.View
	found   *detect.Guard
	columns []int // by field: its number in found, -1 for none
	scratch []byte
}

func newGuard(v *policy.View) *guard {
	if len(v.Guard.Fields) == 0 {
		return nil
	}
	g := &guard{view: v, columns: make([]int, len(v.Fields))}
	for i := range g.columns {
		g.columns[i] = -1
	}
	expected := make([]detect.Set, len(v.Guard.Fields))
	for i, w := range v.Guard.Fields {
		g.columns[w.Field], expected[i] = i, w.Expected
	}
	g.found = detect.NewGuard(expected)
	return g
}

// observe looks at row i of b.
func (g *guard) observe(b *record.Batch, i int) {
	row := &b.Rows[i]
	for at := row.First; at < row.Past; at++ {
		n := &b.Nodes[at]
		if n.Kind != record.Text && n.Kind != record.JSONString {
			continue
		}
		if column := g.columns[n.Field]; column >= 0 {
			var value []byte
			value, g.scratch = b.Value(n, g.scratch)
			g.found.Observe(column, value)
		}
	}
}

// suspects are the fields in which something was found.
func (g *guard) suspects() (all []event.Suspect) {
	if g == nil {
		return nil
	}
	for _, f := range g.found.Findings() {
		path := g.view.Schema.Fields[g.view.Guard.Fields[f.Column].Field].Path
		all = append(all, event.Suspect{Path: path, Type: f.Type.String(), Hits: f.Hits, Seen: f.Seen})
	}
	return all
}

// leak is the fault of a segment that is withheld.
func leak(segment event.SegmentAccepted, sub *exchange.Subscription, suspects []event.Suspect) error {
	s := suspects[0]
	msg := fmt.Sprintf("%s leaves in the clear, and %d of %d values that were looked at hold %s", s.Path, s.Hits, s.Seen, s.Type)
	if more := len(suspects) - 1; more > 0 {
		msg += fmt.Sprintf("; there are %d more findings", more)
	}
	return &fault.Error{Kind: fault.Denied, Code: CodeLeak, Msg: msg,
		Where: fault.Where{Partner: sub.Partner().ID, Contract: segment.Drop.Contract, Subscription: sub.ID, Drop: segment.Drop.ID, Segment: fmt.Sprint(segment.Segment), Path: s.Path},
		Do:    fmt.Sprintf("let a profile mask the field; if it may hold that, give it the tag %s in the contract; then drop the file again under another name", s.Type)}
}

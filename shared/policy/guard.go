package policy

import (
	"github.com/sallyport-io/sallyport/shared/detect"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Guard is what watches a view's fields that leave in the clear.
type Guard struct {
	// Block: a segment in which something is found does not leave.
	Block  bool
	Fields []Watched // none: nothing is watched
}

// Watched is a field with text that leaves as it is.
type Watched struct {
	Field    int
	Expected detect.Set // what the contract says is in it
}

// guard is what watches a view. mode is the exchange's, "" for the default: block if
// the contract has anything that is neither public nor internal.
func (r *resolver) guard(mode string, fields []FieldRule) (g Guard) {
	if mode == exchange.GuardOff {
		return g
	}
	g.Block = mode == exchange.GuardBlock
	for field := 1; field < len(fields); field++ {
		if class, _ := r.classification(field); mode == "" && !leavesByDefault(class) {
			g.Block = true
		}
		if fields[field].Op == record.Keep && r.schema.Fields[field].Type == record.String {
			g.Fields = append(g.Fields, Watched{field, r.expected(field)})
		}
	}
	return g
}

// expected are the types that the contract says a field is of.
func (r *resolver) expected(field int) (s detect.Set) {
	for _, t := range detect.Types() {
		if _, evidence := r.shown(field, t.String()); evidence == byFormat || evidence == byTag {
			s |= detect.Of(t)
		}
	}
	return s
}

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

// saying are the tags and formats of a property that say what is in it. The names of
// types are tags, too.
var saying = map[string]detect.Type{
	"email": detect.Email, "iban": detect.IBAN, "card": detect.Card, "ssn": detect.SSN, "phone": detect.Phone, "ip": detect.IP, "ipv4": detect.IP, "ipv6": detect.IP,
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

func (r *resolver) expected(field int) (s detect.Set) {
	p := r.property(field)
	if p == nil {
		return s
	}
	for _, word := range append([]string{p.LogicalTypeOptions.Format}, p.Tags...) {
		if t, ok := saying[word]; ok {
			s |= detect.Of(t)
		}
		if t, ok := detect.ParseType(word); ok {
			s |= detect.Of(t)
		}
	}
	return s
}

package policy

import (
	"slices"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Explanation is why a field leaves to a subscription as it does.
type Explanation struct {
	FieldRule
	Field int // of the view's schema
	// Classification is what the field counts as, and ClassifiedBy the path of what
	// says so: the field itself or something that holds it; "" if nothing does.
	Classification, ClassifiedBy string
	Tags                         []string // the field's own
	// Rules are those of the profile that name the field, as numbers in it, the most
	// specific first: the first decided, unless the field is none of the
	// subscription's columns.
	Rules []int
}

// View is what a subscription sees, nil if the policy has no such.
func (p *Policy) View(s *exchange.Subscription) *View {
	for _, views := range p.views {
		for _, v := range views {
			if slices.Contains(v.Subscriptions, s) {
				return v
			}
		}
	}
	return nil
}

// Explain explains each field of a subscription's view, in the order of the
// contract; what is inside a field that goes as a whole is left out.
func (p *Policy) Explain(s *exchange.Subscription) []Explanation {
	v := p.View(s)
	if v == nil {
		return nil
	}
	r := resolver{compiled: v.Compiled, tags: v.Contract.Doc.Object(v.Compiled.Object).Tags, schema: v.Schema,
		profile: p.bundle.Profile(s.Profile), columns: s.Columns}
	var all []Explanation
	var explain func(field int)
	explain = func(field int) {
		e := Explanation{FieldRule: v.Fields[field], Field: field, Tags: r.tagsOf(field), Rules: r.naming(field, false)}
		e.Classification, _ = r.classification(field)
		for f := field; f > 0 && e.ClassifiedBy == ""; f = v.Schema.Fields[f].Parent {
			if property := r.property(f); property != nil && property.Classification != "" {
				e.ClassifiedBy = v.Schema.Fields[f].Path
			}
		}
		all = append(all, e)
		if e.Op == record.Descend {
			for _, f := range r.inside(field) {
				explain(f)
			}
		}
	}
	for _, column := range v.Schema.Columns() {
		explain(column)
	}
	return all
}

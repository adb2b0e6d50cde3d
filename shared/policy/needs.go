package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Need is a requirement of the exchange that a subscription falls under.
type Need struct {
	Requirement *exchange.Requirement
	// Field is the path of the first field that it is about.
	Field string
	// Agreement is the one that the requirement asks for; nil: it asks for none.
	Agreement *exchange.Agreement
}

// Needs are the requirements that a subscription falls under, by id. The policy was
// compiled: it has all that they ask for.
func (p *Policy) Needs(s *exchange.Subscription) []Need {
	v := p.View(s)
	if v == nil {
		return nil
	}
	return needs(p.bundle, v, s)
}

func needs(b *exchange.Bundle, v *View, s *exchange.Subscription) []Need {
	var all []Need
	for _, r := range b.Requirements() {
		field := v.firstUnder(r.When)
		if field < 0 {
			continue
		}
		n := Need{Requirement: r, Field: v.Schema.Fields[field].Path}
		for _, a := range s.Stands() {
			if a.Type == r.Needs.Agreement {
				n.Agreement = a
			}
		}
		all = append(all, n)
	}
	return all
}

// firstUnder is the first field that leaves and that a requirement is about; -1 if there is
// none.
func (v *View) firstUnder(m exchange.RequirementWhen) int {
	doc := v.Contract.Doc
	object := doc.Object(v.Compiled.Object)
	if m.ContractTag != "" && !tagged(doc.Tags, m.ContractTag) && !tagged(object.Tags, m.ContractTag) {
		return -1
	}
	r := resolver{compiled: v.Compiled, schema: v.Schema}
	for field := 1; field < len(v.Schema.Fields); field++ {
		op := v.Fields[field].Op
		if op == record.Drop || op == record.Descend || m.Clear && op != record.Keep || !v.leaves(field) {
			continue
		}
		if m.Tag != "" && !r.under(field, m.Tag) {
			continue
		}
		if class, _ := r.classification(field); m.Classification != "" && !strings.EqualFold(class, m.Classification) {
			continue
		}
		return field
	}
	return -1
}

// leaves tells whether what holds a field lets it leave: a field inside one that
// drops, or that is replaced as a whole, does not by itself.
func (v *View) leaves(field int) bool {
	for f := v.Schema.Fields[field].Parent; f > 0; f = v.Schema.Fields[f].Parent {
		if op := v.Fields[f].Op; op == record.Drop || op == record.Replace {
			return false
		}
	}
	return true
}

// under tells whether a field, or what holds it, has a tag.
func (r *resolver) under(field int, tag string) bool {
	for ; field > 0; field = r.schema.Fields[field].Parent {
		if tagged(r.tagsOf(field), tag) {
			return true
		}
	}
	return false
}

func tagged(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) })
}

// needs holds a subscription to the requirements of the exchange.
func (c *compiler) needs(v *View, s *exchange.Subscription) {
	for _, n := range needs(c.policy.bundle, v, s) {
		c.problems = append(c.problems, n.lacks(s)...)
	}
}

// lacks are what a requirement asks for and a subscription does not have.
func (n Need) lacks(s *exchange.Subscription) (problems []yamldoc.Problem) {
	how := "leaves"
	if n.Requirement.When.Clear {
		how = "leaves in the clear"
	}
	lack := func(at, what, hint string) {
		problems = append(problems, s.Problem(at, fmt.Sprintf("field %s %s, and requirement %s of the exchange wants %s for that", n.Field, how, n.Requirement.ID, what), hint))
	}
	want := n.Requirement.Needs
	if want.Agreement != "" && n.Agreement == nil {
		lack("", "an agreement of type "+want.Agreement, fmt.Sprintf("write it under agreements: of the partner and name it here, agreements: [...]; or mask or drop the field; or change requirement %s in exchange.yaml (off: <reason>, if it is one of every exchange)", n.Requirement.ID))
	}
	if want.Filter && strings.TrimSpace(s.Filter) == "" {
		lack("", "a filter", "add filter:, such as one for consent")
	}
	if want.Expires && s.Expires.IsZero() {
		lack("", "an end", "add expires:")
	}
	for _, one := range []struct {
		name, has string
		of        []string
	}{{"purpose", s.Purpose, want.Purposes}, {"legalBasis", s.LegalBasis, want.LegalBases}} {
		if len(one.of) > 0 && !slices.Contains(one.of, one.has) {
			lack(one.name, "another "+one.name, "one of "+cmp.Or(strings.Join(one.of, ", "), "none"))
		}
	}
	return problems
}

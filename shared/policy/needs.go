package policy

import (
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
		all = append(all, Need{Requirement: r, Field: v.Schema.Fields[field].Path, Agreement: ofType(s.Stands(), r.Needs.Agreement)})
	}
	return all
}

// ofType is the first agreement of a type; nil if there is none.
func ofType(all []*exchange.Agreement, kind string) *exchange.Agreement {
	for _, a := range all {
		if a.Type == kind {
			return a
		}
	}
	return nil
}

// firstUnder is the first field that leaves and that a requirement is about; -1 if there is
// none.
func (v *View) firstUnder(m exchange.RequirementWhen) int {
	if !ofContract(v.Contract, v.Compiled.Object, m) {
		return -1
	}
	r := resolver{compiled: v.Compiled, schema: v.Schema}
	for field := 1; field < len(v.Schema.Fields); field++ {
		op := v.Fields[field].Op
		if op == record.Drop || op == record.Descend || m.Clear && op != record.Keep || !v.leaves(field) {
			continue
		}
		if !r.about(field, m) {
			continue
		}
		return field
	}
	return -1
}

// ofContract tells whether a requirement is about an object of a contract.
func ofContract(c *exchange.Contract, object string, m exchange.RequirementWhen) bool {
	return m.ContractTag == "" || tagged(c.Doc.Tags, m.ContractTag) || tagged(c.Doc.Object(object).Tags, m.ContractTag)
}

// about tells whether a requirement is about a field, however it leaves.
func (r *resolver) about(field int, m exchange.RequirementWhen) bool {
	class, _ := r.classification(field)
	return (m.Tag == "" || r.under(field, m.Tag)) && (m.Classification == "" || strings.EqualFold(class, m.Classification))
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
		how := "leaves"
		if n.Requirement.When.Clear {
			how = "leaves in the clear"
		}
		c.problems = append(c.problems, n.lacks(how, terms{s.Purpose, s.LegalBasis, strings.TrimSpace(s.Filter) != "", !s.Expires.IsZero()}, s.Problem)...)
	}
}

// grantNeeds holds a grant to the requirements of the exchange: what is revealed is
// in the clear. A filter is not asked for: there are no rows.
func (c *compiler) grantNeeds(g *exchange.Grant) {
	for _, r := range c.policy.bundle.Requirements() {
		path := c.revealed(g, r.When)
		if path == "" {
			continue
		}
		n := Need{Requirement: r, Field: path, Agreement: ofType(g.Stands(), r.Needs.Agreement)}
		c.problems = append(c.problems, n.lacks("is revealed", terms{g.Purpose, g.LegalBasis, true, true}, g.Problem)...)
	}
}

// revealed is the path of the first field that a grant reveals and a requirement is
// about, "" if there is none.
func (c *compiler) revealed(g *exchange.Grant, m exchange.RequirementWhen) string {
	for _, doc := range c.policy.bundle.Versions(g.ContractID()) {
		compiled := c.policy.contracts[objectKey{doc, g.ObjectName()}]
		if compiled == nil || !ofContract(doc, g.ObjectName(), m) {
			continue
		}
		r := resolver{compiled: compiled, schema: compiled.Schema}
		for _, path := range g.Fields {
			if field := compiled.Schema.Lookup(path); field > 0 && r.about(field, m) {
				return path
			}
		}
	}
	return ""
}

// terms are what a subscription or a grant says that requirements ask for.
type terms struct {
	purpose, legalBasis string
	filter, expires     bool
}

// lacks are what a requirement asks for and is not there.
func (n Need) lacks(how string, has terms, problem func(path, message, hint string) yamldoc.Problem) (problems []yamldoc.Problem) {
	lack := func(at, what, hint string) {
		problems = append(problems, problem(at, fmt.Sprintf("field %s %s, and requirement %s of the exchange wants %s for that", n.Field, how, n.Requirement.ID, what), hint))
	}
	want := n.Requirement.Needs
	if want.Agreement != "" && n.Agreement == nil {
		lack("", "an agreement of type "+want.Agreement, fmt.Sprintf("write it under agreements: of the partner and name it here, agreements: [...]; or let the field out; or change requirement %s in exchange.yaml (off: <reason>, if it is one of every exchange)", n.Requirement.ID))
	}
	if want.Filter && !has.filter {
		lack("", "a filter", "add filter:, such as one for consent")
	}
	if want.Expires && !has.expires {
		lack("", "an end", "add expires:")
	}
	if len(want.Purposes) > 0 && !slices.Contains(want.Purposes, has.purpose) {
		lack("purpose", "another purpose", "one of "+strings.Join(want.Purposes, ", "))
	}
	if len(want.LegalBases) > 0 && !slices.Contains(want.LegalBases, has.legalBasis) {
		lack("legalBasis", "another legalBasis", "one of "+strings.Join(want.LegalBases, ", "))
	}
	return problems
}

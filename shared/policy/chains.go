package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/migration"
)

// lead is where migrations lead, one after the other.
type lead struct {
	to    objectKey
	chain migration.Chain
}

// step is a compiled migration from one version of an object to another.
type step struct {
	to       objectKey
	doc      *exchange.Migration
	compiled *migration.Migration
	up       bool // the version that it leads to stands behind the other
}

// way is steps from one version to another.
type way []step

// Leads are the versions that rows of an object of a version are brought to by
// migrations, from the lowest to the highest.
func (p *Policy) Leads(from *exchange.Contract, object string) []*exchange.Contract {
	var to []*exchange.Contract
	for _, doc := range p.bundle.Versions(from.ID) {
		if slices.ContainsFunc(p.leading[objectKey{from, object}], func(l lead) bool { return l.to.doc == doc }) {
			to = append(to, doc)
		}
	}
	return to
}

// chains finds the way from each version to each other: of those that only go up
// or only go down, the one with the fewest migrations. On any other way a version
// would be left and come to again, and what it does not have would be lost.
func (c *compiler) chains() {
	starts := make(map[objectKey]bool)
	for _, m := range c.policy.bundle.Migrations() {
		old, _, object := m.Ends()
		from := objectKey{old, object}
		if starts[from] {
			continue
		}
		starts[from] = true
		for _, up := range []bool{true, false} {
			c.chainsOf(from, up)
		}
	}
}

// chainsOf finds the ways from one version in one direction, the shorter first.
func (c *compiler) chainsOf(from objectKey, up bool) {
	found := map[objectKey]bool{from: true}
	for last := []way{{}}; len(last) > 0; {
		next := make(map[objectKey][]way)
		var order []objectKey
		for _, w := range last {
			at := from
			if len(w) > 0 {
				at = w[len(w)-1].to
			}
			for _, s := range c.steps[at] {
				if s.up != up || found[s.to] {
					continue
				}
				if next[s.to] == nil {
					order = append(order, s.to)
				}
				next[s.to] = append(next[s.to], append(slices.Clip(w), s))
			}
		}
		last = nil
		for _, to := range order {
			found[to] = true
			ways := next[to]
			if len(ways) > 1 {
				c.ambiguous(from, to, ways)
			}
			last = append(last, ways[0])
			l := lead{to: to}
			for _, s := range ways[0] {
				l.chain = append(l.chain, s.compiled)
			}
			c.policy.leading[from] = append(c.policy.leading[from], l)
		}
	}
}

// ambiguous reports ways of which none is shorter, where a drop would take one.
func (c *compiler) ambiguous(from, to objectKey, ways []way) {
	if len(c.policy.views[to]) == 0 || !c.dropped(from) {
		return
	}
	var through []string
	for _, w := range ways {
		var versions []string
		for _, s := range w[:len(w)-1] {
			versions = append(versions, s.to.doc.Version)
		}
		through = append(through, strings.Join(versions, ", "))
	}
	last := ways[1][len(ways[1])-1].doc
	c.problems = append(c.problems, last.Problem("from",
		fmt.Sprintf("rows of version %s of contract %s become version %s in several ways: through %s", from.doc.Version, from.doc.ID, to.doc.Version, strings.Join(through, "; or through ")),
		fmt.Sprintf("write a migration from %s to %s, or remove one of these", from.doc.Version, to.doc.Version)))
}

// dropped tells whether a partner may drop an object.
func (c *compiler) dropped(key objectKey) bool {
	for _, rules := range c.policy.drops {
		if slices.ContainsFunc(rules, func(r dropRule) bool { return r.contract == key }) {
			return true
		}
	}
	return false
}

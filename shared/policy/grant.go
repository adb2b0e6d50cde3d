package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// sealed is a field whose tokens can be revealed.
type sealed struct{ contract, object, path, scope string }

// is tells whether it is a field of what a grant is for.
func (s sealed) is(g *exchange.Grant, path string) bool {
	return s.contract == g.ContractID() && s.object == g.ObjectName() && s.path == path
}

// grants holds grants to what the views make of the fields that they name: each
// must become tokens that can be revealed, in the grant's token domain, for at
// least one subscription.
//
// Tokens of one scope of a domain are made with the same keys, and none says of which
// field it is. So a field of the scope that a grant does not name is a problem, too:
// its tokens could be handed in as those of one that it does.
func (c *compiler) grants() {
	domains := map[string][]sealed{}
	for key, views := range c.policy.views {
		for _, v := range views {
			for id, f := range v.Fields {
				of := sealed{key.doc.ID, key.object, v.Schema.Fields[id].Path, f.Transform.Scope}
				if f.Op == record.Replace && f.Transform.Reversible() && !slices.Contains(domains[v.TokenDomain], of) {
					domains[v.TokenDomain] = append(domains[v.TokenDomain], of)
				}
			}
		}
	}
	for _, all := range domains {
		slices.SortFunc(all, func(a, b sealed) int {
			return cmp.Or(cmp.Compare(a.contract, b.contract), cmp.Compare(a.object, b.object), cmp.Compare(a.path, b.path), cmp.Compare(a.scope, b.scope))
		})
	}
	for _, p := range c.policy.bundle.Partners() {
		for _, g := range p.Reveal {
			c.grant(g, domains[g.Domain()])
			c.grantNeeds(g)
		}
	}
}

func (c *compiler) grant(g *exchange.Grant, domain []sealed) {
	for i, path := range g.Fields {
		if slices.ContainsFunc(domain, func(s sealed) bool { return s.is(g, path) }) {
			continue
		}
		where := fmt.Sprintf("fields[%d]", i)
		if known := c.paths(g); len(known) > 0 && !slices.Contains(known, path) {
			hint := ""
			if near := yamldoc.Nearest(path, known); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			c.problems = append(c.problems, g.Problem(where, fmt.Sprintf("contract %s has no field %q", g.ContractID(), path), hint))
			continue
		}
		c.problems = append(c.problems, g.Problem(where, fmt.Sprintf("nobody gets tokens of field %s in token domain %s that could be revealed", path, g.Domain()),
			"let the profile of a subscription there say transform: {type: token, algorithm: aes-siv}, or name another tokenDomain"))
	}
	for _, s := range domain {
		if s.scope == transform.ScopeField || s.scope == transform.ScopeContract && s.contract != g.ContractID() ||
			slices.ContainsFunc(g.Fields, func(path string) bool { return s.is(g, path) }) {
			continue
		}
		c.problems = append(c.problems, g.Problem("fields", fmt.Sprintf("tokens of field %s of contract %s are made with the same keys, those of token domain %s: they would be revealed as well", s.path, s.contract, g.Domain()),
			"name the field, too, or let what has its tokens have another tokenDomain"))
	}
}

// paths are the fields of what a grant is for, in all versions that are in use.
func (c *compiler) paths(g *exchange.Grant) (paths []string) {
	for _, doc := range c.policy.bundle.Versions(g.ContractID()) {
		if compiled := c.policy.contracts[objectKey{doc, g.ObjectName()}]; compiled != nil {
			for _, f := range compiled.Schema.Fields[1:] {
				paths = append(paths, f.Path)
			}
		}
	}
	return paths
}

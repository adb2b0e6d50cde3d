package impact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/shared/contract/diff"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Difference is what differs between two states of an exchange.
type Difference struct {
	// Leaves is what leaves now and did not, or not so: what to look at first.
	Leaves []Leaving
	// Partners, Subscriptions and Contracts that came, went or changed, in words.
	Changes []string
	// Contracts of which a version has changed, or has taken the place of another.
	Contracts []ContractChange
}

// Leaving is a field of which a subscription sees more than it did.
type Leaving struct {
	Partner      string `json:"partner"`
	Subscription string `json:"subscription"`
	Field        string `json:"field,omitempty"` // "": more rows
	How          string `json:"how"`
	Before       string `json:"before"`
}

// ContractChange is a change of a contract, and whom each part of it touches.
type ContractChange struct {
	Report  diff.Report
	Touched [][]Touched
}

// subscribed is what a subscription sees.
type subscribed struct {
	sub  *exchange.Subscription
	view *policy.View
}

// Between compares two states of an exchange.
func Between(old, new *policy.Policy) Difference {
	var d Difference
	d.partners(old.Bundle(), new.Bundle())
	d.subscriptions(subscriptionsOf(old), subscriptionsOf(new))
	d.contracts(old, new)
	return d
}

func (d *Difference) change(format string, args ...any) {
	d.Changes = append(d.Changes, fmt.Sprintf(format, args...))
}

func (d *Difference) partners(old, new *exchange.Bundle) {
	for _, p := range new.Partners() {
		was := old.Partner(p.ID)
		if was == nil {
			d.change("partner %s is new", p.ID)
		}
		for _, drop := range p.Drops {
			if text := dropText(drop); was == nil || !slices.ContainsFunc(was.Drops, func(o *exchange.DropRule) bool { return dropText(o) == text }) {
				d.change("partner %s may now drop %s", p.ID, text)
			}
		}
	}
	for _, p := range old.Partners() {
		is := new.Partner(p.ID)
		if is == nil {
			d.change("partner %s is gone", p.ID)
			continue
		}
		for _, drop := range p.Drops {
			if text := dropText(drop); !slices.ContainsFunc(is.Drops, func(o *exchange.DropRule) bool { return dropText(o) == text }) {
				d.change("partner %s may no longer drop %s", p.ID, text)
			}
		}
	}
}

func dropText(d *exchange.DropRule) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s at %s", d.Resolved().ID, d.Object, d.Version, d.Glob()))
}

// subscriptionsOf are those that were not revoked, by id.
func subscriptionsOf(p *policy.Policy) []subscribed {
	var all []subscribed
	seen := map[string]bool{}
	for _, c := range p.Bundle().Contracts() {
		for _, object := range c.Objects() {
			for _, v := range p.Views(c.ID, object) {
				for _, s := range v.Subscriptions {
					if !s.Revoked && !seen[s.ID] {
						seen[s.ID] = true
						all = append(all, subscribed{s, v})
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b subscribed) int { return strings.Compare(a.sub.ID, b.sub.ID) })
	return all
}

func (d *Difference) subscriptions(old, new []subscribed) {
	find := func(all []subscribed, id string) *subscribed {
		if i := slices.IndexFunc(all, func(s subscribed) bool { return s.sub.ID == id }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	for i := range new {
		was := find(old, new[i].sub.ID)
		if was == nil {
			d.change("subscription %s of %s is new", new[i].sub.ID, new[i].sub.Partner().ID)
			was = &subscribed{}
		} else {
			d.terms(was, &new[i])
		}
		d.leaves(was, &new[i])
	}
	for i := range old {
		if find(new, old[i].sub.ID) == nil {
			d.change("subscription %s of %s is gone", old[i].sub.ID, old[i].sub.Partner().ID)
		}
	}
}

// terms compares what a subscription says but for its fields.
func (d *Difference) terms(old, new *subscribed) {
	a, b := old.sub, new.sub
	for _, t := range []struct{ name, old, new string }{
		{"partner", a.Partner().ID, b.Partner().ID}, {"contract", old.view.Contract.String(), new.view.Contract.String()},
		{"purpose", a.Purpose, b.Purpose}, {"legal basis", a.LegalBasis, b.LegalBasis}, {"agreements", strings.Join(a.Agreements, ", "), strings.Join(b.Agreements, ", ")}, {"expiry", a.Expires.String(), b.Expires.String()},
		{"destination", a.Destination.URL, b.Destination.URL}, {"format", string(a.Destination.Format), string(b.Destination.Format)},
		{"token domain", old.view.TokenDomain, new.view.TokenDomain},
	} {
		if t.old != t.new {
			d.change("subscription %s: %s is %s, was %s", b.ID, t.name, said(t.new), said(t.old))
		}
	}
	switch was, is := strings.TrimSpace(a.Filter), strings.TrimSpace(b.Filter); {
	case was == is:
	case was == "": // fewer rows than before
		d.change("subscription %s: only the rows where %s, was all", b.ID, is)
	default:
		d.Leaves = append(d.Leaves, Leaving{b.Partner().ID, b.ID, "", rows(is), rows(was)})
	}
	switch was, is := kept(old.view), kept(new.view); {
	case was == is:
	case was == "":
		d.change("subscription %s: no rows where %s", b.ID, is)
	default:
		d.Leaves = append(d.Leaves, Leaving{b.Partner().ID, b.ID, "", without(is), without(was)})
	}
	switch was, is := crowd(old.view), crowd(new.view); {
	case was == is:
	case was == "":
		d.change("subscription %s: only rows where %s", b.ID, is)
	default:
		d.Leaves = append(d.Leaves, Leaving{b.Partner().ID, b.ID, "", counted(is), counted(was)})
	}
}

// crowd is how many rows must be alike for them to leave, in words.
func crowd(v *policy.View) string {
	if v.KAnonymity == nil {
		return ""
	}
	return fmt.Sprintf("at least %d of a drop are alike in %s", v.KAnonymity.K, strings.Join(v.KAnonymity.Paths(v.Schema), ", "))
}

func without(rows string) string {
	if rows == "" {
		return "all that the filter lets through"
	}
	return "those but where " + rows
}

// kept is which rows the rules of a view's profile keep from leaving, in words.
func kept(v *policy.View) string {
	var all []string
	for _, r := range v.RowRules {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s matches %s %s", v.Schema.Fields[r.Field].Path, r.Match.Values, r.Match.Pattern)))
	}
	return strings.Join(all, " or ")
}

func counted(crowd string) string {
	if crowd == "" {
		return "rows of which nothing else in the drop is like them, too"
	}
	return "those where " + crowd
}

func said(text string) string {
	if text == "" {
		return "not said"
	}
	return text
}

func rows(filter string) string {
	if filter == "" {
		return "all"
	}
	return "those where " + filter
}

// leaves compares what leaves of each field.
func (d *Difference) leaves(old, new *subscribed) {
	before := shown(old.view)
	for _, f := range shown(new.view) {
		i := slices.IndexFunc(before, func(o field) bool { return o.path == f.path })
		switch {
		case f.how == none || i >= 0 && before[i].how == f.how:
		case i < 0 || before[i].how == none:
			d.Leaves = append(d.Leaves, Leaving{new.sub.Partner().ID, new.sub.ID, f.path, f.how, "not at all"})
		case f.kept:
			d.Leaves = append(d.Leaves, Leaving{new.sub.Partner().ID, new.sub.ID, f.path, f.how, before[i].how})
		default:
			d.change("subscription %s: %s leaves %s, was %s", new.sub.ID, f.path, f.how, before[i].how)
		}
	}
	after := shown(new.view)
	for _, f := range before {
		if i := slices.IndexFunc(after, func(o field) bool { return o.path == f.path }); f.how != none && (i < 0 || after[i].how == none) {
			d.change("subscription %s: %s no longer leaves", new.sub.ID, f.path)
		}
	}
}

// none is how a field leaves that does not.
const none = "–"

type field struct {
	path, how string
	kept      bool // as it is
}

// shown is how each field leaves that is decided on its own.
func shown(v *policy.View) []field {
	var all []field
	if v == nil {
		return nil
	}
	local.Walk(v.Schema, func(id int) bool {
		rule := v.Fields[id]
		if rule.Op == record.Descend {
			return true
		}
		all = append(all, field{v.Schema.Fields[id].Path, local.How(rule), rule.Op == record.Keep})
		return false
	})
	return all
}

// contracts compares the versions of contracts: with themselves, or where a
// version is new with the highest that is gone.
func (d *Difference) contracts(old, new *policy.Policy) {
	told := map[string]bool{}
	for _, c := range new.Bundle().Contracts() {
		var was *exchange.Contract
		for _, o := range versions(old, c.ID) {
			kept := slices.ContainsFunc(versions(new, c.ID), func(n *exchange.Contract) bool { return n.Version == o.Version })
			if o.Version == c.Version || !kept && (was == nil || was.Version != c.Version) {
				was = o
			}
		}
		if was == nil {
			d.change("contract %s is new", c)
			continue
		}
		if r := diff.Compare(was.Doc, c.Doc); len(r.Changes) > 0 || was.Version != c.Version {
			d.Contracts = append(d.Contracts, ContractChange{r, Of(r, Side{old, was}, Side{new, c})})
		}
		told[was.ID+" "+was.Version] = true
	}
	for _, c := range old.Bundle().Contracts() {
		if !told[c.ID+" "+c.Version] && !slices.ContainsFunc(versions(new, c.ID), func(n *exchange.Contract) bool { return n.Version == c.Version }) {
			d.change("contract %s is gone", c)
		}
	}
}

func versions(p *policy.Policy, id string) []*exchange.Contract {
	return slices.DeleteFunc(slices.Clone(p.Bundle().Versions(id)), func(c *exchange.Contract) bool { return c.ID != id })
}

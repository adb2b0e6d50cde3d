// Package impact tells whom a change of an exchange really touches: not who might
// be meant by it, but whose view of the data, whose filter or whose drops it is
// in.
package impact

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/shared/contract/diff"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// Touched is a partner whom a change touches.
type Touched struct {
	Partner string `json:"partner"`
	// Subscription through which the partner receives; "" for one who drops.
	Subscription string `json:"subscription,omitempty"`
	// Why in a few words: "drops it", "sees it", "filters by it".
	Why string `json:"why"`
}

func (t Touched) String() string {
	return fmt.Sprintf("%s (%s)", cmp.Or(t.Subscription, t.Partner), t.Why)
}

// Side is one version of a contract in one state of an exchange.
type Side struct {
	Policy   *policy.Policy     // nil: the exchange is not in order with it
	Contract *exchange.Contract // nil: it is not there
}

// view is what a subscription sees of an object on a side; nil if it is not there.
func (s Side) view(subscription, object string) *policy.View {
	if s.Policy == nil || s.Contract == nil {
		return nil
	}
	for _, v := range s.Policy.Views(s.Contract.ID, object) {
		if v.Contract == s.Contract && slices.ContainsFunc(v.Subscriptions, func(o *exchange.Subscription) bool { return o.ID == subscription }) {
			return v
		}
	}
	return nil
}

// receives is a subscription to an object of a contract.
type receives struct{ partner, subscription, object string }

// receivers are the subscriptions to either side, by id. Those that were revoked
// are none.
func receivers(sides ...Side) []receives {
	var all []receives
	for _, s := range sides {
		if s.Policy == nil || s.Contract == nil {
			continue
		}
		for _, p := range s.Policy.Bundle().Partners() {
			for _, sub := range p.Subscriptions {
				if sub.Resolved() == s.Contract && !sub.Revoked {
					all = append(all, receives{p.ID, sub.ID, cmp.Or(sub.Object, s.Contract.OnlyObject())})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b receives) int {
		return cmp.Or(cmp.Compare(a.subscription, b.subscription), cmp.Compare(a.object, b.object))
	})
	return slices.Compact(all)
}

// droppers are the partners who may drop an object, "" for any, on either side.
func droppers(object string, sides ...Side) []string {
	var all []string
	for _, s := range sides {
		if s.Policy == nil || s.Contract == nil {
			continue
		}
		for _, p := range s.Policy.Bundle().Partners() {
			for _, d := range p.Drops {
				if d.Resolved() == s.Contract && (object == "" || cmp.Or(d.Object, s.Contract.OnlyObject()) == object) {
					all = append(all, p.ID)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Of tells, for each change of a report, whom it touches; an empty list is nobody.
func Of(r diff.Report, old, new Side) [][]Touched {
	all := make([][]Touched, len(r.Changes))
	consumers := receivers(old, new)
	for i, c := range r.Changes {
		if c.Class&diff.BreaksProducer != 0 {
			for _, p := range droppers(c.Object, old, new) {
				all[i] = append(all[i], Touched{Partner: p, Why: "drops it"})
			}
		}
		for _, k := range consumers {
			if c.Object != "" && c.Object != k.object {
				continue
			}
			if why := consumer(c, old.view(k.subscription, k.object), new.view(k.subscription, k.object)); why != "" {
				all[i] = append(all[i], Touched{k.partner, k.subscription, why})
			}
		}
	}
	return all
}

// consumer tells why a change touches a subscription; "" if it does not.
func consumer(c diff.Change, old, new *policy.View) string {
	consumes := c.Class&diff.BreaksConsumer != 0
	if c.Path == "" {
		if consumes {
			return "receives it"
		}
		return ""
	}
	was, is := sight(old, c.Path), sight(new, c.Path)
	added := c.Kind == "property-added"
	switch {
	case new != nil && old != nil && is.shown && !was.shown && (c.Exposes || added):
		return "sees it from now on, " + is.how
	case new != nil && old != nil && c.Exposes && is.how != was.how:
		return fmt.Sprintf("sees it %s, not %s", is.how, was.how)
	case new != nil && old != nil && was.shown && !is.shown && strings.HasPrefix(c.Kind, "classification"):
		return "no longer sees it, " + was.how + " before"
	case new != nil && old != nil && consumes && strings.HasPrefix(c.Kind, "classification") && is.how != was.how:
		return fmt.Sprintf("sees it %s, not %s", is.how, was.how)
	case !consumes || strings.HasPrefix(c.Kind, "classification"):
		return ""
	case was.filtered || is.filtered:
		return "filters by it"
	case hidden(c, was) && (new == nil || hidden(c, is)):
		return ""
	case was.shown || is.shown:
		return "sees it " + cmp.Or(was.how, is.how)
	}
	return ""
}

// seen is how a view shows a field.
type seen struct {
	there    bool
	shown    bool
	filtered bool
	how      string // "as is", "token"; "" where it is not shown
	rule     policy.FieldRule
}

// sight is how a view shows a field, or where it has none of the path the nearest
// that holds it.
func sight(v *policy.View, path string) seen {
	if v == nil {
		return seen{}
	}
	field := -1
	for rest := strings.NewReplacer("{key}", "", "{value}", "").Replace(path); field <= 0 && rest != ""; {
		if field = v.Schema.Lookup(rest); field > 0 {
			break
		}
		if short, ok := strings.CutSuffix(rest, "[]"); ok {
			rest = short
			continue
		}
		rest = rest[:max(strings.LastIndex(rest, "."), 0)]
		if rest == "" || v.Schema.Lookup(rest) > 0 && v.Schema.Fields[v.Schema.Lookup(rest)].Type == record.Object {
			return seen{} // an object that is described does not have it
		}
	}
	if field <= 0 {
		return seen{}
	}
	s := seen{there: true, rule: v.Fields[field], filtered: v.Filter != nil && slices.Contains(v.Filter.Reads(), column(v.Schema, field))}
	if s.shown = shows(v, field); s.shown {
		s.how = local.How(s.rule)
	}
	return s
}

// shows tells whether anything of a field leaves.
func shows(v *policy.View, field int) bool {
	f := &v.Schema.Fields[field]
	switch v.Fields[field].Op {
	case record.Drop:
		return false
	case record.Descend:
		if f.Items >= 0 && f.Type == record.Array {
			return shows(v, f.Items)
		}
		return slices.ContainsFunc(f.Members, func(m int) bool { return shows(v, m) })
	}
	return true
}

// column is the top-level field that a field is in.
func column(s *record.Schema, field int) int {
	for s.Fields[field].Parent > 0 {
		field = s.Fields[field].Parent
	}
	return field
}

// hidden tells whether a change of what a field may hold is hidden from a view,
// since what leaves says nothing of the value's form. That the field is there at
// all, and that it may be empty, is not hidden by anything but dropping it.
func hidden(c diff.Change, s seen) bool {
	if !s.shown {
		return true
	}
	switch c.Attribute() {
	case "property", "required":
		return false
	}
	if s.rule.Op == record.Nullify {
		return true
	}
	return s.rule.Op == record.Replace && slices.Contains([]string{transform.Constant, transform.Token, transform.Dictionary}, s.rule.Transform.Type)
}

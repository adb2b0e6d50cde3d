package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// checkedWarning is something that ends, and who has to do with it. Its hint says
// what to use instead.
type checkedWarning struct {
	yamldoc.Problem
	Contract   string    `json:"contract"`
	Version    string    `json:"version,omitempty"` // where the contract has several
	Object     string    `json:"object,omitempty"`  // the schema object, if it is not the whole contract
	Field      string    `json:"field,omitempty"`   // the field, if it is not the whole object
	Ended      bool      `json:"ended,omitempty"`   // drops are refused, and nothing is delivered
	Sunset     time.Time `json:"sunset,omitzero"`   // the first moment at which it has ended
	DroppedBy  []string  `json:"droppedBy,omitempty"`
	ReceivedBy []string  `json:"receivedBy,omitempty"` // subscriptions
}

// warn finds what is deprecated, in the order of contracts and of what stands in
// them, then what nothing feeds, and agreements that end.
func warn(p *policy.Policy, now time.Time) []checkedWarning {
	var all []checkedWarning
	for _, c := range p.Bundle().Contracts() {
		d, _ := c.Doc.Deprecation() // the exchange is checked: there are no problems
		if d.Announced() {
			all = append(all, ends(p, c, d, now))
		}
		for _, e := range c.Doc.Deprecated() {
			all = append(all, marked(p, c, d, e, now))
		}
	}
	for _, partner := range p.Bundle().Partners() {
		for _, s := range partner.Subscriptions {
			if message, hint := unfed(p, s); !s.Revoked && message != "" {
				all = append(all, checkedWarning{Contract: s.Resolved().ID, Version: versionOf(p.Bundle(), s.Resolved()), ReceivedBy: []string{s.ID},
					Problem: s.Problem("contract", message, hint)})
			}
		}
		for i, a := range partner.Agreements {
			if w, ends := agreementEnds(p, partner, a, now); ends {
				w.Problem = partner.Problem(fmt.Sprintf("agreements[%d].expires", i), w.Message, w.Hint)
				all = append(all, w)
			}
		}
	}
	return all
}

// unfed says why no rows of what a subscription is to can come, and what to do: no
// partner may drop them, nor what migrations make them of. It is "" if they can.
func unfed(p *policy.Policy, s *exchange.Subscription) (message, hint string) {
	b, to, object := p.Bundle(), s.Resolved(), cmp.Or(s.Object, s.Resolved().OnlyObject())
	if len(droppers(b, to, object)) > 0 {
		return "", ""
	}
	message, hint = "no migration leads there", "give a partner a rule under drops:, or take the subscription out"
	for _, from := range b.Versions(to.ID) {
		if len(droppers(b, from, object)) == 0 {
			continue
		}
		leads := p.Leads(from, object)
		if slices.Contains(leads, to) {
			return "", ""
		}
		near := from // of the versions between, the one nearest to the subscription's that migrations lead to
		order := func(c *exchange.Contract) int { return slices.Index(b.Versions(to.ID), c) }
		for _, doc := range leads {
			if up := order(near) < order(doc) && order(doc) < order(to); up || order(near) > order(doc) && order(doc) > order(to) {
				near = doc
			}
		}
		message = fmt.Sprintf("no migration leads there from version %s, which is dropped", from.Version)
		if near != from {
			message += fmt.Sprintf(": migrations end at %s", near.Version)
		}
		hint = fmt.Sprintf("write a migration from %s to %s, or take the subscription out", near.Version, to.Version)
	}
	return fmt.Sprintf("nothing feeds subscription %s: no partner may drop contract %s, and %s", s.ID, to, message), hint
}

// endsSoon is how long before its end an agreement is warned of.
const endsSoon = 30 * 24 * time.Hour

// agreementEnds warns of an agreement that has ended or soon does, if subscriptions
// stand on it.
func agreementEnds(p *policy.Policy, partner *exchange.Partner, a *exchange.Agreement, now time.Time) (w checkedWarning, ends bool) {
	if a.Expires.IsZero() || now.Add(endsSoon).Before(a.Expires.Instant()) {
		return w, false
	}
	for _, s := range partner.Subscriptions {
		if !s.Revoked && slices.Contains(s.Stands(), a) {
			w.Contract, w.ReceivedBy = s.Resolved().ID, append(w.ReceivedBy, s.ID)
			w.DroppedBy = append(w.DroppedBy, droppers(p.Bundle(), s.Resolved(), "")...)
		}
	}
	slices.Sort(w.DroppedBy)
	w.DroppedBy = slices.Compact(w.DroppedBy)
	w.Ended, w.Sunset = !now.Before(a.Expires.Instant()), a.Expires.Instant()
	w.Message = fmt.Sprintf("agreement %s (%s) of %s ends %s", a.ID, a.Type, partner.ID, lastMoment(w.Sunset))
	if w.Ended {
		w.Message = fmt.Sprintf("agreement %s (%s) of %s ended %s: nothing is delivered that stands on it", a.ID, a.Type, partner.ID, lastMoment(w.Sunset))
	}
	w.Hint = "sign it anew and set a later expires:"
	return w, len(w.ReceivedBy) > 0
}

// ends warns of a contract that ends as a whole.
func ends(p *policy.Policy, c *exchange.Contract, d contract.Deprecation, now time.Time) checkedWarning {
	w := checkedWarning{Contract: c.ID, Version: versionOf(p.Bundle(), c), Ended: d.Ended(now), Sunset: d.Sunset}
	w.Problem = c.Problem(d.Path, endsHow(c, d, now), cmp.Or(instead(d), "say with migration: what to use instead"))
	w.DroppedBy = droppers(p.Bundle(), c, "")
	for _, o := range c.Objects() {
		w.ReceivedBy = append(w.ReceivedBy, receivers(p, c, o, "", now)...)
	}
	slices.Sort(w.ReceivedBy)
	return w
}

// endsHow says how a contract ends, in words.
func endsHow(c *exchange.Contract, d contract.Deprecation, now time.Time) string {
	const over = ": drops are refused, and nothing is delivered"
	switch {
	case d.Ended(now) && !d.Sunset.IsZero() && !now.Before(d.Sunset):
		return fmt.Sprintf("contract %s ended %s%s", c, lastMoment(d.Sunset), over)
	case d.Ended(now):
		return fmt.Sprintf("contract %s is retired%s", c, over)
	}
	message := fmt.Sprintf("contract %s is deprecated", c)
	if !d.InForce(now) {
		message = fmt.Sprintf("contract %s will be deprecated from %s on", c, firstMoment(d.From))
	} else if !d.From.IsZero() && !d.From.After(now) {
		message += " since " + firstMoment(d.From)
	}
	if !d.Sunset.IsZero() {
		message += ", and ends " + lastMoment(d.Sunset)
	}
	return message
}

// firstMoment writes the beginning of a time: as a day, if it is one's.
func firstMoment(t time.Time) string {
	if t.Truncate(24 * time.Hour).Equal(t) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// lastMoment writes the end of a time, which t does not belong to.
func lastMoment(t time.Time) string {
	if t.Truncate(24 * time.Hour).Equal(t) {
		return "with " + t.AddDate(0, 0, -1).Format(time.DateOnly) + " (UTC)"
	}
	return "at " + t.Format(time.RFC3339)
}

// marked warns of a schema object or a field that the contract marks.
func marked(p *policy.Policy, c *exchange.Contract, d contract.Deprecation, e contract.DeprecatedElement, now time.Time) checkedWarning {
	what := fmt.Sprintf("object %s of contract %s", e.Object, c)
	if e.Field != "" {
		what = fmt.Sprintf("field %s of contract %s object %s", e.Field, c, e.Object)
	}
	return checkedWarning{Contract: c.ID, Version: versionOf(p.Bundle(), c), Object: e.Object, Field: e.Field,
		Problem:   c.Problem(e.Path, what+" is deprecated", instead(d)),
		DroppedBy: droppers(p.Bundle(), c, e.Object), ReceivedBy: receivers(p, c, e.Object, e.Field, now)}
}

// instead says what to use instead, "" if the contract does not.
func instead(d contract.Deprecation) string {
	if d.Migration == "" {
		return ""
	}
	return "see " + d.Migration + " for what to use instead"
}

// versionOf is the version of a contract, "" if there is only one.
func versionOf(b *exchange.Bundle, c *exchange.Contract) string {
	if len(b.Versions(c.ID)) > 1 {
		return c.Version
	}
	return ""
}

// droppers are the partners who may drop an object of a contract, "" for any.
func droppers(b *exchange.Bundle, c *exchange.Contract, object string) []string {
	var ids []string
	for _, partner := range b.Partners() {
		if slices.ContainsFunc(partner.Drops, func(d *exchange.DropRule) bool {
			return d.Resolved() == c && (object == "" || cmp.Or(d.Object, c.OnlyObject()) == object)
		}) {
			ids = append(ids, partner.ID)
		}
	}
	return ids
}

// receivers are the subscriptions to an object of a contract that have not ended
// for reasons of their own and see the field, "" for any.
func receivers(p *policy.Policy, c *exchange.Contract, object, field string, now time.Time) []string {
	var ids []string
	for _, v := range p.Views(c.ID, object) {
		if v.Contract != c {
			continue
		}
		if f := v.Schema.Lookup(field); field != "" && f > 0 && v.Fields[f].Op == record.Drop {
			continue
		}
		for _, s := range v.Subscriptions {
			if !s.Revoked && (s.Expires.IsZero() || now.Before(s.Expires.Instant())) {
				ids = append(ids, s.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// show says what ends, who has to do with it, and what to do.
func (w *checkedWarning) show(out *show.Screen) {
	at := w.Problem
	at.Path, at.Hint = "", ""
	for _, line := range wrapped(out, 0, at.Error()) {
		out.Printf("%s\n", out.Paint(show.Changed, line))
	}
	who := func(ids []string) string { return cmp.Or(strings.Join(ids, ", "), "nobody") }
	out.Text(2, fmt.Sprintf("Dropped by %s; received by %s.", who(w.DroppedBy), who(w.ReceivedBy)))
	if w.Hint != "" {
		out.Text(2, strings.ToUpper(w.Hint[:1])+w.Hint[1:]+".")
	}
}

// wrapped breaks a text, of which each line is to be painted, as Screen.Text does.
func wrapped(out *show.Screen, indent int, text string) []string {
	return show.Wrap(show.Clean(text), min(out.Width, show.DefaultWidth)-indent)
}

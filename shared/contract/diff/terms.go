package diff

import (
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/shared/contract"
)

// contract compares two documents.
func (c *comparer) contract(a, b *contract.Contract) {
	c.notes("", *a, *b, "id", "version", "status", "schema", "customProperties", "slaProperties", "tags")
	if a.ID != b.ID {
		c.add(Change{Kind: "id-" + Changed, Old: a.ID, New: b.ID, Class: BreaksProducer | BreaksConsumer, Why: "it is another contract"})
	}
	if a.Status != b.Status {
		ch := Change{Kind: "status-" + Changed, Old: a.Status, New: b.Status, Level: Minor}
		if strings.EqualFold(b.Status, "retired") {
			ch.Class, ch.Why = BreaksProducer|BreaksConsumer, "a retired contract is neither dropped nor delivered"
		}
		c.add(ch)
	}
	c.tags("", a.Tags, b.Tags)
	c.custom("", a.CustomProperties, b.CustomProperties)
	c.levels(a, b)
	c.objects(a, b)
}

// levels compares service levels: the same if property, element and driver are.
func (c *comparer) levels(a, b *contract.Contract) {
	list := func(all []contract.SLAProperty) []names {
		out := make([]names, len(all))
		for i, s := range all {
			out[i] = names{s.ID, strings.ToLower(s.Property) + " " + s.Element + " " + s.Driver}
		}
		return out
	}
	show := func(s contract.SLAProperty) string {
		return strings.TrimSpace(s.Property + " " + number(s.Value) + " " + s.Unit)
	}
	for _, p := range pairs(list(a.SLAProperties), list(b.SLAProperties)) {
		switch {
		case p.old < 0:
			c.add(Change{Kind: "slaProperties-" + Added, New: show(b.SLAProperties[p.new]), Level: Minor})
		case p.new < 0:
			c.add(Change{Kind: "slaProperties-" + Removed, Old: show(a.SLAProperties[p.old]), Class: BreaksConsumer, Why: "what was promised is no longer"})
		default:
			c.sameLevel(a, b, p, show)
		}
	}
}

// sameLevel compares a service level that both have. Which of two is better is known
// of periods and percentages; else the change may be for the worse.
func (c *comparer) sameLevel(a, b *contract.Contract, p pair, show func(contract.SLAProperty) string) {
	x, y := a.SLAProperties[p.old], b.SLAProperties[p.new]
	if same(x, y) {
		return
	}
	ch := Change{Kind: "slaProperties-" + Changed, Old: show(x), New: show(y)}
	if ch.Old == ch.New {
		c.add(ch)
		return
	}
	was, okA := levelOf(a, p.old)
	is, okB := levelOf(b, p.new)
	better, known := false, false
	if okA && okB {
		better, known = was.better(is)
	}
	switch {
	case known && better:
		ch.Kind, ch.Level = "slaProperties-"+Tightened, Minor
	case known:
		ch.Kind, ch.Class, ch.Why = "slaProperties-"+Loosened, BreaksConsumer, "less is promised"
	default:
		ch.Class = BreaksConsumer
	}
	c.add(ch)
}

// levelOf is the service level at an index, if it was understood.
func levelOf(c *contract.Contract, at int) (level, bool) {
	all, _ := c.ServiceLevels()
	for _, l := range all {
		if l.Path == fmt.Sprintf("slaProperties[%d]", at) {
			return level(l), l.Known
		}
	}
	return level{}, false
}

// level is a contract.ServiceLevel that compares.
type level contract.ServiceLevel

// better tells whether next promises more; known is false where they do not
// compare.
func (l level) better(next level) (better, known bool) {
	if l.Property != next.Property {
		return false, false
	}
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	longer := next.Period.After(start).Compare(l.Period.After(start))
	switch l.Property {
	case "frequency", "latency", "timeToDetect", "timeToNotify", "timeToRepair":
		return longer < 0, longer != 0 && l.Longest == next.Longest
	case "retention":
		return longer > 0, longer != 0 && l.Longest == next.Longest
	case "availability":
		return next.Percent > l.Percent, next.Percent != l.Percent
	case "errorRate":
		return next.Percent < l.Percent, next.Percent != l.Percent
	case "endOfSupport", "endOfLife":
		return next.Moment.After(l.Moment), !next.Moment.Equal(l.Moment)
	case "generalAvailability":
		return next.Moment.Before(l.Moment), !next.Moment.Equal(l.Moment)
	}
	return false, false
}

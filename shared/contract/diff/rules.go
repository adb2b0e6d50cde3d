package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
)

// element compares what objects and properties have in common, but for their
// members.
func (c *comparer) element(path string, a, b *contract.Element) {
	c.tags(path, a.Tags, b.Tags)
	c.deprecated(path, a.Deprecated, b.Deprecated)
	c.quality(path, a.Quality, b.Quality)
	c.relationships(path, a.Relationships, b.Relationships)
	c.custom(path, a.CustomProperties, b.CustomProperties)
}

// tags compares what rules of profiles may name.
func (c *comparer) tags(path string, old, new []string) {
	for _, tag := range new {
		if !slices.Contains(old, tag) {
			c.add(Change{Path: path, Kind: "tag-added", New: tag, Level: Minor})
		}
	}
	for _, tag := range old {
		if !slices.Contains(new, tag) {
			c.add(Change{Path: path, Kind: "tag-removed", Old: tag, Level: Minor, Exposes: true, Why: "a rule that masks by this tag no longer does"})
		}
	}
}

func (c *comparer) deprecated(path string, old, new bool) {
	if old != new {
		how := map[bool]string{true: Added, false: Removed}[new]
		c.add(Change{Path: path, Kind: "deprecated-" + how, Level: Minor})
	}
}

// quality compares rules: the same if their ids or names are, or else what they
// measure. A rule decides if it is of the library and its severity is error.
func (c *comparer) quality(path string, old, new []contract.Quality) {
	list := func(all []contract.Quality) []names {
		out := make([]names, len(all))
		for i, q := range all {
			out[i] = names{q.ID, q.Name}
			if q.Name == "" {
				out[i].name = fmt.Sprint(measured(q), q.Rule, q.Query, q.Arguments, q.Description)
			}
		}
		return out
	}
	for _, p := range pairs(list(old), list(new)) {
		switch {
		case p.old < 0:
			c.rule(path, Added, Tightened, "", ruleText(new[p.new]), decides(new[p.new]))
		case p.new < 0:
			c.rule(path, Removed, Loosened, ruleText(old[p.old]), "", decides(old[p.old]))
		default:
			c.sameRule(path, old[p.old], new[p.new])
		}
	}
}

func (c *comparer) rule(path, how, effect, old, new string, decides bool) {
	ch := Change{Path: path, Kind: "quality-" + how, Old: old, New: new}
	if decides {
		ch.Data = true
		ch.Class = map[string]Class{Tightened: BreaksProducer, Loosened: BreaksConsumer, Changed: BreaksProducer | BreaksConsumer}[effect]
	}
	c.add(ch)
}

func (c *comparer) sameRule(path string, a, b contract.Quality) {
	was, is := decides(a), decides(b)
	switch {
	case reflect.DeepEqual(a, b):
	case was && !is:
		c.rule(path, Loosened, Loosened, ruleText(a), ruleText(b), true)
	case !was && is:
		c.rule(path, Tightened, Tightened, ruleText(a), ruleText(b), true)
	case !is:
		c.rule(path, Changed, Changed, ruleText(a), ruleText(b), false)
	case measured(a) == measured(b) && a.Unit == b.Unit && reflect.DeepEqual(a.Arguments, b.Arguments) && reflect.DeepEqual(a.ValidValues, b.ValidValues):
		how := compareOperators(a.Operators, b.Operators)
		c.rule(path, how, how, ruleText(a), ruleText(b), how != "" && !reflect.DeepEqual(a.Operators, b.Operators))
	default:
		c.rule(path, Changed, Changed, ruleText(a), ruleText(b), true)
	}
}

// compareOperators tells what became of a rule with one upper or lower bound; of
// anything else only that it changed.
func compareOperators(a, b contract.Operators) string {
	for _, o := range []struct {
		old, new *float64
		least    bool
	}{
		{a.MustBeLessThan, b.MustBeLessThan, false}, {a.MustBeLessOrEqualTo, b.MustBeLessOrEqualTo, false},
		{a.MustBeGreaterThan, b.MustBeGreaterThan, true}, {a.MustBeGreaterOrEqualTo, b.MustBeGreaterOrEqualTo, true},
	} {
		if o.old == nil || o.new == nil || *o.old == *o.new {
			continue
		}
		if (*o.new > *o.old) == o.least {
			return Tightened
		}
		return Loosened
	}
	return Changed
}

func measured(q contract.Quality) string {
	if q.Metric != "" {
		return q.Metric
	}
	return q.Rule
}

// decides tells whether a rule can refuse rows or a drop.
func decides(q contract.Quality) bool {
	return (q.Type == "library" || q.Type == "" && measured(q) != "") && (q.Severity == "" || strings.EqualFold(q.Severity, "error"))
}

// ruleText is a rule for people.
func ruleText(q contract.Quality) string {
	name := q.Name
	if name == "" {
		name = measured(q)
	}
	if name == "" {
		name = q.Type
	}
	var parts []string
	v := reflect.ValueOf(q.Operators)
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			parts = append(parts, key+" "+text(f.Interface()))
		}
	}
	if q.Unit != "" {
		parts = append(parts, q.Unit)
	}
	return strings.TrimSpace(name + " " + strings.Join(parts, " "))
}

// relationships compares foreign keys.
func (c *comparer) relationships(path string, old, new []contract.Relationship) {
	key := func(r contract.Relationship) string { return fmt.Sprint(r.Type, " ", r.From, " ", r.To) }
	list := func(all []contract.Relationship) []names {
		out := make([]names, len(all))
		for i, r := range all {
			out[i] = names{r.ID, key(r)}
		}
		return out
	}
	for _, p := range pairs(list(old), list(new)) {
		switch {
		case p.old < 0:
			c.data(path, "relationships", Tightened, "", text(new[p.new].To))
		case p.new < 0:
			c.data(path, "relationships", Loosened, text(old[p.old].To), "")
		case key(old[p.old]) != key(new[p.new]):
			c.data(path, "relationships", Changed, text(old[p.old].To), text(new[p.new].To))
		case !reflect.DeepEqual(old[p.old], new[p.new]):
			c.note(path, "relationships", old[p.old].ID, new[p.new].ID)
		}
	}
}

// custom compares customProperties: ours mean something, others are noted.
func (c *comparer) custom(path string, old, new []contract.CustomProperty) {
	list := func(all []contract.CustomProperty) []names {
		out := make([]names, len(all))
		for i, p := range all {
			out[i].name = strings.ToLower(p.Vendor) + " " + p.Property
		}
		return out
	}
	for _, p := range pairs(list(old), list(new)) {
		var a, b contract.CustomProperty
		how := Changed
		if p.old >= 0 {
			a = old[p.old]
		} else {
			how = Added
		}
		if p.new >= 0 {
			b = new[p.new]
		} else {
			how = Removed
		}
		if reflect.DeepEqual(a, b) {
			continue
		}
		name := a.Property + b.Property
		if how == Changed {
			name = a.Property
		}
		if !a.Ours() && !b.Ours() || how == Changed && reflect.DeepEqual(a.Value, b.Value) {
			c.add(Change{Path: path, Kind: "customProperties-" + how, Old: a.Property, New: b.Property})
			continue
		}
		c.ours(path, name, how, a.Value, b.Value)
	}
}

// ours compares one of our own additions.
func (c *comparer) ours(path, name, how string, old, new any) {
	was, is := plainText(old), plainText(new)
	switch name {
	case "enum": // compared with the type
	case "format":
		effect := map[string]string{Added: Tightened, Removed: Loosened, Changed: Changed}[how]
		c.data(path, "dropFormat", effect, was, is)
	case "invalidRows":
		c.add(Change{Path: path, Kind: "invalidRows-" + how, Old: was, New: is, Class: BreaksProducer,
			Why: "how many invalid rows refuse a whole drop has changed"})
	case "deprecation":
		if before, after := sunset(old), sunset(new); before != "" && after != "" && after < before {
			c.add(Change{Path: path, Kind: "deprecation-" + Tightened, Old: was, New: is, Class: BreaksProducer | BreaksConsumer,
				Why: "the contract ends earlier than was announced"})
			return
		}
		c.add(Change{Path: path, Kind: "deprecation-" + how, Old: was, New: is, Level: Minor})
	default:
		c.add(Change{Path: path, Kind: "customProperties-" + how, Old: name, New: name})
	}
}

// sunset is when a contract ends by the value of its deprecation, so that an earlier
// one is less; "" if it does not say. A day still counts.
func sunset(deprecation any) string {
	m, _ := deprecation.(map[string]any)
	text, _ := m["sunset"].(string)
	if len(text) == len("2026-12-31") {
		text += "T24"
	}
	return text
}

func plainText(v any) string {
	if v == nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(v), "map["), "]")
}

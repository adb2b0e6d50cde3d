package migration

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/record"
)

// satisfied holds the values of a field, as the steps have left them, to a field
// of the new version.
func (c *compiler) satisfied(id int, f *flow) {
	h := holder{from: c.from, to: c.to}
	required := isRequired(c.from, f.from, nil) || f.fill != nil
	h.field(f.from, id, f.cast, required)
	if f.changed() && len(enforced(c.to.Properties[id].Quality)) > 0 {
		h.tighter(id, "has quality rules, which cannot be shown to hold for values that are changed")
	}
	for _, why := range h.broken {
		c.add(f.at, fmt.Sprintf("the field %s of %s %s", why.path, c.version(), why.message), why.hint)
	}
}

// holder gathers why values of one version may not be values of another.
type holder struct {
	from, to *contract.Compiled
	broken   []broken
}

type broken struct{ path, message, hint string }

func (h *holder) tighter(id int, message string) {
	h.broken = append(h.broken, broken{h.to.Schema.Fields[id].Path, message, "let the new version accept what the old one does"})
}

// isRequired tells whether a field has a value in every row, or in every object
// that holds it and has the options.
func isRequired(c *contract.Compiled, id int, holder *contract.Property) bool {
	p := c.Properties[id]
	return p.Required || p.PrimaryKey || holder != nil && slices.Contains(holder.LogicalTypeOptions.Required, c.Schema.Fields[id].Name)
}

// field holds a field of the old version, and what is inside it, to one of the new.
func (h *holder) field(from, to int, by cast, required bool) {
	old, next := h.from.Properties[from], h.to.Properties[to]
	a, b := &h.from.Schema.Fields[from], &h.to.Schema.Fields[to]
	is, called := a.Type, name(h.from, from)
	if by.kind != asIs {
		is, called = by.to, by.to.String()
	}
	as := name(h.to, to)
	if is != b.Type && (is != record.Object || as != "object") || as != called && (as == "vector" || as == "map") {
		h.broken = append(h.broken, broken{b.Path, fmt.Sprintf("is of type %s, and the values are of type %s", as, called), "add a step cast, or let the type stay"})
		return
	}
	if isRequired(h.to, to, h.holder(to)) && !required {
		h.broken = append(h.broken, broken{b.Path, "is required, and may be missing in the old version", "add a step default"})
	}
	h.options(from, to, by)
	h.enum(from, to)
	h.quality(from, to)
	if !reflect.DeepEqual(next.Relationships, old.Relationships) && len(next.Relationships) > 0 {
		h.tighter(to, "has relationships that the old version has not")
	}
	if !reflect.DeepEqual(next.Map, old.Map) && next.Map != nil {
		h.tighter(to, "is a map with other keys or values")
	}
	switch {
	case b.Type == record.Object:
		h.members(from, to)
	case b.Type == record.Array && b.Items >= 0 && a.Items >= 0:
		h.field(a.Items, b.Items, cast{}, isRequired(h.from, a.Items, nil))
	case b.Type == record.Array && b.Items >= 0:
		h.tighter(to, "describes its items, and the old version does not")
	}
}

// holder is the property of what holds a field, nil if that is the row or an array.
func (h *holder) holder(id int) *contract.Property {
	return h.to.Properties[h.to.Schema.Fields[id].Parent]
}

func name(c *contract.Compiled, id int) string {
	if l := c.Properties[id].LogicalType; l != "" {
		return l
	}
	return c.Schema.Fields[id].Type.String()
}

// members holds what is inside an object: rows must not have a member that the
// new version does not, nor lack one that it requires.
func (h *holder) members(from, to int) {
	a, b := &h.from.Schema.Fields[from], &h.to.Schema.Fields[to]
	for _, m := range a.Members {
		member := h.to.Schema.Member(to, []byte(h.from.Schema.Fields[m].Name))
		if member < 0 {
			h.broken = append(h.broken, broken{b.Path, fmt.Sprintf("has no member %q, and objects of the old version may have one", h.from.Schema.Fields[m].Name), "steps are for top-level fields: let the member stay in the new version"})
			continue
		}
		h.field(m, member, cast{}, isRequired(h.from, m, h.from.Properties[from]))
	}
	for _, m := range b.Members {
		if h.from.Schema.Member(from, []byte(h.to.Schema.Fields[m].Name)) < 0 && isRequired(h.to, m, h.to.Properties[to]) {
			h.broken = append(h.broken, broken{h.to.Schema.Fields[m].Path, "is required, and the old version does not have it", "steps are for top-level fields: let the new version not require it"})
		}
	}
}

// options holds the logicalTypeOptions of a field to those of the new version.
func (h *holder) options(from, to int, by cast) {
	old, next := h.from.Properties[from].LogicalTypeOptions, h.to.Properties[to].LogicalTypeOptions
	if by.kind != asIs && by.kind != toNumber {
		h.castOptions(to, by, next)
		return
	}
	same := func(name string, equal, set bool) {
		if set && !equal {
			h.tighter(to, fmt.Sprintf("has another %s", name))
		}
	}
	atLeast := func(name string, old, next *int) {
		if next != nil && *next > 0 && (old == nil || *old < *next) {
			h.tighter(to, fmt.Sprintf("has %s: %d", name, *next))
		}
	}
	atMost := func(name string, old, next *int) {
		if next != nil && (old == nil || *old > *next) {
			h.tighter(to, fmt.Sprintf("has %s: %d", name, *next))
		}
	}
	typ := h.to.Schema.Fields[to].Type
	switch typ {
	case record.Date, record.Timestamp, record.Time:
		same("format", old.Format == next.Format, true) // none is one of its own
		same("timezone", reflect.DeepEqual(old.Timezone, next.Timezone), next.Timezone != nil)
		bounded := next.Minimum != nil || next.Maximum != nil || next.ExclusiveMinimum != nil || next.ExclusiveMaximum != nil
		same("defaultTimezone", old.DefaultTimezone == next.DefaultTimezone, bounded)
		same("minimum", reflect.DeepEqual(old.Minimum, next.Minimum), next.Minimum != nil)
		same("maximum", reflect.DeepEqual(old.Maximum, next.Maximum), next.Maximum != nil)
		same("exclusiveMinimum", reflect.DeepEqual(old.ExclusiveMinimum, next.ExclusiveMinimum), next.ExclusiveMinimum != nil)
		same("exclusiveMaximum", reflect.DeepEqual(old.ExclusiveMaximum, next.ExclusiveMaximum), next.ExclusiveMaximum != nil)
	case record.Integer, record.Number:
		h.numbers(from, to)
		same("multipleOf", fmt.Sprint(old.MultipleOf) == fmt.Sprint(next.MultipleOf), next.MultipleOf != nil)
	default:
		same("format", old.Format == next.Format, next.Format != "")
	}
	same("pattern", old.Pattern == next.Pattern, next.Pattern != "")
	atLeast("minLength", old.MinLength, next.MinLength)
	atMost("maxLength", old.MaxLength, next.MaxLength)
	atLeast("minItems", old.MinItems, next.MinItems)
	atMost("maxItems", old.MaxItems, next.MaxItems)
	atLeast("minProperties", old.MinProperties, next.MinProperties)
	atMost("maxProperties", old.MaxProperties, next.MaxProperties)
	same("uniqueItems", old.UniqueItems, next.UniqueItems)
	if next.Dimensions != nil {
		same("dimensions", reflect.DeepEqual(old.Dimensions, next.Dimensions), true)
		same("elementType", old.ElementType == next.ElementType, true)
		same("normalized", reflect.DeepEqual(old.Normalized, next.Normalized), next.Normalized != nil)
	}
}

// castOptions holds values that have become of another type: of which nothing is
// known but that, and that they are not empty.
func (h *holder) castOptions(to int, by cast, next contract.Options) {
	rest := next
	switch by.to {
	case record.String:
		if rest.MinLength != nil && *rest.MinLength <= 1 {
			rest.MinLength = nil
		}
	case record.Timestamp:
		if rest.Timezone != nil && *rest.Timezone {
			rest.Timezone = nil // all have one
		}
		rest.DefaultTimezone = ""
	}
	if !reflect.DeepEqual(rest, contract.Options{}) {
		h.tighter(to, "has logicalTypeOptions, which cannot be shown to hold for values that are cast")
	}
}

// numbers holds the bounds and formats of numbers.
func (h *holder) numbers(from, to int) {
	old, next := h.from.Properties[from].LogicalTypeOptions, h.to.Properties[to].LogicalTypeOptions
	if a, b := h.from.Schema.Fields[from].Format, h.to.Schema.Fields[to].Format; !wider(a, b) {
		h.tighter(to, fmt.Sprintf("has the format %s", b))
	}
	lower := func(a, b *big.Rat) bool { return a != nil && b != nil && a.Cmp(b) >= 0 }
	higher := func(a, b *big.Rat) bool { return a != nil && b != nil && a.Cmp(b) <= 0 }
	low, high := number(old.Minimum), number(old.Maximum)
	above, below := number(old.ExclusiveMinimum), number(old.ExclusiveMaximum)
	beyond := func(a, b *big.Rat) bool { return a != nil && b != nil && a.Cmp(b) != 0 } // an exclusive bound needs more
	for _, bound := range []struct {
		name string
		set  any
		held bool
	}{
		{"minimum", next.Minimum, lower(low, number(next.Minimum)) || lower(above, number(next.Minimum))},
		{"maximum", next.Maximum, higher(high, number(next.Maximum)) || higher(below, number(next.Maximum))},
		{"exclusiveMinimum", next.ExclusiveMinimum, lower(above, number(next.ExclusiveMinimum)) ||
			lower(low, number(next.ExclusiveMinimum)) && beyond(low, number(next.ExclusiveMinimum))},
		{"exclusiveMaximum", next.ExclusiveMaximum, higher(below, number(next.ExclusiveMaximum)) ||
			higher(high, number(next.ExclusiveMaximum)) && beyond(high, number(next.ExclusiveMaximum))},
	} {
		if bound.set != nil && !bound.held {
			h.tighter(to, fmt.Sprintf("has %s: %v", bound.name, bound.set))
		}
	}
}

// number is a bound, nil if it is none.
func number(v any) *big.Rat {
	if v == nil {
		return nil
	}
	if r, ok := new(big.Rat).SetString(fmt.Sprint(v)); ok {
		return r
	}
	return nil
}

// wider tells whether all numbers of one format (see record.Field) are numbers of
// another.
func wider(old, next string) bool {
	switch {
	case next == "" || old == next:
		return true
	case next == "f64" && (old == "f32" || width(old) > 0):
		return true
	case width(old) == 0 || width(next) == 0:
		return false
	case old[0] == next[0]:
		return width(old) <= width(next)
	}
	return old[0] == 'u' && width(old) < width(next)
}

// width is that of an integer's format in bits, 0 if it is none.
func width(format string) int {
	if len(format) < 2 || format[0] != 'i' && format[0] != 'u' {
		return 0
	}
	bits, err := strconv.Atoi(format[1:])
	if err != nil {
		return 0
	}
	return bits
}

// enum holds the values that a field may have: each of the old version's must be
// one of the new's.
func (h *holder) enum(from, to int) {
	old, next := values(h.from.Properties[from]), values(h.to.Properties[to])
	if len(next) == 0 {
		return
	}
	if len(old) == 0 {
		h.tighter(to, "has an enum, and the old version accepts other values")
		return
	}
	for _, v := range old {
		if !slices.Contains(next, v) {
			h.tighter(to, "has an enum that lacks a value of the old version's")
			return
		}
	}
}

// values are those of a property's enum, ours or the standard's; none: any.
func values(p *contract.Property) []string {
	var all []string
	for _, v := range p.Enum {
		all = append(all, fmt.Sprintf("%T %v", v.Value, v.Value))
	}
	for _, custom := range p.CustomProperties {
		list, ok := custom.Value.([]any)
		if ok && custom.Property == "enum" && strings.EqualFold(custom.Vendor, "sallyport") {
			for _, v := range list {
				all = append(all, fmt.Sprintf("%T %v", v, v))
			}
		}
	}
	return all
}

// quality holds the quality rules of a field: those of the new version must be
// the old one's, too.
func (h *holder) quality(from, to int) {
	old := enforced(h.from.Properties[from].Quality)
	for _, q := range enforced(h.to.Properties[to].Quality) {
		if !slices.ContainsFunc(old, func(o contract.Quality) bool { return reflect.DeepEqual(o, q) }) {
			h.tighter(to, "has a quality rule that the old version has not")
		}
	}
}

// enforced are the quality rules that refuse rows or drops, without the words that
// people have for them.
func enforced(all []contract.Quality) []contract.Quality {
	var rules []contract.Quality
	for _, q := range all {
		switch severity := strings.ToLower(q.Severity); {
		case q.Type == "text" || q.Type == "sql" || q.Type == "custom":
		case q.Type == "" && q.Metric == "" && q.Rule == "":
		case severity == "info" || severity == "warning":
		default:
			rules = append(rules, contract.Quality{Type: "library", Metric: q.Metric, Rule: q.Rule, Arguments: q.Arguments, ValidValues: q.ValidValues, Unit: q.Unit, Operators: q.Operators})
		}
	}
	return rules
}

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
// of the new version, but for what is inside it. It answers whether they are of
// its type.
func (c *compiler) satisfied(id int, f *flow, at string) bool {
	old, next := c.from.Properties[f.from], c.to.Properties[id]
	path := c.to.Schema.Fields[id].Path
	is, called := c.from.Schema.Fields[f.from].Type, name(c.from, f.from)
	if f.cast.kind != asIs {
		is, called = f.cast.to, f.cast.to.String()
	}
	typ, as := c.to.Schema.Fields[id].Type, name(c.to, id)
	if is != typ && (is != record.Object || as != "object") || as != called && (as == "vector" || as == "map") {
		c.wrong(id, at, fmt.Sprintf("is of type %s, and the values are of type %s", as, called), "add a step cast, or let the type stay")
		return false
	}
	if c.isRequired(c.to, id) && !c.isRequired(c.from, f.from) && f.fill == nil {
		c.wrong(id, at, "is required, and may be missing in the old version", fmt.Sprintf("add a step default: {field: %s, value: ...}", path))
	}
	h := holder{compiler: c, at: at, from: f.from, to: id, old: old.LogicalTypeOptions, next: next.LogicalTypeOptions}
	h.options(f.cast)
	c.enum(id, f, at)
	c.quality(id, f, at)
	if !reflect.DeepEqual(next.Relationships, old.Relationships) && len(next.Relationships) > 0 {
		c.tighter(id, at, "has relationships that the old version has not")
	}
	if !reflect.DeepEqual(next.Map, old.Map) && next.Map != nil {
		c.tighter(id, at, "is a map with other keys or values")
	}
	inside := func(option string, set bool) {
		if set {
			c.tighter(id, f.inside, fmt.Sprintf("has %s, which cannot be shown to hold for what is changed inside", option))
		}
	}
	inside("uniqueItems", next.LogicalTypeOptions.UniqueItems && f.inside != "")
	inside("minProperties", next.LogicalTypeOptions.MinProperties != nil && f.fewer)
	inside("maxProperties", next.LogicalTypeOptions.MaxProperties != nil && f.more)
	return true
}

// wrong tells why values of the old version may not be values of a field of the new.
func (c *compiler) wrong(id int, at, message, hint string) {
	c.add(at, fmt.Sprintf("the field %s of %s %s", c.to.Schema.Fields[id].Path, c.version(), message), hint)
}

func (c *compiler) tighter(id int, at, message string) {
	c.wrong(id, at, message, "let the new version accept what the old one does")
}

// holder holds the logicalTypeOptions of a field of one version to those of the
// other.
type holder struct {
	*compiler
	at        string
	from, to  int
	old, next contract.Options
}

func (h *holder) tighter(message string) { h.compiler.tighter(h.to, h.at, message) }

func name(c *contract.Compiled, id int) string {
	if l := c.Properties[id].LogicalType; l != "" {
		return l
	}
	return c.Schema.Fields[id].Type.String()
}

func (h *holder) options(by cast) {
	old, next := h.old, h.next
	if by.kind != asIs && by.kind != toNumber {
		h.castOptions(by)
		return
	}
	same := func(name string, equal, set bool) {
		if set && !equal {
			h.tighter(fmt.Sprintf("has another %s", name))
		}
	}
	atLeast := func(name string, old, next *int) {
		if next != nil && *next > 0 && (old == nil || *old < *next) {
			h.tighter(fmt.Sprintf("has %s: %d", name, *next))
		}
	}
	atMost := func(name string, old, next *int) {
		if next != nil && (old == nil || *old > *next) {
			h.tighter(fmt.Sprintf("has %s: %d", name, *next))
		}
	}
	typ := h.compiler.to.Schema.Fields[h.to].Type
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
		h.numbers()
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
func (h *holder) castOptions(by cast) {
	rest := h.next
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
		h.tighter("has logicalTypeOptions, which cannot be shown to hold for values that are cast")
	}
}

// numbers holds the bounds and formats of numbers.
func (h *holder) numbers() {
	old, next := h.old, h.next
	if a, b := h.compiler.from.Schema.Fields[h.from].Format, h.compiler.to.Schema.Fields[h.to].Format; !wider(a, b) {
		h.tighter(fmt.Sprintf("has the format %s", b))
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
			h.tighter(fmt.Sprintf("has %s: %v", bound.name, bound.set))
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
func (c *compiler) enum(id int, f *flow, at string) {
	old, next := values(c.from.Properties[f.from]), values(c.to.Properties[id])
	if len(next) == 0 {
		return
	}
	if len(old) == 0 {
		c.tighter(id, at, "has an enum, and the old version accepts other values")
		return
	}
	for _, v := range old {
		if !slices.Contains(next, v) {
			c.tighter(id, at, "has an enum that lacks a value of the old version's")
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
func (c *compiler) quality(id int, f *flow, at string) {
	old, next := enforced(c.from.Properties[f.from].Quality), enforced(c.to.Properties[id].Quality)
	if f.changed() && len(next) > 0 {
		c.tighter(id, or(f.at, or(f.inside, at)), "has quality rules, which cannot be shown to hold for values that are changed")
	}
	for _, q := range next {
		if !slices.ContainsFunc(old, func(o contract.Quality) bool { return reflect.DeepEqual(o, q) }) {
			c.tighter(id, at, "has a quality rule that the old version has not")
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

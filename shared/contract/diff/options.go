package diff

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
)

// options compares the logicalTypeOptions of one logical type.
func (c *comparer) options(path, logical string, a, b *contract.Options) {
	for _, o := range []struct {
		name     string
		old, new any
		least    bool // a higher one accepts less
	}{
		{"minLength", a.MinLength, b.MinLength, true}, {"maxLength", a.MaxLength, b.MaxLength, false},
		{"minItems", a.MinItems, b.MinItems, true}, {"maxItems", a.MaxItems, b.MaxItems, false},
		{"minProperties", a.MinProperties, b.MinProperties, true}, {"maxProperties", a.MaxProperties, b.MaxProperties, false},
		{"minimum", a.Minimum, b.Minimum, true}, {"maximum", a.Maximum, b.Maximum, false},
		{"exclusiveMinimum", a.ExclusiveMinimum, b.ExclusiveMinimum, true}, {"exclusiveMaximum", a.ExclusiveMaximum, b.ExclusiveMaximum, false},
	} {
		c.bound(path, o.name, o.old, o.new, o.least)
	}
	c.constraint(path, "pattern", a.Pattern, b.Pattern, false, func(string, string) bool { return false })
	c.constraint(path, "format", a.Format, b.Format, written(logical), widths(logical))
	c.constraint(path, "multipleOf", number(a.MultipleOf), number(b.MultipleOf), false, multiple)
	c.constraint(path, "dimensions", text(a.Dimensions), text(b.Dimensions), false, func(string, string) bool { return false })
	for _, o := range []struct {
		name     string
		old, new any
	}{
		{"timezone", a.Timezone, b.Timezone}, {"defaultTimezone", a.DefaultTimezone, b.DefaultTimezone},
		{"elementType", a.ElementType, b.ElementType},
	} {
		if !same(o.old, o.new) {
			c.data(path, o.name, Changed, text(o.old), text(o.new))
		}
	}
	c.flag(path, "uniqueItems", a.UniqueItems, b.UniqueItems)
	c.flag(path, "normalized", a.Normalized != nil && *a.Normalized, b.Normalized != nil && *b.Normalized)
	c.requiredMembers(path, a.Required, b.Required)
	// What an embedding means depends on these, and no row can be held to them.
	for _, o := range []struct{ name, old, new string }{
		{"distanceMetric", a.DistanceMetric, b.DistanceMetric}, {"embeddingModel", a.EmbeddingModel, b.EmbeddingModel},
		{"embeddingModelVersion", a.EmbeddingVersion, b.EmbeddingVersion},
	} {
		if o.old != o.new {
			c.add(Change{Path: path, Kind: o.name + "-" + Changed, Old: o.old, New: o.new, Class: BreaksConsumer, Why: "vectors of two models do not compare"})
		}
	}
}

// bound compares the least or the most that is accepted.
func (c *comparer) bound(path, attribute string, old, new any, least bool) {
	was, is := number(old), number(new)
	if least && strings.HasPrefix(attribute, "min") && attribute != "minimum" { // of a count, 0 is none
		was, is = strings.TrimPrefix(was, "0"), strings.TrimPrefix(is, "0")
	}
	if was == is {
		return
	}
	how := Changed
	switch {
	case was == "":
		how = Tightened
	case is == "":
		how = Loosened
	default:
		if order, ok := compare(was, is); ok {
			how = Loosened
			if order == 0 {
				return // 1 and 1.0
			}
			if (order < 0) == least {
				how = Tightened
			}
		}
	}
	c.data(path, attribute, how, was, is)
}

// compare orders two bounds: numbers, or moments of one form.
func compare(a, b string) (int, bool) {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	if okX && okY && len(a)+len(b) < 1000 {
		return x.Cmp(y), true
	}
	form := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return '0'
			}
			return r
		}, s)
	}
	// Only where what comes first counts most is the order of texts that of time.
	if form(a) == form(b) && strings.HasPrefix(form(a), "0000-00-00") && !strings.ContainsAny(a, "+") || form(a) == form(b) && strings.HasPrefix(form(a), "00:00") {
		return strings.Compare(a, b), true
	}
	return 0, false
}

// number is a bound as text.
func number(v any) string {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return ""
		}
		v = r.Elem().Interface()
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// constraint compares a condition on values. Where it is "" there is none, unless
// always says that this too rules values out. within tells whether all that meets
// the first meets the second.
func (c *comparer) constraint(path, attribute, old, new string, always bool, within func(a, b string) bool) {
	how := Changed
	switch {
	case old == new:
		return
	case always:
	case old == "" || within(new, old):
		how = Tightened
	case new == "" || within(old, new):
		how = Loosened
	}
	c.data(path, attribute, how, old, new)
}

// multiple tells whether all multiples of a are multiples of b.
func multiple(a, b string) bool {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && y.Sign() > 0 && new(big.Rat).Quo(x, y).IsInt()
}

// written tells types whose values are written in one way where no format says
// another.
func written(logical string) bool {
	return logical == "date" || logical == "timestamp" || logical == "time"
}

// widths tells which format of numbers has all values of another. Formats of
// other types do not compare.
func widths(logical string) func(a, b string) bool {
	switch logical {
	case "integer":
		return func(a, b string) bool {
			x, okX := width(a)
			y, okY := width(b)
			switch {
			case !okX || !okY:
				return false
			case a[0] == b[0]:
				return x <= y
			}
			return a[0] == 'u' && x < y
		}
	case "number":
		return func(a, b string) bool { return a == "f32" && b == "f64" }
	}
	return func(string, string) bool { return false }
}

func width(format string) (bits int, ok bool) {
	if format == "" || format[0] != 'i' && format[0] != 'u' {
		return 0, false
	}
	bits, err := strconv.Atoi(format[1:])
	return bits, err == nil
}

// requiredMembers compares the list of members that an object must have.
func (c *comparer) requiredMembers(path string, old, new []string) {
	for _, name := range new {
		if !slices.Contains(old, name) {
			c.data(join(path, name), "required", Tightened, "false", "true")
		}
	}
	for _, name := range old {
		if !slices.Contains(new, name) {
			c.data(join(path, name), "required", Loosened, "true", "false")
		}
	}
}

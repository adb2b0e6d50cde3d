package contract

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/record"
)

// options compiles the logicalTypeOptions of a property, and the values that
// it may have, to checks.
func (b *compiler) options(f *field, p *Property, logical, at string) {
	o := p.LogicalTypeOptions
	at += ".logicalTypeOptions"
	taken := map[string][]string{
		"string": {"minLength", "maxLength", "pattern", "format"},
		"date":   {"format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
		"number": {"format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
		"object": {"minProperties", "maxProperties", "required"},
		"array":  {"minItems", "maxItems", "uniqueItems"},
		"vector": {"dimensions", "elementType", "distanceMetric", "embeddingModel", "embeddingModelVersion", "normalized"},
	}
	taken["integer"] = taken["number"]
	taken["timestamp"] = append([]string{"timezone", "defaultTimezone"}, taken["date"]...)
	taken["time"] = taken["timestamp"]
	for _, name := range o.present() {
		if !slices.Contains(taken[logical], name) {
			b.problem(at+"."+name, fmt.Sprintf("%s does not take the option %s", article(logical), name), "")
		}
	}
	switch f.typ {
	case record.String:
		b.text(f, o, at)
	case record.Integer, record.Number:
		b.number(f, o, at)
		f.own = len(f.checks)
	case record.Boolean:
		kind := f.kind
		f.own = 1
		f.checks = append(f.checks, func(v []byte) *rule {
			if s := string(v); s == "true" || s == "false" || s == "TRUE" || s == "FALSE" || s == "True" || s == "False" {
				return nil
			}
			return kind
		})
	case record.Date, record.Timestamp, record.Time:
		b.moment(f, o, at)
		f.own = len(f.checks)
	case record.Array:
		if logical == "vector" {
			b.vector(f, o, at)
			break
		}
		b.counts(f, o.MinItems, o.MaxItems, at, "minItems", "maxItems", "item", "items")
		if o.UniqueItems {
			f.uniqueItems = &rule{name: "uniqueItems", want: "no item twice", do: "send each once"}
		}
	case record.Object, record.Opaque:
		b.counts(f, o.MinProperties, o.MaxProperties, at, "minProperties", "maxProperties", "property", "properties")
	}
}

// present names the options that are set.
func (o Options) present() []string {
	var names []string
	for _, p := range []struct {
		name string
		set  bool
	}{
		{"minLength", o.MinLength != nil}, {"maxLength", o.MaxLength != nil}, {"pattern", o.Pattern != ""}, {"format", o.Format != ""},
		{"minimum", o.Minimum != nil}, {"maximum", o.Maximum != nil}, {"exclusiveMinimum", o.ExclusiveMinimum != nil}, {"exclusiveMaximum", o.ExclusiveMaximum != nil},
		{"multipleOf", o.MultipleOf != nil}, {"timezone", o.Timezone != nil}, {"defaultTimezone", o.DefaultTimezone != ""},
		{"minProperties", o.MinProperties != nil}, {"maxProperties", o.MaxProperties != nil}, {"required", len(o.Required) > 0},
		{"minItems", o.MinItems != nil}, {"maxItems", o.MaxItems != nil}, {"uniqueItems", o.UniqueItems},
		{"dimensions", o.Dimensions != nil}, {"elementType", o.ElementType != ""}, {"distanceMetric", o.DistanceMetric != ""},
		{"embeddingModel", o.EmbeddingModel != ""}, {"embeddingModelVersion", o.EmbeddingVersion != ""}, {"normalized", o.Normalized != nil},
	} {
		if p.set {
			names = append(names, p.name)
		}
	}
	return names
}

// text compiles the options of a string. Lengths are in code points.
func (b *compiler) text(f *field, o Options, at string) {
	if o.MinLength != nil || o.MaxLength != nil {
		low, high := 0, math.MaxInt
		if o.MinLength != nil {
			low = *o.MinLength
		}
		if o.MaxLength != nil {
			high = *o.MaxLength
		}
		if low < 0 || high < low {
			b.problem(at, "minLength must not be negative, nor more than maxLength", "")
		}
		short := &rule{name: "minLength", want: "at least " + quantity(low, "character", "characters"), do: "send the whole value"}
		long := &rule{name: "maxLength", want: "at most " + quantity(high, "character", "characters"), do: "shorten it, or agree on a new version of the contract"}
		f.checks = append(f.checks, func(v []byte) *rule {
			n := len(v)
			if n < low {
				return short
			}
			if n <= high && n >= 4*low {
				return nil // whatever the characters
			}
			switch n = utf8.RuneCount(v); {
			case n < low:
				return short
			case n > high:
				return long
			}
			return nil
		})
	}
	if o.Pattern != "" {
		if p, err := compilePattern(o.Pattern); err != nil {
			b.problem(at+".pattern", err.Error(), "write it without, or check it with a quality rule")
		} else {
			broken := &rule{name: "pattern", want: "text that matches " + o.Pattern, do: "write it as the pattern says"}
			f.checks = append(f.checks, func(v []byte) *rule {
				if p.match(v) {
					return nil
				}
				return broken
			})
		}
	}
	if o.Format != "" {
		is, known := formats[o.Format]
		if !known {
			b.unenforced(at+".format", fmt.Sprintf("%s: the format %q is not checked", f.path, o.Format), "email, uuid, uri, hostname, ipv4, ipv6, byte, binary, password")
			return
		}
		f.bytes, f.uuid = o.Format == "byte" || o.Format == "binary", o.Format == "uuid"
		broken := &rule{name: "format", want: "text in the format " + o.Format, do: "write it in that format"}
		f.checks = append(f.checks, func(v []byte) *rule {
			if is(v) {
				return nil
			}
			return broken
		})
	}
}

// counts compiles how many items or members there may be.
func (b *compiler) counts(f *field, low, high *int, at, lowName, highName, one, more string) {
	if low == nil && high == nil {
		return
	}
	f.minCount, f.maxCount = 0, math.MaxInt
	if low != nil {
		f.minCount = *low
		f.few = &rule{name: lowName, want: "at least " + quantity(*low, one, more), do: "send as many as the contract says"}
	}
	if high != nil {
		f.maxCount = *high
		f.many = &rule{name: highName, want: "at most " + quantity(*high, one, more), do: "send as many as the contract says"}
	}
	if f.minCount < 0 || f.maxCount < f.minCount {
		b.problem(at, fmt.Sprintf("%s must not be negative, nor more than %s", lowName, highName), "")
	}
}

// quantity is a number of things, in words.
func quantity(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// vector compiles the options of a vector (3.2): an array of numbers.
func (b *compiler) vector(f *field, o Options, at string) {
	if o.Dimensions == nil || *o.Dimensions < 1 {
		b.problem(at+".dimensions", "a vector needs its number of dimensions", "")
		return
	}
	f.minCount, f.maxCount = *o.Dimensions, *o.Dimensions
	f.few = &rule{name: "dimensions", want: quantity(*o.Dimensions, "number", "numbers"), do: "send as many as the contract says"}
	f.many = f.few
	if o.Normalized != nil && *o.Normalized {
		f.normalized = &rule{name: "normalized", want: "a vector whose length is 1", do: "divide it by its length"}
	}
}

// elements are the numbers of a vector, as a property of their own.
func (b *compiler) elements(o Options, at string) *Property {
	p := &Property{Required: true}
	p.LogicalType = "number"
	switch kind := strings.ToLower(o.ElementType); kind {
	case "", "float", "double", "float16", "bfloat16", "f16", "bf16", "number":
	case "float32", "f32":
		p.LogicalTypeOptions.Format = "f32"
	case "float64", "f64":
		p.LogicalTypeOptions.Format = "f64"
	case "int8", "i8", "int16", "i16", "int32", "i32", "int64", "i64", "uint8", "u8", "uint16", "u16", "uint32", "u32", "uint64", "u64":
		p.LogicalType = "integer"
		p.LogicalTypeOptions.Format = strings.Replace(kind, "int", "i", 1)
		if p.LogicalTypeOptions.Format[0] == 'u' {
			p.LogicalTypeOptions.Format = "u" + strings.TrimLeft(kind, "uint")
		}
	case "integer", "int":
		p.LogicalType = "integer"
	default:
		b.unenforced(at+".logicalTypeOptions.elementType", fmt.Sprintf("the elementType %q is taken as any number", o.ElementType), "float32, float64, int8 or uint8")
	}
	return p
}

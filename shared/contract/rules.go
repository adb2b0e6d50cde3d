package contract

import (
	"fmt"
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
		"vector": {"dimensions", "elementType", "distanceMetric", "embeddingModel", "normalized"},
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
	case record.Boolean:
		kind := f.kind
		f.checks = append(f.checks, func(v []byte) *rule {
			if s := string(v); s == "true" || s == "false" || s == "TRUE" || s == "FALSE" || s == "True" || s == "False" {
				return nil
			}
			return kind
		})
	case record.Date, record.Timestamp, record.Time:
		b.moment(f, o, at)
	case record.Array:
		b.counts(f, o.MinItems, o.MaxItems, "items")
		if o.UniqueItems {
			f.uniqueItems = &rule{name: "uniqueItems", want: "no item twice", do: "send each once"}
		}
	case record.Object, record.Opaque:
		b.counts(f, o.MinProperties, o.MaxProperties, "properties")
		if f.typ == record.Opaque && (o.MinProperties != nil || o.MaxProperties != nil || len(o.Required) > 0) {
			b.unenforced(at, f.path+" is not described: its options are not checked", "describe it under properties")
		}
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
		{"embeddingModel", o.EmbeddingModel != ""}, {"normalized", o.Normalized != nil},
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
		low, high := 0, int(^uint(0)>>1)
		if o.MinLength != nil {
			low = *o.MinLength
		}
		if o.MaxLength != nil {
			high = *o.MaxLength
		}
		if low < 0 || high < low {
			b.problem(at, "minLength must not be negative, nor more than maxLength", "")
		}
		short := &rule{name: "minLength", want: fmt.Sprintf("at least %d characters", low), do: "send the whole value"}
		long := &rule{name: "maxLength", want: fmt.Sprintf("at most %d characters", high), do: "shorten it, or agree on a new version of the contract"}
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
			b.unenforced(at+".format", fmt.Sprintf("%s: the format %q is not checked", f.path, o.Format), "email, uuid, uri, hostname, ipv4, ipv6, byte")
			return
		}
		broken := &rule{name: "format", want: "text in the format " + o.Format, do: "write it in that format"}
		f.checks = append(f.checks, func(v []byte) *rule {
			if is(v) {
				return nil
			}
			return broken
		})
	}
}

// number compiles the options of numbers and integers. A format bounds an
// integer's width; without one there is no bound, although ODCS's default is
// i32: real contracts leave it out and mean larger ones.
func (b *compiler) number(f *field, o Options, at string) {
	kind, integer := f.kind, f.typ == record.Integer
	type limit struct {
		bound *decimal
		sign  int // of value.compare(bound) that is broken
		equal bool
		rule  *rule
	}
	var limits []limit
	add := func(name string, v any, sign int, equal bool, words string) {
		if v == nil {
			return
		}
		d, err := bound(b.literal(at+"."+name, v))
		if err != nil {
			b.problem(at+"."+name, err.Error(), "")
			return
		}
		limits = append(limits, limit{d, sign, equal, &rule{name: name, want: words + " " + d.String(), do: "correct the number"}})
	}
	add("minimum", o.Minimum, -1, false, "at least")
	add("exclusiveMinimum", o.ExclusiveMinimum, -1, true, "more than")
	add("maximum", o.Maximum, 1, false, "at most")
	add("exclusiveMaximum", o.ExclusiveMaximum, 1, true, "less than")
	switch {
	case o.Format == "" || o.Format == "f32" || o.Format == "f64":
	case integer:
		low, high, err := widths(o.Format)
		if err != nil {
			b.problem(at+".format", err.Error(), "")
			break
		}
		width := &rule{name: "format", want: "a number that fits " + o.Format, do: "correct the number"}
		limits = append(limits, limit{low, -1, false, width}, limit{high, 1, false, width})
	default:
		b.unenforced(at+".format", fmt.Sprintf("%s: the format %q is not checked", f.path, o.Format), "f32 or f64")
	}
	var step *multiple
	var stepRule *rule
	if o.MultipleOf != nil {
		d, err := bound(b.literal(at+".multipleOf", o.MultipleOf))
		if err == nil {
			step, err = newMultiple(d)
		}
		if err != nil {
			b.problem(at+".multipleOf", err.Error(), "")
		} else {
			stepRule = &rule{name: "multipleOf", want: "a multiple of " + d.String(), do: "correct the number"}
		}
	}
	f.checks = append(f.checks, func(v []byte) *rule {
		if integer {
			if !isInteger(v) {
				return kind
			}
			if len(limits) == 0 && step == nil {
				return nil
			}
		}
		d, ok := parseDecimal(v)
		if !ok {
			return kind
		}
		for i := range limits {
			l := &limits[i]
			if c := d.compare(l.bound); c == l.sign || c == 0 && l.equal {
				return l.rule
			}
		}
		if step != nil && !step.divides(&d) {
			return stepRule
		}
		return nil
	})
}

// moment compiles the options of dates, timestamps and times.
func (b *compiler) moment(f *field, o Options, at string) {
	kind, zone := f.kind, zoneMay
	if o.Timezone != nil {
		zone = zoneMustNot
		if *o.Timezone {
			zone = zoneMust
		}
	}
	if o.DefaultTimezone != "" && !slices.Contains([]string{"UTC", "Etc/UTC", "Z", "GMT"}, o.DefaultTimezone) {
		b.unenforced(at+".defaultTimezone", f.path+": values without a zone are compared as UTC", "")
	}
	var parse func([]byte) (instant, bool)
	switch f.typ {
	case record.Date:
		parse = isoDate
		kind.want = "a date such as 2026-01-31"
	case record.Timestamp:
		parse = func(v []byte) (instant, bool) { return isoTimestamp(v, zone) }
		kind.want = "a timestamp such as 2026-01-31T12:00:00Z"
	default:
		parse = func(v []byte) (instant, bool) { return isoTime(v, zone) }
		kind.want = "a time such as 12:00:00"
	}
	if o.Format != "" {
		l, err := parseLayout(o.Format)
		if err != nil {
			b.problem(at+".format", err.Error(), "yyyy MM dd HH mm ss SSS XXX and literals are understood")
			return
		}
		parse = l.parse
		kind.want = "text in the format " + o.Format
	}
	type limit struct {
		bound instant
		sign  int
		equal bool
		rule  *rule
	}
	var limits []limit
	add := func(name string, v any, sign int, equal bool, words string) {
		if v == nil {
			return
		}
		text := fmt.Sprint(v)
		t, ok := parse([]byte(text))
		if !ok {
			b.problem(at+"."+name, "must be written as the values are: "+kind.want, "")
			return
		}
		limits = append(limits, limit{t, sign, equal, &rule{name: name, want: words + " " + text, do: "correct it"}})
	}
	add("minimum", o.Minimum, -1, false, "at or after")
	add("exclusiveMinimum", o.ExclusiveMinimum, -1, true, "after")
	add("maximum", o.Maximum, 1, false, "at or before")
	add("exclusiveMaximum", o.ExclusiveMaximum, 1, true, "before")
	f.checks = append(f.checks, func(v []byte) *rule {
		t, ok := parse(v)
		if !ok {
			return kind
		}
		for i := range limits {
			l := &limits[i]
			if c := t.compare(l.bound); c == l.sign || c == 0 && l.equal {
				return l.rule
			}
		}
		return nil
	})
}

func (b *compiler) counts(f *field, low, high *int, what string) {
	if low == nil && high == nil {
		return
	}
	f.maxCount = int(^uint(0) >> 1)
	words := []string{}
	if low != nil {
		f.minCount = *low
		words = append(words, fmt.Sprintf("at least %d", *low))
	}
	if high != nil {
		f.maxCount = *high
		words = append(words, fmt.Sprintf("at most %d", *high))
	}
	f.count = &rule{name: "count", want: strings.Join(words, " and ") + " " + what, do: "send as many as the contract says"}
}

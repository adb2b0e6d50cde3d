package jsonschema

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
)

// extension is the keyword for what JSON Schema has no words for.
const extension = "x-odcs"

// annotations are keywords that hold nobody to anything, or were dealt with.
var annotations = []string{"$schema", "$id", "id", "$anchor", "$comment", "$defs", "definitions", "$vocabulary", "title", "description", "examples", "example",
	"deprecated", "type", "enum", "const", extension}

var objectKeys = []string{"properties", "additionalProperties"}

// keysOf are the keywords that are carried over, by JSON type.
var keysOf = map[string][]string{
	"string":  {"minLength", "maxLength", "pattern", "format", "contentEncoding"},
	"integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"},
	"number":  {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"},
	"object":  {"properties", "additionalProperties", "propertyNames", "minProperties", "maxProperties"},
	"array":   {"items", "minItems", "maxItems", "uniqueItems"},
	"boolean": {},
}

// formats are the string formats that ODCS has, by what JSON Schema or OpenAPI
// calls them.
var formats = map[string]string{"email": "email", "idn-email": "email", "uuid": "uuid", "uri": "uri", "hostname": "hostname",
	"ipv4": "ipv4", "ipv6": "ipv6", "byte": "byte", "binary": "binary", "password": "password"}

var moments = map[string]string{"date": "date", "date-time": "timestamp", "time": "time"}

var widths = map[string]string{"int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64"}

var floats = map[string]string{"float": "f32", "double": "f64"}

// options translates the keywords that bound a value.
func (im *importer) options(p *contract.Property, s *shape, kind, path string) {
	o := &p.LogicalTypeOptions
	count := func(key string, to **int) {
		v := s.keys[key]
		if v == nil {
			return
		}
		if n, ok := v.Int(); ok && n >= 0 {
			*to = &n
		} else {
			im.note(path, fmt.Sprintf("%q is no number of things", key))
		}
	}
	bound := func(key string, to *any) {
		v := s.keys[key]
		if v == nil {
			return
		}
		value, ok := v.Any()
		if !ok || v.Kind != interop.Number {
			im.note(path, fmt.Sprintf("%q is no number that a contract can hold", key))
			return
		}
		*to = value
	}
	switch kind {
	case "string":
		im.format(p, s, path)
		if p.LogicalType != "string" {
			break // dates have no lengths and patterns
		}
		count("minLength", &o.MinLength)
		count("maxLength", &o.MaxLength)
		if pattern := s.keys["pattern"].Str(); pattern != "" {
			if compiles(pattern) {
				o.Pattern = pattern
			} else {
				im.note(path, "its pattern needs more than a finite automaton, or is none")
			}
		}
	case "integer", "number":
		bound("minimum", &o.Minimum)
		bound("maximum", &o.Maximum)
		bound("exclusiveMinimum", &o.ExclusiveMinimum)
		bound("exclusiveMaximum", &o.ExclusiveMaximum)
		bound("multipleOf", &o.MultipleOf)
		known := widths
		if kind == "number" {
			known = floats
		}
		if f := s.keys["format"].Str(); f != "" {
			if known[f] == "" {
				im.note(path, fmt.Sprintf("there is no format %q for it", f))
			} else if o.Format == "" {
				o.Format = known[f]
			}
		}
		im.narrow(o)
	case "object":
		count("minProperties", &o.MinProperties)
		count("maxProperties", &o.MaxProperties)
	case "array":
		count("minItems", &o.MinItems)
		count("maxItems", &o.MaxItems)
		o.UniqueItems = s.keys["uniqueItems"].True()
		if items := s.keys["items"]; items != nil && items.Kind != interop.Object {
			im.note(path, "items that are described one by one, or not at all, are not carried over")
		}
	}
	p.Examples = append(p.Examples, examples(s.keys["examples"])...)
}

// format translates the format of text: dates and times are types of their own.
// What x-odcs said already stands.
func (im *importer) format(p *contract.Property, s *shape, path string) {
	o := &p.LogicalTypeOptions
	format := s.keys["format"].Str()
	if encoding := s.keys["contentEncoding"].Str(); encoding == "base64" && format == "" {
		format = "byte"
	} else if encoding != "" {
		im.note(path, "its contentEncoding is not carried over")
	}
	if s.keys[extension].Get("logicalType") != nil {
		return
	}
	switch {
	case format == "":
	case moments[format] != "":
		p.LogicalType = moments[format]
		if format != "date" { // RFC 3339: with a zone
			zone := true
			o.Timezone = &zone
		}
		for _, key := range []string{"minLength", "maxLength", "pattern"} {
			if s.keys[key] != nil {
				im.note(path, fmt.Sprintf("%q is not carried over: it is a %s", key, p.LogicalType))
			}
		}
	case formats[format] != "":
		o.Format = formats[format]
	default:
		im.note(path, fmt.Sprintf("there is no format %q", format))
	}
}

// narrow leaves out the bounds that the width of an integer says already.
func (im *importer) narrow(o *contract.Options) {
	low, high, ok := limits(o.Format)
	if ok && o.Minimum == any(low) {
		o.Minimum = nil
	}
	if ok && o.Maximum == any(high) {
		o.Maximum = nil
	}
}

// limits are the bounds of the widths that an int holds.
func limits(format string) (low, high int, ok bool) {
	for i, bits := range []int{8, 16, 32} {
		if format == [...]string{"i8", "i16", "i32"}[i] {
			return -1 << (bits - 1), 1<<(bits-1) - 1, true
		}
		if format == [...]string{"u8", "u16", "u32"}[i] {
			return 0, 1<<bits - 1, true
		}
	}
	if format == "i64" {
		return -1 << 63, 1<<63 - 1, true
	}
	return 0, 0, false
}

// compiles reports whether a pattern can be held to.
func compiles(pattern string) bool {
	c := interop.New(interop.Head{}, "probe")
	c.Schema[0].Properties = []contract.Property{{
		Element: contract.Element{Name: "p", LogicalType: "string"}, LogicalTypeOptions: contract.Options{Pattern: pattern}}}
	_, err := contract.Compile(c, "")
	return err == nil
}

// leftover notes the keywords that have no counterpart.
func (im *importer) leftover(s *shape, kind, path string) {
	var lost []string
	for _, key := range slices.Sorted(maps.Keys(s.keys)) {
		if !slices.Contains(keysOf[kind], key) && !slices.Contains(annotations, key) {
			lost = append(lost, key)
		}
	}
	if len(lost) > 0 {
		im.note(path, "there is no counterpart for "+join(lost))
	}
}

// extended takes what an exported schema says in x-odcs.
func (im *importer) extended(p *contract.Property, ext *interop.Value, path string) {
	o := &p.LogicalTypeOptions
	for _, m := range ext.Members {
		number, whole := m.Value.Int()
		switch {
		case m.Name == "logicalType":
			p.LogicalType = m.Value.Str()
		case m.Name == "format":
			o.Format = m.Value.Str()
		case m.Name == "minimum":
			o.Minimum, _ = m.Value.Any()
		case m.Name == "maximum":
			o.Maximum, _ = m.Value.Any()
		case m.Name == "exclusiveMinimum":
			o.ExclusiveMinimum, _ = m.Value.Any()
		case m.Name == "exclusiveMaximum":
			o.ExclusiveMaximum, _ = m.Value.Any()
		case m.Name == "timezone":
			zone := m.Value.True()
			o.Timezone = &zone
		case m.Name == "defaultTimezone":
			o.DefaultTimezone = m.Value.Str()
		case m.Name == "primaryKey":
			p.PrimaryKey = m.Value.True()
		case m.Name == "primaryKeyPosition" && whole:
			p.PrimaryKeyPosition = number
		case m.Name == "unique":
			p.Unique = m.Value.True()
		case m.Name == "criticalDataElement":
			p.CriticalDataElement = m.Value.True()
		case m.Name == "classification":
			p.Classification = m.Value.Str()
		case m.Name == "encryptedName":
			p.EncryptedName = m.Value.Str()
		case m.Name == "physicalName":
			p.PhysicalName = m.Value.Str()
		case m.Name == "physicalType":
			p.PhysicalType = m.Value.Str()
		case m.Name == "tags":
			p.Tags = texts(m.Value)
		default:
			im.note(path, fmt.Sprintf("%s.%s is not known here", extension, m.Name))
		}
	}
}

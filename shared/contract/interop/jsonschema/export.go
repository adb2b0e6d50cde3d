package jsonschema

import (
	"fmt"
	"math"
	"slices"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
)

// Export writes a schema object ("" where there is one) as JSON Schema 2020-12
// of a row. The notes say what JSON Schema cannot hold rows to. The error is
// yamldoc.Problems where the contract does not compile.
func Export(c *contract.Contract, object string) ([]byte, []interop.Note, error) {
	if _, err := contract.Compile(c, object); err != nil {
		return nil, nil, err
	}
	o := c.Object(object)
	var ex exporter
	var out, ext interop.Ordered
	out.Add("$schema", "https://json-schema.org/draft/2020-12/schema")
	name := c.Name
	if name == "" {
		name = c.ID
	}
	out.Add("title", name)
	if o.Description != "" {
		out.Add("description", o.Description)
	}
	if o.Deprecated {
		out.Add("deprecated", true)
	}
	out.Add("type", "object")
	ex.members(&out, o.Properties, nil, "")
	ext.Add("contract", c.ID)
	ext.Add("version", c.Version)
	ext.Add("object", o.Name)
	if o.PhysicalName != "" {
		ext.Add("physicalName", o.PhysicalName)
	}
	if len(o.Tags) > 0 {
		ext.Add("tags", o.Tags)
	}
	out.Add(extension, ext)
	ex.beyond("", &o.Element)
	text, err := interop.Indented(out)
	return text, ex.notes, err
}

type exporter struct{ notes []interop.Note }

func (ex *exporter) note(path, format string, args ...any) {
	ex.notes = append(ex.notes, interop.Note{Path: path, Text: fmt.Sprintf(format, args...)})
}

// members writes the properties of an object; required are the names that its
// options require.
func (ex *exporter) members(out *interop.Ordered, properties []contract.Property, required []string, path string) {
	var members interop.Ordered
	must := []string{}
	for i := range properties {
		p := &properties[i]
		needed := p.Required || p.PrimaryKey || slices.Contains(required, p.Name)
		if needed {
			must = append(must, p.Name)
		}
		members.Add(p.Name, ex.property(p, !needed, interop.Join(path, p.Name)))
	}
	out.Add("properties", members)
	if len(must) > 0 {
		out.Add("required", must)
	}
	out.Add("additionalProperties", false)
}

var jsonTypes = map[string]string{"string": "string", "date": "string", "timestamp": "string", "time": "string", "number": "number",
	"integer": "integer", "boolean": "boolean", "object": "object", "array": "array", "map": "object", "vector": "array"}

// property writes one property.
func (ex *exporter) property(p *contract.Property, nullable bool, path string) interop.Ordered {
	var out, ext interop.Ordered
	logical, o := interop.Type(p), &p.LogicalTypeOptions
	kind := jsonTypes[logical]
	if nullable {
		out.Add("type", []string{kind, "null"})
	} else {
		out.Add("type", kind)
	}
	text := func(to *interop.Ordered, name, value string) {
		if value != "" {
			to.Add(name, value)
		}
	}
	count := func(name string, n *int) {
		if n != nil {
			out.Add(name, *n)
		}
	}
	bound := func(to *interop.Ordered, name string, v any) {
		if v == nil {
			return
		}
		if f, ok := v.(float64); ok && math.Abs(f) >= 1<<53 {
			ex.note(path, "%s is written as precisely as a float64 holds it", name)
		}
		to.Add(name, v)
	}
	bounds := func(to *interop.Ordered) {
		bound(to, "minimum", o.Minimum)
		bound(to, "maximum", o.Maximum)
		bound(to, "exclusiveMinimum", o.ExclusiveMinimum)
		bound(to, "exclusiveMaximum", o.ExclusiveMaximum)
	}
	text(&out, "title", p.BusinessName)
	text(&out, "description", p.Description)
	if p.Deprecated {
		out.Add("deprecated", true)
	}
	if values := interop.Values(p); len(values) > 0 {
		if kind == "string" {
			for i, v := range values {
				values[i] = fmt.Sprint(v) // 7 in YAML is "7" in the rows
			}
		}
		if nullable {
			values = append(values, nil)
		}
		out.Add("enum", values)
		if slices.ContainsFunc(p.Enum, func(e contract.EnumValue) bool { return e.Label != "" || e.Description != "" }) {
			ex.note(path, "the labels of its values are left out")
		}
	}
	if len(p.Examples) > 0 {
		out.Add("examples", p.Examples)
	}
	switch logical {
	case "string":
		count("minLength", o.MinLength)
		count("maxLength", o.MaxLength)
		text(&out, "pattern", o.Pattern)
		switch o.Format {
		case "byte":
			out.Add("contentEncoding", "base64")
		case "binary", "password":
			text(&ext, "logicalType", logical)
			text(&ext, "format", o.Format)
		default:
			text(&out, "format", o.Format)
		}
	case "date", "timestamp", "time":
		if o.Format == "" {
			out.Add("format", map[string]string{"date": "date", "timestamp": "date-time", "time": "time"}[logical])
		} else {
			ex.note(path, "JSON Schema does not know the format %q", o.Format)
		}
		text(&ext, "logicalType", logical)
		text(&ext, "format", o.Format)
		if o.Timezone != nil {
			ext.Add("timezone", *o.Timezone)
		}
		text(&ext, "defaultTimezone", o.DefaultTimezone)
		n := len(ext)
		bounds(&ext)
		if len(ext) > n {
			ex.note(path, "JSON Schema does not compare dates and times")
		}
	case "integer", "number":
		if low, high, ok := limits(o.Format); ok {
			if o.Minimum == nil {
				out.Add("minimum", low)
			}
			if o.Maximum == nil {
				out.Add("maximum", high)
			}
		} else if logical == "integer" && o.Format != "" {
			ex.note(path, "the bounds of %s are left out", o.Format)
		}
		bounds(&out)
		bound(&out, "multipleOf", o.MultipleOf)
		text(&ext, "format", o.Format)
	case "object":
		count("minProperties", o.MinProperties)
		count("maxProperties", o.MaxProperties)
		if len(p.Properties) > 0 {
			ex.members(&out, p.Properties, o.Required, path)
		}
	case "array":
		count("minItems", o.MinItems)
		count("maxItems", o.MaxItems)
		if o.UniqueItems {
			out.Add("uniqueItems", true)
		}
		if p.Items != nil {
			out.Add("items", ex.property(p.Items, !p.Items.Required, path+"[]"))
		}
	case "map":
		text(&ext, "logicalType", logical)
		if p.Map != nil && p.Map.Value != nil {
			out.Add("additionalProperties", ex.property(p.Map.Value, !p.Map.Value.Required, path+"{}"))
		}
		if p.Map != nil && p.Map.Key != nil {
			out.Add("propertyNames", ex.property(p.Map.Key, false, path+"{}"))
		}
	case "vector":
		text(&ext, "logicalType", logical)
		count("minItems", o.Dimensions)
		count("maxItems", o.Dimensions)
		out.Add("items", interop.Ordered{{Name: "type", Value: "number"}})
	}
	ex.identity(&ext, p)
	if len(ext) > 0 {
		out.Add(extension, ext)
	}
	if p.Unique || p.PrimaryKey {
		ex.note(path, "JSON Schema looks at one row: that no other has the same is not held to")
	}
	ex.beyond(path, &p.Element)
	return out
}

// identity writes what is known of a property besides its values.
func (ex *exporter) identity(ext *interop.Ordered, p *contract.Property) {
	for _, e := range []struct {
		name  string
		value string
	}{{"classification", p.Classification}, {"encryptedName", p.EncryptedName}, {"physicalName", p.PhysicalName}, {"physicalType", p.PhysicalType}} {
		if e.value != "" {
			ext.Add(e.name, e.value)
		}
	}
	for _, e := range []struct {
		name string
		set  bool
	}{{"primaryKey", p.PrimaryKey}, {"unique", p.Unique}, {"criticalDataElement", p.CriticalDataElement}} {
		if e.set {
			ext.Add(e.name, true)
		}
	}
	if p.PrimaryKeyPosition != 0 {
		ext.Add("primaryKeyPosition", p.PrimaryKeyPosition)
	}
	if len(p.Tags) > 0 {
		ext.Add("tags", p.Tags)
	}
}

// beyond notes the rules that JSON Schema has no words for.
func (ex *exporter) beyond(path string, e *contract.Element) {
	if n := len(e.Quality); n > 0 {
		ex.note(path, "%s left out", isOrAre(n, "quality rule"))
	}
	if n := len(e.Relationships); n > 0 {
		ex.note(path, "%s left out", isOrAre(n, "relationship"))
	}
}

func isOrAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return interop.Plural(n, what) + " are"
}

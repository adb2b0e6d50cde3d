package avroschema

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// tidy is a power of ten as a whole number, or as the float64 nearest to it.
func tidy(step float64, scale int) any {
	if scale == 0 {
		return 1
	}
	f, err := strconv.ParseFloat("1e-"+strconv.Itoa(scale), 64)
	if err != nil {
		return step
	}
	return f
}

// Export writes a schema object ("" where there is one) as an Avro record. A
// property that is not required becomes a union with null, whose default is
// null. The notes say what Avro cannot hold rows to. The error is
// yamldoc.Problems where the contract does not compile, or an Invalid fault with
// code "avro-name" or "not-avro".
func Export(c *contract.Contract, object string) ([]byte, []interop.Note, error) {
	if _, err := contract.Compile(c, object); err != nil {
		return nil, nil, err
	}
	o := c.Object(object)
	ex := &exporter{names: map[string]bool{}}
	out := ex.record(o.Name, o.Description, o.Properties, nil, "")
	if n := len(o.Quality); n > 0 {
		ex.note("", "%s left out", interop.Plural(n, "quality rule"))
	}
	if ex.err != nil {
		return nil, nil, ex.err
	}
	text, err := interop.Indented(out)
	if err != nil {
		return nil, nil, err
	}
	if _, err := avro.ParseBytesWithCache(text, "", &avro.SchemaCache{}); err != nil {
		return nil, nil, fault.Wrap(fault.Invalid, "not-avro", err, "the contract has no counterpart in Avro")
	}
	return text, ex.notes, nil
}

type exporter struct {
	names map[string]bool // of records and enums: each may be defined once
	notes []interop.Note
	err   error
}

func (ex *exporter) note(path, format string, args ...any) {
	ex.notes = append(ex.notes, interop.Note{Path: path, Text: fmt.Sprintf(format, args...)})
}

// record writes the properties of an object.
func (ex *exporter) record(name, doc string, properties []contract.Property, required []string, path string) interop.Ordered {
	var out interop.Ordered
	out.Add("type", "record")
	out.Add("name", ex.name(name))
	if doc != "" {
		out.Add("doc", doc)
	}
	fields := []interop.Ordered{}
	for i := range properties {
		p := &properties[i]
		here := interop.Join(path, p.Name)
		if !isName(p.Name) && ex.err == nil {
			ex.err = fault.New(fault.Invalid, "avro-name", fmt.Sprintf("Avro does not take the name of the property %q: letters, digits and _ only", here), "rename it in a new version of the contract, or export another format")
		}
		var field interop.Ordered
		field.Add("name", p.Name)
		if p.Description != "" {
			field.Add("doc", p.Description)
		}
		typ := ex.property(p, here)
		if p.Required || p.PrimaryKey || slices.Contains(required, p.Name) {
			field.Add("type", typ)
		} else {
			field.Add("type", []any{"null", typ})
			field.Add("default", nil)
		}
		fields = append(fields, field)
	}
	out.Add("fields", fields)
	return out
}

// property answers the Avro type of a property, without its union with null.
func (ex *exporter) property(p *contract.Property, path string) any {
	ex.left(p, path)
	o := &p.LogicalTypeOptions
	zoned := o.Timezone == nil || *o.Timezone
	switch logical := interop.Type(p); logical {
	case "boolean":
		return "boolean"
	case "integer":
		switch o.Format {
		case "i8", "i16", "i32", "u8", "u16":
			return "int"
		case "u64", "i128", "u128":
			ex.note(path, "Avro has no integer as wide as %s: it is a long", o.Format)
		}
		return "long"
	case "number":
		if precision, scale, ok := digits(p); ok {
			return interop.Ordered{{Name: "type", Value: "bytes"}, {Name: "logicalType", Value: "decimal"}, {Name: "precision", Value: precision}, {Name: "scale", Value: scale}}
		}
		if o.Format == "f32" {
			return "float"
		}
		return "double"
	case "date":
		return logicalType("int", "date")
	case "time":
		return logicalType("long", "time-micros")
	case "timestamp":
		kind := "micros"
		if i := strings.LastIndexByte(p.PhysicalType, '-'); i >= 0 && slices.Contains([]string{"millis", "nanos"}, p.PhysicalType[i+1:]) {
			kind = p.PhysicalType[i+1:]
		}
		if zoned {
			return logicalType("long", "timestamp-"+kind)
		}
		return logicalType("long", "local-timestamp-"+kind)
	case "array":
		var items any = "string"
		if p.Items != nil {
			items = ex.property(p.Items, path+"[]")
			if !p.Items.Required {
				items = []any{"null", items}
			}
		} else {
			ex.note(path, "its items are not described: they are text")
		}
		return interop.Ordered{{Name: "type", Value: "array"}, {Name: "items", Value: items}}
	case "object":
		if len(p.Properties) == 0 {
			ex.note(path, "what is inside is not described: it is JSON as text")
			return "string"
		}
		return ex.record(plainName(path), "", p.Properties, o.Required, path)
	case "map":
		var values any = "string"
		if p.Map != nil && p.Map.Value != nil {
			if values = ex.property(p.Map.Value, path+"{}"); !p.Map.Value.Required {
				values = []any{"null", values}
			}
		} else {
			ex.note(path, "its values are not described: they are text")
		}
		return interop.Ordered{{Name: "type", Value: "map"}, {Name: "values", Value: values}}
	case "vector":
		return interop.Ordered{{Name: "type", Value: "array"}, {Name: "items", Value: "double"}}
	}
	switch o.Format {
	case "uuid":
		return logicalType("string", "uuid")
	case "binary":
		return "bytes"
	}
	if symbols := symbols(p); len(symbols) > 0 {
		return interop.Ordered{{Name: "type", Value: "enum"}, {Name: "name", Value: ex.name(plainName(path) + "_value")}, {Name: "symbols", Value: symbols}}
	}
	return "string"
}

func logicalType(on, name string) interop.Ordered {
	return interop.Ordered{{Name: "type", Value: on}, {Name: "logicalType", Value: name}}
}

// left notes the rules that Avro has no words for.
func (ex *exporter) left(p *contract.Property, path string) {
	o := &p.LogicalTypeOptions
	var lost []string
	add := func(name string, set bool) {
		if set {
			lost = append(lost, name)
		}
	}
	add("minLength", o.MinLength != nil)
	add("maxLength", o.MaxLength != nil)
	add("pattern", o.Pattern != "")
	add("format", o.Format != "" && !slices.Contains([]string{"uuid", "binary", "i32", "i64", "f32", "f64"}, o.Format))
	add("minimum", o.Minimum != nil)
	add("maximum", o.Maximum != nil)
	if _, _, decimal := digits(p); !decimal {
		add("exclusiveMinimum", o.ExclusiveMinimum != nil)
		add("exclusiveMaximum", o.ExclusiveMaximum != nil)
		add("multipleOf", o.MultipleOf != nil)
	}
	add("minItems", o.MinItems != nil)
	add("maxItems", o.MaxItems != nil)
	add("uniqueItems", o.UniqueItems)
	add("minProperties", o.MinProperties != nil)
	add("maxProperties", o.MaxProperties != nil)
	add("unique", p.Unique)
	add("primaryKey", p.PrimaryKey)
	add("classification", p.Classification != "")
	add("enum", len(interop.Values(p)) > 0 && len(symbols(p)) == 0)
	add("quality", len(p.Quality) > 0)
	add("relationships", len(p.Relationships) > 0)
	if len(lost) > 0 {
		ex.note(path, "Avro has no word for %s", strings.Join(lost, ", "))
	}
}

// digits are precision and scale of a number that has them: of a physicalType
// such as decimal(10,2), and else of multipleOf 0.01 and exclusive bounds of a
// power of ten.
func digits(p *contract.Property) (precision, scale int, ok bool) {
	var name string
	for _, name = range []string{"decimal", "numeric"} {
		inner, found := strings.CutPrefix(strings.ToLower(p.PhysicalType), name)
		if !found {
			continue
		}
		inner = strings.Trim(inner, "() ")
		first, second, two := strings.Cut(inner, ",")
		precision, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil {
			return 0, 0, false
		}
		if two {
			if scale, err = strconv.Atoi(strings.TrimSpace(second)); err != nil {
				return 0, 0, false
			}
		}
		return precision, scale, precision > 0 && precision <= 38 && scale >= 0 && scale <= precision
	}
	step, stepped := number(p.LogicalTypeOptions.MultipleOf)
	low, floor := number(p.LogicalTypeOptions.ExclusiveMinimum)
	high, ceiling := number(p.LogicalTypeOptions.ExclusiveMaximum)
	if !stepped || !floor || !ceiling || low != -high || high < 1 || step > 1 || step <= 0 {
		return 0, 0, false
	}
	whole, scale := int(math.Round(math.Log10(high))), int(math.Round(-math.Log10(step)))
	if math.Pow10(whole) != high || math.Pow10(-scale) != step || whole+scale > 38 || whole+scale == 0 {
		return 0, 0, false
	}
	return whole + scale, scale, true
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// symbols are the values of a string that an Avro enum can have; nil if one
// cannot be a symbol.
func symbols(p *contract.Property) []string {
	if interop.Type(p) != "string" {
		return nil
	}
	var list []string
	for _, v := range interop.Values(p) {
		text, ok := v.(string)
		if !ok || !isName(text) || slices.Contains(list, text) {
			return nil
		}
		list = append(list, text)
	}
	return list
}

// plainName is a path as a name.
func plainName(path string) string {
	return strings.NewReplacer("[]", "", "{}", "", ".", "_").Replace(path)
}

// isName reports whether Avro takes a name: [A-Za-z_][A-Za-z0-9_]*.
func isName(s string) bool {
	for i, c := range []byte(s) {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// name makes the name of a record or enum: letters that Avro takes, and one that
// is not taken yet.
func (ex *exporter) name(s string) string {
	name := strings.Map(func(r rune) rune {
		if r != '_' && (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') {
			return '_'
		}
		return r
	}, s)
	if !isName(name) {
		name = "_" + name
	}
	base := name
	for i := 2; ex.names[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	ex.names[name] = true
	return name
}

// Package avroschema starts contracts from Avro schemas and writes the schema
// objects of contracts as Avro schemas (specification 1.12).
//
// What one of the two languages cannot say is a note, never lost in silence.
// Only Avro's own words are written, so that every reader of Avro takes them.
package avroschema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// maxNesting bounds how deep fields may lie, names followed.
const maxNesting = 60

// Import starts a contract from the Avro schema of a record. Faults are Invalid;
// their codes are those of interop.Parse, "schema-invalid" (Avro would not take
// it), "schema-not-record", "schema-size", "schema-depth" and
// "schema-contradiction".
func Import(data []byte, head interop.Head) (*contract.Contract, []interop.Note, error) {
	root, err := interop.Parse(data) // bounded, before the library reads it
	if err != nil {
		return nil, nil, err
	}
	if _, err := avro.ParseBytesWithCache(data, "", &avro.SchemaCache{}); err != nil {
		return nil, nil, fault.Wrap(fault.Invalid, "schema-invalid", err, "it is not an Avro schema")
	}
	im := &importer{named: map[string]named{}, active: map[*interop.Value]bool{}}
	record := root
	if root.Kind == interop.Array { // a union at the top: of null and a record, or of several
		record = nil
		for _, b := range root.Items {
			if b.Get("type").Str() == "record" && record == nil {
				record = b
			} else if b.Str() != "null" {
				im.note("", "only the first record of the union is described")
			}
		}
	}
	if record.Get("type").Str() != "record" {
		return nil, nil, fault.New(fault.Invalid, "schema-not-record", "the Avro schema is not that of a record: there are no columns in it", "give the schema of one row")
	}
	c := interop.New(head, record.Get("name").Str())
	o := &c.Schema[0]
	o.Description = record.Get("doc").Str()
	o.Properties = im.fields(record, "", "", 1)
	switch {
	case im.err != nil:
		return nil, nil, im.err
	case len(o.Properties) == 0:
		return nil, nil, fault.New(fault.Invalid, "schema-not-record", "the record has no fields: there are no columns in it", "give the schema of one row")
	}
	interop.Settle(c, im.notes)
	if _, err := contract.Compile(c, ""); err != nil {
		return nil, nil, fault.Wrap(fault.Invalid, "schema-contradiction", err, "the schema says what no contract can hold to")
	}
	return c, im.notes, nil
}

type importer struct {
	named  map[string]named        // by full name
	active map[*interop.Value]bool // records that enclose the one at hand
	notes  []interop.Note
	count  int
	err    error
}

// named is a definition and the namespace inside it.
type named struct {
	schema *interop.Value
	space  string
}

func (im *importer) note(path, text string) {
	if len(im.notes) < 1000 && !slices.Contains(im.notes, interop.Note{Path: path, Text: text}) {
		im.notes = append(im.notes, interop.Note{Path: path, Text: text})
	}
}

func (im *importer) fail(code, msg string) {
	if im.err == nil {
		im.err = fault.New(fault.Invalid, code, msg, "describe less of it")
	}
}

// define remembers a record, enum or fixed by its full name, and answers the
// namespace inside it.
func (im *importer) define(v *interop.Value, space string) string {
	name := v.Get("name").Str()
	if ns := v.Get("namespace"); ns != nil {
		space = ns.Str()
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		space = name[:i]
		name = name[i+1:]
	}
	im.named[full(name, space)] = named{v, space}
	for _, alias := range items(v.Get("aliases")) {
		im.named[full(alias.Str(), space)] = named{v, space}
	}
	return space
}

func full(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

func items(v *interop.Value) []*interop.Value {
	if v == nil {
		return nil
	}
	return v.Items
}

// fields translates the fields of a record.
func (im *importer) fields(record *interop.Value, space, path string, depth int) []contract.Property {
	if depth > maxNesting {
		im.fail("schema-depth", fmt.Sprintf("the fields lie deeper than %d, names followed", maxNesting))
		return nil
	}
	im.active[record] = true
	defer delete(im.active, record)
	space = im.define(record, space)
	var properties []contract.Property
	for _, f := range items(record.Get("fields")) {
		if im.err != nil {
			return nil
		}
		name := f.Get("name").Str()
		here := interop.Join(path, name)
		p := contract.Property{Element: contract.Element{Name: name}}
		im.property(&p, f.Get("type"), space, here, depth)
		if doc := f.Get("doc").Str(); doc != "" {
			p.Description = doc
		}
		if def := f.Get("default"); def != nil && def.Kind != interop.Null {
			im.note(here, "its default is left out: a row says what it means")
		}
		if len(items(f.Get("aliases"))) > 0 {
			im.note(here, "its aliases are left out")
		}
		properties = append(properties, p)
	}
	return properties
}

// property translates a type; the property is required where the type is not a
// union with null.
func (im *importer) property(p *contract.Property, v *interop.Value, space, path string, depth int) {
	if im.count++; im.count > interop.MaxProperties {
		im.fail("schema-size", fmt.Sprintf("the schema has more than %d fields, names followed", interop.MaxProperties))
		return
	}
	if depth > maxNesting {
		im.fail("schema-depth", fmt.Sprintf("the fields lie deeper than %d, names followed", maxNesting))
		return
	}
	if v == nil { // the library takes keys in any case of letters
		if im.err == nil {
			im.err = fault.New(fault.Invalid, "schema-invalid", fmt.Sprintf("the type of %s is missing", path), "write type, items and values in small letters")
		}
		return
	}
	p.Required = true
	if v.Kind == interop.Array {
		var branches []*interop.Value
		for _, b := range v.Items {
			if b.Str() == "null" || b.Get("type").Str() == "null" {
				p.Required = false
			} else {
				branches = append(branches, b)
			}
		}
		if len(branches) == 0 {
			im.primitive(p, "null", nil, path)
			return
		}
		if len(branches) > 1 {
			im.note(path, "it is a union of several types, which ODCS cannot say: the first is taken")
			for _, b := range branches[1:] {
				im.learn(b, space)
			}
		}
		v = branches[0]
	}
	if v.Kind == interop.String {
		if d, ok := im.named[full(v.Text, space)]; ok {
			v, space = d.schema, d.space
		} else if d, ok := im.named[v.Text]; ok {
			v, space = d.schema, d.space
		} else {
			im.primitive(p, v.Text, nil, path)
			return
		}
	}
	switch kind := v.Get("type"); kind.Str() {
	case "record", "error":
		p.LogicalType = "object"
		if im.active[v] {
			im.note(path, "the record contains itself: from here on it is not described")
			return
		}
		p.Description = v.Get("doc").Str()
		p.Properties = im.fields(v, space, path, depth+1)
	case "enum":
		im.define(v, space)
		p.LogicalType = "string"
		p.Description = v.Get("doc").Str()
		for _, s := range items(v.Get("symbols")) {
			p.Enum = append(p.Enum, contract.EnumValue{Value: s.Str()})
		}
		if v.Get("default") != nil {
			im.note(path, "the enum's default is left out: other values are refused")
		}
	case "array":
		p.LogicalType = "array"
		p.Items = &contract.Property{}
		im.property(p.Items, v.Get("items"), space, path+"[]", depth+1)
	case "map":
		p.LogicalType = "map"
		key := contract.Property{Element: contract.Element{Name: "key", LogicalType: "string"}}
		value := contract.Property{Element: contract.Element{Name: "value"}}
		im.property(&value, v.Get("values"), space, path+"{}", depth+1)
		p.Map = &contract.Map{Key: &key, Value: &value}
	case "fixed":
		im.define(v, space)
		im.fixed(p, v, path)
	case "": // {"type": {...}} or a union inside
		required := p.Required
		im.property(p, kind, space, path, depth+1)
		p.Required = p.Required && required
	default:
		im.primitive(p, kind.Text, v, path)
	}
}

// learn remembers the names that are defined in what is not described.
func (im *importer) learn(v *interop.Value, space string) {
	if v == nil {
		return
	}
	switch v.Get("type").Str() {
	case "record", "error", "enum", "fixed":
		space = im.define(v, space)
	}
	for _, m := range v.Members {
		if m.Name == "type" || m.Name == "items" || m.Name == "values" || m.Name == "fields" {
			im.learn(m.Value, space)
		}
	}
	for _, item := range v.Items {
		im.learn(item, space)
	}
}

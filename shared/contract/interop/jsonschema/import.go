// Package jsonschema starts contracts from JSON Schema (draft 7 to 2020-12) and
// writes the schema objects of contracts as JSON Schema 2020-12.
//
// What one of the two languages cannot say is never lost in silence: it is a
// note. The keyword "x-odcs", which other tools ignore, carries what JSON Schema
// has no words for, so that a contract comes back as it was.
package jsonschema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// maxNesting bounds how deep properties may lie, references followed.
const maxNesting = 60

// Import starts a contract from a JSON Schema of a row, or of an array of rows.
// References must be local ("#/$defs/address", "#name"). A schema that contains
// itself is described down to where it starts again. Faults are Invalid; their
// codes are those of interop.Parse, "schema-reference", "schema-not-object",
// "schema-size", "schema-depth" and "schema-contradiction".
func Import(data []byte, head interop.Head) (*contract.Contract, []interop.Note, error) {
	root, err := interop.Parse(data)
	if err != nil {
		return nil, nil, err
	}
	im := &importer{root: root, anchors: map[string]*interop.Value{}, active: map[*interop.Value]bool{}}
	im.findAnchors(root)
	row := im.flatten(root, "")
	if types, _ := im.types(row); len(types) == 1 && types[0] == "array" && row.keys["items"] != nil {
		im.note("", "the schema is that of an array: its items are the rows")
		row = im.flatten(row.keys["items"], "")
	}
	title := row.keys["title"].Str()
	known := row.keys[extension]
	if head.ID == "" {
		head.ID = known.Get("contract").Str()
	}
	if head.Version == "" {
		head.Version = known.Get("version").Str()
	}
	c := interop.New(head, title)
	o := &c.Schema[0]
	if name := known.Get("object").Str(); name != "" && head.Name == "" {
		o.Name = name
	}
	o.PhysicalName, o.Tags = known.Get("physicalName").Str(), texts(known.Get("tags"))
	o.Description = row.keys["description"].Str()
	o.Deprecated = row.keys["deprecated"].True()
	im.enter(row)
	o.Properties = im.members(row, "", 1)
	im.leave(row)
	for _, key := range slices.Sorted(maps.Keys(row.keys)) {
		if !slices.Contains(objectKeys, key) && !slices.Contains(annotations, key) {
			im.note("", fmt.Sprintf("%q has no counterpart for a whole row", key))
		}
	}
	if row.keys["enum"] != nil || row.keys["const"] != nil {
		im.note("", "values of whole rows are not described")
	}
	switch {
	case im.err != nil:
		return nil, nil, im.err
	case len(o.Properties) == 0:
		return nil, nil, fault.New(fault.Invalid, "schema-not-object", "the schema describes no object with properties: there are no columns in it", "give the schema of one row")
	}
	interop.Settle(c, im.notes)
	if im.optional { // of no property, and no loss for most: it need not stay with the contract
		im.note("", "what is not required may be absent or null: ODCS does not tell the two apart")
	}
	if _, err := contract.Compile(c, ""); err != nil {
		return nil, nil, fault.Wrap(fault.Invalid, "schema-contradiction", err, "the schema says what no contract can hold to")
	}
	return c, im.notes, nil
}

type importer struct {
	root     *interop.Value
	anchors  map[string]*interop.Value
	active   map[*interop.Value]bool // schemas that enclose the one at hand
	notes    []interop.Note
	count    int
	optional bool
	err      error // the first that ends the import
}

func (im *importer) note(path, text string) {
	if len(im.notes) < 1000 && !slices.Contains(im.notes, interop.Note{Path: path, Text: text}) {
		im.notes = append(im.notes, interop.Note{Path: path, Text: text})
	}
}

func (im *importer) fail(code, msg, do string) {
	if im.err == nil {
		im.err = fault.New(fault.Invalid, code, msg, do)
	}
}

func (im *importer) enter(s *shape) {
	for _, v := range s.sources {
		im.active[v] = true
	}
}

func (im *importer) leave(s *shape) {
	for _, v := range s.sources {
		delete(im.active, v)
	}
}

// members translates the properties of an object.
func (im *importer) members(s *shape, path string, depth int) []contract.Property {
	if depth > maxNesting {
		im.fail("schema-depth", fmt.Sprintf("the properties lie deeper than %d, references followed", maxNesting), "describe less of it")
		return nil
	}
	var properties []contract.Property
	for _, m := range s.members {
		if im.err != nil {
			return nil
		}
		if m.Name == "" {
			im.note(path, "a member without a name is left out")
			continue
		}
		if m.Value.Kind == interop.Bool && m.Value.Text == "false" {
			im.note(path, fmt.Sprintf("%q must not be there: it is left out, and so refused", m.Name))
			continue
		}
		p := im.property(m.Value, interop.Join(path, m.Name), s.required[m.Name], depth)
		p.Name = m.Name
		properties = append(properties, p)
	}
	for _, name := range slices.Sorted(maps.Keys(s.required)) {
		if !slices.ContainsFunc(s.members, func(m interop.Member) bool { return m.Name == name }) {
			im.note(path, fmt.Sprintf("%q is required and not described: it is left out", name))
		}
	}
	if more := s.keys["additionalProperties"]; len(properties) > 0 && (more == nil || more.Kind != interop.Bool || more.Text == "true") {
		im.note(path, "members that are not named are refused, where the schema lets them in")
	}
	return properties
}

// property translates one schema.
func (im *importer) property(v *interop.Value, path string, required bool, depth int) contract.Property {
	var p contract.Property
	if im.count++; im.count > interop.MaxProperties {
		im.fail("schema-size", fmt.Sprintf("the schema has more than %d properties, references followed", interop.MaxProperties), "describe less of it")
		return p
	}
	s := im.flatten(v, path)
	p.BusinessName = s.keys["title"].Str()
	p.Description = s.keys["description"].Str()
	p.Deprecated = s.keys["deprecated"].True()
	types, nullable := im.types(s)
	if ext := s.keys[extension]; ext != nil {
		im.extended(&p, ext, path)
	}
	switch {
	case required && !nullable:
		p.Required = true
	case strings.HasSuffix(path, "[]"), strings.HasSuffix(path, "{}"):
	case required:
		im.note(path, "it must be there but may be null: it may be absent, too")
	case !nullable:
		im.optional = true
	}
	switch {
	case s.recursive:
		p.LogicalType = "object"
		im.note(path, "the schema contains itself: from here on it is not described")
		return p
	case len(types) > 1:
		im.note(path, fmt.Sprintf("it may be of several types, which ODCS cannot say: the first, %s, is taken", types[0]))
	case len(types) == 0:
		im.note(path, "the schema names no type: taken as a string")
		types = []string{"string"}
	}
	kind := types[0]
	if p.LogicalType == "" {
		p.LogicalType = kind
	}
	im.options(&p, s, kind, path)
	im.values(&p, s, path)
	switch kind {
	case "object":
		im.enter(s)
		p.Properties = im.members(s, path, depth+1)
		im.leave(s)
		im.open(&p, s, path, depth)
	case "array":
		if items := s.keys["items"]; items != nil && items.Kind == interop.Object {
			if depth >= maxNesting {
				im.fail("schema-depth", fmt.Sprintf("the properties lie deeper than %d, references followed", maxNesting), "describe less of it")
				return p
			}
			im.enter(s)
			item := im.property(items, path+"[]", true, depth+1)
			im.leave(s)
			p.Items = &item
		}
	}
	im.leftover(s, kind, path)
	return p
}

// open translates an object that names no members: one whose values are described
// is a map.
func (im *importer) open(p *contract.Property, s *shape, path string, depth int) {
	if s.keys["propertyNames"] != nil && (len(p.Properties) > 0 || s.keys["additionalProperties"] == nil) {
		im.note(path, `there is no counterpart for "propertyNames"`)
	}
	if len(p.Properties) > 0 {
		return
	}
	values := s.keys["additionalProperties"]
	if values == nil || values.Kind != interop.Object || len(values.Members) == 0 {
		im.note(path, "the schema names none of its members: what is inside is not described")
		return
	}
	if p.LogicalTypeOptions.MinProperties != nil || p.LogicalTypeOptions.MaxProperties != nil {
		im.note(path, "how many entries the map has is not held to")
		p.LogicalTypeOptions.MinProperties, p.LogicalTypeOptions.MaxProperties = nil, nil
	}
	im.enter(s)
	value := im.property(values, path+"{}", true, depth+1)
	im.leave(s)
	value.Name = "value"
	p.LogicalType = "map"
	key := contract.Property{Element: contract.Element{Name: "key", LogicalType: "string"}}
	if names := s.keys["propertyNames"]; names != nil && names.Kind == interop.Object {
		key = im.property(names, path+"{}", true, depth+1)
		key.Name, key.LogicalType = "key", "string"
	}
	key.Required = false // a name always is
	p.Map = &contract.Map{Key: &key, Value: &value}
}

// values are the enum, const and alternatives of constants of a schema.
func (im *importer) values(p *contract.Property, s *shape, path string) {
	add := func(v *interop.Value, label string) {
		if v.Kind == interop.Null {
			return
		}
		value, ok := v.Any()
		if !ok {
			im.note(path, "a value of its enum cannot be written in a contract, so none is")
			s.consts = nil
			p.Enum = nil
			return
		}
		p.Enum = append(p.Enum, contract.EnumValue{Value: value, Label: label})
	}
	list := s.consts
	if enum := s.keys["enum"]; enum != nil {
		list = nil
		for _, item := range enum.Items {
			list = append(list, labelled{value: item})
		}
	}
	if c := s.keys["const"]; c != nil {
		list = []labelled{{value: c}}
	}
	if p.LogicalType == "object" || p.LogicalType == "array" {
		if len(list) > 0 {
			im.note(path, "values of whole objects or arrays are not described")
		}
		return
	}
	for _, v := range list {
		n := len(p.Enum)
		add(v.value, v.label)
		if n > 0 && len(p.Enum) == 0 {
			return
		}
	}
}

func texts(v *interop.Value) []string {
	if v == nil {
		return nil
	}
	var list []string
	for _, item := range v.Items {
		if item.Kind == interop.String {
			list = append(list, item.Text)
		}
	}
	return list
}

// examples are a schema's examples of single values.
func examples(v *interop.Value) []any {
	if v == nil {
		return nil
	}
	var list []any
	for _, item := range v.Items {
		if value, ok := item.Any(); ok {
			list = append(list, value)
		}
	}
	return list
}

// join lists names for a note.
func join(names []string) string {
	for i, n := range names {
		names[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(names, ", ")
}

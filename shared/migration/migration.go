// Package migration brings rows of one version of a contract to another, as a
// document of migrations/ says.
//
// A migration is total: it is compiled only if every row that the one version
// accepts becomes a row that the other accepts, so that nothing can go wrong while
// rows go by. What cannot be shown to hold is refused, with what to do about it.
//
// Steps are for top-level fields. What is inside an object or array goes along as
// it stands, and must be described alike in both versions.
package migration

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Migration is a compiled migration. It does not change; any number of goroutines
// may use it.
type Migration struct {
	from, to *record.Schema
	columns  []column // of the version that the rows become, in its order
	growth   int      // bytes by which a row may grow at most
}

// column is where a top-level field of the new version comes from.
type column struct {
	field int    // of the new version
	from  int    // of the old version; -1: none
	cast  cast   // the zero value leaves it as it stands
	fill  []byte // the text that stands where there is no value; nil: none does
	key   []byte // its name and colon, as JSON
}

// From is the schema of the rows that are migrated.
func (m *Migration) From() *record.Schema { return m.from }

// Compile compiles a migration between an object of two versions of a contract.
// The error is yamldoc.Problems, at the steps that are wrong.
func Compile(doc *exchange.Migration, from, to *contract.Compiled) (*Migration, error) {
	old, next, object := doc.Ends()
	c := compiler{doc: doc, from: from, to: to, fields: make(map[string]*flow), problem: func(path, message, hint string) yamldoc.Problem {
		return doc.Problem(path, message, hint)
	}}
	for _, id := range from.Schema.Columns() {
		c.fields[from.Schema.Fields[id].Name] = &flow{from: id, at: "steps"}
	}
	for i, s := range doc.Steps {
		c.step(fmt.Sprintf("steps[%d]", i), s)
	}
	if len(c.problems) > 0 {
		return nil, c.problems // what follows from a wrong step says nothing more
	}
	m := c.columns()
	c.rows(old.Doc.Object(object), next.Doc.Object(object))
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return m, nil
}

// flow is what the steps so far make of a field.
type flow struct {
	from  int // field of the old version; -1: added by default
	cast  cast
	fill  *exchange.Default
	moved bool   // it has another name than it had
	at    string // the step that changed it last: where a problem with it is told
}

// changed tells whether values are others than they were.
func (f *flow) changed() bool { return f.cast.kind != asIs || f.fill != nil }

type compiler struct {
	doc      *exchange.Migration
	from, to *contract.Compiled
	fields   map[string]*flow // by the name that they have by now
	problem  func(path, message, hint string) yamldoc.Problem
	problems yamldoc.Problems
}

func (c *compiler) add(path, message, hint string) {
	c.problems = append(c.problems, c.problem(path, message, hint))
}

// named finds a field by the name that it has by now.
func (c *compiler) named(path, name string) *flow {
	if f := c.fields[name]; f != nil {
		return f
	}
	var names []string
	for n := range c.fields {
		names = append(names, n)
	}
	slices.Sort(names)
	hint := "steps name top-level fields, as the steps before have left them"
	if near := yamldoc.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	c.add(path, fmt.Sprintf("there is no field %q here", name), hint)
	return nil
}

func (c *compiler) step(at string, s exchange.Step) {
	switch {
	case s.Rename != nil:
		at += ".rename"
		f := c.named(at+".from", s.Rename.From)
		switch {
		case f == nil:
		case c.fields[s.Rename.To] != nil:
			c.add(at+".to", fmt.Sprintf("there is a field %q already", s.Rename.To), "drop or rename it in a step before")
		default:
			delete(c.fields, s.Rename.From)
			c.fields[s.Rename.To] = f
			f.at, f.moved = at, true
		}
	case s.Drop != nil:
		if f := c.named(at+".drop.field", s.Drop.Field); f != nil {
			delete(c.fields, s.Drop.Field)
		}
	case s.Default != nil:
		f := c.fields[s.Default.Field]
		if f == nil {
			f = &flow{from: -1}
			c.fields[s.Default.Field] = f
		}
		if f.fill != nil {
			c.add(at+".default.field", fmt.Sprintf("the field %q has a default already", s.Default.Field), "remove one")
		}
		f.fill, f.at = s.Default, at+".default"
	case s.Cast != nil:
		at += ".cast"
		f := c.named(at+".field", s.Cast.Field)
		switch {
		case f == nil:
		case f.from < 0:
			c.add(at, fmt.Sprintf("the field %q is added by a default and has no type to cast", s.Cast.Field), "let the default say the value that it becomes")
		case f.cast.kind != asIs:
			c.add(at, fmt.Sprintf("the field %q is cast already", s.Cast.Field), "one cast must do")
		default:
			var why, hint string
			if f.cast, why, hint = castOf(c.from, f.from, s.Cast); why != "" {
				c.add(at, fmt.Sprintf("the field %q %s", s.Cast.Field, why), hint)
			}
			f.at = at
		}
	}
}

// columns holds what the steps have made to the new version.
func (c *compiler) columns() *Migration {
	m := &Migration{from: c.from.Schema, to: c.to.Schema}
	targets := c.to.Schema.Columns()
	var names []string
	for _, id := range targets {
		field := &c.to.Schema.Fields[id]
		names = append(names, field.Name)
		col := column{field: id, from: -1, key: append(record.AppendJSONString(nil, []byte(field.Name)), ':')}
		f := c.fields[field.Name]
		if f == nil {
			c.absent(id)
		} else {
			col.from, col.cast = f.from, f.cast
			if f.from >= 0 {
				c.satisfied(id, f)
			}
			if f.fill != nil {
				col.fill = c.fill(id, f)
			}
		}
		m.growth += len(col.key) + 6*len(col.fill) + 32 // escapes; quotes, a time of day, a comma
		m.columns = append(m.columns, col)
	}
	for _, name := range c.left(names) {
		hint := fmt.Sprintf("add a step drop: {field: %s}, or rename it", name)
		if near := yamldoc.Nearest(name, names); near != "" && c.fields[near] == nil {
			hint = fmt.Sprintf("add a step rename: {from: %s, to: %s}, or drop it", name, near)
		}
		c.add(c.fields[name].at, fmt.Sprintf("the field %q is not one of %s", name, c.version()), hint)
	}
	return m
}

// left are the names that the new version does not have.
func (c *compiler) left(names []string) []string {
	var left []string
	for name := range c.fields {
		if !slices.Contains(names, name) {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left
}

// version words what the rows become.
func (c *compiler) version() string {
	_, to, _ := c.doc.Ends()
	return "version " + to.Version
}

// absent holds a field that no row will have to the new version.
func (c *compiler) absent(id int) {
	name := c.to.Schema.Fields[id].Name
	p := c.to.Properties[id]
	switch {
	case p.Required || p.PrimaryKey:
		c.add("steps", fmt.Sprintf("%s requires the field %q, and no row has it", c.version(), name),
			fmt.Sprintf("add a step default: {field: %s, value: ...}, or rename the field that it was", name))
	case len(enforced(p.Quality)) > 0:
		c.add("steps", fmt.Sprintf("%s has quality rules on the field %q, and no row has it", c.version(), name), "add a step rename for the field that it was")
	}
}

// fill is the text of a default, held to the field of the new version.
func (c *compiler) fill(id int, f *flow) []byte {
	field := &c.to.Schema.Fields[id]
	wrong := func(message, hint string) []byte {
		c.add(f.at+".value", fmt.Sprintf("the default of the field %q %s", field.Name, message), hint)
		return nil
	}
	text, kind, err := scalar(string(f.fill.Value))
	switch p := c.to.Properties[id]; {
	case err != nil:
		return wrong("is not a value", "write a string, a number or a boolean")
	case field.Type == record.Object || field.Type == record.Array || field.Type == record.Opaque:
		return wrong(fmt.Sprintf("is a single value, and the field is of type %s", field.Type), "defaults are for single values")
	case kind != kindOf(field.Type):
		return wrong(fmt.Sprintf("is a %s, and the field is of type %s", kind, field.Type), "write it as the contract says")
	case !c.to.Fits(id, text):
		return wrong(fmt.Sprintf("is not one that %s accepts", c.version()), "choose another, or another version of the contract")
	case f.from < 0 && len(enforced(p.Quality)) > 0:
		return wrong(fmt.Sprintf("cannot be shown to keep the quality rules that %s has on it", c.version()), "leave the rules out there, or give them severity: warning")
	}
	return text
}

// kindOf is how values of a type are written in YAML and JSON.
func kindOf(t record.Type) string {
	switch t {
	case record.Integer, record.Number:
		return "number"
	case record.Boolean:
		return "boolean"
	}
	return "string"
}

// scalar is the text of a JSON scalar, never nil, and what it is.
func scalar(value string) (text []byte, kind string, err error) {
	var v any
	if err := json.Unmarshal([]byte(value), &v); err != nil {
		return nil, "", err
	}
	switch v := v.(type) {
	case string:
		return append([]byte{}, v...), "string", nil
	case float64:
		return []byte(value), "number", nil
	case bool:
		return []byte(value), "boolean", nil
	}
	return nil, "", errors.New("neither a string nor a number nor a boolean")
}

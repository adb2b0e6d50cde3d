package migration

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// members holds what the steps have made of an object to one of the new version.
// at is where a problem is told that is no step's of its own.
func (c *compiler) members(id int, f *flow, at string) []column {
	object := &c.to.Schema.Fields[id]
	prefix := "" // of the paths of members
	if id > 0 {
		prefix = object.Path + "."
	}
	var columns []column
	var names []string
	for _, m := range object.Members {
		name := c.to.Schema.Fields[m].Name
		names = append(names, name)
		if g := f.members[name]; g != nil {
			columns = append(columns, c.field(m, g, at))
		} else {
			c.absent(m, at)
			columns = append(columns, column{from: -1})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		if slices.Contains(names, name) {
			continue
		}
		path := prefix + name
		hint := fmt.Sprintf("add a step drop: {field: %s}, or rename it", path)
		if near := yamldoc.Nearest(name, names); near != "" && f.members[near] == nil {
			hint = fmt.Sprintf("add a step rename: {from: %s, to: %s}, or drop it", path, prefix+near)
		}
		c.add(or(f.members[name].at, at), fmt.Sprintf("the field %q is not one of %s", path, c.version()), hint)
	}
	return columns
}

// field holds what the steps have made of a field, and of what is inside it, to a
// field of the new version.
func (c *compiler) field(id int, f *flow, at string) column {
	at = or(f.at, at)
	field := &c.to.Schema.Fields[id]
	col := column{from: f.from, typ: field.Type, cast: f.cast, key: append(record.AppendJSONString(nil, []byte(field.Name)), ':')}
	if f.fill != nil {
		col.fill = c.fill(id, f)
	}
	if f.from < 0 || !c.satisfied(id, f, at) {
		return col
	}
	if f.fill == nil && f.cast.kind != toDate && f.inside == "" {
		c.came[id] = f.from
	}
	switch {
	case field.Type == record.Object:
		if members := c.members(id, f, at); f.inside != "" {
			col.members = members
		}
	case field.Type == record.Array && field.Items >= 0 && f.items != nil:
		if items := c.field(field.Items, f.items, at); f.inside != "" {
			col.items = &items
		}
	case field.Type == record.Array && field.Items >= 0:
		c.tighter(id, at, "describes its items, and the old version does not")
	case f.inside != "":
		c.add(f.inside, fmt.Sprintf("%s does not describe what is inside the field %s", c.version(), field.Path), "leave the step out, or describe it there")
	}
	return col
}

// or is a, or b if there is none.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// absent holds a field that no row will have to the new version.
func (c *compiler) absent(id int, at string) {
	path := c.to.Schema.Fields[id].Path
	switch p := c.to.Properties[id]; {
	case c.isRequired(c.to, id):
		c.add(at, fmt.Sprintf("%s requires the field %q, and no row has it", c.version(), path),
			fmt.Sprintf("add a step default: {field: %s, value: ...}, or rename the field that it was", path))
	case len(enforced(p.Quality)) > 0:
		c.add(at, fmt.Sprintf("%s has quality rules on the field %q, and no row has it", c.version(), path), "add a step rename for the field that it was")
	}
}

// isRequired tells whether a field of a version has a value in every row, or in
// every object or array that holds it.
func (c *compiler) isRequired(v *contract.Compiled, id int) bool {
	p, f := v.Properties[id], &v.Schema.Fields[id]
	if p.Required || p.PrimaryKey {
		return true
	}
	holder := v.Properties[f.Parent] // nil for the row
	return holder != nil && slices.Contains(holder.LogicalTypeOptions.Required, f.Name) && f.Name != ""
}

// fill is the text of a default, held to the field of the new version.
func (c *compiler) fill(id int, f *flow) []byte {
	field := &c.to.Schema.Fields[id]
	wrong := func(message, hint string) []byte {
		c.add(f.at+".value", fmt.Sprintf("the default of the field %q %s", field.Path, message), hint)
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

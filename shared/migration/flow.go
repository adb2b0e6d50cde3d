package migration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// flow is what the steps so far make of a field, and of what is inside it.
type flow struct {
	from  int // field of the old version; -1: added by default
	cast  cast
	fill  *exchange.Default
	moved bool   // it has another name than it had
	at    string // the step that changed it last, where a problem with it is told; "" none

	members map[string]*flow // of an object, by the names that they have by now
	items   *flow            // of an array
	inside  string           // the step that last changed something inside; "" none
	fewer   bool             // a member was dropped
	more    bool             // a member may have been added
}

// newFlow is a field before all steps.
func newFlow(s *record.Schema, id int) *flow {
	f := &flow{from: id}
	field := &s.Fields[id]
	if field.Type == record.Object {
		f.members = make(map[string]*flow)
		for _, m := range field.Members {
			f.members[s.Fields[m].Name] = newFlow(s, m)
		}
	}
	if field.Type == record.Array && field.Items >= 0 {
		f.items = newFlow(s, field.Items)
	}
	return f
}

// changed tells whether values are others than they were.
func (f *flow) changed() bool { return f.cast.kind != asIs || f.fill != nil || f.inside != "" }

// touched tells whether a field, or one inside it, is not the same in both versions.
func (f *flow) touched() bool {
	if f.from < 0 || f.moved || f.cast.kind != asIs || f.fill != nil || f.items != nil && f.items.touched() {
		return true
	}
	for _, m := range f.members {
		if m.touched() {
			return true
		}
	}
	return false
}

// find answers the way to a field by its path, from f, which is an object, to the
// field itself, and the end of the path that is its name in the object that holds
// it; nil if there is no such field. A name may have a dot in it.
func (f *flow) find(path string) (way []*flow, name string) {
	if m := f.members[path]; m != nil {
		return []*flow{f, m}, path
	}
	for i := range len(path) + 1 {
		if i < len(path) && path[i] != '.' {
			continue
		}
		way := f.nested(path[:i])
		switch {
		case way == nil:
		case i < len(path):
			if rest, name := way[len(way)-1].find(path[i+1:]); rest != nil {
				return append(way, rest[1:]...), name
			}
		case len(way) > 2:
			return way, ""
		}
	}
	return nil, ""
}

// nested answers the way to a member of f, or with [] behind its name to its items.
func (f *flow) nested(name string) []*flow {
	items, array := strings.CutSuffix(name, "[]")
	if !array {
		if m := f.members[name]; m != nil {
			return []*flow{f, m}
		}
		return nil
	}
	way := f.nested(items)
	if way == nil || way[len(way)-1].items == nil {
		return nil
	}
	return append(way, way[len(way)-1].items)
}

// paths are those of all that is inside f.
func (f *flow) paths(prefix string) (all []string) {
	for name, m := range f.members {
		path := prefix + name
		all = append(all, path)
		for m.items != nil {
			m, path = m.items, path+"[]"
		}
		all = append(all, m.paths(path+".")...)
	}
	return all
}

// named finds a field by the path that it has by now: the last of the way.
func (c *compiler) named(at, path string) (way []*flow, name string) {
	if way, name = c.row.find(path); way != nil {
		return way, name
	}
	hint := "steps name fields as the steps before have left them: name, address.zip, items[].price"
	if near := yamldoc.Nearest(path, slices.Sorted(slices.Values(c.row.paths("")))); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	c.add(at, fmt.Sprintf("there is no field %q here", path), hint)
	return nil, ""
}

// member finds a field that is not the items of an array.
func (c *compiler) member(at, path string) (way []*flow, name string) {
	if way, name = c.named(at, path); way != nil && name == "" {
		c.add(at, fmt.Sprintf("%q are items of an array, which have no name and are all there", path), "items may be cast; steps for their members name these: items[].price")
		return nil, ""
	}
	return way, name
}

func (c *compiler) step(at string, s exchange.Step) {
	switch {
	case s.Rename != nil:
		c.rename(at+".rename", s.Rename)
	case s.Drop != nil:
		if way, name := c.member(at+".drop.field", s.Drop.Field); way != nil {
			holder := way[len(way)-2]
			delete(holder.members, name)
			holder.fewer = true
			within(way, at+".drop")
		}
	case s.Default != nil:
		c.fillWith(at+".default", s.Default)
	case s.Cast != nil:
		c.castTo(at+".cast", s.Cast)
	}
}

// within notes at all that holds the last of a way that a step changed it.
func within(way []*flow, at string) {
	for _, f := range way[:len(way)-1] {
		f.inside = at
	}
}

func (c *compiler) rename(at string, s *exchange.Rename) {
	way, name := c.member(at+".from", s.From)
	if way == nil {
		return
	}
	holder, f := way[len(way)-2], way[len(way)-1]
	prefix := strings.TrimSuffix(s.From, name)
	to, stays := strings.CutPrefix(s.To, prefix)
	switch {
	case !stays || to == "" || strings.ContainsAny(to, ".[") && !c.isName(to):
		c.add(at+".to", "a field stays in the object that it is in", fmt.Sprintf("write to: %s and its new name", or(prefix, "nothing but")))
	case holder.members[to] != nil:
		c.add(at+".to", fmt.Sprintf("there is a field %q already", s.To), "drop or rename it in a step before")
	default:
		delete(holder.members, name)
		holder.members[to] = f
		f.at, f.moved = at, true
		within(way, at)
	}
}

// isName tells whether a field of the new version has a name that looks like a path.
func (c *compiler) isName(name string) bool {
	return slices.ContainsFunc(c.to.Schema.Fields, func(f record.Field) bool { return f.Name == name })
}

func (c *compiler) fillWith(at string, s *exchange.Default) {
	way, name := c.row.find(s.Field)
	switch {
	case way == nil:
		if way = c.adds(at+".field", s.Field); way == nil {
			return
		}
	case name == "":
		c.add(at+".field", fmt.Sprintf("%q are items of an array, which are all there", s.Field), "defaults are for members of objects")
		return
	}
	f := way[len(way)-1]
	if f.fill != nil {
		c.add(at+".field", fmt.Sprintf("the field %q has a default already", s.Field), "remove one")
	}
	f.fill, f.at = s, at
	way[len(way)-2].more = true
	within(way, at)
}

// adds adds a field to the object that its path says, and answers the way to it.
func (c *compiler) adds(at, path string) []*flow {
	holder, name := []*flow{c.row}, path
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 && !c.isName(path) {
		if holder, _ = c.named(at, path[:dot]); holder == nil {
			return nil
		}
		name = path[dot+1:]
	}
	object := holder[len(holder)-1]
	if object.members == nil {
		c.add(at, fmt.Sprintf("%q is not an object that the old version describes", strings.TrimSuffix(path, "."+name)), "defaults are for members of objects: items[].price")
		return nil
	}
	f := &flow{from: -1}
	object.members[name] = f
	return append(holder, f)
}

func (c *compiler) castTo(at string, s *exchange.Cast) {
	way, _ := c.named(at+".field", s.Field)
	if way == nil {
		return
	}
	f := way[len(way)-1]
	switch {
	case f.from < 0:
		c.add(at, fmt.Sprintf("the field %q is added by a default and has no type to cast", s.Field), "let the default say the value that it becomes")
		return
	case f.cast.kind != asIs:
		c.add(at, fmt.Sprintf("the field %q is cast already", s.Field), "one cast must do")
		return
	}
	var why, hint string
	if f.cast, why, hint = castOf(c.from, f.from, s); why != "" {
		c.add(at, fmt.Sprintf("the field %q %s", s.Field, why), hint)
	}
	f.at = at
	within(way, at)
}

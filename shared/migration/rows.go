package migration

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/sallyport-io/sallyport/shared/contract"
)

// rows holds what rules go over several fields or rows: keys, quality rules and
// relationships of the object itself.
func (c *compiler) rows(old, next *contract.Object) {
	c.keys()
	rules := enforced(old.Quality)
	for _, q := range enforced(next.Quality) {
		same := slices.ContainsFunc(rules, func(o contract.Quality) bool { return reflect.DeepEqual(o, q) })
		if !same || slices.ContainsFunc(q.Arguments.Properties, c.touched) {
			c.add("steps", fmt.Sprintf("%s has a quality rule that cannot be shown to hold for all rows", c.version()),
				"leave it out there, or give it severity: warning")
		}
	}
	if len(next.Relationships) > 0 && (!reflect.DeepEqual(old.Relationships, next.Relationships) || slices.ContainsFunc(c.names(), c.touched)) {
		c.add("steps", fmt.Sprintf("%s has relationships that cannot be shown to hold for all rows", c.version()), "leave them out there")
	}
}

// names are those of the new version's top-level fields.
func (c *compiler) names() []string {
	var names []string
	for _, id := range c.to.Schema.Columns() {
		names = append(names, c.to.Schema.Fields[id].Name)
	}
	return names
}

// touched tells whether a top-level field is not the same in both versions.
func (c *compiler) touched(name string) bool {
	f := c.fields[name]
	return f == nil || f.from < 0 || f.moved || f.changed()
}

// keys holds what must be unique: the fields of a key of the new version must be
// all those of one of the old version's, perhaps with others.
func (c *compiler) keys() {
	old := c.keysOf(c.from, func(id int) int { return id })
	came := make(map[int]int) // by field of the new version the one that it came from, of those whose values still differ
	for _, id := range c.to.Schema.Columns() {
		if f := c.fields[c.to.Schema.Fields[id].Name]; f != nil && f.from >= 0 && f.fill == nil && f.cast.kind != toDate {
			came[id] = f.from
		}
	}
	for id, p := range c.to.Properties { // keys inside objects, which no step touches
		if p != nil && c.to.Schema.Fields[id].Parent > 0 {
			if from := c.from.Schema.Lookup(c.origin(id)); from > 0 {
				came[id] = from
			}
		}
	}
	next := c.keysOf(c.to, func(id int) int {
		if from, ok := came[id]; ok {
			return from
		}
		return -1
	})
	for _, k := range next {
		held := slices.ContainsFunc(old, func(o key) bool {
			for _, id := range o.fields {
				if !slices.Contains(k.fields, id) {
					return false
				}
			}
			return true
		})
		if !held {
			c.add("steps", fmt.Sprintf("%s of %s cannot be shown to be unique", k.named, c.version()), "the fields of a key must come, unchanged, from those of a key of the old version")
		}
	}
}

// key is what is unique.
type key struct {
	fields []int
	named  string
}

// keysOf are the keys of a version, its fields as another numbers them.
func (c *compiler) keysOf(v *contract.Compiled, number func(id int) int) []key {
	primary := key{named: "the primary key"}
	var keys []key
	for id, p := range v.Properties {
		switch {
		case p == nil:
		case p.PrimaryKey:
			primary.fields = append(primary.fields, number(id))
		case p.Unique:
			keys = append(keys, key{[]int{number(id)}, "the field " + v.Schema.Fields[id].Path})
		}
	}
	if len(primary.fields) > 0 {
		keys = append(keys, primary)
	}
	return keys
}

// origin is the path that a field inside an object had in the old version.
func (c *compiler) origin(id int) string {
	path, top := "", id
	for c.to.Schema.Fields[top].Parent > 0 {
		top = c.to.Schema.Fields[top].Parent
	}
	name := c.to.Schema.Fields[top].Name
	if f := c.fields[name]; f != nil && f.from >= 0 && f.fill == nil {
		path = c.from.Schema.Fields[f.from].Path + c.to.Schema.Fields[id].Path[len(name):]
	}
	return path
}

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
	related := len(next.Relationships) > 0 || slices.ContainsFunc(c.to.Properties, func(p *contract.Property) bool { return p != nil && len(p.Relationships) > 0 })
	if related && (c.row.touched() || !reflect.DeepEqual(old.Relationships, next.Relationships)) {
		c.add("steps", fmt.Sprintf("%s has relationships that cannot be shown to hold for all rows", c.version()), "leave them out there")
	}
}

// touched tells whether a field is not the same in both versions.
func (c *compiler) touched(path string) bool {
	way, _ := c.row.find(path)
	return way == nil || way[len(way)-1].touched() || slices.ContainsFunc(way, func(f *flow) bool { return f.moved })
}

// keys holds what must be unique: the fields of a key of the new version must be
// all those of one of the old version's, perhaps with others.
func (c *compiler) keys() {
	old := c.keysOf(c.from, func(id int) int { return id })
	next := c.keysOf(c.to, func(id int) int {
		if from, ok := c.came[id]; ok {
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

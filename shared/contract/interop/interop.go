// Package interop holds what the readers and writers of other schema languages
// share: the head of a contract that is started from one, the notes about what
// could not be carried over, and JSON that is read in its own order, within
// bounds. The languages are in the packages below it.
package interop

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
)

// Head is what a new contract is called; each part has a default.
type Head struct {
	ID      string // default: made from the name
	Name    string // of the contract and its schema object; default: what the source is called
	Version string // default 0.1.0
	Source  string // what the source is called: the name where it has none itself
}

// Note says what a translation could not carry over, or had to decide.
type Note struct {
	Path string // of the property, "" for the whole
	Text string
}

func (n Note) String() string {
	if n.Path == "" {
		return n.Text
	}
	return n.Path + ": " + n.Text
}

// New begins a contract in status draft with one schema object. fallback is the
// name where neither the head nor the source has one.
func New(h Head, fallback string) *contract.Contract {
	name := cmp.Or(h.Name, fallback, h.Source, "data")
	return &contract.Contract{
		APIVersion: "v3.1.0", Kind: "DataContract",
		ID: cmp.Or(h.ID, Slug(name)), Name: name, Version: cmp.Or(h.Version, "0.1.0"), Status: "draft",
		Schema: []contract.Object{{Element: contract.Element{Name: Slug(name), LogicalType: "object"}}},
	}
}

// Slug is a name in the letters that ODCS takes for ids: [A-Za-z0-9_-].
func Slug(name string) string {
	slug := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '-'
	}, name)
	return cmp.Or(strings.Trim(slug, "-"), "data")
}

// MaxProperties bounds how many properties a translated contract may have, so
// that a small schema whose references multiply stays small.
const MaxProperties = 20_000

// Settle picks the oldest version of the standard that has every key that c
// uses, and adds the notes that have a path to the description of their
// property: they stay with the contract.
func Settle(c *contract.Contract, notes []Note) {
	said := map[string][]string{}
	for _, n := range notes {
		said[n.Path] = append(said[n.Path], n.Text)
	}
	newer := false
	for i := range c.Schema {
		o := &c.Schema[i]
		newer = newer || o.Deprecated
		o.Description = describe(o.Description, said[""])
		Walk(o.Properties, "", func(path string, p *contract.Property) {
			newer = newer || p.Deprecated || len(p.Enum) > 0 || p.LogicalType == "map" || p.LogicalType == "vector"
			p.Description = describe(p.Description, said[path])
		})
	}
	if newer {
		c.APIVersion = "v3.2.0"
	}
}

func describe(description string, notes []string) string {
	if len(notes) == 0 {
		return description
	}
	text := "Not carried over: " + strings.Join(notes, "; ") + "."
	switch {
	case description == "":
		return text
	case strings.Contains(description, text): // from an earlier import
		return description
	}
	return strings.TrimRight(description, " \n") + "\n" + text
}

// Walk visits properties and what is inside them, outer ones first. Paths are
// those of reports: "name[].family", "labels{}" for the values of a map.
func Walk(properties []contract.Property, parent string, visit func(path string, p *contract.Property)) {
	for i := range properties {
		p := &properties[i]
		walk(p, Join(parent, p.Name), visit)
	}
}

func walk(p *contract.Property, path string, visit func(path string, p *contract.Property)) {
	visit(path, p)
	Walk(p.Properties, path, visit)
	if p.Items != nil {
		walk(p.Items, path+"[]", visit)
	}
	if p.Map != nil && p.Map.Value != nil {
		walk(p.Map.Value, path+"{}", visit)
	}
}

// Join is the path of a member.
func Join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// Values are the values that a property may have: those of the standard's enum
// (3.2), or of our custom property for older documents.
func Values(p *contract.Property) []any {
	var values []any
	for _, e := range p.Enum {
		values = append(values, e.Value)
	}
	for _, c := range p.CustomProperties {
		if list, ok := c.Value.([]any); ok && strings.EqualFold(c.Vendor, "sallyport") && c.Property == "enum" {
			values = append(values, list...)
		}
	}
	return values
}

// Type is the logicalType of a property, or what it is by how it is described.
func Type(p *contract.Property) string {
	switch {
	case p.LogicalType != "":
		return p.LogicalType
	case len(p.Properties) > 0:
		return "object"
	case p.Items != nil:
		return "array"
	}
	return "string"
}

// Plural is "1 value", "2 values".
func Plural(n int, what string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

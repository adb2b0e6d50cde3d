package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/record"
)

// pair is what is the same thing in two versions; an index is -1 where it is not.
type pair struct{ old, new int }

// pairs finds what is the same: by id, or else by name. Those of the new version
// come in its order, those that are gone last.
func pairs(old, new []names) []pair {
	var all []pair
	taken := make([]bool, len(old))
	find := func(match func(names) bool) int {
		for i, n := range old {
			if !taken[i] && match(n) {
				taken[i] = true
				return i
			}
		}
		return -1
	}
	for i := range new {
		all = append(all, pair{-1, i})
	}
	for i, n := range new { // ids first: a name may have gone to another property
		if n.id != "" {
			all[i].old = find(func(o names) bool { return o.id == n.id })
		}
	}
	for i, n := range new {
		if all[i].old < 0 {
			all[i].old = find(func(o names) bool { return o.name == n.name && (o.id == "" || n.id == "") })
		}
	}
	for i := range old {
		if !taken[i] {
			all = append(all, pair{i, -1})
		}
	}
	return all
}

type names struct{ id, name string }

func namesOf(all []contract.Property) []names {
	out := make([]names, len(all))
	for i := range all {
		out[i] = names{all[i].ID, all[i].Name}
	}
	return out
}

// objects compares the schema.
func (c *comparer) objects(old, new *contract.Contract) {
	list := func(all []contract.Object) []names {
		out := make([]names, len(all))
		for i := range all {
			out[i] = names{all[i].ID, all[i].Name}
		}
		return out
	}
	for _, p := range pairs(list(old.Schema), list(new.Schema)) {
		switch {
		case p.old < 0:
			c.object = new.Schema[p.new].Name
			c.add(Change{Kind: "object-added", New: c.object, Level: Minor})
		case p.new < 0:
			c.object = old.Schema[p.old].Name
			c.add(Change{Kind: "object-removed", Old: c.object, Class: BreaksProducer | BreaksConsumer, Data: true})
		default:
			c.schemaObject(old, new, &old.Schema[p.old], &new.Schema[p.new])
		}
	}
	c.object = ""
}

func (c *comparer) schemaObject(old, new *contract.Contract, a, b *contract.Object) {
	c.object = b.Name
	if a.Name != b.Name {
		c.object = a.Name
		c.add(Change{Kind: "object-renamed", Old: a.Name, New: b.Name, Class: BreaksProducer | BreaksConsumer, Data: true})
	}
	c.csv, c.ordered = false, false
	for _, side := range []struct {
		doc    *contract.Contract
		object string
	}{{old, a.Name}, {new, b.Name}} {
		compiled, err := contract.Compile(side.doc, side.object)
		if err != nil { // then nobody can drop it, and what it would be is not known
			c.csv = true
			continue
		}
		if f := compiled.Format; f.Codec == record.CSV || f.Codec == "" {
			c.csv = true
			c.ordered = c.ordered || f.Header == record.HeaderAbsent
		}
	}
	c.notes("", *a, *b, "id", "name", "properties", "quality", "relationships", "customProperties", "tags", "deprecated")
	c.element("", &a.Element, &b.Element)
	c.properties("", a.Properties, b.Properties)
}

// properties compares the columns of an object, or the members of a property.
func (c *comparer) properties(within string, old, new []contract.Property) {
	keys := primaryKey(old) // more than one property makes one key
	all := pairs(namesOf(old), namesOf(new))
	for _, p := range all {
		switch {
		case p.old < 0:
			c.added(within, &new[p.new])
		case p.new < 0:
			path := join(within, old[p.old].Name)
			c.add(Change{Path: path, Kind: "property-removed", Old: typeName(&old[p.old]), Class: BreaksProducer | BreaksConsumer, Data: true,
				Why: "a drop that still has it is refused"})
		default:
			c.property(within, &old[p.old], &new[p.new], keys)
		}
	}
	at := -1
	for _, p := range all {
		if p.old < 0 || p.new < 0 {
			continue
		}
		if p.old < at {
			moved := Change{Path: join(within, new[p.new].Name), Kind: "property-moved"}
			if c.ordered && within == "" {
				moved.Class, moved.Data, moved.Why = BreaksProducer|BreaksConsumer, true, "drops have no header, so that columns are told by their order"
			}
			c.add(moved)
		}
		at = max(at, p.old)
	}
}

func (c *comparer) added(within string, p *contract.Property) {
	ch := Change{Path: join(within, p.Name), Kind: "property-added", New: typeName(p), Level: Minor, Data: true}
	switch {
	case p.Required:
		ch.Class, ch.Why = BreaksProducer, "a drop without it is refused"
	case c.csv && within == "":
		ch.Class, ch.Why = BreaksProducer, "a CSV file without the column is refused"
	}
	c.add(ch)
	if leaves(p.Classification) {
		c.changes[len(c.changes)-1].Exposes = true
	}
}

func join(within, name string) string {
	if within == "" {
		return name
	}
	return within + "." + name
}

func typeName(p *contract.Property) string {
	if p.LogicalType == "" {
		return p.PhysicalType
	}
	return p.LogicalType
}

func primaryKey(all []contract.Property) (n int) {
	for i := range all {
		if all[i].PrimaryKey {
			n++
		}
	}
	return n
}

// property compares what is the same property; keys is how many properties the
// old primary key had.
func (c *comparer) property(within string, a, b *contract.Property, keys int) {
	path := join(within, a.Name)
	if a.Name != b.Name {
		c.add(Change{Path: path, Kind: "property-renamed", Old: a.Name, New: b.Name, Class: BreaksProducer | BreaksConsumer, Data: true})
	}
	c.value(path, a, b)
	if a.PrimaryKey != b.PrimaryKey {
		how := map[bool]string{true: Tightened, false: Loosened}[b.PrimaryKey]
		if b.PrimaryKey && keys > 0 || !b.PrimaryKey && keys > 1 {
			how = Changed
		}
		c.data(path, "primaryKey", how, fmt.Sprint(a.PrimaryKey), fmt.Sprint(b.PrimaryKey))
	}
	c.flag(path, "required", a.Required || a.PrimaryKey, b.Required || b.PrimaryKey)
	c.flag(path, "unique", a.Unique && !a.PrimaryKey, b.Unique && !b.PrimaryKey)
}

// value compares what a property says of its values; of items and of the keys and
// values of maps it is all there is.
func (c *comparer) value(path string, a, b *contract.Property) {
	c.notes(path, *a, *b, "id", "name", "logicalType", "logicalTypeOptions", "properties", "items", "map", "enum", "required", "unique", "primaryKey",
		"classification", "tags", "customProperties", "quality", "relationships", "deprecated")
	c.types(path, a, b)
	c.inside(path+"[]", "items", a.Items, b.Items)
	if a.Map != nil || b.Map != nil {
		x, y := a.Map, b.Map
		if x == nil {
			x = &contract.Map{}
		}
		if y == nil {
			y = &contract.Map{}
		}
		c.inside(path+"{key}", "mapKey", x.Key, y.Key)
		c.inside(path+"{value}", "mapValue", x.Value, y.Value)
	}
	c.properties(path, a.Properties, b.Properties)
	c.element(path, &a.Element, &b.Element)
	c.classification(path, a.Classification, b.Classification)
}

// inside compares what is in an array or a map.
func (c *comparer) inside(path, attribute string, a, b *contract.Property) {
	switch {
	case a == nil && b == nil:
	case a == nil:
		c.data(path, attribute, Tightened, "", typeName(b))
	case b == nil:
		c.data(path, attribute, Loosened, typeName(a), "")
	default:
		c.value(path, a, b)
		c.flag(path, "required", a.Required, b.Required)
		c.flag(path, "unique", a.Unique, b.Unique)
	}
}

// flag compares an attribute that rules out values where it is true.
func (c *comparer) flag(path, attribute string, old, new bool) {
	if old != new {
		c.data(path, attribute, map[bool]string{true: Tightened, false: Loosened}[new], fmt.Sprint(old), fmt.Sprint(new))
	}
}

// types compares logical types with their options and enums. Of two types the
// options do not compare: then only a change without any is known to be wider.
func (c *comparer) types(path string, a, b *contract.Property) {
	was, is := a.MeantType(), b.MeantType()
	if was == is {
		if a.LogicalType != b.LogicalType {
			c.note(path, "logicalType", a.LogicalType, b.LogicalType)
		}
		c.options(path, is, &a.LogicalTypeOptions, &b.LogicalTypeOptions)
		c.set(path, "enum", enumOf(a), enumOf(b))
		return
	}
	how := Changed
	switch {
	case wider(is, was) && plain(b):
		how = Loosened
	case wider(was, is) && plain(a):
		how = Tightened
	}
	c.data(path, "logicalType", how, was, is)
}

// wider tells whether every value of type b is one of type a. Dates are strings
// in every format that has no types of its own.
func wider(a, b string) bool {
	switch a {
	case "number":
		return b == "integer"
	case "string":
		return b == "date" || b == "timestamp" || b == "time"
	}
	return false
}

// plain tells whether a property rules out nothing but by its type.
func plain(p *contract.Property) bool {
	return same(p.LogicalTypeOptions, contract.Options{}) && len(enumOf(p)) == 0 && p.Items == nil && p.Map == nil && len(p.Properties) == 0
}

// enumOf are the values that a property may have: the standard's, or ours in
// older documents.
func enumOf(p *contract.Property) []string {
	var all []string
	for _, v := range p.Enum {
		all = append(all, fmt.Sprint(v.Value))
	}
	for _, custom := range p.CustomProperties {
		if list, ok := custom.Value.([]any); ok && custom.Property == "enum" && custom.Ours() {
			for _, v := range list {
				all = append(all, fmt.Sprint(v))
			}
		}
	}
	return all
}

// set compares a list of what is allowed; an empty one allows everything.
func (c *comparer) set(path, attribute string, old, new []string) {
	var gone, come []string
	for _, v := range old {
		if !slices.Contains(new, v) {
			gone = append(gone, v)
		}
	}
	for _, v := range new {
		if !slices.Contains(old, v) {
			come = append(come, v)
		}
	}
	switch {
	case len(gone)+len(come) == 0:
	case len(old) == 0:
		c.data(path, attribute, Tightened, "", strings.Join(new, ", "))
	case len(new) == 0:
		c.data(path, attribute, Loosened, strings.Join(old, ", "), "")
	case len(gone) == 0:
		c.data(path, attribute, Loosened, "", strings.Join(come, ", "))
	case len(come) == 0:
		c.data(path, attribute, Tightened, strings.Join(gone, ", "), "")
	default:
		c.data(path, attribute, Changed, strings.Join(gone, ", "), strings.Join(come, ", "))
	}
}

// secrecy orders classifications; what is not known is taken for confidential,
// as it is where policies are made.
func secrecy(classification string) int {
	at := slices.Index([]string{"public", "internal", "confidential", "restricted"}, strings.ToLower(classification))
	if at < 0 {
		return 2
	}
	return at
}

// leaves tells whether fields so classified leave where no rule names them.
func leaves(classification string) bool {
	return strings.EqualFold(classification, "public") || strings.EqualFold(classification, "internal")
}

func (c *comparer) classification(path, old, new string) {
	if old == new {
		return
	}
	a, b := secrecy(old), secrecy(new)
	ch := Change{Path: path, Kind: "classification-changed", Old: old, New: new, Level: Minor}
	switch {
	case b < a:
		ch.Kind, ch.Exposes, ch.Why = "classification-loosened", true, "it may leave where it did not"
	case b > a:
		ch.Kind, ch.Class, ch.Why = "classification-tightened", BreaksConsumer, "it may be masked, or not leave at all, where it did"
	}
	c.add(ch)
}

// Package diff compares two versions of a contract: what changed, for whom it
// breaks something, and which version it demands.
//
// Classes follow from what is accepted, because that is what a contract promises
// and what the validator of package contract holds rows to. Where the new version
// refuses what the old one accepted, a producer who goes on as before is refused.
// Where it accepts more, a consumer may meet what the old one ruled out. An added
// property is no break for consumers, though rows of the old version could not have
// it: it leaves only where a view shows it, and readers pass by what they do not know.
//
// Compatibility modes are those of Confluent's schema registry
// (https://docs.confluent.io/platform/current/schema-registry/fundamentals/schema-evolution.html).
package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
)

// Class says for whom a change breaks something; 0 is for nobody.
type Class uint8

const (
	// BreaksProducer: who drops what the old version allowed may be refused.
	BreaksProducer Class = 1 << iota
	// BreaksConsumer: who receives may meet what the old version ruled out, or miss
	// what it promised.
	BreaksConsumer
)

func (c Class) String() string {
	return [...]string{"compatible", "breaks producers", "breaks consumers", "breaks producers and consumers"}[c&3]
}

// Level is which number of a semantic version a change demands.
type Level uint8

const (
	None Level = iota // nothing changed
	Patch
	Minor
	Major
)

func (l Level) String() string { return [...]string{"none", "patch", "minor", "major"}[l] }

// MarshalText makes a level its word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// How an attribute changed; the second part of Change.Kind.
const (
	Added     = "added"
	Removed   = "removed"
	Tightened = "tightened" // less is accepted
	Loosened  = "loosened"  // more is accepted
	Changed   = "changed"   // other things are accepted, or nothing depends on it
)

// Change is one difference. Its texts are of the documents, never of data.
type Change struct {
	// Object is the schema object, Path the property in it: "lines[].sku". Both are
	// "" for what is said of the contract as a whole.
	Object, Path string
	// Kind is the attribute of the standard, or property or object, and how it
	// changed: "maxLength-tightened", "property-removed".
	Kind     string
	Old, New string // "" where there is none
	Class    Class
	// Data says that what rows may hold has changed: compatibility modes are about
	// such changes alone.
	Data bool
	// Exposes says that data may leave that did not: it is classified as less
	// secret, or a tag that rules may name is gone.
	Exposes bool
	Level   Level
	Why     string // for people, where the kind does not say it; may be ""
}

// Attribute and How are the two parts of Kind.
func (c Change) Attribute() string { name, _, _ := strings.Cut(c.Kind, "-"); return name }

func (c Change) How() string { _, how, _ := strings.Cut(c.Kind, "-"); return how }

// Where is object and property: "orders.lines[].sku"; "" for the contract.
func (c Change) Where() string {
	if c.Path == "" {
		return c.Object
	}
	return c.Object + "." + c.Path
}

// Report is what Compare finds.
type Report struct {
	ID         string
	OldVersion string
	NewVersion string
	Changes    []Change // those of the contract first, then as the documents have them
	Demands    Level    // the highest level of a change
	Says       Level    // what the two versions say; None where either is no semantic version
	Judged     bool     // both are semantic versions
}

// TooSmall tells whether the new version says less than the changes demand.
func (r Report) TooSmall() bool { return r.Judged && r.Says < r.Demands }

// Class is all classes of all changes.
func (r Report) Class() Class {
	var all Class
	for _, c := range r.Changes {
		all |= c.Class
	}
	return all
}

// Compare compares two versions of a contract. Objects and properties are the
// same if their ids are, or else their names.
func Compare(old, new *contract.Contract) Report {
	c := comparer{csv: true}
	c.contract(old, new)
	r := Report{ID: new.ID, OldVersion: old.Version, NewVersion: new.Version, Changes: c.changes}
	for _, change := range r.Changes {
		r.Demands = max(r.Demands, change.Level)
	}
	r.Says, r.Judged = step(old.Version, new.Version)
	if r.Judged && startsWithZero(old.Version) && r.Demands == Major && r.Says == Minor {
		r.Demands = Minor // before 1.0.0 the second number says what breaks (semver.org, 4)
	}
	return r
}

// comparer gathers changes.
type comparer struct {
	object  string
	csv     bool // drops may be CSV
	ordered bool // and have no header, so that the order of columns counts
	changes []Change
}

// add notes a change; its level follows from its class unless it is given.
func (c *comparer) add(ch Change) {
	ch.Object = c.object
	switch {
	case ch.Class != 0:
		ch.Level = Major
	case ch.Level == None:
		ch.Level = Patch
	}
	c.changes = append(c.changes, ch)
}

// data notes that rows may hold other values.
func (c *comparer) data(path, attribute, how, old, new string) {
	class := BreaksProducer | BreaksConsumer
	switch how {
	case Tightened:
		class = BreaksProducer
	case Loosened:
		class = BreaksConsumer
	}
	c.add(Change{Path: path, Kind: attribute + "-" + how, Old: old, New: new, Class: class, Data: true})
}

// note notes what no row depends on.
func (c *comparer) note(path, attribute string, old, new any) {
	was, is := text(old), text(new)
	how := Changed
	switch {
	case empty(old):
		how, was = Added, ""
	case empty(new):
		how, is = Removed, ""
	}
	c.add(Change{Path: path, Kind: attribute + "-" + how, Old: was, New: is})
}

// notes notes differences between the fields of two structs, by their YAML names,
// but for those that are compared elsewhere.
func (c *comparer) notes(path string, old, new any, elsewhere ...string) {
	a, b := reflect.ValueOf(old), reflect.ValueOf(new)
	for i := range a.NumField() {
		f := a.Type().Field(i)
		name, flag, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || slices.Contains(elsewhere, name):
		case flag == "inline" && f.Anonymous:
			c.notes(path, a.Field(i).Interface(), b.Field(i).Interface(), elsewhere...)
		case name == "" || name == "-":
		case !same(a.Field(i).Interface(), b.Field(i).Interface()):
			c.note(path, name, a.Field(i).Interface(), b.Field(i).Interface())
		}
	}
}

// same tells whether two attributes say the same; an empty list is none.
func same(a, b any) bool { return empty(a) && empty(b) || reflect.DeepEqual(a, b) }

func empty(v any) bool {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Slice, reflect.Map:
		return r.Len() == 0
	}
	return r.IsZero()
}

// text is an attribute in one line, as far as it is simple.
func text(v any) string {
	r := reflect.ValueOf(v)
	for r.Kind() == reflect.Pointer && !r.IsNil() {
		r = r.Elem()
	}
	switch r.Kind() {
	case reflect.Invalid, reflect.Pointer, reflect.Struct, reflect.Map:
		return ""
	case reflect.Slice:
		var all []string
		for i := range r.Len() {
			if one := text(r.Index(i).Interface()); one != "" {
				all = append(all, one)
			}
		}
		return strings.Join(all, ", ")
	}
	return fmt.Sprint(r.Interface())
}

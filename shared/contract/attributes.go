package contract

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Use is what is done with an attribute of the standard.
type Use uint8

const (
	// Enforced: data, or the document itself, is held to it.
	Enforced Use = iota
	// Used: it decides what Sallyport does.
	Used
	// Understood: read into times and amounts, and not monitored.
	Understood
	// Named: rules that are not run; Compiled.Unenforced names each, and why.
	Named
	// Kept: read and written again, and nobody is held to it.
	Kept
	// Told: for people and their tools; there is nothing in it to enforce.
	Told
)

func (u Use) String() string {
	return [...]string{"enforced", "used", "understood, not monitored", "not run, named", "kept, not enforced", "for people"}[u]
}

// Attribute is a key of the standard.
type Attribute struct {
	Key   string
	Since string // the version of the standard that brought it; v3.0.0 is the first that is read
	Use   Use
	Note  string
}

// Block is a part of a document, with the same keys wherever it stands.
type Block struct {
	Type       reflect.Type // the struct that it is read into
	Path       string       // where it stands: "schema[].properties[]"
	Title      string
	Attributes []Attribute
}

// Attributes are all attributes of the standard, by block, and what is done with
// each. docs/odcs.md is made of it.
func Attributes() []Block { return blocks() }

// finding is an attribute that a document uses, where it does first, and how
// often.
type finding struct {
	attribute Attribute
	at        string
	count     int
}

// survey finds the attributes that a document uses. kept tells whether what
// stands inside a block that is kept as a whole counts on its own.
func (c *Contract) survey(kept bool, want func(Attribute) bool) []finding {
	s := surveyor{kept: kept, want: want, blocks: map[reflect.Type]placed{}, index: map[string]int{}}
	for _, b := range blocks() {
		fields := map[string][]int{}
		for _, f := range reflect.VisibleFields(b.Type) {
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			fields[name] = f.Index
		}
		p := placed{Block: b}
		for _, a := range b.Attributes {
			p.fields = append(p.fields, fields[a.Key])
		}
		s.blocks[b.Type] = p
	}
	s.walk(reflect.ValueOf(c), "")
	return s.found
}

type surveyor struct {
	kept   bool
	want   func(Attribute) bool
	blocks map[reflect.Type]placed
	index  map[string]int // by block and key
	found  []finding
}

// placed is a block, and where its attributes are in its struct.
type placed struct {
	Block
	fields [][]int
}

func (s *surveyor) walk(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			s.walk(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			s.walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Struct:
		if b, known := s.blocks[v.Type()]; known {
			s.keys(v, &b, path)
		}
	}
}

func (s *surveyor) keys(v reflect.Value, b *placed, path string) {
	for i, a := range b.Attributes {
		f := v.FieldByIndex(b.fields[i])
		if f.IsZero() || f.Kind() == reflect.Int && f.Int() < 0 { // -1 is what positions are by default
			continue
		}
		at := under(path, a.Key)
		if s.want(a) {
			key := b.Path + "." + a.Key
			if i, seen := s.index[key]; seen {
				s.found[i].count++
			} else {
				s.index[key] = len(s.found)
				s.found = append(s.found, finding{attribute: a, at: at, count: 1})
			}
			if a.Use == Kept && !s.kept {
				continue
			}
		}
		s.walk(f, at)
	}
}

// NotEnforced names what the document says and nobody is held to: one problem
// for each attribute, at its first place, and one for each service level. Rules
// that Compile cannot run are in Compiled.Unenforced.
func (c *Contract) NotEnforced() []yamldoc.Problem {
	var all []yamldoc.Problem
	for _, f := range c.survey(false, func(a Attribute) bool { return a.Use == Kept }) {
		message := "is kept, not enforced"
		if f.attribute.Note != "" {
			message += ": " + f.attribute.Note
		}
		all = append(all, c.Problem(f.at, message+often(f.count), ""))
	}
	levels, _ := c.ServiceLevels()
	for _, l := range levels {
		message := l.Property + " is understood, and not monitored"
		if !l.Known {
			message = fmt.Sprintf("%q is none of the standard's service levels: it is kept", l.Property)
		}
		all = append(all, c.Problem(l.Path, message, ""))
	}
	for i, s := range c.Servers {
		for key := range s.More {
			all = append(all, c.Problem(fmt.Sprintf("servers[%d].%s", i, key), "is no key of the standard: it is kept", ""))
		}
	}
	slices.SortStableFunc(all, func(a, b yamldoc.Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return strings.Compare(a.Path, b.Path)
	})
	return all
}

// Newer names the keys of the document that are of a later version of the
// standard than its own. They count; other tools may refuse them there.
func (c *Contract) Newer() []yamldoc.Problem {
	var all []yamldoc.Problem
	for _, f := range c.survey(true, func(a Attribute) bool { return a.Since > c.APIVersion }) {
		all = append(all, c.Problem(f.at, fmt.Sprintf("is a key of %s, the document is of %s%s", f.attribute.Since, c.APIVersion, often(f.count)),
			"other tools may refuse it; raise apiVersion"))
	}
	return all
}

func often(count int) string {
	switch count {
	case 1:
		return ""
	case 2:
		return " (here and in one more place)"
	}
	return fmt.Sprintf(" (here and in %d more places)", count-1)
}

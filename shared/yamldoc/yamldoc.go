// Package yamldoc reads YAML documents strictly and says where something is
// wrong: an unknown key, a key twice or a value of the wrong kind is a Problem
// with file, line and column and, where one is near, the key that was meant.
package yamldoc

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxSize  = 4 << 20 // bytes of a document
	maxDepth = 64
	maxNodes = 1 << 19
	maxShown = 100 // problems in one error's text
)

// Problem is one thing that is wrong with a document.
type Problem struct {
	File         string `json:"file,omitempty"`
	Line, Column int    `json:",omitzero"`      // from 1; 0 if unknown
	Path         string `json:"path,omitempty"` // in the document: "subscriptions[2].filter"
	Message      string `json:"message"`
	Hint         string `json:"hint,omitempty"` // what to do: `did you mean "x"?`
}

// Error is "file:line:column: path: message (hint)".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are all that is wrong, by file and place.
type Problems []Problem

// Error has a line for each problem, a hundred at most.
func (ps Problems) Error() string {
	shown := slices.Clone(ps)
	slices.SortStableFunc(shown, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var lines []string
	for i, p := range shown {
		if i == maxShown {
			lines = append(lines, fmt.Sprintf("and %d more", len(ps)-i))
			break
		}
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

// Document is a parsed document that remembers where everything stands.
type Document struct {
	file string
	root *yaml.Node // the document's value
	// The comments before and after it.
	head, foot string
}

// Parse reads one document. The error is Problems.
func Parse(file string, data []byte) (*Document, error) {
	fail := func(line int, format string, args ...any) (*Document, error) {
		return nil, Problems{{File: file, Line: line, Column: min(line, 1), Message: fmt.Sprintf(format, args...)}}
	}
	if len(data) > maxSize {
		return fail(0, "the file has %d bytes, at most %d are read", len(data), maxSize)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var node, more yaml.Node
	if err := dec.Decode(&node); errors.Is(err, io.EOF) {
		return fail(1, "the file is empty")
	} else if err != nil {
		line, message := syntaxError(err)
		return fail(line, "%s", message)
	}
	if err := dec.Decode(&more); err == nil {
		return fail(more.Line, "there is a second document in the file")
	} else if !errors.Is(err, io.EOF) {
		line, message := syntaxError(err)
		return fail(line, "%s", message)
	}
	d := &Document{file: file, root: node.Content[0], head: node.HeadComment, foot: node.FootComment}
	nodes := 0
	if p := d.bound(d.root, 0, &nodes); p != nil {
		return nil, Problems{*p}
	}
	return d, nil
}

// syntaxError takes the line out of "yaml: line 3: did not find ...".
func syntaxError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if number, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return n, text
			}
		}
	}
	return 0, message
}

// bound refuses what is nested too deep; aliases, by which a small file can become
// a large one; tags of which nobody here knows the meaning; and keys that are bytes.
func (d *Document) bound(n *yaml.Node, depth int, nodes *int) *Problem {
	*nodes++
	switch {
	case depth > maxDepth:
		return &Problem{File: d.file, Line: n.Line, Column: n.Column, Message: fmt.Sprintf("nested deeper than %d", maxDepth)}
	case *nodes > maxNodes:
		return &Problem{File: d.file, Line: n.Line, Column: n.Column, Message: fmt.Sprintf("more than %d values", maxNodes)}
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return &Problem{File: d.file, Line: n.Line, Column: n.Column, Message: "anchors and aliases are not taken", Hint: "write the value out"}
	case n.Tag != "" && !slices.Contains(tags, n.ShortTag()):
		return &Problem{File: d.file, Line: n.Line, Column: n.Column, Message: "tags of one's own are not taken", Hint: "leave the word out that begins with an exclamation mark"}
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.ShortTag() == "!!binary" {
			return &Problem{File: d.file, Line: c.Line, Column: c.Column, Message: "a key is not binary", Hint: "write it as text"}
		}
		if p := d.bound(c, depth+1, nodes); p != nil {
			return p
		}
	}
	return nil
}

// Decode parses a document and decodes it. The error is Problems.
func Decode(file string, data []byte, into any) error {
	d, err := Parse(file, data)
	if err != nil {
		return err
	}
	return d.Decode(into)
}

// tags are those of YAML's own that a value here may have.
var tags = []string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!binary", "!!timestamp", "!!merge"}

// Decode fills a struct by its `yaml:"name"` tags: every key must be a field's.
// Types with an UnmarshalYAML method read themselves. The error is Problems.
func (d *Document) Decode(into any) error {
	c := checker{d: d}
	c.check(d.root, reflect.TypeOf(into), "")
	if len(c.problems) > 0 {
		return c.problems
	}
	if err := d.root.Decode(into); err != nil {
		var te *yaml.TypeError
		if !errors.As(err, &te) {
			line, message := syntaxError(err)
			return Problems{{File: d.file, Line: line, Column: min(line, 1), Message: message}}
		}
		for _, text := range te.Errors {
			line, message := syntaxError(errors.New(text))
			c.problems = append(c.problems, Problem{File: d.file, Line: line, Column: min(line, 1), Message: message})
		}
		return c.problems
	}
	return nil
}

// Problem makes a problem at a path of the document ("subscriptions[2].filter");
// where the path is not there, at the nearest thing above that is.
func (d *Document) Problem(path, message, hint string) Problem {
	n, _ := d.find(path)
	return Problem{File: d.file, Line: n.Line, Column: n.Column, Path: path, Message: message, Hint: hint}
}

// Literal is the text of the single value at a path, as it is written: 1.50 and
// not 1.5, 007 and not 7. null tells that it is the null value, ok that there is
// a single value at the path.
func (d *Document) Literal(path string) (text string, null, ok bool) {
	n, found := d.find(path)
	if !found || n.Kind != yaml.ScalarNode {
		return "", false, false
	}
	return n.Value, n.ShortTag() == "!!null", true
}

// find is the node at a path, or else the nearest above it that is there.
func (d *Document) find(path string) (n *yaml.Node, found bool) {
	n = d.root
	for _, step := range steps(path) {
		next := child(n, step)
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

// steps cuts "a.b[2].c" into a, b, 2, c.
func steps(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

func child(n *yaml.Node, step string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

type checker struct {
	d        *Document
	problems Problems
}

func (c *checker) add(n *yaml.Node, path, message, hint string) {
	c.problems = append(c.problems, Problem{File: c.d.file, Line: n.Line, Column: n.Column, Path: path, Message: message, Hint: hint})
}

var unmarshaler = reflect.TypeFor[yaml.Unmarshaler]()

// check holds a node to the type that it will be decoded into.
func (c *checker) check(n *yaml.Node, t reflect.Type, path string) {
	if forms := formsOf(t); forms != nil && n.ShortTag() != "!!null" {
		form, want := formFor(forms, n.Kind)
		if form == nil {
			c.add(n, path, "must be "+want, "")
			return
		}
		t = form
	}
	for t.Kind() == reflect.Pointer {
		if t.Implements(unmarshaler) {
			return
		}
		t = t.Elem()
	}
	if t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler) {
		return
	}
	if t == reflect.TypeFor[yaml.Node]() || n.ShortTag() == "!!null" {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			c.add(n, path, "must be a mapping", "")
			return
		}
		c.mapping(n, t, path)
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			c.add(n, path, "must be a mapping", "")
			return
		}
		c.once(n, path)
		for i := 0; i+1 < len(n.Content); i += 2 {
			c.check(n.Content[i+1], t.Elem(), join(path, n.Content[i].Value))
		}
	case reflect.Slice, reflect.Array:
		if n.Kind != yaml.SequenceNode {
			c.add(n, path, "must be a list", "")
			return
		}
		for i, item := range n.Content {
			c.check(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Interface:
		c.anything(n, path)
	default:
		if n.Kind != yaml.ScalarNode {
			c.add(n, path, "must be a single value", "")
			return
		}
		c.scalar(n, t, path)
	}
}

// scalar holds a value to the kind of a Go type. A number or boolean may stand
// where text is meant, as it does in YAML.
func (c *checker) scalar(n *yaml.Node, t reflect.Type, path string) {
	want, tag := "", n.ShortTag()
	switch t.Kind() {
	case reflect.Bool:
		if tag != "!!bool" {
			want = "true or false"
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if tag != "!!int" {
			want = "a whole number"
		}
	case reflect.Float32, reflect.Float64:
		if tag != "!!int" && tag != "!!float" {
			want = "a number"
		}
	}
	if want != "" {
		c.add(n, path, "must be "+want, "")
	}
}

// anything looks only for keys that stand twice. A date without quotes stays
// the text that it is: as a time.Time it would be written in another way.
func (c *checker) anything(n *yaml.Node, path string) {
	if n.Kind == yaml.MappingNode {
		c.once(n, path)
	}
	if n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, item := range n.Content {
		c.anything(item, path)
	}
}

func (c *checker) once(n *yaml.Node, path string) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if line, twice := seen[key.Value]; twice {
			c.add(key, path, fmt.Sprintf("the key %q stands twice", key.Value), fmt.Sprintf("it is on line %d already", line))
		}
		seen[key.Value] = key.Line
	}
}

func (c *checker) mapping(n *yaml.Node, t reflect.Type, path string) {
	c.once(n, path)
	fields, open := fieldsOf(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, known := fields[key.Value]
		switch {
		case known:
			c.check(value, field, join(path, key.Value))
		case open != nil:
			c.check(value, open, join(path, key.Value))
		default:
			names := make([]string, 0, len(fields))
			for name := range fields {
				names = append(names, name)
			}
			slices.Sort(names)
			hint := "known here: " + strings.Join(names, ", ")
			if near := Nearest(key.Value, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			c.add(key, path, fmt.Sprintf("unknown key %q", key.Value), hint)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldsOf are the keys of a struct and their types; open is the type of every
// other key, where the struct has an inline map.
func fieldsOf(t reflect.Type) (fields map[string]reflect.Type, open reflect.Type) {
	fields = map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" {
			continue
		}
		if strings.Contains(options, "inline") {
			inner := f.Type
			for inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Map {
				open = inner.Elem()
				continue
			}
			more, deeper := fieldsOf(inner)
			for k, v := range more {
				fields[k] = v
			}
			if deeper != nil {
				open = deeper
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		fields[name] = f.Type
	}
	return fields, open
}

// Nearest is the candidate that was probably meant by word, or "". Case,
// underscores and hyphens do not count; one slip in three letters is near.
func Nearest(word string, candidates []string) string {
	best, least := "", len(word)+1
	for _, c := range candidates {
		if d := distance(fold(word), fold(c)); d < least {
			best, least = c, d
		}
	}
	if allowed := max(1, len(fold(word))/3); least > allowed || len(word) < 2 && least > 0 {
		return ""
	}
	return best
}

func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour (optimal string alignment). Long words are as far as can be.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return len(a) + len(b)
	}
	var rows [3][65]int
	for j := range len(b) + 1 {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev2, prev, cur := &rows[(i-1)%3], &rows[i%3], &rows[(i+1)%3]
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}

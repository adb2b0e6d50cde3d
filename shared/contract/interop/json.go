package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Bounds of a schema that is read.
const (
	MaxSize   = 4 << 20 // bytes
	maxDepth  = 64
	maxValues = 1 << 19
)

// Value is a JSON value whose members stand in the order of the text.
type Value struct {
	Kind    Kind
	Text    string // of a string or number, or "true" and "false"
	Members []Member
	Items   []*Value
}

// Member is a named value of an object.
type Member struct {
	Name  string
	Value *Value
}

// Kind is what a Value is.
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Parse reads one JSON value. What is too large or nested too deep, and a name
// that stands twice in one object, is refused: the faults are Invalid, with
// codes "schema-size", "schema-depth" and "schema-syntax".
func Parse(data []byte) (*Value, error) {
	if len(data) > MaxSize {
		return nil, fault.New(fault.Invalid, "schema-size", fmt.Sprintf("the schema has %d bytes, at most %d are read", len(data), MaxSize), "cut it into smaller ones")
	}
	if !utf8.Valid(data) {
		return nil, syntax("it is not UTF-8")
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))}
	p.dec.UseNumber()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, syntax("there is more behind the end of the schema")
	}
	return v, nil
}

func syntax(what string) error {
	return fault.New(fault.Invalid, "schema-syntax", "the schema is not one JSON document: "+what, "check how it is written")
}

type parser struct {
	dec    *json.Decoder
	values int
}

func (p *parser) token() (json.Token, error) {
	t, err := p.dec.Token()
	if err != nil {
		return nil, syntax(fmt.Sprintf("it cannot be read on at byte %d", p.dec.InputOffset()))
	}
	return t, nil
}

func (p *parser) value(depth int) (*Value, error) {
	t, err := p.token()
	if err != nil {
		return nil, err
	}
	if p.values++; p.values > maxValues {
		return nil, fault.New(fault.Invalid, "schema-size", fmt.Sprintf("the schema has more than %d values", maxValues), "cut it into smaller ones")
	}
	if depth > maxDepth {
		return nil, fault.New(fault.Invalid, "schema-depth", fmt.Sprintf("the schema is nested deeper than %d", maxDepth), "describe what is inside by references")
	}
	switch t := t.(type) {
	case nil:
		return &Value{Kind: Null}, nil
	case bool:
		return &Value{Kind: Bool, Text: strconv.FormatBool(t)}, nil
	case json.Number:
		return &Value{Kind: Number, Text: t.String()}, nil
	case string:
		return &Value{Kind: String, Text: t}, nil
	case json.Delim:
		if t == '[' {
			return p.array(depth)
		}
	}
	return p.object(depth)
}

func (p *parser) array(depth int) (*Value, error) {
	v := &Value{Kind: Array}
	for p.dec.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v.Items = append(v.Items, item)
	}
	_, err := p.token()
	return v, err
}

func (p *parser) object(depth int) (*Value, error) {
	v := &Value{Kind: Object}
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, syntax(fmt.Sprintf("a name is missing at byte %d", p.dec.InputOffset()))
		}
		if seen[name] {
			return nil, syntax(fmt.Sprintf("a name stands twice in one object, at byte %d", p.dec.InputOffset()))
		}
		seen[name] = true
		member, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v.Members = append(v.Members, Member{name, member})
	}
	_, err := p.token()
	return v, err
}

// Get is a member by name, nil if there is none or v is no object (or nil).
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Name == name {
			return v.Members[i].Value
		}
	}
	return nil
}

// Str is the text of a string; "" for anything else.
func (v *Value) Str() string {
	if v == nil || v.Kind != String {
		return ""
	}
	return v.Text
}

// True reports whether v is true.
func (v *Value) True() bool { return v != nil && v.Kind == Bool && v.Text == "true" }

// Int is a whole number; ok is false for anything else.
func (v *Value) Int() (n int, ok bool) {
	if v == nil || v.Kind != Number {
		return 0, false
	}
	n, err := strconv.Atoi(v.Text)
	return n, err == nil
}

// Any is a single value as a contract holds it (string, bool, int, float64); ok
// is false for null, arrays, objects, and numbers that have no exact place there.
func (v *Value) Any() (value any, ok bool) {
	switch {
	case v == nil:
		return nil, false
	case v.Kind == String:
		return v.Text, true
	case v.Kind == Bool:
		return v.Text == "true", true
	case v.Kind == Number:
		if n, err := strconv.Atoi(v.Text); err == nil {
			return n, true
		}
		if f, err := strconv.ParseFloat(v.Text, 64); err == nil && len(v.Text) <= 17 {
			return f, true
		}
	}
	return nil, false
}

// Ordered is an object that is written in the order of its entries.
type Ordered []Entry

// Entry is a named value of an Ordered; Value is whatever encoding/json takes.
type Entry struct {
	Name  string
	Value any
}

// Add appends an entry.
func (o *Ordered) Add(name string, value any) { *o = append(*o, Entry{name, value}) }

// MarshalJSON writes the entries in their order.
func (o Ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, e := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(e.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(e.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Indented is v as JSON with two spaces for each level and a line feed behind it.
func Indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fault.Wrap(fault.Invalid, "not-json", err, "the contract holds a value that JSON cannot write")
	}
	return b.Bytes(), nil
}

package avro

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// kind is a type of Avro with its logical type, as far as it changes how a value
// is decoded.
type kind uint8

const (
	null kind = iota
	boolean
	integer // int, and long: the same on the wire but for its range
	long
	float
	double
	bytesKind
	str
	record_
	enum
	array
	mapKind
	union
	fixed
	decimal // of bytes or fixed
	bigDecimal
	uuid // of fixed
	date
	timeMillis
	timeMicros
	timestampMillis
	timestampMicros
	timestampNanos
	localMillis
	localMicros
	localNanos
	duration
)

var kindNames = [...]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "array", "map", "union",
	"fixed", "decimal", "big-decimal", "uuid", "date", "time-millis", "time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
	"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos", "duration"}

func (k kind) String() string { return kindNames[k] }

// originalName is the property of a field whose name Avro does not allow: what
// the contract calls it.
const originalName = "sallyport.name"

// typ is a type of the writer's schema. A named type that is used again is the
// same typ, so that a schema may go round in a circle.
type typ struct {
	kind    kind
	name    string // full name, of records, enums and fixed
	size    int    // fixed: bytes
	prec    int    // decimal
	scale   int
	symbols []string
	fields  []schemaField
	items   *typ   // of arrays and maps
	types   []*typ // branches of a union
}

type schemaField struct {
	name string // as the contract may know it
	typ  *typ
}

var primitives = map[string]kind{"null": null, "boolean": boolean, "int": integer, "long": long, "float": float, "double": double,
	"bytes": bytesKind, "string": str}

// logicals are the logical types by the type that they stand on. One that stands
// on another type is ignored, as the specification wants it.
var logicals = map[kind]map[string]kind{
	integer:   {"date": date, "time-millis": timeMillis},
	long:      {"time-micros": timeMicros, "timestamp-millis": timestampMillis, "timestamp-micros": timestampMicros, "timestamp-nanos": timestampNanos, "local-timestamp-millis": localMillis, "local-timestamp-micros": localMicros, "local-timestamp-nanos": localNanos},
	bytesKind: {"decimal": decimal, "big-decimal": bigDecimal},
	fixed:     {"decimal": decimal, "uuid": uuid, "duration": duration},
}

// parser reads the JSON of a schema.
type parser struct {
	named map[string]*typ
	types int
}

// parseSchema reads a schema of bounded size and depth.
func parseSchema(text []byte) (*typ, error) {
	if len(text) > maxSchema {
		return nil, badSchema("the schema in it has %d bytes, more than %d", len(text), maxSchema)
	}
	if deep(text) {
		return nil, badSchema("the schema in it is nested deeper than %d", maxDepth)
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, badSchema("the schema in it is not JSON")
	}
	p := parser{named: map[string]*typ{}}
	return p.typ(doc, "")
}

// deep tells whether brackets are nested too deep, before anything recurses.
func deep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

func (p *parser) typ(doc any, space string) (*typ, error) {
	if p.types++; p.types > maxPlan {
		return nil, badSchema("the schema in it has more than %d types", maxPlan)
	}
	switch v := doc.(type) {
	case string:
		if k, ok := primitives[v]; ok {
			return &typ{kind: k}, nil
		}
		if t := p.named[fullName(v, space)]; t != nil {
			return t, nil
		}
		if t := p.named[v]; t != nil {
			return t, nil
		}
		return nil, badSchema("the schema in it has no type %s", quote(v))
	case []any:
		return p.union(v, space)
	case map[string]any:
		return p.complex(v, space)
	}
	return nil, badSchema("the schema in it has a type that is neither a name, an object nor a list")
}

func (p *parser) union(branches []any, space string) (*typ, error) {
	t := &typ{kind: union}
	for _, b := range branches {
		branch, err := p.typ(b, space)
		switch {
		case err != nil:
			return nil, err
		case branch.kind == union:
			return nil, badSchema("the schema in it has a union straight in a union")
		}
		t.types = append(t.types, branch)
	}
	if len(t.types) == 0 {
		return nil, badSchema("the schema in it has a union of nothing")
	}
	return t, nil
}

func (p *parser) complex(v map[string]any, space string) (*typ, error) {
	name, ok := v["type"].(string)
	if !ok {
		if v["type"] == nil {
			return nil, badSchema("the schema in it has an object without a type")
		}
		return p.typ(v["type"], space)
	}
	t := &typ{}
	switch name {
	case "record", "error", "enum", "fixed":
		own, err := p.define(t, v, space)
		if err != nil {
			return nil, err
		}
		switch name {
		case "enum":
			return t, t.enum(v)
		case "fixed":
			size, ok := whole(v["size"])
			if !ok || size > maxBlock {
				return nil, badSchema("the size of the fixed type %s is not one", quote(t.name))
			}
			t.kind, t.size = fixed, size
			return t, t.logical(v)
		}
		return t, p.fields(t, v, own)
	case "array", "map":
		t.kind = array
		key := "items"
		if name == "map" {
			t.kind, key = mapKind, "values"
		}
		items, err := p.typ(v[key], space)
		t.items = items
		return t, err
	}
	k, ok := primitives[name]
	if !ok {
		return p.typ(name, space)
	}
	t.kind = k
	return t, t.logical(v)
}

// define notes a named type and answers the namespace inside it.
func (p *parser) define(t *typ, v map[string]any, space string) (string, error) {
	name, _ := v["name"].(string)
	if name == "" {
		return "", badSchema("the schema in it has a named type without a name")
	}
	if own, ok := v["namespace"].(string); ok && !strings.Contains(name, ".") {
		space = own
	}
	t.name = fullName(name, space)
	if p.named[t.name] != nil {
		return "", badSchema("the schema in it has two types %s", quote(t.name))
	}
	p.named[t.name] = t
	if i := strings.LastIndexByte(t.name, '.'); i >= 0 {
		return t.name[:i], nil
	}
	return "", nil
}

func (p *parser) fields(t *typ, v map[string]any, space string) error {
	t.kind = record_
	fields, ok := v["fields"].([]any)
	if !ok {
		return badSchema("the record %s has no list of fields", quote(t.name))
	}
	seen := map[string]bool{}
	for _, f := range fields {
		m, _ := f.(map[string]any)
		name, _ := m["name"].(string)
		if original, ok := m[originalName].(string); ok && strings.HasPrefix(name, mangle(original)) {
			name = original
		}
		if name == "" || seen[name] || strings.ContainsRune(name, 0) {
			return badSchema("the record %s has a field without a name, or a name twice", quote(t.name))
		}
		seen[name] = true
		ft, err := p.typ(m["type"], space)
		if err != nil {
			return err
		}
		t.fields = append(t.fields, schemaField{name: name, typ: ft})
	}
	return nil
}

func (t *typ) enum(v map[string]any) error {
	t.kind = enum
	symbols, _ := v["symbols"].([]any)
	for _, s := range symbols {
		symbol, ok := s.(string)
		if !ok || symbol == "" || strings.ContainsRune(symbol, 0) {
			return badSchema("the enum %s has a symbol that is none", quote(t.name))
		}
		t.symbols = append(t.symbols, symbol)
	}
	if len(t.symbols) == 0 {
		return badSchema("the enum %s has no symbols", quote(t.name))
	}
	return nil
}

// logical applies the logical type. A decimal or UUID that does not go with its
// type is ignored, as the specification wants it.
func (t *typ) logical(v map[string]any) error {
	name, _ := v["logicalType"].(string)
	k, ok := logicals[t.kind][name]
	switch {
	case !ok || k == uuid && t.size != 16 || k == duration && t.size != 12:
		return nil
	case k == decimal:
		precision, okPrecision := whole(v["precision"])
		scale, okScale := whole(v["scale"])
		if v["scale"] == nil {
			scale, okScale = 0, true
		}
		if !okPrecision || !okScale || precision == 0 || scale > precision {
			return nil
		}
		if precision > 2*maxDecimal || t.kind == fixed && (t.size > maxDecimal || t.size == 0) {
			return badSchema("a decimal has a precision of %d digits, or more than %d bytes", precision, maxDecimal)
		}
		t.prec, t.scale = precision, scale
	}
	if t.kind != fixed {
		t.size = -1 // its length is written before it
	}
	t.kind = k
	return nil
}

// whole is a JSON number that counts something.
func whole(v any) (int, bool) {
	f, ok := v.(float64)
	return int(f), ok && f >= 0 && f <= math.MaxInt32 && f == math.Trunc(f)
}

func fullName(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

// quote shows a name of the schema, cut short.
func quote(name string) string {
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "..."
	}
	return fmt.Sprintf("%q", name)
}

// describe names a type for people.
func (t *typ) describe() string {
	switch t.kind {
	case decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.prec, t.scale)
	case record_, enum, fixed:
		return fmt.Sprintf("%s %s", t.kind, quote(t.name))
	}
	return t.kind.String()
}

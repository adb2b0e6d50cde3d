package jsonschema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/contract/interop/jsonschema"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// accepts reports whether a contract lets a row in.
func accepts(t *testing.T, c *contract.Contract, row string) bool {
	t.Helper()
	compiled, err := contract.Compile(c, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.NewReader(strings.NewReader(row+"\n"), record.Format{Codec: record.NDJSON}, compiled.Schema, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v := compiled.NewValidator(contract.ValidatorOptions{})
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return true
		} else if err != nil {
			t.Fatal(err)
		}
		invalid := make([]bool, len(b.Rows))
		if err := v.Check(b, invalid, func(contract.Violation) {}); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(invalid, true) {
			return false
		}
	}
}

func compile(t *testing.T, schema []byte) *validator.Schema {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("row.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("row.json")
	if err != nil {
		t.Fatalf("%v\n%s", err, schema)
	}
	return s
}

func parse(t *testing.T, text string) *contract.Contract {
	t.Helper()
	c, err := contract.Parse("test.odcs.yaml", []byte("apiVersion: v3.2.0\nkind: DataContract\nid: shop\nversion: 1.2.0\nstatus: active\nname: shop\nschema:\n- name: orders\n  properties:\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAgreement holds rows to contracts, to their exported schemas, and to the
// contracts that come back from those: all three answer the same.
func TestAgreement(t *testing.T) {
	for _, test := range []struct {
		name, property string
		good, bad      []string // values; "-" leaves the member out
	}{
		{"string", "logicalType: string", []string{`"x"`, `""`, `null`, `-`}, []string{`1`, `true`, `{}`, `[]`}},
		{"required", "logicalType: string, required: true", []string{`"x"`}, []string{`null`, `-`}},
		{"primaryKey", "logicalType: integer, primaryKey: true", []string{`7`}, []string{`null`, `-`, `"7"`}},
		{"lengths", "logicalType: string, logicalTypeOptions: {minLength: 2, maxLength: 3}", []string{`"äö"`, `"abc"`, `null`}, []string{`"a"`, `"abcd"`}},
		{"pattern", "logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]{3}$'}", []string{`"EUR"`}, []string{`"eur"`, `"EURO"`}},
		{"pattern anywhere", "logicalType: string, logicalTypeOptions: {pattern: 'b'}", []string{`"abc"`}, []string{`"xyz"`}},
		{"email", "logicalType: string, logicalTypeOptions: {format: email}", []string{`"a@example.org"`}, []string{`"a"`, `""`}},
		{"uuid", "logicalType: string, logicalTypeOptions: {format: uuid}", []string{`"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"`}, []string{`"f81d4fae"`}},
		{"uri", "logicalType: string, logicalTypeOptions: {format: uri}", []string{`"https://example.org/a"`}, []string{`"/a"`}},
		{"hostname", "logicalType: string, logicalTypeOptions: {format: hostname}", []string{`"example.org"`}, []string{`"a..b"`}},
		{"ipv4", "logicalType: string, logicalTypeOptions: {format: ipv4}", []string{`"10.0.0.1"`}, []string{`"10.0.0"`, `"::1"`}},
		{"ipv6", "logicalType: string, logicalTypeOptions: {format: ipv6}", []string{`"::1"`}, []string{`"10.0.0.1"`}},
		{"enum", "logicalType: string, enum: [{value: EUR}, {value: USD}]", []string{`"EUR"`, `null`}, []string{`"GBP"`}},
		{"required enum", "logicalType: string, required: true, enum: [{value: EUR}]", []string{`"EUR"`}, []string{`null`, `"GBP"`}},
		{"enum of numbers", "logicalType: integer, enum: [{value: 1}, {value: 2}]", []string{`1`}, []string{`3`}},
		{"enum of numbers as text", "logicalType: string, enum: [{value: 1}]", []string{`"1"`}, []string{`1`, `"2"`}},
		{"our enum", "logicalType: string, customProperties: [{property: enum, value: [A], vendor: sallyport}]", []string{`"A"`}, []string{`"B"`}},
		{"date", "logicalType: date", []string{`"2026-01-31"`}, []string{`"2026-02-31"`, `"31.01.2026"`, `20260131`}},
		{"timestamp", "logicalType: timestamp, logicalTypeOptions: {timezone: true}", []string{`"2026-01-31T12:00:00Z"`, `"2026-01-31T12:00:00.5+01:00"`}, []string{`"2026-01-31"`, `"2026-01-31T12:00:00"`}},
		{"time", "logicalType: time, logicalTypeOptions: {timezone: true}", []string{`"12:00:00Z"`}, []string{`"12"`, `"12:00:00"`}},
		{"integer", "logicalType: integer", []string{`1`, `-1`, `12345678901234567890`, `null`}, []string{`1.5`, `"1"`}},
		{"width", "logicalType: integer, logicalTypeOptions: {format: i8}", []string{`127`, `-128`}, []string{`128`, `-129`}},
		{"width and minimum", "logicalType: integer, logicalTypeOptions: {format: u16, minimum: 10}", []string{`10`, `65535`}, []string{`9`, `65536`}},
		{"i64", "logicalType: integer, logicalTypeOptions: {format: i64}", []string{`9223372036854775807`}, []string{`9223372036854775808`}},
		{"number", "logicalType: number", []string{`1`, `1.5`, `1e3`}, []string{`"1"`, `true`}},
		{"range", "logicalType: number, logicalTypeOptions: {minimum: 0, exclusiveMaximum: 1.5}", []string{`0`, `1.4999`}, []string{`-0.001`, `1.5`}},
		{"exclusive", "logicalType: integer, logicalTypeOptions: {exclusiveMinimum: 0, maximum: 9}", []string{`1`, `9`}, []string{`0`, `10`}},
		{"multipleOf", "logicalType: number, logicalTypeOptions: {multipleOf: 0.01}", []string{`1.25`, `3`}, []string{`1.255`}},
		{"boolean", "logicalType: boolean", []string{`true`, `false`, `null`}, []string{`"true"`, `0`}},
		{"object", "logicalType: object, properties: [{name: a, logicalType: string, required: true}, {name: b, logicalType: integer}]",
			[]string{`{"a":"x"}`, `{"a":"x","b":1}`, `null`}, []string{`{}`, `{"a":null}`, `{"a":"x","b":"1"}`, `{"a":"x","c":1}`, `[]`}},
		{"required members", "logicalType: object, logicalTypeOptions: {required: [b]}, properties: [{name: b, logicalType: integer}]", []string{`{"b":1}`}, []string{`{}`}},
		{"maxProperties", "logicalType: object, logicalTypeOptions: {maxProperties: 1}, properties: [{name: a, logicalType: integer}, {name: b, logicalType: integer}]", []string{`{"a":1}`}, []string{`{"a":1,"b":2}`}},
		{"array", "logicalType: array, logicalTypeOptions: {minItems: 1, maxItems: 2}, items: {logicalType: integer}", []string{`[1]`, `[1,2]`, `[null]`}, []string{`[]`, `[1,2,3]`, `["1"]`, `{}`}},
		{"items not null", "logicalType: array, items: {logicalType: integer, required: true}", []string{`[1]`, `[]`}, []string{`[null]`}},
		{"uniqueItems", "logicalType: array, logicalTypeOptions: {uniqueItems: true}, items: {logicalType: string}", []string{`["a","b"]`}, []string{`["a","a"]`}},
		{"map", "logicalType: map, map: {key: {logicalType: string, logicalTypeOptions: {maxLength: 2}}, value: {logicalType: integer, required: true}}", []string{`{"a":1,"b":2}`, `{}`}, []string{`{"a":"1"}`, `{"a":null}`, `[]`}},
		{"array of objects", "logicalType: array, items: {logicalType: object, properties: [{name: a, logicalType: array, items: {logicalType: string}}]}", []string{`[{"a":["x"]}]`}, []string{`[{"a":[1]}]`, `[{"b":1}]`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := parse(t, "  - {name: v, "+test.property+"}\n")
			schema, _, err := jsonschema.Export(c, "")
			if err != nil {
				t.Fatal(err)
			}
			back, notes, err := jsonschema.Import(schema, interop.Head{})
			if err != nil {
				t.Fatalf("%v\n%s", err, schema)
			}
			for _, n := range notes {
				if n.Path != "" {
					t.Errorf("the way back loses something: %s", n)
				}
			}
			compiled := compile(t, schema)
			check := func(value string, want bool) {
				row := `{}`
				if value != "-" {
					row = `{"v":` + value + `}`
				}
				inst, err := validator.UnmarshalJSON(strings.NewReader(row))
				if err != nil {
					t.Fatal(err)
				}
				if got := accepts(t, c, row); got != want {
					t.Errorf("the contract takes %s: %v", row, got)
				}
				if got := compiled.Validate(inst) == nil; got != want {
					t.Errorf("the schema takes %s: %v\n%s", row, got, schema)
				}
				if got := accepts(t, back, row); got != want {
					t.Errorf("the contract that came back takes %s: %v\n%s", row, got, schema)
				}
			}
			for _, v := range test.good {
				check(v, true)
			}
			for _, v := range test.bad {
				check(v, false)
			}
		})
	}
}

// TestRoundTrip: what JSON Schema and x-odcs say comes back as it was.
func TestRoundTrip(t *testing.T) {
	c := parse(t, `
  - {name: id, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true, classification: internal, tags: [key], physicalName: ID, logicalTypeOptions: {format: uuid}, description: the id, businessName: Id}
  - {name: day, logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy, minimum: 01.01.2020}}
  - {name: at, logicalType: timestamp, logicalTypeOptions: {timezone: false, defaultTimezone: Etc/UTC}}
  - {name: n, logicalType: integer, unique: true, logicalTypeOptions: {format: i32, minimum: 0}, criticalDataElement: true, deprecated: true, examples: [3]}
  - {name: amount, logicalType: number, logicalTypeOptions: {format: f64, exclusiveMinimum: 0.5}}
  - {name: raw, logicalType: string, logicalTypeOptions: {format: byte, maxLength: 10}}
  - {name: secret, logicalType: string, classification: restricted, encryptedName: secret_enc, logicalTypeOptions: {format: password}}
  - name: lines
    logicalType: array
    logicalTypeOptions: {minItems: 1}
    items:
      logicalType: object
      properties: [{name: sku, logicalType: string, enum: [{value: A}, {value: B}]}]
`)
	schema, _, err := jsonschema.Export(c, "orders")
	if err != nil {
		t.Fatal(err)
	}
	compile(t, schema)
	back, notes, err := jsonschema.Import(schema, interop.Head{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		if n.Path != "" {
			t.Error(n)
		}
	}
	if back.ID != "shop" || back.Version != "1.2.0" || back.Schema[0].Name != "orders" {
		t.Errorf("the head is %s %s %s", back.ID, back.Version, back.Schema[0].Name)
	}
	if want, got := c.Schema[0].Properties, back.Schema[0].Properties; !reflect.DeepEqual(want, got) {
		t.Errorf("want %+v\ngot  %+v\n%s", want, got, schema)
	}
	again, _, err := jsonschema.Export(back, "")
	if err != nil {
		t.Fatal(err)
	}
	if withoutDescription(t, again) != withoutDescription(t, schema) {
		t.Errorf("the second export differs:\n%s\n%s", schema, again)
	}
}

// withoutDescription leaves out the row's description, to which an import adds.
func withoutDescription(t *testing.T, schema []byte) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(schema, &m); err != nil {
		t.Fatal(err)
	}
	delete(m, "description")
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestImport reads what other tools write; wanted notes are parts of their text.
func TestImport(t *testing.T) {
	for _, test := range []struct {
		name, schema string
		good, bad    []string
		notes        []string
	}{
		{"refs and defs", `{"type":"object","$defs":{"money":{"type":"object","properties":{"amount":{"type":"number"}},"required":["amount"]}},
			"properties":{"price":{"$ref":"#/$defs/money"},"tax":{"$ref":"#/$defs/money"}},"required":["price"]}`,
			[]string{`{"price":{"amount":1}}`}, []string{`{"price":{}}`, `{"tax":{"amount":1}}`}, nil},
		{"definitions and escapes", `{"definitions":{"a/b~c d":{"type":"string","maxLength":1}},"type":"object","properties":{"x":{"$ref":"#/definitions/a~1b~0c%20d"}}}`,
			[]string{`{"x":"1"}`}, []string{`{"x":"12"}`}, nil},
		{"anchor", `{"$defs":{"s":{"$anchor":"short","type":"string","maxLength":1}},"type":"object","properties":{"x":{"$ref":"#short"}}}`,
			[]string{`{"x":"1"}`}, []string{`{"x":"12"}`}, nil},
		{"nullable in each way", `{"type":"object","required":["a","b","c"],"properties":{"a":{"type":["string","null"]},"b":{"anyOf":[{"type":"integer"},{"type":"null"}]},"c":{"type":"string","nullable":true}}}`,
			[]string{`{"a":null,"b":null,"c":null}`, `{"a":"x","b":1,"c":"y"}`}, []string{`{"b":"x"}`}, []string{"a: it must be there but may be null"}},
		{"const and enum", `{"type":"object","properties":{"k":{"const":"x"},"e":{"enum":["a","b",null]},"n":{"oneOf":[{"const":1,"title":"one"},{"const":2}]}}}`,
			[]string{`{"k":"x","e":"a","n":2}`, `{"e":null}`}, []string{`{"k":"y"}`, `{"e":"c"}`, `{"n":3}`}, nil},
		{"allOf", `{"type":"object","allOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"integer"}}}]}`,
			[]string{`{"a":"x","b":1}`}, []string{`{"b":1}`}, nil},
		{"array of rows", `{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}}}`, []string{`{"a":"x"}`}, nil, []string{"its items are the rows"}},
		{"OpenAPI formats", `{"type":"object","properties":{"a":{"type":"integer","format":"int32"},"b":{"type":"string","format":"date-time"}}}`,
			[]string{`{"a":1,"b":"2026-01-31T00:00:00Z"}`}, []string{`{"a":3000000000}`, `{"b":"2026-01-31"}`}, nil},
		{"what is lost is said", `{"type":"object","patternProperties":{"^x":{}},"properties":{"a":{"type":"string","format":"color","not":{"const":"x"},"default":"y"},"b":{"oneOf":[{"type":"string"},{"type":"integer"}]},
			"c":{"type":["string","integer"]},"d":{},"e":{"type":"string","pattern":"(?=x)y"},"f":{"type":"array","items":[{"type":"string"}]}}}`,
			[]string{`{"a":"x"}`}, []string{`{"z":1}`},
			[]string{`"patternProperties" has no counterpart`, `a: there is no format "color"`, `a: there is no counterpart for "default", "not"`, `b: it may be one of 2 alternatives`, `c: it may be of several types, which ODCS cannot say: the first, string,`,
				`d: the schema names no type`, `e: its pattern needs more`, `f: items that are described one by one`, `members that are not named are refused`}},
		{"a tree", `{"type":"object","$defs":{"node":{"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}}}},"properties":{"root":{"$ref":"#/$defs/node"}}}`,
			[]string{`{"root":{"name":"a","children":[{"name":"b"}]}}`}, []string{`{"root":{"name":1}}`}, []string{"root.children[]: the schema contains itself"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, notes, err := jsonschema.Import([]byte(test.schema), interop.Head{ID: "x"})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range test.good {
				if !accepts(t, c, row) {
					t.Errorf("refuses %s", row)
				}
			}
			for _, row := range test.bad {
				if accepts(t, c, row) {
					t.Errorf("accepts %s", row)
				}
			}
			for _, want := range test.notes {
				if !slices.ContainsFunc(notes, func(n interop.Note) bool { return strings.Contains(n.String(), want) }) {
					t.Errorf("no note says %q: %v", want, notes)
				}
			}
		})
	}
}

// TestHostile: each is refused by a named error, soon.
func TestHostile(t *testing.T) {
	var wide strings.Builder // 4^12 properties by references
	wide.WriteString(`{"type":"object","properties":{"x":{"$ref":"#/$defs/a0"}},"$defs":{`)
	for i := range 12 {
		next := string(rune('a'+i+1)) + "0"
		wide.WriteString(`"` + string(rune('a'+i)) + `0":{"type":"object","properties":{`)
		for j := range 4 {
			if j > 0 {
				wide.WriteString(",")
			}
			wide.WriteString(`"p` + string(rune('0'+j)) + `":{"$ref":"#/$defs/` + next + `"}`)
		}
		wide.WriteString(`}},`)
	}
	wide.WriteString(`"m0":{"type":"string"}}}`)
	for _, test := range []struct{ name, schema, code string }{
		{"empty", ``, "schema-syntax"},
		{"not JSON", `{"type":`, "schema-syntax"},
		{"two documents", `{} {}`, "schema-syntax"},
		{"a name twice", `{"type":"object","type":"string"}`, "schema-syntax"},
		{"not UTF-8", "{\"a\":\"\xff\"}", "schema-syntax"},
		{"no object", `{"type":"string"}`, "schema-not-object"},
		{"true", `true`, "schema-not-object"},
		{"deep", strings.Repeat(`{"properties":{"a":`, 5000) + `1` + strings.Repeat(`}}`, 5000), "schema-depth"},
		{"large", `{"a":"` + strings.Repeat("x", interop.MaxSize) + `"}`, "schema-size"},
		{"many values", `[` + strings.Repeat("1,", 1<<20) + `1]`, "schema-size"},
		{"multiplies", wide.String(), "schema-size"},
		{"no such reference", `{"$ref":"#/$defs/x"}`, "schema-reference"},
		{"elsewhere", `{"$ref":"https://example.org/x.json"}`, "schema-reference"},
		{"circle of references", `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`, "schema-not-object"},
		{"contradiction", `{"type":"object","properties":{"a":{"type":"string","minLength":3,"maxLength":2}}}`, "schema-contradiction"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := jsonschema.Import([]byte(test.schema), interop.Head{})
			if fault.CodeOf(err) != test.code || fault.KindOf(err) != fault.Invalid {
				t.Errorf("want %s, got %v", test.code, err)
			}
		})
	}
}

// TestPublicContracts exports the documents of the standard: each schema
// compiles, and a contract can be made of it again.
func TestPublicContracts(t *testing.T) {
	files, err := filepath.Glob("../../../../../shared/data/odcs/*.odcs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no ../shared/data beside the checkout")
	}
	files = append(files, "../../../../../shared/data/adventureworks.odcs.yaml")
	exported := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := contract.Parse(filepath.Base(file), data)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range c.Schema {
			if _, err := contract.Compile(c, o.Name); err != nil {
				continue // it is not for this package to say why
			}
			schema, _, err := jsonschema.Export(c, o.Name)
			if err != nil {
				t.Errorf("%s %s: %v", file, o.Name, err)
				continue
			}
			compile(t, schema)
			back, _, err := jsonschema.Import(schema, interop.Head{})
			if err != nil {
				t.Errorf("%s %s: %v", file, o.Name, err)
			} else if len(back.Schema[0].Properties) != len(o.Properties) {
				t.Errorf("%s %s: %d properties of %d came back", file, o.Name, len(back.Schema[0].Properties), len(o.Properties))
			}
			exported++
		}
	}
	if exported < 60 {
		t.Errorf("only %d objects were exported", exported)
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"type":["string","null"],"pattern":"^x"},"b":{"$ref":"#/properties/a"}},"required":["a"]}`))
	f.Add([]byte(`{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"},"e":{"enum":[1,"x",null]},"l":{"type":"array","items":{"const":1}}}}}}`))
	f.Add([]byte(`{"type":"object","properties":{"d":{"type":"string","format":"date","x-odcs":{"format":"dd.MM.yyyy"}},"n":{"type":"number","multipleOf":0.01}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := jsonschema.Import(data, interop.Head{})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if _, _, err := jsonschema.Export(c, ""); err != nil {
			t.Fatal(err)
		}
	})
}

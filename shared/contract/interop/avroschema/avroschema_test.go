package avroschema_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/contract/interop/avroschema"
	"github.com/sallyport-io/sallyport/shared/fault"
)

func parse(t *testing.T, text string) *contract.Contract {
	t.Helper()
	c, err := contract.Parse("test.odcs.yaml", []byte("apiVersion: v3.2.0\nkind: DataContract\nid: shop\nversion: 1.2.0\nstatus: active\nname: shop\nschema:\n- name: orders\n  properties:\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// property finds a property by its path.
func property(t *testing.T, c *contract.Contract, path string) *contract.Property {
	t.Helper()
	var found *contract.Property
	interop.Walk(c.Schema[0].Properties, "", func(at string, p *contract.Property) {
		if at == path {
			found = p
		}
	})
	if found == nil {
		t.Fatalf("there is no %s", path)
	}
	return found
}

func says(notes []interop.Note, want string) bool {
	return slices.ContainsFunc(notes, func(n interop.Note) bool { return strings.Contains(n.String(), want) })
}

// TestTypes holds each Avro type to what it becomes, and back to itself.
func TestTypes(t *testing.T) {
	for _, test := range []struct {
		avro, logical, format string
		back                  string // the Avro type that the export writes; "": the same
		note                  string
	}{
		{`"boolean"`, "boolean", "", "", ""},
		{`"int"`, "integer", "i32", "", ""},
		{`"long"`, "integer", "i64", "", ""},
		{`"float"`, "number", "f32", "", ""},
		{`"double"`, "number", "f64", "", ""},
		{`"string"`, "string", "", "", ""},
		{`"bytes"`, "string", "binary", "", ""},
		{`{"type":"string"}`, "string", "", `"string"`, ""},
		{`{"type":"int","logicalType":"date"}`, "date", "", "", ""},
		{`{"type":"int","logicalType":"time-millis"}`, "time", "", `{"type":"long","logicalType":"time-micros"}`, ""},
		{`{"type":"long","logicalType":"time-micros"}`, "time", "", "", ""},
		{`{"type":"long","logicalType":"timestamp-millis"}`, "timestamp", "", "", ""},
		{`{"type":"long","logicalType":"timestamp-micros"}`, "timestamp", "", "", ""},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, "timestamp", "", "", ""},
		{`{"type":"long","logicalType":"local-timestamp-millis"}`, "timestamp", "", "", ""},
		{`{"type":"string","logicalType":"uuid"}`, "string", "uuid", "", ""},
		{`{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}`, "number", "", "", ""},
		{`{"type":"bytes","logicalType":"decimal","precision":30,"scale":0}`, "number", "", "", "at most 30 digits"},
		{`{"type":"fixed","name":"d","size":8,"logicalType":"decimal","precision":9,"scale":3}`, "number", "", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`, ""},
		{`{"type":"fixed","name":"f","size":4}`, "string", "binary", `"bytes"`, "4 bytes"},
		{`{"type":"string","logicalType":"colour"}`, "string", "", `"string"`, `"colour" of string is not known`},
		{`{"type":"int","logicalType":"timestamp-millis"}`, "integer", "i32", `"int"`, "is not known"},
		{`{"type":"enum","name":"v_value","symbols":["A","B"]}`, "string", "", "", ""},
		{`{"type":"array","items":"long"}`, "array", "", "", ""},
		{`{"type":"array","items":["null","long"]}`, "array", "", "", ""},
		{`{"type":"record","name":"v","fields":[{"name":"a","type":"int"}]}`, "object", "", "", ""},
		{`{"type":"map","values":"int"}`, "map", "", "", ""},
		{`{"type":"map","values":["null",{"type":"record","name":"v","fields":[{"name":"a","type":"int"}]}]}`, "map", "", "", ""},
		{`["string","long"]`, "string", "", `"string"`, "union of several types"},
	} {
		t.Run(test.avro, func(t *testing.T) {
			c, notes, err := avroschema.Import([]byte(`{"type":"record","name":"orders","fields":[{"name":"v","type":`+test.avro+`},{"name":"o","type":["null","string"]}]}`), interop.Head{})
			if err != nil {
				t.Fatal(err)
			}
			p := property(t, c, "v")
			if p.LogicalType != test.logical || p.LogicalTypeOptions.Format != test.format || !p.Required && test.logical != "" {
				t.Errorf("it became %s %q, required %v", p.LogicalType, p.LogicalTypeOptions.Format, p.Required)
			}
			if o := property(t, c, "o"); o.Required {
				t.Error("a union with null is required")
			}
			if test.note != "" && !says(notes, test.note) || test.note == "" && len(notes) > 0 {
				t.Errorf("notes: %v, want %q", notes, test.note)
			}
			out, _, err := avroschema.Export(c, "")
			if err != nil {
				t.Fatal(err)
			}
			want := test.back
			if want == "" {
				want = test.avro
			}
			got := avro.MustParse(string(out)).(*avro.RecordSchema).Fields()[0].Type().String()
			if same := avro.MustParse(want).String(); got != same {
				t.Errorf("the way back is %s, want %s", got, same)
			}
			again, _, err := avroschema.Import(out, interop.Head{})
			if err != nil {
				t.Fatal(err)
			}
			if test.back == "" && !reflect.DeepEqual(c.Schema[0].Properties, again.Schema[0].Properties) {
				t.Errorf("after a second round:\n%+v\n%+v", c.Schema[0].Properties, again.Schema[0].Properties)
			}
		})
	}
}

// TestNames follows names through namespaces, aliases and recursion.
func TestNames(t *testing.T) {
	c, notes, err := avroschema.Import([]byte(`{"type":"record","name":"Order","namespace":"org.shop","doc":"One order.","fields":[
		{"name":"billing","type":{"type":"record","name":"Address","aliases":["Place"],"fields":[{"name":"city","type":"string","doc":"Town."}]}},
		{"name":"shipping","type":["null","org.shop.Address"],"default":null},
		{"name":"pickup","type":["null","Place"],"default":null},
		{"name":"colour","type":{"type":"enum","name":"Colour","symbols":["RED","BLUE"],"default":"RED"},"default":"RED"},
		{"name":"parent","type":["null","Order"],"default":null},
		{"name":"colours","type":{"type":"array","items":"Colour"}}]}`), interop.Head{})
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != "Order" || c.Schema[0].Description == "" || c.APIVersion != "v3.2.0" {
		t.Errorf("the head is %+v", c)
	}
	for _, path := range []string{"billing.city", "shipping.city", "pickup.city"} {
		if p := property(t, c, path); p.LogicalType != "string" || p.Description != "Town." || !p.Required {
			t.Errorf("%s is %+v", path, p)
		}
	}
	if p := property(t, c, "colours[]"); len(p.Enum) != 2 {
		t.Errorf("colours[] is %+v", p)
	}
	for _, want := range []string{"parent: the record contains itself", "colour: its default is left out", "colour: the enum's default"} {
		if !says(notes, want) {
			t.Errorf("no note says %q: %v", want, notes)
		}
	}
	if p := property(t, c, "parent"); !strings.Contains(p.Description, "contains itself") {
		t.Errorf("the description does not tell what was lost: %q", p.Description)
	}
}

// TestExport writes what contracts say; where Avro has no word there is a note.
func TestExport(t *testing.T) {
	c := parse(t, `
  - {name: id, logicalType: string, primaryKey: true, logicalTypeOptions: {format: uuid}}
  - {name: amount, logicalType: number, physicalType: "numeric(12, 2)", logicalTypeOptions: {minimum: 0}}
  - {name: small, logicalType: integer, logicalTypeOptions: {format: u8, maximum: 9}}
  - {name: free, logicalType: object}
  - {name: status, logicalType: string, enum: [{value: in stock}, {value: gone}]}
  - {name: a, logicalType: object, required: true, logicalTypeOptions: {required: [x]}, properties: [{name: x, logicalType: string}, {name: y, logicalType: object, properties: [{name: z, logicalType: date}]}]}
  - {name: a_y, logicalType: array, items: {logicalType: object, properties: [{name: z, logicalType: timestamp}]}}
`)
	out, notes, err := avroschema.Export(c, "orders")
	if err != nil {
		t.Fatal(err)
	}
	s := avro.MustParse(string(out)).(*avro.RecordSchema)
	want := []string{
		`{"type":"string","logicalType":"uuid"}`,
		`["null",{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}]`,
		`["null","int"]`,
		`["null","string"]`,
		`["null","string"]`,
		`{"name":"a","type":"record","fields":[{"name":"x","type":"string"},{"name":"y","type":["null",{"name":"a_y","type":"record","fields":[{"name":"z","type":["null",{"type":"int","logicalType":"date"}]}]}]}]}`,
		`["null",{"type":"array","items":["null",{"name":"a_y_2","type":"record","fields":[{"name":"z","type":["null",{"type":"long","logicalType":"timestamp-micros"}]}]}]}]`,
	}
	for i, f := range s.Fields() {
		if got := f.Type().String(); got != want[i] {
			t.Errorf("%s is %s, want %s", f.Name(), got, want[i])
		}
	}
	for _, note := range []string{"id: Avro has no word for primaryKey", "amount: Avro has no word for minimum", "small: Avro has no word for format, maximum", "free: what is inside is not described", "status: Avro has no word for enum"} {
		if !says(notes, note) {
			t.Errorf("no note says %q: %v", note, notes)
		}
	}
	if _, _, err := avroschema.Export(parse(t, "  - {name: a b, logicalType: string}\n"), ""); fault.CodeOf(err) != "avro-name" {
		t.Errorf("a name that Avro does not take: %v", err)
	}
	if _, _, err := avroschema.Export(parse(t, "  - {name: a, logicalType: text}\n"), ""); err == nil {
		t.Error("a contract that does not compile is exported")
	}
}

func TestHostile(t *testing.T) {
	var wide strings.Builder // 4^12 fields by names
	wide.WriteString(`{"type":"record","name":"R","fields":[`)
	for i := range 12 {
		wide.WriteString(`{"name":"d` + string(rune('a'+i)) + `","type":{"type":"record","name":"N` + string(rune('a'+i)) + `","fields":[`)
		for j := range 4 {
			of := `"string"`
			if i > 0 {
				of = `"N` + string(rune('a'+i-1)) + `"`
			}
			if j > 0 {
				wide.WriteString(",")
			}
			wide.WriteString(`{"name":"f` + string(rune('0'+j)) + `","type":` + of + `}`)
		}
		wide.WriteString(`]}}`)
		if i < 11 {
			wide.WriteString(",")
		}
	}
	wide.WriteString(`]}`)
	for _, test := range []struct{ name, schema, code string }{
		{"empty", ``, "schema-syntax"},
		{"a primitive", `"string"`, "schema-not-record"},
		{"an enum", `{"type":"enum","name":"e","symbols":["A"]}`, "schema-not-record"},
		{"no fields", `{"type":"record","name":"r","fields":[]}`, "schema-not-record"},
		{"unknown type", `{"type":"record","name":"r","fields":[{"name":"a","type":"nosuch"}]}`, "schema-invalid"},
		{"deep", `{"type":"record","name":"r","fields":[{"name":"a","type":` + strings.Repeat(`{"type":"array","items":`, 5000) + `"int"` + strings.Repeat(`}`, 5000) + `}]}`, "schema-depth"},
		{"multiplies", wide.String(), "schema-size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := avroschema.Import([]byte(test.schema), interop.Head{})
			if fault.CodeOf(err) != test.code || fault.KindOf(err) != fault.Invalid {
				t.Errorf("want %s, got %v", test.code, err)
			}
		})
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"type":"record","name":"r","fields":[{"name":"a","type":["null","int"]},{"name":"b","type":{"type":"array","items":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}}]}`))
	f.Add([]byte(`["null",{"type":"record","name":"n.r","fields":[{"name":"e","type":{"type":"enum","name":"e","symbols":["A"]}},{"name":"r","type":["null","r"]},{"name":"f","type":{"type":"fixed","name":"x","size":16,"logicalType":"uuid"}}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := avroschema.Import(data, interop.Head{})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if _, _, err := avroschema.Export(c, ""); err != nil {
			t.Fatal(err)
		}
	})
}

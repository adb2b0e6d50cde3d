package contract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

// object is a contract with one object of the given keys and one property.
func object(keys string) string { return doc("logicalType: string") + indent(keys, "  ") }

func ownProperty(name, value string) string {
	return "customProperties: [{property: " + name + ", vendor: sallyport, value: " + value + "}]\n"
}

func TestFormatHint(t *testing.T) {
	servers := func(list string) string { return doc("logicalType: string") + "servers:\n" + list }
	for _, test := range []struct {
		name, doc string
		want      FormatHint
	}{
		{"nothing said", doc("logicalType: string"), FormatHint{}},
		{"all said", object(ownProperty("format", `{codec: csv, delimiter: ";", header: false, compression: gzip}`)),
			FormatHint{Codec: record.CSV, Delimiter: ';', Header: record.HeaderAbsent, Compression: record.Gzip}},
		{"a header", object(ownProperty("format", "{header: true}")), FormatHint{Header: record.HeaderPresent}},
		{"a server", servers("- {server: a, type: s3, location: s3://b, format: csv, delimiter: '|'}\n"), FormatHint{Codec: record.CSV, Delimiter: '|'}},
		{"servers that agree", servers("- {server: a, type: local, path: x, format: NDJSON}\n- {server: b, type: local, path: y, format: ndjson}\n"), FormatHint{Codec: record.NDJSON}},
		{"servers that do not", servers("- {server: a, type: local, path: x, format: csv}\n- {server: b, type: local, path: y, format: ndjson}\n"), FormatHint{}},
		{"ours before theirs", object(ownProperty("format", "{codec: json}")) + "servers:\n- {server: a, type: local, path: x, format: csv}\n", FormatHint{Codec: record.JSON}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := compile(t, test.doc).Format; got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestInvalidRows(t *testing.T) {
	for _, test := range []struct {
		value        string
		invalid, all int64
		want         bool
		text         string
	}{
		{"{action: quarantine}", 9, 9, false, "any number"},
		{"{action: reject-drop}", 1, 100, true, "0"},
		{"{action: reject-drop}", 0, 100, false, "0"},
		{"{max: 3}", 3, 100, false, "3"},
		{"{max: 3}", 4, 100, true, "3"},
		{`{action: quarantine, max: "2.5%"}`, 5, 200, false, "2.5%"},
		{`{max: "2.5%"}`, 6, 200, true, "2.5%"},
	} {
		limit := compile(t, object(ownProperty("invalidRows", test.value))).InvalidRows
		if got := limit.Exceeded(test.invalid, test.all); got != test.want || limit.String() != test.text {
			t.Errorf("%s: %d of %d exceed %s: got %t", test.value, test.invalid, test.all, limit, got)
		}
	}
}

func TestColumn(t *testing.T) {
	c := compile(t, `apiVersion: v3.1.0
kind: DataContract
id: c
version: 1.0.0
status: active
schema:
- name: o
  properties:
  - {name: id, physicalName: CUST_ID, logicalType: string}
  - {name: Name, physicalName: id, logicalType: string}
  - {name: address, logicalType: object, properties: [{name: street, logicalType: string}]}
`)
	for name, want := range map[string]string{"id": "id", "ID": "id", "cust_id": "id", "CUST_ID": "id", "name": "Name", "address": "address", "street": "", "": "", "x": ""} {
		got := ""
		if id := c.Column([]byte(name)); id >= 0 {
			got = c.Schema.Fields[id].Name
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// TestNested: paths, and rules deep inside.
func TestNested(t *testing.T) {
	c := compile(t, doc(`logicalType: object
properties:
- name: list
  logicalType: array
  items:
    logicalType: object
    properties:
    - {name: code, logicalType: string, required: true, logicalTypeOptions: {maxLength: 2}}
    - name: marks
      logicalType: array
      items: {logicalType: integer, logicalTypeOptions: {maximum: 5}}
`))
	if c.Schema.Lookup("v.list[].marks[]") < 0 || c.Schema.Lookup("v.list[].code") < 0 {
		t.Fatalf("paths: %+v", c.Schema.Fields)
	}
	got, invalid := violations(t, c, record.Format{Codec: record.NDJSON}, `{"v":{"list":[{"code":"ab","marks":[1,5]},{"marks":[6]},{"code":"abc"}]}}
{"v":{"list":[]}}
`)
	if want := "[1 v.list[].marks[] maximum 1 v.list[].code required 1 v.list[].code maxLength]"; fmt.Sprint(got) != want || !invalid[0] || invalid[1] {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestItemsNotDescribed: the items of an array count although the contract does
// not say what they are.
func TestItemsNotDescribed(t *testing.T) {
	c := compile(t, doc("logicalType: array\nlogicalTypeOptions: {minItems: 1, maxItems: 3, uniqueItems: true}"))
	for value, want := range map[string]string{
		`[]`: "minItems", `[ ]`: "minItems", `[1]`: "", `[ "a,]" , {"a":[1,2]},[3,4] ]`: "", `[1,2,3,4]`: "maxItems", `["a\"]","b"]`: "",
		`["a", "\u0061"]`: "uniqueItems", `[{"a":1},{"a": 1}]`: "uniqueItems", `[1,"1",null]`: "", `[true,true]`: "uniqueItems", `[ 1 , 1 ]`: "uniqueItems",
	} {
		got, _ := violations(t, c, record.Format{Codec: record.NDJSON}, `{"v":`+value+`,"other":"x"}`)
		if want != "" {
			want = "1 v " + want
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s: got %v, want %s", value, got, want)
		}
	}
}

// TestLiterals: values count as the contract writes them, not as YAML reads them.
func TestLiterals(t *testing.T) {
	for _, test := range []struct{ property, pass, fail string }{
		{"logicalType: string\nenum: [{value: 007}, {value: 1.50}, {value: 2024-01-01}, {value: NO}, {value: True}]", "007 1.50 2024-01-01 NO True", "7 1.5 2024-01-02 false true"},
		{"logicalType: string\n" + ownProperty("enum", "[007, 2024-01-01, 0x1]"), "007 2024-01-01 0x1", "7 1"},
		{"logicalType: string\nquality: [{metric: invalidValues, arguments: {validValues: [01, 02]}, mustBe: 0}]", "01 02", "1 2 03"},
		{"logicalType: integer\nenum: [{value: 1}, {value: 20}]", "1 01 20 +1", "2 10"},
		{"logicalType: number\nenum: [{value: 1.5}]", "1.5 1.50 15e-1", "15 1.51"},
		{"logicalType: number\nlogicalTypeOptions: {maximum: 99999999999999999999.99}", "99999999999999999999.99", "99999999999999999999.991"},
		{"logicalType: date\nlogicalTypeOptions: {minimum: 2024-01-01}", "2024-01-01", "2023-12-31"},
		{"logicalType: string\nenum: [{value: a}, {value: abcdefghi}]", "a abcdefghi", "b abcdefgh"},
		{"logicalType: string\nenum: [{value: ab}, {value: abc}, {value: abcd}, {value: abcde}, {value: abcdefgh}]", "ab abc abcd abcde abcdefgh", "a aba abcda abcdd abcdefgg abcdef abcdefghi"},
	} {
		c := compile(t, doc(test.property))
		for _, value := range strings.Fields(test.pass) {
			if !c.Fits(1, []byte(value)) {
				t.Errorf("%s refuses %s", test.property, value)
			}
		}
		for _, value := range strings.Fields(test.fail) {
			if c.Fits(1, []byte(value)) {
				t.Errorf("%s lets %s in", test.property, value)
			}
		}
	}
}

// TestEmptyIsMissing: an empty CSV field is null, and missing where the contract
// counts the empty text as missing.
func TestEmptyIsMissing(t *testing.T) {
	csv := record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}
	for _, test := range []struct{ property, want string }{
		{"logicalType: string\nquality: [{metric: missingValues, arguments: {missingValues: ['']}, mustBe: 0}]", "[1 v missingValues]"},
		{"logicalType: string\nquality: [{metric: missingValues, arguments: {missingValues: [null]}, mustBe: 0}]", "[1 v missingValues]"},
		{"logicalType: string\nquality: [{metric: missingValues, arguments: {missingValues: [n/a]}, mustBe: 0}]", "[]"},
		{"logicalType: string\nquality: [{metric: missingValues, arguments: {missingValues: ['']}, mustBeLessThan: 1}]", "[file v missingValues]"},
	} {
		if got, _ := violations(t, compile(t, doc(test.property)), csv, ",x\n"); fmt.Sprint(got) != test.want {
			t.Errorf("%s: got %v, want %s", test.property, got, test.want)
		}
	}
}

// TestOlderRules: ODCS 3.0 calls metrics rules, and by other names.
func TestOlderRules(t *testing.T) {
	old := func(quality string) string {
		return strings.Replace(doc("logicalType: string\nquality: ["+quality+"]"), "v3.1.0", "v3.0.2", 1)
	}
	rows := "{\"v\":\"a\"}\n{\"v\":\"a\"}\n{\"v\":\"b\"}\n"
	for _, test := range []struct{ doc, want string }{
		{old("{rule: duplicateCount, mustBe: 0}"), "[2 v duplicateValues]"},
		{old("{rule: validValues, validValues: [a]}"), "[3 v invalidValues]"},
		{old("{rule: nullValues, mustBe: 0}"), "[]"},
	} {
		if got, _ := violations(t, compile(t, test.doc), record.Format{Codec: record.NDJSON}, rows); fmt.Sprint(got) != test.want {
			t.Errorf("got %v, want %s", got, test.want)
		}
	}
	if c := compile(t, old("{rule: medianAge, mustBeLessThan: 40}")); len(c.Unenforced) != 1 || !strings.Contains(c.Unenforced[0].Message, `the rule "medianAge" is not one that is known`) {
		t.Errorf("got %v", c.Unenforced)
	}
}

func TestCompileProblems(t *testing.T) {
	for _, test := range []struct{ name, doc, want string }{
		{"misspelt addition", object(ownProperty("invalidRow", "{max: 1}")), `sallyport has no custom property "invalidRow" here (did you mean "invalidRows"?)`},
		{"addition elsewhere", doc("logicalType: string\n" + ownProperty("format", "{codec: csv}")), `sallyport has no custom property "format" here (known here: enum)`},
		{"addition in another case", strings.Replace(object(ownProperty("invalidRow", "{max: 1}")), "vendor: s", "vendor: S", 1), `sallyport has no custom property "invalidRow" here`},
		{"format", object(ownProperty("format", "{codec: xml}")), "format.codec is not understood"},
		{"format is no mapping", object(ownProperty("format", "csv")), "format must be a mapping"},
		{"invalidRows", object(ownProperty("invalidRows", "{max: -1}")), "invalidRows is not understood"},
		{"invalidRows in two ways", object(ownProperty("invalidRows", "{action: reject-drop, max: 5}")), "invalidRows is not understood"},
		{"enum is no list", doc("logicalType: string\n" + ownProperty("enum", "a")), "enum must be a list of values"},
		{"server key", doc("logicalType: string") + "servers: [{server: a, type: local, path: x, fromat: csv}]\n", `unknown key "fromat" (did you mean "format"?)`},
		{"fraction of a step", doc("logicalType: number\nlogicalTypeOptions: {multipleOf: 0}"), "must be a number above 0"},
		{"rowCount of a property", doc("logicalType: string\nquality: [{metric: rowCount, mustBe: 1}]"), "rowCount is a rule of the object"},
		{"lengths", doc("logicalType: string\nlogicalTypeOptions: {minLength: 3, maxLength: 2}"), "minLength must not be negative"},
		{"width", doc("logicalType: integer\nlogicalTypeOptions: {format: i33}"), `"i33" is not a width`},
		{"zone names", doc("logicalType: timestamp\nlogicalTypeOptions: {format: \"yyyy-MM-dd'T'HH:mm:ssvv\"}"), `"vv" in the format is not understood: the name of a zone without its summer time`},
		{"no such member", doc("logicalType: object\nlogicalTypeOptions: {required: [b]}\nproperties: [{name: a, logicalType: string}]"), `there is no property "b"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Parse("c.odcs.yaml", []byte(test.doc))
			if err == nil {
				_, err = Compile(c, "")
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "c.odcs.yaml:") {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestSaidAloud: what is there and not checked.
func TestSaidAloud(t *testing.T) {
	for _, test := range []struct{ doc, want string }{
		{doc("logicalType: array\nenum: [{value: a}]"), "v: the values of an object or array are not checked"},
		{doc("logicalType: vector\nlogicalTypeOptions: {dimensions: 3, elementType: quaternion}"), `the elementType "quaternion" is taken as any number`},
		{doc("logicalType: string\nquality: [{type: text, description: looks nice}, {type: text, description: is true}]"), "2 rules of type text are words for people, and not run"},
		{doc("logicalType: string\nquality: [{type: sql, query: SELECT 1, mustBe: 0}]"), "the sql rule \"\" is not run: rows are held to the contract before they are in a database"},
		{doc("logicalType: string\nquality: [{type: custom, engine: soda, implementation: x}]"), "its engine is not part of Sallyport"},
		{doc("logicalType: string\nrelationships: [{to: parents.id}]"), "the relationship to parents is not checked: a drop has rows of one object"},
		{doc("logicalType: array\nitems: {logicalType: string, unique: true}"), "v[]: unique is not checked inside arrays"},
		{doc("logicalType: array\nunique: true\nitems: {logicalType: string}"), "v: unique is checked on single values only"},
		{doc("logicalType: array\nquality: [{metric: invalidValues, arguments: {validValues: [a]}, mustBe: 0}]\nitems: {logicalType: string}"), "is checked on single values only"},
		{doc("logicalType: time\nlogicalTypeOptions: {defaultTimezone: Europe/Paris}"), "times without a zone are compared as UTC"},
		{doc("logicalType: number\nlogicalTypeOptions: {format: f16}"), `the format "f16" is not checked`},
		{doc("description: x"), "v has no logicalType"},
	} {
		c := compile(t, test.doc)
		if len(c.Unenforced) != 1 || !strings.Contains(c.Unenforced[0].Error(), test.want) || c.Unenforced[0].Line == 0 {
			t.Errorf("got %v, want %s", c.Unenforced, test.want)
		}
	}
}

// FuzzRows holds rows of any bytes to a contract with many kinds of rules:
// nothing panics, and the short way for CSV fields says what the long one says.
func FuzzRows(f *testing.F) {
	c := compile(f, `apiVersion: v3.1.0
kind: DataContract
id: c
version: 1.0.0
status: active
schema:
- name: o
  properties:
  - {name: a, logicalType: string, required: true, logicalTypeOptions: {maxLength: 3, pattern: '^[a-z]*$'}}
  - {name: b, logicalType: integer, unique: true, logicalTypeOptions: {minimum: -5, multipleOf: 2}}
  - {name: c, logicalType: timestamp, quality: [{metric: nullValues, mustBeLessThan: 2}]}
  - {name: d, logicalType: array, logicalTypeOptions: {maxItems: 2, uniqueItems: true}}
  - {name: e, logicalType: string, enum: [{value: x}, {value: yy}], quality: [{metric: missingValues, arguments: {missingValues: ['']}, mustBe: 0}]}
`)
	f.Add("abc,2,2024-01-01T00:00:00Z,,x\nabcd,3,,,zz\n\"a\",2,,[],\n", true)
	f.Add(`{"a":"x","b":2,"c":null,"d":[1,[2,"]"],1],"e":"yy"}`+"\n", false)
	f.Fuzz(func(t *testing.T, data string, csv bool) {
		format := record.Format{Codec: record.NDJSON}
		if csv {
			format = record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}
		}
		r, err := record.NewReader(strings.NewReader(data), format, c.Schema, record.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		short, long := c.NewValidator(ValidatorOptions{}), c.NewValidator(ValidatorOptions{})
		clear(long.quick)
		for {
			b, err := r.Next()
			if err != nil {
				break
			}
			var said [2][]Violation
			var invalid [2][]bool
			for i, v := range []*Validator{short, long} {
				invalid[i] = make([]bool, len(b.Rows))
				if err := v.Check(b, invalid[i], func(v Violation) { said[i] = append(said[i], v) }); err != nil {
					t.Fatal(err)
				}
			}
			if fmt.Sprint(said[0]) != fmt.Sprint(said[1]) || fmt.Sprint(invalid[0]) != fmt.Sprint(invalid[1]) {
				t.Fatalf("the short way says %v, the long one %v", said[0], said[1])
			}
		}
		got, err1 := short.Finish()
		want, err2 := long.Finish()
		if err1 != nil || err2 != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("at the end the short way says %v, the long one %v", got, want)
		}
	})
}

func TestMisspeltMember(t *testing.T) {
	c := compile(t, doc("logicalType: string")+"  - {name: quantity, logicalType: integer}\n")
	for in, want := range map[string]string{
		`{"quantitiy":1}`: `a member is probably meant to be "quantity"`,
		`{"Jane Doe":1}`:  "correct how the row is written",
	} {
		r, err := record.NewReader(strings.NewReader(in), record.Format{Codec: record.NDJSON}, c.Schema, record.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.NewValidator(ValidatorOptions{}).Check(b, make([]bool, 1), func(v Violation) {
			if v.Rule != record.BadMember || v.Do != want {
				t.Errorf("%s: %s, %s", in, v.Rule, v.Do)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}

package contract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/keyset"
	"github.com/sallyport-io/sallyport/shared/record"
)

// TestMoreRules: as TestRules, for what is only in JSON, or needs 3.2.
func TestMoreRules(t *testing.T) {
	const vector = "logicalType: vector\nlogicalTypeOptions: {dimensions: 2, elementType: %s, normalized: %t}"
	const attrs = `logicalType: map
map:
  key: {logicalType: string, logicalTypeOptions: {pattern: '^[a-z]+$'}}
  value:
    logicalType: object
    properties:
    - {name: n, logicalType: integer, required: true, logicalTypeOptions: {maximum: 9}}
    - {name: list, logicalType: array, items: {logicalType: date}}
`
	for _, test := range []struct {
		property, rule string
		pass, fail     []string
	}{
		{fmt.Sprintf(vector, "float32", false), "dimensions", []string{`[1,2]`, `[0.5,-1e3]`, "null"}, []string{`[]`, `[1]`, `[1,2,3]`}},
		{fmt.Sprintf(vector, "float32", false), "required", []string{`[1,2]`}, []string{`[1,null]`}},
		{fmt.Sprintf(vector, "float32", false), "type", []string{`[1,2]`}, []string{`[1,"a"]`, `"ab"`, `{}`}},
		{fmt.Sprintf(vector, "float32", false), "format", []string{`[1,3.4e38]`}, []string{`[1,3.5e38]`}},
		{fmt.Sprintf(vector, "uint8", false), "format", []string{`[0,255]`}, []string{`[0,256]`, `[-1,0]`}},
		{fmt.Sprintf(vector, "int8", false), "format", []string{`[-128,127]`}, []string{`[0,128]`}},
		{fmt.Sprintf(vector, "float64", true), "normalized", []string{`[1,0]`, `[0.6,-0.8]`, `[0.70710678,0.70710678]`}, []string{`[1,1]`, `[0,0]`}},
		{attrs, "type", []string{`{}`, `{"a":{"n":1}}`, `{"a":{"n":1,"list":["2024-01-01",null]},"b":{"n":2}}`, "null"},
			[]string{`[]`, `"a"`, `{"a":1}`, `{"a":{"n":"x"}}`, `{"a":{"n":1,"list":["2024-13-01"]}}`, `{"a":{"n":1,"list":{}}}`}},
		{attrs, "pattern", []string{`{"a":null}`, `{"\u0061":{"n":1}}`}, []string{`{"A":{"n":1}}`, `{"":{"n":1}}`}},
		{attrs, "maximum", []string{`{"a":{"n":9}}`}, []string{`{"a":{"n":10}}`}},
		{attrs, "required", []string{`{"a":{"n":9}}`}, []string{`{"a":{}}`, `{"a":{"n":null}}`}},
		{attrs, record.BadMember, []string{`{"a":{"n":9}}`}, []string{`{"a":{"n":9,"m":1}}`}},
		{"logicalType: map\nmap: {key: {logicalType: integer}, value: {logicalType: map, map: {key: {logicalType: string}, value: {logicalType: boolean}}}}", "type",
			[]string{`{"1":{"a":true}}`, `{"-5":{}}`}, []string{`{"x":{}}`, `{"1":{"a":1}}`, `{"1":true}`}},
		{"logicalType: map\nmap: {key: {logicalType: string}, value: {logicalType: string, required: true, logicalTypeOptions: {maxLength: 2}}}", "maxLength",
			[]string{`{"a": "éé" , "b" : "x"}`, `{ }`}, []string{`{"a":"abc"}`, `{"a":"x", "b":"{\"}]"}`}},
		{"logicalType: object\nlogicalTypeOptions: {minProperties: 1}", "minProperties", []string{`{"a":[{"b":1}]}`}, []string{`{}`, `{ }`}},
		{"logicalType: object\nlogicalTypeOptions: {maxProperties: 1}", "maxProperties", []string{`{"a":{"b":1,"c":2}}`, `{}`}, []string{`{"a":1,"b":2}`}},
		{"logicalType: object\nlogicalTypeOptions: {required: [a]}", "required", []string{`{"b":[],"a":1}`}, []string{`{}`, `{"b":{"a":1}}`}},
		{"logicalType: object", "type", []string{`{"x":1}`}, []string{`1`, `"x"`, `[]`, `true`}},
		{"logicalType: object\nlogicalTypeOptions: {maxProperties: 1}\nproperties: [{name: a, logicalType: string}, {name: b, logicalType: string}]", "maxProperties", []string{`{"a":"x"}`}, []string{`{"a":"x","b":"y"}`}},
		{"logicalType: array\nlogicalTypeOptions: {minItems: 1}\nitems: {logicalType: string}", "minItems", []string{`["a"]`}, []string{`[]`}},
		{"logicalType: array\nlogicalTypeOptions: {uniqueItems: true}\nitems: {logicalType: number}", "uniqueItems", []string{`[1,2]`}, []string{`[1,1.0]`, `[10,1e1]`}},
		{"logicalType: array\nitems: {logicalType: array, logicalTypeOptions: {maxItems: 1}, items: {logicalType: array, logicalTypeOptions: {minItems: 1}, items: {logicalType: integer}}}", "maxItems",
			[]string{`[[[1]],[[2,3]]]`}, []string{`[[[1],[2]]]`}},
		{"logicalType: array\nquality: [{metric: nullValues, mustBe: 0}]\nitems: {logicalType: integer}", "nullValues", []string{`[]`}, []string{`null`}},
		{"logicalType: number\nlogicalTypeOptions: {format: f32}", "format", []string{"3.4028234e38", "-3.4e38", "1e-400"}, []string{"3.5e38", "-1e39"}},
		{"logicalType: number\nlogicalTypeOptions: {format: f64}", "format", []string{"1.7e308"}, []string{"1.8e308", "-1e309"}},
		{"logicalType: integer\nlogicalTypeOptions: {multipleOf: 5}", "multipleOf", []string{"0", "-10", "15"}, []string{"1", "-4"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: u8}", "format", []string{"0", "255"}, []string{"-1", "256"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: i16}", "format", []string{"-32768", "32767"}, []string{"-32769", "32768"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: u16}", "format", []string{"65535"}, []string{"65536"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: i32}", "format", []string{"2147483647"}, []string{"2147483648"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: u32}", "format", []string{"4294967295"}, []string{"4294967296"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: i64}", "format", []string{"9223372036854775807", "-9223372036854775808"}, []string{"9223372036854775808"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: u64}", "format", []string{"18446744073709551615"}, []string{"18446744073709551616"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: i128}", "format", []string{"-170141183460469231731687303715884105728"}, []string{"170141183460469231731687303715884105728"}},
		{"logicalType: string\nlogicalTypeOptions: {format: binary}", "format", []string{`"anything"`, `""`}, nil},
		{"logicalType: string\nlogicalTypeOptions: {format: password}", "format", []string{`"anything"`}, nil},
		{"logicalType: string\nlogicalTypeOptions: {format: ipv6}", "format", []string{`"2001:db8::1"`, `"::ffff:10.0.0.1"`}, []string{`"fe80::1%eth0"`, `"1::2::3"`}},
		{"logicalType: timestamp\nlogicalTypeOptions: {minimum: '2024-07-01T00:00:00', defaultTimezone: Europe/Paris}", "minimum",
			[]string{`"2024-07-01T00:00:00"`, `"2024-06-30T22:00:00Z"`}, []string{`"2024-06-30T23:59:59"`, `"2024-06-30T21:59:59Z"`}},
		{"logicalType: timestamp\nlogicalTypeOptions: {format: 'yyyy-MM-dd HH:mm[ VV]', maximum: '2024-07-01 12:00', defaultTimezone: America/New_York}", "maximum",
			[]string{`"2024-07-01 12:00"`, `"2024-07-01 18:00 Europe/Paris"`}, []string{`"2024-07-01 12:01"`, `"2024-07-01 12:30 Etc/GMT+4"`}},
		{"logicalType: timestamp\nlogicalTypeOptions: {format: 'yyyy-MM-dd HH:mm[XXX]', timezone: true}", "type", []string{`"2024-07-01 12:00Z"`}, []string{`"2024-07-01 12:00"`}},
		{"logicalType: time\nlogicalTypeOptions: {format: 'hh:mm a', minimum: '09:00 AM'}", "minimum", []string{`"09:00 AM"`, `"01:00 PM"`}, []string{`"08:59 AM"`, `"12:30 AM"`}},
		{"logicalType: time\nlogicalTypeOptions: {timezone: true}", "type", []string{`"10:00Z"`}, []string{`"10:00"`}},
		{"logicalType: time\nlogicalTypeOptions: {maximum: '10:00:00'}", "maximum", []string{`"10:00"`}, []string{`"10:00:00.001"`}},
		{"logicalType: date\nlogicalTypeOptions: {format: 'd MMM yyyy', exclusiveMinimum: '1 Jan 2024', exclusiveMaximum: '3 Jan 2024'}", "exclusiveMinimum", []string{`"2 Jan 2024"`}, []string{`"1 Jan 2024"`}},
		{"logicalType: date\nlogicalTypeOptions: {maximum: '2024-01-01'}", "maximum", []string{`"2024-01-01"`}, []string{`"2024-01-02"`}},
		{"logicalType: boolean\nenum: [{value: true}]", "enum", []string{"true"}, []string{"false"}},
		{"logicalType: number\nenum: [{value: 1.5}, {value: 2}]", "enum", []string{"1.50", "2.0", "20e-1"}, []string{"1.51"}},
		{"logicalType: integer\nquality: [{metric: missingValues, arguments: {missingValues: [-999, null]}, mustBe: 0}]", "missingValues", []string{"1", "0"}, []string{"-999", "null"}},
		{"logicalType: integer\nquality: [{metric: invalidValues, arguments: {validValues: [1, 2]}, mustBeLessOrEqualTo: 0}]", "invalidValues", []string{"1", "2"}, []string{"3"}},
		{"logicalType: string\nquality: [{metric: invalidValues, arguments: {validValues: [aa, b], pattern: '^a'}, mustBe: 0}]", "invalidValues", []string{`"aa"`}, []string{`"b"`, `"ab"`}},
	} {
		t.Run(strings.ReplaceAll(test.property, "\n", " ")+" "+test.rule, func(t *testing.T) {
			c := compile(t, strings.Replace(doc(test.property), "v3.1.0", "v3.2.0", 1))
			ndjson := record.Format{Codec: record.NDJSON}
			for _, value := range test.pass {
				if got, invalid := violations(t, c, ndjson, `{"v":`+value+`}`); len(got) > 0 || invalid[0] {
					t.Errorf("%s: got %v, want none", value, got)
				}
			}
			for _, value := range test.fail {
				got, invalid := violations(t, c, ndjson, `{"v":`+value+`}`)
				if len(got) != 1 || !strings.HasSuffix(got[0], " "+test.rule) || !invalid[0] {
					t.Errorf("%s: got %v, want %s", value, got, test.rule)
				}
			}
			if len(c.Unenforced) > 0 {
				t.Errorf("not enforced: %v", c.Unenforced)
			}
			// Single values, maps and objects of whatever in CSV: the same.
			if typ := c.Schema.Fields[1].Type; typ == record.Object || typ == record.Array {
				return
			}
			for fails, values := range map[bool][]string{false: test.pass, true: test.fail} {
				for _, value := range values {
					cell := value
					if strings.HasPrefix(value, `"`) {
						cell = strings.Trim(value, `"`)
					} else if value == "null" {
						cell = ""
					}
					row := `"` + strings.ReplaceAll(cell, `"`, `""`) + `",x` + "\n"
					if value == "null" {
						row = ",x\n"
					}
					if got, _ := violations(t, c, record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}, row); len(got) > 0 != fails {
						t.Errorf("csv %s: got %v", row, got)
					}
				}
			}
		})
	}
}

// TestMetrics: each metric, level, operator, unit and severity. The rows have v =
// a, a, null, "", b and n = 1, 1, 2, null, 2.
func TestMetrics(t *testing.T) {
	const rows = `{"v":"a","other":"1"}
{"v":"a","other":"1"}
{"v":null,"other":"2"}
{"v":"","other":null}
{"v":"b","other":"2"}
`
	property := func(rule string) string { return doc("logicalType: string\nquality: [" + rule + "]") }
	object := func(rule string) string {
		return doc("logicalType: string") + "  quality:\n  - " + rule + "\n"
	}
	for _, test := range []struct{ doc, want string }{
		{property("{metric: nullValues, mustBe: 1}"), ""},
		{property("{metric: nullValues, mustBe: 2}"), "file v nullValues"},
		{property("{metric: nullValues, mustNotBe: 1}"), "file v nullValues"},
		{property("{metric: nullValues, mustNotBe: 2}"), ""},
		{property("{metric: nullValues, mustBeGreaterThan: 0}"), ""},
		{property("{metric: nullValues, mustBeGreaterThan: 1}"), "file v nullValues"},
		{property("{metric: nullValues, mustBeGreaterOrEqualTo: 1}"), ""},
		{property("{metric: nullValues, mustBeGreaterOrEqualTo: 2}"), "file v nullValues"},
		{property("{metric: nullValues, mustBeLessThan: 2}"), ""},
		{property("{metric: nullValues, mustBeLessThan: 1}"), "file v nullValues"},
		{property("{metric: nullValues, mustBeLessOrEqualTo: 1}"), ""},
		{property("{metric: nullValues, mustBeLessOrEqualTo: 0.5}"), "file v nullValues"},
		{property("{metric: nullValues, mustBeLessOrEqualTo: 0}"), "3 v nullValues"},
		{property("{metric: nullValues, mustBeBetween: [0, 2]}"), ""},
		{property("{metric: nullValues, mustBeBetween: [1, 2]}"), "file v nullValues"}, // its ends are outside
		{property("{metric: nullValues, mustNotBeBetween: [1, 2]}"), ""},
		{property("{metric: nullValues, mustNotBeBetween: [0, 2]}"), "file v nullValues"},
		{property("{metric: nullValues, mustBeGreaterThan: 0, mustBeLessThan: 2}"), ""}, // both
		{property("{metric: nullValues, mustBeGreaterThan: 0, mustBeLessThan: 1}"), "file v nullValues"},
		{property("{metric: nullValues, unit: percent, mustBe: 20}"), ""},
		{property("{metric: nullValues, unit: percent, mustBeLessThan: 20}"), "file v nullValues"},
		{property("{metric: nullValues, unit: rows, mustBeLessThan: 1}"), "file v nullValues"},
		{property("{metric: nullValues, severity: warning, mustBe: 0}"), "file v nullValues"},
		{property("{metric: nullValues, severity: info, mustBe: 0}"), "file v nullValues"},
		{property("{metric: nullValues, severity: error, mustBe: 0}"), "3 v nullValues"},
		{property("{metric: missingValues, arguments: {missingValues: [null, '']}, mustBe: 2}"), ""},
		{property("{metric: missingValues, arguments: {missingValues: [null, '']}, mustBe: 0}"), "3 v missingValues; 4 v missingValues"},
		{property("{metric: missingValues, arguments: {missingValues: [b]}, unit: percent, mustBeLessThan: 20}"), "file v missingValues"},
		{property("{metric: invalidValues, arguments: {validValues: [a, '']}, mustBeLessThan: 2}"), ""},
		{property("{metric: invalidValues, arguments: {validValues: [a]}, mustBeLessThan: 2}"), "file v invalidValues"},
		{property("{metric: invalidValues, arguments: {pattern: '^a'}, mustBe: 2}"), ""},
		{property("{metric: duplicateValues, mustBe: 1}"), ""},
		{property("{metric: duplicateValues, mustBe: 0}"), "2 v duplicateValues"},
		{property("{metric: duplicateValues, unit: percent, mustBeLessThan: 20}"), "file v duplicateValues"},
		{object("{metric: duplicateValues, arguments: {properties: [v, other]}, mustBe: 1}"), ""},
		{object("{metric: duplicateValues, arguments: {properties: [other]}, mustBe: 2}"), ""},
		{object("{metric: duplicateValues, arguments: {properties: [other]}, mustBeLessThan: 2}"), "file other duplicateValues"},
		{object("{metric: nullValues, arguments: {properties: [v, other]}, mustBe: 2}"), ""},
		{object("{metric: nullValues, arguments: {properties: [v, other]}, mustBeLessThan: 2}"), "file v, other nullValues"},
		{object("{metric: nullValues, arguments: {properties: [v, other]}, mustBe: 0}"), "3 v nullValues; 4 other nullValues"},
		{object("{metric: missingValues, arguments: {properties: [v, other], missingValues: ['', '1']}, mustBe: 3}"), ""},
		{object("{metric: invalidValues, arguments: {properties: [v, other], validValues: [a, '1', '']}, mustBe: 2}"), ""},
		{object("{metric: invalidValues, arguments: {properties: [other], validValues: ['1']}, mustBe: 0}"), "3 other invalidValues; 5 other invalidValues"},
		{object("{metric: rowCount, mustBe: 5}"), ""},
		{object("{metric: rowCount, mustBeGreaterThan: 5}"), "file  rowCount"},
		{object("{metric: rowCount, severity: info, mustBeLessThan: 5}"), "file  rowCount"},
	} {
		c := compile(t, test.doc)
		got, invalid := violations(t, c, record.Format{Codec: record.NDJSON}, rows)
		rule := test.doc[strings.Index(test.doc, "{metric"):]
		if strings.Join(got, "; ") != test.want {
			t.Errorf("%sgot %v, want %q", rule, got, test.want)
		}
		if strings.Contains(rule, "severity: warning") || strings.Contains(rule, "severity: info") {
			if fmt.Sprint(invalid) != "[false false false false false]" {
				t.Errorf("%sit refuses rows", rule)
			}
		}
		if len(c.Unenforced) > 0 {
			t.Errorf("%snot enforced: %v", rule, c.Unenforced)
		}
	}
}

// TestMetricCountsRows: a row with many such values counts once.
func TestMetricCountsRows(t *testing.T) {
	c := compile(t, doc("logicalType: array\nitems: {logicalType: string, quality: [{metric: nullValues, unit: percent, mustBe: 50}]}"))
	if got, _ := violations(t, c, record.Format{Codec: record.NDJSON}, `{"v":[null,null,null]}`+"\n"+`{"v":["a"]}`); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestNestedKeys: unique and a composite primaryKey of members of objects.
func TestNestedKeys(t *testing.T) {
	c := compile(t, `apiVersion: v3.1.0
kind: DataContract
id: c
version: 1.0.0
status: active
schema:
- name: o
  properties:
  - {name: part, logicalType: integer, primaryKey: true, primaryKeyPosition: 2}
  - name: id
    logicalType: object
    properties:
    - {name: no, logicalType: string, primaryKey: true, primaryKeyPosition: 1}
    - name: deep
      logicalType: object
      properties: [{name: code, logicalType: string, unique: true}]
`)
	got, _ := violations(t, c, record.Format{Codec: record.NDJSON}, `{"part":1,"id":{"no":"a","deep":{"code":"x"}}}
{"part":2,"id":{"no":"a","deep":{"code":"y"}}}
{"id":{"deep":{"code":"z"},"no":"a"},"part":1}
{"part":3,"id":{"no":"a","deep":{"code":"x"}}}
{"part":4,"id":{"no":"a"}}
{"part":5,"id":{"no":"a"}}
`)
	if want := "[3 id.no, part primaryKey 4 id.deep.code unique]"; fmt.Sprint(got) != want || len(c.Unenforced) > 0 {
		t.Errorf("got %v, want %s; not enforced: %v", got, want, c.Unenforced)
	}
}

// TestRelationships: a reference within an object is a rule of the whole drop.
func TestRelationships(t *testing.T) {
	staff := func(relationships, of string) string {
		return `apiVersion: v3.1.0
kind: DataContract
id: c
version: 1.0.0
status: active
schema:
- name: staff
  id: staff_tbl
  properties:
  - {name: id, id: id_col, logicalType: string, logicalTypeOptions: {maxLength: 3}}
  - {name: site, logicalType: string}
  - {name: boss, logicalType: string` + of + `}
  - name: team
    id: team_col
    logicalType: object
    properties:
    - {name: lead, id: lead_col, logicalType: string}
    - {name: all, logicalType: array, items: {logicalType: string}}
` + relationships
	}
	one := func(to string) string { return staff("", ", relationships: [{to: "+to+"}]") }
	many := func(relationship string) string {
		return staff("  relationships:\n  - "+relationship+"\n", "")
	}
	for _, test := range []struct{ name, doc, rows, want string }{
		{"they come later", one("staff.id"), `{"id":"b","boss":"a"} {"id":"a"}`, ""},
		{"one is not there", one("staff.id"), `{"id":"b","boss":"a"} {"id":"c","boss":"b"} {"id":"d","boss":"a"}`, "file boss relationship"},
		{"to itself", one("staff.id"), `{"id":"b","boss":"b"}`, ""},
		{"a refused row is not there", one("staff.id"), `{"id":"long","boss":null} {"id":"a","boss":"long"}`, "1 id maxLength; file boss relationship"},
		{"a refused row refers to nothing", one("staff.id"), `{"id":"long","boss":"x"}`, "1 id maxLength"},
		{"by ids", one("schema/staff_tbl/properties/id_col"), `{"id":"b","boss":"a"}`, "file boss relationship"},
		{"to a member", one("staff.team.lead"), `{"boss":"a","team":{"lead":"a"}} {"boss":"b"}`, "file boss relationship"},
		{"to a member by ids", one("/schema/staff_tbl/properties/team_col/properties/lead_col"), `{"boss":"a","team":{"lead":"a"}}`, ""},
		{"of an object", many("{from: staff.boss, to: staff.id}"), `{"id":"b","boss":"a"}`, "file boss relationship"},
		{"composite", many("{from: [staff.boss, staff.site], to: [staff.id, staff.site]}"), `{"id":"a","site":"x"} {"id":"b","boss":"a","site":"x"}`, ""},
		{"half of a composite", many("{from: [staff.boss, staff.site], to: [staff.id, staff.site]}"), `{"id":"a","site":"x"} {"id":"b","boss":"a","site":"y"}`, "file boss, site relationship"},
		{"a null in a composite", many("{from: [staff.boss, staff.site], to: [staff.id, staff.site]}"), `{"id":"b","boss":"a"}`, ""},
		{"from an array", many(`{from: "staff.team.all[]", to: staff.id}`), `{"id":"a","team":{"all":["a","b",null]}} {"id":"b"}`, ""},
		{"from an array, one missing", many(`{from: "staff.team.all[]", to: staff.id}`), `{"id":"a","team":{"all":["a","b"]}}`, "file team.all[] relationship"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := compile(t, test.doc)
			got, _ := violations(t, c, record.Format{Codec: record.NDJSON}, strings.ReplaceAll(test.rows, "} {", "}\n{"))
			if strings.Join(got, "; ") != test.want {
				t.Errorf("got %v, want %q", got, test.want)
			}
			if len(c.Unenforced) > 0 {
				t.Errorf("not enforced: %v", c.Unenforced)
			}
		})
	}
	for name, test := range map[string]struct{ doc, want string }{
		"no such property": {one("staff.idd"), `"staff.idd" is not a property of staff`},
		"from of another":  {many("{from: sites.id, to: staff.id}"), `"sites.id" is not a property of staff`},
		"lengths":          {many("{from: [staff.boss, staff.site], to: [staff.id]}"), "as many properties"},
		"severity":         {staff("", ", relationships: [{to: staff.id, customProperties: [{property: severity, vendor: sallyport, value: bad}]}]"), "not a severity"},
	} {
		document, err := Parse("c.odcs.yaml", []byte(test.doc))
		if err == nil {
			_, err = Compile(document, "")
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	c := compile(t, staff("", ", relationships: [{to: staff.id, customProperties: [{property: severity, vendor: sallyport, value: warning}]}]"))
	v := c.NewValidator(ValidatorOptions{})
	if _, err := v.refs[0].wanted.Add(keyset.Key{1, 2}); err != nil {
		t.Fatal(err)
	}
	if broken, err := v.Finish(); err != nil || len(broken) != 1 || broken[0].Severity != Warning || !strings.HasSuffix(broken[0].Do, ": 1 of them are not there") {
		t.Errorf("got %+v", broken)
	}
}

// TestExamples: what is told as an example must be one.
func TestExamples(t *testing.T) {
	for _, test := range []struct{ property, want string }{
		{"logicalType: string\nexamples: [a, 7, null]", ""},
		{"logicalType: string\nlogicalTypeOptions: {maxLength: 2}\nexamples:\n- ab\n- abc", "c.odcs.yaml:14:7: schema[0].properties[0].examples[1]: the example is not one: maxLength wants at most 2 characters"},
		{"logicalType: integer\nexamples: [1, '2']", ""},
		{"logicalType: integer\nexamples: [1.5]", "type wants an integer"},
		{"logicalType: date\nlogicalTypeOptions: {format: dd.MM.yyyy}\nexamples: [01.02.2024]", ""},
		{"logicalType: date\nexamples: [01.02.2024]", "type wants a date"},
		{"logicalType: date\nexamples: [2024-02-01]", ""},
		{"logicalType: string\nenum: [{value: 007}]\nexamples: [007]", ""},
		{"logicalType: string\nenum: [{value: 007}]\nexamples: [7]", "enum wants"},
		{"logicalType: string\nquality: [{metric: invalidValues, severity: warning, arguments: {validValues: [a]}, mustBe: 0}]\nexamples: [b]", ""},
		{"logicalType: array\nlogicalTypeOptions: {maxItems: 2}\nitems: {logicalType: integer}\nexamples: [[1, 2], '[3]', []]", ""},
		{"logicalType: array\nitems: {logicalType: integer}\nexamples: [[a]]", "v[]: type wants an integer"},
		{"logicalType: array\nlogicalTypeOptions: {maxItems: 2}\nitems: {logicalType: integer}\nexamples: [[1, 2, 3]]", "v: maxItems wants"},
		{"logicalType: object\nproperties: [{name: a, logicalType: string, required: true}]\nexamples: [{a: x}]", ""},
		{"logicalType: object\nproperties: [{name: a, logicalType: string, required: true}]\nexamples: [{}]", "v.a: required wants"},
		{"logicalType: object\nproperties: [{name: a, logicalType: string}]\nexamples: [{b: x}]", "members that the contract does not name"},
		{"logicalType: string\nexamples: [[a]]", "it should be a string"},
	} {
		document, err := Parse("c.odcs.yaml", []byte(doc(test.property)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile(document, "")
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", test.property, err, test.want)
		}
	}
}

// FuzzInside: whatever is inside a map or an object without properties, nothing
// panics, and a CSV field that holds the same text is told the same.
func FuzzInside(f *testing.F) {
	var compiled []*Compiled
	for _, property := range []string{
		"logicalType: map\nmap: {key: {logicalType: string, logicalTypeOptions: {maxLength: 3}}, value: {logicalType: array, items: {logicalType: object, properties: [{name: a, logicalType: integer}, {name: b, logicalType: map, map: {key: {logicalType: date}, value: {logicalType: boolean}}}]}}}",
		"logicalType: object\nlogicalTypeOptions: {minProperties: 1, maxProperties: 3, required: [a]}",
	} {
		compiled = append(compiled, compile(f, strings.Replace(doc(property), "v3.1.0", "v3.2.0", 1)))
	}
	for _, seed := range []string{`{"a":[{"a":1,"b":{"2024-01-01":true}},null],"b\u0022":[]}`, `{ "a" : "}" , "b":[[{}]], "c":-1e5}`, `{"abcd":[{"a":"x","c":1}]}`, `[]`, `{"a":1,"a":2}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\n\r") {
			return
		}
		for _, c := range compiled {
			got, invalid := violations(t, c, record.Format{Codec: record.NDJSON}, `{"v":`+value+`}`)
			if len(invalid) != 1 || len(got) > 0 && strings.HasPrefix(got[0], "1  ") || !strings.HasPrefix(strings.TrimLeft(value, " \t"), "{") {
				continue // the row is not well formed, or the value another one
			}
			in, _ := violations(t, c, record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}, `"`+strings.ReplaceAll(value, `"`, `""`)+`",x`+"\n")
			if strings.Join(got, "; ") != strings.Join(in, "; ") {
				t.Fatalf("%s: NDJSON says %v, CSV %v", value, got, in)
			}
		}
	})
}

package contract

import (
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

// disagreement is a point in which the text and the schema of the standard
// differ, or one of them differs from itself.
type disagreement struct {
	name     string
	standard string
	here     string

	doc    string // the document
	refuse string // what its error says; "" where it is taken
	pass   string // rows that are taken, as NDJSON
	fail   string // rows that are refused, all of them
}

func with(old, replacement, property string) string {
	return strings.Replace(doc(property), old, replacement, 1)
}

func disagreements() []disagreement {
	root := func(more string) string { return with("schema:", more+"\nschema:", "logicalType: string") }
	server := func(keys string) string { return root("servers:\n- {server: s, " + keys + "}") }
	return []disagreement{
		{name: "status", standard: "the text and 3.1's schema require it, 3.2's schema does not", here: "required before 3.2.0",
			doc: with("status: active\n", "", "logicalType: string"), refuse: "a contract needs a status"},
		{name: "status in 3.2", standard: "likewise", here: "may be left out in 3.2.0",
			doc: strings.Replace(with("status: active\n", "", "logicalType: string"), "v3.1.0", "v3.2.0", 1)},
		{name: "two operators", standard: "the text shows mustBeGreaterThan with mustBeLessThan, the schema takes one", here: "both must hold",
			doc: doc("logicalType: string\nquality: [{metric: nullValues, mustBeGreaterThan: 0, mustBeLessThan: 2}]"), pass: `{"v":null}`, fail: `{"v":null}{"v":null}`},
		{name: "mustBeBetween", standard: "the text says > and <, the schema says between", here: "without its ends",
			doc: with("- name: o\n", "- name: o\n  quality: [{metric: rowCount, mustBeBetween: [1, 3]}]\n", "logicalType: string"), pass: `{"v":"a"}{"v":"b"}`, fail: `{"v":"a"}`},
		{name: "synonyms of dimensions", standard: "the text has ac, cp, cf, cs, cv, tm and uq, the schema does not", here: "taken",
			doc: doc("logicalType: string\nquality: [{metric: nullValues, mustBe: 0, dimension: cp}]")},
		{name: "quality of the document", standard: "shown by the text, the schema is closed", here: "refused: a rule is of an object or a property",
			doc: root("quality: [{metric: rowCount, mustBeGreaterThan: 0}]"), refuse: `unknown key "quality"`},
		{name: "pattern of a rule", standard: "the text's IBAN example has it beside arguments, the schema is closed", here: "refused: it belongs into arguments",
			doc: doc("logicalType: string\nquality: [{metric: invalidValues, pattern: '^[A-Z]{2}', mustBe: 0}]"), refuse: `unknown key "pattern"`},
		{name: "required", standard: "described as whether there may be nulls, and means that there may not", here: "true: no nulls",
			doc: doc("logicalType: string\nrequired: true"), pass: `{"v":"x"}`, fail: `{"v":null}`},
		{name: "integer without a format", standard: "the schema's default is i32", here: "any width: real keys are longer",
			doc: doc("logicalType: integer"), pass: `{"v":9007199254740993}`, fail: `{"v":1.5}`},
		{name: "number without a format", standard: "the schema's default is i32, which is none of its values", here: "any number",
			doc: doc("logicalType: number"), pass: `{"v":1.5}`, fail: `{"v":"1.5"}`},
		{name: "dates without quotes", standard: "the schema wants texts, the text shows YAML dates", here: "taken as they are written",
			doc: doc("logicalType: date\nlogicalTypeOptions: {minimum: 2024-01-01}"), pass: `{"v":"2024-01-01"}`, fail: `{"v":"2023-12-31"}`},
		{name: "custom properties", standard: "property and value are required by the schema, not by the text", here: "not asked for, but of ours",
			doc: root("customProperties: [{property: x}, {value: 1}]")},
		{name: "custom properties of ours", standard: "likewise", here: "property is asked for",
			doc: root("customProperties: [{value: 1, vendor: sallyport}]"), refuse: "needs property"},
		{name: "vendor before 3.2", standard: "a key of 3.2", here: "taken in any version: without it nobody could tell whose a property is",
			doc: root("customProperties: [{property: x, value: 1, vendor: other}]")},
		{name: "enum before 3.2", standard: "a key of 3.2", here: "taken and enforced in any version, and named as newer",
			doc: doc("logicalType: string\nenum: [{value: a}]"), pass: `{"v":"a"}`, fail: `{"v":"b"}`},
		{name: "team as a list", standard: "3.0's way, deprecated since", here: "taken in any version, and written as a list again",
			doc: root("team: [{username: jdoe}]")},
		{name: "username of 3.0", standard: "required by 3.1's text and schema, not by 3.0's", here: "asked for from 3.1.0",
			doc: strings.Replace(root("team: [{role: owner}]"), "v3.1.0", "v3.0.2", 1)},
		{name: "username", standard: "likewise", here: "asked for from 3.1.0", doc: root("team: {members: [{role: owner}]}"), refuse: "needs username"},
		{name: "url of a support channel", standard: "required by 3.0's schema, not by 3.1", here: "not asked for",
			doc: strings.Replace(root("support: [{channel: x}]"), "v3.1.0", "v3.0.2", 1)},
		{name: "keys of servers in 3.0", standard: "listed by the text, left open by the schema", here: "kept and named, unless they look like a slip",
			doc: strings.Replace(server("type: s3, location: s3://b, replication: twice"), "v3.1.0", "v3.0.2", 1)},
		{name: "slips in servers of 3.0", standard: "likewise", here: "refused",
			doc: strings.Replace(server("type: s3, location: s3://b, formatt: csv"), "v3.1.0", "v3.0.2", 1), refuse: `did you mean "format"?`},
		{name: "keys of servers", standard: "closed since 3.1", here: "refused where the type has no such key",
			doc: server("type: s3, location: s3://b, database: d"), refuse: `a server of type s3 has no key "database"`},
		{name: "stream of kinesis", standard: "required by the text, unknown to the schema", here: "may be there",
			doc: server("type: kinesis, region: eu-west-1, stream: orders")},
		{name: "port and schema of postgres", standard: "required by the schema, not by the text", here: "not asked for",
			doc: server("type: postgres, host: h, database: d")},
		{name: "warehouse of snowflake", standard: "required by the text, not by the schema", here: "not asked for",
			doc: server("type: snowflake, account: a, database: d, schema: s")},
		{name: "stagingDir of athena", standard: "required by 3.1's schema, not by the text", here: "not asked for", doc: server("type: athena, schema: s")},
		{name: "port as a text", standard: "a number, since 3.2 also a text such as ${DB_PORT}", here: "both in any version",
			doc: server(`type: postgres, host: h, database: d, port: "${DB_PORT}"`)},
		{name: "gcs", standard: "no type of server", here: "refused: custom, or s3 with an endpointUrl", doc: server("type: gcs, location: gs://b"), refuse: "endpointUrl"},
		{name: "timeOfAvailability", standard: "used by the examples, not listed", here: "understood",
			doc: root("slaProperties: [{property: timeOfAvailability, value: 09:00-08:00}]")},
		{name: "driver", standard: "three values, or three and more", here: "any text", doc: root("slaProperties: [{property: latency, value: 1, unit: d, driver: legal}]")},
		{name: "from of a property", standard: "implied; refused by the schema", here: "refused",
			doc: doc("logicalType: string\nrelationships: [{from: o.v, to: o.other}]"), refuse: "a relationship of a property is from that property"},
	}
}

func TestDisagreements(t *testing.T) {
	for _, d := range disagreements() {
		t.Run(d.name, func(t *testing.T) {
			c, err := Parse("c.odcs.yaml", []byte(d.doc))
			if d.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), d.refuse) {
					t.Errorf("got %v, want %s", err, d.refuse)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			written, err := Encode(c)
			if err != nil {
				t.Fatal(err)
			}
			if !equal(c, parse(t, "c.odcs.yaml", written)) {
				t.Errorf("written it is another one:\n%s", written)
			}
			compiled := compile(t, d.doc)
			if d.pass != "" {
				if got, _ := violations(t, compiled, record.Format{Codec: record.NDJSON}, strings.ReplaceAll(d.pass, "}{", "}\n{")); len(got) > 0 {
					t.Errorf("%s: got %v", d.pass, got)
				}
			}
			if d.fail != "" {
				if got, _ := violations(t, compiled, record.Format{Codec: record.NDJSON}, strings.ReplaceAll(d.fail, "}{", "}\n{")); len(got) == 0 {
					t.Errorf("%s passes", d.fail)
				}
			}
		})
	}
}

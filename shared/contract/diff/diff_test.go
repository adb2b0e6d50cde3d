package diff

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/contract"
)

// doc is a contract with lines of its own at its root, in its object and in its
// property v. Other lines of the object stand for a format of NDJSON.
func doc(t *testing.T, root, object, property string) *contract.Contract {
	t.Helper()
	indent := func(text, by string) string {
		var out strings.Builder
		for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
			if line != "" {
				out.WriteString(by + line + "\n")
			}
		}
		return out.String()
	}
	if !strings.Contains(object, "customProperties") {
		object += "\ncustomProperties: [{property: format, vendor: sallyport, value: {codec: ndjson}}]"
	}
	if !strings.Contains(object, "properties:\n") {
		object += "\nproperties:\n- name: v\n" + indent(property, "  ") + "- {name: other, logicalType: string}"
	}
	if !strings.Contains(root, "status:") {
		root += "\nstatus: active"
	}
	if !strings.Contains(root, "version:") {
		root += "\nversion: 1.0.0"
	}
	if !strings.HasPrefix(root, "id:") {
		root += "\nid: c"
	}
	text := "apiVersion: v3.2.0\nkind: DataContract\n" + indent(root, "") + "schema:\n- name: o\n" + indent(object, "  ")
	c, err := contract.Parse("c.odcs.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// lines are the changes of a report, one in a line: where, kind, for whom it
// breaks what (P producers, C consumers), the level, "!" where it exposes.
func lines(r Report) string {
	var all []string
	for _, c := range r.Changes {
		who := ""
		if c.Class&BreaksProducer != 0 {
			who += "P"
		}
		if c.Class&BreaksConsumer != 0 {
			who += "C"
		}
		if who == "" {
			who = "-"
		}
		if c.Exposes {
			who += "!"
		}
		where := c.Where()
		if where == "" {
			where = "."
		}
		all = append(all, fmt.Sprintf("%s %s %s %s", where, c.Kind, who, c.Level))
	}
	return strings.Join(all, "; ")
}

// pairTests are a pair for each kind of change. old and new are lines of the
// property v, or of the object or the root where at says so.
var pairTests = []struct{ name, at, old, new, want string }{
	{"nothing", "", "logicalType: string", "logicalType: string", ""},
	// Types.
	{"integer to number", "", "logicalType: integer", "logicalType: number", "o.v logicalType-loosened C major"},
	{"number to integer", "", "logicalType: number", "logicalType: integer", "o.v logicalType-tightened P major"},
	{"date to string", "", "logicalType: date", "logicalType: string", "o.v logicalType-loosened C major"},
	{"date to short string", "", "logicalType: date", "logicalType: string\nlogicalTypeOptions: {maxLength: 3}", "o.v logicalType-changed PC major"},
	{"string to boolean", "", "logicalType: string", "logicalType: boolean", "o.v logicalType-changed PC major"},
	{"no type", "", "logicalType: string", "physicalType: text", "o.v physicalType-added - patch; o.v logicalType-removed - patch"},
	{"type added", "", "description: x", "logicalType: date\ndescription: x", "o.v logicalType-tightened P major"},
	{"physical type", "", "logicalType: string\nphysicalType: varchar(10)", "logicalType: string\nphysicalType: varchar(20)", "o.v physicalType-changed - patch"},
	// Options.
	{"longer", "", "logicalType: string\nlogicalTypeOptions: {maxLength: 3}", "logicalType: string\nlogicalTypeOptions: {maxLength: 4}", "o.v maxLength-loosened C major"},
	{"shorter", "", "logicalType: string\nlogicalTypeOptions: {maxLength: 4}", "logicalType: string\nlogicalTypeOptions: {maxLength: 3}", "o.v maxLength-tightened P major"},
	{"no bound", "", "logicalType: string\nlogicalTypeOptions: {maxLength: 4}", "logicalType: string", "o.v maxLength-loosened C major"},
	{"a bound", "", "logicalType: string", "logicalType: string\nlogicalTypeOptions: {minLength: 1}", "o.v minLength-tightened P major"},
	{"a bound that is none", "", "logicalType: string", "logicalType: string\nlogicalTypeOptions: {minLength: 0}", ""},
	{"minimum up", "", "logicalType: number\nlogicalTypeOptions: {minimum: 0.5}", "logicalType: number\nlogicalTypeOptions: {minimum: 2}", "o.v minimum-tightened P major"},
	{"minimum down", "", "logicalType: number\nlogicalTypeOptions: {minimum: 10}", "logicalType: number\nlogicalTypeOptions: {minimum: 9}", "o.v minimum-loosened C major"},
	{"the same number", "", "logicalType: number\nlogicalTypeOptions: {minimum: 1}", "logicalType: number\nlogicalTypeOptions: {minimum: 1.0}", ""},
	{"maximum up", "", "logicalType: integer\nlogicalTypeOptions: {maximum: 9}", "logicalType: integer\nlogicalTypeOptions: {maximum: 10}", "o.v maximum-loosened C major"},
	{"exclusive", "", "logicalType: integer\nlogicalTypeOptions: {exclusiveMinimum: 0}", "logicalType: integer\nlogicalTypeOptions: {exclusiveMinimum: 1}", "o.v exclusiveMinimum-tightened P major"},
	{"exclusive maximum gone", "", "logicalType: integer\nlogicalTypeOptions: {exclusiveMaximum: 0}", "logicalType: integer", "o.v exclusiveMaximum-loosened C major"},
	{"later", "", "logicalType: date\nlogicalTypeOptions: {minimum: '2020-01-01'}", "logicalType: date\nlogicalTypeOptions: {minimum: '2021-01-01'}", "o.v minimum-tightened P major"},
	{"of another form", "", "logicalType: date\nlogicalTypeOptions: {minimum: 01.01.2020, format: dd.MM.yyyy}", "logicalType: date\nlogicalTypeOptions: {minimum: 02.01.2020, format: dd.MM.yyyy}", "o.v minimum-changed PC major"},
	{"pattern", "", "logicalType: string\nlogicalTypeOptions: {pattern: a}", "logicalType: string\nlogicalTypeOptions: {pattern: b}", "o.v pattern-changed PC major"},
	{"pattern added", "", "logicalType: string", "logicalType: string\nlogicalTypeOptions: {pattern: b}", "o.v pattern-tightened P major"},
	{"format removed", "", "logicalType: string\nlogicalTypeOptions: {format: email}", "logicalType: string", "o.v format-loosened C major"},
	{"wider integer", "", "logicalType: integer\nlogicalTypeOptions: {format: i32}", "logicalType: integer\nlogicalTypeOptions: {format: i64}", "o.v format-loosened C major"},
	{"signed from unsigned", "", "logicalType: integer\nlogicalTypeOptions: {format: u32}", "logicalType: integer\nlogicalTypeOptions: {format: i64}", "o.v format-loosened C major"},
	{"unsigned of the same width", "", "logicalType: integer\nlogicalTypeOptions: {format: i32}", "logicalType: integer\nlogicalTypeOptions: {format: u32}", "o.v format-changed PC major"},
	{"narrower float", "", "logicalType: number\nlogicalTypeOptions: {format: f64}", "logicalType: number\nlogicalTypeOptions: {format: f32}", "o.v format-tightened P major"},
	{"date format", "", "logicalType: date", "logicalType: date\nlogicalTypeOptions: {format: dd.MM.yyyy}", "o.v format-changed PC major"},
	{"multiple", "", "logicalType: integer\nlogicalTypeOptions: {multipleOf: 2}", "logicalType: integer\nlogicalTypeOptions: {multipleOf: 4}", "o.v multipleOf-tightened P major"},
	{"other multiple", "", "logicalType: number\nlogicalTypeOptions: {multipleOf: 0.5}", "logicalType: number\nlogicalTypeOptions: {multipleOf: 0.3}", "o.v multipleOf-changed PC major"},
	{"time zone", "", "logicalType: timestamp\nlogicalTypeOptions: {timezone: true}", "logicalType: timestamp\nlogicalTypeOptions: {timezone: false}", "o.v timezone-changed PC major"},
	{"default zone", "", "logicalType: timestamp\nlogicalTypeOptions: {defaultTimezone: UTC}", "logicalType: timestamp\nlogicalTypeOptions: {defaultTimezone: Europe/Berlin}", "o.v defaultTimezone-changed PC major"},
	{"dimensions", "", "logicalType: vector\nlogicalTypeOptions: {dimensions: 3}", "logicalType: vector\nlogicalTypeOptions: {dimensions: 4}", "o.v dimensions-changed PC major"},
	{"embedding model", "", "logicalType: vector\nlogicalTypeOptions: {dimensions: 3, embeddingModel: a}", "logicalType: vector\nlogicalTypeOptions: {dimensions: 3, embeddingModel: b}", "o.v embeddingModel-changed C major"},
	{"normalized", "", "logicalType: vector\nlogicalTypeOptions: {dimensions: 3}", "logicalType: vector\nlogicalTypeOptions: {dimensions: 3, normalized: true}", "o.v normalized-tightened P major"},
	{"enum value added", "", "logicalType: string\nenum: [{value: a}]", "logicalType: string\nenum: [{value: a}, {value: b}]", "o.v enum-loosened C major"},
	{"enum value removed", "", "logicalType: string\nenum: [{value: a}, {value: b}]", "logicalType: string\nenum: [{value: a}]", "o.v enum-tightened P major"},
	{"enum value replaced", "", "logicalType: string\nenum: [{value: a}]", "logicalType: string\nenum: [{value: b}]", "o.v enum-changed PC major"},
	{"our enum", "", "logicalType: string\ncustomProperties: [{property: enum, vendor: sallyport, value: [a]}]", "logicalType: string\ncustomProperties: [{property: enum, vendor: sallyport, value: [a, b]}]", "o.v enum-loosened C major"},
	{"the standard's enum instead of ours", "", "logicalType: string\ncustomProperties: [{property: enum, vendor: sallyport, value: [a]}]", "logicalType: string\nenum: [{value: a}]", ""},
	// What a row must have.
	{"required", "", "logicalType: string", "logicalType: string\nrequired: true", "o.v required-tightened P major"},
	{"optional", "", "logicalType: string\nrequired: true", "logicalType: string", "o.v required-loosened C major"},
	{"unique", "", "logicalType: string", "logicalType: string\nunique: true", "o.v unique-tightened P major"},
	{"no longer unique", "", "logicalType: string\nunique: true", "logicalType: string", "o.v unique-loosened C major"},
	{"primary key", "", "logicalType: string", "logicalType: string\nprimaryKey: true", "o.v primaryKey-tightened P major; o.v required-tightened P major"},
	{"primary key gone", "", "logicalType: string\nprimaryKey: true", "logicalType: string", "o.v primaryKey-loosened C major; o.v required-loosened C major"},
	{"a column more in the key", "object", "properties:\n- {name: v, primaryKey: true, primaryKeyPosition: 1}\n- {name: w}", "properties:\n- {name: v, primaryKey: true, primaryKeyPosition: 1}\n- {name: w, primaryKey: true, primaryKeyPosition: 2}",
		"o.w primaryKeyPosition-added - patch; o.w primaryKey-changed PC major; o.w required-tightened P major"},
	// Nested.
	{"items", "", "logicalType: array\nitems: {logicalType: integer}", "logicalType: array\nitems: {logicalType: number}", "o.v[] logicalType-loosened C major"},
	{"items described", "", "logicalType: array", "logicalType: array\nitems: {logicalType: integer}", "o.v[] items-tightened P major"},
	{"items no longer described", "", "logicalType: array\nitems: {logicalType: integer}", "logicalType: array", "o.v[] items-loosened C major"},
	{"fewer items", "", "logicalType: array\nlogicalTypeOptions: {maxItems: 3}", "logicalType: array\nlogicalTypeOptions: {maxItems: 2}", "o.v maxItems-tightened P major"},
	{"unique items", "", "logicalType: array", "logicalType: array\nlogicalTypeOptions: {uniqueItems: true}", "o.v uniqueItems-tightened P major"},
	{"member of items", "", "logicalType: array\nitems: {logicalType: object, properties: [{name: a, logicalType: string}]}", "logicalType: array\nitems: {logicalType: object, properties: [{name: a, logicalType: string, required: true}]}", "o.v[].a required-tightened P major"},
	{"member added", "", "logicalType: object\nproperties: [{name: a}]", "logicalType: object\nproperties: [{name: a}, {name: b}]", "o.v.b property-added - minor"},
	{"member removed", "", "logicalType: object\nproperties: [{name: a}, {name: b}]", "logicalType: object\nproperties: [{name: a}]", "o.v.b property-removed PC major"},
	{"list of required members", "", "logicalType: object\nlogicalTypeOptions: {required: [a]}\nproperties: [{name: a}, {name: b}]", "logicalType: object\nlogicalTypeOptions: {required: [b]}\nproperties: [{name: a}, {name: b}]", "o.v.b required-tightened P major; o.v.a required-loosened C major"},
	{"values of a map", "", "logicalType: map\nmap: {key: {logicalType: string}, value: {logicalType: number}}", "logicalType: map\nmap: {key: {logicalType: string}, value: {logicalType: integer}}", "o.v{value} logicalType-tightened P major"},
	{"keys of a map", "", "logicalType: map\nmap: {key: {logicalType: string}, value: {logicalType: number}}", "logicalType: map\nmap: {key: {logicalType: string, logicalTypeOptions: {maxLength: 3}}, value: {logicalType: number}}", "o.v{key} maxLength-tightened P major"},
	// Properties and objects.
	{"property added", "object", "properties:\n- {name: v}", "properties:\n- {name: v}\n- {name: w}", "o.w property-added - minor"},
	{"required property added", "object", "properties:\n- {name: v}", "properties:\n- {name: v}\n- {name: w, required: true}", "o.w property-added P major"},
	{"public property added", "object", "properties:\n- {name: v}", "properties:\n- {name: v}\n- {name: w, classification: public}", "o.w property-added -! minor"},
	{"column added", "object", "customProperties: []\nproperties:\n- {name: v}", "customProperties: []\nproperties:\n- {name: v}\n- {name: w}", "o.w property-added P major"},
	{"property removed", "object", "properties:\n- {name: v}\n- {name: w}", "properties:\n- {name: v}", "o.w property-removed PC major"},
	{"property renamed", "object", "properties:\n- {name: v, id: x}", "properties:\n- {name: w, id: x}", "o.v property-renamed PC major"},
	{"names swapped", "object", "properties:\n- {name: v, id: x}\n- {name: w, id: y}", "properties:\n- {name: w, id: x}\n- {name: v, id: y}", "o.v property-renamed PC major; o.w property-renamed PC major"},
	{"other id, same name", "object", "properties:\n- {name: v, id: x}", "properties:\n- {name: v, id: y}", "o.v property-added - minor; o.v property-removed PC major"},
	{"property moved", "object", "properties:\n- {name: v}\n- {name: w}", "properties:\n- {name: w}\n- {name: v}", "o.v property-moved - patch"},
	{"column moved where there is no header", "object", "customProperties: [{property: format, vendor: sallyport, value: {codec: csv, header: false}}]\nproperties:\n- {name: v}\n- {name: w}",
		"customProperties: [{property: format, vendor: sallyport, value: {codec: csv, header: false}}]\nproperties:\n- {name: w}\n- {name: v}", "o.v property-moved PC major"},
	{"object described", "object", "description: a", "description: b", "o description-changed - patch"},
	{"object renamed", "schema", "- {name: o, id: x, properties: [{name: v}]}", "- {name: p, id: x, properties: [{name: v}]}", "o object-renamed PC major"},
	{"object added", "schema", "- {name: o, properties: [{name: v}]}", "- {name: o, properties: [{name: v}]}\n- {name: p, properties: [{name: v}]}", "p object-added - minor"},
	{"object removed", "schema", "- {name: o, properties: [{name: v}]}\n- {name: p, properties: [{name: v}]}", "- {name: o, properties: [{name: v}]}", "p object-removed PC major"},
	// What may leave.
	{"less secret", "", "classification: restricted", "classification: internal", "o.v classification-loosened -! minor"},
	{"no longer classified", "", "classification: public", "description: x", "o.v description-added - patch; o.v classification-tightened C major"},
	{"as secret by another word", "", "classification: secret", "classification: confidential", "o.v classification-changed - minor"},
	{"tag removed", "", "tags: [pii, x]", "tags: [x]", "o.v tag-removed -! minor"},
	{"tag added", "", "tags: [x]", "tags: [x, pii]", "o.v tag-added - minor"},
	// Rules.
	{"rule added", "", "quality: []", "quality: [{metric: nullValues, mustBe: 0}]", "o.v quality-added P major"},
	{"rule removed", "", "quality: [{metric: nullValues, mustBe: 0}]", "quality: []", "o.v quality-removed C major"},
	{"warning added", "", "quality: []", "quality: [{metric: nullValues, mustBe: 0, severity: warning}]", "o.v quality-added - patch"},
	{"warning becomes an error", "", "quality: [{metric: nullValues, mustBe: 0, severity: warning}]", "quality: [{metric: nullValues, mustBe: 0}]", "o.v quality-tightened P major"},
	{"error becomes a warning", "", "quality: [{metric: nullValues, mustBe: 0}]", "quality: [{metric: nullValues, mustBe: 0, severity: info}]", "o.v quality-loosened C major"},
	{"lower bound", "", "quality: [{metric: nullValues, mustBeLessThan: 5}]", "quality: [{metric: nullValues, mustBeLessThan: 3}]", "o.v quality-tightened P major"},
	{"higher bound", "", "quality: [{metric: nullValues, mustBeLessThan: 5}]", "quality: [{metric: nullValues, mustBeLessThan: 30}]", "o.v quality-loosened C major"},
	{"other operator", "", "quality: [{metric: nullValues, mustBeLessThan: 5}]", "quality: [{metric: nullValues, mustBe: 5}]", "o.v quality-changed PC major"},
	{"rule explained", "", "quality: [{id: q, metric: nullValues, mustBe: 0}]", "quality: [{id: q, metric: nullValues, mustBe: 0, description: x}]", "o.v quality-changed - patch"},
	{"sql rule", "", "quality: []", "quality: [{type: sql, query: select 1, mustBe: 1}]", "o.v quality-added - patch"},
	{"rows", "object", "quality: [{metric: rowCount, mustBeGreaterThan: 5}]", "quality: [{metric: rowCount, mustBeGreaterThan: 10}]", "o quality-tightened P major"},
	{"relationship added", "", "relationships: []", "relationships: [{to: o.other}]", "o.v relationships-tightened P major"},
	{"relationship removed", "", "relationships: [{to: o.other}]", "relationships: []", "o.v relationships-loosened C major"},
	// Our own.
	{"format of drops", "object", "customProperties: [{property: format, vendor: sallyport, value: {codec: ndjson}}]", "customProperties: [{property: format, vendor: sallyport, value: {codec: json}}]", "o dropFormat-changed PC major"},
	{"invalid rows", "object", "customProperties: []", "customProperties: [{property: invalidRows, vendor: sallyport, value: {max: 3}}]", "o invalidRows-added P major"},
	{"of another vendor", "", "customProperties: [{property: a, value: 1}]", "customProperties: [{property: a, value: 2}]", "o.v customProperties-changed - patch"},
	{"deprecation", "root", "customProperties: []", "customProperties: [{property: deprecation, vendor: sallyport, value: {sunset: 2030-01-01}}]", ". deprecation-added - minor"},
	{"sunset put off", "root", "customProperties: [{property: deprecation, vendor: sallyport, value: {sunset: 2030-01-01}}]", "customProperties: [{property: deprecation, vendor: sallyport, value: {sunset: 2030-01-02}}]", ". deprecation-changed - minor"},
	{"sunset brought forward", "root", "customProperties: [{property: deprecation, vendor: sallyport, value: {sunset: 2030-01-01}}]", "customProperties: [{property: deprecation, vendor: sallyport, value: {sunset: \"2030-01-01T12:00:00Z\"}}]", ". deprecation-tightened PC major"},
	{"sunset taken back", "root", "customProperties: [{property: deprecation, vendor: sallyport, value: {sunset: 2030-01-01}}]", "customProperties: []", ". deprecation-removed - minor"},
	{"deprecated", "", "description: x", "description: x\ndeprecated: true", "o.v deprecated-added - minor"},
	// The contract.
	{"retired", "root", "status: active", "status: retired", ". status-changed PC major"},
	{"status", "root", "status: active", "status: deprecated", ". status-changed - minor"},
	{"another contract", "root", "id: c", "id: d", ". id-changed PC major"},
	{"team", "root", "team: {members: [{username: a}]}", "team: {members: [{username: b}]}", ". team-changed - patch"},
	{"server", "root", "servers: []", "servers: [{server: a, type: custom}]", ". servers-added - patch"},
	{"latency better", "root", "slaProperties: [{property: latency, value: 2, unit: d}]", "slaProperties: [{property: latency, value: 4, unit: h}]", ". slaProperties-tightened - minor"},
	{"latency worse", "root", "slaProperties: [{property: latency, value: 4, unit: h}]", "slaProperties: [{property: latency, value: 2, unit: d}]", ". slaProperties-loosened C major"},
	{"shorter retention", "root", "slaProperties: [{property: retention, value: 2, unit: y}]", "slaProperties: [{property: retention, value: 1, unit: y}]", ". slaProperties-loosened C major"},
	{"less available", "root", "slaProperties: [{property: availability, value: 99.9, unit: percent}]", "slaProperties: [{property: availability, value: 99, unit: percent}]", ". slaProperties-loosened C major"},
	{"longer support", "root", "slaProperties: [{property: endOfSupport, value: '2027-01-01'}]", "slaProperties: [{property: endOfSupport, value: '2028-01-01'}]", ". slaProperties-tightened - minor"},
	{"service level gone", "root", "slaProperties: [{property: latency, value: 4, unit: h}]", "slaProperties: []", ". slaProperties-removed C major"},
	{"service level of one's own", "root", "slaProperties: [{property: mood, value: good}]", "slaProperties: [{property: mood, value: bad}]", ". slaProperties-changed C major"},
}

func pairOf(t *testing.T, at, old, new string) (*contract.Contract, *contract.Contract) {
	make := func(text string) *contract.Contract {
		switch at {
		case "root":
			return doc(t, text, "", "description: v")
		case "object":
			return doc(t, "", text, "description: v")
		case "schema":
			c, err := contract.Parse("c.odcs.yaml", []byte("apiVersion: v3.2.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n"+text+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		return doc(t, "", "", text)
	}
	return make(old), make(new)
}

func TestPairs(t *testing.T) {
	for _, test := range pairTests {
		t.Run(test.name, func(t *testing.T) {
			old, new := pairOf(t, test.at, test.old, test.new)
			if got := lines(Compare(old, new)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// Every change has a way back: what tightens there loosens here.
func TestBackwards(t *testing.T) {
	for _, test := range pairTests {
		old, new := pairOf(t, test.at, test.old, test.new)
		there, back := Compare(old, new), Compare(new, old)
		if (len(there.Changes) == 0) != (len(back.Changes) == 0) {
			t.Errorf("%s: %q there, %q back", test.name, lines(there), lines(back))
		}
		for _, c := range there.Changes {
			if c.How() != Tightened && c.How() != Loosened || !c.Data {
				continue
			}
			want := map[string]string{Tightened: Loosened, Loosened: Tightened}[c.How()]
			if !strings.Contains(lines(back), c.Attribute()+"-"+want) {
				t.Errorf("%s: %q there, %q back", test.name, lines(there), lines(back))
			}
		}
	}
}

// No attribute of the standard changes unseen.
func TestEveryAttribute(t *testing.T) {
	blocks := []struct {
		name  string
		place func(v reflect.Value) *contract.Contract // a contract that has v in it
		block any
	}{
		{"contract", func(v reflect.Value) *contract.Contract { c := v.Interface().(contract.Contract); return &c }, contract.Contract{}},
		{"object", func(v reflect.Value) *contract.Contract {
			return &contract.Contract{Schema: []contract.Object{v.Interface().(contract.Object)}}
		}, contract.Object{}},
		{"property", func(v reflect.Value) *contract.Contract {
			return &contract.Contract{Schema: []contract.Object{{Element: contract.Element{Properties: []contract.Property{v.Interface().(contract.Property)}}}}}
		}, contract.Property{}},
		{"options", func(v reflect.Value) *contract.Contract {
			return &contract.Contract{Schema: []contract.Object{{Element: contract.Element{Properties: []contract.Property{{LogicalTypeOptions: v.Interface().(contract.Options)}}}}}}
		}, contract.Options{}},
		{"quality", func(v reflect.Value) *contract.Contract {
			q := v.Interface().(contract.Quality)
			if q.ID == "" {
				q.ID = "q"
			}
			return &contract.Contract{Schema: []contract.Object{{Element: contract.Element{Quality: []contract.Quality{q}}}}}
		}, contract.Quality{}},
		{"slaProperties", func(v reflect.Value) *contract.Contract {
			return &contract.Contract{SLAProperties: []contract.SLAProperty{v.Interface().(contract.SLAProperty)}}
		}, contract.SLAProperty{}},
		{"relationship", func(v reflect.Value) *contract.Contract {
			return &contract.Contract{Schema: []contract.Object{{Element: contract.Element{Relationships: []contract.Relationship{v.Interface().(contract.Relationship)}}}}}
		}, contract.Relationship{}},
	}
	seen := 0
	for _, b := range blocks {
		zero := reflect.New(reflect.TypeOf(b.block)).Elem()
		var each func(at []int, typ reflect.Type)
		each = func(at []int, typ reflect.Type) {
			for i := range typ.NumField() {
				f := typ.Field(i)
				name, flag, _ := strings.Cut(f.Tag.Get("yaml"), ",")
				path := append(append([]int(nil), at...), i)
				if f.Anonymous && flag == "inline" {
					each(path, f.Type)
					continue
				}
				if !f.IsExported() || name == "" || name == "-" || name == "version" || name == "id" && b.name != "contract" {
					continue // the version is what the rest is held to; an id is an identity
				}
				v := reflect.New(zero.Type()).Elem()
				v.FieldByIndex(path).Set(some(f.Type))
				if r := Compare(b.place(zero), b.place(v)); len(r.Changes) == 0 {
					t.Errorf("%s.%s changes unseen", b.name, name)
				}
				seen++
			}
		}
		each(nil, zero.Type())
	}
	if seen < 100 {
		t.Errorf("only %d attributes were tried", seen)
	}
}

// some is a value of a type that is not its zero.
func some(typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Interface:
		v.Set(reflect.ValueOf("x"))
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
		v.Elem().Set(some(typ.Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(typ, 1, 1))
		v.Index(0).Set(some(typ.Elem()))
	case reflect.Map:
		v.Set(reflect.MakeMap(typ))
		v.SetMapIndex(some(typ.Key()), some(typ.Elem()))
	case reflect.Struct:
		for i := range typ.NumField() {
			f := typ.Field(i)
			switch {
			case !f.IsExported() || f.Tag.Get("yaml") == "":
			case f.Type.Kind() == reflect.String:
				v.Field(i).SetString("x")
			case f.Type == reflect.TypeFor[*contract.Property]():
				v.Field(i).Set(reflect.ValueOf(&contract.Property{}))
			}
		}
	}
	return v
}

func TestVersions(t *testing.T) {
	breaking := func(version string) *contract.Contract { return doc(t, "version: "+version, "", "required: true") }
	for _, test := range []struct {
		old, new string
		says     Level
		judged   bool
		small    bool
	}{
		{"1.0.0", "2.0.0", Major, true, false}, {"1.0.0", "1.1.0", Minor, true, true}, {"1.0.0", "1.0.1", Patch, true, true}, {"1.0.0", "1.0.0", None, true, true},
		{"2.0.0", "1.9.0", None, true, true}, {"0.1.0", "0.2.0", Minor, true, false}, {"0.1.0", "0.1.1", Patch, true, true}, {"v1.2", "v2", Major, true, false},
		{"2024-11", "2025-01", None, false, false}, {"1.0.0", "next", None, false, false},
	} {
		r := Compare(doc(t, "version: "+test.old, "", "description: v"), breaking(test.new))
		if r.Says != test.says || r.Judged != test.judged || r.TooSmall() != test.small {
			t.Errorf("%s to %s says %s (judged %v), demands %s, too small: %v", test.old, test.new, r.Says, r.Judged, r.Demands, r.TooSmall())
		}
	}
	same := Compare(doc(t, "", "", "description: v"), doc(t, "", "", "description: v"))
	if same.Demands != None || same.TooSmall() || same.Class() != 0 {
		t.Errorf("%+v", same)
	}
}

func TestModes(t *testing.T) {
	v := func(property string) *contract.Contract { return doc(t, "", "", property) }
	short, long, longer := v("logicalTypeOptions: {maxLength: 3}\nlogicalType: string"), v("logicalTypeOptions: {maxLength: 5}\nlogicalType: string"), v("logicalTypeOptions: {maxLength: 9}\nlogicalType: string")
	for _, test := range []struct {
		mode    Mode
		new     *contract.Contract
		earlier []*contract.Contract
		want    int
	}{
		{NoMode, short, []*contract.Contract{longer, long}, 0},
		{Backward, longer, []*contract.Contract{short, long}, 0},
		{Backward, short, []*contract.Contract{short, long}, 1},
		{Backward, long, []*contract.Contract{longer, short}, 0},
		{BackwardTransitive, long, []*contract.Contract{longer, short}, 1},
		{Forward, short, []*contract.Contract{long}, 0},
		{Forward, long, []*contract.Contract{longer, short}, 1},
		{ForwardTransitive, long, []*contract.Contract{short, longer}, 1},
		{Full, long, []*contract.Contract{short, longer}, 1},
		{FullTransitive, long, []*contract.Contract{short, longer}, 2},
		{Full, long, []*contract.Contract{long}, 0},
		{Full, long, nil, 0},
		{Full, v("logicalTypeOptions: {maxLength: 5}\nlogicalType: string\nclassification: public"), []*contract.Contract{long}, 0}, // no row differs
	} {
		if got := Compatible(test.mode, test.new, test.earlier...); len(got) != test.want {
			t.Errorf("%s: %+v", test.mode, got)
		}
	}
	for _, m := range Modes() {
		if got, err := ParseMode(strings.ToLower(string(m))); got != m || err != nil {
			t.Errorf("%s: %s, %v", m, got, err)
		}
	}
	if _, err := ParseMode("BACKWARDS"); err == nil || !strings.Contains(err.Error(), "did you mean BACKWARD?") {
		t.Errorf("%v", err)
	}
}

package contract

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// ending is a document with a status and a deprecation of ours ("" for none).
func ending(status, deprecation string) string {
	text := "apiVersion: v3.2.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: " + status + "\n"
	if deprecation != "" {
		text += "customProperties:\n- property: deprecation\n  vendor: sallyport\n  value:" + deprecation + "\n"
	}
	return text + "schema:\n- name: o\n  properties:\n  - {name: v, logicalType: string}\n"
}

func TestDeprecation(t *testing.T) {
	at := func(text string) time.Time {
		m, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	const early, day, last, after = "2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"
	whole := " {from: 2026-02-01, sunset: 2026-12-31, migration: 'https://example.com/c-v2?x=1#now'}"
	for _, test := range []struct {
		status, value string
		now           string
		inForce, over bool
	}{
		{"active", "", after, false, false},
		{"draft", "", after, false, false},
		{"deprecated", "", early, true, false},
		{"Deprecated", "", after, true, false},
		{"retired", "", early, true, true},
		{"retired", whole, early, true, true},
		{"active", whole, early, false, false},
		{"active", whole, day, true, false},
		{"active", whole, last, true, false},
		{"active", whole, after, true, true},
		{"deprecated", whole, early, true, false},
		{"deprecated", whole, after, true, true},
		{"active", " {sunset: 2026-12-31}", early, true, false},
		{"active", " {migration: 'https://example.com/'}", after, true, false},
		{"active", " {from: 2026-02-01}", "9000-01-01T00:00:00Z", true, false},
		{"active", ` {from: "2026-02-01T01:00:00+01:00", sunset: 2027-01-01T01:00:00+01:00}`, early, false, false},
		{"active", ` {from: "2026-02-01T01:00:00+01:00", sunset: 2027-01-01T01:00:00+01:00}`, last, true, false},
		{"active", ` {from: "2026-02-01T01:00:00+01:00", sunset: 2027-01-01T01:00:00+01:00}`, after, true, true},
		{"active", " {from: 2026-12-31, sunset: 2026-12-31}", last, true, false}, // of one day
		{"active", " {from: 2026-12-31T12:00:00Z, sunset: 2026-12-31}", last, true, false},
		{"active", " {from: 2027-01-01T00:00:00Z, sunset: 2027-01-01T00:00:00Z}", after, true, true}, // CloudEvents allows it
	} {
		d, problems := parse(t, "c.odcs.yaml", []byte(ending(test.status, test.value))).Deprecation()
		if len(problems) > 0 {
			t.Errorf("%s%s: %v", test.status, test.value, problems)
		}
		if now := at(test.now); d.InForce(now) != test.inForce || d.Ended(now) != test.over {
			t.Errorf("%s%s at %s: in force %v, ended %v", test.status, test.value, test.now, d.InForce(now), d.Ended(now))
		}
		if d.Announced() != (d.Path != "") {
			t.Errorf("%s%s: announced %v at %q", test.status, test.value, d.Announced(), d.Path)
		}
	}
	d, _ := parse(t, "c.odcs.yaml", []byte(ending("deprecated", whole))).Deprecation()
	if want := (Deprecation{Status: "deprecated", From: at(day), Sunset: at(after), Migration: "https://example.com/c-v2?x=1#now", Path: "customProperties[0].value"}); d != want {
		t.Errorf("got %+v, want %+v", d, want)
	}
	other := strings.Replace(ending("active", whole), "vendor: sallyport", "vendor: other", 1)
	if d, problems := parse(t, "c.odcs.yaml", []byte(other)).Deprecation(); d.Announced() || len(problems) > 0 {
		t.Errorf("another vendor's deprecation counts: %+v, %v", d, problems)
	}
}

func TestDeprecationProblems(t *testing.T) {
	const value = "customProperties[0].value"
	for _, test := range []struct{ value, want string }{
		{" 2026-12-31", "7:3: customProperties[0]: deprecation is not understood"},
		{" {}", "7:3: customProperties[0]: deprecation is not understood"},
		{" [{sunset: 2026-12-31}]", "7:3: customProperties[0]: deprecation is not understood"},
		{"\n    sunset: soon", "10:13: " + value + ".sunset: sunset is not a date"},
		{"\n    sunset: 2026-13-01", "10:13: " + value + ".sunset: sunset is not a date"},
		{"\n    sunset: 9999-12-31", "10:13: " + value + ".sunset: sunset is not a date"},
		{"\n    sunset: 20261231", "10:13: " + value + ".sunset: sunset is not a date"},
		{"\n    sunset: 2026-12-31 12:00", "10:13: " + value + ".sunset: sunset is not a date"},
		{"\n    sunset: 2026-12-31\n    from: 2026-1-1", "11:11: " + value + ".from: from is not a date"},
		{"\n    from: 2027-01-01\n    sunset: 2026-12-31", "11:13: " + value + ".sunset: the sunset comes before the deprecation"},
		{"\n    from: 2027-01-01\n    sunset: 2026-12-31T23:59:59Z", "11:13: " + value + ".sunset: the sunset comes before the deprecation"},
		{"\n    from: 2027-01-01T00:00:01Z\n    sunset: 2026-12-31", "11:13: " + value + ".sunset: the sunset comes before the deprecation"},
		{"\n    migration: c-v2", "10:16: " + value + ".migration: migration is not the URL of a page"},
		{"\n    migration: /c-v2", "10:16: " + value + ".migration: migration is not the URL of a page"},
		{"\n    migration: https:///c-v2", "10:16: " + value + ".migration: migration is not the URL of a page"},
		{"\n    migration: 'https://example.com/a b'", "10:16: " + value + ".migration: migration is not the URL of a page"},
		{"\n    migration: \"https://example.com/\\u202e\"", "10:16: " + value + ".migration: migration is not the URL of a page"},
		{"\n    migration: javascript:alert(1)", "10:16: " + value + ".migration: migration is not the URL of a page"},
		{"\n    migration: https://me:secret@example.com/", "10:16: " + value + ".migration: migration is not the URL of a page"},
		{"\n    migration: https://example.com/" + strings.Repeat("x", maxMigration), "10:16: " + value + ".migration: migration is not the URL of a page"},
		{"\n    sunset: 2026-12-31\n    migraton: https://example.com/", `11:15: ` + value + `.migraton: deprecation has no "migraton" (did you mean "migration"?)`},
		{" {sunset: 2026-12-31}\n- {property: deprecation, vendor: Sallyport, value: {sunset: 2030-12-31}}", "10:3: customProperties[1]: deprecation stands twice"},
	} {
		text := ending("active", test.value)
		c := parse(t, "c.odcs.yaml", []byte(text))
		_, problems := c.Deprecation()
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "c.odcs.yaml:"+test.want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, problems, test.want)
			continue
		}
		if strings.Contains(fmt.Sprint(problems), "secret") {
			t.Errorf("told: %v", problems)
		}
		if _, err := Compile(c, ""); err == nil || err.Error() != yamldoc.Problems(problems).Error() {
			t.Errorf("%s\ncompiles with %v", text, err)
		}
	}
	if _, err := Compile(parse(t, "c.odcs.yaml", []byte(ending("active", " {sunset: 2026-12-31}"))), ""); err != nil {
		t.Errorf("a deprecation in order: %v", err)
	}
}

func TestDeprecated(t *testing.T) {
	c := parse(t, "c.odcs.yaml", []byte(`apiVersion: v3.2.0
kind: DataContract
id: c
version: 1.0.0
schema:
- name: old
  deprecated: true
  properties:
  - {name: a, deprecated: true}
- name: new
  properties:
  - {name: b, deprecated: false}
  - name: c
    logicalType: object
    properties:
    - name: d
      logicalType: array
      items:
        logicalType: object
        properties:
        - {name: e, deprecated: true}
    - {name: f, deprecated: true, logicalType: array, items: {logicalType: string, deprecated: true}}
  - name: m
    logicalType: map
    map: {key: {logicalType: string}, value: {logicalType: object, properties: [{name: g, deprecated: true}]}}
`))
	want := []DeprecatedElement{
		{"old", "", "schema[0].deprecated"},
		{"old", "a", "schema[0].properties[0].deprecated"},
		{"new", "c.d[].e", "schema[1].properties[1].properties[0].items.properties[0].deprecated"},
		{"new", "c.f", "schema[1].properties[1].properties[1].deprecated"},
		{"new", "c.f[]", "schema[1].properties[1].properties[1].items.deprecated"},
		{"new", "m", "schema[1].properties[2].map.value.properties[0].deprecated"},
	}
	got := c.Deprecated()
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	compiled, err := Compile(c, "new")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range got {
		if e.Object == "new" && compiled.Schema.Lookup(e.Field) <= 0 {
			t.Errorf("the schema has no field %q", e.Field)
		}
	}
}

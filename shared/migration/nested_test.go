package migration

import (
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

const (
	oldNested = `
		name: id, logicalType: integer, primaryKey: true
		name: address, logicalType: object, properties: [{name: zip, logicalType: string}, {name: city, logicalType: string, required: true}, {name: fax, logicalType: string}]
		name: items, logicalType: array, items: {logicalType: object, properties: [{name: sku, logicalType: integer, required: true}, {name: on, logicalType: date}, {name: tags, logicalType: array, items: {logicalType: integer}}, {name: size, logicalType: object, properties: [{name: w, logicalType: integer}, {name: h, logicalType: integer}]}]}
		name: grid, logicalType: array, items: {logicalType: array, items: {logicalType: object, properties: [{name: v, logicalType: boolean}]}}
		name: codes, logicalType: array, items: {logicalType: date}`
	newNested = `
		name: codes, logicalType: array, items: {logicalType: timestamp}
		name: id, logicalType: integer, primaryKey: true
		name: place, logicalType: object, properties: [{name: city, logicalType: string, required: true}, {name: postcode, logicalType: string}, {name: country, logicalType: string, required: true}]
		name: items, logicalType: array, items: {logicalType: object, properties: [{name: size, logicalType: object, properties: [{name: w, logicalType: integer}, {name: h, logicalType: integer}]}, {name: article, logicalType: string, required: true}, {name: at, logicalType: timestamp}, {name: unit, logicalType: string, required: true}, {name: tags, logicalType: array, items: {logicalType: string}}]}
		name: grid, logicalType: array, items: {logicalType: array, items: {logicalType: object, properties: [{name: value, logicalType: string}]}}`
	nestedSteps = `
		rename: {from: address.zip, to: address.postcode}
		rename: {from: address, to: place}
		default: {field: place.country, value: DE}
		drop: {field: place.fax}
		cast: {field: "items[].sku", to: string}
		rename: {from: "items[].sku", to: "items[].article"}
		rename: {from: "items[].on", to: "items[].at"}
		cast: {field: "items[].at", to: timestamp}
		cast: {field: "items[].tags[]", to: string}
		default: {field: "items[].unit", value: piece}
		rename: {from: "grid[][].v", to: "grid[][].value"}
		cast: {field: "grid[][].value", to: string}
		cast: {field: "codes[]", to: timestamp}`
)

func nested(t testing.TB) versions {
	t.Helper()
	v, err := compile(t, document("1.0.0", oldNested, ""), document("2.0.0", newNested, ""), nestedSteps)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Steps reach what is inside objects and arrays; what none names is copied.
func TestNested(t *testing.T) {
	v := nested(t)
	for _, tt := range []struct{ name, in, want string }{
		{"all", `{"id":1,"address":{"fax":"1","zip":"8\u0030331","city":"M"},"items":[{"sku":7,"on":"2026-01-31","tags":[1, 2],"size":{ "w": 3 }},{"sku":8,"size":null,"tags":[]}],"grid":[[{"v":true},{}],[]],"codes":["2026-01-31"]}`,
			`{"codes":["2026-01-31T00:00:00Z"],"id":1,"place":{"city":"M","postcode":"8\u0030331","country":"DE"},` +
				`"items":[{"size":{ "w": 3 },"article":"7","at":"2026-01-31T00:00:00Z","unit":"piece","tags":["1","2"]},{"size":null,"article":"8","unit":"piece","tags":[]}],"grid":[[{"value":"true"},{}],[]]}`},
		{"nothing there", `{"id":1}`, `{"id":1}`},
		{"nulls", `{"id":1,"address":null,"items":[],"grid":[null,[null]],"codes":[null]}`, `{"codes":[null],"id":1,"place":null,"items":[],"grid":[null,[null]]}`},
		{"one after the other", `{"id":1,"items":[{"sku":1,"on":"2026-01-31"},{"sku":2}]}`,
			`{"id":1,"items":[{"article":"1","at":"2026-01-31T00:00:00Z","unit":"piece"},{"article":"2","unit":"piece"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := record.Format{Codec: record.NDJSON}
			if _, broken := check(t, v.old, reader(t, v.old, f, tt.in+"\n")); len(broken) > 0 {
				t.Fatalf("the row is not of the old version: %q", broken)
			}
			got := migrate(t, v, f, tt.in+"\n")
			if got != tt.want+"\n" {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
			if _, broken := check(t, v.next, reader(t, v.next, f, got)); len(broken) > 0 {
				t.Errorf("the row is not of the new version: %q", broken)
			}
		})
	}
}

// A row with many small items grows beyond the limit that it is read with.
func TestNestedGrowth(t *testing.T) {
	v, err := compile(t, document("1.0.0", "name: n, logicalType: array, items: {logicalType: object, properties: [{name: a, logicalType: integer}, {name: d, logicalType: array, items: {logicalType: integer}}]}", ""),
		document("2.0.0", "name: n, logicalType: array, items: {logicalType: object, properties: [{name: amount, logicalType: string}, {name: d, logicalType: array, items: {logicalType: string}}, {name: u, logicalType: integer}]}", ""),
		`rename: {from: "n[].a", to: "n[].amount"}`+"\n"+`cast: {field: "n[].amount", to: string}`+"\n"+`cast: {field: "n[].d[]", to: string}`+"\n"+`default: {field: "n[].u", value: 1}`)
	if err != nil {
		t.Fatal(err)
	}
	f := record.Format{Codec: record.NDJSON}
	for _, item := range []string{`{}`, `{"a":1}`, `{"d":[` + strings.Repeat("1,", 50) + `1]}`} {
		row := `{"n":[` + strings.Repeat(item+",", 1000) + item + "]}\n"
		limits := record.Limits{Row: len(row)}
		in, err := record.NewReader(strings.NewReader(row), f, v.old.Schema, limits)
		if err != nil {
			t.Fatal(err)
		}
		r, err := v.migration.Reader(in, f, limits)
		if err != nil {
			t.Fatal(err)
		}
		if rows, broken := check(t, v.next, r); rows != 1 || len(broken) > 0 {
			t.Errorf("%s: %d rows, %q", item, rows, broken)
		}
	}
}

func TestNestedSteps(t *testing.T) {
	const old = "name: id, logicalType: integer, primaryKey: true\n" +
		"name: a, logicalType: object, properties: [{name: b, logicalType: string}, {name: c, logicalType: integer}]\n" +
		"name: n, logicalType: array, items: {logicalType: object, properties: [{name: b, logicalType: string}]}"
	with := func(a, n string) string {
		return "name: id, logicalType: integer, primaryKey: true\nname: a, logicalType: object, " + a + "\nname: n, logicalType: array, " + n
	}
	const sameA, sameN = "properties: [{name: b, logicalType: string}, {name: c, logicalType: integer}]", "items: {logicalType: object, properties: [{name: b, logicalType: string}]}"
	const renamedN, renameN = "items: {logicalType: object, properties: [{name: d, logicalType: string}]}", `rename: {from: "n[].b", to: "n[].d"}`
	for _, tt := range []struct{ name, old, next, steps, path, want string }{
		{"no such member", old, old, "drop: {field: a.bb}", "steps[0].drop.field", `there is no field "a.bb" here (did you mean "a.b"?)`},
		{"no such member of items", old, old, `cast: {field: "n[].bb", to: string}`, "steps[0].cast.field", `did you mean "n[].b"?`},
		{"items without their array", old, old, "drop: {field: n.b}", "steps[0].drop.field", `there is no field "n.b" here`},
		{"by the old name", old, old, "rename: {from: a, to: z}\ndrop: {field: a.b}", "steps[1].drop.field", `did you mean "z.b"?`},
		{"moved out", old, old, "rename: {from: a.b, to: b}", "steps[0].rename.to", "a field stays in the object that it is in (write to: a. and its new name)"},
		{"moved deeper", old, old, "rename: {from: id, to: a.id}", "steps[0].rename.to", "a field stays in the object that it is in"},
		{"taken", old, old, "rename: {from: a.b, to: a.c}", "steps[0].rename.to", `there is a field "a.c" already`},
		{"items renamed", old, old, `rename: {from: "n[]", to: "m[]"}`, "steps[0].rename.from", "are items of an array, which have no name"},
		{"items dropped", old, old, `drop: {field: "n[]"}`, "steps[0].drop.field", "are items of an array"},
		{"items by default", old, old, `default: {field: "n[]", value: x}`, "steps[0].default.field", "defaults are for members of objects"},
		{"a member of a text", old, old, "default: {field: id.x, value: x}", "steps[0].default.field", `"id" is not an object that the old version describes`},
		{"a member of nothing", old, old, "default: {field: z.x, value: x}", "steps[0].default.field", `there is no field "z" here`},
		{"two defaults", old, old, "default: {field: a.x, value: x}\ndefault: {field: a.x, value: x}", "steps[1].default.field", `the field "a.x" has a default already`},
		{"left over", old, with("properties: [{name: c, logicalType: integer}]", sameN), "", "steps", `the field "a.b" is not one of version 2.0.0 (add a step drop: {field: a.b}`},
		{"left over under another name", strings.Replace(old, "name: b", "name: amount", 1), with("properties: [{name: amounts, logicalType: string}, {name: c, logicalType: integer}]", sameN), "", "steps", "add a step rename: {from: a.amount, to: a.amounts}"},
		{"left over by a step", old, old, "rename: {from: a.b, to: a.bb}", "steps[0].rename", `the field "a.bb" is not one of version 2.0.0`},
		{"cast to another type", old, old, "cast: {field: a.c, to: string}", "steps[0].cast", "the field a.c of version 2.0.0 is of type integer, and the values are of type string"},
		{"inside what is not described", old, with("required: false", sameN), "drop: {field: a.b}", "steps[0].drop", "version 2.0.0 does not describe what is inside the field a"},
		{"uniqueItems", strings.Replace(old, "items: {", "logicalTypeOptions: {uniqueItems: true}, items: {", 1), with(sameA, "logicalTypeOptions: {uniqueItems: true}, "+renamedN), renameN, "steps[0].rename", "has uniqueItems, which cannot be shown to hold"},
		{"minProperties", strings.Replace(old, "object, properties", "object, logicalTypeOptions: {minProperties: 2}, properties", 1), with("logicalTypeOptions: {minProperties: 2}, properties: [{name: c, logicalType: integer}]", sameN), "drop: {field: a.b}", "steps[0].drop", "has minProperties"},
		{"maxProperties", strings.Replace(old, "object, properties", "object, logicalTypeOptions: {maxProperties: 2}, properties", 1), with("logicalTypeOptions: {maxProperties: 2}, properties: [{name: b, logicalType: string}, {name: c, logicalType: integer}, {name: d, logicalType: string}]", sameN), "default: {field: a.d, value: x}", "steps[0].default", "has maxProperties"},
		{"quality", strings.Replace(old, "array, items", "array, quality: [{metric: nullValues, mustBe: 0}], items", 1), with(sameA, "quality: [{metric: nullValues, mustBe: 0}], "+renamedN), renameN, "steps[0].rename", "has quality rules, which cannot be shown"},
		{"quality of what is absent", old, with("properties: [{name: b, logicalType: string}, {name: c, logicalType: integer}, {name: d, logicalType: string, quality: [{metric: nullValues, mustBe: 0}]}]", sameN), "", "steps", `has quality rules on the field "a.d", and no row has it`},
		{"relationships", strings.Replace(old, "name: c, logicalType: integer", "name: c, logicalType: integer, relationships: [{to: orders.id}]", 1),
			with("properties: [{name: d, logicalType: string}, {name: c, logicalType: integer, relationships: [{to: orders.id}]}]", sameN), "rename: {from: a.b, to: a.d}", "steps", "has relationships that cannot be shown to hold"},
		{"rows without bounds", old, with(sameA, "items: {logicalType: object, properties: [{name: b, logicalType: string}, {name: unit, logicalType: string}]}"), `default: {field: "n[].unit", value: a long text for each of a million items}`, "steps[0].default", "could make a row"},
		{"names without bounds", old, with(sameA, "items: {logicalType: object, properties: [{name: a_very_long_name_for_what_was_a_short_one, logicalType: string}]}"), `rename: {from: "n[].b", to: "n[].a_very_long_name_for_what_was_a_short_one"}`, "steps[0].rename", "shorten the names"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, document("1.0.0", tt.old, ""), document("2.0.0", tt.next, ""), tt.steps, tt.path, tt.want)
		})
	}
}

// A name with a dot in it is a name, if there is such a field.
func TestNamesWithDots(t *testing.T) {
	v, err := compile(t, document("1.0.0", "name: a.b, logicalType: integer\nname: c, logicalType: string", ""),
		document("2.0.0", "name: x.y, logicalType: string\nname: c, logicalType: string\nname: d.e, logicalType: string", ""),
		"rename: {from: a.b, to: x.y}\ncast: {field: x.y, to: string}\ndefault: {field: d.e, value: z}")
	if err != nil {
		t.Fatal(err)
	}
	if got := migrate(t, v, record.Format{Codec: record.CSV, Delimiter: ',', Header: true, EOL: "\n"}, "a.b,c\n1,2\n"); got != "x.y,c,d.e\n1,2,z\n" {
		t.Errorf("%q", got)
	}
}

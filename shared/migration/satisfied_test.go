package migration

import "testing"

// TestSatisfied: a field "a" of both versions, changed one thing at a time. What
// the new version must not ask for is refused at the step that changed the field
// last, or at the steps as a whole.
func TestSatisfied(t *testing.T) {
	const all, cast, fill = "steps", "steps[0].cast", "steps[0].default"
	toString := "cast: {field: a, to: string}"
	for _, tt := range []struct {
		name, old, next, steps string
		path, want             string // "" where it is taken
	}{
		{name: "the same", old: "logicalType: string, required: true, logicalTypeOptions: {pattern: '^x', format: email, minLength: 2, maxLength: 9}",
			next: "logicalType: string, required: true, logicalTypeOptions: {pattern: '^x', format: email, minLength: 2, maxLength: 9}"},
		{name: "looser text", old: "logicalType: string, logicalTypeOptions: {pattern: '^x', format: email, minLength: 2, maxLength: 9}",
			next: "logicalType: string, logicalTypeOptions: {minLength: 1, maxLength: 10}"},
		{name: "another type", old: "logicalType: string", next: "logicalType: integer", path: all, want: "of version 2.0.0 is of type integer, and the values are of type string (add a step cast"},
		{name: "a map of an object", old: "logicalType: object", next: "logicalType: map, map: {key: {logicalType: string}, value: {logicalType: string}}", path: all, want: "is of type map"},
		{name: "an object of what is described", old: "logicalType: object, properties: [{name: b, logicalType: string}]", next: "logicalType: object"},
		{name: "required", old: "logicalType: string", next: "logicalType: string, required: true", path: all, want: "is required, and may be missing in the old version (add a step default: {field: a, value: ...})"},
		{name: "required with a default", old: "logicalType: string", next: "logicalType: string, required: true", steps: `default: {field: a, value: ""}`},
		{name: "pattern", old: "logicalType: string", next: "logicalType: string, logicalTypeOptions: {pattern: '^x'}", path: all, want: "has another pattern"},
		{name: "format", old: "logicalType: string, logicalTypeOptions: {format: uri}", next: "logicalType: string, logicalTypeOptions: {format: email}", path: all, want: "has another format"},
		{name: "minLength", old: "logicalType: string, logicalTypeOptions: {minLength: 1}", next: "logicalType: string, logicalTypeOptions: {minLength: 2}", path: all, want: "has minLength: 2"},
		{name: "maxLength", old: "logicalType: string", next: "logicalType: string, logicalTypeOptions: {maxLength: 5}", path: all, want: "has maxLength: 5"},
		{name: "enum of any", old: "logicalType: string", next: "logicalType: string, enum: [{value: x}]", path: all, want: "has an enum, and the old version accepts other values"},
		{name: "smaller enum", old: "logicalType: string, enum: [{value: x}, {value: y}]", next: "logicalType: string, enum: [{value: x}]", path: all, want: "lacks a value"},
		{name: "our enum", old: "logicalType: string, customProperties: [{property: enum, vendor: sallyport, value: [x]}]", next: "logicalType: string, enum: [{value: x}, {value: y}]"},
		{name: "our smaller enum", old: "logicalType: string, enum: [{value: x}, {value: y}]", next: "logicalType: string, customProperties: [{property: enum, vendor: sallyport, value: [x]}]", path: all, want: "lacks a value"},

		{name: "looser numbers", old: "logicalType: number, logicalTypeOptions: {minimum: 1, exclusiveMaximum: 10, multipleOf: 0.5}", next: "logicalType: number, logicalTypeOptions: {exclusiveMinimum: 0, maximum: 10, multipleOf: 0.5}"},
		{name: "minimum", old: "logicalType: number, logicalTypeOptions: {minimum: 1}", next: "logicalType: number, logicalTypeOptions: {minimum: 1.5}", path: all, want: "has minimum: 1.5"},
		{name: "exclusive minimum", old: "logicalType: number, logicalTypeOptions: {minimum: 1}", next: "logicalType: number, logicalTypeOptions: {exclusiveMinimum: 1}", path: all, want: "has exclusiveMinimum: 1"},
		{name: "maximum of none", old: "logicalType: number", next: "logicalType: number, logicalTypeOptions: {maximum: 1}", path: all, want: "has maximum: 1"},
		{name: "exclusive maximum", old: "logicalType: number, logicalTypeOptions: {maximum: 5}", next: "logicalType: number, logicalTypeOptions: {exclusiveMaximum: 5}", path: all, want: "has exclusiveMaximum: 5"},
		{name: "multipleOf", old: "logicalType: number", next: "logicalType: number, logicalTypeOptions: {multipleOf: 2}", path: all, want: "has another multipleOf"},
		{name: "wider", old: "logicalType: integer, logicalTypeOptions: {format: u16}", next: "logicalType: integer, logicalTypeOptions: {format: i32}"},
		{name: "narrower", old: "logicalType: integer, logicalTypeOptions: {format: u32}", next: "logicalType: integer, logicalTypeOptions: {format: i32}", path: all, want: "has the format i32"},
		{name: "without a sign", old: "logicalType: integer, logicalTypeOptions: {format: i8}", next: "logicalType: integer, logicalTypeOptions: {format: u64}", path: all, want: "has the format u64"},
		{name: "decimal", old: "logicalType: number", next: "logicalType: number, physicalType: 'decimal(10,2)'", path: all, want: "has the format decimal(10,2)"},

		{name: "a date in another form", old: "logicalType: date", next: "logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}", path: all, want: "has another format"},
		{name: "a date in the standard's form", old: "logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}", next: "logicalType: date", path: all, want: "has another format"},
		{name: "a zone", old: "logicalType: timestamp", next: "logicalType: timestamp, logicalTypeOptions: {timezone: true}", path: all, want: "has another timezone"},
		{name: "no zone needed", old: "logicalType: timestamp, logicalTypeOptions: {timezone: true}", next: "logicalType: timestamp"},
		{name: "a bound of dates", old: "logicalType: date", next: "logicalType: date, logicalTypeOptions: {minimum: '2026-01-01'}", path: all, want: "has another minimum"},

		{name: "items", old: "logicalType: array, items: {logicalType: string}", next: "logicalType: array, items: {logicalType: string, logicalTypeOptions: {maxLength: 3}}", path: all, want: "the field a[] of version 2.0.0 has maxLength: 3"},
		{name: "items of any", old: "logicalType: array", next: "logicalType: array, items: {logicalType: string}", path: all, want: "describes its items"},
		{name: "any items", old: "logicalType: array, items: {logicalType: string}, logicalTypeOptions: {maxItems: 3, uniqueItems: true}", next: "logicalType: array, logicalTypeOptions: {maxItems: 4}"},
		{name: "fewer items", old: "logicalType: array, logicalTypeOptions: {maxItems: 3}", next: "logicalType: array, logicalTypeOptions: {maxItems: 2, uniqueItems: true}", path: all, want: "has another uniqueItems"},
		{name: "a vector of an array", old: "logicalType: array, items: {logicalType: number, required: true}", next: "logicalType: vector, logicalTypeOptions: {dimensions: 2}", path: all, want: "is of type vector"},
		{name: "a longer vector", old: "logicalType: vector, logicalTypeOptions: {dimensions: 2}", next: "logicalType: vector, logicalTypeOptions: {dimensions: 3}", path: all, want: "has another dimensions"},
		{name: "members", old: "logicalType: object, properties: [{name: b, logicalType: string}]", next: "logicalType: object, properties: [{name: b, logicalType: string, required: true}]", path: all, want: "the field a.b of version 2.0.0 is required"},
		{name: "members by options", old: "logicalType: object, properties: [{name: b, logicalType: string, required: true}]", next: "logicalType: object, properties: [{name: b, logicalType: string}], logicalTypeOptions: {required: [b]}"},
		{name: "members required by options", old: "logicalType: object, properties: [{name: b, logicalType: string}]", next: "logicalType: object, properties: [{name: b, logicalType: string}], logicalTypeOptions: {required: [b]}", path: all, want: "the field a.b of version 2.0.0 is required"},
		{name: "one member less", old: "logicalType: object, properties: [{name: b, logicalType: string}, {name: c, logicalType: string}]", next: "logicalType: object, properties: [{name: b, logicalType: string}]", path: all, want: `the field "a.c" is not one of version 2.0.0 (add a step drop: {field: a.c}`},
		{name: "one member more", old: "logicalType: object, properties: [{name: b, logicalType: string}]", next: "logicalType: object, properties: [{name: b, logicalType: string}, {name: c, logicalType: string}]"},
		{name: "one more that is required", old: "logicalType: object, properties: [{name: b, logicalType: string}]", next: "logicalType: object, properties: [{name: b, logicalType: string}, {name: c, logicalType: string, required: true}]", path: all, want: `version 2.0.0 requires the field "a.c", and no row has it (add a step default: {field: a.c, value: ...}`},

		{name: "quality", old: "logicalType: string", next: "logicalType: string, quality: [{metric: nullValues, mustBe: 0}]", path: all, want: "has a quality rule that the old version has not"},
		{name: "the same quality", old: "logicalType: string, quality: [{metric: nullValues, mustBe: 0, name: x}]", next: "logicalType: string, quality: [{metric: nullValues, mustBe: 0, description: y}]"},
		{name: "a warning", old: "logicalType: string", next: "logicalType: string, quality: [{metric: nullValues, mustBe: 0, severity: warning}]"},
		{name: "quality of what is changed", old: "logicalType: string, quality: [{metric: nullValues, mustBe: 0}]", next: "logicalType: string, quality: [{metric: nullValues, mustBe: 0}]", steps: "default: {field: a, value: x}", path: fill, want: "cannot be shown to hold for values that are changed"},

		{name: "unique", old: "logicalType: string", next: "logicalType: string, unique: true", path: all, want: "the field a of version 2.0.0 cannot be shown to be unique"},
		{name: "still unique", old: "logicalType: integer, unique: true", next: "logicalType: string, unique: true", steps: toString},
		{name: "unique by default", old: "logicalType: string, unique: true", next: "logicalType: string, unique: true", steps: "default: {field: a, value: x}", path: all, want: "cannot be shown to be unique"},
		{name: "unique to the day", old: "logicalType: timestamp, primaryKey: true", next: "logicalType: date, primaryKey: true", steps: "cast: {field: a, to: date, lossy: true}", path: all, want: "the primary key of version 2.0.0 cannot be shown to be unique"},
		{name: "a key of what was unique", old: "logicalType: string, unique: true, required: true", next: "logicalType: string, primaryKey: true"},

		{name: "a cast to what is asked for", old: "logicalType: integer", next: "logicalType: string, logicalTypeOptions: {maxLength: 5}", steps: toString, path: cast, want: "has logicalTypeOptions, which cannot be shown to hold for values that are cast"},
		{name: "a cast to another type", old: "logicalType: date", next: "logicalType: date", steps: toString, path: cast, want: "is of type date, and the values are of type string"},
		{name: "a cast within bounds", old: "logicalType: integer, logicalTypeOptions: {minimum: 1}", next: "logicalType: number, logicalTypeOptions: {minimum: 0}", steps: "cast: {field: a, to: number}"},
		{name: "a cast beyond bounds", old: "logicalType: integer", next: "logicalType: number, logicalTypeOptions: {format: f64}", steps: "cast: {field: a, to: number}", path: cast, want: "has the format f64"},
		{name: "a cast to a timestamp without a zone", old: "logicalType: date", next: "logicalType: timestamp, logicalTypeOptions: {timezone: false}", steps: "cast: {field: a, to: timestamp}", path: cast, want: "cannot be shown"},
		{name: "a default that is none of the enum", old: "logicalType: string, enum: [{value: x}]", next: "logicalType: string, enum: [{value: x}]", steps: "default: {field: a, value: y}", path: fill + ".value", want: "is not one that version 2.0.0 accepts"},
		{name: "a default of another type", old: "logicalType: integer", next: "logicalType: integer", steps: "default: {field: a, value: '5'}", path: fill + ".value", want: "is a string, and the field is of type integer"},
		{name: "a default of an object", old: "logicalType: object", next: "logicalType: object", steps: "default: {field: a, value: x}", path: fill + ".value", want: "defaults are for single values"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const other = "name: z, logicalType: string\n"
			old, next := document("1.0.0", other+"name: a, "+tt.old, ""), document("2.0.0", other+"name: a, "+tt.next, "")
			if tt.want != "" {
				refused(t, old, next, tt.steps, tt.path, tt.want)
			} else if _, err := compile(t, old, next, tt.steps); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSteps(t *testing.T) {
	refused(t, document("1.0.0", "name: shipped, logicalType: date", ""), document("2.0.0", "name: shiped, logicalType: date", ""), "", "steps", "add a step rename: {from: shipped, to: shiped}")
	const old = "name: a, logicalType: string\nname: b, logicalType: number\nname: on, logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}\nname: at, logicalType: timestamp"
	for _, tt := range []struct{ name, next, steps, path, want string }{
		{"no such field", old, "rename: {from: aa, to: c}", "steps[0].rename.from", `there is no field "aa" here`},
		{"a misspelt field", old, "drop: {field: onn}", "steps[0].drop.field", `did you mean "on"?`},
		{"renamed away", old, "rename: {from: a, to: c}\ncast: {field: a, to: string}", "steps[1].cast.field", `there is no field "a" here`},
		{"the name is taken", old, "rename: {from: a, to: b}", "steps[0].rename.to", `there is a field "b" already`},
		{"two defaults", old, "default: {field: a, value: x}\ndefault: {field: a, value: y}", "steps[1].default.field", "has a default already"},
		{"two casts", old, "cast: {field: b, to: string}\ncast: {field: b, to: string}", "steps[1].cast", "is cast already"},
		{"a cast of a default", old, "default: {field: c, value: 1}\ncast: {field: c, to: string}", "steps[1].cast", "has no type to cast"},
		{"a cast that can fail", old, "cast: {field: a, to: number}", "steps[0].cast", "is of type string, and not every one becomes a number (what no value can fail"},
		{"a cast to what it is", old, "cast: {field: a, to: string}", "steps[0].cast", "is a string already"},
		{"a cast that loses", old, "cast: {field: at, to: date}", "steps[0].cast", "would lose its time of day (say lossy: true"},
		{"a cast that loses nothing", old, "cast: {field: b, to: string, lossy: true}", "steps[0].cast", "loses nothing"},
		{"a form of its own", old, "cast: {field: on, to: timestamp}", "steps[0].cast", "written in a format of its own"},
		{"a field too many", "name: a, logicalType: string\nname: b, logicalType: number\nname: at, logicalType: timestamp", "", "steps", `the field "on" is not one of version 2.0.0 (add a step drop: {field: on}, or rename it)`},
		{"a required field", old + "\nname: c, logicalType: string, required: true", "", "steps", `requires the field "c", and no row has it (add a step default: {field: c, value: ...}`},
		{"quality of nothing", old + "\nname: c, logicalType: string, quality: [{metric: nullValues, mustBe: 0}]", "", "steps", `has quality rules on the field "c"`},
		{"quality of a default", old + "\nname: c, logicalType: string, quality: [{metric: duplicateValues, mustBe: 0}]", "default: {field: c, value: x}", "steps[0].default.value", "cannot be shown to keep the quality rules"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, document("1.0.0", old, ""), document("2.0.0", tt.next, ""), tt.steps, tt.path, tt.want)
		})
	}
}

// TestRows: rules over several fields and rows.
func TestRows(t *testing.T) {
	const fields = "name: a, logicalType: string, required: true\nname: b, logicalType: string, required: true\nname: c, logicalType: string"
	const keyed = "name: a, logicalType: string, primaryKey: true, primaryKeyPosition: 1\nname: b, logicalType: string, primaryKey: true, primaryKeyPosition: 2\nname: c, logicalType: string"
	const doubles = "quality: [{metric: duplicateValues, mustBe: 0, arguments: {properties: [a, b]}}]"
	for _, tt := range []struct{ name, old, oldMore, next, nextMore, steps, want string }{
		{"a part of the key", keyed, "", "name: a, logicalType: string, primaryKey: true\nname: b, logicalType: string\nname: c, logicalType: string", "", "", "the primary key of version 2.0.0 cannot be shown to be unique"},
		{"the key", keyed, "", keyed, "", "", ""},
		{"more than the key", "name: a, logicalType: string, primaryKey: true\nname: b, logicalType: string, required: true\nname: c, logicalType: string", "", keyed, "", "", ""},
		{"another key", keyed, "", "name: a, logicalType: string\nname: b, logicalType: string, unique: true\nname: c, logicalType: string", "", "", "the field b of version 2.0.0 cannot be shown to be unique"},
		{"renamed key", keyed, "", "name: k, logicalType: string, primaryKey: true\nname: b, logicalType: string, primaryKey: true\nname: c, logicalType: string", "", "rename: {from: a, to: k}", ""},
		{"no key any more", keyed, "", fields, "", "", ""},
		{"a rule more", fields, "", fields, doubles, "", "has a quality rule that cannot be shown to hold for all rows"},
		{"the rule", fields, doubles, fields, doubles, "", ""},
		{"a field of the rule changes", fields, doubles, fields, doubles, "default: {field: b, value: x}", "has a quality rule that cannot be shown"},
		{"a count of rows", fields, "quality: [{metric: rowCount, mustBeGreaterThan: 1}]", fields, "quality: [{metric: rowCount, mustBeGreaterThan: 1}]", "drop: {field: c}\ndefault: {field: c, value: x}", ""},
		{"a higher count of rows", fields, "quality: [{metric: rowCount, mustBeGreaterThan: 1}]", fields, "quality: [{metric: rowCount, mustBeGreaterThan: 2}]", "", "has a quality rule"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old, next := document("1.0.0", tt.old, tt.oldMore), document("2.0.0", tt.next, tt.nextMore)
			if tt.want != "" {
				refused(t, old, next, tt.steps, "steps", tt.want)
			} else if _, err := compile(t, old, next, tt.steps); err != nil {
				t.Error(err)
			}
		})
	}
}

package contract

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// shared is where public documents lie beside the checkout, if they do.
func sharedData(t *testing.T) string {
	dir := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no ../shared/data beside the checkout")
	}
	return dir
}

func TestParsePublicDocuments(t *testing.T) {
	dir := sharedData(t)
	files, err := filepath.Glob(filepath.Join(dir, "odcs", "*.odcs.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, file := range append(files, filepath.Join(dir, "adventureworks.odcs.yaml")) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(filepath.Base(file), data)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, o := range c.Schema {
			_, err := Compile(c, o.Name)
			if filepath.Base(file) == "kafka-schemaregistry.odcs.yaml" {
				// Its columns lie in a schema registry.
				if err == nil || !strings.Contains(err.Error(), "a schema object without properties lets nothing in") {
					t.Errorf("%s: %s: got %v", filepath.Base(file), o.Name, err)
				}
			} else if err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), o.Name, err)
			}
		}
	}
}

// doc is a contract with one object that has one property "v".
func doc(property string) string {
	return "apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: o\n  properties:\n  - name: v\n" +
		indent(property, "    ") + "  - {name: other, logicalType: string}\n"
}

func indent(text, by string) string {
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if line != "" {
			out.WriteString(by + line + "\n")
		}
	}
	return out.String()
}

func compile(t testing.TB, text string) *Compiled {
	t.Helper()
	c, err := Parse("c.odcs.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := Compile(c, "")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// violations are "row path rule" of every violation, those of the file last.
func violations(t testing.TB, c *Compiled, f record.Format, data string) (all []string, invalid []bool) {
	t.Helper()
	r, err := record.NewReader(strings.NewReader(data), f, c.Schema, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v := c.NewValidator(ValidatorOptions{})
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		bad := make([]bool, len(b.Rows))
		if err := v.Check(b, bad, func(v Violation) {
			if v.Want == "" || v.Do == "" {
				t.Errorf("%s says not what is wanted, or not what to do", v.Rule)
			}
			all = append(all, fmt.Sprintf("%d %s %s", v.Row, v.Path, v.Rule))
		}); err != nil {
			t.Fatal(err)
		}
		invalid = append(invalid, bad...)
	}
	whole, err := v.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range whole {
		all = append(all, fmt.Sprintf("file %s %s", v.Path, v.Rule))
	}
	return all, invalid
}

// TestRules: for each rule values that pass and values that fail, as JSON.
func TestRules(t *testing.T) {
	for _, test := range []struct {
		property string
		rule     string
		pass     []string
		fail     []string
	}{
		{"logicalType: string\nrequired: true", "required", []string{`"x"`, `""`}, []string{"null"}},
		{"logicalType: string\nprimaryKey: true", "required", []string{`"x"`}, []string{"null"}},
		{"logicalType: string", "type", []string{`"x"`, "null"}, []string{"1", "true", "{}", "[]"}},
		{"logicalType: string\nlogicalTypeOptions: {minLength: 2}", "minLength", []string{`"ab"`, `"éé"`}, []string{`"a"`, `"é"`, `"😀"`}},
		{"logicalType: string\nlogicalTypeOptions: {maxLength: 2}", "maxLength", []string{`"ab"`, `"😀😀"`, `""`}, []string{`"abc"`, `"😀😀😀"`}},
		{"logicalType: string\nlogicalTypeOptions: {pattern: '^[A-Z]{2}[0-9]+$'}", "pattern", []string{`"DE1"`, `"DE\u0031"`}, []string{`"D1"`, `"DE1x"`, `"DEé"`}},
		{"logicalType: string\nlogicalTypeOptions: {pattern: 'b'}", "pattern", []string{`"abc"`, `"b"`, `"éb"`}, []string{`"ac"`}},
		{"logicalType: string\nlogicalTypeOptions: {format: email}", "format", []string{`"a.b+c@example.co.uk"`, `"jö@exämple.de"`}, []string{`"a@b"`, `"@x.de"`, `"a b@x.de"`, `"a..b@x.de"`, `"a@x-.de"`, `"a@.de"`}},
		{"logicalType: string\nlogicalTypeOptions: {format: uuid}", "format", []string{`"0190b3a4-5c6d-7e8f-9a0b-0123456789AB"`}, []string{`"0190b3a45c6d7e8f9a0b0123456789ab"`, `"g190b3a4-5c6d-7e8f-9a0b-0123456789ab"`}},
		{"logicalType: string\nlogicalTypeOptions: {format: uri}", "format", []string{`"https://x.de/a?b=c"`, `"urn:isbn:1"`}, []string{`"/a"`, `"1a:b"`, `"http://a b"`}},
		{"logicalType: string\nlogicalTypeOptions: {format: hostname}", "format", []string{`"a.b-c.d"`}, []string{`"-a.b"`, `"a..b"`, `"a_b"`}},
		{"logicalType: string\nlogicalTypeOptions: {format: ipv4}", "format", []string{`"10.0.0.1"`}, []string{`"10.0.0.256"`, `"::1"`}},
		{"logicalType: string\nlogicalTypeOptions: {format: ipv6}", "format", []string{`"::1"`}, []string{`"10.0.0.1"`, `"::g"`}},
		{"logicalType: string\nlogicalTypeOptions: {format: byte}", "format", []string{`"Zm9v"`, `""`}, []string{`"Zm9"`, `"Z=9v"`}},
		{"logicalType: integer", "type", []string{"1", "-12", "0"}, []string{`"1"`, "1.5", "1e3"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: i8}", "format", []string{"127", "-128"}, []string{"128", "-129"}},
		{"logicalType: integer\nlogicalTypeOptions: {format: u128}", "format", []string{"340282366920938463463374607431768211455", "0"}, []string{"340282366920938463463374607431768211456", "-1"}},
		{"logicalType: number", "type", []string{"1", "-1.5", "1e10", "0.1"}, []string{`"1"`, "1e999"}},
		{"logicalType: number\nlogicalTypeOptions: {minimum: 0.1}", "minimum", []string{"0.1", "0.10", "1e-1", "1e2"}, []string{"0.09999999999999999999", "0", "-1"}},
		{"logicalType: number\nlogicalTypeOptions: {maximum: -5}", "maximum", []string{"-5", "-5.0", "-6"}, []string{"-4.9", "0", "5"}},
		{"logicalType: number\nlogicalTypeOptions: {exclusiveMinimum: 0}", "exclusiveMinimum", []string{"0.0001"}, []string{"0", "-0", "-1"}},
		{"logicalType: number\nlogicalTypeOptions: {exclusiveMaximum: 10}", "exclusiveMaximum", []string{"9.99"}, []string{"10", "1e1", "11"}},
		{"logicalType: number\nlogicalTypeOptions: {multipleOf: 0.01}", "multipleOf", []string{"0.07", "1", "123456789012345678901234567890.12"}, []string{"0.075", "1e-3"}},
		{"logicalType: boolean", "type", []string{"true", "false"}, []string{`"true"`, "1"}},
		{"logicalType: date", "type", []string{`"2024-02-29"`, `"2022-04-15 00:00:00.000"`}, []string{`"2023-02-29"`, `"2023-13-01"`, `"15.04.2022"`, `"2023-1-1"`}},
		{"logicalType: date\nlogicalTypeOptions: {format: dd.MM.yyyy}", "type", []string{`"15.04.2022"`}, []string{`"2022-04-15"`, `"32.01.2022"`}},
		{"logicalType: date\nlogicalTypeOptions: {minimum: '2024-01-01'}", "minimum", []string{`"2024-01-01"`}, []string{`"2023-12-31"`}},
		{"logicalType: timestamp", "type", []string{`"2024-02-29T10:11:12Z"`, `"2024-02-29T10:11:12.123456789+02:00"`, `"2024-02-29 10:11:12"`}, []string{`"2024-02-29"`, `"2024-02-29T25:00:00Z"`, `"2024-02-29T10:11:12.Z"`}},
		{"logicalType: timestamp\nlogicalTypeOptions: {timezone: true}", "type", []string{`"2024-02-29T10:11:12Z"`}, []string{`"2024-02-29T10:11:12"`}},
		{"logicalType: timestamp\nlogicalTypeOptions: {timezone: false}", "type", []string{`"2024-02-29T10:11:12"`}, []string{`"2024-02-29T10:11:12Z"`}},
		{"logicalType: timestamp\nlogicalTypeOptions: {exclusiveMaximum: '2024-01-01T00:00:00Z'}", "exclusiveMaximum", []string{`"2024-01-01T01:00:00+02:00"`}, []string{`"2024-01-01T00:00:00Z"`, `"2023-12-31T23:30:00-01:00"`}},
		{"logicalType: time", "type", []string{`"10:11"`, `"10:11:12.5Z"`}, []string{`"24:00"`, `"10"`}},
		{"logicalType: array\nlogicalTypeOptions: {minItems: 1, maxItems: 2}\nitems: {logicalType: string}", "maxItems", []string{`["a"]`, `["a","b"]`}, []string{`["a","b","c"]`}},
		{"logicalType: array\nlogicalTypeOptions: {uniqueItems: true}\nitems: {logicalType: string}", "uniqueItems", []string{`["a","b"]`, `[]`}, []string{`["a","a"]`, `["a","\u0061"]`}},
		{"logicalType: array\nitems: {logicalType: integer}", "type", []string{`[1,2]`, "[null]"}, []string{`["a"]`, `{}`}},
		{"logicalType: array\nitems: {logicalType: string, required: true}", "required", []string{`["a"]`}, []string{`[null]`}},
		{"logicalType: object\nlogicalTypeOptions: {minProperties: 1}\nproperties:\n- {name: a, logicalType: string}", "minProperties", []string{`{"a":"x"}`}, []string{`{}`}},
		{"logicalType: object\nlogicalTypeOptions: {required: [a]}\nproperties:\n- {name: a, logicalType: string}", "required", []string{`{"a":"x"}`}, []string{`{}`, `{"a":null}`}},
		{"logicalType: object\nproperties:\n- {name: a, logicalType: string, required: true}", "required", []string{`{"a":"x"}`, "null"}, []string{`{}`}},
		{"logicalType: string\nenum: [{value: a}, {value: b}]", "enum", []string{`"a"`}, []string{`"c"`, `"A"`}},
		{"logicalType: integer\ncustomProperties: [{property: enum, vendor: sallyport, value: [1, 2]}]", "enum", []string{"1"}, []string{"3"}},
		{"logicalType: string\nquality: [{metric: nullValues, mustBe: 0}]", "nullValues", []string{`"x"`}, []string{"null"}},
		{"logicalType: string\nquality: [{metric: missingValues, arguments: {missingValues: ['', n/a]}, mustBe: 0}]", "missingValues", []string{`"x"`}, []string{`""`, `"n/a"`}},
		{"logicalType: string\nquality: [{metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}]", "invalidValues", []string{`"a"`, "null"}, []string{`"c"`}},
		{"logicalType: string\nquality: [{metric: invalidValues, arguments: {pattern: '^a+$'}, mustBe: 0}]", "invalidValues", []string{`"aa"`}, []string{`"ab"`}},
	} {
		t.Run(strings.ReplaceAll(test.property, "\n", " "), func(t *testing.T) {
			c := compile(t, doc(test.property))
			for _, value := range test.pass {
				if got, _ := violations(t, c, record.Format{Codec: record.NDJSON}, `{"v":`+value+`}`); len(got) > 0 {
					t.Errorf("%s: got %v, want none", value, got)
				}
			}
			for _, value := range test.fail {
				got, invalid := violations(t, c, record.Format{Codec: record.NDJSON}, `{"v":`+value+`}`)
				if len(got) != 1 || !strings.HasSuffix(got[0], " "+test.rule) || !invalid[0] {
					t.Errorf("%s: got %v, want %s", value, got, test.rule)
				}
			}
			if len(c.Unenforced) > 0 {
				t.Errorf("not enforced: %v", c.Unenforced)
			}
			// The same in CSV, where the value is a single one.
			if c.Schema.Fields[1].Type == record.Object || c.Schema.Fields[1].Type == record.Array || test.rule == "type" && c.Schema.Fields[1].Type == record.String {
				return
			}
			for _, fails := range []bool{false, true} {
				for _, value := range map[bool][]string{false: test.pass, true: test.fail}[fails] {
					var v any
					d := json.NewDecoder(strings.NewReader(value))
					d.UseNumber()
					if err := d.Decode(&v); err != nil {
						t.Fatal(err)
					}
					field := fmt.Sprint(v)
					if v == nil {
						field = ""
					} else if s, ok := v.(string); ok {
						field = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
					} else if test.rule == "type" {
						continue
					}
					if fails && test.rule == "type" && (field == `"1"` || field == `"true"`) {
						continue // text is how CSV writes everything
					}
					if got, _ := violations(t, c, record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}, field+",x\n"); (len(got) > 0) != fails {
						t.Errorf("csv %s: got %v", field, got)
					}
				}
			}
		})
	}
}

func TestUniqueAndFileRules(t *testing.T) {
	rows := func(values ...string) string {
		var b strings.Builder
		for _, v := range values {
			b.WriteString(`{"v":` + v + `,"other":"x"}` + "\n")
		}
		return b.String()
	}
	for _, test := range []struct{ name, doc, data, want string }{
		{"unique", doc("logicalType: string\nunique: true"), rows(`"a"`, `"b"`, `"a"`, `"\u0061"`, "null", "null"), "[3 v unique 4 v unique]"},
		{"primary key", doc("logicalType: integer\nprimaryKey: true"), rows("1", "2", "1"), "[3 v primaryKey]"},
		{"a refused row takes no key", doc("logicalType: string\nunique: true\nlogicalTypeOptions: {maxLength: 1}") + "", rows(`"aa"`, `"a"`, `"a"`), "[1 v maxLength 3 v unique]"},
		{"composite", doc("logicalType: string") + "  quality:\n  - {metric: duplicateValues, arguments: {properties: [v, other]}, mustBe: 0}\n", rows(`"a"`, `"b"`, `"a"`), "[3 v, other duplicateValues]"},
		{"doubles are counted", doc("logicalType: string\nquality: [{metric: duplicateValues, mustBeLessThan: 2}]"), rows(`"a"`, `"a"`, `"a"`), "[file v duplicateValues]"},
		{"few doubles", doc("logicalType: string\nquality: [{metric: duplicateValues, mustBeLessThan: 3}]"), rows(`"a"`, `"a"`, `"a"`), "[]"},
		{"row count", doc("logicalType: string") + "  quality:\n  - {metric: rowCount, mustBeBetween: [2, 4]}\n", rows(`"a"`, `"a"`), "[file  rowCount]"},
		{"row count inside", doc("logicalType: string") + "  quality:\n  - {metric: rowCount, mustBeBetween: [2, 4]}\n", rows(`"a"`, `"a"`, `"a"`), "[]"},
		{"percent of nulls", doc("logicalType: string\nquality: [{metric: nullValues, mustBeLessOrEqualTo: 50, unit: percent}]"), rows(`"a"`, "null"), "[]"},
		{"too many nulls", doc("logicalType: string\nquality: [{metric: nullValues, mustBeLessOrEqualTo: 50, unit: percent}]"), rows(`"a"`, "null", "null"), "[file v nullValues]"},
		{"a warning refuses nothing", doc("logicalType: string\nquality: [{metric: invalidValues, severity: warning, arguments: {validValues: [a]}, mustBe: 0}]"), rows(`"b"`), "[file v invalidValues]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, invalid := violations(t, compile(t, test.doc), record.Format{Codec: record.NDJSON}, test.data)
			if fmt.Sprint(got) != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
			if test.name == "a warning refuses nothing" && invalid[0] {
				t.Error("it refused the row")
			}
		})
	}
}

// TestTooManyKeys: keys that find no room in memory go to disk, as many as may.
func TestTooManyKeys(t *testing.T) {
	c := compile(t, doc("logicalType: integer\nunique: true"))
	var rows strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&rows, "%d,a\n", i)
	}
	check := func(o ValidatorOptions) error {
		r, err := record.NewReader(strings.NewReader(rows.String()), record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}, c.Schema, record.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		o.KeyMemory, o.SpillDir = 1<<20, t.TempDir()
		v := c.NewValidator(o)
		defer v.Close()
		for {
			b, err := r.Next()
			if err == io.EOF {
				return nil
			}
			if err == nil {
				err = v.Check(b, make([]bool, len(b.Rows)), func(v Violation) { t.Errorf("%+v", v) })
			}
			if err != nil {
				return err
			}
		}
	}
	if err := check(ValidatorOptions{}); err != nil {
		t.Error(err)
	}
	if err := check(ValidatorOptions{SpillSize: 1 << 20}); fault.CodeOf(err) != "too-many-keys" || fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestProblems(t *testing.T) {
	for _, test := range []struct{ name, doc, want string }{
		{"unknown key", strings.Replace(doc("logicalType: string"), "status:", "statsu:", 1), `c.odcs.yaml:5:1: unknown key "statsu" (did you mean "status"?)`},
		{"unknown type", doc("logicalType: strnig"), `there is no logicalType "strnig" (did you mean "string"?)`},
		{"option of another type", doc("logicalType: integer\nlogicalTypeOptions: {maxLength: 3}"), "an integer does not take the option maxLength"},
		{"lookahead", doc("logicalType: string\nlogicalTypeOptions: {pattern: 'a(?=b)'}"), "a pattern with lookahead cannot be checked in bounded time"},
		{"backreference", doc(`logicalType: string` + "\n" + `logicalTypeOptions: {pattern: '(a)\1'}`), "a pattern with a backreference"},
		{"broken pattern", doc("logicalType: string\nlogicalTypeOptions: {pattern: 'a('}"), "the pattern cannot be read"},
		{"date format", doc("logicalType: date\nlogicalTypeOptions: {format: 'EEEEE dd'}"), `"EEEEE" in the format is not understood`},
		{"bound", doc("logicalType: number\nlogicalTypeOptions: {minimum: abc}"), "must be a number"},
		{"date bound", doc("logicalType: date\nlogicalTypeOptions: {minimum: 01.01.2024}"), "must be written as the values are"},
		{"metric", doc("logicalType: string\nquality: [{metric: nullValuez, mustBe: 0}]"), `there is no metric "nullValuez"`},
		{"no operator", doc("logicalType: string\nquality: [{metric: nullValues}]"), "the rule compares with nothing"},
		{"version", strings.Replace(doc("logicalType: string"), "v3.1.0", "v2.2.2", 1), `"v2.2.2"`},
		{"twice", doc("logicalType: string") + "  - {name: v, logicalType: string}\n", `there are two properties "v"`},
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

func TestUnenforcedIsSaid(t *testing.T) {
	c := compile(t, doc("logicalType: string\nlogicalTypeOptions: {format: iban}\nquality:\n- {type: sql, query: SELECT 1, mustBe: 0}\n- {type: custom, engine: soda, implementation: x}\nrelationships: [{type: foreignKey, to: a.b}]"))
	var said []string
	for _, p := range c.Unenforced {
		said = append(said, p.Error())
	}
	for _, want := range []string{`the format "iban" is not checked`, "the sql rule", "the custom rule", "the relationship to a is not checked"} {
		if !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("%s is not said: %v", want, said)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(doc("logicalType: string\nlogicalTypeOptions: {pattern: a}")))
	f.Add([]byte(doc("logicalType: array\nitems: {logicalType: object, properties: [{name: a}]}")))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("c.odcs.yaml", data)
		if err != nil {
			return
		}
		for _, o := range c.Schema {
			if compiled, err := Compile(c, o.Name); err == nil {
				_, _ = compiled.NewValidator(ValidatorOptions{}).Finish()
			}
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, p := range []string{`^\d{3}-\d{2}-\d{4}$`, `a|b$`, `^$|x`, `[^a]*z`, `(ab)+`, `^?$`, `\bw`, `^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`, `(?i)k`, `.`, `a?b*$^`, `x{0}`, `^a$|^ab`, `^[A-Z]{2}-?$`, `^a*$`, `^(?i)ab$`, `^[^,]+$`, `^\d{2,}$`} {
		f.Add(p, "123-45-6789")
		f.Add(p, "")
		f.Add(p, "aab\nz")
		f.Add(p, "DE-")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		p, err := compilePattern(text)
		if err != nil {
			return
		}
		if want := p.re.MatchString(value); p.match([]byte(value)) != want {
			t.Fatalf("%q on %q: got %t", text, value, !want)
		}
	})
}

func FuzzTimestamp(f *testing.F) {
	f.Add("2024-02-29T10:11:12Z", "2023-12-31T23:30:00.5-01:00")
	f.Add("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, zonedX, okX := isoTimestamp([]byte(a))
		y, zonedY, okY := isoTimestamp([]byte(b))
		okX, okY = okX && zonedX, okY && zonedY
		ta, errA := time.Parse(time.RFC3339Nano, a)
		tb, errB := time.Parse(time.RFC3339Nano, b)
		// time.Parse also takes hours of one digit, commas and more than nine digits.
		strict := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$`)
		if strict.MatchString(a) && okX != (errA == nil) {
			t.Fatalf("%q: got %t, time.Parse says %v", a, okX, errA)
		}
		if errA == nil && errB == nil && okX && okY && x.compare(y) != ta.Compare(tb) {
			t.Fatalf("%q and %q compare as %d, want %d", a, b, x.compare(y), ta.Compare(tb))
		}
	})
}

const paymentsDoc = `apiVersion: v3.1.0
kind: DataContract
id: payments
version: 1.0.0
status: active
schema:
- name: payments
  properties:
  - {name: id, logicalType: string, required: true, logicalTypeOptions: {format: uuid}}
  - {name: at, logicalType: timestamp, required: true}
  - {name: name, logicalType: string, logicalTypeOptions: {minLength: 1, maxLength: 80}}
  - {name: email, logicalType: string, logicalTypeOptions: {format: email}}
  - {name: ssn, logicalType: string, logicalTypeOptions: {pattern: '^[0-9]{3}-[0-9]{2}-[0-9]{4}$'}}
  - {name: card, logicalType: string, logicalTypeOptions: {pattern: '^[0-9]{13,19}$'}}
  - {name: iban, logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'}}
  - {name: amount, logicalType: number, logicalTypeOptions: {minimum: 0}}
  - {name: currency, logicalType: string, enum: [{value: EUR}, {value: USD}]}
  - {name: merchant, logicalType: string}
  - {name: country, logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]{2}$'}}
  - {name: note, logicalType: string}
`

func BenchmarkValidate(b *testing.B) {
	var data strings.Builder
	for i := 0; data.Len() < 100<<10; i++ {
		fmt.Fprintf(&data, "0190b3a4-5c6d-7e8f-9a0b-%012x,2026-03-%02dT10:11:12Z,Ann Example,ann.example%d@example.com,123-45-%04d,4111111111111111,DE89370400440532013000,%d.%02d,EUR,Corner Shop,DE,\"paid, with thanks\nsee note %d\"\n", i, i%28+1, i, i%10000, i%5000, i%100, i)
	}
	c := compile(b, paymentsDoc)
	r, err := record.NewReader(strings.NewReader(data.String()), record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}, c.Schema, record.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	batch, err := r.Next()
	if err != nil {
		b.Fatal(err)
	}
	v := c.NewValidator(ValidatorOptions{})
	invalid := make([]bool, len(batch.Rows))
	b.SetBytes(int64(len(batch.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Check(batch, invalid, func(v Violation) { b.Fatal(v) }); err != nil {
			b.Fatal(err)
		}
	}
}

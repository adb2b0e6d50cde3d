package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// testSchema has a field of every type.
func testSchema() *record.Schema {
	var fields []record.Field
	add := func(parent int, name string, t record.Type) int {
		path := name
		if parent > 0 {
			path = fields[parent].Path + "." + name
			if name == "" {
				path = fields[parent].Path + "[]"
			}
		}
		id := len(fields)
		fields = append(fields, record.Field{Name: name, Path: path, Parent: parent, Type: t, Items: -1})
		if parent >= 0 && name == "" {
			fields[parent].Items = id
		} else if parent >= 0 {
			fields[parent].Members = append(fields[parent].Members, id)
		}
		return id
	}
	row := add(-1, "", record.Object)
	add(row, "s", record.String)
	add(row, "t", record.String)
	add(row, "i", record.Integer)
	add(row, "n", record.Number)
	add(row, "b", record.Boolean)
	add(row, "d", record.Date)
	add(row, "ts", record.Timestamp)
	add(row, "type", record.String) // also the name of a function of CEL's
	add(row, "raw", record.Opaque)
	tags := add(row, "tags", record.Array)
	add(tags, "", record.String)
	o := add(row, "o", record.Object)
	add(o, "x", record.String)
	deep := add(o, "deep", record.Object)
	add(deep, "y", record.Integer)
	list := add(row, "list", record.Array)
	item := add(list, "", record.Object)
	add(item, "code", record.String)
	add(item, "weight", record.Number)
	return record.NewSchema("test", fields)
}

// read is the rows of a text as one batch.
func read(t testing.TB, f record.Format, s *record.Schema, text string) *record.Batch {
	t.Helper()
	r, err := record.NewReader(strings.NewReader(text), f, s, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return b
}

func compileFilter(t testing.TB, s *record.Schema, text string) *Filter {
	t.Helper()
	f, problems := tryFilter(t, s, text)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", text, problems)
	}
	return f
}

func tryFilter(t testing.TB, s *record.Schema, text string) (*Filter, []yamldoc.Problem) {
	t.Helper()
	return testEnv(t, s).compile(text, plainProblem)
}

func testEnv(t testing.TB, s *record.Schema) *filterEnv {
	t.Helper()
	env, err := newFilterEnv(s, func(int) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func plainProblem(message, hint string) yamldoc.Problem {
	return yamldoc.Problem{Message: message, Hint: hint}
}

const row = `{"s":"abc","t":"x\u00e9\n","i":7,"n":2.5,"b":true,"d":"2026-03-01","ts":"2026-03-01T12:00:00+02:00","type":"T",` +
	`"raw":{"a":1},"tags":["red","blue"],"o":{"x":"in","deep":{"y":3}},"list":[{"code":"A","weight":1},{"code":"B"}]}`

func TestFilter(t *testing.T) {
	s := testSchema()
	full := read(t, record.Format{Codec: record.NDJSON}, s, row+"\n")
	empty := read(t, record.Format{Codec: record.NDJSON}, s, `{"s":null,"i":null,"o":null,"tags":null}`+"\n")
	tests := []struct {
		filter      string
		full, empty bool
		short       bool // needs no CEL
	}{
		{`s == "abc"`, true, false, true},
		{`"abc" == s`, true, false, true},
		{`s != "abc"`, false, false, true}, // a null is not unequal: it is nothing
		{`s != "x"`, true, false, true},
		{`!(s == "x")`, true, false, true},
		{`s in ["a", "abc"]`, true, false, true},
		{`s in ["1","2","3","4","5","6","7","8","abc"]`, true, false, true},
		{`!(s in ["a"])`, true, false, true},
		{`t == "xé\n"`, true, false, true},
		{`s < "abd" && s >= "abc" && "abb" < s`, true, false, true},
		{`s.startsWith("ab") && s.endsWith("bc") && s.contains("b")`, true, false, true},
		{`i == 7 && i < 8 && i <= 7 && i > 6 && 7 >= i && i in [1, 7]`, true, false, true},
		{`n == 2.5 && n > 2 && n < 3.0 && n in [2.5]`, true, false, true},
		{`b`, true, false, true},
		{`!b`, false, false, true},
		{`d >= "2026-01-01"`, true, false, true},
		{`type == "T"`, true, false, true},
		{`has(s)`, true, false, true},
		{`!has(s)`, false, true, true},
		{`has(raw) && has(o) && has(tags)`, true, false, true},
		{`!has(s) || s == "abc"`, true, true, true},
		{`s == "abc" || true`, true, true, true},
		{`s == "abc" && false`, false, false, true},
		{`true`, true, true, true},
		{`ts > timestamp("2026-03-01T09:59:59Z") && ts < timestamp("2026-03-01T10:00:01Z")`, true, false, false},
		{`ts.getFullYear() == 2026`, true, false, false},
		{`s == t`, false, false, false},
		{`size(s) == 3`, true, false, false},
		{`s.matches("^a.c$")`, true, false, false},
		{`"red" in tags`, true, false, false},
		{`!("green" in tags)`, true, false, false},
		{`tags.exists(x, x.startsWith("bl"))`, true, false, false},
		{`tags[1] == "blue"`, true, false, false},
		{`tags[7] == "blue"`, false, false, false},
		{`o.x == "in" && o.deep.y == 3`, true, false, false},
		{`has(o.deep.y) && has(o.x)`, true, false, false},
		{`has(o.x) ? o.x == "in" : true`, true, false, false},
		{`list.exists(e, e.code == "B")`, true, false, false},
		{`list.exists(e, e.weight > 0.5)`, true, false, false},
		{`list.all(e, e.weight > 0.5)`, false, false, false}, // one has no weight
		{`list.all(e, !has(e.weight) || e.weight > 0.5)`, true, false, false},
		{`list.filter(e, e.code == "A").size() == 1`, true, false, false},
		{`list[0].code == "A"`, true, false, false},
		{`i / 0 == 1`, false, false, false},
		{`i / (i - 7) == 1`, false, false, false},
	}
	for _, tt := range tests {
		f := compileFilter(t, s, tt.filter)
		m := f.Matcher()
		if got := m.Match(full, 0); got != tt.full {
			t.Errorf("%s: the full row matches: %v, want %v", tt.filter, got, tt.full)
		}
		if got := m.Match(empty, 0); got != tt.empty {
			t.Errorf("%s: the empty row matches: %v, want %v", tt.filter, got, tt.empty)
		}
		if (f.cond != nil) != tt.short {
			t.Errorf("%s: has a short way: %v, want %v", tt.filter, f.cond != nil, tt.short)
		}
	}
}

func TestFilterCSV(t *testing.T) {
	s := testSchema()
	format := record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}
	for _, name := range []string{"i", "s", "b", "o"} { // the data's own order
		format.Columns = append(format.Columns, s.Lookup(name))
	}
	b := read(t, format, s, "7,\"a\"\"b\",true,{}\n,,,\n\"8\",\"\",FALSE,x\n1,2\n")
	tests := []struct {
		filter string
		want   string // per row
	}{
		{`s == "a\"b"`, "yn n n"},
		{`i == 7`, "yn n n"},
		{`i > 7`, "n n y n"},
		{`s == ""`, "n n y n"},
		{`b`, "y n n n"},
		{`!b`, "n n n n"}, // FALSE is no JSON boolean: nothing is known
		{`has(i)`, "y n y n"},
		{`has(n)`, "n n n n"}, // the data has no such column
		{`n == 1.0`, "n n n n"},
		{`true`, "y y y n"}, // never a row that is not well formed
		{`o.x == "x"`, "n n n n"},
		{`size(s) > 0`, "y n n n"},
	}
	for _, tt := range tests {
		m := compileFilter(t, s, tt.filter).Matcher()
		for i, want := range strings.ReplaceAll(tt.want, " ", "") {
			if got := m.Match(b, i); got != (want == 'y') {
				t.Errorf("%s: row %d matches: %v", tt.filter, i, got)
			}
		}
	}
}

func TestTimestamps(t *testing.T) {
	want := "2026-03-01T10:00:00Z"
	for text, same := range map[string]bool{
		"2026-03-01T10:00:00Z": true, "2026-03-01t10:00:00.000z": true, "2026-03-01 12:00:00+02:00": true, "2026-03-01T12:00+0200": true,
		"2026-03-01T12:00:00.0+02": true, "2026-03-01 10:00:00": true, "2026-03-01T10:00": true, "2026-03-01T06:30:00.000000000-03:30": true,
		"2026-03-01T10:00:01Z": false, "2026-03-01": false, "2026-13-01T10:00:00Z": false, "2026-03-01T10:00:00ZZ": false,
		"2026-03-01T10:00:00+": false, "2026-03-01T10:00:00 UTC": false, "": false, "xxxxxxxxxxxxxxxxxxxx": false,
	} {
		s := testSchema()
		b := read(t, record.Format{Codec: record.NDJSON}, s, `{"ts":"`+text+"\"}\n")
		if got := compileFilter(t, s, `ts == timestamp("`+want+`")`).Matcher().Match(b, 0); got != same {
			t.Errorf("%q is %s: %v", text, want, got)
		}
	}
}

// TestTimestampsWithAFormat: what only the contract can read is text.
func TestTimestampsWithAFormat(t *testing.T) {
	s := testSchema()
	env, err := newFilterEnv(s, func(f int) bool { return s.Fields[f].Name == "ts" })
	if err != nil {
		t.Fatal(err)
	}
	b := read(t, record.Format{Codec: record.NDJSON}, s, `{"ts":"01.03.2026 12:00"}`+"\n")
	f, problems := env.compile(`ts.startsWith("01.03.") && size(ts) == 16`, nil)
	if len(problems) > 0 || !f.Matcher().Match(b, 0) {
		t.Errorf("%v", problems)
	}
}

func TestFilterProblems(t *testing.T) {
	s := testSchema()
	tests := []struct{ filter, message, hint string }{
		{`tipe == "x"`, "undeclared reference to 'tipe'", `"type"`},
		{`o.dep.y == 1`, "undefined field 'dep'", `"deep"`},
		{`s`, "it must be bool", ""},
		{`s ==`, "at character 5", ""},
		{"b &&\n\n nix", "in line 3 of the filter at character 2", ""},
		{`s == 1`, "no matching overload", ""},
		{`s == null`, "no matching overload", "has(field)"},
		{`n == 1`, "no matching overload", "1.0"},
		{`o == o`, "objects cannot be compared", "members"},
		{`o in list`, "", ""},
		{`list[0] in list`, "objects cannot be compared", "members"},
		{`raw.a == 1`, "undefined field 'a'", ""},
		{`s.matches("(")`, "at character", ""},
		{`ts > timestamp("yesterday")`, "at character", ""},
		{`has(nothing)`, "undefined field 'nothing'", ""},
		{`tags.all(a, tags.all(b, tags.all(c, tags.all(d, tags.all(e, true)))))`, "nesting", ""},
		{strings.Repeat("(", 300) + "true", "", ""},
		{`"` + strings.Repeat("x", maxFilter) + `" == s`, "size", ""},
	}
	for _, tt := range tests {
		_, problems := tryFilter(t, s, tt.filter)
		if len(problems) == 0 {
			t.Errorf("%.60s: no problem", tt.filter)
			continue
		}
		text := fmt.Sprint(problems)
		if !strings.Contains(text, tt.message) || !strings.Contains(text, tt.hint) {
			t.Errorf("%.60s: %.300s\nlacks %q or %q", tt.filter, text, tt.message, tt.hint)
		}
	}
}

func TestFilterRunsAgainstItsCost(t *testing.T) {
	s := testSchema()
	var many bytes.Buffer
	many.WriteString(`{"tags":["x"`)
	for range 1000 {
		many.WriteString(`,"x"`)
	}
	many.WriteString("]}\n")
	b := read(t, record.Format{Codec: record.NDJSON}, s, many.String())
	if m := compileFilter(t, s, `tags.all(a, tags.all(b, a == b))`).Matcher(); m.Match(b, 0) {
		t.Error("a million comparisons on one row were let through")
	}
	if m := compileFilter(t, s, `tags.all(a, a == "x")`).Matcher(); !m.Match(b, 0) {
		t.Error("a thousand comparisons on one row were too many")
	}
}

func TestEquality(t *testing.T) {
	s := testSchema()
	tests := []struct {
		filter string
		values string // "" for none
	}{
		{`s == "b"`, "b"},
		{`"b" == s`, "b"},
		{`s in ["b", "a", "b"]`, "a b"},
		{`s == "b" || s in ["c", "a"]`, "a b c"},
		{`s == "b" || t == "a"`, ""},
		{`s != "b"`, ""},
		{`s == "b" && b`, ""},
		{`i == 1`, ""},
		{`s > "b"`, ""},
		{`o.x == "b"`, ""},
	}
	for _, tt := range tests {
		field, values, ok := compileFilter(t, s, tt.filter).Equality()
		got := string(bytes.Join(values, []byte(" ")))
		if got != tt.values || ok != (tt.values != "") || ok && field != s.Lookup("s") {
			t.Errorf("%s: %d %q %v", tt.filter, field, got, ok)
		}
	}
}

func TestReads(t *testing.T) {
	s := testSchema()
	for filter, want := range map[string]string{
		`s == "b" && (b || s > "a")`: "s b", `has(o.x) || i == 1`: "i o", `type(s) == string`: "s", `true`: "", `["a"].exists(v, v == s)`: "s",
	} {
		var got []string
		for _, field := range compileFilter(t, s, filter).Reads() {
			got = append(got, s.Fields[field].Path)
		}
		slices.Sort(got)
		sorted := strings.Fields(want)
		slices.Sort(sorted)
		if !slices.Equal(got, sorted) {
			t.Errorf("%s reads %v, want %v", filter, got, sorted)
		}
	}
}

// TestShortWayAgreesWithCEL holds the two evaluations of random filters over
// random rows against each other, errors included.
func TestShortWayAgreesWithCEL(t *testing.T) {
	s := testSchema()
	rnd := rand.New(rand.NewPCG(1, 2))
	env := testEnv(t, s)
	for range 400 {
		agree(t, env, randomFilter(rnd, 3), func(n int) int { return rnd.IntN(n) })
	}
}

func FuzzShortWayAgreesWithCEL(f *testing.F) {
	env := testEnv(f, testSchema())
	f.Add(uint64(1), []byte("abc"))
	f.Fuzz(func(t *testing.T, seed uint64, choices []byte) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		i := 0
		agree(t, env, randomFilter(rnd, 3), func(n int) int {
			if i++; i <= len(choices) {
				return int(choices[i-1]) % n
			}
			return rnd.IntN(n)
		})
	})
}

func agree(t *testing.T, env *filterEnv, text string, pick func(int) int) {
	t.Helper()
	f, problems := env.compile(text, plainProblem)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", text, problems)
	}
	if f.cond == nil {
		t.Fatalf("%s: no short way", text)
	}
	m := f.Matcher()
	for range 8 {
		line := randomRow(pick)
		b := read(t, record.Format{Codec: record.NDJSON}, env.schema, line)
		if b.Rows[0].Bad != "" {
			t.Fatalf("%s: %s", line, b.Rows[0].Bad)
		}
		m.batch, m.row = b, &b.Rows[0]
		if short, long := f.cond.eval(m), m.run(); short != long {
			t.Fatalf("%s\non %s: the short way says %d, CEL %d", text, line, short, long)
		}
	}
}

func randomFilter(rnd *rand.Rand, depth int) string {
	one := func(of ...string) string { return of[rnd.IntN(len(of))] }
	if depth > 0 && rnd.IntN(3) > 0 {
		a, b := randomFilter(rnd, depth-1), randomFilter(rnd, depth-1)
		return one("("+a+" && "+b+")", "("+a+" || "+b+")", "!("+a+")")
	}
	op := one("==", "!=", "<", "<=", ">", ">=")
	text := one(`""`, `"a"`, `"ab"`, `"é"`, `"\""`, `"2026-01-01"`)
	whole := one("0", "1", "-1", "9223372036854775807", "9007199254740993")
	double := one("0.0", "1.5", "-1.0", "1e300", "9007199254740993.0")
	name := one("s", "t", "d", "type")
	switch rnd.IntN(10) {
	case 0:
		return name + " " + op + " " + text
	case 1:
		return text + " " + op + " " + name
	case 2:
		return name + one(".startsWith(", ".endsWith(", ".contains(") + text + ")"
	case 3:
		return name + " in [" + text + `, "b"]`
	case 4:
		return "i " + op + " " + whole
	case 5:
		return double + " " + op + " n"
	case 6:
		return "n " + one("<", "<=", ">", ">=") + " " + one("0", "1", "-1", "9007199254740992")
	case 7:
		return "has(" + one("s", "i", "n", "b", "d", "o", "tags", "raw") + ")"
	case 8:
		return one("b", "true", "false", "i in [1, 0]", "n in [1.5, 0.0]")
	}
	return whole + " " + op + " i"
}

func randomRow(pick func(int) int) string {
	one := func(of ...string) string { return of[pick(len(of))] }
	var members []string
	add := func(name string, values ...string) {
		if v := one(append(values, "", "null", `"a"`, "1", "1.5", "true", "{}", "[]")...); v != "" {
			members = append(members, `"`+name+`":`+v)
		}
	}
	text := []string{`""`, `"a"`, `"ab"`, `"é"`, `"\u00e9"`, `"\""`, `"2026-01-01"`}
	add("s", text...)
	add("n", "0", "-0", "-0.0", "1.5", "1e999", "1e300", "9007199254740993", "-1", "1E0")
	add("t", text...)
	add("i", "0", "-0", "1", "-1", "9223372036854775807", "9223372036854775808", "1.0", "1e2")
	add("b", "true", "false")
	add("d", text...)
	add("type", text...)
	add("o", `{"x":"a"}`)
	add("raw", `{"s":"a"}`)
	add("tags", `["a"]`, `[null]`)
	return "{" + strings.Join(members, ",") + "}\n"
}

func TestMatchDoesNotAllocate(t *testing.T) {
	s := testSchema()
	b := read(t, record.Format{Codec: record.NDJSON}, s, row+"\n"+`{"s":null}`+"\n")
	m := compileFilter(t, s, `s in ["a","b"] || t == "é" || i > 9 && n <= 2.5 || has(raw) && type.startsWith("x")`).Matcher()
	m.Match(b, 0)
	if n := testing.AllocsPerRun(100, func() {
		m.Match(b, 0)
		m.Match(b, 1)
	}); n > 0 {
		t.Errorf("%v allocations per row", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	s := testSchema()
	batch := read(b, record.Format{Codec: record.NDJSON}, s, row+"\n")
	for _, text := range []string{`s in ["abd", "abc"]`, `i > 3 && n < 3.0 && has(raw)`, `list.exists(e, e.code == "B")`} {
		b.Run(text, func(b *testing.B) {
			m := compileFilter(b, s, text).Matcher()
			b.ReportAllocs()
			for b.Loop() {
				if !m.Match(batch, 0) {
					b.Fatal("the row does not match")
				}
			}
		})
	}
}

package record

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// table is a flat schema of string columns.
func table(names ...string) *Schema {
	fields := []Field{{Parent: -1, Type: Object, Items: -1}}
	for i, n := range names {
		fields = append(fields, Field{Name: n, Path: n, Type: String, Items: -1})
		fields[0].Members = append(fields[0].Members, i+1)
	}
	return NewSchema("table", fields)
}

// person is a nested schema: id, name{family, given[]}, tags[]{k,v}, extra.
func person() *Schema {
	return NewSchema("person", []Field{
		{Parent: -1, Type: Object, Items: -1, Members: []int{1, 2, 6, 10}},
		{Name: "id", Path: "id", Type: Integer, Items: -1},
		{Name: "name", Path: "name", Type: Object, Items: -1, Members: []int{3, 4}},
		{Name: "family", Path: "name.family", Parent: 2, Type: String, Items: -1},
		{Name: "given", Path: "name.given", Parent: 2, Type: Array, Items: 5},
		{Path: "name.given[]", Parent: 4, Type: String, Items: -1},
		{Name: "tags", Path: "tags", Type: Array, Items: 7},
		{Path: "tags[]", Parent: 6, Type: Object, Items: -1, Members: []int{8, 9}},
		{Name: "k", Path: "tags[].k", Parent: 7, Type: String, Items: -1},
		{Name: "v", Path: "tags[].v", Parent: 7, Type: String, Items: -1},
		{Name: "extra", Path: "extra", Type: Opaque, Items: -1},
	})
}

// read gives the values of all rows: nil slices where a row is bad.
func read(t testing.TB, src io.Reader, f Format, s *Schema, lim Limits) (values [][]string, bad []string, lines []int64, err error) {
	t.Helper()
	r, err := NewReader(src, f, s, lim)
	if err != nil {
		t.Fatal(err)
	}
	number := int64(1)
	for {
		b, err := r.Next()
		if err == io.EOF {
			return values, bad, lines, nil
		}
		if err != nil {
			return values, bad, lines, err
		}
		if b.First != number {
			t.Fatalf("batch starts at row %d, want %d", b.First, number)
		}
		number += int64(len(b.Rows))
		var scratch []byte
		for _, row := range b.Rows {
			var v []string
			for i := row.First; i < row.Past; i++ {
				var value []byte
				value, scratch = b.Value(&b.Nodes[i], scratch)
				v = append(v, string(value))
			}
			values = append(values, v)
			bad = append(bad, row.Bad)
			lines = append(lines, row.Line)
		}
	}
}

func TestCSVAgreesWithEncodingCSV(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "bc", "def", " ", "é", `"`, ",", ";", "\n", "0123456789abcdef"}
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		for _, delim := range []byte{',', ';', '\t', '|'} {
			for range 60 {
				var want [][]string
				var text bytes.Buffer
				cols := 2 + rng.IntN(6)
				for range rng.IntN(40) {
					var rec []string
					for c := range cols {
						var v string
						for range rng.IntN(8) {
							v += alphabet[rng.IntN(len(alphabet))]
						}
						if c > 0 {
							text.WriteByte(delim)
						}
						rec = append(rec, v)
						if strings.ContainsAny(v, "\"\n\r,;\t|") || rng.IntN(3) == 0 {
							text.WriteString(`"` + strings.ReplaceAll(v, `"`, `""`) + `"`)
						} else {
							text.WriteString(v)
						}
					}
					text.WriteString(eol)
					want = append(want, rec)
				}
				names := make([]string, cols)
				for i := range names {
					names[i] = fmt.Sprint("c", i)
				}
				if eol != "\r" { // encoding/csv knows no CR alone
					ref := csv.NewReader(bytes.NewReader(text.Bytes()))
					ref.Comma = rune(delim)
					if got, err := ref.ReadAll(); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("the generator is off: %v", err)
					}
				}
				for _, src := range []io.Reader{bytes.NewReader(text.Bytes()), iotest.OneByteReader(bytes.NewReader(text.Bytes()))} {
					got, bad, _, err := read(t, src, Format{Codec: CSV, Delimiter: delim, EOL: eol}, table(names...), Limits{})
					if err != nil {
						t.Fatal(err)
					}
					if strings.Join(bad, "") != "" || fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("eol %q delim %q\n%q\ngot  %q\nwant %q\nbad %q", eol, delim, text.String(), got, want, bad)
					}
				}
			}
		}
	}
}

func TestCSVRows(t *testing.T) {
	lf := Format{Codec: CSV, Delimiter: ',', EOL: "\n"}
	for _, test := range []struct {
		name, in string
		f        Format
		want     string // values, rows parted by |, bad rules in <>
		lines    string
	}{
		{"plain", "a,b\nc,d\n", lf, "[a b]|[c d]", "[1 2]"},
		{"no line end", "a,b\nc,d", lf, "[a b]|[c d]", "[1 2]"},
		{"blank lines", "a,b\n\n\nc,d\n\n", lf, "[a b]|[c d]", "[1 4]"},
		{"newline in quotes", "a,\"x\ny\"\nc,d\n", lf, "[a x\ny]|[c d]", "[1 3]"},
		{"doubled quotes", "a,\"say \"\"hi\"\"\"\n", lf, `[a say "hi"]`, "[1]"},
		{"quote inside is a character", "a,5\" pipe\n", lf, `[a 5" pipe]`, "[1]"},
		{"text behind a quote", "a,\"b\"c\nd,e\n", lf, "<csv-quote>|[d e]", "[1 2]"},
		{"open quote", "a,b\nc,\"d\n", lf, "[a b]|<csv-quote>", "[1 2]"},
		{"too few", "a\nb,c\n", lf, "<columns>|[b c]", "[1 2]"},
		{"too many", "a,b,c\nb,c\n", lf, "<columns>|[b c]", "[1 2]"},
		{"crlf at the end of text", "a,b\r", Format{Codec: CSV, Delimiter: ',', EOL: "\r\n"}, "[a b]", "[1]"},
		{"crlf quoted last", "a,\"b\"\r\nc,d\r\n", lf, "[a b]|[c d]", "[1 2]"},
		{"cr alone", "a,b\rc,d\r", Format{Codec: CSV, Delimiter: ',', EOL: "\r"}, "[a b]|[c d]", "[1 2]"},
		{"header", "x,y\na,b\n", Format{Codec: CSV, Delimiter: ',', EOL: "\n", Header: true}, "[a b]", "[2]"},
		{"header only", "x,y\n", Format{Codec: CSV, Delimiter: ',', EOL: "\n", Header: true}, "", "[]"},
		{"utf8", "a,b\n\xff,b\nc,d\n", lf, "[a b]|<utf8>|[c d]", "[1 2 3]"},
		{"nul", "a,b\n\x00,b\nc,d\n", lf, "[a b]|<nul>|[c d]", "[1 2 3]"},
		{"empty and null", ",\"\"\n", lf, "[ ]", "[1]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in))} {
				values, bad, lines, err := read(t, src, test.f, table("x", "y"), Limits{})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for i := range values {
					if bad[i] != "" {
						got = append(got, "<"+bad[i]+">")
						continue
					}
					got = append(got, fmt.Sprint(values[i]))
				}
				if s := strings.Join(got, "|"); s != test.want {
					t.Errorf("got %q, want %q", s, test.want)
				}
				if s := fmt.Sprint(lines); s != test.lines {
					t.Errorf("lines %s, want %s", s, test.lines)
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	lf := Format{Codec: CSV, Delimiter: ',', EOL: "\n"}
	long := strings.Repeat("x", 10_000)
	for _, test := range []struct {
		name string
		in   string
		f    Format
		lim  Limits
		code string
		rows int
	}{
		{"row", "a,b\n" + long + ",b\n", lf, Limits{Row: 5000}, "row-too-long", 1},
		{"row over the buffer", "a,b\n" + strings.Repeat(long, 100) + ",b\n", lf, Limits{Row: 5000}, "row-too-long", 1},
		{"open quote", "a,b\n\"" + strings.Repeat(long, 100), lf, Limits{Row: 5000}, "row-too-long", 1},
		{"columns", "a,b\n" + strings.Repeat(",", 200) + "\n", lf, Limits{Columns: 100}, "too-many-columns", 1},
		{"json row", "{}\n{\"id\":" + strings.Repeat("1", 9000) + "}\n", Format{Codec: NDJSON}, Limits{Row: 5000}, "row-too-long", 1},
		{"array row", "[{},{\"id\":" + strings.Repeat("1", 9000) + "}]", Format{Codec: JSON}, Limits{Row: 5000}, "row-too-long", 1},
		{"array open", "[{},{\"id\":1", Format{Codec: JSON}, Limits{}, "json-array", 2},
		{"array tail", "[{}]]", Format{Codec: JSON}, Limits{}, "json-array", 1},
		{"array comma", "[{} {}]", Format{Codec: JSON}, Limits{}, "json-array", 1},
		{"array dangling", "[{},]", Format{Codec: JSON}, Limits{}, "json-array", 1},
		{"no array", "{}", Format{Codec: JSON}, Limits{}, "json-array", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := table("x", "y")
			if test.f.Codec != CSV {
				s = person()
			}
			values, _, _, err := read(t, strings.NewReader(test.in), test.f, s, test.lim)
			if fault.CodeOf(err) != test.code || fault.KindOf(err) != fault.Invalid {
				t.Fatalf("got %v, want %s", err, test.code)
			}
			if len(values) != test.rows {
				t.Errorf("%d rows before it, want %d", len(values), test.rows)
			}
		})
	}
}

func TestJSONRows(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	for _, test := range []struct{ name, in, bad string }{
		{"whole", `{"id":1,"name":{"family":"A","given":["x","y"]},"tags":[{"k":"a","v":"b"}],"extra":{"any":[1,2]}}`, ""},
		{"white space", " { \"id\" : 1 } ", ""},
		{"null members", `{"id":null,"name":null,"tags":null,"extra":null}`, ""},
		{"escapes", `{"extra":"\u00e9\n\ud83d\ude00"}`, ""},
		{"unknown member", `{"id":1,"oops":2}`, BadMember},
		{"unknown inside", `{"name":{"oops":2}}`, BadMember},
		{"escaped name", `{"\u0069d":1}`, ""},
		{"twice", `{"id":1,"id":2}`, BadDuplicate},
		{"twice escaped", `{"id":1,"\u0069d":2}`, BadDuplicate},
		{"twice in opaque", `{"extra":{"a":1,"\u0061":2}}`, BadDuplicate},
		{"array row", `[1]`, BadObject},
		{"text row", `"x"`, BadObject},
		{"depth", `{"extra":` + deep + `}`, BadDepth},
		{"members", `{"extra":{` + strings.Repeat(`"a":1,`, 5000) + `"b":1}}`, BadMembers},
		{"cut", `{"id":1`, BadJSON},
		{"tail", `{"id":1} x`, BadJSON},
		{"leading zero", `{"id":01}`, BadJSON},
		{"single quotes", `{'id':1}`, BadJSON},
		{"comma", `{"id":1,}`, BadJSON},
		{"control", "{\"extra\":\"a\tb\"}", BadJSON},
		{"nul", "{\"extra\":\"a\x00b\"}", BadNUL},
		{"nul escaped", `{"extra":"\u0000"}`, BadNUL},
		{"half a pair", `{"extra":"\ud83d"}`, BadUTF8},
		{"utf8", "{\"extra\":\"\xff\"}", BadUTF8},
		{"NaN", `{"id":NaN}`, BadJSON},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := "{\"id\":1}\n\n" + test.in + "\n{\"id\":2}"
			_, bad, _, err := read(t, strings.NewReader(in), Format{Codec: NDJSON}, person(), Limits{})
			if err != nil || len(bad) != 3 || bad[0] != "" || bad[1] != test.bad || bad[2] != "" {
				t.Fatalf("got %q, %v; want %q", bad, err, test.bad)
			}
			in = "[{\"id\":1},\n" + test.in + "\n,{\"id\":2}]"
			_, bad, _, err = read(t, iotest.OneByteReader(strings.NewReader(in)), Format{Codec: JSON}, person(), Limits{})
			if test.name == "cut" || test.name == "tail" || test.name == "array row" {
				return // the array itself is broken, or the item stands for itself
			}
			if err != nil || len(bad) != 3 || bad[1] != test.bad {
				t.Fatalf("array: got %q, %v; want %q", bad, err, test.bad)
			}
		})
	}
}

func TestJSONNodes(t *testing.T) {
	r, err := NewReader(strings.NewReader(`{"name":{"given":["x"]},"id":7}`), Format{Codec: NDJSON}, person(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range b.Nodes {
		n := &b.Nodes[i]
		got = append(got, fmt.Sprintf("%s=%s>%d", r.(*ndjsonReader).w.s.Fields[n.Field].Path, b.Raw(n), n.Next))
	}
	want := `[={"name":{"given":["x"]},"id":7}>8 name={"given":["x"]}>5 name.given=["x"]>4 name.given[]="x">4 name.family=>5 id=7>6 tags=>7 extra=>8]`
	if fmt.Sprint(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// project renders every row of in.
func project(t testing.TB, in string, f Format, s *Schema, rules []Rule) string {
	t.Helper()
	r, err := NewReader(strings.NewReader(in), f, s, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p := NewProjection(s, f, rules)
	out := p.AppendHead(nil)
	first := true
	for {
		b, err := r.Next()
		if err == io.EOF {
			return string(p.AppendTail(out))
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows {
			if b.Rows[i].Bad != "" {
				t.Fatalf("row %d is bad: %s", i, b.Rows[i].Bad)
			}
			out = AppendBefore(out, p.Format(), first)
			first = false
			out = p.AppendRow(out, b, i)
		}
	}
}

func star(dst, v []byte) ([]byte, bool) { return append(dst, "***"...), true }

func TestProjectionCSV(t *testing.T) {
	s := table("a", "b", "c", "d")
	f := Format{Codec: CSV, Delimiter: ',', EOL: "\n", Header: true}
	quoted := func(dst, v []byte) ([]byte, bool) { return append(append(dst, v...), ",x"...), true }
	in := "a,b,c,d\n1,\"x,y\",3,4\n5,,7,\"8\"\"\"\n"
	for _, test := range []struct {
		name  string
		rules []Rule
		want  string
	}{
		{"keep all", []Rule{{}, {Op: Keep}, {Op: Keep}, {Op: Keep}, {Op: Keep}}, in},
		{"drop first", []Rule{{}, {}, {Op: Keep}, {Op: Keep}, {Op: Keep}}, "b,c,d\n\"x,y\",3,4\n,7,\"8\"\"\"\n"},
		{"drop middle and last", []Rule{{}, {Op: Keep}, {}, {Op: Keep}, {}}, "a,c\n1,3\n5,7\n"},
		{"replace", []Rule{{}, {Op: Replace, Append: star}, {Op: Replace, Append: star}, {Op: Keep}, {Op: Replace, Append: quoted}}, "a,b,c,d\n***,***,3,\"4,x\"\n***,,7,\"8\"\",x\"\n"},
		{"replace nulls", []Rule{{}, {}, {Op: Replace, Append: star, Nulls: true}, {}, {}}, "b\n***\n***\n"},
		{"nullify", []Rule{{}, {Op: Nullify}, {Op: Keep}, {Op: Nullify}, {Op: Nullify}}, "a,b,c,d\n,\"x,y\",,\n,,,\n"},
		{"cannot", []Rule{{}, {Op: Keep}, {Op: Replace, Append: func(dst, v []byte) ([]byte, bool) { return append(dst, v...), false }}, {}, {}}, "a,b\n1,\n5,\n"},
		{"one column", []Rule{{}, {}, {Op: Keep}, {}, {}}, "b\n\"x,y\"\n\"\"\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := project(t, in, f, s, test.rules); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			crlf := f
			crlf.EOL = "\r\n"
			if got := project(t, strings.ReplaceAll(in, "\n", "\r\n"), crlf, s, test.rules); got != strings.ReplaceAll(test.want, "\n", "\r\n") {
				t.Errorf("crlf: got\n%q", got)
			}
		})
	}
}

func TestProjectionJSON(t *testing.T) {
	s := person()
	keep := func(except map[string]Rule) []Rule {
		rules := make([]Rule, len(s.Fields))
		for i := range rules {
			rules[i] = Rule{Op: Keep}
			if s.Fields[i].Type == Object || s.Fields[i].Type == Array {
				rules[i].Op = Descend
			}
			if r, ok := except[s.Fields[i].Path]; ok {
				rules[i] = r
			}
		}
		return rules
	}
	in := `{"id": 1, "name": {"family":"A", "given":["x", "y"]}, "tags":[{"k":"a","v":"b"},{"v":"c"}], "extra": {"any":[1, 2]}}` + "\n"
	for _, test := range []struct {
		name   string
		except map[string]Rule
		want   string
	}{
		{"keep all", nil, in},
		{"drop first", map[string]Rule{"id": {}}, `{"name": {"family":"A", "given":["x", "y"]}, "tags":[{"k":"a","v":"b"},{"v":"c"}], "extra": {"any":[1, 2]}}` + "\n"},
		{"drop last", map[string]Rule{"extra": {}}, `{"id": 1, "name": {"family":"A", "given":["x", "y"]}, "tags":[{"k":"a","v":"b"},{"v":"c"}]}` + "\n"},
		{"drop two in the middle", map[string]Rule{"name": {}, "tags": {}}, `{"id": 1, "extra": {"any":[1, 2]}}` + "\n"},
		{"drop all but one", map[string]Rule{"id": {}, "name": {}, "extra": {}}, `{"tags":[{"k":"a","v":"b"},{"v":"c"}]}` + "\n"},
		{"drop everything", map[string]Rule{"id": {}, "name": {}, "extra": {}, "tags": {}}, "{}\n"},
		{"drop inside", map[string]Rule{"tags[].k": {}, "name.given": {}}, `{"id": 1, "name": {"family":"A"}, "tags":[{"v":"b"},{"v":"c"}], "extra": {"any":[1, 2]}}` + "\n"},
		{"drop all inside", map[string]Rule{"tags[].k": {}, "tags[].v": {}}, `{"id": 1, "name": {"family":"A", "given":["x", "y"]}, "tags":[{},{}], "extra": {"any":[1, 2]}}` + "\n"},
		{"drop items", map[string]Rule{"name.given[]": {}}, `{"id": 1, "name": {"family":"A", "given":[]}, "tags":[{"k":"a","v":"b"},{"v":"c"}], "extra": {"any":[1, 2]}}` + "\n"},
		{"replace", map[string]Rule{"id": {Op: Replace, Append: star, Out: String}, "name.given[]": {Op: Replace, Append: star, Out: String}},
			`{"id": "***", "name": {"family":"A", "given":["***", "***"]}, "tags":[{"k":"a","v":"b"},{"v":"c"}], "extra": {"any":[1, 2]}}` + "\n"},
		{"replace and drop", map[string]Rule{"id": {}, "name.family": {Op: Nullify}, "tags[].v": {Op: Replace, Append: star, Out: String}, "tags[].k": {}},
			`{"name": {"family":null, "given":["x", "y"]}, "tags":[{"v":"***"},{"v":"***"}], "extra": {"any":[1, 2]}}` + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := keep(test.except)
			if got := project(t, in, Format{Codec: NDJSON}, s, rules); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			got := project(t, "["+strings.TrimSpace(in)+","+in+"]", Format{Codec: JSON}, s, rules)
			var rows []any
			if err := json.Unmarshal([]byte(got), &rows); err != nil || len(rows) != 2 {
				t.Errorf("array: %v\n%s", err, got)
			}
		})
	}
}

func FuzzMark(f *testing.F) {
	f.Add([]byte("a,b\n\"c\",\"d\"\r\n"), byte(','))
	f.Add(bytes.Repeat([]byte(",\x2d\x2b\xac"), 1500), byte(','))
	f.Add(bytes.Repeat([]byte("\x00\x80\x7f\xff"), 16), byte(';'))
	f.Fuzz(func(t *testing.T, data []byte, delim byte) {
		data = append(data[:min(len(data), block)], bytes.Repeat([]byte{'x'}, 64)...)
		n := min(len(data)/64, block/64)
		var got, portable, want [block / 64]marks
		var seenWant byte
		for i, c := range data[:64*n] {
			if c == delim || c == '\n' {
				want[i/64].ends |= 1 << (i % 64)
			}
			if c == '"' {
				want[i/64].quotes |= 1 << (i % 64)
			}
			if c >= 0x80 {
				seenWant |= seenHigh
			}
			if c == 0 {
				seenWant |= seenNUL
			}
		}
		if seen := mark(&got, data, n, delim, '\n'); got != want || seen != seenWant {
			t.Fatalf("the processor marks %x and sees %d, want %x and %d", got[:n], seen, want[:n], seenWant)
		}
		if seen := markGeneric(&portable, data, n, delim, '\n'); portable != want || seen != seenWant {
			t.Fatalf("the portable marks are %x, seen %d, want %x and %d", portable[:n], seen, want[:n], seenWant)
		}
		var ends [block / 64]uint64
		var at []uint32
		for i, m := range want {
			ends[i] = m.ends
		}
		for i, c := range data[:64*n] {
			if c == delim || c == '\n' {
				at = append(at, uint32(100+i))
			}
		}
		for _, f := range []func(*[block + 8]uint32, []uint64, int) int{flatten, flattenGeneric} {
			var found [block + 8]uint32
			if count := f(&found, ends[:n], 100); fmt.Sprint(found[:count]) != fmt.Sprint(at) {
				t.Fatalf("the ends are at %v, want %v", found[:count], at)
			}
		}
	})
}

// readByByte is what the splitter answers, written as it is defined.
func readByByte(in string, delim, eol byte, columns int) (values [][]string, bad []string, lines []int64) {
	line := int64(1)
	for at := 0; at < len(in); {
		first, why, empty := line, "", true
		var row []string
		for last := false; !last; at++ { // a field and what ends it
			start := at
			var value []byte
			quoted, closed := at < len(in) && in[at] == '"', false
			if quoted {
				for at++; at < len(in) && !closed; at++ {
					switch {
					case in[at] == '"' && at+1 < len(in) && in[at+1] == '"':
						value = append(value, '"')
						at++
					case in[at] == '"':
						closed = true
					default:
						if in[at] == eol {
							line++
						}
						value = append(value, in[at])
					}
				}
			}
			behind := at
			for at < len(in) && in[at] != delim && in[at] != eol {
				at++
			}
			last = at == len(in) || in[at] == eol
			rest := in[behind:at]
			if last && eol == '\n' {
				rest = strings.TrimSuffix(rest, "\r")
			}
			if quoted && (!closed || rest != "") {
				why = BadQuote
			}
			if !quoted {
				value = []byte(rest)
			}
			empty = empty && start == behind && rest == "" && last && row == nil
			row = append(row, string(value))
		}
		line++
		if empty {
			continue
		}
		if why == "" && len(row) != columns {
			why = BadColumns
		}
		if why != "" {
			row = nil
		}
		values, bad, lines = append(values, row), append(bad, why), append(lines, first)
	}
	return values, bad, lines
}

func FuzzCSV(f *testing.F) {
	f.Add("a,b\n\"c\"\"\n\",d\r\n", byte(','), byte(0))
	f.Add("a;b\r\xff;\x00\r", byte(';'), byte(2))
	f.Add("\"a\" ,b\n,,,\n\n", byte('\t'), byte(1))
	f.Fuzz(func(t *testing.T, in string, delim, eol byte) {
		if delim == '"' || delim == '\n' || delim == '\r' {
			return
		}
		format := Format{Codec: CSV, Delimiter: delim, EOL: []string{"\n", "\r\n", "\r"}[eol%3]}
		lim := Limits{Row: 1 << 10, Columns: 64}
		values, bad, lines, err := read(t, strings.NewReader(in), format, table("x", "y"), lim)
		values2, bad2, lines2, err2 := read(t, iotest.OneByteReader(strings.NewReader(in)), format, table("x", "y"), lim)
		if fmt.Sprint(values, bad, lines) != fmt.Sprint(values2, bad2, lines2) || fault.CodeOf(err) != fault.CodeOf(err2) {
			t.Fatalf("how it is read matters:\n%q %q %v %v\n%q %q %v %v", values, bad, lines, err, values2, bad2, lines2, err2)
		}
		if err != nil || !utf8.ValidString(in) || strings.Contains(in, "\x00") {
			return
		}
		eolByte := byte('\n')
		if format.EOL == "\r" {
			eolByte = '\r'
		}
		values3, bad3, lines3 := readByByte(in, delim, eolByte, 2)
		if fmt.Sprintf("%q%q%v", values, bad, lines) != fmt.Sprintf("%q%q%v", values3, bad3, lines3) {
			t.Fatalf("%q is read as\n%q %q %v\nnot as\n%q %q %v", in, values, bad, lines, values3, bad3, lines3)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"id":1,"name":{"family":"A","given":["x","y"]},"tags":[{"k":"a","v":"b"}],"extra":{"any":[1,2]}}`)
	f.Add(`{"extra":"\ud83d\ude00","id":-0.1e+3}`)
	f.Add("{}\n[1]\n\"x\"\n{\"id\"")
	f.Fuzz(func(t *testing.T, in string) {
		s := person()
		r, err := NewReader(strings.NewReader(in), Format{Codec: NDJSON}, s, Limits{Row: 1 << 16})
		if err != nil {
			t.Fatal(err)
		}
		rules := make([]Rule, len(s.Fields))
		for i := range rules {
			rules[i] = Rule{Op: Keep}
		}
		rules[0].Op, rules[2].Op, rules[6].Op, rules[7].Op, rules[8].Op = Descend, Descend, Descend, Descend, Drop
		p := NewProjection(s, Format{Codec: NDJSON}, rules)
		for {
			b, err := r.Next()
			if err != nil {
				return
			}
			for i, row := range b.Rows {
				text := b.Data[row.Start:row.End]
				valid := json.Valid(text)
				if row.Bad == "" && !valid {
					t.Fatalf("passed, but it is not JSON: %q", text)
				}
				if row.Bad == BadJSON && valid {
					t.Fatalf("refused, but it is JSON: %q", text)
				}
				if row.Bad == "" {
					if out := p.AppendRow(nil, b, i); !json.Valid(out) {
						t.Fatalf("projected to what is not JSON: %q -> %q", text, out)
					}
				}
			}
		}
	})
}

func payments(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "0190b3a4-5c6d-7e8f-9a0b-%012x,2026-03-%02dT10:11:12Z,Ann Example,ann.example%d@example.com,123-45-%04d,4111111111111111,DE89370400440532013000,%d.%02d,EUR,Corner Shop,DE,\"paid, with thanks\nsee note %d\"\n", i, i%28+1, i, i%10000, i%5000, i%100, i)
	}
	return b.Bytes()
}

func BenchmarkCSV(b *testing.B) {
	data := payments(16 << 20)
	s := table("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r, _ := NewReader(bytes.NewReader(data), Format{Codec: CSV, Delimiter: ',', EOL: "\n"}, s, Limits{})
		for {
			batch, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil || batch.Rows[0].Bad != "" {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkNewlines(b *testing.B) {
	data := payments(16 << 20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		bytes.Count(data, []byte{'\n'})
	}
}

// TestCSVByByte holds the splitter to its definition on texts that are made of
// what matters to it.
func TestCSVByByte(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 5_000 {
		alphabet := []string{"a", ",", "\n", "\r", `"`, `""`, `","`, "bcdefgh", "\r\n"}
		eol := []string{"\n", "\r\n", "\r"}[n%3]
		var in strings.Builder
		for range r.IntN(120) {
			in.WriteString(alphabet[r.IntN(len(alphabet)-n%5)])
		}
		values, bad, lines, err := read(t, strings.NewReader(in.String()), Format{Codec: CSV, Delimiter: ',', EOL: eol}, table("x", "y"), Limits{Columns: 200})
		if err != nil {
			t.Fatal(err)
		}
		wantValues, wantBad, wantLines := readByByte(in.String(), ',', eol[len(eol)-1], 2)
		if got, want := fmt.Sprintf("%q%q%v", values, bad, lines), fmt.Sprintf("%q%q%v", wantValues, wantBad, wantLines); got != want {
			t.Fatalf("%q is read as\n%s\nnot as\n%s", in.String(), got, want)
		}
	}
}

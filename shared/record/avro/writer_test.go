package avro

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	hamba "github.com/hamba/avro/v2"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

var ndjson = record.Format{Codec: record.NDJSON}

// The table of docs/formats.md: which type of Avro a field is written as.
func TestSchema(t *testing.T) {
	for _, c := range []struct{ field, want string }{
		{"string", `"string"`}, {"string byte", `"string"`}, {"boolean", `"boolean"`}, {"opaque", `"string"`}, {"array", `"string"`},
		{"integer", `"long"`}, {"integer i8", `"int"`}, {"integer i16", `"int"`}, {"integer i32", `"int"`}, {"integer u8", `"int"`}, {"integer u16", `"int"`},
		{"integer u32", `"long"`}, {"integer i64", `"long"`}, {"integer u64", `{"type":"bytes","logicalType":"decimal","precision":20,"scale":0}`},
		{"integer i128", `{"type":"bytes","logicalType":"decimal","precision":39,"scale":0}`}, {"integer u128", `{"type":"bytes","logicalType":"decimal","precision":39,"scale":0}`},
		{"number", `"double"`}, {"number f64", `"double"`}, {"number f32", `"float"`},
		{"number decimal(10,2)", `{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}`},
		{"number decimal(2,10)", `"double"`}, {"number decimal(x,2)", `"double"`},
		{"date", `{"type":"int","logicalType":"date"}`}, {"date text", `"string"`},
		{"timestamp", `{"type":"long","logicalType":"timestamp-micros"}`}, {"timestamp local", `{"type":"long","logicalType":"local-timestamp-micros"}`}, {"timestamp text", `"string"`},
		{"time", `{"type":"long","logicalType":"time-micros"}`}, {"time text", `"string"`},
	} {
		got := Schema(schemaOf(t, "v "+c.field))
		if want := `{"type":"record","name":"orders","fields":[{"name":"v","type":["null",` + c.want + `],"default":null}]}`; got != want {
			t.Errorf("%s:\n%s\nwant\n%s", c.field, got, want)
		}
		if _, err := hamba.Parse(got); err != nil {
			t.Errorf("%s: %v", c.field, err)
		}
	}
	nested := Schema(schemaOf(t, "a-b object", "a-b.x string", "a_b object", "a_b.x string", "l array", "l[] object", "l[].1st string", "é string"))
	const want = `{"type":"record","name":"orders","fields":[` +
		`{"name":"a_b_2","sallyport.name":"a-b","type":["null",{"type":"record","name":"orders_a_b","fields":[{"name":"x","type":["null","string"],"default":null}]}],"default":null},` +
		`{"name":"a_b","type":["null",{"type":"record","name":"orders_a_b_2","fields":[{"name":"x","type":["null","string"],"default":null}]}],"default":null},` +
		`{"name":"l","type":["null",{"type":"array","items":["null",{"type":"record","name":"orders_l_item","fields":[{"name":"_1st","sallyport.name":"1st","type":["null","string"],"default":null}]}]}],"default":null},` +
		`{"name":"_","sallyport.name":"é","type":["null","string"],"default":null}]}`
	if nested != want {
		t.Errorf("%s\nwant\n%s", nested, want)
	}
	if _, err := hamba.Parse(nested); err != nil {
		t.Error(err)
	}
}

var all = []string{"s string", "a-b string", "by string byte", "b boolean", "i integer", "i8 integer i8", "u64 integer u64", "i128 integer i128", "d number", "f number f32",
	"dec number decimal(20,3)", "day date", "own date text", "ts timestamp", "lts timestamp local", "tm time", "o opaque", "raw array",
	"rec object", "rec.x string", "rec.deep object", "rec.deep.n integer", "list array", "list[] object", "list[].k string", "list[].v array", "list[].v[] number"}

const allRow = `{"s":"a \"ä\" \n","a-b":"","by":"AP8=","b":true,"i":-9223372036854775808,"i8":-128,"u64":18446744073709551615,"i128":-170141183460469231731687303715884105728,` +
	`"d":0.1,"f":0.25,"dec":-12345678901234567.891,"day":"2024-02-29","own":"29.02.2024","ts":"2026-01-31T12:34:56.789001Z","lts":"1926-01-31T12:34:56","tm":"23:59:59.999999",` +
	`"o":{"any":[1,{"x":null}]},"raw":[1,"a"],"rec":{"x":"y","deep":{"n":0}},"list":[{"k":"a","v":[1,null,2.5]},null,{"k":null,"v":[]}]}`

// Rows go to Avro and come back as they were; hamba/avro decodes what was written.
func TestWriteEveryType(t *testing.T) {
	s := schemaOf(t, all...)
	data, err := convert(t, s, ndjson, strings.Repeat(allRow+"\n", 500)+"{}\n")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := read(data, s, record.Limits{}, record.Expansion{})
	if err != nil || len(rows) != 501 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows[:500] {
		if row != allRow {
			t.Fatalf("row %d:\n%s\nwant\n%s", i+1, row, allRow)
		}
	}
	if strings.Count(rows[500], "null") != len(s.Columns()) {
		t.Errorf("an empty row came back as %s", rows[500])
	}
	again, err := convert(t, s, ndjson, strings.Repeat(allRow+"\n", 500)+"{}\n")
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("the same rows made other bytes, %v", err)
	}
	schema, err := hamba.Parse(Schema(s))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, rest := range unpackAll(t, data) {
		d := hamba.NewDecoderForSchema(schema, bytes.NewReader(rest))
		for {
			var row map[string]any
			if err := d.Decode(&row); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if n++; n <= 500 && (fmt.Sprint(row["i"]) != "map[long:-9223372036854775808]" && fmt.Sprint(row["i"]) != "-9223372036854775808" || row["s"] == nil) {
				t.Fatalf("hamba reads i as %v", row["i"])
			}
		}
	}
	if n != 501 {
		t.Errorf("hamba reads %d rows", n)
	}
}

// unpackAll answers the blocks of a file that a Writer made, by the specification
// and the standard library alone.
func unpackAll(t *testing.T, data []byte) (blocks [][]byte) {
	t.Helper()
	at := bytes.Index(data, []byte("]}\x00")) + 3
	sync := data[at : at+16]
	for rest := data[at+16:]; len(rest) > 0; {
		_, n := varint(rest)
		size, m := varint(rest[n:])
		rest = rest[n+m:]
		b, err := io.ReadAll(flate.NewReader(bytes.NewReader(rest[:size])))
		if err != nil || len(b) > blockSize+(4<<20) {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		blocks = append(blocks, b)
		if !bytes.Equal(rest[size:size+16], sync) {
			t.Fatal("no sync marker")
		}
		rest = rest[size+16:]
	}
	return blocks
}

// CSV goes to Avro with its types, and typed rows go to Avro as they are.
func TestWriteOtherFormats(t *testing.T) {
	s := schemaOf(t, "s string", "i integer", "d number", "b boolean", "day date", "ts timestamp", "o opaque", "dec number decimal(5,2)")
	data, err := convert(t, s, record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"},
		"\"a\"\"b\",007,1.50,true,2024-02-29,2024-02-29 10:00:00+02:00,\"{\"\"x\"\":1}\",1e1\n,,,,,,,\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"s":"a\"b","i":7,"d":1.5,"b":true,"day":"2024-02-29","ts":"2024-02-29T08:00:00Z","o":{"x":1},"dec":10.00}`,
		`{"s":null,"i":null,"d":null,"b":null,"day":null,"ts":null,"o":null,"dec":null}`}
	rows, err := read(data, s, record.Limits{}, record.Expansion{})
	if err != nil || fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Fatalf("%q, %v", rows, err)
	}
	r, err := NewReader(bytes.NewReader(data), record.Expect{Schema: s}, record.Limits{}, record.Expansion{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Rows {
		if err := w.Append(b, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), data) {
		t.Error("typed rows make another file")
	}
}

// What a type of Avro cannot hold is a fault with row and path, never a value.
func TestLossy(t *testing.T) {
	for _, c := range []struct {
		field, value string
		ok           bool
	}{
		{"integer", `9223372036854775807`, true}, {"integer", `9223372036854775808`, false}, {"integer", `1.0`, true}, {"integer", `1e3`, true},
		{"integer", `1.5`, false}, {"integer", `1e400`, false}, {"integer", `1e99999999`, false}, {"integer", `"1"`, false}, {"integer", `true`, false},
		{"integer i8", `2147483648`, false}, {"integer u64", `18446744073709551616`, true}, {"integer u64", `123456789012345678901`, false},
		{"number", `0.1`, true}, {"number", `0.10`, true}, {"number", `12345678901234.678`, true}, {"number", `123456789012345.678`, false}, {"number", `0.12345678901234567890123`, false}, {"number", `9007199254740993`, false},
		{"number", `9007199254740992`, true}, {"number", `1180591620717411303424`, true}, {"number", `1e309`, false}, {"number", `1e-400`, false}, {"number", `5e-324`, true},
		{"number f32", `0.1`, true}, {"number f32", `0.10000000149011612`, true}, {"number f32", `0.123456789`, false}, {"number f32", `16777217`, false}, {"number f32", `1e39`, false},
		{"number decimal(5,2)", `999.99`, true}, {"number decimal(5,2)", `-999.990`, true}, {"number decimal(5,2)", `1000`, false}, {"number decimal(5,2)", `0.001`, false}, {"number decimal(5,2)", `1e2`, true},
		{"date", `"2024-02-29"`, true}, {"date", `"2023-02-29"`, false}, {"date", `"2024-02-29T00:00:00Z"`, false}, {"date", `"29.02.2024"`, false}, {"date", `7`, false},
		{"timestamp", `"2024-02-29T10:00:00.123456Z"`, true}, {"timestamp", `"2024-02-29T10:00:00.1234567Z"`, false}, {"timestamp", `"2024-02-29T10:00:00.123456000Z"`, true},
		{"timestamp", `"2024-02-29 10:00"`, true}, {"timestamp", `"2024-02-29T24:00:00Z"`, false}, {"timestamp", `"2024-02-29"`, false},
		{"timestamp local", `"2024-02-29T10:00:00"`, true}, {"timestamp local", `"2024-02-29T10:00:00Z"`, false},
		{"time", `"10:00:00"`, true}, {"time", `"10:00:00Z"`, false}, {"time", `"10:00:60"`, false}, {"time", `"10:00:00.1234567"`, false},
		{"boolean", `"true"`, false}, {"boolean", `1`, false}, {"string", `1`, false}, {"string", `{}`, false}, {"array", `[1]`, true}, {"opaque", `"x"`, true},
	} {
		s := schemaOf(t, "v "+c.field)
		_, err := convert(t, s, ndjson, "{}\n{\"v\":"+c.value+"}\n")
		if c.ok {
			if err != nil {
				t.Errorf("%s %s: %v", c.field, c.value, err)
			}
			continue
		}
		var f *fault.Error
		if code(t, err) != "lossy" || !errors.As(err, &f) || f.Where.Row != 2 || f.Where.Path != "v" || len(c.value) > 6 && strings.Contains(err.Error(), strings.Trim(c.value, `"`)) {
			t.Errorf("%s %s: %v", c.field, c.value, err)
		}
	}
}

// A row that is refused leaves nothing behind, and the rows around it are written.
func TestWriterGoesOn(t *testing.T) {
	s := schemaOf(t, "s string", "i integer")
	r, err := record.NewReader(strings.NewReader(`{"s":"a","i":1}`+"\n"+`{"s":"b","i":1.5}`+"\n"+`{"s":"c","i":3}`), ndjson, s, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Rows {
		if err := w.Append(b, i); (err != nil) != (i == 1) {
			t.Errorf("row %d: %v", i+1, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := read(out.Bytes(), s, record.Limits{}, record.Expansion{})
	if want := `[{"s":"a","i":1} {"s":"c","i":3}]`; err != nil || fmt.Sprint(rows) != want {
		t.Errorf("%v, %v", rows, err)
	}
}

type brokenWriter struct{ left int }

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

// An error of the destination is answered as it is, and stays.
func TestDestinationFails(t *testing.T) {
	s := schemaOf(t, "s string")
	r, err := record.NewReader(strings.NewReader(`{"s":"a"}`), ndjson, s, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(&brokenWriter{left: 1000}, s)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = w.Append(b, 0)
	}
	if err != errBroken || w.Append(b, 0) != errBroken || w.Close() != errBroken {
		t.Error(err)
	}
}

// Rows of any values go from NDJSON to Avro and back unchanged.
func TestRoundTripProperty(t *testing.T) {
	s := schemaOf(t, "s string", "i integer", "d number", "dec number decimal(18,4)", "ts timestamp", "o opaque", "rec object", "rec.x string", "rec.l array", "rec.l[] integer")
	rnd := rand.New(rand.NewPCG(1, 2))
	maybe := func(v string) string {
		if rnd.IntN(5) == 0 {
			return "null"
		}
		return v
	}
	var rows []string
	for range 3000 {
		text := make([]rune, rnd.IntN(20))
		for i := range text {
			text[i] = rune(1 + rnd.IntN(0x2000))
		}
		list := make([]string, rnd.IntN(4))
		for i := range list {
			list[i] = maybe(fmt.Sprint(rnd.IntN(1000)))
		}
		double := record.AppendTyped(nil, record.TypedFloat, record.AppendFloat(nil, rnd.NormFloat64()*float64(rnd.Int64())))
		rows = append(rows, fmt.Sprintf(`{"s":%s,"i":%s,"d":%s,"dec":%s,"ts":%s,"o":%s,"rec":%s}`, maybe(string(record.AppendJSONString(nil, []byte(string(text))))),
			maybe(fmt.Sprint(int64(rnd.Uint64()))), maybe(string(double)), maybe(fmt.Sprintf("%d.%04d", rnd.IntN(1e9), rnd.IntN(1e4))),
			maybe(fmt.Sprintf(`"%04d-%02d-%02dT%02d:%02d:%02d.%05d1Z"`, 1+rnd.IntN(9999), 1+rnd.IntN(12), 1+rnd.IntN(28), rnd.IntN(24), rnd.IntN(60), rnd.IntN(60), rnd.IntN(1e5))),
			maybe(fmt.Sprintf(`{"k":[%d]}`, rnd.IntN(9))), maybe(fmt.Sprintf(`{"x":"y","l":[%s]}`, strings.Join(list, ",")))))
	}
	data, err := convert(t, s, ndjson, strings.Join(rows, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(data, s, record.Limits{}, record.Expansion{})
	if err != nil || len(got) != len(rows) {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	for i := range rows {
		if got[i] != rows[i] {
			t.Fatalf("row %d:\n%s\nwant\n%s", i+1, got[i], rows[i])
		}
	}
}

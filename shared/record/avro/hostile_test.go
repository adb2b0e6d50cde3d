package avro

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

func long1(v int64) string { return string(appendVarint(nil, v)) }

// Every file that is not right is refused by name, and with bounded work.
func TestHostileFiles(t *testing.T) {
	s := schemaOf(t, "s string", "a array", "a[] string", "o opaque", "d number", "t boolean")
	str := recordOf(`{"name":"s","type":"string"}`)
	nulls := recordOf(`{"name":"a","type":{"type":"array","items":"null"}}`)
	good := file(str, "null", block{1, "\x02a"})
	const bombRows = 8 << 20 / 1002
	bomb := strings.Repeat(long1(1000)+strings.Repeat("a", 1000), bombRows)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"good", good, ""},
		{"no block", file(str, "null"), ""},
		{"empty", nil, "avro-truncated"},
		{"no magic", []byte("PAR1PAR1"), "avro-magic"},
		{"half a header", good[:20], "avro-truncated"},
		{"half a block", good[:len(good)-18], "avro-truncated"},
		{"half a marker", good[:len(good)-1], "avro-truncated"},
		{"another marker", append(good[:len(good)-1:len(good)-1], 'X'), "avro-sync"},
		{"rubbish behind", append(good[:len(good):len(good)], "\x02"...), "avro-truncated"},
		{"no schema", append(appendVarint([]byte(Magic), 0), marker...), "avro-schema"},
		{"header without an end", []byte(Magic + long1(math.MaxInt64)), "avro-corrupt"},
		{"header of -2^63 entries", []byte(Magic + long1(math.MinInt64) + "\x02"), "avro-corrupt"},
		{"header of a huge value", []byte(Magic + "\x02" + long1(1<<40)), "avro-corrupt"},
		{"header of a negative length", []byte(Magic + "\x02" + long1(-5)), "avro-corrupt"},
		{"number without an end", []byte(Magic + strings.Repeat("\xff", 11)), "avro-corrupt"},
		{"xz", file(str, "xz"), "avro-codec"},
		{"lzma", file(str, strings.Repeat("l", 1000)), "avro-codec"},
		{"negative rows", file(str, "null", block{-1, "\x02a"}), "avro-corrupt"},
		{"more rows than bytes", file(str, "null", block{math.MaxInt64, "\x02a"}), "avro-corrupt"},
		{"fewer rows than bytes", file(str, "null", block{1, "\x02a\x02b"}), "avro-corrupt"},
		{"no rows but bytes", file(str, "null", block{0, "\x02a"}), "avro-corrupt"},
		{"rows of no bytes", file(recordOf(`{"name":"s","type":"null"}`), "null", block{1 << 62, ""}), "avro-corrupt"},
		{"block of 1 TiB", append(file(str, "null"), long1(1)+long1(1<<40)...), "avro-block"},
		{"block of negative size", append(file(str, "null"), long1(1)+long1(-1)...), "avro-corrupt"},
		{"string longer than its block", file(str, "null", block{1, long1(1 << 30)}), "avro-corrupt"},
		{"string of negative length", file(str, "null", block{1, long1(-1)}), "avro-corrupt"},
		{"2^62 nulls", file(nulls, "null", block{1, long1(1<<62) + "\x00"}), "row-too-long"},
		{"2^62 nulls in a counted block", file(nulls, "null", block{1, long1(-1<<62) + "\x00\x00"}), "row-too-long"},
		{"-2^63 nulls", file(nulls, "null", block{1, long1(math.MinInt64) + "\x00\x00"}), "avro-corrupt"},
		{"2^62 nulls that nobody describes", file(recordOf(`{"name":"o","type":{"type":"array","items":"null"}}`), "null", block{1, long1(1<<62) + "\x00"}), "row-too-long"},
		{"more items than bytes", file(recordOf(`{"name":"a","type":{"type":"array","items":"string"}}`), "null", block{1, long1(1<<40) + "\x02a\x00"}), "avro-corrupt"},
		{"counted block too long", file(nulls, "null", block{1, long1(-1) + long1(99) + "\x00"}), "avro-corrupt"},
		{"row too long", file(str, "null", block{1, long1(6<<20) + strings.Repeat("a", 6<<20)}), "row-too-long"},
		{"union without such a type", file(recordOf(`{"name":"s","type":["null","string"]}`), "null", block{1, "\x04"}), "avro-corrupt"},
		{"enum without such a symbol", file(recordOf(`{"name":"s","type":{"type":"enum","name":"e","symbols":["A"]}}`), "null", block{1, "\x02"}), "avro-corrupt"},
		{"boolean 2", file(recordOf(`{"name":"t","type":"boolean"}`), "null", block{1, "\x02"}), "avro-corrupt"},
		{"int of 64 bits", file(recordOf(`{"name":"d","type":"int"}`), "null", block{1, long1(1 << 40)}), "avro-corrupt"},
		{"half a double", file(recordOf(`{"name":"d","type":"double"}`), "null", block{1, "\x00\x00\x00\x00\x00\x00\x00\x00"[:7]}), "avro-corrupt"},
		{"decimal of many digits", file(recordOf(`{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9}}`), "null", block{1, long1(500) + strings.Repeat("\x7f", 500)}), "avro-corrupt"},
		{"big-decimal of no scale", file(recordOf(`{"name":"d","type":{"type":"bytes","logicalType":"big-decimal"}}`), "null", block{1, "\x04\x02\x01"}), "avro-corrupt"},
		{"big-decimal of a huge scale", file(recordOf(`{"name":"d","type":{"type":"bytes","logicalType":"big-decimal"}}`), "null", block{1, "\x0c\x02\x01\xfe\xff\xff\x0f"}), "avro-corrupt"},
		{"deflate of rubbish", file(str, "deflate", block{1, "\xff\xff\xff"}), "avro-corrupt"},
		{"deflate cut short", file(str, "deflate", block{1, pack(t, "deflate", []byte("\x0ahello"))[:3]}), "avro-corrupt"},
		{"snappy of rubbish", file(str, "snappy", block{1, "\x05rubbish"}), "avro-corrupt"},
		{"snappy without a sum", file(str, "snappy", block{1, "\x05"}), "avro-corrupt"},
		{"snappy of another sum", file(str, "snappy", block{1, pack(t, "snappy", []byte("\x02a"))[:4] + "\x00\x00\x00\x00"}), "avro-corrupt"},
		{"snappy of 4 GiB", file(str, "snappy", block{1, "\xff\xff\xff\xff\x0f\x00\x00\x00\x00"}), "avro-block"},
		{"zstandard of rubbish", file(str, "zstandard", block{1, "rubbish"}), "avro-corrupt"},
		{"bzip2 of rubbish", file(str, "bzip2", block{1, "BZrubbish"}), "avro-corrupt"},
		{"deflate bomb in a block", file(str, "deflate", block{1, pack(t, "deflate", make([]byte, maxBlock+1))}), "avro-block"},
		{"zstandard bomb in a block", file(str, "zstandard", block{1, pack(t, "zstandard", make([]byte, maxBlock+1))}), "avro-block"},
		{"deflate bomb", file(str, "deflate", block{bombRows, pack(t, "deflate", []byte(bomb))}), "avro-bomb"},
		{"zstandard bomb", file(str, "zstandard", block{bombRows, pack(t, "zstandard", []byte(bomb))}), "avro-bomb"},
		{"too large", file(str, "null", block{bombRows, bomb}, block{bombRows, bomb}), "too-large-unpacked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := read(c.data, s, record.Limits{}, record.Expansion{Size: 12 << 20, Ratio: 100})
			if got := code(t, err); got != c.want {
				t.Errorf("after %d rows: %v; want %s", len(rows), err, c.want)
			}
		})
	}
}

// Schemas that are none, or more than one can take, are refused by name.
func TestHostileSchemas(t *testing.T) {
	var circle, wide strings.Builder
	for i := range 30 { // each holds the one before twice: 2^30 fields
		if i > 0 {
			circle.WriteString(`,`)
		}
		name := "r" + strings.Repeat("x", i)
		inner := `"int"`
		if i > 0 {
			inner = `"r` + strings.Repeat("x", i-1) + `"`
		}
		circle.WriteString(`{"name":"f` + name + `","type":{"type":"record","name":"` + name + `","fields":[{"name":"a","type":` + inner + `},{"name":"b","type":` + inner + `}]}}`)
	}
	for range 300_000 {
		wide.WriteString(`,"int"`)
	}
	names := func(last string) string {
		return `{"name":"o","type":{"type":"record","name":"in","fields":[` + circle.String() + last + `]}}`
	}
	s := schemaOf(t, "s string", "o opaque")
	for _, c := range []struct{ name, schema, want string }{
		{"rubbish", "rubbish", "avro-schema"},
		{"empty", "", "avro-schema"},
		{"number", "1", "avro-schema"},
		{"null in a type", recordOf(`{"name":"s","type":null}`), "avro-schema"},
		{"no such type", recordOf(`{"name":"s","type":"sting"}`), "avro-schema"},
		{"field without a name", recordOf(`{"type":"string"}`), "avro-schema"},
		{"field twice", recordOf(`{"name":"s","type":"string"},{"name":"s","type":"string"}`), "avro-schema"},
		{"field twice by its own name", recordOf(`{"name":"a_b","type":"string"},{"name":"a_b_2","type":"string","sallyport.name":"a_b"}`), "avro-schema"},
		{"no fields", `{"type":"record","name":"r"}`, "avro-schema"},
		{"record without a name", `{"type":"record","fields":[]}`, "avro-schema"},
		{"type twice", recordOf(`{"name":"s","type":{"type":"fixed","name":"r","size":1}}`), "avro-schema"},
		{"enum of nothing", recordOf(`{"name":"s","type":{"type":"enum","name":"e","symbols":[]}}`), "avro-schema"},
		{"fixed of no size", recordOf(`{"name":"s","type":{"type":"fixed","name":"f","size":-1}}`), "avro-schema"},
		{"union of nothing", recordOf(`{"name":"s","type":[]}`), "avro-schema"},
		{"union in a union", recordOf(`{"name":"s","type":["null",["string"]]}`), "avro-schema"},
		{"decimal of 10^9 digits", recordOf(`{"name":"s","type":{"type":"bytes","logicalType":"decimal","precision":1000000000}}`), "avro-schema"},
		{"large", recordOf(`{"name":"s","type":"string","doc":"` + strings.Repeat("x", maxSchema) + `"}`), "avro-schema"},
		{"deep", strings.Repeat(`{"type":`, 100_000), "avro-schema"},
		{"many types", recordOf(`{"name":"s","type":["null"` + wide.String()[:900_000] + `]}`), "drift"},
		{"2^30 fields", recordOf(names("")), "avro-schema"},
		{"circle", recordOf(`{"name":"o","type":["null","r"]}`), "drift"},
		{"circle that nobody describes", recordOf(`{"name":"o","type":{"type":"record","name":"n","fields":[{"name":"next","type":["null","n"]}]}}`), "drift"},
		{"rows are no records", `"string"`, "drift"},
		{"rows are of a union", `["null",` + recordOf(`{"name":"s","type":"string"}`) + `]`, "drift"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(file(c.schema, "null"), s, record.Limits{}, record.Expansion{})
			if got := code(t, err); got != c.want {
				t.Errorf("%.300v; want %s", err, c.want)
			}
			if err != nil && len(err.Error()) > 4000 {
				t.Errorf("%d bytes of fault", len(err.Error()))
			}
		})
	}
}

// What differs from the contract is named before a row is read.
func TestDrift(t *testing.T) {
	s := schemaOf(t, "id integer", "price number", "at timestamp", "day date", "ok boolean", "name object", "name.family string", "tags array", "tags[] string", "more opaque")
	id := `{"name":"id","type":"long"}`
	for _, c := range []struct{ fields, want string }{
		{id, ""},
		{id + `,{"name":"more","type":{"type":"map","values":"int"}}`, ""},
		{`{"name":"id","type":"string"}`, `column of another type: "id" is string, the contract has an integer`},
		{`{"name":"id","type":["null","long","string"]}`, `column of another type: "id" is string, the contract has an integer`},
		{`{"name":"id","type":"double"}`, `column of another type: "id" is double, the contract has an integer`},
		{`{"name":"id","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}`, `column of another type: "id" is decimal(9,2), the contract has an integer`},
		{id + `,{"name":"prise","type":"double"}`, `column renamed: "prise", probably "price"`},
		{id + `,{"name":"colour","type":"double"}`, `column too many: "colour"`},
		{id + `,{"name":"name","type":{"type":"record","name":"n","fields":[{"name":"given","type":"string"}]}}`, `column too many: "name.given"`},
		{id + `,{"name":"name","type":{"type":"map","values":"string"}}`, `column of another type: "name" is map, the contract has an object`},
		{id + `,{"name":"tags","type":"string"}`, `column of another type: "tags" is string, the contract has an array`},
		{id + `,{"name":"tags","type":{"type":"array","items":["null","int"]}}`, `column of another type: "tags[]" is int, the contract has a string`},
		{id + `,{"name":"day","type":{"type":"long","logicalType":"timestamp-millis"}}`, `column of another type: "day" is timestamp-millis, the contract has a date`},
		{id + `,{"name":"at","type":"long"}`, `column of another type: "at" is long, the contract has a timestamp`},
		{id + `,{"name":"more","type":{"type":"fixed","name":"d","size":12,"logicalType":"duration"}}`, `column of another type: "more" is duration, the contract has an object`},
		{id + `,{"name":"name","type":["null","r"]}`, `column too many: "name.id"; column too many: "name.name"`},
		{id + `,{"name":"more","type":["null","r"]}`, `column without an end: "more", for the record "r" holds itself`},
		{``, `no column of the contract is in it`},
	} {
		_, err := NewReader(bytes.NewReader(file(recordOf(c.fields), "null")), record.Expect{Schema: s, Near: yamldoc.Nearest}, record.Limits{}, record.Expansion{})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.fields, err)
			}
			continue
		}
		if code(t, err) != "drift" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n%v\nwant\n%s", c.fields, err, c.want)
		}
	}
}

// Errors of the source are not the file's fault, wherever they come.
func TestSourceFails(t *testing.T) {
	data := file(recordOf(`{"name":"s","type":"string"}`), "null", block{1, "\x02a"}, block{1, "\x02b"})
	broken := errors.New("broken")
	for n := range data {
		r, err := NewReader(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken)), record.Expect{Schema: schemaOf(t, "s string")}, record.Limits{}, record.Expansion{})
		for err == nil {
			_, err = r.Next()
		}
		if err != broken {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

// A file that is read a byte at a time is read the same.
func TestReadByteByByte(t *testing.T) {
	data := file(recordOf(`{"name":"s","type":"string"}`), "null", block{1, "\x02a"}, block{1, "\x02b"})
	r, err := NewReader(iotest.OneByteReader(bytes.NewReader(data)), record.Expect{Schema: schemaOf(t, "s string")}, record.Limits{}, record.Expansion{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next()
	if err != nil || len(b.Rows) != 2 {
		t.Fatalf("%v, %v", b, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("%v after the last", err)
	}
}

// No bytes make the reader do anything but answer rows or a fault of kind Invalid.
func FuzzReader(f *testing.F) {
	s := schemaOf(f, append(everyFields, "o opaque")...)
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard", "bzip2"} {
		f.Add(recordOf(`{"name":"s","type":["null","string"]},{"name":"ar","type":{"type":"array","items":"int"}}`), codec, int64(1), pack(f, codec, []byte("\x02\x02a\x02\x02\x00")), []byte(nil))
	}
	f.Add(recordOf(every), "null", int64(1), "\x00", []byte(nil))
	f.Add("", "", int64(0), "", file(recordOf(`{"name":"s","type":"string"}`), "null", block{1, "\x02a"}))
	f.Fuzz(func(t *testing.T, schema, codec string, rows int64, data string, whole []byte) {
		if schema != "" {
			whole = file(schema, codec, block{rows, data}, block{rows, data})
		}
		r, err := NewReader(bytes.NewReader(whole), record.Expect{Schema: s}, record.Limits{Row: 1 << 16}, record.Expansion{Size: 1 << 20, Ratio: 100})
		var text []byte
		for err == nil {
			var b *record.Batch
			if b, err = r.Next(); err != nil {
				break
			}
			for i := range b.Rows {
				row := &b.Rows[i]
				if row.End < row.Start || int(row.End) > len(b.Data) || row.First >= row.Past || b.Nodes[row.First].Next != row.Past {
					t.Fatal("a row is not what it should be")
				}
				text = append(render(text[:0], s, b, row.First), '\n')
				if row.Bad != "" {
					continue
				}
				back, err := record.NewReader(bytes.NewReader(text), record.Format{Codec: record.NDJSON}, s, record.Limits{Row: 1 << 24})
				if err != nil {
					t.Fatal(err)
				}
				if again, err := back.Next(); err != nil || again.Rows[0].Bad != "" && !opaque(s, b, row) {
					t.Fatalf("a row is not JSON: %v, %q", err, text)
				}
			}
		}
		if err != io.EOF {
			if got := code(t, err); strings.HasPrefix(got, "no fault") {
				t.Fatal(got)
			}
		}
	})
}

// opaque tells whether a row has a value that need not be JSON yet: text where
// JSON is due, which the contract's checks refuse, or a number that JSON lacks.
func opaque(s *record.Schema, b *record.Batch, row *record.Row) bool {
	for _, n := range b.Nodes[row.First:row.Past] {
		if f := &s.Fields[n.Field]; n.Kind == record.TypedString && (f.Type == record.Opaque || f.Type == record.Array) {
			return true
		}
		if n.Kind == record.TypedFloat {
			if v := record.FloatOf(b.Raw(&n)); math.IsNaN(v) || math.IsInf(v, 0) {
				return true
			}
		}
	}
	return false
}

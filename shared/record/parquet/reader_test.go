package parquet

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"

	oracle "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/deprecated"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// fields makes a schema of a tree: "name:type" with members in braces and items
// in brackets, as in "id:integer tags:array[string] who:object{name:string}".
func fields(t testing.TB, text string) *record.Schema {
	t.Helper()
	types := map[string]record.Type{"opaque": record.Opaque, "string": record.String, "integer": record.Integer, "number": record.Number, "boolean": record.Boolean,
		"date": record.Date, "timestamp": record.Timestamp, "time": record.Time, "object": record.Object, "array": record.Array}
	all := []record.Field{{Parent: -1, Type: record.Object, Items: -1}}
	var parse func(parent int, items bool)
	parse = func(parent int, items bool) {
		for {
			text = strings.TrimLeft(text, " ")
			if text == "" || text[0] == '}' || text[0] == ']' {
				return
			}
			f := record.Field{Parent: parent, Items: -1}
			if !items {
				f.Name, text, _ = strings.Cut(text, ":")
			}
			end := strings.IndexAny(text+" ", " {}[]/")
			f.Type, text = types[text[:end]], text[end:]
			if strings.HasPrefix(text, "/") { // a format
				end := strings.IndexAny(text+" ", " {}[]")
				f.Format, text = text[1:end], text[end:]
			}
			f.Path = f.Name
			if items {
				f.Path = all[parent].Path + "[]"
			} else if parent > 0 {
				f.Path = all[parent].Path + "." + f.Name
			}
			id := len(all)
			all = append(all, f)
			if items {
				all[parent].Items = id
			} else {
				all[parent].Members = append(all[parent].Members, id)
			}
			if text != "" && (text[0] == '{' || text[0] == '[') {
				open := text[0]
				text = text[1:]
				parse(id, open == '[')
				text = text[1:]
			}
		}
	}
	parse(0, false)
	return record.NewSchema("test", all)
}

func expect(s *record.Schema) record.Expect { return record.Expect{Schema: s} }

// ndjson reads a file and answers its rows as NDJSON, and what is wrong with each.
func ndjson(data []byte, s *record.Schema, lim record.Limits, max record.Expansion) (text string, bad []string, err error) {
	r, err := NewReader(bytes.NewReader(data), int64(len(data)), expect(s), lim, max)
	if err != nil {
		return "", nil, err
	}
	c := record.NewConverter(s, record.Format{Codec: record.Parquet}, record.Format{Codec: record.NDJSON})
	var dst []byte
	for {
		b, err := r.Next()
		if err == io.EOF {
			return string(dst), bad, nil
		}
		if err != nil {
			return string(dst), bad, err
		}
		for i, row := range b.Rows {
			dst = c.AppendRow(dst, b, i)
			bad = append(bad, row.Bad)
		}
	}
}

func write[T any](t testing.TB, rows []T, options ...oracle.WriterOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w := oracle.NewGenericWriter[T](&out, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type item struct {
	SKU string   `parquet:"sku"`
	Qty *int32   `parquet:"qty,optional"`
	Sub []string `parquet:"sub,list"`
}

type row struct {
	S    string            `parquet:"s"`
	D    string            `parquet:"d,dict"`
	E    string            `parquet:"e,enum"`
	J    string            `parquet:"j,json"`
	U    [16]byte          `parquet:"u,uuid"`
	I8   int8              `parquet:"i8"`
	I16  int16             `parquet:"i16"`
	I32  int32             `parquet:"i32,delta"`
	I64  int64             `parquet:"i64,delta"`
	U32  uint32            `parquet:"u32"`
	U64  uint64            `parquet:"u64"`
	F32  float32           `parquet:"f32,split"`
	F64  float64           `parquet:"f64,split"`
	B    bool              `parquet:"b"`
	D9   int32             `parquet:"d9,decimal(2:9)"`
	D18  int64             `parquet:"d18,decimal(4:18)"`
	Dt   int32             `parquet:"dt,date"`
	Tm   int32             `parquet:"tm,time(millisecond)"`
	Tu   int64             `parquet:"tu,time(microsecond)"`
	TsM  int64             `parquet:"tsm,timestamp(millisecond)"`
	TsU  int64             `parquet:"tsu,timestamp(microsecond)"`
	TsN  int64             `parquet:"tsn,timestamp(nanosecond:local)"`
	T96  deprecated.Int96  `parquet:"t96"`
	By   []byte            `parquet:"by"`
	DL   string            `parquet:"dl,delta"`
	Null *string           `parquet:"null,optional"`
	Set  *string           `parquet:"set,optional"`
	Who  *item             `parquet:"who,optional"`
	List []item            `parquet:"list,list"`
	Rep  []int64           `parquet:"rep"`
	Map  map[string]string `parquet:"map"`
}

const rowSchema = "s:string d:string e:string j:opaque u:string i8:integer i16:integer i32:integer i64:integer u32:integer u64:integer " +
	"f32:number f64:number b:boolean d9:number d18:number dt:date tm:time tu:time tsm:timestamp tsu:timestamp tsn:timestamp t96:timestamp " +
	"by:string/byte dl:string null:string set:string who:object{sku:string qty:integer sub:array[string]} " +
	"list:array[object{sku:string qty:integer sub:array[string]}] rep:array[integer] map:opaque missing:string"

func sample() row {
	q, set := int32(7), "set"
	return row{S: "zwölf \"x\"", D: "dict", E: "NEW", J: `{"a": [1,
2]}`, U: [16]byte{0x12, 0x34, 15: 0xff}, I8: -8, I16: -16, I32: math.MinInt32, I64: math.MaxInt64, U32: math.MaxUint32, U64: math.MaxUint64,
		F32: 1.5, F64: 0.1, B: true, D9: -12345, D18: 5, Dt: 19782, Tm: 3723004, Tu: 1, TsM: -1, TsU: 1709210096123456, TsN: 1,
		T96: deprecated.Int96{0, 0, 2440588}, By: []byte{0, 1, 0xff}, DL: "delta", Set: &set,
		Who: &item{SKU: "a", Qty: &q}, List: []item{{SKU: "b", Sub: []string{"x", "y"}}, {SKU: "c", Qty: &q}}, Rep: []int64{1, 2, 3},
		Map: map[string]string{"k": "v"}}
}

const sampleText = `{"s":"zwölf \"x\"","d":"dict","e":"NEW","j":{"a": [1,2]},"u":"12340000-0000-0000-0000-0000000000ff","i8":-8,"i16":-16,"i32":-2147483648,"i64":9223372036854775807,` +
	`"u32":4294967295,"u64":18446744073709551615,"f32":1.5,"f64":0.1,"b":true,"d9":-123.45,"d18":0.0005,"dt":"2024-02-29","tm":"01:02:03.004","tu":"00:00:00.000001",` +
	`"tsm":"1969-12-31T23:59:59.999Z","tsu":"2024-02-29T12:34:56.123456Z","tsn":"1970-01-01T00:00:00.000000001","t96":"1970-01-01T00:00:00Z","by":"AAH/","dl":"delta",` +
	`"null":null,"set":"set","who":{"sku":"a","qty":7,"sub":[]},"list":[{"sku":"b","qty":null,"sub":["x","y"]},{"sku":"c","qty":7,"sub":[]}],"rep":[1,2,3],"map":{"k":"v"}}` + "\n"

func TestReadTypes(t *testing.T) {
	s := fields(t, rowSchema)
	codecs := map[string]compress.Codec{"plain": &oracle.Uncompressed, "snappy": &oracle.Snappy, "gzip": &oracle.Gzip, "brotli": &oracle.Brotli, "zstd": &oracle.Zstd, "lz4": &oracle.Lz4Raw}
	for name, codec := range codecs {
		for version := 1; version <= 2; version++ {
			for _, size := range []int{1 << 10, 1 << 20} {
				rows := make([]row, 300)
				for i := range rows {
					rows[i] = sample()
				}
				data := write(t, rows, oracle.Compression(codec), oracle.DataPageVersion(version), oracle.PageBufferSize(size), oracle.MaxRowsPerRowGroup(100))
				got, bad, err := ndjson(data, s, record.Limits{}, record.Expansion{})
				if err != nil {
					t.Fatalf("%s, pages V%d of %d: %v", name, version, size, err)
				}
				lines := strings.SplitAfter(got, "\n")
				if len(lines) != 301 || len(bad) != 300 {
					t.Fatalf("%s: %d rows", name, len(bad))
				}
				for i, line := range lines[:300] {
					if line != sampleText || bad[i] != "" {
						t.Fatalf("%s, pages V%d of %d, row %d (%s):\n got %swant %s", name, version, size, i, bad[i], line, sampleText)
					}
				}
			}
		}
	}
}

func TestDrift(t *testing.T) {
	type twoColumns struct {
		A string `parquet:"a"`
		B struct {
			C int64 `parquet:"c"`
		} `parquet:"b"`
	}
	data := write(t, []twoColumns{{A: "x"}})
	near := func(name string, names []string) string {
		for _, n := range names {
			if strings.EqualFold(n, name) {
				return n
			}
		}
		return ""
	}
	for _, test := range []struct{ schema, want string }{
		{"a:string b:object{c:integer}", ""},
		{"A:string b:object{c:integer}", `column renamed: "a", probably "A"`},
		{"a:string", `column too many: "b"`},
		{"a:string b:object{d:integer}", `column too many: "b.c"`},
		{"a:integer b:object{c:integer}", `column of another type: "a" is STRING, the contract has an integer`},
		{"a:string b:string", `column of another type: "b" is a group of columns, the contract has a string`},
		{"a:array[string] b:object{c:string}", `column of another type: "a" is STRING, the contract has an array; column of another type: "b.c" is INT64, the contract has a string`},
	} {
		e := expect(fields(t, test.schema))
		e.Near = near
		_, err := NewReader(bytes.NewReader(data), int64(len(data)), e, record.Limits{}, record.Expansion{})
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.schema, err)
			}
			continue
		}
		if fault.CodeOf(err) != "drift" || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.schema, err, test.want)
		}
	}
}

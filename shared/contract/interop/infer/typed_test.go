package infer_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	hamba "github.com/hamba/avro/v2"
	oracle "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"

	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/contract/interop/infer"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record/avro"
)

func writeParquet[T any](t testing.TB, rows []T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := oracle.NewGenericWriter[T](&out)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type order struct {
	ID      int64            `parquet:"id"`
	Mail    string           `parquet:"mail"`
	Digits  string           `parquet:"digits"` // text that looks like numbers is text
	State   string           `parquet:"state,enum"`
	Key     [16]byte         `parquet:"key,uuid"`
	Small   uint8            `parquet:"small"`
	Count   int32            `parquet:"count"`
	Ratio   float32          `parquet:"ratio"`
	Size    float64          `parquet:"size"`
	Price   int64            `parquet:"price,decimal(2:12)"`
	Paid    *bool            `parquet:"paid,optional"`
	Day     int32            `parquet:"day,date"`
	Time    int64            `parquet:"time,time(microsecond)"`
	At      time.Time        `parquet:"at,timestamp(microsecond)"`
	Local   int64            `parquet:"local,timestamp(millisecond:local)"`
	Old     deprecated.Int96 `parquet:"old"`
	Doc     string           `parquet:"doc,json"`
	Mixed   string           `parquet:"mixed,json"`
	Blob    []byte           `parquet:"blob"`
	Older   []byte           `parquet:"older"` // text, by a writer that names no logical type
	Extra   map[string]int32 `parquet:"extra"`
	Place   *place           `parquet:"place,optional"`
	Lines   []line           `parquet:"lines,list"`
	Never   *string          `parquet:"never,optional"`
	NeverIn *int16           `parquet:"never_int,optional"`
}

type place struct {
	City string `parquet:"city"`
}

type line struct {
	SKU  int64    `parquet:"sku"`
	Tags []string `parquet:"tags,list"`
}

func orders(n int) (rows []order) {
	yes := true
	for i := range n {
		o := order{ID: int64(i), Mail: fmt.Sprintf("p%d@example.org", i), Digits: fmt.Sprint(100 + i), State: "open", Key: [16]byte{15: byte(i)}, Small: 7, Count: -3,
			Ratio: 2, Size: 4, Price: 1250, Day: 20000, Time: 1, At: time.Unix(1700000000, 0), Local: 1, Old: deprecated.Int96{0, 0, 2460000},
			Doc: `{"a":1}`, Mixed: `{"a":1}`, Blob: []byte{0xff, byte(i)}, Older: []byte("text"), Extra: map[string]int32{"a": 1}, Lines: []line{{SKU: 1, Tags: []string{"x"}}, {SKU: 2}}}
		if i%2 == 0 {
			o.Paid, o.Place, o.Mixed = &yes, &place{City: "M"}, `[1]`
		}
		rows = append(rows, o)
	}
	return rows
}

// The types of a Parquet file are the contract's; what no type says, its values do.
func TestParquet(t *testing.T) {
	r, c := from(t, writeParquet(t, orders(30)), infer.Options{})
	for path, want := range map[string]string{
		"id": "integer i64 primaryKey required", "mail": "string email required confidential pii,email", "digits": "string required", "state": "string required", "key": "string uuid unique required",
		"small": "integer u8 required", "count": "integer i32 required", "ratio": "number f32 required", "size": "number f64 required", "price": "number required",
		"paid": "boolean", "day": "date required", "time": "time required", "at": "timestamp timezone=true required", "local": "timestamp timezone=false required", "old": "timestamp timezone=true required",
		"doc": "object required", "mixed": "string required", "blob": "string binary required", "older": "string required", "extra": "object required",
		"place": "object", "place.city": "string required confidential pii,address", "lines": "array required", "lines[]": "object required", "lines[].sku": "integer i64 required", "lines[].tags": "array required", "lines[].tags[]": "string required",
		"never": "string", "never_int": "integer i16",
	} {
		if got := brief(find(c, path)); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if p := find(c, "price"); p.PhysicalType != "decimal(12,2)" {
		t.Errorf("price is %q", p.PhysicalType)
	}
	for path, want := range map[string]string{"extra": "not described", "mixed": "several kinds"} {
		if !slices.ContainsFunc(r.Proposals, func(n interop.Note) bool { return n.Path == path && strings.Contains(n.Text, want) }) {
			t.Errorf("of %s nothing says %q: %v", path, want, r.Proposals)
		}
	}
	if r.Form() != "parquet" || r.Rows != 30 || !r.All {
		t.Errorf("%s, %d rows, all %v", r.Form(), r.Rows, r.All)
	}
}

// Bytes without a logical type are text if all of them can be.
func TestOlderParquet(t *testing.T) {
	type row struct {
		Name []byte `parquet:"name"`
	}
	if _, c := from(t, writeParquet(t, []row{{[]byte("x")}, {[]byte("é")}}), infer.Options{}); c.Schema[0].Properties[0].LogicalTypeOptions.Format != "" {
		t.Errorf("name is %q", brief(c.Schema[0].Properties[0]))
	}
}

func TestFewRowsOfParquet(t *testing.T) {
	r, _ := from(t, writeParquet(t, orders(30)), infer.Options{Rows: 10})
	if r.Rows != 10 || r.All {
		t.Errorf("%d rows, all %v", r.Rows, r.All)
	}
}

// writeAvro writes rows as an object container file with a schema.
func writeAvro(t testing.TB, schema string, rows ...any) []byte {
	t.Helper()
	s, err := hamba.ParseBytesWithCache([]byte(schema), "", &hamba.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	var block []byte
	for _, r := range rows {
		row, err := hamba.Marshal(s, r)
		if err != nil {
			t.Fatal(err)
		}
		block = append(block, row...)
	}
	var sync [16]byte
	out := binary.AppendVarint([]byte(avro.Magic), 1)
	for _, text := range []string{"avro.schema", schema} {
		out = append(binary.AppendVarint(out, int64(len(text))), text...)
	}
	out = append(binary.AppendVarint(out, 0), sync[:]...)
	if len(rows) > 0 {
		out = binary.AppendVarint(binary.AppendVarint(out, int64(len(rows))), int64(len(block)))
		out = append(append(out, block...), sync[:]...)
	}
	return out
}

const avroFields = `{"name":"id","type":"long"},{"name":"mail","type":["null","string"]},{"name":"digits","type":"string"},{"name":"state","type":{"type":"enum","name":"S","symbols":["A","B"]}},
	{"name":"n","type":"int"},{"name":"wide","type":["int","long"]},{"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"yes","type":"boolean"},{"name":"blob","type":"bytes"},
	{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},{"name":"day","type":{"type":"int","logicalType":"date"}},
	{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"local","type":{"type":"long","logicalType":"local-timestamp-millis"}},{"name":"time","type":{"type":"int","logicalType":"time-millis"}},
	{"name":"extra","type":{"type":"map","values":"int"}},{"name":"tags","type":{"type":"array","items":["null","string"]}},{"name":"never","type":"null"},
	{"name":"place","type":["null",{"type":"record","name":"P","fields":[{"name":"city","type":"string"}]}]},{"name":"other","type":["null","P"]}`

func TestAvro(t *testing.T) {
	var rows []any
	for i := range 5 {
		rows = append(rows, map[string]any{"id": int64(i), "mail": fmt.Sprintf("p%d@example.org", i), "digits": fmt.Sprint(i), "state": "A", "n": 1, "wide": int64(1), "f": float32(1), "d": 2.5, "yes": true, "blob": []byte{255},
			"price": big.NewRat(25, 2), "day": time.Unix(0, 0), "at": time.Unix(0, 0), "local": time.Unix(0, 0), "time": time.Second, "extra": map[string]any{"a": 1}, "tags": []any{"x", nil}, "never": nil, "place": map[string]any{"P": map[string]any{"city": "M"}}, "other": nil})
	}
	_, c := from(t, writeAvro(t, `{"type":"record","name":"r","fields":[`+avroFields+`]}`, rows...), infer.Options{})
	for path, want := range map[string]string{
		"id": "integer i64 primaryKey required", "mail": "string email required confidential pii,email", "digits": "string required", "state": "string required", "n": "integer i32 required", "wide": "integer i64 required",
		"f": "number f32 required", "d": "number f64 required", "yes": "boolean required", "blob": "string binary required", "price": "number required", "day": "date required",
		"at": "timestamp timezone=true required", "local": "timestamp timezone=false required", "time": "time required", "extra": "object required", "tags": "array required", "tags[]": "string",
		"never": "string", "place": "object required", "place.city": "string required confidential pii,address", "other": "object", "other.city": "string confidential pii,address",
	} {
		if got := brief(find(c, path)); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

// What no contract can have is refused by name.
func TestTypesOfNoContract(t *testing.T) {
	for _, tt := range []struct{ name, fields, code string }{
		{"a union", `{"name":"u","type":["string","long"]}`, "avro-type"},
		{"a record that holds itself", `{"name":"u","type":["null","r"]}`, "avro-type"},
		{"a duration", `{"name":"u","type":{"type":"fixed","name":"D","size":12,"logicalType":"duration"}}`, "avro-type"},
	} {
		data := writeAvro(t, `{"type":"record","name":"r","fields":[{"name":"id","type":"long"},`+tt.fields+`]}`)
		if _, err := infer.Read(bytes.NewReader(data), infer.Options{}); fault.CodeOf(err) != tt.code || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `"u"`) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

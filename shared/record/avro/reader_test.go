package avro

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	hamba "github.com/hamba/avro/v2"

	"github.com/sallyport-io/sallyport/shared/record"
)

// What hamba/avro encodes is decoded: every type, every codec, several blocks.
func TestReadEveryType(t *testing.T) {
	schema, err := hamba.Parse(recordOf(every))
	if err != nil {
		t.Fatal(err)
	}
	row, err := hamba.Marshal(schema, everyRow())
	if err != nil {
		t.Fatal(err)
	}
	s := schemaOf(t, everyFields...)
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard"} {
		t.Run(codec, func(t *testing.T) {
			var blocks []block
			for _, n := range []int{1, 0, 999, 300} {
				blocks = append(blocks, block{int64(n), pack(t, codec, bytes.Repeat(row, n))})
			}
			got, err := read(file(recordOf(every), codec, blocks...), s, record.Limits{}, record.Expansion{})
			if err != nil || len(got) != 1300 {
				t.Fatalf("%d rows, %v", len(got), err)
			}
			for i, g := range got {
				if g != everyJSON {
					t.Fatalf("row %d:\n%s\nwant\n%s", i+1, g, everyJSON)
				}
			}
		})
	}
}

// Types that hamba/avro does not write, from their bytes.
func TestReadTypes(t *testing.T) {
	for _, c := range []struct {
		name, typ, field, data, want string
	}{
		{"uuid of fixed", `{"type":"fixed","name":"u","size":16,"logicalType":"uuid"}`, "string", "000102030405060708090a0b0c0d0e0f", `"00010203-0405-0607-0809-0a0b0c0d0e0f"`},
		{"timestamp-nanos", `{"type":"long","logicalType":"timestamp-nanos"}`, "timestamp", "01", `"1969-12-31T23:59:59.999999999Z"`},
		{"local-timestamp-nanos", `{"type":"long","logicalType":"local-timestamp-nanos"}`, "timestamp", "02", `"1970-01-01T00:00:00.000000001"`},
		{"big-decimal", `{"type":"bytes","logicalType":"big-decimal"}`, "number", "08" + "04" + "ff85" + "04", `-1.23`},
		{"decimal without digits", `{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, "number", "00", `0.00`},
		{"decimal as integer", `{"type":"bytes","logicalType":"decimal","precision":20}`, "integer", "12" + "00ffffffffffffffff", `18446744073709551615`},
		{"array in counted blocks", `{"type":"array","items":"int"}`, "array", "01" + "02" + "02" + "03" + "04" + "0406" + "00", `[1,2,3]`},
		{"unknown logical type", `{"type":"int","logicalType":"roman"}`, "integer", "08", `4`},
		{"decimal without precision", `{"type":"bytes","logicalType":"decimal"}`, "string byte", "0205", `"BQ=="`},
		{"date too late", `{"type":"int","logicalType":"date"}`, "date", "80a4e803", `4000000`}, // a number where a date is due: the row's fault
		{"time at 24 o'clock", `{"type":"int","logicalType":"time-millis"}`, "time", "80f0b252", `86400000`},
		{"type in a type", `{"type":{"type":"string"}}`, "string", "0261", `"a"`},
		{"JSON in a string", `"string"`, "opaque", "047b7d", `{}`},
		{"record in what is not described", `{"type":"record","name":"q","fields":[{"name":"a","type":"float"},{"name":"b","type":{"type":"int","logicalType":"date"}}]}`, "opaque", "0000003f" + "00", `{"a":0.5,"b":"1970-01-01"}`},
		{"array in what is not described", `{"type":"array","items":"bytes"}`, "array", "02" + "02ff" + "00", `["/w=="]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := []string{"v " + c.field}
			if c.field == "array" && strings.Contains(c.typ, "int") {
				fields = append(fields, "v[] integer")
			}
			data, err := hex.DecodeString(c.data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := read(file(recordOf(`{"name":"v","type":`+c.typ+`}`), "null", block{1, string(data)}), schemaOf(t, fields...), record.Limits{}, record.Expansion{})
			if err != nil || len(got) != 1 || got[0] != `{"v":`+c.want+`}` {
				t.Errorf("%q, %v; want %s", got, err, c.want)
			}
		})
	}
}

// bzip2 is read; its blocks were made by another program.
func TestReadBzip2(t *testing.T) {
	packed, _ := hex.DecodeString(bzipped)
	got, err := read(file(recordOf(`{"name":"s","type":"string"}`), "bzip2", block{2, string(packed)}), schemaOf(t, "s string"), record.Limits{}, record.Expansion{})
	if want := `[{"s":"hello"} {"s":"world"}]`; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v", got, err)
	}
}

// What breaks a rule of form is the row's fault, and the rows around it pass.
func TestBadRows(t *testing.T) {
	s := schemaOf(t, "s string", "m opaque")
	schema := recordOf(`{"name":"s","type":"string"},{"name":"m","type":{"type":"map","values":["double",{"type":"array","items":{"type":"array","items":"int"}}]}}`)
	const good = "\x02a\x00"
	for _, c := range []struct{ row, want string }{
		{"\x02\xff\x00", record.BadUTF8},
		{"\x02\x00\x00", record.BadNUL},
		{"\x02a\x02\x02\xff\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00", record.BadUTF8},
		{"\x02a\x04\x02k\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02k\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", record.BadDuplicate},
		{"\x02a\x02\x02k\x00\x00\x00\x00\x00\x00\x00\xf8\x7f\x00", record.BadJSON}, // NaN
		{"\x02a\x02\x02k\x02\x02\x02\x02\x00\x00\x00", record.BadDepth},
		{"\x02a\x06" + entry("a") + entry("b") + entry("c") + "\x00", record.BadMembers},
	} {
		got, err := read(file(schema, "null", block{3, good + c.row + good}), s, record.Limits{Nesting: 2, Columns: 2}, record.Expansion{})
		if want := []string{`{"s":"a","m":{}}`, "bad: " + c.want, `{"s":"a","m":{}}`}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %q, %v; want %s", c.row, got, err, c.want)
		}
	}
}

func entry(name string) string { return "\x02" + name + "\x00\x00\x00\x00\x00\x00\x00\x00\x00" }

// Names are told as the contract tells them, and renamed fields by their property.
func TestReadNames(t *testing.T) {
	s := schemaOf(t, "amount integer", "first-name string")
	schema := recordOf(`{"name":"AMT","type":"int"},{"name":"first_name","type":"string","sallyport.name":"first-name"}`)
	r, err := NewReader(bytes.NewReader(file(schema, "null", block{1, "\x02\x02a"})), record.Expect{Schema: s, Column: func(name []byte) int {
		if string(name) == "AMT" {
			return 1
		}
		return s.Member(0, name)
	}}, record.Limits{}, record.Expansion{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(render(nil, s, b, 0)); got != `{"amount":1,"first-name":"a"}` {
		t.Error(got)
	}
}

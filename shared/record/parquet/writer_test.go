package parquet

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	oracle "github.com/parquet-go/parquet-go"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// rewrite reads rows in a format and writes them as Parquet.
func rewrite(t testing.TB, s *record.Schema, in record.Format, text string) ([]byte, error) {
	t.Helper()
	r, err := record.NewReader(strings.NewReader(text), in, s, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return rewriteRows(t, s, in, r)
}

func rewriteRows(t testing.TB, s *record.Schema, in record.Format, r record.Reader) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, s, in)
	if err != nil {
		return nil, err
	}
	for {
		b, err := r.Next()
		if err == io.EOF {
			err := w.Close()
			return out.Bytes(), err
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range b.Rows {
			if row.Bad != "" {
				t.Fatalf("row %d is bad: %s", i, row.Bad)
			}
			if err := w.Append(b, i); err != nil {
				return nil, err
			}
		}
	}
}

// TestRoundTrip: what is written is read again, by this package and by another
// library, and nothing has changed.
func TestRoundTrip(t *testing.T) {
	s := fields(t, "s:string i:integer i8:integer/i8 u64:integer/u64 big:integer/i128 n:number f:number/f32 d:number/decimal(20,3) d9:number/decimal(9,2) b:boolean "+
		"dt:date ts:timestamp tl:timestamp/local tm:time dx:date/text o:opaque who:object{name:string tags:array[string]} list:array[object{k:string v:array[integer]}]")
	full := `{"s":"x \"y\"","i":-9223372036854775808,"i8":-128,"u64":18446744073709551615,"big":-170141183460469231731687303715884105728,"n":0.1,"f":1.5,"d":-12345678901234567.891,"d9":1234567.89,"b":true,` +
		`"dt":"1969-12-31","ts":"2024-02-29T12:34:56.123456Z","tl":"2024-02-29T12:34:56","tm":"23:59:59.999999","dx":"31.12.2024","o":{"a":[1,null]},"who":{"name":"n","tags":["a","b"]},"list":[{"k":"a","v":[1,2]},{"k":null,"v":[]},{"k":"c","v":null}]}` + "\n"
	empty := `{"s":null,"i":null,"i8":null,"u64":null,"big":null,"n":null,"f":null,"d":null,"d9":null,"b":null,"dt":null,"ts":null,"tl":null,"tm":null,"dx":null,"o":null,"who":null,"list":null}` + "\n"
	deep := strings.Replace(full, `"list":[`, `"list":[null,`, 1)
	text := strings.Repeat(full+empty+deep+deep+empty+full, 500)
	nd := record.Format{Codec: record.NDJSON}
	data, err := rewrite(t, s, nd, text)
	if err != nil {
		t.Fatal(err)
	}
	same := func(data []byte) {
		t.Helper()
		got, bad, err := ndjson(data, s, record.Limits{}, record.Expansion{})
		if err != nil {
			t.Fatal(err)
		}
		if got != text {
			a, b := strings.Split(got, "\n"), strings.Split(text, "\n")
			for i := range a {
				if i >= len(b) || a[i] != b[i] {
					t.Fatalf("%d rows; row %d:\n got %s\nwant %s", len(bad), i, a[i], b[i])
				}
			}
		}
	}
	same(data)
	f, err := oracle.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	rows := oracle.NewReader(f)
	defer rows.Close()
	count := 0
	for buf := make([]oracle.Row, 64); ; {
		n, err := rows.ReadRows(buf)
		count += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if count != 3000 {
		t.Errorf("another library reads %d rows", count)
	}
	const schema = `message schema {
	optional binary s (STRING);
	optional int64 i (INT(64,true));
	optional int32 i8 (INT(8,true));
	optional int64 u64 (INT(64,false));
	optional fixed_len_byte_array(17) big (DECIMAL(39,0));
	optional double n;
	optional float f;
	optional fixed_len_byte_array(9) d (DECIMAL(20,3));
	optional int32 d9 (DECIMAL(9,2));
	optional boolean b;
	optional int32 dt (DATE);
	optional int64 ts (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	optional int64 tl (TIMESTAMP(isAdjustedToUTC=false,unit=MICROS));
	optional int64 tm (TIME(isAdjustedToUTC=false,unit=MICROS));
	optional binary dx (STRING);
	optional binary o (JSON);
	optional group who {
		optional binary name (STRING);
		optional group tags (LIST) {
			repeated group list {
				optional binary element (STRING);
			}
		}
	}`
	if got := f.Schema().String(); !strings.HasPrefix(got, schema) {
		t.Errorf("another library sees the schema\n%s", got)
	}
	// Typed rows are written as text ones are.
	r, err := NewReader(bytes.NewReader(data), int64(len(data)), expect(s), record.Limits{}, record.Expansion{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := rewriteRows(t, s, record.Format{Codec: record.Parquet}, r)
	if err != nil {
		t.Fatal(err)
	}
	same(again)
}

// TestRowGroups: many values, few and many that differ, in more than one row
// group and with a dictionary that overflows.
func TestRowGroups(t *testing.T) {
	s := fields(t, "few:string many:string n:integer b:boolean")
	random := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for i := range 60000 {
		fmt.Fprintf(&text, `{"few":"%d","many":"%x%x%x","n":%d,"b":%v}`+"\n", random.IntN(50), random.Uint64(), random.Uint64(), random.Uint64(), i, random.IntN(2) == 0)
	}
	for _, pattern := range []string{text.String(), strings.Repeat(text.String(), 8)} {
		data, err := rewrite(t, s, record.Format{Codec: record.NDJSON}, pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := ndjson(data, s, record.Limits{}, record.Expansion{})
		if err != nil || got != pattern {
			t.Fatalf("%d bytes came back of %d: %v", len(got), len(pattern), err)
		}
		f, err := oracle.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if len(pattern) > 20<<20 && len(f.RowGroups()) < 2 {
			t.Errorf("%d bytes in %d row groups", len(data), len(f.RowGroups()))
		}
	}
}

func TestLossy(t *testing.T) {
	for _, test := range []struct{ schema, value, why string }{
		{"x:integer", "9223372036854775808", "out of range"},
		{"x:integer", "1.5", "not an integer"},
		{"x:integer/u8", "256", "out of range"},
		{"x:integer/u8", "-1", "out of range"},
		{"x:integer/i8", "-129", "out of range"},
		{"x:integer/u64", "18446744073709551616", "out of range"},
		{"x:integer", `"1"`, "not of the type"},
		{"x:number", "0.12345678901234567890", "more digits"},
		{"x:number", "1e400", "out of range"},
		{"x:number/f32", "0.123456789", "more digits"},
		{"x:number/decimal(5,2)", "1.234", "more digits"},
		{"x:number/decimal(5,2)", "1000", "more digits"},
		{"x:boolean", `"true"`, "not of the type"},
		{"x:date", `"2024-01-01T00:00:00Z"`, "not a date alone"},
		{"x:timestamp", `"2024-01-01T00:00:00.1234567Z"`, "finer"},
		{"x:timestamp/local", `"2024-01-01T00:00:00Z"`, "has a zone"},
		{"x:time", `"12:00:00.0000001"`, "finer"},
		{"x:string", "1", "not of the type"},
		{"x:object{y:string}", "[1]", "not of the type"},
		{"x:array[integer]", "[1,1.5]", "not an integer"},
	} {
		_, err := rewrite(t, fields(t, "a:string "+test.schema), record.Format{Codec: record.NDJSON}, `{"a":"secret"}`+"\n"+`{"x":`+test.value+"}\n")
		if fault.CodeOf(err) != "lossy" || fault.KindOf(err) != fault.Poison || !strings.Contains(err.Error(), test.why) || !strings.Contains(err.Error(), "row=2") || !strings.Contains(err.Error(), "path=x") {
			t.Errorf("%s %s: %v", test.schema, test.value, err)
		}
		if err != nil && strings.Contains(err.Error(), strings.Trim(test.value, `"`)) && len(test.value) > 3 {
			t.Errorf("%s: the fault holds the value: %v", test.schema, err)
		}
	}
	for _, test := range []struct{ schema, value, want string }{
		{"x:integer", "1e3", "1000"}, {"x:integer", "7.0", "7"}, {"x:number", "1.50", "1.5"}, {"x:number/f32", "0.10000000149011612", "0.10000000149011612"},
		{"x:number/decimal(5,2)", "1e2", "100.00"}, {"x:number", "-0", "-0"}, {"x:timestamp", `"2024-01-01T01:00:00+01:00"`, `"2024-01-01T00:00:00Z"`},
		{"x:timestamp", `"2024-01-01T00:00:00"`, `"2024-01-01T00:00:00Z"`},
	} {
		s := fields(t, test.schema)
		data, err := rewrite(t, s, record.Format{Codec: record.NDJSON}, `{"x":`+test.value+"}\n")
		if err != nil {
			t.Errorf("%s %s: %v", test.schema, test.value, err)
			continue
		}
		if got, _, err := ndjson(data, s, record.Limits{}, record.Expansion{}); err != nil || got != `{"x":`+test.want+"}\n" {
			t.Errorf("%s %s: %s%v", test.schema, test.value, got, err)
		}
	}
}

func TestWriteCSV(t *testing.T) {
	s := fields(t, "a:string n:integer o:opaque")
	data, err := rewrite(t, s, record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}, "x,1,\"q \"\"\"\n,,y\n")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"a":"x","n":1,"o":"q \""}` + "\n" + `{"a":null,"n":null,"o":"y"}` + "\n"
	if got, _, err := ndjson(data, s, record.Limits{}, record.Expansion{}); err != nil || got != want {
		t.Errorf("got %s%v", got, err)
	}
}

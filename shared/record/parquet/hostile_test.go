package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	oracle "github.com/parquet-go/parquet-go"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

func small(t testing.TB) []byte {
	rows := make([]row, 20)
	for i := range rows {
		rows[i] = sample()
	}
	return write(t, rows, oracle.Compression(&oracle.Snappy))
}

func TestHostile(t *testing.T) {
	s := fields(t, rowSchema)
	good := small(t)
	footer := int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	changed := func(at int, with string) []byte {
		data := slices.Clone(good)
		copy(data[at:], with)
		return data
	}
	type wide struct {
		A string `parquet:"a,dict"`
	}
	same := make([]wide, 1<<18)
	for i := range same {
		same[i].A = strings.Repeat("x", 1000)
	}
	bomb := write(t, same)
	bigPage := write(t, []wide{{strings.Repeat("y", maxPage+1)}}, oracle.Compression(&oracle.Zstd), oracle.SkipPageBounds("a"), oracle.SkipPageStatistics("a"))
	long := write(t, []wide{{strings.Repeat("y", 5<<20)}}, oracle.SkipPageBounds("a"), oracle.SkipPageStatistics("a"))
	a := fields(t, "a:string")
	for _, test := range []struct {
		name, code string
		data       []byte
		schema     *record.Schema
	}{
		{"nothing", "parquet-corrupt", nil, s},
		{"cut at its end", "parquet-truncated", good[:len(good)-3], s},
		{"cut in its middle", "parquet-corrupt", append(slices.Clone(good[:len(good)/4]), good[len(good)-footer-8:]...), s},
		{"encrypted", "parquet-encrypted", changed(len(good)-4, "PARE"), s},
		{"footer too long", "parquet-corrupt", changed(len(good)-8, "\xff\xff\xff\x7f"), s},
		{"footer damaged", "parquet-corrupt", changed(len(good)-footer-8, "\xff\xff\xff\xff\xff"), s},
		{"repeats a value", "parquet-bomb", bomb, a},
		{"large page", "parquet-page", bigPage, a},
		{"long row", "row-too-long", long, a},
	} {
		_, _, err := ndjson(test.data, test.schema, record.Limits{}, record.Expansion{Stored: int64(len(test.data)), Size: 1 << 32, Ratio: 200})
		if fault.CodeOf(err) != test.code || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want %s", test.name, err, test.code)
		}
	}
	if _, _, err := ndjson(good, s, record.Limits{}, record.Expansion{Size: 1000}); fault.CodeOf(err) != "too-large-unpacked" {
		t.Errorf("too large: %v", err)
	}
	if _, _, err := ndjson(good, s, record.Limits{Columns: 5}, record.Expansion{}); fault.CodeOf(err) != "parquet-columns" {
		t.Errorf("too many columns: %v", err)
	}
	if _, _, err := ndjson(good, s, record.Limits{Nesting: 2}, record.Expansion{}); err == nil {
		t.Errorf("nested too deep: %v", err)
	}
}

// TestEncrypted: a file whose columns are encrypted under a footer that is not.
func TestEncrypted(t *testing.T) {
	t2 := &thriftWriter{}
	t2.begin()
	t2.i32(1, 1)
	t2.list(2, thriftStruct, 1)
	(&element{typ: typeInt32, repetition: required}).write(t2, "a")
	t2.object(8)
	t2.end()
	t2.end()
	data := append([]byte(magic), t2.data...)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(t2.data)))
	data = append(data, magic...)
	if _, _, err := ndjson(data, fields(t, "a:integer"), record.Limits{}, record.Expansion{}); fault.CodeOf(err) != "parquet-encrypted" {
		t.Error(err)
	}
}

// TestFlips: whatever byte is another one, the file is refused as Invalid or it is
// read; nothing panics.
func TestFlips(t *testing.T) {
	s := fields(t, rowSchema)
	good := small(t)
	random := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 4000 {
		data := slices.Clone(good)
		for range 1 + random.IntN(3) {
			data[random.IntN(len(data))] = byte(random.Uint32())
		}
		_, _, err := ndjson(data, s, record.Limits{}, record.Expansion{Stored: int64(len(data)), Size: 1 << 24, Ratio: 200})
		if err != nil {
			refused++
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v", err)
			}
		}
	}
	if refused < 1000 {
		t.Errorf("only %d of 4000 damaged files are refused", refused)
	}
}

// TestBadValues: values that a type cannot have, and text that is not UTF-8, spoil
// their row alone.
func TestBadValues(t *testing.T) {
	type values struct {
		S  string `parquet:"s"`
		D  int32  `parquet:"d,date"`
		T  int32  `parquet:"t,time(millisecond)"`
		TS int64  `parquet:"ts,timestamp(millisecond)"`
	}
	data := write(t, []values{{S: "\xff"}, {S: "ok"}, {D: math.MaxInt32}, {T: -1}, {T: 86400000}, {TS: math.MaxInt64}, {S: "é"}})
	_, bad, err := ndjson(data, fields(t, "s:string d:date t:time ts:timestamp"), record.Limits{}, record.Expansion{})
	if want := []string{"utf8", "", "typed-value", "typed-value", "typed-value", "typed-value", ""}; err != nil || !slices.Equal(bad, want) {
		t.Errorf("%q, %v", bad, err)
	}
	type split struct {
		S string `parquet:"s"`
		J string `parquet:"j,json"`
	}
	data = write(t, []split{{S: "\xc3", J: "{}"}, {S: "\xa9", J: "[1"}, {S: "é", J: `{"a":1,"a":2}`}, {J: "1"}})
	_, bad, err = ndjson(data, fields(t, "s:string j:opaque"), record.Limits{}, record.Expansion{})
	if want := []string{"utf8", "utf8", "json-duplicate-key", ""}; err != nil || !slices.Equal(bad, want) {
		t.Errorf("%q, %v", bad, err)
	}
	data = write(t, []struct {
		S string `parquet:"s"`
	}{{"\xc3"}, {"\xa9"}})
	if _, bad, err = ndjson(data, fields(t, "s:string"), record.Limits{}, record.Expansion{}); err != nil || !slices.Equal(bad, []string{"utf8", "utf8"}) {
		t.Errorf("a character in two values: %q, %v", bad, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(small(f))
	type wide struct {
		A string `parquet:"a,dict,optional"`
		B int64  `parquet:"b,delta"`
		C string `parquet:"c,delta"`
	}
	for _, version := range []int{1, 2} {
		f.Add(write(f, []wide{{"x", 1, "c"}, {"", 2, "cc"}, {"x", 3, "cd"}}, oracle.DataPageVersion(version), oracle.Compression(&oracle.Uncompressed)))
	}
	f.Add([]byte("PAR1PAR1PAR1"))
	schemas := []*record.Schema{fields(f, rowSchema), fields(f, "a:string b:integer c:string"), fields(f, "a:opaque b:number c:string/byte")}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, s := range schemas {
			text, bad, err := ndjson(data, s, record.Limits{Row: 1 << 16}, record.Expansion{Stored: int64(len(data)), Size: 1 << 22, Ratio: 100})
			if err != nil {
				if fault.KindOf(err) != fault.Invalid {
					t.Fatal(err)
				}
				continue
			}
			// What was read is rows, each a line that the NDJSON reader takes.
			r, err := record.NewReader(bytes.NewReader([]byte(text)), record.Format{Codec: record.NDJSON}, s, record.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for {
				b, err := r.Next()
				if err != nil {
					break
				}
				for i, row := range b.Rows {
					if row.Bad != "" && bad[n+i] == "" {
						t.Fatalf("row %d became one that is not well formed: %s", n+i, row.Bad)
					}
				}
				n += len(b.Rows)
			}
			if n != len(bad) {
				t.Fatalf("%d rows became %d", len(bad), n)
			}
		}
	})
}

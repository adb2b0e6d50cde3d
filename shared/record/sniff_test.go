package record

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// people expects the columns id (digits), name and city.
func people() Expect {
	s := table("id", "name", "city")
	return Expect{Schema: s, Near: yamldoc.Nearest,
		Column: func(name []byte) int { return s.Member(0, bytes.ToLower(name)) },
		Fits: func(field int, value []byte) bool {
			return field != 1 || len(bytes.Trim(value, "0123456789")) == 0
		}}
}

func TestSniff(t *testing.T) {
	rows := func(row string) string { return strings.Repeat(row, 8) }
	for _, test := range []struct {
		name, in string
		change   func(*Expect)
		want     string // format, columns, skip
		drift    string // or what is said
	}{
		{name: "header", in: "id,name,city\n" + rows("1,a,b\n"), want: `csv, ',', header, "\n" [1 2 3] 0`},
		{name: "byte order mark and CR alone", in: "\xef\xbb\xbfid;name;city\r" + rows("1;a;b\r"), want: `csv, ';', header, "\r" [1 2 3] 3`},
		{name: "crlf and tabs", in: "ID\tName\tCity\r\n" + rows("1\ta\tb\r\n"), want: `csv, '\t', header, "\r\n" [1 2 3] 0`},
		{name: "pipes", in: rows("1|a|b\n"), want: `csv, '|', no header, "\n" [] 0`},
		{name: "commas in quotes", in: rows("1;\"a,b,c,d\";x\n"), want: `csv, ';', no header, "\n" [] 0`},
		{name: "another order", in: "city,id,name\n" + rows("b,1,a\n"), want: `csv, ',', header, "\n" [3 1 2] 0`},
		{name: "quoted names", in: "\"id\",\"name\",\"city\"\n1,a,b\n", want: `csv, ',', header, "\n" [1 2 3] 0`},
		{name: "ndjson", in: " \n{\"id\":1}\n", want: "ndjson [] 0"},
		{name: "json", in: "[{\"id\":1}]", want: "json [] 0"},
		{name: "told", in: "1,a,b\n", change: func(e *Expect) { e.Codec, e.Delimiter, e.Header = CSV, ',', HeaderAbsent }, want: `csv, ',', no header, "\n" [] 0`},
		{name: "too many", in: "id,name,city,extra\n1,a,b,c\n", drift: `column too many: "extra"`},
		{name: "too few", in: "id,name\n1,a\n", drift: `column missing: "city"`},
		{name: "renamed", in: "id,nmae,city\n1,a,b\n", drift: `column renamed: "nmae", probably "name"`},
		{name: "twice", in: "id,name,city,id\n1,a,b,1\n", drift: `column twice: "id"`},
		{name: "a value is no name", in: "id,name,city,joe@example.com\n1,a,b,c\n", drift: "column too many: the 4th column"},
		{name: "no header where one is promised", in: rows("1,a,b\n"), change: func(e *Expect) { e.Codec, e.Delimiter, e.Header = CSV, ',', HeaderPresent }, drift: "the contract promises a header"},
		{name: "one more, told by what fits", in: rows("a,1,b,c\n"), drift: "rows have 4 columns, the contract has 3, and there is no header to tell them by name; without the 1st column all fit"},
		{name: "one less", in: rows("1,a\n"), drift: "column too few"},
		{name: "another order without names", in: rows("a,1,b\n"), drift: `columns in another order: in the 1st column no value fits "id"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := people()
			if test.change != nil {
				test.change(&e)
			}
			f, skip, notes, err := Sniff([]byte(test.in), e)
			if test.drift != "" {
				if fault.CodeOf(err) != "drift" || !strings.Contains(err.Error(), test.drift) {
					t.Fatalf("got %v, want %s", err, test.drift)
				}
				if strings.Contains(err.Error(), "joe@") {
					t.Errorf("a value is told: %v", err)
				}
				return
			}
			if got := fmt.Sprintf("%v %v %d", f, f.Columns, skip); err != nil || got != test.want {
				t.Errorf("got %s, %v, want %s (%q)", got, err, test.want, notes)
			}
		})
	}
	for in, code := range map[string]string{"": "empty-drop", " \r\n": "empty-drop", "\xef\xbb\xbf": "empty-drop", "\xff\xfea\x00": "utf16"} {
		if _, _, _, err := Sniff([]byte(in), people()); fault.CodeOf(err) != code {
			t.Errorf("%q: got %v, want %s", in, err, code)
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("id,name,city\n1,a,b\n"))
	f.Add([]byte("\xef\xbb\xbf\"id\";\"na\"\"me\"\r"))
	f.Fuzz(func(t *testing.T, head []byte) {
		e := people()
		format, skip, _, err := Sniff(head, e)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		r, err := NewReader(bytes.NewReader(head[skip:]), format, e.Schema, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		if err != io.EOF && fault.KindOf(err) != fault.Invalid {
			t.Fatalf("reading what was sniffed: %v", err)
		}
	})
}

func TestUnpack(t *testing.T) {
	text := bytes.Repeat([]byte("some text that repeats\n"), 100_000)
	var gz, zst bytes.Buffer
	z := gzip.NewWriter(&gz)
	e, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{z, e} {
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	damaged := bytes.Clone(gz.Bytes())
	damaged[len(damaged)-6] ^= 1 // in its checksum
	big := Expansion{Size: 1 << 30, Ratio: 1 << 20}
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		in   io.Reader
		as   Compression
		max  Expansion
		code string
	}{
		{"plain", bytes.NewReader(text), Plain, big, ""},
		{"gzip", bytes.NewReader(gz.Bytes()), Gzip, big, ""},
		{"zstd", bytes.NewReader(zst.Bytes()), Zstd, big, ""},
		{"two gzip members", io.MultiReader(bytes.NewReader(gz.Bytes()), bytes.NewReader(gz.Bytes())), Gzip, big, ""},
		{"gzip cut", bytes.NewReader(gz.Bytes()[:gz.Len()-9]), Gzip, big, "gzip-truncated"},
		{"gzip header cut", bytes.NewReader(gz.Bytes()[:5]), Gzip, big, "gzip-truncated"},
		{"zstd cut", bytes.NewReader(zst.Bytes()[:zst.Len()-9]), Zstd, big, "zstd-truncated"},
		{"gzip damaged", bytes.NewReader(damaged), Gzip, big, "gzip-corrupt"},
		{"too large", bytes.NewReader(text), Plain, Expansion{Size: 1000, Ratio: 10}, "too-large-unpacked"},
		{"gzip bomb", bytes.NewReader(gz.Bytes()), Gzip, Expansion{Size: 1 << 30, Ratio: 10}, "gzip-bomb"},
		{"zstd bomb", bytes.NewReader(zst.Bytes()), Zstd, Expansion{Size: 1 << 30, Ratio: 10}, "zstd-bomb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := unpack(test.in, test.as, test.max)
			if fault.CodeOf(err) != test.code || err != nil && fault.KindOf(err) != fault.Invalid {
				t.Fatalf("got %v, want %q", err, test.code)
			}
			if err == nil && !bytes.HasPrefix(out, text) {
				t.Errorf("%d bytes came out", len(out))
			}
		})
	}
	// An error of the object itself is the world's.
	if _, err := unpack(io.MultiReader(bytes.NewReader(gz.Bytes()[:20]), failing{broken}), Gzip, big); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	for _, c := range []struct {
		data []byte
		want Compression
	}{{gz.Bytes(), Gzip}, {zst.Bytes(), Zstd}, {text, Plain}, {nil, Plain}} {
		if got := CompressionOf(c.data); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func unpack(in io.Reader, as Compression, max Expansion) ([]byte, error) {
	r, err := Unpack(in, as, max)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestWireFormat(t *testing.T) {
	s := table("a", "b")
	for _, f := range []Format{
		{Codec: CSV, Delimiter: ';', Header: true, EOL: "\r\n", Columns: []int{2, 1}},
		{Codec: NDJSON}, {Codec: JSON},
	} {
		got, err := ParseFormat(WireFormat(f, s), s)
		if err != nil || fmt.Sprint(got, got.Columns) != fmt.Sprint(f, f.Columns) {
			t.Errorf("%v becomes %v, %v", f, got, err)
		}
	}
	bad := WireFormat(Format{Codec: CSV, Delimiter: ',', EOL: "\n"}, s)
	bad.Columns = []string{"c"}
	if _, err := ParseFormat(bad, s); fault.KindOf(err) != fault.Poison {
		t.Errorf("got %v", err)
	}
}

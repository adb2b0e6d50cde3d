package infer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/contract/interop/infer"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
	"github.com/sallyport-io/sallyport/shared/record/parquet"
)

// broken drops the data under a contract as ingest would, and answers what it
// breaks.
func broken(t *testing.T, c *contract.Contract, data []byte) []string {
	t.Helper()
	compiled, err := contract.Compile(c, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := open(data, compiled)
	if err != nil {
		t.Fatal(err)
	}
	v := compiled.NewValidator(contract.ValidatorOptions{})
	var list []string
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		err = v.Check(b, make([]bool, len(b.Rows)), func(x contract.Violation) {
			list = append(list, fmt.Sprintf("row %d %s %s", x.Row, x.Path, x.Rule))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	whole, err := v.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range whole {
		list = append(list, fmt.Sprintf("%s %s", x.Path, x.Rule))
	}
	return list
}

// open reads data in whatever format it is.
func open(data []byte, c *contract.Compiled) (record.Reader, error) {
	switch {
	case bytes.HasPrefix(data, []byte("PAR1")):
		return parquet.NewReader(bytes.NewReader(data), int64(len(data)), c.Expect(), record.Limits{}, record.Expansion{})
	case bytes.HasPrefix(data, []byte(avro.Magic)):
		return avro.NewReader(bytes.NewReader(data), c.Expect(), record.Limits{}, record.Expansion{})
	}
	format, skip, _, err := record.Sniff(data[:min(len(data), record.HeadSize)], c.Expect())
	if err != nil {
		return nil, err
	}
	return record.NewReader(bytes.NewReader(data[skip:]), format, c.Schema, record.Limits{})
}

// from infers a contract and holds it to what every result promises: its YAML is
// read back, and the very data that it comes from breaks nothing.
func from(t *testing.T, data []byte, o infer.Options) (*infer.Result, *contract.Contract) {
	t.Helper()
	o.Source = "sample"
	r, err := infer.Read(bytes.NewReader(data), o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.YAML()
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Parse("sample.odcs.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if r.All && r.Malformed == 0 {
		if list := broken(t, c, data); len(list) > 0 {
			t.Errorf("its own sample breaks %d rules: %s\n%s", len(list), strings.Join(list[:min(len(list), 10)], "; "), text)
		}
	}
	return r, c
}

func find(c *contract.Contract, path string) (found contract.Property) {
	interop.Walk(c.Schema[0].Properties, "", func(at string, p *contract.Property) {
		if at == path {
			found = *p
		}
	})
	return found
}

// brief is a property in a line.
func brief(p contract.Property) string {
	s := p.LogicalType
	if f := p.LogicalTypeOptions.Format; f != "" {
		s += " " + f
	}
	if z := p.LogicalTypeOptions.Timezone; z != nil {
		s += fmt.Sprintf(" timezone=%v", *z)
	}
	for _, e := range []struct {
		name string
		set  bool
	}{{"primaryKey", p.PrimaryKey}, {"unique", p.Unique}, {"required", p.Required}} {
		if e.set {
			s += " " + e.name
		}
	}
	if p.Classification != "" {
		s += " " + p.Classification + " " + strings.Join(p.Tags, ",")
	}
	return s
}

// column is a CSV file of two columns: a counter, and the values.
func column(name string, values ...string) []byte {
	var b strings.Builder
	b.WriteString("row_no," + name + "\n")
	for i, v := range values {
		fmt.Fprintf(&b, "%d,%s\n", i, v)
	}
	return []byte(b.String())
}

func TestColumns(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []string
		want   string
	}{
		{"n", []string{"1", "-2", "3", "3"}, "integer required"},
		{"n", []string{"1", "3000000000", "1"}, "integer i64 required"},
		{"n", []string{"1", "300000000000000000000", "1"}, "integer required"},
		{"n", []string{"1", "", "1"}, "integer"},
		{"n", []string{"1", "2.5", "1"}, "number required"},
		{"plz", []string{"01067", "80331", "80331"}, "string required"},
		{"zip", []string{"01067", "80331", "80331"}, "string required confidential pii,address"},
		{"dial", []string{"+49", "+1", "+1"}, "string required"},
		{"ok", []string{"true", "false", "true"}, "boolean required"},
		{"ok", []string{"yes", "no", "yes"}, "string required"},
		{"d", []string{"2026-01-31", "2026-02-01"}, "date required"},
		{"d", []string{"2026-01-31T10:00:00Z", "2026-02-01T11:00:00+01:00"}, "timestamp timezone=true required"},
		{"d", []string{"2026-01-31 10:00:00", "2026-02-01T11:00:00"}, "timestamp required"},
		{"d", []string{"10:00", "11:30:15"}, "time required"},
		{"d", []string{"31.01.2026", "01.02.2026"}, "date dd.MM.yyyy required"},
		{"d", []string{"31/01/2026", "01/02/2026"}, "date dd/MM/yyyy required"},
		{"d", []string{"01/31/2026", "01/02/2026"}, "date MM/dd/yyyy required"},
		{"d", []string{"01/03/2026", "01/02/2026"}, "string required"},
		{"d", []string{"01/31/2026 10:00", "01/02/2026 11:00"}, "timestamp MM/dd/yyyy HH:mm required"},
		{"booking_date", []string{"20260131", "20260201"}, "date yyyyMMdd required"},
		{"booking", []string{"20260131", "20260201"}, "integer required"},
		{"ref_id", []string{"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf7"}, "string uuid primaryKey required"},
		{"page", []string{"https://example.org/a", "https://example.org/b"}, "string uri required"},
		{"contact", []string{"a@example.org", "b@example.org", "b@example.org"}, "string email required confidential pii,email"},
		{"x", []string{"DE89370400440532013000", "GB82WEST12345698765432", "DE89370400440532013000"}, "string required restricted pii,iban"},
		{"x", []string{"4111111111111111", "5500000000000004", "4111 1111 1111 1111"}, "string required restricted pii,card"},
		{"x", []string{"4111111111111112", "5500000000000005", "5500000000000005"}, "integer i64 required"},
		{"x", []string{"123-45-6789", "234-56-7890", "123-45-6789"}, "string required restricted pii,ssn"},
		{"x", []string{"+49 89 1234567", "+1 (555) 123-4567", "+49 89 1234567"}, "string required confidential pii,phone"},
		{"x", []string{"192.0.2.1", "192.0.2.2", "192.0.2.1"}, "string ipv4 required confidential pii,ip"},
		{"lastName", []string{"a", "b", "b"}, "string required confidential pii,name"},
		{"Date of Birth", []string{"2000-01-31", "2001-02-01"}, "date required confidential pii,birth"},
		{"empty", []string{"", "", ""}, "string"},
		{"quoted", []string{`""`, "1", "2"}, "string required"},
	} {
		t.Run(test.name+" "+test.values[0], func(t *testing.T) {
			_, c := from(t, column(test.name, test.values...), infer.Options{})
			if got := brief(find(c, test.name)); got != test.want {
				t.Errorf("%v is %q, want %q", test.values, got, test.want)
			}
		})
	}
}

// noValues fails if the YAML holds a field of the CSV that is long enough not to
// stand there by chance.
func noValues(t *testing.T, r *infer.Result, data []byte) {
	t.Helper()
	text, err := r.YAML()
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(data), "\n")
	seen := map[string]bool{}
	for _, v := range strings.FieldsFunc(rows, func(r rune) bool { return strings.ContainsRune(",;\t\r\n\"", r) }) {
		if len(v) >= 5 && !seen[v] && bytes.Contains(text, []byte(v)) {
			t.Errorf("%q is in the contract", v)
		}
		seen[v] = true
	}
}

// TestPublicFiles: the contract that a real file gives accepts it.
func TestPublicFiles(t *testing.T) {
	dir := "../../../../../shared/data"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no ../shared/data beside the checkout")
	}
	for name, want := range map[string]map[string]string{
		"Patient.000.ndjson":          {"birthDate": "date required confidential pii,birth", "id": "string uuid primaryKey required", "name[].family": "string required confidential pii,name", "name[].given[]": "string required confidential pii,name"},
		"PurchaseOrderHeader.csv":     {"column1": "integer primaryKey required"},
		"Employee.csv":                {},
		"inventory+0+0001327496.json": {},
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		t.Run(name, func(t *testing.T) {
			r, c := from(t, data, infer.Options{})
			if r.Malformed > 0 || !r.All {
				t.Errorf("%d malformed, all %v", r.Malformed, r.All)
			}
			for path, brieftext := range want {
				if got := brief(find(c, path)); got != brieftext {
					t.Errorf("%s is %q, want %q", path, got, brieftext)
				}
			}
			if r.Format.Codec == record.CSV {
				noValues(t, r, data)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	for _, text := range []string{
		`{"id":"a-1","n":1,"ok":true,"tags":["x"],"at":{"city":"B","zip":"01067"},"big":12345678901234567890}` + "\n" +
			`{"id":"a-2","n":2.5,"ok":null,"tags":[],"at":{"city":"C"},"number":"12","big":1}`,
		`[{"id":"a-1","n":1,"ok":true,"tags":["x"],"at":{"city":"B","zip":"01067"},"big":12345678901234567890},
		  {"id":"a-2","n":2.5,"ok":null,"tags":[],"at":{"city":"C"},"number":"12","big":1}]`,
	} {
		_, c := from(t, []byte(text), infer.Options{})
		for path, want := range map[string]string{
			"id": "string primaryKey required", "n": "number required", "ok": "boolean", "tags": "array required", "tags[]": "string required", "at": "object required",
			"at.city": "string required confidential pii,address", "at.zip": "string confidential pii,address", "number": "string", "big": "integer required",
		} {
			if got := brief(find(c, path)); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
	}
}

func TestForms(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("id,name\n1,a\n2,b\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, data, form string
		header           record.Header
		first            string
		rows, malformed  int64
	}{
		{"semicolons, CRLF", "id;amount\r\n1;2,5\r\n2;3,5\r\n", `csv, delimiter ';', with a header`, 0, "id", 2, 0},
		{"CR alone and a BOM", "\xef\xbb\xbfid\tname\r1\ta\r2\tb\r", `csv, delimiter '\t', with a header`, 0, "id", 2, 0},
		{"quotes and line feeds", "id,note\n1,\"a, \"\"b\"\"\nc\"\n2,x\n", `csv, delimiter ',', with a header`, 0, "id", 2, 0},
		{"no header", "1,2026-01-31\n2,2026-02-01\n", `csv, delimiter ',', without a header`, 0, "column1", 2, 0},
		{"told that there is none", "one,two\nthree,four\n", `csv, delimiter ',', without a header`, record.HeaderAbsent, "column1", 2, 0},
		{"told that there is one", "one,two\nthree,four\n", `csv, delimiter ',', with a header`, record.HeaderPresent, "one", 1, 0},
		{"one column", "id\n1\n2\n", `csv, delimiter ',', with a header`, 0, "id", 2, 0},
		{"gzip", packed.String(), `csv, delimiter ',', with a header`, 0, "id", 2, 0},
		{"short rows", "id,n\n1,2\n3\n4,5\n", `csv, delimiter ',', with a header`, 0, "id", 3, 1},
		{"bad lines", "{\"id\":1}\n{\"id\":\n[1]\n{\"id\":2}\n", `ndjson`, 0, "id", 4, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := infer.Read(strings.NewReader(test.data), infer.Options{Header: test.header})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Contract.Schema[0].Properties[0].Name; r.Form() != test.form || r.Rows != test.rows || r.Malformed != test.malformed || got != test.first {
				t.Errorf("%s, first column %s, %d rows, %d malformed", r.Form(), got, r.Rows, r.Malformed)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "{\"k%d\":1}\n", i)
	}
	for _, test := range []struct{ name, data, code string }{
		{"nothing", "", "empty-drop"},
		{"white space", " \n ", "empty-drop"},
		{"UTF-16", "\xff\xfea\x00", "utf16"},
		{"Parquet", "PAR1\x15\x04", "parquet-corrupt"},
		{"Avro", "Obj\x01\x04\x16avro.schema", "avro-truncated"},
		{"header or not", "John,Smith\nJane,Miller\n", "header-unknown"},
		{"two columns of one name", "id,id\n1,2\n", "header-duplicate"},
		{"names that are data", many.String(), "too-many-columns"},
		{"deep", strings.Repeat(`{"a":`, 63) + "1" + strings.Repeat("}", 63), "too-many-columns"},
		{"deeper", strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000), "no-rows"},
		{"no JSON", "{nothing\n", "no-rows"},
		{"an array that does not end", `[{"a":1},`, "json-syntax"},
		{"long row", `{"a":"` + strings.Repeat("x", 5<<20) + `"}`, "row-too-large"},
		{"long row of an array", `[{"a":"` + strings.Repeat("x", 20<<20) + `"}]`, "row-too-large"},
		{"only a header", "id,name\n", "no-rows"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := infer.Read(strings.NewReader(test.data), infer.Options{})
			if fault.CodeOf(err) != test.code || fault.KindOf(err) != fault.Invalid {
				t.Errorf("want %s, got %v", test.code, err)
			}
			if err != nil && (strings.Contains(err.Error(), "John") || strings.Contains(err.Error(), "xxx")) {
				t.Error("a value is in the error")
			}
		})
	}
}

// TestAnyFile: whatever columns a file has, its contract accepts it.
func TestAnyFile(t *testing.T) {
	pools := [][]string{
		{"1", "2", "-3", "007", ""}, {"1.5", "2", "1e3", ""}, {"true", "false", "TRUE"}, {"2026-01-31", "2026-01-31T10:00:00Z", ""},
		{"31.01.2026", "1.2.2026"}, {"a@example.org", "b"}, {"x", `"a,b"`, `""`, ""}, {"+1", "1"}, {"NaN", "1"}, {"99999999999", "1"}, {"10:00", "25:00"}, {" 1", "1 "},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		var b strings.Builder
		columns := 1 + rng.IntN(5)
		pick := make([][]string, columns)
		for i := range columns {
			pool := pools[rng.IntN(len(pools))]
			pick[i] = pool[:1+rng.IntN(len(pool))]
			fmt.Fprintf(&b, "%scol_%d", []string{"", ","}[min(i, 1)], i)
		}
		b.WriteString(",row_id\n")
		for n := range 1 + rng.IntN(40) {
			for i := range columns {
				b.WriteString(pick[i][rng.IntN(len(pick[i]))] + ",")
			}
			fmt.Fprintf(&b, "%d\n", n)
		}
		from(t, []byte(b.String()), infer.Options{Enums: rng.IntN(2) == 0})
		if t.Failed() {
			t.Logf("%s", b.String())
			return
		}
	}
}

// TestComments: what was guessed stands above its property.
func TestComments(t *testing.T) {
	r, _ := from(t, column("iban", "DE89370400440532013000", "GB82WEST12345698765432"), infer.Options{Head: interop.Head{ID: "accounts", Name: "Accounts"}})
	text, err := r.YAML()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "2 of 2 values look like IBANs") })
	if i < 0 || i+1 >= len(lines) || !strings.Contains(lines[i], "# proposed: ") || !strings.Contains(lines[i+1]+lines[i+2], "name: iban") {
		t.Errorf("the proposal does not stand above its property:\n%s", text)
	}
	if !strings.HasPrefix(string(text), "# Started from") || !strings.Contains(string(text), "id: accounts\n") {
		t.Errorf("the head is missing:\n%s", text)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("id,name\n1,a\n2,\"b\"\"\"\n"))
	f.Add([]byte("{\"a\":[{\"b\":1},{\"b\":\"x\"}]}\n{}\n"))
	f.Add([]byte("[{\"a\":null}, {\"a\":[[1],[]]}]"))
	f.Add(writeParquet(f, orders(2)))
	f.Add(writeAvro(f, `{"type":"record","name":"r","fields":[`+avroFields+`]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := infer.Read(bytes.NewReader(data), infer.Options{Rows: 100})
		if err != nil {
			return
		}
		text, err := r.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := contract.Parse("x", text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	})
}

// TestMixed: what ODCS cannot say is said to be refused, and counted.
func TestMixed(t *testing.T) {
	data := []byte(`{"a":1}` + "\n" + `{"a":"x"}` + "\n" + `{"a":"y"}` + "\n")
	r, err := infer.Read(bytes.NewReader(data), infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := brief(find(r.Contract, "a")); got != "string required" {
		t.Errorf("a is %q", got)
	}
	if !slices.ContainsFunc(r.Proposals, func(n interop.Note) bool { return strings.Contains(n.Text, "1 of 3 will be refused") }) {
		t.Errorf("proposals: %v", r.Proposals)
	}
	if list := broken(t, r.Contract, data); len(list) != 1 {
		t.Errorf("it breaks %v", list)
	}
}

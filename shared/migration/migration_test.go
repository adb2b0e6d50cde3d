package migration

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// document is a version of the contract orders with properties, one a line, and
// more lines of its object.
func document(version, properties, more string) string {
	text := "apiVersion: v3.2.0\nkind: DataContract\nid: orders\nversion: " + version + "\nstatus: active\nschema:\n- name: orders\n"
	if more != "" {
		text += "  " + more + "\n"
	}
	text += "  properties:\n"
	for line := range strings.SplitSeq(strings.TrimSpace(properties), "\n") {
		text += "  - {" + strings.TrimSpace(line) + "}\n"
	}
	return text
}

// versions are two versions of an object and the migration between them.
type versions struct {
	old, next *contract.Compiled
	migration *Migration
}

// compile compiles a migration of steps, one a line, from version 1.0.0 to 2.0.0.
func compile(t testing.TB, old, next, steps string) (versions, error) {
	t.Helper()
	text := "apiVersion: sallyport.io/v1\nkind: Migration\ncontract: orders\nfrom: ^1\nto: ^2\n"
	if steps = strings.TrimSpace(steps); steps != "" {
		text += "steps:\n"
		for line := range strings.SplitSeq(steps, "\n") {
			text += "- " + strings.TrimSpace(line) + "\n"
		}
	}
	b, err := exchange.Load(fstest.MapFS{
		"exchange.yaml":          {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: test\n")},
		"contracts/1.odcs.yaml":  {Data: []byte(old)},
		"contracts/2.odcs.yaml":  {Data: []byte(next)},
		"migrations/orders.yaml": {Data: []byte(text)},
	})
	if err != nil {
		t.Fatal(err)
	}
	doc := b.Migrations()[0]
	from, to, object := doc.Ends()
	var v versions
	if v.old, err = contract.Compile(from.Doc, object); err != nil {
		t.Fatal(err)
	}
	if v.next, err = contract.Compile(to.Doc, object); err != nil {
		t.Fatal(err)
	}
	v.migration, err = Compile(doc, v.old, v.next)
	return v, err
}

// check holds rows to a version and answers how many there are and which rules
// they break.
func check(t testing.TB, c *contract.Compiled, r record.Reader) (rows int, broken []string) {
	t.Helper()
	v := c.NewValidator(contract.ValidatorOptions{})
	defer v.Close()
	note := func(b contract.Violation) { broken = append(broken, b.Path+" "+b.Rule) }
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows += len(b.Rows)
		if err := v.Check(b, make([]bool, len(b.Rows)), note); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := v.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range whole {
		note(b)
	}
	return rows, broken
}

func reader(t testing.TB, v *contract.Compiled, f record.Format, text string) record.Reader {
	t.Helper()
	r, err := record.NewReader(strings.NewReader(text), f, v.Schema, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// migrate is the text of migrated rows.
func migrate(t testing.TB, v versions, f record.Format, text string) string {
	t.Helper()
	s := newStream(v.migration, reader(t, v.old, f, text), f)
	out, err := io.ReadAll(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const (
	oldOrders = `
		name: id, logicalType: integer, primaryKey: true
		name: ordered, logicalType: date, required: true
		name: amount, logicalType: integer, logicalTypeOptions: {format: i32, minimum: 0}
		name: paid, logicalType: boolean
		name: shipped, logicalType: timestamp
		name: note, logicalType: string, logicalTypeOptions: {maxLength: 20}
		name: status, logicalType: string, enum: [{value: open}, {value: done}]
		name: legacy, logicalType: string`
	newOrders = `
		name: ordered_at, logicalType: timestamp, required: true, logicalTypeOptions: {timezone: true}
		name: id, logicalType: string, primaryKey: true, logicalTypeOptions: {minLength: 1}
		name: currency, logicalType: string, required: true, logicalTypeOptions: {pattern: "^[A-Z]{3}$"}
		name: amount, logicalType: number, logicalTypeOptions: {format: f64, minimum: -1}
		name: paid, logicalType: string
		name: shipped, logicalType: date
		name: remark, logicalType: string, required: true, logicalTypeOptions: {maxLength: 40}
		name: status, logicalType: string, enum: [{value: open}, {value: done}, {value: lost}]
		name: channel, logicalType: string`
	orderSteps = `
		rename: {from: ordered, to: ordered_at}
		cast: {field: ordered_at, to: timestamp}
		cast: {field: id, to: string}
		cast: {field: amount, to: number}
		cast: {field: paid, to: string}
		cast: {field: shipped, to: date, lossy: true}
		default: {field: currency, value: EUR}
		rename: {from: note, to: remark}
		default: {field: remark, value: "none, so far"}
		drop: {field: legacy}`
)

func orders(t testing.TB) versions {
	t.Helper()
	v, err := compile(t, document("1.0.0", oldOrders, ""), document("2.0.0", newOrders, ""), orderSteps)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMigrate(t *testing.T) {
	v := orders(t)
	column := func(name string) int { return v.old.Schema.Member(0, []byte(name)) }
	comma := record.Format{Codec: record.CSV, Delimiter: ',', Header: true, EOL: "\r\n"}
	few := record.Format{Codec: record.CSV, Delimiter: ';', EOL: "\n", Columns: []int{column("note"), column("ordered"), column("id")}}
	for _, tt := range []struct {
		name     string
		format   record.Format
		in, want string
	}{
		{"csv", comma,
			"id,ordered,amount,paid,shipped,note,status,legacy\r\n" +
				"1,2026-01-31,5,TRUE,2026-02-01T23:30:00-05:00,\"a, \"\"b\"\"\",open,x\r\n" +
				"+02,2026-01-31 08:00,,,,,,\r\n",
			"ordered_at,id,currency,amount,paid,shipped,remark,status,channel\r\n" +
				"2026-01-31T00:00:00Z,1,EUR,5,TRUE,2026-02-01,\"a, \"\"b\"\"\",open,\r\n" +
				"2026-01-31 08:00Z,+02,EUR,,,,\"none, so far\",,\r\n"},
		{"csv of few columns without a header", few,
			"x;2026-01-31;7\n;2026-02-01T10:00:00+01:00;8\n",
			"2026-01-31T00:00:00Z;7;EUR;;;;x;;\n2026-02-01T10:00:00+01:00;8;EUR;;;;none, so far;;\n"},
		{"ndjson", record.Format{Codec: record.NDJSON},
			`{"legacy":"x","id":1,"ordered":"2026-01-31","paid":true,"amount":12,"note":"a\"b","status":"open","shipped":"2026-02-01T00:00:00Z"}` + "\n" +
				`{ "id": 2, "ordered": "2026\u002d01-31T08:00:00", "paid": null, "note": null }` + "\n",
			`{"ordered_at":"2026-01-31T00:00:00Z","id":"1","currency":"EUR","amount":12,"paid":"true","shipped":"2026-02-01","remark":"a\"b","status":"open"}` + "\n" +
				`{"ordered_at":"2026-01-31T08:00:00Z","id":"2","currency":"EUR","paid":null,"remark":"none, so far"}` + "\n"},
		{"json", record.Format{Codec: record.JSON},
			"[{\"id\":1,\n\"ordered\":\"2026-01-31\"},{\"id\":2,\"ordered\":\"2026-02-01\"}]",
			"[\n{\"ordered_at\":\"2026-01-31T00:00:00Z\",\"id\":\"1\",\"currency\":\"EUR\",\"remark\":\"none, so far\"}" +
				",\n{\"ordered_at\":\"2026-02-01T00:00:00Z\",\"id\":\"2\",\"currency\":\"EUR\",\"remark\":\"none, so far\"}\n]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was, broken := check(t, v.old, reader(t, v.old, tt.format, tt.in))
			if len(broken) > 0 {
				t.Fatalf("the rows are not of the old version: %q", broken)
			}
			if got := migrate(t, v, tt.format, tt.in); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			r, err := v.migration.Reader(reader(t, v.old, tt.format, tt.in), tt.format, record.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if is, broken := check(t, v.next, r); is != was || len(broken) > 0 {
				t.Errorf("%d of %d rows, which break %q", is, was, broken)
			}
		})
	}
}

// TestOneColumn: a blank line would be no row.
func TestOneColumn(t *testing.T) {
	v, err := compile(t, document("1.0.0", "name: a, logicalType: string\nname: b, logicalType: string", ""), document("2.0.0", "name: b, logicalType: string", ""), "drop: {field: a}")
	if err != nil {
		t.Fatal(err)
	}
	if got := migrate(t, v, record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n"}, "x,\ny,z\n"); got != "\"\"\nz\n" {
		t.Errorf("%q", got)
	}
}

// TestManyRows: rows come in batches, and long ones may grow beyond the limit that
// they are read with.
func TestManyRows(t *testing.T) {
	v, err := compile(t, document("1.0.0", "name: id, logicalType: integer\nname: text, logicalType: string", ""),
		document("2.0.0", "name: id, logicalType: integer\nname: text, logicalType: string\nname: more, logicalType: string", ""),
		`default: {field: more, value: "`+strings.Repeat("\\u0001", 1000)+`"}`)
	if err != nil {
		t.Fatal(err)
	}
	var in strings.Builder
	for range 2000 {
		in.WriteString(`{"id":1,"text":"` + strings.Repeat("x", 500) + "\"}\n")
	}
	limits := record.Limits{Row: 530}
	r, err := record.NewReader(strings.NewReader(in.String()), record.Format{Codec: record.NDJSON}, v.old.Schema, limits)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = v.migration.Reader(r, record.Format{Codec: record.NDJSON}, limits); err != nil {
		t.Fatal(err)
	}
	if rows, broken := check(t, v.next, r); rows != 2000 || len(broken) > 0 {
		t.Errorf("%d rows, %q", rows, broken)
	}
}

func TestBrokenRows(t *testing.T) {
	v := orders(t)
	for name, text := range map[string]string{"a row": "{\"id\":1}\n{\"id\":\n", "too long": strings.Repeat("x", 5<<20)} {
		f := record.Format{Codec: record.NDJSON}
		r, err := v.migration.Reader(reader(t, v.old, f, text), f, record.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Next(); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// filtered leaves out the rows that break a rule.
type filtered struct {
	in     record.Reader
	v      *contract.Validator
	rows   int
	failed bool
}

func (f *filtered) Next() (*record.Batch, error) {
	b, err := f.in.Next()
	if err != nil {
		f.failed = err != io.EOF
		return nil, err
	}
	invalid := make([]bool, len(b.Rows))
	if err := f.v.Check(b, invalid, func(contract.Violation) {}); err != nil {
		f.failed = true
		return nil, err
	}
	kept := b.Rows[:0]
	for i, row := range b.Rows {
		if !invalid[i] {
			kept = append(kept, row)
		}
	}
	b.Rows = kept
	f.rows += len(kept)
	return b, nil
}

// refused compiles a migration that must not, and looks for a problem.
func refused(t *testing.T, old, next, steps, path, want string) {
	t.Helper()
	_, err := compile(t, old, next, steps)
	var problems yamldoc.Problems
	if !errors.As(err, &problems) {
		t.Errorf("%q of %s is taken: %v", steps, next, err)
		return
	}
	for _, p := range problems {
		if p.Path == path && strings.Contains(p.Message+" ("+p.Hint+")", want) && p.Line > 0 && p.File == "migrations/orders.yaml" {
			return
		}
	}
	t.Errorf("%v\nlacks %s: %q", err, path, want)
}

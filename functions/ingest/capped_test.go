package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
	"github.com/sallyport-io/sallyport/shared/record/parquet"
)

// packed writes NDJSON rows of a contract as Parquet or Avro.
func packed(t *testing.T, source, rows, codec string) []byte {
	t.Helper()
	doc, err := contract.Parse("c.odcs.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Compile(doc, "orders")
	if err != nil {
		t.Fatal(err)
	}
	format := record.Format{Codec: record.NDJSON}
	var out bytes.Buffer
	var w interface {
		Append(b *record.Batch, i int) error
		Close() error
	}
	if codec == "parquet" {
		w, err = parquet.NewWriter(&out, c.Schema, format)
	} else {
		w, err = avro.NewWriter(&out, c.Schema)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.NewReader(strings.NewReader(rows), format, c.Schema, record.Limits{})
	for err == nil {
		var b *record.Batch
		if b, err = r.Next(); err == nil {
			for i := range b.Rows {
				if err := w.Append(b, i); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCappedReport: a drop with more violations than limits.report has the first of
// them listed and the rest counted, alike in every format; one of the whole file,
// which comes last, is among the rest.
func TestCappedReport(t *testing.T) {
	const bad = 1500 // rows in several batches; of every third two fields are wrong
	source := document("  - {name: id, logicalType: integer, required: true, classification: public, logicalTypeOptions: {minimum: 0}}\n"+
		"  - {name: name, logicalType: string, classification: public, logicalTypeOptions: {maxLength: 5}}\n",
		"  quality: [{metric: rowCount, mustBe: 1, severity: warning}]\n")
	csv, ndjson := "id,name\n1,ann\n", `{"id":1,"name":"ann"}`+"\n"
	for i := range bad {
		name := "ann"
		if i%3 == 0 {
			name = "secretive"
		}
		csv += fmt.Sprintf("-%d,%s\n", 4711000+i, name)
		ndjson += fmt.Sprintf(`{"id":-%d,"name":"%s"}`+"\n", 4711000+i, name)
	}
	const long, total = bad / 3, bad + bad/3 + 1
	drops := map[string][]byte{
		"a.csv": []byte(csv), "a.ndjson": []byte(ndjson), "a.parquet": packed(t, source, ndjson, "parquet"), "a.avro": packed(t, source, ndjson, "avro"),
		"a.json": []byte("[" + strings.ReplaceAll(strings.TrimSpace(ndjson), "\n", ",\n") + "]"),
	}
	for name, data := range drops {
		for _, limit := range []int{1, 7, total - 1, total, total + 1} {
			t.Run(fmt.Sprintf("%s %d", name, limit), func(t *testing.T) {
				files := simple("")
				files["exchange.yaml"] = exchangeFile + fmt.Sprintf("limits: {report: %d}\n", limit)
				files["contracts/orders.odcs.yaml"] = source
				w := newWorld(t, files)
				typ, o := outcome(t, w.drop("acme/orders/"+name, data))
				if typ != event.TypeDropAccepted || o.Rows != (event.Rows{Accepted: 1, Invalid: bad}) || o.Report == nil {
					t.Fatalf("%s %+v", typ, o)
				}
				report, err := w.quarantine.ReadAll(context.Background(), o.Report.Key)
				if err != nil {
					t.Fatal(err)
				}
				if text := string(report); strings.Contains(text, "secret") || strings.Contains(text, "4711") {
					t.Errorf("the report tells a value:\n%s", text)
				}
				var doc struct {
					Rules      map[string]int
					Violations []struct {
						Row  int64
						Rule string
					}
					Omitted int
				}
				if err := json.Unmarshal(report, &doc); err != nil {
					t.Fatal(err)
				}
				listed := min(limit, total)
				if len(doc.Violations) != listed || doc.Omitted != total-listed {
					t.Errorf("%d are listed and %d counted, want %d and %d", len(doc.Violations), doc.Omitted, listed, total-listed)
				}
				if want := map[string]int{"id minimum": bad, "name maxLength": long, "rowCount": 1}; fmt.Sprint(doc.Rules) != fmt.Sprint(want) {
					t.Errorf("the rules are %v, want %v", doc.Rules, want)
				}
				for i, v := range doc.Violations { // the first of them: rows 2, 2, 3, 4, 5, 5, 6 and so on
					if want := int64(2 + i/4*3 + max(i%4-1, 0)); v.Rule != "rowCount" && v.Row != want {
						t.Fatalf("violation %d is of row %d, want %d", i, v.Row, want)
					}
				}
				if last := doc.Violations[listed-1].Rule == "rowCount"; last != (limit >= total) {
					t.Errorf("the rule of the whole file is listed: %v", last)
				}
			})
		}
	}
}

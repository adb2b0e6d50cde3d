package migration

import (
	"io"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/record"
)

// holds brings the rows of a text that the old version accepts to the new one, which
// must accept them all.
func holds(t *testing.T, chain Chain, old, next *contract.Compiled, format record.Format, text string) {
	t.Helper()
	in, err := record.NewReader(strings.NewReader(text), format, old.Schema, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	accepted := &filtered{in: in, v: old.NewValidator(contract.ValidatorOptions{})}
	defer accepted.v.Close()
	r, err := chain.Reader(accepted, format, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	held := next.NewValidator(contract.ValidatorOptions{})
	defer held.Close()
	rows := 0
	for {
		b, err := r.Next()
		if err == io.EOF || accepted.failed {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows += len(b.Rows)
		if err := held.Check(b, make([]bool, len(b.Rows)), func(b contract.Violation) { t.Errorf("%+v of %q", b, text) }); err != nil {
			t.Fatal(err)
		}
	}
	if !accepted.failed && rows != accepted.rows {
		t.Errorf("%d rows of %d", rows, accepted.rows)
	}
}

// FuzzMigrate: whatever the old version accepts the new one does, too.
func FuzzMigrate(f *testing.F) {
	f.Add("id;ordered;amount;paid;shipped;note;status;legacy\n1;2026-01-31;5;true;2026-01-31T00:00:00Z;n;open;l\n", true)
	f.Add(`{"id":1,"ordered":"2026-01-31","shipped":"2026-01-31 00:00","note":"","paid":true,"amount":-0}`, false)
	v := orders(f)
	f.Fuzz(func(t *testing.T, text string, csv bool) {
		format := record.Format{Codec: record.NDJSON}
		if csv {
			format = record.Format{Codec: record.CSV, Delimiter: ';', Header: true, EOL: "\n"}
		}
		holds(t, Chain{v.migration}, v.old, v.next, format, text)
	})
}

// FuzzChain: the same for rows that nest, and for two migrations one after the other.
func FuzzChain(f *testing.F) {
	f.Add(`{"id":1,"address":{"zip":"1","city":"\u00e9"},"items":[{"sku":1,"on":"2026-01-31","tags":[1],"size":{"w":1}},{"sku":2}],"grid":[[{"v":true}]],"codes":["2026-01-31 08:00"]}`, false)
	f.Add(`[{"id":1,"address":null,"items":[{ "tags" : [ null ] , "sku" : 1e2 }],"grid":[null,[null,{}]],"codes":[]}]`, true)
	first := nested(f)
	back, err := compile(f, document("1.0.0", newNested, ""), document("2.0.0", strings.NewReplacer("postcode", "zip", "article", "s", "integer", "number").Replace(newNested), ""), `
		rename: {from: place.postcode, to: place.zip}
		rename: {from: "items[].article", to: "items[].s"}
		cast: {field: id, to: number}
		cast: {field: "items[].size.w", to: number}
		cast: {field: "items[].size.h", to: number}`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, array bool) {
		format := record.Format{Codec: record.NDJSON}
		if array {
			format.Codec = record.JSON
		}
		holds(t, Chain{first.migration, back.migration}, first.old, back.next, format, text)
	})
}

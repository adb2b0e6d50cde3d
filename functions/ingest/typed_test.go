package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	oracle "github.com/parquet-go/parquet-go"

	"github.com/sallyport-io/sallyport/shared/event"
)

type order struct {
	ID    string   `parquet:"id,optional"`
	Total int64    `parquet:"total,decimal(2:18)"`
	At    int64    `parquet:"at,timestamp(millisecond)"`
	Tags  []string `parquet:"tags,list"`
}

const orderProperties = `      - {name: id, logicalType: string, required: true, logicalTypeOptions: {maxLength: 4}}
      - {name: total, logicalType: number, logicalTypeOptions: {minimum: 0}}
      - {name: at, logicalType: timestamp}
      - {name: tags, logicalType: array, items: {logicalType: string}}
      - {name: note, logicalType: string}
`

func orders() map[string]string {
	return map[string]string{
		"exchange.yaml":              exchangeFile + "segment: {size: 100KiB}\n",
		"contracts/orders.odcs.yaml": document(orderProperties, ""),
		"partners/acme.yaml":         partner("acme", "drops:\n- contract: orders\n"),
	}
}

func parquetFile(t testing.TB, rows []order) []byte {
	t.Helper()
	var out bytes.Buffer
	w := oracle.NewGenericWriter[order](&out, oracle.Compression(&oracle.Snappy))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestParquet: rows are validated typed and kept as NDJSON, invalid ones in
// quarantine.
func TestParquet(t *testing.T) {
	w := newWorld(t, orders())
	rows := make([]order, 5000)
	var accepted, refused strings.Builder
	for i := range rows {
		rows[i] = order{ID: fmt.Sprint(i), Total: int64(i), At: 1709210096123, Tags: []string{"a\n", "b"}}
		to := &accepted
		if i%100 == 7 {
			rows[i].Total = -1 - int64(i)
			to = &refused
		}
		cents := rows[i].Total
		sign := ""
		if cents < 0 {
			sign, cents = "-", -cents
		}
		fmt.Fprintf(to, `{"id":"%d","total":%s%d.%02d,"at":"2024-02-29T12:34:56.123Z","tags":["a\n","b"]}`+"\n", i, sign, cents/100, cents%100)
	}
	events := w.drop("acme/orders/o.parquet", parquetFile(t, rows))
	typ, o := outcome(t, events)
	if typ != event.TypeDropAccepted || o.Rows.Accepted != 4950 || o.Rows.Invalid != 50 {
		t.Fatalf("%s %+v", typ, o)
	}
	if o.Format.Codec != "ndjson" || o.Format.Dropped != "parquet" || !slices.Contains(o.Notes, "read as parquet; rows are kept as ndjson") {
		t.Errorf("%+v %v", o.Format, o.Notes)
	}
	segment, err := event.Decode[event.SegmentAccepted](events[0])
	if err != nil || segment.Format.Dropped != "parquet" {
		t.Errorf("%+v %v", segment, err)
	}
	if o.Segments < 3 || segment.Object.Size > 110<<10 {
		t.Errorf("%d segments, the first of %d bytes", o.Segments, segment.Object.Size)
	}
	if got := all(t, w.landing, o.Drop.ID+"/"+strings.Split(segment.Object.Key, "/")[1]); got != accepted.String() {
		t.Errorf("landing has %d bytes, not %d: %.200s", len(got), accepted.Len(), got)
	}
	var kept []byte
	for _, q := range o.Quarantine {
		data, err := w.quarantine.ReadAll(context.Background(), q.Key)
		if err != nil || !strings.HasSuffix(q.Key, ".ndjson") {
			t.Fatal(q.Key, err)
		}
		kept = append(kept, data...)
	}
	if string(kept) != refused.String() {
		t.Errorf("quarantine has %.200s", kept)
	}
}

func TestParquetRefused(t *testing.T) {
	good := parquetFile(t, []order{{ID: "1"}})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(good); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data []byte
		code string
	}{
		"truncated": {good[:len(good)-5], "parquet-truncated"},
		"encrypted": {append(append([]byte("PARE"), good[4:len(good)-4]...), "PARE"...), "parquet-encrypted"},
		"packed":    {packed.Bytes(), "parquet-compressed"},
		"corrupt":   {append(append(slices.Clone(good[:len(good)-40]), bytes.Repeat([]byte{0xff}, 32)...), good[len(good)-8:]...), "parquet-corrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, orders())
			typ, o := outcome(t, w.drop("acme/orders/o.parquet", test.data))
			if typ != event.TypeDropRejected || o.Fault == nil || o.Fault.Code != test.code {
				t.Errorf("%s %+v, want %s", typ, o.Fault, test.code)
			}
		})
	}
}

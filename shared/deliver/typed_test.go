package deliver

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
	"github.com/sallyport-io/sallyport/shared/record/parquet"
)

// seen is what the partner sees of schema.
var seen = record.NewSchema("stock", []record.Field{
	{Parent: -1, Type: record.Object, Items: -1, Members: []int{1, 2}},
	{Name: "sku", Path: "sku", Type: record.String, Items: -1},
	{Name: "left", Path: "left", Type: record.Integer, Items: -1},
	{Name: "secret", Path: "secret", Type: record.String, Items: -1},
})

// TestTyped: a segment becomes Parquet or Avro if the destination says so, or if
// the drop came in it, and is read back as it was.
func TestTyped(t *testing.T) {
	const text = `{"sku":"a","left":1}` + "\n" + `{"sku":null,"left":-9007199254740993}` + "\n"
	for _, test := range []struct{ format, dropped, is record.Codec }{
		{record.Parquet, "", record.Parquet}, {"", record.Parquet, record.Parquet}, {record.Avro, record.Parquet, record.Avro},
		{"", record.Avro, record.Avro}, {record.NDJSON, record.Parquet, record.NDJSON},
	} {
		w := newWorld(t)
		s := ndjson(text)
		s.Dropped, s.Seen = test.dropped, seen
		to := w.open(t, Target{URL: "b://x", Format: test.format})
		for range 2 { // the second is the same object, found there
			r, err := to.Deliver(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if want := "urn:stock/d1/000003." + string(test.is); r.Object.Key != want {
				t.Fatalf("%s, dropped as %s: %s", test.format, test.dropped, r.Object.Key)
			}
		}
		for _, data := range w.objects(t) {
			if test.is == record.NDJSON {
				if data != text {
					t.Errorf("got %s", data)
				}
				continue
			}
			if got := rows(t, []byte(data), test.is); got != text {
				t.Errorf("%s: got %s", test.is, got)
			}
		}
	}
}

// rows reads a file of typed values as NDJSON.
func rows(t *testing.T, data []byte, codec record.Codec) string {
	t.Helper()
	var r record.Reader
	var err error
	e := record.Expect{Schema: seen, Column: func(name []byte) int { return seen.Member(0, name) }}
	if codec == record.Avro {
		r, err = avro.NewReader(bytes.NewReader(data), e, record.Limits{}, record.Expansion{Stored: int64(len(data)), Size: 1 << 30, Ratio: 1000})
	} else {
		r, err = parquet.NewReader(bytes.NewReader(data), int64(len(data)), e, record.Limits{}, record.Expansion{})
	}
	if err != nil {
		t.Fatal(err)
	}
	c := record.NewConverter(seen, record.Format{Codec: codec}, record.Format{Codec: record.NDJSON})
	var dst []byte
	for {
		b, err := r.Next()
		if err == io.EOF {
			return string(dst)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows {
			dst = c.AppendRow(dst, b, i)
		}
	}
}

// TestLossyDelivery: what Parquet cannot hold is not delivered, and nothing else
// is told than where it is.
func TestLossyDelivery(t *testing.T) {
	w := newWorld(t)
	s := ndjson(`{"sku":"a","left":9223372036854775808}` + "\n")
	_, err := w.open(t, Target{URL: "b://x", Format: record.Parquet}).Deliver(t.Context(), s)
	if fault.CodeOf(err) != "lossy" || fault.KindOf(err) != fault.Poison || strings.Contains(err.Error(), "9223") || !strings.Contains(err.Error(), "row=1 path=left") {
		t.Errorf("%v", err)
	}
	if got := w.objects(t); len(got) != 0 {
		t.Errorf("there is %v", got)
	}
}

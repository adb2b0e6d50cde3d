package mask_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
)

// TestDeprecation: what is masked says what its contract's end is, as it stood when
// the drop was pinned; of a contract that had ended nothing is masked.
func TestDeprecation(t *testing.T) {
	sunset := time.Date(2026, 5, 7, 0, 0, 0, 0, time.UTC)
	says := event.Deprecation{Deprecated: true, From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), Sunset: sunset, Migration: "https://example.com/v2"}
	const ends = "status: active\ncustomProperties: [{property: deprecation, vendor: sallyport, value: {from: 2026-05-01, sunset: 2026-05-06, migration: 'https://example.com/v2'}}]\n"
	for _, test := range []struct {
		name, status string
		pinned       time.Time
		says         event.Deprecation
		masked       int
	}{
		{"active", "status: active\n", sunset, event.Deprecation{}, 1},
		{"announced", ends, says.From.Add(-1), event.Deprecation{}, 1},
		{"deprecated", ends, sunset.Add(-1), says, 1},
		{"sunset", ends, sunset, says, 0},
		{"retired", "status: retired\n", says.From, event.Deprecation{}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, subscription("all", ""))
			bundle, err := exchange.Load(fstest.MapFS{
				"exchange.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: ending\n")},
				"contracts/orders.odcs.yaml": {Data: []byte(strings.Replace(contractFile, "status: active\n", test.status, 1))},
				"partners/p.yaml":            {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nsubscriptions:\n" + subscription("all", ""))},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := exchange.Open(w.buckets["config"]).Publish(t.Context(), bundle); err != nil {
				t.Fatal(err)
			}
			e := w.segment(rows, csvFormat)
			s, err := event.Decode[event.SegmentAccepted](e)
			if err != nil {
				t.Fatal(err)
			}
			s.Drop.Time = test.pinned
			data, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.SetData("application/json", json.RawMessage(data)); err != nil {
				t.Fatal(err)
			}
			e.SetExtension(event.ExtExchange, bundle.Digest())
			out, err := w.f.Handle(t.Context(), e)
			if err != nil || len(out) != test.masked {
				t.Fatalf("got %v, %v", out, err)
			}
			want := map[string]any{}
			for _, a := range test.says.Attributes() {
				want[a.Name] = a.Value
			}
			for _, e := range out {
				for _, a := range says.Attributes() {
					if got := e.Extensions()[a.Name]; got != want[a.Name] {
						t.Errorf("%s is %v, want %v", a.Name, got, want[a.Name])
					}
				}
			}
		})
	}
}

package deliver

import (
	"maps"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
)

// TestDeprecation: whatever is sent about a drop of a deprecated contract says so
// by the CloudEvents deprecation extension, and nothing else does.
func TestDeprecation(t *testing.T) {
	for name, test := range map[string]struct {
		says event.Deprecation
		want map[string]any
		head string
	}{
		"none": {},
		"marked": {event.Deprecation{Deprecated: true}, map[string]any{"deprecated": true},
			`,"deprecated":true`},
		"whole": {event.Deprecation{Deprecated: true, From: time.Date(2026, 2, 1, 1, 0, 0, 0, time.FixedZone("", 3600)), Sunset: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Migration: "https://example.com/v2"},
			map[string]any{"deprecated": true, "deprecationfrom": "2026-02-01T00:00:00Z", "deprecationsunset": "2027-01-01T00:00:00Z", "deprecationmigration": "https://example.com/v2"},
			`,"deprecated":true,"deprecationfrom":"2026-02-01T00:00:00Z","deprecationsunset":"2027-01-01T00:00:00Z","deprecationmigration":"https://example.com/v2"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := csvSegment(rowsCSV)
			s.Drop.Deprecation = test.says
			head := `{"specversion":"1.0","datacontenttype":"application/json","type":"sallyport.row.v1","source":"/sallyport/contracts/urn:stock",` +
				`"time":"2026-01-02T03:04:05.000006Z","correlationid":"d1","subscription":"acme-stock"` + test.head + `,"id":"`
			if got := string(newRowEvents(&s).head); got != head {
				t.Errorf("events of rows start with\n%s\nwant\n%s", got, head)
			}
			for _, target := range []Target{{URL: "t://x"}, {URL: "t://x", Send: SendSegments, Bucket: "b://x"}} {
				d := w.open(t, target)
				if _, err := d.Deliver(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Manifest(t.Context(), s.Drop, []byte("{}")); err != nil {
					t.Fatal(err)
				}
				sent := int(s.Rows) + 1
				if target.Send == SendSegments {
					sent = 2
				}
				events := w.events(t, sent)
				if len(events) != sent {
					t.Fatalf("%d events, want %d", len(events), sent)
				}
				for _, e := range events {
					got := map[string]any{}
					for _, name := range []string{event.ExtDeprecated, event.ExtDeprecationFrom, event.ExtDeprecationSunset, event.ExtDeprecationMigration} {
						if v, there := e.Extensions()[name]; there {
							got[name] = v
						}
					}
					if !maps.Equal(got, test.want) {
						t.Errorf("%s says %v, want %v", e.Type(), got, test.want)
					}
				}
			}
		})
	}
}

// TestClassification: whatever is sent says how secret it is.
func TestClassification(t *testing.T) {
	w := newWorld(t)
	s := csvSegment(rowsCSV)
	s.Drop.Classification = event.Classification{Level: "restricted", Regulations: []string{"GDPR", "HIPAA"}, Categories: []string{"PII"}}
	for _, target := range []Target{{URL: "t://x"}, {URL: "t://x", Send: SendSegments, Bucket: "b://x"}} {
		d := w.open(t, target)
		if _, err := d.Deliver(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Manifest(t.Context(), s.Drop, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		sent := int(s.Rows) + 1
		if target.Send == SendSegments {
			sent = 2
		}
		for _, e := range w.events(t, sent) {
			if got, err := event.ClassificationOf(e); err != nil || got.Level != "restricted" || len(got.Regulations) != 2 || len(got.Categories) != 1 {
				t.Errorf("%s says %+v: %v", e.Type(), got, err)
			}
		}
	}
}

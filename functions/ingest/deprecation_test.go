package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// ending is the simple exchange whose contract has these lines for its status.
func ending(status string) map[string]string {
	files := simple("")
	files["contracts/orders.odcs.yaml"] = strings.Replace(files["contracts/orders.odcs.yaml"], "status: active\n", status, 1)
	return files
}

// ends are lines of a contract that is deprecated from 1 May 2026 until the end
// of 6 May, and what events say of it.
const ends = "status: active\ncustomProperties: [{property: deprecation, vendor: sallyport, value: {from: 2026-05-01, sunset: 2026-05-06, migration: 'https://example.com/v2'}}]\n"

func ofEnds() event.Deprecation {
	return event.Deprecation{Deprecated: true, From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC),
		Sunset: time.Date(2026, 5, 7, 0, 0, 0, 0, time.UTC), Migration: "https://example.com/v2"}
}

func TestSunset(t *testing.T) {
	sunset := ofEnds().Sunset
	for _, test := range []struct {
		name, status string
		now          time.Time
		says         event.Deprecation
		refused      string // what the fault says to do
	}{
		{"active", "status: active\n", sunset, event.Deprecation{}, ""},
		{"announced", ends, ofEnds().From.Add(-1), event.Deprecation{}, ""},
		{"deprecated", ends, sunset.Add(-time.Second), ofEnds(), ""},
		{"sunset", ends, sunset, ofEnds(), "https://example.com/v2"},
		{"status", "status: deprecated\n", sunset, event.Deprecation{Deprecated: true}, ""},
		{"retired", "status: retired\n", sunset, event.Deprecation{Deprecated: true}, "the contract that takes its place"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, ending(test.status))
			w.clock = test.now
			out := w.drop("acme/orders/a.csv", []byte("id,name\n1,ann\n"))
			typ, o := outcome(t, out)
			for _, e := range out {
				for _, a := range ofEnds().Attributes() {
					var want any
					for _, says := range test.says.Attributes() {
						if says.Name == a.Name {
							want = says.Value
						}
					}
					if got := e.Extensions()[a.Name]; got != want {
						t.Errorf("%s has %s %v, want %v", e.Type(), a.Name, got, want)
					}
				}
			}
			if test.refused == "" {
				if typ != event.TypeDropAccepted || len(out) != 2 {
					t.Errorf("%s, fault %+v", typ, o.Fault)
				}
			} else {
				if typ != event.TypeDropRejected || len(out) != 1 || o.Fault.Kind != "denied" || o.Fault.Code != exchange.CodeSunset || !strings.Contains(o.Fault.Do, test.refused) {
					t.Errorf("%s, fault %+v", typ, o.Fault)
				}
				if rows := all(t, w.landing, o.Drop.ID+"/") + all(t, w.quarantine, ""); strings.Contains(rows, "ann") {
					t.Errorf("a row was kept: %s", rows)
				}
			}
			// The moment at which the drop was pinned decides, however late it is told again.
			w.clock = sunset.AddDate(1, 0, 0)
			again, err := w.f.Handle(t.Context(), received(t, "acme/orders/a.csv", ""))
			if err != nil || fmt.Sprint(again) != fmt.Sprint(out) {
				t.Errorf("the second run tells\n%v, %v\nwant\n%v", again, err, out)
			}
		})
	}
}

// TestSunsetOfEvents: who sends events is refused at once, and nothing of them is
// written down.
func TestSunsetOfEvents(t *testing.T) {
	w := newWorld(t, ending(ends))
	w.clock = ofEnds().Sunset.Add(-time.Second)
	late := own(t, "a", `{"id":1,"name":"ann"}`)
	late.SetExtension(event.ExtDeprecated, false) // what a partner says of its own event is not passed on
	late.SetExtension(event.ExtDeprecationMigration, "https://example.org/")
	out, err := w.f.Handle(t.Context(), late)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out {
		for _, a := range ofEnds().Attributes() {
			if got := e.Extensions()[a.Name]; got != a.Value {
				t.Errorf("%s has %s %v, want %v", e.Type(), a.Name, got, a.Value)
			}
		}
	}
	if typ, o := outcome(t, out); typ != event.TypeDropAccepted || o.Rows.Accepted != 1 {
		t.Errorf("%s %+v", typ, o)
	}
	before := all(t, w.landing, "")
	w.clock = ofEnds().Sunset
	out, err = w.f.Handle(t.Context(), own(t, "b", `{"id":2,"name":"bob"}`))
	if len(out) > 0 || fault.KindOf(err) != fault.Denied || fault.CodeOf(err) != exchange.CodeSunset || strings.Contains(fmt.Sprint(err), "bob") {
		t.Errorf("got %v, %v", out, err)
	}
	if all(t, w.landing, "") != before {
		t.Error("the event was written down")
	}
}

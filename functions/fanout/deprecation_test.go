package fanout

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
)

// ends are the lines of a contract that is deprecated and ends after a day.
func ends(day string) string {
	return "status: active\ncustomProperties: [{property: deprecation, vendor: sallyport, value: {from: 2026-05-01, sunset: " + day + ", migration: 'https://example.com/v2'}}]\n"
}

// of is what events say of such a contract that ends after 6 May, the day on which
// the drop of the tests was taken.
var of = event.Deprecation{Deprecated: true, From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC),
	Sunset: time.Date(2026, 5, 7, 0, 0, 0, 0, time.UTC), Migration: "https://example.com/v2"}

// untilSunset is how long after the drop was taken that is, in seconds.
var untilSunset = int64(of.Sunset.Sub(taken) / time.Second)

// TestDeprecated: until the sunset everything is delivered, and says what it is
// of.
func TestDeprecated(t *testing.T) {
	for name, destination := range map[string]string{"bucket": toBucket, "rows": faultTargets["rows"]} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.status = ends("2026-05-06")
			e := w.masked(t, w.publish(t, subscription(destination)...), "a,1\nb,2\n")[0]
			event.Deprecation{Deprecated: true, Migration: "https://example.org/"}.Mark(&e) // the exchange decides, not the event
			w.clock.Store(untilSunset - 1)
			out := handle(t, w.open(t), e)
			if only(t, out, event.TypeDeliveryCompleted).Rows != 2 || whole(t, out) == nil {
				t.Fatalf("got %v", out)
			}
			for _, e := range out {
				for _, a := range of.Attributes() {
					if got := e.Extensions()[a.Name]; got != a.Value {
						t.Errorf("%s has %s %v, want %v", e.Type(), a.Name, got, a.Value)
					}
				}
			}
			manifests := 0
			for _, text := range w.objects(t, "partner") {
				var m manifest
				if json.Unmarshal([]byte(text), &m) == nil {
					manifests++
					if m.Deprecation != of || !strings.Contains(text, "  \"rows\": 2,\n  \"deprecation\": {\n    \"deprecated\": true,\n") {
						t.Errorf("the manifest says %s", text)
					}
				}
			}
			for _, text := range w.events(t, map[string]int{"bucket": 0, "rows": 3}[name]) {
				manifests++
				for _, a := range of.Attributes() {
					if !strings.Contains(text, fmt.Sprintf("  %s: %v\n", a.Name, a.Value)) {
						t.Errorf("no %s in %s", a.Name, text)
					}
				}
			}
			if want := map[string]int{"bucket": 1, "rows": 3}[name]; manifests != want {
				t.Errorf("%d tell of the deprecation, want %d", manifests, want)
			}
		})
	}
}

// TestSunset: the newest exchange and the clock at the outer door decide, whatever
// the drop is pinned to.
func TestSunset(t *testing.T) {
	for _, test := range []struct {
		name, pinned, newest string
		clock                int64
		refused              bool
	}{
		{"the last second", ends("2026-05-06"), ends("2026-05-06"), untilSunset - 1, false},
		{"the sunset", ends("2026-05-06"), ends("2026-05-06"), untilSunset, true},
		{"put off", ends("2026-05-06"), ends("2026-05-07"), untilSunset, false},
		{"brought forward", ends("2026-05-06"), ends("2026-05-05"), 0, true},
		{"announced since", "status: active\n", ends("2026-05-06"), untilSunset, true},
		{"deprecated only", "status: active\n", "status: deprecated\n", untilSunset, false},
		{"retired", "status: active\n", "status: retired\n", 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.status = test.pinned
			events := w.masked(t, w.publish(t, subscription(toBucket)...), "a,1\n", "b,2\n")
			f := w.open(t)
			first := handle(t, f, events[0])
			w.status = test.newest
			w.publish(t, subscription(toBucket)...)
			w.clock.Store(test.clock)
			out := handle(t, f, events[1])
			objects := w.objects(t, "partner")
			if !test.refused {
				if only(t, out, event.TypeDeliveryCompleted); whole(t, out) == nil || len(objects) != 3 {
					t.Errorf("got %v, the partner has %v", out, objects)
				}
				return
			}
			d := only(t, out, event.TypeDeliveryFailed)
			if d.Fault == nil || d.Fault.Kind != "denied" || d.Fault.Code != exchange.CodeSunset || d.Fault.Where.Subscription != "acme-stock" || d.Fault.Do == "" {
				t.Errorf("fault %+v", d.Fault)
			}
			for key := range maps.Keys(objects) {
				if !strings.HasSuffix(key, "000000.csv") {
					t.Errorf("the partner has %s", key)
				}
			}
			// What was delivered before stays told.
			if again := handle(t, f, events[0]); fmt.Sprint(again) != fmt.Sprint(first) {
				t.Errorf("told as\n%v\nwant\n%v", again, first)
			}
		})
	}
}

// TestDeprecationIsThePinnedOne: what a manifest says is the same in every run,
// though the contract was deprecated while the drop was on its way.
func TestDeprecationIsThePinnedOne(t *testing.T) {
	for _, pinned := range []string{"status: active\n", ends("2026-05-06")} {
		w := newWorld(t)
		w.status = pinned
		events := w.masked(t, w.publish(t, subscription(toBucket)...), "a,1\n")
		w.status = ends("2026-05-09")
		w.publish(t, subscription(toBucket)...)
		handle(t, w.open(t), events[0])
		for key, text := range w.objects(t, "partner") {
			if strings.HasSuffix(key, "manifest.json") && strings.Contains(text, "deprecation") != (pinned == ends("2026-05-06")) || strings.Contains(text, "2026-05-10") {
				t.Errorf("pinned to %q: %s says %s", pinned, key, text)
			}
		}
	}
}

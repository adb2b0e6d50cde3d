package event

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
)

func TestDeprecation(t *testing.T) {
	day := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	whole := Deprecation{Deprecated: true, From: day.In(time.FixedZone("", 3600)), Sunset: day.Add(36 * time.Hour), Migration: "https://example.com/v2"}
	for _, test := range []struct {
		name string
		d    Deprecation
		want map[string]any
	}{
		{"nothing to say", Deprecation{}, nil},
		{"not deprecated", Deprecation{From: day, Migration: "https://example.com/v2"}, nil},
		{"by its status", Deprecation{Deprecated: true}, map[string]any{"deprecated": true}},
		{"whole", whole, map[string]any{"deprecated": true, "deprecationfrom": "2026-02-01T00:00:00Z",
			"deprecationsunset": "2026-02-02T12:00:00Z", "deprecationmigration": "https://example.com/v2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := ce.New()
			e.SetID("c")
			e.SetSource("/test")
			e.SetType(TypeSegmentAccepted)
			test.d.Mark(&e)
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(e) // as it goes through a queue
			if err != nil {
				t.Fatal(err)
			}
			var read Event
			if err := json.Unmarshal(data, &read); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(e.Extensions(), test.want) || !maps.Equal(read.Extensions(), test.want) {
				t.Errorf("the event has %v, once read %v, want %v", e.Extensions(), read.Extensions(), test.want)
			}
		})
	}
	data, err := json.Marshal([]struct {
		D Deprecation `json:"d,omitzero"`
	}{{}, {Deprecation{Deprecated: true}}, {whole}})
	if want := `[{},{"d":{"deprecated":true}},{"d":{"deprecated":true,"from":"2026-02-01T01:00:00+01:00","sunset":"2026-02-02T12:00:00Z","migration":"https://example.com/v2"}}]`; err != nil || string(data) != want {
		t.Errorf("got  %s, %v\nwant %s", data, err, want)
	}
}

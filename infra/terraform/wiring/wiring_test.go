package wiring_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
)

// TestWiring: it says just what the functions' configurations ask for, every
// topic that is heard has somebody who publishes to it, and no function has both
// doors.
func TestWiring(t *testing.T) {
	w, err := wiring.Load()
	if err != nil {
		t.Fatal(err)
	}
	configs := map[string]any{"ingest": ingest.Config{}, "mask": mask.Config{}, "fanout": fanout.Config{}, "audit": audit.Config{}, "reveal": reveal.Config{}}
	topics := w.AllTopics()
	heard := map[string]bool{}
	for _, name := range w.Names() {
		f := w.Functions[name]
		var has []string
		for bucket, rights := range f.Buckets {
			if w.Buckets[bucket] == "" {
				t.Errorf("%s: there is no bucket %q", name, bucket)
			}
			for _, r := range rights {
				if r != wiring.Read && r != wiring.Create {
					t.Errorf("%s: there is no right %q", name, r)
				}
			}
			has = append(has, strings.ToUpper(bucket))
		}
		if f.Keys {
			has = append(has, "KEYS")
		}
		if f.Signs {
			has = append(has, "LEDGER_KEY", "LEDGER_ORIGIN")
		}
		var wants []string
		for _, field := range reflect.VisibleFields(reflect.TypeOf(configs[name])) {
			if tag, _, _ := strings.Cut(field.Tag.Get("env"), ","); tag != "-" {
				wants = append(wants, tag)
			}
		}
		slices.Sort(has)
		slices.Sort(wants)
		if !slices.Equal(has, wants) {
			t.Errorf("%s is given %q and takes %q", name, has, wants)
		}
		for _, topic := range f.Hears {
			heard[topic] = true
			if !slices.Contains(topics, topic) {
				t.Errorf("%s hears %q, which nobody publishes to", name, topic)
			}
		}
		raw := f.Buckets["drops"] != nil || f.Buckets["landing"] != nil
		if raw && (f.Partners || f.Serves) {
			t.Errorf("%s can read raw data and reach a partner", name)
		}
		if f.Serves && f.Buckets["masked"] != nil {
			t.Errorf("%s can give values back and read what partners get", name)
		}
		if f.Serves == (len(f.Hears) > 0) {
			t.Errorf("%s hears %q and serves: %v", name, f.Hears, f.Serves)
		}
	}
	for _, topic := range topics {
		if !heard[topic] {
			t.Errorf("nobody hears %q", topic)
		}
	}
	for name := range configs {
		if _, there := w.Functions[name]; !there {
			t.Errorf("there is no function %q", name)
		}
	}
}

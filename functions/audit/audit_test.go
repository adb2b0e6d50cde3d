package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/ledger"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

const origin = "example.com/audit"

// world is a ledger's bucket behind the URL test://ledger.
type world struct {
	bucket   *blob.Bucket
	injector *storetest.Injector // of what the URL opens
	cfg      Config
	verifier note.Verifier
}

func (w *world) OpenBucketURL(context.Context, *url.URL) (*blob.Bucket, error) {
	return w.injector.Bucket("ledger", w.bucket), nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	skey, vkey, err := ledger.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{bucket: memblob.OpenBucket(nil), injector: &storetest.Injector{}}
	t.Cleanup(func() { w.bucket.Close() })
	if w.verifier, err = note.NewVerifier(vkey); err != nil {
		t.Fatal(err)
	}
	mux := new(blob.URLMux)
	mux.RegisterBucket("test", w)
	w.cfg = Config{Ledger: "test://ledger", Origin: origin, SigningKey: skey, Buckets: mux}
	return w
}

func (w *world) open(t *testing.T) *Function {
	t.Helper()
	f, err := Open(t.Context(), w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// recorded verifies the ledger and returns what is in it.
func (w *world) recorded(t *testing.T) map[string]ledger.Record {
	t.Helper()
	report, err := ledger.Verify(t.Context(), w.bucket, w.verifier, origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Signed != report.Entries {
		t.Fatalf("%d of %d entries are signed", report.Signed, report.Entries)
	}
	all := map[string]ledger.Record{}
	err = ledger.OpenReader(w.bucket, w.verifier, origin).Records(t.Context(), func(_ int64, r ledger.Record) error {
		if _, twice := all[r.ID]; twice {
			t.Errorf("%s is recorded twice", r.ID)
		}
		all[r.ID] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// outcome makes an event of the chain.
func outcome(t *testing.T, typ string, n int, data any) event.Event {
	t.Helper()
	cause := ce.New()
	cause.SetID(fmt.Sprintf("cause-%d", n))
	cause.SetExtension(event.ExtCorrelationID, "drop-1")
	e, err := event.New(cause, typ, "/sallyport/test", time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEveryOutcomeIsRecorded(t *testing.T) {
	drop := event.Drop{ID: "drop-1", Partner: "acme", Contract: "inventory"}
	outcomes := []event.Event{
		outcome(t, event.TypeDropAccepted, 1, event.DropOutcome{Drop: drop, Rows: event.Rows{Accepted: 9007199254740993}}),
		outcome(t, event.TypeDropRejected, 2, event.DropOutcome{Drop: drop, Notes: []string{"<a> & b"}}),
		outcome(t, event.TypeSegmentAccepted, 3, event.SegmentAccepted{Drop: drop}),
		outcome(t, event.TypeSegmentMasked, 4, event.SegmentMasked{Drop: drop}),
		outcome(t, event.TypeDeliveryCompleted, 5, event.Delivery{Drop: drop}),
		outcome(t, event.TypeDeliveryFailed, 6, event.Delivery{Drop: drop}),
		outcome(t, event.TypeDeadLettered, 7, event.DeadLetter{ID: "x"}),
		outcome(t, "io.sallyport.something.new", 8, map[string]string{"more": "than this version knows"}),
	}
	others := []event.Event{
		outcome(t, event.TypeDropReceived, 9, event.DropReceived{Key: "acme/x.csv"}),
		outcome(t, event.TypeTick, 10, nil),
		outcome(t, "com.example.order", 11, map[string]string{"name": "Anna"}),
	}
	w := newWorld(t)
	f := w.open(t)
	answers, err := f.HandleBatch(t.Context(), slices.Concat(others, outcomes, outcomes))
	if err != nil || answers != nil {
		t.Fatal(answers, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got := w.recorded(t)
	if len(got) != len(outcomes) {
		t.Errorf("%d records, want %d", len(got), len(outcomes))
	}
	for _, e := range outcomes {
		r := got[e.ID()]
		if r.Type != e.Type() {
			t.Errorf("%s: recorded as %q", e.Type(), r.Type)
		}
		var back ce.Event // the record is the event, to whoever reads CloudEvents
		if err := json.Unmarshal(r.JSON, &back); err != nil {
			t.Errorf("%s: %v", e.Type(), err)
			continue
		}
		var data, want any
		if len(e.Data()) > 0 {
			if err := errors.Join(json.Unmarshal(back.Data(), &data), json.Unmarshal(e.Data(), &want)); err != nil {
				t.Error(err)
			}
		}
		if back.Context.String() != e.Context.String() || !reflect.DeepEqual(data, want) {
			t.Errorf("%s: the record is\n%s\nof\n%s", e.Type(), back, e)
		}
	}
}

func TestRecordIsCanonical(t *testing.T) {
	e := outcome(t, "io.sallyport.something.new", 1, json.RawMessage(`{"b": 1.50, "a": {"d": 9007199254740993, "c": "<é>"}}`))
	r, err := recordOf(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"causationid":"cause-1","correlationid":"drop-1","data":{"a":{"c":"<é>","d":9007199254740993},"b":1.50},` +
		`"datacontenttype":"application/json","id":"` + e.ID() + `","source":"/sallyport/test","specversion":"1.0",` +
		`"time":"2026-11-01T12:00:00Z","type":"io.sallyport.something.new"}`
	if string(r.JSON) != want {
		t.Errorf("\n got %s\nwant %s", r.JSON, want)
	}
}

func TestPoisonHindersNobody(t *testing.T) {
	w := newWorld(t)
	f := w.open(t)
	good := []event.Event{
		outcome(t, event.TypeDeliveryCompleted, 1, event.Delivery{}),
		outcome(t, event.TypeDeliveryCompleted, 2, event.Delivery{}),
	}
	wrongData := outcome(t, event.TypeDeliveryCompleted, 3, []string{"secret"})
	notJSON := outcome(t, "io.sallyport.something.new", 4, nil)
	notJSON.SetDataContentType(ce.ApplicationJSON)
	notJSON.DataEncoded = []byte("secret")
	noID := outcome(t, event.TypeDeliveryCompleted, 5, event.Delivery{})
	noID.SetID("")
	tooLarge := outcome(t, "io.sallyport.something.new", 6, strings.Repeat("secret", ledger.MaxRecord/6))

	_, err := f.HandleBatch(t.Context(), []event.Event{wrongData, good[0], notJSON, noID, good[1], tooLarge})
	for i := range 6 {
		item := fault.Of(err, i)
		switch i {
		case 1, 4:
			if item != nil {
				t.Errorf("%d: %v", i, item)
			}
		default:
			if fault.KindOf(item) != fault.Poison {
				t.Errorf("%d: %v", i, item)
			} else if strings.Contains(item.Error(), "secret") {
				t.Errorf("%d: the error holds a part of the event: %v", i, item)
			}
		}
	}
	if _, err := f.Handle(t.Context(), wrongData); fault.KindOf(err) != fault.Poison {
		t.Errorf("alone: %v", err)
	}
	if got := w.recorded(t); len(got) != 2 {
		t.Errorf("%d records, want 2", len(got))
	}
}

// Wherever an append breaks off, every event comes again and is recorded once.
func TestFaults(t *testing.T) {
	events := []event.Event{
		outcome(t, event.TypeDeliveryCompleted, 1, event.Delivery{}),
		outcome(t, event.TypeTick, 2, nil),
		outcome(t, event.TypeDeliveryCompleted, 3, []string{"poison"}),
		outcome(t, event.TypeDeliveryFailed, 4, event.Delivery{}),
	}
	for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
		failed := 0
		for at := range 100 {
			w := newWorld(t)
			w.injector = &storetest.Injector{At: at, Mode: mode}
			f, err := Open(t.Context(), w.cfg)
			if err == nil {
				_, err = f.HandleBatch(t.Context(), events)
				if fault.KindOf(fault.Of(err, 2)) != fault.Poison || fault.Of(err, 1) != nil {
					t.Errorf("operation %d %s: the poison, or the tick: %v", at, mode, err)
				}
				if one, other := fault.Of(err, 0), fault.Of(err, 3); fault.KindOf(one) != fault.Retry || fault.KindOf(other) != fault.Retry || (one == nil) != (other == nil) {
					t.Errorf("operation %d %s: %v and %v", at, mode, one, other)
				}
				err = fault.Of(err, 0)
			}
			if len(w.injector.Ops()) <= at {
				break // as many operations as there are have failed
			}
			if err != nil {
				failed++
			} else if mode == storetest.Before {
				t.Errorf("operation %d failed, and nobody was told", at)
			}
			if f == nil {
				f = w.open(t)
			}
			_, err = f.HandleBatch(t.Context(), events)
			if fault.Of(err, 0) != nil || fault.Of(err, 3) != nil {
				t.Errorf("operation %d %s, again: %v", at, mode, err)
			}
			if got := w.recorded(t); len(got) != 2 {
				t.Errorf("operation %d %s: %d records, want 2", at, mode, len(got))
			}
		}
		if failed < 5 {
			t.Errorf("%s: %d operations failed: the table does not do what it should", mode, failed)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 3 {
		f := w.open(t)
		for c := range 4 {
			wg.Go(func() {
				for i := range 5 {
					e := outcome(t, event.TypeDeliveryCompleted, c*3+i, event.Delivery{Segment: i})
					if _, err := f.Handle(context.Background(), e); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if got := w.recorded(t); len(got) != 14 {
		t.Errorf("%d records, want 14", len(got))
	}
}

func TestOpenRefuses(t *testing.T) {
	w := newWorld(t)
	other := newWorld(t)
	if _, err := w.open(t).Handle(t.Context(), outcome(t, event.TypeDeliveryCompleted, 1, event.Delivery{})); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		code   string
	}{
		"no key":         {func(c *Config) { c.SigningKey = "PRIVATE+KEY+nonsense" }, "ledger-key"},
		"another key":    {func(c *Config) { c.SigningKey = other.cfg.SigningKey }, "ledger-damaged"},
		"another origin": {func(c *Config) { c.Origin = "example.com/other" }, "ledger-origin"},
		"no bucket":      {func(c *Config) { c.Ledger = "nothing://x" }, "bucket-open"},
	} {
		cfg := w.cfg
		c.change(&cfg)
		f, err := Open(t.Context(), cfg)
		if fault.CodeOf(err) != c.code || f != nil {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "nonsense") {
			t.Errorf("%s: the error holds the key", name)
		}
	}
}

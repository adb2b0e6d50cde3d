package mask_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// world is a mask on buckets in memory.
type world struct {
	t       testing.TB
	buckets map[string]*blob.Bucket
	digest  string
	ring    string // URL of the key ring
	f       *mask.Function
}

// OpenBucketURL implements blob.BucketURLOpener: test://name.
func (w *world) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	return new(storetest.Injector).Bucket(u.Host, w.buckets[u.Host]), nil
}

const contractFile = `apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
- name: orders
  properties:
  - {name: id, logicalType: integer, classification: public}
  - {name: name, logicalType: string, classification: confidential}
  - {name: country, logicalType: string, classification: internal}
  - {name: secret, logicalType: string}
`

// subscription is the YAML of one; more is added to it as it stands.
func subscription(id, more string) string {
	return "- id: " + id + "\n  contract: orders\n  purpose: test\n  legalBasis: contract\n  destination: {url: \"mem://" + id + "\"}\n" + more
}

func newWorld(t testing.TB, subscriptions ...string) *world {
	t.Helper()
	return openWorld(t, "", contractFile, subscriptions...)
}

// openWorld is newWorld with more in exchange.yaml, and a contract.
func openWorld(t testing.TB, more, contract string, subscriptions ...string) *world {
	t.Helper()
	w := &world{t: t, buckets: map[string]*blob.Bucket{"landing": memblob.OpenBucket(nil), "masked": memblob.OpenBucket(nil), "config": memblob.OpenBucket(nil)}}
	files := fstest.MapFS{
		"exchange.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: test\n" + more)},
		"contracts/orders.odcs.yaml": {Data: []byte(contract)},
		"partners/p.yaml":            {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nname: p\nsubscriptions:\n" + strings.Join(subscriptions, ""))},
		"profiles/tokens.yaml":       {Data: []byte("apiVersion: sallyport.io/v1\nkind: Profile\nid: tokens\nrules:\n- {path: name, transform: {type: token}}\n")},
		"profiles/coarse.yaml":       {Data: []byte(coarse)},
		"profiles/french.yaml":       {Data: []byte("apiVersion: sallyport.io/v1\nkind: Profile\nid: french\nrules:\n- {path: name, transform: {type: drop}}\n- {path: name, dropRow: {pattern: \"^B;\"}}\n")},
	}
	bundle, err := exchange.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange.Open(w.buckets["config"]).Publish(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	w.digest = bundle.Digest()
	w.ring = filepath.Join(t.TempDir(), "ring.json")
	if err := keys.Create(t.Context(), w.ring); err != nil {
		t.Fatal(err)
	}
	mux := new(blob.URLMux)
	mux.RegisterBucket("test", w)
	if w.f, err = mask.Open(t.Context(), mask.Config{Landing: "test://landing", Masked: "test://masked", Exchange: "test://config", Keys: w.ring, Buckets: mux}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.f.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// segment lays a segment into landing and makes its event.
func (w *world) segment(text string, f event.Format) event.Event {
	w.t.Helper()
	if _, err := store.Create(w.t.Context(), w.buckets["landing"], "d/x/000000", []byte(text)); err != nil {
		w.t.Fatal(err)
	}
	e, err := event.Origin("accepted", event.TypeSegmentAccepted, "/test", time.Now(), event.SegmentAccepted{
		Drop:     event.Drop{ID: "d", Partner: "q", Contract: "orders", Object: "orders", Time: time.Now()},
		Segments: 1, Format: f, Object: event.Ref{Key: "d/x/000000", Size: int64(len(text))},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	e.SetExtension(event.ExtExchange, w.digest)
	return e
}

var csvFormat = event.Format{Codec: "csv", Delimiter: ";", Header: true, Terminator: "crlf", Columns: []string{"country", "id", "name", "secret"}}

const rows = "country;id;name;secret\r\nDE;1;Ann;s1\r\nFR;2;\"B;b\";s2\r\nDE;3;;s3\r\n"

// handle masks a segment and answers what each subscription gets.
func (w *world) handle(e event.Event) map[string]event.SegmentMasked {
	w.t.Helper()
	out, err := w.f.Handle(w.t.Context(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]event.SegmentMasked{}
	for _, e := range out {
		s, err := event.Decode[event.SegmentMasked](e)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, twice := got[s.Subscription]; twice {
			w.t.Errorf("%s is masked for twice", s.Subscription)
		}
		got[s.Subscription] = s
	}
	return got
}

func (w *world) text(s event.SegmentMasked) string {
	w.t.Helper()
	if s.Rows == 0 {
		if s.Object.Key != "" {
			w.t.Errorf("%s has no rows, but an object", s.Subscription)
		}
		return ""
	}
	data, err := w.buckets["masked"].ReadAll(w.t.Context(), s.Object.Key)
	if err != nil {
		w.t.Fatal(err)
	}
	if store.Digest(data) != s.Object.Digest || int64(len(data)) != s.Object.Size {
		w.t.Errorf("the reference of %s is not that of its object", s.Subscription)
	}
	return string(data)
}

func TestViews(t *testing.T) {
	w := newWorld(t,
		subscription("all", ""),
		subscription("same", ""),
		subscription("germany", "  filter: country == \"DE\"\n"),
		subscription("early", "  filter: id < 3\n"),
		subscription("nobody", "  filter: country in [\"IT\"]\n"),
		subscription("tokens", "  profile: tokens\n"),
		subscription("one", "  columns: [country]\n"),
		subscription("expired", "  expires: 2020-01-01\n"),
		subscription("revoked", "  revoked: true\n"))
	e := w.segment(rows, csvFormat)
	got := w.handle(e)
	for id, want := range map[string]string{
		"all":     "country;id\r\nDE;1\r\nFR;2\r\nDE;3\r\n",
		"germany": "country;id\r\nDE;1\r\nDE;3\r\n",
		"early":   "country;id\r\nDE;1\r\nFR;2\r\n",
		"nobody":  "",
		"one":     "country\r\nDE\r\nFR\r\nDE\r\n",
	} {
		s, there := got[id]
		if !there {
			t.Errorf("%s gets nothing, not even that there is nothing", id)
			continue
		}
		if text := w.text(s); text != want {
			t.Errorf("%s gets %q, want %q", id, text, want)
		}
	}
	if got["all"].View != got["same"].View || got["all"].Object != got["same"].Object {
		t.Error("equal views are made twice")
	}
	lines := strings.Split(w.text(got["tokens"]), "\r\n")
	if len(lines) != 5 || lines[0] != "country;id;name" || !strings.HasPrefix(lines[1], "DE;1;t1_") || !strings.HasPrefix(lines[2], "FR;2;t1_") || lines[3] != "DE;3;" {
		t.Errorf("tokens gets %q", lines)
	}
	for _, id := range []string{"expired", "revoked"} {
		if _, there := got[id]; there {
			t.Errorf("%s is served", id)
		}
	}
	// Again, in another process: the same events, the same bytes.
	again := w.handle(e)
	for id, s := range got {
		if a := again[id]; fmt.Sprint(a) != fmt.Sprint(s) {
			t.Errorf("%s differs the second time:\n%+v\n%+v", id, s, a)
		}
	}
}

// TestManyViews: more views than are written at once.
func TestManyViews(t *testing.T) {
	var subs []string
	for i := range 150 {
		subs = append(subs, subscription(fmt.Sprintf("s%d", i), fmt.Sprintf("  filter: id == %d\n", i)))
	}
	w := newWorld(t, subs...)
	got := w.handle(w.segment(rows, csvFormat))
	served := 0
	for _, s := range got {
		served += int(s.Rows)
	}
	if len(got) != 150 || served != 3 {
		t.Errorf("%d subscriptions, %d rows", len(got), served)
	}
}

func TestOtherEvents(t *testing.T) {
	w := newWorld(t, subscription("all", ""))
	e, err := event.Origin("x", event.TypeDropAccepted, "/test", time.Now(), event.DropOutcome{})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := w.f.Handle(t.Context(), e); out != nil || err != nil {
		t.Errorf("%v, %v", out, err)
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*world, *event.Event)
		kind  fault.Kind
		code  string
	}{
		{"landing lacks the segment", func(w *world, _ *event.Event) { w.delete("landing", "d/x/000000") }, fault.Retry, "bucket-read"},
		{"landing is damaged", func(w *world, _ *event.Event) {
			w.delete("landing", "d/x/000000")
			w.put("landing", "d/x/000000", "country;id;name;secret\r\nDE;1\r\n")
		}, fault.Poison, "landing-damaged"},
		{"unknown exchange", func(_ *world, e *event.Event) { e.SetExtension(event.ExtExchange, store.Digest(nil)) }, fault.Poison, "bundle-unknown"},
		{"another's object in masked", func(w *world, e *event.Event) {
			s := w.handle(*e)["all"]
			w.delete("masked", s.Object.Key)
			w.put("masked", s.Object.Key, "something else")
		}, fault.Poison, "object-differs"},
		{"unreadable event", func(_ *world, e *event.Event) { e.DataEncoded = []byte("[") }, fault.Poison, "event-data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, subscription("all", ""))
			e := w.segment(rows, csvFormat)
			test.spoil(w, &e)
			out, err := w.f.Handle(t.Context(), e)
			if out != nil || fault.KindOf(err) != test.kind || fault.CodeOf(err) != test.code {
				t.Errorf("got %v, %v; want %s %s", out, err, test.kind, test.code)
			}
			if bytes.Contains([]byte(err.Error()), []byte("Ann")) {
				t.Errorf("the error holds a value: %v", err)
			}
		})
	}
}

func (w *world) delete(bucket, key string) {
	w.t.Helper()
	if err := w.buckets[bucket].Delete(w.t.Context(), key); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) put(bucket, key, text string) {
	w.t.Helper()
	if err := w.buckets[bucket].WriteAll(w.t.Context(), key, []byte(text), nil); err != nil {
		w.t.Fatal(err)
	}
}

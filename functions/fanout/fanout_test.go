package fanout

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"gocloud.dev/blob"
	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

func TestDelivers(t *testing.T) {
	w := newWorld(t)
	events := w.masked(t, w.publish(t, subscription(toBucket)...), "a,1\nb,2\n", "", "c,3\n")
	f := w.open(t)
	drop := event.DropID("maker/stock.csv", "1")
	folder := "stock/" + drop + "/"
	outs := make([][]event.Event, len(events))
	for _, i := range []int{2, 0, 1} {
		outs[i] = handle(t, f, events[i])
		d := only(t, outs[i], event.TypeDeliveryCompleted)
		want := event.Delivery{Drop: d.Drop, Segment: i, Segments: 3, Subscription: "acme-stock", Partner: "acme"}
		switch i {
		case 0:
			want.Rows, want.Object = 2, event.Ref{Key: folder + "000000.csv", Size: 8, Digest: store.Digest([]byte("a,1\nb,2\n"))}
		case 1:
			if got := whole(t, outs[i]); got == nil || *got != (event.DropDelivered{Drop: d.Drop, Segments: 3, Subscription: "acme-stock", Partner: "acme", Rows: 3, Manifest: folder + "manifest.json"}) {
				t.Errorf("the drop is told as %+v", got)
			}
		case 2:
			want.Rows, want.Object = 1, event.Ref{Key: folder + "000002.csv", Size: 4, Digest: store.Digest([]byte("c,3\n"))}
		}
		if d != want {
			t.Errorf("segment %d: got %+v, want %+v", i, d, want)
		}
		if e := outs[i][0]; e.Subject() != fmt.Sprintf("%s/%06d/acme-stock", drop, i) || event.Extension(e, event.ExtCausationID) != events[i].ID() || e.Source() != Source {
			t.Errorf("segment %d: event %v", i, e)
		}
	}
	want := map[string]string{folder + "000000.csv": "a,1\nb,2\n", folder + "000002.csv": "c,3\n", folder + "manifest.json": `{
  "contract": "stock",
  "object": "level",
  "drop": "` + drop + `",
  "subscription": "acme-stock",
  "rows": 3,
  "segments": [
    {
      "segment": 0,
      "rows": 2,
      "key": "` + folder + `000000.csv",
      "size": 8,
      "digest": "` + store.Digest([]byte("a,1\nb,2\n")) + `"
    },
    {
      "segment": 2,
      "rows": 1,
      "key": "` + folder + `000002.csv",
      "size": 4,
      "digest": "` + store.Digest([]byte("c,3\n")) + `"
    }
  ]
}
`}
	if got := w.objects(t, "partner"); !maps.Equal(got, want) {
		t.Errorf("the partner has\n%v\nwant\n%v", got, want)
	}

	// A second run, later and by another copy, touches the partner in no way and
	// tells the same, to the byte.
	w.clock.Store(3600 * 48)
	before := len(w.Ops())
	again := w.open(t)
	for i, e := range events {
		// By now the drop is complete, whichever segment comes again.
		want := []event.Event{outs[i][0], outs[1][1]}
		if out := handle(t, again, e); fmt.Sprint(out) != fmt.Sprint(want) {
			t.Errorf("segment %d: the second run tells\n%v\nwant\n%v", i, out, want)
		}
	}
	for _, op := range w.Ops()[before:] {
		if strings.HasPrefix(op, "partner") || strings.Contains(op, "write") {
			t.Errorf("the second run did: %s", op)
		}
	}
}

func TestOtherEvents(t *testing.T) {
	f := newWorld(t).open(t)
	for _, typ := range []string{event.TypeSegmentAccepted, event.TypeDeliveryCompleted, event.TypeTick, "com.example.x"} {
		e := ce.New()
		e.SetType(typ)
		if out, err := f.Handle(t.Context(), e); out != nil || err != nil {
			t.Errorf("%s: %v, %v", typ, out, err)
		}
	}
}

// TestNothingForNobody: a drop of which the partner may see no row leaves no
// trace at its destination.
func TestNothingForNobody(t *testing.T) {
	w := newWorld(t)
	f := w.open(t)
	for _, e := range w.masked(t, w.publish(t, subscription(toBucket)...), "", "") {
		out := handle(t, f, e)
		if d := only(t, out, event.TypeDeliveryCompleted); d.Rows != 0 || whole(t, out) != nil {
			t.Errorf("%+v", out)
		}
	}
	if got := w.objects(t, "partner"); len(got) > 0 {
		t.Errorf("the partner has %v", got)
	}
}

// TestOuterDoor: whatever the newest exchange no longer allows does not leave,
// though the drop is pinned to one that did; what was delivered stays told.
func TestOuterDoor(t *testing.T) {
	for _, test := range []struct {
		name, code string
		clock      int64
		lines      []string
	}{
		{"revoked", "subscription-revoked", 0, subscription("revoked: true", toBucket)},
		{"expired", "subscription-expired", 3600 * 24, subscription("expires: 2026-05-06", toBucket)},
		{"removed", "subscription-removed", 0, []string{"id: acme-other", "contract: stock", toBucket}},
		{"to another contract", "subscription-removed", 0, []string{"id: acme-stock", "contract: other", toBucket}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			events := w.masked(t, w.publish(t, subscription(toBucket)...), "a,1\n", "b,2\n")
			f := w.open(t)
			first := handle(t, f, events[0])
			w.publish(t, test.lines...)
			w.clock.Store(test.clock)
			d := only(t, handle(t, f, events[1]), event.TypeDeliveryFailed)
			if d.Fault == nil || d.Fault.Kind != "denied" || d.Fault.Code != test.code || d.Fault.Where.Subscription != "acme-stock" || d.Rows != 0 {
				t.Errorf("got %+v, fault %+v", d, d.Fault)
			}
			if got := slices.Collect(maps.Keys(w.objects(t, "partner"))); len(got) != 1 || !strings.HasSuffix(got[0], "000000.csv") {
				t.Errorf("the partner has %v", got)
			}
			if again := handle(t, f, events[0]); fmt.Sprint(again) != fmt.Sprint(first) {
				t.Errorf("what was delivered before is told as\n%v\nwant\n%v", again, first)
			}
		})
	}
}

// TestManifestAfterRevocation: all segments are there, but the partner was
// revoked before the manifest was.
func TestManifestAfterRevocation(t *testing.T) {
	w := newWorld(t)
	events := w.masked(t, w.publish(t, subscription(toBucket)...), "a,1\n")
	f := w.open(t)
	w.broken.Store(true)
	key := marksPrefix(&event.SegmentMasked{Subscription: "acme-stock", Drop: event.Drop{ID: event.DropID("maker/stock.csv", "1")}}) + number(0)
	data := `{"rows":1,"object":{"key":"k","size":4,"digest":"d"},"time":"2026-05-06T07:08:09Z"}` // a copy that died then
	if _, err := store.Create(t.Context(), w.buckets["state"], key, []byte(data)); err != nil {
		t.Fatal(err)
	}
	if out, err := f.Handle(t.Context(), events[0]); fault.CodeOf(err) != deliver.CodeUnavailable {
		t.Fatalf("the manifest cannot be delivered: %v, %v", out, err)
	}
	w.broken.Store(false)
	w.publish(t, subscription("revoked: true", toBucket)...)
	out := handle(t, f, events[0])
	if len(out) != 2 {
		t.Fatalf("got %v", out)
	}
	only(t, out[:1], event.TypeDeliveryCompleted)
	if d := only(t, out[1:], event.TypeDeliveryFailed); d.Fault.Code != "subscription-revoked" {
		t.Errorf("fault %+v", d.Fault)
	}
	if got := w.objects(t, "partner"); len(got) > 0 {
		t.Errorf("the partner has %v", got)
	}
}

func TestRefuses(t *testing.T) {
	for _, test := range []struct {
		name, code string
		change     func(*event.SegmentMasked)
	}{
		{"another view's object", "object-misplaced", func(s *event.SegmentMasked) { s.Object.Key = "secret/" + s.Object.Key }},
		{"another view", "view-unknown", func(s *event.SegmentMasked) { s.View = "secret" }},
		{"another partner's view", "view-unknown", func(s *event.SegmentMasked) { s.Subscription, s.Partner = "rival-stock", "rival" }},
		{"another partner", "subscription-unknown", func(s *event.SegmentMasked) { s.Partner = "rival" }},
		{"no subscription", "subscription-unknown", func(s *event.SegmentMasked) { s.Subscription = "../x" }},
		{"another contract", "view-unknown", func(s *event.SegmentMasked) { s.Drop.Contract = "other" }},
		{"segment too high", "event-data", func(s *event.SegmentMasked) { s.Segment = 1 }},
		{"segment too low", "event-data", func(s *event.SegmentMasked) { s.Segment = -1 }},
		{"unknown column", "format", func(s *event.SegmentMasked) { s.Format.Columns = []string{"x"} }},
		{"other bytes", deliver.CodeDigest, func(s *event.SegmentMasked) { s.Object.Digest = store.Digest(nil) }},
		{"no bytes", "masked-missing", func(s *event.SegmentMasked) { s.Drop.ID = "x"; s.Object.Key = s.View + "/x/000000" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.publish(t, subscription(toBucket)...)
			s, err := event.Decode[event.SegmentMasked](w.masked(t, b, "hush,1\n")[0])
			if err != nil {
				t.Fatal(err)
			}
			test.change(&s)
			out, err := w.open(t).Handle(t.Context(), w.event(t, b, s))
			if len(out) > 0 || fault.KindOf(err) != fault.Poison || fault.CodeOf(err) != test.code {
				t.Errorf("got %v, %v", out, err)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error holds a value: %v", err)
			}
			if got := w.objects(t, "partner"); len(got) > 0 {
				t.Errorf("the partner has %v", got)
			}
		})
	}
	t.Run("unknown exchange", func(t *testing.T) {
		w := newWorld(t)
		e := w.masked(t, w.publish(t, subscription(toBucket)...), "a,1\n")[0]
		e.SetExtension(event.ExtExchange, store.Digest(nil))
		if _, err := w.open(t).Handle(t.Context(), e); fault.KindOf(err) != fault.Poison {
			t.Errorf("got %v", err)
		}
	})
}

// TestBrokenPartner: a destination is tried for as long as the subscription
// says. It is opened anew each time.
func TestBrokenPartner(t *testing.T) {
	w := newWorld(t)
	events := w.masked(t, w.publish(t, subscription(toBucket)...), "a,1\n")
	f := w.open(t)
	w.broken.Store(true)
	w.clock.Store(3600)
	for range 2 {
		if out, err := f.Handle(t.Context(), events[0]); fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != deliver.CodeUnavailable || len(out) > 0 {
			t.Fatalf("within retryFor: %v, %v", out, err)
		}
	}
	w.clock.Store(3601)
	d := only(t, handle(t, f, events[0]), event.TypeDeliveryFailed)
	if d.Fault.Kind != "retry" || d.Fault.Code != deliver.CodeUnavailable || d.Fault.Do == "" || d.Fault.Where.Partner != "acme" {
		t.Errorf("fault %+v", d.Fault)
	}
	// Stopped by its host it has not failed, however late it is.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out, err := f.Handle(ctx, events[0]); fault.KindOf(err) != fault.Retry || err == nil {
		t.Errorf("stopped: %v, %v", out, err)
	}
	w.broken.Store(false)
	if whole(t, handle(t, f, events[0])) == nil {
		t.Error("after it was mended the drop is not delivered")
	}
}

// TestOurOwnWorld: that fanout's own buckets do not answer is never told as the
// partner's failure, however long it lasts.
func TestOurOwnWorld(t *testing.T) {
	ops := []string{""}
	theirs := 0
	for at := -1; at < len(ops); at++ { // -1: none fails, to learn the operations
		w := newWorld(t)
		events := w.masked(t, w.publish(t, subscription(toBucket)...), "a,1\n")
		w.clock.Store(3600 * 24 * 365)
		w.At, w.Mode = at, storetest.Before
		out, err := w.open(t).Handle(t.Context(), events[0])
		switch {
		case at < 0:
			only(t, out, event.TypeDeliveryCompleted)
			ops = w.Ops()
		case strings.HasPrefix(ops[at], "partner"):
			theirs++
			if err != nil || out[len(out)-1].Type() != event.TypeDeliveryFailed {
				t.Errorf("%s failed, told as %v, %v", ops[at], out, err)
			}
			if delivered := len(out) == 2; delivered != strings.HasSuffix(ops[at], "manifest.json") {
				t.Errorf("%s failed, told as %v", ops[at], out)
			}
		case fault.KindOf(err) != fault.Retry || err == nil || len(out) > 0:
			t.Errorf("%s failed, told as %v, %v", ops[at], out, err)
		}
	}
	if theirs != 2 || len(ops) < 10 {
		t.Errorf("%d of the operations are the partner's: %q", theirs, ops)
	}
}

var faultTargets = map[string]string{
	"bucket":    toBucket,
	"converted": "destination: {url: 'b://partner', format: json}",
	"rows":      "destination: {url: 't://topic', send: rows}",
}

// TestFaults makes every operation on a bucket and a topic fail once, before and
// after it took effect. The event is handled again, as a queue would; then the
// partner has what it has without faults, and the same is told.
func TestFaults(t *testing.T) {
	type result struct {
		objects, events map[string]string
		told            []string
	}
	run := func(t *testing.T, w *world, b *exchange.Bundle, ids int) (r result, failures []error) {
		for _, e := range w.masked(t, b, "hush,1\nb,2\n", "", "c,3\n") {
			f := w.open(t) // a crash forgets all that was cached
			out, err := f.Handle(t.Context(), e)
			for err != nil && len(failures) < 5 {
				failures = append(failures, err)
				f = w.open(t)
				out, err = f.Handle(t.Context(), e)
			}
			if err != nil {
				t.Fatal(failures)
			}
			for _, e := range out {
				r.told = append(r.told, e.ID()+e.Type()+string(e.Data()))
			}
		}
		r.objects, r.events = w.objects(t, "partner"), w.events(t, ids)
		return r, failures
	}
	ids := map[string]int{"rows": 4} // three rows and the manifest
	for name, destination := range faultTargets {
		clean := newWorld(t)
		want, failures := run(t, clean, clean.publish(t, subscription(destination)...), ids[name])
		ops := clean.Ops()
		if len(failures) > 0 || len(want.objects)+len(want.events) < 3 || len(ops) < 10 {
			t.Fatal(failures, want, ops)
		}
		for at := range ops {
			for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
				t.Run(fmt.Sprintf("%s/%d %s", name, at, mode), func(t *testing.T) {
					w := newWorld(t)
					w.At, w.Mode = at, mode
					got, failures := run(t, w, w.publish(t, subscription(destination)...), ids[name])
					// To look for what is not there fails in its own way, after which
					// there is no effect for a failure to follow.
					natural := mode == storetest.After && !strings.Contains(ops[at], "write") && !strings.Contains(ops[at], "send")
					if len(failures) > 1 || len(failures) == 0 && !natural {
						t.Errorf("operation %q: failures %v", ops[at], failures)
					}
					for _, err := range failures {
						if fault.KindOf(err) != fault.Retry {
							t.Errorf("operation %q: %v", ops[at], err)
						}
						if strings.Contains(err.Error(), "hush") {
							t.Errorf("operation %q: the error holds a value: %v", ops[at], err)
						}
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("operation %q: got\n%v\nwant\n%v", ops[at], got, want)
					}
				})
			}
		}
	}
}

// TestCopiesAtOnce: two copies of the function, each handling every event twice
// at the same time.
func TestCopiesAtOnce(t *testing.T) {
	w := newWorld(t)
	var texts []string
	for i := range 12 {
		texts = append(texts, fmt.Sprintf("sku,%d\n", i))
	}
	events := w.masked(t, w.publish(t, subscription(toBucket)...), texts...)
	var mu sync.Mutex
	told := map[string][]string{} // by id
	var work sync.WaitGroup
	for _, f := range []*Function{w.open(t), w.open(t)} {
		for _, e := range slices.Concat(events, events) {
			work.Go(func() {
				out, err := f.Handle(t.Context(), e)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || len(out) == 0 || out[0].Type() != event.TypeDeliveryCompleted || len(out) > 1 && whole(t, out) == nil {
					t.Errorf("%v, %v", out, err)
					return
				}
				for _, e := range out {
					told[e.ID()] = append(told[e.ID()], e.String())
				}
			})
		}
	}
	work.Wait()
	for id, all := range told {
		if slices.Sort(all); all[0] != all[len(all)-1] {
			t.Errorf("%s is told as %s and %s", id, all[0], all[len(all)-1])
		}
	}
	if len(told) != len(events)+1 {
		t.Errorf("%d events are told, want one a segment and one for the drop", len(told))
	}
	if got := w.objects(t, "partner"); len(got) != len(events)+1 {
		t.Errorf("the partner has %d objects", len(got))
	}
}

// TestRowIDs: rows sent again, because the mark was not reached, are the same
// events.
func TestRowIDs(t *testing.T) {
	w := newWorld(t)
	events := w.masked(t, w.publish(t, subscription(faultTargets["rows"])...), "a,1\nb,2\n")
	f := w.open(t)
	handle(t, f, events[0])
	first := w.events(t, 3)
	for key := range w.objects(t, "state") {
		if err := w.buckets["state"].Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Store(60)
	handle(t, f, events[0])
	if second := w.events(t, 3); len(first) != 3 || !maps.Equal(first, second) {
		t.Errorf("first\n%v\nsecond\n%v", first, second)
	}
}

// TestPool: destinations are opened once and do not pile up.
func TestPool(t *testing.T) {
	w := newWorld(t)
	buckets := new(blob.URLMux)
	buckets.RegisterBucket("b", w)
	p := newPool(deliver.Opener{Buckets: buckets, Topics: new(pubsub.URLMux)})
	use := func(target string, err error) deliver.Destination {
		t.Helper()
		to, release, failed := p.acquire(t.Context(), deliver.Target{URL: target})
		if failed != nil {
			t.Fatal(failed)
		}
		release(err)
		return to
	}
	first := use("b://partner", nil)
	if again := use("b://partner", nil); again != first || w.opened.Load() != 1 {
		t.Errorf("opened %d times", w.opened.Load())
	}
	use("b://partner", fault.New(fault.Retry, deliver.CodeUnavailable, "", ""))
	if again := use("b://partner", nil); again == first || w.opened.Load() != 2 {
		t.Errorf("opened %d times: a destination that failed is not opened anew", w.opened.Load())
	}
	for i := range 2 * keepOpen {
		use(fmt.Sprintf("b://partner?n=%d", i), nil)
	}
	if n := len(p.targets); n > keepOpen {
		t.Errorf("%d destinations are open", n)
	}
	if _, _, err := p.acquire(t.Context(), deliver.Target{URL: "x://y"}); fault.CodeOf(err) != deliver.CodeConfig {
		t.Errorf("got %v", err)
	}
	if err := p.close(); err != nil || len(p.targets) > 0 {
		t.Errorf("%v, %d left", err, len(p.targets))
	}
}

func TestOpenFails(t *testing.T) {
	mux := new(blob.URLMux)
	mux.RegisterBucket("b", newWorld(t))
	for _, cfg := range []Config{{}, {Masked: "b://masked"}, {Masked: "b://masked", State: "b://state", Exchange: "x://y"}} {
		cfg.Buckets = mux
		if _, err := Open(t.Context(), cfg); cmp.Or(fault.CodeOf(err), "none") != "bucket-open" {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

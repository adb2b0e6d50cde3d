package fanout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/mempubsub"

	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// world is all that fanout touches. The buckets and the topic outlive the
// functions that are opened on them; the injector numbers what they do.
type world struct {
	storetest.Injector
	buckets map[string]*blob.Bucket
	topic   *pubsub.Topic
	sub     *pubsub.Subscription
	broken  atomic.Bool  // the partner's bucket takes nothing
	clock   atomic.Int64 // seconds after taken
	opened  atomic.Int64
	status  string // lines of the contract stock, instead of its status
}

// taken is when the drop of the tests was pinned.
var taken = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func newWorld(t testing.TB) *world {
	w := &world{buckets: map[string]*blob.Bucket{}, topic: mempubsub.NewTopic()}
	w.At = -1
	for _, name := range []string{"masked", "state", "exchange", "partner"} {
		w.buckets[name] = memblob.OpenBucket(nil)
	}
	w.sub = mempubsub.NewSubscription(w.topic, time.Minute)
	t.Cleanup(func() {
		ctx := context.Background()
		err := errors.Join(w.sub.Shutdown(ctx), w.topic.Shutdown(ctx))
		for _, b := range w.buckets {
			err = errors.Join(err, b.Close())
		}
		if err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	w.opened.Add(1)
	if u.Host == "partner" && w.broken.Load() {
		i := &storetest.Injector{At: 0, Mode: storetest.Before}
		return i.Bucket("broken", w.buckets["partner"]), nil
	}
	return w.Bucket(u.Host, w.buckets[u.Host]), nil
}

func (w *world) OpenTopicURL(context.Context, *url.URL) (*pubsub.Topic, error) {
	return w.Topic("topic", w.topic), nil
}

func (w *world) now() time.Time { return taken.Add(time.Duration(w.clock.Load()) * time.Second) }

func (w *world) open(t testing.TB) *Function {
	t.Helper()
	buckets, topics := new(blob.URLMux), new(pubsub.URLMux)
	buckets.RegisterBucket("b", w)
	topics.RegisterTopic("t", w)
	f, err := Open(t.Context(), Config{Masked: "b://masked", State: "b://state", Exchange: "b://exchange",
		Buckets: buckets, Destinations: deliver.Opener{Buckets: buckets, Topics: topics}, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	f.exchanges.Fresh = 0
	return f
}

const contractYAML = `apiVersion: v3.1.0
kind: DataContract
id: %s
name: %[1]s
version: 1.0.0
status: active
schema:
  - name: level
    logicalType: object
    properties:
      - {name: sku, logicalType: string, classification: public}
      - {name: left, logicalType: integer, classification: internal}
      - {name: cost, logicalType: number, classification: confidential}
`

const toBucket = "destination: {url: 'b://partner', retryFor: 1h}"

// publish makes an exchange the newest whose partner acme has the subscription
// acme-stock with these lines, and the partner rival one with a filter.
func (w *world) publish(t testing.TB, lines ...string) *exchange.Bundle {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"exchange.yaml":             "apiVersion: sallyport.io/v1\nkind: Exchange\nname: demo\n",
		"contracts/stock.odcs.yaml": strings.Replace(fmt.Sprintf(contractYAML, "stock"), "status: active\n", cmp.Or(w.status, "status: active\n"), 1),
		"contracts/other.odcs.yaml": fmt.Sprintf(contractYAML, "other"),
		"partners/acme.yaml": "apiVersion: sallyport.io/v1\nkind: Partner\nid: acme\nsubscriptions:\n" +
			"  - purpose: p\n    legalBasis: contract\n    " + strings.Join(lines, "\n    ") + "\n",
		"partners/rival.yaml": "apiVersion: sallyport.io/v1\nkind: Partner\nid: rival\nsubscriptions:\n" +
			"  - purpose: p\n    legalBasis: contract\n    id: rival-stock\n    contract: stock\n    filter: sku == 'r'\n    " + toBucket + "\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	b, err := exchange.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange.Open(w.buckets["exchange"]).Publish(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return b
}

// masked writes segments of a drop as mask does, and answers its events. "" is
// a segment without rows.
func (w *world) masked(t testing.TB, b *exchange.Bundle, texts ...string) []event.Event {
	t.Helper()
	p, err := policy.Compile(b)
	if err != nil {
		t.Fatal(err)
	}
	var view string
	for _, v := range p.Views("stock", "level") {
		if v.Subscriptions[0].ID == "acme-stock" {
			view = v.ID
		}
	}
	var all []event.Event
	for i, text := range texts {
		s := event.SegmentMasked{
			Drop:    event.Drop{ID: event.DropID("maker/stock.csv", "1"), Partner: "maker", Contract: "stock", Object: "level", Time: taken},
			Segment: i, Segments: len(texts), Subscription: "acme-stock", Partner: "acme", View: view, Rows: int64(strings.Count(text, "\n")),
			Format: event.Format{Codec: "csv", Delimiter: ",", Terminator: "lf", Columns: []string{"sku", "left"}},
		}
		if text != "" {
			s.Object = event.Ref{Key: path.Join(view, s.Drop.ID, fmt.Sprintf("%06d", i)), Size: int64(len(text)), Digest: store.Digest([]byte(text))}
			if _, err := store.Create(t.Context(), w.buckets["masked"], s.Object.Key, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, w.event(t, b, s))
	}
	return all
}

func (w *world) event(t testing.TB, b *exchange.Bundle, s event.SegmentMasked) event.Event {
	t.Helper()
	cause := ce.New()
	cause.SetID(fmt.Sprint("segment ", s.Segment))
	cause.SetExtension(event.ExtExchange, b.Digest())
	e, err := event.New(cause, event.TypeSegmentMasked, "/test", taken, s, s.Subscription)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// objects are what lies in a bucket, by key.
func (w *world) objects(t testing.TB, bucket string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := store.Each(t.Context(), w.buckets[bucket], "", func(o *blob.ListObject) error {
		data, err := w.buckets[bucket].ReadAll(t.Context(), o.Key)
		all[o.Key] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// events are those in the partner's topic, by id. It waits until there are n.
func (w *world) events(t testing.TB, n int) map[string]string {
	t.Helper()
	all := map[string]string{}
	for {
		wait := 20 * time.Second
		if len(all) >= n {
			wait = 20 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		m, err := w.sub.Receive(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		m.Ack()
		var e ce.Event
		if err := json.Unmarshal(m.Body, &e); err != nil {
			t.Fatal(err)
		}
		all[e.ID()] = e.String()
	}
}

func handle(t testing.TB, f *Function, e event.Event) []event.Event {
	t.Helper()
	out, err := f.Handle(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// whole is the data of the drop.delivered in out, nil if there is none.
func whole(t testing.TB, out []event.Event) *event.DropDelivered {
	t.Helper()
	if len(out) != 2 || out[1].Type() != event.TypeDropDelivered {
		return nil
	}
	d, err := event.Decode[event.DropDelivered](out[1])
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// only is the data of the one delivery in out, which must have the type. Behind
// it the drop may be told as delivered.
func only(t testing.TB, out []event.Event, typ string) event.Delivery {
	t.Helper()
	if whole(t, out) != nil {
		out = out[:1]
	}
	if len(out) != 1 || out[0].Type() != typ {
		t.Fatalf("want one %s, got %v", typ, out)
	}
	d, err := event.Decode[event.Delivery](out[0])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func subscription(lines ...string) []string {
	return append([]string{"id: acme-stock", "contract: stock"}, lines...)
}

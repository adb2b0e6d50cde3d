package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	pubsubdriver "gocloud.dev/pubsub/driver"
	"gocloud.dev/pubsub/mempubsub"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// world is a bucket and a topic that outlive the destinations opened on them,
// with one injector of faults for both.
type world struct {
	storetest.Injector
	bucket *blob.Bucket
	topic  *pubsub.Topic
	sub    *pubsub.Subscription
}

func newWorld(t testing.TB) *world {
	w := &world{bucket: memblob.OpenBucket(nil), topic: mempubsub.NewTopic()}
	w.At = -1
	w.sub = mempubsub.NewSubscription(w.topic, time.Minute)
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(w.sub.Shutdown(ctx), w.topic.Shutdown(ctx), w.bucket.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) OpenBucketURL(context.Context, *url.URL) (*blob.Bucket, error) {
	return w.Bucket("bucket", w.bucket), nil
}

func (w *world) OpenTopicURL(context.Context, *url.URL) (*pubsub.Topic, error) {
	return w.Topic("topic", w.topic), nil
}

func (w *world) opener() Opener {
	var o Opener
	o.Buckets, o.Topics = new(blob.URLMux), new(pubsub.URLMux)
	o.Buckets.RegisterBucket("b", w)
	o.Topics.RegisterTopic("t", w)
	return o
}

func (w *world) open(t testing.TB, target Target) Destination {
	t.Helper()
	d, err := Open(t.Context(), target, w.opener())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// objects are what lies in the bucket, by key.
func (w *world) objects(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := store.Each(t.Context(), w.bucket, "", func(o *blob.ListObject) error {
		data, err := w.bucket.ReadAll(t.Context(), o.Key)
		all[o.Key] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// events are those that lie in the topic, each of which must be a CloudEvent. It
// waits until there are so many ids, and a moment for more.
func (w *world) events(t testing.TB, ids int) []ce.Event {
	t.Helper()
	var all []ce.Event
	seen := map[string]bool{}
	for {
		wait := 20 * time.Second
		if len(seen) >= ids {
			wait = 30 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		m, err := w.sub.Receive(ctx)
		cancel()
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			return all
		}
		m.Ack()
		var e ce.Event
		if err := json.Unmarshal(m.Body, &e); err != nil {
			t.Fatalf("not a CloudEvent: %v", err)
		}
		if err := e.Validate(); err != nil {
			t.Fatalf("not a CloudEvent: %v", err)
		}
		if m.Metadata["content-type"] != ce.ApplicationCloudEventsJSON {
			t.Fatalf("content type %q", m.Metadata["content-type"])
		}
		seen[e.ID()] = true
		all = append(all, e)
	}
}

var schema = record.NewSchema("stock", []record.Field{
	{Parent: -1, Type: record.Object, Items: -1, Members: []int{1, 2, 3}},
	{Name: "sku", Path: "sku", Type: record.String, Items: -1},
	{Name: "left", Path: "left", Type: record.Integer, Items: -1},
	{Name: "secret", Path: "secret", Type: record.String, Items: -1},
})

const rowsCSV = "1;7\n\"a;\"\"b\";x\n;\n"

// segment is a segment of text in the format, of which the view drops secret.
func segment(text string, f record.Format) Segment {
	return Segment{
		Drop:   Drop{Subscription: "acme-stock", Contract: "urn:stock", ID: "d1", Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)},
		Number: 3, Of: 5, Rows: int64(strings.Count(text, "\n")), Schema: schema, Format: f, Columns: []int{1, 2},
		Size: int64(len(text)), Digest: store.Digest([]byte(text)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
	}
}

func csvSegment(text string) Segment {
	return segment(text, record.Format{Codec: record.CSV, Delimiter: ';', EOL: "\n", Columns: []int{1, 2}})
}

func ndjson(text string) Segment { return segment(text, record.Format{Codec: record.NDJSON}) }

func TestBucket(t *testing.T) {
	for _, test := range []struct {
		name   string
		s      Segment
		format record.Codec
		key    string
		want   string
	}{
		{"as it came", csvSegment(rowsCSV), "", "000003.csv", rowsCSV},
		{"the same format is not written anew", csvSegment(rowsCSV), record.CSV, "000003.csv", rowsCSV},
		{"csv to json", csvSegment(rowsCSV), record.JSON, "000003.json",
			"[\n{\"sku\":\"1\",\"left\":7},\n{\"sku\":\"a;\\\"b\",\"left\":\"x\"},\n{\"sku\":null,\"left\":null}\n]\n"},
		{"json to csv, without columns that the view drops", ndjson("{\"sku\":\"a,\", \"left\":1}\n{\"left\":null}\n"), record.CSV, "000003.csv",
			"sku,left\n\"a,\",1\n,\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			d := w.open(t, Target{URL: "b://x", Format: test.format})
			key := "urn:stock/d1/" + test.key
			for range 2 { // the second finds it there
				r, err := d.Deliver(t.Context(), test.s)
				if err != nil {
					t.Fatal(err)
				}
				if r.Rows != test.s.Rows || r.Object.Key != key || r.Object.Size != int64(len(test.want)) || r.Object.Digest != store.Digest([]byte(test.want)) {
					t.Errorf("receipt %+v", r)
				}
				if k, err := d.Manifest(t.Context(), test.s.Drop, []byte("{}")); err != nil || k != "urn:stock/d1/manifest.json" {
					t.Errorf("manifest %q, %v", k, err)
				}
			}
			got := w.objects(t)
			if len(got) != 2 || got[key] != test.want || got["urn:stock/d1/manifest.json"] != "{}" {
				t.Errorf("the bucket holds %q", got)
			}
		})
	}
}

func TestBucketConflict(t *testing.T) {
	w := newWorld(t)
	d := w.open(t, Target{URL: "b://x"})
	if err := w.bucket.WriteAll(t.Context(), "urn:stock/d1/000003.csv", []byte("theirs"), nil); err != nil {
		t.Fatal(err)
	}
	_, err := d.Deliver(t.Context(), csvSegment(rowsCSV))
	if fault.KindOf(err) != fault.Poison || fault.CodeOf(err) != CodeConflict {
		t.Errorf("got %v", err)
	}
	if got := w.objects(t); got["urn:stock/d1/000003.csv"] != "theirs" {
		t.Errorf("the bucket holds %q", got)
	}
}

func TestKeyParts(t *testing.T) {
	for name, want := range map[string]string{
		"stock": "stock", "urn:x:y": "urn:x:y", "a/b": "a%2Fb", "..": "%2E%2E", ".": "%2E", "../x": "..%2Fx", "a b\n": "a%20b%0A", ".x": ".x",
	} {
		if got := keyPart(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

var targets = map[string]Target{
	"bucket":    {URL: "b://x"},
	"converted": {URL: "b://x", Format: record.JSON},
	"rows":      {URL: "t://x"},
	"segments":  {URL: "t://x", Send: SendSegments, Bucket: "b://x?region=r&prefix=p%2F"},
}

// TestBadBytes: whatever is wrong with a segment's bytes, nothing of it leaves.
func TestBadBytes(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name, code string
		kind       fault.Kind
		skip       string // the target that copies and does not look
		change     func(*Segment)
	}{
		{"other bytes", CodeDigest, fault.Poison, "", func(s *Segment) { *s = reopened(*s, strings.ReplaceAll(rowsCSV, "7", "8")) }},
		{"unreadable other bytes", CodeDigest, fault.Poison, "", func(s *Segment) { *s = reopened(*s, strings.ReplaceAll(rowsCSV, "7", ";")) }},
		{"fewer bytes", CodeDigest, fault.Poison, "", func(s *Segment) { *s = reopened(*s, rowsCSV[:len(rowsCSV)-2]) }},
		{"none", CodeDigest, fault.Poison, "", func(s *Segment) { *s = reopened(*s, "") }},
		{"more bytes", CodeDigest, fault.Poison, "", func(s *Segment) { *s = reopened(*s, rowsCSV+"1;1\n") }},
		{"endless", CodeDigest, fault.Poison, "", func(s *Segment) {
			s.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(endless{}), nil }
		}},
		{"not rows", CodeDamaged, fault.Poison, "bucket segments", func(s *Segment) { *s = csvSegment("1;2;3\n") }},
		{"no codec", "unknown-codec", fault.Poison, "bucket segments", func(s *Segment) { s.Format.Codec = "xml" }},
		{"not there", "bucket-read", fault.Retry, "", func(s *Segment) {
			s.Open = func(context.Context) (io.ReadCloser, error) {
				return nil, fault.Wrap(fault.Retry, "bucket-read", broken, "")
			}
		}},
		{"breaks", "bucket-read", fault.Retry, "", func(s *Segment) {
			s.Open = func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader(rowsCSV[:3]), iotest.ErrReader(broken))), nil
			}
		}},
	} {
		for name, target := range targets {
			if strings.Contains(test.skip, name) {
				continue
			}
			t.Run(test.name+"/"+name, func(t *testing.T) {
				w := newWorld(t)
				s := csvSegment(rowsCSV)
				test.change(&s)
				_, err := w.open(t, target).Deliver(t.Context(), s)
				if fault.KindOf(err) != test.kind || fault.CodeOf(err) != test.code {
					t.Errorf("got %v", err)
				}
				if left := w.objects(t); len(left) > 0 {
					t.Errorf("objects left: %q", left)
				}
				if sent := w.events(t, 0); len(sent) > 0 {
					t.Errorf("%d events left", len(sent))
				}
			})
		}
	}
}

// reopened is s with other bytes than it promises.
func reopened(s Segment, text string) Segment {
	s.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	return s
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, "1;7\n"), nil }

func TestRows(t *testing.T) {
	w := newWorld(t)
	d := w.open(t, Target{URL: "t://x", Format: record.CSV})
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "sku %d;%d\n", i, i)
	}
	s := csvSegment(text.String())
	var runs [2][]string
	for run := range runs {
		r, err := d.Deliver(t.Context(), s)
		if err != nil || r != (Receipt{Rows: 5000}) {
			t.Fatalf("%+v, %v", r, err)
		}
		seen := map[string]bool{}
		for _, e := range w.events(t, 5000) {
			var row struct {
				SKU  string `json:"sku"`
				Left int    `json:"left"`
			}
			if err := json.Unmarshal(e.Data(), &row); err != nil || row.SKU != fmt.Sprintf("sku %d", row.Left) {
				t.Fatalf("data %s: %v", e.Data(), err)
			}
			if e.Type() != TypeRow || e.Source() != "/sallyport/contracts/urn:stock" || e.Subject() != fmt.Sprintf("d1/000003/%d", row.Left+1) ||
				!e.Time().Equal(s.Drop.Time) || e.Extensions()["correlationid"] != "d1" || e.Extensions()["subscription"] != "acme-stock" {
				t.Fatalf("attributes of %v", e)
			}
			seen[e.ID()] = true
			runs[run] = append(runs[run], e.ID()+" "+e.Subject()+string(e.Data()))
		}
		if len(seen) != 5000 {
			t.Fatalf("%d ids of 5000 rows", len(seen))
		}
		slices.Sort(runs[run])
	}
	if !slices.Equal(runs[0], runs[1]) {
		t.Error("the second run sent other events")
	}
	other := s
	other.Drop.Subscription = "other"
	if _, err := d.Deliver(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for _, e := range w.events(t, 5000) {
		if slices.ContainsFunc(runs[0][:50], func(r string) bool { return strings.HasPrefix(r, e.ID()) }) {
			t.Fatal("two subscriptions share an id")
		}
	}
}

func TestRowsManifest(t *testing.T) {
	w := newWorld(t)
	d := w.open(t, Target{URL: "t://x"})
	s := csvSegment(rowsCSV)
	key, err := d.Manifest(t.Context(), s.Drop, []byte(`{"rows":3}`))
	if err != nil {
		t.Fatal(err)
	}
	sent := w.events(t, 1)
	if len(sent) != 1 || sent[0].ID() != key || sent[0].Type() != TypeManifest || string(sent[0].Data()) != `{"rows":3}` {
		t.Errorf("sent %v", sent)
	}
}

func TestSegments(t *testing.T) {
	w := newWorld(t)
	var mux blob.URLMux // only the mux knows prefixes
	mux.RegisterBucket("b", w)
	o := w.opener()
	o.Buckets = &mux
	d, err := Open(t.Context(), Target{URL: "t://x", Send: SendSegments, Format: record.JSON, Bucket: "b://host/path?region=r&prefix=p%2F"}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := csvSegment(rowsCSV)
	for range 2 {
		r, err := d.Deliver(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		sent := w.events(t, 1)
		if len(sent) != 1 {
			t.Fatalf("%d events", len(sent))
		}
		e, x := sent[0], sent[0].Extensions()
		if e.Type() != TypeSegment || e.Subject() != "d1/000003" || e.DataContentType() != "application/json" || len(e.Data()) != 0 ||
			x["dataref"] != "b://host/path/p/urn:stock/d1/000003.json" || x["datadigest"] != r.Object.Digest ||
			x["datarows"] != "3" || x["datasize"] != fmt.Sprint(r.Object.Size) || x["segment"] != "3" || x["segments"] != "5" {
			t.Errorf("event %v", e)
		}
	}
	if _, there := w.objects(t)["p/urn:stock/d1/000003.json"]; !there {
		t.Errorf("the bucket holds %q", w.objects(t))
	}
	key, err := d.Manifest(t.Context(), s.Drop, []byte("{}"))
	if err != nil || key != "urn:stock/d1/manifest.json" || len(w.events(t, 1)) != 1 {
		t.Errorf("manifest %q, %v", key, err)
	}
}

func TestOpen(t *testing.T) {
	w := newWorld(t)
	for _, bad := range []Target{
		{}, {URL: "no url"}, {URL: "x://y"}, {URL: "b://x", Send: SendRows}, {URL: "b://x", Bucket: "b://y"}, {URL: "b://x", Format: "xml"},
		{URL: "t://x", Send: "all"}, {URL: "t://x", Send: SendSegments}, {URL: "t://x", Send: SendSegments, Bucket: "t://x"}, {URL: "\x00"},
	} {
		if d, err := Open(t.Context(), bad, w.opener()); fault.CodeOf(err) != CodeConfig || fault.KindOf(err) != fault.Poison {
			t.Errorf("%+v: %v, %v", bad, d, err)
		}
	}
}

// TestFaults makes every operation of a delivery fail once, before and after it
// took effect. Whatever failed, it is told as the destination's, and doing it
// again leaves the world as if nothing had happened.
func TestFaults(t *testing.T) {
	type outcome struct {
		objects map[string]string
		events  map[string]string // by id
	}
	attempt := func(t *testing.T, w *world, target Target) (errs []error) {
		d := w.open(t, target)
		s := csvSegment(rowsCSV)
		for len(errs) < 10 {
			_, err := d.Deliver(t.Context(), s)
			if err == nil {
				_, err = d.Manifest(t.Context(), s.Drop, []byte("{}"))
			}
			if err == nil {
				return errs
			}
			errs = append(errs, err)
		}
		return errs
	}
	ids := map[string]int{"rows": 4, "segments": 2}
	result := func(t *testing.T, w *world, name string) (o outcome) {
		o.objects, o.events = w.objects(t), map[string]string{}
		for _, e := range w.events(t, ids[name]) {
			o.events[e.ID()] = e.String()
		}
		return o
	}
	for name, target := range targets {
		clean := newWorld(t)
		if errs := attempt(t, clean, target); len(errs) > 0 {
			t.Fatal(errs)
		}
		ops := clean.Ops()
		want := result(t, clean, name)
		if len(ops) < 2 {
			t.Fatalf("%s: only the operations %v", name, ops)
		}
		for at := range ops {
			for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
				t.Run(fmt.Sprintf("%s/%d %s", name, at, mode), func(t *testing.T) {
					w := newWorld(t)
					w.At, w.Mode = at, mode
					errs := attempt(t, w, target)
					if len(errs) != 1 {
						t.Fatalf("want one failure, got %v", errs)
					}
					if fault.KindOf(errs[0]) != fault.Retry || fault.CodeOf(errs[0]) != CodeUnavailable || !strings.Contains(errs[0].Error(), "destination") {
						t.Errorf("got %v", errs[0])
					}
					if got := result(t, w, name); fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("got\n%v\nwant\n%v", got, want)
					}
				})
			}
		}
	}
}

// slowTopic is a driver that counts what is on its way at once.
type slowTopic struct {
	mu                sync.Mutex
	delay             time.Duration
	bytes, most       int
	count, mostAtOnce int
}

func (s *slowTopic) SendBatch(_ context.Context, ms []*pubsubdriver.Message) error {
	size := 0
	for _, m := range ms {
		size += len(m.Body)
	}
	s.mu.Lock()
	s.bytes += size
	s.count += len(ms)
	s.most, s.mostAtOnce = max(s.most, s.bytes), max(s.mostAtOnce, s.count)
	s.mu.Unlock()
	time.Sleep(s.delay)
	s.mu.Lock()
	s.bytes -= size
	s.count -= len(ms)
	s.mu.Unlock()
	return nil
}
func (s *slowTopic) IsRetryable(error) bool             { return false }
func (s *slowTopic) As(any) bool                        { return false }
func (s *slowTopic) ErrorAs(error, any) bool            { return false }
func (s *slowTopic) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }
func (s *slowTopic) Close() error                       { return nil }
func (s *slowTopic) OpenTopicURL(context.Context, *url.URL) (*pubsub.Topic, error) {
	return pubsub.NewTopic(s, nil), nil
}

// TestBounded: what is on its way to a slow topic is bounded in bytes and number.
func TestBounded(t *testing.T) {
	for _, test := range []struct {
		name      string
		rows, len int
		delay     time.Duration
	}{{"short rows", 3000, 10, 2 * time.Millisecond}, {"long rows", 40, 1 << 20, 300 * time.Millisecond}} {
		t.Run(test.name, func(t *testing.T) {
			s := &slowTopic{delay: test.delay}
			var mux pubsub.URLMux
			mux.RegisterTopic("slow", s)
			d, err := Open(t.Context(), Target{URL: "slow://x"}, Opener{Topics: &mux})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			row := strings.Repeat("x", test.len) + ";1\n"
			if _, err := d.Deliver(t.Context(), csvSegment(strings.Repeat(row, test.rows))); err != nil {
				t.Fatal(err)
			}
			if s.most > inFlight || s.mostAtOnce > together {
				t.Errorf("%d bytes in %d events at once", s.most, s.mostAtOnce)
			}
			if s.mostAtOnce < 2 {
				t.Error("rows were sent one by one")
			}
		})
	}
}

// TestCancelled: a delivery that is cancelled leaves nothing and is to be retried.
func TestCancelled(t *testing.T) {
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			s := csvSegment(rowsCSV)
			open := s.Open
			s.Open = func(ctx context.Context) (io.ReadCloser, error) {
				cancel()
				return open(ctx)
			}
			_, err := w.open(t, target).Deliver(ctx, s)
			if err == nil || fault.KindOf(err) != fault.Retry {
				t.Errorf("got %v", err)
			}
			if got := w.objects(t); len(got) > 0 {
				t.Errorf("left %q", got)
			}
		})
	}
}

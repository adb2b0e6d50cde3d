package gcfhost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

const (
	jsonType  = "application/json"
	eventType = "application/cloudevents+json"
	batchType = "application/cloudevents-batch+json"
)

// Whether a delivery comes again is said by its status, and by nothing else.
func TestDeliveryOutcomes(t *testing.T) {
	for _, c := range []struct {
		typ    string
		status int
		dead   string
	}{
		{event.TypeTick, 204, ""},
		{"invalid", 204, "row-too-long"},
		{"denied", 204, "no-contract"},
		{"poison", 204, "batch-broken"},
		{"panic", 204, "panic"},
		{"retry", 503, ""},
		{event.TypeDeadLettered, 204, ""},
	} {
		t.Run(c.typ, func(t *testing.T) {
			w := newWorld(t)
			status, code, _ := w.do(t, request(t, "/", pushed(t, structured("1", c.typ), nil), "Content-Type", jsonType))
			if status != c.status || strings.Join(w.dead.letters(t), " ") != c.dead {
				t.Errorf("%d %s, dead %v", status, code, w.dead.letters(t))
			}
			if published := len(w.out.all()) == 1; published != (c.status == 204 && c.dead == "") {
				t.Errorf("published %v", ids(w.out.all()))
			}
		})
	}
}

// What comes again after a failure is done then.
func TestRetried(t *testing.T) {
	w := newWorld(t)
	w.fail = map[string]int{"1": 2}
	for i, want := range []int{503, 503, 204} {
		if status, code, _ := w.do(t, request(t, "/", pushed(t, structured("1", "retry"), nil), "Content-Type", jsonType)); status != want {
			t.Errorf("%d: %d %s", i, status, code)
		}
	}
	if len(w.out.all()) != 1 || len(w.dead.all()) != 0 {
		t.Errorf("published %v, dead %v", ids(w.out.all()), ids(w.dead.all()))
	}
}

// A delivery is done only when its answers, or its dead letter, are published.
func TestPublishFirst(t *testing.T) {
	w := newWorld(t)
	w.out.set(true)
	w.dead.set(true)
	for _, r := range []func() *http.Request{
		func() *http.Request {
			return request(t, "/", structured("1", event.TypeTick), "Content-Type", eventType)
		},
		func() *http.Request { return request(t, "/", structured("2", "invalid"), "Content-Type", eventType) },
		func() *http.Request { return request(t, "/", pushed(t, secret, nil), "Content-Type", jsonType) },
		func() *http.Request { return sample(t, "legacy-firebase") },
		func() *http.Request {
			return request(t, "/partners/acme/stock", structured("3", "com.example.a"), "Content-Type", eventType)
		},
	} {
		if status, code, _ := w.do(t, r()); status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", status, code)
		}
	}
	w.out.set(false)
	w.dead.set(false)
	if status, code, _ := w.do(t, request(t, "/", structured("1", event.TypeTick), "Content-Type", eventType)); status != http.StatusNoContent {
		t.Errorf("%d %s", status, code)
	}
}

// Work that is not done in time is handed back.
func TestDeadline(t *testing.T) {
	w := newWorld(t, func(_ *host.Func, cfg *gcfhost.Config) { cfg.Timeout = 20 * time.Millisecond })
	w.enter = func(ctx context.Context, _ event.Event) error {
		<-ctx.Done()
		return ctx.Err()
	}
	if status, code, _ := w.do(t, request(t, "/", structured("1", event.TypeTick), "Content-Type", eventType)); status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", status, code)
	}
}

func TestPartners(t *testing.T) {
	for _, c := range []struct {
		about, path, contentType, body string
		status                         int
		code                           string
		dead                           string
	}{
		{"taken", "acme/stock/daily", eventType, structured("1", "com.example.a"), 202, "", ""},
		{"invalid", "acme/stock", eventType, structured("1", "invalid"), 400, "row-too-long", ""},
		{"denied", "acme/stock", eventType, structured("1", "denied"), 403, "no-contract", ""},
		{"of a contract that has ended", "acme/stock", eventType, structured("1", "ended"), 410, "contract-sunset", ""},
		{"poison", "acme/stock", eventType, structured("1", "poison"), 500, "batch-broken", ""},
		{"panic", "acme/stock", eventType, structured("1", "panic"), 500, "panic", ""},
		{"retry", "acme/stock", eventType, structured("1", "retry"), 503, "internal", ""},
		{"the chain's own", "acme/stock", eventType, structured("1", event.TypeSegmentAccepted), 403, "reserved-type", ""},
		{"no event", "acme/stock", eventType, `{"card":"` + secret + `"}`, 400, "event-undecodable", ""},
		{"plain JSON", "acme/stock", jsonType, `{"card":"` + secret + `"}`, 415, "no-cloudevent", ""},
		{"text", "acme/stock", "text/plain", secret, 415, "no-cloudevent", ""},
		{"too large", "acme/stock", eventType, strings.Repeat(" ", 8<<20+1), 413, "request-too-large", ""},
		{"partner with a slash", "acme%2Fstock/x", eventType, structured("1", "a"), 400, "bad-partner", ""},
		{"batch", "acme/stock/daily", batchType, "[" + structured("1", "com.example.a") + "," + structured("2", "com.example.a") + "]", 202, "", ""},
		{"batch with failures", "acme/stock/daily", batchType, "[" + structured("1", "com.example.a") + "," + structured("2", "denied") + ",{}," + structured("3", event.TypeTick) + "]", 403, "batch", ""},
		{"batch with one that has ended", "acme/stock/daily", batchType, "[" + structured("1", "denied") + "," + structured("2", "ended") + "]", 410, "batch", ""},
		// Pushed from a topic of the partner's.
		{"pushed", "acme/stock/daily", jsonType, pushed(t, structured("1", "com.example.a"), nil), 204, "", ""},
		{"pushed and denied", "acme/stock", jsonType, pushed(t, structured("1", "denied"), nil), 204, "", "no-contract"},
		{"pushed and to come again", "acme/stock", jsonType, pushed(t, structured("1", "retry"), nil), 503, "again", ""},
		{"the chain's own, pushed", "acme/stock", jsonType, pushed(t, structured("1", event.TypeDropReceived), nil), 204, "", "reserved-type"},
		{"a dead letter, pushed", "acme/stock", jsonType, pushed(t, structured("1", event.TypeDeadLettered), nil), 204, "", "reserved-type"},
		{"no event, pushed", "acme/stock", jsonType, pushed(t, secret, nil), 204, "", "event-undecodable"},
		{"a notification, pushed", "acme/stock", jsonType, pushed(t, resource(t, nil), map[string]string{"eventType": "OBJECT_FINALIZE", "payloadFormat": "JSON_API_V1",
			"bucketId": "some-bucket", "objectId": "in/acme/stock/a b+c=%2F.csv", "objectGeneration": "7"}), 204, "", "event-undecodable"},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			status, code, _ := w.do(t, request(t, "/partners/"+c.path, c.body, "Content-Type", c.contentType))
			if status != c.status || code != c.code || strings.Join(w.dead.letters(t), " ") != c.dead {
				t.Errorf("%d %s, dead %v", status, code, w.dead.letters(t))
			}
			for _, e := range w.gate.events() {
				if p, at := event.Extension(e, event.ExtPartner), event.Extension(e, event.ExtContract); p != "acme" || "acme/"+at != c.path || event.FromChain(e) {
					t.Errorf("%s came for %q at %q", e.ID(), p, at)
				}
			}
			if want := c.status == 202 || c.status == 204 && c.dead == ""; want && len(w.out.all()) == 0 {
				t.Error("nothing was published")
			}
		})
	}
}

// Of a batch the partner is told what became of each event.
func TestPartnersBatch(t *testing.T) {
	w := newWorld(t)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, request(t, "/partners/acme/stock", "["+structured("1", "a")+","+structured("2", "denied")+",{},"+structured("3", "retry")+"]", "Content-Type", batchType))
	var p struct {
		Events []struct {
			Index, Status int
			Code          string
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code != http.StatusServiceUnavailable {
		t.Fatalf("%d %s: %v", rec.Code, rec.Body, err)
	}
	if got, want := fmt.Sprint(p.Events), "[{0 202 } {1 403 no-contract} {2 400 event-undecodable} {3 503 internal}]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What has no drops bucket has nothing for partners.
func TestNoPartners(t *testing.T) {
	w := newWorld(t, func(_ *host.Func, cfg *gcfhost.Config) { cfg.Drops = "" })
	if status, _, _ := w.do(t, request(t, "/partners/acme/stock", structured("1", "a"), "Content-Type", eventType)); status != http.StatusNotFound || len(w.gate.events()) > 0 {
		t.Errorf("%d", status)
	}
}

// A tick that is sent again is the same; the next is another.
func TestTick(t *testing.T) {
	w := newWorld(t)
	for _, at := range []string{"2026-11-01T00:00:00Z", "2026-11-01T01:00:00+01:00", "2026-11-01T00:05:00Z"} {
		r := request(t, "/tick", "", "X-CloudScheduler", "true", "X-CloudScheduler-JobName", "due", "X-CloudScheduler-ScheduleTime", at, "User-Agent", "Google-Cloud-Scheduler")
		if status, code, _ := w.do(t, r); status != http.StatusNoContent {
			t.Errorf("%d %s", status, code)
		}
	}
	seen := w.gate.events()
	if len(seen) != 3 || seen[0].ID() != seen[1].ID() || seen[1].ID() == seen[2].ID() {
		t.Fatalf("saw %v", ids(seen))
	}
	if e := seen[0]; e.Type() != event.TypeTick || !e.Time().Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) || e.Validate() != nil {
		t.Errorf("got %v", e)
	}
}

func TestTrace(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for about, c := range map[string]struct {
		header []string
		own    string // of the event
		want   string
		logged string // the trace of the log
	}{
		"none":                {},
		"W3C":                 {header: []string{"Traceparent", parent}, want: parent, logged: "4bf92f3577b34da6a3ce929d0e0e4736"},
		"a later version":     {header: []string{"Traceparent", "01" + parent[2:] + "-more"}, want: parent, logged: "4bf92f3577b34da6a3ce929d0e0e4736"},
		"the event's own":     {header: []string{"Traceparent", parent}, own: "00-11111111111111111111111111111111-2222222222222222-00", want: "00-11111111111111111111111111111111-2222222222222222-00", logged: "4bf92f3577b34da6a3ce929d0e0e4736"},
		"Google's":            {header: []string{"X-Cloud-Trace-Context", "105445aa7843bc8bf206b12000100000/10;o=1"}, want: "00-105445aa7843bc8bf206b12000100000-000000000000000a-01", logged: "105445aa7843bc8bf206b12000100000"},
		"Google's, unsampled": {header: []string{"X-Cloud-Trace-Context", "105445aa7843bc8bf206b12000100000/18446744073709551615"}, want: "00-105445aa7843bc8bf206b12000100000-ffffffffffffffff-00", logged: "105445aa7843bc8bf206b12000100000"},
		"both":                {header: []string{"Traceparent", parent, "X-Cloud-Trace-Context", "105445aa7843bc8bf206b12000100000/10;o=1"}, want: parent, logged: "4bf92f3577b34da6a3ce929d0e0e4736"},
		"no W3C":              {header: []string{"Traceparent", "00-" + secret + "-00f067aa0ba902b7-01"}},
		"all zero":            {header: []string{"Traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"}},
		"upper case":          {header: []string{"Traceparent", strings.ToUpper(parent)}},
		"a forbidden version": {header: []string{"Traceparent", "ff" + parent[2:]}},
		"too many parts":      {header: []string{"Traceparent", parent + "-more"}},
		"no Google's":         {header: []string{"X-Cloud-Trace-Context", secret + "/1;o=1"}},
		"no span":             {header: []string{"X-Cloud-Trace-Context", "105445aa7843bc8bf206b12000100000"}},
	} {
		t.Run(about, func(t *testing.T) {
			w := newWorld(t)
			body := structured("1", event.TypeTick)
			if c.own != "" {
				body = strings.Replace(body, "{", `{"traceparent":"`+c.own+`",`, 1)
			}
			if status, code, _ := w.do(t, request(t, "/", body, append([]string{"Content-Type", eventType}, c.header...)...)); status != http.StatusNoContent {
				t.Errorf("%d %s", status, code)
			}
			if got := event.Extension(w.gate.events()[0], event.ExtTraceparent); got != c.want {
				t.Errorf("traceparent %q, want %q", got, c.want)
			}
			var line map[string]any
			if err := json.Unmarshal([]byte(w.log.String()), &line); err != nil {
				t.Fatal(err)
			}
			if want := "projects/my-project/traces/" + c.logged; c.logged == "" && line["logging.googleapis.com/trace"] != nil || c.logged != "" && line["logging.googleapis.com/trace"] != want {
				t.Errorf("logged %v", line)
			}
			if line["severity"] != "INFO" || line["message"] != "handled" {
				t.Errorf("logged %v", line)
			}
		})
	}
}

// What has begun is finished, and nothing more begins.
func TestDrain(t *testing.T) {
	w := newWorld(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	w.enter = func(context.Context, event.Event) error {
		close(entered)
		<-leave
		return nil
	}
	answered := make(chan int)
	go func() {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, request(t, "/", structured("1", event.TypeTick), "Content-Type", eventType))
		answered <- rec.Code
	}()
	<-entered
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := w.Drain(short); err == nil {
		t.Error("drained while a request was running")
	}
	if status, code, header := w.do(t, request(t, "/", structured("2", event.TypeTick), "Content-Type", eventType)); status != 503 || code != "ending" || header.Get("Connection") != "close" {
		t.Errorf("%d %s", status, code)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if rec.Code != want {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	close(leave)
	if status := <-answered; status != http.StatusNoContent {
		t.Errorf("answered %d", status)
	}
	if err := w.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// hostile is a body that panics.
type hostile struct{}

func (hostile) Read([]byte) (int, error) { panic(secret) }

// A panic of the host itself is caught before the framework would print it, and
// leaves nothing behind.
func TestPanicOfHost(t *testing.T) {
	w := newWorld(t)
	for range 3 { // more than fit into memory at once
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", hostile{})
		if status, code, _ := w.do(t, r); status != http.StatusInternalServerError || code != "panic" {
			t.Errorf("%d %s", status, code)
		}
	}
	if log := w.log.String(); strings.Count(log, "hostile.Read") != 3 {
		t.Errorf("logged %s", log)
	}
}

// What breaks off comes again.
func TestBrokenRequest(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", iotest.ErrReader(errors.New(secret)))
	if status, code, _ := w.do(t, r); status != http.StatusServiceUnavailable || code != "request-broken" {
		t.Errorf("%d %s", status, code)
	}
}

func TestReady(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/": 405, "/other": 404} {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if rec.Code != want {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

func TestNoBucket(t *testing.T) {
	for _, url := range []string{"file:///drops", "%", "drops"} {
		if _, err := gcfhost.New(host.Func{}, gcfhost.Config{Drops: url}); fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "file:") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// batches is a gate that takes batches.
type batches struct {
	gate
	mu    sync.Mutex
	sizes []int
}

func (b *batches) HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error) {
	b.mu.Lock()
	b.sizes = append(b.sizes, len(events))
	b.mu.Unlock()
	var out []event.Event
	failed := fault.Batch{}
	for i, e := range events {
		made, err := b.Handle(ctx, e)
		if err != nil {
			failed[i] = err
		}
		out = append(out, made...)
	}
	if len(failed) > 0 {
		return out, failed
	}
	return out, nil
}

// Requests that come at about the same time are handled together, and each has
// the answer that is its own, whatever ids the events of others have.
func TestGathered(t *testing.T) {
	b := &batches{gate: gate{fail: map[string]int{}}}
	w := newWorld(t, func(f *host.Func, cfg *gcfhost.Config) {
		f.Handler = b
		cfg.Window, cfg.Batch = 200*time.Millisecond, 20
	})
	types := []string{"com.example.a", "invalid", "denied", "retry"}
	statuses := []int{202, 400, 403, 503}
	const requests = 40
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			path := fmt.Sprintf("/partners/acme/stock-%d", i)
			if status, code, _ := w.do(t, request(t, path, structured(fmt.Sprint(i), types[i%4]), "Content-Type", eventType)); status != statuses[i%4] {
				t.Errorf("%d: %d %s", i, status, code)
			}
		})
		wg.Go(func() { // the same id, from another
			path := fmt.Sprintf("/partners/beta/stock-%d", i)
			if status, code, _ := w.do(t, request(t, path, structured(fmt.Sprint(i), "com.example.a"), "Content-Type", eventType)); status != 202 {
				t.Errorf("%d of beta: %d %s", i, status, code)
			}
		})
	}
	wg.Wait()
	if n := len(w.out.all()); n != requests+requests/4 {
		t.Errorf("%d events were published", n)
	}
	if slices.Max(b.sizes) < 2 || slices.Max(b.sizes) > 20 {
		t.Errorf("batches of %v", b.sizes)
	}
}

// New objects are not handled together: each takes its time.
func TestObjectsAreNotGathered(t *testing.T) {
	b := new(batches)
	w := newWorld(t, func(f *host.Func, cfg *gcfhost.Config) {
		f.Handler = b
		cfg.Window = time.Hour
	})
	if status, code, _ := w.do(t, sample(t, "eventarc-finalized-binary")); status != 204 || len(b.sizes) != 0 || len(b.events()) != 1 {
		t.Errorf("%d %s, batches of %v", status, code, b.sizes)
	}
}

// Who gathers does not wait longer than a request may take, and Drain waits for
// what was gathered.
func TestGatheredDeadline(t *testing.T) {
	b := new(batches)
	leave := make(chan struct{})
	b.enter = func(context.Context, event.Event) error { <-leave; return nil }
	w := newWorld(t, func(f *host.Func, cfg *gcfhost.Config) {
		f.Handler = b
		cfg.Timeout, cfg.Window = 20*time.Millisecond, time.Millisecond
	})
	if status, code, _ := w.do(t, request(t, "/", "["+structured("1", event.TypeTick)+","+structured("2", event.TypeTick)+"]", "Content-Type", batchType)); status != 503 || code != "again" {
		t.Errorf("%d %s", status, code)
	}
	drained := make(chan error, 1)
	go func() { drained <- w.Drain(t.Context()) }()
	select {
	case <-drained:
		t.Error("drained while a batch was running")
	case <-time.After(20 * time.Millisecond):
	}
	close(leave)
	if err := <-drained; err != nil || len(b.events()) != 2 {
		t.Errorf("%v, saw %v", err, ids(b.events()))
	}
}

package httpin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
)

// secret is a value of a row: it must never come back.
const secret = "4111111111111111"

// gate stands for ingest: it answers each event with one, unless the event's
// type says how it fails.
type gate struct {
	mu        sync.Mutex
	batches   [][]event.Event
	published []event.Event
	offline   bool // publishing fails
}

func (g *gate) HandleBatch(_ context.Context, events []event.Event) ([]event.Event, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.batches = append(g.batches, events)
	failed := fault.Batch{}
	var out []event.Event
	for i, e := range events {
		switch e.Type() {
		case "invalid":
			failed[i] = fault.New(fault.Invalid, "row-too-long", "it is too long", "shorten it")
		case "denied":
			failed[i] = fault.New(fault.Denied, "no-contract", "it may not be dropped", "ask")
		case "poison":
			failed[i] = fault.New(fault.Poison, "batch-broken", "it is broken", "")
		case "retry":
			failed[i] = fmt.Errorf("the disk said %s", e.Data())
		case "panic":
			panic(string(e.Data()))
		default:
			out = append(out, e)
		}
	}
	if len(failed) > 0 {
		return out, failed
	}
	return out, nil
}

func (g *gate) publish(_ context.Context, events []event.Event) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.offline {
		return errors.New("no queue")
	}
	g.published = append(g.published, events...)
	return nil
}

func (g *gate) taken() []event.Event {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.published)
}

func serve(t *testing.T, g *gate) string {
	t.Helper()
	e := New(Config{Ingest: g, Publish: g.publish})
	s := httptest.NewServer(e)
	t.Cleanup(func() {
		s.Close()
		e.Close()
	})
	return s.URL
}

func newEvent(id, typ string) event.Event {
	e := ce.New()
	e.SetID(id)
	e.SetType(typ)
	e.SetSource("/shop")
	e.SetExtension(event.ExtPartner, "somebody-else")
	e.SetExtension(event.ExtContract, "something-else")
	_ = e.SetData(ce.ApplicationJSON, map[string]string{"card": secret})
	return e
}

func post(t *testing.T, url, contentType, body string, header ...string) (status int, text string, h http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return do(t, r)
}

func do(t *testing.T, r *http.Request) (status int, text string, h http.Header) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), secret) {
		t.Errorf("the answer holds a value: %s", data)
	}
	return res.StatusCode, string(data), res.Header
}

// The SDK's own client sends all three modes.
func TestModes(t *testing.T) {
	g := new(gate)
	url := serve(t, g) + "/partners/acme/stock/daily"
	one, err := cehttp.NewHTTPRequestFromEvent(t.Context(), url, newEvent("binary", "com.example.a"))
	if err != nil {
		t.Fatal(err)
	}
	many, err := cehttp.NewHTTPRequestFromEvents(t.Context(), url, []event.Event{newEvent("batch-1", "com.example.a"), newEvent("batch-2", "com.example.a")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(newEvent("structured", "com.example.a"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	whole.Header.Set("Content-Type", ce.ApplicationCloudEventsJSON+"; charset=utf-8")
	for _, r := range []*http.Request{one, many, whole} {
		if status, body, _ := do(t, r); status != http.StatusAccepted || body != "" {
			t.Errorf("%d %s", status, body)
		}
	}
	var ids []string
	for _, e := range g.taken() {
		ids = append(ids, e.ID())
		if p, c := event.Extension(e, event.ExtPartner), event.Extension(e, event.ExtContract); p != "acme" || c != "stock/daily" {
			t.Errorf("%s came for %q at %q", e.ID(), p, c)
		}
		var row struct{ Card string }
		if err := json.Unmarshal(e.Data(), &row); err != nil || row.Card != secret {
			t.Errorf("%s came with %s", e.ID(), e.Data())
		}
	}
	slices.Sort(ids)
	if want := []string{"batch-1", "batch-2", "binary", "structured"}; !slices.Equal(ids, want) {
		t.Errorf("took %v, want %v", ids, want)
	}
}

func TestAnswers(t *testing.T) {
	g := new(gate)
	base := serve(t, g)
	structured := func(typ string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/s","type":%q,"data":{"card":%q}}`, typ, secret)
	}
	many := "[" + strings.Repeat("{},", httpevent.MaxEvents) + "{}]"
	for _, c := range []struct {
		name, path, contentType, body string
		status                        int
		code                          string
	}{
		{"invalid", "acme/stock", ce.ApplicationCloudEventsJSON, structured("invalid"), 400, "row-too-long"},
		{"denied", "acme/stock", ce.ApplicationCloudEventsJSON, structured("denied"), 403, "no-contract"},
		{"poison", "acme/stock", ce.ApplicationCloudEventsJSON, structured("poison"), 500, "batch-broken"},
		{"retry", "acme/stock", ce.ApplicationCloudEventsJSON, structured("retry"), 503, "internal"},
		{"panic", "acme/stock", ce.ApplicationCloudEventsJSON, structured("panic"), 500, "panic"},
		{"the chain's own", "acme/stock", ce.ApplicationCloudEventsJSON, structured(event.TypeSegmentAccepted), 403, "reserved-type"},
		{"no event", "acme/stock", ce.ApplicationCloudEventsJSON, `{"card":"` + secret + `"}`, 400, "event-undecodable"},
		{"no JSON", "acme/stock", ce.ApplicationCloudEventsJSON, secret, 400, "event-undecodable"},
		{"base64 that is none", "acme/stock", ce.ApplicationCloudEventsJSON, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":7}`, 400, "event-undecodable"},
		{"large event", "acme/stock", ce.ApplicationCloudEventsJSON, structured(strings.Repeat("x", 1<<20)), 400, "event-too-large"},
		{"plain JSON", "acme/stock", "application/json", `{"card":"` + secret + `"}`, 415, "no-cloudevent"},
		{"large body", "acme/stock", ce.ApplicationCloudEventsJSON, strings.Repeat(" ", httpevent.MaxBody+1), 413, "request-too-large"},
		{"no batch", "acme/stock", ce.ApplicationCloudEventsBatchJSON, structured("a"), 400, "batch-undecodable"},
		{"half a batch", "acme/stock", ce.ApplicationCloudEventsBatchJSON, "[" + structured("a"), 400, "batch-undecodable"},
		{"more than a batch", "acme/stock", ce.ApplicationCloudEventsBatchJSON, "[]" + structured("a"), 400, "batch-undecodable"},
		{"large batch", "acme/stock", ce.ApplicationCloudEventsBatchJSON, many, 413, "batch-too-large"},
		{"partner with a slash", "acme%2Fstock/x", ce.ApplicationCloudEventsJSON, structured("a"), 400, "bad-partner"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body, header := post(t, base+"/partners/"+c.path, c.contentType, c.body)
			var p struct{ Code, Message string }
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatalf("%d %s: %v", status, body, err)
			}
			if status != c.status || p.Code != c.code || p.Message == "" {
				t.Errorf("%d %s, want %d %s", status, body, c.status, c.code)
			}
			if (status == 503) != (header.Get("Retry-After") != "") {
				t.Errorf("%d with Retry-After %q", status, header.Get("Retry-After"))
			}
		})
	}
	if got := g.taken(); len(got) > 0 {
		t.Errorf("%d events were taken", len(got))
	}
}

// A body without a length is held to the limit as well.
func TestChunkedBody(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, serve(t, new(gate))+"/partners/acme/stock",
		io.MultiReader(strings.NewReader(strings.Repeat(" ", httpevent.MaxBody)), strings.NewReader("  ")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", ce.ApplicationCloudEventsJSON)
	if status, body, _ := do(t, r); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", status, body)
	}
}

// Headers of the binary mode are held to what the other modes are held to.
func TestBinaryIsStrict(t *testing.T) {
	g := new(gate)
	url := serve(t, g) + "/partners/acme/stock"
	good := []string{"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t"}
	if status, body, _ := post(t, url, "application/json", `{"a":1}`, good...); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, body)
	}
	for name, header := range map[string][]string{
		"version":     {"Ce-Specversion", "0.3"},
		"no version":  {"Ce-Specversion", "?"},
		"no id":       {"Ce-Id", ""},
		"time":        {"Ce-Time", "noon"},
		"long":        {"Ce-Traceparent", strings.Repeat("x", 5000)},
		"content":     {"Content-Type", "application/json", "Ce-Subject", "data is no JSON"},
		"chain's own": {"Ce-Type", event.TypeTick},
	} {
		body := `{"a":1}`
		if name == "content" {
			body = "{"
		}
		status, answer, _ := post(t, url, "application/json", body, append(slices.Clone(good), header...)...)
		if status != http.StatusBadRequest && (status != http.StatusForbidden || name != "chain's own") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if n := len(g.taken()); n != 1 {
		t.Errorf("%d events were taken, want 1", n)
	}
}

func TestBatchInWhichSomeFail(t *testing.T) {
	g := new(gate)
	url := serve(t, g) + "/partners/acme/stock"
	item := func(id, typ string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/s","type":%q,"data":{"card":%q}}`, id, typ, secret)
	}
	for _, c := range []struct {
		items  []string
		status int
		want   []int
	}{
		{[]string{item("1", "a"), item("2", "invalid"), `{}`, item("3", "a")}, 400, []int{202, 400, 400, 202}},
		{[]string{item("4", "denied"), item("5", "retry"), item("6", "poison")}, 503, []int{403, 503, 500}},
		{[]string{item("7", event.TypeTick), item("8", "a"), item("9", "invalid")}, 403, []int{403, 202, 400}},
	} {
		status, body, _ := post(t, url, ce.ApplicationCloudEventsBatchJSON, "["+strings.Join(c.items, ", ")+"]")
		var p struct {
			Code   string
			Events []struct {
				Index, Status int
				Code, Message string
			}
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatalf("%d %s: %v", status, body, err)
		}
		if status != c.status || p.Code != "batch" || len(p.Events) != len(c.want) {
			t.Errorf("%d %s, want %d", status, body, c.status)
			continue
		}
		for i, e := range p.Events {
			if e.Index != i || e.Status != c.want[i] || (e.Code == "") != (e.Status == 202) {
				t.Errorf("event %d: %+v, want %d", i, e, c.want[i])
			}
		}
	}
	var ids []string
	for _, e := range g.taken() {
		ids = append(ids, e.ID())
	}
	if want := []string{"1", "3", "8"}; !slices.Equal(ids, want) {
		t.Errorf("took %v, want %v", ids, want)
	}
}

// An event is answered with 202 only when what ingest says of it is published.
func TestNotPublishedIsNotTaken(t *testing.T) {
	g := &gate{offline: true}
	url := serve(t, g) + "/partners/acme/stock"
	body := `[{"specversion":"1.0","id":"1","source":"/s","type":"a"},{"specversion":"1.0","id":"2","source":"/s","type":"denied"}]`
	status, text, _ := post(t, url, ce.ApplicationCloudEventsBatchJSON, body)
	if status != 503 || !strings.Contains(text, `"status":503`) || !strings.Contains(text, `"status":403`) {
		t.Errorf("%d %s", status, text)
	}
	g.mu.Lock()
	g.offline = false
	g.mu.Unlock()
	if status, text, _ = post(t, url, ce.ApplicationCloudEventsJSON, `{"specversion":"1.0","id":"1","source":"/s","type":"a"}`); status != 202 {
		t.Errorf("%d %s", status, text)
	}
}

func TestRequestsAreGathered(t *testing.T) {
	g := new(gate)
	e := New(Config{Ingest: g, Publish: g.publish, Window: 300 * time.Millisecond, Batch: 20})
	s := httptest.NewServer(e)
	defer e.Close()
	defer s.Close()
	const requests = 50
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			body := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/s","type":"a"}`, i)
			if status, text, _ := post(t, s.URL+"/partners/acme/stock", ce.ApplicationCloudEventsJSON, body); status != 202 {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	wg.Wait()
	if n := len(g.taken()); n != requests {
		t.Errorf("%d events were taken, want %d", n, requests)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.batches) > requests/5 {
		t.Errorf("%d requests made %d batches", requests, len(g.batches))
	}
	for _, b := range g.batches {
		if len(b) > 20 {
			t.Errorf("a batch has %d events", len(b))
		}
	}
}

// What a request has begun is finished when the endpoint ends.
func TestRunFinishes(t *testing.T) {
	g := new(gate)
	var log bytes.Buffer
	e := New(Config{Ingest: g, Publish: g.publish, Window: 500 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, on) }()
	answered := make(chan int, 1)
	go func() {
		status, _, _ := post(t, "http://"+on.Addr().String()+"/partners/acme/stock", ce.ApplicationCloudEventsJSON,
			`{"specversion":"1.0","id":"1","source":"/s","type":"a","data":"`+secret+`"}`)
		answered <- status
	}()
	for e.gatherer.idle() {
		time.Sleep(time.Millisecond)
	}
	stop()
	if status := <-answered; status != http.StatusAccepted {
		t.Errorf("answered %d", status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "partner=acme") {
		t.Errorf("logged %s", log.String())
	}
}

func (g *gatherer) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open == nil
}

func TestHealth(t *testing.T) {
	ready := errors.New("not yet")
	e := New(Config{Ready: func(context.Context) error { return ready }})
	status := func(path string) int {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code
	}
	if status("/healthz") != 200 || status("/readyz") != 503 || status("/partners/acme/stock") != 405 || status("/") != 404 {
		t.Error(status("/healthz"), status("/readyz"), status("/partners/acme/stock"), status("/"))
	}
	ready = nil
	if status("/readyz") != 200 {
		t.Error(status("/readyz"))
	}
}

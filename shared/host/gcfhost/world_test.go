package gcfhost_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// secret is a value of a row: it must be in no answer and no line of the log.
const secret = "4111111111111111"

// world is a Handler with all that is around it.
type world struct {
	*gcfhost.Handler
	gate
	out, dead shelf
	log       safeBuffer
}

// newWorld makes one of a function that has the drops bucket "some-bucket".
func newWorld(t testing.TB, change ...func(*host.Func, *gcfhost.Config)) *world {
	t.Helper()
	w := &world{}
	f := host.Func{Name: "ingest", Handler: &w.gate, Out: &w.out, Dead: &w.dead, Logger: telemetry.GoogleLogger(&w.log, slog.LevelDebug)}
	cfg := gcfhost.Config{Drops: "gs://some-bucket", Project: "my-project"}
	for _, c := range change {
		c(&f, &cfg)
	}
	h, err := gcfhost.New(f, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Handler = h
	t.Cleanup(func() {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log holds a value: %s", w.log.String())
		}
	})
	return w
}

// gate is the function: it answers an event with itself, unless the event's
// type says how it fails.
type gate struct {
	mu   sync.Mutex
	seen []event.Event
	// fail says how many times an event of type "retry" fails, by its id; without
	// an entry it always does.
	fail map[string]int
	// enter, if there is one, is called with each event.
	enter func(context.Context, event.Event) error
}

func (g *gate) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	g.mu.Lock()
	g.seen = append(g.seen, e)
	left, counted := g.fail[e.ID()]
	if counted {
		g.fail[e.ID()]--
	}
	g.mu.Unlock()
	if g.enter != nil {
		if err := g.enter(ctx, e); err != nil {
			return nil, err
		}
	}
	switch e.Type() {
	case "invalid":
		return nil, fault.New(fault.Invalid, "row-too-long", "it is too long", "shorten it")
	case "ended":
		return nil, fault.New(fault.Denied, event.CodeSunset, "its contract has ended", "use another")
	case "denied":
		return nil, fault.New(fault.Denied, "no-contract", "it may not be dropped", "ask")
	case "poison":
		return nil, fault.New(fault.Poison, "batch-broken", "it is broken", "")
	case "panic":
		panic(string(e.Data()))
	case "retry", "io.sallyport.retry":
		if !counted || left > 0 {
			return nil, fmt.Errorf("the disk said %s", e.Data())
		}
	}
	return []event.Event{e}, nil
}

func (g *gate) events() []event.Event {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.seen)
}

// shelf is a topic.
type shelf struct {
	mu      sync.Mutex
	events  []event.Event
	offline bool
}

func (s *shelf) Publish(_ context.Context, events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offline {
		return errors.New("no topic")
	}
	s.events = append(s.events, events...)
	return nil
}

func (s *shelf) set(offline bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offline = offline
}

func (s *shelf) all() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// letters are the codes of the dead letters on it.
func (s *shelf) letters(t testing.TB) (codes []string) {
	t.Helper()
	for _, e := range s.all() {
		l, err := event.Decode[event.DeadLetter](e)
		if err != nil || e.Type() != event.TypeDeadLettered {
			t.Fatalf("%v is no dead letter: %v", e, err)
		}
		codes = append(codes, l.Fault.Code)
	}
	return codes
}

func ids(events []event.Event) []string {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID()
	}
	return ids
}

// sample reads a request of testdata.
func sample(t testing.TB, name string) *http.Request {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(bytes.NewReader(text))
	header, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	body = bytes.TrimSuffix(body, []byte("\n"))
	q := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
	q.Header = http.Header(header)
	return q
}

// request makes one with headers in pairs.
func request(t testing.TB, path, body string, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// pushed is the body in which Pub/Sub pushes a message.
func pushed(t testing.TB, data string, attributes map[string]string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"message":      map[string]any{"data": []byte(data), "messageId": "m-1", "message_id": "m-1", "attributes": attributes},
		"subscription": "projects/p/subscriptions/s",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// structured is an event in structured mode, with a row.
func structured(id, typ string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/shop","type":%q,"partner":"somebody","dropcontract":"something","data":{"card":%q}}`, id, typ, secret)
}

// do serves a request and checks the answer's form.
func (w *world) do(t testing.TB, r *http.Request) (status int, code string, header http.Header) {
	t.Helper()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	body := rec.Body.String()
	if strings.Contains(body, secret) {
		t.Errorf("the answer holds a value: %s", body)
	}
	var p struct{ Code, Message string }
	if rec.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal([]byte(body), &p); err != nil || p.Code == "" || p.Message == "" {
			t.Errorf("%d %s: %v", rec.Code, body, err)
		}
	}
	if (rec.Code == http.StatusServiceUnavailable) != (rec.Header().Get("Retry-After") != "") {
		t.Errorf("%d with Retry-After %q", rec.Code, rec.Header().Get("Retry-After"))
	}
	return rec.Code, p.Code, rec.Header()
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

package gcfhost_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// asking is an endpoint that records each request and answers what it was asked.
type asking struct{ folder string }

func openAsking(_ context.Context, cfg echoConfig) (asking, error) { return asking{cfg.Folder}, nil }

func (a asking) Close() error { return os.WriteFile(filepath.Join(a.folder, "closed"), nil, 0o600) }

func (asking) Handler(publish func(context.Context, []event.Event) error, _ *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if strings.Contains(string(body), "panic") {
			panic(secret)
		}
		if publish != nil {
			var e event.Event
			if e, err = event.Origin("asked", event.TypeTick, "/test", time.Now(), nil); err == nil {
				err = publish(r.Context(), []event.Event{e})
			}
		}
		_, deadline := r.Context().Deadline()
		w.Header().Set("X-Asked", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprint(w, r.URL.Path, string(body), err, deadline)
	})
}

// TestEndpoint: requests reach it as they are, those of probes do not, and a panic
// says nothing.
func TestEndpoint(t *testing.T) {
	var log bytes.Buffer
	h := gcfhost.NewEndpoint("asking", asking{}.Handler(nil, nil), telemetry.GoogleLogger(&log, slog.LevelDebug), gcfhost.Config{})
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer x")
		h.ServeHTTP(rec, r)
		return rec
	}
	if a := ask(http.MethodPost, "/v1/ask", "hello"); a.Code != http.StatusAccepted || a.Body.String() != "/v1/askhello<nil> true" || a.Header().Get("X-Asked") != "Bearer x" {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if a := ask(http.MethodGet, path, ""); a.Body.String() != want {
			t.Errorf("%s: %d %s", path, a.Code, a.Body)
		}
	}
	if a := ask(http.MethodPost, "/", "panic"); a.Code != http.StatusInternalServerError || strings.Contains(a.Body.String()+log.String(), secret) || !strings.Contains(log.String(), "asking") {
		t.Errorf("%d %s\n%s", a.Code, a.Body, log.String())
	}
	if err := h.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/v1/ask", "/readyz"} {
		if a := ask(http.MethodGet, path, ""); a.Code != http.StatusServiceUnavailable {
			t.Errorf("%s after the end: %d", path, a.Code)
		}
	}
}

// endpointEndToEnd runs one in a process of its own, with Google's framework.
func endpointEndToEnd(t *testing.T, env []string) {
	folder := t.TempDir()
	p := start(t, os.Args[0], append(slices.Clip(env), "SALLYPORT_TEST_MAIN=asking", "SALLYPORT_FOLDER="+folder, "SALLYPORT_TOPIC=gcppubsub://projects/p/topics/ingest")...)
	res, err := http.Post(p.url+"/v1/ask", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || res.StatusCode != http.StatusAccepted || string(body) != "/v1/askhello<nil> true" {
		t.Errorf("%d %s %v", res.StatusCode, body, err)
	}
	receive(t, "ingest", 1, func(m *pubsub.Message) bool {
		e, err := host.DecodeEvent(m.Body)
		if err != nil || e.ID() != "asked" {
			t.Errorf("%v %v", e, err)
		}
		return true
	})
	p.end(t)
	if !exists(filepath.Join(folder, "closed")) {
		t.Error("the endpoint was not closed")
	}
}

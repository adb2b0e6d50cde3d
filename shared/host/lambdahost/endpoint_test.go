package lambdahost_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// asking is an endpoint that answers what it was asked.
type asking struct{}

func openAsking(context.Context, childConfig) (asking, error) { return asking{}, nil }

func (asking) Close() error {
	fmt.Println("child closed")
	return nil
}

func (asking) Handler(func(context.Context, []event.Event) error, *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/ask", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if strings.Contains(string(body), "panic") {
			panic(secret)
		}
		_, deadline := r.Context().Deadline()
		w.Header().Set("X-Asked", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprint(w, string(body), r.ContentLength, err, deadline)
	})
	return mux
}

// TestEndpoint: requests come as they were sent, and nothing but requests.
func TestEndpoint(t *testing.T) {
	var log bytes.Buffer
	logger := telemetry.Logger(&log, slog.LevelDebug, true)
	h := lambdahost.NewEndpoint("asking", asking{}.Handler(nil, logger), logger)
	sent := func(method, path, stage, body string, base64 bool) string {
		return fmt.Sprintf(`{"version":"2.0","rawPath":%q,"headers":{"authorization":"Bearer x","content-type":"application/json"},"requestContext":{"stage":%q,"http":{"method":%q}},"body":%q,"isBase64Encoded":%v}`,
			path, stage, method, body, base64)
	}
	for _, tt := range []struct{ name, payload, want string }{
		{"a request", sent("POST", "/v1/ask", "$default", "hello", false), `{"statusCode":202,"headers":{"X-Asked":"Bearer x"},"body":"hello5 \u003cnil\u003e true","isBase64Encoded":false}`},
		{"in Base64", sent("POST", "/v1/ask", "", "aGVsbG8=", true), `"body":"hello5`},
		{"of a stage", sent("POST", "/prod/v1/ask", "prod", "hello", false), `"body":"hello5`},
		{"another path", sent("POST", "/v1/ask/", "", "hello", false), `"statusCode":404`},
		{"a path that could be read in two ways", sent("POST", "/v1%2fask", "", "hello", false), `"statusCode":404`},
		{"another method", sent("GET", "/v1/ask", "", "", false), `"statusCode":405`},
		{"a method that is none", sent("", "/v1/ask", "", "", false), `"statusCode":405`},
		{"not Base64", sent("POST", "/v1/ask", "", secret+"!", true), `"statusCode":400`},
		{"an event", cloudEvent("1", event.TypeTick), `"statusCode":400`},
		{"a queue's messages", queued(t, queue, cloudEvent("1", "traced")), `"statusCode":400`},
		{"garbage", secret, `"statusCode":400`},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		got, err := h.Invoke(ctx, []byte(tt.payload))
		cancel()
		if err != nil || !strings.Contains(string(got), tt.want) {
			t.Errorf("%s: %s, %v", tt.name, got, err)
		}
	}
	if _, err := h.Invoke(t.Context(), []byte(sent("POST", "/v1/ask", "", "panic", false))); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a panic: %v", err)
	}
	if strings.Contains(log.String(), secret) {
		t.Errorf("logged %s", log.String())
	}
}

// TestEndpointRuntime: the real runtime client, in a process of its own.
func TestEndpointRuntime(t *testing.T) {
	s := newService(t)
	cmd := childCommand(t, childVariable+"=asking", "SALLYPORT_NEEDED=1", "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(s.URL, "http://"))
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := s.invoke(t, request("/v1/ask", `{"authorization":"Bearer x"}`, "hello")); !strings.HasPrefix(got, `response {"statusCode":202,"headers":{"X-Asked":"Bearer x"},"body":"hello5`) {
		t.Error(got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.HasSuffix(out.String(), "child closed\n") {
		t.Errorf("%v: %s", err, out.String())
	}
}

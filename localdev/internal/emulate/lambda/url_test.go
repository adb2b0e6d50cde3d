//go:build unix

package lambda_test

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
)

// responding answers a request with what it was, or as its body says.
func responding(payload []byte) any {
	var r struct {
		RawPath, RawQueryString, Body string
		Base64                        bool `json:"isBase64Encoded"`
		Headers                       map[string]string
		RequestContext                struct{ HTTP struct{ Method string } }
	}
	if json.Unmarshal(payload, &r) != nil || r.Body == "nonsense" {
		return "nonsense"
	}
	body := r.Body
	if r.Base64 {
		decoded, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return "nonsense"
		}
		body = string(decoded)
	}
	said := r.RequestContext.HTTP.Method + " " + r.RawPath + "?" + r.RawQueryString + " " + r.Headers["x-two"] + " " + body
	return map[string]any{"statusCode": 202, "headers": map[string]string{"X-Answer": "yes"}, "body": base64.StdEncoding.EncodeToString([]byte(said)), "isBase64Encoded": true}
}

// TestURL: requests become invocations, and their answers responses.
func TestURL(t *testing.T) {
	h := function(t, lambda.Config{}, "url").URL(slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"text", "hello", 202, "POST /v1/a%2Fb?q=1 a,b hello"},
		{"no body", "", 202, "POST /v1/a%2Fb?q=1 a,b "},
		{"bytes", "\xff\x00", 202, "POST /v1/a%2Fb?q=1 a,b \xff\x00"},
		{"no response", "nonsense", 502, "Bad Gateway\n"},
		{"too large", strings.Repeat("x", lambda.MaxPayload), 413, "Request Entity Too Large\n"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/v1/a%2Fb?q=1", strings.NewReader(tt.body))
		r.Header["X-Two"] = []string{"a", "b"}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || w.Body.String() != tt.want || (w.Header().Get("X-Answer") == "yes") != (tt.status == 202) {
			t.Errorf("%s: %d %q", tt.name, w.Code, w.Body)
		}
	}
	failing := function(t, lambda.Config{}, "init-exit").URL(slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	failing.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if w.Code != http.StatusBadGateway {
		t.Errorf("a function that does not start: %d", w.Code)
	}
}

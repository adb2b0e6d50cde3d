package httpevent_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sallyport-io/sallyport/shared/host/httpevent"
)

// TestServe: an answer is what net/http would send.
func TestServe(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"nothing":             func(http.ResponseWriter, *http.Request) {},
		"a body":              func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a")); _, _ = w.Write([]byte("b")) },
		"a status":            func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		"a status that stays": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); w.WriteHeader(200) },
		"too late":            func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a")); w.WriteHeader(403) },
		"a header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("x-y", r.URL.Path)
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		r := httptest.NewRequest(http.MethodGet, "/p", http.NoBody)
		want := httptest.NewRecorder()
		h(want, r)
		got := httpevent.Serve(h, r)
		if got.Status != want.Code || string(got.Body) != want.Body.String() || fmt.Sprint(got.Header["X-Y"]) != want.Header().Get("X-Y") {
			t.Errorf("%s: %+v, want %d %q", name, got, want.Code, want.Body)
		}
	}
}

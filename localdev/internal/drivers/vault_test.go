package drivers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/sallyport-io/sallyport/localdev/internal/drivers"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
)

// transit answers as the transit engine of Vault does, as far as keepers go
// (https://developer.hashicorp.com/vault/api-docs/secret/transit). What it wraps
// is not hidden: it is there to show what passes between.
func transit(down *atomic.Bool) http.Handler {
	const mark = "vault:v1:"
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, r *http.Request, from, to string, make func(string) string) {
		var in map[string]string
		if down.Load() || r.Header.Get("X-Vault-Token") != "token" || json.NewDecoder(r.Body).Decode(&in) != nil {
			http.Error(w, `{"errors":["permission denied"]}`, http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]string{to: make(in[from])}})
	}
	mux.HandleFunc("/v1/transit/encrypt/ring", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, "plaintext", "ciphertext", func(s string) string { return mark + s })
	})
	mux.HandleFunc("/v1/transit/decrypt/ring", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, "ciphertext", "plaintext", func(s string) string { return strings.TrimPrefix(s, mark) })
	})
	return mux
}

// A ring whose keys Vault wraps is made, opened and rotated; while Vault refuses
// there is no key.
func TestVault(t *testing.T) {
	var down atomic.Bool
	server := httptest.NewServer(transit(&down))
	defer server.Close()
	t.Setenv("VAULT_SERVER_URL", server.URL)
	t.Setenv("VAULT_SERVER_TOKEN", "token")
	ring := "file://" + filepath.ToSlash(filepath.Join(t.TempDir(), "keyring.json")) + "?keeper=" + url.QueryEscape("hashivault://ring")
	if err := keys.Create(t.Context(), ring); err != nil {
		t.Fatal(err)
	}
	token := func() string {
		t.Helper()
		r, err := keys.Open(t.Context(), ring)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		key, err := r.TokenKey("acme", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return string(key.Secret())
	}
	before := token()
	if n, err := keys.Rotate(t.Context(), ring, time.Time{}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if token() != before {
		t.Error("the active key is another")
	}
	down.Store(true)
	if _, err := keys.Open(t.Context(), ring); fault.CodeOf(err) != keys.CodeUnreachable || strings.Contains(err.Error(), "permission") {
		t.Errorf("refused: %v", err)
	}
}

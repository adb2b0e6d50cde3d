package audit

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "gocloud.dev/runtimevar/awssecretsmanager"
	_ "gocloud.dev/runtimevar/filevar"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// secretsManager answers the two requests of the driver for the secret prod/ledger,
// in Secrets Manager's JSON protocol.
func secretsManager(t *testing.T, key string) (endpoint string) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asks struct{ SecretId string }
		if err := json.NewDecoder(r.Body).Decode(&asks); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		answer := map[string]any{"Name": asks.SecretId, "VersionId": "00000000-0000-0000-0000-000000000001"}
		switch target := r.Header.Get("X-Amz-Target"); {
		case asks.SecretId != "prod/ledger":
			w.WriteHeader(http.StatusBadRequest)
			answer = map[string]any{"__type": "AccessDeniedException", "message": "not allowed"}
		case target == "secretsmanager.GetSecretValue":
			answer["SecretString"] = key
		case target == "secretsmanager.DescribeSecret":
			answer["LastChangedDate"] = 1.7e9
		default:
			t.Errorf("the driver asks for %s", target)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestSigningKey: the key may lie in a secret, of which the setting is the URL.
func TestSigningKey(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(w.cfg.SigningKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	endpoint := "&region=eu-central-1&endpoint=" + url.QueryEscape(secretsManager(t, w.cfg.SigningKey))
	key := w.cfg.SigningKey
	for i, setting := range []string{
		key,
		"file://" + filepath.ToSlash(file),
		"file://" + filepath.ToSlash(file) + "?decoder=string",
		"awssecretsmanager://prod/ledger?decoder=string" + endpoint,
		"awssecretsmanager://prod/ledger?decoder=bytes" + endpoint,
	} {
		w.cfg.SigningKey = setting
		if _, err := w.open(t).Handle(t.Context(), outcome(t, event.TypeDeliveryCompleted, i, event.Delivery{})); err != nil {
			t.Fatal(err)
		}
		if got := len(w.recorded(t)); got != i+1 {
			t.Errorf("%s: %d records are signed", strings.SplitN(setting, "?", 2)[0], got)
		}
	}
}

// TestSigningKeyRefused: at once, by name, and never with a part of a key.
func TestSigningKeyRefused(t *testing.T) {
	w := newWorld(t)
	endpoint := "&region=eu-central-1&endpoint=" + url.QueryEscape(secretsManager(t, "no key"))
	for setting, kind := range map[string]fault.Kind{
		"awssecretsmanager://dev/ledger?decoder=string" + endpoint:  fault.Retry, // may be allowed later
		"awssecretsmanager://prod/ledger?decoder=string" + endpoint: fault.Invalid,
		"nothing://prod/ledger":                                   fault.Invalid,
		"RIVATE+KEY+https://example.com/ledger+0123abcd+c2VjcmV0": fault.Invalid,
	} {
		w.cfg.SigningKey = setting
		started := time.Now()
		f, err := Open(t.Context(), w.cfg)
		if f != nil || fault.CodeOf(err) != "ledger-key" || fault.KindOf(err) != kind {
			t.Errorf("%s: %v", setting, err)
		} else if strings.Contains(err.Error(), "c2VjcmV0") || strings.Contains(err.Error(), "no key") {
			t.Errorf("%s: the error holds the key: %v", setting, err)
		}
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("%s: refused after %s", setting, took)
		}
	}
}

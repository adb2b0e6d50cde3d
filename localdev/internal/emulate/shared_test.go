package emulate_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gocloud.dev/blob/memblob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
)

// TestEnvironment: each function is told of its own and of nothing else.
func TestEnvironment(t *testing.T) {
	w, err := wiring.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := emulate.Cloud{Bucket: func(of string) string { return "b:" + of }, Topic: func(of string) string { return "t:" + of }}
	s := emulate.Secrets{Keys: "file:///ring", LedgerKey: "KEY", LedgerOrigin: "origin"}
	for name, want := range map[string]string{
		"ingest": "DEAD=t:dead DROPS=b:drops EXCHANGE=b:exchange LANDING=b:landing QUARANTINE=b:quarantine TOPIC=t:ingest",
		"mask":   "DEAD=t:dead EXCHANGE=b:exchange KEYS=file:///ring LANDING=b:landing MASKED=b:masked SUBJECTS=b:subjects TOPIC=t:mask",
		"fanout": "DEAD=t:dead EXCHANGE=b:exchange MASKED=b:masked STATE=b:state TOPIC=t:fanout",
		"reveal": "EXCHANGE=b:exchange KEYS=file:///ring SUBJECTS=b:subjects TOPIC=t:reveal",
		"audit":  "DEAD=t:dead LEDGER=b:ledger LEDGER_KEY=KEY LEDGER_ORIGIN=origin",
	} {
		got := strings.ReplaceAll(strings.Join(c.Environment(name, w.Functions[name], s), " "), "SALLYPORT_", "")
		if got != want {
			t.Errorf("%s has %s\nwant %s", name, got, want)
		}
	}
}

// TestOrder: who publishes comes before who hears it.
func TestOrder(t *testing.T) {
	w, err := wiring.Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := emulate.Order(w); !slices.Equal(got, []string{"ingest", "mask", "reveal", "fanout", "audit"}) {
		t.Errorf("%q", got)
	}
}

// TestPublish: destinations in the folder outbox become others, and nothing else
// changes.
func TestPublish(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	if err := stories.Write(dir); err != nil {
		t.Fatal(err)
	}
	folder := os.DirFS(dir)
	config := memblob.OpenBucket(nil)
	defer config.Close()
	plain, err := emulate.Publish(t.Context(), folder, nil, config)
	if err != nil || plain.Subscription("sentinel-payments").Destination.URL != "file://./outbox/sentinel" {
		t.Errorf("not mapped: %v", err)
	}
	other, err := emulate.Publish(t.Context(), folder, func(name string) string { return "gs://box?prefix=" + name }, config)
	if err != nil {
		t.Fatal(err)
	}
	newest, err := exchange.Open(config).Newest(t.Context())
	if err != nil || newest.Digest() != other.Digest() {
		t.Errorf("published %v, %v", newest, err)
	}
	destinations := 0
	for _, p := range other.Partners() {
		was := plain.Partner(p.ID)
		for i := range p.Subscriptions {
			destinations++
			s := p.Subscriptions[i]
			if want := "gs://box?prefix=" + p.ID; s.Destination.URL != want {
				t.Errorf("%s is delivered to %s, want %s", s.ID, s.Destination.URL, want)
			}
			s.Destination.URL = was.Subscriptions[i].Destination.URL
		}
		got, gotErr := json.Marshal(p) // without where in its file it stood
		want, wantErr := json.Marshal(was)
		if gotErr != nil || wantErr != nil || string(got) != string(want) {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
	if destinations != 5 || !reflect.DeepEqual(other.Contracts(), plain.Contracts()) || !reflect.DeepEqual(other.Profiles(), plain.Profiles()) {
		t.Errorf("%d destinations; or contracts or profiles are others", destinations)
	}
	if err := os.WriteFile(filepath.Join(dir, "partners", "x.yaml"), []byte("nonsense: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := emulate.Publish(t.Context(), folder, nil, config); err == nil {
		t.Error("an exchange with problems was published")
	}
}

// TestSecrets: secrets are made once, for their owner only, and a ledger's public
// key is that of its signing key.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	ring := filepath.Join(dir, "keys", "keyring.json")
	first, err := emulate.MakeSecrets(t.Context(), ring, dir, "sallyport.local/x")
	if err != nil {
		t.Fatal(err)
	}
	again, err := emulate.MakeSecrets(t.Context(), ring, dir, "sallyport.local/x")
	if err != nil || again != first {
		t.Errorf("made again: %v", err)
	}
	opened, err := keys.Open(t.Context(), first.Keys)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	signer, err := note.NewSigner(first.LedgerKey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := emulate.Verifier(dir)
	if err != nil || verifier.Name() != first.LedgerOrigin || verifier.KeyHash() != signer.KeyHash() || !strings.HasPrefix(first.LedgerOrigin, "sallyport.local/x-") {
		t.Errorf("%s, %v", first.LedgerOrigin, err)
	}
	info, err := os.Stat(filepath.Join(dir, "ledger.key"))
	if err != nil || info.Mode().Perm()&^fs.FileMode(0o600) != 0 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ledger.key"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := emulate.MakeSecrets(t.Context(), ring, dir, "x"); fault.CodeOf(err) != "ledger-key" || strings.Contains(err.Error(), "nonsense") {
		t.Error(err)
	}
}

// TestBuild: a function that does not build is named.
func TestBuild(t *testing.T) {
	_, err := emulate.Build(t.Context(), []string{"nothing"}, "gcf", "", t.TempDir())
	if fault.CodeOf(err) != emulate.CodeBinaries || !strings.Contains(err.Error(), "the function nothing does not build here") {
		t.Error(err)
	}
}

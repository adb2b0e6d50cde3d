package stack

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// No function can open a folder that is not its own.
func TestDoors(t *testing.T) {
	p := Layout(t.TempDir())
	if err := makeKeys(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	audit, err := p.Audit()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"drops": p.Drops, "landing": p.Landing, "masked": p.Masked, "quarantine": p.Quarantine,
		"ledger": p.Ledger, "config": p.Config, "state": p.State, "subjects": p.Subjects}
	fanout := p.Fanout()
	for function, c := range map[string]struct {
		mux *blob.URLMux
		may string
	}{
		"ingest":       {p.Ingest().Buckets, "drops landing quarantine config"},
		"mask":         {p.Mask().Buckets, "landing masked config subjects"},
		"fanout":       {fanout.Buckets, "masked state config"},
		"audit":        {audit.Buckets, "ledger"},
		"reveal":       {p.Reveal().Buckets, "config subjects"},
		"destinations": {fanout.Destinations.Buckets, ""},
	} {
		for name, folder := range all {
			urls := []string{fileURL(folder), fileURL(p.Data + "/keys/../" + name), fileURL(folder) + "?prefix=x/"}
			if function == "destinations" {
				urls = append(urls, "file://./.sallyport/"+name, "file://./outbox/../.sallyport/"+name)
			}
			for i, u := range urls {
				b, err := c.mux.OpenBucket(t.Context(), u)
				if err == nil {
					b.Close()
				}
				may := strings.Contains(c.may, name)
				if !may && fault.CodeOf(err) != "no-door" || may && i == 0 && err != nil {
					t.Errorf("%s opened %s: %v", function, u, err)
				}
			}
		}
	}
	for _, u := range []string{"file://./outbox/acme", fileURL(t.TempDir())} {
		b, err := fanout.Destinations.Buckets.OpenBucket(t.Context(), u)
		if err != nil {
			t.Errorf("no way to %s: %v", u, err)
			continue
		}
		b.Close()
	}
	if _, err := os.Stat(filepath.Join(p.Dir, "outbox", "acme")); err != nil {
		t.Error(err)
	}
}

func TestKeys(t *testing.T) {
	ctx := context.Background()
	p := Layout(filepath.Join(t.TempDir(), "with space and #"))
	if _, err := p.Audit(); fault.CodeOf(err) != codeNoKey {
		t.Errorf("no key: %v", err)
	}
	if err := makeKeys(ctx, p); err != nil {
		t.Fatal(err)
	}
	cfg, err := p.Audit()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := p.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(cfg.SigningKey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: "x\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(verifier)); err != nil || cfg.Origin != verifier.Name() {
		t.Errorf("the public key is not that of the secret one: %v", err)
	}
	for path, mode := range map[string]fs.FileMode{p.Keyring: 0o600, p.LedgerKey: 0o600, p.LedgerPub: 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}
	ring, err := os.ReadFile(p.Keyring)
	if err != nil {
		t.Fatal(err)
	}

	// A second start changes nothing, but writes the public key if it is lost.
	if err := os.Remove(p.LedgerPub); err != nil {
		t.Fatal(err)
	}
	if err := makeKeys(ctx, p); err != nil {
		t.Fatal(err)
	}
	again, err := p.Audit()
	if err != nil || again.SigningKey != cfg.SigningKey {
		t.Errorf("another key of the ledger (%v)", err)
	}
	if v, err := p.Verifier(); err != nil || v.Name() != verifier.Name() || v.KeyHash() != verifier.KeyHash() {
		t.Errorf("another public key (%v)", err)
	}
	if now, err := os.ReadFile(p.Keyring); err != nil || string(now) != string(ring) {
		t.Errorf("another key ring (%v)", err)
	}

	// A key that is damaged is not replaced, and not told.
	for _, bad := range []string{"", "secret", strings.Replace(cfg.SigningKey, "PRIVATE", "PUBLIC", 1), cfg.SigningKey[:len(cfg.SigningKey)-4]} {
		if err := os.WriteFile(p.LedgerKey, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		err := makeKeys(ctx, p)
		if fault.CodeOf(err) != "ledger-key" || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%v", err)
		}
		if now, err := os.ReadFile(p.LedgerKey); err != nil || string(now) != bad {
			t.Error("the damaged key was replaced")
		}
	}
	if err := os.WriteFile(p.LedgerPub, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verifier(); fault.CodeOf(err) != "ledger-key" {
		t.Error(err)
	}
}

// What a start leaves is not for Git, and for its owner.
func TestData(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text, err := os.ReadFile(filepath.Join(dir, dataName, ".gitignore"))
	if err != nil || !strings.Contains(string(text), "\n*\n") {
		t.Errorf(".gitignore: %q %v", text, err)
	}
	if info, err := os.Stat(s.places.Data); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "exchange.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a configuration came from nowhere")
	}
}

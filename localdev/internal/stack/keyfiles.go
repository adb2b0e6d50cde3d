package stack

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/ledger"
)

// makeKeys makes the keys that are not there.
func makeKeys(ctx context.Context, p Places) error {
	if err := os.MkdirAll(filepath.Dir(p.Keyring), 0o700); err != nil {
		return unwritable(err)
	}
	if _, err := os.Stat(p.Keyring); errors.Is(err, fs.ErrNotExist) {
		if err := keys.Create(ctx, fileURL(p.Keyring)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	skey, err := readKey(p.LedgerKey)
	if fault.CodeOf(err) == codeNoKey {
		if skey, err = newLedgerKey(); err == nil {
			err = writeWhole(p.LedgerKey, skey+"\n", 0o600)
		}
	}
	if err != nil {
		return err
	}
	// The public key follows from the other: one that is lost, or that a crash
	// kept from being written, is written again.
	vkey, err := verifierKey(skey)
	if err != nil {
		return err
	}
	if there, err := readKey(p.LedgerPub); err == nil && there == vkey {
		return nil
	}
	return writeWhole(p.LedgerPub, vkey+"\n", 0o644)
}

// newLedgerKey is a signing key for a ledger of its own, whose origin no other
// ledger has.
func newLedgerKey() (string, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	skey, _, err := ledger.NewKey("sallyport.local/" + hex.EncodeToString(id[:]))
	return skey, err
}

const codeNoKey = "no-key"

func readKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fault.New(fault.Invalid, codeNoKey, path+" is not there", "sallyport up makes it; without it nobody can sign or verify the ledger")
	}
	if err != nil {
		return "", fault.Wrap(fault.Retry, "key-read", err, "cannot read a key of the ledger")
	}
	return strings.TrimSpace(string(text)), nil
}

// verifierKey is the public key of a signing key, in the text form of signed
// notes (https://c2sp.org/signed-note): "PRIVATE+KEY+<name>+<id>+<base64 of the
// algorithm, 1 for Ed25519, and the seed>".
func verifierKey(skey string) (string, error) {
	parts := strings.SplitN(skey, "+", 5)
	if len(parts) != 5 || parts[0] != "PRIVATE" || parts[1] != "KEY" {
		return "", badLedgerKey()
	}
	secret, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(secret) != 1+ed25519.SeedSize || secret[0] != 1 {
		return "", badLedgerKey()
	}
	public, _ := ed25519.NewKeyFromSeed(secret[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(parts[2], public)
	if err != nil {
		return "", badLedgerKey()
	}
	return vkey, nil
}

func badLedgerKey() error {
	return fault.New(fault.Invalid, "ledger-key", "ledger.key is not a signing key", "restore it from a copy: the ledger can be continued with that key only")
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(path, text string, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return unwritable(err)
	}
	defer os.Remove(f.Name()) // fails, as it should, once the file has its name
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return unwritable(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return unwritable(err)
	}
	return nil
}

func unwritable(err error) error {
	return fault.Wrap(fault.Retry, "data-write", err, fmt.Sprintf("cannot write into %s", dataName))
}

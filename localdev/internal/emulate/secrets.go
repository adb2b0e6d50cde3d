package emulate

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/ledger"
)

// Secrets are what functions need beside names.
type Secrets struct {
	Keys         string // URL of the key ring
	LedgerKey    string // signs the ledger
	LedgerOrigin string // its name
}

// The files of a ledger's keys in the folder of a deployment.
const (
	ledgerKey = "ledger.key"
	ledgerPub = "ledger.pub"
)

// MakeSecrets makes the key ring in a file, and in the folder data the signing key
// of a ledger whose origin starts with the given one, where there are none.
func MakeSecrets(ctx context.Context, keyring, data, origin string) (Secrets, error) {
	s := Secrets{Keys: (&url.URL{Scheme: "file", Path: filepath.ToSlash(keyring)}).String()}
	if err := keys.Create(ctx, s.Keys); err != nil && !errors.Is(err, fs.ErrExist) {
		return s, err
	}
	path := filepath.Join(data, ledgerKey)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		skey, vkey, keyErr := ledger.NewKey(origin + "-" + strings.ToLower(rand.Text()[:16]))
		if keyErr != nil {
			return s, keyErr
		}
		text = []byte(skey)
		err = errors.Join(os.WriteFile(filepath.Join(data, ledgerPub), []byte(vkey+"\n"), 0o600), os.WriteFile(path, []byte(skey+"\n"), 0o600))
	}
	if err != nil {
		return s, Unwritable(err)
	}
	s.LedgerKey = strings.TrimSpace(string(text))
	signer, err := note.NewSigner(s.LedgerKey)
	if err != nil {
		return s, fault.New(fault.Invalid, "ledger-key", path+" is not a signing key", "remove the folder that it is in, to begin anew")
	}
	s.LedgerOrigin = signer.Name()
	return s, nil
}

// Verifier is the public key of the ledger of a deployment, by its folder. Its name
// is the ledger's origin.
func Verifier(data string) (note.Verifier, error) {
	path := filepath.Join(data, ledgerPub)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "key-read", err, "cannot read the public key of the ledger")
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fault.New(fault.Invalid, "ledger-key", path+" is not the public key of a ledger", "remove the folder that it is in, to begin anew")
	}
	return v, nil
}

// Unwritable is the fault of a folder of a deployment that cannot be written.
func Unwritable(err error) error {
	return fault.Wrap(fault.Retry, "data-write", err, "the folder of the emulated deployment cannot be written")
}

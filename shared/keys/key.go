package keys

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// KeySize is how many bytes a key has.
const KeySize = 32

// redacted is what every way of printing a key prints.
const redacted = "[key]"

// Key is a secret of KeySize bytes. No way of printing, logging or encoding it
// shows the bytes. They lie in a closure, the one thing that package fmt never
// looks into: it follows a pointer in what holds the Key, if the verb is wrong
// for it. The zero Key is none.
type Key struct{ secret func() []byte }

// NewKey is the key of the given bytes.
func NewKey(b [KeySize]byte) Key { return Key{func() []byte { return b[:] }} }

// GenerateKey makes a random key.
func GenerateKey() Key {
	var b [KeySize]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return NewKey(b)
}

// Secret is the key itself: nil for the zero Key. It must not be changed.
func (k Key) Secret() []byte {
	if k.secret == nil {
		return nil
	}
	return k.secret()
}

// String does not tell the key.
func (Key) String() string { return redacted }

// GoString does not tell the key.
func (Key) GoString() string { return redacted }

// Format does not tell the key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText does not tell the key; encoding/json uses it too.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON does not tell the key.
func (Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue does not tell the key.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// TokenKey is the key of one token domain, derived from one version of a ring. It
// is a transform.TokenKey. Printing it does not show it.
type TokenKey struct {
	Key
	version int
}

// ContractScope names the part of a domain that is one contract.
func ContractScope(contract string) []string { return []string{contract} }

// FieldScope names the part of a domain that is one field of an object of a contract,
// in all its versions.
func FieldScope(contract, object, path string) []string { return []string{contract, object, path} }

// Within is the key of a part of the domain, such as one contract: HKDF-Expand with
// SHA-256 of the domain's key, with the info "sallyport/token-scope/v1" and each name
// behind its length. No names are the domain itself.
func (k TokenKey) Within(names ...string) (TokenKey, error) {
	if len(names) == 0 {
		return k, nil
	}
	info := scopeInfo
	for _, name := range names {
		info += fmt.Sprintf("%d:%s", len(name), name)
	}
	part, err := hkdf.Expand(sha256.New, k.Secret(), info, KeySize)
	if err != nil {
		return TokenKey{}, fault.Wrap(fault.Denied, CodeDomain, err, "no key can be derived")
	}
	return TokenKey{NewKey([KeySize]byte(part)), k.version}, nil
}

// Version names the version of the ring that the key was derived from.
func (k TokenKey) Version() int { return k.version }

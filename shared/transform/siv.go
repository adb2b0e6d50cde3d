package transform

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/transform/internal/siv"
)

// The keys of ciphers are derived from the secret of a TokenKey by HKDF-Expand
// (RFC 5869) with SHA-256 and these infos, so that no two algorithms share one.
const (
	sivInfo = "sallyport/aes-siv/v1"
	ff1Info = "sallyport/ff1/v1"
)

// derive expands the secret of a key.
func derive(secret []byte, info string, size int) ([]byte, error) {
	key, err := hkdf.Expand(sha256.New, secret, info, size)
	if err != nil {
		return nil, fault.Wrap(fault.Poison, CodeKey, err, "no key can be derived")
	}
	return key, nil
}

// sivAppender makes tokens that can be revealed: "s<version>_" and what AES-256-SIV
// makes of the value, in unpadded base64url. Their length tells the value's.
type sivAppender struct {
	prefix string
	cipher *siv.Cipher
	sealed []byte
}

func sivTokens(secret []byte, letter rune, version int) (func() Appender, error) {
	key, err := derive(secret, sivInfo, 64)
	if err != nil {
		return nil, err
	}
	if _, err := siv.New(key); err != nil {
		return nil, fault.Wrap(fault.Poison, CodeKey, err, "no token can be made with the key")
	}
	return func() Appender {
		c, err := siv.New(key)
		if err != nil {
			return appendFunc(appendNothing) // cannot be: the same key was taken above
		}
		return &sivAppender{prefix: fmt.Sprintf("%c%d_", letter, version), cipher: c}
	}, nil
}

func (a *sivAppender) Append(dst, value []byte) ([]byte, bool) {
	a.sealed = a.cipher.Seal(a.sealed[:0], value, nil)
	return base64.RawURLEncoding.AppendEncode(append(dst, a.prefix...), a.sealed), true
}

// Reversible reports whether Reveal gives the values back for what the transform
// makes of them.
func (s Spec) Reversible() bool {
	return s.Type == Token && (s.Algorithm == SIV || s.Algorithm == GCM)
}

// TokenVersion is the version of the key that a token was made with; ok is false if
// neither Reveal nor RevealSubject takes such a token, whatever the key.
func TokenVersion(token []byte) (version int, ok bool) {
	if len(token) == 0 || !strings.ContainsRune("sgex", rune(token[0])) {
		return 0, false
	}
	digits, _, closed := bytes.Cut(token[1:], []byte("_"))
	version, err := strconv.Atoi(string(digits))
	// Of several ways to write a number one is taken.
	return version, closed && err == nil && version > 0 && strconv.Itoa(version) == string(digits)
}

// Reveal appends the value of a token that was made with algorithm aes-siv or
// aes-gcm under key, and with no key of a data subject. ok is false if it was not.
func Reveal(dst, token []byte, key TokenKey) (out []byte, ok bool, err error) {
	secret, err := secretOf(key, Token)
	if err != nil {
		return dst, false, err
	}
	return open(dst, token, secret, key.Version(), 's', 'g')
}

// open appends what was sealed in a token of a version that starts with one of two
// letters, of aes-siv and of aes-gcm.
func open(dst, token, secret []byte, version int, siv, gcm rune) (out []byte, ok bool, err error) {
	for letter, open := range map[rune]func(dst, sealed, secret []byte) ([]byte, bool, error){siv: openSIV, gcm: openGCM} {
		text, found := strings.CutPrefix(string(token), fmt.Sprintf("%c%d_", letter, version))
		if !found {
			continue
		}
		sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			return dst, false, nil
		}
		return open(dst, sealed, secret)
	}
	return dst, false, nil
}

// openSIV appends what was sealed by a sivAppender.
func openSIV(dst, sealed, secret []byte) (out []byte, ok bool, err error) {
	key, err := derive(secret, sivInfo, 64)
	if err != nil {
		return dst, false, err
	}
	c, err := siv.New(key)
	if err != nil {
		return dst, false, fault.Wrap(fault.Poison, CodeKey, err, "no token can be revealed with the key")
	}
	out, err = c.Open(dst, sealed, nil)
	return out, err == nil, nil
}

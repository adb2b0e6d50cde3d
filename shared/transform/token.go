package transform

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform/internal/hmac256"
)

// TokenKey is the key of one token domain in one version; keys.Ring derives it.
type TokenKey interface {
	// Version names the key in the tokens that it makes.
	Version() int
	// Secret is the key itself, of 16 to 64 bytes, uniformly random.
	Secret() []byte
}

// TokenSize is how many bytes of the HMAC a token holds: 128 bits. In 2^40
// values the chance that any two share a token is about 2^-49.
const TokenSize = 16

// How tokens are made (Spec.Algorithm).
const (
	// HMAC: nobody can tell the value from the token, whoever has the key only by
	// trying.
	HMAC = "hmac-sha256"
	// BLAKE3 is as HMAC, with the keyed mode of BLAKE3: faster where the processor
	// has no instructions for SHA-256, and not of FIPS 140.
	BLAKE3 = "blake3"
	// SIV: whoever has the key can tell the value from the token (RFC 5297).
	SIV = "aes-siv"
	// GCM: as SIV, but no two tokens are the same, so that nothing can be joined or
	// counted by them.
	GCM = "aes-gcm"
)

func tokenKind() kind {
	return kind{
		name: Token, options: []string{"algorithm", "subject", "scope"}, keyed: true, plain: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			if s.Algorithm != "" && !slices.Contains([]string{HMAC, BLAKE3, SIV, GCM}, s.Algorithm) {
				return in, optionFault(fmt.Sprintf("there is no algorithm %q for tokens", s.Algorithm), "use "+HMAC+", "+BLAKE3+", "+SIV+" or "+GCM)
			}
			return record.String, s.takes(in, insteadOf, scalars...)
		},
		placed: func(s Spec, key TokenKey) (func(Place) Appender, error) {
			if s.Algorithm != GCM && s.Subject == "" {
				return nil, nil
			}
			secret, err := secretOf(key, s.Type)
			switch {
			case err != nil:
				return nil, err
			case s.Subject != "":
				return subjectTokens(s.Algorithm, secret, key.Version())
			}
			return gcmTokens(secret, 'g', key.Version())
		},
		make: func(s Spec, key TokenKey) (func() Appender, error) {
			secret, err := secretOf(key, s.Type)
			if err != nil {
				return nil, err
			}
			switch s.Algorithm {
			case SIV:
				return sivTokens(secret, 's', key.Version())
			case BLAKE3:
				return blakeTokens(secret, key.Version())
			}
			room := fmt.Sprintf("t%d_", key.Version()) + strings.Repeat(" ", tokenText)
			return func() Appender { return &tokenAppender{room: room, mac: hmac256.New(secret)} }, nil
		},
	}
}

// secretOf is the secret of a key that a transform of type typ needs.
func secretOf(key TokenKey, typ string) ([]byte, error) {
	if key == nil {
		return nil, fault.New(fault.Poison, CodeKey, typ+" needs a key and there is none", "give the function a key ring")
	}
	secret := key.Secret()
	if len(secret) < 16 || len(secret) > sha256.BlockSize {
		return nil, fault.New(fault.Poison, CodeKey, fmt.Sprintf("the key of %s has %d bytes, 16 to %d are needed", typ, len(secret), sha256.BlockSize), "look at the key ring")
	}
	return secret, nil
}

// tokenAppender makes tokens: "t<version>_" and the first TokenSize bytes of
// HMAC-SHA256 of the value in unpadded base64url.
type tokenAppender struct {
	room string // the prefix, and room for the rest
	mac  *hmac256.MAC
	x, y [hmac256.Size]byte
}

func (a *tokenAppender) Append(dst, value []byte) ([]byte, bool) {
	a.mac.Sum2(value, nil, &a.x, &a.y)
	return a.text(dst, &a.x), true
}

// AppendAll makes the tokens two by two.
func (a *tokenAppender) AppendAll(dst []byte, values [][]byte) []byte {
	for len(values) > 0 {
		if len(values) == 1 {
			dst, _ = a.Append(dst, values[0])
			break
		}
		a.mac.Sum2(values[0], values[1], &a.x, &a.y)
		dst = a.text(a.text(dst, &a.x), &a.y)
		values = values[2:]
	}
	return dst
}

func (a *tokenAppender) Size() int { return len(a.room) }

func (a *tokenAppender) text(dst []byte, sum *[hmac256.Size]byte) []byte {
	dst = append(dst, a.room...)
	writeText((*[tokenText]byte)(dst[len(dst)-tokenText:]), (*[TokenSize]byte)(sum[:]))
	return dst
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// tokenText is how many characters stand for TokenSize bytes.
const tokenText = 22

// pairs are all pairs of characters of the alphabet.
var pairs = func() (t [1 << 12][2]byte) {
	for i := range t {
		t[i] = [2]byte{alphabet[i>>6], alphabet[i&63]}
	}
	return t
}()

// writeText writes 16 bytes as 22 characters of unpadded base64url (RFC 4648,
// section 5), two at a time.
func writeText(text *[tokenText]byte, b *[TokenSize]byte) {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	put := func(at int, bits uint64) { *(*[2]byte)(text[at:]) = pairs[bits&(1<<12-1)] }
	put(0, high>>52)
	put(2, high>>40)
	put(4, high>>28)
	put(6, high>>16)
	put(8, high>>4)
	put(10, high<<8|low>>56)
	put(12, low>>44)
	put(14, low>>32)
	put(16, low>>20)
	put(18, low>>8)
	put(20, low<<4)
}

package transform

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/transform/internal/hmac256"
)

// What the keys of aes-gcm are derived by: one encrypts, one makes nonces.
const (
	gcmInfo      = "sallyport/aes-gcm/v1"
	gcmNonceInfo = "sallyport/aes-gcm-nonce/v1"
)

const gcmNonce = 12 // bytes

// gcmAppender makes tokens that can be revealed and not be joined: "g<version>_",
// and in unpadded base64url a nonce and what AES-256-GCM makes of the value
// (NIST SP 800-38D). Their length tells the value's.
//
// A segment that is rendered again must give the same bytes, so the nonce is not
// drawn: it is the first 96 bits of an HMAC of all that tells the value from
// others (the Place, the number of the row, the how-manieth value of the field in
// it) and of the value itself. So equal values have tokens of their own, and
// even a place that came twice could not make two values share a nonce but by
// chance: one in 2^33 among the 2^32 values of one version of a domain's key,
// within the bound of SP 800-38D, section 8.3. Rotate the key before there are more.
type gcmAppender struct {
	prefix  string
	aead    cipher.AEAD
	mac     *hmac256.MAC // of this place
	x, y    [hmac256.Size]byte
	row     int64  // 0: none was told
	nth     uint32 // of the row's values that have a token
	message []byte // what the nonce is made of
	sealed  []byte
}

// gcmTokens makes what makes the appenders of a place.
func gcmTokens(secret []byte, letter rune, version int) (func(Place) Appender, error) {
	key, err := derive(secret, gcmInfo, 32)
	if err != nil {
		return nil, err
	}
	aead, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	nonces, err := derive(secret, gcmNonceInfo, sha256.Size)
	if err != nil {
		return nil, err
	}
	prefix := fmt.Sprintf("%c%d_", letter, version)
	return func(p Place) Appender {
		if p.Drop == "" || p.View == "" || p.Field == "" {
			return appendFunc(appendNothing)
		}
		return &gcmAppender{prefix: prefix, aead: aead, mac: hmac256.New(p.key(nonces))}
	}, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fault.Wrap(fault.Poison, CodeKey, err, "no token can be made with the key")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fault.Wrap(fault.Poison, CodeKey, err, "no token can be made with the key")
	}
	return aead, nil
}

// key is the key of a place, derived from another by what tells it from others,
// each part behind its length.
func (p Place) key(secret []byte) []byte {
	var message []byte
	for _, part := range []string{p.Drop, fmt.Sprint(p.Segment), p.View, p.Field} {
		message = append(binary.BigEndian.AppendUint64(message, uint64(len(part))), part...)
	}
	var x, y [hmac256.Size]byte
	hmac256.New(secret).Sum2(message, nil, &x, &y)
	return x[:]
}

// Row starts the counting of values anew.
func (a *gcmAppender) Row(number int64, _ []byte) { a.row, a.nth = number, 0 }

func (a *gcmAppender) Append(dst, value []byte) ([]byte, bool) {
	if a.row == 0 {
		return dst, false
	}
	a.message = binary.BigEndian.AppendUint64(a.message[:0], uint64(a.row))
	a.message = append(binary.BigEndian.AppendUint32(a.message, a.nth), value...)
	a.nth++
	a.mac.Sum2(a.message, nil, &a.x, &a.y)
	a.sealed = append(a.sealed[:0], a.x[:gcmNonce]...)
	a.sealed = a.aead.Seal(a.sealed, a.x[:gcmNonce], value, nil)
	return base64.RawURLEncoding.AppendEncode(append(dst, a.prefix...), a.sealed), true
}

// openGCM appends what was sealed behind its nonce.
func openGCM(dst, sealed, secret []byte) (out []byte, ok bool, err error) {
	key, err := derive(secret, gcmInfo, 32)
	if err != nil {
		return dst, false, err
	}
	aead, err := newGCM(key)
	if err != nil || len(sealed) < gcmNonce {
		return dst, false, err
	}
	opened, err := aead.Open(dst, sealed[:gcmNonce], sealed[gcmNonce:], nil)
	if err != nil {
		return dst, false, nil // it was not made with this key
	}
	return opened, true, nil
}

package transform

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/sallyport-io/sallyport/shared/fault"
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

// tokenMaker holds what all tokens under one key have in common: the states of
// SHA-256 after the two padded keys of HMAC (RFC 2104, section 4 suggests it).
// It saves half of the blocks.
//
// The states are kept marshaled: reading one into a digest costs a copy of 100
// bytes, where cloning one (hash.Cloner) would allocate.
type tokenMaker struct {
	prefix       string // "t<version>_"
	inner, outer []byte
}

func newTokenMaker(key TokenKey) (*tokenMaker, error) {
	if key == nil {
		return nil, fault.New(fault.Poison, CodeKey, "token needs a key and there is none", "give the function a key ring")
	}
	secret := key.Secret()
	if len(secret) < 16 || len(secret) > sha256.BlockSize {
		return nil, fault.New(fault.Poison, CodeKey, fmt.Sprintf("the key of token has %d bytes, 16 to %d are needed", len(secret), sha256.BlockSize), "look at the key ring")
	}
	m := &tokenMaker{prefix: fmt.Sprintf("t%d_", key.Version())}
	for _, pad := range []struct {
		state *[]byte
		mask  byte
	}{{&m.inner, 0x36}, {&m.outer, 0x5c}} {
		var block [sha256.BlockSize]byte
		copy(block[:], secret)
		for i := range block {
			block[i] ^= pad.mask
		}
		h := sha256.New()
		h.Write(block[:])
		state, ok := h.(encoding.BinaryMarshaler)
		if !ok {
			return nil, fault.New(fault.Poison, CodeKey, "this build's SHA-256 does not tell its state", "build with Go's own crypto/sha256")
		}
		var err error
		if *pad.state, err = state.MarshalBinary(); err != nil {
			return nil, fault.Wrap(fault.Poison, CodeKey, err, "the state of SHA-256 cannot be kept")
		}
	}
	return m, nil
}

// tokenAppender makes tokens: "t<version>_" and the first TokenSize bytes of
// HMAC-SHA256 of the value in unpadded base64url.
type tokenAppender struct {
	*tokenMaker
	digest interface {
		hash.Hash
		encoding.BinaryUnmarshaler
	}
	sum [sha256.Size]byte
}

func (m *tokenMaker) appender() Appender {
	a := &tokenAppender{tokenMaker: m}
	var ok bool
	if a.digest, ok = sha256.New().(interface {
		hash.Hash
		encoding.BinaryUnmarshaler
	}); !ok {
		return appendFunc(appendNothing) // newTokenMaker has seen that it is
	}
	return a
}

func (a *tokenAppender) Append(dst, value []byte) ([]byte, bool) {
	if a.digest.UnmarshalBinary(a.inner) != nil {
		return dst, false
	}
	a.digest.Write(value)
	inner := a.digest.Sum(a.sum[:0])
	if a.digest.UnmarshalBinary(a.outer) != nil {
		return dst, false
	}
	a.digest.Write(inner)
	outer := a.digest.Sum(a.sum[:0])
	return appendText(append(dst, a.prefix...), [TokenSize]byte(outer)), true
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// appendText appends 16 bytes as 22 characters of unpadded base64url (RFC 4648,
// section 5): of a known length that costs a third of what encoding/base64 does.
func appendText(dst []byte, b [TokenSize]byte) []byte {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var text [22]byte
	for i := range 10 {
		text[i] = alphabet[high>>(58-6*i)&63]
		text[11+i] = alphabet[low>>(56-6*i)&63]
	}
	text[10] = alphabet[(high<<2|low>>62)&63]
	text[21] = alphabet[low<<4&63]
	return append(dst, text[:]...)
}

package transform

import (
	"fmt"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// blakeInfo: see derive.
const blakeInfo = "sallyport/blake3/v1"

// blakeAppender makes tokens: "b<version>_" and the first TokenSize bytes of the
// keyed BLAKE3 of the value in unpadded base64url.
type blakeAppender struct {
	room string // the prefix, and room for the rest
	hash *blake3.Hasher
	sum  [64]byte // what Sum asks for
}

func blakeTokens(secret []byte, version int) (func() Appender, error) {
	key, err := derive(secret, blakeInfo, 32)
	if err != nil {
		return nil, err
	}
	if _, err := blake3.NewKeyed(key); err != nil {
		return nil, fault.Wrap(fault.Poison, CodeKey, err, "no token can be made with the key")
	}
	room := fmt.Sprintf("b%d_", version) + strings.Repeat(" ", tokenText)
	return func() Appender {
		h, err := blake3.NewKeyed(key)
		if err != nil {
			return appendFunc(appendNothing) // cannot be: the same key was taken above
		}
		return &blakeAppender{room: room, hash: h}
	}, nil
}

func (a *blakeAppender) Append(dst, value []byte) ([]byte, bool) {
	a.hash.Reset()
	_, _ = a.hash.Write(value) // never fails
	a.hash.Sum(a.sum[:0])
	dst = append(dst, a.room...)
	writeText((*[tokenText]byte)(dst[len(dst)-tokenText:]), (*[TokenSize]byte)(a.sum[:]))
	return dst, true
}

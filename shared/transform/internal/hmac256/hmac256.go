// Package hmac256 is HMAC-SHA256 (RFC 2104, FIPS 180-4) for many short messages
// under one key: it keeps the states of the padded key, and computes two
// messages side by side where the processor has instructions for SHA-256. The
// standard library's takes more than twice as long, most of it to keep and bring
// back the states.
//
// It is held to the standard library's by its tests.
package hmac256

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/sallyport-io/sallyport/shared/internal/sha256pair"
)

// Size is how many bytes a MAC has.
const Size = sha256.Size

// short is how many bytes of a message fit into a block with its padding.
const short = sha256.BlockSize - 9

// initial is the state before the first block (FIPS 180-4, section 5.3.3).
var initial = [Size]byte{
	0x6a, 0x09, 0xe6, 0x67, 0xbb, 0x67, 0xae, 0x85, 0x3c, 0x6e, 0xf3, 0x72, 0xa5, 0x4f, 0xf5, 0x3a,
	0x51, 0x0e, 0x52, 0x7f, 0x9b, 0x05, 0x68, 0x8c, 0x1f, 0x83, 0xd9, 0xab, 0x5b, 0xe0, 0xcd, 0x19,
}

// MAC computes MACs under one key. It is for one goroutine.
type MAC struct {
	inner, outer [Size]byte             // states of SHA-256 after the padded keys
	x, y         [sha256.BlockSize]byte // messages, padded
	p, q         [sha256.BlockSize]byte // their digests, padded
	fast         bool
	slow         hash.Hash // for long messages, where FIPS 140 is asked for, and for other processors
}

// New makes a MAC. The key has at most 64 bytes.
func New(key []byte) *MAC {
	m := &MAC{slow: hmac.New(sha256.New, key), fast: sha256pair.Fast()}
	if !m.fast {
		return m
	}
	copy(m.x[:], key)
	copy(m.y[:], key)
	for i := range m.x {
		m.x[i] ^= 0x36
		m.y[i] ^= 0x5c
	}
	sha256pair.Compress(&m.inner, &m.outer, &initial, &initial, &m.x, &m.y)
	digest := make([]byte, Size) // Sum2 puts the others in its place
	pad(&m.p, digest)
	pad(&m.q, digest)
	return m
}

// Sum2 writes the MACs of a and b to x and y. It allocates nothing.
func (m *MAC) Sum2(a, b []byte, x, y *[Size]byte) {
	if !m.fast || len(a) > short || len(b) > short {
		m.sum(a, x)
		m.sum(b, y)
		return
	}
	pad(&m.x, a)
	pad(&m.y, b)
	sha256pair.Compress((*[Size]byte)(m.p[:]), (*[Size]byte)(m.q[:]), &m.inner, &m.inner, &m.x, &m.y)
	sha256pair.Compress(x, y, &m.outer, &m.outer, &m.p, &m.q)
}

// pad makes the last block of a message whose first block was the key's.
func pad(block *[sha256.BlockSize]byte, message []byte) {
	n := len(message)
	*block = [sha256.BlockSize]byte{}
	copy(block[:short], message)
	block[n] = 0x80
	binary.BigEndian.PutUint16(block[62:], uint16(8*(sha256.BlockSize+n)))
}

func (m *MAC) sum(message []byte, dst *[Size]byte) {
	m.slow.Reset()
	m.slow.Write(message)
	m.slow.Sum(dst[:0])
}

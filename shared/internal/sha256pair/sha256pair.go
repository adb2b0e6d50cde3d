// Package sha256pair computes SHA-256 (FIPS 180-4) of two messages side by side,
// where the processor has instructions for it: they wait for one another's results,
// so that a second message takes little longer than one alone.
//
// It is held to the standard library's by its tests.
package sha256pair

import (
	"crypto/fips140"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// Fast tells whether Compress may be used: the processor has the instructions, and
// nobody asks for FIPS 140.
func Fast() bool { return supported && !fips140.Enabled() }

// Compress is SHA-256's compression: p becomes state a after block x, and q state b
// after y. A state is written as a digest is. p may be a or within x, q b or within
// y. It panics where Fast is false.
func Compress(p, q, a, b *[sha256.Size]byte, x, y *[sha256.BlockSize]byte) {
	compress(p, q, a, b, x, y)
}

// Write writes x to a and y to b, which are hashes of crypto/sha256. What both have
// is computed side by side.
func Write(a, b hash.Hash, x, y []byte) {
	if Fast() && min(len(x), len(y)) >= worthwhile {
		x, y = both(a, b, x, y)
	}
	a.Write(x)
	b.Write(y)
}

// worthwhile is how many bytes both must have: to take a state out of a hash and to
// put it back takes as long as some blocks.
const worthwhile = 4 << 10

// both writes what x and y have in whole blocks and answers the rest.
func both(a, b hash.Hash, x, y []byte) (restX, restY []byte) {
	var s, t state
	x, okX := s.take(a, x)
	y, okY := t.take(b, y)
	if !okX || !okY {
		return x, y
	}
	n := min(len(x), len(y)) / sha256.BlockSize * sha256.BlockSize
	for at := 0; at < n; at += sha256.BlockSize {
		compress(s.sum(), t.sum(), s.sum(), t.sum(), (*[sha256.BlockSize]byte)(x[at:]), (*[sha256.BlockSize]byte)(y[at:]))
	}
	s.put(a, n)
	t.put(b, n)
	return x[n:], y[n:]
}

// state is a hash of crypto/sha256 between two blocks, as it marshals itself: a name,
// the state, the bytes that wait for a whole block (none), and how many bytes it has
// seen.
type state [4 + sha256.Size + sha256.BlockSize + 8]byte

func (s *state) sum() *[sha256.Size]byte { return (*[sha256.Size]byte)(s[4:]) }
func (s *state) seen() []byte            { return s[len(s)-8:] }

// take brings h to the end of a block with the begin of data, and reads its state. It
// answers the rest of data. ok is false if h does not marshal itself like that.
func (s *state) take(h hash.Hash, data []byte) (rest []byte, ok bool) {
	if !s.read(h) {
		return data, false
	}
	if open := int(binary.BigEndian.Uint64(s.seen()) % sha256.BlockSize); open > 0 {
		h.Write(data[:sha256.BlockSize-open])
		return data[sha256.BlockSize-open:], s.read(h)
	}
	return data, true
}

func (s *state) read(h hash.Hash) bool {
	m, ok := h.(encoding.BinaryAppender)
	if !ok {
		return false
	}
	text, err := m.AppendBinary(s[:0])
	return err == nil && len(text) == len(s) && &text[0] == &s[0] && string(s[:4]) == "sha\x03"
}

// put makes h what the state is after n more bytes.
func (s *state) put(h hash.Hash, n int) {
	binary.BigEndian.PutUint64(s.seen(), binary.BigEndian.Uint64(s.seen())+uint64(n))
	// It took this form a moment ago.
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(s[:]); err != nil {
		panic("sha256pair: " + err.Error())
	}
}

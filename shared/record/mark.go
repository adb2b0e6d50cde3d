package record

import (
	"encoding/binary"
	"math/bits"
)

const (
	block = 4096 // bytes that are marked before they are cut
	ones  = 0x0101010101010101
)

// mark writes where the bytes a, b and c stand in words[from:to] to dst and
// answers how many there are. words has at least 63 readable bytes behind to;
// to-from is at most block.
//
// Where they stand is found for 64 bytes at a time as one mask, so that the
// loop over its bits is rarely mispredicted.
func mark(dst *[block + 8]uint32, words []byte, from, to int, a, b, c byte) int {
	var found [block / 64]uint64
	blocks := (to - from + 63) / 64
	masks(&found, words[from:], blocks, a, b, c)
	if tail := uint(to-from) % 64; tail != 0 {
		found[blocks-1] &= 1<<tail - 1
	}
	n := 0
	for i, mask := range found[:blocks] {
		base := uint32(from + 64*i)
		next := n + bits.OnesCount64(mask)
		// Four at once, whether there are as many or not: there often are.
		out := dst[n : n+4 : n+4]
		for k := range out {
			out[k] = base + uint32(bits.TrailingZeros64(mask))
			mask &= mask - 1
		}
		for k := n + 4; mask != 0; k++ {
			dst[k] = base + uint32(bits.TrailingZeros64(mask))
			mask &= mask - 1
		}
		n = next
	}
	return n
}

// masksGeneric sets bit i of dst[k] where src[64k+i] is a, b or c, for k < n.
// Eight bytes are compared at once, exactly (Hacker's Delight, section 6-1).
func masksGeneric(dst *[block / 64]uint64, src []byte, n int, a, b, c byte) {
	const low = 0x7f * ones
	as, bs, cs := uint64(a)*ones, uint64(b)*ones, uint64(c)*ones
	for k := range n {
		line := src[64*k : 64*k+64 : 64*k+64]
		var mask uint64
		for s := 0; s < 64; s += 8 {
			w := binary.LittleEndian.Uint64(line[s : s+8])
			x, y, z := w^as, w^bs, w^cs
			x |= (x & low) + low
			y |= (y & low) + low
			z |= (z & low) + low
			mask |= (^(x & y & z) >> 7 & ones) * 0x0102040810204080 >> 56 << s
		}
		dst[k] = mask
	}
}

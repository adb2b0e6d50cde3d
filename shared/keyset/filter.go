package keyset

import (
	"encoding/binary"
	"math/bits"
)

const (
	blockSize  = 64 // bytes: one line of the cache
	goodBits   = 10 // bits of the filter per key below which it grows, if it may
	probedBits = 6
)

// filter answers whether a key may be in a run: a Bloom filter whose bits for one
// key lie in one block (Putze, Sanders, Singler, 2007). Blocks follow the order
// of the keys, so that to add a run goes through the filter once, from its start.
// A filter without blocks answers that anything may be.
type filter struct {
	words  []byte
	blocks uint64
}

func newFilter(size int) (filter, error) {
	size = max(size-size%blockSize, blockSize)
	words, err := obtain(size)
	return filter{words: words, blocks: uint64(size / blockSize)}, err
}

func (f *filter) block(k Key) []byte {
	at, _ := bits.Mul64(k[0], f.blocks)
	return f.words[at*blockSize : at*blockSize+blockSize]
}

func (f *filter) add(k Key) {
	block := f.block(k)
	for h, i := k[1], 0; i < probedBits; i, h = i+1, h>>9 {
		block[h>>3&63] |= 1 << (h & 7)
	}
}

func (f *filter) has(k Key) bool {
	if f.blocks == 0 {
		return true
	}
	block := f.block(k)
	for h, i := k[1], 0; i < probedBits; i, h = i+1, h>>9 {
		if block[h>>3&63]&(1<<(h&7)) == 0 {
			return false
		}
	}
	return true
}

// touch reads a word of the block of k, so that it is near when has is asked.
func (f *filter) touch(k Key) uint64 {
	if f.blocks == 0 {
		return 0
	}
	return binary.LittleEndian.Uint64(f.block(k))
}

func (f *filter) release() {
	release(f.words)
	*f = filter{}
}

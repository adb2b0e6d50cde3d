package parquet

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// The encodings of values (parquet.thrift, Encoding; Encodings.md).
const (
	encPlain           = 0
	encPlainDictionary = 2
	encRLE             = 3
	encBitPacked       = 4
	encDeltaBinary     = 5
	encDeltaLength     = 6
	encDeltaByteArray  = 7
	encRLEDictionary   = 8
	encByteStreamSplit = 9
)

// values are the values of a page or a dictionary that are not null.
type values struct {
	data  []byte
	width int      // of each; 0: at says where they are
	at    []uint32 // value i is data[at[i]+gap:at[i+1]]
	gap   uint32
	n     int
	own   int // bytes of data that are not the page's
}

func (v *values) get(i int) []byte {
	if v.width > 0 {
		return v.data[i*v.width : (i+1)*v.width]
	}
	return v.data[v.at[i]+v.gap : v.at[i+1]]
}

// hybrid decodes n values of RLE / bit-packing hybrid encoding, each of width
// bits, 32 at most. A run is as long as n says, whatever it declares. The second
// result is what is left of src.
func hybrid[T byte | uint32](dst []T, src []byte, width, n int) ([]T, []byte, bool) {
	for len(dst) < n {
		head, k := binary.Uvarint(src)
		if k <= 0 || width > 32 {
			return dst, src, false
		}
		src = src[k:]
		if head&1 == 0 { // a run
			size := (width + 7) / 8
			if len(src) < size || head == 0 {
				return dst, src, false
			}
			var v uint32
			for i := range size {
				v |= uint32(src[i]) << (8 * i)
			}
			src = src[size:]
			from := len(dst)
			dst = slices.Grow(dst, n-from)[:from+int(min(head>>1, uint64(n-from)))]
			for i := range dst[from:] {
				dst[from+i] = T(v)
			}
			continue
		}
		groups := head >> 1
		if groups == 0 {
			return dst, src, false
		}
		size := uint64(len(src))
		if width > 0 {
			if groups > size/uint64(width) {
				// The last group may be cut short where the values are.
				groups = (size + uint64(width) - 1) / uint64(width)
			}
			size = min(size, groups*uint64(width))
		} else {
			size = 0
		}
		count := int(min(groups, uint64(n)) * 8)
		count = min(count, n-len(dst))
		if uint64(count)*uint64(width) > size*8 {
			return dst, src, false
		}
		dst = unpackBits(dst, src[:size], width, count)
		src = src[size:]
	}
	return dst, src, true
}

// unpackBits appends count values of width bits, the lowest bit first. src holds
// them all.
func unpackBits[T byte | uint32](dst []T, src []byte, width, count int) []T {
	from := len(dst)
	dst = slices.Grow(dst, count)[:from+count]
	mask := uint64(1)<<width - 1
	bit := 0
	out := dst[from:]
	i := 0
	for ; i < count && bit>>3+8 <= len(src); i++ {
		out[i] = T(binary.LittleEndian.Uint64(src[bit>>3:]) >> (bit & 7) & mask)
		bit += width
	}
	for ; i < count; i++ {
		var w [8]byte
		if bit>>3 < len(src) {
			copy(w[:], src[bit>>3:])
		}
		out[i] = T(binary.LittleEndian.Uint64(w[:]) >> (bit & 7) & mask)
		bit += width
	}
	return dst
}

// deltas decodes DELTA_BINARY_PACKED: n values at most, as many as there are.
func deltas(dst []int64, src []byte, n int) ([]int64, []byte, bool) {
	ok := true
	uvarint := func() uint64 {
		v, k := binary.Uvarint(src)
		if k <= 0 {
			ok = false
			return 0
		}
		src = src[k:]
		return v
	}
	varint := func() int64 {
		v := uvarint()
		return int64(v>>1) ^ -int64(v&1)
	}
	block, minis, total, last := uvarint(), uvarint(), uvarint(), varint()
	if !ok || block == 0 || block%128 != 0 || block > 1<<20 || minis == 0 || minis > block || block%minis != 0 || block/minis%32 != 0 || total > uint64(n) {
		return dst, src, false
	}
	if total == 0 {
		return dst, src, true
	}
	end := len(dst) + int(total)
	dst = append(dst, last)
	per := int(block / minis)
	for len(dst) < end {
		least := varint()
		if !ok || uint64(len(src)) < minis {
			return dst, src, false
		}
		widths := src[:minis]
		src = src[minis:]
		for _, width := range widths {
			if len(dst) == end {
				break // the widths of miniblocks that are not there say nothing
			}
			size := per * int(width) / 8
			if width > 64 || len(src) < size {
				return dst, src, false
			}
			for i := 0; i < per && len(dst) < end; i++ {
				last += least + int64(bitsAt(src[:size], i*int(width), int(width)))
				dst = append(dst, last)
			}
			src = src[size:]
		}
	}
	return dst, src, true
}

// bitsAt are the width bits, 64 at most, that start at a bit of src.
func bitsAt(src []byte, bit, width int) uint64 {
	if width == 0 {
		return 0
	}
	var w [16]byte
	copy(w[:9], src[bit>>3:])
	v := binary.LittleEndian.Uint64(w[:]) >> (bit & 7)
	if over := bit&7 + width - 64; over > 0 {
		v |= uint64(w[8]) << (64 - bit&7)
	}
	if width == 64 {
		return v
	}
	return v & (1<<width - 1)
}

// plain decodes n values of PLAIN encoding. Nothing is copied but booleans.
func (v *values) plain(typ int, data []byte, n int) bool {
	v.n = n
	switch {
	case typ == typeBoolean:
		if len(data) < (n+7)/8 {
			return false
		}
		v.data = unpackBits(v.data[:0:0], data[:(n+7)/8], 1, n)
		return true
	case v.width > 0:
		if n > len(data)/v.width {
			return false
		}
		v.data = data[:n*v.width]
		return true
	}
	v.data, v.gap = data, 4
	v.at = slices.Grow(v.at[:0], n+1)
	pos := 0
	for range n {
		v.at = append(v.at, uint32(pos))
		if len(data)-pos < 4 {
			return false
		}
		size := binary.LittleEndian.Uint32(data[pos:])
		if uint64(size) > uint64(len(data)-pos-4) {
			return false
		}
		pos += 4 + int(size)
	}
	v.at = append(v.at, uint32(pos))
	return true
}

// decode decodes n values of an encoding that is not one of a dictionary. budget
// bounds what may come out.
func (v *values) decode(typ, encoding int, data []byte, n int, budget int) bool {
	v.gap, v.own = 0, 0
	if encoding == encPlain {
		return v.plain(typ, data, n)
	}
	if encoding != encDeltaLength {
		defer func() { v.own = cap(v.data) }()
	}
	switch encoding {
	case encRLE:
		if typ != typeBoolean || len(data) < 4 {
			return false
		}
		var ok bool
		v.n = n
		v.data, _, ok = hybrid(v.data[:0:0], data[4:], 1, n)
		return ok
	case encDeltaBinary:
		if typ != typeInt32 && typ != typeInt64 {
			return false
		}
		d, _, ok := deltas(nil, data, n)
		if !ok || len(d) != n {
			return false
		}
		v.n, v.data = n, make([]byte, 0, n*v.width)
		for _, x := range d {
			if v.width == 4 {
				v.data = binary.LittleEndian.AppendUint32(v.data, uint32(x))
			} else {
				v.data = binary.LittleEndian.AppendUint64(v.data, uint64(x))
			}
		}
		return true
	case encDeltaLength:
		return typ == typeByteArray && v.deltaLength(data, n)
	case encDeltaByteArray:
		return (typ == typeByteArray || typ == typeFixed) && v.deltaByteArray(data, n, budget)
	case encByteStreamSplit:
		if v.width == 0 || typ == typeBoolean || n > len(data)/v.width {
			return false
		}
		v.n, v.data = n, make([]byte, n*v.width)
		stride := len(data) / v.width
		for k := range v.width {
			for i, c := range data[k*stride : k*stride+n] {
				v.data[i*v.width+k] = c
			}
		}
		return true
	}
	return false
}

// lengths decodes n lengths, none of which is negative.
func lengths(data []byte, n int) ([]int64, []byte, bool) {
	d, rest, ok := deltas(nil, data, n)
	if !ok || len(d) != n {
		return nil, nil, false
	}
	for _, x := range d {
		if x < 0 || x > 1<<31 {
			return nil, nil, false
		}
	}
	return d, rest, true
}

func (v *values) deltaLength(data []byte, n int) bool {
	sizes, rest, ok := lengths(data, n)
	if !ok {
		return false
	}
	v.n, v.data = n, rest
	v.at = append(v.at[:0], 0)
	end := int64(0)
	for _, size := range sizes {
		if end += size; end > int64(len(rest)) {
			return false
		}
		v.at = append(v.at, uint32(end))
	}
	return true
}

func (v *values) deltaByteArray(data []byte, n, budget int) bool {
	prefixes, rest, ok := lengths(data, n)
	if !ok {
		return false
	}
	var suffixes values
	if !suffixes.deltaLength(rest, n) {
		return false
	}
	v.n = n
	v.at = append(v.at[:0], 0)
	var out []byte
	last := 0
	for i, prefix := range prefixes {
		from := len(out)
		if prefix > int64(from-last) {
			return false
		}
		out = append(append(out, out[last:last+int(prefix)]...), suffixes.get(i)...)
		if len(out) > budget || v.width > 0 && len(out)-from != v.width {
			return false
		}
		last = from
		v.at = append(v.at, uint32(len(out)))
	}
	v.data = out
	return true
}

// bitWidth is how many bits a level up to max takes.
func bitWidth(max int) int { return bits.Len(uint(max)) }

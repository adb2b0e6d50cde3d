package record

import (
	"encoding/binary"
	"math/bits"
)

const (
	block = 4096 // bytes that are marked before they are cut
	ones  = 0x0101010101010101
)

// marks says for 64 bytes which of them matter to CSV: bit i is byte i.
type marks struct {
	ends   uint64 // delimiters and line ends
	quotes uint64
}

// What a run of bytes has in it beside ASCII text.
const (
	seenHigh = 1 << iota // bytes beyond ASCII
	seenNUL              // zero bytes
)

// markGeneric marks 64*n bytes of src, and tells what it has seen. Eight bytes
// are compared at once, exactly (Hacker's Delight, section 6-1).
func markGeneric(dst *[block / 64]marks, src []byte, n int, delim, eol byte) (seen byte) {
	const low = 0x7f * ones
	gather := func(w uint64) uint64 { return (w >> 7 & ones) * 0x0102040810204080 >> 56 }
	ds, es := uint64(delim)*ones, uint64(eol)*ones
	var high, zero uint64
	for k := range n {
		line := src[64*k : 64*k+64 : 64*k+64]
		var m marks
		for s := 0; s < 64; s += 8 {
			w := binary.LittleEndian.Uint64(line[s : s+8])
			d, e, q := w^ds, w^es, w^'"'*ones
			d |= (d & low) + low
			e |= (e & low) + low
			q |= (q & low) + low
			high |= w
			zero |= ^(w | (w&low + low))
			m.ends |= gather(^(d & e)) << s
			m.quotes |= gather(^q) << s
		}
		dst[k] = m
	}
	if high&^low != 0 {
		seen |= seenHigh
	}
	if zero&^low != 0 {
		seen |= seenNUL
	}
	return seen
}

// flattenGeneric writes where bits are set in words to dst, and answers how many
// there are. Bit 0 of the first word is base. What stands in dst behind them is
// nothing.
func flattenGeneric(dst *[block + 8]uint32, words []uint64, base int) (count int) {
	for i, w := range words {
		for ; w != 0; w &= w - 1 {
			dst[count] = uint32(base + 64*i + bits.TrailingZeros64(w))
			count++
		}
	}
	return count
}

// quoting is what a CSV splitter knows between two runs of 64 bytes.
type quoting struct {
	open   uint64 // all ones inside quotes
	starts uint64 // 1: a field starts here
	closed uint64 // 1: the byte before closed a quote
}

// cut answers which ends are not inside quotes, and moves on by 64 bytes.
//
// A quote opens a quoted field only where the field starts, and one right behind
// a closing quote opens again (it is a doubled quote); elsewhere it is a
// character like any other. Where all quotes are of the first two kinds, which
// is nearly always, what is inside them is the parity of the quotes before it
// (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019).
func (q *quoting) cut(m marks) uint64 {
	if m.quotes|q.open == 0 {
		q.starts, q.closed = m.ends>>63, 0
		return m.ends
	}
	inside := m.quotes
	inside ^= inside << 1
	inside ^= inside << 2
	inside ^= inside << 4
	inside ^= inside << 8
	inside ^= inside << 16
	inside ^= inside << 32
	inside ^= q.open // from an opening quote to before its closing one
	ends := m.ends &^ inside
	closing := m.quotes &^ inside
	if m.quotes&inside&^(ends<<1|q.starts|closing<<1|q.closed) != 0 {
		return q.step(m)
	}
	q.open, q.starts, q.closed = uint64(int64(inside)>>63), ends>>63, closing>>63
	return ends
}

// step is cut, one mark after the other.
func (q *quoting) step(m marks) (ends uint64) {
	open, starts, closed := q.open != 0, int(q.starts)-1, int(q.closed)-1 // where a quote would open
	for rest := m.ends | m.quotes; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		quote := m.quotes>>i&1 != 0
		switch {
		case open && quote:
			open, closed = false, i+1
		case open:
		case quote:
			open = i == starts || i == closed
		default:
			ends |= 1 << i
			starts = i + 1
		}
	}
	*q = quoting{}
	if open {
		q.open = ^uint64(0)
	}
	if starts == 64 {
		q.starts = 1
	}
	if closed == 64 {
		q.closed = 1
	}
	return ends
}

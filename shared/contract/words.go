package contract

import "encoding/binary"

// Text is looked at eight bytes at once where that is worth it: a word holds
// eight bytes, the first in its lowest bits, and an answer about each of them is
// the top bit of the byte (Hacker's Delight, section 6-1).
const (
	ones = 0x0101010101010101
	tops = 0x80 * ones
	half = 1<<32 - 1 // the first four bytes
)

func load(v []byte) uint64 { return binary.LittleEndian.Uint64(v) }

// between tells which bytes of w are ASCII and from low to high, each byte by
// those of its own place; low and high are ASCII.
func between(w, low, high uint64) uint64 {
	return ((w | tops) - low) & ((high | tops) - w&^tops) &^ w & tops
}

// equalTo tells which bytes of w are c, which is ASCII.
func equalTo(w uint64, c byte) uint64 { return between(w, uint64(c)*ones, uint64(c)*ones) }

// gather brings the top bits of a word together: bit i is byte i.
func gather(tops uint64) uint64 { return tops >> 7 * 0x0102040810204080 >> 56 }

// isHex tells whether all eight bytes of w are hex digits.
func isHex(w uint64) bool {
	return between(w, '0'*ones, '9'*ones)|between(w|0x20*ones, 'a'*ones, 'f'*ones) == tops
}

// plainEmail tells of most addresses that they are one; where it answers false,
// anyEmail decides.
func plainEmail(v []byte) bool {
	if len(v) < 8 || len(v) > 63 {
		return false
	}
	// Bit i of each is byte i.
	var plain, dots, hyphens, ats uint64
	for i := 0; i < len(v); i += 8 {
		at := min(i, len(v)-8) // the last word may begin in the one before
		w := load(v[at:])
		dot, hyphen, sign := equalTo(w, '.'), equalTo(w, '-'), equalTo(w, '@')
		plain |= gather(between(w|0x20*ones, 'a'*ones, 'z'*ones)|between(w, '0'*ones, '9'*ones)|dot|hyphen|sign|w&tops) << at
		dots |= gather(dot) << at
		hyphens |= gather(hyphen) << at
		ats |= gather(sign) << at
	}
	if plain != 1<<len(v)-1 || ats == 0 || ats&(ats-1) != 0 {
		return false
	}
	domain := -ats << 1
	edges := dots | ats | 1<<len(v)
	beside := edges<<1 | edges>>1 | 1
	return ats != 1 && dots&beside == 0 && dots&domain != 0 && hyphens&domain&beside == 0
}

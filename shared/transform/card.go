package transform

import "encoding/binary"

// The lengths of card numbers of which the first six and the last four digits may
// stay: of shorter ones too few would be hidden.
const (
	minCard = 15
	maxCard = 19
	cardBIN = 6
	cardEnd = 4
)

// appendCard appends a card number with its issuer (the first six digits), the
// last four, and what parts its digits; of everything else nothing stays.
func (m *mask) appendCard(dst, value []byte) ([]byte, bool) {
	n, ok := cardDigits(value)
	if !ok {
		return m.hide(dst, value)
	}
	if n == len(value) && m.width == 1 {
		dst = append(dst, value...)
		copy(dst[len(dst)-n+cardBIN:len(dst)-cardEnd], m.run)
		return dst, true
	}
	at := 0
	for _, c := range value {
		if isDigit(c) {
			if at++; at > cardBIN && at <= n-cardEnd {
				dst = append(dst, m.run[:m.width]...)
				continue
			}
		}
		dst = append(dst, c)
	}
	return dst, true
}

// cardDigits tells whether value is a card number, and how many digits it has: by
// their number and the check digit of Luhn (ISO/IEC 7812-1), with single spaces or
// dashes between them.
func cardDigits(value []byte) (n int, ok bool) {
	if len(value) < minCard || len(value) > 2*maxCard {
		return 0, false
	}
	const zeros = "000000000000000000000000"
	digits := [24]byte([]byte(zeros)) // behind zeros, which add nothing
	if n = len(value); n <= maxCard {
		copy(digits[24-n:], value)
		if all, valid := luhn(&digits); all {
			return n, valid
		}
		digits = [24]byte([]byte(zeros))
	}
	if n, ok = joined(&digits, value); !ok {
		return 0, false
	}
	_, ok = luhn(&digits)
	return n, ok
}

// joined puts the digits of a value in which single spaces or dashes part some at
// the end of text.
func joined(text *[24]byte, value []byte) (n int, ok bool) {
	for _, c := range value {
		if isDigit(c) {
			n++
		}
	}
	if n < minCard || n > maxCard {
		return 0, false
	}
	at, parted := len(text)-n, true
	for _, c := range value {
		if isDigit(c) {
			text[at], parted = c, false
			at++
		} else if parted || c != ' ' && c != '-' {
			return 0, false
		} else {
			parted = true
		}
	}
	return n, !parted
}

// luhn tells whether text is digits, and whether the last is the check digit of
// the others. Eight are looked at at once.
func luhn(text *[24]byte) (all, valid bool) {
	var seen, sum uint64
	for at := 0; at < len(text); at += 8 {
		x := binary.LittleEndian.Uint64(text[at:]) ^ 0x3030303030303030
		seen |= x | (x + 0x7676767676767676) // a byte above 9 has its high bit
		doubled := x & 0x00ff00ff00ff00ff    // every other digit, not the last
		above := (doubled + 0x007b007b007b007b) >> 7 & 0x0001000100010001
		sum += (x + doubled - 9*above) * 0x0101010101010101 >> 56 // those above 4 have two digits then
	}
	return seen&0x8080808080808080 == 0, sum%10 == 0
}

package transform

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/record"
)

func maskKind() kind {
	return kind{
		name: Mask, options: []string{"keepFirst", "keepLast", "keepDomain", "keepPattern", "keepCard", "char"},
		check: func(s Spec, in record.Type) (record.Type, error) {
			if err := s.takes(in, insteadOf, scalars...); err != nil {
				return in, err
			}
			return record.String, s.checkMask()
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			m := newMask(s)
			switch {
			case s.KeepPattern != "":
				var err error
				m.keep, err = newKeepPattern(s.KeepPattern)
				return stateless(m.appendKept), err
			case s.KeepCard:
				return stateless(m.appendCard), nil
			}
			return stateless(m.append), nil
		},
	}
}

// checkMask is the fault for options of mask that are out of bounds.
func (s Spec) checkMask() error {
	if s.KeepFirst < 0 || s.KeepLast < 0 {
		return optionFault("keepFirst and keepLast of mask are counts of characters: they cannot be negative", "write 0 or more")
	}
	ways := 0
	for _, given := range []bool{s.KeepFirst > 0 || s.KeepLast > 0 || s.KeepDomain, s.KeepPattern != "", s.KeepCard} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return optionFault("keepPattern and keepCard of mask say alone what stays", "leave out one, or keepFirst, keepLast and keepDomain")
	}
	if s.KeepPattern != "" {
		if _, err := newKeepPattern(s.KeepPattern); err != nil {
			return err
		}
	}
	return s.checkChar()
}

// checkChar is the fault for what cannot take the place of a character.
func (s Spec) checkChar() error {
	if s.Char != "" {
		r, size := utf8.DecodeRuneInString(s.Char)
		if size != len(s.Char) || r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.IsMark(r) {
			return optionFault("char of "+s.Type+" must be one visible character", `write char: "*" or leave it out`)
		}
	}
	return nil
}

// mask hides all but the ends of a value. A character is a Unicode code point.
type mask struct {
	first, last int
	run         []byte // maskRun times the character that hides
	width       int    // bytes of it
	domain      bool   // what stands from the last "@" on stays
	keep        *keepPattern
}

const maskRun = 64

func newMask(s Spec) *mask {
	char := s.Char
	if char == "" {
		char = "*"
	}
	return &mask{first: s.KeepFirst, last: s.KeepLast, run: bytes.Repeat([]byte(char), maskRun), width: len(char), domain: s.KeepDomain}
}

func (m *mask) append(dst, value []byte) ([]byte, bool) {
	if !m.domain {
		return m.hide(dst, value)
	}
	at := len(value) - 1
	for at >= 0 && value[at] != '@' {
		at--
	}
	if at < 0 { // no address: nothing of it is a domain
		return dst, false
	}
	if m.width == 1 && ascii(value) {
		return append(m.appendASCII(dst, value[:at]), value[at:]...), true
	}
	if !utf8.Valid(value) {
		return dst, false
	}
	dst, _ = m.hide(dst, value[:at])
	return append(dst, value[at:]...), true
}

func (m *mask) hide(dst, value []byte) ([]byte, bool) {
	if m.width == 1 && ascii(value) {
		return m.appendASCII(dst, value), true
	}
	if !utf8.Valid(value) {
		return dst, false
	}
	n := utf8.RuneCount(value)
	hidden, from, to := n, 0, len(value)
	if n-m.first > m.last { // the sum of the two could overflow
		hidden = n - m.first - m.last
		from, to = skip(value, m.first), skipLast(value, m.last)
	}
	dst = append(dst, value[:from]...)
	for ; hidden > maskRun; hidden -= maskRun {
		dst = append(dst, m.run...)
	}
	dst = append(dst, m.run[:hidden*m.width]...)
	return append(dst, value[to:]...), true
}

// appendASCII is append where all characters have one byte.
func (m *mask) appendASCII(dst, value []byte) []byte {
	n := len(value)
	from, to := 0, n
	if n-m.first > m.last {
		from, to = m.first, n-m.last
	}
	dst = append(dst, value...)
	m.fill(dst[len(dst)-n+from : len(dst)-n+to])
	return dst
}

// fill hides characters of one byte. Most are few enough for two words that overlap.
func (m *mask) fill(hidden []byte) {
	if n := len(hidden); n >= 8 && n <= 16 {
		word := binary.LittleEndian.Uint64(m.run)
		binary.LittleEndian.PutUint64(hidden, word)
		binary.LittleEndian.PutUint64(hidden[n-8:], word)
		return
	}
	for len(hidden) > 0 {
		hidden = hidden[copy(hidden, m.run):]
	}
}

// ascii tells whether value is ASCII.
func ascii(value []byte) bool {
	var seen uint64
	for ; len(value) >= 8; value = value[8:] {
		seen |= binary.LittleEndian.Uint64(value)
	}
	for _, c := range value {
		seen |= uint64(c)
	}
	return seen&0x8080808080808080 == 0
}

// skip is where the first n characters of valid UTF-8 end.
func skip(value []byte, n int) int {
	at := 0
	for range n {
		_, size := utf8.DecodeRune(value[at:])
		at += size
	}
	return at
}

// skipLast is where the last n characters of valid UTF-8 start.
func skipLast(value []byte, n int) int {
	at := len(value)
	for range n {
		_, size := utf8.DecodeLastRune(value[:at])
		at -= size
	}
	return at
}

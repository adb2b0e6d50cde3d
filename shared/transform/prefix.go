package transform

import (
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/record"
)

func prefixKind() kind {
	return kind{
		name: Prefix, options: []string{"length", "char"},
		check: func(s Spec, in record.Type) (record.Type, error) {
			if s.Length < 1 {
				return in, optionFault("prefix needs a length of 1 or more", "write {type: prefix, length: 3}")
			}
			if err := s.checkChar(); err != nil {
				return in, err
			}
			return record.String, s.takes(in, "if the contract means a code, it should say logicalType: string", record.String, record.Integer)
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			if s.Char == "" {
				return stateless(func(dst, value []byte) ([]byte, bool) { return cutPrefix(dst, value, s.Length) }), nil
			}
			return stateless((&prefix{newMask(Spec{Char: s.Char}), s.Length}).append), nil
		},
	}
}

// cutPrefix appends the first n characters of value, or all if it has no more.
func cutPrefix(dst, value []byte, n int) ([]byte, bool) {
	if !utf8.Valid(value) {
		return dst, false
	}
	return append(dst, value[:firstOf(value, n)]...), true
}

// prefix puts a character in the place of each that follows the first ones.
type prefix struct {
	rest   *mask
	length int
}

func (p *prefix) append(dst, value []byte) ([]byte, bool) {
	if !utf8.Valid(value) {
		return dst, false
	}
	at := firstOf(value, p.length)
	return p.rest.hide(append(dst, value[:at]...), value[at:])
}

// firstOf is where the first n characters of valid UTF-8 end, or all if there are
// no more.
func firstOf(value []byte, n int) int {
	at := 0
	for ; n > 0 && at < len(value); n-- {
		_, size := utf8.DecodeRune(value[at:])
		at += size
	}
	return at
}

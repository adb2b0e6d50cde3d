package transform

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform/internal/ff1"
)

// The alphabets of fpe that have names.
const (
	Digits       = "digits"
	Lower        = "lower"
	Alphanumeric = "alphanumeric"

	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// maxAlphabet is how many characters an alphabet may have.
const maxAlphabet = 1024

// fpe encrypts the characters of an alphabet among themselves, by FF1 with
// AES-256 and no tweak. Spaces and punctuation that are not of the alphabet stay
// where they are; a value with any other character, or with fewer characters of
// the alphabet than make a million texts, does not fit.
type fpe struct {
	cipher  *ff1.Cipher
	ascii   [utf8.RuneSelf]int16 // numeral of a character, -1 if it is none
	others  map[rune]uint16
	letters []rune // by numeral
	luhn    bool

	x    []uint16
	text []rune
}

func fpeKind() kind {
	return kind{
		name: FPE, options: []string{"alphabet", "luhn", "scope"}, keyed: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			letters, err := s.letters()
			if err != nil {
				return in, err
			}
			if s.Luhn && string(letters) != digits {
				return in, optionFault("luhn goes with digits only", "leave out alphabet or luhn")
			}
			return record.String, s.takes(in, "if the contract means text or a whole number, it should say logicalType: string or integer", record.String, record.Integer)
		},
		make: func(s Spec, key TokenKey) (func() Appender, error) {
			secret, err := secretOf(key, s.Type)
			if err != nil {
				return nil, err
			}
			derived, err := derive(secret, ff1Info, 32)
			if err != nil {
				return nil, err
			}
			letters, err := s.letters()
			if err != nil {
				return nil, err
			}
			if _, err := ff1.New(derived, len(letters), nil); err != nil {
				return nil, fault.Wrap(fault.Poison, CodeKey, err, "nothing can be encrypted with the key")
			}
			return func() Appender { return newFPE(derived, letters, s.Luhn) }, nil
		},
	}
}

// letters are the characters of the alphabet, by numeral.
func (s Spec) letters() ([]rune, error) {
	switch s.Alphabet {
	case "", Digits:
		return []rune(digits), nil
	case Lower:
		return []rune(digits + lower), nil
	case Alphanumeric:
		return []rune(digits + upper + lower), nil
	}
	letters := []rune(s.Alphabet)
	seen := map[rune]bool{}
	for _, r := range letters {
		if seen[r] || r == utf8.RuneError || !unicode.IsGraphic(r) {
			return nil, optionFault("alphabet must be digits, lower, alphanumeric, or visible characters that are each there once", `write alphabet: digits, or alphabet: "0123456789ABCDEF"`)
		}
		seen[r] = true
	}
	if len(letters) < 2 || len(letters) > maxAlphabet {
		return nil, optionFault(fmt.Sprintf("an alphabet has 2 to %d characters", maxAlphabet), `write alphabet: digits, or alphabet: "0123456789ABCDEF"`)
	}
	return letters, nil
}

func newFPE(key []byte, letters []rune, luhn bool) Appender {
	c, err := ff1.New(key, len(letters), nil)
	if err != nil {
		return appendFunc(appendNothing) // cannot be: the same key was taken before
	}
	f := &fpe{cipher: c, letters: letters, luhn: luhn, others: map[rune]uint16{}}
	for i := range f.ascii {
		f.ascii[i] = -1
	}
	for i, r := range letters {
		if r < utf8.RuneSelf {
			f.ascii[r] = int16(i)
		} else {
			f.others[r] = uint16(i)
		}
	}
	return f
}

func (f *fpe) Append(dst, value []byte) ([]byte, bool) { return f.append(dst, value, f.cipher.Encrypt) }

// append puts what crypt makes of the numerals of value in their place.
func (f *fpe) append(dst, value []byte, crypt func([]uint16) error) ([]byte, bool) {
	f.x, f.text = f.x[:0], f.text[:0]
	for at := 0; at < len(value); {
		r, size := rune(value[at]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(value[at:])
		}
		at += size
		n, known := f.numeral(r)
		switch {
		case known:
			f.x = append(f.x, n)
			r = -1
		case r == utf8.RuneError || !strings.ContainsRune(" -./()+:_,'", r):
			return dst, false
		}
		f.text = append(f.text, r)
	}
	x := f.x
	if f.luhn {
		if len(x) == 0 || luhnDigit(x[:len(x)-1]) != x[len(x)-1] {
			return dst, false
		}
		x = x[:len(x)-1]
	}
	if crypt(x) != nil {
		return dst, false
	}
	if f.luhn {
		f.x[len(x)] = luhnDigit(x)
	}
	next := 0
	for _, r := range f.text {
		if r < 0 {
			r = f.letters[f.x[next]]
			next++
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, true
}

func (f *fpe) numeral(r rune) (n uint16, known bool) {
	if r < utf8.RuneSelf {
		return uint16(f.ascii[r]), f.ascii[r] >= 0
	}
	n, known = f.others[r]
	return n, known
}

// luhnDigit is the check digit of x (ISO/IEC 7812-1, annex B).
func luhnDigit(x []uint16) uint16 {
	sum := uint16(0)
	for i := range x {
		d := x[len(x)-1-i]
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum = (sum + d) % 10
	}
	return (10 - sum) % 10
}

package transform

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/record"
)

func bucketKind() kind {
	return kind{
		name: Bucket, options: []string{"size"}, plain: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			width, err := parseSize(s.Type, string(s.Size))
			if err != nil {
				return in, err
			}
			return width.out(s, in)
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			width, err := parseSize(s.Type, string(s.Size))
			if err != nil {
				return nil, err
			}
			return stateless(width.append), nil
		},
	}
}

// size is the width of a bucket, or what is rounded to: units × 10^-scale, in
// exact decimals.
type size struct {
	units uint64 // at least 1, below 10^maxSizeDigits
	scale int    // 0 to maxSizeDigits
}

// out is the type of multiples of the size in the place of numbers of type in.
func (s size) out(spec Spec, in record.Type) (record.Type, error) {
	if err := spec.takes(in, numberAdvice, record.Integer, record.Number); err != nil {
		return in, err
	}
	if in == record.Integer && s.scale == 0 {
		return record.Integer, nil
	}
	return record.Number, nil
}

// numberAdvice goes with the fault of a field that is no number.
const numberAdvice = "if the contract means a number, it should say logicalType: number"

// maxSizeDigits lets a remainder of a size and one digit more, times ten, plus a
// digit, stay in 64 bits.
const maxSizeDigits = 17

// maxDigits is how many digits before the point a number may have that is put
// into a bucket. Every float64 has fewer.
const maxDigits = 400

// parseSize reads the size of a transform of type typ: digits and, at most, one
// point.
func parseSize(typ, text string) (size, error) {
	if text == "" {
		return size{}, optionFault(typ+" needs a size", fmt.Sprintf("write {type: %s, size: 10}", typ))
	}
	whole, fraction, _ := strings.Cut(text, ".")
	fraction = strings.TrimRight(fraction, "0")
	whole = strings.TrimLeft(whole, "0")
	units, err := strconv.ParseUint(whole+fraction, 10, 64)
	if err != nil || units == 0 || len(whole)+len(fraction) > maxSizeDigits || strings.ContainsAny(text, "+-_") {
		return size{}, optionFault(fmt.Sprintf("the size of %s must be a number above 0 of at most %d digits without an exponent", typ, maxSizeDigits), "write it as 10 or 0.25")
	}
	return size{units, len(fraction)}, nil
}

// append appends floor(value / size) × size with as many decimals as the size
// has. The value is taken apart digit by digit, so that nothing is rounded.
func (s size) append(dst, value []byte) ([]byte, bool) {
	n, ok := parseNumber(value)
	if !ok || n.point > maxDigits {
		return dst, false
	}
	start := len(dst)
	dst, remainder := n.appendDigits(append(dst, room...), s.scale, s.units)
	digits := dst[start:]
	subtract(digits, remainder)
	if n.negative && (remainder > 0 || n.restAfter(n.point+s.scale)) {
		add(digits, s.units)
	}
	return appendDecimal(dst[:start], digits, s.scale, n.negative), true
}

// room stands before digits for what may be added to them, and for a sign and a
// point.
const room = "0000000000000000000000000000000000000000"

// appendDigits appends the digits of the number without its sign, in units of
// 10^-scale and without what is less than one, and tells what remains of them
// after division by divisor, which has at most 18 digits.
func (n number) appendDigits(dst []byte, scale int, divisor uint64) (digits []byte, remainder uint64) {
	for i := range max(n.point+scale, 0) {
		d := n.digit(i)
		dst = append(dst, '0'+d)
		remainder = (remainder*10 + uint64(d)) % divisor
	}
	return dst, remainder
}

// appendDecimal appends digits as a number with scale decimals. The digits may lie
// right behind dst: what is appended overwrites their room, never what is to come.
func appendDecimal(dst, digits []byte, scale int, negative bool) []byte {
	lead := 0
	for lead < len(digits)-scale-1 && digits[lead] == '0' {
		lead++
	}
	point := len(digits) - scale
	if negative && !zero(digits[lead:]) {
		dst = append(dst, '-')
	}
	dst = append(dst, digits[lead:point]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, digits[point:]...)
	}
	return dst
}

// zero reports whether all digits are 0.
func zero(digits []byte) bool {
	for _, d := range digits {
		if d != '0' {
			return false
		}
	}
	return true
}

// subtract takes n from the decimal digits, which are not less.
func subtract(digits []byte, n uint64) {
	for i := len(digits) - 1; n > 0 && i >= 0; i-- {
		d := byte(n % 10)
		n /= 10
		if digits[i]-'0' < d {
			digits[i] += 10
			n++
		}
		digits[i] -= d
	}
}

// add adds n to the decimal digits, which have room for it.
func add(digits []byte, n uint64) {
	for i := len(digits) - 1; n > 0 && i >= 0; i-- {
		n += uint64(digits[i] - '0')
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
}

// below tells whether the decimal digits are a number less than n, and which.
func below(digits []byte, n uint64) (v uint64, ok bool) {
	for _, d := range digits {
		if v >= n/10+1 {
			return v, false
		}
		v = 10*v + uint64(d-'0')
	}
	return v, v < n
}

// number is a decimal number: 0.<whole fraction> × 10^point.
type number struct {
	negative        bool
	whole, fraction []byte
	point           int // digits before the point, the exponent counted in
}

// parseNumber reads [+-]digits[.digits][(e|E)[+-]digits], with digits on at
// least one side of the point: what JSON takes, and what CSV files hold besides.
func parseNumber(text []byte) (n number, ok bool) {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		n.negative = text[0] == '-'
		text = text[1:]
	}
	n.whole, text = cutDigits(text)
	if len(text) > 0 && text[0] == '.' {
		n.fraction, text = cutDigits(text[1:])
	}
	if len(n.whole)+len(n.fraction) == 0 {
		return n, false
	}
	exponent := 0
	if len(text) > 0 && (text[0] == 'e' || text[0] == 'E') {
		if exponent, ok = parseExponent(text[1:]); !ok {
			return n, false
		}
		text = nil
	}
	for len(n.whole) > 0 && n.whole[0] == '0' {
		n.whole = n.whole[1:]
	}
	if len(n.whole) == 0 && zero(n.fraction) {
		exponent = 0 // 0e999 is 0
	}
	n.point = len(n.whole) + exponent
	return n, len(text) == 0
}

func cutDigits(text []byte) (digits, rest []byte) {
	i := 0
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return text[:i], text[i:]
}

// parseExponent reads [+-]digits up to a million.
func parseExponent(text []byte) (exponent int, ok bool) {
	sign := 1
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	digits, rest := cutDigits(text)
	if len(digits) == 0 || len(rest) > 0 {
		return 0, false
	}
	for _, c := range digits {
		exponent = exponent*10 + int(c-'0')
		if exponent > 1e6 {
			return 0, false
		}
	}
	return sign * exponent, true
}

// digit is the i-th digit, 0 behind the last.
func (n number) digit(i int) byte {
	if i < len(n.whole) {
		return n.whole[i] - '0'
	}
	if i -= len(n.whole); i < len(n.fraction) {
		return n.fraction[i] - '0'
	}
	return 0
}

// restAfter reports whether a digit from the i-th on is not 0.
func (n number) restAfter(i int) bool {
	for i = max(i, 0); i < len(n.whole)+len(n.fraction); i++ {
		if n.digit(i) != 0 {
			return true
		}
	}
	return false
}

package contract

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// maxExponent bounds what "1e400" may mean, so that comparing stays cheap.
const maxExponent = 400

// decimal is a number as it is written, cut into spans: it is compared digit by
// digit, without becoming a float.
type decimal struct {
	neg       bool
	int, frac []byte // digits before and behind the point
	exp       int
}

// parseDecimal cuts v: [+-] digits [. digits] [e [+-] digits].
func parseDecimal(v []byte) (d decimal, ok bool) {
	i := 0
	if i < len(v) && (v[i] == '-' || v[i] == '+') {
		d.neg = v[i] == '-'
		i++
	}
	from := i
	for i < len(v) && v[i]-'0' < 10 {
		i++
	}
	d.int = v[from:i]
	if i < len(v) && v[i] == '.' {
		from = i + 1
		for i++; i < len(v) && v[i]-'0' < 10; i++ {
		}
		if d.frac = v[from:i]; len(d.frac) == 0 {
			return d, false
		}
	}
	if len(d.int) == 0 {
		return d, false
	}
	if i < len(v) && v[i]|0x20 == 'e' {
		i++
		neg := false
		if i < len(v) && (v[i] == '-' || v[i] == '+') {
			neg = v[i] == '-'
			i++
		}
		from = i
		for ; i < len(v) && v[i]-'0' < 10; i++ {
			if d.exp = 10*d.exp + int(v[i]-'0'); d.exp > maxExponent {
				return d, false
			}
		}
		if i == from {
			return d, false
		}
		if neg {
			d.exp = -d.exp
		}
	}
	return d, i == len(v)
}

// plainDecimal is n / 10^scale where v is at most maxScale digits, with a point
// between two of them or none. Of other numbers it answers false.
func plainDecimal(v []byte) (n int64, scale int, ok bool) {
	if len(v) == 0 || len(v) > maxScale {
		return 0, 0, false
	}
	point := -1
	for i, c := range v {
		if c -= '0'; c < 10 {
			n = 10*n + int64(c)
			continue
		}
		if v[i] != '.' || point >= 0 || i == 0 {
			return 0, 0, false
		}
		point = i
	}
	if point < 0 {
		return n, 0, true
	}
	scale = len(v) - 1 - point
	return n, scale, scale > 0
}

// isInteger reports whether v is digits with perhaps a sign.
func isInteger(v []byte) bool {
	if len(v) > 0 && (v[0] == '-' || v[0] == '+') {
		v = v[1:]
	}
	for _, c := range v {
		if c-'0' >= 10 {
			return false
		}
	}
	return len(v) > 0
}

// digit is the digit at 10^at.
func (d *decimal) digit(at int) byte {
	at -= d.exp
	if at >= 0 {
		if at < len(d.int) {
			return d.int[len(d.int)-1-at] - '0'
		}
		return 0
	}
	if at = -1 - at; at < len(d.frac) {
		return d.frac[at] - '0'
	}
	return 0
}

// size is how many digits there are before the point, zeros before the others
// left out.
func (d *decimal) size() int {
	n := len(d.int)
	for n > 0 && d.int[len(d.int)-n] == '0' {
		n--
	}
	return n
}

// compare is -1, 0 or 1 as a is less than, equal to or greater than b.
func (a *decimal) compare(b *decimal) int {
	if a.exp == b.exp && !a.neg && !b.neg { // mostly their sizes tell
		if c := cmp.Compare(a.size(), b.size()); c != 0 {
			return c
		}
	}
	high := max(len(a.int)+a.exp, len(b.int)+b.exp) - 1
	low := min(a.exp-len(a.frac), b.exp-len(b.frac))
	abs, zero := 0, true
	for at := high; at >= low; at-- {
		x, y := a.digit(at), b.digit(at)
		if x|y != 0 {
			zero = false
		}
		if a.neg != b.neg {
			if !zero {
				break
			}
			continue
		}
		if x != y {
			abs = 1
			if x < y {
				abs = -1
			}
			break
		}
	}
	switch {
	case zero:
		return 0
	case a.neg != b.neg && a.neg:
		return -1
	case a.neg != b.neg:
		return 1
	case a.neg:
		return -abs
	}
	return abs
}

// appendKey appends what numbers that mean the same have in common: the sign, the
// digits from the first to the last that is not 0, and where the point stands.
func (d *decimal) appendKey(key []byte) []byte {
	high, low := len(d.int)+d.exp-1, d.exp-len(d.frac)
	for high >= low && d.digit(high) == 0 {
		high--
	}
	for low <= high && d.digit(low) == 0 {
		low++
	}
	if high < low {
		return append(key, '0')
	}
	if d.neg {
		key = append(key, '-')
	}
	for at := high; at >= low; at-- {
		key = append(key, '0'+d.digit(at))
	}
	return strconv.AppendInt(append(key, 'e'), int64(low), 10)
}

// bound makes a decimal of the text of a YAML number: one that JSON would not
// write is taken for what YAML makes of it (.5, 1_000, 0x10).
func bound(text string) (*decimal, error) {
	if d, ok := parseDecimal([]byte(text)); ok {
		return &d, nil
	}
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		text = strconv.FormatInt(n, 10)
	} else if n, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil {
		text = strconv.FormatFloat(n, 'f', -1, 64)
	}
	d, ok := parseDecimal([]byte(text))
	if !ok {
		return nil, fmt.Errorf("must be a number")
	}
	return &d, nil
}

func (d *decimal) String() string {
	s := string(d.int)
	if len(d.frac) > 0 {
		s += "." + string(d.frac)
	}
	if d.neg {
		s = "-" + s
	}
	if d.exp != 0 {
		s += fmt.Sprintf("e%d", d.exp)
	}
	return s
}

// multiple tells the whole multiples of a step: exactly, and in time
// proportional to the number's length.
type multiple struct {
	step   uint64 // the step times 10^places
	places int    // digits of the step behind the point
}

func newMultiple(d *decimal) (*multiple, error) {
	m := &multiple{places: max(0, len(d.frac)-d.exp)}
	high := len(d.int) + d.exp - 1
	for high > -m.places && d.digit(high) == 0 {
		high--
	}
	if high+m.places >= 18 {
		return nil, fmt.Errorf("must have 18 digits at most")
	}
	for at := high; at >= -m.places; at-- {
		m.step = 10*m.step + uint64(d.digit(at))
	}
	if d.neg || m.step == 0 {
		return nil, fmt.Errorf("must be a number above 0")
	}
	return m, nil
}

// divides reports whether d is a whole multiple: it has no digit behind the
// last of the step, and what is before leaves no rest.
func (m *multiple) divides(d *decimal) bool {
	for at := -m.places - 1; at >= d.exp-len(d.frac); at-- {
		if d.digit(at) != 0 {
			return false
		}
	}
	var rest uint64 // below the step, so below 10^18: ten times it fits
	for at := len(d.int) + d.exp - 1; at >= -m.places; at-- {
		rest = (10*rest + uint64(d.digit(at))) % m.step
	}
	return rest == 0
}

// widths are the bounds of ODCS's integer formats (Rust's types).
func widths(format string) (low, high *decimal, err error) {
	bits, err := strconv.Atoi(strings.TrimLeft(format, "iu"))
	if err != nil || len(format) < 2 || (format[0] != 'i' && format[0] != 'u') || (bits != 8 && bits != 16 && bits != 32 && bits != 64 && bits != 128) {
		return nil, nil, fmt.Errorf("%q is not a width: i8 to i128 or u8 to u128", format)
	}
	lowest, highest := new(big.Int), new(big.Int)
	if format[0] == 'u' {
		highest.Lsh(big.NewInt(1), uint(bits))
	} else {
		highest.Lsh(big.NewInt(1), uint(bits-1))
		lowest.Neg(highest)
	}
	highest.Sub(highest, big.NewInt(1))
	if low, err = bound(lowest.String()); err != nil {
		return nil, nil, err
	}
	high, err = bound(highest.String())
	return low, high, err
}

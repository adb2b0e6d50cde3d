package avro

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
)

// maxExponent bounds the exponents of numbers in text.
const maxExponent = 10_000

// numeral is a number in decimal: digits times ten to the power of exp. digits
// neither start nor end with a zero; there are none if it is 0.
type numeral struct {
	neg    bool
	digits []byte
	exp    int
}

// parseNumeral reads [+-] digits [. digits] [e [+-] digits]. The digits are
// appended to scratch.
func parseNumeral(v, scratch []byte) (n numeral, next []byte, ok bool) {
	if len(v) > 0 && (v[0] == '-' || v[0] == '+') {
		n.neg = v[0] == '-'
		v = v[1:]
	}
	whole := count(v)
	digits := append(scratch[:0], v[:whole]...)
	v = v[whole:]
	if whole == 0 {
		return n, digits, false
	}
	if len(v) > 0 && v[0] == '.' {
		part := count(v[1:])
		if part == 0 {
			return n, digits, false
		}
		digits = append(digits, v[1:1+part]...)
		n.exp = -part
		v = v[1+part:]
	}
	if len(v) > 0 && v[0]|0x20 == 'e' {
		e, err := strconv.Atoi(string(v[1:]))
		if err != nil || e > maxExponent || e < -maxExponent {
			return n, digits, false
		}
		n.exp += e
		v = nil
	}
	next = digits
	digits = bytes.TrimLeft(digits, "0")
	short := bytes.TrimRight(digits, "0")
	n.exp += len(digits) - len(short)
	if n.digits = short; len(short) == 0 {
		n.exp, n.neg = 0, false
	}
	return n, next, len(v) == 0
}

func count(v []byte) int {
	i := 0
	for i < len(v) && v[i]-'0' < 10 {
		i++
	}
	return i
}

func (n *numeral) equal(m *numeral) bool {
	return n.neg == m.neg && n.exp == m.exp && bytes.Equal(n.digits, m.digits)
}

// scaled is n times ten to the power of scale if that is whole and has at most
// prec digits: as an integer if it is small, else in large.
func (n *numeral) scaled(prec, scale int, large *big.Int) (small int64, isSmall, ok bool) {
	zeros := n.exp + scale
	if len(n.digits) == 0 {
		return 0, true, true
	}
	if zeros < 0 || len(n.digits)+zeros > prec {
		return 0, false, false
	}
	if len(n.digits)+zeros <= 18 {
		for _, c := range n.digits {
			small = 10*small + int64(c-'0')
		}
		for range zeros {
			small *= 10
		}
		if n.neg {
			small = -small
		}
		return small, true, true
	}
	text := make([]byte, 0, 1+len(n.digits)+zeros)
	if n.neg {
		text = append(text, '-')
	}
	text = append(append(text, n.digits...), bytes.Repeat([]byte{'0'}, zeros)...)
	_, ok = large.SetString(string(text), 10)
	return 0, false, ok
}

// complement appends v as the shortest big-endian two's complement.
func complement(dst []byte, v *big.Int) []byte {
	if v.Sign() >= 0 {
		b := v.Bytes()
		if len(b) == 0 || b[0]&0x80 != 0 {
			dst = append(dst, 0)
		}
		return append(dst, b...)
	}
	n := new(big.Int).Not(v) // -v-1
	size := n.BitLen()/8 + 1
	at := len(dst)
	dst = append(dst, make([]byte, size)...)
	n.FillBytes(dst[at:])
	for i := at; i < len(dst); i++ {
		dst[i] = ^dst[i]
	}
	return dst
}

// smallComplement is complement of a small number.
func smallComplement(dst []byte, v int64) []byte {
	size := 1
	for size < 8 && (v >= 1<<(8*size-1) || v < -(1<<(8*size-1))) {
		size++
	}
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}

// exact is the floating-point number of bits bits that text means, if the text
// is what is written for that number, or exactly its value.
func exact(text []byte, n *numeral, bits int) (v float64, ok bool) {
	v, err := strconv.ParseFloat(string(text), bits)
	if err != nil || math.IsInf(v, 0) {
		return v, false
	}
	if len(n.digits) <= 15 && bits == 64 {
		if abs := math.Abs(v); v == 0 && len(n.digits) == 0 || abs >= 1e-300 && abs <= 1e300 {
			return v, true // any 15 digits come back as they were (DBL_DIG)
		}
	}
	if len(n.digits) <= 6 && bits == 32 {
		if abs := math.Abs(v); v == 0 && len(n.digits) == 0 || abs >= 1e-37 && abs <= 1e38 {
			return v, true // FLT_DIG
		}
	}
	var buf, digits [64]byte
	m, _, _ := parseNumeral(strconv.AppendFloat(buf[:0], v, 'e', -1, bits), digits[:0])
	if m.equal(n) {
		return v, true
	}
	if bits == 32 { // a float that was written with the digits of a double
		if wide, err := strconv.ParseFloat(string(text), 64); err == nil && wide == v {
			m, _, _ = parseNumeral(strconv.AppendFloat(buf[:0], wide, 'e', -1, 64), digits[:0])
			if m.equal(n) {
				return v, true
			}
		}
	}
	if len(n.digits) > 800 || n.exp > 400 || n.exp < -1200 {
		return v, false
	}
	r, good := new(big.Rat).SetString(string(text))
	return v, good && r.Cmp(new(big.Rat).SetFloat64(v)) == 0
}

package parquet

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/big"
	"strconv"
	"time"
)

func checksum(data []byte) uint32 { return crc32.ChecksumIEEE(data) }

// number is a decimal number: digits * 10^exponent, without zeros at either end
// of digits; no digits for 0.
type number struct {
	negative bool
	digits   string
	exponent int
}

// parseNumber reads a number in decimal, with or without a point and an exponent.
func parseNumber(text string) (n number, ok bool) {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		n.negative = text[0] == '-'
		text = text[1:]
	}
	digits := make([]byte, 0, 40)
	i, point := 0, -1
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == '.' && point < 0:
			point = len(digits)
		case (c == 'e' || c == 'E') && len(digits) > 0:
			e, err := strconv.Atoi(text[i+1:])
			if err != nil || e > 1<<20 || e < -1<<20 {
				return n, false
			}
			n.exponent = e
			text = text[:i]
		default:
			return n, false
		}
	}
	if len(digits) == 0 {
		return n, false
	}
	if point >= 0 {
		n.exponent -= len(digits) - point
	}
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		n.exponent++
	}
	n.digits = string(bytes.TrimLeft(digits, "0"))
	if n.digits == "" {
		n.exponent, n.negative = 0, false
	}
	return n, true
}

// scaled is n * 10^scale, if that is an integer of at most max digits.
func (n number) scaled(scale, max int) (*big.Int, bool) {
	if n.digits == "" {
		return new(big.Int), true
	}
	zeros := n.exponent + scale
	if zeros < 0 || len(n.digits)+zeros > max {
		return nil, false
	}
	v, _ := new(big.Int).SetString(n.digits, 10)
	v.Mul(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(zeros)), nil))
	if n.negative {
		v.Neg(v)
	}
	return v, true
}

const (
	whyNumber    = "it is not a number"
	whyRange     = "it is out of range"
	whyPrecision = "it has more digits"
)

// add adds a value that is not null, from its text. It answers why it cannot.
func (c *column) add(text []byte) (why string) {
	switch c.e.typ {
	case typeByteArray:
		c.addBytes(text)
		return ""
	case typeBoolean:
		switch string(text) {
		case "true":
			c.values = append(c.values, 1)
		case "false":
			c.values = append(c.values, 0)
		default:
			return "it is not true or false"
		}
		c.count++
		return ""
	case typeFloat, typeDouble:
		return c.addFloat(string(text))
	}
	switch c.e.logical {
	case logicalInt:
		return c.addInt(string(text))
	case logicalDecimal:
		n, ok := parseNumber(string(text))
		if !ok {
			return whyNumber
		}
		v, ok := n.scaled(c.e.scale, c.e.precision)
		if !ok {
			return whyPrecision
		}
		if c.e.typ == typeFixed {
			return c.addBig(v)
		}
		c.addTicks(v.Int64())
		return ""
	}
	return c.addMoment(string(text))
}

// addTicks adds an integer of the width that the column has.
func (c *column) addTicks(v int64) {
	if c.e.typ == typeInt32 {
		c.values = binary.LittleEndian.AppendUint32(c.values, uint32(v))
	} else {
		c.values = binary.LittleEndian.AppendUint64(c.values, uint64(v))
	}
	c.count++
}

func (c *column) addBig(v *big.Int) string {
	buf := make([]byte, c.e.length)
	if v.Sign() < 0 {
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*c.e.length)))
	}
	c.values = append(c.values, v.FillBytes(buf)...)
	c.count++
	return ""
}

func (c *column) addInt(text string) string {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		n, ok := parseNumber(text) // 1e3, 1.0, or more than 63 bits
		if !ok {
			return whyNumber
		}
		big, ok := n.scaled(0, 40)
		switch {
		case !ok && n.exponent < 0:
			return "it is not an integer"
		case !ok || !big.IsInt64() && (c.e.signed || c.e.bits < 64 || !big.IsUint64()):
			return whyRange
		}
		if !big.IsInt64() {
			c.addTicks(int64(big.Uint64()))
			return ""
		}
		v = big.Int64()
	}
	if c.e.signed && c.e.bits < 64 && (v < -1<<(c.e.bits-1) || v >= 1<<(c.e.bits-1)) ||
		!c.e.signed && (v < 0 || c.e.bits < 64 && v >= 1<<c.e.bits) {
		return whyRange
	}
	c.addTicks(v)
	return ""
}

// addFloat adds a number if it is the shortest decimal, or the exact value, of
// the float that is nearest to it.
func (c *column) addFloat(text string) string {
	n, ok := parseNumber(text)
	if !ok {
		return whyNumber
	}
	bits := 64
	if c.e.typ == typeFloat {
		bits = 32
	}
	v, err := strconv.ParseFloat(text, bits)
	if err != nil || math.IsInf(v, 0) {
		return whyRange
	}
	same := func(bits int) bool {
		back, _ := parseNumber(strconv.FormatFloat(v, 'e', -1, bits))
		return back.digits == n.digits && back.exponent == n.exponent && (back.negative == n.negative || n.digits == "")
	}
	if !same(bits) && (bits == 64 || !same(64)) {
		return whyPrecision
	}
	if bits == 32 {
		c.values = binary.LittleEndian.AppendUint32(c.values, math.Float32bits(float32(v)))
	} else {
		c.values = binary.LittleEndian.AppendUint64(c.values, math.Float64bits(v))
	}
	c.count++
	return ""
}

// addMoment adds a date, a time or a timestamp from ISO 8601's extended format.
func (c *column) addMoment(text string) string {
	const notISO, finer = "it is not written as in RFC 3339", "it is finer than a microsecond"
	switch c.e.logical {
	case logicalDate:
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return "it is not a date alone"
		}
		c.addTicks(t.Unix() / 86400)
		return ""
	case logicalTime:
		t, err := time.Parse(time.TimeOnly, text)
		switch {
		case err != nil:
			return "it is not a time of day without a zone"
		case t.Nanosecond()%1000 != 0:
			return finer
		}
		c.addTicks(int64(t.Hour()*3600+t.Minute()*60+t.Second())*1e6 + int64(t.Nanosecond()/1000))
		return ""
	}
	if len(text) > 10 && text[10] == ' ' {
		text = text[:10] + "T" + text[11:]
	}
	t, err := time.Parse("2006-01-02T15:04:05", text)
	if err != nil {
		if t, err = time.Parse(time.RFC3339, text); err != nil {
			return notISO
		}
		if !c.e.utc {
			return "it has a zone, and the column has none"
		}
	}
	if t.Nanosecond()%1000 != 0 {
		return finer
	}
	c.addTicks(t.UnixMicro())
	return ""
}

package record

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"time"
)

// BadTyped is the rule of form that a row breaks one of whose values its type, in
// Parquet or Avro, cannot have: a time of 25 hours, a date after the year 9999.
const BadTyped = "typed-value"

// AppendInt appends an integer as the typed kinds hold it: 8 bytes, little-endian.
func AppendInt(dst []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(v)) }

// IntOf is what AppendInt appended.
func IntOf(raw []byte) int64 { return int64(binary.LittleEndian.Uint64(raw)) }

// AppendFloat appends a number as TypedFloat holds it: IEEE 754, 8 bytes, little-endian.
func AppendFloat(dst []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// FloatOf is what AppendFloat appended.
func FloatOf(raw []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(raw)) }

// AppendBool appends a boolean as TypedBool holds it: one byte, 0 or 1.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendDecimal appends the number unscaled / 10^scale as TypedDecimal holds it:
// the scale in 2 bytes, little-endian, then unscaled as a big-endian two's
// complement of any length, as Parquet and Avro write it.
func AppendDecimal(dst, unscaled []byte, scale int) []byte {
	return append(binary.LittleEndian.AppendUint16(dst, uint16(scale)), unscaled...)
}

// DecimalOf is what AppendDecimal appended.
func DecimalOf(raw []byte) (unscaled []byte, scale int) {
	return raw[2:], int(binary.LittleEndian.Uint16(raw))
}

// AppendTimestamp appends a moment as TypedTimestamp and TypedLocal hold it:
// seconds since 1970-01-01T00:00:00Z in 8 bytes and nanoseconds in 4, both
// little-endian. Of a local one they are those of the same reading in UTC.
func AppendTimestamp(dst []byte, seconds int64, nanos uint32) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(dst, uint64(seconds)), nanos)
}

// TimestampOf is what AppendTimestamp appended.
func TimestampOf(raw []byte) (seconds int64, nanos uint32) {
	return int64(binary.LittleEndian.Uint64(raw)), binary.LittleEndian.Uint32(raw[8:])
}

// AppendTyped appends a value of a typed kind as text, from which it can be read
// again without loss: numbers in decimal, floats with as few digits as tell them
// from their neighbours, bytes in base64 (RFC 4648, section 4), dates and times
// as in RFC 3339 with as many digits of a second as there are.
func AppendTyped(dst []byte, k Kind, raw []byte) []byte {
	switch k {
	case TypedString:
		return append(dst, raw...)
	case TypedBytes:
		return base64.StdEncoding.AppendEncode(dst, raw)
	case TypedInt:
		return strconv.AppendInt(dst, IntOf(raw), 10)
	case TypedFloat:
		return appendFloat(dst, FloatOf(raw))
	case TypedBool:
		return strconv.AppendBool(dst, raw[0] != 0)
	case TypedDecimal:
		return appendDecimal(dst, raw)
	case TypedDate:
		return time.Unix(IntOf(raw)*86400, 0).UTC().AppendFormat(dst, time.DateOnly)
	case TypedTime:
		return time.Unix(0, IntOf(raw)).UTC().AppendFormat(dst, "15:04:05.999999999")
	case TypedTimestamp, TypedLocal:
		seconds, nanos := TimestampOf(raw)
		layout := "2006-01-02T15:04:05.999999999"
		if k == TypedTimestamp {
			layout += "Z"
		}
		return time.Unix(seconds, int64(nanos)).UTC().AppendFormat(dst, layout)
	case TypedUUID:
		for i, end := range []int{4, 6, 8, 10, 16} {
			if i > 0 {
				dst = append(dst, '-')
			}
			dst = hex.AppendEncode(dst, raw[[]int{0, 4, 6, 8, 10}[i]:end])
		}
	}
	return dst
}

// appendFloat writes a number in JSON's grammar, if it is finite.
func appendFloat(dst []byte, v float64) []byte {
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, 64)
}

func appendDecimal(dst, raw []byte) []byte {
	unscaled, scale := DecimalOf(raw)
	var v int64
	if len(unscaled) > 8 {
		return appendBigDecimal(dst, unscaled, scale)
	}
	if len(unscaled) > 0 && unscaled[0]&0x80 != 0 {
		v = -1
	}
	for _, b := range unscaled {
		v = v<<8 | int64(b)
	}
	magnitude := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		magnitude = -magnitude
	}
	var buf [24]byte
	return appendScaled(dst, strconv.AppendUint(buf[:0], magnitude, 10), scale)
}

func appendBigDecimal(dst, unscaled []byte, scale int) []byte {
	v := new(big.Int).SetBytes(unscaled)
	if unscaled[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(unscaled))))
		dst = append(dst, '-')
	}
	return appendScaled(dst, v.Abs(v).Append(nil, 10), scale)
}

// appendScaled appends digits with a point before the last scale of them.
func appendScaled(dst, digits []byte, scale int) []byte {
	if scale == 0 {
		return append(dst, digits...)
	}
	if len(digits) <= scale {
		dst = append(dst, "0."...)
		for range scale - len(digits) {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	point := len(digits) - scale
	return append(append(append(dst, digits[:point]...), '.'), digits[point:]...)
}

package parquet

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/sallyport-io/sallyport/shared/record"
)

const (
	maxFixed = 1 << 20 // bytes of a FIXED_LEN_BYTE_ARRAY
	maxScale = 1 << 10 // of a decimal
)

// class is what a column holds, in the words that a contract can be held to.
type class uint8

const (
	classNone class = iota
	classString
	classBytes
	classInt
	classFloat
	classDecimal
	classBool
	classDate
	classTime
	classTimestamp
	classUUID
	classJSON
	classNull // nothing but nulls
)

// accepted are the classes that a field of a type takes; Opaque takes all.
var accepted = [...][]class{
	record.Opaque:    nil,
	record.String:    {classString, classJSON, classUUID, classBytes},
	record.Integer:   {classInt, classDecimal},
	record.Number:    {classInt, classDecimal, classFloat},
	record.Boolean:   {classBool},
	record.Date:      {classDate, classString},
	record.Timestamp: {classTimestamp, classString},
	record.Time:      {classTime, classString},
	record.Object:    nil,
	record.Array:     nil,
}

// conv is how a stored value becomes a typed one.
type conv uint8

const (
	convNone conv = iota
	convString
	convBytes
	convUUID
	convBool
	convInt32
	convUint32
	convInt64
	convUint64
	convFloat16
	convFloat
	convDouble
	convDecimal32
	convDecimal64
	convDecimalBytes
	convDate
	convTime32
	convTime64
	convTimestamp
	convInt96
)

// natural is what a column holds by its own account (LogicalTypes.md).
func natural(e *element) (conv, class) {
	type key struct{ typ, logical int }
	switch (key{e.typ, e.logical}) {
	case key{typeByteArray, logicalString}, key{typeByteArray, logicalEnum}:
		return convString, classString
	case key{typeByteArray, logicalJSON}:
		return convString, classJSON
	case key{typeByteArray, 0}, key{typeByteArray, logicalBSON}, key{typeFixed, 0}:
		return convBytes, classBytes
	case key{typeByteArray, logicalDecimal}, key{typeFixed, logicalDecimal}:
		return convDecimalBytes, classDecimal
	case key{typeInt32, logicalDecimal}:
		return convDecimal32, classDecimal
	case key{typeInt64, logicalDecimal}:
		return convDecimal64, classDecimal
	case key{typeInt32, 0}:
		return convInt32, classInt
	case key{typeInt64, 0}:
		return convInt64, classInt
	case key{typeInt32, logicalInt}:
		if e.signed {
			return convInt32, classInt
		}
		return convUint32, classInt
	case key{typeInt64, logicalInt}:
		if e.signed {
			return convInt64, classInt
		}
		return convUint64, classInt
	case key{typeInt32, logicalDate}:
		return convDate, classDate
	case key{typeInt32, logicalTime}:
		return convTime32, classTime
	case key{typeInt64, logicalTime}:
		return convTime64, classTime
	case key{typeInt64, logicalTimestamp}:
		return convTimestamp, classTimestamp
	case key{typeInt96, 0}:
		return convInt96, classTimestamp
	case key{typeFloat, 0}:
		return convFloat, classFloat
	case key{typeDouble, 0}:
		return convDouble, classFloat
	case key{typeBoolean, 0}:
		return convBool, classBool
	case key{typeFixed, logicalUUID}:
		if e.length == 16 {
			return convUUID, classUUID
		}
	case key{typeFixed, logicalFloat16}:
		if e.length == 2 {
			return convFloat16, classFloat
		}
	}
	if e.logical == logicalNull {
		return convNone, classNull
	}
	return convNone, classNone
}

var physicalNames = [...]string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}

var unitNames = [...]string{"?", "MILLIS", "MICROS", "NANOS"}

// typeName is a column's type as Parquet's documents write it.
func typeName(e *element) string {
	unit := "?"
	if e.unit > 0 && e.unit < len(unitNames) {
		unit = unitNames[e.unit]
	}
	zone := "local"
	if e.utc {
		zone = "UTC"
	}
	switch e.logical {
	case 0:
		return physicalNames[e.typ]
	case logicalString:
		return "STRING"
	case logicalEnum:
		return "ENUM"
	case logicalDecimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", e.precision, e.scale)
	case logicalDate:
		return "DATE"
	case logicalTime:
		return fmt.Sprintf("TIME(%s, %s)", unit, zone)
	case logicalTimestamp:
		return fmt.Sprintf("TIMESTAMP(%s, %s)", unit, zone)
	case logicalInt:
		if e.signed {
			return fmt.Sprintf("INT%d", e.bits)
		}
		return fmt.Sprintf("UINT%d", e.bits)
	case logicalNull:
		return "UNKNOWN"
	case logicalJSON:
		return "JSON"
	case logicalBSON:
		return "BSON"
	case logicalUUID:
		return "UUID"
	case logicalFloat16:
		return "FLOAT16"
	}
	return physicalNames[e.typ] + " of a logical type that is not read"
}

// The moments of the years 1 to 9999, which text can say.
const (
	firstDay, lastDay       = -719162, 2932896
	firstSecond, lastSecond = firstDay * 86400, lastDay*86400 + 86399
)

const dayNanos = 86400 * 1e9

// perSecond are the ticks of a second by unit.
var perSecond = [...]int64{0, 1e3, 1e6, 1e9}

// append appends a stored value as the typed kinds hold it. It answers Absent
// for one that its type cannot have.
func (l *leaf) append(dst, v []byte) ([]byte, record.Kind) {
	switch l.conv {
	case convString:
		return append(dst, v...), record.TypedString
	case convBytes:
		return append(dst, v...), record.TypedBytes
	case convUUID:
		return append(dst, v...), record.TypedUUID
	case convBool:
		return record.AppendBool(dst, v[0] != 0), record.TypedBool
	case convInt32:
		return record.AppendInt(dst, int64(int32(binary.LittleEndian.Uint32(v)))), record.TypedInt
	case convUint32:
		return record.AppendInt(dst, int64(binary.LittleEndian.Uint32(v))), record.TypedInt
	case convInt64:
		return append(dst, v...), record.TypedInt
	case convUint64:
		if u := binary.LittleEndian.Uint64(v); u > math.MaxInt64 {
			return record.AppendDecimal(dst, binary.BigEndian.AppendUint64([]byte{0}, u), 0), record.TypedDecimal
		}
		return append(dst, v...), record.TypedInt
	case convFloat16:
		return record.AppendFloat(dst, float16(binary.LittleEndian.Uint16(v))), record.TypedFloat
	case convFloat:
		return record.AppendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(v)))), record.TypedFloat
	case convDouble:
		return append(dst, v...), record.TypedFloat
	case convDecimal32:
		return append(record.AppendDecimal(dst, nil, l.e.scale), v[3], v[2], v[1], v[0]), record.TypedDecimal
	case convDecimal64:
		return binary.BigEndian.AppendUint64(record.AppendDecimal(dst, nil, l.e.scale), binary.LittleEndian.Uint64(v)), record.TypedDecimal
	case convDecimalBytes:
		if len(v) == 0 || len(v) > maxDecimal {
			return dst, record.Absent
		}
		return record.AppendDecimal(dst, v, l.e.scale), record.TypedDecimal
	case convDate:
		days := int64(int32(binary.LittleEndian.Uint32(v)))
		if days < firstDay || days > lastDay {
			return dst, record.Absent
		}
		return record.AppendInt(dst, days), record.TypedDate
	case convTime32:
		return l.appendTime(dst, int64(int32(binary.LittleEndian.Uint32(v))))
	case convTime64:
		return l.appendTime(dst, int64(binary.LittleEndian.Uint64(v)))
	case convTimestamp:
		ticks := perSecond[min(max(l.e.unit, 0), unitNanos)]
		if ticks == 0 {
			return dst, record.Absent
		}
		t := int64(binary.LittleEndian.Uint64(v))
		seconds := t / ticks
		rest := t % ticks
		if rest < 0 {
			seconds, rest = seconds-1, rest+ticks
		}
		return l.appendTimestamp(dst, seconds, rest*(1e9/ticks))
	case convInt96: // nanoseconds of the day, Julian day
		nanos := int64(binary.LittleEndian.Uint64(v))
		if nanos < 0 || nanos >= dayNanos {
			return dst, record.Absent
		}
		days := int64(int32(binary.LittleEndian.Uint32(v[8:]))) - 2440588
		return l.appendTimestamp(dst, days*86400+nanos/1e9, nanos%1e9)
	}
	return dst, record.Absent
}

// maxDecimal is how many bytes the unscaled value of a decimal may have: more
// than 300 digits.
const maxDecimal = 128

func (l *leaf) appendTime(dst []byte, t int64) ([]byte, record.Kind) {
	ticks := perSecond[min(max(l.e.unit, 0), unitNanos)]
	if t < 0 || t >= 86400*ticks {
		return dst, record.Absent
	}
	return record.AppendInt(dst, t*(1e9/ticks)), record.TypedTime
}

func (l *leaf) appendTimestamp(dst []byte, seconds, nanos int64) ([]byte, record.Kind) {
	if seconds < firstSecond || seconds > lastSecond {
		return dst, record.Absent
	}
	kind := record.TypedTimestamp
	if l.conv == convTimestamp && !l.e.utc {
		kind = record.TypedLocal
	}
	return record.AppendTimestamp(dst, seconds, uint32(nanos)), kind
}

// float16 is IEEE 754 binary16.
func float16(h uint16) float64 {
	sign, exponent, fraction := h>>15, int(h>>10&31), float64(h&1023)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 31:
		if v = math.Inf(1); fraction != 0 {
			return math.NaN()
		}
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if sign != 0 {
		v = -v
	}
	return v
}

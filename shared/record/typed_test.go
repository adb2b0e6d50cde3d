package record

import (
	"math"
	"testing"
)

// Typed values are written as text that reads back as the same value.
func TestAppendTyped(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		raw  []byte
		want string
	}{
		{TypedString, []byte("a\"b"), `a"b`},
		{TypedBytes, []byte{0, 255}, "AP8="},
		{TypedInt, AppendInt(nil, math.MinInt64), "-9223372036854775808"},
		{TypedFloat, AppendFloat(nil, 0.1), "0.1"},
		{TypedFloat, AppendFloat(nil, 1e300), "1e+300"},
		{TypedFloat, AppendFloat(nil, math.Copysign(0, -1)), "-0"},
		{TypedBool, AppendBool(nil, true), "true"},
		{TypedDecimal, AppendDecimal(nil, []byte{0xff, 0x85}, 2), "-1.23"},
		{TypedDecimal, AppendDecimal(nil, []byte{5}, 3), "0.005"},
		{TypedDecimal, AppendDecimal(nil, []byte{0x80}, 0), "-128"},
		{TypedDecimal, AppendDecimal(nil, nil, 2), "0.00"},
		{TypedDecimal, AppendDecimal(nil, []byte{0x80, 0, 0, 0, 0, 0, 0, 0}, 0), "-9223372036854775808"},
		{TypedDecimal, AppendDecimal(nil, []byte{1, 0, 0, 0, 0, 0, 0, 0, 0}, 1), "1844674407370955161.6"},
		{TypedDecimal, AppendDecimal(nil, []byte{0xff, 0, 0, 0, 0, 0, 0, 0, 0}, 1), "-1844674407370955161.6"},
		{TypedDate, AppendInt(nil, -1), "1969-12-31"},
		{TypedTime, AppendInt(nil, 45_296_000_000_001), "12:34:56.000000001"},
		{TypedTimestamp, AppendTimestamp(nil, 0, 5_000_000), "1970-01-01T00:00:00.005Z"},
		{TypedLocal, AppendTimestamp(nil, -1, 0), "1969-12-31T23:59:59"},
		{TypedUUID, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, "00010203-0405-0607-0809-0a0b0c0d0e0f"},
	} {
		if got := string(AppendTyped(nil, c.kind, c.raw)); got != c.want {
			t.Errorf("kind %d: %s, want %s", c.kind, got, c.want)
		}
	}
}

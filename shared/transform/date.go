package transform

import (
	"encoding/binary"

	"github.com/sallyport-io/sallyport/shared/record"
)

func dateKind() kind {
	return kind{
		name: Date, options: []string{"to"}, plain: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			if s.To != Month && s.To != Year {
				return in, optionFault("date needs to: month or to: year", "write {type: date, to: month}")
			}
			return record.Date, s.takes(in, "if the contract means a date, it should say logicalType: date", record.Date, record.Timestamp)
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			if s.To == Year {
				return stateless(cutToYear), nil
			}
			return stateless(cutToMonth), nil
		},
	}
}

// cutToMonth and cutToYear take what starts with an ISO 8601 date
// ("2006-01-02", alone or followed by "T" or a space and a time) and append the
// first day of its month or year, so that the field still holds a date. A
// timestamp's date is taken as it is written, in the offset that it is written
// in.
func cutToMonth(dst, value []byte) ([]byte, bool) {
	if !startsWithDate(value) {
		return dst, false
	}
	dst = append(dst, value[:10]...)
	day := dst[len(dst)-2:]
	day[0], day[1] = '0', '1'
	return dst, true
}

func cutToYear(dst, value []byte) ([]byte, bool) {
	if !startsWithDate(value) {
		return dst, false
	}
	return append(append(dst, value[:4]...), "-01-01"...), true
}

func startsWithDate(value []byte) bool {
	if len(value) < 10 {
		return false
	}
	if len(value) > 10 && value[10] != 'T' && value[10] != 't' && value[10] != ' ' {
		return false
	}
	// "2006-01-": a digit less '0' plus 0x76 has no high bit, nor has '-' less
	// itself plus 0x7f.
	const form, most, high = 0x2d30302d30303030, 0x7f76767f76767676, 0x8080808080808080
	x := binary.LittleEndian.Uint64(value) ^ form
	if (x|(x+most))&high != 0 || !isDigit(value[8]) || !isDigit(value[9]) {
		return false
	}
	month, day := 10*(value[5]-'0')+value[6]-'0', 10*(value[8]-'0')+value[9]-'0'
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

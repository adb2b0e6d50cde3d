package transform

import (
	"encoding/binary"

	"github.com/sallyport-io/sallyport/shared/record"
)

func dateKind() kind {
	return kind{
		name: Date, options: []string{"to"}, plain: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			if cuts(s.To) == nil {
				return in, optionFault("date needs to: week, month, quarter or year", "write {type: date, to: month}")
			}
			return record.Date, s.takes(in, dateAdvice, record.Date, record.Timestamp)
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			return stateless(cuts(s.To)), nil
		},
	}
}

// cuts is what cuts a date, nil if there is no such.
func cuts(to string) appendFunc {
	switch to {
	case Week:
		return cutToWeek
	case Month:
		return cutToMonth
	case Quarter:
		return cutToQuarter
	case Year:
		return cutToYear
	}
	return nil
}

// cutToMonth and its like take what starts with an ISO 8601 date
// ("2006-01-02", alone or followed by "T" or a space and a time) and append the
// first day of its week, month, quarter or year, so that the field still holds a date. A
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

func cutToQuarter(dst, value []byte) ([]byte, bool) {
	if !startsWithDate(value) {
		return dst, false
	}
	first := (10*(value[5]-'0')+value[6]-'0'-1)/3*3 + 1
	return append(append(dst, value[:5]...), '0'+first/10, '0'+first%10, '-', '0', '1'), true
}

// cutToWeek appends the Monday of the week (ISO 8601). A day that its month does
// not have fits no week, nor does one of which the Monday lies before year 0.
func cutToWeek(dst, value []byte) ([]byte, bool) {
	c, ok := readCivil(value)
	if !ok {
		return dst, false
	}
	if c.day -= c.weekday(); c.day < 1 {
		if c.month--; c.month == 0 {
			c.year, c.month = c.year-1, 12
		}
		if c.year < 0 {
			return dst, false
		}
		c.day += daysIn(c.year, c.month)
	}
	return c.append(dst), true
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
	x := binary.LittleEndian.Uint64(value) ^ dateForm
	if (x|(x+dateMost))&0x8080808080808080 != 0 || !isDigit(value[8]) || !isDigit(value[9]) {
		return false
	}
	month, day := 10*(value[5]-'0')+value[6]-'0', 10*(value[8]-'0')+value[9]-'0'
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

package contract

import (
	"cmp"
	"time"
)

// instant is a date, a time or both, comparable: seconds (since 0000-03-01, or
// since midnight) and nanoseconds. Where no zone is written, UTC is meant.
type instant struct {
	sec  int64
	nano int32
}

func (a instant) compare(b instant) int {
	return cmp.Or(cmp.Compare(a.sec, b.sec), cmp.Compare(a.nano, b.nano))
}

// zones says whether a zone must or must not be written.
type zones uint8

const (
	zoneMay zones = iota
	zoneMust
	zoneMustNot
)

// allow tells whether a value may be zoned, or not, as it is.
func (z zones) allow(zoned bool) bool { return z == zoneMay || zoned == (z == zoneMust) }

func makeInstant(dated bool, year, month, day, hour, min, sec, nano, offset int) (instant, bool) {
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || min > 59 || sec > 59 {
		return instant{}, false
	}
	t := instant{sec: int64(hour*3600+min*60+sec) - int64(offset), nano: int32(nano)}
	if dated {
		t.sec += 86400 * daysBefore(year, month, day)
	}
	return t, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysBefore counts the days since 0000-03-01 (Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
func daysBefore(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	return int64(365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1)
}

// two reads two digits.
func two(v []byte, i int) (n int, ok bool) {
	a, b := v[i]-'0', v[i+1]-'0'
	return 10*int(a) + int(b), a < 10 && b < 10
}

// parseZone reads Z, ±hh, ±hhmm or ±hh:mm and answers seconds east of UTC.
func parseZone(v []byte) (offset int, rest []byte, ok bool) {
	if len(v) > 0 && v[0]|0x20 == 'z' {
		return 0, v[1:], true
	}
	if len(v) < 3 || v[0] != '+' && v[0] != '-' {
		return 0, v, false
	}
	h, ok := two(v, 1)
	if !ok || h > 23 {
		return 0, v, false
	}
	offset, rest = h*3600, v[3:]
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
		if len(rest) < 2 {
			return 0, v, false
		}
	}
	if len(rest) >= 2 {
		m, ok := two(rest, 0)
		if !ok || m > 59 {
			return 0, v, false
		}
		offset, rest = offset+m*60, rest[2:]
	}
	if v[0] == '-' {
		offset = -offset
	}
	return offset, rest, true
}

// parseDate reads yyyy-MM-dd and what may follow it in ISO 8601.
func parseDate(v []byte) (year, month, day int, rest []byte, ok bool) {
	if len(v) < 10 || v[4] != '-' || v[7] != '-' {
		return 0, 0, 0, v, false
	}
	y1, ok1 := two(v, 0)
	y2, ok2 := two(v, 2)
	month, ok3 := two(v, 5)
	day, ok4 := two(v, 8)
	return 100*y1 + y2, month, day, v[10:], ok1 && ok2 && ok3 && ok4
}

// parseTime reads HH:mm[:ss[.fraction]].
func parseTime(v []byte) (hour, min, sec, nano int, rest []byte, ok bool) {
	if len(v) < 5 || v[2] != ':' {
		return 0, 0, 0, 0, v, false
	}
	hour, ok1 := two(v, 0)
	min, ok2 := two(v, 3)
	if !ok1 || !ok2 {
		return 0, 0, 0, 0, v, false
	}
	rest = v[5:]
	if len(rest) >= 3 && rest[0] == ':' {
		if sec, ok = two(rest, 1); !ok {
			return 0, 0, 0, 0, v, false
		}
		rest = rest[3:]
		if len(rest) >= 2 && rest[0] == '.' {
			i, scale := 1, 100_000_000
			for i < len(rest) && rest[i]-'0' < 10 {
				nano += int(rest[i]-'0') * scale
				scale /= 10
				i++
			}
			if i == 1 || i > 10 {
				return 0, 0, 0, 0, v, false
			}
			rest = rest[i:]
		}
	}
	return hour, min, sec, nano, rest, true
}

// isoDate is the default of date: yyyy-MM-dd, with or without a time behind it.
func isoDate(v []byte) (t instant, zoned, ok bool) {
	if len(v) == 10 {
		y, m, d, _, ok := parseDate(v)
		if !ok {
			return instant{}, false, false
		}
		t, ok = makeInstant(true, y, m, d, 0, 0, 0, 0, 0)
		return t, false, ok
	}
	return isoTimestamp(v)
}

// isoTimestamp is the default of timestamp: RFC 3339, a space for the T and a
// missing zone allowed.
func isoTimestamp(v []byte) (t instant, zoned, ok bool) {
	y, m, d, rest, ok := parseDate(v)
	if !ok || len(rest) == 0 || rest[0] != 'T' && rest[0] != ' ' && rest[0] != 't' {
		return instant{}, false, false
	}
	h, min, s, nano, rest, ok := parseTime(rest[1:])
	if !ok {
		return instant{}, false, false
	}
	offset, zoned, ok := zoneAtEnd(rest)
	if !ok {
		return instant{}, false, false
	}
	t, ok = makeInstant(true, y, m, d, h, min, s, nano, offset)
	return t, zoned, ok
}

// isoTime is the default of time: HH:mm[:ss[.fraction]][zone].
func isoTime(v []byte) (t instant, zoned, ok bool) {
	h, m, s, nano, rest, ok := parseTime(v)
	if !ok {
		return instant{}, false, false
	}
	offset, zoned, ok := zoneAtEnd(rest)
	if !ok {
		return instant{}, false, false
	}
	t, ok = makeInstant(false, 0, 1, 1, h, m, s, nano, offset)
	return t, zoned, ok
}

func zoneAtEnd(rest []byte) (offset int, zoned, ok bool) {
	if len(rest) == 0 {
		return 0, false, true
	}
	offset, rest, ok = parseZone(rest)
	return offset, true, ok && len(rest) == 0
}

// unixDays is how many days 1970-01-01 is behind 0000-03-01.
const unixDays = 719468

// in is the moment at which clocks in a zone show t. Where they show it twice,
// or never, it is one of the two that time.Date chooses from.
func (t instant) in(zone *time.Location) instant {
	u := time.Unix(t.sec-86400*unixDays, 0).UTC()
	at := time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), 0, zone)
	return instant{sec: at.Unix() + 86400*unixDays, nano: t.nano}
}

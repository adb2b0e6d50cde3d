package avro

import "time"

// reading is a date or a time of day, or both, as text says it.
type reading struct {
	seconds int64 // since 1970-01-01T00:00:00Z, or since midnight
	nanos   int64
	zoned   bool
}

// micros are the microseconds of r, if it is not finer.
func (r *reading) micros() (int64, bool) { return r.seconds*1e6 + r.nanos/1e3, r.nanos%1e3 == 0 }

func two(v []byte) (int, bool) {
	a, b := v[0]-'0', v[1]-'0'
	return 10*int(a) + int(b), a < 10 && b < 10
}

// parseDay reads yyyy-MM-dd and answers its days since 1970-01-01.
func parseDay(v []byte) (days int64, ok bool) {
	if len(v) != 10 || v[4] != '-' || v[7] != '-' {
		return 0, false
	}
	century, ok1 := two(v)
	years, ok2 := two(v[2:])
	month, ok3 := two(v[5:])
	day, ok4 := two(v[8:])
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || day < 1 {
		return 0, false
	}
	t := time.Date(100*century+years, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t.Unix() / 86400, t.Day() == day
}

// parseClock reads HH:mm[:ss[.fraction]] and perhaps a zone behind it: Z, ±hh,
// ±hhmm or ±hh:mm.
func parseClock(v []byte) (r reading, ok bool) {
	if len(v) < 5 || v[2] != ':' {
		return r, false
	}
	hour, ok1 := two(v)
	min, ok2 := two(v[3:])
	if !ok1 || !ok2 || hour > 23 || min > 59 {
		return r, false
	}
	r.seconds = int64(hour*3600 + min*60)
	v = v[5:]
	if len(v) >= 3 && v[0] == ':' {
		sec, ok := two(v[1:])
		if !ok || sec > 59 {
			return r, false
		}
		r.seconds += int64(sec)
		if v = v[3:]; len(v) > 0 && v[0] == '.' {
			n := count(v[1:])
			if n == 0 || n > 9 {
				return r, false
			}
			for i := range 9 {
				r.nanos *= 10
				if i < n {
					r.nanos += int64(v[1+i] - '0')
				}
			}
			v = v[1+n:]
		}
	}
	if len(v) == 0 {
		return r, true
	}
	r.zoned = true
	if len(v) == 1 && v[0]|0x20 == 'z' {
		return r, true
	}
	if v[0] != '+' && v[0] != '-' || len(v) < 3 {
		return r, false
	}
	hours, ok1 := two(v[1:])
	minutes, ok2, rest := 0, true, v[3:]
	if len(rest) == 3 && rest[0] == ':' {
		rest = rest[1:]
	}
	switch len(rest) {
	case 0:
	case 2:
		minutes, ok2 = two(rest)
	default:
		return r, false
	}
	offset := int64(hours*3600 + minutes*60)
	if v[0] == '-' {
		offset = -offset
	}
	r.seconds -= offset
	return r, ok1 && ok2 && hours < 24 && minutes < 60
}

// parseTimestamp reads a date, T or a space, and a time of day.
func parseTimestamp(v []byte) (r reading, ok bool) {
	if len(v) < 16 || v[10] != 'T' && v[10] != ' ' && v[10] != 't' {
		return r, false
	}
	days, ok := parseDay(v[:10])
	if !ok {
		return r, false
	}
	r, ok = parseClock(v[11:])
	r.seconds += 86400 * days
	return r, ok
}

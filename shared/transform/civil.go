package transform

import "encoding/binary"

// civil is a date of the Gregorian calendar, as ISO 8601 continues it to before
// it was made.
type civil struct{ year, month, day int }

// readCivil reads the date that value starts with. ok is false if it starts with
// none, or with a day that its month does not have.
func readCivil(value []byte) (c civil, ok bool) {
	if len(value) < 10 || len(value) > 10 && value[10] != 'T' && value[10] != 't' && value[10] != ' ' {
		return c, false
	}
	x := binary.LittleEndian.Uint64(value) ^ dateForm
	ten, one := value[8]-'0', value[9]-'0'
	if (x|(x+dateMost))&0x8080808080808080 != 0 || ten > 9 || one > 9 {
		return c, false
	}
	x = 10*x + x>>8 // a byte and the next one as two digits
	c = civil{100*int(x&0xff) + int(x>>16&0xff), int(x >> 40 & 0xff), int(10*ten + one)}
	return c, uint(c.month-1) < 12 && uint(c.day-1) < 31 && (c.day <= 28 || c.day <= daysIn(c.year, c.month))
}

// Eight bytes of "2006-01-" with dateForm taken off are digits, and 0 for each
// "-": with dateMost added none has its high bit, which others have.
const (
	dateForm = 0x2d30302d30303030
	dateMost = 0x7f76767f76767676
)

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

// weekday is 0 on Mondays.
func (c civil) weekday() int {
	year := uint(c.year + 400) // the same day of the week, and never negative
	if c.month < 3 {
		year-- // the year starts in March: leap days are its last
	}
	// How far each month's first day is into the week (Tomohiko Sakamoto).
	into := uint("\x06\x02\x01\x04\x06\x02\x04\x00\x03\x05\x01\x03"[c.month-1])
	return int((year + year/4 - year/100 + year/400 + into + uint(c.day)) % 7)
}

// cycle is the days of 400 years, after which the calendar repeats itself.
const cycle = 146097

// days counts the days from 1 March of the year -400. Years start in March in the
// counting, so that the day that some do not have is their last (Cassio Neri and
// Lorenz Schneider, "Euclidean affine functions and their application to calendar
// algorithms", 2022).
func (c civil) days() int {
	year, month := uint32(c.year+400), uint32(c.month)
	if month < 3 {
		year, month = year-1, month+12
	}
	return int(1461*year/4 - year/100 + year/400 + (979*month-2919)/32 + uint32(c.day) - 1)
}

// fromDays is the inverse of days, for the years 0 to 9999. ok is false for days
// of others.
func fromDays(days int) (c civil, ok bool) {
	if days < 0 || days > 27*cycle {
		return c, false
	}
	ofCentury := 4*uint32(days) + 3
	century := ofCentury / cycle
	ofYear := uint64(ofCentury%cycle|3) * 2939745
	day := uint32(ofYear) / 2939745 / 4 // of the year
	ofMonth := 2141*day + 197913
	c = civil{int(100*century+uint32(ofYear>>32)) - 400, int(ofMonth >> 16), int(ofMonth&0xffff)/2141 + 1}
	if c.month > 12 {
		c.year, c.month = c.year+1, c.month-12
	}
	return c, c.year >= 0 && c.year <= 9999
}

// append appends the date as ISO 8601 has it.
func (c civil) append(dst []byte) []byte {
	dst = append(dst, "0000-00-00"...)
	c.write((*[10]byte)(dst[len(dst)-10:]))
	return dst
}

// write overwrites the digits of a date with those of this one.
func (c civil) write(text *[10]byte) {
	century := uint(c.year) / 100
	copy(text[0:2], decimals(century))
	copy(text[2:4], decimals(uint(c.year)-100*century))
	copy(text[5:7], decimals(uint(c.month)))
	copy(text[8:10], decimals(uint(c.day)))
}

// decimals are the two digits of a number below 100.
func decimals(n uint) string {
	const all = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" + "30313233343536373839" + "40414243444546474849" +
		"50515253545556575859" + "60616263646566676869" + "70717273747576777879" + "80818283848586878889" + "90919293949596979899"
	return all[2*n : 2*n+2]
}

package transform

// civil is a date of the Gregorian calendar, as ISO 8601 continues it to before
// it was made.
type civil struct{ year, month, day int }

// readCivil reads the date that value starts with. ok is false if it starts with
// none, or with a day that its month does not have.
func readCivil(value []byte) (c civil, ok bool) {
	if !startsWithDate(value) {
		return c, false
	}
	c = civil{100*two(value, 0) + two(value, 2), two(value, 5), two(value, 8)}
	return c, c.day <= 28 || c.day <= daysIn(c.year, c.month)
}

// two is the number of the two digits at a place.
func two(value []byte, at int) int { return 10*int(value[at]-'0') + int(value[at+1]-'0') }

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

// The days of 400 years, after which the calendar repeats itself.
const cycle = 146097

// days counts the days from 1 March of year 0, a Wednesday. Years start in March
// in the counting, so that the day that some do not have is their last (Howard
// Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func (c civil) days() int {
	year, month := c.year, c.month-3
	if month < 0 {
		year, month = year-1, month+12
	}
	if year < 0 { // January and February of year 0
		return c.day - 1 + (153*month+2)/5 - 366
	}
	return 365*year + year/4 - year/100 + year/400 + (153*month+2)/5 + c.day - 1
}

// fromDays is the inverse of days, for the years 0 to 9999. ok is false for days
// of others.
func fromDays(days int) (c civil, ok bool) {
	days += cycle
	year := -400
	if days < 0 {
		return c, false
	}
	year += days / cycle * 400
	days %= cycle
	n := (days - days/1460 + days/36524 - days/146096) / 365
	days -= 365*n + n/4 - n/100
	month := (5*days + 2) / 153
	c = civil{year + n, month + 3, days - (153*month+2)/5 + 1}
	if c.month > 12 {
		c.year, c.month = c.year+1, c.month-12
	}
	return c, c.year >= 0 && c.year <= 9999
}

// append appends the date as ISO 8601 has it.
func (c civil) append(dst []byte) []byte {
	return append(dst, '0'+byte(c.year/1000), '0'+byte(c.year/100%10), '0'+byte(c.year/10%10), '0'+byte(c.year%10),
		'-', '0'+byte(c.month/10), '0'+byte(c.month%10), '-', '0'+byte(c.day/10), '0'+byte(c.day%10))
}

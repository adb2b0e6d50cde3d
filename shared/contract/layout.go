package contract

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// layout reads one way of writing dates and times: a pattern of the JDK's
// java.time.format.DateTimeFormatter, in English.
//
// It is stricter than the JDK's default where that would guess: 30 February and
// 24:00 are no dates and times, a year has four digits at most, and what is
// there twice (a weekday beside a date) must agree.
type layout struct {
	parts []part
	zone  zones    // whether values have a zone: always, never, or as they like
	named sync.Map // zones by name, as far as they were met
}

// part is one element of a layout.
type part struct {
	what     byte   // the letter; '\'' for text, '[' for what may be left out
	count    int    // how many of the letter
	min, max int    // digits
	behind   int    // digits that belong to the numbers right behind this one
	text     string // of '\''
	parts    []part // of '['
}

// numbers are the letters that stand for digits, and how many there may be where
// the letter stands once.
var numbers = map[byte]int{'y': 4, 'u': 4, 'M': 2, 'L': 2, 'd': 2, 'D': 3, 'H': 2, 'k': 2, 'K': 2, 'h': 2, 'm': 2, 's': 2, 'S': 1, 'A': 8, 'n': 9, 'N': 14}

// reasons say why letters of the JDK are not understood.
var reasons = map[byte]string{
	'G': "years are those of our era", 'Q': "a quarter is no date", 'q': "a quarter is no date", 'w': "weeks are counted differently from country to country",
	'W': "weeks are counted differently from country to country", 'e': "the first day of a week differs from country to country",
	'c': "the first day of a week differs from country to country", 'F': "a week of a month is no date", 'g': "days are not counted from 1858",
	'B': "a part of the day is no time", 'v': "the name of a zone without its summer time is no offset", 'p': "padding with spaces is not read",
}

// newLayout compiles a format. ODCS writes YYYY, DD and T in its own examples:
// there, and unlike in the JDK, YYYY is the year, DD behind a month is the day,
// T is itself, and Z is any offset, or Z itself.
func newLayout(format string) (*layout, error) {
	c := layoutCompiler{format: format}
	parts, err := c.parts(0)
	if err != nil {
		return nil, err
	}
	l := &layout{parts: parts, zone: zoneMustNot}
	has := func(letters string) bool { return strings.ContainsAny(c.letters, letters) }
	switch {
	case c.letters == "":
		return nil, fmt.Errorf("the format has neither a date nor a time")
	case has("hK") && !has("a"):
		return nil, fmt.Errorf("the format has hours from 1 to 12 without a, which tells morning from afternoon: write HH, or add a")
	case has("a") && !has("hKHkAN"):
		return nil, fmt.Errorf("the format has a, and no hour")
	case has("MdDE") && !has("yu"):
		return nil, fmt.Errorf("the format has no year")
	case has("d") && !has("M"):
		return nil, fmt.Errorf("the format has a day and no month")
	case has("E") && !has("dD"):
		return nil, fmt.Errorf("the format has a weekday and no day")
	case has("ms") && !has("HkhKAN"):
		return nil, fmt.Errorf("the format has no hour")
	}
	if has("XxZOVz") {
		l.zone = zoneMay
		for _, p := range parts {
			if strings.IndexByte("XxZOVz", p.what) >= 0 {
				l.zone = zoneMust
			}
		}
	}
	return l, nil
}

// dated tells whether a layout has a year, timed whether it has an hour.
func (l *layout) dated() bool { return hasPart(l.parts, "yu") }
func (l *layout) timed() bool { return hasPart(l.parts, "HkhKAN") }

func hasPart(parts []part, letters string) bool {
	for _, p := range parts {
		if strings.IndexByte(letters, p.what) >= 0 || hasPart(p.parts, letters) {
			return true
		}
	}
	return false
}

type layoutCompiler struct {
	format  string
	at      int
	letters string // that were met
}

func (c *layoutCompiler) parts(depth int) (parts []part, err error) {
	for c.at < len(c.format) {
		letter := c.format[c.at]
		switch {
		case letter == ']' && depth > 0:
			c.at++
			return parts, nil
		case letter == '[':
			c.at++
			if depth == 8 {
				return nil, fmt.Errorf("the format has more than 8 brackets in each other")
			}
			inside, err := c.parts(depth + 1)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part{what: '[', parts: inside})
			continue
		case strings.IndexByte("]{}#", letter) >= 0:
			return nil, fmt.Errorf("%q in the format is not understood", letter)
		case letter == '\'':
			text, err := c.quoted()
			if err != nil {
				return nil, err
			}
			parts = append(parts, part{what: '\'', text: text})
			continue
		case letter == 'T' || (letter|0x20 < 'a' || letter|0x20 > 'z'):
			parts = append(parts, part{what: '\'', text: string(c.format[c.at : c.at+1])})
			c.at++
			continue
		}
		n := 1
		for c.at+n < len(c.format) && c.format[c.at+n] == letter {
			n++
		}
		p, err := c.letter(letter, n)
		if err != nil {
			return nil, err
		}
		c.at += n
		c.letters += string(rune(p.what))
		// A number of any length leaves to those of a fixed length right behind it
		// what they need, as the JDK does.
		if p.max > 0 && p.min == p.max {
			for k := len(parts) - 1; k >= 0 && parts[k].max > 0; k-- {
				if parts[k].min < parts[k].max {
					parts[k].behind += p.min
					break
				}
			}
		}
		parts = append(parts, p)
	}
	if depth > 0 {
		return nil, fmt.Errorf("the format has a bracket that is not closed")
	}
	return parts, nil
}

// quoted reads 'text'; two quotes are one, inside as well as alone.
func (c *layoutCompiler) quoted() (string, error) {
	var text strings.Builder
	for i := c.at + 1; i < len(c.format); i++ {
		if c.format[i] != '\'' {
			text.WriteByte(c.format[i])
			continue
		}
		if i+1 < len(c.format) && c.format[i+1] == '\'' && i > c.at+1 {
			text.WriteByte('\'')
			i++
			continue
		}
		if i == c.at+1 {
			text.WriteByte('\'')
		}
		c.at = i + 1
		return text.String(), nil
	}
	return "", fmt.Errorf("the format has a quote that is not closed")
}

func (c *layoutCompiler) letter(letter byte, n int) (part, error) {
	p := part{what: letter, count: n}
	run := strings.Repeat(string(rune(letter)), min(n, 20))
	switch {
	case letter == 'Y' && n == 4: // ODCS's year
		p.what = 'y'
	case letter == 'D' && n == 2 && strings.ContainsAny(c.letters, "ML"): // ODCS's day
		p.what = 'd'
	case letter == 'L':
		p.what = 'M'
	}
	ok := false
	switch p.what {
	case 'y', 'u':
		p.min, p.max, ok = n, 4, n <= 4
		if n == 2 {
			p.max = 2 // of 2000 to 2099
		}
	case 'M':
		ok = n <= 4
		if n <= 2 {
			p.min, p.max = n, 2
		}
	case 'd', 'H', 'k', 'K', 'h', 'm', 's':
		p.min, p.max, ok = n, 2, n <= 2
	case 'D':
		p.min, p.max, ok = n, 3, n <= 3
	case 'S':
		p.min, p.max, ok = n, n, n <= 9
	case 'A', 'n', 'N':
		p.min, p.max, ok = n, numbers[letter], n <= numbers[letter]
	case 'E':
		ok = n <= 4
	case 'a':
		ok = n == 1
	case 'X', 'x', 'Z':
		ok = n <= 5
	case 'O':
		ok = n == 1 || n == 4
	case 'V':
		ok = n == 2
	case 'z':
		ok = n <= 3
	}
	if !ok {
		if why := reasons[letter]; why != "" {
			return p, fmt.Errorf("%q in the format is not understood: %s", run, why)
		}
		return p, fmt.Errorf("%q in the format is not understood", run)
	}
	return p, nil
}

var (
	months   = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	weekdays = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
)

// zoneNames are the short names of zones that mean one offset, in hours, to the
// JDK and to most who write them.
var zoneNames = map[string]int{"UTC": 0, "GMT": 0, "UT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
	"WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}

// values are what a layout read: by letter, -1 where it was not there.
type values struct {
	n     [128]int32
	nanos int64 // of N
	zoned bool
	shift int // seconds east of UTC
	zone  *time.Location
}

// nothing is where no letter was read.
var nothing = func() (n [128]int32) {
	for i := range n {
		n[i] = -1
	}
	return n
}()

// set keeps the number of a letter; it fails if it was another one before.
func (f *values) set(letter byte, n int) bool {
	before := f.n[letter]
	f.n[letter] = int32(n)
	return before < 0 || before == int32(n)
}

// parse reads v, all of it.
func (l *layout) parse(v []byte) (t instant, zoned, ok bool) {
	f := values{n: nothing, nanos: -1}
	rest, ok := l.read(l.parts, v, &f)
	if !ok || len(rest) > 0 {
		return t, false, false
	}
	t, ok = f.instant()
	return t, f.zoned, ok
}

// read reads what parts describe and answers what is behind it.
func (l *layout) read(parts []part, v []byte, f *values) (rest []byte, ok bool) {
	for i := range parts {
		p := &parts[i]
		switch p.what {
		case '\'':
			if len(v) < len(p.text) || string(v[:len(p.text)]) != p.text {
				return v, false
			}
			v = v[len(p.text):]
			continue
		case '[':
			before := *f
			if rest, ok := l.read(p.parts, v, f); ok {
				v = rest
			} else {
				*f = before
			}
			continue
		case 'M', 'E', 'a':
			if p.max > 0 {
				break
			}
			var n int
			if n, v, ok = p.word(v); !ok || !f.set(p.what, n) {
				return v, false
			}
			continue
		case 'X', 'x', 'Z', 'O', 'V', 'z':
			if v, ok = l.offset(p, v, f); !ok {
				return v, false
			}
			continue
		}
		n, size := int64(0), 0
		for size < p.max && size < len(v) && v[size]-'0' < 10 {
			size++
		}
		if p.behind > 0 {
			digits := size
			for digits < len(v) && v[digits]-'0' < 10 {
				digits++
			}
			size = min(size, digits-p.behind)
		}
		if size < p.min {
			return v, false
		}
		for _, c := range v[:size] {
			n = 10*n + int64(c-'0')
		}
		v = v[size:]
		letter := p.what
		switch p.what {
		case 'y', 'u':
			letter = 'y'
			if p.max == 2 {
				n += 2000
			}
		case 'S':
			letter = 'n'
			for range 9 - p.count {
				n *= 10
			}
		case 'N':
			if f.nanos >= 0 && f.nanos != n {
				return v, false
			}
			f.nanos = n
			continue
		}
		if !f.set(letter, int(n)) {
			return v, false
		}
	}
	return v, true
}

// word reads the name of a month or weekday, or AM and PM: in English, as the
// JDK writes them.
func (p *part) word(v []byte) (n int, rest []byte, ok bool) {
	words, from := months, 1
	switch p.what {
	case 'E':
		words, from = weekdays, 0
	case 'a':
		words, from = []string{"AM", "PM"}, 0
	}
	for i, word := range words {
		if p.what != 'a' && p.count < 4 {
			word = word[:3]
		}
		if len(v) >= len(word) && string(v[:len(word)]) == word {
			return i + from, v[len(word):], true
		}
	}
	return 0, v, false
}

// offset reads a zone.
func (l *layout) offset(p *part, v []byte, f *values) (rest []byte, ok bool) {
	f.zoned = true
	switch {
	case p.what == 'V' || p.what == 'z':
		n := 0
		for n < len(v) && n < 40 && (classes[v[n]]&schemeByte != 0 || v[n] == '/' || v[n] == '_' || v[n] == ':') {
			n++
		}
		name := string(v[:n])
		if hours, known := zoneNames[name]; known && (p.what == 'z' || hours == 0) {
			f.shift = 3600 * hours
			return v[n:], true
		}
		if f.shift, rest, ok = parseZone(v[:n]); ok && len(rest) == 0 && p.what == 'V' {
			return v[n:], true
		}
		f.shift = 0
		if f.zone, ok = l.location(name); !ok {
			return v, false
		}
		return v[n:], true
	case p.what == 'O' || p.what == 'Z' && p.count == 4:
		if len(v) < 3 || string(v[:3]) != "GMT" {
			return v, false
		}
		if v = v[3:]; len(v) == 0 || v[0] != '+' && v[0] != '-' {
			return v, true
		}
		if p.what == 'O' && p.count == 1 && (len(v) == 2 || len(v) > 2 && v[2]-'0' >= 10) { // GMT+8
			v = append([]byte{v[0], '0'}, v[1:]...)
		}
		f.shift, rest, ok = signed(v, true, true, false)
		return rest, ok
	case p.what == 'Z' && p.count <= 3:
		f.shift, rest, ok = parseZone(v)
		return rest, ok
	}
	if p.what != 'x' && len(v) > 0 && v[0] == 'Z' {
		return v[1:], true
	}
	f.shift, rest, ok = signed(v, p.count == 3 || p.count == 5, p.count == 1 && p.what != 'Z', p.count > 3)
	return rest, ok
}

// location finds a zone by the name that the IANA database gives it.
func (l *layout) location(name string) (*time.Location, bool) {
	if known, ok := l.named.Load(name); ok {
		return known.(*time.Location), true
	}
	zone, ok := findZone(name)
	if ok {
		l.named.Store(name, zone)
	}
	return zone, ok
}

func findZone(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// signed reads ±hh[:]mm[[:]ss]; minutes that may be missing and seconds that may
// be there are told.
func signed(v []byte, colon, short, seconds bool) (shift int, rest []byte, ok bool) {
	if len(v) < 3 || v[0] != '+' && v[0] != '-' {
		return 0, v, false
	}
	rest = v[1:]
	next := func(high int, first bool) (int, bool) {
		at := rest
		if !first && colon {
			if len(at) == 0 || at[0] != ':' {
				return 0, false
			}
			at = at[1:]
		}
		if len(at) < 2 {
			return 0, false
		}
		n, ok := two(at, 0)
		if !ok || n > high {
			return 0, false
		}
		rest = at[2:]
		return n, true
	}
	h, ok := next(18, true)
	if !ok {
		return 0, v, false
	}
	m, ok := next(59, false)
	if !ok && !short {
		return 0, v, false
	}
	s := 0
	if ok && seconds {
		s, _ = next(59, false)
	}
	shift = h*3600 + m*60 + s
	if v[0] == '-' {
		shift = -shift
	}
	return shift, rest, shift <= 18*3600 && shift >= -18*3600
}

// instant is the moment that the values mean.
func (f *values) instant() (t instant, ok bool) {
	or := func(letter byte, d int) int {
		if n := f.n[letter]; n >= 0 {
			return int(n)
		}
		return d
	}
	hour, ok := f.hour()
	if !ok {
		return t, false
	}
	minute, second, nano := or('m', 0), or('s', 0), or('n', 0)
	day := f.nanos
	if milli := f.n['A']; milli >= 0 {
		if day >= 0 && day/1_000_000 != int64(milli) {
			return t, false
		}
		if day < 0 {
			day = int64(milli) * 1_000_000
		}
	}
	if day >= 0 {
		if day >= 86400_000_000_000 {
			return t, false
		}
		hour, minute, second, nano = int(day/3600_000_000_000), int(day/60_000_000_000%60), int(day/1_000_000_000%60), int(day%1_000_000_000)
		for letter, n := range map[byte]int{'H': hour, 'm': minute, 's': second} {
			if f.n[letter] >= 0 && int(f.n[letter]) != n {
				return t, false
			}
		}
	}
	year, month, date := or('y', 0), or('M', 1), or('d', 1)
	if n := int(f.n['D']); n >= 0 {
		m := 1
		for n > daysIn(year, m) && m < 12 {
			n -= daysIn(year, m)
			m++
		}
		if n < 1 || n > daysIn(year, m) || f.n['M'] >= 0 && month != m || f.n['d'] >= 0 && date != n {
			return t, false
		}
		month, date = m, n
	}
	dated := f.n['y'] >= 0
	if t, ok = makeInstant(dated, year, month, date, hour, minute, second, nano, f.shift); !ok {
		return t, false
	}
	if n := int64(f.n['E']); n >= 0 && (daysBefore(year, month, date)+3+7)%7 != n { // 0000-03-01 was a Wednesday
		return t, false
	}
	if f.zone != nil {
		t = t.in(f.zone)
	}
	return t, true
}

// hour is that of the day, from whichever letters there are.
func (f *values) hour() (int, bool) {
	hour := -1
	agree := func(n int) bool {
		before := hour
		hour = n
		return before < 0 || before == n
	}
	ok := true
	if n := int(f.n['H']); n >= 0 {
		ok = ok && n <= 23 && agree(n)
	}
	if n := int(f.n['k']); n >= 0 {
		ok = ok && n >= 1 && n <= 24 && agree(n%24)
	}
	half := int(f.n['a'])
	if n := int(f.n['h']); n >= 0 {
		ok = ok && n >= 1 && n <= 12 && half >= 0 && agree(n%12+12*half)
	}
	if n := int(f.n['K']); n >= 0 {
		ok = ok && n <= 11 && half >= 0 && agree(n+12*half)
	}
	if half >= 0 && hour >= 0 && hour/12 != half {
		ok = false
	}
	return max(hour, 0), ok
}

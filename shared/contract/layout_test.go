package contract

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLayout: what the JDK's DateTimeFormatter (17, English) makes of the same
// texts, as seconds since 1970 in UTC; "" where it refuses them.
func TestLayout(t *testing.T) {
	at := func(text string) string {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d.%d", parsed.Unix(), parsed.Nanosecond())
	}
	day := at("2024-02-09T00:00:00Z")
	for _, test := range []struct{ format, text, want string }{
		{"yyyy-MM-dd", "2024-02-09", day},
		{"uuuu-MM-dd", "2024-02-09", day},
		{"yyyy-MM-dd", "2024-2-9", ""},
		{"yyyyMMdd", "20240209", day},
		{"yyMMdd", "240209", day},
		{"y-M-d", "2024-2-9", day},
		{"y-M-d", "2024-02-09", day},
		{"yMMdd", "20240209", day},
		{"dd MMM yyyy", "09 Feb 2024", day},
		{"dd MMM yyyy", "09 feb 2024", ""},
		{"d MMMM yyyy", "9 February 2024", day},
		{"LLL d, yyyy", "Feb 9, 2024", day},
		{"EEE, dd MMM yyyy HH:mm:ss Z", "Fri, 09 Feb 2024 10:11:12 +0100", at("2024-02-09T09:11:12Z")},
		{"EEE, dd MMM yyyy HH:mm:ss Z", "Thu, 09 Feb 2024 10:11:12 +0100", ""},
		{"EEEE, d MMMM yyyy", "Friday, 9 February 2024", day},
		{"yyyy-DDD", "2024-040", day},
		{"yyyy-DDD", "2023-366", ""},
		{"yyyy-DDD", "2024-366", at("2024-12-31T00:00:00Z")},
		{"yyyy-D", "2024-40", day},
		{"yyyyDDD", "2024040", day},
		{"yyyy-MM-dd hh:mm a", "2024-02-09 12:05 AM", at("2024-02-09T00:05:00Z")},
		{"yyyy-MM-dd hh:mm a", "2024-02-09 12:05 PM", at("2024-02-09T12:05:00Z")},
		{"yyyy-MM-dd hh:mm a", "2024-02-09 01:05 pm", ""},
		{"yyyy-MM-dd h:mm a", "2024-02-09 13:05 PM", ""},
		{"yyyy-MM-dd K:mm a", "2024-02-09 0:05 PM", at("2024-02-09T12:05:00Z")},
		{"yyyy-MM-dd kk:mm", "2024-02-09 24:05", at("2024-02-09T00:05:00Z")},
		{"yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-02-09T10:11:12.345", at("2024-02-09T10:11:12.345Z")},
		{"yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-02-09T10:11:12.34", ""},
		{"yyyy-MM-dd'T'HH:mm:ssX", "2024-02-09T10:11:12Z", at("2024-02-09T10:11:12Z")},
		{"yyyy-MM-dd'T'HH:mm:ssX", "2024-02-09T10:11:12+01", at("2024-02-09T09:11:12Z")},
		{"yyyy-MM-dd'T'HH:mm:ssX", "2024-02-09T10:11:12+0130", at("2024-02-09T08:41:12Z")},
		{"yyyy-MM-dd'T'HH:mm:ssX", "2024-02-09T10:11:12+01:30", ""},
		{"yyyy-MM-dd'T'HH:mm:ssXX", "2024-02-09T10:11:12+01", ""},
		{"yyyy-MM-dd'T'HH:mm:ssXXX", "2024-02-09T10:11:12+01:30", at("2024-02-09T08:41:12Z")},
		{"yyyy-MM-dd'T'HH:mm:ssXXX", "2024-02-09T10:11:12+0130", ""},
		{"yyyy-MM-dd'T'HH:mm:ssxxx", "2024-02-09T10:11:12Z", ""},
		{"yyyy-MM-dd'T'HH:mm:ssxxx", "2024-02-09T10:11:12-05:00", at("2024-02-09T15:11:12Z")},
		{"yyyy-MM-dd'T'HH:mm:ssXXXX", "2024-02-09T10:11:12+013015", at("2024-02-09T08:40:57Z")},
		{"yyyy-MM-dd'T'HH:mm:ssXXXXX", "2024-02-09T10:11:12+01:30:15", at("2024-02-09T08:40:57Z")},
		{"yyyy-MM-dd'T'HH:mm:ssZZZZZ", "2024-02-09T10:11:12+01:30", at("2024-02-09T08:41:12Z")},
		{"yyyy-MM-dd HH:mm ZZZZ", "2024-02-09 10:11 GMT+01:00", at("2024-02-09T09:11:00Z")},
		{"yyyy-MM-dd HH:mm O", "2024-02-09 10:11 GMT+8", at("2024-02-09T02:11:00Z")},
		{"yyyy-MM-dd HH:mm O", "2024-02-09 10:11 GMT+8:30", at("2024-02-09T01:41:00Z")},
		{"yyyy-MM-dd HH:mm O", "2024-02-09 10:11 GMT", at("2024-02-09T10:11:00Z")},
		{"yyyy-MM-dd HH:mm OOOO", "2024-02-09 10:11 GMT+8", ""},
		{"yyyy-MM-dd HH:mm VV", "2024-07-09 10:11 Europe/Paris", at("2024-07-09T08:11:00Z")},
		{"yyyy-MM-dd HH:mm VV", "2024-07-09 10:11 +02:00", at("2024-07-09T08:11:00Z")},
		{"yyyy-MM-dd HH:mm VV", "2024-07-09 10:11 Mars/Olympus", ""},
		{"yyyy-MM-dd HH:mm z", "2024-02-09 10:11 PST", at("2024-02-09T18:11:00Z")},
		{"yyyy-MM-dd HH:mm z", "2024-07-09 10:11 Europe/Paris", at("2024-07-09T08:11:00Z")},
		{"yyyy-MM-dd[ HH:mm[:ss]]", "2024-02-09", day},
		{"yyyy-MM-dd[ HH:mm[:ss]]", "2024-02-09 10:11", at("2024-02-09T10:11:00Z")},
		{"yyyy-MM-dd[ HH:mm[:ss]]", "2024-02-09 10:11:12", at("2024-02-09T10:11:12Z")},
		{"yyyy-MM-dd[ HH:mm[:ss]]", "2024-02-09 10", ""},
		{"yyyy-MM-dd A", "2024-02-09 37512345", at("2024-02-09T10:25:12.345Z")},
		{"yyyy-MM-dd N", "2024-02-09 37512345678901", at("2024-02-09T10:25:12.345678901Z")},
		{"yyyy-MM-dd HH:mm:ss nnnnnnnnn", "2024-02-09 10:11:12 000000005", at("2024-02-09T10:11:12.000000005Z")},
		{"'a''b'yyyy-MM-dd", "a'b2024-02-09", day},
		{"yyyyMMddHHmmssSSS", "20240209101112345", at("2024-02-09T10:11:12.345Z")},
		{"yyyy/M/d a h", "2024/2/9 PM 3", at("2024-02-09T15:00:00Z")},
	} {
		l, err := newLayout(test.format)
		if err != nil {
			t.Errorf("%s: %v", test.format, err)
			continue
		}
		got := ""
		if read, _, ok := l.parse([]byte(test.text)); ok {
			got = fmt.Sprintf("%d.%d", read.sec-86400*unixDays, read.nano)
		}
		if got != test.want {
			t.Errorf("%s reads %q as %q, want %q", test.format, test.text, got, test.want)
		}
	}
}

// TestLayoutStricter: where we decide otherwise than the JDK.
func TestLayoutStricter(t *testing.T) {
	for _, test := range []struct {
		format, text string
		ok           bool
	}{
		{"yyyy-MM-dd", "2023-02-29", false},                            // the JDK makes it the 28th
		{"yyyy-MM-dd HH:mm", "2024-02-09 24:00", false},                // the JDK makes it the next day
		{"yyyy-MM-dd", "+12024-02-09", false},                          // years have four digits
		{"yyyy-MM-dd kk:mm", "2024-02-09 00:05", false},                // hours from 1 to 24
		{"YYYY-MM-DD", "2024-02-09", true},                             // ODCS's own way; in the JDK a week's year and a year's day
		{"YYYY-MM-DDTHH:mm:ss.SSSZ", "2024-02-09T10:11:12.345Z", true}, // as well
		{"yyyy-MM-dd HH:mmZ", "2024-02-09 10:11+01:00", true},
	} {
		l, err := newLayout(test.format)
		if err != nil {
			t.Errorf("%s: %v", test.format, err)
			continue
		}
		if _, _, ok := l.parse([]byte(test.text)); ok != test.ok {
			t.Errorf("%s reads %q: got %t", test.format, test.text, ok)
		}
	}
}

func TestLayoutRefused(t *testing.T) {
	for format, want := range map[string]string{
		"":                   "neither a date nor a time",
		"'only text'":        "neither a date nor a time",
		"yyyy-MM-dd hh:mm":   "without a",
		"MM-dd":              "no year",
		"yyE":                "a weekday and no day",
		"Ed y":               "a day and no month",
		"mm:ss":              "no hour",
		"a":                  "no hour",
		"yyyyy":              `"yyyyy"`,
		"YYYY-'W'ww":         "weeks are counted differently",
		"QQQ yyyy":           "a quarter is no date",
		"yyyy G":             "years are those of our era",
		"MMMMM yyyy":         `"MMMMM"`,
		"yyyy-MM-dd HH:mm v": "without its summer time",
		"yyyy-MM-dd'T":       "a quote that is not closed",
		"yyyy[-MM":           "a bracket that is not closed",
		"yyyy]":              "not understood",
		"yyyy{":              "not understood",
		"yyyy b":             `"b"`,
		"ppd yyyy":           "padding",
		"SSSSSSSSSS":         `"SSSSSSSSSS"`,
		"yyyy e":             "first day of a week",
		strings.Repeat("[", 9) + "yyyy" + strings.Repeat("]", 9): "more than 8 brackets",
	} {
		if _, err := newLayout(format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", format, err, want)
		}
	}
}

// write is a time in a layout: the other way round, for tests.
func write(parts []part, t time.Time) string {
	var out strings.Builder
	digits := func(n, width int) { fmt.Fprintf(&out, "%0*d", width, n) }
	nanos := (t.Hour()*3600+t.Minute()*60+t.Second())*1_000_000_000 + t.Nanosecond()
	for _, p := range parts {
		switch p.what {
		case '\'':
			out.WriteString(p.text)
		case '[':
			out.WriteString(write(p.parts, t))
		case 'y', 'u':
			if p.max == 2 {
				digits(t.Year()%100, 2)
			} else {
				digits(t.Year(), max(p.min, p.behind))
			}
		case 'M':
			switch {
			case p.max > 0:
				digits(int(t.Month()), p.min)
			case p.count == 3:
				out.WriteString(t.Month().String()[:3])
			default:
				out.WriteString(t.Month().String())
			}
		case 'E':
			if p.count < 4 {
				out.WriteString(t.Weekday().String()[:3])
			} else {
				out.WriteString(t.Weekday().String())
			}
		case 'd':
			digits(t.Day(), p.min)
		case 'D':
			digits(t.YearDay(), p.min)
		case 'H':
			digits(t.Hour(), p.min)
		case 'k':
			digits((t.Hour()+23)%24+1, p.min)
		case 'K':
			digits(t.Hour()%12, p.min)
		case 'h':
			digits((t.Hour()+11)%12+1, p.min)
		case 'm':
			digits(t.Minute(), p.min)
		case 's':
			digits(t.Second(), p.min)
		case 'S':
			out.WriteString(fmt.Sprintf("%09d", t.Nanosecond())[:p.count])
		case 'n':
			digits(t.Nanosecond(), p.min)
		case 'A':
			digits(nanos/1_000_000, p.min)
		case 'N':
			digits(nanos, p.min)
		case 'a':
			out.WriteString([]string{"AM", "PM"}[t.Hour()/12])
		case 'X', 'Z':
			if p.what == 'Z' && p.count == 4 {
				out.WriteString("GMT")
			} else {
				out.WriteString("Z")
			}
		case 'x':
			out.WriteString([]string{"", "+00", "+0000", "+00:00", "+0000", "+00:00"}[p.count])
		case 'O':
			out.WriteString("GMT")
		case 'V', 'z':
			out.WriteString("UTC")
		}
	}
	return out.String()
}

// FuzzDateFormat: the compiler takes whatever there is, and what a layout writes
// it reads as the same time, as far as its letters tell it.
func FuzzDateFormat(f *testing.F) {
	for _, format := range []string{"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "EEE, dd MMM yyyy hh:mm:ss a Z", "yyyyDDD N", "yyyy-MM-dd[ HH:mm[:ss]]VV", "y-M-d K:m:s.SSSSSSSSS a z", "yMMddHHmmssnnnnnnnnn", "YYYY-MM-DDTHH:mm:ss.SSSZ", "EEEE d MMMM uuuu kk:mm A OOOO"} {
		f.Add(format, int64(1_707_473_472_345_678_901), "Fri, 09 Feb 2024 10:11:12 AM +0100")
	}
	f.Fuzz(func(t *testing.T, format string, nanos int64, text string) {
		l, err := newLayout(format)
		if err != nil {
			return
		}
		l.parse([]byte(text))
		now := time.Unix(0, nanos).UTC()
		if now.Year() < 2000 || now.Year() > 2099 {
			return
		}
		written := write(l.parts, now)
		read, _, ok := l.parse([]byte(written))
		if !ok {
			if ambiguous(l.parts) {
				return
			}
			t.Fatalf("%q does not read its own %q", format, written)
		}
		if again := time.Unix(read.sec-86400*unixDays, int64(read.nano)).UTC(); l.dated() && !ambiguous(l.parts) && write(l.parts, again) != written {
			t.Fatalf("%q reads %q as %v", format, written, again)
		}
	})
}

// ambiguous tells layouts of which a text may be read in more than one way: a
// number of any length, a name, or what may be left out before more of the same.
func ambiguous(parts []part) bool {
	for i, p := range parts {
		if p.what == '[' || strings.IndexByte("XxZOVz", p.what) >= 0 && i+1 < len(parts) {
			return true
		}
		if p.max > 0 && p.min != p.max && i+1 < len(parts) && (parts[i+1].what != '\'' || parts[i+1].text >= "0" && parts[i+1].text < ":") {
			return true
		}
		for _, q := range parts[i+1:] { // twice the same, less exact
			if p.what == q.what && p.what != '\'' || strings.IndexByte("SnAN", p.what) >= 0 && strings.IndexByte("SnAN", q.what) >= 0 {
				return true
			}
		}
	}
	return false
}

package transform

import (
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/record"
)

// TestCivil holds every day of the first and last years from 0 to 9999 to package
// time.
func TestCivil(t *testing.T) {
	at := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	text := make([]byte, 0, 20)
	first := time.Date(-400, 3, 1, 0, 0, 0, 0, time.UTC).Unix()
	for at.Year() < 10000 {
		if at.Year() == 801 {
			at = at.AddDate(8799, 0, 0)
		}
		days := int(at.Unix()-first) / (24 * 60 * 60)
		text = at.AppendFormat(text[:0], time.DateOnly)
		c, ok := readCivil(text)
		if y, m, d := at.Date(); !ok || c != (civil{y, int(m), d}) {
			t.Fatalf("%s is read as %v, %v", text, c, ok)
		}
		if got := c.days(); got != days {
			t.Fatalf("%s is day %d, want %d", text, got, days)
		}
		if back, ok := fromDays(days); !ok || back != c {
			t.Fatalf("day %d is %v, %v, want %s", days, back, ok, text)
		}
		if got := string(c.append(nil)); got != string(text) {
			t.Fatalf("%s is written as %s", text, got)
		}
		at = at.AddDate(0, 0, 1)
	}
	for _, days := range []int{(civil{0, 1, 1}).days() - 1, (civil{9999, 12, 31}).days() + 1, -1 << 40, 1 << 40} {
		if c, ok := fromDays(days); ok {
			t.Errorf("day %d is %v", days, c)
		}
	}
	for _, text := range []string{"2026-02-29", "1900-02-29", "2024-02-30", "2026-04-31", "2026-11-31"} {
		if c, ok := readCivil([]byte(text)); ok {
			t.Errorf("%s is %v", text, c)
		}
	}
}

// TestWeekIsMonday holds a cycle of weeks to package time.
func TestWeekIsMonday(t *testing.T) {
	a := compile(t, Spec{Type: Date, To: Week}, record.Date).Appender()
	at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for range cycle {
		monday := at.AddDate(0, 0, -(int(at.Weekday())+6)%7)
		if got := apply(a, at.Format(time.DateOnly)); got != monday.Format(time.DateOnly) {
			t.Fatalf("%s -> %s, want %s", at.Format(time.DateOnly), got, monday.Format(time.DateOnly))
		}
		at = at.AddDate(0, 0, 1)
	}
}

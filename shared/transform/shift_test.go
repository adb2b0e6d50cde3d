package transform

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/record"
)

func TestAge(t *testing.T) {
	ages := func(s Spec, at string) Appender {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		return compile(t, s, record.Date).At(Place{Time: now})
	}
	for _, c := range []struct {
		top            int
		at, born, want string
	}{
		{0, "2026-11-23T00:00:00Z", "1990-11-23", "36"},
		{0, "2026-11-23T00:00:00Z", "1990-11-24", "35"},
		{0, "2026-11-23T23:30:00-05:00", "1990-11-24", "36"}, // it is the 24th in UTC
		{0, "2026-11-23T00:00:00Z", "1936-11-24T10:11:12Z", "89"},
		{0, "2026-11-23T00:00:00Z", "1936-11-23", "90"},
		{0, "2026-11-23T00:00:00Z", "1900-01-01", "90"},
		{17, "2026-11-23T00:00:00Z", "1900-01-01", "18"},
		{0, "2026-02-28T00:00:00Z", "2024-02-29", "1"},
		{0, "2026-03-01T00:00:00Z", "2024-02-29", "2"},
		{0, "2026-11-23T00:00:00Z", "2026-11-23", "0"},
		{0, "2026-11-23T00:00:00Z", "2026-11-24", none},
		{0, "2026-11-23T00:00:00Z", "2025-02-29", none},
		{0, "2026-11-23T00:00:00Z", "1990", none},
		{0, "2026-11-23T00:00:00Z", "", none},
	} {
		if got := apply(ages(Spec{Type: Age, TopCode: c.top}, c.at), c.born); got != c.want {
			t.Errorf("born %s, at %s: %s, want %s", c.born, c.at, got, c.want)
		}
	}
	if got := apply(compile(t, Spec{Type: Age}, record.Date).Appender(), "1990-01-01"); got != none {
		t.Errorf("%s years at no time", got)
	}
	refused(t, Spec{Type: Age, TopCode: 151}, record.Date, CodeOption, "1 to 150")
	refused(t, Spec{Type: Age, TopCode: -1}, record.Date, CodeOption, "1 to 150")
	refused(t, Spec{Type: Age}, record.Integer, CodeType, "logicalType: date")
}

// shifts is a transform of dates by 30 days at most, which knows no row yet.
func shifts(t testing.TB) RowAppender {
	t.Helper()
	a, ok := compile(t, Spec{Type: DateShift, Days: 30, By: "patient"}, record.Timestamp).Appender().(RowAppender)
	if !ok {
		t.Fatal("dateShift does not look at rows")
	}
	return a
}

func TestDateShiftKeepsTheForm(t *testing.T) {
	a := shifts(t)
	if got := apply(a, "2026-05-21"); got != none {
		t.Errorf("without a row: %s", got)
	}
	a.Row(1, []byte("P1"))
	shifted := apply(a, "2026-05-21")
	for _, tail := range []string{"", "T10:11:12Z", "t10:11:12z", " 10:11:12.123456789", "T10:11", "T10:11:12,5+0200", "T10:11:12 -05:00", "T10:11:12+02", "T10", " 10:11:12 Z"} {
		if got := apply(a, "2026-05-21"+tail); got != shifted+tail {
			t.Errorf("%q -> %q, want %q", tail, got, shifted+tail)
		}
	}
	for _, value := range []string{"", "2026-05", "2026-02-30", "9999-12-31x", "2026-05-21 Ann", "2026-05-21T10:11:12Ann", "2026-05-21T10:11:12.", "2026-05-21T10:11:12+0", "2026-05-21T10:11:12+02:0",
		"2026-05-21T", "2026-05-21T1", "2026-05-21T10:", "2026-05-21T10:11:12 ", "2026-05-21T10:11:12+02:00Ann", "2026-05-21T10:11:12.1234567890123", "21.05.2026"} {
		if got := apply(a, value); got != none {
			t.Errorf("%q -> %q", value, got)
		}
	}
	a.Row(2, nil)
	if got := apply(a, "2026-05-21"); got != none {
		t.Errorf("without an entity: %s", got)
	}
	a.Row(3, []byte("P1"))
	if got := apply(a, "2026-05-21"); got != shifted {
		t.Errorf("the second time: %s, want %s", got, shifted)
	}
	for _, edge := range []string{"0000-01-01", "9999-12-31"} {
		left := 0
		for i := range 100 {
			a.Row(int64(i), fmt.Append(nil, i))
			if got := apply(a, edge); got == none {
				left++
			} else if len(got) != len(edge) {
				t.Errorf("%s -> %s", edge, got)
			}
		}
		if left < 20 || left > 80 { // those that are shifted beyond it
			t.Errorf("%d of 100 are shifted out of four digits from %s", left, edge)
		}
	}
}

// TestDateShiftIsUniform: every number of days but 0 comes, about equally often,
// and another key shifts otherwise.
func TestDateShiftIsUniform(t *testing.T) {
	tr, err := Compile(Spec{Type: DateShift, Days: 3, By: "patient"}, record.Date, testKey{1, strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	a, b := compile(t, Spec{Type: DateShift, Days: 3, By: "patient"}, record.Date).Appender(), tr.Appender()
	counts, same := map[string]int{}, 0
	for i := range 6000 {
		entity := fmt.Append(nil, "patient ", i)
		a.(RowAppender).Row(1, entity)
		b.(RowAppender).Row(1, entity)
		got := apply(a, "2026-01-04")
		if counts[got]++; got == apply(b, "2026-01-04") {
			same++
		}
	}
	for _, day := range []string{"2026-01-01", "2026-01-02", "2026-01-03", "2026-01-05", "2026-01-06", "2026-01-07"} {
		if counts[day] < 850 || counts[day] > 1150 {
			t.Errorf("%s comes %d times of 6000", day, counts[day])
		}
	}
	if len(counts) != 6 || same < 700 || same > 1300 {
		t.Errorf("%v; %d are the same under another key", counts, same)
	}
	refused(t, Spec{Type: DateShift, By: "patient"}, record.Date, CodeOption, "needs days")
	refused(t, Spec{Type: DateShift, Days: 3}, record.Date, CodeOption, "needs days")
	refused(t, Spec{Type: DateShift, Days: 36501, By: "patient"}, record.Date, CodeOption, "needs days")
	refused(t, Spec{Type: DateShift, Days: 3, By: "patient"}, record.String, CodeType, "logicalType: date")
}

// FuzzDateShift: whatever two dates of one entity are, what is between them stays,
// to the byte in what follows them; and no date leaves as it came.
func FuzzDateShift(f *testing.F) {
	f.Add("2026-05-21", "2024-02-29T10:11:12Z", "P1")
	f.Add("0000-01-01", "9999-12-31 00:00", "")
	f.Add("2026-05-21T", "x", "\xff")
	a := shifts(f)
	f.Fuzz(func(t *testing.T, one, two, entity string) {
		a.Row(1, []byte(entity))
		x, y := apply(a, one), apply(a, two)
		if x == one || y == two {
			t.Fatal("a date leaves as it came")
		}
		if x == none || y == none {
			return
		}
		if entity == "" {
			t.Fatal("nobody's date leaves")
		}
		day := func(text string) time.Time {
			at, err := time.Parse(time.DateOnly, text[:10])
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		if days := day(x).Unix() - day(y).Unix(); days != day(one).Unix()-day(two).Unix() || x[10:] != one[10:] || y[10:] != two[10:] {
			t.Fatalf("%q and %q became %q and %q", one, two, x, y)
		}
	})
}

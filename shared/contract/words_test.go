package contract

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
)

// sequences are patterns that are matched eight bytes at once; the last has a
// class of too many ranges.
var sequences = []string{
	`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`, `^[0-9]{3}-[0-9]{2}-[0-9]{4}$`, `^[0-9]{16}$`, `^[a-z]+$`, `^x[0-9a-f]*$`, `^[ -~]{0,80}$`,
	`^[a-zA-Z0-9_]{8,70}$`,
}

// TestWords holds what looks at eight bytes at once to what goes byte by byte:
// on good values, and on those with one byte set, put in or taken out.
func TestWords(t *testing.T) {
	good := []string{
		"a.b@example.com", "ann-marie.o@sub-domain.example.org", "jörg@exämple.de", "a@b.c", "12345678@x.y", "a_b+c@example.co.uk",
		"0190b3a4-5c6d-7e8f-9a0b-0123456789AB", "DE89370400440532013000", "GB33BUKB20201555555555", "078-05-1120", "4111111111111111",
		"2026-02-28T23:59:59Z", "2024-02-29T00:00:00Z", "2026-12-31t10:00:00.5+02:00", "1234.56", "-12.5e3", "007",
		"abcdefgh", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm", "x0123456789abcdef", "some text, with (signs)",
	}
	var patterns []*pattern
	var exact []*regexp.Regexp
	for _, text := range sequences {
		p, err := compilePattern(text)
		if err != nil || p.seq == nil {
			t.Fatalf("%s is not a sequence: %v", text, err)
		}
		patterns, exact = append(patterns, p), append(exact, regexp.MustCompile(text))
	}
	if patterns[0].seq.ranges == nil || patterns[len(patterns)-1].seq.ranges != nil {
		t.Fatal("which patterns are matched by ranges is not what this test thinks")
	}
	timestamps := plainTimestamps()
	if timestamps.seq == nil || !timestamps.match([]byte("2026-02-28T23:59:59Z")) {
		t.Fatal("plain timestamps are not matched as words")
	}
	hold := func(v []byte) {
		if plainEmail(v) && !anyEmail(v) {
			t.Errorf("%q is taken for an address", v)
		}
		if got, want := isUUID(v), plainUUID.Match(v); got != want {
			t.Errorf("isUUID(%q) = %v", v, got)
		}
		if timestamps.match(v) && inCalendar(v) {
			if _, zoned, ok := isoTimestamp(v); !ok || !zoned {
				t.Errorf("%q is taken for a timestamp", v)
			}
		}
		if n, scale, ok := plainDecimal(v); ok {
			d, isDecimal := parseDecimal(v)
			if same, err := bound(fmt.Sprintf("%de-%d", n, scale)); !isDecimal || err != nil || d.compare(same) != 0 || (scale == 0) != isInteger(v) {
				t.Errorf("%q is taken for the number %d / 10^%d", v, n, scale)
			}
		}
		for i, p := range patterns {
			if got, want := p.match(v), exact[i].Match(v); got != want {
				t.Errorf("%s matches %q: %v, want %v", sequences[i], v, got, want)
			}
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	bytes := []byte("\x00\x1f !-./09:@AFGZ[_`afgz{~\x7f\x80\xff")
	for _, text := range good {
		hold([]byte(text))
		for range 2000 {
			v := []byte(text)
			for range 1 + rnd.IntN(2) {
				at, b := rnd.IntN(len(v)), bytes[rnd.IntN(len(bytes))]
				switch rnd.IntN(3) {
				case 0:
					v[at] = b
				case 1:
					v = slices.Insert(v, at, b)
				case 2:
					v = slices.Delete(v, at, at+1)
				}
			}
			hold(v)
		}
	}
	for _, text := range good[:2] {
		if !plainEmail([]byte(text)) {
			t.Errorf("%s is not seen at once to be an address", text)
		}
	}
}

var plainUUID = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// TestLookup holds lists of short values to what a map says.
func TestLookup(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	random := func() string {
		v := make([]byte, rnd.IntN(10))
		for i := range v {
			v[i] = "ab\x00\xff"[rnd.IntN(4)]
		}
		return string(v)
	}
	asWords := 0
	for range 300 {
		values := make([]string, 1+rnd.IntN(30))
		for i := range values {
			for values[i] = random(); len(values[i]) > 8 && rnd.IntN(20) > 0; {
				values[i] = random()
			}
		}
		if _, ok := newWords(values); ok {
			asWords++
		}
		has := lookup(values)
		for _, v := range values {
			if !has([]byte(v)) {
				t.Fatalf("%q is not found in %q", v, values)
			}
		}
		for range 200 {
			if v := random(); has([]byte(v)) != slices.Contains(values, v) {
				t.Fatalf("%q is in %q: %v", v, values, has([]byte(v)))
			}
		}
	}
	if asWords < 100 {
		t.Errorf("only %d of 300 lists are tables of words", asWords)
	}
}

package transform

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

func match(t testing.TB, m Match, in record.Type) *Matcher {
	t.Helper()
	c, err := m.Compile(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func values(t testing.TB, list ...string) Match {
	t.Helper()
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return Match{Values: Words(text)}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		m       Match
		in      record.Type
		yes, no []string
	}{
		{values(t, "deceased", "Ü"), record.String, []string{"deceased", "Ü"}, []string{"", "Deceased", "deceased ", "ü"}},
		{Match{Pattern: "^TEST-|(?i)demo$"}, record.String, []string{"TEST-1", "a DEMO", "é demo"}, []string{"a TEST-1", "demon", "", "é"}},
		{Match{Values: `["x"]`, Pattern: "y+"}, record.String, []string{"x", "ayb"}, []string{"xx", ""}},
		{Match{Pattern: `\bvip\b`}, record.String, []string{"a vip!"}, []string{"vips"}},
		// What is no number cannot be told not to be one of these.
		{values(t, "7", "-0.50"), record.Number, []string{"7", "7.0", "+7", "07", "70e-1", "-.5", "x", ""}, []string{"-7", "0.5", "77"}},
		{values(t, "0"), record.Integer, []string{"0", "-0", "000"}, []string{"1"}},
		{values(t, "true"), record.Boolean, []string{"true", "yes"}, []string{"false"}},
	} {
		m := match(t, c.m, c.in)
		for _, v := range c.yes {
			if !m.Match([]byte(v)) {
				t.Errorf("%+v does not match %q", c.m, v)
			}
		}
		for _, v := range c.no {
			if m.Match([]byte(v)) {
				t.Errorf("%+v matches %q", c.m, v)
			}
		}
	}
}

func TestMatchRefused(t *testing.T) {
	for _, c := range []struct {
		m    Match
		in   record.Type
		code string
	}{
		{Match{}, record.String, CodeOption},
		{values(t), record.String, CodeOption},
		{values(t, ""), record.String, CodeOption},
		{values(t, "seven"), record.Integer, CodeOption},
		{values(t, "yes"), record.Boolean, CodeOption},
		{Match{Pattern: "("}, record.String, CodeOption},
		{Match{Pattern: "1"}, record.Integer, CodeOption},
		{values(t, "2026-11-23"), record.Date, CodeType},
		{values(t, "x"), record.Object, CodeType},
	} {
		if _, err := c.m.Compile(c.in); fault.CodeOf(err) != c.code {
			t.Errorf("%+v of %s: %v, want %s", c.m, c.in, err, c.code)
		}
	}
}

// FuzzMatch holds what a pattern matches to package regexp.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"^a|b$", "ab"}, {"(a)(b)?", "xa"}, {"", "x"}, {"x*", ""}, {"(?i)k", "K"}, {"^$", ""}, {"$^", ""}, {"[^a]", "é"}, {"a{2,3}$", "caaa"}} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, pattern string, value []byte) {
		m, err := Match{Pattern: pattern}.Compile(record.String)
		if err != nil {
			return
		}
		if got, want := m.Match(value), regexp.MustCompile(pattern).Match(value); got != want {
			t.Errorf("%q matches %q: %t, want %t", pattern, value, got, want)
		}
	})
}

func TestMatchAllocatesNothing(t *testing.T) {
	text, number := match(t, Match{Values: `["deceased"]`, Pattern: "^TEST-[0-9]+"}, record.String), match(t, values(t, "7", "12.5"), record.Number)
	note, plain, amount := []byte("TEST-Ä"), []byte("TEST-12345"), []byte("0012.50")
	if n := testing.AllocsPerRun(100, func() { text.Match(note); text.Match(plain); number.Match(amount) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

package transform

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/record"
)

// Length, separators and alphabet stay; what does not fit leaves as null.
func TestFPE(t *testing.T) {
	for _, c := range []struct {
		name, value, shape string // shape: 9 is a digit, a is lower, A is any of Alphanumeric; "": null
		spec               Spec
	}{
		{"card", "4111 1111-1111.1111", "9999 9999-9999.9999", Spec{}},
		{"six digits", "123456", "999999", Spec{}},
		{"too short", "12345", "", Spec{}},
		{"empty", "", "", Spec{}},
		{"letters among digits", "12345678X", "", Spec{}},
		{"lower", "ab12-cd34", "aaaa-aaaa", Spec{Alphabet: Lower}},
		{"upper in lower", "ABcd1234", "", Spec{Alphabet: Lower}},
		{"iban", "DE89 3704 0044 0532 0130 00", "AAAA AAAA AAAA AAAA AAAA AA", Spec{Alphabet: Alphanumeric}},
		{"broken text", "1234567\xff", "", Spec{}},
		{"check digit", "4111111111111111", "9999999999999999", Spec{Luhn: true}},
		{"no check digit", "4111111111111112", "", Spec{Luhn: true}},
	} {
		c.spec.Type = FPE
		got := apply(compile(t, c.spec, record.String).Appender(), c.value)
		if c.shape == "" {
			if got != none {
				t.Errorf("%s: something leaves", c.name)
			}
			continue
		}
		if got == c.value || shape(got) != shape(c.shape) && c.spec.Alphabet != Alphanumeric && c.spec.Alphabet != Lower || len(got) != len(c.value) {
			t.Errorf("%s: %q of %q", c.name, got, c.value)
		}
		for i, r := range c.shape {
			if strings.ContainsRune(" -.", r) != strings.ContainsRune(" -.", rune(got[i])) {
				t.Errorf("%s: separators of %q", c.name, got)
			}
		}
		if c.spec.Luhn && apply(compile(t, c.spec, record.String).Appender(), got) == none {
			t.Errorf("%s: %q has no check digit", c.name, got)
		}
	}
	greek := Spec{Type: FPE, Alphabet: "αβγδεζηθικλμνξοπρστυφχψω"}
	if got := apply(compile(t, greek, record.String).Appender(), "λογος"+"λογοσ"); got != none {
		t.Errorf("a final sigma is not of the alphabet: %q", got)
	}
	if got := apply(compile(t, greek, record.String).Appender(), "λογοσ"); utf8.RuneCountInString(got) != 5 {
		t.Errorf("%q", got)
	}
}

func shape(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '9'
		}
		return r
	}, text)
}

// Tokens of aes-siv say the version of their key, come back under it, and under
// no other.
func FuzzReveal(f *testing.F) {
	f.Add([]byte("ann@example.org"))
	f.Add([]byte(""))
	f.Add([]byte("\xff\x00 of any bytes, longer than a block of the cipher"))
	f.Fuzz(func(t *testing.T, value []byte) {
		token := apply(compile(t, Spec{Type: Token, Algorithm: SIV}, record.String).Appender(), string(value))
		if !strings.HasPrefix(token, "s3_") {
			t.Fatalf("%q", token)
		}
		back, ok, err := Reveal([]byte("before"), []byte(token), key)
		if err != nil || !ok || string(back) != "before"+string(value) {
			t.Errorf("%q comes back as %q, %v, %v", value, back, ok, err)
		}
		for _, k := range []testKey{{4, key.secret}, {3, strings.Repeat("x", 32)}} {
			if back, ok, err := Reveal(nil, []byte(token), k); err != nil || ok || len(back) > 0 {
				t.Errorf("another key reveals it: %v", err)
			}
		}
		if _, ok, err := Reveal(nil, value, key); ok || err != nil {
			t.Errorf("what is no token is revealed: %v", err)
		}
	})
}

func FuzzFPE(f *testing.F) {
	f.Add([]byte("4111 1111 1111 1111"))
	f.Add([]byte("DE89370400440532013000"))
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, alphabet := range []string{Digits, Lower, Alphanumeric, "äöüß0123456789"} {
			a := compile(t, Spec{Type: FPE, Alphabet: alphabet}, record.String).Appender().(*fpe)
			masked, ok := a.Append(nil, value)
			if !ok {
				if len(masked) > 0 {
					t.Errorf("%q is refused, and something is left", value)
				}
				continue
			}
			if utf8.RuneCount(masked) != utf8.RuneCount(value) {
				t.Errorf("%q became %q", value, masked)
			}
			if back, ok := a.append(nil, masked, a.cipher.Decrypt); !ok || string(back) != string(value) {
				t.Errorf("%q became %q and came back as %q", value, masked, back)
			}
		}
	})
}

// TestTokenVersion: only what Reveal could take has a version, in one way of writing.
func TestTokenVersion(t *testing.T) {
	for token, want := range map[string]int{
		"s1_AAAA": 1, "s42_": 42, "g7_AAAA": 7,
		"": 0, "s": 0, "s_": 0, "s1": 0, "t1_AAAA": 0, "s0_AAAA": 0, "s-1_AAAA": 0, "s+1_AAAA": 0, "s01_AAAA": 0, "s1 _AAAA": 0, "S1_AAAA": 0, " s1_AAAA": 0,
		"s99999999999999999999_AAAA": 0, "s1x_AAAA": 0,
	} {
		if got, ok := TokenVersion([]byte(token)); ok != (want > 0) || ok && got != want {
			t.Errorf("%q: %d, %v", token, got, ok)
		}
	}
}

package transform

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/record"
)

func keeping(pattern string) Spec { return Spec{Type: Mask, KeepPattern: pattern} }

func TestKeepPattern(t *testing.T) {
	holds(t, "the end", keeping("[0-9]{4}$"), record.String, record.String,
		pair{"1234 1234", "*****1234"}, pair{"12345", "*2345"}, pair{"123", "***"}, pair{"1234x", "*****"}, pair{"", ""}, pair{"12\xff1234", none})
	holds(t, "both ends", keeping("^[A-Z]{2}|[0-9]{4}$"), record.String, record.String,
		pair{"DE89370400440532013000", "DE****************3000"}, pair{"DEFG1234", "DE**1234"}, pair{"de1234", "**1234"})
	holds(t, "all that match", keeping("[0-9]+"), record.String, record.String,
		pair{"a1b22c333", "*1*22*333"}, pair{"žluť 12", "*****12"})
	holds(t, "only at the start", keeping("^[a-z]"), record.String, record.String, pair{"abc", "a**"}, pair{"1abc", "****"})
	holds(t, "of any case", keeping("(?i)gmbh$"), record.String, record.String, pair{"Acme GmbH", "*****GmbH"})
	holds(t, "the first choice", keeping("ab|abc"), record.String, record.String, pair{"xabc", "*ab*"})
	holds(t, "as few as do", keeping("a+?"), record.String, record.String, pair{"baa", "*aa"})
	holds(t, "over lines", keeping("x$"), record.String, record.String, pair{"x\nax", "***x"})
	holds(t, "another character", Spec{Type: Mask, KeepPattern: "^.", Char: "•"}, record.Integer, record.String, pair{"123", "1••"})
	holds(t, "too many parts", keeping("a"), record.String, record.String,
		pair{strings.Repeat("ab", 70), strings.Repeat("a*", 64) + strings.Repeat("*", 12)})
	for pattern, tell := range map[string]string{
		"[": "not a regular expression", "(a)b": "group", `\ba`: `\b`, `a\B`: `\B`, "(?m)^a": "(?m)", "a*": "nothing is", "$": "nothing is", "^a|b?": "nothing is",
		strings.Repeat("a", 501): "500 bytes", "(?P<name>a)": "group", "a(?=b)": "not a regular expression",
	} {
		refused(t, keeping(pattern), record.String, CodeOption, tell)
	}
	refused(t, Spec{Type: Mask, KeepPattern: "a", KeepLast: 1}, record.String, CodeOption, "alone")
	refused(t, Spec{Type: Mask, KeepPattern: "a", KeepCard: true}, record.String, CodeOption, "alone")
	refused(t, Spec{Type: Mask, KeepDomain: true, KeepCard: true}, record.String, CodeOption, "alone")
	refused(t, Spec{Type: Date, To: Year, KeepCard: true}, record.Date, CodeOption, "not an option of date")
}

// TestFinder: which patterns are found by automata. FuzzKeepPattern holds them to
// package regexp.
func TestFinder(t *testing.T) {
	for pattern, want := range map[string]bool{
		"[0-9]{4}$": true, "^[A-Z]{2}|[0-9]{4}$": true, "(?i)gmbh$": true, "a+?": true,
		"(?m)a$": false, "[ab]{300}": false, "a.{10}b": false, // the end of a line, many instructions, many states
	} {
		p, err := newKeepPattern(pattern)
		if err != nil || (p.ascii != nil) != want {
			t.Errorf("%s: %v %v", pattern, p, err)
		}
	}
}

// FuzzKeepPattern: a pattern keeps what package regexp finds of it, no more.
func FuzzKeepPattern(f *testing.F) {
	f.Add("[0-9]{4}$", "1234 1234")
	f.Add("a[^b-z][A-Zé]$", "xabaaA")
	f.Add("^[A-Z]{2}|[0-9]{2,}?|x$", "AB 123 x")
	f.Add("(?i)(?:aé|b.)+", "AÉb\n日本")
	f.Add("(?s:a.)|^b|^^c$", "ab\nb")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		tr, err := Compile(keeping(pattern), record.String, nil)
		if err != nil || pattern == "" {
			return
		}
		got := apply(tr.Appender(), value)
		if !utf8.ValidString(value) {
			if got != none {
				t.Fatalf("broken text became %q", got)
			}
			return
		}
		var want strings.Builder
		at := 0
		for _, part := range regexp.MustCompile(pattern).FindAllStringIndex(value, maxKeptParts) {
			want.WriteString(strings.Repeat("*", utf8.RuneCountInString(value[at:part[0]])) + value[part[0]:part[1]])
			at = part[1]
		}
		want.WriteString(strings.Repeat("*", utf8.RuneCountInString(value[at:])))
		if got != want.String() {
			t.Fatalf("%q of %q: %q, want %q", pattern, value, got, want.String())
		}
	})
}

func TestKeepCard(t *testing.T) {
	holds(t, "cards", Spec{Type: Mask, KeepCard: true}, record.String, record.String,
		pair{"4111111111111111", "411111******1111"}, pair{"4111 1111 1111 1111", "4111 11** **** 1111"}, pair{"378282246310005", "378282*****0005"},
		pair{"41111-11111-11111-1", "41111-1****-**111-1"}, pair{"3782-822463-10005", "3782-82****-*0005"}, pair{"6304000000000000000", "630400*********0000"},
		pair{"4111111111111112", "****************"}, // the check digit is another
		pair{"30569309025904", "**************"},     // 14 digits
		pair{"41111111111111110000", strings.Repeat("*", 20)},
		pair{" 4111111111111111", strings.Repeat("*", 17)}, pair{"4111111111111111 ", strings.Repeat("*", 17)}, pair{"4111  111111111111", strings.Repeat("*", 18)},
		pair{"4111.1111.1111.1111", strings.Repeat("*", 19)}, pair{"Ann Example", "***********"}, pair{"", ""}, pair{"4111111111\xff", none})
	holds(t, "in dots", Spec{Type: Mask, KeepCard: true, Char: "•"}, record.Integer, record.String, pair{"4111111111111111", "411111••••••1111"})
}

// TestCardsAreValidByLuhn holds the check to that of fpe.
func TestCardsAreValidByLuhn(t *testing.T) {
	for n := minCard; n <= maxCard; n++ {
		x := make([]uint16, n)
		text := make([]byte, n)
		for i := range 2000 {
			for k := range x {
				x[k] = uint16((i*7919 + k*k*31 + i/(k+1)) % 10)
				text[k] = '0' + byte(x[k])
			}
			digits, ok := cardDigits(text)
			if want := luhnDigit(x[:n-1]) == x[n-1]; ok != want || ok && digits != n {
				t.Fatalf("%s: %v, want %v", text, ok, want)
			}
		}
	}
}

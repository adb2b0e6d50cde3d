package contract

import (
	"strings"
	"testing"
)

// TestECMA: patterns that mean something else in RE2. The answers are V8's, with
// the u flag where that takes the pattern.
func TestECMA(t *testing.T) {
	for _, test := range []struct {
		pattern    string
		pass, fail []string
	}{
		{`^.$`, []string{"a", "é", "😀", "\v"}, []string{"\n", "\r", "\u2028", "ab", ""}},
		{`^\s$`, []string{" ", "\v", "\u00a0", "\ufeff", "\u2003"}, []string{"a", "\x00", "\u200b"}},
		{`^\S$`, []string{"a", "é", "\u200b"}, []string{" ", "\v", "\u00a0"}},
		{`^[^\s]$`, []string{"a"}, []string{"\v", "\u00a0"}},
		{`^[\S]$`, []string{"a", "!"}, []string{"\v", "\u00a0"}},
		{`^[\d\-.]+$`, []string{"1-.", "-"}, []string{"a", ""}},
		{`^[a-]$`, []string{"a", "-"}, []string{"b"}},
		{`^[+--]$`, []string{"+", ",", "-"}, []string{"."}},
		{`^a\/b$`, []string{"a/b"}, []string{`a\/b`}},
		{`^a\\/b$`, []string{`a\/b`}, []string{"a/b"}},
		{`^\u0041$`, []string{"A"}, []string{"u0041"}},
		{`^\u{1F600}$`, []string{"😀"}, []string{"u"}},
		{`^\uD83D\uDE00$`, []string{"😀"}, []string{"\ufffd"}},
		{`^\x41\t\0\cA$`, []string{"A\t\x00\x01"}, []string{"A\t\x00a"}},
		{`^[\b]$`, []string{"\b"}, []string{"b"}},
		{`^[[:alpha:]]$`, []string{"a]", ":]", "[]"}, []string{"z", "b"}},
		{`^[^]$`, []string{"\n", "😀"}, []string{"", "ab"}},
		{`[]`, nil, []string{"", "a"}},
		{`^(?<year>\d{4})$`, []string{"2026"}, []string{"year"}},
		{`^\p{Lu}\p{Script=Greek}$`, []string{"Éλ"}, []string{"éλ", "ÉL"}},
		{`\bcat\b`, []string{"a cat", "cat!"}, []string{"cats"}},
		{`^a|b$`, []string{"ax", "xb"}, []string{"xa", "bx"}},
		{`^\(?=$`, []string{"=", "(="}, []string{"("}},
		{`^(?i:ab)c$`, []string{"ABc"}, []string{"abC"}},
	} {
		p, err := compilePattern(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		for _, value := range test.pass {
			if !p.match([]byte(value)) {
				t.Errorf("%s does not match %q", test.pattern, value)
			}
		}
		for _, value := range test.fail {
			if p.match([]byte(value)) {
				t.Errorf("%s matches %q", test.pattern, value)
			}
		}
	}
}

func TestECMARefused(t *testing.T) {
	for pattern, want := range map[string]string{
		`a(?=b)`:       "lookahead",
		`a(?!b)`:       "lookahead",
		`(?<=a)b`:      "lookbehind",
		`(?<!a)b`:      "lookbehind",
		`(a)\1`:        "backreference",
		`(?<n>a)\k<n>`: "backreference",
		`\Aa\z`:        `the escape \A`,
		`\Qa`:          `the escape \Q`,
		`\pL`:          `the escape \p`,
		`\uD83D`:       `the escape \u`,
		`\xZZ`:         `the escape \x`,
		`(?s).`:        "no group that starts like",
		`(?P<n>a)`:     "no group that starts like",
		`(?<>a)`:       "has no name",
		`[\d-x]`:       "a range of the pattern",
		`[a-\s]`:       "a range of the pattern",
		`[a`:           "a bracket that is not closed",
		`a\`:           "ends in a backslash",
		`a{2}{3}`:      "cannot be read",
		"\xff":         "cannot be read",
		"[\xff]":       "not UTF-8",
		"\\\xff":       "not UTF-8",
	} {
		if _, err := compilePattern(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", pattern, err, want)
		}
	}
}

package contract

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// translateECMA writes an ECMA-262 pattern (with the u flag, as JSON Schema
// recommends: it reads code points) in RE2's syntax, which gives some of the
// same signs another meaning. What RE2 cannot do, and what ECMA-262 does not
// have, is refused by name.
func translateECMA(text string) (string, error) {
	t := translator{in: text}
	for t.at < len(t.in) {
		if err := t.next(); err != nil {
			return "", err
		}
	}
	return t.out.String(), nil
}

type translator struct {
	in  string
	at  int
	out strings.Builder
}

// White space and its complement as ECMA-262 has them (\s), between brackets.
const (
	spaces = `\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	solids = `\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}` +
		`\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`
)

// next translates what stands at t.at, outside of brackets.
func (t *translator) next() error {
	switch c := t.in[t.at]; c {
	case '.':
		t.at++
		t.out.WriteString(`[^\n\r\x{2028}\x{2029}]`)
	case '[':
		t.at++
		return t.class()
	case '(':
		t.at++
		return t.group()
	case '\\':
		if t.at+1 < len(t.in) && strings.IndexByte("bB", t.in[t.at+1]) >= 0 {
			t.out.WriteString(t.in[t.at : t.at+2])
			t.at += 2
			return nil
		}
		a, err := t.escape()
		if err != nil {
			return err
		}
		if a.set {
			t.out.WriteString("[" + a.text + "]")
		} else {
			t.out.WriteString(a.text)
		}
	default:
		t.out.WriteByte(c)
		t.at++
	}
	return nil
}

// group translates what follows an opening parenthesis.
func (t *translator) group() error {
	t.out.WriteByte('(')
	rest, special := strings.CutPrefix(t.in[t.at:], "?")
	if !special {
		return nil
	}
	switch {
	case strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "!"):
		return fmt.Errorf("a pattern with lookahead cannot be checked in bounded time")
	case strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, "<!"):
		return fmt.Errorf("a pattern with lookbehind cannot be checked in bounded time")
	case strings.HasPrefix(rest, "<"):
		end := strings.IndexByte(rest, '>')
		if end < 2 {
			return fmt.Errorf("a group of the pattern has no name")
		}
		t.at += 1 + end + 1
		return nil
	}
	flags := strings.TrimLeft(rest, "im-")
	if !strings.HasPrefix(flags, ":") && !strings.HasPrefix(flags, ")") {
		return fmt.Errorf("ECMA-262 has no group that starts like one of the pattern's: write (?:...), (?<name>...) or (?i:...)")
	}
	n := 1 + len(rest) - len(flags) + 1
	t.out.WriteString(t.in[t.at : t.at+n])
	t.at += n
	return nil
}

// atom is a character of a class, or a set of them (\d): its text stands in
// brackets.
type atom struct {
	text string
	set  bool
	dash bool // a bare -
}

// class translates what follows an opening bracket.
func (t *translator) class() error {
	negated := strings.HasPrefix(t.in[t.at:], "^")
	if negated {
		t.at++
	}
	var atoms []atom
	for {
		if t.at >= len(t.in) {
			return fmt.Errorf("the pattern has a bracket that is not closed")
		}
		if t.in[t.at] == ']' {
			t.at++
			break
		}
		a, err := t.atom()
		if err != nil {
			return err
		}
		atoms = append(atoms, a)
	}
	switch {
	case len(atoms) == 0 && negated:
		t.out.WriteString(`[\x{0}-\x{10ffff}]`) // anything
		return nil
	case len(atoms) == 0:
		t.out.WriteString(`[^\x{0}-\x{10ffff}]`) // nothing
		return nil
	}
	t.out.WriteByte('[')
	if negated {
		t.out.WriteByte('^')
	}
	for len(atoms) > 0 {
		if len(atoms) < 3 || !atoms[1].dash {
			t.out.WriteString(atoms[0].text)
			atoms = atoms[1:]
			continue
		}
		if atoms[0].set || atoms[2].set {
			return fmt.Errorf("a range of the pattern starts or ends with a class of characters")
		}
		t.out.WriteString(atoms[0].text + "-" + atoms[2].text)
		atoms = atoms[3:]
	}
	t.out.WriteByte(']')
	return nil
}

// atom reads one character or set of a class.
func (t *translator) atom() (atom, error) {
	if t.in[t.at] == '\\' {
		if strings.HasPrefix(t.in[t.at:], `\b`) {
			t.at += 2
			return atom{text: char('\b')}, nil
		}
		return t.escape()
	}
	r, size := utf8.DecodeRuneInString(t.in[t.at:])
	if r == utf8.RuneError && size == 1 {
		return atom{}, fmt.Errorf("the pattern is not UTF-8")
	}
	t.at += size
	return atom{text: char(r), dash: r == '-'}, nil
}

func char(r rune) string { return fmt.Sprintf(`\x{%x}`, r) }

// escape reads a backslash and what belongs to it.
func (t *translator) escape() (atom, error) {
	rest := t.in[t.at+1:]
	if rest == "" {
		return atom{}, fmt.Errorf("the pattern ends in a backslash")
	}
	c, size := utf8.DecodeRuneInString(rest)
	take := func(n int, a atom) (atom, error) {
		t.at += 1 + n
		return a, nil
	}
	switch {
	case strings.ContainsRune("dDwW", c):
		return take(1, atom{text: `\` + string(c), set: true})
	case c == 's':
		return take(1, atom{text: spaces, set: true})
	case c == 'S':
		return take(1, atom{text: solids, set: true})
	case strings.ContainsRune("tnvfr", c):
		return take(1, atom{text: `\` + string(c)})
	case c == '0' && (len(rest) == 1 || rest[1]-'0' >= 10):
		return take(1, atom{text: char(0)})
	case c >= '0' && c <= '9' || c == 'k':
		return atom{}, fmt.Errorf("a pattern with a backreference cannot be checked in bounded time")
	case c == 'c' && len(rest) > 1 && (rest[1]|0x20 >= 'a' && rest[1]|0x20 <= 'z'):
		return take(2, atom{text: char(rune(rest[1] & 0x1f))})
	case c == 'x' && len(rest) >= 3:
		if n, err := strconv.ParseUint(rest[1:3], 16, 8); err == nil {
			return take(3, atom{text: char(rune(n))})
		}
	case c == 'u':
		if r, n := codePoint(rest); n > 0 {
			return take(n, atom{text: char(r)})
		}
	case c == 'p' || c == 'P':
		if end := strings.IndexByte(rest, '}'); end > 2 && rest[1] == '{' {
			name := rest[2:end]
			for _, prefix := range []string{"Script=", "sc=", "General_Category=", "gc="} {
				name = strings.TrimPrefix(name, prefix)
			}
			return take(end+1, atom{text: `\` + string(c) + "{" + name + "}", set: true})
		}
	case c == utf8.RuneError && size == 1:
		return atom{}, fmt.Errorf("the pattern is not UTF-8")
	case !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'):
		return take(size, atom{text: char(c)})
	}
	return atom{}, fmt.Errorf(`ECMA-262 does not have the escape \%c as the pattern writes it`, c)
}

// codePoint reads uXXXX, a surrogate pair uXXXX\uXXXX or u{X...} and answers
// how many bytes it has, 0 if it is none of them.
func codePoint(s string) (r rune, n int) {
	if strings.HasPrefix(s, "u{") {
		end := strings.IndexByte(s, '}')
		if end < 3 || end > 8 {
			return 0, 0
		}
		v, err := strconv.ParseUint(s[2:end], 16, 32)
		if err != nil || !utf8.ValidRune(rune(v)) {
			return 0, 0
		}
		return rune(v), end + 1
	}
	unit := func(s string) (rune, bool) {
		if len(s) < 5 || s[0] != 'u' {
			return 0, false
		}
		v, err := strconv.ParseUint(s[1:5], 16, 16)
		return rune(v), err == nil
	}
	r, ok := unit(s)
	switch {
	case !ok || r >= 0xdc00 && r <= 0xdfff:
		return 0, 0
	case r < 0xd800 || r > 0xdfff:
		return r, 5
	}
	if len(s) < 6 || s[5] != '\\' {
		return 0, 0
	}
	low, ok := unit(s[6:])
	if !ok || low < 0xdc00 || low > 0xdfff {
		return 0, 0
	}
	return (r-0xd800)<<10 | (low - 0xdc00) + 0x10000, 11
}

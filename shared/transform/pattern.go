package transform

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

const (
	maxKeepPattern = 500 // bytes of a pattern
	maxKeptParts   = 64  // parts of a value that a pattern keeps; what follows is masked
)

// keepPattern finds the parts of a value that stay readable. In ASCII they are found
// by automata, where the pattern has some of few states; in other text and for other
// patterns by package regexp.
//
// Package regexp tells where a match lies only in memory that it allocates. What
// it finds without is the match itself; so the parts are found from the start of
// what is left, by the match where it stands once, and otherwise by the same
// pattern behind the fewest characters, whose match ends where that one ends.
type keepPattern struct {
	ascii           *finder        // nil: the pattern is left to regexp
	first, firstEnd *regexp.Regexp // at the start of the value
	other, otherEnd *regexp.Regexp // behind it, where ^ matches nothing
}

// newKeepPattern compiles a pattern in RE2 syntax.
func newKeepPattern(pattern string) (*keepPattern, error) {
	if len(pattern) > maxKeepPattern {
		return nil, optionFault(fmt.Sprintf("keepPattern has more than %d bytes", maxKeepPattern), "write a shorter pattern")
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, optionFault("keepPattern is not a regular expression: "+err.Error(), `write it as RE2 has it, such as keepPattern: "[0-9]{4}$"`)
	}
	if name := lookaround(tree); name != "" {
		return nil, optionFault("keepPattern has "+name+", which is not told from what stands before a part", "describe what stays itself, with ^ and $ for the ends of the value")
	}
	if tree.MaxCap() > 0 {
		return nil, optionFault("keepPattern has a group that captures: all that matches stays", "write (?:...), and let the pattern match only what may stay")
	}
	if re, err := regexp.Compile(pattern); err != nil || re.MatchString("") {
		return nil, optionFault("keepPattern matches where nothing is, so that nobody can tell what it keeps", "let it match at least one character")
	}
	p := &keepPattern{ascii: newFinder(tree)}
	withoutStart(tree)
	for _, c := range []struct {
		to   **regexp.Regexp
		text string
	}{
		{&p.first, pattern}, {&p.firstEnd, "^(?s:.)*?(?:" + pattern + ")"},
		{&p.other, tree.String()}, {&p.otherEnd, "^(?s:.)*?(?:" + tree.String() + ")"},
	} {
		if *c.to, err = regexp.Compile(c.text); err != nil {
			return nil, optionFault("keepPattern is not a regular expression: "+err.Error(), "write a simpler pattern")
		}
	}
	return p, nil
}

// lookaround names what looks at the character before a part.
func lookaround(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpWordBoundary:
		return `\b`
	case syntax.OpNoWordBoundary:
		return `\B`
	case syntax.OpBeginLine:
		return "(?m)"
	}
	for _, sub := range re.Sub {
		if name := lookaround(sub); name != "" {
			return name
		}
	}
	return ""
}

// withoutStart makes a pattern one that does not match at the start of a text
// where only that would let it.
func withoutStart(re *syntax.Regexp) {
	if re.Op == syntax.OpBeginText {
		re.Op = syntax.OpNoMatch
	}
	for _, sub := range re.Sub {
		withoutStart(sub)
	}
}

// next is where the next part starts and ends, seen from at, which is 0 or the end
// of the last one. ok is false if there is none.
func (p *keepPattern) next(value []byte, at int, ascii bool) (from, to int, ok bool) {
	if ascii && p.ascii != nil {
		return p.ascii.find(value, at)
	}
	find, end := p.first, p.firstEnd
	if at > 0 {
		find, end = p.other, p.otherEnd
	}
	match := find.Find(value[at:])
	if len(match) == 0 {
		return 0, 0, false
	}
	if from = bytes.Index(value[at:], match); from == bytes.LastIndex(value[at:], match) { // it is only there
		return at + from, at + from + len(match), true
	}
	to = at + len(end.Find(value[at:]))
	return to - len(match), to, to-len(match) >= at
}

// cover hides all of out, a copy of value, but the parts that the pattern finds. Both
// are ASCII.
func (m *mask) cover(out, value []byte) {
	at := 0
	for parts := 0; parts < maxKeptParts && at < len(value); parts++ {
		from, to, ok := m.keep.ascii.find(value, at)
		if !ok {
			break
		}
		m.fill(out[at:from])
		at = to
	}
	m.fill(out[at:])
}

// appendKept appends value with all masked but the parts that the pattern finds.
func (m *mask) appendKept(dst, value []byte) ([]byte, bool) {
	ascii := ascii(value)
	switch {
	case ascii && m.width == 1 && m.keep.ascii != nil:
		dst = append(dst, value...)
		m.cover(dst[len(dst)-len(value):], value)
		return dst, true
	case !ascii && !utf8.Valid(value):
		return dst, false
	}
	at := 0
	for parts := 0; parts < maxKeptParts && at < len(value); parts++ {
		from, to, ok := m.keep.next(value, at, ascii)
		if !ok {
			break
		}
		dst, _ = m.hide(dst, value[at:from])
		dst = append(dst, value[from:to]...)
		at = to
	}
	return m.hide(dst, value[at:])
}

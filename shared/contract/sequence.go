package contract

import (
	"regexp/syntax"
)

// sequence is a pattern that is a row of ASCII character classes, each a fixed
// number of times but for the last: ^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$. Most
// patterns of contracts are. No byte has to wait for the one before it, so a
// sequence is matched several times as fast as by an automaton.
type sequence struct {
	class    [256]uint8 // bit k: the byte is in class k
	want     []uint8    // the class bit of each fixed place
	rest     uint8      // the class bit of all that follow
	min, max int        // bytes
	ranges   *ranges    // the same, eight bytes at once; nil where a class has more ranges than two
}

// ranges are the first and last bytes of the ranges of each place's class. A class
// of one range has it twice.
type ranges [2]struct{ low, high [widest]byte }

// widest is how many bytes are matched by ranges; longer texts go byte by byte.
const widest = 64

// maxFixed bounds the fixed places of a sequence.
const maxFixed = 256

// asSequence answers nil if the pattern is not a sequence.
func asSequence(re *syntax.Regexp) *sequence {
	if re.Op != syntax.OpConcat || len(re.Sub) < 3 || re.Sub[0].Op != syntax.OpBeginText || re.Sub[len(re.Sub)-1].Op != syntax.OpEndText {
		return nil
	}
	b := sequenceBuilder{bits: map[string]uint8{}}
	for _, sub := range re.Sub[1 : len(re.Sub)-1] {
		if !b.add(sub) {
			return nil
		}
	}
	b.ranges()
	return &b.s
}

type sequenceBuilder struct {
	s    sequence
	bits map[string]uint8 // class bits by the ranges of the class
	each []string         // the ranges of each place, those of rest last
	open bool             // the last was of variable length: nothing may follow
}

func (b *sequenceBuilder) add(re *syntax.Regexp) bool {
	if b.open {
		return false
	}
	low, high := 1, 1
	sub := re
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return false
		}
		for _, r := range re.Rune {
			if !b.class([]rune{r, r}, 1, 1) {
				return false
			}
		}
		return true
	case syntax.OpRepeat:
		low, high, sub = re.Min, re.Max, re.Sub[0]
	case syntax.OpPlus:
		high, sub = -1, re.Sub[0]
	case syntax.OpStar:
		low, high, sub = 0, -1, re.Sub[0]
	case syntax.OpQuest:
		low, sub = 0, re.Sub[0]
	}
	if high < 0 {
		high = 1 << 30
	}
	switch {
	case sub.Op == syntax.OpCharClass:
		return b.class(sub.Rune, low, high)
	case sub.Op == syntax.OpLiteral && len(sub.Rune) == 1 && sub.Flags&syntax.FoldCase == 0:
		return b.class([]rune{sub.Rune[0], sub.Rune[0]}, low, high)
	}
	return false
}

// class adds a class, given as pairs of first and last, low to high times.
func (b *sequenceBuilder) class(ranges []rune, low, high int) bool {
	for _, r := range ranges {
		if r >= 0x80 {
			return false
		}
	}
	key := string(ranges)
	bit, known := b.bits[key]
	if !known {
		if len(b.bits) == 8 {
			return false
		}
		bit = 1 << len(b.bits)
		b.bits[key] = bit
		for i := 0; i < len(ranges); i += 2 {
			for c := ranges[i]; c <= ranges[i+1]; c++ {
				b.s.class[c] |= bit
			}
		}
	}
	if len(b.s.want)+low > maxFixed {
		return false
	}
	for range low {
		b.s.want = append(b.s.want, bit)
		b.each = append(b.each, key)
	}
	b.s.min += low
	b.s.max += high
	if high > low {
		b.s.rest, b.open = bit, true
		for len(b.each) < widest {
			b.each = append(b.each, key)
		}
	}
	return true
}

func (b *sequenceBuilder) ranges() {
	var s ranges
	for place, key := range b.each[:min(len(b.each), widest)] {
		pairs := []rune(key)
		if len(pairs) == 0 || len(pairs) > 2*len(s) {
			return
		}
		for i := range s {
			r := pairs[min(2*i, len(pairs)-2):]
			s[i].low[place], s[i].high[place] = byte(r[0]), byte(r[1])
		}
	}
	b.s.ranges = &s
}

func (s *sequence) match(v []byte) bool {
	if len(v) < s.min || len(v) > s.max {
		return false
	}
	if s.ranges != nil && len(v) >= 8 && len(v) <= widest {
		return s.ranges.match(v)
	}
	// The fixed places; a byte that is not in its class leaves a bit in missing.
	var missing uint8
	for i, bit := range s.want {
		missing |= bit &^ s.class[v[i]]
	}
	for _, c := range v[len(s.want):] {
		missing |= s.rest &^ s.class[c]
	}
	return missing == 0
}

// match tells whether each byte of v, of which there are 8 to widest, is in its
// class.
func (s *ranges) match(v []byte) bool {
	for i := 0; i < len(v); i += 8 {
		at := min(i, len(v)-8) // the last word may begin in the one before
		w := load(v[at:])
		if between(w, load(s[0].low[at:]), load(s[0].high[at:]))|between(w, load(s[1].low[at:]), load(s[1].high[at:])) != tops {
			return false
		}
	}
	return true
}

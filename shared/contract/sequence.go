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
}

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
	return &b.s
}

type sequenceBuilder struct {
	s    sequence
	bits map[string]uint8 // class bits by the ranges of the class
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
	}
	b.s.min += low
	b.s.max += high
	if high > low {
		b.s.rest, b.open = bit, true
	}
	return true
}

func (s *sequence) match(v []byte) bool {
	if len(v) < s.min || len(v) > s.max {
		return false
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

package contract

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
)

// Bounds of the table of a pattern: 256 states of 128 entries are 64 KiB, and
// building it takes milliseconds.
const (
	maxStates  = 256
	maxProgram = 512
)

// pattern matches a value against a regular expression: as a sequence of
// classes if it is one, else by a table over ASCII bytes where that is small
// enough, by regexp otherwise and for values that are not ASCII. All agree; only
// their speed differs.
type pattern struct {
	seq   *sequence
	next  [][128]uint16 // nil: too large. State 0 matches nothing any more.
	final []bool        // the value matches if it ends in this state
	start uint16
	empty bool // whether the empty value matches: it is at its beginning and its end at once
	re    *regexp.Regexp
}

// compilePattern compiles an ECMA-262 pattern with JSON Schema's meaning: it
// may match anywhere unless ^ and $ tie it down. What RE2 cannot do is refused.
func compilePattern(text string) (*pattern, error) {
	text, err := translateECMA(text)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("the pattern cannot be read: %w", err)
	}
	p := &pattern{re: re}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the pattern cannot be read: %w", err)
	}
	if p.seq = asSequence(parsed); p.seq != nil {
		return p, nil
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the pattern cannot be read: %w", err)
	}
	p.table(prog)
	return p, nil
}

// table builds the automaton by subset construction (Thompson 1968, as told in
// Russ Cox, "Regular Expression Matching Can Be Simple And Fast").
func (p *pattern) table(prog *syntax.Prog) {
	if len(prog.Inst) > maxProgram {
		return
	}
	for _, i := range prog.Inst {
		if i.Op == syntax.InstEmptyWidth && syntax.EmptyOp(i.Arg)&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary|syntax.EmptyBeginLine|syntax.EmptyEndLine) != 0 {
			return // needs to look around: left to regexp
		}
	}
	b := builder{prog: prog, ids: map[string]uint16{}}
	// A set always holds the program's start, so that a match may begin at any
	// byte; only at the first do instructions tied to the beginning go on.
	b.state(nil) // 0: dead
	first := b.closure([]uint32{uint32(prog.Start)}, syntax.EmptyBeginText)
	rest := b.closure([]uint32{uint32(prog.Start)}, 0)
	p.start = b.state(first)
	var next [][128]uint16
	for k := 0; k < len(b.sets); k++ {
		if len(b.sets) > maxStates {
			return
		}
		set := b.sets[k]
		var row [128]uint16
		switch {
		case b.matches(set):
			for c := range row { // it matches whatever follows
				row[c] = uint16(k)
			}
		case k > 0:
			for c := range 128 {
				var to []uint32
				for _, pc := range set {
					if inst := &prog.Inst[pc]; isRune(inst.Op) && inst.MatchRune(rune(c)) {
						to = append(to, inst.Out)
					}
				}
				row[c] = b.state(append(b.closure(to, 0), rest...))
			}
		}
		next = append(next, row)
	}
	p.next = next
	for _, set := range b.sets {
		p.final = append(p.final, b.matches(b.closure(set, syntax.EmptyEndText)))
	}
	p.empty = b.matches(b.closure([]uint32{uint32(prog.Start)}, syntax.EmptyBeginText|syntax.EmptyEndText))
}

func isRune(op syntax.InstOp) bool {
	return op == syntax.InstRune || op == syntax.InstRune1 || op == syntax.InstRuneAny || op == syntax.InstRuneAnyNotNL
}

type builder struct {
	prog *syntax.Prog
	sets [][]uint32
	ids  map[string]uint16
}

// closure is what is reached from pcs without reading, where cond holds. Ends
// that wait for the end of the text stay in it.
func (b *builder) closure(pcs []uint32, cond syntax.EmptyOp) []uint32 {
	seen := make(map[uint32]bool)
	var out []uint32
	stack := slices.Clone(pcs)
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch inst := &b.prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, inst.Out)
		case syntax.InstEmptyWidth:
			if need := syntax.EmptyOp(inst.Arg); need&^cond == 0 {
				stack = append(stack, inst.Out)
			} else if need&syntax.EmptyBeginText == 0 || cond&syntax.EmptyBeginText != 0 {
				out = append(out, pc)
			}
		case syntax.InstFail:
		default:
			out = append(out, pc)
		}
	}
	return out
}

func (b *builder) matches(set []uint32) bool {
	return slices.ContainsFunc(set, func(pc uint32) bool { return b.prog.Inst[pc].Op == syntax.InstMatch })
}

func (b *builder) state(set []uint32) uint16 {
	slices.Sort(set)
	set = slices.Compact(set)
	key := fmt.Sprint(set)
	id, ok := b.ids[key]
	if !ok {
		id = uint16(len(b.sets))
		b.ids[key] = id
		b.sets = append(b.sets, set)
	}
	return id
}

// match reports whether v matches.
func (p *pattern) match(v []byte) bool {
	if p.seq != nil {
		return p.seq.match(v)
	}
	if p.next == nil {
		return p.re.Match(v)
	}
	if len(v) == 0 {
		return p.empty
	}
	s := p.start
	for _, c := range v {
		if c >= 128 {
			return p.re.Match(v)
		}
		if s = p.next[s][c]; s == 0 {
			return false
		}
	}
	return p.final[s]
}

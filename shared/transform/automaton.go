package transform

import (
	"fmt"
	"regexp/syntax"
	"slices"
)

const (
	maxProgram = 200 // instructions of a pattern that becomes an automaton
	maxStates  = 200 // states of it
)

// finder finds the leftmost match of a pattern in ASCII text, the same that package
// regexp finds, without allocating: an automaton run forward tells where the match
// ends, another run backward from there where it starts (Russ Cox, "Regular
// Expression Matching in the Wild", 2010).
type finder struct {
	ahead, back *automaton
	last        bool    // a match ends where the text does, so that running backward is enough
	tail        []class // and is a row of these, so that nothing has to be run; nil: it is not
}

// class is a set of characters of ASCII.
type class [128]bool

// newFinder answers nil if the pattern has too many states, or asks for the end of
// a line.
func newFinder(tree *syntax.Regexp) *finder {
	anything := &syntax.Regexp{Op: syntax.OpStar, Flags: syntax.NonGreedy, Sub: []*syntax.Regexp{{Op: syntax.OpAnyChar}}}
	ahead := newAutomaton(&syntax.Regexp{Op: syntax.OpConcat, Sub: []*syntax.Regexp{anything, tree}}, true)
	back := newAutomaton(reversed(tree), false)
	if ahead == nil || back == nil {
		return nil
	}
	f := &finder{ahead: ahead, back: back}
	if end := len(tree.Sub) - 1; tree.Op == syntax.OpConcat && tree.Sub[end].Op == syntax.OpEndText {
		f.last = true
		for _, sub := range tree.Sub[:end] {
			var ok bool
			if f.tail, ok = appendClasses(f.tail, sub.Simplify()); !ok {
				f.tail = nil
				break
			}
		}
	}
	return f
}

// appendClasses appends the classes that re is a row of; ok is false if it is none.
func appendClasses(row []class, re *syntax.Regexp) (all []class, ok bool) {
	var c class
	switch {
	case re.Op == syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1] && int(r) < len(c); r++ {
				c[r] = true
			}
		}
		return append(row, c), true
	case re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0:
		for _, r := range re.Rune {
			var c class
			if int(r) < len(c) {
				c[r] = true
			}
			row = append(row, c)
		}
		return row, true
	case re.Op == syntax.OpConcat:
		for _, sub := range re.Sub {
			if row, ok = appendClasses(row, sub); !ok {
				return row, false
			}
		}
		return row, true
	}
	return row, false
}

// reversed is the pattern that matches the texts of re, their last character first.
func reversed(re *syntax.Regexp) *syntax.Regexp {
	r := *re
	switch re.Op {
	case syntax.OpBeginText:
		r.Op = syntax.OpEndText
	case syntax.OpEndText:
		r.Op = syntax.OpBeginText
	case syntax.OpLiteral:
		r.Rune = slices.Clone(re.Rune)
		slices.Reverse(r.Rune)
	}
	r.Sub = nil
	for _, sub := range re.Sub {
		r.Sub = append(r.Sub, reversed(sub))
	}
	if re.Op == syntax.OpConcat {
		slices.Reverse(r.Sub)
	}
	return &r
}

// find is where the leftmost match in value[at:] starts and ends. ^ matches at the
// start of value, not at at. ok is false if there is none.
func (f *finder) find(value []byte, at int) (from, to int, ok bool) {
	if len(value) == 0 {
		return 0, 0, f.ahead.empty
	}
	if f.tail != nil {
		if from = len(value) - len(f.tail); from < at {
			return 0, 0, false
		}
		part := value[from:]
		for i := range f.tail[:len(part)] {
			if !f.tail[i][part[i]&0x7f] {
				return 0, 0, false
			}
		}
		return from, len(value), true
	}
	if f.last {
		from, ok = f.start(value, at, len(value))
		return from, len(value), ok
	}
	a := f.ahead
	s, to := a.start(at == 0), -1
	for i := at; i < len(value); i++ {
		if a.match[s] {
			to = i
		}
		if s = a.next[s][value[i]&0x7f]; s == 0 {
			break
		}
	}
	if s != 0 && a.matchAtEnd[s] {
		to = len(value)
	}
	if to < 0 {
		return 0, 0, false
	}
	from, _ = f.start(value, at, to)
	return from, to, true
}

// start is the first place in value[at:] from which a match goes to to; ok is false
// if there is none.
func (f *finder) start(value []byte, at, to int) (from int, ok bool) {
	b := f.back
	from = -1
	s := b.start(to == len(value))
	for i := to; i > at; i-- {
		if b.match[s] {
			from = i
		}
		if s = b.next[s][value[i-1]&0x7f]; s == 0 {
			break
		}
	}
	if s != 0 && (b.match[s] || at == 0 && b.matchAtEnd[s]) {
		from = at
	}
	return from, from >= 0
}

// automaton is a pattern as a table of states. State 0 is dead.
type automaton struct {
	next         [][128]uint8
	match        []bool // the text until here matches
	matchAtEnd   []bool // it does if nothing follows
	first, other uint8
	empty        bool // it matches the empty text, which begins where it ends
}

// start is the state before the first character read, which stands at the edge of
// the whole text or does not.
func (a *automaton) start(edge bool) uint8 {
	if edge {
		return a.first
	}
	return a.other
}

// newAutomaton builds the automaton by subset construction (Thompson 1968). Its
// states are threads. Where some are preferred, as package regexp prefers them, they
// are in that order, and one that matches ends those behind it.
func newAutomaton(tree *syntax.Regexp, preferred bool) *automaton {
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil || len(prog.Inst) > maxProgram || slices.ContainsFunc(prog.Inst, looksAround) {
		return nil
	}
	b := automatonBuilder{prog: prog, preferred: preferred, ids: map[string]uint8{}}
	b.state(nil) // dead
	start := []uint32{uint32(prog.Start)}
	a := &automaton{first: b.state(b.closure(start, syntax.EmptyBeginText)), other: b.state(b.closure(start, 0)),
		empty: b.matches(b.closure(start, syntax.EmptyBeginText|syntax.EmptyEndText))}
	alike := b.alike()
	for k := 0; k < len(b.sets); k++ {
		if len(b.sets) > maxStates {
			return nil
		}
		var row [128]uint8
		for c, as := range alike {
			if as < c {
				row[c] = row[as]
				continue
			}
			row[c] = b.state(b.step(b.sets[k], rune(c)))
		}
		a.next = append(a.next, row)
		a.match = append(a.match, b.matches(b.sets[k]))
		a.matchAtEnd = append(a.matchAtEnd, b.matches(b.closure(b.sets[k], syntax.EmptyEndText)))
	}
	return a
}

// looksAround tells whether an instruction asks what stands beside it, but for the
// ends of the text.
func looksAround(i syntax.Inst) bool {
	return i.Op == syntax.InstEmptyWidth && syntax.EmptyOp(i.Arg)&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0
}

type automatonBuilder struct {
	prog      *syntax.Prog
	preferred bool
	sets      [][]uint32
	ids       map[string]uint8
}

// alike is by character the first that no instruction tells from it.
func (b *automatonBuilder) alike() (first [128]int) {
	known := map[string]int{}
	for c := range first {
		var matched []byte // instructions, one bit each
		for i := range b.prog.Inst {
			if i%8 == 0 {
				matched = append(matched, 0)
			}
			if inst := &b.prog.Inst[i]; readsRune(inst.Op) && inst.MatchRune(rune(c)) {
				matched[i/8] |= 1 << (i % 8)
			}
		}
		if _, ok := known[string(matched)]; !ok {
			known[string(matched)] = c
		}
		first[c] = known[string(matched)]
	}
	return first
}

func readsRune(op syntax.InstOp) bool {
	return op == syntax.InstRune || op == syntax.InstRune1 || op == syntax.InstRuneAny || op == syntax.InstRuneAnyNotNL
}

// closure is what is reached from pcs without reading, where cond holds. What waits
// for the end of the text stays in it.
func (b *automatonBuilder) closure(pcs []uint32, cond syntax.EmptyOp) []uint32 {
	seen := make([]bool, len(b.prog.Inst))
	var out []uint32
	var follow func(pc uint32)
	follow = func(pc uint32) {
		if seen[pc] {
			return
		}
		seen[pc] = true
		switch i := &b.prog.Inst[pc]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			follow(i.Out)
			follow(i.Arg)
		case syntax.InstCapture, syntax.InstNop:
			follow(i.Out)
		case syntax.InstEmptyWidth:
			switch need := syntax.EmptyOp(i.Arg); {
			case need&^cond == 0:
				follow(i.Out)
			case need&syntax.EmptyBeginText == 0:
				out = append(out, pc)
			}
		case syntax.InstFail:
		default:
			out = append(out, pc)
		}
	}
	for _, pc := range pcs {
		follow(pc)
	}
	if !b.preferred {
		slices.Sort(out)
	} else if i := slices.IndexFunc(out, b.isMatch); i >= 0 {
		out = out[:i+1]
	}
	return out
}

// step is the state after c.
func (b *automatonBuilder) step(set []uint32, c rune) []uint32 {
	var to []uint32
	for _, pc := range set {
		if i := &b.prog.Inst[pc]; readsRune(i.Op) && i.MatchRune(c) {
			to = append(to, i.Out)
		}
	}
	return b.closure(to, 0)
}

func (b *automatonBuilder) isMatch(pc uint32) bool { return b.prog.Inst[pc].Op == syntax.InstMatch }

func (b *automatonBuilder) matches(set []uint32) bool { return slices.ContainsFunc(set, b.isMatch) }

// state is the number of a set of threads; of those beyond maxStates it is a wrong
// one, and newAutomaton gives up.
func (b *automatonBuilder) state(set []uint32) uint8 {
	key := fmt.Sprint(set)
	id, known := b.ids[key]
	if !known && len(b.sets) <= maxStates {
		id = uint8(len(b.sets))
		b.ids[key] = id
		b.sets = append(b.sets, set)
	}
	return id
}

package contract

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strconv"

	"github.com/sallyport-io/sallyport/shared/record"
)

// literal is a value of the contract: the text that stands at its path (1.50
// and not 1.5, 007 and not 7), or else v as data would write it.
func (b *compiler) literal(path string, v any) string {
	if doc := b.contract.doc; doc != nil {
		if text, null, ok := doc.Literal(path); ok && !null {
			return text
		}
	}
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// literals are the single values of a list, nulls left out.
func (b *compiler) literals(path string, values []any) (texts []string) {
	for i, v := range values {
		if v != nil {
			texts = append(texts, b.literal(fmt.Sprintf("%s[%d]", path, i), v))
		}
	}
	return texts
}

// enum compiles the values that a property may have: the standard's enum (3.2)
// and our custom property.
func (b *compiler) enum(f *field, p *Property, at string) {
	var values []string
	for i, e := range p.Enum {
		if e.Value != nil {
			values = append(values, b.literal(fmt.Sprintf("%s.enum[%d].value", at, i), e.Value))
		}
	}
	if i := ours(p.CustomProperties, "enum"); i >= 0 {
		path := fmt.Sprintf("%s.customProperties[%d].value", at, i)
		list, ok := p.CustomProperties[i].Value.([]any)
		if !ok || len(list) == 0 {
			b.problem(path, "enum must be a list of values", "")
		}
		values = append(values, b.literals(path, list)...)
	}
	switch {
	case len(values) == 0:
	case !single(f.typ):
		b.unenforced(at, f.path+": the values of an object or array are not checked", "say under properties or items which values there may be")
	default:
		f.checks = append(f.checks, oneOf(values, f.typ, &rule{name: "enum", want: fmt.Sprintf("one of the %d values of the contract", len(values)), do: "use one of them"}))
	}
}

// single tells the types of which a value is one text.
func single(t record.Type) bool {
	return t != record.Object && t != record.Array && t != record.Opaque
}

// oneOf checks that a value is in a list: as it is written, and numbers by what
// they mean, too (1 is 1.0).
func oneOf(values []string, t record.Type, broken *rule) check {
	has := lookup(values)
	if t != record.Integer && t != record.Number {
		return func(v []byte) *rule {
			if has(v) {
				return nil
			}
			return broken
		}
	}
	var numbers []decimal
	for _, text := range values {
		if d, ok := parseDecimal([]byte(text)); ok {
			numbers = append(numbers, d)
		}
	}
	return func(v []byte) *rule {
		if has(v) {
			return nil
		}
		if d, ok := parseDecimal(v); ok && slices.ContainsFunc(numbers, func(n decimal) bool { return d.compare(&n) == 0 }) {
			return nil
		}
		return broken
	}
}

// lookup tells whether a value is in a list. Values of eight bytes at most are
// looked up as words, where a table without collisions is found; others in a map.
func lookup(values []string) func([]byte) bool {
	if t, ok := newWords(values); ok {
		return t.has
	}
	set := make(map[string]struct{}, len(values))
	for _, text := range values {
		set[text] = struct{}{}
	}
	return func(v []byte) bool {
		_, ok := set[string(v)]
		return ok
	}
}

// words is a set of words: each stands where its product with factor says, and no
// two at one place.
type words struct {
	table  []word
	factor uint64
	shift  uint
}

// newWords finds a table for values; ok is false if there is none.
func newWords(values []string) (t words, ok bool) {
	if slices.ContainsFunc(values, func(s string) bool { return len(s) > 8 }) {
		return t, false
	}
	width := bits.Len(uint(4*len(values)*len(values)/3 + 1))
	if width > 10 {
		return t, false
	}
	t.shift = 64 - uint(width)
	t.factor = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	for range 100 {
		t.factor = t.factor*0x5851f42d4c957f2d | 1
		if t.fill(values, width) {
			return t, true
		}
	}
	return t, false
}

func (t *words) fill(values []string, width int) bool {
	t.table = slices.Repeat([]word{{size: -1}}, 1<<width) // no text has that size
	for _, text := range values {
		w := makeWord([]byte(text))
		at := &t.table[t.place(w)]
		if at.size >= 0 && *at != w {
			return false
		}
		*at = w
	}
	return true
}

// place is less than the table's size. A word's bits are mixed with its size, which
// one of eight zero bytes has in common with none.
func (t *words) place(w word) uint64 { return (w.bits + uint64(w.size)) * t.factor >> t.shift }

func (t *words) has(v []byte) bool {
	if len(v) > 8 {
		return false
	}
	w := makeWord(v)
	return t.table[t.place(w)] == w
}

// word is a text of eight bytes at most. Texts of one length have the same bits
// only if they are the same.
type word struct {
	bits uint64
	size int
}

func makeWord(v []byte) word {
	n := len(v)
	switch {
	case n >= 4:
		return word{uint64(binary.LittleEndian.Uint32(v)) | uint64(binary.LittleEndian.Uint32(v[n-4:]))<<32, n}
	case n >= 2:
		return word{uint64(v[0]) | uint64(v[1])<<8 | uint64(v[n-1])<<16, n}
	case n == 1:
		return word{uint64(v[0]), n}
	}
	return word{}
}

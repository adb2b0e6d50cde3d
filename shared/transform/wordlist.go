package transform

import (
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Limits of the words that text hides.
const (
	maxNames   = 100_000
	maxName    = 200 // bytes of one
	maxBetween = 3   // characters between two words of a name: a space, ", ", a hyphen
)

// person is the name of what a list of words hides, as in Presidio.
const person = "PERSON"

// wordList finds names of a list in text: whole words, in any case. It does not know
// that two ways to write a letter in Unicode are the same.
type wordList map[string][]name // by the first word

// name is what follows the first word: the others, each as fold writes it.
type name [][]byte

// newWordList answers nil for no words.
func newWordList(words []string) (wordList, error) {
	if len(words) > maxNames {
		return nil, optionFault(fmt.Sprintf("text has %d words to hide", len(words)), fmt.Sprintf("it takes %d at most", maxNames))
	}
	var list wordList
	for i, text := range words {
		var parts name
		for at := 0; len(text) <= maxName; {
			from, to := nextWord([]byte(text), at, len(text))
			if from == to {
				break
			}
			parts, at = append(parts, fold(nil, []byte(text[from:to]))), to
		}
		if len(parts) == 0 {
			return nil, optionFault(fmt.Sprintf("word %d that text hides is none", i+1), fmt.Sprintf("write a word of letters or digits, of at most %d bytes", maxName))
		}
		if list == nil {
			list = wordList{}
		}
		first := string(parts[0])
		list[first] = append(list[first], parts[1:])
	}
	for _, names := range list { // the longest is found first
		slices.SortStableFunc(names, func(a, b name) int { return len(b) - len(a) })
	}
	return list, nil
}

// next is where the first name in text from at on starts and ends; from == to: there
// is none. scratch is for its use.
func (l wordList) next(text []byte, at int, scratch *[]byte) (from, to int) {
	for {
		start, end := nextWord(text, at, len(text))
		if start == end {
			return 0, 0
		}
		*scratch = fold((*scratch)[:0], text[start:end])
		for _, n := range l[string(*scratch)] {
			if past, ok := n.follows(text, end, scratch); ok {
				return start, past
			}
		}
		at = end
	}
}

// follows tells whether the words of a name stand in text behind at, and where they
// end.
func (n name) follows(text []byte, at int, scratch *[]byte) (past int, ok bool) {
	for _, word := range n {
		from, to := nextWord(text, at, maxBetween)
		if from == to {
			return 0, false
		}
		if *scratch = fold((*scratch)[:0], text[from:to]); string(*scratch) != string(word) {
			return 0, false
		}
		at = to
	}
	return at, true
}

// nextWord is where the next word starts and ends: letters, marks and digits. from ==
// to: there is none within so many characters.
func nextWord(text []byte, at, within int) (from, to int) {
	for ; at < len(text) && within >= 0; within-- {
		r, size := utf8.DecodeRune(text[at:])
		if !inWord(r) {
			at += size
			continue
		}
		for from = at; at < len(text); at += size {
			if r, size = utf8.DecodeRune(text[at:]); !inWord(r) {
				break
			}
		}
		return from, at
	}
	return 0, 0
}

func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}

// fold appends a word in the one case that words are compared in.
func fold(dst, word []byte) []byte {
	for len(word) > 0 {
		r, size := utf8.DecodeRune(word)
		dst, word = utf8.AppendRune(dst, unicode.ToLower(unicode.ToUpper(r))), word[size:]
	}
	return dst
}

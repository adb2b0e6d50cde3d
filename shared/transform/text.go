package transform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/detect"
	"github.com/sallyport-io/sallyport/shared/record"
)

func textKind() kind {
	return kind{
		name: Text, options: []string{"detect", "with", "words"},
		check: func(s Spec, in record.Type) (record.Type, error) {
			types, err := detected(s)
			if err != nil {
				return in, err
			}
			if _, err := newWordList(s.Words.list()); err != nil {
				return in, err
			}
			if err := s.checkWith(types); err != nil {
				return in, err
			}
			return record.String, s.takes(in, insteadOf, record.String)
		},
		make: func(s Spec, key TokenKey) (func() Appender, error) {
			types, err := detected(s)
			if err != nil {
				return nil, err
			}
			words, err := newWordList(s.Words.list())
			if err != nil {
				return nil, err
			}
			with := map[string]*Transform{}
			for name, spec := range s.With.list() {
				if with[name], err = Compile(spec, record.String, key); err != nil {
					return nil, err
				}
			}
			return func() Appender {
				a := &textAppender{types: types, words: words}
				for name, transform := range with {
					if t, ok := detect.ParseType(name); ok {
						a.with[t] = transform.Appender()
					} else {
						a.person = transform.Appender()
					}
				}
				return a
			}, nil
		},
	}
}

// insideText are the transforms of what is detected in a text: those that need
// nothing but the value, and leave nothing that could be revealed.
var insideText = []string{Mask, Token, FPE, Dictionary, Constant, Prefix, IP}

// checkWith is the fault for how a spec hides what is detected in a text.
func (s Spec) checkWith(types detect.Set) error {
	for name, spec := range s.With.list() {
		t, ok := detect.ParseType(name)
		switch {
		case !ok && name != person:
			return optionFault(fmt.Sprintf("nothing detects %q", name), knownTypes())
		case !ok && s.Words == "":
			return optionFault("text has no words that were hidden as "+person, "write them under words, or take it out of with")
		case ok && !types.Has(t):
			return optionFault(fmt.Sprintf("%s is not among what text detects here", name), "add it to detect, or take it out of with")
		case !slices.Contains(insideText, spec.Type) || spec.Reversible() || spec.Subject != "" || spec.Scope != "":
			return optionFault(fmt.Sprintf("%s cannot be hidden inside a text by %s", name, cmp.Or(spec.Type, "nothing")), "use one of "+strings.Join(insideText, ", ")+"; tokens of hmac-sha256 or blake3, without subject and scope")
		}
		out, err := Check(spec, record.String)
		if err != nil {
			return err
		}
		if out != record.String {
			return optionFault(fmt.Sprintf("what %s makes of %s is no text", spec.Type, name), "use one whose result is a text")
		}
	}
	return nil
}

func knownTypes() string {
	var known []string
	for _, t := range detect.Types() {
		known = append(known, t.String())
	}
	return "use some of " + strings.Join(known, ", ")
}

// detected are the types that a spec names, or all.
func detected(s Spec) (types detect.Set, err error) {
	if s.Detect == "" {
		return detect.All, nil
	}
	for _, name := range s.Detect.list() {
		t, ok := detect.ParseType(name)
		if !ok {
			return 0, optionFault(fmt.Sprintf("nothing detects %q", name), knownTypes())
		}
		types |= detect.Of(t)
	}
	if types == 0 {
		return 0, optionFault("text is told to detect nothing", "leave detect out for all that can be detected")
	}
	return types, nil
}

// textAppender hides each thing that is detected in a text, and each word of a list:
// by the transform of its type, or else, and where that has no result, by the name of
// its type, such as <EMAIL_ADDRESS>. Everything else stays, byte for byte.
type textAppender struct {
	types   detect.Set
	with    [detect.Count]Appender
	words   wordList
	person  Appender // of words; nil: none
	scratch []byte
}

func (a *textAppender) Append(dst, value []byte) ([]byte, bool) {
	if !utf8.Valid(value) {
		return dst, false
	}
	from := 0
	detect.Each(value, a.types, func(h detect.Hit) {
		dst = a.hideWords(dst, value[from:h.Start])
		dst = hidden(dst, value[h.Start:h.End], a.with[h.Type], h.Type.String())
		from = h.End
	})
	return a.hideWords(dst, value[from:]), true
}

// hideWords appends text with the words of the list hidden.
func (a *textAppender) hideWords(dst, text []byte) []byte {
	if a.words == nil {
		return append(dst, text...)
	}
	for {
		from, to := a.words.next(text, 0, &a.scratch)
		if from == to {
			return append(dst, text...)
		}
		dst = hidden(append(dst, text[:from]...), text[from:to], a.person, person)
		text = text[to:]
	}
}

// hidden appends what with makes of a value, or the name of what it is.
func hidden(dst, value []byte, with Appender, name string) []byte {
	if with != nil {
		whole := len(dst)
		var ok bool
		if dst, ok = with.Append(dst, value); ok {
			return dst
		}
		dst = dst[:whole]
	}
	return append(append(append(dst, '<'), name...), '>')
}

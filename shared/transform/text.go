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
		name: Text, options: []string{"detect", "with"},
		check: func(s Spec, in record.Type) (record.Type, error) {
			types, err := detected(s)
			if err != nil {
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
			with := map[detect.Type]*Transform{}
			for name, spec := range s.With.list() {
				t, ok := detect.ParseType(name)
				if !ok {
					return nil, optionFault(fmt.Sprintf("nothing detects %q", name), knownTypes())
				}
				if with[t], err = Compile(spec, record.String, key); err != nil {
					return nil, err
				}
			}
			return func() Appender {
				a := &textAppender{types: types}
				for t, transform := range with {
					a.with[t] = transform.Appender()
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
		case !ok:
			return optionFault(fmt.Sprintf("nothing detects %q", name), knownTypes())
		case !types.Has(t):
			return optionFault(fmt.Sprintf("%s is not among what text detects here", name), "add it to detect, or take it out of with")
		case !slices.Contains(insideText, spec.Type) || spec.Reversible():
			return optionFault(fmt.Sprintf("%s cannot be hidden inside a text by %s", name, cmp.Or(spec.Type, "nothing")), "use one of "+strings.Join(insideText, ", ")+"; tokens of hmac-sha256 or blake3")
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
		return detect.Of(detect.Types()...), nil
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

// textAppender hides each thing that is detected in a text: by the transform of its
// type, or else, and where that has no result, by the name of its type, such as
// <EMAIL_ADDRESS>. Everything else stays, byte for byte.
type textAppender struct {
	types detect.Set
	with  [detect.Count]Appender
}

func (a *textAppender) Append(dst, value []byte) ([]byte, bool) {
	if !utf8.Valid(value) {
		return dst, false
	}
	from := 0
	detect.Each(value, func(h detect.Hit) {
		if !a.types.Has(h.Type) {
			return
		}
		dst = append(dst, value[from:h.Start]...)
		from = h.End
		if with := a.with[h.Type]; with != nil {
			whole := len(dst)
			var ok bool
			if dst, ok = with.Append(dst, value[h.Start:h.End]); ok {
				return
			}
			dst = dst[:whole]
		}
		dst = append(append(append(dst, '<'), h.Type.String()...), '>')
	})
	return append(dst, value[from:]...), true
}

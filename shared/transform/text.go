package transform

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/detect"
	"github.com/sallyport-io/sallyport/shared/record"
)

func textKind() kind {
	return kind{
		name: Text, options: []string{"detect"},
		check: func(s Spec, in record.Type) (record.Type, error) {
			if _, err := detected(s); err != nil {
				return in, err
			}
			return record.String, s.takes(in, insteadOf, record.String)
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			types, err := detected(s)
			return func() Appender { return &textAppender{types: types} }, err
		},
	}
}

// detected are the types that a spec names, or all.
func detected(s Spec) (types detect.Set, err error) {
	if s.Detect == "" {
		return detect.Of(detect.Types()...), nil
	}
	for _, name := range s.Detect.list() {
		t, ok := detect.ParseType(name)
		if !ok {
			var known []string
			for _, t := range detect.Types() {
				known = append(known, t.String())
			}
			return 0, optionFault(fmt.Sprintf("nothing detects %q", name), "use some of "+strings.Join(known, ", "))
		}
		types |= detect.Of(t)
	}
	if types == 0 {
		return 0, optionFault("text is told to detect nothing", "leave detect out for all that can be detected")
	}
	return types, nil
}

// textAppender puts the name of its type, such as <EMAIL_ADDRESS>, in the place of
// each thing that is detected in a text. Everything else stays, byte for byte.
type textAppender struct{ types detect.Set }

func (a *textAppender) Append(dst, value []byte) ([]byte, bool) {
	if !utf8.Valid(value) {
		return dst, false
	}
	from := 0
	detect.Each(value, func(h detect.Hit) {
		if !a.types.Has(h.Type) {
			return
		}
		dst = append(append(dst, value[from:h.Start]...), '<')
		dst = append(append(dst, h.Type.String()...), '>')
		from = h.End
	})
	return append(dst, value[from:]...), true
}

package cli

import (
	"errors"
	"strings"

	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// failure is an error of the command itself: what happened, and what to do.
func failure(msg, do string) error { return fault.New(fault.Invalid, "", msg, do) }

// tell says on stderr what went wrong and what to do about it.
func (s *session) tell(err error) {
	var u usageError
	var problems yamldoc.Problems
	var f *fault.Error
	switch {
	case errors.As(err, &u):
		s.err.Printf("%s %s\n", s.err.Paint(show.Bad, "sallyport:"), show.Clean(err.Error()))
		s.advise("sallyport --help lists the commands, sallyport COMMAND --help says how to use one")
	case errors.As(err, &problems):
		for _, p := range problems {
			s.err.Printf("%s\n", show.Clean(p.Error()))
		}
		s.err.Printf("%s %s\n", s.err.Paint(show.Bad, "sallyport:"), show.Count(int64(len(problems)), "problem"))
		s.advise("mend them, then run the command again")
	case errors.As(err, &f):
		s.err.Printf("%s %s\n", s.err.Paint(show.Bad, "sallyport:"), show.Clean(sentence(f)))
		s.advise(f.Do)
	default:
		s.err.Printf("%s %s\n", s.err.Paint(show.Bad, "sallyport:"), show.Clean(err.Error()))
	}
}

func (s *session) advise(do string) {
	if do != "" {
		s.err.Printf("  %s %s\n", s.err.Paint(show.Accent, "→"), show.Clean(do))
	}
}

// sentence is a fault without what to do about it.
func sentence(f *fault.Error) string {
	var parts []string
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	add(f.Msg)
	if f.Err != nil {
		add(f.Err.Error())
	}
	text := strings.Join(parts, ": ")
	if f.Code != "" {
		text = strings.TrimSpace(text + " (" + f.Code + ")")
	}
	if where := f.Where.String(); where != "" {
		text += " [" + where + "]"
	}
	return text
}

// reason is the fault of an event, in words: what happened and, after a
// semicolon, what to do.
func reason(f *event.Fault) string {
	if f == nil {
		return ""
	}
	text := f.Code
	if f.Msg != "" {
		text += ": " + f.Msg
	}
	if f.Where.Path != "" {
		text += " [" + f.Where.Path + "]"
	}
	return text
}

// reasonOf is what a fault says, without its place.
func reasonOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Msg
	}
	return err.Error()
}

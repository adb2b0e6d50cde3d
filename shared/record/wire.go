package record

import (
	"fmt"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

var terminators = []struct{ name, eol string }{{"lf", "\n"}, {"crlf", "\r\n"}, {"cr", "\r"}}

// WireFormat is f as events carry it: columns by name.
func WireFormat(f Format, s *Schema) event.Format {
	w := event.Format{Codec: string(f.Codec)}
	if f.Codec != CSV {
		return w
	}
	w.Delimiter, w.Header = string(rune(f.Delimiter)), f.Header
	for _, t := range terminators {
		if t.eol == f.EOL {
			w.Terminator = t.name
		}
	}
	cols := f.Columns
	if cols == nil {
		cols = s.Columns()
	}
	for _, c := range cols {
		w.Columns = append(w.Columns, s.Fields[c].Name)
	}
	return w
}

// ParseFormat is the format that an event carries, for rows of s. What does not
// go with s is Poison.
func ParseFormat(w event.Format, s *Schema) (Format, error) {
	f := Format{Codec: Codec(w.Codec), Header: w.Header}
	if f.Codec != CSV {
		return f, nil
	}
	if len(w.Delimiter) != 1 {
		return f, fault.New(fault.Poison, "format", fmt.Sprintf("a CSV delimiter has one byte, not %d", len(w.Delimiter)), "")
	}
	f.Delimiter = w.Delimiter[0]
	for _, t := range terminators {
		if t.name == w.Terminator {
			f.EOL = t.eol
		}
	}
	if f.EOL == "" {
		return f, fault.New(fault.Poison, "format", fmt.Sprintf("no terminator %q", w.Terminator), "")
	}
	f.Columns = make([]int, 0, len(w.Columns))
	for _, name := range w.Columns {
		c := s.Member(0, []byte(name))
		if c < 0 {
			return f, fault.New(fault.Poison, "format", fmt.Sprintf("the contract has no column %q", name), "")
		}
		f.Columns = append(f.Columns, c)
	}
	return f, nil
}

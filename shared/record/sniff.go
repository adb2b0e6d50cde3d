package record

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// HeadSize is how much of an object Sniff wants to see.
const HeadSize = 64 << 10

// Expect is what is known of an object before it is looked at.
type Expect struct {
	Schema *Schema
	// Codec, Delimiter and Header are told by the contract; zero: find out.
	Codec     Codec
	Delimiter byte
	Header    Header
	// Column finds the field that a CSV column's name means, or -1.
	Column func(name []byte) int
	// Near is the name that was probably meant, or "".
	Near func(name string, candidates []string) string
	// Fits tells whether a value may stand in a field.
	Fits func(field int, value []byte) bool
}

// Header says whether a CSV object starts with the names of its columns.
type Header uint8

const (
	HeaderUnknown Header = iota
	HeaderPresent
	HeaderAbsent
)

// Sniff tells from its first bytes how an object is written: the format, how
// many bytes to skip (a byte order mark), and in notes what it had to find out
// or found to differ, in words. Where the columns are not those of the schema
// the fault is Invalid with code "drift" and names the difference; names of
// columns, never values.
func Sniff(head []byte, e Expect) (f Format, skip int, notes []string, err error) {
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		skip = 3
		head = head[3:]
		notes = append(notes, "byte order mark skipped")
	} else if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return f, 0, nil, fault.New(fault.Invalid, "utf16", "it is written in UTF-16", "save it as UTF-8")
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 {
		return f, 0, nil, fault.New(fault.Invalid, "empty-drop", "there is nothing in it", "look at what made the file")
	}
	f.Codec = e.Codec
	if f.Codec == "" {
		switch text[0] {
		case '{':
			f.Codec = NDJSON
		case '[':
			f.Codec = JSON
		default:
			f.Codec = CSV
		}
		notes = append(notes, "the contract names no codec: taken as "+string(f.Codec))
	}
	if f.Codec != CSV {
		return f, skip, notes, nil
	}
	s := sniffer{Expect: e, head: head, f: f, notes: notes}
	err = s.csv()
	return s.f, skip, s.notes, err
}

type sniffer struct {
	Expect
	head    []byte
	f       Format
	notes   []string
	records [][]string
}

func (s *sniffer) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *sniffer) csv() error {
	s.f.EOL = lineEnd(s.head)
	if s.f.EOL != "\n" {
		s.note("lines end in %s", map[string]string{"\r\n": "CRLF", "\r": "CR alone"}[s.f.EOL])
	}
	want := len(s.Schema.Columns())
	s.f.Delimiter = s.Delimiter
	if s.f.Delimiter == 0 {
		best := -1
		for _, d := range []byte{',', ';', '\t', '|'} {
			if score := s.score(sample(s.head, d, s.f.eol()), want); score > best {
				best, s.f.Delimiter = score, d
			}
		}
		s.note("the contract names no delimiter: taken as %q", s.f.Delimiter)
	}
	s.records = sample(s.head, s.f.Delimiter, s.f.eol())
	if len(s.records) == 0 {
		return nil
	}
	matched := 0
	for _, name := range s.records[0] {
		if s.column(name) >= 0 {
			matched++
		}
	}
	isHeader := matched > 0 && 2*matched >= len(s.records[0])
	switch s.Header {
	case HeaderUnknown:
		s.f.Header = isHeader
		s.note("the contract does not say whether there is a header: taken as %s", map[bool]string{true: "one", false: "none"}[isHeader])
	case HeaderPresent:
		s.f.Header = true
		if !isHeader {
			return s.drift(fmt.Sprintf("the contract promises a header, but only %d of the %d names on the first line are columns of it", matched, len(s.records[0])),
				"put the names of the columns on the first line, or set format.header to false in the contract")
		}
	}
	if s.f.Header {
		return s.byName()
	}
	return s.byPosition()
}

// score tells how well a delimiter explains the sample: records of the width
// that the contract has count most, then records as wide as the first.
func (s *sniffer) score(records [][]string, want int) int {
	score := 0
	for _, r := range records {
		switch {
		case len(r) == want && want > 1:
			score += 3
		case len(r) == len(records[0]) && len(r) > 1:
			score++
		}
	}
	if len(records) > 0 {
		for _, name := range records[0] {
			if len(records[0]) > 1 && s.column(name) >= 0 {
				score++
			}
		}
	}
	return score
}

func (s *sniffer) column(name string) int { return s.Column([]byte(strings.TrimSpace(name))) }

func (s *sniffer) drift(msg, do string) error {
	return fault.New(fault.Invalid, "drift", msg, do)
}

// byName maps the header's names to fields.
func (s *sniffer) byName() error {
	var unknown, twice []string
	var columns []int
	for i, name := range s.records[0] {
		name = strings.TrimSpace(name)
		field := s.column(name)
		switch {
		case field < 0:
			unknown = append(unknown, s.name(name, i))
		case slices.Contains(columns, field):
			twice = append(twice, s.Schema.Fields[field].Name)
		}
		columns = append(columns, field)
	}
	var missing []string
	for _, field := range s.Schema.Columns() {
		if !slices.Contains(columns, field) {
			missing = append(missing, s.Schema.Fields[field].Name)
		}
	}
	if len(unknown)+len(twice)+len(missing) == 0 {
		s.f.Columns = columns
		if !slices.Equal(columns, s.Schema.Columns()) {
			s.note("columns are in another order than in the contract: told by name")
		}
		return nil
	}
	var parts []string
	for _, name := range unknown {
		part := "column too many: " + name
		if near := s.Near(strings.Trim(name, `"`), missing); near != "" {
			part = fmt.Sprintf("column renamed: %s, probably %q", name, near)
			missing = slices.DeleteFunc(missing, func(m string) bool { return m == near })
		}
		parts = append(parts, part)
	}
	for _, name := range twice {
		parts = append(parts, fmt.Sprintf("column twice: %q", name))
	}
	for _, name := range missing {
		parts = append(parts, fmt.Sprintf("column missing: %q", name))
	}
	return s.drift(list(parts), "send the columns of the contract, or agree on a new version of it")
}

// name quotes a column's name if it looks like one; by its place otherwise, for
// it may be a value where no header was meant.
func (s *sniffer) name(name string, i int) string {
	if name == "" || len(name) > 64 || !unicode.IsLetter(rune(name[0])) && name[0] != '_' {
		return fmt.Sprintf("the %s", ordinal(i+1))
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-. ", r) {
			return fmt.Sprintf("the %s", ordinal(i+1))
		}
	}
	return fmt.Sprintf("%q", name)
}

// byPosition holds records without names to the contract's order.
func (s *sniffer) byPosition() error {
	columns := s.Schema.Columns()
	want, got := len(columns), len(s.records[0])
	if got != want {
		for _, r := range s.records {
			if len(r) == want {
				return nil // single rows differ: they are refused one by one
			}
		}
		where := "column too many"
		if got < want {
			where = "column too few"
		}
		msg := fmt.Sprintf("%s: rows have %d columns, the contract has %d, and there is no header to tell them by name", where, got, want)
		if hint := s.misfit(columns, got); hint != "" {
			msg += "; " + hint
		}
		return s.drift(msg, "send the columns of the contract in its order, send a header, or agree on a new version of the contract")
	}
	if len(s.records) < 5 {
		return nil
	}
	for i, field := range columns {
		if s.fitting(i, field) == 0 {
			return s.drift(fmt.Sprintf("columns in another order: in the %s no value fits %q", ordinal(i+1), s.Schema.Fields[field].Name),
				"send the columns in the contract's order, or send a header")
		}
	}
	return nil
}

// misfit says which column is probably the one too many, or where the columns
// stop fitting.
func (s *sniffer) misfit(columns []int, got int) string {
	if got == len(columns)+1 {
		from, to := -1, -1
		for skip := range got {
			if s.fitsWithout(skip, columns) {
				if from < 0 {
					from = skip
				}
				to = skip
			}
		}
		switch {
		case from >= 0 && from == to:
			return fmt.Sprintf("without the %s all fit", ordinal(from+1))
		case from >= 0:
			return fmt.Sprintf("without one of the %s to %s all fit", ordinal(from+1), ordinal(to+1))
		}
	}
	for i, field := range columns {
		if i < got && s.fitting(i, field) == 0 {
			return fmt.Sprintf("from the %s on they are not the contract's: no value there fits %q", ordinal(i+1), s.Schema.Fields[field].Name)
		}
	}
	return ""
}

func (s *sniffer) fitsWithout(skip int, columns []int) bool {
	for _, r := range s.records {
		for i, field := range columns {
			at := i
			if i >= skip {
				at++
			}
			if at >= len(r) || r[at] != "" && !s.Fits(field, []byte(r[at])) {
				return false
			}
		}
	}
	return true
}

// fitting counts the sampled values of column i that fit the field; values that
// are missing fit.
func (s *sniffer) fitting(i, field int) int {
	n := 0
	for _, r := range s.records {
		if i < len(r) && (r[i] == "" || s.Fits(field, []byte(r[i]))) {
			n++
		}
	}
	return n
}

// lineEnd is what ends the first record.
func lineEnd(head []byte) string {
	quoted := false
	for i, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			return "\n"
		case c == '\r' && i+1 < len(head) && head[i+1] == '\n':
			return "\r\n"
		case c == '\r':
			return "\r"
		}
	}
	return "\n"
}

// sample cuts up to 100 whole records from the start of an object; the last may
// be cut short and is left out unless it is the only one.
func sample(head []byte, delim, eol byte) [][]string {
	var records [][]string
	var record []string
	var field []byte
	quoted, atStart := false, true
	endField := func() {
		record = append(record, string(field))
		field, atStart = field[:0], true
	}
	for i := 0; i < len(head) && len(records) < 100 && len(record) < 1<<16; i++ {
		c := head[i]
		switch {
		case quoted && c == '"' && i+1 < len(head) && head[i+1] == '"':
			field = append(field, c)
			i++
		case quoted && c == '"':
			quoted = false
		case quoted:
			field = append(field, c)
		case c == '"' && atStart:
			quoted, atStart = true, false
		case c == delim:
			endField()
		case c == eol:
			if eol == '\n' {
				field = bytes.TrimSuffix(field, []byte("\r"))
			}
			if len(record) > 0 || len(field) > 0 {
				endField()
				records = append(records, record)
			}
			record = nil
			field, atStart = field[:0], true
		default:
			field = append(field, c)
			atStart = false
		}
	}
	if len(records) == 0 && (len(record) > 0 || len(field) > 0) {
		endField()
		records = append(records, record)
	}
	return records
}

// list joins up to ten parts and counts the rest.
func list(parts []string) string {
	if len(parts) > 10 {
		parts = append(parts[:10:10], fmt.Sprintf("and %d more", len(parts)-10))
	}
	return strings.Join(parts, "; ")
}

func ordinal(n int) string {
	suffix := "th"
	if n%100/10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s column", n, suffix)
}

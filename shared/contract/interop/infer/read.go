package infer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// csv reads records. Delimiter and header are found out from the head.
func (s *survey) csv(in io.Reader, head []byte) error {
	f := record.Format{Codec: record.CSV, EOL: lineEnd(head)}
	var records [][]string
	best := -1
	for _, d := range []byte{',', ';', '\t', '|'} {
		sample := split(head, d, f.EOL[len(f.EOL)-1])
		if len(sample) == 0 {
			continue
		}
		score := 0
		for _, r := range sample {
			if len(r) == len(sample[0]) && len(r) > 1 {
				score += 2
			}
		}
		if len(sample[0]) > 1 {
			score++
		}
		if score > best {
			best, f.Delimiter, records = score, d, sample
		}
	}
	if len(records) == 0 {
		return fault.New(fault.Invalid, "no-rows", "no row of the file could be parsed", "give CSV, one JSON object a line, or an array of JSON objects")
	}
	switch s.o.Header {
	case record.HeaderPresent:
		f.Header = true
	case record.HeaderUnknown:
		var err error
		if f.Header, err = s.isHeader(records); err != nil {
			return err
		}
	}
	fields := []record.Field{{Parent: -1, Type: record.Object, Items: -1}}
	var columns []*column
	for i, name := range records[0] {
		name = strings.TrimSpace(name)
		if !f.Header || name == "" {
			name = fmt.Sprintf("column%d", i+1)
		}
		if s.root.byName[name] != nil {
			return fault.New(fault.Invalid, "header-duplicate", fmt.Sprintf("two columns have the name of column %d", i+1), "give each column a name of its own")
		}
		c, err := s.member(s.root, name, 1)
		if err != nil {
			return err
		}
		columns = append(columns, c)
		fields[0].Members = append(fields[0].Members, len(fields))
		fields = append(fields, record.Field{Name: name, Path: name, Parent: 0, Type: record.String, Items: -1})
	}
	s.result.Format = f
	r, err := record.NewReader(in, f, record.NewSchema("sample", fields), s.o.Limits)
	if err != nil {
		return err
	}
	var scratch, value []byte
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for i := range b.Rows {
			if !s.more() {
				return nil
			}
			row := &b.Rows[i]
			if row.Bad != "" {
				s.result.Malformed++
				continue
			}
			s.root.objects++
			for n := row.First; n < row.Past; n++ {
				node, c := &b.Nodes[n], columns[n-row.First]
				if node.Kind == record.Null {
					c.nulls++
					continue
				}
				value, scratch = b.Value(node, scratch)
				c.strings++
				s.text(c, value, true)
			}
		}
	}
}

// isHeader tells whether the first record holds names: none of them looks like
// data, and what is below them does, or their form is that of names. Where it
// could be either it is not guessed: a value must not become a name.
func (s *survey) isHeader(records [][]string) (bool, error) {
	for _, name := range records[0] {
		if name = strings.TrimSpace(name); !looksLikeName(name) || s.probe.isData([]byte(name)) {
			return false, nil
		}
	}
	for i, name := range records[0] {
		if strings.ContainsRune(name, '_') || known(words(name)) {
			return true, nil
		}
		data := 0
		for _, r := range records[1:] {
			if i < len(r) && s.probe.isData([]byte(r[i])) {
				data++
			}
		}
		if data > 0 && 2*data >= len(records)-1 {
			return true, nil
		}
	}
	return false, fault.New(fault.Invalid, "header-unknown", "whether the first line holds the names of the columns or values cannot be told", "say it: --header present or --header absent")
}

func looksLikeName(s string) bool {
	if len(s) > 64 || !utf8.ValidString(s) {
		return false
	}
	for i, r := range s {
		if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r) && !strings.ContainsRune(" -./#()", r)) {
			return false
		}
	}
	return s != ""
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

// split cuts up to 100 records from a head; the last may be cut short and is
// left out unless it is the only one.
func split(head []byte, delim, eol byte) [][]string {
	var records [][]string
	var fields []string
	var field []byte
	quoted := false
	end := func() {
		fields = append(fields, strings.Trim(string(field), "\r"))
		field = field[:0]
	}
	for i := 0; i < len(head) && len(records) < 100 && len(fields) < 1<<16; i++ {
		c := head[i]
		switch {
		case c == '"' && quoted && i+1 < len(head) && head[i+1] == '"':
			field = append(field, c)
			i++
		case c == '"' && (quoted || len(field) == 0):
			quoted = !quoted
		case !quoted && c == delim:
			end()
		case !quoted && c == eol:
			if len(fields) > 0 || len(bytes.Trim(field, "\r")) > 0 {
				end()
				records = append(records, slices.Clone(fields))
			}
			fields, field = fields[:0], field[:0]
		default:
			field = append(field, c)
		}
	}
	if len(records) == 0 && (len(fields) > 0 || len(field) > 0) {
		end()
		records = append(records, fields)
	}
	return records
}

// ndjson reads one object a line.
func (s *survey) ndjson(in *bufio.Reader) error {
	s.result.Format = record.Format{Codec: record.NDJSON}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), s.o.Limits.Row)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if !s.more() {
			return nil
		}
		if err := s.row(line); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return tooLarge(s.o.Limits.Row)
	}
	return lines.Err()
}

func tooLarge(limit int) error {
	return fault.New(fault.Invalid, "row-too-large", fmt.Sprintf("a row is larger than %d bytes", limit), "if it is one object over many lines, put it into an array")
}

// json reads an array of objects.
func (s *survey) json(in io.Reader) error {
	s.result.Format = record.Format{Codec: record.JSON}
	window := &window{r: in, max: 2 * s.o.Limits.Row}
	dec := json.NewDecoder(window)
	if _, err := dec.Token(); err != nil {
		return syntax(err)
	}
	for dec.More() {
		if !s.more() {
			return nil
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return syntax(err)
		}
		if len(raw) > s.o.Limits.Row {
			return tooLarge(s.o.Limits.Row)
		}
		window.read = 0
		if err := s.row(raw); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return syntax(err)
	}
	return nil
}

func syntax(err error) error {
	if fault.CodeOf(err) != "" {
		return err
	}
	return fault.New(fault.Invalid, "json-syntax", "the array of rows cannot be read to its end", "look at how it is written")
}

// window bounds how much is read for one row.
type window struct {
	r         io.Reader
	read, max int
}

func (w *window) Read(p []byte) (int, error) {
	if w.read > w.max {
		return 0, tooLarge(w.max / 2)
	}
	n, err := w.r.Read(p)
	w.read += n
	return n, err
}

// row surveys one JSON object.
func (s *survey) row(text []byte) error {
	v, err := interop.Parse(text)
	if err != nil || v.Kind != interop.Object {
		s.result.Malformed++
		return nil
	}
	return s.value(s.root, v, 0)
}

// value surveys a JSON value.
func (s *survey) value(c *column, v *interop.Value, depth int) error {
	switch v.Kind {
	case interop.Null:
		c.nulls++
	case interop.Bool:
		c.bools++
		c.enum(nil)
	case interop.Number:
		c.numbers++
		s.text(c, []byte(v.Text), false)
	case interop.String:
		c.strings++
		s.text(c, []byte(v.Text), false)
	case interop.Array:
		c.arrays++
		if c.items == nil && len(v.Items) > 0 {
			items, err := s.column(c.name, depth+1)
			if err != nil {
				return err
			}
			items.top = false
			c.items = items
		}
		for _, item := range v.Items {
			c.items.instances++
			if err := s.value(c.items, item, depth+1); err != nil {
				return err
			}
		}
	case interop.Object:
		c.objects++
		for _, m := range v.Members {
			member, err := s.member(c, m.Name, depth+1)
			if err != nil {
				return err
			}
			if err := s.value(member, m.Value, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

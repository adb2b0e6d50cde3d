package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// The rules of form that a row can break (Row.Bad).
const (
	BadColumns   = "columns"            // another number of columns than the format has
	BadQuote     = "csv-quote"          // text after a closing quote, or a quote that never closes
	BadUTF8      = "utf8"               // not UTF-8
	BadNUL       = "nul"                // a zero byte
	BadJSON      = "json-syntax"        // not JSON (RFC 8259)
	BadObject    = "json-not-object"    // JSON, but the row is not an object
	BadDepth     = "json-depth"         // nested deeper than the limit
	BadDuplicate = "json-duplicate-key" // a name twice in one object
	BadMember    = "unknown-field"      // a member that the contract does not name
	BadMembers   = "json-members"       // more members in one object than the limit
)

// batchSize is how many bytes a reader aims to have in one batch: few enough to
// stay in a core's second-level cache together with their nodes.
const batchSize = 128 << 10

// NewReader reads the rows of s from r. A byte order mark must have been
// skipped; a header is skipped by the reader.
func NewReader(r io.Reader, f Format, s *Schema, lim Limits) (Reader, error) {
	lim = lim.WithDefaults()
	in := input{src: r, max: lim.Row}
	switch f.Codec {
	case CSV:
		cols := f.Columns
		if cols == nil {
			cols = s.Columns()
		}
		return newCSVReader(in, f, cols, lim), nil
	case NDJSON:
		return &ndjsonReader{in: in, w: newWalker(s, lim), number: 1, line: 1}, nil
	case JSON:
		return &arrayReader{in: in, w: newWalker(s, lim), number: 1, line: 1}, nil
	}
	return nil, fault.New(fault.Poison, "unknown-codec", fmt.Sprintf("no codec %q", f.Codec), "use csv, ndjson or json")
}

// input is a sliding window over a stream: data[pos:] is not yet consumed.
// There are always eight readable bytes after data, for word-wise scanning.
type input struct {
	src  io.Reader
	data []byte
	eof  bool
	max  int // bytes that one row may have
}

// fill drops the first `used` bytes and reads until there are at least want
// bytes or the stream ends.
func (in *input) fill(used, want int) error {
	rest := len(in.data) - used
	if cap(in.data) < want+8 {
		grown := make([]byte, rest, max(want+8, min(2*cap(in.data), in.max+batchSize+8)))
		copy(grown, in.data[used:])
		in.data = grown
	} else {
		copy(in.data[:rest], in.data[used:])
		in.data = in.data[:rest]
	}
	room := cap(in.data) - 8
	for len(in.data) < want && !in.eof {
		n, err := in.src.Read(in.data[len(in.data):room])
		in.data = in.data[:len(in.data)+n]
		switch {
		case err == io.EOF:
			in.eof = true
		case err != nil:
			return err
		}
	}
	clear(in.data[len(in.data) : len(in.data)+8])
	return nil
}

// cutLong ends rows before the first that is longer than the limit, so that
// what is refused does not depend on how much was in the buffer.
func (in *input) cutLong(rows []Row, number int64, fail error) ([]Row, error) {
	if len(in.data) <= in.max {
		return rows, fail
	}
	for i := range rows {
		if int(rows[i].End-rows[i].Start) > in.max {
			return rows[:i], in.tooLong(number + int64(i))
		}
	}
	return rows, fail
}

func (in *input) tooLong(number int64) error {
	return &fault.Error{Kind: fault.Invalid, Code: "row-too-long", Where: fault.Where{Row: number},
		Msg: fmt.Sprintf("a row is longer than %d bytes", in.max),
		Do:  "look for a quote that is never closed or a missing line end; or raise limits.row in exchange.yaml"}
}

// wanted is how many bytes to ask for when `rest` bytes held no whole row.
func (in *input) wanted(rest int, number int64) (int, error) {
	if rest > in.max {
		return 0, in.tooLong(number)
	}
	return min(max(batchSize, 2*rest), in.max+batchSize), nil
}

type csvReader struct {
	in     input
	cols   []int
	delim  byte
	eol    byte // what the splitter looks for: '\n', or '\r' where it stands alone
	lim    Limits
	header bool // still to be skipped
	used   int
	number int64
	line   int64
	batch  Batch
	fail   error
}

func newCSVReader(in input, f Format, cols []int, lim Limits) *csvReader {
	return &csvReader{in: in, cols: cols, delim: f.Delimiter, eol: f.eol(), lim: lim, header: f.Header, number: 1, line: 1}
}

// eol is the byte that every record of the format ends in.
func (f Format) eol() byte {
	if f.EOL == "\r" {
		return '\r'
	}
	return '\n'
}

func (r *csvReader) Next() (*Batch, error) {
	b := &r.batch
	want := batchSize
	for {
		if r.fail != nil {
			return nil, r.fail
		}
		if err := r.in.fill(r.used, want); err != nil {
			return nil, err
		}
		r.used = 0
		if len(r.in.data) == 0 {
			return nil, io.EOF
		}
		b.Data, b.Rows, b.Nodes, b.First = r.in.data, b.Rows[:0], b.Nodes[:0], r.number
		r.used = r.split(b)
		b.Rows, r.fail = r.in.cutLong(b.Rows, r.number, r.fail)
		if r.header && len(b.Rows) > 0 {
			r.header = false
			b.Rows = b.Rows[1:]
		}
		if len(b.Rows) > 0 {
			b.Data = b.Data[:r.used]
			r.number += int64(len(b.Rows))
			checkText(b.Data, b.Rows)
			return b, nil
		}
		if r.fail != nil {
			continue
		}
		if r.in.eof && r.used == len(r.in.data) {
			return nil, io.EOF
		}
		var err error
		if want, err = r.in.wanted(len(r.in.data)-r.used, r.number); err != nil {
			return nil, err
		}
	}
}

const ones = 0x0101010101010101

// equal marks, with the top bit of each byte, the bytes of w that are the byte
// that pattern repeats. Exact in every byte (Hacker's Delight, 6-1).
func equal(w, pattern uint64) uint64 {
	x := w ^ pattern
	t := (x & 0x7f7f7f7f7f7f7f7f) + 0x7f7f7f7f7f7f7f7f
	return ^(t | x | 0x7f7f7f7f7f7f7f7f)
}

// split cuts the whole records at the start of b.Data into rows and nodes and
// answers how many bytes they have. Eight bytes are looked at at once for the
// three that mean something; quoted fields are searched for their end.
func (r *csvReader) split(b *Batch) (used int) {
	data := b.Data
	n := len(data)
	words := data[: n+8 : n+8]
	cols := r.cols
	delims, eols, quotes := uint64(r.delim)*ones, uint64(r.eol)*ones, uint64('"')*ones
	delim, eol := r.delim, r.eol
	nodes, rows := b.Nodes, b.Rows

	row := Row{Line: r.line} // the row at hand
	line := r.line
	field := 0   // where the field at hand starts
	column := 0  // its number
	closed := -1 // behind its closing quote, where it is quoted
	escaped := false

scan:
	for pos := 0; pos < n; {
		w := binary.LittleEndian.Uint64(words[pos:])
		m := equal(w, delims) | equal(w, eols) | equal(w, quotes)
		if left := n - pos; left < 8 {
			m &= 1<<(8*left) - 1
		}
		base := pos
		pos += 8
		for m != 0 {
			i := base + bits.TrailingZeros64(m)>>3
			m &= m - 1
			switch c := data[i]; {
			case c == delim:
				node := Node{Start: uint32(field), End: uint32(i), Kind: Text}
				if i == field {
					node.Kind = Null
				}
				if closed >= 0 {
					node.Escaped = escaped
					if closed != i {
						row.Bad = BadQuote
					}
					closed = -1
				}
				if column < len(cols) {
					node.Field = uint16(cols[column])
				} else if column >= r.lim.Columns {
					r.fail = r.tooManyColumns(len(rows))
					break scan
				}
				node.Next = uint32(len(nodes) + 1)
				nodes = append(nodes, node)
				column++
				field = i + 1
			case c == eol:
				end := i
				if eol == '\n' && end > field && data[end-1] == '\r' {
					end--
				}
				line++
				if column > 0 || end > field {
					node := Node{Start: uint32(field), End: uint32(end), Kind: Text, Next: uint32(len(nodes) + 1)}
					if end == field {
						node.Kind = Null
					}
					if closed >= 0 {
						node.Escaped = escaped
						if closed != end {
							row.Bad = BadQuote
						}
						closed = -1
					}
					if column < len(cols) {
						node.Field = uint16(cols[column])
					}
					nodes = append(nodes, node)
					rows, nodes = endRow(rows, nodes, row, i+1, len(cols))
				}
				column = 0
				field = i + 1
				used = i + 1
				row = Row{Start: uint32(used), First: uint32(len(nodes)), Line: line}
			case i == field:
				end, esc := quoteEnd(data[:n], i+1)
				if end < 0 {
					break scan // the closing quote is not here yet, or never comes
				}
				for _, c := range data[i:end] {
					if c == eol {
						line++
					}
				}
				closed, escaped = end, esc
				pos, m = end, 0
			}
		}
	}
	if r.fail == nil && r.in.eof && used < n {
		// The last record has no line end. If a quote is open it never closes.
		row.Bad = unfinished(data[:n], field, closed, row.Bad)
		end := n
		if eol == '\n' && end > field && data[end-1] == '\r' && row.Bad == "" {
			end--
		}
		if column > 0 || end > field {
			node := Node{Start: uint32(field), End: uint32(end), Kind: Text, Escaped: escaped && closed >= 0, Next: uint32(len(nodes) + 1)}
			if end == field {
				node.Kind = Null
			}
			if column < len(cols) {
				node.Field = uint16(cols[column])
			}
			nodes = append(nodes, node)
			rows, nodes = endRow(rows, nodes, row, n, len(cols))
		}
		used = n
	}
	b.Nodes, b.Rows = nodes, rows
	r.line = row.Line
	if used == n {
		r.line = line
	}
	return used
}

func endRow(rows []Row, nodes []Node, row Row, end, columns int) ([]Row, []Node) {
	row.End = uint32(end)
	if len(nodes)-int(row.First) != columns && row.Bad == "" {
		row.Bad = BadColumns
	}
	if row.Bad != "" {
		nodes = nodes[:row.First]
	}
	row.Past = uint32(len(nodes))
	return append(rows, row), nodes
}

// unfinished tells what is wrong with a last record that has no line end.
func unfinished(data []byte, field, closed int, bad string) string {
	switch {
	case bad != "":
		return bad
	case closed >= 0 && closed != len(data) && string(data[closed:]) != "\r":
		return BadQuote
	case closed < 0 && field < len(data) && data[field] == '"':
		return BadQuote
	}
	return ""
}

// quoteEnd is the index behind the quote that closes a field whose text starts
// at i, and whether the text has doubled quotes; -1 if it does not close.
func quoteEnd(data []byte, i int) (end int, escaped bool) {
	for {
		k := bytes.IndexByte(data[i:], '"')
		if k < 0 {
			return -1, escaped
		}
		i += k + 1
		if i >= len(data) || data[i] != '"' {
			return i, escaped
		}
		escaped = true
		i++
	}
}

func (r *csvReader) tooManyColumns(row int) error {
	return &fault.Error{Kind: fault.Invalid, Code: "too-many-columns", Where: fault.Where{Row: r.number + int64(row)},
		Msg: fmt.Sprintf("a row has more than %d columns", r.lim.Columns),
		Do:  "check the delimiter, or raise limits.columns in exchange.yaml"}
}

// checkText marks rows that are not UTF-8 or hold a zero byte. The batch is
// looked at as a whole first, because it nearly always is fine.
func checkText(data []byte, rows []Row) {
	if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 {
		return
	}
	for i := range rows {
		row := &rows[i]
		if row.Bad != "" {
			continue
		}
		text := data[row.Start:row.End]
		switch {
		case bytes.IndexByte(text, 0) >= 0:
			row.Bad = BadNUL
		case !utf8.Valid(text):
			row.Bad = BadUTF8
		default:
			continue
		}
		row.Past = row.First
	}
}

// unescapeCSV appends raw with doubled quotes made single.
func unescapeCSV(dst, raw []byte) []byte {
	for {
		k := bytes.IndexByte(raw, '"')
		if k < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:k+1]...)
		raw = raw[min(k+2, len(raw)):]
	}
}

// AppendCSV appends value as a CSV field: quoted only if it must be (RFC 4180),
// and an empty value as "" so that it stays apart from null.
func AppendCSV(dst, value []byte, delim byte) []byte {
	if len(value) == 0 {
		return append(dst, '"', '"')
	}
	quote := false
	for _, c := range value {
		if c == delim || c == '"' || c == '\n' || c == '\r' {
			quote = true
			break
		}
	}
	if !quote {
		return append(dst, value...)
	}
	dst = append(dst, '"')
	for _, c := range value {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

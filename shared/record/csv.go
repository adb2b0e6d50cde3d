package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
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

// padding is how far word-wise scanning may look behind the data.
const padding = 64

// input is a sliding window over a stream: data[pos:] is not yet consumed.
// There are always padding zero bytes behind data, for word-wise scanning.
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
	if cap(in.data) < want+padding {
		grown := make([]byte, rest, max(want+padding, min(2*cap(in.data), in.max+batchSize+padding)))
		copy(grown, in.data[used:])
		in.data = grown
	} else {
		copy(in.data[:rest], in.data[used:])
		in.data = in.data[:rest]
	}
	room := cap(in.data) - padding
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
	clear(in.data[len(in.data) : len(in.data)+padding])
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
	marks  [block / 64]marks
	found  [block + 8]uint32
	seen   byte // in the batch at hand: seenHigh, seenNUL
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
			checkText(b.Data, b.Rows, r.seen)
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

// split cuts the whole records at the start of b.Data into rows and nodes and
// answers how many bytes they have.
func (r *csvReader) split(b *Batch) (used int) {
	data := b.Data
	n := len(data)
	words := data[: n+padding : n+padding]
	nodes, rows := b.Nodes, b.Rows
	cols, delim, limit := r.cols, r.delim, r.lim.Columns
	quotes := quoting{starts: 1}

	row := Row{Line: r.line} // the row at hand
	line := r.line
	field := 0  // where the field at hand starts
	column := 0 // its number
	r.seen = 0

scan:
	for from := 0; from < n; from += block {
		ends := r.ends(data[from:min(from+block, n)], from, &quotes)
		nodes = slices.Grow(nodes, len(ends))
		for _, at := range ends {
			i := int(at)
			if words[i] == delim {
				nodes = addField(nodes, field, i, cols, column)
				if words[field] == '"' {
					line += r.quoted(data, &nodes[len(nodes)-1], &row)
				}
				if column >= limit {
					r.fail = r.tooManyColumns(len(rows))
					break scan
				}
				column++
				field = i + 1
				continue
			}
			end := i
			if end > field && words[end-1] == '\r' && r.eol == '\n' {
				end--
			}
			line++
			if column > 0 || end > field {
				nodes = addField(nodes, field, end, cols, column)
				if words[field] == '"' {
					line += r.quoted(data, &nodes[len(nodes)-1], &row)
				}
				rows, nodes = endRow(rows, nodes, row, i+1, len(cols))
			}
			column = 0
			field = i + 1
			used = i + 1
			row = Row{Start: uint32(used), First: uint32(len(nodes)), Line: line}
		}
	}
	if r.fail == nil && r.in.eof && used < n {
		// The last record has no line end.
		end := n
		if r.eol == '\n' && end > field && data[end-1] == '\r' && quotes.open == 0 {
			end--
		}
		if column > 0 || end > field {
			nodes = addField(slices.Grow(nodes, 1), field, end, cols, column)
			if end > field && data[field] == '"' {
				r.quoted(data, &nodes[len(nodes)-1], &row)
			}
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

// ends answers where the fields end in data, a block at most, whose first byte is
// byte base of the batch.
func (r *csvReader) ends(data []byte, base int, quotes *quoting) []uint32 {
	whole := len(data) / 64
	if whole > 0 {
		r.seen |= mark(&r.marks, data, whole, r.delim, r.eol)
	}
	if rest := len(data) % 64; rest > 0 {
		var line [64]byte
		for i := copy(line[:], data[64*whole:]); i < len(line); i++ {
			line[i] = ' '
		}
		var m [block / 64]marks
		r.seen |= mark(&m, line[:], 1, r.delim, r.eol)
		m[0].ends &= 1<<rest - 1
		r.marks[whole] = m[0]
		whole++
	}
	var ends [block / 64]uint64
	for i, m := range r.marks[:whole] {
		ends[i] = quotes.cut(m)
	}
	return r.found[:flatten(&r.found, ends[:whole], base)]
}

// addField appends the node of data[start:end]; there is room for it. It writes
// the node where it will stay: one put together first costs a store-forwarding
// stall each.
func addField(nodes []Node, start, end int, cols []int, column int) []Node {
	k := len(nodes)
	nodes = nodes[:k+1]
	n := &nodes[k]
	n.Start, n.End, n.Next = uint32(start), uint32(end), uint32(k+1)
	n.Field, n.Kind, n.Escaped = 0, Text, false
	if column < len(cols) {
		n.Field = uint16(cols[column])
	}
	if start == end {
		n.Kind = Null
	}
	return nodes
}

// quoted looks into a field that starts with a quote, and answers how many lines
// end inside it. What follows the quote that closes it makes the row a bad one.
func (r *csvReader) quoted(data []byte, n *Node, row *Row) (lines int64) {
	raw := data[n.Start:n.End]
	for at := 1; ; at += 2 {
		k := bytes.IndexByte(raw[min(at, len(raw)):], '"')
		if k < 0 {
			row.Bad = BadQuote // it never closes
			break
		}
		if at += k; at == len(raw)-1 {
			break
		}
		if raw[at+1] != '"' {
			row.Bad = BadQuote
			break
		}
		n.Escaped = true
	}
	if k := bytes.IndexByte(raw, r.eol); k >= 0 {
		return int64(bytes.Count(raw[k:], []byte{r.eol}))
	}
	return 0
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

func (r *csvReader) tooManyColumns(row int) error {
	return &fault.Error{Kind: fault.Invalid, Code: "too-many-columns", Where: fault.Where{Row: r.number + int64(row)},
		Msg: fmt.Sprintf("a row has more than %d columns", r.lim.Columns),
		Do:  "check the delimiter, or raise limits.columns in exchange.yaml"}
}

// checkText marks rows that are not UTF-8 or hold a zero byte. seen tells what
// the batch holds. It is looked at as a whole first, because it nearly always is
// fine.
func checkText(data []byte, rows []Row, seen byte) {
	if seen&seenNUL == 0 && (seen&seenHigh == 0 || utf8.Valid(data)) {
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
	if !needsQuotes(value, delim) {
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

// needsQuotes tells whether a delimiter, a quote or a line end is in value. Eight
// bytes are looked at together (Bit Twiddling Hacks, "Determine if a word has a
// zero byte").
func needsQuotes(value []byte, delim byte) bool {
	const high = 0x80 * ones
	ds := uint64(delim) * ones
	for ; len(value) >= 8; value = value[8:] {
		w := binary.LittleEndian.Uint64(value)
		d, q, n, r := w^ds, w^'"'*ones, w^'\n'*ones, w^'\r'*ones
		if ((d-ones)&^d|(q-ones)&^q|(n-ones)&^n|(r-ones)&^r)&high != 0 {
			return true
		}
	}
	for _, c := range value {
		if c == delim || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}

package record

import (
	"bytes"
	"math"
	"unicode/utf8"
)

// Converter renders rows in another format than they came in. Values stay what
// they are; only how they are written changes:
//
//   - To JSON, a CSV value is a number or a boolean if its field's type says so
//     and it is one in JSON; otherwise it is a string. A null is null.
//   - To CSV, an object or array is compact JSON in one column; a JSON null and
//     a member that is not there are both the empty field. What a spreadsheet
//     takes for a formula stays as it is: to change values is not a format's to do.
//   - From JSON to NDJSON only the line breaks inside a row are taken out.
//   - From Parquet and Avro, integers, decimals, finite floats and booleans are
//     JSON's own; everything else is a string, as AppendTyped writes it.
//
// It does not write Parquet or Avro: those have writers of their own.
//
// It is for one goroutine.
type Converter struct {
	s       *Schema
	in, out Format
	keys    [][]byte // to JSON: what stands before the value of each column
	names   [][]byte // from typed rows to JSON: per field its name, quoted, and the colon
	at      []uint32 // to CSV: per field the index of its node in the row at hand, plus 1
	scratch []byte
	compact []byte
}

// NewConverter makes a converter of rows of s from one format to another. A
// column of out that in does not have is null in every row.
func NewConverter(s *Schema, in, out Format) *Converter {
	c := &Converter{s: s, in: in, out: out, at: make([]uint32, len(s.Fields))}
	if c.out.Columns == nil {
		if c.out.Columns = s.Columns(); in.Codec == CSV && in.Columns != nil {
			c.out.Columns = in.Columns
		}
	}
	if c.typed() {
		c.names = make([][]byte, len(s.Fields))
		for i, f := range s.Fields {
			c.names[i] = append(AppendJSONString(nil, []byte(f.Name)), ':')
		}
	}
	if in.Codec == CSV {
		for i, f := range c.out.Columns {
			key := []byte{','}
			if i == 0 {
				key[0] = '{'
			}
			c.keys = append(c.keys, append(AppendJSONString(key, []byte(s.Fields[f].Name)), ':'))
		}
	}
	return c
}

// typed tells whether the rows that come in are of typed nodes.
func (c *Converter) typed() bool { return c.in.Codec == Parquet || c.in.Codec == Avro }

// Format is the format of the rendered rows.
func (c *Converter) Format() Format { return c.out }

// AppendRow appends row i of b, its line end included. The items of a JSON array
// have none: AppendBefore parts them. The row must be well formed, unless it is of
// typed values: what is not UTF-8 there is replaced.
func (c *Converter) AppendRow(dst []byte, b *Batch, i int) []byte {
	row := &b.Rows[i]
	switch {
	case c.out.Codec == CSV:
		return c.appendCSV(dst, b, row)
	case c.in.Codec == CSV:
		dst = c.appendObject(dst, b, row)
	case c.typed():
		dst = c.appendTree(dst, b, row.First)
	case c.out.Codec == NDJSON:
		root := &b.Nodes[row.First]
		dst = appendLine(dst, b.Raw(root))
	default:
		return append(dst, b.Raw(&b.Nodes[row.First])...)
	}
	if c.out.Codec == NDJSON {
		dst = append(dst, '\n')
	}
	return dst
}

// Schema is that of the rows.
func (c *Converter) Schema() *Schema { return c.s }

// AppendValue appends the value of node i of b, and what is inside it, as JSON on
// one line.
func (c *Converter) AppendValue(dst []byte, b *Batch, i uint32) []byte {
	n := &b.Nodes[i]
	switch {
	case c.in.Codec == CSV:
		var value []byte
		value, c.scratch = b.Value(n, c.scratch)
		return AppendJSON(dst, value, c.s.Fields[n.Field].Type)
	case c.typed():
		return c.appendTree(dst, b, i)
	}
	return appendLine(dst, b.Raw(n))
}

// index notes where in the row each top-level field is.
func (c *Converter) index(b *Batch, row *Row) {
	clear(c.at)
	at, past := row.First, row.Past
	if c.in.Codec != CSV {
		at++ // inside the row's own object
	}
	for ; at < past; at = b.Nodes[at].Next {
		c.at[b.Nodes[at].Field] = at + 1
	}
}

// appendObject appends a CSV row as a JSON object.
func (c *Converter) appendObject(dst []byte, b *Batch, row *Row) []byte {
	c.index(b, row)
	for i, f := range c.out.Columns {
		dst = append(dst, c.keys[i]...)
		var value []byte
		if at := c.at[f]; at > 0 {
			value, c.scratch = b.Value(&b.Nodes[at-1], c.scratch)
		}
		dst = AppendJSON(dst, value, c.s.Fields[f].Type)
	}
	if len(c.out.Columns) == 0 {
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

func (c *Converter) appendCSV(dst []byte, b *Batch, row *Row) []byte {
	c.index(b, row)
	for i, f := range c.out.Columns {
		if i > 0 {
			dst = append(dst, c.out.Delimiter)
		}
		var n *Node
		if at := c.at[f]; at > 0 {
			n = &b.Nodes[at-1]
		}
		switch {
		case n == nil || n.Kind == Absent || n.Kind == Null:
			if len(c.out.Columns) == 1 {
				dst = append(dst, `""`...) // a blank line would be no row
			}
		case n.Kind == JSONObject || n.Kind == JSONArray:
			if c.typed() {
				c.compact = c.appendTree(c.compact[:0], b, c.at[f]-1)
			} else {
				c.compact = appendCompact(c.compact[:0], b.Raw(n))
			}
			dst = AppendCSV(dst, c.compact, c.out.Delimiter)
		default:
			var value []byte
			value, c.scratch = b.Value(n, c.scratch)
			dst = AppendCSV(dst, value, c.out.Delimiter)
		}
	}
	return append(dst, c.out.EOL...)
}

// appendTree appends a value of a typed row, and what is inside it, as JSON on
// one line.
func (c *Converter) appendTree(dst []byte, b *Batch, i uint32) []byte {
	n := &b.Nodes[i]
	switch {
	case n.Kind.Typed():
		return AppendTypedJSON(dst, n.Kind, b.Raw(n))
	case n.Kind == Null || n.Kind == Absent:
		return append(dst, "null"...)
	case n.Start < n.End: // JSON in a column of its own
		return appendLine(dst, b.Raw(n))
	}
	open, end := byte('{'), byte('}')
	if n.Kind == JSONArray {
		open, end = '[', ']'
	}
	dst = append(dst, open)
	first := len(dst)
	for k := i + 1; k < n.Next; k = b.Nodes[k].Next {
		if b.Nodes[k].Kind == Absent {
			continue
		}
		if len(dst) > first {
			dst = append(dst, ',')
		}
		if n.Kind == JSONObject {
			dst = append(dst, c.names[b.Nodes[k].Field]...)
		}
		dst = c.appendTree(dst, b, k)
	}
	return append(dst, end)
}

// AppendTypedJSON appends a value of a typed kind as JSON: integers, decimals,
// finite floats and booleans as they are, everything else as a string.
func AppendTypedJSON(dst []byte, k Kind, raw []byte) []byte {
	switch k {
	case TypedInt, TypedDecimal, TypedBool:
		return AppendTyped(dst, k, raw)
	case TypedFloat:
		if v := FloatOf(raw); !math.IsNaN(v) && !math.IsInf(v, 0) {
			return AppendTyped(dst, k, raw)
		}
	case TypedString:
		if !utf8.Valid(raw) {
			raw = bytes.ToValidUTF8(raw, []byte("\ufffd"))
		}
		return AppendJSONString(dst, raw)
	}
	return append(AppendTyped(append(dst, '"'), k, raw), '"')
}

// CheckJSON answers the rule of form that text breaks as a value inside a row, ""
// if it breaks none: what Readers of JSON check of values that the contract does
// not describe.
func CheckJSON(text []byte, lim Limits) (rule string) {
	if !utf8.Valid(text) {
		return BadUTF8
	}
	w := newWalker(&Schema{}, lim.WithDefaults())
	w.b, w.data = &Batch{}, text
	end := w.value(w.space(0), -1, 0, 1)
	if w.bad == "" && w.space(end) != len(text) {
		return BadJSON
	}
	return w.bad
}

// appendLine appends JSON text without its line breaks. In JSON they can only
// stand between tokens: inside a string they are escaped (RFC 8259, section 7).
func appendLine(dst, text []byte) []byte {
	for {
		i := bytes.IndexAny(text, "\n\r")
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		text = text[i+1:]
	}
}

// appendCompact appends valid JSON text without the white space between tokens.
func appendCompact(dst, text []byte) []byte {
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			dst = append(dst, c, text[i+1])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

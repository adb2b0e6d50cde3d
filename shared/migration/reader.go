package migration

import (
	"io"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Format is how migrated rows are written that came in a format: in the same
// way, with all columns of the new version.
func (m *Migration) Format(in record.Format) record.Format {
	in.Columns = nil
	return in
}

// Reader answers the rows of in, which are written in a format, as rows of the new
// version, batch by batch. Limits are those that in keeps: a row that grows is
// within them. Its errors are those of in; a row that does not parse is an
// Invalid fault.
func (m *Migration) Reader(in record.Reader, format record.Format, limits record.Limits) (record.Reader, error) {
	limits.Row = m.limit(limits.WithDefaults().Row)
	s := newStream(m, in, format)
	return record.NewReader(s, s.format, m.to, limits)
}

// stream is the text of migrated rows: one batch of them at a time.
type stream struct {
	m       *Migration
	in      record.Reader
	format  record.Format
	text    []byte // of which pos bytes were read
	pos     int
	first   bool
	done    error
	at      []uint32 // per field of the old version the index of its node in the row at hand, plus 1
	scratch []byte
	value   []byte
}

func newStream(m *Migration, in record.Reader, format record.Format) *stream {
	out := m.Format(format)
	return &stream{m: m, in: in, format: out, text: record.AppendHead(nil, m.to, out), at: make([]uint32, len(m.from.Fields)), first: true}
}

func (s *stream) Read(p []byte) (int, error) {
	for s.pos == len(s.text) {
		if s.done != nil {
			return 0, s.done
		}
		s.text, s.pos = s.text[:0], 0
		s.done = s.batch()
	}
	n := copy(p, s.text[s.pos:])
	s.pos += n
	return n, nil
}

// batch writes the next batch, or what stands behind the last.
func (s *stream) batch() error {
	b, err := s.in.Next()
	if err == io.EOF {
		s.text = record.AppendTail(s.text, s.format)
	}
	if err != nil {
		return err
	}
	for i := range b.Rows {
		if b.Rows[i].Bad != "" {
			return &fault.Error{Kind: fault.Invalid, Code: "row-broken", Where: fault.Where{Row: b.First + int64(i)}, Msg: "a row does not parse"}
		}
		s.text = record.AppendBefore(s.text, s.format, s.first)
		s.first = false
		if s.format.Codec == record.CSV {
			s.csv(b, &b.Rows[i])
		} else {
			s.json(b, &b.Rows[i])
		}
	}
	return nil
}

// index notes where in a batch the nodes from one to another are: those of a row, or
// of an object in it, of which these are the columns.
func (s *stream) index(b *record.Batch, columns []column, first, past uint32) {
	for i := range columns {
		if from := columns[i].from; from >= 0 {
			s.at[from] = 0
		}
	}
	for at := first; at < past; at = b.Nodes[at].Next {
		s.at[b.Nodes[at].Field] = at + 1
	}
}

// node is the value that a column comes from, nil if there is none.
func (s *stream) node(b *record.Batch, c *column) *record.Node {
	if c.from < 0 || s.at[c.from] == 0 {
		return nil
	}
	return &b.Nodes[s.at[c.from]-1]
}

func empty(n *record.Node) bool {
	return n == nil || n.Kind == record.Absent || n.Kind == record.Null
}

func (s *stream) csv(b *record.Batch, row *record.Row) {
	s.index(b, s.m.columns, row.First, row.Past)
	for i := range s.m.columns {
		c := &s.m.columns[i]
		if i > 0 {
			s.text = append(s.text, s.format.Delimiter)
		}
		n := s.node(b, c)
		switch {
		case empty(n) && (len(c.fill) > 0):
			s.text = record.AppendCSV(s.text, c.fill, s.format.Delimiter)
		case empty(n):
			if c.fill != nil || len(s.m.columns) == 1 {
				s.text = append(s.text, `""`...) // without quotes it would be null, or a blank line no row
			}
		case c.cast.kind == toMidnight || c.cast.kind == toDate:
			s.text = record.AppendCSV(s.text, s.casted(b, n, c), s.format.Delimiter)
		default:
			s.text = append(s.text, b.Raw(n)...)
		}
	}
	s.text = append(s.text, s.format.EOL...)
}

func (s *stream) json(b *record.Batch, row *record.Row) {
	s.object(b, s.m.columns, row.First+1, row.Past) // inside the row's own object
	if s.format.Codec == record.NDJSON {
		s.text = append(s.text, '\n')
	}
}

// object writes an object of which the members lie from one node to another.
func (s *stream) object(b *record.Batch, columns []column, first, past uint32) {
	s.index(b, columns, first, past)
	s.text = append(s.text, '{')
	open := len(s.text)
	for i := range columns {
		c := &columns[i]
		n := s.node(b, c)
		if c.fill == nil && (n == nil || n.Kind == record.Absent) {
			continue
		}
		if len(s.text) > open {
			s.text = append(s.text, ',')
		}
		s.text = append(s.text, c.key...)
		if empty(n) && c.fill != nil {
			s.text = record.AppendJSON(s.text, c.fill, c.typ)
			continue
		}
		s.put(b, c, s.at[c.from]-1)
	}
	s.text = append(s.text, '}')
}

// put writes what becomes of the value at a node.
func (s *stream) put(b *record.Batch, c *column, at uint32) {
	n := &b.Nodes[at]
	switch {
	case c.members != nil && n.Kind == record.JSONObject:
		s.object(b, c.members, at+1, n.Next)
	case c.items != nil && n.Kind == record.JSONArray:
		s.text = append(s.text, '[')
		for item := at + 1; item < n.Next; item = b.Nodes[item].Next {
			if item > at+1 {
				s.text = append(s.text, ',')
			}
			s.put(b, c.items, item)
		}
		s.text = append(s.text, ']')
	case n.Kind == record.Null || c.cast.kind == asIs || c.cast.kind == toNumber:
		s.text = append(s.text, b.Raw(n)...)
	default:
		s.text = record.AppendJSONString(s.text, s.casted(b, n, c))
	}
}

// casted is the text that a value becomes, valid until the next.
func (s *stream) casted(b *record.Batch, n *record.Node, c *column) []byte {
	var value []byte
	value, s.scratch = b.Value(n, s.scratch)
	s.value = c.cast.append(s.value[:0], value)
	return s.value
}

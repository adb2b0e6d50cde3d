package parquet

import (
	"cmp"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// How much a Writer gathers before it writes.
const (
	pageBytes     = 1 << 20  // of a column, before they are packed
	groupBytes    = 16 << 20 // of a row group, packed or not packed yet
	dictionaryMax = 1 << 20  // of a column's dictionary; then values are written plain
)

// Writer writes rows as a Parquet file: columns as the table in docs/formats.md
// says, pages of the first version packed with zstd, strings by dictionary. What
// it holds is bounded by a row group of 16 MiB and its longest row. It is for one
// goroutine.
type Writer struct {
	out     io.Writer
	written int64
	root    *shape
	columns []*column
	convert *record.Converter // of values that the contract does not describe
	zstd    *zstd.Encoder
	at      []uint32 // per field the index of its node in the object at hand, plus 1
	rows    int64
	groups  []rowGroup
	scratch []byte
	before  int64 // rows of the row groups that are written
	csv     bool
}

// shape is a column, or a group of columns, as it is written. All may be null.
type shape struct {
	kind         nodeKind
	field        int
	def          byte // where it is not null
	itemDef, rep byte // of a list
	items        *shape
	members      []*shape
	column       *column
	from, past   int // its columns are writer.columns[from:past]
}

// NewWriter begins a file for rows of s that come in the format in. Of the
// fields of s those are written that are members, or items, of one that is.
func NewWriter(out io.Writer, s *record.Schema, in record.Format) (*Writer, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fault.Wrap(fault.Poison, "zstd", err, "cannot make an encoder")
	}
	w := &Writer{out: out, zstd: encoder, at: make([]uint32, len(s.Fields)), csv: in.Codec == record.CSV,
		convert: record.NewConverter(s, in, record.Format{Codec: record.NDJSON})}
	if w.root, err = w.shape(s, 0, 0, 0); err != nil {
		return nil, err
	}
	if len(w.columns) == 0 {
		return nil, fault.New(fault.Poison, "parquet-columns", "there is no column to write", "let the view have a column")
	}
	return w, w.write([]byte(magic))
}

func (w *Writer) write(p []byte) error {
	n, err := w.out.Write(p)
	w.written += int64(n)
	return err
}

// shape makes the columns of a field whose parent is there at def.
func (w *Writer) shape(s *record.Schema, field int, def, rep byte) (*shape, error) {
	f := &s.Fields[field]
	n := &shape{field: field, def: def, from: len(w.columns)}
	if field != 0 {
		n.def++
	}
	if n.def > 200 {
		return nil, fault.New(fault.Poison, "parquet-nesting", "its columns are nested deeper than Parquet can write", "deliver it as NDJSON")
	}
	switch {
	case f.Type == record.Object:
		n.kind = groupNode
		for _, m := range f.Members {
			member, err := w.shape(s, m, n.def, rep)
			if err != nil {
				return nil, err
			}
			if member.past > member.from { // Parquet has no groups without columns
				n.members = append(n.members, member)
			}
		}
	case f.Type == record.Array && f.Items >= 0:
		n.kind, n.itemDef, n.rep = listNode, n.def+1, rep+1
		items, err := w.shape(s, f.Items, n.itemDef, n.rep)
		if err != nil {
			return nil, err
		}
		n.items = items
	default:
		c, err := newColumn(f, n.def, rep)
		if err != nil {
			return nil, err
		}
		n.column = c
		w.columns = append(w.columns, c)
	}
	n.past = len(w.columns)
	return n, nil
}

// Append appends row i of b, which must be well formed. A value that its column
// cannot hold as it is is a Poison fault with code "lossy", which names row and
// path. After an error the file is of no use.
func (w *Writer) Append(b *record.Batch, i int) error {
	row := &b.Rows[i]
	err := w.object(b, w.root, row.First, row.Past, 0)
	if err != nil {
		if f, ok := err.(*fault.Error); ok {
			err = f.At(fault.Where{Row: b.First + int64(i)})
		}
		return err
	}
	w.rows++
	size := 0
	for _, c := range w.columns {
		if len(c.values)+len(c.defs)+len(c.reps)+4*len(c.indexes) >= pageBytes {
			c.page(w.zstd)
		}
		size += c.size()
	}
	if size >= groupBytes {
		return w.group()
	}
	return nil
}

// object appends the members of the object whose nodes are [from, past), its own
// first unless they are those of a CSV row.
func (w *Writer) object(b *record.Batch, n *shape, from, past uint32, rep byte) error {
	if !w.csv {
		from++
	}
	for _, m := range n.members {
		w.at[m.field] = 0
	}
	for k := from; k < past; k = b.Nodes[k].Next {
		w.at[b.Nodes[k].Field] = k + 1
	}
	for _, m := range n.members {
		if err := w.value(b, m, w.at[m.field], rep, n.def); err != nil {
			return err
		}
	}
	return nil
}

// value appends the value at node at-1 (0: there is none) of a shape whose parent
// is there at def.
func (w *Writer) value(b *record.Batch, n *shape, at uint32, rep, def byte) error {
	var v *record.Node
	if at > 0 {
		v = &b.Nodes[at-1]
	}
	if v == nil || v.Kind == record.Null || v.Kind == record.Absent {
		w.null(n, rep, def)
		return nil
	}
	switch {
	case n.kind == leafNode:
		return w.leaf(b, n, at-1, rep)
	case n.kind == groupNode && v.Kind == record.JSONObject:
		return w.object(b, n, at-1, v.Next, rep)
	case n.kind == listNode && v.Kind == record.JSONArray:
		if at == v.Next {
			w.null(n, rep, n.def)
			return nil
		}
		for k := at; k < v.Next; k = b.Nodes[k].Next {
			if err := w.value(b, n.items, k+1, rep, n.itemDef); err != nil {
				return err
			}
			rep = n.rep
		}
		return nil
	}
	return w.lossy(n, "it is not of the type that the contract says")
}

func (w *Writer) null(n *shape, rep, def byte) {
	for _, c := range w.columns[n.from:n.past] {
		c.entry(rep, def)
	}
}

func (w *Writer) lossy(n *shape, why string) error {
	c := w.columns[n.from]
	return &fault.Error{Kind: fault.Poison, Code: "lossy", Where: fault.Where{Path: c.path}, Msg: "a value cannot be written as " + typeName(&c.e) + ": " + why,
		Do: "say the type in the contract that the values have (format or physicalType), or deliver as NDJSON"}
}

func (w *Writer) leaf(b *record.Batch, n *shape, at uint32, rep byte) error {
	c := n.column
	v := &b.Nodes[at]
	var text []byte
	if c.e.logical == logicalJSON {
		text = w.convert.AppendValue(w.scratch[:0], b, at)
		w.scratch = text
	} else {
		text, w.scratch = b.Value(v, w.scratch)
		if !c.takes(v.Kind) {
			return w.lossy(n, "it is not of the type that the contract says")
		}
	}
	if why := c.add(text); why != "" {
		return w.lossy(n, why)
	}
	c.entry(rep, n.def)
	return nil
}

// group writes the rows gathered so far as a row group.
func (w *Writer) group() error {
	if w.rows == w.before {
		return nil
	}
	g := rowGroup{rows: w.rows - w.before}
	w.before = w.rows
	for _, c := range w.columns {
		c.page(w.zstd)
		k := chunk{typ: c.e.typ, codec: codecZstd, values: c.entries}
		start := w.written
		if len(c.dictionary) > 0 {
			k.dictPage = start
			head := c.dictionaryPage(w.zstd)
			if err := w.write(head); err != nil {
				return err
			}
			c.unpacked += int64(len(c.dictionary))
		}
		k.dataPage = w.written
		if err := w.write(c.pages); err != nil {
			return err
		}
		k.size = w.written - start
		k.unpacked = c.unpacked
		g.bytes += c.unpacked
		g.chunks = append(g.chunks, k)
		c.reset()
	}
	w.groups = append(w.groups, g)
	return nil
}

// Close writes what is left and the footer. It does not close what NewWriter was
// given.
func (w *Writer) Close() error {
	if err := w.group(); err != nil {
		return err
	}
	t := &thriftWriter{}
	t.begin()
	t.i32(1, 1)
	elements := &thriftWriter{}
	count := w.elements(elements, w.root, "schema")
	t.list(2, thriftStruct, count)
	t.data = append(t.data, elements.data...)
	t.i64(3, w.rows)
	t.list(4, thriftStruct, len(w.groups))
	for _, g := range w.groups {
		w.footerGroup(t, &g)
	}
	t.string(6, "sallyport")
	t.end()
	n := uint32(len(t.data))
	t.data = append(t.data, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return w.write(append(t.data, magic...))
}

func (w *Writer) footerGroup(t *thriftWriter, g *rowGroup) {
	t.begin()
	t.list(1, thriftStruct, len(g.chunks))
	for i, k := range g.chunks {
		c := w.columns[i]
		t.begin()
		t.i64(2, cmp.Or(k.dictPage, k.dataPage))
		t.object(3)
		t.i32(1, int32(k.typ))
		t.list(2, thriftI32, 3)
		for _, e := range []int64{encPlain, encRLE, encRLEDictionary} {
			t.varint(e)
		}
		t.list(3, thriftBinary, len(c.names))
		for _, name := range c.names {
			t.text(name)
		}
		t.i32(4, int32(k.codec))
		t.i64(5, k.values)
		t.i64(6, k.unpacked)
		t.i64(7, k.size)
		t.i64(9, k.dataPage)
		if k.dictPage > 0 {
			t.i64(11, k.dictPage)
		}
		t.end()
		t.end()
	}
	t.i64(2, g.bytes)
	t.i64(3, g.rows)
	t.end()
}

// elements writes the schema below n, n included, and answers how many elements
// that are. It notes the path of every column.
func (w *Writer) elements(t *thriftWriter, n *shape, name string, path ...string) int {
	count := 1
	element := func(name string, repetition int32, children, converted, logical int) {
		t.begin()
		if repetition >= 0 {
			t.i32(3, repetition)
		}
		t.string(4, name)
		t.i32(5, int32(children))
		if logical != 0 {
			t.i32(6, int32(converted))
			t.object(10)
			t.object(int16(logical))
			t.end()
			t.end()
		}
		t.end()
	}
	switch n.kind {
	case groupNode:
		repetition := int32(optional)
		if n.field == 0 {
			repetition = -1
		}
		element(name, repetition, len(n.members), 0, 0)
		for _, m := range n.members {
			inner := w.name(m)
			count += w.elements(t, m, inner, append(path[:len(path):len(path)], inner)...)
		}
	case listNode:
		element(name, optional, 1, 3, logicalList)
		element("list", repeated, 1, 0, 0)
		count += 1 + w.elements(t, n.items, "element", append(path[:len(path):len(path)], "list", "element")...)
	default:
		n.column.names = path
		n.column.e.write(t, name)
	}
	return count
}

func (w *Writer) name(n *shape) string { return w.convert.Schema().Fields[n.field].Name }

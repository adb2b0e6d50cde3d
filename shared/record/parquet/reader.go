// Package parquet reads and writes rows as Apache Parquet files
// (https://github.com/apache/parquet-format).
//
// A file that a partner sends is hostile. So the reader takes nothing on trust
// that the file declares: what is allocated is bounded by the bytes that are
// there, by the limits of the exchange, or by constants of this package. This is
// why it reads footers, pages and encodings itself; a general library allocates
// what a footer says, and a Go program does not survive that.
//
// Rows become typed nodes (see record.Batch). What the types of a file and those
// of a contract have to do with each other is the table in docs/formats.md.
package parquet

import (
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

const (
	batchBytes = 256 << 10 // that a batch should have
	batchRows  = 4096      // that it has at most
	batchNodes = 64 << 10  // that one of flat rows has at most, or those of one row
	maxBatch   = 256 << 20 // bytes that it has at most, where rows are very uneven
)

// reader is a record.Reader of one file.
type reader struct {
	src    io.ReaderAt
	schema *record.Schema
	lim    record.Limits
	max    record.Expansion
	footer *footer
	root   *node
	leaves []*leaf
	flat   bool // all columns are values of the row itself

	unpacker unpacker
	held     int   // bytes of pages
	unpacked int64 // bytes of pages so far
	given    int64 // bytes of rows so far

	group int   // the next row group
	left  int64 // rows of the one at hand
	row   int64 // number of the next row, from 1
	batch record.Batch
	sizes []uint32 // of the batch's rows, if flat
	bad   string   // what is wrong with the row at hand
	err   error
	temp  []byte
}

// NewReader reads the Parquet file src of size bytes. Of e it uses Schema, Column
// and Near; Column nil means the schema's names. The columns are held to the
// schema before a row is read: where they are not those of the contract, by name
// or by type, the fault is Invalid with code "drift"; a column that is missing is
// Absent in every row. Row.Line is 0, for there are no lines. All faults of the file are Invalid, with codes that start
// with "parquet-" but for "drift", "row-too-long" and "too-large-unpacked";
// errors of src pass through.
func NewReader(src io.ReaderAt, size int64, e record.Expect, lim record.Limits, max record.Expansion) (record.Reader, error) {
	r := &reader{src: src, schema: e.Schema, lim: lim.WithDefaults(), max: max, row: 1}
	var err error
	if r.footer, err = readFooter(src, size); err != nil {
		return nil, err
	}
	if r.root, r.leaves, err = match(r.footer, e, r.lim.Nesting); err != nil {
		return nil, err
	}
	if len(r.leaves) > r.lim.Columns {
		return nil, fault.New(fault.Invalid, "parquet-columns", fmt.Sprintf("it has %d columns, at most %d are read", len(r.leaves), r.lim.Columns), "send fewer columns, or raise limits.columns in exchange.yaml")
	}
	for _, l := range r.leaves {
		l.r = r
	}
	var rows int64
	for i := range r.footer.groups {
		g := &r.footer.groups[i]
		if len(g.chunks) != len(r.leaves) || g.rows < 0 || g.rows > r.footer.rows-rows {
			return nil, corrupt("a row group in the footer does not go with the columns and rows of the file")
		}
		rows += g.rows
	}
	if rows != r.footer.rows {
		return nil, corrupt("the row groups in the footer do not have the rows of the file")
	}
	r.flat = true
	for _, m := range r.root.members {
		r.flat = r.flat && m.kind == leafNode && m.leaf.maxRep == 0 && !m.leaf.raw
	}
	return r, nil
}

// charge adds bytes that came out of the file to what came out before.
func (r *reader) charge(all *int64, n int64) error {
	*all += n
	switch {
	case r.max.Size > 0 && *all > r.max.Size:
		return fault.New(fault.Invalid, "too-large-unpacked", fmt.Sprintf("more than %d bytes come out of it", r.max.Size),
			"send it in several files, or raise limits.decompressed in exchange.yaml")
	case r.max.Ratio > 0 && *all > 1<<20 && *all > r.max.Ratio*max(r.max.Stored, 1):
		return fault.New(fault.Invalid, "parquet-bomb", fmt.Sprintf("%d bytes came out of %d: more than %d times as many", *all, r.max.Stored, r.max.Ratio),
			"write it without repeating values that much, or raise limits.ratio in exchange.yaml")
	}
	return nil
}

func (r *reader) Next() (*record.Batch, error) {
	for r.left == 0 && r.err == nil {
		if r.group > 0 {
			r.err = r.ended()
		}
		if r.err == nil {
			r.err = r.begin()
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	n := r.rows()
	b := &r.batch
	b.Data, b.Rows, b.Nodes, b.First = b.Data[:0], b.Rows[:0], b.Nodes[:0], r.row
	if r.flat {
		r.err = r.columns(n)
	} else {
		r.assemble(n)
	}
	if r.err == nil {
		size := int64(len(b.Data))
		if r.flat { // a value that a dictionary repeats counts as often as it stands in rows
			size = 0
			for _, n := range r.sizes {
				size += int64(n)
			}
		}
		r.err = r.charge(&r.given, size)
	}
	if r.err != nil {
		return nil, r.err
	}
	b.Keys = slices.Grow(b.Keys[:0], len(b.Nodes))[:len(b.Nodes)]
	r.left -= int64(n)
	r.row += int64(n)
	return b, nil
}

// begin turns to the next row group.
func (r *reader) begin() error {
	if r.group == len(r.footer.groups) {
		return io.EOF
	}
	g := &r.footer.groups[r.group]
	r.group++
	r.left = g.rows
	for i, l := range r.leaves {
		if err := l.begin(&g.chunks[i], r.footer.start); err != nil {
			return err
		}
	}
	return nil
}

// ended checks that a row group has no more than its rows.
func (r *reader) ended() error {
	for _, l := range r.leaves {
		if l.pos < l.n || l.left > 0 {
			return l.corrupt("there are more values than rows")
		}
	}
	return nil
}

// rows is how many rows the next batch has.
func (r *reader) rows() int {
	g := &r.footer.groups[r.group-1]
	n := int64(batchRows)
	if each := g.bytes / max(g.rows, 1); each > 0 {
		n = min(n, batchBytes/each)
	}
	if r.flat { // what the file declares must not decide how many nodes there are
		n = min(n, batchNodes/int64(1+len(r.root.members)+len(r.root.absent)))
	}
	return int(min(max(n, 1), r.left))
}

func (r *reader) tooLong(row int64) error {
	return &fault.Error{Kind: fault.Invalid, Code: "row-too-long", Where: fault.Where{Row: row},
		Msg: fmt.Sprintf("a row is longer than %d bytes", r.lim.Row), Do: "send shorter values, or raise limits.row in exchange.yaml"}
}

// columns fills the batch column by column.
func (r *reader) columns(n int) error {
	b := &r.batch
	stride := 1 + len(r.root.members) + len(r.root.absent)
	b.Nodes = slices.Grow(b.Nodes, n*stride)[:n*stride]
	r.sizes = slices.Grow(r.sizes[:0], n)[:n]
	clear(r.sizes)
	for i := range n {
		first := uint32(i * stride)
		b.Rows = append(b.Rows, record.Row{First: first, Past: first + uint32(stride)})
		row := b.Nodes[first : first+uint32(stride)]
		row[0] = record.Node{Next: first + uint32(stride), Kind: record.JSONObject}
		for k, f := range r.root.absent {
			at := 1 + len(r.root.members) + k
			row[at] = record.Node{Next: first + uint32(at) + 1, Field: uint16(f)}
		}
	}
	for k, m := range r.root.members {
		if err := r.column(m, n, stride, 1+k); err != nil {
			return err
		}
		if len(b.Data) > maxBatch {
			return r.uneven()
		}
	}
	for i, size := range r.sizes {
		if int(size) > r.lim.Row {
			return r.tooLong(r.row + int64(i))
		}
	}
	return nil
}

func (r *reader) uneven() error {
	return fault.New(fault.Invalid, "parquet-uneven", fmt.Sprintf("a few rows have more than %d bytes together, others next to nothing", maxBatch), "write smaller row groups")
}

// column fills one column of the batch.
func (r *reader) column(m *node, n, stride, at int) error {
	b, l := &r.batch, m.leaf
	data := b.Data
	from := len(data)
	for done := 0; done < n; {
		if l.pos == l.n {
			if err := l.load(); err != nil {
				return err
			}
			if l.pos == l.n {
				return l.corrupt("there are fewer values than rows")
			}
		}
		run := min(n-done, l.n-l.pos)
		if kind := l.asStored(); kind != record.Absent && (!l.inDict || len(l.dict.data) <= 8*run) {
			data = r.copied(m, data, kind, b.Nodes[done*stride+at:], r.sizes[done:done+run], done*stride+at, stride)
			l.pos += run
			done += run
			continue
		}
		for k := range run {
			i := (done+k)*stride + at
			node := record.Node{Start: uint32(len(data)), Next: uint32(i) + 1, Field: uint16(m.field), Kind: record.Null}
			if l.maxDef == 0 || l.defs[l.pos+k] == l.maxDef {
				data, node.Kind = l.append(data, l.next())
				if node.Kind == record.Absent {
					node.Kind = record.Null
					r.spoil(done+k, record.BadTyped)
				}
			}
			node.End = uint32(len(data))
			b.Nodes[i] = node
			r.sizes[done+k] += node.End - node.Start + 1
		}
		l.pos += run
		done += run
		if len(data) > maxBatch {
			return r.uneven()
		}
	}
	b.Data = data
	if l.conv == convString {
		r.utf8(from, n, stride, at)
	}
	return nil
}

// asStored is the kind of values that the typed kinds hold as they are stored;
// Absent if they do not.
func (l *leaf) asStored() record.Kind {
	switch l.conv {
	case convString:
		return record.TypedString
	case convBytes:
		return record.TypedBytes
	case convInt64:
		return record.TypedInt
	case convDouble:
		return record.TypedFloat
	case convUUID:
		return record.TypedUUID
	}
	return record.Absent
}

// copied fills the nodes of a run of entries whose values are taken as they are
// stored: copied in one piece, with the lengths between them, or with their
// dictionary. nodes[0] is node first of the batch.
func (r *reader) copied(m *node, data []byte, kind record.Kind, nodes []record.Node, sizes []uint32, first, stride int) []byte {
	l := m.leaf
	v := &l.vals
	if l.inDict {
		v = &l.dict
	}
	base, from := uint32(len(data)), l.v
	width := uint32(v.width)
	for k := range sizes {
		n := &nodes[k*stride]
		*n = record.Node{Start: base, End: base, Next: uint32(first+k*stride) + 1, Field: uint16(m.field), Kind: record.Null}
		if l.maxDef == 0 || l.defs[l.pos+k] == l.maxDef {
			i := l.v
			if l.v++; l.inDict {
				i = int(l.indexes[i])
			}
			if width > 0 {
				n.Start = uint32(i) * width
				n.End = n.Start + width
			} else {
				n.Start, n.End = v.at[i]+v.gap, v.at[i+1]
			}
			n.Kind = kind
			sizes[k] += n.End - n.Start
		}
		sizes[k]++
	}
	var src []byte
	low := uint32(0)
	switch {
	case l.inDict:
		src = v.data
	case l.v == from:
	case width > 0:
		low = uint32(from) * width
		src = v.data[low : uint32(l.v)*width]
	default:
		low = v.at[from]
		src = v.data[low:v.at[l.v]]
	}
	for k := range sizes {
		if n := &nodes[k*stride]; n.Kind == kind {
			n.Start += base - low
			n.End += base - low
		}
	}
	return append(data, src...)
}

func (r *reader) spoil(row int, rule string) {
	if bad := &r.batch.Rows[row].Bad; *bad == "" {
		*bad = rule
	}
}

// utf8 spoils the rows whose value in a column is not UTF-8. All values are, if
// they are one behind the other and none starts inside a character.
func (r *reader) utf8(from, n, stride, at int) {
	b := &r.batch
	ok := utf8.Valid(b.Data[from:])
	for i := 0; ok && i < n; i++ {
		v := &b.Nodes[i*stride+at]
		ok = v.Start == v.End || utf8.RuneStart(b.Data[v.Start])
	}
	for i := 0; !ok && i < n; i++ {
		if v := &b.Nodes[i*stride+at]; !utf8.Valid(b.Data[v.Start:v.End]) {
			r.spoil(i, record.BadUTF8)
		}
	}
}

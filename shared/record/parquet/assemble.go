package parquet

import (
	"bytes"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/record"
)

// Records are assembled from columns as in Dremel (Melnik et al., "Dremel:
// Interactive Analysis of Web-Scale Datasets", 2010, section 4.3): the first
// column of a group tells whether the group is there and how often it repeats.

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// ready makes an entry stand at l.pos; false at the end of the row group.
func (l *leaf) ready() bool {
	if l.pos == l.n && l.r.err == nil {
		if err := l.load(); err != nil {
			l.r.fail(err)
		}
	}
	return l.pos < l.n && l.r.err == nil
}

// defined is the definition level of the entry at hand.
func (l *leaf) defined() byte {
	switch {
	case !l.ready():
		l.r.fail(l.corrupt("there are fewer values than rows"))
		return 0
	case l.maxDef == 0:
		return 0
	}
	return l.defs[l.pos]
}

// repeats is the repetition level of the entry at hand, 0 at the end.
func (l *leaf) repeats() byte {
	if l.maxRep == 0 || !l.ready() {
		return 0
	}
	return l.reps[l.pos]
}

// assemble fills the batch row by row.
func (r *reader) assemble(n int) {
	b := &r.batch
	for i := range n {
		start := len(b.Data)
		for _, l := range r.leaves {
			if l.repeats() != 0 {
				r.fail(l.corrupt("a row starts in the middle of a list"))
			}
		}
		row := record.Row{First: uint32(len(b.Nodes))}
		r.bad = ""
		r.value(r.root)
		if r.err != nil {
			return
		}
		row.Bad, row.Past = r.bad, uint32(len(b.Nodes))
		b.Rows = append(b.Rows, row)
		if len(b.Data)-start+int(row.Past-row.First) > r.lim.Row {
			r.fail(r.tooLong(r.row + int64(i)))
			return
		}
		if len(b.Data) > maxBatch {
			r.fail(r.uneven())
			return
		}
	}
}

// full stops a row that outgrows its limit while it is read.
func (r *reader) full() bool {
	b := &r.batch
	if len(b.Nodes) > r.lim.Row+batchRows*len(r.schema.Fields) || len(b.Data) > maxBatch {
		r.fail(r.tooLong(r.row + int64(len(b.Rows))))
	}
	return r.err != nil
}

// value appends the nodes of n's value at hand.
func (r *reader) value(n *node) {
	b := &r.batch
	at := len(b.Nodes)
	v := record.Node{Start: uint32(len(b.Data)), Field: uint16(max(n.field, 0)), Kind: record.Null}
	b.Nodes = append(b.Nodes, v)
	switch {
	case n.kind == leafNode:
		v.Kind, v.Escaped = r.leaf(n.leaf)
	case r.leaves[n.from].defined() < n.def:
		r.pass(n)
	case n.field > 0 && r.schema.Fields[n.field].Type == record.Opaque || n.kind == mapNode || n.kind == listNode && r.schema.Fields[n.field].Items < 0:
		if b.Data = r.text(b.Data, n); n.kind == listNode {
			v.Kind = record.JSONArray
		} else {
			v.Kind = record.JSONObject
		}
		r.check(b.Data[v.Start:])
	case n.kind == groupNode:
		v.Kind = record.JSONObject
		for _, m := range n.members {
			r.value(m)
		}
		for _, f := range n.absent {
			end := uint32(len(b.Data))
			b.Nodes = append(b.Nodes, record.Node{Start: end, End: end, Next: uint32(len(b.Nodes)) + 1, Field: uint16(f)})
		}
		v.Start = uint32(len(b.Data)) // the span of what has nodes inside is empty
	default:
		v.Kind = record.JSONArray
		r.each(n, func() { r.value(n.items) })
		v.Start = uint32(len(b.Data))
	}
	v.End, v.Next = uint32(len(b.Data)), uint32(len(b.Nodes))
	b.Nodes[at] = v
}

// each calls f for every item of a list that is there.
func (r *reader) each(n *node, f func()) {
	first := r.leaves[n.from]
	if first.defined() < n.itemDef {
		r.pass(n)
		return
	}
	for {
		f()
		if r.full() || first.repeats() != n.rep {
			return
		}
	}
}

// pass passes over the entries of a value that is not there.
func (r *reader) pass(n *node) {
	limit := n.def
	if n.kind == listNode || n.kind == mapNode {
		limit = n.itemDef
	}
	for _, l := range r.leaves[n.from:n.past] {
		if l.defined() >= limit || r.err != nil {
			r.fail(l.corrupt("the columns of a group do not agree on whether it is there"))
			return
		}
		l.pos++
	}
}

// leaf appends the value at hand of a column.
func (r *reader) leaf(l *leaf) (kind record.Kind, escaped bool) {
	b := &r.batch
	d := l.defined()
	if r.err != nil {
		return record.Null, false
	}
	l.pos++
	if d < l.maxDef {
		return record.Null, false
	}
	from := len(b.Data)
	b.Data, kind = l.append(b.Data, l.next())
	value := b.Data[from:]
	switch {
	case kind == record.Absent:
		r.spoil1(record.BadTyped)
		return record.Null, false
	case kind == record.TypedString && !utf8.Valid(value):
		r.spoil1(record.BadUTF8)
	case l.raw:
		if r.check(value); r.bad == "" {
			return rawKind(value), bytes.IndexByte(value, '\\') >= 0
		}
	}
	return kind, false
}

func (r *reader) spoil1(rule string) {
	if r.bad == "" {
		r.bad = rule
	}
}

// check holds JSON inside a value to what a row of JSON may have.
func (r *reader) check(text []byte) {
	if rule := record.CheckJSON(text, r.lim); rule != "" {
		r.spoil1(rule)
	}
}

// rawKind is the kind of valid JSON text that starts with its value.
func rawKind(text []byte) record.Kind {
	switch bytes.TrimLeft(text, " \t\r\n")[0] {
	case '"':
		return record.JSONString
	case '{':
		return record.JSONObject
	case '[':
		return record.JSONArray
	case 't', 'f':
		return record.JSONBool
	case 'n':
		return record.Null
	}
	return record.JSONNumber
}

// text appends, as JSON, a value that the contract does not describe.
func (r *reader) text(dst []byte, n *node) []byte {
	if n.kind == leafNode {
		return r.leafText(dst, n.leaf)
	}
	if r.leaves[n.from].defined() < n.def {
		r.pass(n)
		return append(dst, "null"...)
	}
	switch n.kind {
	case groupNode:
		for i, m := range n.members {
			dst = append(dst, "{,"[min(i, 1)])
			dst = append(record.AppendJSONString(dst, []byte(m.name)), ':')
			dst = r.text(dst, m)
		}
		return append(dst, '}')
	case mapNode:
		dst = append(dst, '{')
		first := len(dst)
		r.each(n, func() {
			if len(dst) > first {
				dst = append(dst, ',')
			}
			from := len(dst)
			if dst = r.leafText(dst, n.items.members[0].leaf); dst[from] != '"' {
				text := bytes.Clone(dst[from:])
				dst = record.AppendJSONString(dst[:from], text)
			}
			dst = r.text(append(dst, ':'), n.items.members[1])
			r.longText(dst)
		})
		return append(dst, '}')
	}
	dst = append(dst, '[')
	first := len(dst)
	r.each(n, func() {
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = r.text(dst, n.items)
		r.longText(dst)
	})
	return append(dst, ']')
}

func (r *reader) longText(text []byte) {
	if len(text) > maxBatch || len(text)-len(r.batch.Data) > r.lim.Row {
		r.fail(r.tooLong(r.row + int64(len(r.batch.Rows))))
	}
}

func (r *reader) leafText(dst []byte, l *leaf) []byte {
	b := &r.batch
	keep := b.Data
	b.Data = r.temp[:0]
	kind, _ := r.leaf(l)
	r.temp, b.Data = b.Data, keep
	switch {
	case kind == record.Null:
		return append(dst, "null"...)
	case !kind.Typed():
		return append(dst, r.temp...)
	}
	return record.AppendTypedJSON(dst, kind, r.temp)
}

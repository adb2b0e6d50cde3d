package record

// Op says what becomes of a field in a view.
type Op uint8

const (
	// Drop: the field does not leave. It is the zero value, so that a field
	// that nobody decided on stays in.
	Drop Op = iota
	// Keep: the field, and all inside it, leaves as it stands.
	Keep
	// Descend: an object or array leaves, and its inside has rules of its own.
	// In CSV, which has no inside, null leaves in its place.
	Descend
	// Nullify: null leaves in its place.
	Nullify
	// Replace: what Append makes of it leaves in its place.
	Replace
)

// Rule is what a projection does with one field.
type Rule struct {
	Op Op
	// Append appends the new value, unquoted and unescaped, and reports
	// whether it could; null leaves if it could not, and what it appended is
	// cut off. Replace only.
	Append func(dst, value []byte) ([]byte, bool)
	// AppendAll, if it is not nil, does what Append does for many values at
	// once: each new value is Plain and has Size bytes. A projection uses
	// either, as it suits it.
	AppendAll func(dst []byte, values [][]byte) []byte
	Size      int
	// Out is the type of what Append makes: it decides the quotes in JSON.
	Out Type
	// Plain: what Append makes never holds a delimiter, a quote or a line end.
	Plain bool
	// Nulls: Append is asked for null values too (a constant hides them).
	Nulls bool
	// Row, if it is not nil, is told each row before Append is asked for its
	// values: its number in the segment, and the value of the row's field By, which
	// is empty if By is 0 or the row has none, and is valid until Row returns.
	Row func(number int64, by []byte)
	By  int
}

// Projection renders rows for a view in the format that they came in. Bytes
// that no rule touches are copied as they stand. It is for one goroutine.
type Projection struct {
	s       *Schema
	in, out Format
	rules   []Rule
	steps   []step // CSV: what becomes of a row
	values  [][]byte
	scratch []byte
	value   []byte
	cursor  uint32  // JSON: what stands before it is written or cut
	told    []*Rule // those with Row
}

// step appends one column of a CSV row, or neighbours that are kept: they go in
// one copy, delimiters and all.
type step struct {
	rule        *Rule
	first, last int // columns of the data

	// The new values of the rows at hand, if they are made ahead of them.
	ahead bool
	made  []byte
	used  int // bytes of made that are written
}

// NewProjection makes a projection of rows of s in format f. rules are per
// field id.
func NewProjection(s *Schema, f Format, rules []Rule) *Projection {
	p := &Projection{s: s, in: f, out: f, rules: rules}
	for i := range rules {
		if rules[i].Row != nil {
			p.told = append(p.told, &rules[i])
		}
	}
	if f.Codec == CSV {
		cols := f.Columns
		if cols == nil {
			cols = s.Columns()
		}
		p.out.Columns = make([]int, 0, len(cols))
		for i, c := range cols {
			rule := &rules[c]
			if rule.Op == Drop {
				continue
			}
			p.out.Columns = append(p.out.Columns, c)
			if n := len(p.steps); n > 0 && rule.Op == Keep && p.steps[n-1].rule.Op == Keep && p.steps[n-1].last == i-1 {
				p.steps[n-1].last = i
				continue
			}
			p.steps = append(p.steps, step{rule: rule, first: i, last: i, ahead: rule.Op == Replace && rule.AppendAll != nil && !rule.Nulls})
		}
	}
	return p
}

// Format is the format of the rendered rows: that of the input less the
// columns that drop.
func (p *Projection) Format() Format { return p.out }

// AppendHead appends what stands before the rows: a CSV header, if the input
// had one, or the bracket of an array.
func (p *Projection) AppendHead(dst []byte) []byte { return AppendHead(dst, p.s, p.out) }

// AppendTail appends what stands behind the rows.
func (p *Projection) AppendTail(dst []byte) []byte { return AppendTail(dst, p.out) }

// AppendHead appends what stands before the rows of an object in format f.
func AppendHead(dst []byte, s *Schema, f Format) []byte {
	switch {
	case f.Codec == JSON:
		return append(dst, '[')
	case f.Codec == CSV && f.Header:
		cols := f.Columns
		if cols == nil {
			cols = s.Columns()
		}
		for i, c := range cols {
			if i > 0 {
				dst = append(dst, f.Delimiter)
			}
			dst = AppendCSV(dst, []byte(s.Fields[c].Name), f.Delimiter)
		}
		return append(dst, f.EOL...)
	}
	return dst
}

// AppendTail appends what stands behind the rows of an object in format f.
func AppendTail(dst []byte, f Format) []byte {
	if f.Codec == JSON {
		return append(dst, "\n]\n"...)
	}
	return dst
}

// AppendBefore appends what stands before a row that is not the first, or
// before the first: JSON items are parted by commas, other rows end themselves.
func AppendBefore(dst []byte, f Format, first bool) []byte {
	if f.Codec != JSON {
		return dst
	}
	if !first {
		dst = append(dst, ',')
	}
	return append(dst, '\n')
}

// AppendRows appends the rows of b with the given numbers as the view sees them,
// with what parts them; first tells that there are none before them. The rows
// must be well formed.
func (p *Projection) AppendRows(dst []byte, b *Batch, rows []uint32, first bool) []byte {
	for k := range p.steps {
		if p.steps[k].ahead {
			p.make(&p.steps[k], b, rows)
		}
	}
	for _, i := range rows {
		dst = AppendBefore(dst, p.in, first)
		dst = p.AppendRow(dst, b, int(i))
		first = false
	}
	return dst
}

// make makes the new values of a column for the rows.
func (p *Projection) make(s *step, b *Batch, rows []uint32) {
	values, text := p.values[:0], p.value[:0]
	for _, i := range rows {
		n := &b.Nodes[int(b.Rows[i].First)+s.first]
		if n.Kind == Null {
			continue
		}
		var value []byte
		if value, p.scratch = b.Value(n, p.scratch); n.Escaped { // it lies in scratch
			from := len(text)
			text = append(text, value...)
			value = text[from:]
		}
		values = append(values, value)
	}
	s.made, s.used = s.rule.AppendAll(s.made[:0], values), 0
	p.values, p.value = values, text
}

// AppendRow appends row i of b as the view sees it, its line end included. The
// row must be well formed.
func (p *Projection) AppendRow(dst []byte, b *Batch, i int) []byte {
	row := &b.Rows[i]
	for _, rule := range p.told {
		var by []byte
		if rule.By > 0 {
			by = p.scalar(b, i, rule.By)
		}
		rule.Row(b.First+int64(i), by)
	}
	if p.in.Codec == CSV {
		return p.appendCSV(dst, b, row)
	}
	p.cursor = b.Nodes[row.First].Start
	root := &b.Nodes[row.First]
	dst = p.appendJSON(dst, b, row.First)
	dst = append(dst, b.Data[p.cursor:root.End]...)
	if p.in.Codec == NDJSON {
		end := b.Data[root.End:row.End]
		if len(end) == 0 || end[len(end)-1] != '\n' {
			return append(dst, '\n')
		}
		return append(dst, end...)
	}
	return dst
}

// scalar is the value of a field of the row itself, nil if it has none.
func (p *Projection) scalar(b *Batch, i, field int) (value []byte) {
	n := b.Top(i, field)
	if n == nil || n.Kind == JSONObject || n.Kind == JSONArray {
		return nil
	}
	value, p.scratch = b.Value(n, p.scratch)
	return value
}

func (p *Projection) appendCSV(dst []byte, b *Batch, row *Row) []byte {
	nodes := b.Nodes[row.First:row.Past]
	from := len(dst)
	for k := range p.steps {
		s := &p.steps[k]
		if k > 0 {
			dst = append(dst, p.in.Delimiter)
		}
		n := &nodes[s.first]
		switch s.rule.Op {
		case Keep:
			dst = append(dst, b.Data[n.Start:nodes[s.last].End]...)
		case Replace:
			switch {
			case n.Kind == Null && !s.rule.Nulls:
			case s.used < len(s.made):
				dst = append(dst, s.made[s.used:s.used+s.rule.Size]...)
				s.used += s.rule.Size
			default:
				dst = p.appendReplaced(dst, s.rule, b, n)
			}
		}
	}
	if len(p.out.Columns) == 1 && len(dst) == from {
		dst = append(dst, '"', '"') // a blank line would be no row
	}
	if end := b.Data[nodes[len(nodes)-1].End:row.End]; len(end) > 0 {
		return append(dst, end...)
	}
	return append(dst, p.in.EOL...)
}

// appendReplaced appends the new value of n as a CSV field. It is made where it
// will stand, and moved only if it needs quotes.
func (p *Projection) appendReplaced(dst []byte, rule *Rule, b *Batch, n *Node) []byte {
	from := len(dst)
	old := b.Data[n.Start:n.End]
	if n.Start < n.End && old[0] == '"' || n.Kind != Text {
		old, p.scratch = b.Value(n, p.scratch)
	}
	out, ok := rule.Append(dst, old)
	if !ok {
		return out[:from]
	}
	if made := out[from:]; len(made) == 0 || !rule.Plain && needsQuotes(made, p.in.Delimiter) {
		p.value = append(p.value[:0], made...)
		return AppendCSV(out[:from], p.value, p.in.Delimiter)
	}
	return out
}

// transform is the new value of n, nil if it has none, and the scratch.
func (p *Projection) transform(rule *Rule, b *Batch, n *Node) (value, scratch []byte) {
	old, scratch := b.Value(n, p.scratch)
	value, ok := rule.Append(p.value[:0], old)
	if !ok {
		return nil, scratch
	}
	if value == nil {
		value = []byte{}
	}
	return value, scratch
}

// appendJSON appends what is due of the object or array at node i: everything
// between p.cursor and what it has not decided on yet stays for its caller.
func (p *Projection) appendJSON(dst []byte, b *Batch, i uint32) []byte {
	node := b.Nodes[i]
	kept, cut := false, false // a member stays; members before the first that stays are cut
	prev := node.Start + 1    // end of the last member that stays
	for k := i + 1; k < node.Next; k = b.Nodes[k].Next {
		n := &b.Nodes[k]
		if n.Kind == Absent {
			continue
		}
		rule := &p.rules[n.Field]
		if rule.Op == Drop {
			if p.cursor < prev {
				dst = append(dst, b.Data[p.cursor:prev]...)
			}
			p.cursor = n.End
			prev = n.End
			cut = true
			continue
		}
		if cut && !kept {
			p.cursor = b.Keys[k]
		}
		kept = true
		switch rule.Op {
		case Descend:
			if n.Kind == JSONObject || n.Kind == JSONArray {
				dst = p.appendJSON(dst, b, k)
			} else if n.Kind != Null {
				// Not what the contract describes: nothing of it may leave.
				dst = p.replace(dst, b, n, "null")
			}
		case Nullify:
			dst = p.replace(dst, b, n, "null")
		case Replace:
			if n.Kind == Null && !rule.Nulls {
				break
			}
			p.value, p.scratch = p.transform(rule, b, n)
			dst = append(dst, b.Data[p.cursor:n.Start]...)
			dst = AppendJSON(dst, p.value, rule.Out)
			p.cursor = n.End
		}
		prev = n.End
	}
	if cut && !kept {
		p.cursor = node.End - 1
	}
	return dst
}

func (p *Projection) replace(dst []byte, b *Batch, n *Node, text string) []byte {
	dst = append(dst, b.Data[p.cursor:n.Start]...)
	p.cursor = n.End
	return append(dst, text...)
}

// AppendJSON appends a value of type t as JSON: numbers and booleans as they
// are if they are valid JSON, everything else as a string; null for nil.
func AppendJSON(dst, value []byte, t Type) []byte {
	switch {
	case value == nil:
		return append(dst, "null"...)
	case (t == Integer || t == Number) && isJSONNumber(value):
		return append(dst, value...)
	case t == Boolean && (string(value) == "true" || string(value) == "false"):
		return append(dst, value...)
	}
	return AppendJSONString(dst, value)
}

func isJSONNumber(value []byte) bool {
	w := walker{data: value}
	return w.number(0) == len(value) && w.bad == ""
}

package record

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// ndjsonReader reads one JSON object per line; blank lines are passed over.
type ndjsonReader struct {
	in     input
	w      *walker
	used   int
	number int64
	line   int64
	batch  Batch
	fail   error
}

func (r *ndjsonReader) Next() (*Batch, error) {
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
		b.Data, b.Rows, b.First = r.in.data, b.Rows[:0], r.number
		r.used, r.line = lines(b, r.in.eof, r.line)
		b.Rows, r.fail = r.in.cutLong(b.Rows, r.number, r.fail)
		if len(b.Rows) > 0 {
			b.Data = b.Data[:r.used]
			r.number += int64(len(b.Rows))
			r.w.rows(b)
			return b, nil
		}
		if r.in.eof && r.used == len(r.in.data) && r.fail == nil {
			return nil, io.EOF
		}
		if r.fail == nil {
			var err error
			if want, err = r.in.wanted(len(r.in.data)-r.used, r.number); err != nil {
				return nil, err
			}
		}
	}
}

// lines makes a row of every whole line of b.Data that is not blank.
func lines(b *Batch, eof bool, line int64) (used int, next int64) {
	data := b.Data
	for used < len(data) {
		k := bytes.IndexByte(data[used:], '\n')
		end := used + k + 1
		if k < 0 {
			if !eof {
				break
			}
			end = len(data)
		}
		if len(bytes.TrimLeft(data[used:end], " \t\r\n")) > 0 {
			b.Rows = append(b.Rows, Row{Start: uint32(used), End: uint32(end), Line: line})
		}
		used = end
		line++
	}
	return used, line
}

// arrayReader reads one array of JSON objects.
type arrayReader struct {
	in     input
	w      *walker
	used   int
	number int64
	line   int64
	state  arrayState
	batch  Batch
	fail   error
}

type arrayState uint8

const (
	beforeArray arrayState = iota
	atFirstItem            // an item or ]
	atItem                 // an item
	behindItem             // , or ]
	behindArray
)

func (r *arrayReader) Next() (*Batch, error) {
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
		b.Data, b.Rows, b.First = r.in.data, b.Rows[:0], r.number
		r.used = r.items(b)
		b.Rows, r.fail = r.in.cutLong(b.Rows, r.number, r.fail)
		if len(b.Rows) > 0 {
			b.Data = b.Data[:r.used]
			r.number += int64(len(b.Rows))
			r.w.rows(b)
			return b, nil
		}
		if r.fail != nil {
			continue
		}
		if r.in.eof {
			if r.state == behindArray {
				return nil, io.EOF
			}
			return nil, r.syntax("the array does not end")
		}
		var err error
		if want, err = r.in.wanted(len(r.in.data)-r.used, r.number); err != nil {
			return nil, err
		}
	}
}

func (r *arrayReader) syntax(msg string) error {
	return &fault.Error{Kind: fault.Invalid, Code: "json-array", Where: fault.Where{Row: r.number + int64(len(r.batch.Rows))},
		Msg: msg, Do: "send one JSON array of objects, or one object per line as NDJSON"}
}

// items makes a row of every whole item of the array and answers how much of
// b.Data is done with. Row.End is the end of the item itself.
func (r *arrayReader) items(b *Batch) (used int) {
	data := b.Data
	for used < len(data) {
		switch c := data[used]; {
		case c == '\n':
			r.line++
			used++
		case c == ' ' || c == '\t' || c == '\r':
			used++
		case r.state == behindArray:
			r.fail = r.syntax("there is text behind the array")
			return used
		case r.state == beforeArray:
			if c != '[' {
				r.fail = r.syntax("the text does not start with an array")
				return used
			}
			r.state = atFirstItem
			used++
		case r.state == behindItem && c == ',':
			r.state = atItem
			used++
		case c == ']' && (r.state == behindItem || r.state == atFirstItem):
			r.state = behindArray
			used++
		case r.state == behindItem:
			r.fail = r.syntax("two items without a comma between them")
			return used
		default:
			end := itemEnd(data, used)
			if end == len(data) && !r.in.eof {
				return used
			}
			if end <= used {
				r.fail = r.syntax("an item is missing")
				return used
			}
			b.Rows = append(b.Rows, Row{Start: uint32(used), End: uint32(end), Line: r.line})
			r.line += int64(bytes.Count(data[used:end], []byte{'\n'}))
			r.state = behindItem
			used = end
		}
	}
	return used
}

// itemEnd is the end of the value that starts at i: where its brackets are
// closed, or, for a value without, at the next comma, bracket or white space.
// It is len(data) if the end is not in data.
func itemEnd(data []byte, i int) int {
	depth := 0
	for i < len(data) {
		switch data[i] {
		case '"':
			i++
			for i < len(data) && data[i] != '"' {
				if data[i] == '\\' {
					i++
				}
				i++
			}
			if i >= len(data) {
				return len(data)
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(data)
}

// walker turns the text of a row into nodes, checking all of RFC 8259 on the
// way: what a later reader might understand otherwise does not pass.
type walker struct {
	s    *Schema
	lim  Limits
	data []byte
	b    *Batch
	bad  string

	seen    []uint64 // per field: the stamp of the object in which it was last seen
	stamp   uint64
	follows []int // per field: the member that last stood behind it, 0 if none is known; then, per object, the one that last stood first
	scratch []byte
	unknown [2]uint32 // the name that the schema does not know
	keys    []span    // names of the open objects' members, where no schema knows them
}

type span struct{ start, end uint32 }

func newWalker(s *Schema, lim Limits) *walker {
	return &walker{s: s, lim: lim, seen: make([]uint64, len(s.Fields)), follows: make([]int, 2*len(s.Fields))}
}

// rows fills b.Nodes and b.Keys from b.Rows.
func (w *walker) rows(b *Batch) {
	b.Nodes, b.Keys = b.Nodes[:0], b.Keys[:0]
	w.b, w.data = b, b.Data
	clean := utf8.Valid(b.Data)
	for i := range b.Rows {
		row := &b.Rows[i]
		row.First = uint32(len(b.Nodes))
		row.Bad = w.row(int(row.Start), int(row.End), clean)
		if row.Bad == BadMember {
			row.Name = w.unknown
		}
		if row.Bad != "" {
			b.Nodes, b.Keys = b.Nodes[:row.First], b.Keys[:row.First]
		}
		row.Past = uint32(len(b.Nodes))
	}
}

func (w *walker) row(start, end int, clean bool) string {
	if !clean && !utf8.Valid(w.data[start:end]) {
		return BadUTF8
	}
	w.data, w.bad, w.keys = w.b.Data[:end], "", w.keys[:0]
	i := w.space(start)
	if i < end && w.data[i] != '{' {
		if bytes.IndexByte(w.data[start:end], 0) >= 0 {
			return BadNUL
		}
		if w.value(i, -1, i, 0); w.bad != "" {
			return w.bad
		}
		return BadObject
	}
	i = w.value(i, 0, i, 0)
	if w.bad == "" && w.space(i) != end {
		w.bad = BadJSON
	}
	if w.bad == BadJSON && bytes.IndexByte(w.data[start:end], 0) >= 0 {
		return BadNUL
	}
	return w.bad
}

func (w *walker) space(i int) int {
	for i < len(w.data) && (w.data[i] == ' ' || w.data[i] == '\t' || w.data[i] == '\n' || w.data[i] == '\r') {
		i++
	}
	return i
}

// value reads the value at i of a field and answers the index behind it. field
// is -1 inside what the schema does not describe: no nodes are made there.
// key is where its member or item starts. After a failure w.bad is set.
func (w *walker) value(i, field, key, depth int) int {
	if i >= len(w.data) {
		return w.fail(i, BadJSON)
	}
	node := Node{Start: uint32(i), Field: uint16(max(field, 0))}
	at := len(w.b.Nodes)
	if field >= 0 {
		w.b.Nodes = append(w.b.Nodes, node)
		w.b.Keys = append(w.b.Keys, uint32(key))
	}
	end := i
	switch c := w.data[i]; {
	case c == '"':
		node.Kind = JSONString
		end, node.Escaped = w.str(i)
	case c == '{':
		node.Kind = JSONObject
		end = w.object(i, field, depth+1)
	case c == '[':
		node.Kind = JSONArray
		end = w.array(i, field, depth+1)
	case c == 't':
		node.Kind, end = JSONBool, w.literal(i, "true")
	case c == 'f':
		node.Kind, end = JSONBool, w.literal(i, "false")
	case c == 'n':
		node.Kind, end = Null, w.literal(i, "null")
	default:
		node.Kind, end = JSONNumber, w.number(i)
	}
	if field >= 0 && w.bad == "" {
		node.End, node.Next = uint32(end), uint32(len(w.b.Nodes))
		w.b.Nodes[at] = node
	}
	return end
}

func (w *walker) fail(i int, rule string) int {
	if w.bad == "" {
		w.bad = rule
	}
	return i
}

func (w *walker) literal(i int, text string) int {
	if len(w.data)-i < len(text) || string(w.data[i:i+len(text)]) != text {
		return w.fail(i, BadJSON)
	}
	return i + len(text)
}

func digits(data []byte, i int) int {
	for i < len(data) && data[i]-'0' < 10 {
		i++
	}
	return i
}

func (w *walker) number(i int) int {
	start := i
	d := w.data
	if i < len(d) && d[i] == '-' {
		i++
	}
	first := i
	if i = digits(d, i); i == first || (d[first] == '0' && i > first+1) {
		return w.fail(start, BadJSON)
	}
	if i < len(d) && d[i] == '.' {
		from := i + 1
		if i = digits(d, from); i == from {
			return w.fail(start, BadJSON)
		}
	}
	if i < len(d) && (d[i] == 'e' || d[i] == 'E') {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		from := i
		if i = digits(d, i); i == from {
			return w.fail(start, BadJSON)
		}
	}
	return i
}

// special marks the bytes that end a plain run of a string.
var special = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// str reads the string at i and tells whether it has escapes.
func (w *walker) str(i int) (end int, escaped bool) {
	d := w.data
	for i++; i < len(d); i++ {
		c := d[i]
		if !special[c] {
			continue
		}
		switch {
		case c == '"':
			return i + 1, escaped
		case c != '\\' || i+1 >= len(d):
			return w.fail(i, BadJSON), escaped
		}
		escaped = true
		i++
		switch d[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			r, ok := hex4(d, i+1)
			if !ok {
				return w.fail(i, BadJSON), escaped
			}
			i += 4
			switch {
			case r == 0:
				return w.fail(i, BadNUL), escaped
			case r >= 0xDC00 && r < 0xE000:
				return w.fail(i, BadUTF8), escaped // half a surrogate pair
			case r >= 0xD800 && r < 0xDC00:
				low, ok := rune(0), i+2 < len(d) && d[i+1] == '\\' && d[i+2] == 'u'
				if ok {
					low, ok = hex4(d, i+3)
				}
				if !ok || low < 0xDC00 || low >= 0xE000 {
					return w.fail(i, BadUTF8), escaped
				}
				i += 6
			}
		default:
			return w.fail(i, BadJSON), escaped
		}
	}
	return w.fail(i, BadJSON), escaped
}

func hex4(d []byte, i int) (r rune, ok bool) {
	if i+4 > len(d) {
		return 0, false
	}
	for _, c := range d[i : i+4] {
		switch {
		case c-'0' < 10:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (w *walker) array(i, field, depth int) int {
	if depth > w.lim.Nesting {
		return w.fail(i, BadDepth)
	}
	items := -1
	if field >= 0 {
		items = w.s.Fields[field].Items
	}
	i = w.space(i + 1)
	if i < len(w.data) && w.data[i] == ']' {
		return i + 1
	}
	for {
		if i = w.value(i, items, i, depth); w.bad != "" {
			return i
		}
		i = w.space(i)
		if i >= len(w.data) {
			return w.fail(i, BadJSON)
		}
		switch w.data[i] {
		case ',':
			i = w.space(i + 1)
		case ']':
			return i + 1
		default:
			return w.fail(i, BadJSON)
		}
	}
}

// object reads the object at i. Where the schema describes it, every member
// must be known and there only once, and those that are missing become Absent
// nodes; elsewhere only the names must differ.
func (w *walker) object(i, field, depth int) int {
	if depth > w.lim.Nesting {
		return w.fail(i, BadDepth)
	}
	described := field >= 0 && w.s.Fields[field].Type == Object
	w.stamp++
	stamp := w.stamp
	firstKey := len(w.keys)
	members := 0
	before := len(w.seen) + field
	i = w.space(i + 1)
	if i < len(w.data) && w.data[i] == '}' {
		return w.endObject(i+1, field, described, stamp, firstKey)
	}
	for {
		if i >= len(w.data) || w.data[i] != '"' {
			return w.fail(i, BadJSON)
		}
		if members++; members > w.lim.Columns {
			return w.fail(i, BadMembers)
		}
		key := i
		child, end := -1, 0
		if described {
			if child, end = w.expected(key, before); child < 0 {
				if child, end = w.member(key, field, before); w.bad != "" {
					return end
				}
			}
			if w.seen[child] == stamp {
				return w.fail(i, BadDuplicate)
			}
			w.seen[child] = stamp
			before = child
		} else {
			if end, _ = w.str(i); w.bad != "" {
				return end
			}
			w.keys = append(w.keys, span{uint32(key + 1), uint32(end - 1)})
		}
		if i = w.space(end); i >= len(w.data) || w.data[i] != ':' {
			return w.fail(i, BadJSON)
		}
		if i = w.value(w.space(i+1), child, key, depth); w.bad != "" {
			return i
		}
		if i = w.space(i); i >= len(w.data) {
			return w.fail(i, BadJSON)
		}
		switch w.data[i] {
		case ',':
			i = w.space(i + 1)
		case '}':
			return w.endObject(i+1, field, described, stamp, firstKey)
		default:
			return w.fail(i, BadJSON)
		}
	}
}

// expected is the member whose name starts at key, and where the name ends, if
// it is the one that last stood behind before; else -1. Its name was then written
// without escapes, so the same bytes are the same name.
func (w *walker) expected(key, before int) (child, end int) {
	child = w.follows[before]
	name := w.s.Fields[child].Name
	end = key + 1 + len(name)
	if child == 0 || end >= len(w.data) || w.data[end] != '"' || string(w.data[key+1:end]) != name {
		return -1, key
	}
	return child, end + 1
}

// member looks up the member of an object whose name starts at key.
func (w *walker) member(key, field, before int) (child, end int) {
	end, escaped := w.str(key)
	if w.bad != "" {
		return -1, end
	}
	name := w.data[key+1 : end-1]
	if escaped {
		w.scratch = unescapeJSON(w.scratch[:0], name)
		name = w.scratch
	}
	if child = w.s.Member(field, name); child < 0 {
		w.unknown = [2]uint32{uint32(key + 1), uint32(end - 1)}
		return -1, w.fail(key, BadMember)
	}
	if !escaped {
		w.follows[before] = child
	}
	return child, end
}

func (w *walker) endObject(end, field int, described bool, stamp uint64, firstKey int) int {
	if !described {
		if w.twice(w.keys[firstKey:]) {
			return w.fail(end, BadDuplicate)
		}
		w.keys = w.keys[:firstKey]
		return end
	}
	for _, m := range w.s.Fields[field].Members {
		if w.seen[m] != stamp {
			at := uint32(len(w.b.Nodes))
			w.b.Nodes = append(w.b.Nodes, Node{Start: uint32(end), End: uint32(end), Next: at + 1, Field: uint16(m), Kind: Absent})
			w.b.Keys = append(w.b.Keys, uint32(end))
		}
	}
	return end
}

// twice reports whether a name stands twice, escapes resolved.
func (w *walker) twice(keys []span) bool {
	if len(keys) < 2 {
		return false
	}
	name := func(k span) []byte {
		raw := w.data[k.start:k.end]
		if bytes.IndexByte(raw, '\\') < 0 {
			return raw
		}
		return unescapeJSON(nil, raw)
	}
	if len(keys) <= 8 {
		for i := range keys {
			for _, k := range keys[:i] {
				if bytes.Equal(name(keys[i]), name(k)) {
					return true
				}
			}
		}
		return false
	}
	names := make(map[string]struct{}, len(keys))
	for _, k := range keys {
		names[string(name(k))] = struct{}{}
	}
	return len(names) < len(keys)
}

// unescapeJSON appends the text of a string's inside, which must be valid.
func unescapeJSON(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' || i+1 >= len(raw) {
			dst = append(dst, c)
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(raw, i+1)
			i += 4
			if r >= 0xD800 && r < 0xDC00 {
				low, _ := hex4(raw, i+3)
				r = (r-0xD800)<<10 | (low - 0xDC00) + 0x10000
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, raw[i])
		}
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// AppendJSONString appends value as a JSON string. value must be UTF-8.
func AppendJSONString(dst, value []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range value {
		if !special[c] {
			continue
		}
		dst = append(dst, value[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	dst = append(dst, value[from:]...)
	return append(dst, '"')
}

// String names the codec and its dialect for people: "csv, ';', header".
func (f Format) String() string {
	if f.Codec != CSV {
		return string(f.Codec)
	}
	header := "no header"
	if f.Header {
		header = "header"
	}
	return fmt.Sprintf("csv, %q, %s, %q", f.Delimiter, header, f.EOL)
}

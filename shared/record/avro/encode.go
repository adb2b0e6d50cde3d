package avro

import (
	"encoding/binary"
	"math"
	"math/big"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// encoder writes rows as Avro's binary encoding.
type encoder struct {
	out     []byte
	b       *record.Batch
	at      []uint32 // per field the index of its node in the object at hand, plus 1
	err     *fault.Error
	scratch []byte
	digits  []byte
	large   big.Int
}

func (e *encoder) row(c *column, b *record.Batch, i int) {
	e.b = b
	row := &b.Rows[i]
	first := row.First
	if len(b.Keys) > 0 { // a tree: inside the row's own object
		first++
	}
	e.members(c, first, row.Past)
}

// members writes the fields of an object whose nodes are those from first to past.
func (e *encoder) members(c *column, first, past uint32) {
	for _, m := range c.inside {
		e.at[m.field] = 0
	}
	for at := first; at < past; at = e.b.Nodes[at].Next {
		e.at[e.b.Nodes[at].Field] = at + 1
	}
	for _, m := range c.inside {
		e.value(m, e.at[m.field])
		if e.err != nil {
			return
		}
	}
}

// value writes the value at node at-1 as the union of null and its type; at is 0
// where there is none.
func (e *encoder) value(c *column, at uint32) {
	if at == 0 || e.b.Nodes[at-1].Kind <= record.Null {
		e.out = append(e.out, 0)
		return
	}
	n := &e.b.Nodes[at-1]
	e.out = append(e.out, 2)
	switch {
	case c.kind == record_ && n.Kind == record.JSONObject:
		e.members(c, at, n.Next)
	case c.kind == array && n.Kind == record.JSONArray:
		e.array(c, at, n.Next)
	case c.kind == record_ || c.kind == array || !e.single(c, n):
		e.misfit(c)
	}
}

func (e *encoder) misfit(c *column) {
	e.err = fault.New(fault.Invalid, "lossy", "a value cannot be written as "+c.avroType()+" without loss",
		"correct the value, say its format in the contract (logicalTypeOptions.format, or physicalType decimal(p,s)), or deliver in another format")
	e.err.Where.Path = c.path
}

// avroType names the type of a column for people.
func (c *column) avroType() string {
	return (&typ{kind: c.kind, prec: c.prec, scale: c.scale, name: c.title}).describe()
}

// array writes the items between two nodes as one block.
func (e *encoder) array(c *column, first, past uint32) {
	count := int64(0)
	for at := first; at < past; at = e.b.Nodes[at].Next {
		count++
	}
	if count > 0 {
		e.out = appendVarint(e.out, count)
		for at := first; at < past && e.err == nil; at = e.b.Nodes[at].Next {
			e.value(c.inside[0], at+1)
		}
	}
	e.out = append(e.out, 0)
}

// single writes a single value; false if it does not go with its column.
func (e *encoder) single(c *column, n *record.Node) bool {
	if c.kind == str {
		return e.str(c, n)
	}
	raw := e.b.Raw(n)
	if e.typed(c, n.Kind, raw) {
		return true
	}
	var text []byte
	text, e.scratch = e.b.Value(n, e.scratch)
	switch c.kind {
	case boolean:
		if n.Kind != record.Text && n.Kind != record.JSONBool {
			return false
		}
		v := string(text) == "true"
		e.out = record.AppendBool(e.out, v)
		return v || string(text) == "false"
	case integer, long, float, double, decimal:
		switch n.Kind {
		case record.Text, record.JSONNumber, record.TypedInt, record.TypedFloat, record.TypedDecimal:
			return e.number(c, text)
		}
		return false
	}
	switch n.Kind {
	case record.Text, record.JSONString, record.TypedString, record.TypedDate, record.TypedTime, record.TypedTimestamp, record.TypedLocal:
		return e.moment(c, text)
	}
	return false
}

// typed writes a typed value that needs no text in between; false if it is none.
func (e *encoder) typed(c *column, k record.Kind, raw []byte) bool {
	switch {
	case k == record.TypedBool && c.kind == boolean:
		e.out = append(e.out, raw[0])
	case k == record.TypedInt && c.kind == long:
		e.out = appendVarint(e.out, record.IntOf(raw))
	case k == record.TypedFloat && c.kind == double:
		e.out = append(e.out, raw...)
	case k == record.TypedFloat && c.kind == float:
		v := record.FloatOf(raw)
		if float64(float32(v)) != v && !math.IsNaN(v) {
			return false
		}
		e.out = binary.LittleEndian.AppendUint32(e.out, math.Float32bits(float32(v)))
	case k == record.TypedDate && c.kind == date:
		e.out = appendVarint(e.out, record.IntOf(raw))
	default:
		return false
	}
	return true
}

func (e *encoder) str(c *column, n *record.Node) bool {
	switch n.Kind {
	case record.JSONObject, record.JSONArray, record.JSONNumber, record.JSONBool:
		if !c.text {
			return false
		}
		e.out = appendBytes(e.out, e.b.Raw(n))
		return true
	case record.JSONString:
		if c.text { // JSON, of which the quotes are part
			e.out = appendBytes(e.out, e.b.Raw(n))
			return true
		}
	case record.TypedInt, record.TypedFloat, record.TypedDecimal, record.TypedBool:
		return false
	}
	var v []byte
	v, e.scratch = e.b.Value(n, e.scratch)
	e.out = appendBytes(e.out, v)
	return true
}

func (e *encoder) number(c *column, text []byte) bool {
	n, digits, ok := parseNumeral(text, e.digits)
	e.digits = digits
	if !ok {
		return false
	}
	switch c.kind {
	case float:
		v, ok := exact(text, &n, 32)
		e.out = binary.LittleEndian.AppendUint32(e.out, math.Float32bits(float32(v)))
		return ok
	case double:
		v, ok := exact(text, &n, 64)
		e.out = binary.LittleEndian.AppendUint64(e.out, math.Float64bits(v))
		return ok
	case decimal:
		v, small, ok := n.scaled(c.prec, c.scale, &e.large)
		if !ok {
			return false
		}
		e.digits = e.digits[:0]
		if small {
			e.digits = smallComplement(e.digits, v)
		} else {
			e.digits = complement(e.digits, &e.large)
		}
		e.out = appendBytes(e.out, e.digits)
		return true
	}
	v, small, ok := n.scaled(19, 0, &e.large)
	if ok && !small {
		ok = e.large.IsInt64()
		v = e.large.Int64()
	}
	if c.kind == integer && v != int64(int32(v)) {
		return false
	}
	e.out = appendVarint(e.out, v)
	return ok
}

// moment writes a date, a time or a timestamp. A timestamp without a zone is
// UTC, as for the contract's checks; one of another zone is the same moment in
// UTC. Nothing finer than a microsecond is cut off.
func (e *encoder) moment(c *column, text []byte) bool {
	var v int64
	var ok bool
	switch c.kind {
	case date:
		v, ok = parseDay(text)
	case timeMicros:
		var r reading
		if r, ok = parseClock(text); ok && !r.zoned {
			v, ok = r.micros()
		} else {
			ok = false
		}
	default:
		var r reading
		if r, ok = parseTimestamp(text); ok && !(r.zoned && c.kind == localMicros) {
			v, ok = r.micros()
		} else {
			ok = false
		}
	}
	e.out = appendVarint(e.out, v)
	return ok
}

package avro

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// decoder turns the bytes of a block into nodes. After a failure err is set and
// nothing more is read.
type decoder struct {
	s      *record.Schema
	lim    record.Limits
	data   []byte // the block, unpacked
	pos    int
	b      *record.Batch
	row    int64 // number of the row at hand
	start  int   // of the row at hand, in data
	values int   // that it has so far
	depth  int
	bad    string // the rule of form that the row breaks
	err    error

	scratch []byte
}

// next decodes one row. It answers false after a failure.
func (d *decoder) next(p *plan, number int64) bool {
	b := d.b
	start, first := len(b.Data), len(b.Nodes)
	d.row, d.bad, d.depth = number, "", 0
	d.start, d.values = d.pos, 0
	d.value(p)
	if !d.bounded() {
		b.Data, b.Nodes, b.Keys = b.Data[:start], b.Nodes[:first], b.Keys[:first]
		return false
	}
	b.Rows = append(b.Rows, record.Row{Start: uint32(start), End: uint32(len(b.Data)), First: uint32(first), Past: uint32(len(b.Nodes)), Bad: d.bad})
	return true
}

func (d *decoder) fail(msg string) {
	if d.err == nil {
		d.err = &fault.Error{Kind: fault.Invalid, Code: "avro-corrupt", Where: fault.Where{Row: d.row}, Msg: msg, Do: "write the file again with an Avro library"}
	}
}

func (d *decoder) broken(rule string) {
	if d.bad == "" {
		d.bad = rule
	}
}

// charge counts one value; values of no bytes cost something too.
func (d *decoder) charge() bool {
	d.values++
	return d.bounded()
}

// bounded tells that the row at hand is not too long yet.
func (d *decoder) bounded() bool {
	if d.pos-d.start+nodeCost*d.values > d.lim.Row && d.err == nil {
		d.err = &fault.Error{Kind: fault.Invalid, Code: "row-too-long", Where: fault.Where{Row: d.row},
			Msg: "a row has more bytes or values than limits.row allows", Do: "send smaller rows, or raise limits.row in exchange.yaml"}
	}
	return d.err == nil
}

func (d *decoder) long() int64 {
	if d.pos < len(d.data) && d.data[d.pos] < 0x80 {
		u := d.data[d.pos]
		d.pos++
		return int64(u>>1) ^ -int64(u&1)
	}
	v, n := varint(d.data[d.pos:])
	if n == 0 {
		d.fail("a number does not end")
	}
	d.pos += n
	return v
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.data)-d.pos {
		d.fail("a value is longer than its block")
		return nil
	}
	v := d.data[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	return v
}

func (d *decoder) bytes() []byte {
	n := d.long()
	if d.err != nil || n < 0 || n > int64(len(d.data)-d.pos) {
		d.fail("a value is longer than its block")
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) node(field int, k record.Kind, start int) {
	b := d.b
	b.Nodes = append(b.Nodes, record.Node{Start: uint32(start), End: uint32(len(b.Data)), Next: uint32(len(b.Nodes) + 1), Field: uint16(field), Kind: k})
	b.Keys = append(b.Keys, uint32(start))
}

// value decodes one value into nodes.
func (d *decoder) value(p *plan) {
	if !d.charge() {
		return
	}
	b := d.b
	start := len(b.Data)
	switch p.kind {
	case union:
		if branch := d.branch(p); branch != nil {
			d.value(branch)
		}
		return
	case record_, array, mapKind:
		d.tree(p, start)
		return
	}
	k := d.scalar(p)
	if d.err == nil {
		d.node(p.field, k, start)
	}
}

func (d *decoder) branch(p *plan) *plan {
	i := d.long()
	if d.err != nil || i < 0 || i >= int64(len(p.inside)) {
		d.fail("a value is of no type of its union")
		return nil
	}
	return p.inside[i]
}

// tree decodes a record, an array or a map: as nodes, or as JSON where the
// contract does not describe what is in it.
func (d *decoder) tree(p *plan, start int) {
	b := d.b
	f := &d.s.Fields[p.field]
	kind := record.JSONObject
	if p.kind == array {
		kind = record.JSONArray
	}
	if f.Type == record.Opaque || f.Type == record.Array && f.Items < 0 {
		d.json(p)
		if d.err == nil {
			d.node(p.field, kind, start)
		}
		return
	}
	if d.depth++; d.depth > d.lim.Nesting {
		d.broken(record.BadDepth)
	}
	at := len(b.Nodes)
	d.node(p.field, kind, start)
	if p.kind == array {
		for n := d.items(p); n > 0; n = d.items(p) {
			for range n {
				if d.value(p.inside[0]); d.err != nil {
					return
				}
			}
		}
	} else {
		for _, c := range p.inside {
			if d.value(c); d.err != nil {
				return
			}
		}
		for _, id := range p.absent {
			d.node(id, record.Absent, len(b.Data))
		}
	}
	d.depth--
	b.Nodes[at].Next = uint32(len(b.Nodes))
}

// items reads the count of the next block of an array or map; 0 ends it.
func (d *decoder) items(p *plan) int64 {
	n := d.long()
	if n < 0 {
		if size := d.long(); size < 0 || size > int64(len(d.data)-d.pos) || n == math.MinInt64 {
			d.fail("a block of items is longer than its block")
		}
		n = -n
	}
	least := int64(p.inside[0].least)
	if p.kind == mapKind {
		least++ // its name
	}
	if least > 0 && n > int64(len(d.data)-d.pos)/least {
		d.fail("an array or map has more items than its block has bytes")
	}
	if d.err != nil {
		return 0
	}
	return n
}

// scalar decodes a single value behind b.Data. What its logical type cannot say
// (the year 12345, 25 o'clock) it answers as the number that it is: the rule
// "type" of the contract then refuses the row, not the file.
func (d *decoder) scalar(p *plan) record.Kind {
	b := d.b
	switch p.kind {
	case null:
		return record.Null
	case boolean:
		v := d.take(1)
		if d.err != nil || v[0] > 1 {
			d.fail("a boolean is neither 0 nor 1")
			return record.Null
		}
		b.Data = append(b.Data, v[0])
		return record.TypedBool
	case integer:
		return d.integer(d.int())
	case long:
		return d.integer(d.long())
	case float:
		if v := d.take(4); v != nil {
			b.Data = record.AppendFloat(b.Data, float64(math.Float32frombits(binary.LittleEndian.Uint32(v))))
		}
		return record.TypedFloat
	case double:
		b.Data = append(b.Data, d.take(8)...)
		return record.TypedFloat
	case str:
		b.Data = append(b.Data, d.text(d.bytes())...)
		return record.TypedString
	case bytesKind:
		b.Data = append(b.Data, d.bytes()...)
		return record.TypedBytes
	case fixed:
		b.Data = append(b.Data, d.take(p.size)...)
		return record.TypedBytes
	case uuid:
		b.Data = append(b.Data, d.take(16)...)
		return record.TypedUUID
	case enum:
		i := d.long()
		if d.err != nil || i < 0 || i >= int64(len(p.symbols)) {
			d.fail("a value is no symbol of its enum")
			return record.Null
		}
		b.Data = append(b.Data, p.symbols[i]...)
		return record.TypedString
	case decimal:
		v := d.take(max(p.size, 0))
		if p.size < 0 {
			v = d.bytes()
		}
		return d.decimal(v, int64(p.scale))
	case bigDecimal:
		return d.bigDecimal(d.bytes())
	}
	return d.moment(p.kind)
}

// text is v if it is text; else the row breaks a rule of form, and v is what can
// be shown of it.
func (d *decoder) text(v []byte) []byte {
	if !utf8.Valid(v) {
		d.broken(record.BadUTF8)
		return bytes.ToValidUTF8(v, []byte("\ufffd"))
	}
	if bytes.IndexByte(v, 0) >= 0 {
		d.broken(record.BadNUL)
	}
	return v
}

func (d *decoder) int() int64 {
	v := d.long()
	if v != int64(int32(v)) {
		d.fail("an int has more than 32 bits")
	}
	return v
}

func (d *decoder) integer(v int64) record.Kind {
	d.b.Data = record.AppendInt(d.b.Data, v)
	return record.TypedInt
}

func (d *decoder) decimal(unscaled []byte, scale int64) record.Kind {
	if len(unscaled) > maxDecimal || scale < 0 || scale > 2*maxDecimal {
		d.fail("a decimal has too many digits, or a scale that is none")
		return record.Null
	}
	d.b.Data = record.AppendDecimal(d.b.Data, unscaled, int(scale))
	return record.TypedDecimal
}

// bigDecimal decodes bytes that hold the digits, as bytes, and the scale.
func (d *decoder) bigDecimal(v []byte) record.Kind {
	n, used := varint(v)
	if used == 0 || n < 0 || n > int64(len(v)-used) {
		d.fail("a big-decimal does not hold its digits")
		return record.Null
	}
	unscaled := v[used : used+int(n)]
	scale, last := varint(v[used+int(n):])
	if last == 0 || used+int(n)+last != len(v) {
		d.fail("a big-decimal does not hold its scale")
		return record.Null
	}
	return d.decimal(unscaled, scale)
}

// The moments of the years 1 to 9999, which text can say.
const (
	firstDay, lastDay       = -719162, 2932896
	firstSecond, lastSecond = firstDay * 86400, lastDay*86400 + 86399
)

// ticks are how many of a logical type's units a second has.
var ticks = [...]int64{timeMillis: 1e3, timeMicros: 1e6, timestampMillis: 1e3, timestampMicros: 1e6, timestampNanos: 1e9,
	localMillis: 1e3, localMicros: 1e6, localNanos: 1e9}

func (d *decoder) moment(k kind) record.Kind {
	b := d.b
	switch k {
	case date:
		v := d.int()
		b.Data = record.AppendInt(b.Data, v)
		if v < firstDay || v > lastDay {
			return record.TypedInt
		}
		return record.TypedDate
	case timeMillis, timeMicros:
		var v int64
		if k == timeMillis {
			v = d.int()
		} else {
			v = d.long()
		}
		if v < 0 || v >= 86400*ticks[k] {
			return d.integer(v)
		}
		b.Data = record.AppendInt(b.Data, v*(int64(time.Second)/ticks[k]))
		return record.TypedTime
	}
	v := d.long()
	seconds, rest := v/ticks[k], v%ticks[k]
	if rest < 0 {
		seconds, rest = seconds-1, rest+ticks[k]
	}
	if seconds < firstSecond || seconds > lastSecond {
		return d.integer(v)
	}
	b.Data = record.AppendTimestamp(b.Data, seconds, uint32(rest*(1e9/ticks[k])))
	if k >= localMillis {
		return record.TypedLocal
	}
	return record.TypedTimestamp
}

package parquet

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// column gathers the entries of one column of the row group at hand.
type column struct {
	path   string
	names  []string // from the root
	field  *record.Field
	e      element
	maxDef byte
	maxRep byte

	defs, reps []byte   // of the page at hand
	values     []byte   // of the page at hand, PLAIN
	indexes    []uint32 // of the page at hand, where there is a dictionary
	count      int      // values of the page at hand
	distinct   map[string]uint32
	dictionary []byte // PLAIN
	plain      bool   // the dictionary is full, or there is none
	pages      []byte // packed, with their headers
	entries    int64  // of the row group
	unpacked   int64  // bytes of its pages before they were packed
}

// newColumn decides how a field's values are written.
func newColumn(f *record.Field, def, rep byte) (*column, error) {
	c := &column{path: f.Path, field: f, maxDef: def, maxRep: rep, plain: true}
	c.e.typ, c.e.repetition = typeByteArray, optional
	format := f.Format
	switch f.Type {
	case record.Integer:
		c.e.typ, c.e.logical, c.e.bits, c.e.signed = typeInt64, logicalInt, 64, true
		switch format {
		case "i8", "i16", "i32", "u8", "u16", "u32":
			c.e.typ = typeInt32
			c.e.bits, _ = strconv.Atoi(format[1:])
			c.e.signed = format[0] == 'i'
		case "u64":
			c.e.signed = false
		case "i128", "u128":
			return c, c.decimal(39, 0)
		default:
			if strings.HasPrefix(format, "decimal") {
				return c, c.declared(format)
			}
		}
	case record.Number:
		c.e.typ = typeDouble
		switch {
		case format == "f32":
			c.e.typ = typeFloat
		case strings.HasPrefix(format, "decimal"):
			return c, c.declared(format)
		}
	case record.Boolean:
		c.e.typ = typeBoolean
	case record.Date, record.Timestamp, record.Time:
		switch {
		case format == record.FormatText:
			c.text(logicalString)
		case f.Type == record.Date:
			c.e.typ, c.e.logical = typeInt32, logicalDate
		default:
			c.e.typ, c.e.logical, c.e.unit = typeInt64, logicalTime, unitMicros
			if f.Type == record.Timestamp {
				c.e.logical, c.e.utc = logicalTimestamp, format != record.FormatLocal
			}
		}
	case record.String:
		c.text(logicalString)
	default:
		c.text(logicalJSON)
	}
	return c, nil
}

func (c *column) text(logical int) {
	c.e.logical = logical
	c.plain, c.distinct = false, map[string]uint32{}
}

// declared reads decimal(p,s).
func (c *column) declared(format string) error {
	p, s := 0, 0
	if _, err := fmt.Sscanf(format, "decimal(%d,%d)", &p, &s); err != nil || p < 1 || p > 76 || s < 0 || s > p {
		return &fault.Error{Kind: fault.Poison, Code: "parquet-decimal", Where: fault.Where{Path: c.path}, Msg: "it is a decimal of a precision or scale that Parquet cannot write", Do: "say decimal(p,s) with p from 1 to 76 and s from 0 to p"}
	}
	return c.decimal(p, s)
}

func (c *column) decimal(p, s int) error {
	c.e.logical, c.e.precision, c.e.scale = logicalDecimal, p, s
	switch {
	case p <= 9:
		c.e.typ = typeInt32
	case p <= 18:
		c.e.typ = typeInt64
	default:
		c.e.typ = typeFixed
		// As many bytes as 10^p takes with its sign: log2(10) is less than 3322/1000.
		c.e.length = (p*3322/1000 + 2 + 7) / 8
	}
	return nil
}

// takes tells whether a value of a kind goes into the column.
func (c *column) takes(k record.Kind) bool {
	switch {
	case k == record.Text || k.Typed():
		return true
	case c.field.Type == record.Integer || c.field.Type == record.Number:
		return k == record.JSONNumber
	case c.field.Type == record.Boolean:
		return k == record.JSONBool
	}
	return k == record.JSONString
}

func (c *column) entry(rep, def byte) {
	if c.maxRep > 0 {
		c.reps = append(c.reps, rep)
	}
	c.defs = append(c.defs, def)
	c.entries++
}

func (c *column) size() int {
	return len(c.pages) + len(c.dictionary) + len(c.values) + len(c.defs) + len(c.reps) + 4*len(c.indexes)
}

// addBytes adds a value of typeByteArray.
func (c *column) addBytes(v []byte) {
	if !c.plain {
		i, known := c.distinct[string(v)]
		if !known && len(c.dictionary)+len(v) <= dictionaryMax {
			i, known = uint32(len(c.distinct)), true
			c.distinct[string(v)] = i
			c.dictionary = append(binary.LittleEndian.AppendUint32(c.dictionary, uint32(len(v))), v...)
		}
		if known {
			c.indexes = append(c.indexes, i)
			return
		}
		c.spill()
	}
	c.values = append(binary.LittleEndian.AppendUint32(c.values, uint32(len(v))), v...)
	c.count++
}

// spill turns the page at hand to plain values, for the dictionary is full.
func (c *column) spill() {
	c.plain = true
	var d values
	d.plain(typeByteArray, c.dictionary, len(c.distinct))
	for _, i := range c.indexes {
		v := d.get(int(i))
		c.values = append(binary.LittleEndian.AppendUint32(c.values, uint32(len(v))), v...)
		c.count++
	}
	c.indexes = c.indexes[:0]
}

// page packs the page at hand.
func (c *column) page(z *zstd.Encoder) {
	if len(c.defs) == 0 {
		return
	}
	var data []byte
	levels := func(l []byte, max byte) {
		if max == 0 {
			return
		}
		at := len(data)
		data = appendHybrid(append(data, 0, 0, 0, 0), l, bitWidth(int(max)))
		binary.LittleEndian.PutUint32(data[at:], uint32(len(data)-at-4))
	}
	levels(c.reps, c.maxRep)
	levels(c.defs, c.maxDef)
	encoding := encPlain
	switch {
	case len(c.indexes) > 0:
		encoding = encRLEDictionary
		width := bitWidth(len(c.distinct) - 1)
		data = appendHybrid(append(data, byte(width)), c.indexes, width)
	case c.e.typ == typeBoolean:
		bits := make([]byte, (len(c.values)+7)/8)
		for i, v := range c.values {
			bits[i/8] |= v << (i % 8)
		}
		data = append(data, bits...)
	default:
		data = append(data, c.values...)
	}
	c.pages = appendPage(c.pages, z, data, func(t *thriftWriter) {
		t.object(5)
		t.i32(1, int32(len(c.defs)))
		t.i32(2, int32(encoding))
		t.i32(3, encRLE)
		t.i32(4, encRLE)
		t.end()
	}, pageData)
	c.unpacked += int64(len(data))
	c.defs, c.reps, c.values, c.indexes, c.count = c.defs[:0], c.reps[:0], c.values[:0], c.indexes[:0], 0
}

func (c *column) dictionaryPage(z *zstd.Encoder) []byte {
	return appendPage(nil, z, c.dictionary, func(t *thriftWriter) {
		t.object(7)
		t.i32(1, int32(len(c.distinct)))
		t.i32(2, encPlain)
		t.end()
	}, pageDictionary)
}

// appendPage appends a page's header, of which head writes the part that is its
// kind's, and its packed bytes.
func appendPage(dst []byte, z *zstd.Encoder, data []byte, head func(*thriftWriter), kind int32) []byte {
	packed := z.EncodeAll(data, nil)
	t := &thriftWriter{data: dst}
	t.begin()
	t.i32(1, kind)
	t.i32(2, int32(len(data)))
	t.i32(3, int32(len(packed)))
	t.i32(4, int32(checksum(packed)))
	head(t)
	t.end()
	return append(t.data, packed...)
}

// reset begins a row group.
func (c *column) reset() {
	c.pages, c.entries, c.unpacked, c.dictionary = c.pages[:0], 0, 0, c.dictionary[:0]
	if c.distinct != nil {
		clear(c.distinct)
		c.plain = false
	}
}

// appendHybrid appends values in RLE / bit-packing hybrid encoding: equal ones as
// a run from 8 on, others in groups of 8.
func appendHybrid[T byte | uint32](dst []byte, v []T, width int) []byte {
	same := func(i int) int {
		n := 1
		for i+n < len(v) && v[i+n] == v[i] {
			n++
		}
		return n
	}
	for i := 0; i < len(v); {
		if n := same(i); n >= 8 || i+n == len(v) {
			dst = binary.AppendUvarint(dst, uint64(n)<<1)
			for k := range (width + 7) / 8 {
				dst = append(dst, byte(uint32(v[i])>>(8*k)))
			}
			i += n
			continue
		}
		end := i + 8
		for end < len(v) && same(end) < 8 {
			end += 8
		}
		groups := (end - i) / 8
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		var acc uint64
		bits := 0
		for k := i; k < end; k++ {
			if k < len(v) {
				acc |= uint64(uint32(v[k])) << bits
			}
			for bits += width; bits >= 8; bits -= 8 {
				dst = append(dst, byte(acc))
				acc >>= 8
			}
		}
		i = end
	}
	return dst
}

// write writes e, a leaf, as a SchemaElement with its logical type and, for older
// readers, the converted type that goes with it.
func (e *element) write(t *thriftWriter, name string) {
	t.begin()
	t.i32(1, int32(e.typ))
	if e.typ == typeFixed {
		t.i32(2, int32(e.length))
	}
	t.i32(3, int32(e.repetition))
	t.string(4, name)
	if converted, ok := e.converted(); ok {
		t.i32(6, converted)
	}
	if e.logical == logicalDecimal {
		t.i32(7, int32(e.scale))
		t.i32(8, int32(e.precision))
	}
	if e.logical != 0 {
		t.object(10)
		t.object(int16(e.logical))
		switch e.logical {
		case logicalDecimal:
			t.i32(1, int32(e.scale))
			t.i32(2, int32(e.precision))
		case logicalInt:
			t.head(1, thriftByte)
			t.data = append(t.data, byte(e.bits))
			t.bool(2, e.signed)
		case logicalTime, logicalTimestamp:
			t.bool(1, e.utc)
			t.object(2)
			t.object(int16(e.unit))
			t.end()
			t.end()
		}
		t.end()
		t.end()
	}
	t.end()
}

// converted is the ConvertedType of e; local times have none.
func (e *element) converted() (int32, bool) {
	switch e.logical {
	case logicalString:
		return 0, true
	case logicalDecimal:
		return 5, true
	case logicalDate:
		return 6, true
	case logicalTime:
		return 8, e.utc
	case logicalTimestamp:
		return 10, e.utc
	case logicalInt:
		n := int32(0)
		for bits := 8; bits < e.bits; bits *= 2 {
			n++
		}
		if e.signed {
			return 15 + n, true
		}
		return 11 + n, true
	case logicalJSON:
		return 19, true
	}
	return 0, false
}

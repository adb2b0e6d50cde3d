package parquet

import "encoding/binary"

// The types of Thrift's compact protocol.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
const (
	thriftStop = iota
	thriftTrue
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

// maxThriftDepth bounds the nesting of what is passed over.
const maxThriftDepth = 32

// thriftReader reads Thrift's compact protocol. Nothing is allocated by what the
// data declares. After a failure bad is set and everything read is zero.
type thriftReader struct {
	data []byte
	at   int
	bad  bool
}

func (t *thriftReader) fail() {
	t.bad, t.at = true, len(t.data)
}

func (t *thriftReader) byte() byte {
	if t.at >= len(t.data) {
		t.fail()
		return 0
	}
	t.at++
	return t.data[t.at-1]
}

func (t *thriftReader) uvarint() uint64 {
	v, n := binary.Uvarint(t.data[t.at:])
	if n <= 0 {
		t.fail()
		return 0
	}
	t.at += n
	return v
}

// int reads an i16, i32 or i64.
func (t *thriftReader) int() int64 {
	v := t.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (t *thriftReader) binary() []byte {
	n := t.uvarint()
	if n > uint64(len(t.data)-t.at) {
		t.fail()
		return nil
	}
	t.at += int(n)
	return t.data[t.at-int(n) : t.at]
}

// list reads the head of a list or set. Each element takes a byte at least.
func (t *thriftReader) list() (size int, typ byte) {
	head := t.byte()
	n := uint64(head >> 4)
	if n == 15 {
		n = t.uvarint()
	}
	if n > uint64(len(t.data)-t.at) {
		t.fail()
		return 0, 0
	}
	return int(n), head & 15
}

// fields calls f for each field of a struct; f reads the value or says false, and
// then it is passed over.
func (t *thriftReader) fields(f func(id int16, typ byte) bool) {
	var id int16
	for !t.bad {
		head := t.byte()
		if head == thriftStop {
			return
		}
		if delta := int16(head >> 4); delta != 0 {
			id += delta
		} else {
			id = int16(t.int())
		}
		if !f(id, head&15) {
			t.skip(head&15, 0)
		}
	}
}

func (t *thriftReader) skip(typ byte, depth int) {
	if depth > maxThriftDepth {
		t.fail()
	}
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		t.byte()
	case thriftI16, thriftI32, thriftI64:
		t.uvarint()
	case thriftDouble:
		if t.at += 8; t.at > len(t.data) {
			t.fail()
		}
	case thriftBinary:
		t.binary()
	case thriftList, thriftSet:
		n, elem := t.list()
		for i := 0; i < n && !t.bad; i++ {
			t.element(elem, depth)
		}
	case thriftMap:
		if n := t.uvarint(); n > 0 {
			types := t.byte()
			for i := uint64(0); i < n && !t.bad; i++ {
				t.element(types>>4, depth)
				t.element(types&15, depth)
			}
		}
	case thriftStruct:
		for !t.bad {
			head := t.byte()
			if head == thriftStop {
				return
			}
			if head>>4 == 0 {
				t.int()
			}
			t.skip(head&15, depth+1)
		}
	default:
		t.fail()
	}
}

// element passes over an element of a list or map, where a boolean is a byte.
func (t *thriftReader) element(typ byte, depth int) {
	if typ == thriftTrue || typ == thriftFalse {
		t.byte()
		return
	}
	t.skip(typ, depth+1)
}

// thriftWriter writes Thrift's compact protocol.
type thriftWriter struct {
	data []byte
	last []int16 // per open struct the id of its last field
}

func (t *thriftWriter) begin() { t.last = append(t.last, 0) }

func (t *thriftWriter) end() {
	t.data = append(t.data, thriftStop)
	t.last = t.last[:len(t.last)-1]
}

func (t *thriftWriter) head(id int16, typ byte) {
	last := &t.last[len(t.last)-1]
	t.data = append(t.data, byte(id-*last)<<4|typ) // ids are written in order, less than 16 apart
	*last = id
}

func (t *thriftWriter) varint(v int64) {
	t.data = binary.AppendUvarint(t.data, uint64(v<<1)^uint64(v>>63))
}

func (t *thriftWriter) i32(id int16, v int32) {
	t.head(id, thriftI32)
	t.varint(int64(v))
}

func (t *thriftWriter) i64(id int16, v int64) {
	t.head(id, thriftI64)
	t.varint(v)
}

func (t *thriftWriter) bool(id int16, v bool) {
	if v {
		t.head(id, thriftTrue)
	} else {
		t.head(id, thriftFalse)
	}
}

func (t *thriftWriter) text(v string) {
	t.data = binary.AppendUvarint(t.data, uint64(len(v)))
	t.data = append(t.data, v...)
}

func (t *thriftWriter) string(id int16, v string) {
	t.head(id, thriftBinary)
	t.text(v)
}

// object opens a struct that is a field; end closes it.
func (t *thriftWriter) object(id int16) {
	t.head(id, thriftStruct)
	t.begin()
}

func (t *thriftWriter) list(id int16, typ byte, n int) {
	t.head(id, thriftList)
	if n < 15 {
		t.data = append(t.data, byte(n)<<4|typ)
		return
	}
	t.data = append(t.data, 0xf0|typ)
	t.data = binary.AppendUvarint(t.data, uint64(n))
}

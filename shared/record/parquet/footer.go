package parquet

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// magic starts and ends a file; magicEncrypted one whose footer is encrypted.
const (
	magic          = "PAR1"
	magicEncrypted = "PARE"
)

const (
	maxFooter    = 32 << 20
	maxRowGroups = 1 << 15 // their ordinal has 16 bits
	maxChunks    = 1 << 20 // of columns, in all row groups
	maxElements  = 1 << 16 // of the schema
)

// The physical types (parquet.thrift, Type).
const (
	typeBoolean = iota
	typeInt32
	typeInt64
	typeInt96
	typeFloat
	typeDouble
	typeByteArray
	typeFixed
	typeGroup // ours: not a leaf
)

// The repetition types (FieldRepetitionType).
const (
	required = iota
	optional
	repeated
)

// The logical types, as members of the union LogicalType.
const (
	logicalString    = 1
	logicalMap       = 2
	logicalList      = 3
	logicalEnum      = 4
	logicalDecimal   = 5
	logicalDate      = 6
	logicalTime      = 7
	logicalTimestamp = 8
	logicalInt       = 10
	logicalNull      = 11
	logicalJSON      = 12
	logicalBSON      = 13
	logicalUUID      = 14
	logicalFloat16   = 15
	logicalOther     = 99 // ours: one that this package does not know
)

// The units of times, as members of the union TimeUnit.
const (
	unitMillis = 1
	unitMicros = 2
	unitNanos  = 3
)

// element is a SchemaElement.
type element struct {
	name             string
	typ              int // typeGroup for a group
	length           int // of typeFixed
	repetition       int
	children         int
	logical          int
	scale, precision int
	bits             int
	signed           bool
	utc              bool
	unit             int
}

// chunk is a ColumnChunk: where a column of a row group lies.
type chunk struct {
	typ      int
	codec    int
	values   int64
	dataPage int64
	dictPage int64
	size     int64 // compressed, headers included
	unpacked int64 // only written
}

type rowGroup struct {
	rows   int64
	bytes  int64 // uncompressed
	chunks []chunk
}

// footer is what is needed of a FileMetaData.
type footer struct {
	schema []element
	rows   int64
	groups []rowGroup
	start  int64 // where it starts in the file: all data lies before
}

func corrupt(msg string) error {
	return fault.New(fault.Invalid, "parquet-corrupt", msg, "send the whole file again, as it was written")
}

func encrypted() error {
	return fault.New(fault.Invalid, "parquet-encrypted", "the Parquet file is encrypted", "send it without Parquet's encryption")
}

// readFooter reads a file's metadata.
func readFooter(src io.ReaderAt, size int64) (*footer, error) {
	if size < 12 {
		return nil, corrupt("it is too short to be a Parquet file")
	}
	var head [4]byte
	if err := readAt(src, head[:], 0); err != nil {
		return nil, err
	}
	if start := string(head[:]); start != magic && start != magicEncrypted {
		return nil, corrupt("it does not start as a Parquet file does")
	}
	var tail [8]byte
	if err := readAt(src, tail[:], size-8); err != nil {
		return nil, err
	}
	switch string(tail[4:]) {
	case magic:
	case magicEncrypted:
		return nil, encrypted()
	default:
		return nil, fault.New(fault.Invalid, "parquet-truncated", "the Parquet file does not end as one: its end is missing", "send the whole file again")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-12 {
		return nil, corrupt("the footer is said to be longer than the file")
	}
	if n > maxFooter {
		return nil, fault.New(fault.Invalid, "parquet-footer", fmt.Sprintf("the footer has %d bytes, at most %d are read", n, maxFooter), "write fewer and larger row groups")
	}
	data := make([]byte, n)
	if err := readAt(src, data, size-8-n); err != nil {
		return nil, err
	}
	f := &footer{start: size - 8 - n}
	return f, f.parse(data)
}

// readAt fills p. What src answers but for the end is the world's fault.
func readAt(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF || err == io.ErrUnexpectedEOF:
		return corrupt("the Parquet file ends before what its footer names")
	}
	return err
}

func (f *footer) parse(data []byte) error {
	t := &thriftReader{data: data}
	locked, chunks, tooMany := false, 0, false
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 2 && typ == thriftList:
			n, _ := t.list()
			for i := 0; i < n && !t.bad; i++ {
				f.schema = append(f.schema, readElement(t))
				if len(f.schema) > maxElements {
					tooMany = true
					t.fail()
				}
			}
		case id == 3 && typ == thriftI64:
			f.rows = t.int()
		case id == 4 && typ == thriftList:
			n, _ := t.list()
			for i := 0; i < n && !t.bad; i++ {
				g := readGroup(t, &locked)
				f.groups = append(f.groups, g)
				chunks += len(g.chunks)
				if len(f.groups) > maxRowGroups || chunks > maxChunks {
					tooMany = true
					t.fail()
				}
			}
		case id == 8:
			locked = true
			return false
		default:
			return false
		}
		return true
	})
	switch {
	case tooMany:
		return fault.New(fault.Invalid, "parquet-footer", fmt.Sprintf("it has more than %d columns, %d row groups, or %d columns in all of these", maxElements, maxRowGroups, maxChunks), "write fewer and larger row groups")
	case locked:
		return encrypted()
	case t.bad || len(f.schema) == 0:
		return corrupt("the footer of the Parquet file cannot be read")
	}
	return nil
}

func readElement(t *thriftReader) element {
	e := element{typ: typeGroup}
	converted := -1
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 1 && typ == thriftI32:
			e.typ = int(t.int())
		case id == 2 && typ == thriftI32:
			e.length = int(t.int())
		case id == 3 && typ == thriftI32:
			e.repetition = int(t.int())
		case id == 4 && typ == thriftBinary:
			e.name = string(t.binary())
		case id == 5 && typ == thriftI32:
			e.children = int(t.int())
		case id == 6 && typ == thriftI32:
			converted = int(t.int())
		case id == 7 && typ == thriftI32:
			e.scale = int(t.int())
		case id == 8 && typ == thriftI32:
			e.precision = int(t.int())
		case id == 10 && typ == thriftStruct:
			e.readLogical(t)
		default:
			return false
		}
		return true
	})
	if e.logical == 0 {
		e.convert(converted)
	}
	return e
}

func (e *element) readLogical(t *thriftReader) {
	t.fields(func(id int16, typ byte) bool {
		e.logical = logicalOther
		if typ != thriftStruct {
			return false
		}
		switch id {
		case logicalString, logicalMap, logicalList, logicalEnum, logicalDate, logicalNull, logicalJSON, logicalBSON, logicalUUID, logicalFloat16,
			logicalDecimal, logicalTime, logicalTimestamp, logicalInt:
			e.logical = int(id)
		default:
			return false
		}
		t.fields(func(id int16, typ byte) bool {
			number := typ == thriftI32 || typ == thriftI16 || typ == thriftI64
			switch {
			case e.logical == logicalDecimal && id == 1 && number:
				e.scale = int(t.int())
			case e.logical == logicalDecimal && id == 2 && number:
				e.precision = int(t.int())
			case e.logical == logicalInt && id == 1 && typ == thriftByte:
				e.bits = int(t.byte())
			case e.logical == logicalInt && id == 2:
				e.signed = typ == thriftTrue
			case id == 1 && (e.logical == logicalTime || e.logical == logicalTimestamp):
				e.utc = typ == thriftTrue
			case id == 2 && typ == thriftStruct && (e.logical == logicalTime || e.logical == logicalTimestamp):
				t.fields(func(id int16, typ byte) bool {
					e.unit = int(id)
					return false
				})
			default:
				return false
			}
			return true
		})
		return true
	})
}

// convert applies a ConvertedType, which older writers use instead of a logical
// type (LogicalTypes.md).
func (e *element) convert(c int) {
	switch c {
	case 0:
		e.logical = logicalString
	case 1, 2: // MAP, MAP_KEY_VALUE
		e.logical = logicalMap
	case 3:
		e.logical = logicalList
	case 4:
		e.logical = logicalEnum
	case 5:
		e.logical = logicalDecimal
	case 6:
		e.logical = logicalDate
	case 7, 8:
		e.logical, e.utc, e.unit = logicalTime, true, c-6
	case 9, 10:
		e.logical, e.utc, e.unit = logicalTimestamp, true, c-8
	case 11, 12, 13, 14:
		e.logical, e.bits = logicalInt, 8<<(c-11)
	case 15, 16, 17, 18:
		e.logical, e.bits, e.signed = logicalInt, 8<<(c-15), true
	case 19:
		e.logical = logicalJSON
	case 20:
		e.logical = logicalBSON
	case 21:
		e.logical = logicalOther // INTERVAL
	}
}

func readGroup(t *thriftReader, locked *bool) (g rowGroup) {
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 1 && typ == thriftList:
			n, _ := t.list()
			for i := 0; i < n && !t.bad && len(g.chunks) <= maxChunks; i++ {
				g.chunks = append(g.chunks, readChunk(t, locked))
			}
		case id == 2 && typ == thriftI64:
			g.bytes = t.int()
		case id == 3 && typ == thriftI64:
			g.rows = t.int()
		default:
			return false
		}
		return true
	})
	return g
}

func readChunk(t *thriftReader, locked *bool) (c chunk) {
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 3 && typ == thriftStruct:
			t.fields(func(id int16, typ byte) bool {
				var v *int64
				switch {
				case id == 1 && typ == thriftI32:
					c.typ = int(t.int())
					return true
				case id == 4 && typ == thriftI32:
					c.codec = int(t.int())
					return true
				case typ != thriftI64:
					return false
				case id == 5:
					v = &c.values
				case id == 7:
					v = &c.size
				case id == 9:
					v = &c.dataPage
				case id == 11:
					v = &c.dictPage
				default:
					return false
				}
				*v = t.int()
				return true
			})
			return true
		case id == 8 || id == 9: // crypto_metadata, encrypted_column_metadata
			*locked = true
		}
		return false
	})
	return c
}

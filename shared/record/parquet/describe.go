package parquet

import (
	"fmt"
	"io"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Describe answers what a contract of a file's rows says of their types: see
// docs/formats.md. Maps and columns of JSON are Opaque. Bytes without a logical type
// are text, as older writers mean them, but for the paths in binary. The faults are
// those of NewReader, and Invalid with code "parquet-type" where a column has a type
// that no contract can have.
func Describe(src io.ReaderAt, size int64, binary map[string]bool) (*record.Schema, error) {
	f, err := readFooter(src, size)
	if err != nil {
		return nil, err
	}
	opaque := record.NewSchema("", []record.Field{{Parent: -1, Type: record.Opaque, Items: -1}})
	root, leaves, err := match(f, record.Expect{Schema: opaque}, record.Limits{}.WithDefaults().Nesting)
	for _, l := range leaves {
		if _, class := natural(&l.e); class == classNone {
			return nil, fault.New(fault.Invalid, "parquet-type", fmt.Sprintf("column %q is %s, which no contract can have", short(l.path), typeName(&l.e)), "leave it out, or write it as another type")
		}
	}
	if err != nil {
		return nil, err
	}
	d := describer{fields: record.NewFields(), binary: binary}
	for _, m := range root.members {
		d.add(0, m)
	}
	return record.NewSchema("", d.fields), nil
}

type describer struct {
	fields record.Fields
	binary map[string]bool
}

func (d *describer) add(holder int, n *node) {
	field := record.Field{Name: n.name}
	switch n.kind {
	case mapNode:
		d.fields.Add(holder, field) // Opaque
	case groupNode:
		field.Type = record.Object
		id := d.fields.Add(holder, field)
		for _, m := range n.members {
			d.add(id, m)
		}
	case listNode:
		field.Type = record.Array
		d.add(d.fields.Add(holder, field), n.items)
	default:
		id := d.fields.Add(holder, field)
		f := &d.fields[id]
		f.Type, f.Format = d.leaf(&n.leaf.e, f.Path)
	}
}

// leaf is the type of a single value, and what else is known of it: see record.Field.
func (d *describer) leaf(e *element, path string) (t record.Type, format string) {
	switch conv, class := natural(e); class {
	case classJSON:
		return record.Opaque, ""
	case classBytes:
		if e.typ == typeByteArray && e.logical == 0 && !d.binary[path] {
			return record.String, ""
		}
		return record.String, "binary"
	case classInt:
		switch {
		case e.logical == logicalInt && e.signed:
			return record.Integer, fmt.Sprintf("i%d", e.bits)
		case e.logical == logicalInt:
			return record.Integer, fmt.Sprintf("u%d", e.bits)
		case e.typ == typeInt32:
			return record.Integer, "i32"
		}
		return record.Integer, "i64"
	case classFloat:
		if e.typ == typeDouble {
			return record.Number, "f64"
		}
		return record.Number, "f32"
	case classDecimal:
		return record.Number, fmt.Sprintf("decimal(%d,%d)", e.precision, e.scale)
	case classBool:
		return record.Boolean, ""
	case classDate:
		return record.Date, ""
	case classTime:
		return record.Time, ""
	case classTimestamp:
		if conv == convTimestamp && !e.utc {
			return record.Timestamp, record.FormatLocal
		}
		return record.Timestamp, ""
	}
	return record.String, "" // classNull: there is none
}

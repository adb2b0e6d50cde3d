package avro

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"github.com/sallyport-io/sallyport/shared/record"
)

// Describe answers what a contract of a file's rows says of their types: see
// docs/formats.md. Maps are Opaque. The faults are those of NewReader, and Invalid
// with code "avro-type" where a column has a type that no contract can have.
func Describe(r io.Reader) (*record.Schema, error) {
	rd := &Reader{src: bufio.NewReaderSize(r, 64<<10)}
	text, _, err := rd.header()
	if err != nil {
		return nil, err
	}
	t, err := parseSchema(text)
	if err != nil {
		return nil, err
	}
	if t.kind != record_ {
		return nil, noContract("its rows are of type %s, not records", t.describe())
	}
	d := describer{fields: record.NewFields()}
	if err := d.members(0, t); err != nil {
		return nil, err
	}
	return record.NewSchema("", d.fields), nil
}

func noContract(format string, args ...any) error {
	return invalid("avro-type", fmt.Sprintf(format, args...), "leave it out, or write it as another type")
}

type describer struct {
	fields record.Fields
	open   []*typ // records that are being looked into
}

func (d *describer) members(holder int, t *typ) error {
	if slices.Contains(d.open, t) {
		return noContract("the record %s in column %s holds itself", quote(t.name), quote(d.fields[holder].Path))
	}
	d.open = append(d.open, t)
	defer func() { d.open = d.open[:len(d.open)-1] }()
	for i := range t.fields {
		if err := d.add(holder, t.fields[i].name, t.fields[i].typ); err != nil {
			return err
		}
	}
	return nil
}

func (d *describer) add(holder int, name string, t *typ) error {
	if len(d.fields) > maxPlan {
		return badSchema("the schema in it has more than %d types, those counted that it uses again", maxPlan)
	}
	of, same := one(t)
	field := record.Field{Name: name}
	field.Type, field.Format = of.single()
	id := d.fields.Add(holder, field)
	path := quote(d.fields[id].Path)
	switch {
	case !same:
		return noContract("column %s is a union of several types, which no contract can have", path)
	case of.kind == duration:
		return noContract("column %s is a duration, which no contract can have", path)
	case of.kind == record_:
		return d.members(id, of)
	case of.kind == array:
		return d.add(id, "", of.items)
	}
	return nil
}

// one is the type of a column that may be null, and whether it has only one.
func one(t *typ) (of *typ, same bool) {
	if t.kind != union {
		return t, true
	}
	of = &typ{kind: null}
	for _, branch := range t.types {
		switch {
		case branch.kind == null:
		case of.kind == null, of.kind == integer && branch.kind == long, of.kind == float && branch.kind == double:
			of = branch
		case of.kind == long && branch.kind == integer, of.kind == double && branch.kind == float:
		default:
			return of, false
		}
	}
	return of, true
}

// single is the type of a value, and what else is known of it: see record.Field.
func (t *typ) single() (of record.Type, format string) {
	switch t.kind {
	case boolean:
		return record.Boolean, ""
	case integer:
		return record.Integer, "i32"
	case long:
		return record.Integer, "i64"
	case float:
		return record.Number, "f32"
	case double:
		return record.Number, "f64"
	case decimal:
		return record.Number, fmt.Sprintf("decimal(%d,%d)", t.prec, t.scale)
	case bigDecimal:
		return record.Number, ""
	case bytesKind, fixed:
		return record.String, "binary"
	case date:
		return record.Date, ""
	case timeMillis, timeMicros:
		return record.Time, ""
	case timestampMillis, timestampMicros, timestampNanos:
		return record.Timestamp, ""
	case localMillis, localMicros, localNanos:
		return record.Timestamp, record.FormatLocal
	case record_:
		return record.Object, ""
	case array:
		return record.Array, ""
	case mapKind:
		return record.Opaque, ""
	}
	return record.String, "" // string, enum, uuid; null: there is none
}

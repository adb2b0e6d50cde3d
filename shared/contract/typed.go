package contract

import (
	"math"
	"slices"

	"github.com/sallyport-io/sallyport/shared/record"
)

// takes tells which kinds of typed values (Parquet, Avro) a type may be. Dates
// and times may be text, which is then held to their format; numbers may not.
func takes(t record.Type, k record.Kind, bytes bool) bool {
	switch t {
	case record.String:
		return k == record.TypedString || k == record.TypedUUID || k == record.TypedBytes && bytes
	case record.Integer:
		return k == record.TypedInt || k == record.TypedDecimal
	case record.Number:
		return k == record.TypedInt || k == record.TypedFloat || k == record.TypedDecimal
	case record.Boolean:
		return k == record.TypedBool
	case record.Date:
		return k == record.TypedDate || k == record.TypedLocal || k == record.TypedTimestamp || k == record.TypedString
	case record.Timestamp:
		return k == record.TypedTimestamp || k == record.TypedLocal || k == record.TypedString
	case record.Time:
		return k == record.TypedTime || k == record.TypedString
	case record.Opaque:
		return k == record.TypedString // JSON
	}
	return false
}

// typed holds a typed value to its field as far as that can be done in binary.
// done tells that nothing is left to check; else the value's text (record's
// AppendTyped) is to be held to checks.
func (f *field) typed(k record.Kind, raw []byte) (broken *rule, checks []check, done bool) {
	if !takes(f.typ, k, f.bytes) {
		return f.kind, nil, true
	}
	own := len(f.checks) <= f.own // no enum, no quality rule
	switch k {
	case record.TypedInt:
		if own && f.within != nil && f.within.integer(record.IntOf(raw), 0) {
			return nil, nil, true
		}
	case record.TypedFloat:
		v := record.FloatOf(raw)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return f.finite, nil, true
		}
		if own && f.within != nil && f.within.float(v) {
			return nil, nil, true
		}
	case record.TypedDecimal:
		unscaled, scale := record.DecimalOf(raw)
		if own && f.within != nil && len(unscaled) <= 8 && (scale == 0 || f.typ == record.Number) && f.within.integer(short(unscaled), scale) {
			return nil, nil, true
		}
	case record.TypedDate, record.TypedTime, record.TypedTimestamp, record.TypedLocal:
		if f.moment == nil {
			break
		}
		t, zoned := momentOf(k, raw)
		zoned = zoned || k == record.TypedTime && f.zone == zoneMust
		broken := f.moment(t, zoned)
		return broken, f.checks[f.own:], broken != nil || own
	case record.TypedBool:
		return nil, f.checks[f.own:], own
	case record.TypedUUID:
		if len(f.checks) == 0 || len(f.checks) == 1 && f.uuid {
			return nil, nil, true
		}
	}
	return nil, f.checks, len(f.checks) == 0
}

// short is a big-endian two's complement of eight bytes at most.
func short(unscaled []byte) int64 {
	var v int64
	if len(unscaled) > 0 && unscaled[0]&0x80 != 0 {
		v = -1
	}
	for _, b := range unscaled {
		v = v<<8 | int64(b)
	}
	return v
}

// momentOf is a typed date, time or timestamp. Dates have no zone; of a time
// the kind does not say whether it has one.
func momentOf(k record.Kind, raw []byte) (t instant, zoned bool) {
	switch k {
	case record.TypedDate:
		return instant{sec: 86400 * (record.IntOf(raw) + unixDays)}, false
	case record.TypedTime:
		n := record.IntOf(raw)
		return instant{sec: n / 1e9, nano: int32(n % 1e9)}, false
	}
	seconds, nanos := record.TimestampOf(raw)
	return instant{sec: seconds + 86400*unixDays, nano: int32(nanos)}, k == record.TypedTimestamp
}

// typedRow is the first row of a batch, if it is one of typed values without
// objects and arrays in it; else nil.
func typedRow(b *record.Batch) *record.Row {
	for i := range b.Rows {
		row := &b.Rows[i]
		if row.Bad != "" || row.First == row.Past {
			continue
		}
		typed := false
		for _, n := range b.Nodes[row.First+1 : row.Past] {
			if n.Kind == record.JSONObject || n.Kind == record.JSONArray {
				return nil
			}
			typed = typed || n.Kind.Typed()
		}
		if typed {
			return row
		}
		return nil
	}
	return nil
}

// typedColumns marks the rows of a typed batch that have to be looked at value by
// value: those of which a column does not pass, and those that have not the same
// fields in the same order as the first.
func (v *Validator) typedColumns(b *record.Batch, first *record.Row) {
	width := first.Past - first.First
	v.firsts = slices.Grow(v.firsts[:0], len(b.Rows))[:len(b.Rows)]
	for i := range b.Rows {
		row := &b.Rows[i]
		v.firsts[i] = row.First
		if row.Past-row.First != width || b.Nodes[row.First].Field != 0 || b.Nodes[row.First].Kind != record.JSONObject {
			v.firsts[i] = first.First // it stands in
			v.suspect[i] = true
		}
	}
	for low := 0; low < len(b.Rows); low += tile {
		high := min(low+tile, len(b.Rows))
		for column := uint32(1); column < width; column++ {
			id := b.Nodes[first.First+column].Field
			typedColumn(b, id, column, &v.c.fields[id], &v.quick[id], v.firsts[low:high], v.suspect[low:high])
		}
	}
}

// typedColumn holds a column of some rows, whose nodes begin at firsts, to its
// field.
func typedColumn(b *record.Batch, id uint16, column uint32, f *field, q *quick, firsts []uint32, suspect []bool) {
	suspect = suspect[:len(firsts)]
	for i, first := range firsts {
		n := &b.Nodes[first+column]
		switch {
		case n.Field != id || !q.text:
			suspect[i] = true
		case n.Kind == record.TypedString:
			if f.typ != record.String || q.check != nil && q.check(b.Data[n.Start:n.End]) != nil {
				suspect[i] = true
			}
		case n.Kind == record.Null || n.Kind == record.Absent:
			if !q.null {
				suspect[i] = true
			}
		default:
			if broken, _, done := f.typed(n.Kind, b.Data[n.Start:n.End]); broken != nil || !done {
				suspect[i] = true
			}
		}
	}
}

package avro

import (
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/record"
)

// column says as what a field of a contract is written: the table of
// docs/formats.md.
type column struct {
	kind   kind
	field  int
	name   string
	path   string
	title  string // of a record: what its name in the schema is made of
	prec   int
	scale  int
	text   bool // of str: JSON, of what the contract does not describe
	inside []*column
}

// columnsOf is how rows of s are written.
func columnsOf(s *record.Schema) *column { return columnOf(s, 0, s.Name) }

func columnOf(s *record.Schema, field int, title string) *column {
	f := &s.Fields[field]
	c := &column{field: field, name: f.Name, path: f.Path, title: title, kind: str}
	switch f.Type {
	case record.Object:
		c.kind = record_
		for _, m := range f.Members {
			c.inside = append(c.inside, columnOf(s, m, title+"_"+s.Fields[m].Name))
		}
	case record.Array:
		if f.Items < 0 {
			c.text = true
			break
		}
		c.kind, c.inside = array, []*column{columnOf(s, f.Items, title+"_item")}
	case record.Opaque:
		c.text = true
	case record.Boolean:
		c.kind = boolean
	case record.Integer, record.Number:
		c.number(f)
	case record.Date, record.Timestamp, record.Time:
		switch {
		case f.Format == record.FormatText:
		case f.Type == record.Date:
			c.kind = date
		case f.Type == record.Time:
			c.kind = timeMicros
		case f.Format == record.FormatLocal:
			c.kind = localMicros
		default:
			c.kind = timestampMicros
		}
	}
	return c
}

// number chooses the type of an integer or a number by its format.
func (c *column) number(f *record.Field) {
	c.kind = long
	if f.Type == record.Number {
		c.kind = double
	}
	switch f.Format {
	case "i8", "i16", "i32", "u8", "u16":
		c.kind = integer
	case "u64":
		c.kind, c.prec = decimal, 20
	case "i128", "u128":
		c.kind, c.prec = decimal, 39
	case "f32":
		c.kind = float
	default:
		if p, s, ok := decimalFormat(f.Format); ok {
			c.kind, c.prec, c.scale = decimal, p, s
		}
	}
}

// decimalFormat reads "decimal(p,s)".
func decimalFormat(format string) (precision, scale int, ok bool) {
	inside, found := strings.CutPrefix(format, "decimal(")
	p, s, both := strings.Cut(strings.TrimSuffix(inside, ")"), ",")
	if !found || !both || inside == format {
		return 0, 0, false
	}
	precision, err1 := strconv.Atoi(p)
	scale, err2 := strconv.Atoi(s)
	ok = err1 == nil && err2 == nil && precision > 0 && precision <= 2*maxDecimal && scale >= 0 && scale <= precision
	return precision, scale, ok
}

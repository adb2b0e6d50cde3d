package avro

import (
	"strconv"

	"github.com/sallyport-io/sallyport/shared/record"
)

// mangle is a name with "_" for what Avro does not allow in names (specification,
// "Names"), and before a digit at its start.
func mangle(name string) string {
	var out []byte
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
		case r >= '0' && r <= '9':
			if i == 0 {
				out = append(out, '_')
			}
		default:
			r = '_'
		}
		out = append(out, byte(r))
	}
	if len(out) == 0 {
		return "_"
	}
	return string(out)
}

// names gives each name once: a second that would be the same gets a number.
type names map[string]bool

func (n names) give(name string) string {
	name = mangle(name)
	given := name
	for i := 2; n[given]; i++ {
		given = name + "_" + strconv.Itoa(i)
	}
	n[given] = true
	return given
}

// Schema is the Avro schema, as JSON, of the files that a Writer makes of rows of
// s. Every field may be null. A record inside a row is named by its path. A
// field whose name Avro does not allow has "_" in the place of each such
// character, and its own name in the property "sallyport.name", which a Reader
// goes by.
func Schema(s *record.Schema) string {
	return string(appendSchema(nil, columnsOf(s), names{}))
}

func appendSchema(dst []byte, c *column, types names) []byte {
	switch c.kind {
	case record_:
		dst = append(dst, `{"type":"record","name":"`...)
		dst = append(append(dst, types.give(c.title)...), `","fields":[`...)
		own := names{}
		for _, m := range c.inside { // what needs no change keeps its name
			if mangle(m.name) == m.name {
				own[m.name] = true
			}
		}
		for i, m := range c.inside {
			if i > 0 {
				dst = append(dst, ',')
			}
			name := m.name
			if mangle(name) != name {
				name = own.give(name)
			}
			dst = append(append(dst, `{"name":"`...), name...)
			if name != m.name {
				dst = append(dst, `","`+originalName+`":`...)
				dst = append(record.AppendJSONString(dst, []byte(m.name)), `,"type":["null",`...)
			} else {
				dst = append(dst, `","type":["null",`...)
			}
			dst = append(appendSchema(dst, m, types), `],"default":null}`...)
		}
		return append(dst, "]}"...)
	case array:
		dst = append(dst, `{"type":"array","items":["null",`...)
		return append(appendSchema(dst, c.inside[0], types), "]}"...)
	case decimal:
		dst = append(dst, `{"type":"bytes","logicalType":"decimal","precision":`...)
		dst = strconv.AppendInt(dst, int64(c.prec), 10)
		dst = append(dst, `,"scale":`...)
		return append(strconv.AppendInt(dst, int64(c.scale), 10), '}')
	case date:
		return append(dst, `{"type":"int","logicalType":"date"}`...)
	case timeMicros, timestampMicros, localMicros:
		return append(append(append(dst, `{"type":"long","logicalType":"`...), c.kind.String()...), `"}`...)
	}
	return append(append(append(dst, '"'), c.kind.String()...), '"')
}

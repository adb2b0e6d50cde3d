package infer

import (
	"hash/maphash"

	"github.com/sallyport-io/sallyport/shared/detect"
	"github.com/sallyport-io/sallyport/shared/record"
)

// column is what is known of one column or member: counts, and no values but
// those that may be an enum.
type column struct {
	name  string
	top   bool
	field *record.Field // what the file says that it is; nil: nothing

	nulls, strings, numbers, bools, objects, arrays int64
	instances                                       int64 // of items: how many there were

	alive    uint64              // candidates that every text fits so far
	coded    bool                // a number with a leading zero or sign: it is a code
	detected [detect.Count]int64 // by type

	doubles bool                // a value stands twice, or there are too many to remember
	keys    map[uint64]struct{} // hashes of the values; nil: not looked at any longer
	values  map[string]int64    // distinct values; nil: too many

	members []*column
	byName  map[string]*column
	items   *column
}

// single counts the values that are neither objects nor arrays nor null.
func (c *column) single() int64 { return c.strings + c.numbers + c.bools }

// text surveys a single value. untyped: it stands in CSV, where the column's
// values say what its type is.
func (s *survey) text(c *column, value []byte, untyped bool) {
	if c.alive != 0 {
		c.alive = s.probe.narrow(c.alive, value)
	}
	if untyped && isCode(value) {
		c.coded = true
	}
	c.detect(value)
	c.enum(value)
	if c.doubles || !c.top {
		return
	}
	h := maphash.Bytes(s.seed, value)
	_, twice := c.keys[h]
	if twice || s.keys >= maxKeys {
		s.keys -= len(c.keys)
		c.doubles, c.keys = true, nil
		return
	}
	s.keys++
	c.keys[h] = struct{}{}
}

// enum remembers distinct values as long as they are few and short.
func (c *column) enum(value []byte) {
	if c.values == nil {
		return
	}
	if value == nil || len(value) > maxValue {
		c.values = nil
		return
	}
	if c.values[string(value)]++; len(c.values) > maxDistinct {
		c.values = nil
	}
}

// isCode: digits that would be changed if they were a number: 007, +49.
func isCode(v []byte) bool {
	if len(v) > 0 && v[0] == '-' {
		v = v[1:]
	}
	return len(v) > 1 && (v[0] == '+' || v[0] == '0' && v[1] >= '0' && v[1] <= '9')
}

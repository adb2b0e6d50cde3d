package migration

import (
	"fmt"
	"math"

	"github.com/sallyport-io/sallyport/shared/record"
)

// maxSpread is how many times its own length a row may grow by inside arrays: a
// few bytes for each of a million items would make a row that nobody can hold.
const maxSpread = 4

// measure finds by how much a row may grow: by a constant for what is in a row
// once, and by a part of its length for what each item of an array has.
func (c *compiler) measure(m *Migration) {
	spread := 0.0
	for i := range m.columns {
		m.growth += once(&m.columns[i])
		spread = max(spread, c.spread(&m.columns[i], false))
	}
	if m.spread = int(math.Ceil(spread)); m.spread > maxSpread {
		c.add(c.row.inside, fmt.Sprintf("what the steps add to each item of an array could make a row %d times as long", m.spread+1),
			"shorten the names and the defaults, or let the old version require more members of the items")
	}
}

// once is by how much a column may grow that is in a row once, without what the
// items of arrays do.
func once(col *column) int {
	n := len(col.key) + 6*len(col.fill) + 32 // escapes; quotes, a time of day, a comma
	for i := range col.members {
		n += once(&col.members[i])
	}
	return n
}

// spread is by what part of its own length what is inside a column may grow in
// arrays. each tells that the column itself is in one.
func (c *compiler) spread(col *column, each bool) (part float64) {
	if col.items != nil {
		if col.items.members == nil && col.items.items == nil {
			return float64(col.items.cast.growth()) / float64(col.items.cast.least()+len(","))
		}
		return c.spread(col.items, true)
	}
	for i := range col.members {
		part = max(part, c.spread(&col.members[i], each))
	}
	if each && col.members != nil {
		part = max(part, c.spreadOf(col))
	}
	return part
}

// spreadOf is by what part of its length an object may grow, without the objects
// and arrays inside it. Every member that the old version requires is there; of the
// others there may be any, and none is what lets defaults weigh most.
func (c *compiler) spreadOf(object *column) (part float64) {
	least, added := len("{},"), 0
	for i := range object.members {
		m := &object.members[i]
		if m.from < 0 {
			added += m.filled()
			continue
		}
		old := len(record.AppendJSONString(nil, []byte(c.from.Schema.Fields[m.from].Name))) + len(":")
		was := old + m.cast.least() + len(",")
		growth := max(len(m.key)-old, 0) + m.cast.growth()
		switch {
		case c.isRequired(c.from, m.from):
			least += was
			added += growth
		default:
			part = max(part, float64(growth)/float64(was))
			added += m.filled()
		}
	}
	return max(part, float64(added)/float64(least))
}

// filled is how long a member is that a default adds.
func (col *column) filled() int {
	if col.fill == nil {
		return 0
	}
	return len(col.key) + len(record.AppendJSON(nil, col.fill, col.typ)) + len(",")
}

// growth is how many bytes a cast adds to a value at most.
func (c cast) growth() int {
	switch c.kind {
	case toString:
		return len(`""`)
	case toMidnight:
		return len("T00:00:00Z")
	}
	return 0
}

// least is how many bytes a value has at least that is cast.
func (c cast) least() int {
	if c.kind == toMidnight {
		return len(`"2006-01-02"`)
	}
	return len("1")
}

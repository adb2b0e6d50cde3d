package detect

// How a Guard samples, and what it takes for a finding.
const (
	// Whole is how many rows are looked at one by one from the first.
	Whole = 1000
	// Every is how many of the others there are to each that is looked at.
	Every = 64
	// MinHits and MinShare are how many hits of a type make a finding: three, and one
	// in a hundred of the values looked at.
	MinHits  = 3
	MinShare = 100
)

// Set is a set of types.
type Set uint32

// All are all types.
const All Set = 1<<types - 1

// Of is the set of some types.
func Of(all ...Type) (s Set) {
	for _, t := range all {
		s |= 1 << t
	}
	return s
}

// Has tells whether a type is in the set.
func (s Set) Has(t Type) bool { return s>>t&1 != 0 }

// Guard watches columns that should hold no personal data. It looks at a sample by
// position, so that a second run over the same values finds the same, and keeps no
// value. It is for one goroutine.
type Guard struct {
	columns []watched
	rows    int64
}

type watched struct {
	expected Set // what may be there
	seen     int64
	hits     [types]int64
	alike    [types]int64 // had the form, but not the check digit
}

// NewGuard watches columns; expected says for each which types are no surprise.
func NewGuard(expected []Set) *Guard {
	g := &Guard{columns: make([]watched, len(expected))}
	for i, e := range expected {
		g.columns[i].expected = e
	}
	return g
}

// Row begins the next row, and tells whether it is one to look at.
func (g *Guard) Row() bool {
	g.rows++
	return g.rows <= Whole || g.rows%Every == 0
}

// Observe looks at a value of the row: UTF-8 without quotes, escapes resolved. URLs
// are no personal data; what stands inside of one may be.
func (g *Guard) Observe(column int, value []byte) {
	c := &g.columns[column]
	if len(value) == 0 {
		return
	}
	c.seen++
	var hit, alike Set // of this value: each type counts once
	scan(value, false, func(h Hit, sure bool) {
		if sure {
			hit |= 1 << h.Type
		} else {
			alike |= 1 << h.Type
		}
	})
	for t := range types {
		if hit.Has(t) {
			c.hits[t]++
		} else if alike.Has(t) {
			c.alike[t]++
		}
	}
}

// Finding is a column that holds what it should not.
type Finding struct {
	Column int
	Type   Type
	Hits   int64 // values with such a thing in it
	Seen   int64 // values that were looked at
}

// Findings are what was found up to now, by column and type. Where most of what has
// the form of a type has a wrong check digit, such as numbers of orders that look
// like those of cards, it is not that type.
func (g *Guard) Findings() (all []Finding) {
	for i := range g.columns {
		c := &g.columns[i]
		for t := range types {
			if n := c.hits[t]; !c.expected.Has(t) && n >= MinHits && n*MinShare >= c.seen && n >= c.alike[t] {
				all = append(all, Finding{i, t, n, c.seen})
			}
		}
	}
	return all
}

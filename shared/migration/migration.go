// Package migration brings rows of one version of a contract to another, as a
// document of migrations/ says.
//
// A migration is total: it is compiled only if every row that the one version
// accepts becomes a row that the other accepts, so that nothing can go wrong while
// rows go by. What cannot be shown to hold is refused, with what to do about it.
//
// Steps are for fields at any depth, named by their paths: address.zip,
// items[].price. A field stays in the object that it is in. What no step touches
// is copied byte for byte.
package migration

import (
	"fmt"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Migration is a compiled migration. It does not change; any number of goroutines
// may use it.
type Migration struct {
	from, to *record.Schema
	columns  []column // of the version that the rows become, in its order
	growth   int      // bytes by which a row may grow, beside spread
	spread   int      // how many times its own length a row may grow by inside arrays
}

// column is where a field of the new version comes from: one of the row itself or,
// in rows that nest, a member of an object or the items of an array.
type column struct {
	from int // of the old version; -1: none
	typ  record.Type
	cast cast   // the zero value leaves it as it stands
	fill []byte // the text that stands where there is no value; nil: none does
	key  []byte // its name and colon, as JSON

	// What is inside, where a step changes it; else it is copied.
	members []column // of an object
	items   *column  // of an array
}

// From is the schema of the rows that are migrated.
func (m *Migration) From() *record.Schema { return m.from }

// limit is how long a row may get that is read with a limit.
func (m *Migration) limit(row int) int { return row*(1+m.spread) + m.growth }

// Compile compiles a migration between an object of two versions of a contract.
// The error is yamldoc.Problems, at the steps that are wrong.
func Compile(doc *exchange.Migration, from, to *contract.Compiled) (*Migration, error) {
	old, next, object := doc.Ends()
	c := compiler{doc: doc, from: from, to: to, row: newFlow(from.Schema, 0), came: make(map[int]int)}
	for i, s := range doc.Steps {
		c.step(fmt.Sprintf("steps[%d]", i), s)
	}
	if len(c.problems) > 0 {
		return nil, c.problems // what follows from a wrong step says nothing more
	}
	m := &Migration{from: from.Schema, to: to.Schema, columns: c.members(0, c.row, "steps")}
	c.rows(old.Doc.Object(object), next.Doc.Object(object))
	c.measure(m)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return m, nil
}

type compiler struct {
	doc      *exchange.Migration
	from, to *contract.Compiled
	row      *flow
	came     map[int]int // by field of the new version the one that it came from, of those whose values still differ
	problems yamldoc.Problems
}

func (c *compiler) add(path, message, hint string) {
	c.problems = append(c.problems, c.doc.Problem(path, message, hint))
}

// version words what the rows become.
func (c *compiler) version() string {
	_, to, _ := c.doc.Ends()
	return "version " + to.Version
}

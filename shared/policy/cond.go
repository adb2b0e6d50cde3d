package policy

import (
	"bytes"
	"cmp"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/sallyport-io/sallyport/shared/record"
)

// This file is the short way to a filter's answer. Most filters compare a few
// top-level scalars with constants; those run over the spans of a row as they
// lie there, without CEL and without an allocation. What they answer is what
// CEL answers, because values are read by the same functions and truth has
// three values as there.

// truth is the outcome of a condition.
type truth uint8

const (
	no truth = iota
	yes
	unknown // an error of CEL: a null, a missing field, a value of another type
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// cond is a compiled condition. It does not change; what it needs besides it
// finds in the Matcher.
type cond interface {
	eval(m *Matcher) truth
}

// operand is a field of the row itself, and which of the matcher's hints it
// uses.
type operand struct{ field, slot int }

func (o operand) find(m *Matcher) uint32 { return m.find(o.field, &m.hints[o.slot]) }

func (o operand) node(m *Matcher) *record.Node { return m.node(o.find(m)) }

type (
	constant struct{ value truth }
	not      struct{ of cond }
	and      struct{ a, b cond }
	or       struct{ a, b cond }
	present  struct{ operand }
	isTrue   struct{ operand }
	anyText  struct { // the field is one of the values
		operand
		values [][]byte
		lookup map[string]struct{} // of many values
	}
	textOrder struct {
		operand
		op    order
		value []byte
	}
	textPart struct {
		operand
		test  func(value, part []byte) bool
		value []byte
	}
	anyInteger struct {
		operand
		values []int64
	}
	integerOrder struct {
		operand
		op    order
		value int64
	}
	anyNumber struct {
		operand
		values []float64
	}
	numberOrder struct {
		operand
		op    order
		value float64
	}
)

// order is a comparison.
type order uint8

const (
	less order = iota
	lessOrEqual
	greater
	greaterOrEqual
)

// holds tells whether the comparison holds of a result of cmp.Compare.
func (o order) holds(c int) bool {
	switch o {
	case less:
		return c < 0
	case lessOrEqual:
		return c <= 0
	case greater:
		return c > 0
	}
	return c >= 0
}

// mirrored is the comparison with its sides exchanged.
func (o order) mirrored() order {
	return [...]order{less: greater, lessOrEqual: greaterOrEqual, greater: less, greaterOrEqual: lessOrEqual}[o]
}

func (c constant) eval(*Matcher) truth { return c.value }

func (c not) eval(m *Matcher) truth {
	return [...]truth{no: yes, yes: no, unknown: unknown}[c.of.eval(m)]
}

func (c and) eval(m *Matcher) truth {
	a := c.a.eval(m)
	if a == no {
		return no
	}
	if b := c.b.eval(m); b != yes {
		return b
	}
	return a
}

func (c or) eval(m *Matcher) truth {
	a := c.a.eval(m)
	if a == yes {
		return yes
	}
	if b := c.b.eval(m); b != no {
		return b
	}
	return a
}

func (c present) eval(m *Matcher) truth { return truthOf(c.find(m) != nowhere) }

func (c isTrue) eval(m *Matcher) truth {
	v, ok := m.boolean(c.node(m))
	if !ok {
		return unknown
	}
	return truthOf(v)
}

func (c *anyText) eval(m *Matcher) truth {
	v, ok := m.text(c.node(m))
	if !ok {
		return unknown
	}
	if c.lookup != nil {
		_, found := c.lookup[string(v)]
		return truthOf(found)
	}
	for _, w := range c.values {
		if bytes.Equal(v, w) {
			return yes
		}
	}
	return no
}

func (c *textOrder) eval(m *Matcher) truth {
	v, ok := m.text(c.node(m))
	if !ok {
		return unknown
	}
	return truthOf(c.op.holds(bytes.Compare(v, c.value)))
}

func (c *textPart) eval(m *Matcher) truth {
	v, ok := m.text(c.node(m))
	if !ok {
		return unknown
	}
	return truthOf(c.test(v, c.value))
}

func (c *anyInteger) eval(m *Matcher) truth {
	v, ok := m.integer(c.node(m))
	if !ok {
		return unknown
	}
	return truthOf(slices.Contains(c.values, v))
}

func (c *integerOrder) eval(m *Matcher) truth {
	v, ok := m.integer(c.node(m))
	if !ok {
		return unknown
	}
	return truthOf(c.op.holds(cmp.Compare(v, c.value)))
}

func (c *anyNumber) eval(m *Matcher) truth {
	v, ok := m.number(c.node(m))
	if !ok {
		return unknown
	}
	return truthOf(slices.Contains(c.values, v))
}

func (c *numberOrder) eval(m *Matcher) truth {
	v, ok := m.number(c.node(m))
	if !ok {
		return unknown
	}
	return truthOf(c.op.holds(cmp.Compare(v, c.value)))
}

// manyTexts is from how many values on a hash is faster than looking at each.
const manyTexts = 8

func newAnyText(o operand, values [][]byte) *anyText {
	c := &anyText{operand: o, values: values}
	if len(values) >= manyTexts {
		c.lookup = make(map[string]struct{}, len(values))
		for _, v := range values {
			c.lookup[string(v)] = struct{}{}
		}
	}
	return c
}

// equality is the meaning of Filter.Equality.
func equality(c cond) (field int, values [][]byte, ok bool) {
	switch c := c.(type) {
	case *anyText:
		return c.field, c.values, true
	case or:
		a, left, ok1 := equality(c.a)
		b, right, ok2 := equality(c.b)
		if ok1 && ok2 && a == b {
			return a, slices.Concat(left, right), true
		}
	}
	return 0, nil, false
}

// planner turns a checked expression into a condition.
type planner struct {
	schema *record.Schema
	types  []record.Type
	slots  int
}

// plan answers false if e has a part that only CEL can evaluate.
func (p *planner) plan(e ast.Expr) (cond, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return constant{truthOf(bool(b))}, true
		}
	case ast.IdentKind:
		if o, t, ok := p.operand(e); ok && t == record.Boolean {
			return isTrue{o}, true
		}
	case ast.SelectKind:
		s := e.AsSelect()
		if s.IsTestOnly() && s.Operand().Kind() == ast.IdentKind && s.Operand().AsIdent() == rowVariable {
			if field := p.schema.Member(0, []byte(s.FieldName())); field > 0 {
				return present{p.slot(field)}, true
			}
		}
	case ast.CallKind:
		return p.planCall(e.AsCall())
	}
	return nil, false
}

func (p *planner) planCall(call ast.CallExpr) (cond, bool) {
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	name := call.FunctionName()
	if name == "!_" {
		c, ok := p.plan(args[0])
		return not{c}, ok
	}
	if len(args) != 2 {
		return nil, false
	}
	switch name {
	case "_&&_", "_||_":
		a, ok1 := p.plan(args[0])
		b, ok2 := p.plan(args[1])
		if name == "_&&_" {
			return and{a, b}, ok1 && ok2
		}
		return or{a, b}, ok1 && ok2
	case "_==_", "_!=_":
		c, ok := p.oneOf(args[0], args[1:])
		if !ok {
			c, ok = p.oneOf(args[1], args[:1])
		}
		if name == "_!=_" {
			c = not{c}
		}
		return c, ok
	case "@in":
		if args[1].Kind() == ast.ListKind && len(args[1].AsList().OptionalIndices()) == 0 {
			return p.oneOf(args[0], args[1].AsList().Elements())
		}
	case "_<_":
		return p.compare(args, less)
	case "_<=_":
		return p.compare(args, lessOrEqual)
	case "_>_":
		return p.compare(args, greater)
	case "_>=_":
		return p.compare(args, greaterOrEqual)
	case "startsWith":
		return p.part(args, bytes.HasPrefix)
	case "endsWith":
		return p.part(args, bytes.HasSuffix)
	case "contains":
		return p.part(args, bytes.Contains)
	}
	return nil, false
}

// operand is e as a field of the row itself.
func (p *planner) operand(e ast.Expr) (operand, record.Type, bool) {
	if e.Kind() != ast.IdentKind {
		return operand{}, 0, false
	}
	field := p.schema.Member(0, []byte(e.AsIdent()))
	if field <= 0 {
		return operand{}, 0, false
	}
	return p.slot(field), p.types[field], true
}

func (p *planner) slot(field int) operand {
	p.slots++
	return operand{field: field, slot: p.slots - 1}
}

// oneOf is e == c1 || e == c2 ... for constants of the field's own type.
func (p *planner) oneOf(e ast.Expr, constants []ast.Expr) (cond, bool) {
	o, t, ok := p.operand(e)
	if !ok {
		return nil, false
	}
	switch t {
	case record.String, record.Date, record.Time:
		values, ok := literals[types.String](constants)
		texts := make([][]byte, len(values))
		for i, v := range values {
			texts[i] = []byte(v)
		}
		return newAnyText(o, texts), ok
	case record.Integer:
		values, ok := literals[types.Int](constants)
		c := &anyInteger{operand: o}
		for _, v := range values {
			c.values = append(c.values, int64(v))
		}
		return c, ok
	case record.Number:
		values, ok := literals[types.Double](constants)
		c := &anyNumber{operand: o}
		for _, v := range values {
			c.values = append(c.values, float64(v))
		}
		return c, ok
	}
	return nil, false
}

func literals[T any](exprs []ast.Expr) ([]T, bool) {
	values := make([]T, 0, len(exprs))
	for _, e := range exprs {
		if e.Kind() != ast.LiteralKind {
			return nil, false
		}
		v, ok := e.AsLiteral().(T)
		if !ok {
			return nil, false
		}
		values = append(values, v)
	}
	return values, true
}

// maxExact is up to where every integer is a double.
const maxExact = 1 << 53

// compare is a field in an order with a constant, on either side.
func (p *planner) compare(args []ast.Expr, op order) (cond, bool) {
	e, value := args[0], args[1]
	if e.Kind() == ast.LiteralKind {
		e, value, op = value, e, op.mirrored()
	}
	o, t, ok := p.operand(e)
	if !ok || value.Kind() != ast.LiteralKind {
		return nil, false
	}
	switch v := value.AsLiteral().(type) {
	case types.String:
		if t == record.String || t == record.Date || t == record.Time {
			return &textOrder{operand: o, op: op, value: []byte(v)}, true
		}
	case types.Int:
		if t == record.Integer {
			return &integerOrder{operand: o, op: op, value: int64(v)}, true
		}
		if t == record.Number && v <= maxExact && v >= -maxExact {
			return &numberOrder{operand: o, op: op, value: float64(v)}, true
		}
	case types.Double:
		if t == record.Number {
			return &numberOrder{operand: o, op: op, value: float64(v)}, true
		}
	}
	return nil, false
}

func (p *planner) part(args []ast.Expr, test func(value, part []byte) bool) (cond, bool) {
	o, t, ok := p.operand(args[0])
	if !ok || t != record.String && t != record.Date && t != record.Time {
		return nil, false
	}
	values, ok := literals[types.String](args[1:])
	if !ok {
		return nil, false
	}
	return &textPart{operand: o, test: test, value: []byte(values[0])}, true
}

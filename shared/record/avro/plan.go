package avro

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// plan says how the values of a type are decoded into a field of the contract.
type plan struct {
	*typ
	field   int    // of record.Schema; -1 inside what the contract does not describe
	least   int    // bytes that a value has at least
	key     []byte // of a record's field there: its name as JSON, and a colon
	inside  []*plan
	symbols [][]byte
	absent  []int // fields of the contract that the record does not have
}

// planner holds a schema to a contract.
type planner struct {
	expect  record.Expect
	plans   int
	columns int    // fields that are not records, nor hold any
	open    []*typ // records that are being looked into
	unknown []string
	missing []string
	parts   []string // what differs, but names that the contract lacks
	err     error
}

// match holds the schema of a file to a contract, and to how many columns it may
// have. The fault is drift where they differ; fields that the contract has and the file has not are absent.
func match(t *typ, e record.Expect, columns int) (*plan, error) {
	if t.kind != record_ {
		return nil, drift(fmt.Sprintf("its rows are of type %s, not records", t.describe()))
	}
	m := &planner{expect: e}
	root := m.plan(t, 0, "")
	if m.err != nil {
		return nil, m.err
	}
	if m.columns > columns {
		return nil, invalid("avro-columns", fmt.Sprintf("it has %d columns, at most %d are read", m.columns, columns), "send fewer columns, or raise limits.columns in exchange.yaml")
	}
	for _, name := range m.unknown {
		part := "column too many: " + quote(name)
		if near := m.near(name); near != "" {
			part = fmt.Sprintf("column renamed: %s, probably %q", quote(name), near)
		}
		m.parts = append(m.parts, part)
	}
	if len(m.parts) > 0 {
		if len(m.parts) > 10 {
			m.parts = append(m.parts[:10:10], fmt.Sprintf("and %d more", len(m.parts)-10))
		}
		return nil, drift(strings.Join(m.parts, "; "))
	}
	if len(root.inside) == 0 {
		return nil, drift("no column of the contract is in it")
	}
	return root, nil
}

func drift(msg string) error {
	return fault.New(fault.Invalid, "drift", msg, "send the columns of the contract, or agree on a new version of it")
}

func (m *planner) near(name string) string {
	if m.expect.Near == nil || len(m.unknown) > 100 {
		return ""
	}
	return m.expect.Near(name, m.missing)
}

// accepted are the kinds that a field of a type takes (docs/formats.md).
var accepted = [...][]kind{
	record.Opaque:    {str, record_, mapKind, array},
	record.String:    {str, enum, uuid, bytesKind, fixed},
	record.Integer:   {integer, long, decimal},
	record.Number:    {integer, long, float, double, decimal, bigDecimal},
	record.Boolean:   {boolean},
	record.Date:      {date, str},
	record.Timestamp: {timestampMillis, timestampMicros, timestampNanos, localMillis, localMicros, localNanos, str},
	record.Time:      {timeMillis, timeMicros, str},
	record.Object:    {record_},
	record.Array:     {array},
}

// takes tells whether a field may be of a type. field is -1 inside what the
// contract does not describe.
func (m *planner) takes(field int, t *typ) bool {
	switch {
	case t.kind == duration:
		return false
	case field < 0 || t.kind == null || t.kind == union:
		return true
	}
	f := &m.expect.Schema.Fields[field]
	if f.Type == record.Array && f.Items < 0 {
		return t.kind == array || t.kind == str
	}
	return slices.Contains(accepted[f.Type], t.kind) && (f.Type != record.Integer || t.kind != decimal || t.scale == 0)
}

// plan makes the plan of a type at a field; at is its path in the file.
func (m *planner) plan(t *typ, field int, at string) *plan {
	p := &plan{typ: t, field: field}
	if m.plans++; m.plans > maxPlan && m.err == nil {
		m.err = badSchema("the schema in it has more than %d types, those counted that it uses again", maxPlan)
	}
	if m.err != nil {
		return p
	}
	if !m.takes(field, t) {
		m.misfit(t, field, at)
		return p
	}
	inside := field // of what is in it
	if field >= 0 && t.kind != union {
		if f := &m.expect.Schema.Fields[field]; f.Type == record.Opaque || f.Type == record.Array && f.Items < 0 {
			inside = -1
		}
	}
	switch t.kind {
	case boolean, integer, long, bytesKind, str, date, timeMillis, timeMicros, timestampMillis, timestampMicros, timestampNanos,
		localMillis, localMicros, localNanos, bigDecimal:
		p.least = 1
	case float:
		p.least = 4
	case double:
		p.least = 8
	case fixed, uuid, decimal:
		p.least = max(t.size, 1)
		if t.kind == fixed {
			p.least = t.size
		}
	case enum:
		p.least = 1
		for _, s := range t.symbols {
			p.symbols = append(p.symbols, []byte(s))
		}
	case union:
		for i, branch := range t.types {
			b := m.plan(branch, field, at)
			p.inside = append(p.inside, b)
			if i == 0 || b.least+1 < p.least {
				p.least = b.least + 1
			}
		}
	case array, mapKind:
		p.least = 1
		if inside >= 0 {
			inside = m.expect.Schema.Fields[field].Items
		}
		p.inside = []*plan{m.plan(t.items, inside, at+"[]")}
	case record_:
		m.record(p, inside, at)
	}
	return p
}

// record plans the fields of a record.
func (m *planner) record(p *plan, field int, at string) {
	t := p.typ
	if field < 0 && slices.Contains(m.open, t) {
		m.parts = append(m.parts, fmt.Sprintf("column without an end: %s, for the record %s holds itself", quote(at), quote(t.name)))
		return
	}
	if m.open = append(m.open, t); len(m.open) > maxDepth && m.err == nil {
		m.err = badSchema("the records in the schema are nested deeper than %d", maxDepth)
		return
	}
	defer func() { m.open = m.open[:len(m.open)-1] }()
	var members []int
	for i := range t.fields {
		f := &t.fields[i]
		path := f.name
		if at != "" {
			path = at + "." + f.name
		}
		if !f.typ.holdsRecord() {
			m.columns++
		}
		id := -1
		if field >= 0 {
			if field == 0 && m.expect.Column != nil {
				id = m.expect.Column([]byte(f.name))
			} else {
				id = m.expect.Schema.Member(field, []byte(f.name))
			}
			if id < 0 {
				m.unknown = append(m.unknown, path)
				continue
			}
			if slices.Contains(members, id) {
				m.parts = append(m.parts, fmt.Sprintf("column twice: %q", m.expect.Schema.Fields[id].Path))
				continue
			}
			members = append(members, id)
		}
		c := m.plan(f.typ, id, path)
		if field < 0 {
			c.key = append(record.AppendJSONString(nil, []byte(f.name)), ':')
		}
		p.least = min(p.least+c.least, maxBlock+1)
		p.inside = append(p.inside, c)
	}
	if field < 0 {
		return
	}
	for _, id := range m.expect.Schema.Fields[field].Members {
		if !slices.Contains(members, id) {
			p.absent = append(p.absent, id)
			m.missing = append(m.missing, m.expect.Schema.Fields[id].Name)
		}
	}
}

func (m *planner) misfit(t *typ, field int, at string) {
	if len(m.parts) > 100 {
		return
	}
	want := "object"
	if field >= 0 && m.expect.Schema.Fields[field].Type != record.Opaque {
		want = m.expect.Schema.Fields[field].Type.String()
	}
	article := "a"
	if strings.ContainsRune("aio", rune(want[0])) {
		article = "an"
	}
	m.parts = append(m.parts, fmt.Sprintf("column of another type: %s is %s, the contract has %s %s", quote(at), t.describe(), article, want))
}

// holdsRecord tells whether a type is a record, or a union, array or map with one.
func (t *typ) holdsRecord() bool {
	switch t.kind {
	case record_:
		return true
	case array, mapKind:
		return t.items.holdsRecord()
	case union:
		return slices.ContainsFunc(t.types, (*typ).holdsRecord)
	}
	return false
}

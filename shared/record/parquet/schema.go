package parquet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

type nodeKind uint8

const (
	leafNode nodeKind = iota
	groupNode
	listNode
	mapNode // a list of pairs
)

// node is a column, or a group of columns, as it meets the contract. Levels are
// those of Dremel's record assembly: a value is there if the definition level of
// its entry is at least def.
type node struct {
	kind    nodeKind
	field   int // of record.Schema; -1 inside what the contract does not describe
	name    string
	def     byte // where the node is not null
	itemDef byte // of a list: where it has an item
	rep     byte // of a list: at which an entry is a further item
	items   *node
	members []*node
	absent  []int // fields of the contract that the file does not have
	leaf    *leaf
	from    int // its leaves are reader.leaves[from:past]
	past    int
}

// matcher holds the columns of a file to a contract.
type matcher struct {
	expect  record.Expect
	nesting int
	schema  []element
	at      int
	leaves  []*leaf
	unknown []string
	parts   []string // what differs, but names that the contract lacks
	missing []string
	err     error
}

// match makes the tree of a file's columns. The fault is drift where they are not
// the contract's; columns that the contract has and the file has not are absent.
func match(f *footer, e record.Expect, nesting int) (*node, []*leaf, error) {
	m := &matcher{expect: e, nesting: nesting, schema: f.schema}
	root := m.content(&m.schema[m.next()], 0, "", 0, 0, 0)
	switch {
	case m.err != nil:
		return nil, nil, m.err
	case root.kind != groupNode || m.at != len(m.schema):
		return nil, nil, corrupt("the columns in the footer are not a tree")
	}
	for _, name := range m.unknown {
		part := fmt.Sprintf("column too many: %q", name)
		if near := m.near(name); near != "" {
			part = fmt.Sprintf("column renamed: %q, probably %q", name, near)
		}
		m.parts = append(m.parts, part)
	}
	if len(m.parts) > 0 {
		if len(m.parts) > 10 {
			m.parts = append(m.parts[:10:10], fmt.Sprintf("and %d more", len(m.parts)-10))
		}
		return nil, nil, fault.New(fault.Invalid, "drift", strings.Join(m.parts, "; "), "send the columns of the contract, or agree on a new version of it")
	}
	if len(m.leaves) == 0 {
		return nil, nil, fault.New(fault.Invalid, "drift", "no column of the contract is in it", "send the columns of the contract")
	}
	return root, m.leaves, nil
}

func (m *matcher) near(name string) string {
	if m.expect.Near == nil || len(m.unknown) > 100 {
		return ""
	}
	return m.expect.Near(name, m.missing)
}

// next is the index of the element at hand.
func (m *matcher) next() int {
	if m.at >= len(m.schema) {
		m.fail("the columns in the footer are not a tree")
		return 0
	}
	m.at++
	return m.at - 1
}

func (m *matcher) fail(msg string) {
	if m.err == nil {
		m.err = corrupt(msg)
	}
}

// fieldType is the contract's type; Opaque inside what it does not describe.
func (m *matcher) fieldType(field int) record.Type {
	if field < 0 {
		return record.Opaque
	}
	return m.expect.Schema.Fields[field].Type
}

// itemsOf is the field of an array's items; -1 if the contract has none.
func (m *matcher) itemsOf(field int) int {
	if field < 0 {
		return -1
	}
	return m.expect.Schema.Fields[field].Items
}

// column reads the element at hand and what is inside it. A repeated one outside
// a LIST is a list that cannot be null (LogicalTypes.md, backward compatibility).
func (m *matcher) column(field int, path string, def, rep byte, depth int) *node {
	e := &m.schema[m.next()]
	switch e.repetition {
	case required:
	case optional:
		def++
	case repeated:
		n := &node{kind: listNode, field: field, name: e.name, def: def, itemDef: def + 1, rep: rep + 1, from: len(m.leaves)}
		m.holdsList(field, path)
		n.items = m.content(e, m.itemsOf(field), path+"[]", def+1, rep+1, depth+1)
		n.past = len(m.leaves)
		return n
	default:
		m.fail("a column in the footer is neither required, optional nor repeated")
	}
	return m.content(e, field, path, def, rep, depth)
}

// content reads what e, which was just read, is.
func (m *matcher) content(e *element, field int, path string, def, rep byte, depth int) *node {
	n := &node{field: field, name: e.name, def: def, from: len(m.leaves)}
	if depth > min(m.nesting, 60) {
		m.fail(fmt.Sprintf("its columns are nested deeper than %d", m.nesting))
	}
	if m.err != nil {
		return n
	}
	switch {
	case e.typ != typeGroup:
		n.leaf = m.makeLeaf(e, field, path, def, rep)
		m.leaves = append(m.leaves, n.leaf)
	case e.children <= 0:
		m.fail("a group of columns in the footer is empty")
	case e.logical == logicalList && e.children == 1:
		m.holdsList(field, path)
		m.list(n, e, path, rep, depth)
	case e.logical == logicalMap && e.children == 1:
		if m.fieldType(field) != record.Opaque {
			m.differs(path, "a map", field)
		}
		m.pairs(n, rep, depth)
	default:
		m.group(n, e, path, rep, depth)
	}
	n.past = len(m.leaves)
	return n
}

func (m *matcher) holdsList(field int, path string) {
	if t := m.fieldType(field); t != record.Array && t != record.Opaque {
		m.differs(path, "a list", field)
	}
}

func (m *matcher) list(n *node, e *element, path string, rep byte, depth int) {
	n.kind, n.itemDef, n.rep = listNode, n.def+1, rep+1
	inner := &m.schema[m.next()]
	if inner.repetition != repeated {
		m.fail("a list in the footer does not repeat")
		return
	}
	items := m.itemsOf(n.field)
	wrapped := inner.typ == typeGroup && inner.children == 1 && inner.name != "array" && inner.name != e.name+"_tuple" &&
		m.at < len(m.schema) && m.schema[m.at].repetition != repeated
	if wrapped {
		n.items = m.column(items, path+"[]", n.itemDef, n.rep, depth+1)
	} else {
		n.items = m.content(inner, items, path+"[]", n.itemDef, n.rep, depth+1)
	}
}

func (m *matcher) pairs(n *node, rep byte, depth int) {
	n.kind, n.itemDef, n.rep = mapNode, n.def+1, rep+1
	inner := &m.schema[m.next()]
	if inner.repetition != repeated || inner.typ != typeGroup || inner.children != 2 {
		m.fail("a map in the footer is not one of keys and values")
		return
	}
	n.items = &node{kind: groupNode, field: -1, def: n.itemDef, from: len(m.leaves)}
	for range 2 {
		n.items.members = append(n.items.members, m.column(-1, "", n.itemDef, n.rep, depth+1))
	}
	n.items.past = len(m.leaves)
	if n.items.members[0].kind != leafNode {
		m.fail("a map in the footer has keys that are no values")
	}
}

func (m *matcher) group(n *node, e *element, path string, rep byte, depth int) {
	n.kind = groupNode
	t := m.fieldType(n.field)
	if t != record.Object && t != record.Opaque {
		m.differs(path, "a group of columns", n.field)
	}
	seen := map[int]bool{}
	for i := 0; i < e.children && m.err == nil; i++ {
		if m.at >= len(m.schema) {
			m.fail("the columns in the footer are not a tree")
			return
		}
		name := m.schema[m.at].name
		field, inside := -1, name
		if path != "" {
			inside = path + "." + name
		}
		if t == record.Object {
			if n.field == 0 && m.expect.Column != nil {
				field = m.expect.Column([]byte(name))
			} else {
				field = m.expect.Schema.Member(n.field, []byte(name))
			}
			switch {
			case field < 0:
				m.unknown = append(m.unknown, short(inside))
			case seen[field]:
				m.parts = append(m.parts, fmt.Sprintf("column twice: %q", m.expect.Schema.Fields[field].Path))
			}
			seen[field] = true
		}
		n.members = append(n.members, m.column(field, inside, n.def, rep, depth+1))
	}
	if t != record.Object {
		return
	}
	for _, f := range m.expect.Schema.Fields[n.field].Members {
		if !seen[f] {
			n.absent = append(n.absent, f)
			m.missing = append(m.missing, m.expect.Schema.Fields[f].Path)
		}
	}
}

// short cuts a name that is too long to be told.
func short(name string) string {
	if len(name) > 64 {
		return strings.ToValidUTF8(name[:64], "") + "..."
	}
	return name
}

func (m *matcher) differs(path, is string, field int) {
	want := m.expect.Schema.Fields[field].Type.String()
	if want == "opaque" {
		want = "object"
	}
	article := "a"
	if strings.ContainsRune("aio", rune(want[0])) {
		article = "an"
	}
	m.parts = append(m.parts, fmt.Sprintf("column of another type: %q is %s, the contract has %s %s", short(path), is, article, want))
}

// makeLeaf decides how the values of a column are read for a field.
func (m *matcher) makeLeaf(e *element, field int, path string, def, rep byte) *leaf {
	l := &leaf{typ: e.typ, maxDef: def, maxRep: rep, path: path, e: *e}
	if e.typ < 0 || e.typ > typeFixed || e.typ == typeFixed && (e.length <= 0 || e.length > maxFixed) {
		m.fail("a column in the footer has a type that there is not")
		return l
	}
	l.width = [...]int{1, 4, 8, 12, 4, 8, 0, e.length}[e.typ]
	var class class
	l.conv, class = natural(e)
	format := ""
	if field >= 0 {
		format = m.expect.Schema.Fields[field].Format
	}
	t := m.fieldType(field)
	if class == classBytes && t == record.String && format != "byte" && format != "binary" {
		l.conv, class = convString, classString // older writers name no logical type
	}
	l.raw = t == record.Opaque && class == classJSON
	if !slices.Contains(accepted[t], class) && t != record.Opaque && class != classNull || class == classNone ||
		t == record.Integer && class == classDecimal && e.scale != 0 {
		m.differs(path, typeName(e), max(field, 0))
	}
	if class == classDecimal && (e.scale < 0 || e.scale > maxScale) {
		m.differs(path, fmt.Sprintf("DECIMAL with a scale of %d", e.scale), max(field, 0))
	}
	return l
}

package policy

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/sallyport-io/sallyport/shared/record"
)

// errNoValue is what CEL gets for a null, a missing field and a value that does
// not fit its type. It says no more: no value of a row may get into a text.
var errNoValue = errors.New("the row has no such value")

// noValue is errNoValue as a CEL value.
func noValue() ref.Val { return types.WrapErr(errNoValue) }

// nowhere is the index of the node of a value that is absent or null.
const nowhere = ^uint32(0)

// find is the index of the node of a field of the row itself. hint says how far
// into the row to look first: a field mostly is where it was in the row before.
func (m *Matcher) find(field int, hint *uint32) uint32 {
	first, past := m.members()
	nodes := m.batch.Nodes
	if i := m.row.First + *hint; i >= first && i < past && int(nodes[i].Field) == field {
		return m.present(i)
	}
	for i := first; i < past; i = nodes[i].Next {
		if int(nodes[i].Field) == field {
			*hint = i - m.row.First
			return m.present(i)
		}
	}
	return nowhere
}

// members is the range of the nodes of the row's fields: a JSON row starts with
// a node of its own, a CSV row does not.
func (m *Matcher) members() (first, past uint32) {
	first, past = m.row.First, m.row.Past
	if first < past && m.batch.Nodes[first].Kind == record.JSONObject && m.batch.Nodes[first].Field == 0 {
		first++
	}
	return first, past
}

func (m *Matcher) present(i uint32) uint32 {
	if k := m.batch.Nodes[i].Kind; k == record.Absent || k == record.Null {
		return nowhere
	}
	return i
}

// node is the node at i, or one that has no value.
func (m *Matcher) node(i uint32) *record.Node {
	if i == nowhere {
		return &m.none
	}
	return &m.batch.Nodes[i]
}

// text is a string, date or time. It is valid until the next call.
func (m *Matcher) text(n *record.Node) (value []byte, ok bool) {
	if n.Kind != record.Text && n.Kind != record.JSONString {
		return nil, false
	}
	value, m.spare = m.batch.Value(n, m.spare)
	return value, true
}

// integer is an integer of at most 64 bits.
func (m *Matcher) integer(n *record.Node) (value int64, ok bool) {
	text, ok := m.numeral(n)
	if !ok {
		return 0, false
	}
	value, err := strconv.ParseInt(string(text), 10, 64)
	return value, err == nil
}

// number is a number as the nearest double, never an infinity.
func (m *Matcher) number(n *record.Node) (value float64, ok bool) {
	text, ok := m.numeral(n)
	if !ok {
		return 0, false
	}
	value, err := strconv.ParseFloat(string(text), 64)
	return value, err == nil
}

// numeral is the text of a number, with nothing in it that only Go reads as
// one: no hexadecimals, underscores, infinities.
func (m *Matcher) numeral(n *record.Node) (text []byte, ok bool) {
	if n.Kind != record.Text && n.Kind != record.JSONNumber {
		return nil, false
	}
	text, m.spare = m.batch.Value(n, m.spare)
	if len(text) > 64 {
		return nil, false
	}
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
		default:
			return nil, false
		}
	}
	return text, true
}

// boolean is a bool.
func (m *Matcher) boolean(n *record.Node) (value, ok bool) {
	if n.Kind != record.Text && n.Kind != record.JSONBool {
		return false, false
	}
	var text []byte
	text, m.spare = m.batch.Value(n, m.spare)
	switch string(text) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// timestamp is an instant; UTC where no zone is written.
func (m *Matcher) timestamp(n *record.Node) (value time.Time, ok bool) {
	text, ok := m.text(n)
	if !ok || len(text) < len("2006-01-02T15:04") || len(text) > 64 {
		return time.Time{}, false
	}
	t, err := parseTimestamp(string(text))
	return t, err == nil
}

// parseTimestamp reads what contracts take for a timestamp that has no format of
// its own: RFC 3339, a space for the T, no seconds and no zone allowed.
func parseTimestamp(text string) (time.Time, error) {
	const minutes = "2006-01-02T15:04"
	text = strings.ToUpper(text)
	if text[10] == ' ' {
		text = text[:10] + "T" + text[11:]
	}
	layout, rest := minutes, text[len(minutes):]
	if strings.HasPrefix(rest, ":") {
		layout += ":05"
	}
	if i := strings.IndexAny(rest, "Z+-"); i >= 0 {
		switch len(rest) - i {
		case len("+07"):
			layout += "Z07"
		case len("+0700"):
			layout += "Z0700"
		default:
			layout += "Z07:00"
		}
	}
	return time.Parse(layout, text)
}

// value is the CEL value of the node at i, of a field of the schema.
func (m *Matcher) value(i uint32, field int) ref.Val {
	n := m.node(i)
	switch m.filter.types[field] {
	case record.String, record.Date, record.Time:
		if v, ok := m.text(n); ok {
			return types.String(v)
		}
	case record.Integer:
		if v, ok := m.integer(n); ok {
			return types.Int(v)
		}
	case record.Number:
		if v, ok := m.number(n); ok {
			return types.Double(v)
		}
	case record.Boolean:
		if v, ok := m.boolean(n); ok {
			return types.Bool(v)
		}
	case record.Timestamp:
		if v, ok := m.timestamp(n); ok {
			return types.Timestamp{Time: v}
		}
	case record.Object:
		if n.Kind == record.JSONObject {
			return &object{m: m, first: i + 1, past: n.Next, field: field}
		}
	case record.Array:
		if items := m.filter.schema.Fields[field].Items; n.Kind == record.JSONArray && items >= 0 {
			return m.list(i, items)
		}
	}
	return noValue()
}

// list is an array's items. One that has no value spoils the list: whether a
// value is in it cannot be told then.
func (m *Matcher) list(array uint32, items int) ref.Val {
	nodes := m.batch.Nodes
	var values []ref.Val
	for i := array + 1; i < nodes[array].Next; i = nodes[i].Next {
		v := m.value(i, items)
		if types.IsError(v) {
			return v
		}
		values = append(values, v)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}

// object is a JSON object, whose members are looked up when they are asked for.
type object struct {
	m           *Matcher
	first, past uint32 // nodes of the members
	field       int
}

// rowObject is the row as an object.
func (m *Matcher) rowObject() *object {
	first, past := m.members()
	return &object{m: m, first: first, past: past}
}

func (o *object) member(field int) uint32 {
	nodes := o.m.batch.Nodes
	for i := o.first; i < o.past; i = nodes[i].Next {
		if int(nodes[i].Field) == field {
			return o.m.present(i)
		}
	}
	return nowhere
}

var errObject = errors.New("an object is not a value of another type")

// ConvertToNative is part of ref.Val. No function of CEL's needs it here.
func (o *object) ConvertToNative(reflect.Type) (any, error) { return nil, errObject }

// ConvertToType is part of ref.Val.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.Type().(*types.Type)
	}
	return types.WrapErr(errObject)
}

// Equal is part of ref.Val. A filter that compares objects does not compile.
func (o *object) Equal(ref.Val) ref.Val { return types.WrapErr(errObject) }

// Type is part of ref.Val.
func (o *object) Type() ref.Type { return types.NewObjectType(typeName(o.m.filter.schema, o.field)) }

// Value is part of ref.Val.
func (o *object) Value() any { return o }

// activation resolves the variables of an expression: the row's own fields.
type activation struct{ m *Matcher }

// ResolveName always finds what is declared: what the row does not have is
// found to be an error, so that nothing else is looked for under its name.
func (a activation) ResolveName(name string) (any, bool) {
	if name == rowVariable {
		return a.m.rowObject(), true
	}
	field := a.m.filter.schema.Member(0, []byte(name))
	if field < 0 {
		return nil, false
	}
	var hint uint32
	return a.m.value(a.m.find(field, &hint), field), true
}

// Parent is part of cel.Activation: there is none.
func (activation) Parent() cel.Activation { return nil }

// typeProvider tells CEL the types of a schema's objects, on top of CEL's own.
type typeProvider struct {
	*types.Registry
	schema *record.Schema
	types  []record.Type // per field
	byName map[string]int
}

func newTypeProvider(s *record.Schema, fields []record.Type) (*typeProvider, error) {
	base, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	p := &typeProvider{Registry: base, schema: s, types: fields, byName: make(map[string]int)}
	for id, f := range s.Fields {
		if f.Type == record.Object || f.Type == record.Opaque || id == 0 {
			p.byName[typeName(s, id)] = id
		}
	}
	return p, nil
}

// typeName names the type of an object, in words that no expression can spell,
// so that it never shadows a field.
func typeName(s *record.Schema, field int) string {
	if field == 0 {
		return "row of " + s.Name
	}
	return "object " + s.Fields[field].Path
}

// celType is the type that a field has in an expression.
func (p *typeProvider) celType(field int) *types.Type {
	f := &p.schema.Fields[field]
	switch p.types[field] {
	case record.String, record.Date, record.Time:
		return types.StringType
	case record.Integer:
		return types.IntType
	case record.Number:
		return types.DoubleType
	case record.Boolean:
		return types.BoolType
	case record.Timestamp:
		return types.TimestampType
	case record.Array:
		if f.Items < 0 {
			return types.NewListType(types.NewObjectType("object " + f.Path + "[]"))
		}
		return types.NewListType(p.celType(f.Items))
	}
	return types.NewObjectType(typeName(p.schema, field))
}

// FindStructType is part of types.Provider.
func (p *typeProvider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.byName[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames is part of types.Provider.
func (p *typeProvider) FindStructFieldNames(name string) ([]string, bool) {
	id, ok := p.byName[name]
	if !ok {
		return p.Registry.FindStructFieldNames(name)
	}
	var names []string
	for _, member := range p.schema.Fields[id].Members {
		names = append(names, p.schema.Fields[member].Name)
	}
	return names, true
}

// FindStructFieldType is part of types.Provider.
func (p *typeProvider) FindStructFieldType(name, member string) (*types.FieldType, bool) {
	id, ok := p.byName[name]
	if !ok {
		return p.Registry.FindStructFieldType(name, member)
	}
	field := p.schema.Member(id, []byte(member))
	if field < 0 {
		return nil, false
	}
	return &types.FieldType{
		Type: p.celType(field),
		IsSet: func(v any) bool {
			o, ok := v.(*object)
			return ok && o.member(field) != nowhere
		},
		GetFrom: func(v any) (any, error) {
			o, ok := v.(*object)
			if !ok {
				return nil, errObject
			}
			value := o.m.value(o.member(field), field)
			if err, failed := value.(*types.Err); failed {
				return nil, err
			}
			return value, nil
		},
	}, true
}

// NewValue is part of types.Provider. Expressions cannot make rows.
func (p *typeProvider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := p.byName[name]; ok {
		return types.WrapErr(fmt.Errorf("no expression can make an %s", name))
	}
	return p.Registry.NewValue(name, fields)
}

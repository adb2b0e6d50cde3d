package migration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

// prop is a property of a made-up contract, and what made-up steps have made of it.
type prop struct {
	name     string
	typ      string
	required bool
	members  []*prop
	items    *prop

	from *prop  // of the old version; nil: added
	cast string // the type that it was
	fill any    // the default, if it has one
}

// maker makes contracts, steps and rows.
type maker struct {
	*rand.Rand
	names int
	steps []string
}

var singles = []string{"string", "integer", "number", "boolean", "date", "timestamp"}

func (m *maker) name() string {
	m.names++
	return fmt.Sprintf("%c%d", 'a'+m.IntN(26), m.names)
}

func (m *maker) prop(depth int) *prop {
	p := &prop{name: m.name(), typ: singles[m.IntN(len(singles))], required: m.IntN(3) == 0}
	switch n := m.IntN(5); {
	case depth > 3:
	case n == 0:
		p.typ, p.members = "object", m.props(depth+1)
	case n == 1:
		p.typ, p.items = "array", m.prop(depth+1)
		p.items.name = ""
	}
	return p
}

func (m *maker) props(depth int) (all []*prop) {
	for range 1 + m.IntN(4) {
		all = append(all, m.prop(depth))
	}
	return all
}

// next is the property before all steps, as the new version begins with it.
func (p *prop) next() *prop {
	n := &prop{name: p.name, typ: p.typ, required: p.required, from: p}
	for _, m := range p.members {
		n.members = append(n.members, m.next())
	}
	if p.items != nil {
		n.items = p.items.next()
	}
	return n
}

// yaml is the property in flow style.
func (p *prop) yaml() string {
	text := "logicalType: " + p.typ
	if p.name != "" {
		text = "name: " + p.name + ", " + text
	}
	if p.required {
		text += ", required: true"
	}
	if p.members != nil {
		var all []string
		for _, m := range p.members {
			all = append(all, "{"+m.yaml()+"}")
		}
		text += ", properties: [" + strings.Join(all, ", ") + "]"
	}
	if p.items != nil {
		text += ", items: {" + p.items.yaml() + "}"
	}
	return text
}

// change makes steps for what is inside an object, whose path is prefix.
func (m *maker) change(object *prop, prefix string) {
	for _, p := range slices.Clone(object.members) {
		path := prefix + p.name
		if m.IntN(3) == 0 {
			m.inside(p, path) // by the name that it has now
		}
		switch m.IntN(6) {
		case 0:
			p.name = m.name()
			m.step("rename: {from: %q, to: %q}", path, prefix+p.name)
			path = prefix + p.name
		case 1:
			if len(object.members) > 1 {
				m.step("drop: {field: %q}", path)
				object.members = slices.DeleteFunc(object.members, func(o *prop) bool { return o == p })
				continue
			}
		case 2:
			if fill, ok := map[string]any{"string": "dflt", "integer": json.Number("7"), "number": json.Number("1.5"), "boolean": true, "date": "2026-11-24"}[p.typ]; ok && p.fill == nil {
				p.fill, p.required = fill, true
				m.step("default: {field: %q, value: %v}", path, fill)
			}
		case 3:
			m.toOther(p, path)
		}
		if m.IntN(3) == 0 {
			m.inside(p, path) // by the one that it has then
		}
	}
	if m.IntN(4) == 0 {
		added := &prop{name: m.name(), typ: "string", required: m.IntN(2) == 0, fill: "added"}
		m.step("default: {field: %q, value: added}", prefix+added.name)
		object.members = append(object.members, added)
	}
	m.Shuffle(len(object.members), func(i, k int) {
		object.members[i], object.members[k] = object.members[k], object.members[i]
	})
}

// inside changes what is inside a property, once.
func (m *maker) inside(p *prop, path string) {
	switch {
	case p.members != nil && p.fill == nil:
		p.fill = "done" // objects have no defaults: it marks them
		m.change(p, path+".")
	case p.items != nil:
		if p.items.members == nil && p.items.items == nil {
			m.toOther(p.items, path+"[]")
		}
		m.inside(p.items, path+"[]")
	}
}

func (m *maker) toOther(p *prop, path string) {
	to := map[string]string{"integer": []string{"number", "string"}[m.IntN(2)], "number": "string", "boolean": "string", "date": []string{"string", "timestamp"}[m.IntN(2)], "timestamp": "string"}[p.typ]
	if to == "" || p.cast != "" || p.fill != nil {
		return
	}
	p.cast, p.typ = p.typ, to
	m.step("cast: {field: %q, to: %s}", path, to)
}

func (m *maker) step(format string, args ...any) {
	m.steps = append(m.steps, fmt.Sprintf(format, args...))
}

// value makes a value of a property that is there.
func (m *maker) value(p *prop) any {
	if !p.required && m.IntN(5) == 0 {
		return nil
	}
	switch p.typ {
	case "object":
		return m.object(p.members)
	case "array":
		list := []any{}
		for range m.IntN(4) {
			list = append(list, m.value(p.items))
		}
		return list
	}
	one := map[string][]any{"string": {"", "x", "ä\"\\\n", "null"}, "integer": {json.Number("0"), json.Number("-12"), json.Number("3")}, "number": {json.Number("1.50"), json.Number("-0.0"), json.Number("2")},
		"boolean": {true, false}, "date": {"2026-01-31", "1999-12-31"}, "timestamp": {"2026-01-31T10:00:00Z", "2026-01-31T10:00:00.5+02:00"}}[p.typ]
	return one[m.IntN(len(one))]
}

func (m *maker) object(members []*prop) map[string]any {
	o := map[string]any{}
	for _, p := range members {
		if p.required || m.IntN(4) > 0 {
			o[p.name] = m.value(p)
		}
	}
	return o
}

// becomes is what a value of the old version must become.
func (p *prop) becomes(old any) any {
	switch v := old.(type) {
	case nil:
		if p.members == nil {
			return p.fill
		}
	case map[string]any:
		return became(p.members, v)
	case []any:
		list := []any{}
		for _, item := range v {
			list = append(list, p.items.becomes(item))
		}
		return list
	case json.Number:
		if p.typ == "string" {
			return v.String()
		}
	case bool:
		if p.typ == "string" {
			return fmt.Sprint(v)
		}
	case string:
		if p.cast == "date" && p.typ == "timestamp" {
			return v + "T00:00:00Z"
		}
	}
	return old
}

func became(members []*prop, old map[string]any) map[string]any {
	o := map[string]any{}
	for _, p := range members {
		var value any
		there := false
		if p.from != nil {
			value, there = old[p.from.name]
		}
		if value = p.becomes(value); there || value != nil {
			o[p.name] = value
		}
	}
	return o
}

// TestAnyMigration: made-up steps on made-up contracts make of made-up rows what a
// model makes of them, and the new version accepts them.
func TestAnyMigration(t *testing.T) {
	refused := 0
	const rounds = 400
	for seed := range uint64(rounds) {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, 1))}
		old := &prop{typ: "object", members: m.props(0)}
		next := old.next()
		m.change(next, "")
		lines := func(p *prop) string {
			var all []string
			for _, member := range p.members {
				all = append(all, member.yaml())
			}
			return strings.Join(all, "\n")
		}
		v, err := compile(t, document("1.0.0", lines(old), ""), document("2.0.0", lines(next), ""), strings.Join(m.steps, "\n"))
		if err != nil {
			if !strings.Contains(err.Error(), "could make a row") {
				t.Fatalf("seed %d: %v\n%s\n%s\n%s", seed, err, lines(old), lines(next), strings.Join(m.steps, "\n"))
			}
			refused++
			continue
		}
		var in strings.Builder
		var want []map[string]any
		for range 20 {
			row := m.object(old.members)
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			in.Write(append(text, '\n'))
			want = append(want, became(next.members, row))
		}
		f := record.Format{Codec: record.NDJSON}
		if _, broken := check(t, v.old, reader(t, v.old, f, in.String())); len(broken) > 0 {
			t.Fatalf("seed %d: the rows are not of the old version: %q", seed, broken)
		}
		out := migrate(t, v, f, in.String())
		if rows, broken := check(t, v.next, reader(t, v.next, f, out)); rows != len(want) || len(broken) > 0 {
			t.Fatalf("seed %d: %d rows, %q", seed, rows, broken)
		}
		dec := json.NewDecoder(strings.NewReader(out))
		dec.UseNumber()
		for i := range want {
			var got map[string]any
			if err := dec.Decode(&got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("seed %d row %d:\n%v\nwant\n%v\nof\n%s\n%s", seed, i+1, got, want[i], in.String(), strings.Join(m.steps, "\n"))
			}
		}
	}
	if refused > rounds/4 {
		t.Errorf("%d of %d migrations are refused", refused, rounds)
	}
}

package contract

import (
	"bytes"
	"encoding/json"

	"github.com/sallyport-io/sallyport/shared/record"
)

// inside is what is known of the members of a value of which the record schema
// makes no nodes: a map (3.2), whose names are data, or an object without
// properties.
type inside struct {
	required []string
	absent   *rule
	key      *field    // of a map; nil: any
	value    *Compiled // of a map: an object whose member "value" is the map's value; nil: any
	kind     *rule
}

// valueField is the field of a map's value in inside.value.
const valueField = 1

func (b *compiler) insides(p *Property, path, at string, depth int) *inside {
	in := &inside{required: p.LogicalTypeOptions.Required, kind: b.out.fields[len(b.out.fields)-1].kind,
		absent: &rule{name: "required", want: "the members that the contract requires", do: "fill them in"}}
	var key, value *Property
	if p.Map != nil {
		key, value = p.Map.Key, p.Map.Value
	}
	if key != nil {
		keys := b.under(key, path+"{key}", at+".map.key", depth)
		in.key = &keys.fields[valueField]
		if !single(in.key.typ) {
			b.problem(at+".map.key", "the key of a map is a single value", "")
		}
	}
	if value != nil {
		in.value = b.under(value, path+"{}", at+".map.value", depth)
	}
	return in
}

// under compiles a property that has no place in the rows' own schema.
func (b *compiler) under(p *Property, path, at string, depth int) *Compiled {
	inner := compiler{contract: b.contract, root: b.root, out: &Compiled{Properties: []*Property{nil}, Paths: []string{at}, fields: []field{{typ: record.Object}}},
		records: []record.Field{{Parent: -1, Type: record.Object, Items: -1}}}
	if id := inner.property(p, 0, "value", path, at, depth+1); id >= 0 {
		inner.records[0].Members = []int{id}
	} else {
		inner.out.fields = append(inner.out.fields, field{})
	}
	if len(inner.out.keys) > 0 {
		inner.unenforced(at, path+": unique and primaryKey are not checked inside maps", "")
		inner.out.keys = nil
	}
	if len(inner.out.metrics) > 0 {
		inner.unenforced(at, path+": a metric that may be more than 0 is not counted inside maps", "mustBe: 0")
		inner.out.metrics = nil
	}
	for id, p := range inner.out.Properties {
		if p != nil && len(p.Relationships) > 0 {
			inner.unenforced(inner.out.Paths[id], path+": relationships are not checked inside maps", "")
		}
	}
	inner.out.Schema = record.NewSchema("", inner.records)
	b.problems = append(b.problems, inner.problems...)
	b.out.Unenforced = append(b.out.Unenforced, inner.out.Unenforced...)
	if inner.texts > 0 && b.texts == 0 {
		b.textAt = inner.textAt
	}
	b.texts += inner.texts
	return inner.out
}

// inner is what a Validator needs for the values of a map.
type inner struct {
	v     *Validator
	tree  tree
	batch record.Batch
}

// inside holds what is inside a value to the contract. Its text is JSON: as it
// stands in JSON, or what a CSV field or a typed string holds.
func (v *Validator) inside(b *record.Batch, i int, n uint32, invalid []bool, report func(Violation)) {
	node := &b.Nodes[n]
	f := &v.c.fields[node.Field]
	in := f.inside
	broken := func(r *rule) {
		invalid[i] = invalid[i] || r.severity == Error
		v.report(b, i, f.path, r, report)
	}
	text := b.Data[node.Start:node.End]
	switch node.Kind {
	case record.Absent, record.Null:
		return
	case record.JSONObject:
		if len(text) == 0 { // a typed object: its members are nodes
			if r := v.members(b, n, node, f); r != nil {
				broken(r)
			}
			return
		}
		text = bytes.TrimSpace(text) // of a Parquet column of JSON
	default:
		var value []byte
		value, v.scratch = b.Value(node, v.scratch)
		if text = bytes.Clone(bytes.TrimSpace(value)); !json.Valid(text) || text[0] != '{' {
			broken(in.kind)
			return
		}
	}
	if v.inner == nil {
		v.inner = map[int]*inner{}
	}
	w := v.inner[int(node.Field)]
	if w == nil {
		w = &inner{}
		if in.value != nil {
			w.v = in.value.NewValidator(ValidatorOptions{})
			w.tree.s = in.value.Schema
		}
		v.inner[int(node.Field)] = w
	}
	count, bad := 0, (*rule)(nil)
	seen := make(map[string]struct{}, 16)
	w.batch.Data, w.batch.First = text, b.First+int64(i)
	w.tree.b = &w.batch
	bads := []bool{false}
	for at := skipSpace(text, 1); text[at] != '}'; {
		end := stringEnd(text, at)
		name := unquote(text[at:end])
		if _, twice := seen[string(name)]; twice {
			bad = &rule{name: record.BadDuplicate, want: forms[record.BadDuplicate], do: in.absent.do}
		}
		seen[string(name)] = struct{}{}
		count++
		if in.key != nil && bad == nil {
			for _, check := range in.key.checks {
				if r := check(name); r != nil {
					v.report(b, i, in.key.path, r, report)
					invalid[i] = invalid[i] || r.severity == Error
					break
				}
			}
		}
		at = skipSpace(text, skipSpace(text, end)+1) // behind the colon
		end = valueEnd(text, at)
		if w.v != nil {
			w.batch.Nodes, w.batch.Keys = w.batch.Nodes[:0], w.batch.Keys[:0]
			w.tree.unknown = false
			w.tree.add(at, valueField)
			w.batch.Rows = append(w.batch.Rows[:0], record.Row{Past: uint32(len(w.batch.Nodes)), Line: b.Rows[i].Line})
			w.v.rows++
			w.v.row(&w.batch, 0, bads, report)
			if w.tree.unknown {
				bad = &rule{name: record.BadMember, want: forms[record.BadMember], do: "leave the others out, or agree on a new version of the contract"}
			}
		}
		if at = skipSpace(text, end); text[at] == ',' {
			at = skipSpace(text, at+1)
		}
	}
	invalid[i] = invalid[i] || bads[0]
	if bad != nil {
		broken(bad)
	}
	for _, name := range in.required {
		if _, there := seen[name]; !there {
			broken(in.absent)
			break
		}
	}
	switch {
	case f.few != nil && count < f.minCount:
		broken(f.few)
	case f.many != nil && count > f.maxCount:
		broken(f.many)
	}
}

// unquote is the text of a JSON string that is valid.
func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return quoted
	}
	return []byte(s)
}

// skipSpace, stringEnd and valueEnd walk text that is valid JSON.
func skipSpace(text []byte, i int) int {
	for text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n' {
		i++
	}
	return i
}

func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func valueEnd(text []byte, i int) int {
	depth := 0
	for {
		switch text[i] {
		case '"':
			if i = stringEnd(text, i); depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		if i++; i == len(text) {
			return i
		}
	}
}

// tree makes nodes of JSON that is known to be valid, as record's readers do.
type tree struct {
	s       *record.Schema
	b       *record.Batch
	unknown bool // there was a member that the schema does not have, or one twice
}

// add appends the node of the value at i and those inside it, and answers the
// index behind it.
func (t *tree) add(i, id int) (end int) {
	text, at := t.b.Data, len(t.b.Nodes)
	f := &t.s.Fields[id]
	n := record.Node{Start: uint32(i), Field: uint16(id)}
	t.b.Nodes, t.b.Keys = append(t.b.Nodes, n), append(t.b.Keys, uint32(i))
	switch text[i] {
	case '"':
		n.Kind, end = record.JSONString, stringEnd(text, i)
		n.Escaped = bytes.IndexByte(text[i:end], '\\') >= 0
	case 't', 'f':
		n.Kind, end = record.JSONBool, valueEnd(text, i)
	case 'n':
		n.Kind, end = record.Null, valueEnd(text, i)
	case '[':
		n.Kind, end = record.JSONArray, valueEnd(text, i)
		if f.Type == record.Array && f.Items >= 0 {
			for k := skipSpace(text, i+1); text[k] != ']'; {
				if k = skipSpace(text, t.add(k, f.Items)); text[k] == ',' {
					k = skipSpace(text, k+1)
				}
			}
		}
	case '{':
		n.Kind, end = record.JSONObject, valueEnd(text, i)
		if f.Type == record.Object {
			t.members(i, id)
		}
	default:
		n.Kind, end = record.JSONNumber, valueEnd(text, i)
	}
	n.End, n.Next = uint32(end), uint32(len(t.b.Nodes))
	t.b.Nodes[at] = n
	return end
}

func (t *tree) members(i, of int) {
	f := &t.s.Fields[of]
	text := t.b.Data
	there := make([]bool, len(t.s.Fields))
	for k := skipSpace(text, i+1); text[k] != '}'; {
		end := stringEnd(text, k)
		id := t.s.Member(of, unquote(text[k:end]))
		k = skipSpace(text, skipSpace(text, end)+1)
		if id < 0 || there[id] {
			t.unknown = true
			k = valueEnd(text, k)
		} else {
			there[id] = true
			k = t.add(k, id)
		}
		if k = skipSpace(text, k); text[k] == ',' {
			k = skipSpace(text, k+1)
		}
	}
	for _, id := range f.Members {
		if !there[id] {
			t.b.Nodes = append(t.b.Nodes, record.Node{Field: uint16(id), Next: uint32(len(t.b.Nodes) + 1)})
			t.b.Keys = append(t.b.Keys, 0)
		}
	}
}

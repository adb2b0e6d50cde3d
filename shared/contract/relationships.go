package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/keyset"
	"github.com/sallyport-io/sallyport/shared/record"
)

// reference is a foreign key whose target lies in the same object: whatever it
// refers to must be a row of the same drop. It is a rule of the whole drop, since
// the row that is referred to may come last.
type reference struct {
	from, to []int
	path     string
	rule     *rule
}

// relationships compiles the foreign keys of an object and of its properties
// (3.1). Those that lead out of the object are not enforced, and said: a drop has
// rows of one object.
func (b *compiler) relationships(o *Object) {
	for i := range o.Relationships {
		r := &o.Relationships[i]
		at := fmt.Sprintf("%s.relationships[%d]", b.root, i)
		b.relationship(o, r, b.list(r.From, at+".from"), at)
	}
	for id, p := range b.out.Properties {
		if p == nil {
			continue
		}
		for i := range p.Relationships {
			r := &p.Relationships[i]
			at := fmt.Sprintf("%s.relationships[%d]", b.out.Paths[id], i)
			if r.From != nil {
				b.problem(at+".from", "a relationship of a property has no from: it is the property", "")
				continue
			}
			b.relationship(o, r, []string{o.Name + "." + b.records[id].Path}, at)
		}
	}
}

func (b *compiler) relationship(o *Object, r *Relationship, from []string, at string) {
	b.additions(r.CustomProperties, at+".customProperties", "severity")
	to := b.list(r.To, at+".to")
	switch {
	case r.Type != "" && r.Type != "foreignKey":
		b.unenforced(at, fmt.Sprintf("relationships of type %q are not checked", r.Type), "foreignKey")
		return
	case len(from) == 0 || len(to) == 0:
		b.problem(at, "a relationship needs from and to", "")
		return
	case len(from) != len(to):
		b.problem(at, "a relationship needs as many properties in from as in to", "")
		return
	}
	ref := reference{}
	for _, text := range from {
		id, object, found := b.refer(o, text)
		if object != "" || !found {
			b.problem(at, fmt.Sprintf("%q is not a property of %s", text, o.Name), "object.property, or schema/id/properties/id")
			return
		}
		ref.from = append(ref.from, id)
	}
	for _, text := range to {
		id, object, found := b.refer(o, text)
		if object != "" {
			b.unenforced(at, fmt.Sprintf("the relationship to %s is not checked: a drop has rows of one object, and theirs are not in it", object), "")
			return
		}
		if !found {
			b.problem(at+".to", fmt.Sprintf("%q is not a property of %s", text, o.Name), "object.property, or schema/id/properties/id")
			return
		}
		ref.to = append(ref.to, id)
	}
	var paths []string
	for _, id := range slices.Concat(ref.from, ref.to) {
		f := b.records[id]
		if !single(f.Type) || len(from) > 1 && b.trail(id) == nil {
			b.unenforced(at, fmt.Sprintf("%s: the relationship is not checked, since it has more than one value in a row", f.Path), "")
			return
		}
		b.trail(id)
		paths = append(paths, f.Path)
	}
	ref.path = strings.Join(paths[:len(from)], ", ")
	ref.rule = &rule{name: "relationship", want: fmt.Sprintf("for each %s a row whose %s is the same", ref.path, strings.Join(paths[len(from):], ", ")),
		do: "send the rows that are referred to in the same drop"}
	if i := ours(r.CustomProperties, "severity"); i >= 0 {
		severity, known := severities[fmt.Sprint(r.CustomProperties[i].Value)]
		if !known {
			b.problem(fmt.Sprintf("%s.customProperties[%d].value", at, i), "this is not a severity", "info, warning or error")
		}
		ref.rule.severity = severity
	}
	b.out.refs = append(b.out.refs, ref)
}

// list is one text or a list of texts.
func (b *compiler) list(v any, at string) (texts []string) {
	switch v := v.(type) {
	case nil:
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				b.problem(at, "must be text, or a list of texts", "object.property")
				return nil
			}
			texts = append(texts, text)
		}
	default:
		b.problem(at, "must be text, or a list of texts", "object.property")
	}
	return texts
}

// refer finds what a reference means: a field of this object, or the name of
// another. The notations are ODCS's: object.property by names, or
// schema/<id>/properties/<id> by ids, behind a file and # if it is elsewhere.
func (b *compiler) refer(o *Object, text string) (id int, object string, found bool) {
	if strings.Contains(text, "#") {
		return 0, "another contract", false
	}
	if !strings.Contains(text, "/") {
		name, path, _ := strings.Cut(text, ".")
		if name != o.Name && name != o.PhysicalName {
			return 0, name, false
		}
		id = slices.IndexFunc(b.records, func(f record.Field) bool { return f.Path == path && path != "" })
		return id, "", id >= 0
	}
	steps := strings.Split(strings.TrimPrefix(text, "/"), "/")
	if len(steps) < 2 || steps[0] != "schema" || steps[1] == "" {
		return 0, text, false
	}
	if steps[1] != o.ID {
		return 0, steps[1], false
	}
	for k := 2; k+1 < len(steps); k += 2 {
		members := b.records[id].Members
		if items := b.records[id].Items; items >= 0 {
			members = b.records[items].Members
		}
		m := slices.IndexFunc(members, func(m int) bool { return b.out.Properties[m].ID == steps[k+1] })
		if steps[k] != "properties" || m < 0 {
			return 0, "", false
		}
		id = members[m]
	}
	return id, "", id > 0 && len(steps)%2 == 0
}

// refer takes the keys of row i, which is valid.
func (v *Validator) refer(b *record.Batch, i int) error {
	for k := range v.c.refs {
		ref, seen := &v.c.refs[k], &v.refs[k]
		if err := v.keysOf(b, i, ref.to, func(h keyset.Key) error {
			_, err := seen.there.Add(h)
			return err
		}); err != nil {
			return err
		}
		if err := v.keysOf(b, i, ref.from, func(h keyset.Key) error {
			if found, err := seen.there.Has(h); found || err != nil {
				return err
			}
			_, err := seen.wanted.Add(h)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// keysOf calls take with each key of row i: one, or for a single field as many as
// the row has values of it. A key with a null in it is none.
func (v *Validator) keysOf(b *record.Batch, i int, ids []int, take func(keyset.Key) error) error {
	if len(ids) == 1 && v.c.fields[ids[0]].trail == nil { // inside an array
		row := &b.Rows[i]
		for n := row.First; n < row.Past; n++ {
			node := &b.Nodes[n]
			if int(node.Field) != ids[0] || node.Kind == record.Null || node.Kind == record.Absent {
				continue
			}
			v.key = v.appendKey(v.key[:0], b, node)
			if err := take(v.hash(v.key)); err != nil {
				return err
			}
		}
		return nil
	}
	v.key = v.key[:0]
	for _, id := range ids {
		n := v.find(b, i, id)
		if n == nil || n.Kind == record.Null || n.Kind == record.Absent {
			return nil
		}
		v.key = v.appendKey(v.key, b, n)
	}
	return take(v.hash(v.key))
}

// dangling answers the references that lead nowhere.
func (v *Validator) dangling() (broken []Violation, err error) {
	for k := range v.c.refs {
		ref, seen := &v.c.refs[k], &v.refs[k]
		missing, err := keyset.Missing(seen.wanted, seen.there)
		if err != nil {
			return nil, err
		}
		if missing > 0 {
			broken = append(broken, Violation{Path: ref.path, Rule: ref.rule.name, Want: ref.rule.want, Severity: ref.rule.severity,
				Do: fmt.Sprintf("%s: %d of them are not there", ref.rule.do, missing)})
		}
	}
	return broken, nil
}

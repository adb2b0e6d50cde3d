package jsonschema

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract/interop"
)

// shape is a schema with its references followed and what allOf says put into
// one: the first to say something is heard.
type shape struct {
	keys      map[string]*interop.Value
	members   []interop.Member // of properties
	required  map[string]bool
	consts    []labelled       // of oneOf or anyOf of constants
	sources   []*interop.Value // the schemas that it was made of
	nullable  bool             // an alternative is null
	recursive bool             // a reference leads to a schema that encloses it
}

type labelled struct {
	value *interop.Value
	label string
}

// flatten makes the shape of a schema.
func (im *importer) flatten(v *interop.Value, path string) *shape {
	s := &shape{keys: map[string]*interop.Value{}, required: map[string]bool{}}
	im.into(s, v, path, 0)
	return s
}

func (im *importer) into(s *shape, v *interop.Value, path string, depth int) {
	switch {
	case v == nil || v.Kind != interop.Object || im.err != nil:
		return
	case im.active[v] || slices.Contains(s.sources, v):
		s.recursive = true
		return
	case depth > maxNesting || len(s.sources) > 1000:
		im.fail("schema-depth", "references and allOf lead on and on", "write the schema out")
		return
	}
	s.sources = append(s.sources, v)
	var alternatives []*interop.Value
	for _, m := range v.Members {
		switch m.Name {
		case "$ref":
			im.into(s, im.resolve(m.Value.Str()), path, depth+1)
		case "$dynamicRef", "$recursiveRef":
			im.note(path, fmt.Sprintf("%q is not followed", m.Name))
		case "allOf":
			for _, part := range m.Value.Items {
				im.into(s, part, path, depth+1)
			}
		case "anyOf", "oneOf":
			alternatives = append(alternatives, m.Value)
		case "properties":
			for _, p := range m.Value.Members {
				if !slices.ContainsFunc(s.members, func(q interop.Member) bool { return q.Name == p.Name }) {
					s.members = append(s.members, p)
				} else {
					im.note(path, fmt.Sprintf("%q is described twice: the first is taken", p.Name))
				}
			}
			s.keys[m.Name] = m.Value
		case "required":
			for _, name := range m.Value.Items {
				s.required[name.Str()] = true
			}
		case "nullable": // OpenAPI 3.0
			s.nullable = s.nullable || m.Value.True()
		default:
			if _, said := s.keys[m.Name]; !said {
				s.keys[m.Name] = m.Value
			} else if depth > 0 && !slices.Contains(annotations, m.Name) {
				im.note(path, fmt.Sprintf("%q is said twice: the first is taken", m.Name))
			}
		}
	}
	for _, list := range alternatives {
		im.choose(s, list.Items, path, depth)
	}
}

// choose takes the alternatives that a contract can say: null and one other, or
// constants.
func (im *importer) choose(s *shape, list []*interop.Value, path string, depth int) {
	var rest []*interop.Value
	for _, a := range list {
		if c := a.Get("const"); a.Get("type").Str() == "null" || c != nil && c.Kind == interop.Null {
			s.nullable = true
		} else {
			rest = append(rest, a)
		}
	}
	var consts []labelled
	for _, a := range rest {
		if c := a.Get("const"); c != nil {
			label := a.Get("title").Str()
			if label == "" {
				label = a.Get("description").Str()
			}
			consts = append(consts, labelled{c, label})
		}
	}
	switch {
	case len(rest) == 1:
		im.into(s, rest[0], path, depth+1)
	case len(rest) > 1 && len(consts) == len(rest):
		s.consts = consts
	case len(rest) > 1 && s.keys["type"] == nil && len(s.members) == 0:
		im.note(path, fmt.Sprintf("it may be one of %d alternatives, which ODCS cannot say: the first is taken", len(rest)))
		im.into(s, rest[0], path, depth+1)
	case len(rest) > 1:
		im.note(path, fmt.Sprintf("that it is one of %d alternatives is not described", len(rest)))
	}
}

// types are the types that a schema takes, without null.
func (im *importer) types(s *shape) (types []string, nullable bool) {
	nullable = s.nullable
	add := func(t string) {
		if t == "null" {
			nullable = true
		} else if t != "" && !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if t := s.keys["type"]; t != nil {
		add(t.Str())
		for _, item := range t.Items {
			add(item.Str())
		}
	} else {
		for _, t := range told(s) {
			add(t)
		}
	}
	if enum := s.keys["enum"]; enum != nil && slices.ContainsFunc(enum.Items, func(v *interop.Value) bool { return v.Kind == interop.Null }) && s.keys["type"] == nil {
		nullable = true
	}
	if len(types) == 2 && slices.Contains(types, "integer") && slices.Contains(types, "number") {
		types = []string{"number"}
	}
	return types, nullable
}

// told are the types that a schema without "type" can only mean.
func told(s *shape) (types []string) {
	values := slices.Clone(s.consts)
	if c := s.keys["const"]; c != nil {
		values = append(values, labelled{value: c})
	}
	if enum := s.keys["enum"]; enum != nil {
		for _, v := range enum.Items {
			values = append(values, labelled{value: v})
		}
	}
	for _, v := range values {
		switch v.value.Kind {
		case interop.String:
			types = append(types, "string")
		case interop.Bool:
			types = append(types, "boolean")
		case interop.Number:
			if strings.ContainsAny(v.value.Text, ".eE") {
				types = append(types, "number")
			} else {
				types = append(types, "integer")
			}
		case interop.Object:
			types = append(types, "object")
		case interop.Array:
			types = append(types, "array")
		}
	}
	for _, of := range []struct {
		kind string
		keys []string
	}{
		{"object", []string{"properties"}}, {"array", []string{"items"}},
		{"string", []string{"pattern", "minLength", "maxLength", "format"}},
		{"number", []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
	} {
		if len(types) == 0 && slices.ContainsFunc(of.keys, func(k string) bool { return s.keys[k] != nil }) {
			types = append(types, of.kind)
		}
	}
	return types
}

// resolve finds what a local reference means: a JSON Pointer (RFC 6901) or an
// anchor.
func (im *importer) resolve(ref string) *interop.Value {
	fragment, local := strings.CutPrefix(ref, "#")
	if !local {
		if target := im.anchors[ref]; target != nil {
			return target
		}
		im.fail("schema-reference", "the schema refers to another document, which is not fetched", "put what is referred to into $defs")
		return nil
	}
	fragment, err := url.PathUnescape(fragment)
	if err == nil && (fragment == "" || fragment[0] == '/') {
		if v := im.pointer(fragment); v != nil {
			return v
		}
	} else if target := im.anchors["#"+fragment]; err == nil && target != nil {
		return target
	}
	im.fail("schema-reference", "a reference of the schema leads nowhere", "look for a misspelt $ref")
	return nil
}

func (im *importer) pointer(pointer string) *interop.Value {
	v := im.root
	if pointer == "" {
		return v
	}
	for step := range strings.SplitSeq(pointer[1:], "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch v.Kind {
		case interop.Object:
			v = v.Get(step)
		case interop.Array:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v.Items) {
				return nil
			}
			v = v.Items[i]
		default:
			return nil
		}
		if v == nil {
			return nil
		}
	}
	return v
}

// findAnchors remembers the schemas that have a name of their own: $anchor, and
// $id of embedded ones.
func (im *importer) findAnchors(v *interop.Value) {
	if a := v.Get("$anchor").Str(); a != "" {
		im.anchors["#"+a] = v
	}
	if id := v.Get("$id").Str(); id != "" {
		im.anchors[id] = v
	}
	for _, m := range v.Members {
		im.findAnchors(m.Value)
	}
	for _, item := range v.Items {
		im.findAnchors(item)
	}
}

package contract

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// versions of the standard that are read.
func versions() []string { return []string{"v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0"} }

// Parse reads a document strictly. The error is yamldoc.Problems.
func Parse(file string, data []byte) (*Contract, error) {
	doc, err := yamldoc.Parse(file, data)
	if err != nil {
		return nil, err
	}
	c := &Contract{doc: doc}
	if err := doc.Decode(c); err != nil {
		return nil, err
	}
	p := parser{c: c}
	p.root()
	for i := range c.Servers {
		p.server(&c.Servers[i], fmt.Sprintf("servers[%d]", i))
	}
	p.walk(reflect.ValueOf(c).Elem(), "")
	_, levels := c.ServiceLevels()
	if p.problems = append(p.problems, levels...); len(p.problems) > 0 {
		return nil, p.problems
	}
	return c, nil
}

// parser looks for what is wrong with a document beyond its shape.
type parser struct {
	c        *Contract
	problems yamldoc.Problems
}

func (p *parser) add(path, message, hint string) {
	p.problems = append(p.problems, p.c.Problem(path, message, hint))
}

// since reports whether the document is of a version of the standard or a later
// one: "v3.1.0" < "v3.2.0" holds for texts, too.
func (p *parser) since(version string) bool { return p.c.APIVersion >= version }

func (p *parser) root() {
	c := p.c
	if !slices.Contains(versions(), c.APIVersion) {
		p.add("apiVersion", fmt.Sprintf("%q is not a version of the standard that is read", c.APIVersion), fmt.Sprintf("one of %v", versions()))
	}
	if c.Kind != "DataContract" {
		p.add("kind", fmt.Sprintf("%q is not the kind of a contract", c.Kind), "DataContract")
	}
	if c.ID == "" {
		p.add("id", "a contract needs an id", "")
	}
	if c.Version == "" {
		p.add("version", "a contract needs a version", "semantic, such as 1.0.0")
	}
	if c.Status == "" && !p.since("v3.2.0") {
		p.add("status", "a contract needs a status", "proposed, draft, active, deprecated or retired")
	}
	names := map[string]bool{}
	for i, o := range c.Schema {
		path := fmt.Sprintf("schema[%d]", i)
		switch {
		case o.Name == "":
			p.add(path, "a schema object needs a name", "")
		case names[o.Name]:
			p.add(path+".name", fmt.Sprintf("there are two schema objects %q", o.Name), "")
		}
		names[o.Name] = true
		if o.LogicalType != "" && o.LogicalType != "object" {
			p.add(path+".logicalType", "the logicalType of a schema object is object", "")
		}
	}
}

// walk goes through the whole document and holds each block to its own rules.
func (p *parser) walk(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			p.walk(v.Elem(), path)
		}
	case reflect.Slice:
		p.ids(v, path)
		for i := range v.Len() {
			p.walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Struct:
		if v.CanAddr() {
			p.block(v.Addr().Interface(), path)
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			switch {
			case !f.IsExported():
			case strings.Contains(options, "inline"):
				p.inside(v.Field(i), path)
			default:
				p.walk(v.Field(i), under(path, name))
			}
		}
	}
}

// inside walks through the fields of an embedded block, which is none itself.
func (p *parser) inside(v reflect.Value, path string) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ","); name != "" {
			p.walk(v.Field(i), under(path, name))
		}
	}
}

func under(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// stableID is what the ids of parts of a document are made of, from 3.1 on.
var stableID = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// relationshipIDs are the letters that the ids of relationships do not have.
const relationshipIDs = `.#/\@!%&^`

// ids holds the ids in one list to their letters and to standing there once.
// References name parts by them.
func (p *parser) ids(list reflect.Value, path string) {
	if list.Type().Elem().Kind() != reflect.Struct {
		return
	}
	seen := map[string]bool{}
	for i := range list.Len() {
		f := list.Index(i).FieldByName("ID")
		if !f.IsValid() || f.String() == "" {
			continue
		}
		id, at := f.String(), fmt.Sprintf("%s[%d].id", path, i)
		if seen[id] {
			p.add(at, fmt.Sprintf("the id %q stands twice in this list", id), "")
		}
		seen[id] = true
		switch list.Index(i).Interface().(type) {
		case VerifiedStatement, Constraint: // any text
		case Relationship:
			if strings.ContainsAny(id, relationshipIDs) {
				p.add(at, fmt.Sprintf("%q is not an id of a relationship", id), "without any of "+relationshipIDs)
			}
		default:
			if !stableID.MatchString(id) {
				p.add(at, fmt.Sprintf("%q is not an id", id), "letters, digits, - and _")
			}
		}
	}
}

// need says that a key is missing from a block.
func (p *parser) need(there bool, path, block, key, hint string) {
	if !there {
		p.add(path, fmt.Sprintf("%s needs %s", block, key), hint)
	}
}

// has reports whether a key stands in the document, even with no value.
func (p *parser) has(path string) bool {
	return p.c.doc.Has(path)
}

// block holds one block of the document to what the standard requires of it.
func (p *parser) block(v any, path string) {
	switch b := v.(type) {
	case *Role:
		p.need(b.Role != "", path, "a role", "role", "")
	case *Support:
		p.need(b.Channel != "", path, "a support channel", "channel", "")
	case *TeamMember:
		// 3.0's text does not ask for it.
		p.need(b.Username != "" || !p.since("v3.1.0"), path, "a member of the team", "username", "")
	case *AuthoritativeDefinition:
		p.need(b.URL != "", path, "an authoritative definition", "url", "")
		p.need(b.Type != "", path, "an authoritative definition", "type", "such as businessDefinition")
	case *CustomProperty:
		// The text does not ask for either; ours cannot do without.
		p.need(b.Property != "" || !strings.EqualFold(b.Vendor, vendor), path, "a custom property of ours", "property", "")
	case *SLAProperty:
		p.need(b.Property != "", path, "a service level", "property", "such as latency")
		p.need(p.has(path+".value"), path, "a service level", "value", "")
		p.single(b.Value, path+".value")
		p.single(b.ValueExt, path+".valueExt")
	case *EnumValue:
		p.need(p.has(path+".value"), path, "a value of an enum", "value", "")
		p.single(b.Value, path+".value")
	case *Synonym:
		p.need(b.Synonym != "", path, "a synonym", "synonym", "")
	case *VerifiedStatement:
		p.need(b.Question != "", path, "a verified statement", "question", "")
	case *Constraint:
		p.need(b.Constraint != "", path, "a constraint", "constraint", "")
	case *Map:
		p.need(b.Key != nil, path, "a map", "key", "key: {logicalType: string}")
		p.need(b.Value != nil, path, "a map", "value", "value: {logicalType: string}")
	case *Relationship:
		p.relationship(b, path)
	case *Quality:
		p.quality(b, path)
	case *Property:
		p.closed(b.SemanticType, path+".semanticType", "column", "measure", "dimension")
		p.need(b.LogicalType != "map" || b.Map != nil, path, "a property of logicalType map", "map", "map: {key: .., value: ..}")
	}
}

// single refuses mappings and lists where one value is meant.
func (p *parser) single(v any, path string) {
	switch v.(type) {
	case map[string]any, map[any]any, []any:
		p.add(path, "must be a single value", "")
	}
}

// closed holds a text to the values that the standard lists.
func (p *parser) closed(text, path string, values ...string) {
	if text == "" || slices.Contains(values, text) {
		return
	}
	hint := "one of " + strings.Join(values, ", ")
	if near := yamldoc.Nearest(text, values); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	p.add(path, fmt.Sprintf("%q is none of its values", text), hint)
}

// relationship: where it stands on a property, that property is from.
func (p *parser) relationship(r *Relationship, path string) {
	p.closed(r.Type, path+".type", "foreignKey")
	p.need(r.To != nil, path, "a relationship", "to", "such as orders.id")
	ofObject := strings.Count(path, ".") == 1 // schema[0].relationships[0]
	switch {
	case ofObject:
		p.need(r.From != nil, path, "a relationship of a schema object", "from", "or put it on the property")
	case r.From != nil:
		p.add(path+".from", "a relationship of a property is from that property", "leave from out, or put it on the schema object")
	}
	to, from := p.references(r.To, path+".to"), p.references(r.From, path+".from")
	if ofObject && to > 0 && from > 0 && to != from {
		p.add(path+".to", "from and to must name as many properties", "")
	}
}

// references counts the references of a relationship: one text, or a list.
func (p *parser) references(v any, path string) int {
	switch t := v.(type) {
	case nil:
		return 0
	case string:
		return 1
	case []any:
		for i, item := range t {
			if _, ok := item.(string); !ok {
				p.add(fmt.Sprintf("%s[%d]", path, i), "must be a reference", "such as orders.id")
			}
		}
		if len(t) == 0 {
			p.add(path, "the list is empty", "")
		}
		return len(t)
	}
	p.add(path, "must be a reference or a list of them", "such as orders.id")
	return 0
}

func (p *parser) quality(q *Quality, path string) {
	p.closed(q.Type, path+".type", "text", "library", "sql", "custom")
	p.dimension(q.Dimension, path+".dimension")
	switch q.Type {
	case "library":
		p.need(q.Metric != "" || q.Rule != "", path, "a library rule", "metric", "such as nullValues")
	case "sql":
		p.need(q.Query != "", path, "an sql rule", "query", "")
	case "custom":
		p.need(q.Engine != "", path, "a custom rule", "engine", "such as soda")
		p.need(q.Implementation != nil, path, "a custom rule", "implementation", "")
	}
	switch q.Implementation.(type) {
	case nil, string, map[string]any:
	default:
		p.add(path+".implementation", "must be text or a mapping", "")
	}
}

// dimension: the text gives each a short synonym, which the schema refuses.
func (p *parser) dimension(text, path string) {
	all := []string{"accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"}
	short := []string{"ac", "cp", "cf", "cs", "cv", "tm", "uq"}
	if !slices.Contains(short, strings.ToLower(text)) {
		p.closed(text, path, all...)
	}
}

package exchange

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/sallyport-io/sallyport/shared/detect"
	"github.com/sallyport-io/sallyport/shared/transform"
)

var update = flag.Bool("update", false, "write the schemas anew")

// generate makes the schema of a document from its struct: the descriptions are
// the comments of the fields.
func generate(t *testing.T, name string, of any, title string) []byte {
	t.Helper()
	r := &jsonschema.Reflector{
		RequiredFromJSONSchemaTags: true,
		ExpandedStruct:             true,
		Mapper: func(typ reflect.Type) *jsonschema.Schema {
			switch typ {
			case reflect.TypeFor[Size]():
				return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "integer", Minimum: "1"}, {Type: "string", Pattern: sizePattern}}}
			case reflect.TypeFor[Duration]():
				return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
			case reflect.TypeFor[Range]():
				return &jsonschema.Schema{Type: "string", Pattern: rangePattern}
			case reflect.TypeFor[Expiry]():
				return &jsonschema.Schema{Type: "string", Pattern: expiryPattern}
			case reflect.TypeFor[transform.Scalar](), reflect.TypeFor[transform.Decimal]():
				return &jsonschema.Schema{} // the tags of the fields say their types
			}
			return nil
		},
	}
	const module = "github.com/sallyport-io/sallyport/shared/"
	for _, pkg := range []string{"exchange", "transform"} {
		if err := r.AddGoComments(module+pkg, filepath.Join("..", pkg)); err != nil {
			t.Fatal(err)
		}
	}
	// The comments are found by the name of the package that their path spells.
	for key, comment := range r.CommentMap {
		delete(r.CommentMap, key)
		r.CommentMap[strings.Replace(strings.Replace(key, "/../exchange", "", 1), "/../transform", "", 1)] = comment
	}
	s := r.Reflect(of)
	s.ID = jsonschema.ID("https://sallyport.io/schemas/v1/" + name)
	s.Title = title
	if rule := s.Definitions["Rule"]; rule != nil {
		for _, key := range []string{"path", "tag", "classification"} {
			rule.OneOf = append(rule.OneOf, &jsonschema.Schema{Required: []string{key}})
		}
		does := &jsonschema.Schema{}
		for _, key := range []string{"transform", "dropRow"} {
			does.OneOf = append(does.OneOf, &jsonschema.Schema{Required: []string{key}})
		}
		rule.AllOf = append(rule.AllOf, does)
	}
	if match := s.Definitions["Match"]; match != nil {
		for _, key := range []string{"values", "pattern"} {
			match.AnyOf = append(match.AnyOf, &jsonschema.Schema{Required: []string{key}})
		}
	}
	if step := s.Definitions["Step"]; step != nil {
		for _, key := range []string{"rename", "default", "cast", "drop"} {
			step.OneOf = append(step.OneOf, &jsonschema.Schema{Required: []string{key}})
		}
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

var documents = []struct {
	name, title string
	of          any
}{
	{"exchange.schema.json", "Sallyport exchange", &Exchange{}},
	{"partner.schema.json", "Sallyport partner", &Partner{}},
	{"profile.schema.json", "Sallyport masking profile", &Profile{}},
	{"migration.schema.json", "Sallyport migration of a contract", &Migration{}},
}

func TestSchemasAreUpToDate(t *testing.T) {
	for _, d := range documents {
		want := generate(t, d.name, d.of, d.title)
		if *update {
			if err := os.WriteFile(filepath.Join("schema", d.name), want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := fs.ReadFile(Schemas(), d.name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the structs say: run go test ./shared/exchange -update", d.name)
		}
		if n, m := strings.Count(string(got), `"description"`), strings.Count(string(got), `"type"`); n < m/2 {
			t.Errorf("%s has %d descriptions for %d types: the comments were not found", d.name, n, m)
		}
	}
}

// schemaOf is the schema that a file of the folder is held to, and the plain
// value of its YAML.
func schemaOf(t *testing.T, file, text string) (*validator.Schema, any) {
	t.Helper()
	name := map[string]string{"e": "exchange", "p": "partner"}[file[:1]] + ".schema.json"
	for folder, of := range map[string]string{"profiles/": "profile", "migrations/": "migration"} {
		if strings.HasPrefix(file, folder) {
			name = of + ".schema.json"
		}
	}
	raw, err := fs.ReadFile(Schemas(), name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	return schema, plain(t, &node)
}

// plain is a YAML node as JSON has it: what YAML takes for a date is a string.
func plain(t *testing.T, n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return plain(t, n.Content[0])
	case yaml.MappingNode:
		m := make(map[string]any)
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, plain(t, c))
		}
		return list
	}
	if n.ShortTag() == "!!timestamp" {
		return n.Value
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSchemasAgreeWithLoad: what one refuses of a single document the other
// refuses too.
func TestSchemasAgreeWithLoad(t *testing.T) {
	for file, text := range folder() {
		if strings.HasPrefix(file, "contracts/") {
			continue
		}
		schema, doc := schemaOf(t, file, text)
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	const acme, maker, main, profile = "partners/acme.yaml", "partners/maker.yaml", "exchange.yaml", "profiles/distributor.yaml"
	tests := []struct{ file, old, new string }{
		{main, "name: demo", "name: demo\nmore: 1"},
		{main, "name: demo", "title: demo"},
		{main, "name: demo", "name: Demo"},
		{main, "ratio: 50", "ratios: 50"},
		{main, "ratio: 50", "ratio: fifty"},
		{main, "ratio: 50", "ratio: -5"},
		{main, "4MiB", "4 mebibytes"},
		{main, "sallyport.io/v1", "sallyport.io/v2"},
		{main, "kind: Exchange", "kind: Partner"},
		{acme, "name: Acme", "nickname: Acme"},
		{acme, "id: acme\n", "id: ACME\n"},
		{acme, "columns: [sku", "column: [sku"},
		{acme, "columns: [sku, available]", "columns: []"},
		{acme, "purpose: replenishment", "purpse: replenishment"},
		{acme, "2027-12-31", "next year"},
		{acme, "retryFor: 2d", "retryFor: 2 days"},
		{acme, "retryFor: 2d", "retry: 2d"},
		{acme, "format: csv", "format: excel"},
		{acme, "send: rows", "send: columns"},
		{acme, "revoked: true", "revoked: perhaps"},
		{acme, "revoked: true", "revoked:"},
		{acme, `filter: sku in ["9521582929054"]`, `filter: ""`},
		{profile, "type: keep", "type: null"},
		{acme, "file://./outbox/acme", "outbox"},
		{maker, "path: orders/head", "glob: orders/head"},
		{maker, "contract: inventory", "path: inventory"},
		{maker, "contract: inventory", "contract: inventory\n    version: \">=1\""},
		{acme, "object: stock", "object: stock\n    version: ^1 || ^2"},
		{profile, "tag: price", "tags: price"},
		{profile, "tag: price", "tag: price\n    path: sku"},
		{profile, "type: keep", "type: keep, more: 1"},
		{profile, "{type: keep}", "{}"},
		{profile, "transform: {type: keep}", "dropRow: {}"},
		{profile, "transform: {type: keep}", "dropRow: {value: [x]}"},
		{profile, "transform: {type: keep}", "transform: {type: keep}\n    dropRow: {values: [x]}"},
	}
	for _, tt := range tests {
		files := folder()
		text := strings.Replace(files[tt.file], tt.old, tt.new, 1)
		if text == files[tt.file] {
			t.Fatalf("%s does not have %q", tt.file, tt.old)
		}
		files[tt.file] = text
		if _, err := Load(mapFS(files)); err == nil {
			t.Errorf("%s with %q loads", tt.file, tt.new)
		}
		schema, doc := schemaOf(t, tt.file, text)
		if schema.Validate(doc) == nil {
			t.Errorf("%s with %q passes its schema", tt.file, tt.new)
		}
	}
}

// TestDetectedTypes: the schema of profiles knows all types that are detected, no
// others.
func TestDetectedTypes(t *testing.T) {
	field, _ := reflect.TypeFor[Rule]().FieldByName("Detect")
	var want []string
	for _, typ := range detect.Types() {
		want = append(want, "enum="+typ.String())
	}
	if got := field.Tag.Get("jsonschema"); got != strings.Join(want, ",") {
		t.Errorf("the schema has %s, want %s", got, strings.Join(want, ","))
	}
}

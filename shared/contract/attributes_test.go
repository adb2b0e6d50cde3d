package contract

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var updatePage = flag.Bool("update-page", false, "write docs/odcs.md anew")

// page is docs/odcs.md.
func page() string {
	var out strings.Builder
	out.WriteString(`# ODCS, attribute by attribute

Every attribute of the [Open Data Contract Standard](https://bitol-io.github.io/open-data-contract-standard/) from 3.0.0
to 3.2.0, and what Sallyport does with it. This page is made from ` + "`shared/contract/attributes_table.go`" + `
(` + "`go test ./shared/contract -run TestAttributesPage -update-page`" + `), and a test holds the table to the JSON schemas of the standard.

| | |
|---|---|
| enforced | data, or the document itself, is held to it |
| used | it decides what Sallyport does |
| understood, not monitored | read into times and amounts; ` + "`sallyport check`" + ` names it |
| not run, named | ` + "`sallyport check`" + ` names each such rule, and why |
| kept, not enforced | read and written again; ` + "`sallyport check`" + ` names it |
| for people | there is nothing in it to enforce |

A key that is none of these is refused, with its place and the key that was meant. Keys of a later version of the
standard are taken in older documents, too.
`)
	for _, b := range Attributes() {
		fmt.Fprintf(&out, "\n## %s\n\n", b.Title)
		if b.Path != "" {
			fmt.Fprintf(&out, "`%s`\n\n", b.Path)
		}
		out.WriteString("| attribute | since | | |\n|---|---|---|---|\n")
		for _, a := range b.Attributes {
			fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", a.Key, strings.TrimPrefix(a.Since, "v"), a.Use, strings.ReplaceAll(a.Note, "|", `\|`))
		}
	}
	out.WriteString("\n## Types of servers\n\n| type | since | required | may have |\n|---|---|---|---|\n")
	for _, s := range ServerTypes() {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", s.Type, strings.TrimPrefix(s.Since, "v"), strings.Join(s.Required, ", "), strings.Join(s.Optional, ", "))
	}
	out.WriteString("\n## Where the text and the schema of the standard differ\n\n" +
		"The text outranks the schema. Each line is a case of `TestDisagreements`.\n\n| | the standard | what holds here |\n|---|---|---|\n")
	for _, d := range disagreements() {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", d.name, d.standard, d.here)
	}
	return out.String()
}

func TestAttributesPage(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "odcs.md")
	if *updatePage {
		if err := os.WriteFile(file, []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page() {
		t.Error("docs/odcs.md is not what the table says: go test ./shared/contract -run TestAttributesPage -update-page")
	}
}

// TestAttributesAreFields: every attribute is a field, and every field an
// attribute.
func TestAttributesAreFields(t *testing.T) {
	known := map[reflect.Type]bool{}
	for _, b := range Attributes() {
		known[b.Type] = true
		var keys []string
		for _, a := range b.Attributes {
			if slices.Contains(keys, a.Key) {
				t.Errorf("%s has %s twice", b.Title, a.Key)
			}
			keys = append(keys, a.Key)
			if !slices.Contains(versions(), a.Since) {
				t.Errorf("%s.%s is of %s", b.Title, a.Key, a.Since)
			}
		}
		for _, field := range tagsOf(b.Type) {
			if !slices.Contains(keys, field) {
				t.Errorf("%s lacks %s", b.Title, field)
			}
			keys = slices.DeleteFunc(keys, func(k string) bool { return k == field })
		}
		if len(keys) > 0 {
			t.Errorf("%s has %v, which are not read", b.Title, keys)
		}
	}
	// Every block that can be reached is in the table; arguments have keys of
	// the metric's.
	var reach func(reflect.Type)
	seen := map[reflect.Type]bool{reflect.TypeFor[Arguments](): true}
	reach = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		if !known[typ] && typ != reflect.TypeFor[Element]() && typ != reflect.TypeFor[Operators]() {
			t.Errorf("%v is in no block", typ)
		}
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() && f.Tag.Get("yaml") != "-" {
				reach(f.Type)
			}
		}
	}
	reach(reflect.TypeFor[Contract]())
}

// tagsOf are the keys that a struct is read from.
func tagsOf(typ reflect.Type) []string {
	var all []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case strings.Contains(options, "inline") && f.Type.Kind() == reflect.Struct:
			all = append(all, tagsOf(f.Type)...)
		case name != "":
			all = append(all, name)
		}
	}
	return all
}

// TestAttributesOfSchemas: the table has every attribute of the standard's JSON
// schemas, and knows which version brought it.
func TestAttributesOfSchemas(t *testing.T) {
	dir := sharedData(t)
	in := map[string]map[string]map[string]bool{} // version, title of the block, key
	for version, file := range map[string]string{"v3.0.0": "odcs-json-schema-v3.0.2.json", "v3.1.0": "odcs-json-schema-v3.1.0.json"} {
		text, err := os.ReadFile(filepath.Join(dir, "odcs", file))
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		in[version] = schemaKeys(t, schema, version)
	}
	for _, b := range Attributes() {
		name := b.Type.Name()
		for version := range in {
			for key := range in[version][name] {
				if !slices.ContainsFunc(b.Attributes, func(a Attribute) bool { return a.Key == key }) {
					t.Errorf("%s: the schema of %s has %s.%s, the table has not", b.Title, version, name, key)
				}
			}
		}
		if in["v3.1.0"][name] == nil {
			continue // it came with 3.2, or the schema leaves it open
		}
		for _, a := range b.Attributes {
			want := "v3.2.0"
			switch {
			case in["v3.0.0"][name][a.Key] || name == "Quality" && a.Key == "validValues": // which 3.0's text has
				want = "v3.0.0"
			case in["v3.1.0"][name][a.Key]:
				want = "v3.1.0"
			}
			if a.Since != want {
				t.Errorf("%s.%s is said to be of %s, the schemas say %s", name, a.Key, a.Since, want)
			}
		}
	}
}

// schemaKeys are the keys of each definition in a schema of the standard, by the
// struct that they are read into.
func schemaKeys(t *testing.T, schema map[string]any, version string) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	put := func(name string, keys map[string]bool) {
		if all[name] == nil {
			all[name] = map[string]bool{}
		}
		for k := range keys {
			all[name][k] = true
		}
	}
	put("Contract", directKeys(map[string]any{"properties": schema["properties"]}))
	description := schema["properties"].(map[string]any)["description"]
	put("Description", directKeys(description))
	member := "TeamMember"
	named := map[string][]string{
		"Server": {"Server"}, "SchemaElement": {"Object", "Property"}, "SchemaObject": {"Object"}, "SchemaBaseProperty": {"Property"},
		"SchemaItemProperty": {"Property"}, "SchemaProperty": {"Property"}, "DataQuality": {"Quality"}, "DataQualityLibrary": {"Quality"},
		"DataQualityOperators": {"Quality"}, "DataQualitySql": {"Quality"}, "DataQualityCustom": {"Quality"},
		"AuthoritativeDefinitions": {"AuthoritativeDefinition"}, "SupportItem": {"Support"}, "Pricing": {"Price"}, "TeamMember": {member},
		"Team": {"Team"}, "Role": {"Role"}, "ServiceLevelAgreementProperty": {"SLAProperty"}, "CustomProperty": {"CustomProperty"},
		"RelationshipBase": {"Relationship"}, "RelationshipSchemaLevel": {"Relationship"}, "RelationshipPropertyLevel": {"Relationship"},
	}
	if version == "v3.0.0" {
		named["Team"] = []string{member} // a list of them
	}
	for name, def := range schema["$defs"].(map[string]any) {
		if name == "ServerSource" {
			for _, source := range def.(map[string]any) {
				put("Server", directKeys(source))
			}
			continue
		}
		keys := directKeys(def)
		if len(named[name]) == 0 && len(keys) > 0 {
			t.Errorf("the schema of %s defines %s, which is read into nothing", version, name)
		}
		for _, struc := range named[name] {
			put(struc, keys)
		}
		put("Options", optionKeys(def, false))
	}
	return all
}

// directKeys are the keys that a definition gives to its own value.
func directKeys(node any) map[string]bool {
	keys := map[string]bool{}
	add := func(more map[string]bool) {
		for k := range more {
			keys[k] = true
		}
	}
	switch n := node.(type) {
	case []any:
		for _, item := range n {
			add(directKeys(item))
		}
	case map[string]any:
		if properties, ok := n["properties"].(map[string]any); ok {
			for key := range properties {
				keys[key] = true
			}
		}
		for _, with := range []string{"allOf", "anyOf", "oneOf", "then", "items"} {
			add(directKeys(n[with]))
		}
	}
	return keys
}

// optionKeys are the keys of logicalTypeOptions, whatever the type.
func optionKeys(node any, inside bool) map[string]bool {
	keys := map[string]bool{}
	switch n := node.(type) {
	case []any:
		for _, item := range n {
			for k := range optionKeys(item, false) {
				keys[k] = true
			}
		}
	case map[string]any:
		for key, value := range n {
			if properties, ok := value.(map[string]any); ok && inside && key == "properties" {
				for k := range properties {
					keys[k] = true
				}
				continue
			}
			for k := range optionKeys(value, key == "logicalTypeOptions") {
				keys[k] = true
			}
		}
	}
	return keys
}

// TestNotEnforced: what a document uses and nobody is held to is named once, at
// its first line.
func TestNotEnforced(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "odcs", "every-key.odcs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, "every-key.odcs.yaml", text)
	lines := strings.Split(string(text), "\n")
	var got []string
	for _, p := range c.NotEnforced() {
		if p.Line == 0 || p.Message == "" {
			t.Errorf("%v has no line or no message", p)
			continue
		}
		got = append(got, p.Path)
		if key := p.Path[strings.LastIndex(p.Path, ".")+1:]; !strings.HasSuffix(key, "]") && !strings.Contains(strings.Join(lines[p.Line-2:p.Line], " "), key+":") {
			t.Errorf("%s is not on line %d", p.Path, p.Line)
		}
	}
	want := []string{"context", "schema[0].physicalType", "schema[0].context", "schema[0].quality[0].scheduler", "schema[0].quality[0].schedule",
		"schema[0].properties[0].physicalType", "schema[0].properties[0].partitioned", "schema[0].properties[0].partitionKeyPosition",
		"schema[0].properties[0].encryptedName", "schema[0].properties[0].criticalDataElement", "schema[0].properties[0].semanticType",
		"price", "roles", "slaProperties[0]", "slaProperties[1]", "slaProperties[2]", "slaProperties[3]"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	many := parse(t, "c.odcs.yaml", []byte(strings.Replace(doc("logicalType: string\npartitioned: true"), "{name: other,", "{name: other, partitioned: true,", 1)))
	if all := many.NotEnforced(); len(all) != 1 || !strings.Contains(all[0].Message, "one more place") {
		t.Errorf("got %v, want one problem of two places", all)
	}
	if all := parse(t, "c.odcs.yaml", []byte(doc("logicalType: string\npartitionKeyPosition: -1\npartitioned: false"))).NotEnforced(); len(all) > 0 {
		t.Errorf("defaults are named: %v", all)
	}
}

func TestNewer(t *testing.T) {
	text := strings.Replace(doc("logicalType: string\nenum: [{value: a}]\nid: x"), "v3.1.0", "v3.0.2", 1)
	var got []string
	for _, p := range parse(t, "c.odcs.yaml", []byte(text)).Newer() {
		got = append(got, p.Path)
	}
	if want := []string{"schema[0].properties[0].id", "schema[0].properties[0].enum", "schema[0].properties[0].enum[0].value"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

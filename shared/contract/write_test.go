package contract

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// documents are the public documents beside the checkout, if they are there,
// and our own, which use every key of the standard.
func documents(t testing.TB) map[string][]byte {
	t.Helper()
	own, err := filepath.Glob(filepath.Join("testdata", "odcs", "*.odcs.yaml"))
	if err != nil || len(own) == 0 {
		t.Fatalf("no documents of ours: %v", err)
	}
	shared := filepath.Join("..", "..", "..", "shared", "data")
	for _, pattern := range []string{filepath.Join(shared, "*.odcs.yaml"), filepath.Join(shared, "odcs", "*.odcs.yaml")} {
		public, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, public...)
	}
	texts := map[string][]byte{}
	for _, file := range own {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = text
	}
	return texts
}

func parse(t testing.TB, name string, text []byte) *Contract {
	t.Helper()
	c, err := Parse(name, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// equal reports whether two contracts say the same, wherever it stands.
func equal(a, b *Contract) bool {
	x, y := *a, *b
	x.doc, y.doc = nil, nil
	return reflect.DeepEqual(x, y)
}

// TestRoundTrip: a document that is read and written says the same, key by key,
// whether it is written from its text or from the structs alone.
func TestRoundTrip(t *testing.T) {
	for name, text := range documents(t) {
		t.Run(name, func(t *testing.T) {
			c := parse(t, name, text)
			written, err := Encode(c)
			if err != nil {
				t.Fatal(err)
			}
			if got := parse(t, name, written); !equal(c, got) {
				t.Errorf("the contract is another one:\n%s", written)
			}
			var before, after yaml.Node
			if err := yaml.Unmarshal(text, &before); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(written, &after); err != nil {
				t.Fatal(err)
			}
			sameNodes(t, &before, &after, "")

			bare := *c
			bare.doc = nil
			built, err := Encode(&bare)
			if err != nil {
				t.Fatal(err)
			}
			if got := parse(t, name, built); !equal(c, got) {
				t.Errorf("built from structs it is another one:\n%s", built)
			}
			if again, err := Encode(&bare); err != nil || !bytes.Equal(again, built) {
				t.Errorf("a second time it is written in another way: %v", err)
			}

			edited, err := c.Document().Bytes()
			if err != nil || !bytes.Equal(edited, written) {
				t.Errorf("the document writes itself in another way than Encode does: %v\n%s", err, edited)
			}
		})
	}
}

// sameNodes holds two YAML values to each other: kinds, tags, texts, styles and
// comments.
func sameNodes(t *testing.T, a, b *yaml.Node, path string) {
	t.Helper()
	if a.Tag == "!!null" && b.Tag == "!!null" {
		return // null, ~ or nothing
	}
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || len(a.Content) != len(b.Content) {
		t.Errorf("%s: %s %q has become %s %q", path, a.Tag, a.Value, b.Tag, b.Value)
		return
	}
	words := func(n *yaml.Node) string {
		return strings.Join(strings.Fields(n.HeadComment+" "+n.LineComment+" "+n.FootComment), " ")
	}
	if words(a) != words(b) {
		t.Errorf("%s: the comment %q has become %q", path, words(a), words(b))
	}
	for i := range a.Content {
		step := path
		if a.Kind == yaml.MappingNode {
			step += "." + a.Content[i&^1].Value
		}
		sameNodes(t, a.Content[i], b.Content[i], step)
	}
}

// FuzzRoundTrip: whatever is read is written as what it is, from its text and
// from the structs alone.
func FuzzRoundTrip(f *testing.F) {
	old, err := os.ReadFile(filepath.Join("testdata", "odcs", "old-ways.odcs.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(old)
	f.Add([]byte(doc("logicalType: string\nexamples: [.nan, 1e400, -0.0, ~, !!binary aGk=, '', {a: }]\ndescription: >+\n  a\n\n   b\n\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("c.odcs.yaml", data)
		if err != nil {
			return
		}
		bare := *c
		bare.doc = nil
		for name, c := range map[string]*Contract{"text": c, "structs": &bare} {
			written, err := Encode(c)
			if err != nil {
				t.Fatalf("from %s: %v", name, err)
			}
			again, err := Parse("c.odcs.yaml", written)
			if err != nil {
				t.Fatalf("from %s: %v\n%s", name, err, written)
			}
			if !equal(c, again) && !hasNaN(data) {
				t.Fatalf("from %s it is another one:\n%s", name, written)
			}
		}
	})
}

// hasNaN reports whether a document may hold a number that does not equal itself.
func hasNaN(data []byte) bool { return bytes.Contains(bytes.ToLower(data), []byte(".nan")) }

// TestEncodeEdited: a parsed contract that is changed in Go is written with its
// comments, its order and what others added.
func TestEncodeEdited(t *testing.T) {
	const before = `# ours
apiVersion: v3.1.0 # 3.1
kind: DataContract
version: 1.0.0
id: c
status: draft # soon active
schema:
  - name: o # the object
    properties:
      # the key
      - {name: a, logicalType: string, required: false}
      - name: b # to be dropped
        logicalType: string
      - name: d
        logicalType: number
        logicalTypeOptions: {maximum: 99999999999999999999.99}
        customProperties:
          - property: theirs # not ours
            vendor: other
            value: {z: 1.50, a: 007}
`
	const after = `# ours
apiVersion: v3.1.0 # 3.1
kind: DataContract
version: 1.1.0
id: c
status: active # soon active
name: named
schema:
  - name: o # the object
    properties:
      - name: new
        logicalType: integer
        logicalTypeOptions:
          minimum: 0.50
          maximum: 1.0
        tags:
          - pii
          - "true"
      # the key
      - {name: a, logicalType: string, required: true}
      - name: d
        logicalType: number
        logicalTypeOptions: {maximum: 99999999999999999999.99}
        customProperties:
          - property: theirs # not ours
            vendor: other
            value: {z: 1.50, a: 007}
`
	c := parse(t, "c.odcs.yaml", []byte(before))
	c.Version, c.Status, c.Name = "1.1.0", "active", "named"
	o := &c.Schema[0]
	o.Properties[0].Required = true
	added := Property{Element: Element{Name: "new", LogicalType: "integer", Tags: []string{"pii", "true"}},
		LogicalTypeOptions: Options{Minimum: json.Number("0.50"), Maximum: 1.0}}
	o.Properties = append([]Property{added, o.Properties[0]}, o.Properties[2:]...)
	got, err := Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != after {
		t.Errorf("got:\n%s", got)
	}
}

// TestEncodeBuilt: a contract that was built in Go has the keys that say
// something, in the standard's order.
func TestEncodeBuilt(t *testing.T) {
	amount, no := 2.50, false
	got, err := Encode(&Contract{APIVersion: "v3.2.0", Kind: "DataContract", ID: "c", Version: "1.0.0", Status: "draft",
		Description: &Description{Purpose: "Two\nlines\n"},
		Price:       &Price{PriceAmount: &amount},
		Team:        &Team{Members: []TeamMember{{Username: "jdoe"}}, List: true},
		Context:     &Context{Instructions: "Count", Text: true},
		Schema: []Object{{Element: Element{Name: "o", LogicalType: "object", Properties: []Property{
			{Element: Element{Name: "labels", LogicalType: "map"}, PrimaryKeyPosition: -1, Examples: []any{map[string]any{"b": 1, "a": 2.0}, nil, "12"},
				Map: &Map{Key: &Property{Element: Element{LogicalType: "string"}}, Value: &Property{Element: Element{LogicalType: "integer"}}}},
			{Element: Element{Name: "at", LogicalType: "timestamp"}, Required: true, LogicalTypeOptions: Options{Timezone: &no, Minimum: "2024-01-01T00:00:00"}},
		}}}},
		CustomProperties: []CustomProperty{{Property: "empty"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `apiVersion: v3.2.0
kind: DataContract
id: c
version: 1.0.0
status: draft
description:
  purpose: |
    Two
    lines
schema:
  - name: o
    logicalType: object
    properties:
      - name: labels
        logicalType: map
        primaryKeyPosition: -1
        examples:
          - a: 2.0
            b: 1
          - null
          - "12"
        map:
          key:
            logicalType: string
          value:
            logicalType: integer
      - name: at
        logicalType: timestamp
        required: true
        logicalTypeOptions:
          minimum: 2024-01-01T00:00:00
          timezone: false
price:
  priceAmount: 2.5
team:
  - username: jdoe
customProperties:
  - property: empty
    value: null
context: Count
`
	if string(got) != want {
		t.Errorf("got:\n%s", got)
	}
}

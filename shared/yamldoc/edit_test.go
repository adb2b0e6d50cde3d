package yamldoc

import (
	"strings"
	"testing"
)

const edited = `# head

a: 1 # one
list:
  # first
  - name: x
    deep: {k: 1.50, when: 2024-01-31}
  - name: y
none: {}
empty: []

# foot
`

// TestEdit: what is not edited stays, with its comments.
func TestEdit(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Document) error
		old  string // what is replaced in the document
		new  string
		err  string
	}{
		{name: "nothing", edit: func(*Document) error { return nil }},
		{name: "a value", edit: func(d *Document) error { return d.Set("a", 2) }, old: "a: 1", new: "a: 2"},
		{name: "a text that looks like a number", edit: func(d *Document) error { return d.Set("a", "2") }, old: "a: 1", new: `a: "2"`},
		{name: "in a list", edit: func(d *Document) error { return d.Set("list[0].deep.k", nil) }, old: "k: 1.50", new: "k: null"},
		{name: "a new key", edit: func(d *Document) error { return d.Set("list[1].more", []string{"z"}) }, old: "- name: y", new: "- name: y\n    more:\n      - z"},
		{name: "a new member", edit: func(d *Document) error { return d.Set("list[2]", map[string]any{"name": "z"}) }, old: "  - name: y", new: "  - name: y\n  - name: z"},
		{name: "into nothing", edit: func(d *Document) error { return d.Set("none.k", 1.0) }, old: "none: {}", new: "none:\n  k: 1.0"},
		{name: "into an empty list", edit: func(d *Document) error { return d.Set("empty[0]", true) }, old: "empty: []", new: "empty:\n  - true"},
		{name: "delete a member", edit: func(d *Document) error { return d.Delete("list[0]") }, old: "  # first\n  - name: x\n    deep: {k: 1.50, when: 2024-01-31}\n", new: ""},
		{name: "delete a key", edit: func(d *Document) error { return d.Delete("list[0].deep.k") }, old: "k: 1.50, ", new: ""},
		{name: "comment a value", edit: func(d *Document) error { return d.Comment("a", "two") }, old: "# one", new: "# two"},
		{name: "comment a list", edit: func(d *Document) error { return d.Comment("empty", "nothing\nyet") }, old: "empty: []", new: "# nothing\n# yet\nempty: []"},
		{name: "take a comment away", edit: func(d *Document) error { return d.Comment("a", "") }, old: " # one", new: ""},
		{name: "far past the end", edit: func(d *Document) error { return d.Set("list[7]", 1) }, err: "list[7]"},
		{name: "in a value", edit: func(d *Document) error { return d.Set("a.b", 1) }, err: "a.b"},
		{name: "in nothing", edit: func(d *Document) error { return d.Set("b.c", 1) }, err: "b: there is nothing"},
		{name: "the root", edit: func(d *Document) error { return d.Set("", 1) }, err: "names nothing"},
		{name: "delete nothing", edit: func(d *Document) error { return d.Delete("b") }, err: "there is nothing"},
		{name: "delete the root", edit: func(d *Document) error { return d.Delete("") }, err: "names nothing"},
		{name: "comment nothing", edit: func(d *Document) error { return d.Comment("list[9]", "x") }, err: "there is nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := Parse("x.yaml", []byte(edited))
			if err != nil {
				t.Fatal(err)
			}
			err = test.edit(d)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			// Blank lines are not kept.
			want := strings.ReplaceAll(strings.Replace(edited, test.old, test.new, 1), "\n\n", "\n")
			if strings.ReplaceAll(string(got), "\n\n", "\n") != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	type inner struct {
		B string `yaml:"b"`
	}
	got, err := Encode(struct {
		inner  `yaml:",inline"`
		A      *inner         `yaml:"a"`
		Always any            `yaml:"always" write:"always"`
		None   []string       `yaml:"none"`
		Empty  []string       `yaml:"empty"`
		F      float64        `yaml:"f"`
		More   map[string]any `yaml:",inline"`
	}{A: &inner{B: "yes"}, Empty: []string{}, F: 1000000, More: map[string]any{"z": 1e6, "y": "a: b"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "a:\n  b: \"yes\"\nalways: null\nempty: []\nf: 1000000\n\"y\": 'a: b'\nz: 1000000.0\n"; string(got) != want {
		t.Errorf("got:\n%s", got)
	}
	if _, err := Encode(map[string]any{"f": func() {}}); err == nil {
		t.Error("a function was written")
	}
}

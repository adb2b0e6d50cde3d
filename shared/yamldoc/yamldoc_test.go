package yamldoc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

type sample struct {
	Name  string         `yaml:"name"`
	Count int            `yaml:"count"`
	On    bool           `yaml:"on"`
	Items []sampleItem   `yaml:"items"`
	Open  map[string]any `yaml:"open"`
}

type sampleItem struct {
	Filter string `yaml:"filter"`
	Base   `yaml:",inline"`
}

type Base struct {
	Purpose string `yaml:"purpose"`
}

func TestDecode(t *testing.T) {
	var s sample
	err := Decode("a.yaml", []byte("name: x\ncount: 3\non: true\nitems:\n- filter: f\n  purpose: p\nopen: {any: [1]}\n"), &s)
	if err != nil || s.Name != "x" || s.Count != 3 || !s.On || s.Items[0].Purpose != "p" || s.Items[0].Filter != "f" {
		t.Fatalf("%+v, %v", s, err)
	}
}

func TestProblems(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"unknown key", "name: x\nitems:\n- fliter: f\n", `a.yaml:3:3: items[0]: unknown key "fliter" (did you mean "filter"?)`},
		{"nothing near", "zzzzzz: 1\n", `a.yaml:1:1: unknown key "zzzzzz" (known here: count, items, name, on, open)`},
		{"twice", "name: x\nname: y\n", `a.yaml:2:1: the key "name" stands twice (it is on line 1 already)`},
		{"twice in the open", "open:\n  a: 1\n  a: 2\n", `a.yaml:3:3: open: the key "a" stands twice (it is on line 2 already)`},
		{"kind", "name: [x]\n", "a.yaml:1:7: name: must be a single value"},
		{"list", "items: {a: 1}\n", "a.yaml:1:8: items: must be a list"},
		{"number", "count: three\n", "a.yaml:1:8: count: must be a whole number"},
		{"boolean", "on: maybe\n", "a.yaml:1:5: on: must be true or false"},
		{"two documents", "name: x\n---\nname: y\n", "a.yaml:2:1: there is a second document in the file"},
		{"empty", "", "a.yaml:1:1: the file is empty"},
		{"binary key", "? !!binary aGk=\n: x\n", "a.yaml:1:3: a key is not binary (write it as text)"},
		{"tag of YAML that there is not", "name: !!secret x\n", "a.yaml:1:7: tags of one's own are not taken (leave the word out that begins with an exclamation mark)"},
		{"tag", "name: !secret x\n", "a.yaml:1:7: tags of one's own are not taken (leave the word out that begins with an exclamation mark)"},
		{"alias", "name: &a x\n", "a.yaml:1:7: anchors and aliases are not taken (write the value out)"},
		{"deep", "open: " + strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested deeper than 64"},
		{"large", strings.Repeat("#", maxSize+1), "at most 4194304 are read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Decode("a.yaml", []byte(test.in), new(sample))
			var problems Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
	if err := Decode("a.yaml", []byte("name: [\n"), new(sample)); err == nil || !strings.Contains(err.Error(), "a.yaml:") {
		t.Errorf("broken syntax: %v", err)
	}
}

func TestProblemAt(t *testing.T) {
	d, err := Parse("a.yaml", []byte("items:\n- filter: f\n- filter: g\n  purpose: p\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"items[1].purpose": "a.yaml:4:12: items[1].purpose: m",
		"items[1].missing": "a.yaml:3:3: items[1].missing: m",
		"items[9]":         "a.yaml:2:1: items[9]: m",
		"":                 "a.yaml:1:1: m",
	} {
		if got := d.Problem(path, "m", "").Error(); got != want {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
}

// TestAnything: what goes into an any keeps the text of dates, which a
// time.Time would lose.
func TestAnything(t *testing.T) {
	var s sample
	if err := Decode("a.yaml", []byte("open: {day: 2024-01-01, list: [2024-01-01T00:00:00Z, 1, x]}\n"), &s); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Open); got != "map[day:2024-01-01 list:[2024-01-01T00:00:00Z 1 x]]" {
		t.Errorf("got %s", got)
	}
}

func TestLiteral(t *testing.T) {
	d, err := Parse("a.yaml", []byte("open: {list: [1.50, 007, ~, \"\", [1]]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, text string
		null, ok   bool
	}{
		{"open.list[0]", "1.50", false, true},
		{"open.list[1]", "007", false, true},
		{"open.list[2]", "~", true, true},
		{"open.list[3]", "", false, true},
		{"open.list[4]", "", false, false},
		{"open.list[5]", "", false, false},
		{"open.missing", "", false, false},
	} {
		if text, null, ok := d.Literal(test.path); text != test.text || null != test.null || ok != test.ok {
			t.Errorf("%s: got %q, %t, %t", test.path, text, null, ok)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, test := range []struct{ word, want string }{
		{"fliter", "filter"}, {"Legal_Basis", "legalBasis"}, {"purpos", "purpose"}, {"x", ""}, {"elephant", ""}, {"filter", "filter"},
	} {
		if got := Nearest(test.word, []string{"filter", "legalBasis", "purpose"}); got != test.want {
			t.Errorf("%s: got %q, want %q", test.word, got, test.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: x\nitems:\n- filter: f\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := Decode("a.yaml", data, new(sample))
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("not Problems: %v", err)
		}
	})
}

package policy

import (
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

const dropRowProfile = `apiVersion: sallyport.io/v1
kind: Profile
id: p
rules:
  - path: country
    dropRow: {values: [XX, YY]}
  - path: country
    dropRow: {pattern: "^Z"}
  - path: age
    dropRow: {values: [0, 120.0]}
  - tag: pii
    dropRow: {values: [hidden]}
  - path: age
    transform: {type: bucket, size: 10}
`

// TestDropRow: rows that match do not leave, whichever columns do; the rules do not
// decide what becomes of the fields in the others.
func TestDropRow(t *testing.T) {
	files := map[string]string{"profiles/p.yaml": dropRowProfile,
		"partners/reader.yaml": partnerFile("reader", "columns: [id, age]\nprofile: p", "columns: [id, age]\nprofile: q"),
		"profiles/q.yaml":      strings.NewReplacer("id: p", "id: q", "YY", "QQ").Replace(dropRowProfile)}
	views := compile(t, files).Views("people-v1", "person")
	if len(views) != 2 {
		t.Fatalf("%d views: what keeps rows is part of what a view is", len(views))
	}
	v := views[0]
	if strings.Contains(string(v.RowRules[0].Match.Values), "QQ") {
		v = views[1]
	}
	if got := shown(v); got != "id age=bucket" {
		t.Errorf("what leaves is %s", got)
	}
	d, err := v.RowDropper()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{"id":"1","country":"DE","age":44}`:                                  false,
		`{"id":"1","country":"XX"}`:                                           true,
		`{"id":"1","country":"\u0059Y"}`:                                      true,
		`{"id":"1","country":"ZA","age":null}`:                                true,
		`{"id":"1","country":null,"age":null}`:                                false,
		`{"id":"1","age":1.2e2}`:                                              true,
		`{"id":"hidden","name":{"family":"seen"}}`:                            false,
		`{"id":"1","name":{"family":"hidden"}}`:                               true,
		`{"id":"1","name":{"given":["Ann","hidden"]}}`:                        true,
		`{"id":"1","phones":[{"number":"1"},{"number":"hidden","kind":"x"}]}`: true,
		`{"id":"1","phones":[{"number":"1","kind":"hidden"}]}`:                false,
	} {
		b := read(t, record.Format{Codec: record.NDJSON}, v.Schema, text+"\n")
		if len(b.Rows) != 1 || b.Rows[0].Bad != "" {
			t.Fatal(text)
		}
		if got := d.Drops(b, 0); got != want {
			t.Errorf("%s drops: %t", text, got)
		}
		if n := testing.AllocsPerRun(10, func() { d.Drops(b, 0) }); n != 0 {
			t.Errorf("%g allocations", n)
		}
	}
}

func TestDropRowProblems(t *testing.T) {
	for _, c := range []struct{ old, new, problem, hint string }{
		{"values: [0, 120.0]", "values: [zero]", "field age of contract people-v1 object person: value 1 is no number", "write it as 10"},
		{"path: age\n    dropRow", "path: born\n    dropRow", "dropRow takes string, integer, number, boolean, and the field is of type date", "filter"},
		{"path: country\n    dropRow: {p", "path: contry\n    dropRow: {p", `has a field "contry"`, `"country"`},
		{"^Z", "(", "not a regular expression", "RE2"},
	} {
		text := strings.Replace(dropRowProfile, c.old, c.new, 1)
		if text == dropRowProfile {
			t.Fatal(c.old)
		}
		_, err := Compile(bundle(t, map[string]string{"profiles/p.yaml": text, "partners/reader.yaml": partnerFile("reader", "profile: p")}))
		problems, ok := err.(yamldoc.Problems)
		if !ok || len(problems) != 1 || problems[0].File != "profiles/p.yaml" || problems[0].Line == 0 ||
			!strings.Contains(problems[0].Message, c.problem) || !strings.Contains(problems[0].Hint, c.hint) {
			t.Errorf("%s: %v", c.new, err)
		}
	}
}

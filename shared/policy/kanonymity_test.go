package policy

import (
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

const crowdProfile = `apiVersion: sallyport.io/v1
kind: Profile
id: p
rules:
  - path: age
    transform: {type: bucket, size: 10}
  - path: note
    transform: {type: token, algorithm: aes-gcm}
  - path: name.family
    transform: {type: token, subject: id}
  - path: place.lat
    transform: {type: noise, distribution: laplace, scale: 2}
`

// TestKAnonymity: the quasi-identifiers are fields, in whatever order they are named,
// and part of what a view is.
func TestKAnonymity(t *testing.T) {
	files := map[string]string{"profiles/p.yaml": crowdProfile}
	for id, k := range map[string]string{"a": "k: 3, quasiIdentifiers: [age, country]", "b": "k: 3, quasiIdentifiers: [country, age]", "c": "k: 4, quasiIdentifiers: [country, age]"} {
		files["partners/"+id+".yaml"] = partnerFile(id, "tokenDomain: d\nprofile: p\nkAnonymity: {"+k+"}")
	}
	views := compile(t, files).Views("people-v1", "person")
	if len(views) != 2 {
		t.Fatalf("%d views, want one for k 3 and one for k 4", len(views))
	}
	for _, v := range views {
		if got := strings.Join(v.KAnonymity.Paths(v.Schema), " "); got != "country age" {
			t.Errorf("k is %d by %s", v.KAnonymity.K, got)
		}
	}
}

func TestKAnonymityProblems(t *testing.T) {
	for path, want := range map[string]struct{ problem, hint string }{
		"contry":        {`no field "contry"`, `"country"`},
		"born":          {"field born does not leave", "take it out"},
		"name":          {"field name has no value of its own", "name fields with one"},
		"phones[].kind": {"several in one row", "name fields with one"},
		"note":          {"another token in each row", "another algorithm"},
		"place.lat":     {"noise of its own in each row", "round or bucket"},
		"name.family":   {"token of a data subject", "leave out subject"},
		"name.missing":  {"no field", ""},
	} {
		_, err := Compile(bundle(t, map[string]string{"profiles/p.yaml": crowdProfile,
			"partners/reader.yaml": partnerFile("reader", "profile: p\nkAnonymity: {k: 3, quasiIdentifiers: [id, \""+path+"\"]}")}))
		problems, ok := err.(yamldoc.Problems)
		if !ok || len(problems) != 1 || problems[0].File != "partners/reader.yaml" || problems[0].Line == 0 ||
			!strings.Contains(problems[0].Message, want.problem) || !strings.Contains(problems[0].Hint, want.hint) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// TestGrants: what a grant names must be revealed in its token domain, and nothing
// else may lie there.
func TestGrants(t *testing.T) {
	const siv = ": {type: token, algorithm: aes-siv}"
	grant := func(lines string) string {
		return "apiVersion: sallyport.io/v1\nkind: Partner\nid: police\nreveal:\n  - id: cases\n    contract: people\n" + lines +
			"\n    purpose: x\n    legalBasis: x\n    expires: 2027-12-31\n    callers: [{issuer: \"https://a.example\", subject: b}]\n"
	}
	for _, tt := range []struct {
		name, grant string
		rules       []string
		more        string // subscription of the reader, besides its profile
		problem     string // "": none
		hint        string
	}{
		{"one", "    fields: [id]\n    tokenDomain: reader", []string{"path id" + siv}, "", "", ""},
		{"inside", `    fields: [name.family, "phones[].number"]` + "\n    tokenDomain: reader", []string{"path name.family" + siv, "path phones[].number" + siv}, "", "", ""},
		{"another domain", "    fields: [id]", []string{"path id" + siv}, "", "nobody gets tokens of field id in token domain police", "another tokenDomain"},
		{"a shared domain", "    fields: [id]\n    tokenDomain: ours", []string{"path id" + siv}, "tokenDomain: ours", "", ""},
		{"no profile", "    fields: [id]\n    tokenDomain: reader", nil, "", "nobody gets tokens of field id", "aes-siv"},
		{"another algorithm", "    fields: [id]\n    tokenDomain: reader", []string{"path id: {type: token}"}, "", "nobody gets tokens of field id", "aes-siv"},
		{"another transform", "    fields: [id]\n    tokenDomain: reader", []string{"path id: {type: mask}"}, "", "nobody gets tokens of field id", "aes-siv"},
		{"a column that is left out", "    fields: [id]\n    tokenDomain: reader", []string{"path id" + siv}, "columns: [country]", "nobody gets tokens of field id", "aes-siv"},
		{"no such field", "    fields: [name.famly]\n    tokenDomain: reader", []string{"path name.family" + siv}, "", `no field "name.famly"`, `did you mean "name.family"?`},
		{"another field has the same keys", "    fields: [id]\n    tokenDomain: reader", []string{"path id" + siv, "path name.family" + siv}, "", "tokens of field name.family of contract people-v1 are made with the same keys", "another tokenDomain"},
		{"another field has keys of its own", "    fields: [id]\n    tokenDomain: reader", []string{"path id" + siv, "path name.family: {type: token, algorithm: aes-siv, scope: field}"}, "", "", ""},
		{"one that has keys of its own", "    fields: [name.family]\n    tokenDomain: reader", []string{"path name.family: {type: token, algorithm: aes-siv, scope: field}"}, "", "", ""},
		{"another field has the keys of the contract", "    fields: [id]\n    tokenDomain: reader", []string{"path id: {type: token, algorithm: aes-siv, scope: contract}", "path name.family: {type: token, algorithm: aes-siv, scope: contract}"}, "", "tokens of field name.family of contract people-v1 are made with the same keys", "another tokenDomain"},
		{"both are named", "    fields: [id, name.family]\n    tokenDomain: reader", []string{"path id" + siv, "path name.family" + siv}, "", "", ""},
		{"another field has tokens that nobody can reveal", "    fields: [id]\n    tokenDomain: reader", []string{"path id" + siv, "path name.family: {type: token}"}, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"partners/police.yaml": grant(tt.grant), "partners/reader.yaml": partnerFile("reader", tt.more)}
			if tt.rules != nil {
				files["profiles/p.yaml"] = profileFile("p", tt.rules...)
				files["partners/reader.yaml"] = partnerFile("reader", tt.more+"\nprofile: p")
			}
			_, err := Compile(bundle(t, files))
			if tt.problem == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var problems yamldoc.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("it compiles: %v", err)
			}
			p := problems[0]
			if !strings.Contains(p.Message, tt.problem) || !strings.Contains(p.Hint, tt.hint) || p.Line != 7 || p.File != "partners/police.yaml" {
				t.Errorf("%+v", p)
			}
		})
	}
}

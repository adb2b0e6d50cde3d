package policy

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

const detectContract = `apiVersion: v3.1.0
kind: DataContract
id: people-v1
name: people
version: 1.0.0
status: active
schema:
  - name: person
    logicalType: object
    properties:
      - {name: id, logicalType: string, classification: public}
      - {name: formatted, logicalType: string, classification: public, logicalTypeOptions: {format: email}}
      - {name: tagged, logicalType: string, classification: public, tags: [EMAIL_ADDRESS]}
      - {name: shown, logicalType: string, classification: public, examples: ["ann@example.com", "bert@example.org"]}
      - {name: mixed, logicalType: string, classification: public, examples: ["ann@example.com", "bert"]}
      - {name: within, logicalType: string, classification: public, examples: ["write to ann@example.com"]}
      - {name: other, logicalType: string, classification: public, examples: ["DE89370400440532013000"]}
      - {name: mailto, logicalType: string, classification: restricted, tags: [email]}
      - {name: both, logicalType: string, classification: public, tags: [email, pii]}
      - name: inside
        logicalType: object
        properties:
          - {name: mail, logicalType: string, classification: public, logicalTypeOptions: {format: email}}
`

const detectProfile = `apiVersion: sallyport.io/v1
kind: Profile
id: p
rules:
  - detect: EMAIL_ADDRESS
    transform: {type: mask, keepDomain: true}
  - tag: pii
    transform: {type: token}
  - classification: restricted
    transform: {type: "null"}
`

// TestDetect: a rule that names a type is for fields that the contract shows to be of
// it, and the least specific of all.
func TestDetect(t *testing.T) {
	p := compile(t, map[string]string{"contracts/people.odcs.yaml": detectContract, "profiles/p.yaml": detectProfile,
		"partners/reader.yaml": partnerFile("reader", "profile: p")})
	v := p.Views("people-v1", "person")[0]
	const want = "id formatted=mask tagged=mask shown=mask mixed within other mailto=null both=token inside/ inside.mail=mask"
	if got := shown(v); got != want {
		t.Errorf("what leaves is %s, want %s", got, want)
	}
	for name, evidence := range map[string]string{"formatted": "its format", "tagged": "its tag", "shown": "its examples"} {
		why := v.Fields[v.Schema.Lookup(name)].Why
		if want := "rule 1 of profile p: detect EMAIL_ADDRESS, by " + evidence; why != want {
			t.Errorf("%s: %s, want %s", name, why, want)
		}
	}
}

func TestDetectProblems(t *testing.T) {
	for _, c := range []struct{ old, new, problem, hint string }{
		{"EMAIL_ADDRESS", "EMAIL_ADRESS", `nothing detects "EMAIL_ADRESS"`, `"EMAIL_ADDRESS"`},
		{"EMAIL_ADDRESS", "shoe size", `nothing detects "shoe size"`, "use one of EMAIL_ADDRESS, IBAN_CODE"},
		{"tag: pii", "tag: pii\n    detect: US_SSN", "2 of path, tag, classification and detect", "exactly one"},
		{"tag: pii", "detect: EMAIL_ADDRESS", "a rule for detect EMAIL_ADDRESS is there already", "remove one"},
	} {
		_, err := exchange.Load(fstest.MapFS{"exchange.yaml": {Data: []byte(mainFile)}, "contracts/people.odcs.yaml": {Data: []byte(detectContract)},
			"profiles/p.yaml": {Data: []byte(strings.Replace(detectProfile, c.old, c.new, 1))}, "partners/reader.yaml": {Data: []byte(partnerFile("reader", "profile: p"))}})
		problems, ok := err.(yamldoc.Problems)
		if !ok || len(problems) != 1 || problems[0].File != "profiles/p.yaml" || problems[0].Line == 0 ||
			!strings.Contains(problems[0].Message, c.problem) || !strings.Contains(problems[0].Hint, c.hint) {
			t.Errorf("%s: %v", c.new, err)
		}
	}
}

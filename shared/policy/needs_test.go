package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// TestNeeds: what a requirement is about, and what it asks for.
func TestNeeds(t *testing.T) {
	const keep, token = ": {type: keep}", ": {type: token}"
	for _, tt := range []struct {
		name, requirement string
		rules             []string
		more              string // subscription of the reader, besides its profile
		field             string // that falls under it; "": none
		problem           string // "": none
	}{
		{"no such field leaves", "when: {tag: surname}, needs: {agreement: dpa}", nil, "", "", ""},
		{"it leaves in the clear", "when: {tag: pii, clear: true}, needs: {agreement: dpa}", []string{"path name" + keep}, "", "name", "agreement of type dpa"},
		{"a field inside, by the tag of what holds it", "when: {tag: pii, clear: true}, needs: {agreement: dpa}", []string{"path name.family" + keep}, "", "name.family", "agreement of type dpa"},
		{"a field inside an array", "when: {tag: PII, clear: true}, needs: {agreement: dpa}", []string{"path name: {type: drop}", "path phones[].number" + keep}, "", "phones[].number", "agreement of type dpa"},
		{"masked is not in the clear", "when: {tag: surname, clear: true}, needs: {agreement: dpa}", []string{"path name.family" + token}, "", "", ""},
		{"masked leaves as well", "when: {tag: pii}, needs: {agreement: dpa}", []string{"path name.family" + token}, "", "name.family", "agreement of type dpa"},
		{"it has the agreement", "when: {tag: pii}, needs: {agreement: dpa}", []string{"path name.family" + token}, "agreements: [paper]", "name.family", ""},
		{"it has another", "when: {tag: pii}, needs: {agreement: baa}", []string{"path name.family" + token}, "agreements: [paper]", "name.family", "agreement of type baa"},
		{"by classification", "when: {classification: RESTRICTED}, needs: {filter: true}", []string{"path name.given" + keep}, "", "name.given", "a filter"},
		{"it has a filter", "when: {classification: restricted}, needs: {filter: true}", []string{"path name.given" + keep}, "filter: country == \"CZ\"", "name.given", ""},
		{"by the object's tag", "when: {contractTag: everything}, needs: {expires: true}", nil, "", "id", "an end"},
		{"it expires", "when: {contractTag: everything}, needs: {expires: true}", nil, "expires: 2030-01-01", "id", ""},
		{"another contract's tag", "when: {contractTag: hipaa}, needs: {expires: true}", nil, "", "", ""},
		{"another purpose", "when: {contractTag: everything}, needs: {purposes: [care]}", nil, "", "id", "another purpose"},
		{"its purpose", "when: {contractTag: everything}, needs: {purposes: [care, test], legalBases: [consent]}", nil, "", "id", ""},
		{"another legal basis", "when: {contractTag: everything}, needs: {legalBases: [contract]}", nil, "", "id", "another legalBasis"},
		{"all that is said", "when: {contractTag: everything, tag: pii, classification: public}, needs: {filter: true}", []string{"path name.title" + keep}, "", "name.title", "a filter"},
		{"not all that is said", "when: {contractTag: everything, tag: surname, classification: public}, needs: {filter: true}", []string{"path name.title" + keep}, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{
				"exchange.yaml":        mainFile + "requirements:\n  - {id: own, " + tt.requirement + "}\n",
				"partners/reader.yaml": partnerFile("reader", tt.more) + "agreements: [{id: paper, type: dpa}]\n",
			}
			if tt.rules != nil {
				files["profiles/p.yaml"] = profileFile("p", tt.rules...)
				files["partners/reader.yaml"] = partnerFile("reader", tt.more+"\nprofile: p") + "agreements: [{id: paper, type: dpa}]\n"
			}
			b := bundle(t, files)
			p, err := Compile(b)
			if tt.problem != "" {
				var problems yamldoc.Problems
				if !errors.As(err, &problems) {
					t.Fatalf("it compiles: %v", err)
				}
				if at := problems[0]; !strings.Contains(at.Message, tt.problem) || !strings.Contains(at.Message, "field "+tt.field+" ") || at.File != "partners/reader.yaml" || at.Line == 0 {
					t.Errorf("%+v", at)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			needs := p.Needs(b.Partner("reader").Subscriptions[0])
			switch {
			case tt.field == "" && len(needs) > 0:
				t.Errorf("it falls under %+v", needs)
			case tt.field != "" && (len(needs) != 1 || needs[0].Field != tt.field || needs[0].Requirement.ID != "own"):
				t.Errorf("it falls under %+v", needs)
			}
		})
	}
}

// TestNeedsOfGrants: what is revealed is in the clear.
func TestNeedsOfGrants(t *testing.T) {
	files := func(requirement, agreements string) map[string]string {
		return map[string]string{
			"exchange.yaml":        mainFile + "requirements:\n  - {id: own, " + requirement + "}\n",
			"profiles/p.yaml":      profileFile("p", "path name.family: {type: token, algorithm: aes-siv}"),
			"partners/reader.yaml": partnerFile("reader", "profile: p"),
			"partners/police.yaml": "apiVersion: sallyport.io/v1\nkind: Partner\nid: police\nagreements: [{id: paper, type: dpa}]\nreveal:\n  - id: cases\n    contract: people\n    fields: [name.family]\n" +
				"    tokenDomain: reader\n    purpose: x\n    legalBasis: law\n    expires: 2027-12-31\n    callers: [{issuer: \"https://a.example\", subject: b}]\n" + agreements,
		}
	}
	for _, tt := range []struct{ requirement, agreements, want string }{
		{"when: {tag: surname, clear: true}, needs: {agreement: dpa}", "", "field name.family is revealed, and requirement own"},
		{"when: {tag: surname, clear: true}, needs: {agreement: dpa}", "    agreements: [paper]\n", ""},
		{"when: {contractTag: everything, classification: restricted, clear: true}, needs: {legalBases: [consent]}", "", "another legalBasis"},
		{"when: {contractTag: everything, classification: restricted, clear: true}, needs: {legalBases: [law], filter: true, expires: true}", "", ""},
		{"when: {tag: other, clear: true}, needs: {agreement: dpa}", "", ""},
		{"when: {tag: surname, clear: true, contractTag: other}, needs: {agreement: dpa}", "", ""},
	} {
		_, err := Compile(bundle(t, files(tt.requirement, tt.agreements)))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.requirement, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "partners/police.yaml:")):
			t.Errorf("%s: %v, want %q", tt.requirement, err, tt.want)
		}
	}
}

// TestNeedsOfEveryExchange: cards in the clear, and health records, without a line in
// exchange.yaml.
func TestNeedsOfEveryExchange(t *testing.T) {
	card := strings.Replace(contractFile, "{name: country, logicalType: string, classification: public}", "{name: country, logicalType: string, classification: public, tags: [PCI]}", 1)
	health := strings.Replace(contractFile, "status: active\n", "status: active\ntags: [hipaa]\n", 1)
	for name, tt := range map[string]struct{ contract, agreements, off, want string }{
		"a card":               {card, "", "", "pci-attestation"},
		"a card, attested":     {card, "pci-attestation", "", ""},
		"a card, switched off": {card, "", "requirements: [{id: pci, off: numbers of a game}]\n", ""},
		"health":               {health, "", "", "baa"},
		"health, agreed":       {health, "baa", "", ""},
	} {
		partner := partnerFile("reader", "")
		if tt.agreements != "" {
			partner = partnerFile("reader", "agreements: [paper]") + "agreements: [{id: paper, type: " + tt.agreements + "}]\n"
		}
		_, err := Compile(bundle(t, map[string]string{"exchange.yaml": mainFile + tt.off, "contracts/people.odcs.yaml": tt.contract, "partners/reader.yaml": partner}))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), "agreement of type "+tt.want)):
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

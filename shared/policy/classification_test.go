package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// regulatedFile is the contract of the tests under a regulation.
var regulatedFile = strings.Replace(contractFile, "status: active\n", "status: active\ntags: [gdpr, PCI]\n", 1)

// TestViewClassification: by what leaves, in whatever form.
func TestViewClassification(t *testing.T) {
	for _, tt := range []struct {
		name, more string
		rules      []string
		want       string
	}{
		{"only what is public", "columns: [country]", nil, "public [GDPR PCI-DSS] []"},
		{"public and internal", "", nil, "internal [GDPR PCI-DSS] [PII]"}, // name.title is public, and inside of what is tagged
		{"a confidential field", "columns: [country, age]", []string{"path age: {type: keep}"}, "confidential [GDPR PCI-DSS] []"},
		{"a token of a restricted field", "columns: [name]", []string{"path name.family: {type: token}"}, "restricted [GDPR PCI-DSS] [PII]"},
		{"what nothing classifies", "columns: [note]", []string{"path note: {type: keep}"}, "confidential [GDPR PCI-DSS] []"},
	} {
		more := tt.more
		files := map[string]string{"contracts/people.odcs.yaml": regulatedFile}
		if tt.rules != nil {
			files["profiles/p.yaml"], more = profileFile("p", tt.rules...), more+"\nprofile: p"
		}
		files["partners/reader.yaml"] = partnerFile("reader", more)
		files["exchange.yaml"] = mainFile
		b := bundle(t, files)
		p, err := Compile(b)
		if err != nil {
			t.Fatal(err)
		}
		c := p.View(b.Partner("reader").Subscriptions[0]).Classification()
		if got := fmt.Sprint(c.Level, " ", c.Regulations, " ", c.Categories); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestHonour: an event that asks for more than its contract gives is refused.
func TestHonour(t *testing.T) {
	p, err := Compile(bundle(t, map[string]string{"contracts/people.odcs.yaml": regulatedFile}))
	if err != nil {
		t.Fatal(err)
	}
	intake, err := p.Intake("maker/people/event")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		c    event.Classification
		want string
	}{
		{event.Classification{}, ""},
		{event.Classification{Level: "Restricted", Regulations: []string{"GDPR", "pci-dss"}, Categories: []string{"PII"}}, ""},
		{event.Classification{Level: "canary"}, "dataclassification"},
		{event.Classification{Regulations: []string{"GDPR", "canary"}}, "dataregulation"},
		{event.Classification{Categories: []string{"canary"}}, "datacategory"},
	} {
		err := intake.Honour(tt.c)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: %v", tt.c, err)
		case tt.want != "" && (fault.CodeOf(err) != CodeUnhonoured || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary")):
			t.Errorf("%+v: %v", tt.c, err)
		}
	}
	open := strings.NewReplacer("restricted", "internal", "confidential", "internal", "{name: note, logicalType: string}", "{name: note, logicalType: string, classification: internal}").Replace(contractFile)
	open = open[:strings.Index(open, "      - {name: born")]
	if p, err = Compile(bundle(t, map[string]string{"contracts/people.odcs.yaml": open})); err != nil {
		t.Fatal(err)
	}
	if intake, err = p.Intake("maker/people/event"); err != nil {
		t.Fatal(err)
	}
	if err := intake.Honour(event.Classification{Level: "internal"}); err != nil {
		t.Error(err)
	}
	if err := intake.Honour(event.Classification{Level: "confidential"}); fault.CodeOf(err) != CodeUnhonoured {
		t.Errorf("more secret than the contract: %v", err)
	}
}

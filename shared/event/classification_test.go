package event

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// TestClassification: what is marked is read again, and what cannot be read is
// refused without being repeated.
func TestClassification(t *testing.T) {
	origin := func() Event {
		e, err := Origin("id", TypeTick, "/test", time.Now(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, want := range []Classification{{}, {Level: "restricted"}, {"public", []string{"GDPR", "PCI-DSS"}, []string{"PII"}}} {
		e := origin()
		want.Mark(&e)
		got, err := ClassificationOf(e)
		if err != nil || got.Level != want.Level || !slices.Equal(got.Regulations, want.Regulations) || !slices.Equal(got.Categories, want.Categories) {
			t.Errorf("%+v is read as %+v: %v", want, got, err)
		}
	}
	e := origin()
	e.SetExtension(ExtDataRegulation, "GDPR , HIPAA")
	if c, err := ClassificationOf(e); err != nil || !slices.Equal(c.Regulations, []string{"GDPR", "HIPAA"}) {
		t.Errorf("%+v %v", c, err)
	}
	for attribute, values := range map[string][]string{
		ExtDataClassification: {"canary,public", "canary,"},
		ExtDataRegulation:     {",canary", "canary,,x", strings.Repeat("canary", 20), strings.Repeat("canary,", 200) + "x"},
		ExtDataCategory:       {" canary , "},
	} {
		for _, value := range values {
			e := origin()
			e.SetExtension(attribute, value)
			if _, err := ClassificationOf(e); fault.CodeOf(err) != "classification-malformed" || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s %q: %v", attribute, value, err)
			}
		}
	}
}

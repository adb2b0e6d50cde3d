package exchange

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// agreement is the exchange of the tests with an agreement that acme stands on.
func agreement(t *testing.T, expires string) map[string]string {
	t.Helper()
	folder := revealing()
	const profile = "    profile: distributor\n"
	if !strings.Contains(folder["partners/acme.yaml"], profile) {
		t.Fatal("acme has no subscription with a profile")
	}
	folder["partners/acme.yaml"] = strings.Replace(folder["partners/acme.yaml"], profile, profile+"    agreements: [paper]\n", 1) +
		"agreements: [{id: paper, type: dpa, reference: DPA-17, expires: " + expires + "}]\n"
	return folder
}

// TestAgreementEnds: with an agreement ends what stands on it, also in a bundle that
// was published.
func TestAgreementEnds(t *testing.T) {
	loaded := load(t, agreement(t, "2027-06-30"))
	published, err := Decode(loaded.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*Bundle{"loaded": loaded, "published": published} {
		s := b.Subscription("acme-stock")
		if len(s.Stands()) != 1 || s.Stands()[0].Reference != "DPA-17" {
			t.Fatalf("%s: it stands on %v", name, s.Stands())
		}
		for at, want := range map[string]string{"2027-06-30T23:59:59Z": "", "2027-07-01T00:00:00Z": CodeAgreementExpired} {
			when, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Standing(when); fault.CodeOf(err) != want || err != nil && fault.KindOf(err) != fault.Denied {
				t.Errorf("%s, %s: %v", name, at, err)
			}
		}
	}
	granted := agreement(t, "2027-06-30")
	granted["partners/police.yaml"] = strings.Replace(granted["partners/police.yaml"], "    legalBasis: legal-obligation\n", "    legalBasis: legal-obligation\n    agreements: [writ]\n", 1) +
		"agreements: [{id: writ, type: writ, expires: 2027-06-30}]\n"
	if g := load(t, granted).Grant("police-cases"); len(g.Stands()) != 1 || g.Standing(time.Date(2027, 6, 30, 23, 0, 0, 0, time.UTC)) != nil || fault.CodeOf(g.Standing(time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC))) != CodeAgreementExpired {
		t.Errorf("the grant stands on %v", g.Stands())
	}
	if load(t, agreement(t, "2027-06-29")).Digest() == loaded.Digest() {
		t.Error("an agreement does not change the digest")
	}
}

// TestAgreementProblems: each is told.
func TestAgreementProblems(t *testing.T) {
	for _, tt := range []struct{ file, old, now, want string }{
		{"partners/acme.yaml", "agreements: [paper]", "agreements: [papr]", `did you mean "paper"`},
		{"partners/acme.yaml", "agreements: [paper]", "agreements: [paper, paper]", "is there twice"},
		{"partners/acme.yaml", "type: dpa", "type: D P A", "type"},
		{"partners/acme.yaml", "id: paper, ", "", "id"},
		{"partners/acme.yaml", "reference:", "refrence:", "did you mean"},
		{"exchange.yaml", "", "requirements: [{id: gdpr, off: because}]\n", "no requirement \"gdpr\""},
		{"exchange.yaml", "", "requirements: [{id: own, needs: {filter: true}}]\n", "which fields"},
		{"exchange.yaml", "", "requirements: [{id: own, when: {clear: true}, needs: {filter: true}}]\n", "which fields"},
		{"exchange.yaml", "", "requirements: [{id: own, when: {tag: x}}]\n", "asks for nothing"},
		{"exchange.yaml", "", "requirements: [{id: own, when: {tag: x}, needs: {agreement: D P A}}]\n", "form"},
		{"exchange.yaml", "", "requirements: [{id: own, when: {tag: x}, needs: {filter: true}}, {id: own, off: x}]\n", "there twice"},
		{"exchange.yaml", "", "requirements: [{id: own, when: {tga: x}, needs: {filter: true}}]\n", "did you mean"},
	} {
		folder := agreement(t, "2027-06-30")
		if tt.old == "" {
			folder[tt.file] += tt.now
		} else {
			folder[tt.file] = strings.Replace(folder[tt.file], tt.old, tt.now, 1)
		}
		if _, err := Load(mapFS(folder)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.now, err, tt.want)
		}
	}
}

// TestRequirements: what is there without being written, unless it is off or written
// anew.
func TestRequirements(t *testing.T) {
	for own, want := range map[string]string{
		"": "hipaa baa, pci pci-attestation",
		"requirements: [{id: pci, off: no cards here}]\n":                                                      "hipaa baa",
		"requirements: [{id: hipaa, when: {tag: phi}, needs: {agreement: baa-2}}]\n":                           "hipaa baa-2, pci pci-attestation",
		"requirements: [{id: gdpr, when: {classification: restricted}, needs: {agreement: dpa}}]\n":            "gdpr dpa, hipaa baa, pci pci-attestation",
		"requirements: [{id: gdpr, when: {classification: restricted, clear: true}, needs: {filter: true}}]\n": "gdpr , hipaa baa, pci pci-attestation",
	} {
		folder := agreement(t, "2027-06-30")
		folder["exchange.yaml"] += own
		var got []string
		for _, r := range load(t, folder).Requirements() {
			got = append(got, r.ID+" "+r.Needs.Agreement)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: %s, want %s", own, strings.Join(got, ", "), want)
		}
	}
}

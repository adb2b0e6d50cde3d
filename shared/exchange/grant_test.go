package exchange

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

const grants = `# yaml-language-server: $schema=partner.schema.json
apiVersion: sallyport.io/v1
kind: Partner
id: police
reveal:
  - id: police-cases
    contract: inventory
    fields: [sku, unit_cost]
    purpose: investigation
    legalBasis: legal-obligation
    expires: 2027-12-31
    tokenDomain: acme
    rate: {perMinute: 60}
    callers:
      - {issuer: "https://login.police.example", subject: case-service}
      - {issuer: "https://login.police.example", audience: other, subject: case-service}
      - apiKey: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
  - id: police-orders
    contract: orders
    object: head
    fields: [id]
    purpose: investigation
    legalBasis: legal-obligation
    expires: 2027-06-01T12:00:00Z
    revoked: true
    callers: [{issuer: "https://login.police.example", subject: case-service}]
`

// revealing is folder with a partner that has grants.
func revealing() map[string]string {
	files := folder()
	files["partners/police.yaml"] = grants
	return files
}

func TestGrant(t *testing.T) {
	loaded := load(t, revealing())
	decoded, err := Decode(loaded.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*Bundle{"loaded": loaded, "decoded": decoded} {
		g, other := b.Grant("police-cases"), b.Grant("police-orders")
		if g == nil || g.Partner() != b.Partner("police") || g.ContractID() != b.Contract("inventory").ID || g.ObjectName() != "stock" || g.Domain() != "acme" || g.PerMinute() != 60 {
			t.Fatalf("%s: %+v", name, g)
		}
		if g.AudienceOf(g.Callers[0]) != "sallyport/demo" || g.AudienceOf(g.Callers[1]) != "other" {
			t.Errorf("%s: audiences %q, %q", name, g.AudienceOf(g.Callers[0]), g.AudienceOf(g.Callers[1]))
		}
		if other.Domain() != "police" || other.PerMinute() != 1000 || other.ObjectName() != "head" || b.Grant("nothing") != nil {
			t.Errorf("%s: %+v", name, other)
		}
	}
	if p := loaded.Grant("police-cases").Problem("fields[1]", "x", ""); p.Line != 8 || p.Path != "reveal[0].fields[1]" {
		t.Errorf("%+v", p)
	}
	changed := revealing()
	changed["partners/police.yaml"] = strings.Replace(grants, "perMinute: 60", "perMinute: 61", 1)
	if load(t, changed).Digest() == loaded.Digest() {
		t.Error("a grant does not change the digest")
	}
}

// TestGrantStanding: a grant ends by itself, by its day, and with its partner.
func TestGrantStanding(t *testing.T) {
	const ofAcme = `reveal:
  - {id: acme-own, contract: inventory, fields: [sku], purpose: x, legalBasis: x, expires: 2030-12-31, callers: [{issuer: "https://a.example", subject: b}]}
`
	for _, tt := range []struct {
		name, file, old, new, grant, at, code string
	}{
		{"it stands", "", "", "", "police-cases", "2027-12-31T23:59:59Z", ""},
		{"its day is over", "", "", "", "police-cases", "2028-01-01T00:00:00Z", CodeGrantExpired},
		{"revoked", "", "", "", "police-orders", "2027-01-01T00:00:00Z", CodeGrantRevoked},
		{"its instant", "partners/police.yaml", "revoked: true", "revoked: false", "police-orders", "2027-06-01T12:00:00Z", CodeGrantExpired},
		{"before its instant", "partners/police.yaml", "revoked: true", "revoked: false", "police-orders", "2027-06-01T11:59:59Z", ""},
		{"one subscription stands", "", "", "", "acme-own", "2027-01-01T00:00:00Z", ""},
		{"none stands", "partners/acme.yaml", "    profile: distributor\n", "    profile: distributor\n    revoked: true\n", "acme-own", "2027-01-01T00:00:00Z", CodeGrantPartner},
		{"none stands any more", "", "", "", "acme-own", "2028-01-01T00:00:00Z", CodeGrantPartner},
	} {
		files := revealing()
		files["partners/acme.yaml"] += ofAcme
		if tt.file != "" {
			files[tt.file] = strings.Replace(files[tt.file], tt.old, tt.new, 1)
		}
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		err = load(t, files).Grant(tt.grant).Standing(at)
		if fault.CodeOf(err) != tt.code || err != nil && fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestGrantProblems: each is told with its line; what JSON Schema can say, it says
// as well.
func TestGrantProblems(t *testing.T) {
	const key = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	for _, tt := range []struct {
		old, new, message string
		schema            bool // refuses it, too
	}{
		{"id: police-cases", "id: Cases", "form", true},
		{"id: police-orders", "id: police-cases", "there twice", false},
		{"contract: inventory", "contract: inventroy", `did you mean "inventory"`, false},
		{"    contract: inventory\n", "", "contract is missing", true},
		{"    object: head\n", "", "2 objects", false},
		{"object: head", "object: haed", `did you mean "head"`, false},
		{"    fields: [sku, unit_cost]\n", "", "fields is missing", true},
		{"[sku, unit_cost]", "[]", "fields is missing", true},
		{"[sku, unit_cost]", "[sku, sku]", "there twice", true},
		{"    purpose: investigation\n", "", "purpose is missing", true},
		{"    legalBasis: legal-obligation\n", "", "legalBasis is missing", true},
		{"    expires: 2027-12-31\n", "", "expires is missing", true},
		{"expires: 2027-12-31", "expires:", "has no value", true},
		{"expires: 2027-12-31", "expires: soon", "neither a date", true},
		{"expires: 2027-12-31", "expires: 2027-12-31\n    expirse: 2027-12-31", `did you mean "expires"`, true},
		{"tokenDomain: acme", "tokenDomain: A B", "tokenDomain", true},
		{"perMinute: 60", "perMinute: -1", "rate.perMinute is -1", true},
		{"perMinute: 60", "perMinute: 1000001", "rate.perMinute", true},
		{"perMinute: 60", "perSecond: 60", "perSecond", true},
		{`    callers: [{issuer: "https://login.police.example", subject: case-service}]` + "\n", "", "nobody could ask", true},
		{`[{issuer: "https://login.police.example", subject: case-service}]`, "[]", "nobody could ask", true},
		{"audience: other, ", "", "the caller is there twice", false},
		{", subject: case-service}]", "}]", "subject is missing", false},
		{`{issuer: "https://login.police.example", subject: case-service}]`, "{subject: case-service}]", "issuer is missing", false},
		{`{issuer: "https://login.police.example", subject: case-service}]`, "{}]", "an issuer with a subject, or an API key", false},
		{`{issuer: "https://login.police.example", subject: case-service}]`, "{apiKey: " + key + ", subject: x}]", "an issuer with a subject, or an API key", false},
		{`- {issuer: "https://login.police.example", subject`, `- {issuer: "http://login.police.example", subject`, "https URL", true},
		{`- {issuer: "https://login.police.example", subject`, `- {issuer: "https://a:b@login.police.example", subject`, "https URL", false},
		{`- {issuer: "https://login.police.example", subject`, `- {issuer: "https://login.police.example?x", subject`, "https URL", false},
		{key, strings.ToUpper(key), "SHA-256", true},
		{key, "hunter2-hunter2-hunter2-hunter2-hunter2", "SHA-256", true},
	} {
		text := strings.Replace(grants, tt.old, tt.new, 1)
		if text == grants {
			t.Fatalf("the document does not have %q", tt.old)
		}
		files := revealing()
		files["partners/police.yaml"] = text
		_, err := Load(mapFS(files))
		var problems yamldoc.Problems
		if !errors.As(err, &problems) {
			t.Errorf("with %q: %v", tt.new, err)
			continue
		}
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.Message+" "+p.Hint, tt.message) && p.Line > 0
		}
		if !found || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("with %q: %v\nlacks %q with a line, or tells a key", tt.new, err, tt.message)
		}
		schema, doc := schemaOf(t, "partners/police.yaml", text)
		if refused := schema.Validate(doc) != nil; refused != tt.schema {
			t.Errorf("with %q: the schema refuses it: %v", tt.new, refused)
		}
	}
	schema, doc := schemaOf(t, "partners/police.yaml", grants)
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}

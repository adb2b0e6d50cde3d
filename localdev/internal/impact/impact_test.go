package impact

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/diff"
)

const orders = `apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
- name: order
  customProperties: [{property: format, vendor: sallyport, value: {codec: ndjson}}]
  properties:
  - {name: id, logicalType: string, classification: internal}
  - {name: region, logicalType: string, classification: confidential, logicalTypeOptions: {maxLength: 9}}
  - {name: amount, logicalType: integer, classification: internal}
  - {name: email, logicalType: string, classification: restricted, tags: [pii], logicalTypeOptions: {maxLength: 60}}
  - {name: secret, logicalType: string, classification: restricted}
  - name: person
    logicalType: object
    properties:
    - {name: name, logicalType: string, classification: restricted}
    - {name: phone, logicalType: string, classification: restricted}
`

// folder is an exchange: maker (drops); acme sees what is internal, of one region;
// beta sees the e-mail as a token and the person's name; gone was revoked.
func folder() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	subscription := func(id string) string {
		return "  - id: " + id + "-orders\n    contract: orders\n    purpose: x\n    legalBasis: contract\n    destination: {url: file://./out/" + id + "}\n"
	}
	return fstest.MapFS{
		"exchange.yaml":              file("apiVersion: sallyport.io/v1\nkind: Exchange\nname: test\n"),
		"contracts/orders.odcs.yaml": file(orders),
		"partners/maker.yaml":        file("apiVersion: sallyport.io/v1\nkind: Partner\nid: maker\nname: Maker\ndrops:\n- contract: orders\n"),
		"partners/acme.yaml":         file("apiVersion: sallyport.io/v1\nkind: Partner\nid: acme\nname: Acme\nsubscriptions:\n" + subscription("acme") + "    filter: region == \"north\"\n"),
		"partners/beta.yaml":         file("apiVersion: sallyport.io/v1\nkind: Partner\nid: beta\nname: Beta\nsubscriptions:\n" + subscription("beta") + "    profile: tokens\n"),
		"partners/gone.yaml":         file("apiVersion: sallyport.io/v1\nkind: Partner\nid: gone\nname: Gone\nsubscriptions:\n" + subscription("gone") + "    revoked: true\n"),
		"profiles/tokens.yaml":       file("apiVersion: sallyport.io/v1\nkind: Profile\nid: tokens\nrules:\n- {path: email, transform: {type: token}}\n- {path: person.name, transform: {type: keep}}\n- {tag: pii, transform: {type: drop}}\n"),
	}
}

func TestOf(t *testing.T) {
	for _, test := range []struct{ name, from, to, want string }{
		{"a removed column that nobody sees", "  - {name: secret, logicalType: string, classification: restricted}\n", "", "secret property-removed: maker (drops it)"},
		{"a removed column that two see", "  - {name: amount, logicalType: integer, classification: internal}\n", "",
			"amount property-removed: maker (drops it); acme-orders (sees it as is); beta-orders (sees it as is)"},
		{"a token does not show how long a value is", "maxLength: 60", "maxLength: 90", "email maxLength-loosened:"},
		{"a token shows that there is a value", "maxLength: 60}}", "maxLength: 60}, required: true}", "email required-tightened: maker (drops it)"},
		{"what one filters by", "maxLength: 9}", "maxLength: 20}", "region maxLength-loosened: acme-orders (filters by it)"},
		{"less secret", "secret, logicalType: string, classification: restricted", "secret, logicalType: string, classification: internal",
			"secret classification-loosened: acme-orders (sees it from now on, as is); beta-orders (sees it from now on, as is)"},
		{"less secret, yet a rule names it", "email, logicalType: string, classification: restricted", "email, logicalType: string, classification: internal",
			"email classification-loosened: acme-orders (sees it from now on, as is)"},
		{"more secret", "amount, logicalType: integer, classification: internal", "amount, logicalType: integer, classification: restricted",
			"amount classification-tightened: acme-orders (no longer sees it, as is before); beta-orders (no longer sees it, as is before)"},
		{"a tag gone, yet a path names it", "tags: [pii], ", "", "email tag-removed:"},
		{"a new column that leaves", "  - {name: secret", "  - {name: extra, classification: public}\n  - {name: secret",
			"extra property-added: acme-orders (sees it from now on, as is); beta-orders (sees it from now on, as is)"},
		{"a new column that stays", "  - {name: secret", "  - {name: extra, classification: restricted}\n  - {name: secret", "extra property-added:"},
		{"a member that nobody sees", "    - {name: phone, logicalType: string, classification: restricted}\n", "", "person.phone property-removed: maker (drops it)"},
		{"words", "version: 1.0.0", "version: 1.0.1\ndescription: {usage: x}", " description-added:"},
		{"the whole contract", "status: active", "status: retired", " status-changed: maker (drops it); acme-orders (receives it); beta-orders (receives it)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed := strings.Replace(orders, test.from, test.to, 1)
			if changed == orders {
				t.Fatal("nothing is changed")
			}
			old, new, broken, err := Sides(folder(), []byte(orders), []byte(changed))
			if err != nil || broken != nil {
				t.Fatal(err, broken)
			}
			r := diff.Compare(parse(t, orders), parse(t, changed))
			var got []string
			for i, touched := range Of(r, old, new) {
				var who []string
				for _, one := range touched {
					who = append(who, one.String())
				}
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s: %s", r.Changes[i].Path, r.Changes[i].Kind, strings.Join(who, "; "))))
			}
			if text := strings.Join(got, "\n"); text != strings.TrimSpace(test.want) {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}

func parse(t *testing.T, text string) *contract.Contract {
	t.Helper()
	c, err := contract.Parse("orders.odcs.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The exchange may have either of the versions, and need not be in order with the
// other one.
func TestSides(t *testing.T) {
	next := strings.Replace(orders, "version: 1.0.0", "version: 2.0.0", 1)
	for _, text := range []string{orders, next} {
		fs := folder()
		fs["contracts/orders.odcs.yaml"].Data = []byte(text)
		old, new, broken, err := Sides(fs, []byte(orders), []byte(next))
		if err != nil || broken != nil || old.Contract.Version != "1.0.0" || new.Contract.Version != "2.0.0" {
			t.Errorf("%+v, %+v, %v, %v", old, new, broken, err)
		}
	}
	without := strings.Replace(next, "    - {name: name, logicalType: string, classification: restricted}\n", "", 1)
	old, new, broken, err := Sides(folder(), []byte(orders), []byte(without))
	if err != nil || old.Policy == nil || new.Policy != nil || broken == nil || !strings.Contains(broken.Error(), `"person.name"`) {
		t.Errorf("%v, %v", broken, err)
	}
	r := diff.Compare(parse(t, orders), parse(t, without))
	if got := fmt.Sprint(Of(r, old, new)); !strings.Contains(got, "beta-orders (sees it as is)") || strings.Contains(got, "acme") {
		t.Errorf("of an exchange that is not in order with the new version: %s", got)
	}
	third := strings.Replace(orders, "version: 1.0.0", "version: 3.0.0", 1)
	if _, _, _, err := Sides(folder(), []byte(next), []byte(third)); err == nil || !strings.Contains(err.Error(), "it has 1.0.0") {
		t.Errorf("%v", err)
	}
}

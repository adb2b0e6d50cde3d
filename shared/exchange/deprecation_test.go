package exchange

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// ending is the folder with a contract "orders" that has these lines more, and
// another status, and a subscription to it that stands.
func ending(status, lines string) map[string]string {
	files := folder()
	files["contracts/orders.odcs.yaml"] = strings.Replace(files["contracts/orders.odcs.yaml"], "status: active\n", "status: "+status+"\n"+lines, 1)
	files["partners/acme.yaml"] = strings.Replace(files["partners/acme.yaml"], "    revoked: true\n", "", 1)
	return files
}

const sunset = "customProperties: [{property: deprecation, vendor: sallyport, value: {from: 2026-02-01, sunset: 2026-12-31, migration: 'https://example.com/v2'}}]\n"

func TestSunset(t *testing.T) {
	moment := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	const early, day, last, after = "2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"
	whole := event.Deprecation{Deprecated: true, From: moment(day), Sunset: moment(after), Migration: "https://example.com/v2"}
	unborn := whole
	unborn.From = time.Time{}
	marked := func(files map[string]string) map[string]string {
		files["contracts/orders.odcs.yaml"] = strings.Replace(files["contracts/orders.odcs.yaml"], "- name: head\n", "- name: head\n    deprecated: true\n", 1)
		return files
	}
	for _, test := range []struct {
		name      string
		files     map[string]string
		now       string
		says      event.Deprecation
		msg, hint string // of the fault; "": none
	}{
		{"active", ending("active", ""), after, event.Deprecation{}, "", ""},
		{"deprecated", ending("deprecated", ""), early, event.Deprecation{Deprecated: true}, "", ""},
		{"retired", ending("retired", ""), early, event.Deprecation{Deprecated: true}, "contract orders is retired", "set another status:"},
		{"retired early", ending("retired", sunset), early, unborn, "contract orders is retired", "https://example.com/v2"},
		{"before", ending("active", sunset), early, event.Deprecation{}, "", ""},
		{"from", ending("active", sunset), day, whole, "", ""},
		{"last day", ending("active", sunset), last, whole, "", ""},
		{"sunset", ending("active", sunset), after, whole, "contract orders ended at 2027-01-01T00:00:00Z", "https://example.com/v2"},
		{"without a way", ending("active", strings.Replace(sunset, ", migration: 'https://example.com/v2'", "", 1)), after,
			event.Deprecation{Deprecated: true, From: whole.From, Sunset: whole.Sunset}, "contract orders ended at 2027-01-01T00:00:00Z", "set a later sunset:"},
		{"object", marked(ending("active", "")), early, event.Deprecation{Deprecated: true}, "", ""},
		{"object of an announced one", marked(ending("active", sunset)), early, event.Deprecation{Deprecated: true}, "", ""},
		{"object of a deprecated one", marked(ending("active", sunset)), day, whole, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := load(t, test.files)
			decoded, err := Decode(b.Encode())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range []*Bundle{b, decoded} {
				var refused *fault.Error
				if err := b.Subscription("acme-orders").Standing(moment(test.now)); (err != nil) != (test.msg != "") {
					t.Errorf("the subscription stands: %v", err)
				} else if err != nil && (!errors.As(err, &refused) || refused.Code != CodeSunset || refused.Msg != test.msg ||
					refused.Where != (fault.Where{Partner: "acme", Subscription: "acme-orders", Contract: "orders"})) {
					t.Errorf("the subscription is refused with %#v", err)
				}
				if got := b.Contract("orders").Deprecation("head", moment(test.now)); got != test.says {
					t.Errorf("says %+v, want %+v", got, test.says)
				}
				err := b.Contract("orders").Sunset(moment(test.now))
				var f *fault.Error
				switch {
				case test.msg == "":
					if err != nil {
						t.Errorf("ended: %v", err)
					}
				case !errors.As(err, &f) || f.Kind != fault.Denied || f.Code != CodeSunset || f.Msg != test.msg || !strings.Contains(f.Do, test.hint) || f.Where.Contract != "orders":
					t.Errorf("got %#v", err)
				}
			}
		})
	}
	if got := load(t, marked(ending("active", ""))).Contract("orders").Deprecation("line", moment(early)); got.Deprecated {
		t.Error("the other object is deprecated, too")
	}
}

func TestDeprecationProblems(t *testing.T) {
	files := ending("active", "customProperties:\n  - property: deprecation\n    vendor: sallyport\n    value: {sunset: 2026-02-30}\n")
	delete(files, "partners/maker.yaml") // nobody uses it
	delete(files, "partners/acme.yaml")
	_, err := Load(mapFS(files))
	var problems yamldoc.Problems
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].File != "contracts/orders.odcs.yaml" || problems[0].Line != 10 || problems[0].Path != "customProperties[0].value.sunset" {
		t.Errorf("got %v", err)
	}
}

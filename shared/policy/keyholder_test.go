package policy

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-io/sallyport/shared/exchange"
)

// A partner that brings its own key has views of its own where a key is needed,
// shares the others, and shares no token domain.
func TestKeyHolder(t *testing.T) {
	own := strings.Replace(partnerFile("own", "profile: token", "profile: plain"), "subscriptions:", "keys: {keeper: \"awskms://alias/own\"}\nsubscriptions:", 1)
	files := map[string]string{
		"profiles/token.yaml": profileFile("token", "path name.family: {type: token}"),
		"profiles/plain.yaml": profileFile("plain", "path name.family: {type: mask}"),
		"partners/own.yaml":   own,
		"partners/two.yaml":   partnerFile("two", "profile: token", "profile: plain"),
	}
	ids := map[string]string{}
	holders := map[string]string{}
	for _, v := range compile(t, files).Views("people-v1", "person") {
		for _, s := range v.Subscriptions {
			ids[s.ID], holders[s.ID] = v.ID, v.KeyHolder
		}
	}
	if holders["own-0"] != "own" || holders["own-1"] != "" || holders["two-0"] != "" || ids["own-1"] != ids["two-1"] {
		t.Errorf("views %v have the keys of %v", ids, holders)
	}
	files["partners/own.yaml"] = partnerFile("own", "profile: token", "profile: plain")
	for _, v := range compile(t, files).Views("people-v1", "person") {
		for _, s := range v.Subscriptions {
			if same := v.ID == ids[s.ID]; same != (s.ID != "own-0") {
				t.Errorf("once the exchange's key is used, the view of %s is the same: %v", s.ID, same)
			}
		}
	}
	folder := fstest.MapFS{
		"exchange.yaml":              {Data: []byte(mainFile)},
		"contracts/people.odcs.yaml": {Data: []byte(contractFile)},
		"partners/maker.yaml":        {Data: []byte(makerFile)},
		"partners/own.yaml":          {Data: []byte(own)},
		"partners/two.yaml":          {Data: []byte(partnerFile("two", "tokenDomain: own"))},
		"profiles/token.yaml":        {Data: []byte(files["profiles/token.yaml"])},
		"profiles/plain.yaml":        {Data: []byte(files["profiles/plain.yaml"])},
	}
	if _, err := exchange.Load(folder); err == nil || !strings.Contains(err.Error(), "partners/two.yaml") || !strings.Contains(err.Error(), "made with another key") {
		t.Errorf("a domain of two keys: %v", err)
	}
}

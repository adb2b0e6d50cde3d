package mask_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
)

// TestMigration: one segment of rows of one version feeds the views of that version
// and, migrated, those of another. Filters and masks of the other version are those
// of its fields.
func TestMigration(t *testing.T) {
	pinned := func(id, version, more string) string {
		return subscription(id, "  version: "+version+"\n"+more)
	}
	next := strings.Replace(contractFile, "version: 1.0.0", "version: 2.0.0", 1)
	next = strings.Replace(next, "- {name: id, logicalType: integer,", "- {name: number, logicalType: string,", 1)
	next = strings.Replace(next, "  - {name: secret, logicalType: string}\n", "  - {name: currency, logicalType: string, required: true, classification: internal}\n", 1)
	w := newWorld(t, subscription("unused", ""))
	bundle, err := exchange.Load(fstest.MapFS{
		"exchange.yaml":               {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: two\n")},
		"contracts/orders1.odcs.yaml": {Data: []byte(contractFile)},
		"contracts/orders2.odcs.yaml": {Data: []byte(next)},
		"migrations/orders.yaml": {Data: []byte("apiVersion: sallyport.io/v1\nkind: Migration\ncontract: orders\nfrom: ^1\nto: ^2\nsteps:\n" +
			"- rename: {from: id, to: number}\n- cast: {field: number, to: string}\n- drop: {field: secret}\n- default: {field: currency, value: EUR}\n")},
		"partners/p.yaml": {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nsubscriptions:\n" +
			pinned("one", "^1", "") + pinned("two", "^2", "") + pinned("german", "^2", "  filter: country == \"DE\" && number != \"3\"\n") + pinned("tokens1", "^1", "  profile: tokens\n") + pinned("tokens2", "^2", "  profile: tokens\n"))},
		"partners/q.yaml":      {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: q\ndrops:\n- {contract: orders, version: ^1}\n")},
		"profiles/tokens.yaml": {Data: []byte("apiVersion: sallyport.io/v1\nkind: Profile\nid: tokens\nrules:\n- {path: name, transform: {type: token}}\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange.Open(w.buckets["config"]).Publish(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	e := w.segment(rows, csvFormat)
	s, err := event.Decode[event.SegmentAccepted](e)
	if err != nil {
		t.Fatal(err)
	}
	s.Drop.Version = "1.0.0"
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SetData("application/json", json.RawMessage(data)); err != nil {
		t.Fatal(err)
	}
	e.SetExtension(event.ExtExchange, bundle.Digest())
	got := w.handle(e)
	for id, want := range map[string]string{
		"one":    "country;id\r\nDE;1\r\nFR;2\r\nDE;3\r\n",
		"two":    "number;country;currency\r\n1;DE;EUR\r\n2;FR;EUR\r\n3;DE;EUR\r\n",
		"german": "number;country;currency\r\n1;DE;EUR\r\n",
	} {
		if _, there := got[id]; !there {
			t.Errorf("%s gets nothing", id)
			continue
		}
		if text := w.text(got[id]); text != want {
			t.Errorf("%s gets %q, want %q", id, text, want)
		}
	}
	// A value has the same token in both versions, so that rows can be joined.
	token := func(id string, column int) string {
		return strings.Split(strings.Split(w.text(got[id]), "\r\n")[1], ";")[column]
	}
	if one, two := token("tokens1", 2), token("tokens2", 1); one != two || !strings.HasPrefix(one, "t1_") {
		t.Errorf("tokens %q and %q", one, two)
	}
}

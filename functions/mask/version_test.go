package mask_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
)

// second is version 2 of the contract: another name and type, a field more, one less.
var second = strings.NewReplacer("version: 1.0.0", "version: 2.0.0",
	"{name: id, logicalType: integer,", "{name: number, logicalType: string,",
	"  - {name: secret, logicalType: string}\n", "  - {name: channel, logicalType: string, required: true, classification: public}\n").Replace(contractFile)

const forward = `apiVersion: sallyport.io/v1
kind: Migration
contract: orders
from: ^1
to: ^2
steps:
- rename: {from: id, to: number}
- cast: {field: number, to: string}
- default: {field: channel, value: shop}
- drop: {field: secret}
`

// publish publishes an exchange with both versions and some migrations, and answers
// its digest.
func (w *world) publish(migrations []string, subscriptions ...string) string {
	w.t.Helper()
	files := fstest.MapFS{
		"exchange.yaml":                {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: versions\n")},
		"contracts/orders.odcs.yaml":   {Data: []byte(contractFile)},
		"contracts/orders-2.odcs.yaml": {Data: []byte(second)},
		"partners/p.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nsubscriptions:\n" + strings.Join(subscriptions, ""))},
		"profiles/tokens.yaml":         {Data: []byte("apiVersion: sallyport.io/v1\nkind: Profile\nid: tokens\nrules:\n- {path: name, transform: {type: token}}\n")},
	}
	for i, text := range migrations {
		files[fmt.Sprintf("migrations/%d.yaml", i)] = &fstest.MapFile{Data: []byte(text)}
	}
	bundle, err := exchange.Load(files)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := exchange.Open(w.buckets["config"]).Publish(w.t.Context(), bundle); err != nil {
		w.t.Fatal(err)
	}
	return bundle.Digest()
}

// dropped makes e one of a drop of a version, under an exchange.
func (w *world) dropped(e event.Event, version, digest string) event.Event {
	w.t.Helper()
	s, err := event.Decode[event.SegmentAccepted](e)
	if err != nil {
		w.t.Fatal(err)
	}
	s.Drop.Version = version
	data, err := json.Marshal(s)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := e.SetData("application/json", json.RawMessage(data)); err != nil {
		w.t.Fatal(err)
	}
	e.SetExtension(event.ExtExchange, digest)
	return e
}

// TestVersions: a segment of version 1 is rendered for who receives version 1 and,
// through a migration, for who receives version 2: filters, columns and profiles of
// those are of migrated rows.
func TestVersions(t *testing.T) {
	subscriptions := []string{
		subscription("one", "  version: ^1\n"),
		subscription("two", "  version: ^2\n"),
		subscription("few", "  version: ^2\n  filter: number == \"2\" && channel == \"shop\"\n  columns: [channel, number]\n"),
		subscription("tokens", "  version: ^2\n  profile: tokens\n"),
		subscription("same", "  version: ^1\n  profile: tokens\n"),
	}
	w := newWorld(t, subscription("all", ""))
	digest := w.publish([]string{forward}, subscriptions...)
	e := w.dropped(w.segment(rows, csvFormat), "1.0.0", digest)
	got := w.handle(e)
	for id, want := range map[string]string{
		"one": "country;id\r\nDE;1\r\nFR;2\r\nDE;3\r\n",
		"two": "number;country;channel\r\n1;DE;shop\r\n2;FR;shop\r\n3;DE;shop\r\n",
		"few": "number;channel\r\n2;shop\r\n",
	} {
		if text := w.text(got[id]); text != want {
			t.Errorf("%s gets %q, want %q", id, text, want)
		}
		if got[id].Drop.Version != "1.0.0" {
			t.Errorf("the drop of %s is of version %q", id, got[id].Drop.Version)
		}
	}
	token := func(id, column string) string {
		lines := strings.Split(w.text(got[id]), "\r\n")
		for i, name := range strings.Split(lines[0], ";") {
			if name == column {
				return strings.Split(lines[2], ";")[i]
			}
		}
		t.Fatalf("%s has no column %s", id, column)
		return ""
	}
	if a, b := token("tokens", "name"), token("same", "name"); a != b || !strings.HasPrefix(a, "t1_") {
		t.Errorf("of one value version 2 has the token %q, version 1 %q", a, b)
	}
	again := w.handle(e)
	for id, s := range got {
		if a := again[id]; fmt.Sprint(a) != fmt.Sprint(s) {
			t.Errorf("%s differs the second time:\n%+v\n%+v", id, s, a)
		}
	}

	// Without a migration each gets its own version only.
	w = newWorld(t, subscription("all", ""))
	digest = w.publish(nil, subscriptions...)
	got = w.handle(w.dropped(w.segment(rows, csvFormat), "1.0.0", digest))
	if len(got) != 2 || w.text(got["one"]) == "" {
		t.Errorf("of version 1 without a migration: %d subscriptions", len(got))
	}
	got = w.handle(w.dropped(w.event(t), "3.0.0", digest))
	if len(got) != 0 {
		t.Errorf("of a version that is not there: %d subscriptions", len(got))
	}
}

// event is one of the segment that lies in landing.
func (w *world) event(t *testing.T) event.Event {
	t.Helper()
	w.delete("landing", "d/x/000000")
	return w.segment(rows, csvFormat)
}

// TestVersionsBack: rows of version 2 for who is still on version 1, as NDJSON; and
// rows that are not of the version that the event says.
func TestVersionsBack(t *testing.T) {
	back := "apiVersion: sallyport.io/v1\nkind: Migration\ncontract: orders\nfrom: ^2\nto: 1.0.0\nsteps:\n- drop: {field: number}\n- drop: {field: channel}\n"
	w := newWorld(t, subscription("all", ""))
	digest := w.publish([]string{back}, subscription("one", "  version: ^1\n"), subscription("two", "  version: ^2\n"))
	text := `{"channel":"shop","number":"a","country":"DE","name":"Ann"}` + "\n" + `{"number":"b","channel":"web","name":null}` + "\n"
	e := w.dropped(w.segment(text, event.Format{Codec: "ndjson", Dropped: "parquet"}), "2.0.0", digest)
	got := w.handle(e)
	if text := w.text(got["one"]); text != "{\"country\":\"DE\"}\n{}\n" {
		t.Errorf("one gets %q", text)
	}
	if f := got["one"].Format; f.Codec != "ndjson" || f.Dropped != "parquet" {
		t.Errorf("one gets it as %+v", f)
	}
	if text := w.text(got["two"]); text != "{\"channel\":\"shop\",\"number\":\"a\",\"country\":\"DE\"}\n{\"number\":\"b\",\"channel\":\"web\"}\n" {
		t.Errorf("two gets %q", text)
	}
	w = newWorld(t, subscription("all", ""))
	digest = w.publish([]string{back}, subscription("one", "  version: ^1\n"))
	out, err := w.f.Handle(t.Context(), w.dropped(w.segment("{\"id\":1}\n", event.Format{Codec: "ndjson"}), "2.0.0", digest))
	if len(out) > 0 || err == nil || !strings.Contains(err.Error(), "does not parse any more") {
		t.Errorf("of a damaged segment: %d events, %v", len(out), err)
	}
}

// TestManyMembers: what ingest has let in is not refused, whatever limits.columns
// is.
func TestManyMembers(t *testing.T) {
	w := newWorld(t, subscription("all", ""))
	bundle, err := exchange.Load(fstest.MapFS{
		"exchange.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: wide\nlimits: {columns: 6000}\n")},
		"contracts/orders.odcs.yaml": {Data: []byte(strings.Replace(contractFile, "{name: secret, logicalType: string}", "{name: more, logicalType: object, classification: public}", 1))},
		"partners/p.yaml":            {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nsubscriptions:\n" + subscription("all", "  columns: [more]\n"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange.Open(w.buckets["config"]).Publish(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, `,"m%d":1`, i)
	}
	row := `{"more":{` + text.String()[1:] + "}}\n"
	got := w.handle(w.dropped(w.segment(row, event.Format{Codec: "ndjson"}), "", bundle.Digest()))
	if w.text(got["all"]) != row {
		t.Error("the row is not what it was")
	}
}

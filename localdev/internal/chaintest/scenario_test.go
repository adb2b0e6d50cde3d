package chaintest

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
)

// The scenario: a maker drops orders as CSV and readings as NDJSON, sends
// readings as events, too, and is refused twice: for a file with a column too
// many and for an event where it may not send any. Who gets what:
//
//	west     orders of the west, as CSV; the second segment has none of them
//	lab      orders, as NDJSON; readings
//	feed     orders, one event per row
//	census   orders of regions of which the drop has at least four, in all its segments
//	leaver   readings, until it is revoked while they are on their way
//	ended    nothing: it was revoked before
var files = map[string]string{
	"exchange.yaml": `apiVersion: sallyport.io/v1
kind: Exchange
name: chaintest
segment: {size: 256}
`,
	"contracts/orders.odcs.yaml": `apiVersion: v3.1.0
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
schema:
  - name: order
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1, classification: public}
      - {name: region, logicalType: string, required: true, classification: internal, logicalTypeOptions: {pattern: "^(west|east)$"}}
      - {name: buyer, logicalType: string, classification: restricted}
      - {name: text, logicalType: string, classification: internal}
`,
	"contracts/readings.odcs.yaml": `apiVersion: v3.1.0
kind: DataContract
id: readings
name: readings
version: 1.0.0
status: active
schema:
  - name: reading
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true, classification: public}
      - {name: buyer, logicalType: string, classification: restricted}
`,
	"profiles/research.yaml": `apiVersion: sallyport.io/v1
kind: Profile
id: research
rules:
  - {path: buyer, transform: {type: token}}
`,
	"partners/maker.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: maker
drops:
  - {contract: orders}
  - {contract: readings}
`,
	"partners/west.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: west
subscriptions:
  - {id: west, contract: orders, purpose: sales, legalBasis: contract, filter: region == "west", destination: {url: "world://west"}}
`,
	"partners/lab.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: lab
subscriptions:
  - {id: lab, contract: orders, purpose: study, legalBasis: consent, profile: research, destination: {url: "world://lab", format: ndjson}}
  - {id: lab-readings, contract: readings, purpose: study, legalBasis: consent, profile: research, destination: {url: "world://lab-readings"}}
`,
	"partners/feed.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: feed
subscriptions:
  - {id: feed, contract: orders, purpose: alerts, legalBasis: contract, profile: research, destination: {url: "topic://feed", send: rows}}
`,
	"partners/census.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: census
subscriptions:
  - {id: census, contract: orders, purpose: study, legalBasis: consent, kAnonymity: {k: 4, quasiIdentifiers: [region]}, destination: {url: "world://census"}}
`,
	"partners/leaver.yaml": leaver,
	"partners/ended.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: ended
subscriptions:
  - {id: ended, contract: orders, purpose: sales, legalBasis: contract, revoked: true, destination: {url: "world://ended"}}
`,
}

const leaver = `apiVersion: sallyport.io/v1
kind: Partner
id: leaver
subscriptions:
  - {id: leaver, contract: readings, purpose: sales, legalBasis: contract, revoked: false, destination: {url: "world://leaver"}}
`

// outboxes are the partners' buckets.
var outboxes = []string{"west", "lab", "lab-readings", "leaver", "ended", "study", "mirror", "census"}

// secret is in every value that must not leave as it is, and that no error may
// hold.
const secret = "hush"

// drop is a file that the maker drops.
type drop struct{ key, text string }

var drops = []drop{{
	key: "maker/orders/monday.csv",
	text: "id,region,buyer,text\n" +
		"1,west,hush-ann," + padding + "\n" +
		"2,east,hush-bob," + padding + "\n" +
		"3,west,hush-cid," + padding + "\n" +
		"four,west,hush-dan," + padding + "\n" +
		"5,east,hush-eve," + padding + "\n" +
		"6,east,hush-fay," + padding + "\n" +
		"7,east,hush-gus,\"" + padding + "\"\n" +
		"8,east,hush-hal," + padding + "\n" +
		"9,north,hush-ida," + padding + "\n" +
		"10,west,hush-jon," + padding + "\n" +
		"11,east,,\n",
}, {
	key: "maker/orders/drifted.csv",
	text: "id,region,buyer,text,discount\n" +
		"1,west,hush-ann,,10\n",
}, {
	key: "maker/readings/tuesday.ndjson",
	text: `{"id":101,"buyer":"hush-kim"}` + "\n" +
		`{"id":"hush","buyer":"hush-lea"}` + "\n" +
		`{"id":103,"buyer":"hush-max"}` + "\n",
}}

const padding = "..................................................."

// sent are events that the maker sends: id to data. One is no reading.
var sent = map[string]string{
	"a": `{"id":201,"buyer":"hush-ned"}`,
	"b": `{"id":202,"buyer":"hush-ole"}`,
	"c": `{"id":203.5,"buyer":"hush-pia"}`,
	"d": `{"id":204}`,
}

// entitled are the ids of the rows that each subscription has to get.
var entitled = map[string][]string{
	"west":         {"1", "10", "3"},
	"lab":          {"1", "10", "11", "2", "3", "5", "6", "7", "8"},
	"feed":         {"1", "10", "11", "2", "3", "5", "6", "7", "8"},
	"census":       {"11", "2", "5", "6", "7", "8"},
	"lab-readings": {"101", "103", "201", "202", "204"},
}

// refused are the rows that have to be in quarantine.
var refused = []string{
	"9,north,hush-ida," + padding,
	"four,west,hush-dan," + padding,
	`{"id":"hush","buyer":"hush-lea"}`,
	`{"id":203.5,"buyer":"hush-pia"}`,
}

// outcomes are how many events of each type the ledger has to hold, those of
// drops that are gathered from events left out: how many these are depends on
// the queue.
var outcomes = map[string]int{
	event.TypeDropAccepted:      2,
	event.TypeDropRejected:      1,
	event.TypeSegmentAccepted:   4,  // 3 of orders, 1 of readings
	event.TypeSegmentMasked:     14, // 3 for each of west, lab, feed and census, 1 for each of lab and leaver
	event.TypeDeliveryCompleted: 13,
	event.TypeDeliveryFailed:    1,
	event.TypeDropDelivered:     5, // of orders to west, lab, feed and census, of readings to lab
	event.TypeDeadLettered:      1,
}

func load(t testing.TB, files map[string]string) *exchange.Bundle {
	t.Helper()
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	b, err := exchange.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scenario is what all worlds of a test have in common.
type scenario struct {
	*secretsOf
	before, after *exchange.Bundle // the leaver stands, and is revoked
}

func newScenario(t testing.TB) *scenario {
	t.Helper()
	s := &scenario{secretsOf: newSecrets(t), before: load(t, files)}
	later := map[string]string{}
	for name, text := range files {
		later[name] = text
	}
	later["partners/leaver.yaml"] = strings.Replace(leaver, "revoked: false", "revoked: true", 1)
	s.after = load(t, later)
	return s
}

// begin makes a world in which everything has been dropped and sent.
func (s *scenario) begin(t testing.TB, q ways) *world {
	t.Helper()
	w := newWorld(t, s.secretsOf, q)
	w.publish(s.before)
	for _, d := range drops {
		w.drop(d.key, []byte(d.text))
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		w.send(id, "readings", sent[id])
	}
	w.send("e", "elsewhere", `{"id":205,"buyer":"hush-roy"}`)
	return w
}

// drop puts an object into the drops bucket and tells the chain.
func (w *world) drop(key string, data []byte) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := w.buckets["drops"].WriteAll(ctx, key, data, nil); err != nil {
		w.t.Fatal(err)
	}
	attrs, err := w.buckets["drops"].Attributes(ctx, key)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := event.Origin("notice of "+key, event.TypeDropReceived, "/chaintest", time.Now(),
		event.DropReceived{Key: key, ETag: attrs.ETag, Size: attrs.Size, Time: attrs.ModTime})
	if err != nil {
		w.t.Fatal(err)
	}
	w.arrive(e)
}

// send has the maker send an event.
func (w *world) send(id, path, data string) {
	w.t.Helper()
	e := ce.New()
	e.SetID(id)
	e.SetSource("/maker/" + path)
	e.SetType("maker.reading")
	e.SetTime(time.Now())
	e.SetExtension(event.ExtPartner, "maker")
	e.SetExtension(event.ExtContract, path)
	if err := e.SetData(ce.ApplicationJSON, []byte(data)); err != nil {
		w.t.Fatal(err)
	}
	w.arrive(e)
}

// run brings everything through the chain, from a function on. The leaver is
// revoked when its segments are masked and not yet delivered. before is called
// before each function, crashed as work says; both may be nil.
func (s *scenario) run(w *world, from int, before func(function int), crashed func() bool) {
	w.t.Helper()
	for at := from; at < len(functions); at++ {
		if before != nil {
			before(at)
		}
		if functions[at] == "fanout" {
			w.publish(s.after)
		}
		w.work(functions[at], crashed)
	}
	for function, q := range w.queues {
		if len(q) > 0 {
			w.t.Errorf("%d events are left for %s", len(q), function)
		}
	}
	for _, err := range w.nacked {
		if strings.Contains(err.Error(), secret) {
			w.t.Errorf("an error holds a value: %v", err)
		}
	}
}

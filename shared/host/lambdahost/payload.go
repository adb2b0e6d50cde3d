package lambdahost

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
)

// item is one event of an invocation, or what there is instead of it.
type item struct {
	event event.Event
	// refused says why the function is not asked; event is then no more than
	// an id.
	refused error
	// ignored says why there is nothing to do; "": there is.
	ignored string
}

func ignore(why string) item { return item{ignored: why} }

// refuse makes the item of what is refused for good. Its id is derived from the
// bytes, as host.Func.ProcessMessages does.
func refuse(text []byte, why error) item {
	digest := sha256.Sum256(text)
	e := ce.New()
	e.SetID(event.ID("message", hex.EncodeToString(digest[:])))
	return item{event: e, refused: why}
}

// deepest is how far one message may be wrapped in others: EventBridge in SNS in
// SQS, and one to spare.
const deepest = 4

// reader reads what arrived from one source.
type reader struct {
	drops   drops
	sources map[string]place
	// from is whose the source is: nil, the chain's own.
	from *place
}

// arrived is r for what arrived from a source, by its ARN as AWS tells it.
func (r reader) arrived(arn string) reader {
	if p, ok := r.sources[arn]; ok {
		r.from = &p
	}
	return r
}

// read reads the body of a message. A panic is the message's own misfortune, not
// that of those beside it.
func (r reader) read(body []byte, depth int) (items []item) {
	defer func() {
		if recover() != nil { // what it says may be a row's
			items = []item{refuse(body, fault.New(fault.Poison, "panic", "the host panicked over a message", "report it"))}
		}
	}()
	return r.message(body, depth)
}

// message is read without the safety. depth counts what the message was wrapped
// in.
func (r reader) message(body []byte, depth int) []item {
	m, ok := members(body)
	switch {
	case !ok || depth >= deepest:
	case m["Type"] != nil && m["TopicArn"] != nil && text(m["Type"]) == "Notification":
		// Of the envelope only the message is read: whoever can write to the
		// queue could write another topic.
		return r.message([]byte(text(m["Message"])), depth+1)
	case m["specversion"] != nil:
	case text(m["Event"]) == "s3:TestEvent" && text(m["Service"]) == "Amazon S3":
		return []item{ignore("a test of the bucket")}
	case m["Records"] != nil && isS3(m["Records"]):
		return r.own(body, func() []item { return r.records(m["Records"], body) })
	case m["detail-type"] != nil && m["source"] != nil:
		return []item{r.bridge(body)}
	}
	e, err := host.DecodeEvent(body)
	if err != nil {
		return []item{refuse(body, err)}
	}
	return []item{r.event(body, e)}
}

// own reads what only AWS tells. It is not believed where a partner sends:
// another's object could be dropped again by it.
func (r reader) own(body []byte, read func() []item) []item {
	if r.from != nil {
		return []item{refuse(body, fault.New(fault.Denied, "notification-untrusted", "a notification came from a partner's source",
			"let the bucket and the clock notify the function by a way of their own"))}
	}
	return read()
}

// event takes an event of the chain, or one of a partner where that is who sends.
// What it claims of whose it is counts nowhere.
func (r reader) event(body []byte, e event.Event) item {
	if r.from == nil {
		e.SetExtension(event.ExtPartner, nil)
		e.SetExtension(event.ExtContract, nil)
		return item{event: e}
	}
	if err := httpevent.Admit(&e, r.from.partner, r.from.path); err != nil {
		return refuse(body, err)
	}
	return item{event: e}
}

// records reads the records of a notification of S3, each a drop.
func (r reader) records(list json.RawMessage, body []byte) []item {
	var records []json.RawMessage
	if json.Unmarshal(list, &records) != nil {
		return []item{refuse(body, errNotification())}
	}
	items := make([]item, len(records))
	for i, raw := range records {
		items[i] = r.drops.notified(raw)
	}
	return items
}

// bridgeEvent is an event of EventBridge, or of its Scheduler.
type bridgeEvent struct {
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"`
}

// bridge reads an event of EventBridge: a new object, the clock, or an event that
// somebody put there.
func (r reader) bridge(body []byte) item {
	var b bridgeEvent
	if json.Unmarshal(body, &b) != nil || b.ID == "" {
		return refuse(body, fault.New(fault.Poison, "event-undecodable", "an event of EventBridge cannot be read",
			"send it as EventBridge does, without an input transformer"))
	}
	switch {
	case b.Source == "aws.s3":
		return r.own(body, func() []item { return []item{r.drops.bridged(body, b)} })[0]
	case b.DetailType == "Scheduled Event" && (b.Source == "aws.events" || b.Source == "aws.scheduler"):
		return r.own(body, func() []item { return []item{tick(b)} })[0]
	}
	if r.from == nil { // the account is told by EventBridge, and who may use a source is a matter of its policy
		r = r.arrived(b.Account + "/" + b.Source)
	}
	if m, ok := members(b.Detail); ok && m["specversion"] != nil {
		e, err := host.DecodeEvent(b.Detail)
		if err != nil {
			return refuse(body, err)
		}
		return r.event(body, e)
	}
	if strings.HasPrefix(b.DetailType, event.Prefix) {
		return refuse(body, fault.New(fault.Denied, "reserved-type", "types that start with "+event.Prefix+" are the chain's own", "give your events a detail type of your own"))
	}
	e := ce.New()
	e.SetID(b.ID)
	e.SetSource(b.Source)
	e.SetType(b.DetailType)
	e.SetTime(b.Time)
	e.SetDataContentType(ce.ApplicationJSON)
	e.DataEncoded = bytes.Clone(b.Detail)
	// Held to what other events are held to.
	text, err := host.EncodeEvent(e)
	if err == nil {
		e, err = host.DecodeEvent(text)
	}
	if err != nil {
		return refuse(body, err)
	}
	return r.event(body, e)
}

// tick makes the event of the clock.
func tick(b bridgeEvent) item {
	e := ce.New()
	e.SetID(event.ID("tick", b.Source, b.ID))
	e.SetType(event.TypeTick)
	e.SetSource(Source)
	e.SetTime(b.Time)
	return item{event: e}
}

// isS3 reports whether a list of records is that of a notification of S3.
func isS3(list json.RawMessage) bool {
	source, ok := sourceOf(list, "eventSource")
	return ok && source == "aws:s3"
}

// sourceOf is what all records of a list, of which there is one at least, have as
// the member named.
func sourceOf(list json.RawMessage, name string) (string, bool) {
	var records []map[string]json.RawMessage
	if json.Unmarshal(list, &records) != nil || len(records) == 0 {
		return "", false
	}
	source := text(records[0][name])
	for _, r := range records {
		if text(r[name]) != source {
			return "", false
		}
	}
	return source, source != ""
}

// members reads the members of the one JSON object that body is, by their exact
// names. It reports false for anything else, and for a name that comes twice.
func members(body []byte) (map[string]json.RawMessage, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	m := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		key, _ := name.(string) // the decoder lets nothing else be a name
		if _, twice := m[key]; twice {
			return nil, false
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return nil, false
		}
		m[key] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	_, err := d.Token()
	return m, err == io.EOF
}

// text is the JSON string that raw is, or "".
func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // then it is not a string
	return s
}

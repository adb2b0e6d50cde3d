// Package event defines the CloudEvents of the chain: their types, their data
// and their derived ids.
//
// The chain's events carry references, counts and digests; never a row or a
// value. An id is a UUIDv5 of what caused the event, so that running a function
// again yields the same events, which every consumer recognises.
package event

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Event is a CloudEvent 1.0.
type Event = ce.Event

// The types of the chain's events.
const (
	// Prefix starts the type of every event of the chain. An event that arrives
	// from a partner must not carry it.
	Prefix = "io.sallyport."

	TypeDropReceived      = "io.sallyport.drop.received"      // DropReceived: host -> ingest
	TypeDropAccepted      = "io.sallyport.drop.accepted"      // DropOutcome: ingest -> audit
	TypeDropRejected      = "io.sallyport.drop.rejected"      // DropOutcome: ingest -> audit
	TypeSegmentAccepted   = "io.sallyport.segment.accepted"   // SegmentAccepted: ingest -> mask, audit
	TypeSegmentMasked     = "io.sallyport.segment.masked"     // SegmentMasked: mask -> fanout, audit
	TypeDeliveryCompleted = "io.sallyport.delivery.completed" // Delivery: fanout -> audit
	TypeDeliveryFailed    = "io.sallyport.delivery.failed"    // Delivery: fanout, mask -> audit
	TypeDropDelivered     = "io.sallyport.drop.delivered"     // DropDelivered: fanout -> audit
	TypeRevealCompleted   = "io.sallyport.reveal.completed"   // Reveal: reveal -> audit
	TypeRevealRefused     = "io.sallyport.reveal.refused"     // Reveal: reveal -> audit
	TypeSubjectErased     = "io.sallyport.subject.erased"     // SubjectErased: sallyport erase -> audit
	TypeDeadLettered      = "io.sallyport.event.deadlettered" // DeadLetter: any host -> audit
	TypeTick              = "io.sallyport.tick"               // no data: scheduler -> any
)

// CloudEvents extension attributes that the chain sets. All but the first are
// names of the CloudEvents extension registry.
const (
	ExtExchange      = "exchange"      // digest of the exchange bundle that the drop is pinned to
	ExtCausationID   = "causationid"   // id of the event that caused this one
	ExtCorrelationID = "correlationid" // the drop's id
	ExtTraceparent   = "traceparent"
	ExtPartner       = "partner"      // set by a host on a partner's own event, from where it arrived
	ExtContract      = "dropcontract" // likewise: the path below the partner's prefix
)

// Ref names a stored object: the function that reads it knows the bucket.
type Ref struct {
	Key    string `json:"key"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"` // "sha256:" + hex of the stored bytes
}

// Format says how the rows of an object are written. See record.Format for the
// meaning; this is its form on the wire.
type Format struct {
	Codec      string   `json:"codec"`                // csv, ndjson, json
	Delimiter  string   `json:"delimiter,omitempty"`  // csv: one character
	Header     bool     `json:"header,omitempty"`     // csv: the first record names the columns
	Terminator string   `json:"terminator,omitempty"` // lf, crlf, cr
	Columns    []string `json:"columns,omitempty"`    // csv: names in the order of the data
	Dropped    string   `json:"dropped,omitempty"`    // parquet, avro: what the drop came in, where codec is another
}

// DropReceived says that an object lies in the drops bucket.
type DropReceived struct {
	Key string `json:"key"` // decoded; starts with the partner's id
	// Generation tells the object from others that lay or will lie under its
	// key: a version id or generation number; "": the ETag does.
	Generation string `json:"generation,omitempty"`
	// ETag is the object's, as the bucket's driver gives it; what is read must
	// still have it. "" if the platform told none: it is looked up.
	ETag string    `json:"etag,omitempty"`
	Size int64     `json:"size,omitempty"`
	Time time.Time `json:"time,omitzero"` // when the object was written
}

// Identity is what the drop's id is derived from beside its key.
func (d DropReceived) Identity() string {
	if d.Generation != "" {
		return d.Generation
	}
	return d.ETag
}

// Drop identifies a drop and what it is held to.
type Drop struct {
	ID       string    `json:"id"`
	Partner  string    `json:"partner"`
	Contract string    `json:"contract"`          // contract id
	Version  string    `json:"version,omitempty"` // of the contract
	Object   string    `json:"object"`            // schema object in the contract
	Key      string    `json:"key,omitempty"`
	Time     time.Time `json:"time,omitzero"` // when ingest pinned the drop; key versions and expiry go by it
}

// Rows counts the rows of a drop.
type Rows struct {
	Accepted int64 `json:"accepted"`
	Invalid  int64 `json:"invalid"`
}

// DropOutcome ends the intake of a drop.
type DropOutcome struct {
	Drop       Drop           `json:"drop"`
	Rows       Rows           `json:"rows"`
	Segments   int            `json:"segments"`
	Format     Format         `json:"format"`
	Notes      []string       `json:"notes,omitempty"`      // what was sniffed or differs, in words
	Quarantine []Ref          `json:"quarantine,omitempty"` // refused rows
	Report     *Ref           `json:"report,omitempty"`     // the report for the partner, in quarantine
	Rules      map[string]int `json:"rules,omitempty"`      // invalid rows per "path rule"
	Fault      *Fault         `json:"fault,omitempty"`      // drop.rejected: why
}

// SegmentAccepted is the unit of work of mask.
type SegmentAccepted struct {
	Drop     Drop   `json:"drop"`
	Segment  int    `json:"segment"`  // from 0
	Segments int    `json:"segments"` // of the drop
	Rows     int64  `json:"rows"`
	Format   Format `json:"format"`
	Object   Ref    `json:"object"` // in landing
}

// SegmentMasked is the unit of work of fanout: one segment for one subscription.
type SegmentMasked struct {
	Drop         Drop   `json:"drop"`
	Segment      int    `json:"segment"`
	Segments     int    `json:"segments"`
	Subscription string `json:"subscription"`
	Partner      string `json:"partner"` // who receives
	View         string `json:"view"`
	Rows         int64  `json:"rows"` // 0: the filter left nothing; Object is empty then
	// Suppressed are rows that the filter let through and that do not leave all the
	// same, because a rule of the profile keeps them or too few others are like them.
	Suppressed int64  `json:"suppressed,omitempty"`
	Format     Format `json:"format"`
	Object     Ref    `json:"object,omitzero"` // in masked
	// Suspects are fields that leave in the clear and seem to hold personal data.
	Suspects []Suspect `json:"suspects,omitempty"`
}

// Suspect is a field in which something was found: in Hits of the Seen values that
// were looked at.
type Suspect struct {
	Path string `json:"path"`
	Type string `json:"type"` // EMAIL_ADDRESS: see package detect
	Hits int64  `json:"hits"`
	Seen int64  `json:"seen"`
}

// Delivery is the outcome of one segment for one subscription.
type Delivery struct {
	Drop         Drop   `json:"drop"`
	Segment      int    `json:"segment"`
	Segments     int    `json:"segments"`
	Subscription string `json:"subscription"`
	Partner      string `json:"partner"`
	Rows         int64  `json:"rows"`
	Object       Ref    `json:"object,omitzero"` // as delivered; empty for rows sent as events
	Fault        *Fault `json:"fault,omitempty"` // delivery.failed: why
}

// DropDelivered says that a subscription has all segments of a drop.
type DropDelivered struct {
	Drop         Drop   `json:"drop"`
	Segments     int    `json:"segments"`
	Subscription string `json:"subscription"`
	Partner      string `json:"partner"`
	Rows         int64  `json:"rows"`
	Manifest     string `json:"manifest"` // key at the destination
}

// DeadLetter names an event that can never succeed.
type DeadLetter struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function string `json:"function"`
	Fault    Fault  `json:"fault"`
}

// Fault is a fault.Error as events carry it.
type Fault struct {
	Kind  string      `json:"kind"`
	Code  string      `json:"code"`
	Where fault.Where `json:"where,omitzero"`
	Msg   string      `json:"message,omitempty"`
	Do    string      `json:"do,omitempty"`
}

// FaultOf turns an error into what an event may carry: of an error that is not
// a fault only the fact, because its text is nobody's promise.
func FaultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		return &Fault{Kind: fault.KindOf(err).String(), Code: "internal"}
	}
	return &Fault{Kind: f.Kind.String(), Code: f.Code, Where: f.Where, Msg: f.Msg, Do: f.Do}
}

// namespace is the UUIDv5 namespace of all ids of Sallyport.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://sallyport.io/ids"))

// ID derives an id from its parts: the same parts, the same id.
func ID(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p)
		b.WriteByte(0)
	}
	return uuid.NewSHA1(namespace, []byte(b.String())).String()
}

// DropID derives the id of a drop from where it lies.
func DropID(key, generation string) string { return ID("drop", key, generation) }

// Origin makes an event that no other caused.
func Origin(id, typ, source string, now time.Time, data any) (Event, error) {
	e := ce.New()
	e.SetID(id)
	e.SetType(typ)
	e.SetSource(source)
	e.SetTime(now)
	return e, setData(&e, data)
}

// Received makes the event that says that an object lies in the drops bucket:
// the same whichever host was told, and however often.
func Received(source string, data DropReceived) (Event, error) {
	id := DropID(data.Key, data.Identity())
	e, err := Origin(id, TypeDropReceived, source, data.Time, data)
	e.SetSubject(data.Key)
	e.SetExtension(ExtCorrelationID, id)
	return e, err
}

func setData(e *Event, data any) error {
	if err := e.SetData(ce.ApplicationJSON, data); err != nil {
		return fault.Wrap(fault.Poison, "event-encode", err, "cannot encode the data of a "+e.Type())
	}
	return nil
}

// New makes an event of the chain whose id is derived from cause's id, its type
// and the discriminating parts. It inherits the exchange pin, the correlation
// and the trace of cause. now is its time attribute.
func New(cause Event, typ, source string, now time.Time, data any, parts ...string) (Event, error) {
	e, err := Origin(ID(append([]string{cause.ID(), typ}, parts...)...), typ, source, now, data)
	for _, name := range []string{ExtExchange, ExtCorrelationID, ExtTraceparent} {
		if v, ok := cause.Extensions()[name]; ok {
			e.SetExtension(name, v)
		}
	}
	e.SetExtension(ExtCausationID, cause.ID())
	return e, err
}

// FromChain reports whether e is one of the chain's own events.
func FromChain(e Event) bool { return strings.HasPrefix(e.Type(), Prefix) }

// Extension is the string value of an extension attribute, or "".
func Extension(e Event, name string) string {
	s, _ := e.Extensions()[name].(string)
	return s
}

// Decode reads the data of an event of the chain. What does not decode is
// Poison: no retry will mend it. The error names no byte of the data.
func Decode[T any](e Event) (T, error) {
	var v T
	if err := json.Unmarshal(e.Data(), &v); err != nil {
		return v, fault.New(fault.Poison, "event-data", "the data of the "+e.Type()+" event is not what its type promises", "look for a producer of another version")
	}
	return v, nil
}

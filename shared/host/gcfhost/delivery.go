package gcfhost

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
)

// item is one event of a delivery, or what there is instead of it.
type item struct {
	event event.Event
	// refused says why the event is refused for good; of event its id and its
	// type count then.
	refused error
	// broken: message is the body of a message that is no event.
	broken  bool
	message []byte
	// ignored: nothing is to be done.
	ignored bool
}

// notice is an event of the platform itself.
type notice struct {
	id, typ, source string
	time            time.Time
	data            []byte
}

// message is one of Pub/Sub.
type message struct {
	id        string
	attribute func(name string) string // "" for one that it has not
	data      []byte
}

// read takes a delivery apart, whatever of the platform it comes from. What no
// queue delivers is an error: Invalid.
func (p place) read(header http.Header, body []byte) ([]item, error) {
	switch {
	case strings.HasPrefix(header.Get("Ce-Type"), "google.") && header.Get("Ce-Specversion") != "":
		// Eventarc. Not read as other CloudEvents are: a message inside it may be
		// larger than an event.
		n := notice{id: header.Get("Ce-Id"), typ: header.Get("Ce-Type"), source: header.Get("Ce-Source"), data: body}
		n.time, _ = time.Parse(time.RFC3339, header.Get("Ce-Time"))
		return []item{p.notice(n)}, nil
	case unwrapped(header):
		return []item{p.message(unwrap(header, body))}, nil
	case strings.HasPrefix(header.Get("Content-Type"), "application/cloudevents"), header.Get("Ce-Specversion") != "":
		return p.events(header, body)
	}
	var found struct {
		Message     json.RawMessage `json:"message"`
		Context     *legacy         `json:"context"`
		Data        json.RawMessage `json:"data"`
		SpecVersion string          `json:"specversion"`
		legacy
	}
	unknown := fault.New(fault.Invalid, "request-unknown", "the request is nothing that the platform delivers",
		"send events of a partner to /partners/<partner>/<path>, and the clock to /tick")
	if json.Unmarshal(body, &found) != nil {
		return nil, unknown
	}
	switch {
	case len(found.Message) > 0:
		return []item{pushed(found.Message, body, p.message)}, nil
	case found.Context != nil:
		return []item{p.notice(found.Context.notice(found.Data))}, nil
	case found.EventType != "":
		return []item{p.notice(found.legacy.notice(found.Data))}, nil
	case found.SpecVersion != "": // unwrapped, without the headers that would say so
		return p.events(http.Header{"Content-Type": {ce.ApplicationCloudEventsJSON}}, body)
	}
	return nil, unknown
}

// events reads CloudEvents in any mode.
func (p place) events(header http.Header, body []byte) ([]item, error) {
	r, err := httpevent.Read(header, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	items := make([]item, len(r.Items))
	for i, read := range r.Items {
		e := read.Event
		switch {
		case read.Err != nil:
			items[i] = refuse(idOf(body)+"/"+strconv.Itoa(i), "", read.Err)
		case strings.HasPrefix(e.Type(), "google."):
			items[i] = p.notice(notice{e.ID(), e.Type(), e.Source(), e.Time(), e.Data()})
		default:
			items[i] = trusted(e)
		}
	}
	return items, nil
}

// trusted is an event that arrived where no partner sends: what it claims of one
// is taken away.
func trusted(e event.Event) item {
	e.SetExtension(event.ExtPartner, nil)
	e.SetExtension(event.ExtContract, nil)
	return item{event: e}
}

// refuse makes the item of what is refused for good.
func refuse(id, typ string, why error) item {
	e := ce.New()
	e.SetID(id)
	if typ != "" {
		e.SetType(typ)
	}
	return item{event: e, refused: why}
}

// idOf derives an id for what has none of its own.
func idOf(data []byte) string {
	digest := sha256.Sum256(data)
	return event.ID("message", hex.EncodeToString(digest[:]))
}

// refuse makes the item of a notice that is refused for good. It goes by the
// platform's id and type, as long as they are no longer than any of Google's.
func (n notice) refuse(why error) item {
	const longest = 256
	if n.id == "" || len(n.id) > longest {
		n.id = idOf(n.data)
	}
	if len(n.typ) > longest {
		n.typ = ""
	}
	return refuse(n.id, n.typ, why)
}

// legacy is what events for functions of the first generation say of themselves,
// in a member "context" or beside their data.
type legacy struct {
	EventID   string `json:"eventId"`
	EventType string `json:"eventType"`
	Timestamp string `json:"timestamp"`
}

func (l legacy) notice(data []byte) notice {
	n := notice{id: l.EventID, typ: l.EventType, data: data}
	n.time, _ = time.Parse(time.RFC3339, l.Timestamp)
	return n
}

// notice reads an event of the platform.
func (p place) notice(n notice) item {
	switch n.typ {
	case "google.cloud.storage.object.v1.finalized", "google.storage.object.finalize", "providers/cloud.storage/eventTypes/object.change":
		o, err := objectOf(n.data)
		if err == nil && o.State == "not_exists" {
			return item{ignored: true}
		}
		if named := bucketOf(n.source); err == nil && named != "" && named != o.Bucket {
			err = errContradiction
		}
		return p.drop(n, o, err)
	case "google.cloud.storage.object.v1.deleted", "google.cloud.storage.object.v1.archived", "google.cloud.storage.object.v1.metadataUpdated",
		"google.storage.object.delete", "google.storage.object.archive", "google.storage.object.metadataUpdate":
		return item{ignored: true}
	case "google.cloud.pubsub.topic.v1.messagePublished":
		var data struct {
			Message json.RawMessage `json:"message"`
		}
		_ = json.Unmarshal(n.data, &data) // then there is no message, which is refused
		return pushed(data.Message, n.data, p.message)
	case "google.pubsub.topic.publish", "providers/cloud.pubsub/eventTypes/topic.publish":
		return pushed(n.data, n.data, p.message)
	}
	return n.refuse(fault.New(fault.Denied, "event-unknown", "events of the platform of this type are not taken",
		"let only what the function hears trigger it"))
}

var errContradiction = fault.New(fault.Poison, "notification-contradiction", "the notification says two things of one object",
	"look for who sends it: it is not in the form of Cloud Storage")

// bucketOf is the bucket in the source of an event of Cloud Storage, or "".
func bucketOf(source string) string {
	rest, ok := strings.CutPrefix(source, "//storage.googleapis.com/projects/_/buckets/")
	if !ok {
		return ""
	}
	bucket, _, _ := strings.Cut(rest, "/")
	return bucket
}

// drop is the item of a new object, given how reading about it went.
func (p place) drop(n notice, o object, err error) item {
	if err == nil && o.TimeCreated.IsZero() {
		o.TimeCreated = n.time
	}
	var e event.Event
	is := false
	if err == nil {
		e, is, err = p.dropped(o)
	}
	switch {
	case err != nil:
		return n.refuse(err)
	case !is:
		return item{ignored: true}
	}
	return item{event: e}
}

// unwrapped reports whether a request is a message whose data are the body and
// whose metadata are in headers: "payload unwrapping" with "write metadata".
func unwrapped(header http.Header) bool {
	return header.Get("X-Goog-Pubsub-Message-Id") != "" || header.Get("X-Goog-Pubsub-Subscription-Name") != ""
}

// unwrap reads it. Its attributes are headers as well, by their own names.
func unwrap(header http.Header, body []byte) message {
	return message{id: header.Get("X-Goog-Pubsub-Message-Id"), attribute: header.Get, data: body}
}

// pushes reports whether a request is one of a push subscription, by its header.
func pushes(header http.Header) bool {
	mediaType, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return unwrapped(header) || mediaType == "application/json" && header.Get("Ce-Specversion") == ""
}

// fromTopic reads a message that was pushed from the topic of a partner: an event
// of the partner's, and nothing else. The error, Invalid, says that the request
// is no message.
func fromTopic(header http.Header, body []byte, partner, path string) (item, error) {
	admit := func(m message) item {
		e, err := host.DecodeEvent(m.data)
		if err != nil {
			return item{broken: true, message: m.data}
		}
		if err := httpevent.Admit(&e, partner, path); err != nil {
			return refuse(e.ID(), "", err) // its type is what it may not claim
		}
		return item{event: e}
	}
	if unwrapped(header) {
		return admit(unwrap(header, body)), nil
	}
	var found struct {
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(body, &found) != nil || len(found.Message) == 0 {
		_, err := httpevent.Read(header, bytes.NewReader(body)) // says what an event has to be
		return item{}, err
	}
	return pushed(found.Message, body, admit), nil
}

// pushed reads the JSON of a message, as Pub/Sub wraps it, and hands it on. body
// is all that came.
func pushed(text json.RawMessage, body []byte, to func(message) item) item {
	var m struct {
		ID         string            `json:"messageId"`
		OldID      string            `json:"message_id"` // as old clients spell it; Pub/Sub sends both
		Attributes map[string]string `json:"attributes"`
		Data       string            `json:"data"`
	}
	err := json.Unmarshal(text, &m)
	if m.ID == "" {
		m.ID = m.OldID
	}
	data, badData := base64.StdEncoding.DecodeString(m.Data)
	if err != nil || badData != nil || string(text) == "null" {
		return notice{id: m.ID, data: body}.refuse(fault.New(fault.Poison, "message-undecodable", "the message is not in the form of Pub/Sub",
			"look for who sends it: only push subscriptions of Pub/Sub and Eventarc should"))
	}
	return to(message{id: m.ID, attribute: func(name string) string { return m.Attributes[name] }, data: data})
}

// message reads a message: a notification of Cloud Storage, or one CloudEvent.
func (p place) message(m message) item {
	if m.attribute("bucketId") == "" || m.attribute("eventType") == "" {
		e, err := host.DecodeEvent(m.data)
		if err != nil {
			return item{broken: true, message: m.data}
		}
		return trusted(e)
	}
	switch typ := m.attribute("eventType"); typ {
	case "OBJECT_FINALIZE":
		n := notice{id: m.id, typ: typ, data: m.data}
		n.time, _ = time.Parse(time.RFC3339, m.attribute("eventTime"))
		o, err := m.object()
		return p.drop(n, o, err)
	case "OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE":
		return item{ignored: true}
	default:
		return notice{id: m.id, typ: typ, data: m.data}.refuse(fault.New(fault.Denied, "event-unknown", "notifications of this type are not taken",
			"let the bucket notify of OBJECT_FINALIZE"))
	}
}

// object is the object of a notification. Attributes name it; the payload tells
// more, if there is one, but nothing else.
func (m message) object() (object, error) {
	named := object{Bucket: m.attribute("bucketId"), Name: m.attribute("objectId")}
	if err := named.Generation.UnmarshalJSON([]byte(m.attribute("objectGeneration"))); err != nil || m.attribute("payloadFormat") != "JSON_API_V1" {
		return named, err
	}
	o, err := objectOf(m.data)
	if err == nil && (o.Bucket != named.Bucket || o.Name != named.Name || o.Generation != named.Generation) {
		err = errContradiction
	}
	return o, err
}

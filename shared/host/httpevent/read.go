// Package httpevent reads a partner's own events from HTTP requests, CloudEvents
// 1.0 in any mode of the HTTP protocol binding 1.0.2 (binary, structured,
// batched), and words the answers. It serves nothing: hosts do, each its own way.
//
// Answers: 202, taken; 400, the event is at fault (413, 415 likewise); 403,
// refused; 410, its contract has ended; 500, can never succeed; 503, try again.
// All but the first have a JSON body {"code", "message", "do"}. Of a batch in which some events failed the body
// also has the status of each, and the status is 503 if one of them is to be sent
// again, and the worst of them otherwise. No answer holds a value of a request.
package httpevent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
)

// Limits of a request.
const (
	MaxBody   = 8 << 20 // bytes
	MaxEvents = 1000    // in one batch
)

// Item is one event of a request, or why it is none.
type Item struct {
	Event event.Event
	Err   error
}

// Request is what a request holds, in its order. One event that is wrong is not
// the others' fault.
type Request struct {
	Items []Item
	Batch bool // it came in the batched mode
}

// Read reads the events of a request; at most MaxBody bytes of its body and
// MaxEvents events. The events do not share memory with the body. The error is
// that of the request as a whole: Retry if it broke off, else Invalid. No error
// holds anything of the request.
//
// JSON is read by host.DecodeEvent, which is strict where the SDK is not.
func Read(header http.Header, body io.Reader) (Request, error) {
	// What is not an event is refused by its header, unread.
	mediaType, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	batch := mediaType == ce.ApplicationCloudEventsBatchJSON
	if !batch && mediaType != ce.ApplicationCloudEventsJSON && header.Get("Ce-Specversion") == "" {
		return Request{}, fault.New(fault.Invalid, "no-cloudevent", "the request is not a CloudEvent", "set the ce- headers (binary mode), or the content type "+
			ce.ApplicationCloudEventsJSON+" or "+ce.ApplicationCloudEventsBatchJSON)
	}
	text, err := read(body)
	switch {
	case err != nil:
		return Request{Batch: batch}, err
	case batch:
		items, err := split(text)
		return Request{items, true}, err
	case mediaType == ce.ApplicationCloudEventsJSON:
		return Request{Items: []Item{structured(text)}}, nil
	}
	return Request{Items: []Item{binary(header, text)}}, nil
}

func read(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, MaxBody+1))
	var large *http.MaxBytesError
	switch {
	case len(body) > MaxBody, errors.As(err, &large):
		return nil, TooLarge()
	case err != nil:
		return nil, fault.New(fault.Retry, "request-broken", "the request broke off", "send it again")
	}
	return body, nil
}

// TooLarge is the fault of a request of more than MaxBody bytes.
func TooLarge() error {
	return fault.New(fault.Invalid, "request-too-large", fmt.Sprintf("the request has more than %d bytes", MaxBody), "send less at once, or send it as a file")
}

func structured(body []byte) Item {
	e, err := host.DecodeEvent(body)
	return Item{e, blame(err)}
}

// blame makes the sender's fault of what would be the chain's own in a queue.
func blame(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return fault.New(fault.Invalid, f.Code, f.Msg, "send CloudEvents 1.0 of at most 1 MiB each; send what is larger as a file")
	}
	return err
}

// binary reads an event from headers and body (HTTP protocol binding 3.1). It is
// then held to what the other modes are held to: written down and read again.
//
// The reader of the CloudEvents SDK is not used: it brings a logger and an HTTP
// server into every function, a megabyte of each.
func binary(header http.Header, body []byte) Item {
	bad := Item{Err: fault.New(fault.Invalid, "event-undecodable", "the ce- headers are not those of a CloudEvent", "set ce-specversion to 1.0, ce-id, ce-source and ce-type, each once")}
	e := ce.New(ce.CloudEventsVersionV1)
	for name, values := range header {
		attribute, ok := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ok {
			continue
		}
		if len(values) != 1 {
			return bad
		}
		value, err := url.PathUnescape(values[0])
		if err != nil { // the SDK's client does not encode: it means what it says
			value = values[0]
		}
		switch attribute { // Validate reports what the setters find wrong
		case "specversion":
			if value != ce.CloudEventsVersionV1 {
				return bad
			}
		case "id":
			e.SetID(value)
		case "source":
			e.SetSource(value)
		case "type":
			e.SetType(value)
		case "subject":
			e.SetSubject(value)
		case "dataschema":
			e.SetDataSchema(value)
		case "time":
			t, err := types.ParseTime(value)
			if err != nil {
				return bad
			}
			e.SetTime(t)
		case "datacontenttype", "data", "data_base64": // not headers
			return bad
		default:
			e.SetExtension(attribute, value)
		}
	}
	if contentType := header.Get("Content-Type"); contentType != "" {
		e.SetDataContentType(contentType)
	}
	e.DataEncoded = body
	text, err := host.EncodeEvent(e)
	if err != nil {
		return Item{Err: blame(err)}
	}
	return structured(text)
}

// split reads a batch: a JSON array of events.
func split(body []byte) ([]Item, error) {
	broken := fault.New(fault.Invalid, "batch-undecodable", "the batch is not a JSON array", "send [event, event, ...], each a CloudEvent in structured mode")
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('[') {
		return nil, broken
	}
	var items []Item
	for d.More() {
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return nil, broken
		}
		if len(items) == MaxEvents {
			return nil, fault.New(fault.Invalid, "batch-too-large", fmt.Sprintf("the batch has more than %d events", MaxEvents), "send several batches, or a file")
		}
		items = append(items, structured(raw))
	}
	if _, err := d.Token(); err != nil { // the closing bracket
		return nil, broken
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, broken
	}
	return items, nil
}

// Admit refuses what no partner may send (Denied), and says in e whose it is:
// partner and path are from where it arrived, as those of a file's key in the
// drops bucket, and replace what the event claims.
func Admit(e *event.Event, partner, path string) error {
	if event.FromChain(*e) {
		return fault.New(fault.Denied, "reserved-type", "types that start with "+event.Prefix+" are the chain's own", "give your events a type of your own, such as com.example.order")
	}
	e.SetExtension(event.ExtPartner, partner)
	e.SetExtension(event.ExtContract, path)
	return nil
}

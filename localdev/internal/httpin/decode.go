package httpin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/cloudevents/sdk-go/v2/binding"
	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
)

// one is an event of a request, or why it is none.
type one struct {
	event event.Event
	err   error
}

// decode reads the events of a request, in any of the three modes. The error is
// that of the request as a whole, and holds nothing of it.
//
// JSON is read by host.DecodeEvent, which is strict where the SDK is not.
func decode(r *http.Request) (events []one, batch bool, err error) {
	switch mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case mediaType == ce.ApplicationCloudEventsJSON:
		body, err := read(r)
		if err != nil {
			return nil, false, err
		}
		return []one{structured(body)}, false, nil
	case mediaType == ce.ApplicationCloudEventsBatchJSON:
		body, err := read(r)
		if err != nil {
			return nil, true, err
		}
		events, err := split(body)
		return events, true, err
	case r.Header.Get("Ce-Specversion") != "":
		body, err := read(r)
		if err != nil {
			return nil, false, err
		}
		return []one{binary(r, body)}, false, nil
	}
	return nil, false, fault.New(fault.Invalid, "no-cloudevent", "the request is not a CloudEvent", "set the ce- headers (binary mode), or the content type "+
		ce.ApplicationCloudEventsJSON+" or "+ce.ApplicationCloudEventsBatchJSON)
}

func read(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge()
	case err != nil:
		return nil, fault.New(fault.Retry, "request-broken", "the request broke off", "send it again")
	}
	return body, nil
}

func tooLarge() error {
	return fault.New(fault.Invalid, "request-too-large", fmt.Sprintf("the request has more than %d bytes", MaxBody), "send less at once, or send it as a file")
}

func structured(body []byte) one {
	e, err := host.DecodeEvent(body)
	return one{e, blame(err)}
}

// blame makes the sender's fault of what would be the chain's own in a queue.
func blame(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return fault.New(fault.Invalid, f.Code, f.Msg, "send CloudEvents 1.0 of at most 1 MiB each; send what is larger as a file")
	}
	return err
}

// binary reads an event from headers and body. It is then held to what the
// other modes are held to: written down and read again.
func binary(r *http.Request, body []byte) one {
	e, err := binding.ToEvent(r.Context(), cehttp.NewMessage(r.Header, io.NopCloser(bytes.NewReader(body))))
	if err != nil {
		return one{err: fault.New(fault.Invalid, "event-undecodable", "the ce- headers are not those of a CloudEvent", "set ce-specversion to 1.0, ce-id, ce-source and ce-type")}
	}
	text, err := host.EncodeEvent(*e)
	if err != nil {
		return one{err: blame(err)}
	}
	return structured(text)
}

// split reads a batch: a JSON array of events. One that is wrong is not the
// others' fault.
func split(body []byte) ([]one, error) {
	broken := fault.New(fault.Invalid, "batch-undecodable", "the batch is not a JSON array", "send [event, event, ...], each a CloudEvent in structured mode")
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('[') {
		return nil, broken
	}
	var events []one
	for d.More() {
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return nil, broken
		}
		if len(events) == MaxEvents {
			return nil, fault.New(fault.Invalid, "batch-too-large", fmt.Sprintf("the batch has more than %d events", MaxEvents), "send several batches, or a file")
		}
		events = append(events, structured(raw))
	}
	if _, err := d.Token(); err != nil { // the closing bracket
		return nil, broken
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, broken
	}
	return events, nil
}

// statusOfDecode is the status for a request that could not be read.
func statusOfDecode(err error) int {
	switch fault.CodeOf(err) {
	case "request-too-large", "batch-too-large":
		return http.StatusRequestEntityTooLarge
	case "no-cloudevent":
		return http.StatusUnsupportedMediaType
	}
	return statusOf(err)
}

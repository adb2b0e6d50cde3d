package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sallyport-io/sallyport/shared/event"
)

// eachEvent calls f for each event in r, with its compact text and its id: r is
// one JSON array of CloudEvents, or any number of them one after another.
func eachEvent(r io.Reader, f func(text []byte, id string) error) error {
	in := bufio.NewReader(r)
	first, err := firstByte(in)
	if errors.Is(err, io.EOF) {
		return failure("there is no event in it", "")
	}
	if err != nil {
		return failure("the events cannot be read: "+err.Error(), "")
	}
	dec := json.NewDecoder(in)
	if first == '[' {
		if _, err := dec.Token(); err != nil {
			return noEvent(1)
		}
	}
	for number := 1; ; number++ {
		if first == '[' && !dec.More() {
			if _, err := dec.Token(); err != nil {
				return noEvent(number)
			}
			return nil
		}
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) && first != '[' {
			return nil
		}
		if err != nil {
			return noEvent(number)
		}
		text, id, err := checkEvent(raw, number)
		if err != nil {
			return err
		}
		if err := f(text, id); err != nil {
			return err
		}
	}
}

// firstByte is the first byte that is not white space. It is not consumed.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		c, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, in.UnreadByte()
		}
	}
}

func checkEvent(raw []byte, number int) (text []byte, id string, err error) {
	if len(raw) > maxEvent {
		return nil, "", failure(fmt.Sprintf("event %d has more than %d bytes", number, maxEvent), "drop its data as a file")
	}
	var e event.Event
	if err := json.Unmarshal(raw, &e); err != nil || e.Validate() != nil {
		return nil, "", noEvent(number)
	}
	if event.FromChain(e) {
		return nil, "", failure(fmt.Sprintf("event %d has a type that starts with %s, which is kept for the chain", number, event.Prefix), "give it a type of your own")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, "", noEvent(number)
	}
	return compact.Bytes(), e.ID(), nil
}

func noEvent(number int) error {
	return failure(fmt.Sprintf("event %d is not a CloudEvent 1.0 in JSON", number), `it needs specversion "1.0", id, source, type and data; no event after it was sent`)
}

package host

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// MaxEvent is the size of the largest event that is written or read, in bytes.
const MaxEvent = 1 << 20

// maxAttribute is the length of the longest attribute, in bytes: attributes are
// written into logs and the ledger.
const maxAttribute = 4096

// ContentType is the media type of what EncodeEvent writes.
const ContentType = ce.ApplicationCloudEventsJSON + "; charset=UTF-8"

// EncodeEvent writes e in the structured mode of the CloudEvents JSON format
// 1.0.2. JSON data are written byte for byte as they are. The same event yields
// the same bytes. An event that cannot be written is Poison.
func EncodeEvent(e event.Event) ([]byte, error) {
	if e.Validate() != nil || e.SpecVersion() != ce.CloudEventsVersionV1 {
		return nil, unencodable("the event breaks CloudEvents 1.0")
	}
	attributes := map[string]any{}
	for name, value := range e.Extensions() {
		switch value := value.(type) {
		case bool, int32:
			attributes[name] = value
		default:
			s, err := types.Format(value)
			if err != nil {
				return nil, unencodable("an extension attribute has a type that CloudEvents does not know")
			}
			attributes[name] = s
		}
	}
	attributes["specversion"] = ce.CloudEventsVersionV1
	attributes["id"] = e.ID()
	attributes["source"] = e.Source()
	attributes["type"] = e.Type()
	optional := func(name, value string) {
		if value != "" {
			attributes[name] = value
		}
	}
	optional("subject", e.Subject())
	optional("datacontenttype", e.DataContentType())
	optional("dataschema", e.DataSchema())
	if !e.Time().IsZero() {
		attributes["time"] = types.FormatTime(e.Time())
	}

	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	member := func(name string, value any) error {
		if b.Len() == 0 {
			b.WriteByte('{')
		} else {
			b.WriteByte(',')
		}
		b.WriteString(`"` + name + `":`) // letters and digits: Validate has seen to it
		if raw, ok := value.(json.RawMessage); ok {
			b.Write(raw)
			return nil
		}
		err := w.Encode(value)
		b.Truncate(b.Len() - 1) // Encode ends with a newline
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if s, ok := attributes[name].(string); ok && (len(s) > maxAttribute || !utf8.ValidString(s)) {
			return nil, unencodable("an attribute is too long or not UTF-8")
		}
		if err := member(name, attributes[name]); err != nil {
			return nil, unencodable("an attribute cannot be written as JSON")
		}
	}
	if data := e.Data(); len(data) > MaxEvent {
		return nil, tooLarge()
	} else if len(data) > 0 {
		name, value := "data", any(string(data))
		switch isJSON := isJSON(e.DataContentType()); {
		case e.DataBase64, !isJSON && !utf8.Valid(data):
			name, value = "data_base64", base64.StdEncoding.EncodeToString(data)
		case isJSON && !json.Valid(data):
			// Written as they are, they could close the object and add attributes.
			return nil, unencodable("the data are not the JSON that their content type says")
		case isJSON:
			value = json.RawMessage(data)
		}
		if err := member(name, value); err != nil {
			return nil, unencodable("the data cannot be written as JSON")
		}
	}
	b.WriteByte('}')
	if b.Len() > MaxEvent {
		return nil, tooLarge()
	}
	return b.Bytes(), nil
}

// DecodeEvent reads one event in the structured mode of the CloudEvents JSON
// format 1.0.2. It is strict: a member that comes twice, an attribute of the
// wrong type and anything after the event are refused. What cannot be read is
// Poison, and the error holds nothing of it. The event does not share memory
// with body.
//
// The reader of the CloudEvents SDK is not used: data_base64 that is not a
// string makes it panic (v2.16.2).
func DecodeEvent(body []byte) (event.Event, error) {
	if len(body) > MaxEvent {
		return event.Event{}, tooLarge()
	}
	members, err := readObject(body)
	if err != nil {
		return event.Event{}, err
	}
	var version string
	if json.Unmarshal(members["specversion"], &version) != nil || version != ce.CloudEventsVersionV1 {
		return event.Event{}, undecodable("the message is not a CloudEvent of version 1.0")
	}
	delete(members, "specversion")

	e := ce.New(ce.CloudEventsVersionV1)
	for name, raw := range members {
		if name == "data" || name == "data_base64" || string(raw) == "null" {
			continue // CloudEvents JSON format 2.2: a null attribute is an absent one
		}
		if err := readAttribute(&e, name, raw); err != nil {
			return event.Event{}, err
		}
	}
	if e.Validate() != nil {
		return event.Event{}, undecodable("an attribute is missing or breaks CloudEvents 1.0")
	}
	if err := readData(&e, members); err != nil {
		return event.Event{}, err
	}
	return e, nil
}

// readObject reads the members of the one JSON object that body is.
func readObject(body []byte) (map[string]json.RawMessage, error) {
	r := json.NewDecoder(bytes.NewReader(body))
	if open, err := r.Token(); err != nil || open != json.Delim('{') {
		return nil, undecodable("the message is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for r.More() {
		name, err := r.Token()
		if err != nil {
			return nil, undecodable("the message is not valid JSON")
		}
		var raw json.RawMessage
		if r.Decode(&raw) != nil {
			return nil, undecodable("the message is not valid JSON")
		}
		key := name.(string) // the decoder lets nothing else be a member's name
		if _, twice := members[key]; twice {
			return nil, undecodable("a member of the event comes twice")
		}
		members[key] = raw
	}
	if _, err := r.Token(); err != nil {
		return nil, undecodable("the message is not valid JSON")
	}
	if _, err := r.Token(); err != io.EOF {
		return nil, undecodable("something follows the event")
	}
	return members, nil
}

func readAttribute(e *event.Event, name string, raw json.RawMessage) error {
	wrongType := undecodable("an attribute has the wrong type")
	var value any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return wrongType
	}
	s, isString := value.(string)
	if len(s) > maxAttribute {
		return undecodable("an attribute is too long")
	}
	switch name {
	case "id", "source", "type", "subject", "datacontenttype", "dataschema", "time":
		if !isString {
			return wrongType
		}
	}
	// Validate reports what the setters find wrong.
	switch name {
	case "id":
		e.SetID(s)
	case "source":
		e.SetSource(s)
	case "type":
		e.SetType(s)
	case "subject":
		e.SetSubject(s)
	case "datacontenttype":
		e.SetDataContentType(s)
	case "dataschema":
		e.SetDataSchema(s)
	case "time":
		t, err := types.ParseTime(s)
		if err != nil {
			return wrongType
		}
		e.SetTime(t)
	default:
		return readExtension(e, name, value)
	}
	return nil
}

func readExtension(e *event.Event, name string, value any) error {
	wrongType := undecodable("an attribute has the wrong type")
	switch v := value.(type) {
	case string, bool:
		e.SetExtension(name, v)
	case json.Number:
		n, err := v.Int64()
		if err != nil || n != int64(int32(n)) {
			return wrongType
		}
		e.SetExtension(name, int32(n))
	default:
		return wrongType
	}
	if name != strings.ToLower(name) || !ce.IsExtensionNameValid(name) {
		return undecodable("an attribute's name has other characters than a-z and 0-9")
	}
	return nil
}

func readData(e *event.Event, members map[string]json.RawMessage) error {
	data, hasData := members["data"]
	encoded, hasEncoded := members["data_base64"]
	switch {
	case hasData && hasEncoded:
		return undecodable("the event has both data and data_base64")
	case hasEncoded:
		var s string
		if json.Unmarshal(encoded, &s) != nil {
			return undecodable("data_base64 is not Base64")
		}
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return undecodable("data_base64 is not Base64")
		}
		e.DataEncoded, e.DataBase64 = b, true
	case hasData && isJSON(e.DataContentType()):
		e.DataEncoded = data
	case hasData:
		var s string
		if json.Unmarshal(data, &s) != nil {
			return undecodable("the data are neither a string nor, by their content type, JSON")
		}
		e.DataEncoded = []byte(s)
	}
	return nil
}

// isJSON follows section 3.1 of the CloudEvents JSON format: no content type
// means JSON, and so does the suffix +json.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasSuffix(t, "/json") || strings.HasSuffix(t, "+json"))
}

func undecodable(why string) error {
	return fault.New(fault.Poison, "event-undecodable", why,
		"send CloudEvents 1.0 in structured mode, one in the body of each message")
}

func unencodable(why string) error {
	return fault.New(fault.Poison, "event-unencodable", why, "this is a fault in the function that made the event")
}

func tooLarge() error {
	return fault.New(fault.Poison, "event-too-large", "an event has more than 1 MiB",
		"put the rows into the drops bucket, or send fewer in one event")
}

package host_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
)

// newEvent is an event of the chain without data.
func newEvent(id string) event.Event {
	e := ce.New()
	e.SetID(id)
	e.SetType(event.TypeTick)
	e.SetSource("/test")
	return e
}

func encode(t testing.TB, e event.Event) []byte {
	t.Helper()
	b, err := host.EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t testing.TB, b []byte) event.Event {
	t.Helper()
	e, err := host.DecodeEvent(b)
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return e
}

// setData sets data that are not to be written in Base64 of necessity.
func setData(e *event.Event, contentType, data string) {
	e.SetDataContentType(contentType)
	e.DataEncoded = []byte(data)
}

// examples are events of every shape.
func examples() map[string]event.Event {
	full := newEvent("1")
	full.SetSubject("sub <&>\u2028☺")
	full.SetDataSchema("https://example.com/schema")
	full.SetTime(time.Date(2026, 11, 1, 2, 3, 4, 567, time.UTC))
	full.SetExtension(event.ExtTraceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	full.SetExtension("sampled", true)
	full.SetExtension("sequence", -7)
	full.SetExtension("zero", 0)
	setData(&full, ce.ApplicationJSON, `{ "a" : [1, 2.50, "<&>"],  "b":null }`)
	text := newEvent("2")
	setData(&text, ce.TextPlain, "a,b\r\n\"1\",☺\n")
	binary := newEvent("3")
	setData(&binary, "application/octet-stream", "\x00\xff\xfe")
	flagged := newEvent("4")
	setData(&flagged, "text/csv", "a,b\n")
	flagged.DataBase64 = true
	bare := newEvent("5")
	bare.DataEncoded = []byte(`"no content type means JSON"`)
	return map[string]event.Event{"full": full, "empty": newEvent("0"), "text": text, "binary": binary, "base64": flagged, "bare": bare}
}

// same reports whether two events say the same. An encoder may choose Base64.
func same(a, b event.Event) bool {
	return a.ID() == b.ID() && a.Type() == b.Type() && a.Source() == b.Source() && a.Subject() == b.Subject() &&
		a.Time().Equal(b.Time()) && a.DataContentType() == b.DataContentType() && a.DataSchema() == b.DataSchema() &&
		bytes.Equal(a.Data(), b.Data()) &&
		(len(a.Extensions())+len(b.Extensions()) == 0 || reflect.DeepEqual(a.Extensions(), b.Extensions()))
}

func TestRoundTrip(t *testing.T) {
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			b := encode(t, e)
			if got := decode(t, b); !same(got, e) {
				t.Errorf("got\n%v\nwant\n%v", got, e)
			}
			if again := encode(t, e); !bytes.Equal(again, b) {
				t.Errorf("encoded twice:\n%s\n%s", b, again)
			}
		})
	}
}

// The CloudEvents SDK reads what we write, and we read what it writes.
func TestSDKAgrees(t *testing.T) {
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			var theirs event.Event
			if err := json.Unmarshal(encode(t, e), &theirs); err != nil {
				t.Fatal(err)
			}
			if !same(theirs, e) {
				t.Errorf("the SDK reads\n%v\nof\n%v", theirs, e)
			}
			if name == "binary" {
				e.DataBase64 = true // the SDK writes raw bytes into the JSON otherwise
			}
			b, err := e.MarshalJSON() // json.Marshal would rewrite the data
			if err != nil {
				t.Fatal(err)
			}
			if ours := decode(t, b); !same(ours, e) {
				t.Errorf("of the SDK's\n%s\nwe read\n%v", b, ours)
			}
		})
	}
}

// attributes are the required ones, to complete an event of the tables below.
const attributes = `"specversion":"1.0","id":"1","source":"/s","type":"t"`

var unreadable = map[string]string{
	"nothing":               ``,
	"garbage":               `SECRET`,
	"an array":              `[{` + attributes + `}]`,
	"a string":              `"SECRET"`,
	"cut off":               `{` + attributes,
	"cut off in a member":   `{` + attributes + `,"data":{"a":"SECRET`,
	"bad member":            `{` + attributes + `,"data":SECRET}`,
	"no member name":        `{` + attributes + `,SECRET:1}`,
	"trailing":              `{` + attributes + `} SECRET`,
	"two events":            `{` + attributes + `}{` + attributes + `}`,
	"no version":            `{"id":"1","source":"/s","type":"t"}`,
	"version 0.3":           `{"specversion":"0.3","id":"1","source":"/s","type":"t"}`,
	"version that is null":  `{"specversion":null,"id":"1","source":"/s","type":"t"}`,
	"version number":        `{"specversion":1.0,"id":"1","source":"/s","type":"t"}`,
	"no id":                 `{"specversion":"1.0","source":"/s","type":"t"}`,
	"no source":             `{"specversion":"1.0","id":"1","type":"t"}`,
	"no type":               `{"specversion":"1.0","id":"1","source":"/s"}`,
	"null id":               `{"specversion":"1.0","id":null,"source":"/s","type":"t"}`,
	"empty id":              `{"specversion":"1.0","id":"","source":"/s","type":"t"}`,
	"blank id":              `{"specversion":"1.0","id":" ","source":"/s","type":"t"}`,
	"number id":             `{"specversion":"1.0","id":4111111111111111,"source":"/s","type":"t"}`,
	"bad source":            `{"specversion":"1.0","id":"1","source":"%SECRET","type":"t"}`,
	"two ids":               `{` + attributes + `,"id":"SECRET"}`,
	"escaped second id":     `{` + attributes + `,"\u0069d":"SECRET"}`,
	"bad time":              `{` + attributes + `,"time":"SECRET"}`,
	"number time":           `{` + attributes + `,"time":1}`,
	"bad content type":      `{` + attributes + `,"datacontenttype":"SECRET SECRET"}`,
	"relative schema":       `{` + attributes + `,"dataschema":"SECRET"}`,
	"extension object":      `{` + attributes + `,"x":{"a":"SECRET"}}`,
	"extension array":       `{` + attributes + `,"x":["SECRET"]}`,
	"extension float":       `{` + attributes + `,"x":1.5}`,
	"extension large":       `{` + attributes + `,"x":2147483648}`,
	"extension name":        `{` + attributes + `,"se-cret":"SECRET"}`,
	"extension upper case":  `{` + attributes + `,"Secret":"SECRET"}`,
	"extension no name":     `{` + attributes + `,"":"SECRET"}`,
	"long attribute":        `{` + attributes + `,"x":"` + strings.Repeat("SECRET", 1000) + `"}`,
	"both data":             `{` + attributes + `,"data":"SECRET","data_base64":""}`,
	"base64 number":         `{` + attributes + `,"data_base64":1}`, // the SDK panics
	"base64 garbage":        `{` + attributes + `,"data_base64":"SECRET!"}`,
	"text that is no text":  `{` + attributes + `,"datacontenttype":"text/plain","data":{"a":"SECRET"}}`,
	"nested without an end": strings.Repeat(`{"a":`, 20000),
	"too large":             `{` + attributes + `,"data":"` + strings.Repeat("SECRET ", host.MaxEvent/7) + `"}`,
}

func TestDecodeRefuses(t *testing.T) {
	for name, body := range unreadable {
		_, err := host.DecodeEvent([]byte(body))
		want := "event-undecodable"
		if name == "too large" {
			want = "event-too-large"
		}
		if fault.CodeOf(err) != want || fault.KindOf(err) != fault.Poison {
			t.Errorf("%s: %v, want Poison %s", name, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "4111")) {
			t.Errorf("%s: the error holds the input: %v", name, err)
		}
	}
}

func TestDecode(t *testing.T) {
	e := decode(t, []byte(` { "data" : { "b":1,  "a":[ ] } , "x":null, "n":-3, "flag":false,`+attributes+`} `+"\n"))
	if got := string(e.Data()); got != `{ "b":1,  "a":[ ] }` {
		t.Errorf("data %q are not the bytes that came", got)
	}
	if x := e.Extensions(); len(x) != 2 || x["n"] != int32(-3) || x["flag"] != false {
		t.Errorf("extensions %v", x)
	}
	e = decode(t, []byte(`{`+attributes+`,"datacontenttype":"application/vnd.x+json; charset=utf-8","data":{"a":1}}`))
	if got := string(e.Data()); got != `{"a":1}` {
		t.Errorf("data of a +json type: %q", got)
	}

	body := []byte(`{` + attributes + `,"data":{"a":1}}`)
	e = decode(t, body)
	clear(body)
	if got := string(e.Data()); got != `{"a":1}` || e.ID() != "1" {
		t.Errorf("the event changed with the message's body: %q", got)
	}
}

func TestEncodeRefuses(t *testing.T) {
	with := func(change func(*event.Event)) event.Event {
		e := newEvent("1")
		change(&e)
		return e
	}
	data := func(typ, data string) event.Event {
		return with(func(e *event.Event) { setData(e, typ, data) })
	}
	for name, c := range map[string]struct {
		e    event.Event
		code string
	}{
		"no context":       {event.Event{}, "event-unencodable"},
		"no id":            {with(func(e *event.Event) { e.Context.(*ce.EventContextV1).ID = "" }), "event-unencodable"},
		"version 0.3":      {with(func(e *event.Event) { e.SetSpecVersion("0.3") }), "event-unencodable"},
		"bad extension":    {with(func(e *event.Event) { e.SetExtension("x", []string{"SECRET"}) }), "event-unencodable"},
		"bad json":         {data(ce.ApplicationJSON, `SECRET`), "event-unencodable"},
		"injection":        {data(ce.ApplicationJSON, `1,"type":"SECRET"`), "event-unencodable"},
		"closing":          {data(ce.ApplicationJSON, `1}{"a":"SECRET"`), "event-unencodable"},
		"long attribute":   {with(func(e *event.Event) { e.SetSubject(strings.Repeat("SECRET", 1000)) }), "event-unencodable"},
		"not UTF-8":        {with(func(e *event.Event) { e.SetSubject("SECRET\xff") }), "event-unencodable"},
		"too large":        {data(ce.TextPlain, strings.Repeat("SECRET ", host.MaxEvent/7+1)), "event-too-large"},
		"large in base 64": {data("application/octet-stream", strings.Repeat("\xff", host.MaxEvent-1000)), "event-too-large"},
	} {
		b, err := host.EncodeEvent(c.e)
		if fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Poison || b != nil {
			t.Errorf("%s: %v, want Poison %s", name, err, c.code)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the error holds a value", name)
		}
	}
}

// Whatever comes, decoding does not panic, says nothing of what came, and what
// it accepts is written and read again as the same event.
func FuzzDecodeEvent(f *testing.F) {
	said := map[string]bool{}
	for _, body := range unreadable {
		if _, err := host.DecodeEvent([]byte(body)); err != nil {
			said[err.Error()] = true
		}
		if len(body) < 4096 {
			f.Add([]byte(body))
		}
	}
	for _, e := range examples() {
		f.Add(encode(f, e))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := host.DecodeEvent(body)
		if err != nil {
			if !said[err.Error()] {
				t.Fatalf("an error that is not one of the fixed texts: %v", err)
			}
			return
		}
		b, err := host.EncodeEvent(e)
		if fault.CodeOf(err) == "event-too-large" {
			return // Base64 and escapes take more room
		}
		if err != nil {
			t.Fatalf("%v: %q", err, body)
		}
		if again := decode(t, b); !same(again, e) {
			t.Fatalf("read\n%v\nthen\n%v", e, again)
		}
	})
}

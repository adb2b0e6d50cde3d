package httpevent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
)

// secret is a value of a row: no error and no answer may hold it.
const secret = "4111111111111111"

const attributes = `"specversion":"1.0","id":"1","source":"/s","type":"t"`

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

var (
	structured = header("Content-Type", ce.ApplicationCloudEventsJSON+"; charset=utf-8")
	batched    = header("content-type", ce.ApplicationCloudEventsBatchJSON)
	binary     = header("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "ce-trace", "x", "Content-Type", "text/csv")
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		batch  bool
		want   []string // data of the events, or codes of their faults
	}{
		{"structured", structured, `{` + attributes + `,"data":{"a":1}}`, false, []string{`{"a":1}`}},
		{"binary", binary, "a,b\n", false, []string{"a,b\n"}},
		{"binary without data", binary, "", false, []string{""}},
		{"batch", batched, ` [{` + attributes + `,"data":1}, {}, {` + attributes + `,"data":2}] `, true, []string{"1", "event-undecodable", "2"}},
		{"empty batch", batched, `[]`, true, nil},
		{"not an event", structured, secret, false, []string{"event-undecodable"}},
		{"large event", structured, `{` + attributes + `,"data":"` + strings.Repeat("x", 1<<20) + `"}`, false, []string{"event-too-large"}},
		{"binary of another version", header("ce-specversion", "0.3", "ce-id", "1", "ce-source", "/s", "ce-type", "t"), "", false, []string{"event-undecodable"}},
		{"binary with an attribute that is no header", header("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "ce-datacontenttype", "text/csv"), "", false, []string{"event-undecodable"}},
		{"binary with a name that is none", header("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "ce-a-b", "x"), "", false, []string{"event-unencodable"}},
		{"binary whose JSON is none", header("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "Content-Type", "application/json"), "{" + secret, false, []string{"event-unencodable"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := httpevent.Read(c.header, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			var data []string
			for _, item := range got.Items {
				if item.Err == nil {
					data = append(data, string(item.Event.Data()))
					continue
				}
				data = append(data, fault.CodeOf(item.Err))
				if fault.KindOf(item.Err) != fault.Invalid || strings.Contains(item.Err.Error(), secret) {
					t.Error(item.Err)
				}
			}
			if got.Batch != c.batch || !slices.Equal(data, c.want) {
				t.Errorf("batch %v with %q, want %q", got.Batch, data, c.want)
			}
		})
	}
}

// We read what the SDK's client writes, which does not percent-encode, and what
// the standard wants.
func TestSDKAgrees(t *testing.T) {
	e := ce.New()
	e.SetID("1 & ☺")
	e.SetSource("/s?a=b")
	e.SetType("t")
	e.SetSubject(`"100%"`)
	e.SetTime(time.Date(2026, 11, 1, 2, 3, 4, 5, time.UTC))
	e.SetExtension("sampled", true)
	if err := e.SetData("text/plain; charset=utf-8", []byte("☺")); err != nil {
		t.Fatal(err)
	}
	r, err := cehttp.NewHTTPRequestFromEvent(t.Context(), "http://example.com/", e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := httpevent.Read(r.Header, r.Body)
	if err != nil || len(got.Items) != 1 || got.Items[0].Err != nil {
		t.Fatalf("%v, %+v", err, got)
	}
	if g := got.Items[0].Event; g.ID() != e.ID() || g.Source() != e.Source() || g.Subject() != e.Subject() || !g.Time().Equal(e.Time()) ||
		g.DataContentType() != e.DataContentType() || string(g.Data()) != "☺" || g.Extensions()["sampled"] != "true" {
		t.Errorf("got\n%v\nof\n%v", g, e)
	}
	r.Header.Set("Ce-Subject", "%E2%98%BA%20%25")
	if got, err = httpevent.Read(r.Header, strings.NewReader("")); err != nil || got.Items[0].Err != nil || got.Items[0].Event.Subject() != "☺ %" {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestReadRefuses(t *testing.T) {
	many := "[" + strings.Repeat("{},", httpevent.MaxEvents) + "{}]"
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		code   string
		status int
	}{
		{"no type", header(), `{` + attributes + `}`, "no-cloudevent", 415},
		{"plain JSON", header("Content-Type", "application/json"), `{` + attributes + `}`, "no-cloudevent", 415},
		{"batch that is an object", batched, `{` + attributes + `}`, "batch-undecodable", 400},
		{"half a batch", batched, `[{` + attributes + `}`, "batch-undecodable", 400},
		{"batch and more", batched, `[]` + secret, "batch-undecodable", 400},
		{"many events", batched, many, "batch-too-large", 413},
		{"large body", structured, strings.Repeat(" ", httpevent.MaxBody+1), "request-too-large", 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := httpevent.Read(c.header, strings.NewReader(c.body))
			if fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			if a := httpevent.Refuse(err); a.Status != c.status || !bytes.Contains(a.Body, []byte(c.code)) || bytes.Contains(a.Body, []byte(secret)) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	_, err := httpevent.Read(structured, iotest.ErrReader(errors.New(secret)))
	if fault.KindOf(err) != fault.Retry || strings.Contains(err.Error(), secret) {
		t.Error(err)
	}
	if a := httpevent.Refuse(err); a.Status != 503 || a.Header["Retry-After"] == "" {
		t.Errorf("%+v", a)
	}
}

func TestAdmit(t *testing.T) {
	e := ce.New()
	e.SetType("com.example.order")
	e.SetExtension(event.ExtPartner, "somebody-else")
	if err := httpevent.Admit(&e, "acme", "orders/x"); err != nil || event.Extension(e, event.ExtPartner) != "acme" || event.Extension(e, event.ExtContract) != "orders/x" {
		t.Errorf("%v, %v", err, e.Extensions())
	}
	e.SetType(event.TypeTick)
	if err := httpevent.Admit(&e, "acme", "orders/x"); fault.KindOf(err) != fault.Denied || fault.CodeOf(err) != "reserved-type" {
		t.Error(err)
	}
}

func TestReply(t *testing.T) {
	invalid := fault.New(fault.Invalid, "row-too-long", "it is too long", "shorten it")
	retry := errors.New(secret)
	for _, c := range []struct {
		name   string
		errs   []error
		batch  bool
		status int
		code   string
		events []int
	}{
		{"one taken", []error{nil}, false, 202, "", nil},
		{"one invalid", []error{invalid}, false, 400, "row-too-long", nil},
		{"one again", []error{retry}, false, 503, "internal", nil},
		{"all taken", []error{nil, nil}, true, 202, "", nil},
		{"nothing in it", nil, true, 202, "", nil},
		{"some", []error{nil, invalid, retry}, true, 503, "batch", []int{202, 400, 503}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			httpevent.Reply(c.errs, c.batch).Send(w)
			if w.Code != c.status || strings.Contains(w.Body.String(), secret) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if c.code == "" {
				if w.Body.Len() > 0 {
					t.Errorf("%s", w.Body)
				}
				return
			}
			var body struct {
				Code, Message string
				Events        []struct{ Status int }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Code != c.code || body.Message == "" || len(body.Events) != len(c.events) {
				t.Fatalf("%v %s", err, w.Body)
			}
			for i, e := range body.Events {
				if e.Status != c.events[i] {
					t.Errorf("event %d: %d", i, e.Status)
				}
			}
		})
	}
}

// What is read can be written, and is held to the limits; nothing panics.
func FuzzRead(f *testing.F) {
	for mode, body := range []string{`{` + attributes + `,"data":{"a":1}}`, `[{` + attributes + `}]`, "a,b\n"} {
		f.Add(byte(mode), "1.0", "text/csv", []byte(body))
	}
	f.Fuzz(func(t *testing.T, mode byte, version, contentType string, body []byte) {
		h := structured
		switch mode % 3 {
		case 1:
			h = batched
		case 2:
			h = header("ce-specversion", version, "ce-id", "1", "ce-source", "/s", "ce-type", "t", "Content-Type", contentType)
		}
		got, err := httpevent.Read(h, bytes.NewReader(body))
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatal(err)
		}
		for _, item := range got.Items {
			if item.Err == nil && item.Event.Validate() != nil {
				t.Fatalf("%v", item.Event)
			}
			if item.Err != nil && fault.KindOf(item.Err) != fault.Invalid {
				t.Fatal(item.Err)
			}
		}
	})
}

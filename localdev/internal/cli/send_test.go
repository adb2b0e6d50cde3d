package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// endpoint is an HTTP endpoint that answers as it is told, and counts what it
// was sent. The one of package httpin is tested there, and in testdata/up.txt.
func endpoint(t *testing.T, answers ...func(w http.ResponseWriter, events []json.RawMessage)) (url string, sent *[]int) {
	t.Helper()
	sent = new([]int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var events []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&events); err != nil {
			t.Errorf("request %d is no array: %v", len(*sent), err)
		}
		*sent = append(*sent, len(events))
		answers[min(len(*sent)-1, len(answers)-1)](w, events)
	}))
	t.Cleanup(server.Close)
	return server.URL, sent
}

func status(code int, body string) func(http.ResponseWriter, []json.RawMessage) {
	return func(w http.ResponseWriter, _ []json.RawMessage) {
		if code == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// events are n CloudEvents of so many bytes at least, in an array.
func events(n, size int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/t","type":"t","data":{"x":"%s"}}`, i, strings.Repeat("x", size)))
	}
	return "[" + strings.Join(list, ",") + "]"
}

func send(t *testing.T, url, text string) (*sender, error) {
	t.Helper()
	s := &sender{ctx: context.Background(), url: url}
	err := eachEvent(strings.NewReader(text), s.add)
	if err == nil {
		err = s.flush()
	}
	return s, err
}

func TestSend(t *testing.T) {
	const again = `{"code":"busy","message":"too many requests are being read"}`
	const some = `{"code":"batch","message":"1 of 2 events were not taken","events":[{"index":0,"status":202},{"index":1,"status":403,"code":"no-contract","message":"not here","do":"elsewhere"}]}`
	for _, c := range []struct {
		name    string
		text    string
		answers []func(http.ResponseWriter, []json.RawMessage)
		sent    string
		taken   int64
		refused string
		err     string
	}{
		{"all at once", events(3, 1), []func(http.ResponseWriter, []json.RawMessage){status(202, "")}, "[3]", 3, "", ""},
		{"many in several requests", events(1001, 1), []func(http.ResponseWriter, []json.RawMessage){status(202, "")}, "[500 500 1]", 1001, "", ""},
		{"large ones in several requests", events(3, 2<<20-100), []func(http.ResponseWriter, []json.RawMessage){status(202, "")}, "[2 1]", 3, "", ""},
		{"again while it is busy", events(2, 1), []func(http.ResponseWriter, []json.RawMessage){status(503, again), status(202, "")}, "[2 2]", 2, "", ""},
		{"some refused", events(2, 1), []func(http.ResponseWriter, []json.RawMessage){status(403, some)}, "[2]", 1, "[{1 no-contract not here elsewhere}]", ""},
		{"the request refused", events(2, 1), []func(http.ResponseWriter, []json.RawMessage){status(413, `{"code":"too-large","message":"too large"}`)}, "[2]", 0, "", "HTTP 413): too large"},
		{"somebody else listens", events(2, 1), []func(http.ResponseWriter, []json.RawMessage){status(200, "<html>")}, "[2]", 0, "", "not understood (HTTP 200)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, sent := endpoint(t, c.answers...)
			s, err := send(t, url, c.text)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			refused := ""
			if len(s.refused) > 0 {
				refused = fmt.Sprint(s.refused)
			}
			if fmt.Sprint(*sent) != c.sent || s.taken != c.taken || refused != c.refused {
				t.Errorf("sent %v, taken %d, refused %s; want %s, %d, %s", *sent, s.taken, refused, c.sent, c.taken, c.refused)
			}
		})
	}
}

func TestSendToNobody(t *testing.T) {
	url, _ := endpoint(t, status(202, ""))
	_, err := send(t, strings.Replace(url, "http", "nothing", 1), events(1, 1))
	if err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("got %v", err)
	}
}

// FuzzEachEvent: whatever a file holds, it is events or an error that holds
// nothing of it.
func FuzzEachEvent(f *testing.F) {
	for _, s := range []string{events(2, 1), strings.Trim(events(1, 1), "[]"), " [ ] ", "", "[", "[{]", "[1,2]", `{"specversion":"1.0"}`, events(1, 1) + "x", `[{"specversion":"1.0","id":"1","source":"/t","type":"io.sallyport.x"}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "s3cr3t"
		if err := eachEvent(strings.NewReader(text+secret), func(one []byte, id string) error {
			if !json.Valid(one) || id == "" {
				t.Errorf("not an event: %q", one)
			}
			return nil
		}); err != nil && (strings.Contains(err.Error(), secret) || fault.KindOf(err) != fault.Invalid) {
			t.Errorf("the error is %v", err)
		}
	})
}

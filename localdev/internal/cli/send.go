package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/policy"
)

type sendCommand struct {
	File     string `arg:"" help:"The events: one CloudEvent in JSON, an array of them, or one a line. - reads them from stdin."`
	As       string `required:"" placeholder:"PARTNER" help:"Id of the partner that sends them."`
	Contract string `required:"" placeholder:"NAME" help:"Id or name of the contract that their data is held to."`
	dirFlag
	jsonFlag
}

func (sendCommand) Help() string {
	return `Posts the events to a running sallyport up: the data of each is one row. They are taken once it has answered; an event that was sent before is recognised by its source and id. The exit code is 3 if some were refused.

Examples:

    sallyport send event.json --as northwind-tools --contract inventory
    sallyport send events.ndjson -C myexchange --as northwind-tools --contract inventory --json
    generate-events | sallyport send - --as northwind-tools --contract inventory`
}

const (
	maxPosted      = 500     // events of one request
	maxPostedBytes = 4 << 20 // of one request
	maxEvent       = 4 << 20
	maxAnswer      = 8 << 20
)

// Run sends the events, request by request.
func (c sendCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	p, err := f.Policy()
	if err != nil {
		return err
	}
	below, err := c.path(p)
	if err != nil {
		return err
	}
	base, err := f.Endpoint()
	if err != nil {
		return err
	}
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return failure("the events cannot be opened: "+err.Error(), "")
		}
		defer file.Close()
		in = file
	}
	post := sender{ctx: s, url: base + "/partners/" + url.PathEscape(c.As) + "/" + escapePath(below)}
	err = eachEvent(in, func(e []byte, id string) error { return post.add(e, id) })
	if err == nil {
		err = post.flush()
	}
	if len(post.refused) > 0 {
		s.code = Refused
	}
	if err != nil {
		if post.taken > 0 {
			s.err.Printf("%s taken before it failed; sending them again does no harm\n", show.Count(post.taken, "event"))
		}
		return err
	}
	if c.JSON {
		return s.json(struct {
			Taken   int64     `json:"taken"`
			Refused []refusal `json:"refused"`
		}{post.taken, append([]refusal{}, post.refused...)})
	}
	s.out.Printf("%s taken", show.Count(post.taken, "event"))
	if len(post.refused) > 0 {
		s.out.Printf(", %s", s.out.Paint(show.Bad, show.Number(int64(len(post.refused)))+" refused"))
	}
	s.out.Printf("\n")
	for _, r := range post.refused {
		s.out.Printf("  %s %s\n", s.out.Paint(show.Title, r.ID), s.out.Paint(show.Bad, r.Code+": "+r.Message))
		if r.Do != "" {
			s.out.Printf("    → %s\n", show.Clean(r.Do))
		}
	}
	return nil
}

// path is where the partner sends events of the contract: the folder in which a
// drop of it would lie.
func (c sendCommand) path(p *policy.Policy) (string, error) {
	key, err := local.KeyFor(p, c.As, c.Contract, "event")
	if err != nil {
		return "", err
	}
	below := strings.TrimPrefix(key, c.As+"/")
	dir, name := path.Split(below)
	if name != "event" || dir == "" {
		return "", failure("partner "+c.As+" may drop only one file for contract "+c.Contract+", and no events", "let its path: end in /**")
	}
	return strings.TrimSuffix(dir, "/"), nil
}

func escapePath(p string) string {
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// answer is what a running chain says to a request: see package httpevent.
type answer struct {
	problem
	Events []struct {
		Index  int `json:"index"`
		Status int `json:"status"`
		problem
	} `json:"events"`
}

type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Do      string `json:"do"`
}

// refusal says why an event was not taken.
type refusal struct {
	ID      string `json:"id"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Do      string `json:"do,omitempty"`
}

// sender posts events in requests of a bounded size.
type sender struct {
	ctx context.Context
	url string

	body    bytes.Buffer // of a JSON array, without its brackets
	ids     []string     // of the events in body
	taken   int64
	refused []refusal
}

func (s *sender) add(text []byte, id string) error {
	if len(s.ids) == maxPosted || s.body.Len()+len(text) > maxPostedBytes {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(s.ids) > 0 {
		s.body.WriteByte(',')
	}
	s.body.Write(text)
	s.ids = append(s.ids, id)
	return nil
}

// flush posts what was added. While the chain cannot take it, it is posted
// again, a few times.
func (s *sender) flush() error {
	if len(s.ids) == 0 {
		return nil
	}
	for try := 1; ; try++ {
		again, err := s.post()
		if err == nil {
			s.body.Reset()
			s.ids = s.ids[:0]
			return nil
		}
		if again == 0 || try == 5 {
			return err
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(again):
		}
	}
}

// post posts once. again is after how long it may help to post once more.
func (s *sender) post() (again time.Duration, err error) {
	body := append(append([]byte{'['}, s.body.Bytes()...), ']')
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("cannot make a request: %w", err)
	}
	req.Header.Set("Content-Type", ce.ApplicationCloudEventsBatchJSON)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if s.ctx.Err() != nil {
			return 0, s.ctx.Err()
		}
		return 0, failure("the chain does not answer: "+err.Error(), "is sallyport up still running?")
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return time.Second, failure("the chain's answer broke off: "+err.Error(), "send the events again: those that were taken are recognised")
	}
	var told answer
	if err := json.Unmarshal(said, &told); err != nil && len(said) > 0 {
		return 0, failure(fmt.Sprintf("the chain's answer is not understood (HTTP %d)", resp.StatusCode), "another program may listen there, or another version runs")
	}
	switch {
	case resp.StatusCode == http.StatusAccepted:
		s.taken += int64(len(s.ids))
		return 0, nil
	case resp.StatusCode == http.StatusServiceUnavailable:
		again = time.Second
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
			again = min(time.Duration(seconds)*time.Second, 10*time.Second)
		}
		return again, failure("the chain cannot take the events now: "+told.Message, "send them again later: those that were taken are recognised")
	case len(told.Events) > 0:
		for _, e := range told.Events {
			if e.Status == http.StatusAccepted {
				s.taken++
			} else if e.Index >= 0 && e.Index < len(s.ids) {
				s.refused = append(s.refused, refusal{s.ids[e.Index], e.Code, e.Message, e.Do})
			}
		}
		return 0, nil
	}
	return 0, failure(fmt.Sprintf("the chain did not take the events (HTTP %d): %s", resp.StatusCode, told.Message), told.Do)
}

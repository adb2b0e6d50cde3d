package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/sallyport-io/sallyport/functions/reveal"
)

// there asks a deployed function.
func (c revealCommand) there(s *session, tokens []string) ([]reveal.Answer, error) {
	if c.Field == "" || c.Contract == "" || c.Purpose == "" {
		return nil, usageError{fmt.Errorf("--url needs --contract, --field and --purpose: the exchange is not here")}
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, usageError{fmt.Errorf("--url is not an https URL: a token or key is sent there")}
	}
	header := http.Header{"Content-Type": {"application/json"}}
	token, key := os.Getenv("SALLYPORT_REVEAL_TOKEN"), os.Getenv("SALLYPORT_REVEAL_KEY")
	switch {
	case (token == "") == (key == ""):
		return nil, failure("it takes one of SALLYPORT_REVEAL_TOKEN and SALLYPORT_REVEAL_KEY to show who asks", "set it in the environment")
	case token != "":
		header.Set("Authorization", "Bearer "+token)
	default:
		header.Set("X-API-Key", key)
	}
	target := strings.TrimSuffix(u.String(), "/")
	if !strings.HasSuffix(target, reveal.Path) {
		target += reveal.Path
	}
	var answers []reveal.Answer
	for _, r := range requests(reveal.Request{Grant: c.Grant, Contract: c.Contract, Field: c.Field, Purpose: c.Purpose}, tokens) {
		a, err := ask(s, target, header, r)
		if err != nil {
			return answers, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

func loopback(host string) bool {
	return host == "127.0.0.1" || host == "::1" || host == "localhost"
}

// ask posts one request.
func ask(s *session, target string, header http.Header, r reveal.Request) (reveal.Answer, error) {
	body, err := json.Marshal(map[string]any{"grant": r.Grant, "contract": r.Contract, "field": r.Field, "purpose": r.Purpose, "tokens": r.Tokens})
	if err != nil {
		return reveal.Answer{}, fmt.Errorf("cannot write a request: %w", err)
	}
	req, err := http.NewRequestWithContext(s, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return reveal.Answer{}, failure("a request cannot be made of --url", "give something like https://reveal.example.org")
	}
	req.Header = header
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		if s.Err() != nil {
			return reveal.Answer{}, s.Err()
		}
		return reveal.Answer{}, failure("the function does not answer: "+err.Error(), "look at --url")
	}
	defer res.Body.Close()
	var told struct {
		problem
		ID    string `json:"id"`
		Items []struct {
			Value  *string `json:"value"`
			Base64 []byte  `json:"base64"`
		} `json:"items"`
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil || json.Unmarshal(text, &told) != nil {
		return reveal.Answer{}, failure(fmt.Sprintf("the answer is not understood (HTTP %d)", res.StatusCode), "another program may listen there, or another version runs")
	}
	if res.StatusCode != http.StatusOK {
		return reveal.Answer{}, failure(fmt.Sprintf("it was refused (HTTP %d, %s): %s", res.StatusCode, told.Code, told.Message), told.Do)
	}
	if len(told.Items) != len(r.Tokens) {
		return reveal.Answer{}, failure("the answer has another number of items than tokens were sent", "another version runs there")
	}
	a := reveal.Answer{ID: told.ID}
	for _, item := range told.Items {
		switch {
		case item.Value != nil:
			a.Items = append(a.Items, reveal.Item{Value: []byte(*item.Value), Revealed: true})
		case item.Base64 != nil:
			a.Items = append(a.Items, reveal.Item{Value: item.Base64, Revealed: true})
		default:
			a.Items = append(a.Items, reveal.Item{})
		}
	}
	return a, nil
}

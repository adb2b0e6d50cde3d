package reveal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Limits of a request.
const (
	MaxBody   = 1 << 20 // bytes
	MaxTokens = 1000
	maxName   = 256 // bytes of a grant, contract, field or purpose
)

// The codes of faults of requests, all Invalid.
const (
	CodeTooLarge = "request-too-large"    // more than MaxBody bytes or MaxTokens tokens
	CodeRequest  = "request-undecodable"  // it is not the JSON document that is asked for
	CodeBroken   = "request-broken"       // Retry: it broke off
	CodeMedia    = "request-content-type" // it is not JSON by its content type
)

// Request asks for the values behind tokens.
type Request struct {
	Grant    string   // id of the grant that allows it
	Contract string   // id or name, as the grant has it
	Field    string   // path of the field that the tokens are of
	Purpose  string   // that of the grant
	Tokens   []string // 1 to MaxTokens
}

// Read reads a request from JSON:
//
//	{"grant": "police-cases", "contract": "payments", "field": "account", "purpose": "investigation", "tokens": ["s1_..."]}
//
// All members are required, and each is there once, in any order; there are no
// others. What could be read in two ways is refused. No error holds anything of
// the request.
func Read(body io.Reader) (Request, error) {
	text, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	switch {
	case len(text) > MaxBody:
		return Request{}, tooLarge(fmt.Sprintf("the request has more than %d bytes", MaxBody))
	case err != nil:
		return Request{}, fault.New(fault.Retry, CodeBroken, "the request broke off", "send it again")
	case !utf8.Valid(text):
		return Request{}, malformed("it is not UTF-8")
	}
	var r Request
	if err := r.decode(json.NewDecoder(bytes.NewReader(text))); err != nil {
		return Request{}, err
	}
	for _, name := range []string{r.Grant, r.Contract, r.Field, r.Purpose} {
		if name == "" || len(name) > maxName {
			return Request{}, malformed(fmt.Sprintf("grant, contract, field and purpose have 1 to %d bytes each", maxName))
		}
	}
	if len(r.Tokens) == 0 {
		return Request{}, malformed("it has no tokens")
	}
	return r, nil
}

// decode reads the document token by token: decoding it into a struct would take
// a name twice, and in any case.
func (r *Request) decode(d *json.Decoder) error {
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return malformed("it is not a JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		key, ok := name.(string)
		switch {
		case err != nil || !ok:
			return malformed("it is not JSON")
		case seen[key]:
			return malformed("a member is there twice")
		}
		seen[key] = true
		if err := r.member(d, key); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return malformed("it is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed("something comes after it")
	}
	return nil
}

func (r *Request) member(d *json.Decoder, key string) error {
	into := map[string]*string{"grant": &r.Grant, "contract": &r.Contract, "field": &r.Field, "purpose": &r.Purpose}[key]
	if into == nil && key != "tokens" {
		return malformed("it has a member that is not asked for")
	}
	v, err := d.Token()
	if into != nil {
		s, ok := v.(string)
		if err != nil || !ok {
			return malformed(key + " is not a string")
		}
		*into = s
		return nil
	}
	if err != nil || v != json.Delim('[') {
		return malformed("tokens is not an array")
	}
	for d.More() {
		v, err := d.Token()
		s, ok := v.(string)
		switch {
		case err != nil || !ok:
			return malformed("a token is not a string")
		case len(r.Tokens) == MaxTokens:
			return tooLarge(fmt.Sprintf("the request has more than %d tokens", MaxTokens))
		}
		r.Tokens = append(r.Tokens, s)
	}
	if _, err := d.Token(); err != nil { // the closing bracket
		return malformed("it is not JSON")
	}
	return nil
}

func tooLarge(msg string) error {
	return fault.New(fault.Invalid, CodeTooLarge, msg, "send several requests")
}

func malformed(why string) error {
	return fault.New(fault.Invalid, CodeRequest, "the request cannot be read: "+why,
		`send {"grant": "...", "contract": "...", "field": "...", "purpose": "...", "tokens": ["..."]}`)
}

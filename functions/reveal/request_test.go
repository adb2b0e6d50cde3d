package reveal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/shared/fault"
)

const asked = `{"grant":"g","contract":"c","field":"f","purpose":"p","tokens":["s1_canary"]}`

func TestRead(t *testing.T) {
	r, err := reveal.Read(strings.NewReader(`{"tokens":["a","","b\u0000"],"purpose":"p","field":"f","contract":"c","grant":"g"}` + "\n"))
	if err != nil || fmt.Sprintf("%q", r) != fmt.Sprintf("%q", reveal.Request{Grant: "g", Contract: "c", Field: "f", Purpose: "p", Tokens: []string{"a", "", "b\x00"}}) {
		t.Errorf("%q, %v", r, err)
	}
	many := strings.TrimSuffix(strings.Repeat(`"x",`, reveal.MaxTokens), ",")
	if r, err := reveal.Read(strings.NewReader(strings.Replace(asked, `"s1_canary"`, many, 1))); err != nil || len(r.Tokens) != reveal.MaxTokens {
		t.Errorf("as many as may be: %d, %v", len(r.Tokens), err)
	}
	for name, text := range map[string]string{
		"nothing": "", "not JSON": "hello", "an array": "[" + asked + "]", "a string": `"canary"`, "null": "null", "cut off": asked[:len(asked)-1], "cut off in tokens": asked[:len(asked)-3],
		"twice": asked + asked, "more": asked + "x", "a member twice": strings.Replace(asked, `"field"`, `"grant"`, 1), "in capitals": strings.Replace(asked, `"grant"`, `"Grant"`, 1),
		"another member": strings.Replace(asked, `{`, `{"canary":1,`, 1), "no grant": strings.Replace(asked, `"grant":"g",`, "", 1), "an empty purpose": strings.Replace(asked, `"p"`, `""`, 1),
		"a number": strings.Replace(asked, `"g"`, "1", 1), "an object": strings.Replace(asked, `"g"`, `{"canary":{}}`, 1), "a long name": strings.Replace(asked, `"g"`, `"`+strings.Repeat("canary", 50)+`"`, 1),
		"no tokens": strings.Replace(asked, `"s1_canary"`, "", 1), "tokens of numbers": strings.Replace(asked, `"s1_canary"`, "1", 1), "tokens in tokens": strings.Replace(asked, `"s1_canary"`, `["s1_canary"]`, 1),
		"one token": strings.Replace(asked, `["s1_canary"]`, `"s1_canary"`, 1), "not UTF-8": strings.Replace(asked, "canary", "canary\xff", 1), "a trailing comma": strings.Replace(asked, "]}", "],}", 1),
	} {
		if _, err := reveal.Read(strings.NewReader(text)); fault.CodeOf(err) != reveal.CodeRequest || fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"too many": strings.Replace(asked, `"s1_canary"`, many+`,"x"`, 1), "too large": strings.Replace(asked, "canary", strings.Repeat("x", reveal.MaxBody), 1),
	} {
		if _, err := reveal.Read(strings.NewReader(text)); fault.CodeOf(err) != reveal.CodeTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := reveal.Read(io.MultiReader(strings.NewReader(asked[:9]), iotest.ErrReader(errors.New("canary")))); fault.CodeOf(err) != reveal.CodeBroken || strings.Contains(err.Error(), "canary") {
		t.Errorf("broken off: %v", err)
	}
}

// FuzzRead: what is read is within its bounds, is what encoding/json reads, too, and
// an error repeats nothing.
func FuzzRead(f *testing.F) {
	f.Add([]byte(asked))
	f.Add([]byte(`{"tokens":["a","b"],"grant":"\ud800","contract":"c","field":"f","purpose":"p"}`))
	f.Add([]byte(`{"grant":"g","grant":"h","tokens":[]}`))
	f.Add([]byte(`{"a":{"b":[[[]]]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := reveal.Read(strings.NewReader(string(text)))
		if err != nil {
			var fe *fault.Error
			if !errors.As(err, &fe) || fe.Kind != fault.Invalid || fe.Err != nil {
				t.Errorf("%v", err)
			}
			return
		}
		if len(r.Tokens) < 1 || len(r.Tokens) > reveal.MaxTokens || r.Grant == "" || len(r.Purpose) > 256 {
			t.Errorf("%+v is beyond its bounds", r)
		}
		var other struct {
			Grant, Contract, Field, Purpose string
			Tokens                          []string
		}
		if err := json.Unmarshal(text, &other); err != nil || fmt.Sprintf("%q", other) != fmt.Sprintf("%q", r) {
			t.Errorf("%q is read as %q, by encoding/json as %q, %v", text, r, other, err)
		}
	})
}

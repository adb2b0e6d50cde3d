package transform

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// somewhere is a place with all that a transform may ask of it.
var somewhere = Place{Time: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Drop: "d", Segment: 2, View: "v", Field: "f"}

// inRow is an appender of values in a row of an entity.
func inRow(tr *Transform, p Place, row int64, entity string) Appender {
	a := tr.At(p)
	if r, ok := a.(RowAppender); ok {
		r.Row(row, []byte(entity))
	}
	return a
}

// TestGCMTokensDiffer: the same value has another token in each place, row and
// turn, and the same one in the same.
func TestGCMTokensDiffer(t *testing.T) {
	tr := compile(t, Spec{Type: Token, Algorithm: GCM}, record.String)
	const value = "ann@example.org"
	other := func(change func(*Place)) Place {
		p := somewhere
		change(&p)
		return p
	}
	seen := map[string]string{}
	for name, a := range map[string]Appender{
		"here":               inRow(tr, somewhere, 1, ""),
		"in another row":     inRow(tr, somewhere, 2, ""),
		"of another drop":    inRow(tr, other(func(p *Place) { p.Drop = "e" }), 1, ""),
		"of another segment": inRow(tr, other(func(p *Place) { p.Segment = 3 }), 1, ""),
		"of another view":    inRow(tr, other(func(p *Place) { p.View = "w" }), 1, ""),
		"of another field":   inRow(tr, other(func(p *Place) { p.Field = "g" }), 1, ""),
		"of parts missing":   inRow(tr, other(func(p *Place) { p.View = "" }), 1, ""),
	} {
		for turn := range 2 {
			got := apply(a, value)
			if strings.HasPrefix(name, "of parts") {
				if got != none {
					t.Errorf("%s: %s", name, got)
				}
				continue
			}
			if was, twice := seen[got]; twice || !strings.HasPrefix(got, "g3_") {
				t.Errorf("%s, turn %d: %s, as %s", name, turn, got, was)
			}
			seen[got] = name
			back, ok, err := Reveal([]byte("before"), []byte(got), key)
			if err != nil || !ok || string(back) != "before"+value {
				t.Errorf("%s comes back as %q, %v, %v", got, back, ok, err)
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d tokens", len(seen))
	}
	first := inRow(tr, somewhere, 1, "")
	if got := apply(first, value); seen[got] != "here" {
		t.Errorf("another run: %s", got)
	}
	if got := apply(tr.At(somewhere), value); got != none {
		t.Errorf("in no row: %s", got)
	}
	if got := apply(inRow(tr, Place{}, 1, ""), value); got != none {
		t.Errorf("in no place: %s", got)
	}
}

// TestGCMNonces: of many values in many rows no two share a nonce, not even where
// a place comes twice.
func TestGCMNonces(t *testing.T) {
	tr := compile(t, Spec{Type: Token, Algorithm: GCM}, record.String)
	seen := map[string]bool{}
	n := 0
	for _, value := range []string{"", "a", "b", strings.Repeat("long ", 30)} {
		a := tr.At(somewhere)
		for row := range 500 {
			a.(RowAppender).Row(int64(row+1), nil)
			for range 3 {
				raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(apply(a, value), "g3_"))
				if err != nil || len(raw) != gcmNonce+len(value)+16 {
					t.Fatalf("%d bytes, %v", len(raw), err)
				}
				seen[string(raw[:gcmNonce])] = true
				n++
			}
		}
	}
	if len(seen) != n {
		t.Errorf("%d values share %d nonces", n, len(seen))
	}
}

func TestGCMRefuses(t *testing.T) {
	tr := compile(t, Spec{Type: Token, Algorithm: GCM}, record.String)
	token := apply(inRow(tr, somewhere, 1, ""), "ann@example.org")
	for i := range token {
		broken := []byte(token)
		if broken[i]++; i == 3 {
			broken[i] = token[i] ^ 0x01
		}
		if back, ok, err := Reveal([]byte("before"), broken, key); ok || err != nil || string(back) != "before" {
			t.Errorf("%s is revealed: %q, %v", broken, back, err)
		}
	}
	for _, text := range []string{"", "g3_", "g3_AAAA", "g3_" + strings.Repeat("A", 38), "s" + token[1:], token + "=", token[:len(token)-1]} {
		if back, ok, err := Reveal(nil, []byte(text), key); ok || err != nil || len(back) > 0 {
			t.Errorf("%s is revealed: %q, %v", text, back, err)
		}
	}
	if _, err := Compile(Spec{Type: Token, Algorithm: GCM}, record.String, nil); fault.CodeOf(err) != CodeKey {
		t.Errorf("without a key: %v", err)
	}
}

// TestPlaceKey: the key of a place is HMAC-SHA256 of its parts, each behind its
// length.
func TestPlaceKey(t *testing.T) {
	got := Place{Drop: "d1", Segment: 12, View: "v", Field: "a.b"}.key([]byte(key.secret))
	message := []byte("\x00\x00\x00\x00\x00\x00\x00\x02d1\x00\x00\x00\x00\x00\x00\x00\x0212\x00\x00\x00\x00\x00\x00\x00\x01v\x00\x00\x00\x00\x00\x00\x00\x03a.b")
	if want := hmacOf(key.secret, message); !bytes.Equal(got, want) || len(got) != sha256.Size {
		t.Errorf("%x, want %x", got, want)
	}
	if a, b := fmt.Sprintf("%x", Place{Drop: "d1", View: "v"}.key([]byte(key.secret))), fmt.Sprintf("%x", Place{Drop: "d", View: "1v"}.key([]byte(key.secret))); a == b {
		t.Error("parts run into each other")
	}
}

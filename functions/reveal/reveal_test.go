package reveal

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"gocloud.dev/gcerrors"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// TestReveal: tokens of every version that is not retired come back, in their order,
// for whoever shows that it is one of the callers; the record says all but them.
func TestReveal(t *testing.T) {
	w := newWorld(t)
	es := newSigner(t, "one")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs := signer{jose.RS256, "two", key}
	w.issuer.set(func() { w.issuer.keys = []jose.JSONWebKey{es.public(), rs.public()} })

	values := []string{canary, "canary two", "", "canary \xff\x00", canary}
	body := inquiryOf(token(t, "acme", 3, values[0]), token(t, "acme", 2, values[1]), token(t, "acme", 3, values[2]),
		token(t, "acme", 1, "canary of a retired version"), token(t, "rival", 3, "canary of another domain"), "t3_AAAAAAAAAAAAAAAAAAAAAA", "", "s9_AAAA",
		token(t, "acme", 3, values[3]), token(t, "acme", 3, values[4]))
	want := []any{values[0], values[1], values[2], nil, nil, nil, nil, nil, []byte(values[3]), values[4]}

	elsewhere := map[string]any{"sub": "other-service", "aud": []string{"x", "elsewhere"}}
	for _, tt := range []struct {
		name, caller string
		header       func() http.Header
	}{
		{"an API key", "key " + digestOf(goodKey)[:16], func() http.Header { return withKey(goodKey) }},
		{"a token", w.issuer.URL + " case-service", func() http.Header { return bearer(es.sign(t, w.claimsOf(nil))) }},
		{"a token by RSA", w.issuer.URL + " case-service", func() http.Header { return bearer(rs.sign(t, w.claimsOf(nil))) }},
		{"a token for several", w.issuer.URL + " case-service", func() http.Header {
			return bearer(es.sign(t, w.claimsOf(map[string]any{"aud": []string{"x", "sallyport/demo"}})))
		}},
		{"a token of another audience", w.issuer.URL + " other-service", func() http.Header { return bearer(es.sign(t, w.claimsOf(elsewhere))) }},
		{"the issuer's clock is ahead", w.issuer.URL + " case-service", func() http.Header {
			return bearer(es.sign(t, w.claimsOf(map[string]any{"nbf": w.now.Add(clockSkew).Unix(), "iat": w.now.Add(clockSkew).Unix()})))
		}},
	} {
		a := w.ask(t, tt.header(), body)
		if a.Status != http.StatusOK || len(a.Items) != len(want) || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", tt.name, a.Status, a.Code)
			continue
		}
		for i, item := range a.Items {
			var got any
			switch {
			case item.Value != nil:
				got = *item.Value
			case item.Base64 != nil:
				got = item.Base64
			}
			if fmt.Sprint(got) != fmt.Sprint(want[i]) || item.Refused != (want[i] == nil) {
				t.Errorf("%s: item %d is %v, refused %v; want %v", tt.name, i, got, item.Refused, want[i])
			}
		}
		e, data, _ := w.last(t)
		wanted := event.Reveal{Grant: "cases", Partner: "police", Contract: "people-id", Object: "person", Field: "mail", Purpose: "investigation", LegalBasis: "legal-obligation",
			Caller: tt.caller, Tokens: 10, Revealed: 5, Refused: map[string]int{"form": 2, "key": 2, "other": 1}}
		if fmt.Sprint(data) != fmt.Sprint(wanted) || e.Type() != event.TypeRevealCompleted || e.ID() != a.ID || e.Source() != Source || !e.Time().Equal(w.now) {
			t.Errorf("%s: recorded as %s %+v", tt.name, e.Type(), data)
		}
		if newest, err := w.f.exchanges.Newest(t.Context()); err != nil || event.Extension(e, event.ExtExchange) != newest.Digest() {
			t.Errorf("%s: of exchange %q, %v", tt.name, event.Extension(e, event.ExtExchange), err)
		}
		w.silent(t, "")
		w.now = w.now.Add(time.Minute) // for the rate
	}
	byID := inquiryOf(token(t, "acme", 3, canary))
	byID["contract"] = "people-id"
	if a := w.ask(t, withKey(goodKey), byID); a.Status != http.StatusOK {
		t.Errorf("by the contract's id: %d %s", a.Status, a.Code)
	}
	// Who is authenticated elsewhere, such as on the command line, needs no header.
	answer, err := w.f.Reveal(t.Context(), "local ann", Request{"cases", "people", "mail", "investigation", []string{token(t, "acme", 3, canary)}}, w.take)
	if _, data, _ := w.last(t); err != nil || string(answer.Items[0].Value) != canary || data.Caller != "local ann" || data.Revealed != 1 {
		t.Errorf("%v, recorded as %+v", err, data)
	}
}

// TestRefused: the table of what is refused. The caller learns the code of the
// answer, the ledger that of the record; nobody learns a value.
// TestScopes: tokens of the field, or of the contract, are revealed as those of the
// whole domain are; those of other fields and contracts are not.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	body := inquiryOf(
		token(t, "acme", 3, "one", keys.FieldScope("people-id", "person", "mail")...), token(t, "acme", 2, "two", keys.ContractScope("people-id")...),
		token(t, "acme", 3, "canary", keys.FieldScope("people-id", "person", "land")...), token(t, "acme", 3, "canary", keys.FieldScope("people-id", "other", "mail")...),
		token(t, "acme", 3, "canary", keys.ContractScope("orders")...), token(t, "acme", 3, "three"))
	var got []string
	for _, item := range w.ask(t, withKey(goodKey), body).Items {
		value := "-"
		if item.Value != nil {
			value = *item.Value
		}
		got = append(got, value)
	}
	if strings.Join(got, " ") != "one two - - - three" {
		t.Errorf("revealed %q", got)
	}
}

func TestRefused(t *testing.T) {
	good, other := newSigner(t, "one"), newSigner(t, "one")
	tok := func(claims map[string]any) func(*testing.T, *world) http.Header {
		return func(t *testing.T, w *world) http.Header { return bearer(good.sign(t, w.claimsOf(claims))) }
	}
	key := func(*testing.T, *world) http.Header { return withKey(goodKey) }
	with := func(name string, value any) func(map[string]any) {
		return func(body map[string]any) { body[name] = value }
	}
	noGrant := func(w *world, t *testing.T) { w.publish(t, "  - id: cases\n", "  - id: other-cases\n") }
	for _, tt := range []struct {
		name   string
		header func(*testing.T, *world) http.Header
		body   func(map[string]any)
		world  func(*world, *testing.T)
		status int
		told   string
		noted  string // "": as told
	}{
		{"no credentials", func(*testing.T, *world) http.Header { return nil }, nil, nil, 401, CodeUnauthorized, codeNoCaller},
		{"two", func(t *testing.T, w *world) http.Header {
			h := tok(nil)(t, w)
			maps.Copy(h, withKey(goodKey))
			return h
		}, nil, nil, 401, CodeUnauthorized, codeTwoCallers},
		{"two keys", func(*testing.T, *world) http.Header { return http.Header{"X-Api-Key": {goodKey, goodKey}} }, nil, nil, 401, CodeUnauthorized, codeTwoCallers},
		{"a wrong key", func(*testing.T, *world) http.Header { return withKey(goodKey + "x") }, nil, nil, 401, CodeUnauthorized, codeAPIKey},
		{"the digest as the key", func(*testing.T, *world) http.Header { return withKey(digestOf(goodKey)) }, nil, nil, 401, CodeUnauthorized, codeAPIKey},
		{"an empty key", func(*testing.T, *world) http.Header { return withKey("") }, nil, nil, 401, CodeUnauthorized, codeShortKey},
		{"a short key that is one", func(*testing.T, *world) http.Header { return withKey("canary") }, nil,
			func(w *world, t *testing.T) { w.publish(t, digestOf(goodKey), digestOf("canary")) }, 401, CodeUnauthorized, codeShortKey},
		{"a password", func(*testing.T, *world) http.Header {
			return http.Header{"Authorization": {"Basic Y2FuYXJ5OmNhbmFyeQ=="}}
		}, nil, nil, 401, CodeUnauthorized, codeTokenForm},
		{"no token", func(*testing.T, *world) http.Header { return bearer("") }, nil, nil, 401, CodeUnauthorized, codeTokenForm},
		{"not a token", func(*testing.T, *world) http.Header { return bearer("canary.canary.canary") }, nil, nil, 401, CodeUnauthorized, codeTokenForm},
		{"a long token", func(*testing.T, *world) http.Header { return bearer(strings.Repeat("canary", 5000)) }, nil, nil, 401, CodeUnauthorized, codeTokenForm},
		{"another issuer", tok(map[string]any{"iss": "https://canary.example"}), nil, nil, 401, CodeUnauthorized, codeTokenIssuer},
		{"no issuer", tok(map[string]any{"iss": nil}), nil, nil, 401, CodeUnauthorized, codeTokenForm},
		{"two issuers", func(t *testing.T, w *world) http.Header { // whichever is taken, nobody else's keys are
			text, err := json.Marshal(w.claimsOf(nil))
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(good.sign(t, w.claimsOf(nil)), ".")
			parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(text), "{", `{"iss":"https://canary.example",`, 1)))
			return bearer(strings.Join(parts, "."))
		}, nil, nil, 401, CodeUnauthorized, codeTokenSign},
		{"another audience", tok(map[string]any{"aud": "canary"}), nil, nil, 401, CodeUnauthorized, codeTokenFor},
		{"no audience", tok(map[string]any{"aud": nil}), nil, nil, 401, CodeUnauthorized, codeTokenFor},
		{"the audience of another caller", tok(map[string]any{"aud": "elsewhere"}), nil, nil, 401, CodeUnauthorized, codeTokenSubject},
		{"another subject", tok(map[string]any{"sub": "canary"}), nil, nil, 401, CodeUnauthorized, codeTokenSubject},
		{"no subject", tok(map[string]any{"sub": nil}), nil, nil, 401, CodeUnauthorized, codeTokenSubject},
		{"expired", tok(map[string]any{"exp": today.Unix()}), nil, nil, 401, CodeUnauthorized, codeTokenExpired},
		{"never expires", tok(map[string]any{"exp": nil}), nil, nil, 401, CodeUnauthorized, codeTokenExpired},
		{"not yet", tok(map[string]any{"nbf": today.Add(clockSkew + time.Second).Unix()}), nil, nil, 401, CodeUnauthorized, codeTokenEarly},
		{"issued in the future", tok(map[string]any{"iat": today.Add(clockSkew + time.Second).Unix()}), nil, nil, 401, CodeUnauthorized, codeTokenEarly},
		{"our clock is an hour behind", tok(map[string]any{"nbf": today.Unix()}), nil, func(w *world, _ *testing.T) { w.now = today.Add(-time.Hour) }, 401, CodeUnauthorized, codeTokenEarly},
		{"our clock is an hour ahead", tok(map[string]any{"exp": today.Add(time.Minute).Unix()}), nil, func(w *world, _ *testing.T) { w.now = today.Add(time.Hour) }, 401, CodeUnauthorized, codeTokenExpired},
		{"times that are none", tok(map[string]any{"nbf": "canary"}), nil, nil, 401, CodeUnauthorized, codeTokenForm},
		{"signed by a stranger", func(t *testing.T, w *world) http.Header { return bearer(other.sign(t, w.claimsOf(nil))) }, nil, nil, 401, CodeUnauthorized, codeTokenSign},
		{"signed by a key of another id", func(t *testing.T, w *world) http.Header {
			return bearer(signer{other.alg, "unknown", other.key}.sign(t, w.claimsOf(nil)))
		}, nil, nil, 401, CodeUnauthorized, codeTokenSign},
		{"the signature is changed", func(t *testing.T, w *world) http.Header {
			return bearer(strings.TrimRight(good.sign(t, w.claimsOf(nil)), "AQgw") + "AAAA")
		}, nil, nil, 401, CodeUnauthorized, codeTokenSign},
		{"alg none", func(t *testing.T, w *world) http.Header {
			parts := strings.Split(good.sign(t, w.claimsOf(nil)), ".")
			return bearer(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".")
		}, nil, nil, 401, CodeUnauthorized, codeTokenSign},
		{"signed with the public key as a secret", func(t *testing.T, w *world) http.Header {
			public, err := json.Marshal(good.public())
			if err != nil {
				t.Fatal(err)
			}
			return bearer(signer{jose.HS256, "one", public}.sign(t, w.claimsOf(nil)))
		}, nil, nil, 401, CodeUnauthorized, codeTokenSign},

		{"an unknown grant, with a key", key, with("grant", "canary"), nil, 401, CodeUnauthorized, codeUnknownGrant},
		{"an unknown grant, with a token", tok(nil), with("grant", "canary"), nil, 401, CodeUnauthorized, codeUnknownGrant},
		{"a grant that was removed", key, nil, noGrant, 401, CodeUnauthorized, codeUnknownGrant},
		{"a caller that was removed", key, nil, func(w *world, t *testing.T) { w.publish(t, "      - apiKey: "+digestOf(goodKey)+"\n", "") }, 401, CodeUnauthorized, codeAPIKey},
		{"a partner that was removed", key, nil, func(w *world, t *testing.T) {
			files := w.exchangeFiles()
			delete(files, "partners/police.yaml")
			folder := fstest.MapFS{}
			for name, text := range files {
				folder[name] = &fstest.MapFile{Data: []byte(text)}
			}
			w.publishFolder(t, folder)
		}, 401, CodeUnauthorized, codeUnknownGrant},
		{"a partner whose subscriptions are all revoked", key, nil, func(w *world, t *testing.T) {
			w.publish(t, "reveal:\n", "subscriptions:\n  - {id: police-people, contract: people, purpose: p, legalBasis: contract, revoked: true, destination: {url: 'mem://police'}}\nreveal:\n")
		}, 403, exchange.CodeGrantPartner, ""},
		{"a grant that was revoked", key, nil, func(w *world, t *testing.T) {
			w.publish(t, "expires: 2026-12-31", "expires: 2026-12-31\n    revoked: true")
		}, 403, exchange.CodeGrantRevoked, ""},
		{"a grant that has expired", key, nil, func(w *world, _ *testing.T) { w.now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }, 403, exchange.CodeGrantExpired, ""},
		{"a grant that was made shorter", key, nil, func(w *world, t *testing.T) { w.publish(t, "expires: 2026-12-31", "expires: 2026-05-05") }, 403, exchange.CodeGrantExpired, ""},
		{"another contract", key, with("contract", "canary"), nil, 403, CodeOtherContract, ""},
		{"another field", key, with("field", "land"), nil, 403, CodeOtherField, ""},
		{"no such field", key, with("field", "canary"), nil, 403, CodeOtherField, ""},
		{"another purpose", key, with("purpose", "canary"), nil, 403, CodeOtherPurpose, ""},
		{"a purpose in capitals", key, with("purpose", "Investigation"), nil, 403, CodeOtherPurpose, ""},
		{"more than the grant allows at all", key, with("tokens", slices.Repeat([]string{"s3_canary"}, 61)), nil, 403, CodeTooManyAtOnce, ""},
		{"more than a request may have", key, with("tokens", slices.Repeat([]string{"s3_canary"}, MaxTokens+1)), nil, 413, CodeTooLarge, ""},
		{"no tokens", key, with("tokens", []string{}), nil, 400, CodeRequest, ""},
		{"no purpose", key, with("purpose", ""), nil, 400, CodeRequest, ""},
		{"another content type", func(*testing.T, *world) http.Header {
			return http.Header{"X-Api-Key": {goodKey}, "Content-Type": {"text/plain"}}
		}, nil, nil, 415, CodeMedia, ""},
		{"the issuer is down", tok(nil), nil, func(w *world, _ *testing.T) { w.issuer.set(func() { w.issuer.down = true }) }, 503, codeIssuer, ""},
		{"the issuer says that it is another", tok(nil), nil, func(w *world, _ *testing.T) { w.issuer.set(func() { w.issuer.issuer = "https://canary.example" }) }, 503, codeIssuer, ""},
		{"the issuer's keys are not behind TLS", tok(nil), nil, func(w *world, _ *testing.T) { w.issuer.set(func() { w.issuer.jwksURL = "http://127.0.0.1:1/canary" }) }, 503, codeIssuer, ""},
		{"the issuer's keys are elsewhere", tok(nil), nil, func(w *world, _ *testing.T) { w.issuer.set(func() { w.issuer.jwksURL = w.issuer.URL + "/moved" }) }, 503, codeIssuer, ""},
		{"the issuer has no keys", tok(nil), nil, func(w *world, _ *testing.T) { w.issuer.set(func() { w.issuer.keys = nil }) }, 503, codeIssuer, ""},
		{"exchanges cannot be read", key, nil, func(w *world, _ *testing.T) { w.Fail = func(int, string) storetest.Mode { return storetest.Before } }, 503, "bucket-read", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.issuer.set(func() { w.issuer.keys = []jose.JSONWebKey{good.public()} })
			header := tt.header(t, w)
			if tt.world != nil {
				tt.world(w, t)
			}
			body := inquiryOf(token(t, "acme", 3, canary))
			if tt.body != nil {
				tt.body(body)
			}
			a := w.ask(t, header, body)
			if a.Status != tt.status || a.Code != tt.told || len(a.Items) > 0 {
				t.Errorf("answered %d %s, want %d %s", a.Status, a.Code, tt.status, tt.told)
			}
			noted := tt.noted
			if noted == "" {
				noted = tt.told
			}
			e, data, n := w.last(t)
			if n != 1 || e.Type() != event.TypeRevealRefused || data.Fault == nil || data.Fault.Code != noted || data.Revealed != 0 || e.ID() != a.ID {
				t.Errorf("recorded %d times, as %s %+v, want %s", n, e.Type(), data, noted)
			}
			if known := data.Caller != ""; known != (tt.status == 403) {
				t.Errorf("the record says that the caller was %q", data.Caller)
			}
			w.silent(t, a.Text)
		})
	}
}

// TestNothingUnrecorded: if an answer cannot be recorded, there is none, whatever
// the answer.
func TestNothingUnrecorded(t *testing.T) {
	w := newWorld(t)
	body := inquiryOf(token(t, "acme", 3, canary))
	w.broken = fault.Wrap(fault.Retry, "publish", errBroken, "canary")
	for _, key := range []string{goodKey, "wrong"} {
		a := w.ask(t, withKey(key), body)
		if a.Status != http.StatusServiceUnavailable || a.Code != CodeUnrecorded || a.ID != "" || len(a.Items) > 0 {
			t.Errorf("%d %s", a.Status, a.Text)
		}
		w.silent(t, a.Text)
	}
	if answer, err := w.f.Reveal(t.Context(), "local ann", Request{"cases", "people", "mail", "investigation", []string{token(t, "acme", 3, canary)}}, w.take); fault.CodeOf(err) != CodeUnrecorded || answer.Items != nil {
		t.Errorf("%v, %d items", err, len(answer.Items))
	}
	w.broken = nil
	if a := w.ask(t, withKey(goodKey), body); a.Status != http.StatusOK {
		t.Errorf("afterwards: %d %s", a.Status, a.Code)
	}
	// The refusal that was not recorded is told of.
	if _, data, n := w.last(t); n != 1 || data.Unrecorded != 1 {
		t.Errorf("%d events, %+v", n, data)
	}
}

// TestRingDown: a ring that cannot be read again reveals nothing, though its keys
// were known a minute ago.
func TestRingDown(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := worldWithout(t, dir)
		body := inquiryOf(token(t, "acme", 3, canary))
		if a := w.ask(t, withKey(goodKey), body); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Code)
		}
		if err := os.Rename(w.ring, w.ring+".gone"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		a := w.ask(t, withKey(goodKey), body)
		if _, data, n := w.last(t); a.Status != http.StatusServiceUnavailable || len(a.Items) > 0 || n != 2 || data.Fault == nil || data.Revealed != 0 || data.Refused != nil || data.Caller == "" {
			t.Errorf("%d %s, recorded as %+v", a.Status, a.Code, data)
		}
		if err := os.Rename(w.ring+".gone", w.ring); err != nil {
			t.Fatal(err)
		}
		if a := w.ask(t, withKey(goodKey), body); a.Status != http.StatusOK {
			t.Errorf("once it is back: %d %s", a.Status, a.Code)
		}
		w.silent(t, a.Text)
	})
	w := newWorld(t)
	if _, err := Open(t.Context(), Config{Exchange: "b://exchange", Keys: w.ring + ".none"}); err == nil || gcerrors.Code(err) == gcerrors.OK {
		t.Errorf("opened without a ring: %v", err)
	}
}

// TestTooFast: a grant's tokens of a minute are counted for all of its callers, and
// come back with time. Refused tokens count as well.
func TestTooFast(t *testing.T) {
	w := newWorld(t)
	ask := func(n int) int {
		return w.ask(t, withKey(goodKey), inquiryOf(slices.Repeat([]string{token(t, "acme", 3, canary)}, n)...)).Status
	}
	for i, tt := range []struct {
		later  time.Duration
		tokens int
		status int
	}{
		{0, 40, 200}, {0, 20, 200}, {0, 1, 429}, {time.Second, 1, 200}, {0, 1, 429}, {30 * time.Second, 31, 429}, {0, 30, 200}, {time.Hour, 60, 200}, {0, 1, 429},
		{-time.Hour, 1, 429}, // a clock that is set back gives nothing
	} {
		w.now = w.now.Add(tt.later)
		if got := ask(tt.tokens); got != tt.status {
			t.Errorf("step %d: %d tokens are answered %d, want %d", i, tt.tokens, got, tt.status)
		}
	}
	if _, data, _ := w.last(t); data.Fault == nil || data.Fault.Code != CodeTooFast || data.Caller == "" {
		t.Errorf("recorded as %+v", data)
	}
	// A request that is refused before costs nothing.
	w.now = w.now.Add(3 * time.Hour)
	for range 10 {
		w.ask(t, withKey(strings.Repeat("x", 40)), inquiryOf(slices.Repeat([]string{"x"}, 60)...))
	}
	if got := ask(60); got != http.StatusOK {
		t.Errorf("others' requests have used up the rate: %d", got)
	}
	// Another rate counts as soon as it is published.
	w.publish(t, "perMinute: 60", "perMinute: 100")
	if got := ask(100); got != http.StatusOK {
		t.Errorf("the new rate: %d", got)
	}
}

// TestPartnersOwnKey: once a partner has brought a key of its own, tokens are revealed
// with that, and those from before with the exchange's.
func TestPartnersOwnKey(t *testing.T) {
	w := newWorld(t)
	body := inquiryOf(token(t, "acme", 3, "of the exchange"), token(t, "acme", 9, "of acme"))
	for _, tt := range []struct{ old, now, first, second string }{
		{"", "", "of the exchange", ""},
		{"id: acme\n", "id: acme\nkeys: {keeper: \"awskms:///acme\"}\n", "of the exchange", "of acme"},
	} {
		w.publish(t, tt.old, tt.now)
		a := w.ask(t, withKey(goodKey), body)
		if a.Status != http.StatusOK || len(a.Items) != 2 {
			t.Fatalf("%q: %d %s", tt.now, a.Status, a.Code)
		}
		for i, want := range []string{tt.first, tt.second} {
			if got := a.Items[i].Value; (got == nil) != (want == "") || got != nil && *got != want {
				t.Errorf("%q: token %d is revealed: %v", tt.now, i, got != nil)
			}
		}
	}
}

// TestFlood: who asks in vain as fast as he can does not fill the ledger, and
// nobody forgets that he did.
func TestFlood(t *testing.T) {
	w := newWorld(t)
	body := inquiryOf(token(t, "acme", 3, canary))
	for i := range refusalsAtOnce + 7 {
		a := w.ask(t, nil, body)
		if late := i >= refusalsAtOnce; (a.Status == http.StatusTooManyRequests) != late || (a.ID == "") != late {
			t.Fatalf("request %d: %d %s", i, a.Status, a.Code)
		}
	}
	if _, _, n := w.last(t); n != refusalsAtOnce {
		t.Errorf("%d are recorded", n)
	}
	// Callers are still served.
	if a := w.ask(t, withKey(goodKey), body); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Code)
	}
	if _, data, n := w.last(t); data.Unrecorded != 7 || n != refusalsAtOnce+1 {
		t.Errorf("recorded: %+v", data)
	}
	w.now = w.now.Add(time.Second)
	w.ask(t, nil, body)
	if _, data, _ := w.last(t); data.Unrecorded != 0 || data.Fault == nil {
		t.Errorf("recorded: %+v", data)
	}
}

// TestIssuerKeys: a new key of an issuer is found, one that is withdrawn counts no
// longer, and tokens in vain do not make it be asked for each.
func TestIssuerKeys(t *testing.T) {
	w := newWorld(t)
	old, fresh, stranger := newSigner(t, "old"), newSigner(t, "fresh"), newSigner(t, "old")
	status := func(k signer) int {
		return w.ask(t, bearer(k.sign(t, w.claimsOf(nil))), inquiryOf(token(t, "acme", 3, canary))).Status
	}
	asked := func() (n int) {
		w.issuer.set(func() { n = w.issuer.asked })
		return n
	}
	w.issuer.set(func() { w.issuer.keys = []jose.JSONWebKey{old.public()} })
	if got := status(old); got != http.StatusOK || asked() != 1 {
		t.Fatalf("%d, asked %d times", got, asked())
	}
	w.issuer.set(func() { w.issuer.keys = []jose.JSONWebKey{fresh.public()} })
	for range 5 {
		if got := status(stranger); got != http.StatusUnauthorized {
			t.Error(got)
		}
	}
	if asked() != 1 {
		t.Errorf("asked %d times", asked())
	}
	if got := status(old); got != http.StatusOK {
		t.Errorf("the old key: %d", got)
	}
	w.now = w.now.Add(refetch)
	if got := status(fresh); got != http.StatusOK || asked() != 2 {
		t.Errorf("the new key: %d, asked %d times", got, asked())
	}
	if got := status(old); got != http.StatusUnauthorized {
		t.Errorf("the withdrawn key: %d", got)
	}
	w.issuer.set(func() { w.issuer.down = true })
	w.now = w.now.Add(keysFor - time.Second)
	if got := status(fresh); got != http.StatusOK {
		t.Errorf("the issuer is down, its keys are known: %d", got)
	}
	if got := status(stranger); got != http.StatusUnauthorized {
		t.Errorf("the issuer is down, and a stranger comes: %d", got)
	}
	w.now = w.now.Add(again)
	if got := status(fresh); got != http.StatusServiceUnavailable {
		t.Errorf("the issuer is down, its keys are old: %d", got)
	}
	w.issuer.set(func() { w.issuer.down = false })
	if got := status(fresh); got != http.StatusServiceUnavailable {
		t.Errorf("it is asked again at once: %d", got)
	}
	w.now = w.now.Add(again)
	if got := status(fresh); got != http.StatusOK {
		t.Errorf("it is back: %d", got)
	}
	w.silent(t, "")
}

// TestKeysOfIssuers: keys that no signature may be verified with are not taken.
func TestKeysOfIssuers(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // what is refused
	if err != nil {
		t.Fatal(err)
	}
	good := newSigner(t, "one").public()
	encrypting := good
	encrypting.Use = "enc"
	for name, k := range map[string]jose.JSONWebKey{
		"weak": {Key: weak.Public(), KeyID: "one"}, "a secret": {Key: []byte(strings.Repeat("x", 32)), KeyID: "one"}, "for encryption": encrypting,
		"a private key": {Key: newSigner(t, "one").key},
	} {
		text, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		if publicKey(text) != nil {
			t.Errorf("%s is taken", name)
		}
	}
	text, err := json.Marshal(good)
	if err != nil || publicKey(text) == nil {
		t.Errorf("a good one is not: %v", err)
	}
	if publicKey([]byte(`{"kty":"canary"}`)) != nil || publicKey([]byte(`null`)) != nil {
		t.Error("what is no key is taken")
	}
}

// TestOtherPaths: there is one path, and one method.
func TestOtherPaths(t *testing.T) {
	w := newWorld(t)
	h := w.f.Handler(w.take, nil)
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, Path, 405}, {http.MethodPut, Path, 405}, {http.MethodPost, "/", 404}, {http.MethodPost, Path + "/x", 404},
	} {
		if got := status(h, tt.method, tt.path); got != tt.status {
			t.Errorf("%s %s: %d", tt.method, tt.path, got)
		}
	}
	if _, _, n := w.last(t); n != 0 {
		t.Errorf("%d are recorded", n)
	}
}

// TestSideBySide: many at once are served and counted right.
func TestSideBySide(t *testing.T) {
	w := newWorld(t)
	h := w.f.Handler(w.take, nil)
	var wg sync.WaitGroup
	answers := make([]int, 100)
	text := fmt.Sprintf(`{"grant":"cases","contract":"people","field":"mail","purpose":"investigation","tokens":[%q]}`, token(t, "acme", 3, canary))
	for i := range answers {
		wg.Go(func() { answers[i] = posted(h, withKey(goodKey), text) })
	}
	wg.Wait()
	served := 0
	for _, status := range answers {
		if status == http.StatusOK {
			served++
		} else if status != http.StatusTooManyRequests {
			t.Error(status)
		}
	}
	if _, _, n := w.last(t); served != 60 || n != 100 {
		t.Errorf("%d are served, %d recorded", served, n)
	}
}

// FuzzBearer: no token but one that the issuer has signed is taken.
func FuzzBearer(f *testing.F) {
	w := newWorld(f)
	good := newSigner(f, "one")
	w.issuer.set(func() { w.issuer.keys = []jose.JSONWebKey{good.public()} })
	signed := good.sign(f, w.claimsOf(nil))
	f.Add(signed)
	f.Add("e30.e30.e30")
	f.Add(good.sign(f, w.claimsOf(map[string]any{"aud": []any{1}})))
	g, err := w.f.exchanges.Newest(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		caller, err := w.f.byToken(t.Context(), g.Grant("cases"), token)
		if err == nil && token != signed {
			// Base64 can be written in more than one way.
			if parts, theirs := strings.Split(token, "."), strings.Split(signed, "."); len(parts) != 3 || parts[1] != theirs[1] {
				t.Errorf("%q is taken as of %s", token, caller)
			}
		}
		if err != nil && fault.CodeOf(err) != CodeUnauthorized {
			t.Errorf("%v", err)
		}
	})
}

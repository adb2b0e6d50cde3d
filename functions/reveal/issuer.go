package reveal

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	// keysFor is how long an issuer's keys are used before they are fetched again: a
	// key that the issuer withdraws counts for no longer.
	keysFor = 10 * time.Minute
	// refetch is how often they are fetched before that, because none of them has
	// signed a token: the issuer may have a new one.
	refetch = 30 * time.Second
	// again is the pause after an issuer did not answer.
	again = 5 * time.Second
	// clockSkew is by how much an issuer's clock may be ahead of ours. A token that
	// has expired has expired.
	clockSkew = time.Minute

	issuerTimeout = 5 * time.Second // of one request
	maxDocument   = 1 << 20         // bytes of what an issuer answers
	maxKeys       = 64
	leastRSA      = 2048 // bits
)

// algorithms are those of signatures that only the issuer can make: none with a
// shared secret, and not "none".
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// issuers verify JSON Web Tokens by the keys of their issuers, which are found by
// OpenID Connect Discovery 1.0. They may be used concurrently.
type issuers struct {
	client *http.Client
	now    func() time.Time

	mu    sync.Mutex
	known map[string]*issuer // by URL
}

func newIssuers(t http.RoundTripper, now func() time.Time) *issuers {
	if t == nil {
		t = http.DefaultTransport
	}
	return &issuers{now: now, known: map[string]*issuer{}, client: &http.Client{
		Transport:     bounded{t},
		Timeout:       issuerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// bounded asks by TLS only, and reads no more than maxDocument.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, errors.New("an issuer is asked by https only")
	}
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxDocument), res.Body}
	return res, nil
}

// issuer has the keys of one issuer.
type issuer struct {
	url string

	mu      sync.Mutex // held while the issuer is asked
	keys    *oidc.StaticKeySet
	fetched time.Time
	tried   time.Time // the last time that the issuer was asked, with or without success
}

// claims are what a token that was verified says.
type claims struct {
	subject  string
	audience []string
}

// verify verifies the signature and the times of a token of the issuer at url.
func (s *issuers) verify(ctx context.Context, url, token string) (claims, error) {
	s.mu.Lock()
	i := s.known[url]
	if i == nil {
		i = &issuer{url: url}
		s.known[url] = i
	}
	s.mu.Unlock()

	now := s.now()
	keys, err := i.current(ctx, s.client, now, keysFor)
	if err != nil {
		return claims{}, err
	}
	t, signed, err := i.verify(ctx, keys, token)
	if err != nil && !signed {
		if newer, fetchErr := i.current(ctx, s.client, now, refetch); fetchErr == nil && newer != keys {
			t, signed, err = i.verify(ctx, newer, token)
		}
	}
	switch {
	case err != nil && !signed:
		return claims{}, unauthorized(codeTokenSign, "the token is not signed by a key of its issuer, or not by an algorithm that is taken")
	case err != nil:
		return claims{}, unauthorized(codeTokenForm, "the token's claims cannot be read, or name another issuer")
	}
	return timely(t, now)
}

// verify verifies a token by some keys, and its issuer. signed says that the
// signature is right, whatever the error.
func (i *issuer) verify(ctx context.Context, keys *oidc.StaticKeySet, token string) (t *oidc.IDToken, signed bool, err error) {
	noted := &noting{keys: keys}
	// Its times are looked at afterwards, so that the record says what was wrong.
	t, err = oidc.NewVerifier(i.url, noted, &oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: algorithms}).Verify(ctx, token)
	return t, noted.signed, err
}

// noting notes whether a signature was right.
type noting struct {
	keys   *oidc.StaticKeySet
	signed bool
}

func (n *noting) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := n.keys.VerifySignature(ctx, jwt)
	n.signed = err == nil
	return payload, err
}

// timely are the claims of a token at its time.
func timely(t *oidc.IDToken, now time.Time) (claims, error) {
	var times struct {
		NotBefore float64 `json:"nbf"` // seconds, with or without a fraction
	}
	if t.Claims(&times) != nil {
		return claims{}, unauthorized(codeTokenForm, "the token's claims cannot be read")
	}
	latest := now.Add(clockSkew)
	switch {
	case !now.Before(t.Expiry): // of a token that never expires it is long ago
		return claims{}, unauthorized(codeTokenExpired, "the token has expired")
	case float64(latest.Unix()) < times.NotBefore, t.IssuedAt.After(latest):
		return claims{}, unauthorized(codeTokenEarly, "the token's time is still to come")
	}
	return claims{t.Subject, t.Audience}, nil
}

// current are the issuer's keys, fetched anew if they are older than may be.
func (i *issuer) current(ctx context.Context, client *http.Client, now time.Time, may time.Duration) (*oidc.StaticKeySet, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.keys != nil && now.Sub(i.fetched) < may {
		return i.keys, nil
	}
	down := fault.New(fault.Retry, codeIssuer, "the issuer of the token does not tell its keys", "try again later")
	if !i.tried.IsZero() && now.Sub(i.tried) < again {
		return nil, down
	}
	i.tried = now
	// Others wait for the same answer: one who goes away does not take it from them.
	keys, err := i.fetch(oidc.ClientContext(context.WithoutCancel(ctx), client), client)
	if err != nil {
		down.Err = err
		return nil, down
	}
	i.keys, i.fetched = keys, now
	return keys, nil
}

// errKeys says what is wrong with what an issuer answers. What it answers is not
// repeated.
var errKeys = errors.New("no keys of an issuer are there")

// fetch finds the issuer's keys by discovery.
func (i *issuer) fetch(ctx context.Context, client *http.Client) (*oidc.StaticKeySet, error) {
	provider, err := oidc.NewProvider(ctx, i.url)
	if err != nil { // its text may quote what was answered
		return nil, errKeys
	}
	var configuration struct {
		Keys string `json:"jwks_uri"`
	}
	if provider.Claims(&configuration) != nil {
		return nil, errKeys
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, configuration.Keys, nil)
	if err != nil {
		return nil, errKeys
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, errKeys
	}
	defer res.Body.Close()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&set) != nil || len(set.Keys) > maxKeys {
		return nil, errKeys
	}
	var keys oidc.StaticKeySet
	for _, text := range set.Keys {
		if key := publicKey(text); key != nil {
			keys.PublicKeys = append(keys.PublicKeys, key)
		}
	}
	if len(keys.PublicKeys) == 0 {
		return nil, fmt.Errorf("%w: none that signatures are verified with", errKeys)
	}
	return &keys, nil
}

// publicKey is a JSON Web Key that signatures may be verified with, or nil: an
// issuer may have others beside.
func publicKey(text []byte) crypto.PublicKey {
	var k jose.JSONWebKey
	if k.UnmarshalJSON(text) != nil || k.Use != "" && k.Use != "sig" {
		return nil
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= leastRSA {
			return key
		}
	case *ecdsa.PublicKey:
		return key
	case ed25519.PublicKey:
		return key
	}
	return nil
}

// claimedIssuer is the issuer that a token claims to be of, which decides whose keys
// it is held to.
func claimedIssuer(token string) (string, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", false
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	return c.Issuer, json.Unmarshal(payload, &c) == nil && c.Issuer != ""
}

package reveal

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/secrets/localsecrets"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
	"github.com/sallyport-io/sallyport/shared/telemetry"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// world is all that reveal touches.
type world struct {
	storetest.Injector
	config *blob.Bucket
	people *blob.Bucket // keys of data subjects
	ring   string       // path of the key ring
	issuer *issuerServer
	now    time.Time
	f      *Function

	mu     sync.Mutex
	events []event.Event // that were published
	broken error         // publishing fails with it
	log    bytes.Buffer
}

// partnersKey wraps what acme has in the key ring: it counts once acme's file names a
// keeper.
var partnersKey = [32]byte{1, 2, 3}

// today is the time of the tests.
var today = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

const (
	canary  = "ann-canary@example.org" // a value
	goodKey = "0123456789abcdef0123456789abcdef-canary"
)

func newWorld(t testing.TB) *world {
	w := &world{now: today, issuer: newIssuerServer(t)}
	w.open(t, t.TempDir())
	return w
}

// worldWithout is a world without an issuer, for a bubble of synctest, whose clock
// it has.
func worldWithout(t testing.TB, dir string) *world {
	w := &world{now: today, issuer: &issuerServer{Server: &httptest.Server{URL: "https://nobody.example"}}}
	w.open(t, dir)
	return w
}

func (w *world) open(t testing.TB, dir string) {
	w.people = memblob.OpenBucket(nil)
	w.config, w.ring, w.At = memblob.OpenBucket(nil), filepath.Join(dir, "keyring.json"), -1
	t.Cleanup(func() {
		if err := w.config.Close(); err != nil {
			t.Error(err)
		}
	})
	type version map[string]any
	key := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	wrapped, err := localsecrets.NewKeeper(partnersKey).Encrypt(t.Context(), bytes.Repeat([]byte{9}, 32))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"partners": map[string][]version{"acme": {
		{"version": 9, "activeFrom": "1970-01-01T00:00:00Z", "wrapped": base64.StdEncoding.EncodeToString(wrapped), "keeper": "base64key://" + base64.URLEncoding.EncodeToString(partnersKey[:])},
	}}, "versions": []version{
		{"version": 1, "activeFrom": "1970-01-01T00:00:00Z", "retired": true, "key": key(1)},
		{"version": 2, "activeFrom": "2026-01-01T00:00:00Z", "key": key(2)},
		{"version": 3, "activeFrom": "2026-05-01T00:00:00Z", "key": key(3)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.ring, text, 0o600); err != nil {
		t.Fatal(err)
	}
	w.publish(t, "", "")
	w.f, err = Open(t.Context(), Config{Exchange: "b://exchange", Subjects: "b://subjects", Keys: w.ring, Buckets: w.mux(), Transport: w.transport(), Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	w.f.exchanges.Fresh = 0
	t.Cleanup(func() {
		if err := w.f.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (w *world) mux() *blob.URLMux {
	mux := new(blob.URLMux)
	mux.RegisterBucket("b", w)
	return mux
}

// transport reaches the issuer.
func (w *world) transport() http.RoundTripper {
	if w.issuer.Config == nil {
		return http.DefaultTransport
	}
	return w.issuer.Client().Transport
}

func (w *world) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	if u.Host == "subjects" {
		return w.Bucket(u.Host, w.people), nil
	}
	return w.Bucket(u.Host, w.config), nil
}

// exchangeFiles is an exchange in which acme gets tokens of people's mail addresses,
// and police may reveal them.
func (w *world) exchangeFiles() map[string]string {
	return map[string]string{
		"exchange.yaml": "apiVersion: sallyport.io/v1\nkind: Exchange\nname: demo\n",
		"contracts/people.odcs.yaml": `apiVersion: v3.1.0
kind: DataContract
id: people-id
name: people
version: 1.0.0
status: active
schema:
  - name: person
    logicalType: object
    properties:
      - {name: mail, logicalType: string, classification: restricted, tags: [pii]}
      - {name: land, logicalType: string, classification: public}
`,
		"profiles/sealed.yaml": "apiVersion: sallyport.io/v1\nkind: Profile\nid: sealed\nrules:\n  - tag: pii\n    transform: {type: token, algorithm: aes-siv}\n",
		"partners/acme.yaml":   "apiVersion: sallyport.io/v1\nkind: Partner\nid: acme\nsubscriptions:\n  - {id: acme-people, contract: people, purpose: p, legalBasis: contract, profile: sealed, destination: {url: 'mem://acme'}}\n",
		"partners/police.yaml": fmt.Sprintf(`apiVersion: sallyport.io/v1
kind: Partner
id: police
reveal:
  - id: cases
    contract: people
    fields: [mail]
    purpose: investigation
    legalBasis: legal-obligation
    expires: 2026-12-31
    tokenDomain: acme
    rate: {perMinute: 60}
    callers:
      - {issuer: %q, subject: case-service}
      - {issuer: %q, audience: elsewhere, subject: other-service}
      - apiKey: %s
`, w.issuer.URL, w.issuer.URL, digestOf(goodKey)),
	}
}

// publish makes an exchange the newest in which old is new in the partners' files;
// a partner that has become empty is gone.
func (w *world) publish(t testing.TB, old, changed string) {
	t.Helper()
	folder := fstest.MapFS{}
	for name, text := range w.exchangeFiles() {
		if strings.HasPrefix(name, "partners/") && old != "" {
			text = strings.ReplaceAll(text, old, changed)
		}
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	w.publishFolder(t, folder)
}

func (w *world) publishFolder(t testing.TB, folder fstest.MapFS) {
	t.Helper()
	b, err := exchange.Load(folder)
	if err == nil {
		err = exchange.Open(w.config).Publish(t.Context(), b)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// token is the token of a value in a domain, or a part of it, by a version of the key.
func token(t testing.TB, domain string, version int, value string, scope ...string) string {
	t.Helper()
	ring, err := keys.NewRing(keys.Version{Number: version, Key: keys.NewKey([keys.KeySize]byte(bytes.Repeat([]byte{byte(version)}, keys.KeySize)))})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ring.VersionTokenKey("", domain, version)
	if err == nil {
		key, err = key.Within(scope...)
	}
	if err != nil {
		t.Fatal(err)
	}
	tr, err := transform.Compile(transform.Spec{Type: transform.Token, Algorithm: transform.SIV}, record.String, key)
	if err != nil {
		t.Fatal(err)
	}
	out, ok := tr.Appender().Append(nil, []byte(value))
	if !ok {
		t.Fatal("there is no token")
	}
	return string(out)
}

// inquiryOf is the body of a good request, with these tokens.
func inquiryOf(tokens ...string) map[string]any {
	return map[string]any{"grant": "cases", "contract": "people", "field": "mail", "purpose": "investigation", "tokens": tokens}
}

// reply is what a caller gets.
type reply struct {
	Status int
	Header http.Header
	Text   string

	ID    string `json:"id"`
	Code  string `json:"code"`
	Items []struct {
		Value   *string `json:"value"`
		Base64  []byte  `json:"base64"`
		Refused bool    `json:"refused"`
	} `json:"items"`
}

// ask sends a request. body is JSON already, or becomes it.
func (w *world) ask(t testing.TB, header http.Header, body any) reply {
	t.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	maps.Copy(r.Header, header)
	rec := httptest.NewRecorder()
	w.f.Handler(w.take, telemetry.Logger(&w.log, slog.LevelDebug, true)).ServeHTTP(rec, r)
	a := reply{Status: rec.Code, Header: rec.Header(), Text: rec.Body.String()}
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		t.Errorf("the answer %q is not JSON: %v", a.Text, err)
	}
	return a
}

// take is where reveal publishes.
func (w *world) take(_ context.Context, events []event.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	w.events = append(w.events, events...)
	return nil
}

// last is the newest event, and how many there are.
func (w *world) last(t testing.TB) (event.Event, event.Reveal, int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) == 0 {
		return event.Event{}, event.Reveal{}, 0
	}
	e := w.events[len(w.events)-1]
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	data, err := event.Decode[event.Reveal](e)
	if err != nil {
		t.Error(err)
	}
	return e, data, len(w.events)
}

// silent holds all that is written down, and an answer, to saying nothing of values
// and tokens.
func (w *world) silent(t testing.TB, answer string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	events, err := json.Marshal(w.events)
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"log": w.log.String(), "events": string(events), "answer": answer} {
		for _, never := range []string{"canary", "s1_", "s2_", "s3_", "eyJ", goodKey[:16], telemetry.Refused} {
			if strings.Contains(text, never) {
				t.Errorf("%q is in the %s:\n%s", never, where, text)
			}
		}
	}
}

func digestOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func withKey(key string) http.Header { return http.Header{"X-Api-Key": {key}} }

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// issuerServer is an OpenID Connect issuer.
type issuerServer struct {
	*httptest.Server

	mu      sync.Mutex
	keys    []jose.JSONWebKey // public
	down    bool
	issuer  string // in its configuration; "": its URL
	jwksURL string // likewise; "": its own
	asked   int    // for keys
}

func newIssuerServer(t testing.TB) *issuerServer {
	s := new(issuerServer)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		s.answer(w, func() any {
			c := map[string]any{"issuer": s.URL, "jwks_uri": s.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"}}
			if s.issuer != "" {
				c["issuer"] = s.issuer
			}
			if s.jwksURL != "" {
				c["jwks_uri"] = s.jwksURL
			}
			return c
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		s.answer(w, func() any {
			s.asked++
			return jose.JSONWebKeySet{Keys: s.keys}
		})
	})
	mux.HandleFunc("GET /moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) })
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *issuerServer) answer(w http.ResponseWriter, of func() any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		http.Error(w, "canary", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(of())
}

// set changes the issuer.
func (s *issuerServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// signer signs tokens.
type signer struct {
	alg jose.SignatureAlgorithm
	id  string
	key any
}

func newSigner(t testing.TB, id string) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{jose.ES256, id, key}
}

func (k signer) public() jose.JSONWebKey {
	j := jose.JSONWebKey{KeyID: k.id, Algorithm: string(k.alg), Use: "sig"}
	switch key := k.key.(type) {
	case *ecdsa.PrivateKey:
		j.Key = key.Public()
	case *rsa.PrivateKey:
		j.Key = key.Public()
	}
	return j
}

// claimsOf are those of a good token, with some of them others; nil takes one away.
func (w *world) claimsOf(others map[string]any) map[string]any {
	c := map[string]any{"iss": w.issuer.URL, "sub": "case-service", "aud": "sallyport/demo", "iat": w.now.Unix(), "exp": w.now.Add(time.Minute).Unix(), "canary": "canary"}
	for name, v := range others {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

func (k signer) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: k.key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", k.id))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

var errBroken = errors.New("canary: the topic is broken")

// status is that of a request without a body.
func status(h http.Handler, method, path string) int {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, path, http.NoBody))
	return rec.Code
}

// posted is the status of a request.
func posted(h http.Handler, header http.Header, text string) int {
	r := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	maps.Copy(r.Header, header)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Code
}

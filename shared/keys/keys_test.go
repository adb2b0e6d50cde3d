package keys

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
	"github.com/sallyport-io/sallyport/shared/transform"
)

var _ transform.TokenKey = TokenKey{}

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

// testVersion has a key of 32 times its number.
func testVersion(number int, activeFrom time.Time, retired bool) Version {
	return Version{Number: number, ActiveFrom: activeFrom, Retired: retired, Key: NewKey([KeySize]byte(bytes.Repeat([]byte{byte(number)}, KeySize)))}
}

// inFile makes a ring in a file of its own and answers the path.
func inFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys", "keyring.json")
	if err := Create(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, ringURL string) *Ring {
	t.Helper()
	r, err := Open(t.Context(), ringURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// secretOf hands do the key of the active version.
func secretOf(t *testing.T, r *Ring, do func(secret []byte)) {
	t.Helper()
	e, err := r.active("", time.Now())
	if err == nil {
		err = r.use("", e, func(secret []byte) error { do(secret); return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// token is what a ring makes of a value in a domain.
func token(t *testing.T, r *Ring, domain string, at time.Time) string {
	t.Helper()
	key, err := r.TokenKey(domain, at)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(key.Version()) + hex.EncodeToString(key.Secret())
}

func TestActive(t *testing.T) {
	r, err := NewRing(testVersion(3, day(20), false), testVersion(1, day(1), false), testVersion(2, day(10), true), testVersion(4, day(30), false))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   time.Time
		want int
	}{
		{time.Time{}, 0},
		{day(1).Add(-1), 0},
		{day(1), 1},
		{day(10), 1}, // 2 is retired
		{day(20).Add(-1), 1},
		{day(20), 3},
		{day(20).In(time.FixedZone("", 3600)), 3},
		{day(29), 3},
		{day(365), 4},
	} {
		got, err := r.Active(c.at)
		if got != c.want || (c.want == 0) != (fault.CodeOf(err) == CodeNoVersion && fault.KindOf(err) == fault.Denied) {
			t.Errorf("at %v: version %d, %v; want %d", c.at, got, err, c.want)
		}
	}
}

// TestTokenKeyIsHKDF holds the derivation to RFC 5869, written out.
func TestTokenKeyIsHKDF(t *testing.T) {
	r, err := NewRing(testVersion(7, day(1), false))
	if err != nil {
		t.Fatal(err)
	}
	key, err := r.TokenKey("acme", day(2))
	if err != nil {
		t.Fatal(err)
	}
	mac := func(key []byte, data string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(data))
		return h.Sum(nil)
	}
	extracted := mac(make([]byte, sha256.Size), strings.Repeat("\x07", 32))
	want := mac(extracted, "sallyport/token/v1\x00acme\x01")
	if !bytes.Equal(key.Secret(), want) || key.Version() != 7 {
		t.Errorf("version %d, key %x, want 7, %x", key.Version(), key.Secret(), want)
	}
}

func TestTokenKeysDifferByDomainAndVersion(t *testing.T) {
	r, err := NewRing(testVersion(1, day(1), false), testVersion(2, day(10), false))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, domain := range []string{"a", "b", "ab"} {
		seen[token(t, r, domain, day(5))] = true
		seen[token(t, r, domain, day(15))] = true
	}
	if len(seen) != 6 {
		t.Errorf("3 domains and 2 versions have %d keys", len(seen))
	}
	if _, err := r.TokenKey("", day(5)); fault.CodeOf(err) != CodeDomain {
		t.Errorf("an empty domain: %v", err)
	}
}

// TestWithin holds the derivation of parts to RFC 5869, written out; no two parts have
// one key.
func TestWithin(t *testing.T) {
	r, err := NewRing(testVersion(7, day(1), false))
	if err != nil {
		t.Fatal(err)
	}
	key, err := r.TokenKey("acme", day(2))
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key.Secret())
	h.Write([]byte("sallyport/token-scope/v1\x006:people1:a\x01"))
	if part, err := key.Within("people", "a"); err != nil || !bytes.Equal(part.Secret(), h.Sum(nil)) || part.Version() != 7 {
		t.Errorf("version %d, key %x, %v", part.Version(), part.Secret(), err)
	}
	seen := map[string]bool{}
	for _, names := range [][]string{nil, ContractScope("ab"), ContractScope("a"), {"a", "b"}, {"ab", ""}, FieldScope("a", "b", "c"), FieldScope("a", "bc", ""), FieldScope("a", "", "bc")} {
		part, err := key.Within(names...)
		if err != nil || seen[string(part.Secret())] {
			t.Errorf("%q: %v, or the key of another", names, err)
		}
		seen[string(part.Secret())] = true
	}
}

func TestNewRingRefuses(t *testing.T) {
	for name, versions := range map[string][]Version{
		"none":         nil,
		"number 0":     {testVersion(0, day(1), false)},
		"no key":       {{Number: 1, ActiveFrom: day(1)}},
		"twice":        {testVersion(1, day(1), false), testVersion(1, day(2), false)},
		"out of order": {testVersion(1, day(2), false), testVersion(2, day(1), false)},
		"same time":    {testVersion(1, day(2), false), testVersion(2, day(2), false)},
	} {
		if _, err := NewRing(versions...); fault.CodeOf(err) != CodeDamaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := fmt.Sprintf(`{"version":1,"activeFrom":"2026-01-01T00:00:00Z","key":%q}`, base64.StdEncoding.EncodeToString(make([]byte, KeySize)))
	for _, c := range []struct {
		name, content string
		mode          fs.FileMode
		code          string
	}{
		{"readable by the group", `{"versions":[` + good + `]}`, 0o640, CodePermissions},
		{"readable by all", `{"versions":[` + good + `]}`, 0o604, CodePermissions},
		{"empty", ``, 0o600, CodeDamaged},
		{"not JSON", `secret-secret`, 0o600, CodeDamaged},
		{"no versions", `{"versions":[]}`, 0o600, CodeDamaged},
		{"cut off", `{"versions":[` + good, 0o600, CodeDamaged},
		{"more behind it", `{"versions":[` + good + `]} {}`, 0o600, CodeDamaged},
		{"unknown member", `{"versions":[` + good + `],"secret-secret":1}`, 0o600, CodeDamaged},
		{"twice", `{"versions":[` + good + `,` + good + `]}`, 0o600, CodeDamaged},
		{"short key", `{"versions":[{"version":1,"activeFrom":"2026-01-01T00:00:00Z","key":"c2VjcmV0LXNlY3JldA=="}]}`, 0o600, CodeDamaged},
		{"no base64", `{"versions":[{"version":1,"activeFrom":"2026-01-01T00:00:00Z","key":"secret-secret"}]}`, 0o600, CodeDamaged},
		{"wrapped", `{"versions":[{"version":1,"activeFrom":"2026-01-01T00:00:00Z","wrapped":"c2VjcmV0LXNlY3JldA=="}]}`, 0o600, CodeKeeper},
		{"too large", strings.Repeat(" ", maxDocument+1), 0o600, CodeDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keyring.json")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), "file://"+path)
			if fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Denied {
				t.Errorf("got %v, want %s", err, c.code)
			}
			if text := fmt.Sprintf("%+v", err); strings.Contains(text, "secret-secret") || strings.Contains(text, "c2VjcmV0") {
				t.Errorf("the error tells: %s", text)
			}
		})
	}
}

func TestURLs(t *testing.T) {
	keeper := url.QueryEscape("base64key://" + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{'K'}, 32)))
	told := base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{'K'}, 32))[:8]
	for ringURL, code := range map[string]string{
		"":                   CodeURL,
		"file://":            CodeURL,
		"file:///x?mode=1":   CodeURL,
		"file:///x?ring=y":   CodeURL,
		"file:///x?keeper=":  CodeURL,
		"s3://bucket":        CodeURL,
		"s3://bucket?ring=x": CodeURL,
		"%zz":                CodeURL,
		"nosuch://bucket?ring=keyring.json&keeper=" + keeper: CodeURL,
		"file:///x?keeper=nosuch%3A%2F%2Fkey":                CodeURL,
		"file:///x?keeper=" + keeper + "%3Fx%3D1":            CodeURL,
		"file:///no/such/folder/keyring.json":                CodeMissing,
		"./no-such-keyring.json":                             CodeMissing,
		"file://./no-such-keyring.json":                      CodeMissing,
	} {
		_, err := Open(t.Context(), ringURL)
		want := fault.Denied
		if code == CodeMissing {
			want = fault.Retry
		}
		if fault.CodeOf(err) != code || fault.KindOf(err) != want {
			t.Errorf("%q: %v, want %s", ringURL, err, code)
		} else if strings.Contains(err.Error(), told) {
			t.Errorf("%q: the error tells the keeper's key", ringURL)
		}
	}
	for name, change := range map[string]func(string) error{
		"Create": func(u string) error { return Create(t.Context(), u) },
		"Retire": func(u string) error { return Retire(t.Context(), u, 1) },
		"Rotate": func(u string) error { _, err := Rotate(t.Context(), u, time.Time{}); return err },
	} {
		if err := change("keysmem://x?ring=x"); fault.CodeOf(err) != CodeURL {
			t.Errorf("%s in a bucket without a keeper: %v", name, err)
		}
	}
	if err := Retire(t.Context(), filepath.Join(t.TempDir(), "x"), 1); fault.CodeOf(err) != CodeMissing {
		t.Errorf("Retire of what is not there: %v", err)
	}
	if err := Retire(t.Context(), filepath.Join(t.TempDir(), "no", "x"), 1); fault.CodeOf(err) != CodeMissing {
		t.Errorf("Retire in no folder: %v", err)
	}
}

// TestRefresh: an open ring knows a new version before it becomes active, and
// does nothing without a ring.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := inFile(t)
		r := open(t, path)
		if _, err := Rotate(t.Context(), path, time.Time{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(Lead + 2*time.Second)
		if n, err := r.Active(time.Now()); n != 2 || err != nil {
			t.Fatalf("version %d, %v", n, err)
		}
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Active(time.Now()); n != 2 || err != nil {
			t.Errorf("right after: version %d, %v", n, err)
		}
		time.Sleep(Refresh)
		if _, err := r.TokenKey("acme", time.Now()); fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != CodeMissing {
			t.Errorf("without a ring: %v", err)
		}
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Versions(); fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != CodeDamaged {
			t.Errorf("with half a ring: %v", err)
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Active(time.Now()); n != 2 || err != nil {
			t.Errorf("with the ring again: version %d, %v", n, err)
		}
	})
}

func TestRingSideBySide(t *testing.T) {
	r := open(t, inFile(t))
	now := time.Now()
	want := token(t, r, "acme", now)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				r.mu.Lock()
				r.read = time.Time{} // read again
				r.mu.Unlock()
				key, err := r.TokenKey("acme", now)
				if err != nil || fmt.Sprint(key.Version())+hex.EncodeToString(key.Secret()) != want {
					t.Errorf("another key, %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// keeperURL is a URL of a new local keeper.
func keeperURL(t *testing.T) string {
	t.Helper()
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		t.Fatal(err)
	}
	return "base64key://" + base64.URLEncoding.EncodeToString(key[:])
}

func TestWrapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring.json")
	keeper := keeperURL(t)
	ringURL := "file://" + path + "?keeper=" + url.QueryEscape(keeper)
	if err := Create(t.Context(), ringURL); err != nil {
		t.Fatal(err)
	}
	if _, err := Rotate(t.Context(), ringURL, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	r := open(t, ringURL)
	versions, err := r.Versions()
	if err != nil || len(versions) != 2 {
		t.Fatal(versions, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secretOf(t, r, func(secret []byte) {
		if strings.Contains(string(data), base64.StdEncoding.EncodeToString(secret)) {
			t.Error("a key is stored as it is")
		}
	})
	other := "file://" + path + "?keeper=" + url.QueryEscape(keeperURL(t))
	if _, err := Open(t.Context(), other); fault.CodeOf(err) != CodeUnreachable || fault.KindOf(err) != fault.Retry || strings.Contains(err.Error(), "base64key") {
		t.Errorf("another keeper: %v", err)
	}
	if _, err := Rotate(t.Context(), other, time.Time{}); fault.CodeOf(err) != CodeUnreachable {
		t.Errorf("rotating with another keeper: %v", err)
	}
	if _, err := Open(t.Context(), path); fault.CodeOf(err) != CodeKeeper {
		t.Errorf("no keeper: %v", err)
	}
	if _, err := Open(t.Context(), "file://"+inFile(t)+"?keeper="+url.QueryEscape(keeper)); fault.CodeOf(err) != CodeKeeper {
		t.Errorf("a keeper for keys that are not wrapped: %v", err)
	}
	t.Run("in a bucket", func(t *testing.T) {
		inBucket := "keystest://" + filepath.Dir(path) + "?ring=keyring.json&keeper=" + url.QueryEscape(keeper)
		at := time.Now()
		if token(t, open(t, inBucket), "acme", at) != token(t, r, "acme", at) {
			t.Error("the ring in the bucket has other keys")
		}
		for u, code := range map[string]string{
			strings.Replace(inBucket, "keyring", "other", 1): CodeMissing,
			inBucket + "&broken=1":                           CodeURL,
		} {
			if _, err := Open(t.Context(), u); fault.CodeOf(err) != code || strings.Contains(err.Error(), keeper) {
				t.Errorf("got %v, want %s", err, code)
			}
		}
	})
}

func TestNothingTellsAKey(t *testing.T) {
	secret := [KeySize]byte([]byte("THE-SECRET-OF-THIRTY-TWO-BYTES.."))
	v := Version{Number: 1, ActiveFrom: day(1), Key: NewKey(secret)}
	r, err := NewRing(v)
	if err != nil {
		t.Fatal(err)
	}
	tokenKey, err := r.TokenKey("acme", day(2))
	if err != nil {
		t.Fatal(err)
	}
	derived := tokenKey.Secret()
	var out bytes.Buffer
	for _, value := range []any{v.Key, &v.Key, v, &v, tokenKey, struct{ inside TokenKey }{tokenKey}, r, []Version{v}, map[string]Key{"k": v.Key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
		if data, err := json.Marshal(value); err == nil {
			out.Write(data)
		}
	}
	for _, b := range [][]byte{secret[:], derived} {
		for _, form := range []string{
			string(b[:8]), hex.EncodeToString(b[:8]), strings.ToUpper(hex.EncodeToString(b[:8])), base64.StdEncoding.EncodeToString(b)[:10],
			strings.Trim(fmt.Sprint(b[:4]), "[]"), fmt.Sprintf("%#v", b[0]) + ", " + fmt.Sprintf("%#v", b[1]) + ", " + fmt.Sprintf("%#v", b[2]), fmt.Sprintf("%o %o %o", b[0], b[1], b[2]),
		} {
			if strings.Contains(out.String(), form) {
				t.Errorf("a key is told in the form %q", form[:4])
			}
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was printed")
	}
}

// folders opens a folder as a bucket. In URLs of rings "file" means a file, so
// that TestMain gives it another scheme.
type folders struct{}

func (folders) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	if u.Query().Has("broken") {
		return nil, errors.New("no such option: " + u.String())
	}
	return filebucket.Open(u.Path, nil)
}

// memories are buckets in memory, by the host of their URLs. Closing them keeps
// what is in them, and their operations can be made to fail.
type memories struct{ worlds sync.Map }

// memory is a bucket of which operations can be made to fail.
type memory struct {
	storetest.Injector
	b *blob.Bucket
}

func (m *memories) of(name string) *memory {
	w, _ := m.worlds.LoadOrStore(name, &memory{b: memblob.OpenBucket(nil), Injector: storetest.Injector{At: -1}})
	return w.(*memory)
}

func (m *memories) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	w := m.of(u.Host)
	return w.Bucket("ring", w.b), nil
}

// inMemory are those of the scheme keysmem.
var inMemory memories

func TestMain(m *testing.M) {
	blob.DefaultURLMux().RegisterBucket("keystest", folders{})
	blob.DefaultURLMux().RegisterBucket("keysmem", &inMemory)
	secrets.DefaultURLMux().RegisterKeeper("keyskeeper", &keepers)
	os.Exit(m.Run())
}

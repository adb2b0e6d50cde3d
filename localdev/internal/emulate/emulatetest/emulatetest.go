// Package emulatetest runs the stories of the example on an emulated deployment, and
// holds what it delivers to what the local chain does.
package emulatetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/ledger"
	"github.com/sallyport-io/sallyport/shared/store"
)

// Delivered is what partners have, by "<partner>/<contract>/<name of the object>".
// Ids of drops and times are taken out.
type Delivered map[string]string

var (
	dropID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	times  = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)
)

func (d Delivered) add(t *testing.T, key string, data []byte) {
	t.Helper()
	parts := strings.Split(key, "/")
	if len(parts) != 4 || !dropID.MatchString(parts[2]) {
		t.Errorf("delivered as %s", key)
		return
	}
	if parts[3] == "manifest.json" {
		data = times.ReplaceAll(dropID.ReplaceAll(data, []byte("DROP")), []byte(`"TIME"`))
	}
	name := path.Join(parts[0], parts[1], parts[3])
	if was, twice := d[name]; twice && was != string(data) {
		t.Errorf("%s is not the same each time", name)
	}
	d[name] = string(data)
}

// Same fails the test where d is not what is wanted.
func (d Delivered) Same(t *testing.T, want Delivered) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got, ok := d[name]; !ok || got != want[name] {
			t.Errorf("%s differs from what the local chain delivered:\n%s\nwant\n%s", name, got, want[name])
		}
	}
	for name := range d {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was delivered, which the local chain did not", name)
		}
	}
}

// ByLocalChain runs the stories through the chain of sallyport up, on the example
// in a folder.
func ByLocalChain(t *testing.T, dir string) Delivered {
	t.Helper()
	f, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := f.Start(t.Context(), local.StartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, drop := range stories.Drops() {
		if _, err := f.Lay(t.Context(), drop.Key(), bytes.NewReader(drop.Data), func(int64) {}); err != nil {
			t.Fatal(err)
		}
	}
	if err := chain.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := chain.Stop(); err != nil {
		t.Fatal(err)
	}
	all := Delivered{}
	outbox := os.DirFS(filepath.Join(dir, "outbox"))
	err = fs.WalkDir(outbox, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(outbox, name)
		all.add(t, name, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 10 { // five subscriptions, an object and a manifest each
		t.Fatalf("the local chain delivered %q", slices.Sorted(maps.Keys(all)))
	}
	return all
}

// Deployment is one of any cloud.
type Deployment interface {
	Drop(ctx context.Context, key string, r io.Reader) error
	Idle(ctx context.Context) error
	Bucket(ctx context.Context, name string) (*blob.Bucket, error)
	Verifier() (note.Verifier, error)
}

// Drop drops the stories' files, by other names each round.
func Drop(t *testing.T, d Deployment, round string) {
	t.Helper()
	for _, s := range stories.Drops() {
		key := path.Join(s.Partner, s.Contract, round+" + Zürich%2F "+s.Name)
		if err := d.Drop(t.Context(), key, bytes.NewReader(s.Data)); err != nil {
			t.Fatal(err)
		}
	}
}

// Await waits until nothing is left to do, and answers what was delivered into a
// bucket: so many objects.
func Await(t *testing.T, d Deployment, outbox string, objects int) Delivered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := d.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := d.Bucket(ctx, outbox)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	all, n := Delivered{}, 0
	err = store.Each(ctx, b, "", func(o *blob.ListObject) error {
		data, err := b.ReadAll(ctx, o.Key)
		all.add(t, o.Key, data)
		n++
		return err
	})
	if err != nil || n != objects {
		t.Errorf("%d objects were delivered, want %d; %v", n, objects, err)
	}
	return all
}

// Verify verifies the ledger in a bucket: it has what the rounds led to, each once.
func Verify(t *testing.T, d Deployment, bucket string, rounds int) {
	t.Helper()
	b, err := d.Bucket(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	v, err := d.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	report, err := ledger.Verify(t.Context(), b, v, v.Name(), func(int64, int64) {})
	// Of each of three drops: that it was accepted, its segment, and for each of
	// five deliveries the masked segment, the delivery and the whole drop.
	if want := int64(rounds * (3*2 + 5*3)); err != nil || report.Entries != want {
		t.Errorf("the ledger has %d entries, want %d; %v", report.Entries, want, err)
	}
}

// Refused asks reveal at a URL without showing who asks: the answer is a refusal,
// which the ledger in a bucket has then.
func Refused(t *testing.T, d Deployment, url, bucket string) {
	t.Helper()
	b, err := d.Bucket(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	v, err := d.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(url+reveal.Path, "application/json", strings.NewReader(`{"grant":"g","contract":"c","field":"f","purpose":"p","tokens":["s1_AAAA"]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ ID, Code string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusUnauthorized || answer.Code != reveal.CodeUnauthorized || answer.ID == "" {
		t.Errorf("reveal answers %s %+v, %v", res.Status, answer, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := d.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.OpenReader(b, v, v.Name()).Receipt(ctx, answer.ID); err != nil {
		t.Errorf("the refusal is not in the ledger: %v", err)
	}
}

// Buffer is a buffer for several goroutines.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is what was written.
func (l *Buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

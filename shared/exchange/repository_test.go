package exchange

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// named is a bundle that differs from others by its name.
func named(t testing.TB, name string) *Bundle {
	files := folder()
	files["exchange.yaml"] = strings.Replace(files["exchange.yaml"], "name: demo", "name: "+name, 1)
	return load(t, files)
}

func keys(t *testing.T, b *blob.Bucket) (all []string) {
	t.Helper()
	err := store.Each(t.Context(), b, "", func(o *blob.ListObject) error {
		all = append(all, o.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func memory(t *testing.T) *blob.Bucket {
	b := memblob.OpenBucket(nil)
	t.Cleanup(func() { b.Close() })
	return b
}

func TestRepository(t *testing.T) {
	ctx, bucket := t.Context(), memory(t)
	r := Open(bucket)
	r.Fresh = 0
	if _, err := r.Newest(ctx); fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != "no-exchange" {
		t.Errorf("of an empty repository: %v", err)
	}
	a, b := named(t, "a"), named(t, "b")
	for _, publish := range []*Bundle{a, a, b, b, a} {
		if err := r.Publish(ctx, publish); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Newest(ctx); err != nil || got.Digest() != publish.Digest() {
			t.Errorf("the newest is %v, %v", got, err)
		}
	}
	want := "versions/00000001 versions/00000002 versions/00000003"
	if got := strings.Join(keys(t, bucket), " "); !strings.HasSuffix(got, want) || strings.Count(got, "bundles/") != 2 {
		t.Errorf("the repository holds %s", got)
	}
	other := Open(bucket)
	for _, w := range []*Bundle{a, b} {
		if got, err := other.Get(ctx, w.Digest()); err != nil || got.Name() != w.Name() {
			t.Errorf("%s: %v, %v", w.Name(), got, err)
		}
	}
	if got, err := other.Newest(ctx); err != nil || got.Name() != "a" {
		t.Errorf("the newest for another is %v, %v", got, err)
	}
}

func TestRepositoryRefuses(t *testing.T) {
	ctx, bucket := t.Context(), memory(t)
	good := named(t, "good")
	put := func(digest, data string) string {
		if _, err := store.Create(ctx, bucket, bundleKey(digest), []byte(data)); err != nil {
			t.Fatal(err)
		}
		return digest
	}
	nonsense := "nonsense"
	tests := []struct{ name, digest, code string }{
		{"missing", good.Digest(), "bundle-unknown"},
		{"no digest", "latest", "bundle-unknown"},
		{"a path", "sha256:../versions/00000001", "bundle-unknown"},
		{"upper case", strings.ToUpper(good.Digest()), "bundle-unknown"},
		{"tampered", put(store.Digest([]byte("x")), string(good.Encode())), "bundle-digest"},
		{"nonsense", put(store.Digest([]byte(nonsense)), nonsense), "bundle-decode"},
	}
	for _, tt := range tests {
		if _, err := Open(bucket).Get(ctx, tt.digest); fault.KindOf(err) != fault.Poison || fault.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestRepositoryWithoutBucket(t *testing.T) {
	bucket := memblob.OpenBucket(nil)
	r := Open(bucket)
	r.Fresh = 0
	b := named(t, "a")
	if err := r.Publish(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	bucket.Close()
	if _, err := r.Newest(t.Context()); fault.KindOf(err) != fault.Retry || err == nil {
		t.Errorf("the newest of a bucket that does not answer: %v", err)
	}
	if got, err := r.Get(t.Context(), b.Digest()); err != nil || got == nil {
		t.Errorf("a bundle from memory: %v", err)
	}
	if _, err := r.Get(t.Context(), named(t, "b").Digest()); fault.KindOf(err) != fault.Retry || err == nil {
		t.Errorf("a bundle of a bucket that does not answer: %v", err)
	}
}

func TestNewestIsFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		bucket := memblob.OpenBucket(nil)
		defer bucket.Close()
		reader, writer := Open(bucket), Open(bucket)
		newest := func() string {
			b, err := reader.Newest(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return b.Name()
		}
		for i, name := range []string{"a", "b", "c"} {
			if err := writer.Publish(ctx, named(t, name)); err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				time.Sleep(4 * time.Second)
				if newest() == name {
					t.Errorf("%s is known before it was asked for", name)
				}
				time.Sleep(time.Second)
			}
			if got := newest(); got != name {
				t.Errorf("the newest is %s, want %s", got, name)
			}
		}
	})
}

func TestNewestGallops(t *testing.T) {
	ctx, bucket := t.Context(), memory(t)
	b := named(t, "many")
	if _, err := store.Create(ctx, bucket, bundleKey(b.Digest()), b.Encode()); err != nil {
		t.Fatal(err)
	}
	for n := range 70 {
		r := Open(bucket)
		if got, err := r.latest(ctx, 0); err != nil || got != n {
			t.Fatalf("the latest of %d versions is %d, %v", n, got, err)
		}
		if got, err := r.latest(ctx, n/2); err != nil || got != n {
			t.Fatalf("the latest of %d versions, from %d, is %d, %v", n, n/2, got, err)
		}
		if _, err := store.Create(ctx, bucket, versionKey(n+1), []byte(b.Digest())); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPublishersRace lets many publish at once: each publication becomes one
// version, and none overwrites another.
func TestPublishersRace(t *testing.T) {
	ctx, bucket := t.Context(), memory(t)
	const publishers = 8
	var bundles []*Bundle
	for i := range publishers {
		bundles = append(bundles, named(t, fmt.Sprintf("x%d", i)))
	}
	shared := Open(bucket)
	var wait sync.WaitGroup
	errs := make([]error, publishers)
	for i, b := range bundles {
		wait.Go(func() {
			r := shared
			if i%2 == 0 {
				r = Open(bucket)
			}
			errs[i] = errors.Join(r.Publish(ctx, b), func() error { _, err := r.Newest(ctx); return err }())
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for n := 1; n <= publishers; n++ {
		d, err := shared.versionDigest(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		seen[d] = true
	}
	if len(seen) != publishers || len(keys(t, bucket)) != 2*publishers {
		t.Errorf("%d versions of %d: %v", len(seen), publishers, keys(t, bucket))
	}
}

func TestRepositoryForgets(t *testing.T) {
	ctx, bucket := t.Context(), memory(t)
	r := Open(bucket)
	var last *Bundle
	for i := range cached + 3 {
		last = named(t, fmt.Sprintf("x%d", i))
		if err := r.Publish(ctx, last); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Get(ctx, named(t, "x0").Digest()); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.recent) != cached || r.lookup(named(t, "x0").Digest()) == nil || r.lookup(named(t, "x1").Digest()) != nil || r.lookup(last.Digest()) == nil {
		t.Errorf("%d bundles in memory; the one in use %v, the oldest %v", len(r.recent), r.lookup(named(t, "x0").Digest()), r.lookup(named(t, "x1").Digest()))
	}
}

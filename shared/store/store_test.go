package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// each runs a test on every kind of bucket there is here.
func each(t *testing.T, f func(t *testing.T, b *blob.Bucket)) {
	t.Run("mem", func(t *testing.T) { f(t, memblob.OpenBucket(nil)) })
	t.Run("file", func(t *testing.T) {
		b, err := filebucket.Open(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		f(t, b)
	})
}

func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, b *blob.Bucket) {
		ctx := t.Context()
		var wg sync.WaitGroup
		var won atomic.Int32
		for i := range 16 {
			wg.Go(func() {
				created, err := store.Create(ctx, b, "a/b", fmt.Appendf(nil, "%02d", i))
				if err != nil {
					t.Error(err)
				}
				if created {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d created it", won.Load())
		}
		if data, err := store.Read(ctx, b, "a/b", 2); err != nil || len(data) != 2 {
			t.Errorf("%q, %v", data, err)
		}
		if _, err := store.Read(ctx, b, "a/b", 1); fault.CodeOf(err) != "object-too-large" {
			t.Errorf("got %v", err)
		}
		if _, err := store.Read(ctx, b, "none", 1); !store.NotFound(err) || fault.KindOf(err) != fault.Retry {
			t.Errorf("got %v", err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		// A bucket that is closed says that a precondition failed, too.
		if created, err := store.Create(ctx, b, "a/b", nil); created || err == nil {
			t.Errorf("on a closed bucket: %t, %v", created, err)
		}
	})
}

func TestWriter(t *testing.T) {
	each(t, func(t *testing.T, b *blob.Bucket) {
		ctx := t.Context()
		write := func(text string) (*store.Writer, error) {
			w, err := store.NewWriter(ctx, b, "k")
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Write([]byte(text))
			return w, err
		}
		w, err := write("abc")
		if err != nil {
			t.Fatal(err)
		}
		if there, err := b.Exists(ctx, "k"); there || err != nil {
			t.Errorf("it is there before it is whole: %v", err)
		}
		w.Abort()
		if there, err := b.Exists(ctx, "k"); there || err != nil {
			t.Errorf("it is there although it was given up: %v", err)
		}
		w, err = write("abc")
		if err != nil {
			t.Fatal(err)
		}
		ref, created, err := w.Commit()
		if err != nil || !created || ref.Key != "k" || ref.Size != 3 || ref.Digest != store.Digest([]byte("abc")) {
			t.Fatalf("%+v, %t, %v", ref, created, err)
		}
		if w, err = write("abc"); err != nil {
			t.Fatal(err)
		}
		if again, created, err := w.Commit(); err != nil || created || again != ref {
			t.Errorf("the same again: %+v, %t, %v", again, created, err)
		}
		if w, err = write("abcd"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Commit(); fault.CodeOf(err) != "object-differs" || fault.KindOf(err) != fault.Poison {
			t.Errorf("another object: %v", err)
		}
	})
}

func TestEach(t *testing.T) {
	b := memblob.OpenBucket(nil)
	for i := range 30 {
		if _, err := store.Create(t.Context(), b, fmt.Sprintf("p/%02d", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	if err := store.Each(t.Context(), b, "p/1", func(o *blob.ListObject) error {
		keys = append(keys, o.Key)
		return nil
	}); err != nil || len(keys) != 10 || keys[0] != "p/10" {
		t.Errorf("%v, %v", keys, err)
	}
	n := 0
	if err := store.Each(t.Context(), b, "p/", func(*blob.ListObject) error { n++; return store.ErrStop }); err != nil || n != 1 {
		t.Errorf("stopped after %d with %v", n, err)
	}
	broken := errors.New("broken")
	if err := store.Each(t.Context(), b, "p/", func(*blob.ListObject) error { return broken }); err != broken {
		t.Errorf("got %v", err)
	}
}

// TestFaults: whatever fails, before or after it took effect, is a Retry, and
// trying again ends the same.
func TestFaults(t *testing.T) {
	for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
		inner := memblob.OpenBucket(nil)
		b := (&storetest.Injector{Mode: mode}).Bucket("b", inner)
		_, err := store.Create(t.Context(), b, "k", []byte("x"))
		if fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != "bucket-write" {
			t.Errorf("%v: got %v", mode, err)
		}
		if strings.Contains(err.Error(), "x\n") {
			t.Errorf("the error holds the content: %v", err)
		}
		created, err := store.Create(t.Context(), b, "k", []byte("x"))
		if err != nil || created != (mode == storetest.Before) {
			t.Errorf("%v: again: %t, %v", mode, created, err)
		}
	}
}

func TestOpen(t *testing.T) {
	mux := new(blob.URLMux)
	mux.RegisterBucket("file", &filebucket.URLOpener{Base: t.TempDir()})
	b, err := store.Open(context.Background(), mux, "file://./a", "file://./b")
	if err != nil || len(b) != 2 {
		t.Fatal(err)
	}
	if err := store.Close(b...); err != nil {
		t.Error(err)
	}
	if _, err := store.Open(context.Background(), mux, "file://./a", "none://x"); fault.CodeOf(err) != "bucket-open" {
		t.Errorf("got %v", err)
	}
}

// TestDenied: where a bucket denies to replace before it tells that an object is
// there, that is found; where it denies to create, that is told.
func TestDenied(t *testing.T) {
	ctx := t.Context()
	b := memblob.OpenBucket(nil)
	defer b.Close()
	if err := b.WriteAll(ctx, "there", []byte("ab"), nil); err != nil {
		t.Fatal(err)
	}
	bucket := (&storetest.Injector{At: -1, Fail: func(_ int, op string) storetest.Mode {
		if strings.HasPrefix(op, "b write ") {
			return storetest.Denied
		}
		return storetest.None
	}}).Bucket("b", b)
	write := func(key, text string) (bool, error) {
		w, err := store.NewWriter(ctx, bucket, key)
		if err != nil {
			return false, err
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return false, err
		}
		_, created, err := w.Commit()
		return created, err
	}
	if created, err := store.Create(ctx, bucket, "there", nil); created || err != nil {
		t.Errorf("what is there: %v %v", created, err)
	}
	if created, err := write("there", "cd"); created || err != nil {
		t.Errorf("what is there, written: %v %v", created, err)
	}
	if _, err := write("there", "abc"); fault.KindOf(err) != fault.Poison {
		t.Errorf("what is there and differs: %v", err)
	}
	if created, err := store.Create(ctx, bucket, "new", nil); created || fault.KindOf(err) != fault.Retry {
		t.Errorf("what may not be created: %v %v", created, err)
	}
	if created, err := write("new", "a"); created || fault.KindOf(err) != fault.Retry {
		t.Errorf("what may not be created, written: %v %v", created, err)
	}
}

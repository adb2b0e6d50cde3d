package gcp

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// told is a notification.
type told struct {
	object
	resource string
}

func startStorageForTest(t *testing.T, notify func(object, []byte) error) *storage {
	t.Helper()
	s, err := startStorage(t.Context(), filepath.Join(t.TempDir(), "storage"), "some-drops", notify)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	for range 2 { // a bucket that is there is left alone
		for _, name := range []string{"some-drops", "other"} {
			if err := s.make(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func open(t *testing.T, s *storage, name string) *blob.Bucket {
	t.Helper()
	b, err := s.bucket(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// TestNotifications: each new object in the bucket is told of, before its upload
// is answered, as the driver sees it; nothing else is.
func TestNotifications(t *testing.T) {
	var notes []told
	s := startStorageForTest(t, func(o object, resource []byte) error {
		notes = append(notes, told{o, string(resource)})
		return nil
	})
	drops, other := open(t, s, "some-drops"), open(t, s, "other")
	ctx := t.Context()
	post := func(url, body string) {
		t.Helper()
		response, err := http.Post("http://"+s.addr+url, "text/csv", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", url, response.Status)
		}
	}
	const name = "acme/stock/a b+c=☺ %2F.csv"
	steps := []struct {
		what string
		key  string // that is told of; "": nothing is
		do   func() error
	}{
		{"at once", name, func() error { return drops.WriteAll(ctx, name, []byte("first"), nil) }},
		{"in parts", "acme/large", func() error {
			return drops.WriteAll(ctx, "acme/large", bytes.Repeat([]byte("0123456789abcdef"), 17<<16), nil)
		}},
		{"over another", name, func() error { return drops.WriteAll(ctx, name, []byte("second"), nil) }},
		{"where there is one", "", func() error {
			err := drops.WriteAll(ctx, name, []byte("third"), &blob.WriterOptions{IfNotExist: true})
			if err == nil {
				return errors.New("it was created")
			}
			return nil
		}},
		{"copied", "acme/copy", func() error { return drops.Copy(ctx, "acme/copy", name, nil) }},
		{"by hand", "acme/by hand.csv", func() error {
			post("/upload/storage/v1/b/some-drops/o?uploadType=media&name=acme/by+hand.csv", "fourth")
			return nil
		}},
		{"elsewhere", "", func() error { return other.WriteAll(ctx, name, []byte("x"), nil) }},
		{"read", "", func() error {
			got, err := drops.ReadAll(ctx, name)
			if string(got) != "second" {
				return fmt.Errorf("read %q, %w", got, err)
			}
			return err
		}},
		{"deleted", "", func() error { return drops.Delete(ctx, "acme/copy") }},
	}
	for _, step := range steps {
		notes = nil
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.what, err)
		}
		switch {
		case step.key == "" && len(notes) == 0:
		case step.key == "" || len(notes) != 1:
			t.Errorf("%s: told %+v", step.what, notes)
		default:
			o := notes[0]
			a, err := drops.Attributes(ctx, step.key)
			if err != nil || o.Bucket != "some-drops" || o.Name != step.key || o.Generation == "" || o.Created.IsZero() ||
				!strings.Contains(o.resource, `"etag":`+a.ETag) || !strings.Contains(o.resource, fmt.Sprintf(`"size":"%d"`, a.Size)) {
				t.Errorf("%s: told %+v of %+v, %v", step.what, o, a, err)
			}
		}
	}
}

// TestNotNotified: an upload that nobody could be told of fails.
func TestNotNotified(t *testing.T) {
	s := startStorageForTest(t, func(object, []byte) error { return errors.New("no topic") })
	response, err := http.Post("http://"+s.addr+"/upload/storage/v1/b/some-drops/o?uploadType=media&name=x", "text/csv", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Error(response.Status)
	}
}

// TestGuarded: web pages are turned away.
func TestGuarded(t *testing.T) {
	s := startStorageForTest(t, func(object, []byte) error { return nil })
	for name, change := range map[string]func(*http.Request){
		"another origin": func(r *http.Request) { r.Header.Set("Origin", "https://example.org") },
		"another name":   func(r *http.Request) { r.Host = "example.org" },
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.addr+"/upload/storage/v1/b/other/o?uploadType=media&name=x", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, response.Status)
		}
	}
	if there, err := open(t, s, "other").Exists(t.Context(), "x"); there || err != nil {
		t.Errorf("an object was made, %v", err)
	}
}

// TestEach: objects are there again after another start, and all are listed.
func TestEach(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "storage")
	start := func() *storage {
		s, err := startStorage(t.Context(), folder, "some-drops", func(object, []byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	list := func(s *storage) (all []string) {
		err := s.each(t.Context(), "some-drops", func(o object, resource []byte) error {
			if o.Generation == "" || !bytes.Contains(resource, []byte(`"etag"`)) {
				t.Errorf("%s", resource)
			}
			all = append(all, o.Name+" "+o.Generation)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(all)
		return all
	}
	first := start()
	const many = 120 // two pages
	for i := range many {
		first.fake.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: "some-drops", Name: fmt.Sprintf("a/%d", i)}})
	}
	was := list(first)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := start()
	defer func() { _ = second.stop() }()
	if is := list(second); len(is) != many || !slices.Equal(is, was) {
		t.Errorf("%d objects, %d before", len(is), len(was))
	}
	stop := fault.New(fault.Invalid, "enough", "enough", "")
	if err := second.each(t.Context(), "some-drops", func(object, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

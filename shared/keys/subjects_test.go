package keys

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

const somebody = "anna.schmidt@example.org"

// subjectKey is the key of a subject in domain acme.
func subjectKey(t *testing.T, s *Subjects, contract, value string) string {
	t.Helper()
	found, err := s.Of(t.Context(), contract, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	domain, err := s.ring.TokenKey("acme", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := found.TokenKey(domain)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(key.Secret())
}

// ringOf is a ring in memory with so many versions.
func ringOf(t *testing.T, versions ...Version) *Ring {
	t.Helper()
	r, err := NewRing(versions...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// subjectBuckets are where subjects can be.
var subjectBuckets = map[string]func(t *testing.T) *blob.Bucket{
	"memory": func(*testing.T) *blob.Bucket { return memblob.OpenBucket(nil) },
	"folder": func(t *testing.T) *blob.Bucket {
		b, err := filebucket.Open(filepath.Join(t.TempDir(), "subjects"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
}

func TestSubjects(t *testing.T) {
	for name, bucket := range subjectBuckets {
		t.Run(name, func(t *testing.T) {
			b, ring := bucket(t), ringOf(t, Version{Number: 1, Key: GenerateKey()})
			defer b.Close()
			// Copies that ask at once agree.
			const copies = 8
			found := make([]string, copies)
			var wg sync.WaitGroup
			for i := range copies {
				wg.Go(func() {
					s := NewSubjects(b, ring)
					defer s.Close()
					found[i] = subjectKey(t, s, "orders", somebody)
				})
			}
			wg.Wait()
			s := NewSubjects(b, ring)
			defer s.Close()
			for i, key := range found {
				if key != found[0] || key != subjectKey(t, s, "orders", somebody) {
					t.Fatalf("copy %d has another key", i)
				}
			}
			for _, other := range [][2]string{{"orders", "anna.schmidt@example.or"}, {"orders2", somebody}, {"order", "s" + somebody}} {
				if subjectKey(t, s, other[0], other[1]) == found[0] {
					t.Errorf("%v has the same key", other)
				}
			}
			ref, err := s.ref(t.Context(), "orders", []byte(somebody))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Look(t.Context(), ref); err != nil {
				t.Error(err)
			}
			if _, err := s.Look(t.Context(), SubjectRef{}); fault.CodeOf(err) != CodeSubjectMissing {
				t.Errorf("a reference to nobody: %v", err)
			}
			if _, err := s.Of(t.Context(), "orders", nil); fault.CodeOf(err) != CodeSubjectEmpty {
				t.Errorf("nobody: %v", err)
			}

			before := objects(t, b)
			at := time.Date(2026, 11, 23, 12, 0, 0, 5, time.UTC)
			erased, err := s.Erase(t.Context(), "orders", []byte(somebody), at)
			if err != nil || erased.Ref != ref || !erased.New || !erased.At.Equal(at.Truncate(time.Second)) {
				t.Fatalf("%+v, %v", erased, err)
			}
			again, err := s.Erase(t.Context(), "orders", []byte(somebody), at.Add(time.Hour))
			if err != nil || again.New || !again.At.Equal(erased.At) {
				t.Errorf("a second time: %+v, %v", again, err)
			}
			for _, s := range []*Subjects{s, NewSubjects(b, ring)} {
				if found, err := s.Of(t.Context(), "orders", []byte(somebody)); err != nil || found.Erased.IsZero() || found.secret.Secret() != nil {
					t.Errorf("erased: %+v, %v", found, err)
				}
				if _, err := s.Look(t.Context(), ref); fault.CodeOf(err) != CodeSubjectErased || fault.KindOf(err) != fault.Denied {
					t.Errorf("erased: %v", err)
				}
			}
			if subjectKey(t, s, "orders2", somebody) == "" || len(objects(t, b)) != len(before) {
				t.Error("others are gone, too")
			}
			if _, err := s.Erase(t.Context(), "orders", []byte("never seen"), at); err != nil {
				t.Fatal(err)
			}
			if found, err := s.Of(t.Context(), "orders", []byte("never seen")); err != nil || found.Erased.IsZero() {
				t.Errorf("one who was erased before the first row came has a key: %v", err)
			}
			// Of the secret that is gone nothing is left, and of nobody's name anything.
			gone := before[ref.object()]
			for key, data := range objects(t, b) {
				if bytes.Contains(data, gone[20:]) {
					t.Errorf("%s holds the secret that was destroyed", key)
				}
				for _, name := range []string{somebody, "never seen", "orders"} {
					if strings.Contains(key+string(data), name) {
						t.Errorf("%s tells %q", key, name)
					}
				}
			}
		})
	}
}

// objects are all of a bucket.
func objects(t *testing.T, b *blob.Bucket) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	it := b.List(nil)
	for {
		o, err := it.Next(t.Context())
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if all[o.Key], err = b.ReadAll(t.Context(), o.Key); err != nil {
			t.Fatal(err)
		}
	}
}

// TestErasedElsewhere: who has a secret in memory forgets it within Stale, also if
// it asks all the time, and has nothing in memory when nobody asks any more.
func TestErasedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, ring := memblob.OpenBucket(nil), ringOf(t, Version{Number: 1, Key: GenerateKey()})
		defer b.Close()
		here, there := NewSubjects(b, ring), NewSubjects(b, ring)
		defer here.Close()
		defer there.Close()
		known, err := here.Of(t.Context(), "orders", []byte(somebody))
		if err != nil {
			t.Fatal(err)
		}
		secret := here.known[known.Ref].Value.(*knownSubject).secret.Secret()
		if _, err := there.Erase(t.Context(), "orders", []byte(somebody), time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := here.Look(t.Context(), known.Ref); fault.CodeOf(err) != CodeSubjectErased {
			t.Errorf("who reveals: %v", err)
		}
		until := time.Now().Add(Stale)
		for time.Now().Before(until) {
			if found, err := here.Of(t.Context(), "orders", []byte(somebody)); err != nil || !found.Erased.IsZero() {
				t.Fatalf("known: %+v, %v", found, err)
			}
			time.Sleep(Stale / 10)
		}
		if found, err := here.Of(t.Context(), "orders", []byte(somebody)); err != nil || found.Erased.IsZero() {
			t.Errorf("%s after it was erased: %v", Stale, err)
		}
		if !bytes.Equal(secret, make([]byte, KeySize)) {
			t.Error("the secret is still in memory")
		}
		if _, err := here.Of(t.Context(), "orders", []byte("somebody else")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*Stale + 1)
		synctest.Wait()
		if len(here.known) != 0 || here.used.Len() != 0 {
			t.Error("stale secrets are kept")
		}
	})
}

// TestSubjectsOutliveVersions: rotation and retirement of the ring change no
// subject's secret, another ring opens none.
func TestSubjectsOutliveVersions(t *testing.T) {
	b := memblob.OpenBucket(nil)
	defer b.Close()
	one, two := GenerateKey(), GenerateKey()
	next := time.Now().Add(-time.Minute)
	of := func(ring *Ring) (Subject, error) {
		s := NewSubjects(b, ring)
		defer s.Close()
		return s.Of(t.Context(), "orders", []byte(somebody))
	}
	first, err := of(ringOf(t, Version{Number: 1, Key: one}))
	if err != nil {
		t.Fatal(err)
	}
	for name, versions := range map[string][]Version{
		"rotated": {{Number: 1, Key: one}, {Number: 2, ActiveFrom: next, Key: two}},
		"retired": {{Number: 1, Key: one, Retired: true}, {Number: 2, ActiveFrom: next, Key: two}},
	} {
		if later, err := of(ringOf(t, versions...)); err != nil || later.Ref != first.Ref || !bytes.Equal(later.secret.Secret(), first.secret.Secret()) {
			t.Errorf("%s: another secret, or %v", name, err)
		}
	}
	if _, err := of(ringOf(t, Version{Number: 1, Key: two})); fault.CodeOf(err) != CodeSubjectDamaged {
		t.Errorf("another ring: %v", err)
	}
	if _, err := of(ringOf(t, Version{Number: 2, Key: two})); fault.CodeOf(err) != CodeSubjectDamaged || fault.KindOf(err) != fault.Retry {
		t.Errorf("a ring that lacks the version: %v", err)
	}
	for name, data := range map[string]string{"empty": "", "no JSON": "{", "neither": "{}", "both": `{"version":1,"wrapped":"AAAA","erased":"2026-11-23T00:00:00Z"}`,
		"short": `{"version":1,"wrapped":"AAAA"}`, "too large": strings.Repeat(" ", maxSealed+1)} {
		if err := b.WriteAll(t.Context(), first.Ref.object(), []byte(data), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := of(ringOf(t, Version{Number: 1, Key: one})); fault.CodeOf(err) != CodeSubjectDamaged || fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := NewSubjects(b, ringOf(t, Version{Number: 1, Key: one}))
	defer s.Close()
	if e, err := s.Erase(t.Context(), "orders", []byte(somebody), time.Now()); err != nil || !e.New {
		t.Errorf("what is damaged cannot be erased: %+v, %v", e, err)
	}
}

// TestSubjectFaults: every operation on the bucket fails, before and after it takes
// effect, while a secret is made and while it is destroyed. Whoever comes next
// finds one secret, or none.
func TestSubjectFaults(t *testing.T) {
	ring := ringOf(t, Version{Number: 1, Key: GenerateKey()})
	for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
		for at := 0; ; at++ {
			name := fmt.Sprintf("%v %d", mode, at)
			b := memblob.OpenBucket(nil)
			injector := &storetest.Injector{At: at, Mode: mode}
			faulty, sound := NewSubjects(injector.Bucket("subjects", b), ring), NewSubjects(b, ring)
			var failed error
			step := func(do func(s *Subjects) error) {
				if err := do(faulty); err != nil {
					failed = err
					if fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != CodeSubjectBucket {
						t.Errorf("%s: %v", name, err)
					}
					if err := do(faulty); err != nil {
						t.Errorf("%s: again: %v", name, err)
					}
				}
			}
			var key string
			step(func(s *Subjects) error {
				if _, err := s.Of(context.Background(), "orders", []byte(somebody)); err != nil {
					return err
				}
				key = subjectKey(t, s, "orders", somebody)
				return nil
			})
			if subjectKey(t, sound, "orders", somebody) != key {
				t.Errorf("%s: two copies have two keys", name)
			}
			step(func(s *Subjects) error {
				e, err := s.Erase(context.Background(), "orders", []byte(somebody), time.Now())
				if err == nil {
					if _, err := NewSubjects(b, ring).Look(context.Background(), e.Ref); fault.CodeOf(err) != CodeSubjectErased {
						t.Errorf("%s: said to be erased, and %v", name, err)
					}
				}
				return err
			})
			if found, err := NewSubjects(b, ring).Of(t.Context(), "orders", []byte(somebody)); err != nil || found.Erased.IsZero() {
				t.Errorf("%s: a key after it was erased, or %v", name, err)
			}
			ops := len(injector.Ops())
			b.Close()
			if failed == nil && at >= ops {
				if at < 6 {
					t.Fatalf("only %d operations: %v", ops, injector.Ops())
				}
				break
			}
		}
	}
}

// TestEraseMeanwhile: one is erased while others make its key. It has none then.
func TestEraseMeanwhile(t *testing.T) {
	ring := ringOf(t, Version{Number: 1, Key: GenerateKey()})
	var at int
	for at = 0; ; at++ {
		b := memblob.OpenBucket(nil)
		eraser := NewSubjects(b, ring)
		if _, err := eraser.Of(t.Context(), "orders", []byte("somebody else")); err != nil {
			t.Fatal(err)
		}
		done := false
		injector := &storetest.Injector{Fail: func(n int, _ string) storetest.Mode {
			if n == at {
				done = true
				if _, err := eraser.Erase(context.Background(), "orders", []byte(somebody), time.Now()); err != nil {
					t.Error(err)
				}
			}
			return storetest.None
		}}
		if _, err := NewSubjects(injector.Bucket("subjects", b), ring).Of(t.Context(), "orders", []byte(somebody)); err != nil {
			t.Errorf("%d: %v", at, err)
		}
		if done {
			if found, err := NewSubjects(b, ring).Of(t.Context(), "orders", []byte(somebody)); err != nil || found.Erased.IsZero() {
				t.Errorf("erased before %q: it has a key, or %v", injector.Ops()[at], err)
			}
			if _, err := store.Read(t.Context(), b, indexObject, maxSealed); err != nil {
				t.Error(err)
			}
		}
		b.Close()
		if !done {
			break
		}
	}
	if at < 3 {
		t.Errorf("only %d operations", at)
	}
}

// TestSubjectsBounded: of very many subjects some are remembered.
func TestSubjectsBounded(t *testing.T) {
	b, ring := memblob.OpenBucket(nil), ringOf(t, Version{Number: 1, Key: GenerateKey()})
	defer b.Close()
	s := NewSubjects(b, ring)
	defer s.Close()
	for i := range maxSubjects + 10 {
		s.remember(Subject{Ref: SubjectRef{byte(i), byte(i >> 8), byte(i >> 16)}, secret: NewKey([KeySize]byte{1})}, time.Now())
	}
	if len(s.known) != maxSubjects || s.used.Len() != maxSubjects {
		t.Errorf("%d are remembered", len(s.known))
	}
	if _, ok := s.recall(SubjectRef{0}); ok {
		t.Error("the one that was used longest ago is remembered")
	}
}

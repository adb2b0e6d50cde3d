package ledger

import (
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// A situation in which an append is made to fail at each of its operations.
type situation struct {
	name string
	// before is what the bucket holds. It returns what is recorded.
	before func(t *testing.T, id identity, b *blob.Bucket) []Record
	// records are appended.
	records []Record
	// meanwhile, if set, happens once: just before the first batch is created.
	// It returns what it recorded.
	meanwhile func(t *testing.T, id identity, b *blob.Bucket) []Record
}

var situations = []situation{{
	name:    "an empty bucket",
	records: records(0, 3),
}, {
	name:    "across a tile's edge",
	before:  settled(254),
	records: records(254, 258),
}, {
	name:    "behind a writer that crashed",
	before:  crashed(5),
	records: records(3, 8),
}, {
	name:   "nothing to record, behind a writer that crashed",
	before: crashed(3),
}, {
	name:      "a race lost",
	before:    settled(2),
	records:   records(2, 6),
	meanwhile: settled(4),
}, {
	name:      "a race lost to a writer that crashed",
	before:    settled(2),
	records:   records(2, 6),
	meanwhile: crashed(4),
}, {
	name: "no copy of the checkpoint",
	before: func(t *testing.T, id identity, b *blob.Bucket) []Record {
		for i := range 9 {
			appendAll(t, id.open(t, b), records(i, i+1))
		}
		if err := b.Delete(t.Context(), copyKey); err != nil {
			t.Fatal(err)
		}
		return records(0, 9)
	},
	records: records(8, 10),
}}

// settled records the first n records.
func settled(n int) func(*testing.T, identity, *blob.Bucket) []Record {
	return func(t *testing.T, id identity, b *blob.Bucket) []Record {
		appendAll(t, id.open(t, b), records(0, n))
		return records(0, n)
	}
}

// crashed records the first n records and gets no further than their batch.
func crashed(n int) func(*testing.T, identity, *blob.Bucket) []Record {
	return func(t *testing.T, id identity, b *blob.Bucket) []Record {
		dead := false
		var mu sync.Mutex
		bucket := &faulty{Bucket: b, fail: func(_ int, op string) (before, after bool) {
			mu.Lock()
			defer mu.Unlock()
			if dead {
				return true, false
			}
			dead = strings.HasPrefix(op, "write seq/")
			return false, dead
		}}
		if err := id.open(t, bucket.open()).Append(t.Context(), records(0, n)); err == nil {
			t.Fatal("it did not crash")
		}
		return records(0, n)
	}
}

// Each operation of an append fails, without its effect or with it, once or for
// good. Whatever happened, the log is sound, and appending again makes it whole.
func TestFaults(t *testing.T) {
	modes := []struct {
		name        string
		effect      bool // the operation that fails takes effect
		processDies bool // nothing works after it, and another process goes on
	}{
		{"fails", false, false},
		{"fails but takes effect", true, false},
		{"is never made", false, true},
		{"is the last", true, true},
	}
	for _, s := range situations {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			id := newIdentity(t)
			start := newBucket(t)
			var recorded []Record
			if s.before != nil {
				recorded = s.before(t, id, start)
			}
			objects := contents(t, start)
			for _, mode := range modes {
				n := 0
				for ; n < 1000; n++ {
					c := faultCase{situation: s, id: id, n: n, effect: mode.effect, dies: mode.processDies}
					if !c.run(t, filled(t, objects), recorded) {
						break
					}
					if t.Failed() {
						t.Fatalf("operation %d (%s) %s", n, c.op, mode.name)
					}
				}
				if n < 5 || n == 1000 {
					t.Fatalf("%d operations failed: the table does not do what it should", n)
				}
			}
		})
	}
}

type faultCase struct {
	situation
	id     identity
	n      int // the operation that fails
	effect bool
	dies   bool
	op     string
}

// run is one case. It reports whether the operation was reached.
func (c *faultCase) run(t *testing.T, b *blob.Bucket, recorded []Record) bool {
	var once sync.Once
	var mu sync.Mutex
	fired, healed := false, false
	bucket := &faulty{Bucket: b, fail: func(n int, op string) (before, after bool) {
		if c.meanwhile != nil && strings.HasPrefix(op, "write seq/") {
			once.Do(func() { recorded = append(recorded, c.meanwhile(t, c.id, b)...) })
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case healed:
			return false, false
		case n == c.n:
			fired, c.op = true, op
			return !c.effect, c.effect
		}
		return c.dies && n > c.n, false
	}}
	view := bucket.open()
	l, err := Open(t.Context(), view, c.id.signer, origin)
	if err == nil {
		l.patience = time.Microsecond
		err = l.Append(t.Context(), c.records)
	}
	mu.Lock()
	healed = true
	reached := fired
	mu.Unlock()
	if reached && (err == nil || fault.KindOf(err) != fault.Retry) {
		t.Errorf("the append answered %v", err)
	}
	if !reached && err != nil {
		t.Errorf("without a fault: %v", err)
	}

	// As it was left: no promise is broken, though it may not be finished.
	if _, err := Verify(t.Context(), b, c.id.verifier, origin, nil); err != nil {
		t.Errorf("left behind: %v", err)
	}
	if _, err := OpenReader(b, c.id.verifier, origin).Checkpoint(t.Context()); err != nil {
		t.Errorf("left behind: %v", err)
	}
	// The work is handed out again: to the same process, or to another.
	if l == nil || c.dies {
		if l, err = Open(t.Context(), view, c.id.signer, origin); err != nil {
			t.Fatal(err)
		}
		l.patience = time.Microsecond
	}
	if err := l.Append(t.Context(), c.records); err != nil {
		t.Errorf("appending again: %v", err)
	}
	c.id.check(t, b, union(recorded, c.records))
	return reached
}

func union(sets ...[]Record) []Record {
	seen := map[string]bool{}
	var all []Record
	for _, set := range sets {
		for _, r := range set {
			if !seen[r.ID] {
				seen[r.ID] = true
				all = append(all, r)
			}
		}
	}
	return all
}

// copyOf makes a bucket with the same objects.
func copyOf(t testing.TB, from *blob.Bucket) *blob.Bucket {
	t.Helper()
	return filled(t, contents(t, from))
}

func filled(t testing.TB, objects map[string][]byte) *blob.Bucket {
	t.Helper()
	b := newBucket(t)
	for key, data := range objects {
		if err := b.WriteAll(t.Context(), key, data, nil); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func contents(t testing.TB, b *blob.Bucket) map[string][]byte {
	t.Helper()
	objects := map[string][]byte{}
	err := store.Each(t.Context(), b, "", func(o *blob.ListObject) error {
		data, err := b.ReadAll(t.Context(), o.Key)
		objects[o.Key] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

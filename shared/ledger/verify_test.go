package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// finding is the object that Verify finds fault with.
func finding(t *testing.T, id identity, b *blob.Bucket) (object string, err error) {
	t.Helper()
	_, err = Verify(t.Context(), b, id.verifier, origin, nil)
	var f *fault.Error
	if !errors.As(err, &f) {
		return "", err
	}
	if f.Kind != fault.Invalid || f.Code != "ledger-damaged" {
		t.Errorf("kind %s, code %s", f.Kind, f.Code)
	}
	return f.Where.Object, err
}

// sample is a small log with one of everything: batches, partial and full tiles
// of two levels, an erased record.
func sample(t *testing.T, id identity) *blob.Bucket {
	b := newBucket(t)
	l := id.open(t, b)
	appendAll(t, l, records(0, 3))
	appendAll(t, l, records(3, 258))
	appendAll(t, l, records(258, 260))
	if err := Erase(t.Context(), b, "id-1"); err != nil {
		t.Fatal(err)
	}
	return b
}

func kindOf(key string) string {
	parts := strings.Split(key, "/")
	if parts[0] == "tile" {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// A flipped bit anywhere is found, and it is said where.
func TestTamperingIsNamed(t *testing.T) {
	id := newIdentity(t)
	b := sample(t, id)
	kinds := map[string]int{}
	for key, data := range contents(t, b) {
		kind := kindOf(key)
		if kinds[kind]++; kinds[kind] > 2 {
			continue
		}
		step := max(1, len(data)/7)
		for at := 0; at < len(data); at += step {
			bad := bytes.Clone(data)
			bad[at] ^= 1
			if err := b.WriteAll(t.Context(), key, bad, nil); err != nil {
				t.Fatal(err)
			}
			object, err := finding(t, id, b)
			if err == nil {
				t.Errorf("%s, byte %d: not found", key, at)
			} else if object != key && !(kind == "seq" && strings.Contains(err.Error(), key)) {
				t.Errorf("%s, byte %d: blames %s: %v", key, at, object, err)
			}
		}
		if err := b.WriteAll(t.Context(), key, data, nil); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"checkpoint", "checkpoints", "ids", "records", "seq", "tile/0", "tile/1", "tile/entries"}; len(kinds) != len(want) {
		t.Errorf("kinds of objects: %v, want %v", kinds, want)
	}
	if _, err := finding(t, id, b); err != nil {
		t.Errorf("restored: %v", err)
	}
}

// What is taken away is missed, except what the next append puts back.
func TestRemovalIsNamed(t *testing.T) {
	id := newIdentity(t)
	b := sample(t, id)
	for key, data := range contents(t, b) {
		if strings.HasPrefix(key, marksPrefix) && key[4] > '0' {
			continue // enough of these
		}
		if err := b.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		object, err := finding(t, id, b)
		switch {
		case key == copyKey && err != nil:
			t.Errorf("the copy may be missing: %v", err)
		case key != copyKey && object != key:
			t.Errorf("%s: blames %q: %v", key, object, err)
		}
		if err := b.WriteAll(t.Context(), key, data, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForgeriesAreNamed(t *testing.T) {
	id := newIdentity(t)
	good := sample(t, id)
	original := contents(t, good)
	last := original[checkpointKey(260)]
	fork := newBucket(t)
	appendAll(t, id.open(t, fork), records(1000, 1003))
	forked := contents(t, fork)
	forkedBatch, err := decodeBatch(forked[seqKey(0)], 0)
	if err != nil {
		t.Fatal(err)
	}
	stray := markKey(hashHex([]byte("kept out")))

	for _, c := range []struct {
		name   string
		change map[string][]byte // nil: removed
		blames string
	}{
		{"a mark that keeps a record out", map[string][]byte{stray: []byte("0")}, stray},
		{"a mark of no batch", map[string][]byte{stray: []byte("77")}, stray},
		{"a mark that is no number", map[string][]byte{stray: []byte("x")}, stray},
		{"a batch inside another", map[string][]byte{seqKey(1): original[seqKey(0)]}, seqKey(1)},
		{"a batch after a gap", map[string][]byte{seqKey(300): original[seqKey(0)]}, seqKey(260)},
		{"a batch of another place", map[string][]byte{seqKey(3): original[seqKey(0)]}, seqKey(3)},
		{"a checkpoint inside a batch", map[string][]byte{checkpointKey(2): last}, checkpointKey(2)},
		{"a checkpoint beyond the end", map[string][]byte{checkpointKey(300): last}, checkpointKey(300)},
		{"a checkpoint of another size", map[string][]byte{checkpointKey(3): last}, checkpointKey(3)},
		{"a signed checkpoint beyond the end", map[string][]byte{seqKey(258): nil, copyKey: nil}, seqKey(258)},
		{"the last batch cut off", map[string][]byte{seqKey(258): nil}, seqKey(258)},
		{"the last batch and its checkpoint cut off", map[string][]byte{seqKey(258): nil, checkpointKey(260): nil}, seqKey(258)},
		{"a signed fork", map[string][]byte{checkpointKey(3): forked[checkpointKey(3)]}, seqKey(0)},
		{"a signed fork as the copy", map[string][]byte{copyKey: forked[copyKey]}, copyKey},
		{"another batch, with all that belongs to it", map[string][]byte{
			seqKey(0):                         forked[seqKey(0)],
			recordsKey(forkedBatch.Records):   forked[recordsKey(forkedBatch.Records)],
			markKey(forkedBatch.Leaves[0].ID): []byte("0"),
			markKey(forkedBatch.Leaves[1].ID): []byte("0"),
			markKey(forkedBatch.Leaves[2].ID): []byte("0"),
		}, seqKey(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := copyOf(t, good)
			for key, data := range c.change {
				var err error
				if data == nil {
					err = b.Delete(t.Context(), key)
				} else {
					err = b.WriteAll(t.Context(), key, data, nil)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if object, err := finding(t, id, b); object != c.blames {
				t.Errorf("blames %q, want %s: %v", object, c.blames, err)
			}
		})
	}
}

// Two entries of one id: what a writer that ignores the protocol would do.
func TestRepeatedIDIsNamed(t *testing.T) {
	id := newIdentity(t)
	b := newBucket(t)
	l := id.open(t, b)
	appendAll(t, l, records(0, 2))
	for _, ids := range [][]int{{5, 5}, {0, 6}} {
		b := copyOf(t, b)
		var rs []sealed
		for _, i := range ids {
			s, err := seal(record(i))
			if err != nil {
				t.Fatal(err)
			}
			rs = append(rs, s)
		}
		bad, body := newBatch(2, rs)
		l := id.open(t, b)
		for key, data := range map[string][]byte{recordsKey(bad.Records): body, seqKey(2): bad.encode()} {
			if err := b.WriteAll(t.Context(), key, data, nil); err != nil {
				t.Fatal(err)
			}
		}
		appendAll(t, l, nil)
		if object, err := finding(t, id, b); object != seqKey(2) && object != markKey(bad.Leaves[0].ID) {
			t.Errorf("%v: blames %q: %v", ids, object, err)
		}
	}
}

func TestVerifyReports(t *testing.T) {
	id := newIdentity(t)
	b := sample(t, id)
	if err := b.WriteAll(t.Context(), recordsKey("left-by-a-crash"), []byte("?"), nil); err != nil {
		t.Fatal(err)
	}
	var seen []string
	report, err := Verify(t.Context(), b, id.verifier, origin, func(done, total int64) {
		seen = append(seen, fmt.Sprintf("%d/%d", done, total))
	})
	if err != nil {
		t.Fatal(err)
	}
	cp, err := OpenReader(b, id.verifier, origin).Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Report{Entries: 260, Signed: 260, Batches: 3, Erased: 1, Orphans: 1, Root: cp.Root}); report != want {
		t.Errorf("%+v, want %+v", report, want)
	}
	if got := strings.Join(seen, " "); got != "3/260 258/260 260/260" {
		t.Errorf("progress: %s", got)
	}
}

// Verify runs beside writers.
func TestVerifyWhileAppending(t *testing.T) {
	id := newIdentity(t)
	b := newBucket(t)
	done := make(chan error)
	go func() {
		l, err := Open(t.Context(), b, id.signer, origin)
		for i := 0; i < 150 && err == nil; i++ {
			err = l.Append(t.Context(), records(i*3, i*3+3))
		}
		done <- err
	}()
	for {
		if _, err := Verify(t.Context(), b, id.verifier, origin, nil); err != nil {
			t.Error(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			id.check(t, b, records(0, 450))
			return
		default:
		}
	}
}

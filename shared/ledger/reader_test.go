package ledger

import (
	"slices"
	"testing"
)

// A cursor goes on behind what it has read, however the ledger grows, and sees a
// batch that was changed behind its back.
func TestCursor(t *testing.T) {
	id, b := newIdentity(t), newBucket(t)
	l := id.open(t, b)
	cursor := OpenReader(b, id.verifier, origin).Cursor()
	var seen []int64
	read := func() error {
		return cursor.Records(t.Context(), func(i int64, r Record) error {
			if want := record(int(i)).ID; r.ID != want {
				t.Errorf("entry %d is %s", i, r.ID)
			}
			seen = append(seen, i)
			return nil
		})
	}
	for at, n := range []int{0, 1, 300, 0, 700} {
		if n > 0 {
			appendAll(t, l, records(len(seen), len(seen)+n))
		}
		before := len(seen)
		if err := read(); err != nil {
			t.Fatal(err)
		}
		if len(seen)-before != n {
			t.Fatalf("round %d: %d entries, want %d", at, len(seen)-before, n)
		}
	}
	if !slices.IsSorted(seen) || len(seen) != 1001 {
		t.Errorf("%d entries, in order: %v", len(seen), slices.IsSorted(seen))
	}
	appendAll(t, l, records(1001, 1003))
	data, err := b.ReadAll(t.Context(), seqKey(1001))
	if err != nil {
		t.Fatal(err)
	}
	batch, err := decodeBatch(data, 1001)
	if err != nil {
		t.Fatal(err)
	}
	batch.Leaves[0], batch.Leaves[1] = batch.Leaves[1], batch.Leaves[0]
	if err := b.WriteAll(t.Context(), seqKey(1001), batch.encode(), nil); err != nil {
		t.Fatal(err)
	}
	if err := read(); !isDamage(err) {
		t.Errorf("a batch with its leaves changed about: %v", err)
	}
}

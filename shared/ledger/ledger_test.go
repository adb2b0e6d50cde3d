package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

const origin = "example.com/ledger"

// identity is a log's key.
type identity struct {
	signer   note.Signer
	verifier note.Verifier
}

func newIdentity(t testing.TB) identity {
	t.Helper()
	skey, vkey, err := NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return identityOf(t, skey, vkey)
}

func identityOf(t testing.TB, skey, vkey string) identity {
	t.Helper()
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return identity{signer, verifier}
}

func (id identity) open(t testing.TB, b *blob.Bucket) *Log {
	t.Helper()
	l, err := Open(t.Context(), b, id.signer, origin)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newBucket(t testing.TB) *blob.Bucket {
	b := memblob.OpenBucket(&memblob.Options{NoMD5: true})
	t.Cleanup(func() { b.Close() })
	return b
}

// record makes the record number i.
func record(i int) Record {
	r := Record{ID: fmt.Sprintf("id-%d", i), Type: "io.example.thing.happened"}
	r.JSON, _ = json.Marshal(map[string]any{"id": r.ID, "type": r.Type, "data": map[string]int{"number": i}})
	return r
}

func records(from, to int) []Record {
	var rs []Record
	for i := from; i < to; i++ {
		rs = append(rs, record(i))
	}
	return rs
}

func appendAll(t testing.TB, l *Log, rs []Record) {
	t.Helper()
	if err := l.Append(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
}

// check is the invariant of every test: the bucket verifies, the records are
// exactly these, each once and unharmed, and a reader of tlog-tiles that knows
// nothing of this package reads as many entries.
func (id identity) check(t testing.TB, b *blob.Bucket, want []Record) {
	t.Helper()
	report, err := Verify(t.Context(), b, id.verifier, origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Entries != int64(len(want)) || report.Signed != report.Entries {
		t.Fatalf("%d entries of which %d are signed, want %d", report.Entries, report.Signed, len(want))
	}
	missing := make(map[string]string)
	for _, r := range want {
		missing[r.ID] = string(r.JSON)
	}
	next := int64(0)
	err = OpenReader(b, id.verifier, origin).Records(t.Context(), func(i int64, r Record) error {
		if i != next {
			t.Errorf("index %d after %d", i, next-1)
		}
		next++
		if missing[r.ID] != string(r.JSON) {
			t.Errorf("entry %d is a record that is there twice, was never appended or has changed", i)
		}
		delete(missing, r.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 {
		t.Fatalf("%d records are missing", len(missing))
	}
	if len(want) > 0 {
		id.checkForeign(t, b, report)
	}
}

// checkForeign reads the log as a third party does: with torchwood, over files.
func (id identity) checkForeign(t testing.TB, b *blob.Bucket, report Report) {
	t.Helper()
	files, err := torchwood.NewTileFS(b)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := files.ReadEndpoint(t.Context(), "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(id.verifier))
	cp, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		t.Fatal(err)
	}
	if cp.N != report.Signed || cp.Hash != report.Root {
		t.Fatalf("the copy is of %d entries, the newest checkpoint of %d", cp.N, report.Signed)
	}
	client, err := torchwood.NewClient(files)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for i, entry := range client.AllEntries(t.Context(), cp.Tree, 0) {
		if i != n || !strings.HasPrefix(string(entry), "sallyport.io/record/v1\nio.example.") {
			t.Fatalf("entry %d is not the one expected at %d", i, n)
		}
		n++
	}
	if client.Err() != nil || n != cp.N {
		t.Fatalf("torchwood read %d of %d entries: %v", n, cp.N, client.Err())
	}
	for _, i := range []int64{0, cp.N / 2, cp.N - 1} {
		if _, _, err := client.Entry(t.Context(), cp.Tree, i); err != nil {
			t.Fatalf("no inclusion proof of entry %d: %v", i, err)
		}
	}
}

func TestSizesAcrossTileEdges(t *testing.T) {
	for name, steps := range map[string][]int{
		"one":               {1},
		"to the edge":       {255, 256, 257, 511, 512, 513},
		"one batch":         {600},
		"onto the edge":     {256, 512},
		"one by one":        {1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		"more than a batch": {batchRecords*2 + 1},
		"steps of 100":      {100, 200, 300, 400, 500, 600},
	} {
		t.Run(name, func(t *testing.T) {
			id, b := newIdentity(t), newBucket(t)
			kept := id.open(t, b)
			last := 0
			for i, size := range steps {
				l := kept
				if i%2 == 1 {
					l = id.open(t, b) // kept falls behind, and this one starts from tiles
				}
				appendAll(t, l, records(last, size))
				last = size
				id.check(t, b, records(0, size))
			}
		})
	}
}

func TestOnFiles(t *testing.T) {
	b, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	id := newIdentity(t)
	for i := range 5 {
		appendAll(t, id.open(t, b), records(i*60, (i+1)*60))
	}
	id.check(t, b, records(0, 300))
}

func TestTheSameAgain(t *testing.T) {
	id, b := newIdentity(t), newBucket(t)
	l := id.open(t, b)
	appendAll(t, l, append(records(0, 3), record(1), record(0)))
	appendAll(t, l, records(0, 5))
	appendAll(t, id.open(t, b), records(0, 5))
	id.check(t, b, records(0, 5))
}

func TestFirstOfAnIDWins(t *testing.T) {
	id, b := newIdentity(t), newBucket(t)
	first, second := record(1), record(1)
	second.JSON = []byte(`{"id":"id-1","type":"io.example.thing.happened","time":"later"}`)
	appendAll(t, id.open(t, b), []Record{first})
	appendAll(t, id.open(t, b), []Record{second})
	id.check(t, b, []Record{first})
}

func TestRecordsThatCannotBe(t *testing.T) {
	huge := record(1)
	huge.JSON = []byte(`{"id":"id-1","type":"io.example.thing.happened","x":"` + strings.Repeat("x", MaxRecord) + `"}`)
	bad := map[string]Record{
		"no id":         {Type: "t", JSON: []byte(`{"id":"","type":"t"}`)},
		"long id":       {ID: strings.Repeat("i", MaxID+1), Type: "t", JSON: []byte(`{}`)},
		"no type":       {ID: "i", JSON: []byte(`{"id":"i","type":""}`)},
		"line in type":  {ID: "i", Type: "a\nb", JSON: []byte(`{"id":"i","type":"a\nb"}`)},
		"not JSON":      {ID: "i", Type: "t", JSON: []byte(`secret`)},
		"no object":     {ID: "i", Type: "t", JSON: []byte(`["secret"]`)},
		"another id":    {ID: "i", Type: "t", JSON: []byte(`{"id":"secret","type":"t"}`)},
		"another type":  {ID: "i", Type: "t", JSON: []byte(`{"id":"i","type":"secret"}`)},
		"nothing":       {},
		"far too large": huge,
	}
	id, b := newIdentity(t), newBucket(t)
	l := id.open(t, b)
	good := 0
	var want []Record
	for name, r := range bad {
		err := l.Append(t.Context(), []Record{record(good), r, record(good + 1)})
		if fault.Of(err, 0) != nil || fault.Of(err, 2) != nil {
			t.Errorf("%s: it hindered the others: %v", name, err)
		}
		refused := fault.Of(err, 1)
		if fault.KindOf(refused) != fault.Poison || fault.CodeOf(refused) != "ledger-record" {
			t.Errorf("%s: %v", name, refused)
		} else if strings.Contains(refused.Error(), "secret") {
			t.Errorf("%s: the error holds a part of the record", name)
		}
		want = append(want, record(good), record(good+1))
		good += 2
	}
	id.check(t, b, want)
}

func TestStoredCompactly(t *testing.T) {
	id, b := newIdentity(t), newBucket(t)
	appendAll(t, id.open(t, b), []Record{{ID: "<é>", Type: "io.example.x", JSON: []byte("{ \"id\": \"<é>\",\n\"type\":\"io.example.x\", \"n\": 1.0 }\n")}})
	id.check(t, b, []Record{{ID: "<é>", JSON: []byte(`{"id":"<é>","type":"io.example.x","n":1.0}`)}})
}

func TestEmpty(t *testing.T) {
	id, b := newIdentity(t), newBucket(t)
	appendAll(t, id.open(t, b), nil)
	cp, err := OpenReader(b, id.verifier, origin).Checkpoint(t.Context())
	if err != nil || cp.Size != 0 || cp.Note != nil {
		t.Fatalf("%+v, %v", cp, err)
	}
	id.check(t, b, nil)
	if o, err := b.List(nil).Next(t.Context()); err == nil {
		t.Fatalf("%s was written for nothing", o.Key)
	}
}

func TestAnotherKey(t *testing.T) {
	id, other, b := newIdentity(t), newIdentity(t), newBucket(t)
	appendAll(t, id.open(t, b), records(0, 3))
	if _, err := Open(t.Context(), b, other.signer, origin); fault.CodeOf(err) != "ledger-damaged" {
		t.Errorf("a writer with another key: %v", err)
	}
	if _, err := Open(t.Context(), b, id.signer, "example.com/other"); fault.CodeOf(err) != "ledger-origin" {
		t.Errorf("a writer with another origin: %v", err)
	}
	if _, err := OpenReader(b, other.verifier, origin).Checkpoint(t.Context()); fault.CodeOf(err) != "ledger-damaged" {
		t.Errorf("a reader with another key: %v", err)
	}
	if _, err := OpenReader(b, id.verifier, "example.com/other").Checkpoint(t.Context()); fault.CodeOf(err) != "ledger-damaged" {
		t.Errorf("a reader with another origin: %v", err)
	}
	if _, err := Verify(t.Context(), b, other.verifier, origin, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a verifier with another key: %v", err)
	}
	id.check(t, b, records(0, 3))
}

func TestNewKey(t *testing.T) {
	for _, bad := range []string{"", "a b", "a+b"} {
		if _, _, err := NewKey(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q names a key: %v", bad, err)
		}
	}
}

// Writers with views of their own append overlapping records to one bucket.
func TestManyWriters(t *testing.T) {
	id := newIdentity(t)
	bucket := &faulty{Bucket: newBucket(t)}
	const writers, rounds, size, ids = 6, 12, 9, 400
	var wg sync.WaitGroup
	var mu sync.Mutex
	recorded := map[string]Record{}
	for w := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			l := id.open(t, bucket.open())
			reader := OpenReader(bucket.open(), id.verifier, origin)
			seen := int64(0)
			for range rounds {
				var rs []Record
				for range size {
					rs = append(rs, record(rng.IntN(ids)))
				}
				if err := l.Append(context.Background(), rs); err != nil {
					t.Error(err)
					return
				}
				// What Append returned from is covered by a stored checkpoint.
				cp, err := reader.Checkpoint(context.Background())
				if err != nil || cp.Size < seen {
					t.Errorf("checkpoint of %d entries after one of %d: %v", cp.Size, seen, err)
					return
				}
				seen = cp.Size
				mu.Lock()
				for _, r := range rs {
					recorded[r.ID] = r
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var want []Record
	for _, r := range recorded {
		want = append(want, r)
	}
	appendAll(t, id.open(t, bucket.Bucket), nil) // the last to write the copy may have been a slow one
	id.check(t, bucket.Bucket, want)
	t.Logf("%d operations for %d records appended, %d recorded", bucket.count(), writers*rounds*size, len(want))
}

// One Log may be used from many goroutines.
func TestOneLogManyCallers(t *testing.T) {
	id, b := newIdentity(t), newBucket(t)
	l := id.open(t, b)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			if err := l.Append(context.Background(), records(w*10, w*10+15)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	id.check(t, b, records(0, 85))
}

// What an append costs is part of the promise: no more than two requests for an
// event and nine for a batch, while one writer is at work.
func TestCost(t *testing.T) {
	id := newIdentity(t)
	bucket := &faulty{Bucket: newBucket(t)}
	l := id.open(t, bucket.open())
	appendAll(t, l, records(0, 10))
	before := bucket.count()
	appendAll(t, l, records(10, 60))
	if n := bucket.count() - before; n > 2*50+9 {
		t.Errorf("%d requests for 50 records:\n%s", n, strings.Join(bucket.ops[before:], "\n"))
	}
}

// A writer far behind takes a short cut.
func TestFarBehind(t *testing.T) {
	id := newIdentity(t)
	bucket := &faulty{Bucket: newBucket(t)}
	behind := id.open(t, bucket.open())
	ahead := id.open(t, bucket.Bucket)
	for i := range 10 * jumpAfter {
		appendAll(t, ahead, records(i, i+1))
	}
	before := bucket.count()
	appendAll(t, behind, records(0, 10*jumpAfter+1))
	if n := bucket.count() - before; n > 10*jumpAfter+4*jumpAfter {
		t.Errorf("%d requests", n)
	}
	id.check(t, bucket.Bucket, records(0, 10*jumpAfter+1))
}

// The copy of the checkpoint is a convenience: neither its loss nor an old or
// broken one does harm, and the next append mends it.
func TestCopy(t *testing.T) {
	ctx := t.Context()
	id := newIdentity(t)
	for name, spoil := range map[string]func(b *blob.Bucket, old []byte) error{
		"missing": func(b *blob.Bucket, _ []byte) error { return b.Delete(ctx, copyKey) },
		"old":     func(b *blob.Bucket, old []byte) error { return b.WriteAll(ctx, copyKey, old, nil) },
		"broken":  func(b *blob.Bucket, _ []byte) error { return b.WriteAll(ctx, copyKey, []byte("?"), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(t)
			l := id.open(t, b)
			appendAll(t, l, records(0, 3))
			old, err := b.ReadAll(ctx, copyKey)
			if err != nil {
				t.Fatal(err)
			}
			appendAll(t, l, records(3, 6))
			appendAll(t, l, records(6, 9))
			if err := spoil(b, old); err != nil {
				t.Fatal(err)
			}
			if cp, err := OpenReader(b, id.verifier, origin).Checkpoint(ctx); err != nil || cp.Size != 9 {
				t.Errorf("a reader found %d entries: %v", cp.Size, err)
			}
			appendAll(t, id.open(t, b), nil)
			id.check(t, b, records(0, 9))
		})
	}
}

// Where the copy may not be written, everything else is as it was.
func TestNoCopy(t *testing.T) {
	ctx := t.Context()
	id, b := newIdentity(t), newBucket(t)
	denied := 0
	bucket := (&storetest.Injector{At: -1, Fail: func(_ int, op string) storetest.Mode {
		if op == "ledger write "+copyKey {
			denied++
			return storetest.Denied
		}
		return storetest.None
	}}).Bucket("ledger", b)
	for n := range 3 {
		l := id.open(t, bucket)
		appendAll(t, l, records(3*n, 3*n+2))
		appendAll(t, l, records(3*n+2, 3*n+3))
		if cp, err := OpenReader(b, id.verifier, origin).Checkpoint(ctx); err != nil || cp.Size != int64(3*n+3) {
			t.Errorf("a reader found %d entries: %v", cp.Size, err)
		}
	}
	if denied != 3 {
		t.Errorf("the copy was tried %d times by three writers", denied)
	}
	if report, err := Verify(ctx, b, id.verifier, origin, nil); err != nil || report.Entries != 9 || report.Signed != 9 {
		t.Errorf("%+v %v", report, err)
	}
}

// A tree of three levels, without a bucket, against tlog's own arithmetic.
func TestTreeAgainstTlog(t *testing.T) {
	const size = 256*256 + 300
	var stored []tlog.Hash
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			out[i] = stored[index]
		}
		return out, nil
	})
	var grown tree
	for grown.size < size {
		before := grown.size
		var entries [][]byte
		for range min(777, size-before) {
			entry := fmt.Appendf(nil, "entry %d", before+int64(len(entries)))
			more, err := tlog.StoredHashes(before+int64(len(entries)), entry, hashes)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, more...)
			entries = append(entries, entry)
		}
		got := map[string][]byte{}
		for _, o := range grown.grow(entries) {
			got[o.key] = o.data
		}
		bundles := 0
		for _, tile := range tlog.NewTiles(torchwood.TileHeight, before, grown.size) {
			want, err := tlog.ReadTileData(tile, hashes)
			if err != nil {
				t.Fatal(err)
			}
			key := torchwood.TilePath(tile)
			if string(got[key]) != string(want) {
				t.Fatalf("at %d entries: %s differs", grown.size, key)
			}
			delete(got, key)
			if tile.L == 0 {
				tile.L = -1
				delete(got, torchwood.TilePath(tile))
				bundles++
			}
		}
		if len(got) > 0 || bundles == 0 {
			t.Fatalf("at %d entries: %d objects that no reader asks for", grown.size, len(got))
		}
		want, err := tlog.TreeHash(grown.size, hashes)
		if err != nil {
			t.Fatal(err)
		}
		if root, err := grown.root(); err != nil || root != want {
			t.Fatalf("at %d entries: the root differs: %v", grown.size, err)
		}
	}
}

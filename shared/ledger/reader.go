package ledger

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"sync"

	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// Reader reads a log. It is safe for concurrent use, also while others append.
// Its errors are of kind Retry; their code is "ledger-damaged" if the bucket
// holds what no writer left there.
type Reader struct {
	bucket *blob.Bucket
	open   func(signed []byte) (Checkpoint, error)

	mu   sync.Mutex
	seen Checkpoint // the newest that was handed out
}

// OpenReader makes a reader of the log of this origin in bucket, whose
// checkpoints the verifier's key signs. It reads nothing yet.
func OpenReader(bucket *blob.Bucket, verifier note.Verifier, origin string) *Reader {
	return &Reader{bucket: bucket, open: opener(verifier, origin)}
}

// opener tells whether a checkpoint is signed by the key and for this origin.
func opener(verifier note.Verifier, origin string) func([]byte) (Checkpoint, error) {
	known := note.VerifierList(verifier)
	return func(signed []byte) (Checkpoint, error) {
		n, err := note.Open(signed, known)
		if err != nil {
			return Checkpoint{}, errUnsigned
		}
		for _, s := range n.Sigs {
			// note takes base64 whose last character has stray bits: another text
			// for the same signature. A checkpoint has one text.
			if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
				return Checkpoint{}, errUnsigned
			}
		}
		return parseCheckpoint(n.Text, origin, signed)
	}
}

// Checkpoint is the newest checkpoint; of one Reader never one older than
// before. It is the zero Checkpoint while nothing is recorded.
func (r *Reader) Checkpoint(ctx context.Context) (Checkpoint, error) {
	cp, _, err := newest(ctx, r.bucket, r.open)
	if err != nil {
		return Checkpoint{}, err
	}
	r.mu.Lock()
	if r.seen.Size > cp.Size {
		cp = r.seen
	}
	r.mu.Unlock()
	// The copy may be behind: walk on.
	for {
		b, err := readBatch(ctx, r.bucket, cp.Size)
		if store.NotFound(err) {
			break
		}
		if err != nil {
			return Checkpoint{}, err
		}
		next, err := r.checkpointAt(ctx, b.end())
		if store.NotFound(err) {
			break // a batch that is not settled yet
		}
		if err != nil {
			return Checkpoint{}, err
		}
		cp = next
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.Size < cp.Size {
		r.seen = cp
	}
	return r.seen, nil
}

// checkpointAt reads the archived checkpoint of this size.
func (r *Reader) checkpointAt(ctx context.Context, size int64) (Checkpoint, error) {
	key := checkpointKey(size)
	data, err := get(ctx, r.bucket, key)
	if err != nil {
		return Checkpoint{}, err
	}
	cp, err := r.open(data)
	if err != nil {
		return Checkpoint{}, damaged(key, err.Error())
	}
	if cp.Size != size {
		return Checkpoint{}, damaged(key, fmt.Sprintf("it is the checkpoint of %d entries", cp.Size))
	}
	return cp, nil
}

// Records calls f for each entry that the newest checkpoint covers, in order,
// with its index from 0. Each record is held to its entry before f sees it, and
// the entries to the signed root at the end: only once Records returns nil is
// all that f saw what was signed. An error of f ends the walk and is returned.
func (r *Reader) Records(ctx context.Context, f func(index int64, record Record) error) error {
	return r.Cursor().Records(ctx, f)
}

// Cursor reads a ledger that grows: each call of its Records goes on behind the last
// entry of the one before. It is for one goroutine, and of no use after an error.
type Cursor struct {
	r *Reader
	t tree
}

// Cursor begins before the first entry.
func (r *Reader) Cursor() *Cursor { return &Cursor{r: r} }

// Records is Reader.Records of the entries that no call before it has reached.
func (c *Cursor) Records(ctx context.Context, f func(index int64, record Record) error) error {
	cp, err := c.r.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if cp.Size <= c.t.size {
		return nil // nothing new; the checkpoint may be one of before
	}
	for c.t.size < cp.Size {
		b, err := readBatch(ctx, c.r.bucket, c.t.size)
		if err != nil {
			return err
		}
		lines, err := b.readLines(ctx, c.r.bucket)
		if err != nil {
			return err
		}
		for i, line := range lines {
			record, err := b.unseal(i, line)
			if err != nil {
				return err
			}
			if err := f(b.First+int64(i), record); err != nil {
				return err
			}
		}
		c.t.grow(b.entries())
	}
	if !c.t.leadsTo(cp) {
		return damaged(checkpointKey(cp.Size), "the batches up to there do not lead to its root")
	}
	return nil
}

// leadsTo reports whether cp is a checkpoint of this tree.
func (t *tree) leadsTo(cp Checkpoint) bool {
	root, err := t.root()
	return err == nil && t.size == cp.Size && root == cp.Root
}

// find looks an id up by its mark: the batch that it is in, and its place there.
func find(ctx context.Context, bucket *blob.Bucket, id string) (b *batch, place int, err error) {
	hash := hashHex([]byte(id))
	key := markKey(hash)
	mark, err := get(ctx, bucket, key)
	if store.NotFound(err) {
		return nil, 0, fault.New(fault.Invalid, "ledger-unknown", "no record of this id is in the ledger", "it may not have been appended yet")
	}
	if err != nil {
		return nil, 0, err
	}
	first, err := strconv.ParseInt(string(mark), 10, 64)
	if err != nil || first < 0 {
		return nil, 0, damaged(key, "it does not name a batch")
	}
	if b, err = readBatch(ctx, bucket, first); err != nil {
		return nil, 0, err
	}
	if place = b.find(hash); place < 0 {
		return nil, 0, damaged(key, "it names a batch without this id")
	}
	return b, place, nil
}

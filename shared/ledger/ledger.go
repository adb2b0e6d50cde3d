// Package ledger is an append-only, tamper-evident log of records on a bucket:
// a Merkle tree stored as https://c2sp.org/tlog-tiles, which any verifier of
// that format reads, with nothing under it but "create where absent".
//
// # Objects
//
//	seq/<first>             batch: the leaves from index <first> on; the only lock
//	records/<digest>        the batch's records and their salts; an erasure rewrites it
//	ids/<2 hex>/<62 hex>    mark: SHA-256 of a recorded id -> first index of its batch
//	tile/..., tile/entries/ the tree, and its entries
//	checkpoints/<size>      signed checkpoint of the tree at the end of a batch
//	checkpoint              copy of the newest; the only object that is ever replaced
//
// An entry is public and says only that something of a type was recorded: it
// commits to the record by SHA-256(salt || record). Without salt and record
// nobody can tell what it stood for, and the tree is as provable as before.
//
// # Protocol
//
// Numbers are indexes of entries. The batch that starts at index n is seq/n,
// and whoever creates seq/n has appended it; the next batch starts where it
// ends. Everything else is a pure function of the batches (signatures
// included: Ed25519 is deterministic), so any number of writers may write it,
// each as often as it likes.
//
// A batch is settled when its ids are marked, its tiles are stored and, last,
// its checkpoint is. One rule carries the rest: a batch is settled before its
// successor is created. Therefore
//
//   - only the last batch can be unsettled, whatever crashed, and whoever comes
//     next settles it;
//   - a writer that finds seq/n absent and none of its ids marked knows that
//     they are in no batch before n, and the creation of seq/n tells it whether
//     that is still the whole log: an id is in the log once, however often and
//     by however many writers its record is appended.
package ledger

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"filippo.io/torchwood"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// Limits of what is recorded. They bound the memory of writers and readers.
const (
	MaxRecord = 1 << 20 // bytes of a record's JSON
	MaxID     = 1024    // bytes of a record's id
	MaxType   = 200     // bytes of a record's type

	batchRecords = 1000           // records of a batch
	batchBytes   = 8 << 20        // bytes of a batch's records, salts included
	objectBytes  = 2 * batchBytes // of any object of a log
	jumpAfter    = 16             // batches behind which a look at the newest checkpoint pays
	requests     = 16             // to the bucket at once
)

// Record is what is recorded: a JSON object of which the members "id" and
// "type" are ID and Type. A record that was erased has a type only.
type Record struct {
	ID   string // recorded once in the life of the log
	Type string // public: it is part of the entry; printable ASCII without spaces
	JSON []byte // stored compacted; nil if erased
}

// NewKey makes the Ed25519 key of a log in the text form of signed notes
// (https://c2sp.org/signed-note): skey signs and is secret, vkey verifies and
// is for everyone. The key's name is the log's origin.
func NewKey(origin string) (skey, vkey string, err error) {
	skey, vkey, err = note.GenerateKey(cryptorand.Reader, origin)
	if err != nil {
		return "", "", fault.Wrap(fault.Invalid, "ledger-key", err, "cannot make a key for this origin")
	}
	if _, err := note.NewVerifier(vkey); err != nil {
		return "", "", fault.New(fault.Invalid, "ledger-origin", "the origin cannot name a key", "use a name like example.com/ledger: no spaces, no plus sign")
	}
	return skey, vkey, nil
}

// Log appends to a log. Any number of Logs, in any number of processes, may
// append to one bucket. A Log is safe for concurrent use; its appends queue up,
// so hand it many records at once rather than one by one.
type Log struct {
	bucket *blob.Bucket
	signer note.Signer

	// patience is about how long a writer takes to settle a batch.
	patience time.Duration

	mu     sync.Mutex
	tree   *tree // at the end of a settled batch; nil: look at the bucket first
	copied int64 // size of the checkpoint in the copy, as far as known
	noCopy bool  // the bucket lets nobody write it
}

// Open opens the log in bucket, which may be empty. origin names the log in its
// checkpoints and is the name of the signer's key, which must be Ed25519. It
// writes nothing. A log that was signed with another key is refused.
func Open(ctx context.Context, bucket *blob.Bucket, signer note.Signer, origin string) (*Log, error) {
	if signer.Name() != origin {
		return nil, fault.New(fault.Invalid, "ledger-origin", "the signing key has another name than the ledger's origin",
			"set the origin to the key's name, or make a key for the origin")
	}
	l := &Log{bucket: bucket, signer: signer, patience: 50 * time.Millisecond}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// Append records what is not recorded yet and returns once a checkpoint that
// includes all of it is stored. Appending no records completes what a crashed
// writer left behind.
//
// Records that can never be recorded are answered with a [fault.Batch] of kind
// Poison for these, and the others are recorded. Any other error is of kind
// Retry: some of the records may be in the log; append all of them again.
func (l *Log) Append(ctx context.Context, records []Record) error {
	bad := fault.Batch{}
	pending := make([]sealed, 0, len(records))
	inCall := make(map[string]bool, len(records))
	for i, r := range records {
		s, err := seal(r)
		if err != nil {
			bad[i] = err
			continue
		}
		if !inCall[s.ID] {
			inCall[s.ID] = true
			pending = append(pending, s)
		}
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.append(ctx, pending); err != nil {
		l.tree = nil // what took effect is not known: look again
		return err
	}
	if len(bad) > 0 {
		return bad
	}
	return nil
}

func (l *Log) append(ctx context.Context, pending []sealed) error {
	if l.tree == nil {
		if err := l.load(ctx); err != nil {
			return err
		}
	}
	if len(pending) == 0 {
		if _, err := l.follow(ctx, nil); err != nil {
			return err
		}
	}
	for len(pending) > 0 {
		n := chunk(pending)
		if err := l.appendBatch(ctx, pending[:n]); err != nil {
			return err
		}
		pending = pending[n:]
	}
	return l.copyCheckpoint(ctx)
}

// chunk is how many of the pending records go into one batch.
func chunk(pending []sealed) int {
	size := 0
	for i, s := range pending {
		size += len(s.line)
		if i == batchRecords || i > 0 && size > batchBytes {
			return i
		}
	}
	return len(pending)
}

// appendBatch records those of the records that are not recorded yet, as one
// batch after whatever batches others create meanwhile.
func (l *Log) appendBatch(ctx context.Context, records []sealed) error {
	fresh, err := l.unrecorded(ctx, records)
	if err != nil {
		return err
	}
	if len(fresh) == 0 { // they are covered by a checkpoint, though perhaps by one that this Log has not seen
		_, err := l.follow(ctx, nil)
		return err
	}
	stored := "" // the records object that is there already
	for len(fresh) > 0 {
		b, body := newBatch(l.tree.size, fresh)
		// Records first: no batch may ever name records that are not there.
		if b.Records != stored {
			if _, err := store.Create(ctx, l.bucket, recordsKey(b.Records), body); err != nil {
				return err
			}
			stored = b.Records
		}
		won, err := store.Create(ctx, l.bucket, seqKey(b.First), b.encode())
		if err != nil {
			return err
		}
		if won {
			return l.settle(ctx, b, true)
		}
		// Another writer was faster, or this very batch is there after a retry
		// inside the driver. Both are a batch like any other: go on behind it.
		if fresh, err = l.follow(ctx, fresh); err != nil {
			return err
		}
	}
	return nil
}

// unrecorded filters out the records whose ids are marked. It tells the truth
// for the batches up to the tree's size, for they are settled.
func (l *Log) unrecorded(ctx context.Context, records []sealed) ([]sealed, error) {
	marked := make([]bool, len(records))
	err := parallel(ctx, len(records), func(ctx context.Context, i int) error {
		ok, err := l.bucket.Exists(ctx, markKey(records[i].ID))
		if err != nil {
			return fault.Wrap(fault.Retry, "bucket-read", err, "cannot look for "+markKey(records[i].ID))
		}
		marked[i] = ok
		return nil
	})
	if err != nil {
		return nil, err
	}
	fresh := make([]sealed, 0, len(records))
	for i, r := range records {
		if !marked[i] {
			fresh = append(fresh, r)
		}
	}
	return fresh, nil
}

// load takes the tree of the newest checkpoint that can be found without
// walking the batches, unless the tree at hand is as new. follow goes on from
// there.
func (l *Log) load(ctx context.Context) error {
	cp, copied, err := newest(ctx, l.bucket, l.open)
	if err != nil {
		return err
	}
	l.copied = copied
	if l.tree != nil && l.tree.size >= cp.Size {
		return nil
	}
	l.tree, err = loadTree(ctx, l.bucket, cp)
	return err
}

// follow takes in the batches that the tree does not have yet and settles those
// that are not settled. It returns those of the records that are in none of
// them.
func (l *Log) follow(ctx context.Context, records []sealed) ([]sealed, error) {
	for step := 1; ; step++ {
		if step%jumpAfter == 0 {
			if err := l.load(ctx); err != nil {
				return nil, err
			}
			var err error
			if records, err = l.unrecorded(ctx, records); err != nil {
				return nil, err
			}
		}
		b, err := readBatch(ctx, l.bucket, l.tree.size)
		if store.NotFound(err) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		if err := l.settle(ctx, b, false); err != nil {
			return nil, err
		}
		records = slices.DeleteFunc(slices.Clone(records), func(r sealed) bool { return b.find(r.ID) >= 0 })
	}
}

// settle takes the batch into the tree and makes true what the package comment
// promises of a settled batch.
func (l *Log) settle(ctx context.Context, b *batch, mine bool) error {
	objects := l.tree.grow(b.entries())
	signed, err := l.sign()
	if err != nil {
		return err
	}
	key := checkpointKey(l.tree.size)
	if !mine {
		settled, err := l.awaitSettled(ctx, key, signed)
		if settled || err != nil {
			return err
		}
	}
	for _, leaf := range b.Leaves {
		objects = append(objects, object{markKey(leaf.ID), b.mark()})
	}
	err = parallel(ctx, len(objects), func(ctx context.Context, i int) error {
		_, err := store.Create(ctx, l.bucket, objects[i].key, objects[i].data)
		return err
	})
	if err != nil {
		return err
	}
	created, err := store.Create(ctx, l.bucket, key, signed)
	if err != nil || created {
		return err
	}
	return l.compare(ctx, key, signed)
}

// awaitSettled reports whether another writer has settled its batch, of which
// this is the checkpoint. It waits a moment for that: a writer that is just at
// it is cheaper than all others doing the same.
func (l *Log) awaitSettled(ctx context.Context, key string, signed []byte) (bool, error) {
	for try := range 3 {
		err := l.compare(ctx, key, signed)
		if !store.NotFound(err) {
			return err == nil, err
		}
		if try < 2 {
			select {
			case <-ctx.Done():
				return false, ctx.Err()
			case <-time.After(l.patience/2 + rand.N(l.patience)):
			}
		}
	}
	return false, nil
}

// compare holds a stored checkpoint to the one that the batches lead to.
func (l *Log) compare(ctx context.Context, key string, want []byte) error {
	got, err := get(ctx, l.bucket, key)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return damaged(key, "it is not what this key signs for the batches up to there")
	}
	return nil
}

// copyCheckpoint brings the copy up to the tree. A writer that stood still
// before this line may put back an older copy: who reads it walks on from it,
// and the next append mends it. Where the bucket lets nothing be replaced, and so
// does not let it be written either, there is none: the archive is listed instead.
func (l *Log) copyCheckpoint(ctx context.Context) error {
	if l.noCopy || l.copied >= l.tree.size {
		return nil
	}
	signed, err := l.sign()
	if err != nil {
		return err
	}
	err = overwrite(ctx, l.bucket, copyKey, signed)
	if gcerrors.Code(err) == gcerrors.PermissionDenied {
		l.noCopy = true
		return nil
	}
	if err != nil {
		return err
	}
	l.copied = l.tree.size
	return nil
}

// sign is the signed checkpoint of the tree.
func (l *Log) sign() ([]byte, error) {
	root, err := l.tree.root()
	if err != nil {
		return nil, err
	}
	cp := torchwood.Checkpoint{Origin: l.signer.Name(), Tree: tlog.Tree{N: l.tree.size, Hash: root}}
	return l.signText(cp.String())
}

func (l *Log) signText(text string) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "ledger-sign", err, "cannot sign a checkpoint")
	}
	return signed, nil
}

// open reads a checkpoint of this log. A signer cannot verify, but it can sign
// the same text again: Ed25519 makes the same signature of it.
func (l *Log) open(signed []byte) (Checkpoint, error) {
	end := bytes.LastIndex(signed, []byte("\n\n"))
	if end < 0 {
		return Checkpoint{}, errUnsigned
	}
	text := string(signed[:end+1])
	again, err := l.signText(text)
	if err != nil {
		return Checkpoint{}, err
	}
	if !bytes.Equal(again, signed) {
		return Checkpoint{}, errUnsigned
	}
	return parseCheckpoint(text, l.signer.Name(), signed)
}

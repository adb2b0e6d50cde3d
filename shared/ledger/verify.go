package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// Report is what Verify found to be in order.
type Report struct {
	Entries int64     // in the batches
	Signed  int64     // of these covered by a checkpoint; fewer if the last writer crashed, until the next append
	Batches int64     // each with its checkpoint, the last one perhaps without
	Erased  int64     // entries whose record is erased
	Orphans int64     // records objects that no batch names: left by writers that crashed or lost a race
	Root    tlog.Hash // of the tree of the signed entries
}

// Verify derives the whole log again from its batches and compares: records
// with leaves, leaves with entry bundles and tiles, these with the root and
// signature of every checkpoint (all of them roots of one growing tree, and so
// consistent with each other), ids with their marks, and that there is no
// batch, mark or checkpoint besides. It runs in bounded memory and may run
// while others append; only a mark too many may escape it then. progress may be
// nil; it is told the entries done and the entries that the newest checkpoint
// covers.
//
// A log whose end was cut off together with every trace of it looks like one
// that never grew. To notice that, keep a checkpoint elsewhere: in a log that
// verifies, checkpoints/<its size> is the same.
//
// What is wrong is a fault of kind Invalid with code "ledger-damaged"; it names
// the first such object. A fault of kind Retry is the bucket's.
func Verify(ctx context.Context, bucket *blob.Bucket, verifier note.Verifier, origin string, progress func(done, total int64)) (Report, error) {
	v := &verification{
		Reader:      OpenReader(bucket, verifier, origin),
		batches:     newListing(bucket, seqPrefix),
		checkpoints: newListing(bucket, checkpointPrefix),
	}
	err := v.run(ctx, progress)
	var f *fault.Error
	if isDamage(err) && errors.As(err, &f) {
		finding := *f
		finding.Kind = fault.Invalid
		return v.report, &finding
	}
	return v.report, err
}

type verification struct {
	*Reader
	tree                 tree
	report               Report
	marks                atomic.Int64 // that are there and right
	batches, checkpoints *listing
}

func (v *verification) run(ctx context.Context, progress func(done, total int64)) error {
	copied, err := v.copy(ctx)
	if err != nil {
		return err
	}
	for { // the batches that are listed, in order
		key, err := v.batches.next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if want := seqKey(v.tree.size); key != want {
			if key < want {
				return damaged(key, "no batch of the ledger starts there")
			}
			return damaged(want, "it is missing: there are batches after it")
		}
		_, err = v.batches.peek(ctx)
		if err != nil && err != io.EOF {
			return err
		}
		if err := v.batch(ctx, err == io.EOF); err != nil {
			return err
		}
		if progress != nil {
			progress(v.report.Entries, max(copied.Size, v.report.Entries))
		}
	}
	marks, err := v.countMarks(ctx)
	if err != nil {
		return err
	}
	// What was appended meanwhile, so that every mark counted belongs to a batch
	// that was seen.
	for err == nil {
		err = v.batch(ctx, true)
	}
	if !store.NotFound(err) {
		return err
	}
	if err := v.strayCheckpoints(ctx); err != nil {
		return err
	}
	if err := v.copyAgain(ctx, copied); err != nil {
		return err
	}
	if marks > v.marks.Load() {
		if err := v.strayMark(ctx); err != nil {
			return err
		}
	}
	return v.orphans(ctx)
}

// copy checks the copy's signature. It may be missing, or behind.
func (v *verification) copy(ctx context.Context) (Checkpoint, error) {
	data, err := get(ctx, v.bucket, copyKey)
	if store.NotFound(err) {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, err
	}
	cp, err := v.open(data)
	if err != nil {
		return Checkpoint{}, damaged(copyKey, err.Error())
	}
	return cp, nil
}

// copyAgain holds the copy to the original, which by now is known to be good.
func (v *verification) copyAgain(ctx context.Context, cp Checkpoint) error {
	if cp.Size == 0 {
		return nil
	}
	if cp.Size > v.tree.size {
		return damaged(seqKey(v.tree.size), fmt.Sprintf("it is missing: %s signs %d entries", copyKey, cp.Size))
	}
	key := checkpointKey(cp.Size)
	original, err := get(ctx, v.bucket, key)
	if store.NotFound(err) {
		return damaged(key, "it is missing: "+copyKey+" is a copy of it")
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(cp.Note, original) {
		return damaged(copyKey, "it is signed, but is no copy of "+key)
	}
	return nil
}

// batch verifies the next batch and all that follows from it. The last one may
// be unsettled.
func (v *verification) batch(ctx context.Context, last bool) error {
	b, err := readBatch(ctx, v.bucket, v.tree.size)
	if err != nil {
		return err
	}
	objects := v.tree.grow(b.entries())
	cp, err := v.checkpoint(ctx, last)
	if err != nil {
		return err
	}
	if cp.Size > 0 && !v.tree.leadsTo(cp) {
		return damaged(seqKey(b.First), "its leaves do not lead to the root that "+checkpointKey(cp.Size)+" signs")
	}
	if err := v.records(ctx, b); err != nil {
		return err
	}
	settled := cp.Size > 0
	for _, leaf := range b.Leaves {
		objects = append(objects, object{markKey(leaf.ID), b.mark()})
	}
	if err := v.objects(ctx, seqKey(b.First), objects, settled); err != nil {
		return err
	}
	v.report.Entries = v.tree.size
	v.report.Batches++
	if settled {
		v.report.Signed, v.report.Root = cp.Size, cp.Root
	}
	return nil
}

// records holds the records of a batch to its leaves.
func (v *verification) records(ctx context.Context, b *batch) error {
	lines, err := b.readLines(ctx, v.bucket)
	if store.NotFound(err) {
		return damaged(recordsKey(b.Records), "it is missing: "+seqKey(b.First)+" names it")
	}
	if err != nil {
		return err
	}
	ids := make(map[string]bool, len(b.Leaves))
	for i, line := range lines {
		if ids[b.Leaves[i].ID] {
			return damaged(seqKey(b.First), fmt.Sprintf("leaf %d has the id of another", i+1))
		}
		ids[b.Leaves[i].ID] = true
		record, err := b.unseal(i, line)
		if err != nil {
			return err
		}
		if record.JSON == nil {
			v.report.Erased++
		}
	}
	return nil
}

// checkpoint reads the checkpoint of the tree as grown so far and checks its
// signature. Size is 0 if there is none and need not be one.
func (v *verification) checkpoint(ctx context.Context, last bool) (Checkpoint, error) {
	want := checkpointKey(v.tree.size)
	for {
		key, err := v.checkpoints.peek(ctx)
		if err == io.EOF || err == nil && key > want {
			break
		}
		if err != nil {
			return Checkpoint{}, err
		}
		if key < want {
			return Checkpoint{}, damaged(key, "no batch of the ledger ends there")
		}
		_, _ = v.checkpoints.next(ctx) // as peeked
	}
	cp, err := v.checkpointAt(ctx, v.tree.size)
	switch {
	case store.NotFound(err) && last:
		return Checkpoint{}, nil
	case store.NotFound(err):
		return Checkpoint{}, damaged(want, "it is missing: there are batches after it")
	}
	return cp, err
}

// objects compares what is stored with what the batches lead to.
func (v *verification) objects(ctx context.Context, batch string, objects []object, settled bool) error {
	return parallel(ctx, len(objects), func(ctx context.Context, i int) error {
		want := objects[i]
		mark := strings.HasPrefix(want.key, marksPrefix)
		got, err := get(ctx, v.bucket, want.key)
		switch {
		case store.NotFound(err) && !settled:
			return nil
		case store.NotFound(err) && mark:
			return damaged(want.key, fmt.Sprintf("it is missing: a leaf of %s has this id", batch))
		case store.NotFound(err):
			return damaged(want.key, fmt.Sprintf("it is missing: the checkpoint of %d entries needs it", v.tree.size))
		case err != nil:
			return err
		case bytes.Equal(got, want.data):
			if mark {
				v.marks.Add(1)
			}
			return nil
		case mark:
			return damaged(want.key, fmt.Sprintf("it does not name %s, which has this id: the id is recorded twice, or the mark was changed", batch))
		}
		return damaged(want.key, "it is not what the batches lead to")
	})
}

// strayCheckpoints finds checkpoints beyond the last batch: the log was cut.
func (v *verification) strayCheckpoints(ctx context.Context) error {
	key, err := v.checkpoints.next(ctx)
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	size, _ := strconv.ParseInt(strings.TrimPrefix(key, checkpointPrefix), 10, 64)
	if checkpointKey(size) != key || size <= v.tree.size {
		return damaged(key, "no batch of the ledger ends there")
	}
	if _, err := v.checkpointAt(ctx, size); err != nil {
		return err
	}
	_, err = readBatch(ctx, v.bucket, v.tree.size)
	if store.NotFound(err) {
		return damaged(seqKey(v.tree.size), "it is missing: "+key+" signs more entries")
	}
	return err // somebody appends meanwhile
}

func (v *verification) countMarks(ctx context.Context) (n int64, err error) {
	err = store.Each(ctx, v.bucket, marksPrefix, func(*blob.ListObject) error { n++; return nil })
	return n, err
}

// strayMark finds a mark of an id that is in no batch. Such a mark would keep a
// record out of the log.
func (v *verification) strayMark(ctx context.Context) error {
	return store.Each(ctx, v.bucket, marksPrefix, func(o *blob.ListObject) error {
		return v.markHolds(ctx, o.Key)
	})
}

// markHolds checks that the batch a mark names has the mark's id.
func (v *verification) markHolds(ctx context.Context, key string) error {
	data, err := get(ctx, v.bucket, key)
	if err != nil {
		return err
	}
	first, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil || first < 0 {
		return damaged(key, "it does not name a batch")
	}
	b, err := readBatch(ctx, v.bucket, first)
	if err != nil && !store.NotFound(err) {
		return err
	}
	hash := strings.ReplaceAll(strings.TrimPrefix(key, marksPrefix), "/", "")
	if b == nil || b.find(hash) < 0 || markKey(hash) != key {
		return damaged(key, "it marks an id that no batch has: a record of this id would be left out")
	}
	return nil
}

// orphans counts records objects that no batch names. Each batch names one of
// its own, for their records differ.
func (v *verification) orphans(ctx context.Context) error {
	n := -v.report.Batches
	err := store.Each(ctx, v.bucket, recordsPrefix, func(*blob.ListObject) error { n++; return nil })
	v.report.Orphans = max(n, 0)
	return err
}

// listing is the keys under a prefix, in order, with a look ahead.
type listing struct {
	it     *blob.ListIterator
	prefix string
	ahead  *string
	err    error
}

func newListing(b *blob.Bucket, prefix string) *listing {
	return &listing{it: b.List(&blob.ListOptions{Prefix: prefix}), prefix: prefix}
}

func (l *listing) peek(ctx context.Context) (string, error) {
	if l.ahead == nil && l.err == nil {
		o, err := l.it.Next(ctx)
		switch {
		case err == io.EOF:
			l.err = err
		case err != nil:
			l.err = fault.Wrap(fault.Retry, "bucket-list", err, "cannot list "+l.prefix)
		default:
			l.ahead = &o.Key
		}
	}
	if l.err != nil {
		return "", l.err
	}
	return *l.ahead, nil
}

func (l *listing) next(ctx context.Context) (string, error) {
	key, err := l.peek(ctx)
	l.ahead = nil
	return key, err
}

package ledger

import (
	"context"
	"errors"
	"fmt"

	"gocloud.dev/blob"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// object is an object to be stored.
type object struct {
	key  string
	data []byte
}

const (
	copyKey          = "checkpoint"
	seqPrefix        = "seq/"
	recordsPrefix    = "records/"
	marksPrefix      = "ids/"
	checkpointPrefix = "checkpoints/"
)

// Sizes in keys have a fixed width so that keys sort as numbers do.

func seqKey(first int64) string       { return fmt.Sprintf("%s%016d", seqPrefix, first) }
func checkpointKey(size int64) string { return fmt.Sprintf("%s%016d", checkpointPrefix, size) }
func recordsKey(digest string) string { return recordsPrefix + digest }
func markKey(id string) string        { return marksPrefix + id[:2] + "/" + id[2:] }

// get reads an object of the log. Its errors are of kind Retry even where the
// object is unfit: whoever appends must keep its records until somebody has
// repaired the bucket. store.NotFound tells that there is none.
func get(ctx context.Context, b *blob.Bucket, key string) ([]byte, error) {
	data, err := store.Read(ctx, b, key, objectBytes)
	if fault.KindOf(err) == fault.Poison {
		return nil, damaged(key, "it is larger than any object of a ledger")
	}
	return data, err
}

// overwrite replaces an object: the copy of the checkpoint, or erased records.
func overwrite(ctx context.Context, b *blob.Bucket, key string, data []byte) error {
	err := b.WriteAll(ctx, key, data, &blob.WriterOptions{ContentType: store.ContentType})
	if err != nil {
		return fault.Wrap(fault.Retry, "bucket-write", err, "cannot write "+key)
	}
	return nil
}

// damaged says that a stored object is not what a writer of this package left.
func damaged(key, what string) error {
	return &fault.Error{Kind: fault.Retry, Code: "ledger-damaged", Where: fault.Where{Object: key}, Msg: what,
		Do: "compare it with a backup: nothing but a repair of the bucket will help"}
}

func isDamage(err error) bool { return fault.CodeOf(err) == "ledger-damaged" }

// parallel calls f for 0 to n-1, a few at a time, and answers with the first error.
func parallel(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(requests)
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}

var errUnsigned = errors.New("it is not signed with this ledger's key")

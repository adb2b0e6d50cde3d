package ledger

import (
	"context"
	"errors"

	"filippo.io/torchwood"
	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sallyport-io/sallyport/shared/store"
)

// Checkpoint is a signed statement of what the log holds: so many entries,
// under this root. The zero Checkpoint is that of a log without entries, which
// has none stored.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
	Note []byte // as stored: a https://c2sp.org/tlog-checkpoint
}

// parseCheckpoint reads the text of a note whose signature is good.
func parseCheckpoint(text, origin string, signed []byte) (Checkpoint, error) {
	c, err := torchwood.ParseCheckpoint(text)
	switch {
	case err != nil || c.N == 0:
		return Checkpoint{}, errors.New("it is signed but not a checkpoint")
	case c.Origin != origin:
		return Checkpoint{}, errors.New("it is the checkpoint of another ledger")
	}
	return Checkpoint{Size: c.N, Root: c.Hash, Note: signed}, nil
}

// newest finds the newest checkpoint that can be had without walking the
// batches: the copy, or where that is missing or unfit the last one in the
// archive. There may be newer ones. copied is the size of the copy, 0 if it is
// missing or unfit. open tells whether a checkpoint is this log's.
func newest(ctx context.Context, b *blob.Bucket, open func([]byte) (Checkpoint, error)) (cp Checkpoint, copied int64, err error) {
	read := func(key string) (Checkpoint, error) {
		data, err := get(ctx, b, key)
		if err != nil {
			return Checkpoint{}, err
		}
		cp, err := open(data)
		if err != nil {
			return Checkpoint{}, damaged(key, err.Error())
		}
		return cp, nil
	}
	cp, copyErr := read(copyKey)
	if copyErr == nil {
		return cp, cp.Size, nil
	}
	if !store.NotFound(copyErr) && !isDamage(copyErr) {
		return Checkpoint{}, 0, copyErr
	}
	last := ""
	err = store.Each(ctx, b, checkpointPrefix, func(o *blob.ListObject) error {
		last = o.Key
		return nil
	})
	switch {
	case err != nil:
		return Checkpoint{}, 0, err
	case last != "":
		cp, err = read(last)
		return cp, 0, err
	case isDamage(copyErr):
		return Checkpoint{}, 0, copyErr
	}
	return Checkpoint{}, 0, nil
}

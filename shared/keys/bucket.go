package keys

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// digits is how many digits the number of a change has in the key of its object.
const digits = 8

// bucket is a ring in a bucket. Change n is the object <ring>.<n>: the whole
// document, created where absent and never overwritten. Change 0 is the object
// <ring> itself, if somebody put it there.
type bucket struct {
	b    *blob.Bucket
	ring string

	mu   sync.Mutex
	seen int // the last change that was read
}

func (b *bucket) close() error { return b.b.Close() }

func (b *bucket) key(change int) string {
	if change == 0 {
		return b.ring
	}
	return fmt.Sprintf("%s.%0*d", b.ring, digits, change)
}

// last is the number of the last change; 0 if there is none but perhaps <ring>.
func (b *bucket) last(ctx context.Context) (last int, err error) {
	prefix := b.ring + "."
	err = store.Each(ctx, b.b, prefix, func(o *blob.ListObject) error {
		if n, err := strconv.Atoi(o.Key[len(prefix):]); err == nil && n > last && b.key(n) == o.Key {
			last = n
		}
		return nil
	})
	if err != nil {
		return 0, fault.Wrap(fault.Retry, CodeUnreachable, err, "the bucket of the key ring does not answer")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if last < b.seen {
		return 0, fault.New(fault.Retry, CodeDamaged, fmt.Sprintf("change %d of the key ring is gone, the last is %d", b.seen, last), "find out who removed it, and put it back")
	}
	b.seen = last
	return last, nil
}

func (b *bucket) read(ctx context.Context) ([]byte, error) {
	last, err := b.last(ctx)
	if err != nil {
		return nil, err
	}
	return b.change(ctx, last)
}

// change reads the document after a change.
func (b *bucket) change(ctx context.Context, n int) ([]byte, error) {
	data, err := store.Read(ctx, b.b, b.key(n), maxDocument)
	switch {
	case err == nil:
		return data, nil
	case store.NotFound(err):
		return nil, missing(b.ring)
	case fault.KindOf(err).Final():
		return nil, fault.New(fault.Denied, CodeDamaged, fmt.Sprintf("the key ring has more than %d bytes", maxDocument), "restore it from a copy")
	}
	return nil, fault.Wrap(fault.Retry, CodeUnreachable, err, "the bucket of the key ring does not answer")
}

func (b *bucket) create(ctx context.Context, data []byte) error {
	there := func() error { return exists("there is a key ring already", "rotate it to get a new key") }
	last, err := b.last(ctx)
	if err != nil {
		return err
	}
	if last > 0 {
		return there()
	}
	switch uploaded, err := b.b.Exists(ctx, b.ring); {
	case err != nil:
		return fault.Wrap(fault.Retry, CodeUnreachable, err, "the bucket of the key ring does not answer")
	case uploaded:
		return there()
	}
	created, err := b.add(ctx, 1, data)
	if err == nil && !created {
		return there()
	}
	return err
}

func (b *bucket) edit(ctx context.Context, do func([]byte) ([]byte, error)) error {
	last, err := b.last(ctx)
	if err != nil {
		return err
	}
	data, err := b.change(ctx, last)
	if err != nil {
		return err
	}
	if data, err = do(data); err != nil {
		return err
	}
	created, err := b.add(ctx, last+1, data)
	if err == nil && !created {
		return fault.New(fault.Retry, CodeBusy, "somebody else changed the key ring at the same time", "list its versions, then do it again if it is still to be done")
	}
	return err
}

// add stores the document after a change, if nobody else has made that change.
func (b *bucket) add(ctx context.Context, n int, data []byte) (created bool, err error) {
	created, err = store.Create(ctx, b.b, b.key(n), data)
	if err != nil {
		return false, fault.Wrap(fault.Retry, CodeUnreachable, err, "the bucket of the key ring does not answer: the change may be there or not")
	}
	return created, nil
}

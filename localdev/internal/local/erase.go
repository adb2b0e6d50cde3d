package local

import (
	"context"
	"errors"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/store"
)

// WithSubjects does something with the keys of the folder's data subjects. What it
// publishes is in the ledger when publish returns. A chain may run meanwhile.
func (f *Folder) WithSubjects(ctx context.Context, do func(b *blob.Bucket, ring *keys.Ring, publish func(context.Context, []event.Event) error) error) (err error) {
	ringURL, err := f.KeyRing()
	if err != nil {
		return err
	}
	cfg, err := f.layout.Audit()
	if err != nil {
		return err
	}
	recorder, err := audit.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, recorder.Close()) }()
	ring, err := keys.Open(ctx, ringURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	mask := f.layout.Mask()
	b, err := store.Open(ctx, mask.Buckets, mask.Subjects)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b[0].Close()) }()
	return do(b[0], ring, func(ctx context.Context, events []event.Event) error {
		_, err := recorder.HandleBatch(ctx, events)
		return err
	})
}

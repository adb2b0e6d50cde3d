// Package store holds the few ways in which the chain touches a bucket: create
// where absent, read with a bound, write as a stream with a digest.
//
// Nothing is ever overwritten: an object is written once and whole, or found to
// be there already. That is what makes every function safe to run again.
package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/internal/sha256pair"
)

// ContentType is given to every object, so that no driver sniffs one.
const ContentType = "application/octet-stream"

// Open opens buckets by URL, in the order given; mux nil: blob.DefaultURLMux().
// If one does not open, none stays open.
func Open(ctx context.Context, mux *blob.URLMux, urls ...string) ([]*blob.Bucket, error) {
	if mux == nil {
		mux = blob.DefaultURLMux()
	}
	var open []*blob.Bucket
	for _, url := range urls {
		b, err := mux.OpenBucket(ctx, url)
		if err != nil {
			return nil, errors.Join(fault.Wrap(fault.Retry, "bucket-open", err, "cannot open a bucket"), Close(open...))
		}
		open = append(open, b)
	}
	return open, nil
}

// Close closes buckets.
func Close(buckets ...*blob.Bucket) error {
	var errs []error
	for _, b := range buckets {
		errs = append(errs, b.Close())
	}
	return errors.Join(errs...)
}

// Digest is the digest of data as references carry it.
func Digest(data []byte) string { return formatDigest(sha256.Sum256(data)) }

func formatDigest(sum [sha256.Size]byte) string { return "sha256:" + hex.EncodeToString(sum[:]) }

// NotFound reports whether err says that there is no such object.
func NotFound(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }

// there reports whether err may say that the object was there already. A bucket whose
// writers may not replace anything may refuse them the right to, before it looks at
// what they asked (Cloud Storage, of who has roles/storage.objectCreator).
func there(err error) bool {
	code := gcerrors.Code(err)
	return code == gcerrors.FailedPrecondition || code == gcerrors.PermissionDenied
}

// Create writes data under key if nothing is there, and reports whether it did.
// Of many callers at once exactly one creates; the others find it there.
func Create(ctx context.Context, b *blob.Bucket, key string, data []byte) (created bool, err error) {
	err = b.Upload(ctx, key, bytes.NewReader(data), &blob.WriterOptions{ContentType: ContentType, IfNotExist: true})
	switch {
	case err == nil:
		return true, nil
	case !there(err):
		return false, fault.Wrap(fault.Retry, "bucket-write", err, "cannot create "+key)
	}
	// It may have failed for another reason: a closed bucket, no right to create.
	if is, lookErr := b.Exists(ctx, key); lookErr != nil || !is {
		return false, fault.Wrap(fault.Retry, "bucket-write", errors.Join(err, lookErr), "cannot create "+key)
	}
	return false, nil
}

// Read is the object's content. An object larger than max is a Poison fault, so
// that no reader holds more than it was made for. NotFound tells a missing one.
func Read(ctx context.Context, b *blob.Bucket, key string, max int64) ([]byte, error) {
	r, err := b.NewReader(ctx, key, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "bucket-read", err, "cannot open "+key)
	}
	defer r.Close()
	if r.Size() > max {
		return nil, fault.New(fault.Poison, "object-too-large", fmt.Sprintf("%s has %d bytes, at most %d are read", key, r.Size(), max), "")
	}
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "bucket-read", err, "cannot read "+key)
	}
	return data, nil
}

// Look is the reference of an object that is there. NotFound tells a missing one.
func Look(ctx context.Context, b *blob.Bucket, key string) (event.Ref, error) {
	r, err := b.NewReader(ctx, key, nil)
	if err != nil {
		return event.Ref{}, fault.Wrap(fault.Retry, "bucket-read", err, "cannot open "+key)
	}
	defer r.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, r)
	if err != nil {
		return event.Ref{}, fault.Wrap(fault.Retry, "bucket-read", err, "cannot read "+key)
	}
	return event.Ref{Key: key, Size: size, Digest: formatDigest([sha256.Size]byte(sum.Sum(nil)))}, nil
}

// Writer streams an object into a bucket if nothing is there under its key.
// Nothing is visible before Commit. It is for one goroutine.
type Writer struct {
	b      *blob.Bucket
	key    string
	w      *blob.Writer
	sum    hash.Hash
	size   int64
	ctx    context.Context
	cancel context.CancelFunc
}

// NewWriter begins an object. Commit or Abort must follow.
func NewWriter(ctx context.Context, b *blob.Bucket, key string) (*Writer, error) {
	wctx, cancel := context.WithCancel(ctx)
	w, err := b.NewWriter(wctx, key, &blob.WriterOptions{ContentType: ContentType, IfNotExist: true})
	if err != nil {
		cancel()
		return nil, fault.Wrap(fault.Retry, "bucket-write", err, "cannot begin "+key)
	}
	return &Writer{b: b, key: key, w: w, sum: sha256.New(), ctx: ctx, cancel: cancel}, nil
}

// Write appends p.
func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.write(p)
	w.sum.Write(p[:n])
	if err != nil {
		return n, err
	}
	return len(p), nil
}

// WriteBoth appends p to v and q to w, whose digests are taken side by side: of as
// many bytes each that takes little longer than of one.
func WriteBoth(v, w *Writer, p, q []byte) error {
	n, err := v.write(p)
	m, other := w.write(q)
	sha256pair.Write(v.sum, w.sum, p[:n], q[:m])
	return errors.Join(err, other)
}

// write appends p but for the digest, and answers how many bytes went out.
func (w *Writer) write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.size += int64(n)
	if err != nil && !there(err) {
		return n, fault.Wrap(fault.Retry, "bucket-write", err, "cannot write "+w.key)
	}
	return n, nil // a driver may tell early that the object exists; Commit settles it
}

// Size is the number of bytes written so far.
func (w *Writer) Size() int64 { return w.size }

// Digest is the digest of the bytes written so far.
func (w *Writer) Digest() string { return formatDigest([sha256.Size]byte(w.sum.Sum(nil))) }

// CodeDiffers is the code of a fault: an object is there already, with other bytes
// than those that were to be written (Poison).
const CodeDiffers = "object-differs"

// Commit makes the object visible, or finds it there from an earlier run: then
// it must have the same size, because what is written under one key is a pure
// function of the key; otherwise the fault is Poison.
func (w *Writer) Commit() (ref event.Ref, created bool, err error) {
	defer w.cancel()
	ref = event.Ref{Key: w.key, Size: w.size, Digest: w.Digest()}
	err = w.w.Close()
	switch {
	case err == nil:
		return ref, true, nil
	case !there(err):
		return event.Ref{}, false, fault.Wrap(fault.Retry, "bucket-write", err, "cannot finish "+w.key)
	}
	attrs, lookErr := w.b.Attributes(w.ctx, w.key)
	if lookErr != nil {
		return event.Ref{}, false, fault.Wrap(fault.Retry, "bucket-write", errors.Join(err, lookErr), "cannot finish "+w.key)
	}
	if attrs.Size != w.size {
		return event.Ref{}, false, fault.New(fault.Poison, CodeDiffers,
			fmt.Sprintf("%s is there with %d bytes, this run made %d", w.key, attrs.Size, w.size),
			"two versions of a function may be writing to one bucket")
	}
	return ref, false, nil
}

// Abort leaves no trace of the object.
func (w *Writer) Abort() {
	w.cancel()
	_ = w.w.Close() // the cancelled context makes the driver discard what was written
}

// ErrStop ends an Each early without being an error.
var ErrStop = errors.New("stop")

// Each calls f for every object under prefix in key order, without holding the
// list in memory.
func Each(ctx context.Context, b *blob.Bucket, prefix string, f func(*blob.ListObject) error) error {
	it := b.List(&blob.ListOptions{Prefix: prefix})
	for {
		obj, err := it.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fault.Wrap(fault.Retry, "bucket-list", err, "cannot list "+prefix)
		}
		if err := f(obj); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
	}
}

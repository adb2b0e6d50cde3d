// Package storetest makes the world fail on purpose: buckets, topics and keepers
// whose operations can fail before they take effect, and after. It is for tests.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"gocloud.dev/blob"
	blobdriver "gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/batcher"
	pubsubdriver "gocloud.dev/pubsub/driver"
	"gocloud.dev/secrets"
)

// ErrInjected is the error of an operation that was made to fail, ErrDenied that of
// one that was not allowed.
var (
	ErrInjected = errors.New("injected")
	ErrDenied   = errors.New("denied")
)

// Mode says how an operation fails.
type Mode int

const (
	None   Mode = iota
	Before      // without effect
	After       // with its effect: the answer is lost, whatever it was
	Denied      // without effect: it is not allowed
)

func (m Mode) String() string { return [...]string{"none", "before", "after", "denied"}[m] }

// Injector numbers the operations of all its buckets, topics and keepers in the
// order in which they come, and makes some of them fail: one, once, or those
// that a hook names. The zero value makes none fail. Safe for concurrent use.
type Injector struct {
	At   int // the operation that fails, from 0
	Mode Mode

	// Fail, if set, decides instead of At and Mode. It is asked before each
	// operation, of which n is the number, and must be safe for concurrent use.
	// What it does is done before the operation takes effect; it may use the
	// same buckets, topics and keepers.
	Fail func(n int, op string) Mode

	mu  sync.Mutex
	ops []string
}

// Ops are the operations so far: "masked write a/b".
func (i *Injector) Ops() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.ops...)
}

// Do runs an operation with the fault that is due.
func (i *Injector) Do(op string, effect func() error) error {
	i.mu.Lock()
	n, mode := len(i.ops), None
	if n == i.At {
		mode = i.Mode
	}
	i.ops = append(i.ops, op)
	i.mu.Unlock()
	if i.Fail != nil {
		mode = i.Fail(n, op)
	}
	switch mode {
	case Before:
		return ErrInjected
	case Denied:
		return ErrDenied
	}
	err := effect()
	if mode == After {
		return ErrInjected
	}
	return err
}

// Bucket is b with the injector's faults. Closing it leaves b open.
func (i *Injector) Bucket(name string, b *blob.Bucket) *blob.Bucket {
	return blob.NewBucket(&bucket{i, name, b})
}

type bucket struct {
	*Injector
	name string
	b    *blob.Bucket
}

// code is the portable code of an error.
func code(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, ErrInjected):
		return gcerrors.Internal
	case errors.Is(err, ErrDenied):
		return gcerrors.PermissionDenied
	}
	return gcerrors.Code(err)
}

func (f *bucket) ErrorCode(err error) gcerrors.ErrorCode { return code(err) }

func (f *bucket) As(any) bool             { return false }
func (f *bucket) ErrorAs(error, any) bool { return false }
func (f *bucket) Close() error            { return nil }

func (f *bucket) Attributes(ctx context.Context, key string) (a *blobdriver.Attributes, err error) {
	err = f.Do(f.name+" look "+key, func() error {
		attrs, err := f.b.Attributes(ctx, key)
		if err == nil {
			a = &blobdriver.Attributes{Size: attrs.Size, ModTime: attrs.ModTime, ETag: attrs.ETag}
		}
		return err
	})
	return a, err
}

func (f *bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *blobdriver.ReaderOptions) (r blobdriver.Reader, err error) {
	err = f.Do(f.name+" read "+key, func() error {
		inner, err := f.b.NewRangeReader(ctx, key, offset, length, nil)
		if err == nil {
			r = reader{inner}
		}
		return err
	})
	if err != nil && r != nil {
		_ = r.Close() // nobody else will
		r = nil
	}
	return r, err
}

type reader struct{ *blob.Reader }

func (r reader) As(any) bool { return false }

func (r reader) Attributes() *blobdriver.ReaderAttributes {
	return &blobdriver.ReaderAttributes{Size: r.Size(), ModTime: r.ModTime()}
}

func (f *bucket) ListPaged(ctx context.Context, opts *blobdriver.ListOptions) (page *blobdriver.ListPage, err error) {
	err = f.Do(f.name+" list "+opts.Prefix, func() error {
		token := opts.PageToken
		if token == nil {
			token = blob.FirstPageToken
		}
		objects, next, err := f.b.ListPage(ctx, token, 7, &blob.ListOptions{Prefix: opts.Prefix, Delimiter: opts.Delimiter})
		if err != nil {
			return err
		}
		page = &blobdriver.ListPage{NextPageToken: next}
		for _, o := range objects {
			page.Objects = append(page.Objects, &blobdriver.ListObject{Key: o.Key, Size: o.Size, ModTime: o.ModTime, IsDir: o.IsDir})
		}
		return nil
	})
	return page, err
}

func (f *bucket) NewTypedWriter(ctx context.Context, key, contentType string, opts *blobdriver.WriterOptions) (blobdriver.Writer, error) {
	return &writer{ctx: ctx, f: f, key: key, opts: &blob.WriterOptions{ContentType: contentType, IfNotExist: opts.IfNotExist}}, nil
}

// writer writes when it is closed: an object is there whole or not at all.
type writer struct {
	bytes.Buffer
	ctx  context.Context
	f    *bucket
	key  string
	opts *blob.WriterOptions
}

func (w *writer) Close() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	return w.f.Do(w.f.name+" write "+w.key, func() error {
		return w.f.b.WriteAll(w.ctx, w.key, w.Bytes(), w.opts)
	})
}

func (f *bucket) Copy(ctx context.Context, to, from string, _ *blobdriver.CopyOptions) error {
	return f.Do(f.name+" copy "+to, func() error { return f.b.Copy(ctx, to, from, nil) })
}

func (f *bucket) Delete(ctx context.Context, key string) error {
	return f.Do(f.name+" delete "+key, func() error { return f.b.Delete(ctx, key) })
}

func (f *bucket) SignedURL(context.Context, string, *blobdriver.SignedURLOptions) (string, error) {
	return "", errors.ErrUnsupported
}

// Topic is t with the injector's faults, each message an operation of its own.
// Shutting it down leaves t open.
func (i *Injector) Topic(name string, t *pubsub.Topic) *pubsub.Topic {
	return pubsub.NewTopic(&topic{i, name, t}, &batcher.Options{MaxBatchSize: 1})
}

type topic struct {
	*Injector
	name string
	t    *pubsub.Topic
}

func (f *topic) SendBatch(ctx context.Context, ms []*pubsubdriver.Message) error {
	return f.Do(f.name+" send", func() error {
		for _, m := range ms {
			if err := f.t.Send(ctx, &pubsub.Message{Body: m.Body, Metadata: m.Metadata}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *topic) IsRetryable(error) bool                 { return false }
func (f *topic) As(any) bool                            { return false }
func (f *topic) ErrorAs(error, any) bool                { return false }
func (f *topic) ErrorCode(err error) gcerrors.ErrorCode { return code(err) }
func (f *topic) Close() error                           { return nil }

// Keeper is k with the injector's faults. Closing it leaves k open.
func (i *Injector) Keeper(name string, k *secrets.Keeper) *secrets.Keeper {
	return secrets.NewKeeper(&keeper{i, name, k})
}

type keeper struct {
	*Injector
	name string
	k    *secrets.Keeper
}

func (f *keeper) Decrypt(ctx context.Context, ciphertext []byte) (plaintext []byte, err error) {
	err = f.Do(f.name+" decrypt", func() (err error) {
		plaintext, err = f.k.Decrypt(ctx, ciphertext)
		return err
	})
	return plaintext, err
}

func (f *keeper) Encrypt(ctx context.Context, plaintext []byte) (ciphertext []byte, err error) {
	err = f.Do(f.name+" encrypt", func() (err error) {
		ciphertext, err = f.k.Encrypt(ctx, plaintext)
		return err
	})
	return ciphertext, err
}

func (f *keeper) ErrorAs(error, any) bool                { return false }
func (f *keeper) ErrorCode(err error) gcerrors.ErrorCode { return code(err) }
func (f *keeper) Close() error                           { return nil }

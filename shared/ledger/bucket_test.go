package ledger

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

var errInjected = errors.New("injected")

// faulty is a bucket whose operations can be made to fail, on a real one.
type faulty struct {
	*blob.Bucket

	mu  sync.Mutex
	ops []string // what was asked for so far: "write seq/..."
	// fail is asked before each operation, whose number is n: before makes it
	// fail without effect, after makes it fail with its effect.
	fail func(n int, op string) (before, after bool)
}

// open is the bucket as the code under test sees it.
func (f *faulty) open() *blob.Bucket { return blob.NewBucket(f) }

func (f *faulty) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ops)
}

// do runs an operation with the fault that is due.
func (f *faulty) do(op string, effect func() error) error {
	f.mu.Lock()
	n := len(f.ops)
	f.ops = append(f.ops, op)
	f.mu.Unlock()
	var before, after bool
	if f.fail != nil {
		before, after = f.fail(n, op)
	}
	if before {
		return errInjected
	}
	err := effect()
	if after {
		return errInjected // the answer is lost, whatever it was
	}
	return err
}

func (f *faulty) ErrorCode(err error) gcerrors.ErrorCode { return gcerrors.Code(err) }
func (f *faulty) As(any) bool                            { return false }
func (f *faulty) ErrorAs(error, any) bool                { return false }
func (f *faulty) Close() error                           { return nil }

func (f *faulty) Attributes(ctx context.Context, key string) (a *driver.Attributes, err error) {
	err = f.do("look "+key, func() error {
		attrs, err := f.Bucket.Attributes(ctx, key)
		if err == nil {
			a = &driver.Attributes{Size: attrs.Size, ModTime: attrs.ModTime}
		}
		return err
	})
	return a, err
}

func (f *faulty) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions) (r driver.Reader, err error) {
	err = f.do("read "+key, func() error {
		inner, err := f.Bucket.NewRangeReader(ctx, key, offset, length, nil)
		if err == nil {
			r = faultyReader{inner}
		}
		return err
	})
	if err != nil && r != nil {
		_ = r.Close()
		return nil, err
	}
	return r, err
}

type faultyReader struct{ *blob.Reader }

func (r faultyReader) As(any) bool { return false }
func (r faultyReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{Size: r.Size(), ModTime: r.ModTime()}
}

func (f *faulty) ListPaged(ctx context.Context, opts *driver.ListOptions) (page *driver.ListPage, err error) {
	err = f.do("list "+opts.Prefix, func() error {
		token := opts.PageToken
		if token == nil {
			token = blob.FirstPageToken
		}
		objects, next, err := f.Bucket.ListPage(ctx, token, 7, &blob.ListOptions{Prefix: opts.Prefix})
		if err != nil {
			return err
		}
		page = &driver.ListPage{NextPageToken: next}
		for _, o := range objects {
			page.Objects = append(page.Objects, &driver.ListObject{Key: o.Key, Size: o.Size, ModTime: o.ModTime})
		}
		return nil
	})
	return page, err
}

func (f *faulty) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	return &faultyWriter{ctx: ctx, f: f, key: key, opts: &blob.WriterOptions{ContentType: contentType, IfNotExist: opts.IfNotExist}}, nil
}

// faultyWriter writes when it is closed: an object is there whole or not at all.
type faultyWriter struct {
	bytes.Buffer
	ctx  context.Context
	f    *faulty
	key  string
	opts *blob.WriterOptions
}

func (w *faultyWriter) Close() error {
	return w.f.do("write "+w.key, func() error {
		return w.f.Bucket.WriteAll(w.ctx, w.key, w.Bytes(), w.opts)
	})
}

func (f *faulty) Copy(context.Context, string, string, *driver.CopyOptions) error {
	return errors.New("a ledger copies nothing")
}

func (f *faulty) Delete(context.Context, string) error {
	return errors.New("a ledger deletes nothing")
}

func (f *faulty) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errors.New("a ledger signs no URL")
}

package aws

import (
	"bytes"
	"context"
	"io/fs"
	"path"
	"regexp"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// publish publishes the exchange of a folder in a bucket. Where outbox is not "",
// destinations in the folder outbox (file://./outbox/<x>) are the bucket of that
// name instead, below <x>/: a function in AWS has no such folder.
func publish(ctx context.Context, folder fs.FS, outbox string, bucket *blob.Bucket) (*exchange.Bundle, error) {
	if outbox != "" {
		folder = mapped{folder, outbox}
	}
	bundle, err := exchange.Load(folder)
	if err != nil {
		return nil, err
	}
	if _, err := policy.Compile(bundle); err != nil {
		return nil, err
	}
	return bundle, exchange.Open(bucket).Publish(ctx, bundle)
}

// mapped is an exchange folder whose partners have other destinations.
type mapped struct {
	fs.FS
	bucket string
}

// inOutbox matches the URL of a destination in the folder outbox.
var inOutbox = regexp.MustCompile(`file://\./outbox/([A-Za-z0-9._-]+)`)

// Open opens a file, as it is read.
func (m mapped) Open(name string) (fs.File, error) {
	f, err := m.FS.Open(name)
	if err != nil || path.Dir(name) != "partners" {
		return f, err
	}
	defer f.Close()
	text, err := fs.ReadFile(m.FS, name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text = inOutbox.ReplaceAllFunc(text, func(u []byte) []byte {
		return []byte(bucketURL(m.bucket, string(inOutbox.FindSubmatch(u)[1])+"/"))
	})
	return &file{info, bytes.NewReader(text)}, nil
}

// file is a file in memory.
type file struct {
	fs.FileInfo
	*bytes.Reader
}

// Size is that of the text.
func (f *file) Size() int64 { return f.Reader.Size() }

// Stat implements fs.File.
func (f *file) Stat() (fs.FileInfo, error) { return f, nil }

// Close implements fs.File.
func (*file) Close() error { return nil }

// ModTime is unknown: the text is not that of the file.
func (*file) ModTime() time.Time { return time.Time{} }

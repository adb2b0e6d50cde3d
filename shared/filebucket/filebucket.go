// Package filebucket is a gocloud blob driver on a folder, for a laptop, a test
// or a machine of one's own. Its create-if-absent (blob.WriterOptions.IfNotExist)
// holds between goroutines and between processes: of many writers of one key
// exactly one creates it, and whoever reads it reads all of it.
//
// gocloud's own fileblob looks whether the file is there and renames then, so
// that two writers can both win. Here an object is written to a temporary file
// on the same filesystem and given its name by link(2), which fails if there is
// one already. The filesystem must have hard links: every POSIX filesystem, NTFS
// and NFS have, FAT has not.
//
// An object is a file whose path is its key, escaped where a key is no path (see
// escapeKey). Three things differ from an object store:
//
//   - A key cannot go on behind another: with "a" there can be no "a/b".
//   - One part of a key ("a" in "a/b") has at most as many bytes as the
//     filesystem allows for a name, usually 255, escapes included.
//   - Metadata and a content type other than application/octet-stream follow
//     their object a moment later, in a file of their own; a process that dies
//     in between leaves the object without them. The chain sets none.
//
// Everything that is not an object lies in folders called ".sallyport", which no
// key reaches and no listing shows. A folder has no signed URLs.
package filebucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// Scheme is the URL scheme under which a URLOpener is usually registered.
const Scheme = "file"

const (
	// hidden is the folder for everything that is not an object.
	hidden   = ".sallyport"
	tempDir  = hidden + "/tmp"
	attrsDir = hidden + "/attrs"

	// staleAfter is the age at which a temporary file that nobody has written
	// to is taken for one whose writer died.
	staleAfter = time.Hour

	defaultType = "application/octet-stream"
)

var (
	errExists = errors.New("the object exists already")
	errFolder = errors.New("other keys go on behind this one, so it cannot be an object; or a part of it is an object")
	errNoKey  = errors.New("the key is empty")
	errSigned = errors.New("a folder has no signed URLs")
)

// Options of a bucket.
type Options struct {
	// Sync makes an object survive a power failure once it is closed: its bytes
	// reach the disk before it has its name, and its name before Close returns.
	// Without it an object survives the death of every process, and no more.
	Sync bool
}

// Open makes a bucket of the folder dir, which is created if it is not there.
// nil options mean Sync. Any number of processes may have the folder open.
//
// Temporary files that writers left behind when they died are removed once they
// are an hour old.
func Open(dir string, opts *Options) (*blob.Bucket, error) {
	drv, err := openDriver(dir, opts)
	if err != nil {
		return nil, err
	}
	return blob.NewBucket(drv), nil
}

func openDriver(dir string, opts *Options) (driver.Bucket, error) {
	if opts == nil {
		opts = &Options{Sync: true}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("filebucket: cannot make the folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("filebucket: cannot open the folder: %w", err)
	}
	b := &bucket{root: root, sync: opts.Sync}
	if err := b.removeStale(time.Now().Add(-staleAfter)); err != nil {
		return nil, errors.Join(fmt.Errorf("filebucket: cannot remove old temporary files: %w", err), root.Close())
	}
	return b, nil
}

// URLOpener opens "file:///absolute/folder" and "file://./relative/folder". Its
// user registers it: mux.RegisterBucket(filebucket.Scheme, &URLOpener{...}).
// The mux itself takes the parameter "prefix"; there are no others.
type URLOpener struct {
	// Base is the folder that relative URLs start from; "" is the working
	// directory. They cannot climb out of it.
	Base string
	// Sync is Options.Sync.
	Sync bool
}

// OpenBucketURL implements blob.BucketURLOpener.
func (o *URLOpener) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	for name := range u.Query() {
		return nil, fmt.Errorf("filebucket: %s: no parameter %q is known", u.Redacted(), name)
	}
	var dir string
	switch u.Host {
	case ".":
		rel := filepath.FromSlash(strings.TrimLeft(u.Path, "/"))
		if rel == "" {
			rel = "."
		}
		if !filepath.IsLocal(rel) {
			return nil, fmt.Errorf("filebucket: %s climbs out of the folder that it is relative to: name the folder by an absolute URL (file:///absolute)", u.Redacted())
		}
		dir = filepath.Join(o.Base, rel)
	case "", "localhost":
		dir = filepath.FromSlash(u.Path)
		if !filepath.IsAbs(dir) {
			return nil, fmt.Errorf("filebucket: %s names no folder: use file:///absolute or file://./relative", u.Redacted())
		}
	default:
		return nil, fmt.Errorf("filebucket: %s is on another host: use file:///absolute or file://./relative", u.Redacted())
	}
	return Open(dir, &Options{Sync: o.Sync})
}

// bucket implements driver.Bucket. Every path goes through root, which no
// symbolic link and no ".." leads out of.
type bucket struct {
	root *os.Root
	sync bool
}

func (b *bucket) removeStale(before time.Time) error {
	if err := b.root.MkdirAll(tempDir, 0o777); err != nil {
		return err
	}
	entries, err := b.readDir(tempDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !info.ModTime().Before(before) {
			continue // gone meanwhile, not ours, or still young
		}
		if err := b.root.Remove(tempDir + "/" + e.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (b *bucket) readDir(name string) ([]os.DirEntry, error) {
	dir, err := b.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadDir(-1)
}

func (b *bucket) Close() error { return b.root.Close() }

func (b *bucket) ErrorCode(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, errExists):
		return gcerrors.FailedPrecondition
	case errors.Is(err, errFolder), errors.Is(err, errNoKey), tooLong(err):
		return gcerrors.InvalidArgument
	case errors.Is(err, errSigned):
		return gcerrors.Unimplemented
	case errors.Is(err, os.ErrNotExist), notDir(err):
		return gcerrors.NotFound
	case errors.Is(err, os.ErrPermission):
		return gcerrors.PermissionDenied
	case errors.Is(err, context.Canceled):
		return gcerrors.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return gcerrors.DeadlineExceeded
	}
	return gcerrors.Unknown
}

func (b *bucket) As(any) bool                   { return false }
func (b *bucket) ErrorAs(err error, i any) bool { return errors.As(err, i) }

// stat looks at the file of a key. What is not a plain file is no object.
func (b *bucket) stat(path string) (os.FileInfo, error) {
	if path == "" {
		return nil, errNoKey
	}
	info, err := b.root.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, os.ErrNotExist
	}
	return info, nil
}

func etag(info os.FileInfo) string {
	return fmt.Sprintf("\"%x-%x\"", info.ModTime().UnixNano(), info.Size())
}

// Attributes implements driver.Bucket. The ETag is made of the time of the last
// change and the size.
func (b *bucket) Attributes(_ context.Context, key string) (*driver.Attributes, error) {
	path := escapeKey(key)
	info, err := b.stat(path)
	if err != nil {
		return nil, err
	}
	a, err := b.attributes(path, info)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{
		CacheControl:       a.CacheControl,
		ContentDisposition: a.ContentDisposition,
		ContentEncoding:    a.ContentEncoding,
		ContentLanguage:    a.ContentLanguage,
		ContentType:        a.ContentType,
		Metadata:           a.Metadata,
		ModTime:            info.ModTime(),
		Size:               info.Size(),
		ETag:               etag(info),
	}, nil
}

// NewRangeReader implements driver.Bucket. An object that is replaced while it
// is read is read on as it was.
func (b *bucket) NewRangeReader(_ context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	path := escapeKey(key)
	if _, err := b.stat(path); err != nil { // before it is opened: opening a pipe would wait
		return nil, err
	}
	f, err := b.root.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := b.reader(f, path, offset, length, opts)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (b *bucket) reader(f *os.File, path string, offset, length int64, opts *driver.ReaderOptions) (*reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, os.ErrNotExist
	}
	a, err := b.attributes(path, info)
	if err != nil {
		return nil, err
	}
	if opts.BeforeRead != nil {
		if err := opts.BeforeRead(func(any) bool { return false }); err != nil {
			return nil, err
		}
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	r := &reader{Reader: f, f: f, attrs: driver.ReaderAttributes{ContentType: a.ContentType, ModTime: info.ModTime(), Size: info.Size()}}
	if length >= 0 {
		r.Reader = io.LimitReader(f, length)
	}
	return r, nil
}

type reader struct {
	io.Reader
	f     *os.File
	attrs driver.ReaderAttributes
}

func (r *reader) Close() error                         { return r.f.Close() }
func (r *reader) Attributes() *driver.ReaderAttributes { return &r.attrs }
func (r *reader) As(any) bool                          { return false }

// Copy implements driver.Bucket.
func (b *bucket) Copy(ctx context.Context, dstKey, srcKey string, opts *driver.CopyOptions) error {
	src, err := b.NewRangeReader(ctx, srcKey, 0, -1, &driver.ReaderOptions{})
	if err != nil {
		return err
	}
	defer src.Close()
	path := escapeKey(srcKey)
	info, err := src.(*reader).f.Stat()
	if err != nil {
		return err
	}
	a, err := b.attributes(path, info)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.newWriter(ctx, dstKey, a, false, opts.BeforeCopy)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w.f, src); err != nil {
		cancel() // so that Close discards what was written
		return errors.Join(err, w.Close())
	}
	return w.Close()
}

// Delete implements driver.Bucket. The folders that the object lay in stay.
func (b *bucket) Delete(_ context.Context, key string) error {
	path := escapeKey(key)
	if _, err := b.stat(path); err != nil {
		return err
	}
	if err := b.root.Remove(path); err != nil {
		return err
	}
	return b.removeAttributes(path)
}

// SignedURL implements driver.Bucket: it is not supported.
func (b *bucket) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errSigned
}

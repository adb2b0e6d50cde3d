package filebucket

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path"

	"gocloud.dev/blob/driver"
)

// attributes are what an object may have beside its bytes. They lie in a file
// of their own under attrsDir, and only if they are not the usual ones.
type attributes struct {
	// ETag is the object's: attributes of another version of it do not count.
	ETag               string            `json:"etag"`
	CacheControl       string            `json:"cacheControl,omitempty"`
	ContentDisposition string            `json:"contentDisposition,omitempty"`
	ContentEncoding    string            `json:"contentEncoding,omitempty"`
	ContentLanguage    string            `json:"contentLanguage,omitempty"`
	ContentType        string            `json:"contentType"`
	Metadata           map[string]string `json:"metadata,omitempty"`
}

func (a *attributes) usual() bool {
	return a.ContentType == defaultType && a.CacheControl == "" && a.ContentDisposition == "" &&
		a.ContentEncoding == "" && a.ContentLanguage == "" && len(a.Metadata) == 0
}

// attributes are those of the object at path.
func (b *bucket) attributes(path string, info os.FileInfo) (*attributes, error) {
	usual := &attributes{ContentType: defaultType}
	data, err := b.root.ReadFile(attrsDir + "/" + path)
	if errors.Is(err, os.ErrNotExist) || notDir(err) {
		return usual, nil
	}
	if err != nil {
		return nil, err
	}
	var a attributes
	if err := json.Unmarshal(data, &a); err != nil || a.ETag != etag(info) {
		return usual, nil // left behind by a writer that died
	}
	return &a, nil
}

func (b *bucket) removeAttributes(path string) error {
	err := b.root.Remove(attrsDir + "/" + path)
	if errors.Is(err, os.ErrNotExist) || notDir(err) {
		return nil
	}
	return err
}

// NewTypedWriter implements driver.Bucket.
func (b *bucket) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	if contentType == "" {
		contentType = defaultType
	}
	return b.newWriter(ctx, key, &attributes{
		CacheControl:       opts.CacheControl,
		ContentDisposition: opts.ContentDisposition,
		ContentEncoding:    opts.ContentEncoding,
		ContentLanguage:    opts.ContentLanguage,
		ContentType:        contentType,
		Metadata:           opts.Metadata,
	}, opts.IfNotExist, opts.BeforeWrite)
}

func (b *bucket) newWriter(ctx context.Context, key string, a *attributes, ifNotExist bool, before func(func(any) bool) error) (*writer, error) {
	if key == "" {
		return nil, errNoKey
	}
	f, err := b.temp()
	if err != nil {
		return nil, err
	}
	w := &writer{b: b, ctx: ctx, f: f.File, temp: f.name, path: escapeKey(key), attrs: a, ifNotExist: ifNotExist}
	if before != nil {
		if err := before(func(any) bool { return false }); err != nil {
			return nil, errors.Join(err, w.discard())
		}
	}
	return w, nil
}

type tempFile struct {
	*os.File
	name string // below the root
}

func (b *bucket) temp() (tempFile, error) {
	name := tempDir + "/" + rand.Text()
	f, err := b.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrNotExist) { // somebody removed the folder
		if err := b.root.MkdirAll(tempDir, 0o777); err != nil {
			return tempFile{}, err
		}
		f, err = b.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	}
	return tempFile{f, name}, err
}

// writer is an object on its way: a temporary file until Close.
type writer struct {
	b          *bucket
	ctx        context.Context
	f          *os.File
	temp       string
	path       string
	attrs      *attributes
	ifNotExist bool
}

func (w *writer) Write(p []byte) (int, error) { return w.f.Write(p) }

// Close gives the object its name, unless the writer's context was cancelled.
func (w *writer) Close() error {
	if err := w.ctx.Err(); err != nil {
		return errors.Join(err, w.discard())
	}
	info, err := w.finish()
	if err != nil {
		return errors.Join(err, w.discard())
	}
	if err := w.b.makeFolder(path.Dir(w.path)); err != nil {
		return errors.Join(err, w.discard())
	}
	if err := w.publish(); err != nil {
		return errors.Join(err, w.discard())
	}
	if w.attrs.usual() {
		if w.ifNotExist {
			return nil // nothing was there, so neither were attributes that count
		}
		return w.b.removeAttributes(w.path)
	}
	w.attrs.ETag = etag(info)
	return w.b.writeAttributes(w.path, w.attrs)
}

// finish closes the temporary file with all its bytes in it.
func (w *writer) finish() (os.FileInfo, error) {
	if w.b.sync {
		if err := w.f.Sync(); err != nil {
			return nil, err
		}
	}
	info, err := w.f.Stat()
	if err != nil {
		return nil, err
	}
	return info, w.f.Close()
}

func (w *writer) discard() error {
	err := w.f.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	if gone := w.b.root.Remove(w.temp); !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// publish gives the temporary file its name.
func (w *writer) publish() error {
	root := w.b.root
	if !w.ifNotExist {
		if info, err := root.Lstat(w.path); err == nil && info.IsDir() {
			return errFolder
		}
		if err := root.Rename(w.temp, w.path); err != nil {
			return err
		}
		return w.b.syncFolder(path.Dir(w.path))
	}
	if err := root.Link(w.temp, w.path); err != nil {
		if !errors.Is(err, os.ErrExist) {
			return err
		}
		there, err := root.Lstat(w.path)
		if err != nil {
			return err
		}
		if there.IsDir() {
			return errFolder
		}
		mine, err := root.Lstat(w.temp)
		if err != nil {
			return err
		}
		// Over NFS a link can succeed and its answer get lost.
		if !os.SameFile(mine, there) {
			return errExists
		}
	}
	if err := w.b.syncFolder(path.Dir(w.path)); err != nil {
		return err
	}
	return root.Remove(w.temp)
}

func (b *bucket) writeAttributes(path string, a *attributes) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	f, err := b.temp()
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = b.renameAttributes(f.name, attrsDir+"/"+path)
	}
	if err != nil {
		return errors.Join(err, b.root.Remove(f.name))
	}
	return nil
}

func (b *bucket) renameAttributes(temp, to string) error {
	if err := b.root.MkdirAll(path.Dir(to), 0o777); err != nil {
		return err
	}
	return b.root.Rename(temp, to)
}

// makeFolder makes a folder and those above it.
func (b *bucket) makeFolder(name string) error {
	if name == "." {
		return nil
	}
	info, err := b.root.Lstat(name)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil, notDir(err):
		return errFolder
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	if err := b.makeFolder(path.Dir(name)); err != nil {
		return err
	}
	if err := b.root.Mkdir(name, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return b.syncFolder(path.Dir(name))
}

// syncFolder brings the names in a folder to the disk.
func (b *bucket) syncFolder(name string) error {
	if !b.sync {
		return nil
	}
	dir, err := b.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

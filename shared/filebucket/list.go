package filebucket

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"gocloud.dev/blob/driver"
)

const defaultPage = 1000

// ListPaged implements driver.Bucket. It holds a page, and the names in the
// folders on the way to it, never the whole bucket.
func (b *bucket) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	if opts.BeforeList != nil {
		if err := opts.BeforeList(func(any) bool { return false }); err != nil {
			return nil, err
		}
	}
	l := listing{b: b, ctx: ctx, prefix: opts.Prefix, delimiter: opts.Delimiter, after: string(opts.PageToken),
		size: cmp.Or(opts.PageSize, defaultPage)}
	if l.after != "" && l.collapse(l.after) == l.after {
		l.collapsed = l.after
	}
	if err := l.walk(".", ""); err != nil && !errors.Is(err, errFull) {
		return nil, err
	}
	return &l.page, nil
}

var errFull = errors.New("the page is full")

// listing is one page on its way. Keys come in the order of their bytes.
type listing struct {
	b                        *bucket
	ctx                      context.Context
	prefix, delimiter, after string
	size                     int
	page                     driver.ListPage
	collapsed                string // the last prefix that stands for all keys under it
}

// entry is a file, or a folder: then its key ends in a slash.
type entry struct {
	key  string
	path string
	os.DirEntry
}

// walk lists the objects in a folder; key is what all of their keys start with.
func (l *listing) walk(path, key string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	names, err := l.b.readDir(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	entries := make([]entry, 0, len(names))
	for _, n := range names {
		e := entry{key: key + unescape(n.Name()), path: n.Name(), DirEntry: n}
		if path != "." {
			e.path = path + "/" + n.Name()
		}
		switch {
		case n.Name() == hidden:
			continue
		case n.IsDir():
			e.key += "/"
		case !n.Type().IsRegular():
			continue
		}
		if l.wanted(e) {
			entries = append(entries, e)
		}
	}
	// A folder sorts as what its keys start with, behind the object of that
	// very key: "a-", "a/", "a/b", "a0".
	slices.SortFunc(entries, func(x, y entry) int {
		if c := strings.Compare(x.key, y.key); c != 0 || x.IsDir() == y.IsDir() {
			return c
		}
		if x.IsDir() {
			return 1
		}
		return -1
	})
	for _, e := range entries {
		if e.IsDir() {
			if l.collapsed != "" && strings.HasPrefix(e.key, l.collapsed) {
				continue
			}
			err = l.walk(e.path, e.key)
		} else {
			err = l.add(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wanted reports whether e is, or may hold, objects of this page.
func (l *listing) wanted(e entry) bool {
	if !e.IsDir() {
		return strings.HasPrefix(e.key, l.prefix) && e.key > l.after
	}
	return (strings.HasPrefix(e.key, l.prefix) || strings.HasPrefix(l.prefix, e.key)) &&
		(e.key > l.after || strings.HasPrefix(l.after, e.key))
}

// collapse is the part of key that stands for all keys that share it, or "".
func (l *listing) collapse(key string) string {
	if l.delimiter == "" || len(key) < len(l.prefix) {
		return ""
	}
	i := strings.Index(key[len(l.prefix):], l.delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(l.prefix)+i+len(l.delimiter)]
}

func (l *listing) add(e entry) error {
	if _, ok := keyOf(e.path); !ok {
		return nil
	}
	obj := &driver.ListObject{Key: e.key}
	if p := l.collapse(e.key); p != "" {
		if p == l.collapsed || p <= l.after {
			return nil
		}
		obj.Key, obj.IsDir = p, true
	} else {
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		obj.ModTime, obj.Size = info.ModTime(), info.Size()
	}
	if len(l.page.Objects) == l.size {
		l.page.NextPageToken = []byte(l.page.Objects[l.size-1].Key)
		return errFull
	}
	if obj.IsDir {
		l.collapsed = obj.Key
	}
	l.page.Objects = append(l.page.Objects, obj)
	return nil
}

package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// ownerOnly is the mode of a ring's file.
const ownerOnly fs.FileMode = 0o600

// file is a ring in a file.
type file struct{ path string }

func (f file) read(context.Context) ([]byte, error) { return readFile(f.path) }
func (f file) close() error                         { return nil }

// create makes the folder, too.
func (f file) create(_ context.Context, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return unwritable(err)
	}
	temp, err := writeTemp(f.path, data)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	switch err := os.Link(temp, f.path); {
	case errors.Is(err, fs.ErrExist):
		return exists("there is a key ring already", "rotate it to get a new key")
	case err != nil:
		return unwritable(err)
	}
	return syncFolder(f.path)
}

// edit keeps out every other edit by a file with the suffix ".new" beside the
// ring. Once that file has become the ring, a file of its name belongs to the next
// edit.
func (f file) edit(_ context.Context, do func([]byte) ([]byte, error)) error {
	next := f.path + ".new"
	w, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, ownerOnly)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fault.New(fault.Retry, CodeBusy, "the key ring is being changed, or a change of it was cut off", "if nobody is changing it, remove the file with the suffix .new beside it")
	case errors.Is(err, fs.ErrNotExist):
		return missing(f.path)
	case err != nil:
		return unwritable(err)
	}
	ours := true
	defer func() {
		if ours {
			os.Remove(next)
		}
	}()
	defer w.Close()
	data, err := readFile(f.path)
	if err != nil {
		return err
	}
	if data, err = do(data); err != nil {
		return err
	}
	defer clear(data)
	if err := writeSynced(w, data); err != nil {
		return err
	}
	if err := os.Rename(next, f.path); err != nil {
		return unwritable(err)
	}
	ours = false
	return syncFolder(f.path)
}

// readFile reads a ring's file if only its owner may.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missing(path)
	case err != nil:
		return nil, fault.Wrap(fault.Retry, CodeUnreachable, err, "the key ring cannot be opened")
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Retry, CodeUnreachable, err, "the key ring cannot be looked at")
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.Denied, CodeURL, "the key ring "+path+" is not a file", "correct the URL")
	case info.Mode().Perm()&0o077 != 0:
		return nil, fault.New(fault.Denied, CodePermissions, fmt.Sprintf("the key ring %s has mode %04o: others than its owner may use it", path, info.Mode().Perm()),
			"chmod 600 it, and rotate it if somebody else has an account on the machine")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Retry, CodeUnreachable, err, "the key ring cannot be read")
	case len(data) > maxDocument:
		return nil, fault.New(fault.Denied, CodeDamaged, fmt.Sprintf("the key ring has more than %d bytes", maxDocument), "restore it from a copy")
	}
	return data, nil
}

// writeTemp writes data to a new file beside path, on disk when it returns.
func writeTemp(path string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return "", unwritable(err)
	}
	defer f.Close()
	if err := writeSynced(f, data); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func writeSynced(f *os.File, data []byte) error {
	if _, err := io.Copy(f, bytes.NewReader(data)); err != nil {
		return unwritable(err)
	}
	if err := f.Sync(); err != nil {
		return unwritable(err)
	}
	return nil
}

// syncFolder makes the name of a file last.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return unwritable(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return unwritable(err)
	}
	return nil
}

func unwritable(err error) error {
	return fault.Wrap(fault.Retry, CodeUnreachable, err, "the key ring cannot be written")
}

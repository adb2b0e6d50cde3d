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
	"time"

	"gocloud.dev/secrets"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// ownerOnly is the mode of a ring's file.
const ownerOnly fs.FileMode = 0o600

// Create makes a ring of one version with a random key, active since ever, in
// the file that the URL names (see Open), and the folder for it if there is
// none. If the URL names a keeper the key is wrapped. The file is whole and on
// disk when Create returns, or not there. If something is there already it stays
// as it is, and the error is fs.ErrExist.
func Create(ctx context.Context, ringURL string) error {
	return change(ctx, ringURL, func(path string, keeper *secrets.Keeper) error {
		var d document
		if err := d.add(ctx, time.Unix(0, 0).UTC(), keeper); err != nil {
			return err
		}
		data, err := d.encode()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return unwritable(err)
		}
		temp, err := writeTemp(path, data)
		if err != nil {
			return err
		}
		defer os.Remove(temp)
		switch err := os.Link(temp, path); {
		case errors.Is(err, fs.ErrExist):
			return &fault.Error{Kind: fault.Denied, Code: CodeExists, Msg: "there is a key ring already", Do: "rotate it to get a new key", Err: fs.ErrExist}
		case err != nil:
			return unwritable(err)
		}
		return syncFolder(path)
	})
}

// Rotate adds a version with a random key to the ring in the file that the URL
// names, and answers its number. The version becomes active at the given time,
// which must be at least Lead from now; the zero time means as soon as that.
func Rotate(ctx context.Context, ringURL string, activeFrom time.Time) (version int, err error) {
	err = edit(ctx, ringURL, func(d *document, keeper *secrets.Keeper) error {
		earliest := time.Now().Add(Lead)
		switch {
		case activeFrom.IsZero():
			activeFrom = earliest.Truncate(time.Second).Add(time.Second)
		case activeFrom.Before(earliest):
			return fault.New(fault.Denied, CodeLead, fmt.Sprintf("a new version must not become active before %s from now: what is under way would get another token on a second run", Lead), "give a later time")
		}
		if last := d.Versions[len(d.Versions)-1]; !activeFrom.After(last.ActiveFrom) {
			return fault.New(fault.Denied, CodeLead, fmt.Sprintf("version %d becomes active only at %s", last.Version, last.ActiveFrom.Format(time.RFC3339)), "give a later time")
		}
		if err := d.add(ctx, activeFrom.UTC(), keeper); err != nil {
			return err
		}
		version = d.Versions[len(d.Versions)-1].Version
		return nil
	})
	return version, err
}

// Retire takes a version out of use, at once and for all times: what was pinned
// while it was active gets tokens of the version before it from now on. It is
// for a key that became known. At least one version must stay.
func Retire(ctx context.Context, ringURL string, version int) error {
	return edit(ctx, ringURL, func(d *document, _ *secrets.Keeper) error {
		found, left := false, 0
		for i := range d.Versions {
			if d.Versions[i].Version == version {
				d.Versions[i].Retired, found = true, true
			}
			if !d.Versions[i].Retired {
				left++
			}
		}
		switch {
		case !found:
			return fault.New(fault.Denied, CodeNoVersion, fmt.Sprintf("the key ring has no version %d", version), "list the versions")
		case left == 0:
			return fault.New(fault.Denied, CodeNoVersion, "no version of the key ring would be left", "rotate the key ring first")
		}
		return nil
	})
}

// change opens what a URL of a file names for a change of it.
func change(ctx context.Context, ringURL string, do func(path string, keeper *secrets.Keeper) error) (err error) {
	l, err := parse(ringURL)
	if err != nil {
		return err
	}
	if l.path == "" {
		return fault.New(fault.Denied, CodeURL, "a key ring in a bucket is not changed there: two changes at once would lose a key", "change it in a file with the same keeper, then upload the file")
	}
	p, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	return do(l.path, p.keeper)
}

// edit replaces a ring's file with what do makes of it. While it does there is a
// file with the suffix ".new" beside it, which keeps out every other edit. Once
// that file has become the ring, a file of its name belongs to the next edit.
func edit(ctx context.Context, ringURL string, do func(*document, *secrets.Keeper) error) error {
	return change(ctx, ringURL, func(path string, keeper *secrets.Keeper) error {
		next := path + ".new"
		f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, ownerOnly)
		switch {
		case errors.Is(err, fs.ErrExist):
			return fault.New(fault.Retry, CodeBusy, "the key ring is being changed, or a change of it was cut off", "if nobody is changing it, remove the file with the suffix .new beside it")
		case errors.Is(err, fs.ErrNotExist):
			return missing(path)
		case err != nil:
			return unwritable(err)
		}
		ours := true
		defer func() {
			if ours {
				os.Remove(next)
			}
		}()
		defer f.Close()
		data, err := readFile(path)
		if err != nil {
			return err
		}
		d, err := decode(data)
		if err != nil {
			return err
		}
		if _, err := d.open(ctx, keeper); err != nil { // nothing is built on a ring that is not whole
			return err
		}
		if err := do(&d, keeper); err != nil {
			return err
		}
		if data, err = d.encode(); err != nil {
			return err
		}
		if err := writeSynced(f, data); err != nil {
			return err
		}
		if err := os.Rename(next, path); err != nil {
			return unwritable(err)
		}
		ours = false
		return syncFolder(path)
	})
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

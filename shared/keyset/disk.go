package keyset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Disk is where sets spill to, and how much of it they may take together. A file
// has mode 0600 and no name: it is unlinked as soon as it is made, so that
// nothing is left of it even if the process is killed. (Where an open file cannot
// be unlinked, it is removed when its set is closed.) It holds nothing but keyed
// hashes. A Disk may be used by many sets and goroutines.
type Disk struct {
	Dir   string // "": os.TempDir()
	Limit int64  // bytes of all files at one time; 0: no limit. Merging needs up to as much again as there are keys.

	used   atomic.Int64
	create func(dir string) (file, error) // nil: createFile
}

// Used is how many bytes the files take now.
func (d *Disk) Used() int64 { return d.used.Load() }

// file is what a run lies in.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// take makes a file that will have n bytes.
func (d *Disk) take(n int64) (file, error) {
	if used := d.used.Add(n); d.Limit > 0 && used > d.Limit {
		d.used.Add(-n)
		return nil, fault.New(fault.Invalid, "too-many-keys", fmt.Sprintf("the keys that must be remembered take more than %d bytes of disk", d.Limit),
			"send it in several files, or raise limits.spill in exchange.yaml")
	}
	create := d.create
	if create == nil {
		create = createFile
	}
	f, err := create(d.Dir)
	if err != nil {
		d.used.Add(-n)
		return nil, diskFault(err)
	}
	return f, nil
}

// give closes a file that has n bytes.
func (d *Disk) give(f file, n int64) error {
	d.used.Add(-n)
	if err := f.Close(); err != nil {
		return diskFault(err)
	}
	return nil
}

// diskFault says what is wrong with the disk. Its kind is Retry: it is the world's
// fault, and the same data can be checked where there is room.
func diskFault(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		f := fault.Wrap(fault.Retry, "spill-full", err, "the disk has no room for the keys that must be remembered")
		f.Do = "give it 40 bytes for each row and unique column, or another folder, or more memory for keys"
		return f
	}
	f := fault.Wrap(fault.Retry, "spill-failed", err, "keys that must be remembered could not be kept on disk")
	f.Do = "see that the folder for temporary files can be written"
	return f
}

// named is a file that could not be unlinked while it is open.
type named struct{ *os.File }

func (f named) Close() error {
	return errors.Join(f.File.Close(), os.Remove(f.Name()))
}

func createFile(dir string) (file, error) {
	f, err := os.CreateTemp(dir, "sallyport-keys-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return named{f}, nil
	}
	return f, nil
}

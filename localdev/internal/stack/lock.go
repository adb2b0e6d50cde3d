package stack

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// CodeLocked, of kind Denied: another process runs the chain of this directory.
const CodeLocked = "stack-locked"

// lock takes the directory for this process, until the file is closed.
func lock(p Places) (*os.File, error) {
	f, err := os.OpenFile(p.Lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unwritable(err)
	}
	for range 5 { // Running may hold it for a moment
		ok, err := tryLock(f, false)
		if err != nil {
			f.Close()
			return nil, unwritable(err)
		}
		if ok {
			return f, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	f.Close()
	return nil, fault.New(fault.Denied, CodeLocked, "another process runs the chain of "+p.Dir,
		"stop that one first; commands that only read work beside it")
}

// Running reports whether a process runs the chain of the exchange directory
// dir. It always says no where the system has no locks (Windows).
func Running(dir string) (bool, error) {
	f, err := os.Open(Layout(dir).Lock)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fault.Wrap(fault.Retry, "lock-read", err, "cannot look at the lock")
	}
	defer f.Close()
	free, err := tryLock(f, true)
	if err != nil {
		return false, fault.Wrap(fault.Retry, "lock-read", err, "cannot look at the lock")
	}
	return !free, nil
}

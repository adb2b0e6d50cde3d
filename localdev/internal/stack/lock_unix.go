//go:build unix

package stack

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock of an open file without waiting, for one holder or with
// others. The system gives it back when the file is closed, and when the process
// ends, however it ends.
func tryLock(f *os.File, shared bool) (ok bool, err error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

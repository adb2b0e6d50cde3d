//go:build unix

package embedded

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes the lock that the returned file holds until it is closed, which
// the system does too when the process ends, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, lockFault(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, locked()
		}
		return nil, lockFault(os.NewSyscallError("flock", err))
	}
	return f, nil
}

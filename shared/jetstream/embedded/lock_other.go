//go:build !unix

package embedded

import "os"

// lockFile only opens the file: these systems have no lock that a dying process
// gives back for certain, and a lock that stays would keep the queues shut.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, lockFault(err)
	}
	return f, nil
}

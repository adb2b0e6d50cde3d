//go:build unix

package keyset

import (
	"fmt"
	"syscall"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// obtain answers n zero bytes outside of Go's heap: they go back to the system
// when they are released, and do not let the collector wait until as much garbage
// again stands beside them.
func obtain(n int) ([]byte, error) {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "no-memory", err, fmt.Sprintf("%d bytes for keys that must be unique", n))
	}
	return b, nil
}

func release(b []byte) {
	if b != nil {
		_ = syscall.Munmap(b) // fails only for what obtain did not give
	}
}

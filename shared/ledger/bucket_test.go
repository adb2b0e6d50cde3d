package ledger

import (
	"strings"
	"sync"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// faulty is a bucket whose operations can be made to fail, on a real one.
type faulty struct {
	*blob.Bucket

	mu  sync.Mutex
	ops []string // what was asked for so far: "write seq/..."
	// fail is asked before each operation, whose number is n: before makes it
	// fail without effect, after makes it fail with its effect.
	fail func(n int, op string) (before, after bool)
}

// open is the bucket as the code under test sees it.
func (f *faulty) open() *blob.Bucket {
	i := &storetest.Injector{Fail: func(_ int, op string) storetest.Mode {
		return f.mode(strings.TrimPrefix(op, "ledger "))
	}}
	return i.Bucket("ledger", f.Bucket)
}

// mode is how an operation fails. A ledger copies and deletes nothing: if it
// tries to, that has no effect.
func (f *faulty) mode(op string) storetest.Mode {
	f.mu.Lock()
	n := len(f.ops)
	f.ops = append(f.ops, op)
	f.mu.Unlock()
	var before, after bool
	if f.fail != nil {
		before, after = f.fail(n, op)
	}
	switch {
	case before, strings.HasPrefix(op, "copy "), strings.HasPrefix(op, "delete "):
		return storetest.Before
	case after:
		return storetest.After
	}
	return storetest.None
}

func (f *faulty) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ops)
}

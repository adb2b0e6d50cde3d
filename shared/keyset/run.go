package keyset

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"sort"

	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	fenceKeys   = 64       // keys between two fences, on average
	readBuffer  = 64 << 10 // of each run that is read through
	writeBuffer = 256 << 10
	maxRun      = 1<<32 - 1 // keys: positions are kept in 4 bytes
)

// run is a file of keys in order. fences[i] is how many of its keys are of the
// first i of len(fences)-1 equal parts of all keys there can be: keys are as good
// as random, so that one read of some 64 keys finds any one.
type run struct {
	file   file
	n      int64
	level  int
	fences []byte // little-endian, 4 bytes each
	parts  uint64
}

// writer makes a run. Keys are given in order, as many as announced.
type writer struct {
	run  *run
	disk *Disk
	buf  []byte
	at   int64  // keys so far
	part uint64 // fences that are set
}

func newWriter(disk *Disk, n int64, level int, buf []byte) (*writer, error) {
	if n > maxRun {
		return nil, fault.New(fault.Invalid, "too-many-keys", fmt.Sprintf("more than %d keys must be remembered to see that they are unique", int64(maxRun)),
			"send the data in several files")
	}
	parts := max(1, n/fenceKeys)
	fences, err := obtain(int(parts+1) * 4)
	if err != nil {
		return nil, err
	}
	f, err := disk.take(n * keySize)
	if err != nil {
		release(fences)
		return nil, err
	}
	return &writer{disk: disk, buf: buf[:0], run: &run{file: f, n: n, level: level, fences: fences, parts: uint64(parts)}}, nil
}

func (w *writer) add(k Key) error {
	part, _ := bits.Mul64(k[0], w.run.parts)
	for ; w.part <= part; w.part++ {
		binary.LittleEndian.PutUint32(w.run.fences[4*w.part:], uint32(w.at))
	}
	w.at++
	var b [keySize]byte
	putKey(b[:], k)
	w.buf = append(w.buf, b[:]...)
	if len(w.buf)+keySize > cap(w.buf) {
		return w.flush()
	}
	return nil
}

func (w *writer) flush() error {
	_, err := w.run.file.Write(w.buf)
	w.buf = w.buf[:0]
	if err != nil {
		return diskFault(err)
	}
	return nil
}

func (w *writer) finish() (*run, error) {
	for ; w.part <= w.run.parts; w.part++ {
		binary.LittleEndian.PutUint32(w.run.fences[4*w.part:], uint32(w.at))
	}
	return w.run, w.flush()
}

func (w *writer) abort() { _ = w.run.close(w.disk) } // the error that led here is the one to tell

func (r *run) close(disk *Disk) error {
	release(r.fences)
	r.fences = nil
	return disk.give(r.file, r.n*keySize)
}

// has looks k up by one read. buf is scratch.
func (r *run) has(k Key, buf *[]byte) (bool, error) {
	part, _ := bits.Mul64(k[0], r.parts)
	start := binary.LittleEndian.Uint32(r.fences[4*part:])
	end := binary.LittleEndian.Uint32(r.fences[4*part+4:])
	size := int(end-start) * keySize
	if size == 0 {
		return false, nil
	}
	if cap(*buf) < size {
		*buf = make([]byte, size)
	}
	keys := (*buf)[:size]
	if _, err := r.file.ReadAt(keys, int64(start)*keySize); err != nil {
		return false, diskFault(err)
	}
	at := sort.Search(int(end-start), func(i int) bool { return !less(keyAt(keys[i*keySize:]), k) })
	return at*keySize < size && keyAt(keys[at*keySize:]) == k, nil
}

// cursor goes through keys in order: those of a run or of a table.
type cursor struct {
	head Key // none at the end
	buf  []byte
	at   int
	run  *run
	read int64 // bytes
}

func (r *run) cursor() (*cursor, error) {
	c := &cursor{run: r, buf: make([]byte, 0, min(readBuffer, r.n*keySize))}
	return c, c.next()
}

func (t *table) cursor() (*cursor, error) {
	c := &cursor{buf: t.slots}
	return c, c.next()
}

func (c *cursor) next() error {
	for {
		if c.at == len(c.buf) {
			if err := c.fill(); err != nil || len(c.buf) == 0 {
				c.head = Key{none}
				return err
			}
		}
		c.head = keyAt(c.buf[c.at:])
		c.at += keySize
		if c.head[0] != none {
			return nil
		}
	}
}

func (c *cursor) fill() error {
	if c.run == nil {
		c.buf, c.at = nil, 0
		return nil
	}
	c.buf = c.buf[:min(int64(cap(c.buf)), c.run.n*keySize-c.read)]
	c.at = 0
	if len(c.buf) == 0 {
		return nil
	}
	n, err := c.run.file.ReadAt(c.buf, c.read)
	if err != nil && (err != io.EOF || n < len(c.buf)) {
		return diskFault(err)
	}
	c.read += int64(n)
	return nil
}

// merge gives the keys of all cursors in order. No key is in two of them.
type merge []*cursor

// next answers false at the end.
func (m merge) next() (k Key, more bool, err error) {
	if len(m) == 0 {
		return Key{}, false, nil
	}
	first := m[0]
	for _, c := range m[1:] {
		if less(c.head, first.head) {
			first = c
		}
	}
	if k = first.head; k[0] == none {
		return Key{}, false, nil
	}
	return k, true, first.next()
}

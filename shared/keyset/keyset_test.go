package keyset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// model is a set beside a map that must always agree.
type model struct {
	t    testing.TB
	set  *Set
	want map[Key]bool
}

func (m *model) add(k Key) {
	m.t.Helper()
	m.has(k)
	fresh, err := m.set.Add(k)
	if err != nil {
		m.t.Fatal(err)
	}
	if fresh == m.want[k.norm()] {
		m.t.Fatalf("key %d: fresh is %v", len(m.want), fresh)
	}
	m.want[k.norm()] = true
}

func (m *model) has(k Key) {
	m.t.Helper()
	found, err := m.set.Has(k)
	if err != nil {
		m.t.Fatal(err)
	}
	if found != m.want[k.norm()] {
		m.t.Fatalf("after %d keys: found is %v", len(m.want), found)
	}
}

// check holds the set to the map and to what it promises of itself.
func (m *model) check() {
	m.t.Helper()
	if m.set.Len() != int64(len(m.want)) {
		m.t.Fatalf("there are %d keys, want %d", m.set.Len(), len(m.want))
	}
	for k := range m.want {
		m.has(k)
	}
	all, err := m.set.all()
	if err != nil {
		m.t.Fatal(err)
	}
	last, n := Key{}, 0
	for {
		k, more, err := all.next()
		if err != nil {
			m.t.Fatal(err)
		}
		if !more {
			break
		}
		if n > 0 && !less(last, k) || !m.want[k] {
			m.t.Fatalf("key %d of all is out of order or was never added", n)
		}
		last, n = k, n+1
	}
	if n != len(m.want) {
		m.t.Fatalf("all are %d keys, want %d", n, len(m.want))
	}
	used := int64(0)
	for _, r := range m.set.runs {
		used += r.n * keySize
	}
	if got := m.set.disk.Used(); got != used {
		m.t.Fatalf("the disk counts %d bytes, runs have %d", got, used)
	}
}

func TestAdd(t *testing.T) {
	for _, c := range []struct {
		name   string
		n      int
		memory int64
		levels bool // more than one level of runs
	}{
		{"nothing", 0, 0, false},
		{"one", 1, 0, false},
		{"in memory", 50_000, 16 << 20, false},
		{"one run", 400, tiny, false},
		{"three levels", 25_000, tiny, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &model{t, New(Options{Memory: c.memory, Disk: &Disk{Dir: t.TempDir()}}), map[Key]bool{}}
			if c.memory == tiny {
				m.set.memory = tiny
			}
			r := rand.New(rand.NewPCG(1, 2))
			var added []Key
			for len(added) < c.n {
				k := Key{r.Uint64(), r.Uint64()}
				switch r.IntN(8) {
				case 0: // the same again, near or far behind
					if n := len(added); n > 0 {
						k = added[r.IntN(n)]
					}
				case 1: // alike in its first word
					if n := len(added); n > 0 {
						k[0] = added[n-1-r.IntN(min(n, 1000))][0]
					}
				}
				m.set.Touch([]Key{k})
				m.add(k)
				added = append(added, k)
			}
			m.check()
			if levels := len(m.set.runs) > 0 && m.set.runs[0].level > 1; levels != c.levels {
				t.Errorf("more than one level: %v, want %v", levels, c.levels)
			}
			if err := m.set.Close(); err != nil {
				t.Error(err)
			}
			if m.set.disk.Used() != 0 || m.set.Len() != 0 {
				t.Error("something is left of a closed set")
			}
		})
	}
}

// tiny is less memory than anybody may choose: it holds some 250 keys.
const tiny = 8 << 10

// TestUneven adds keys that are not random at all: that is slow, never wrong.
func TestUneven(t *testing.T) {
	m := &model{t, New(Options{Memory: minMemory, Disk: &Disk{Dir: t.TempDir()}}), map[Key]bool{}}
	defer m.set.Close()
	for i := range uint64(3000) {
		for _, k := range []Key{{0, i}, {i, 0}, {none, i}, {none - i, 1}, {1 << 63, none - i}} {
			m.add(k)
		}
	}
	m.check()
	if len(m.set.runs) == 0 {
		t.Error("nothing was spilled")
	}
}

// TestNoNames sees that nothing is left in the folder even while the set is open,
// so that a process that is killed leaves nothing.
func TestNoNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be unlinked there")
	}
	dir := t.TempDir()
	s := New(Options{Memory: minMemory, Disk: &Disk{Dir: dir}})
	defer s.Close()
	for i := range uint64(20_000) {
		if _, err := s.Add(mix(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.runs) == 0 || s.disk.Used() == 0 {
		t.Fatal("nothing was spilled")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%d files are left, error %v", len(left), err)
	}
}

// TestNamed sees that a file that keeps its name goes when it is closed.
func TestNamed(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := (named{f}).Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(f.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

// broken is a disk on which the operations fail at which their count says so.
type broken struct {
	file
	fail func() error
}

func (b broken) Write(p []byte) (int, error) {
	if err := b.fail(); err != nil {
		return 0, err
	}
	return b.file.Write(p)
}

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if err := b.fail(); err != nil {
		return 0, err
	}
	return b.file.ReadAt(p, at)
}

// TestFaults lets each of the first operations of the disk fail, once. After each,
// the same key is added again, and the set must know what a map knows.
func TestFaults(t *testing.T) {
	t.Run("many runs", func(t *testing.T) { faults(t, tiny, 200) })
	t.Run("a table that is kept when the filter grows", func(t *testing.T) { faults(t, 4*tiny, 12) })
}

func faults(t *testing.T, memory, last int) {
	dir := t.TempDir()
	for at := 1; at <= last; at += 1 + at/10 {
		count, failed := 0, 0
		fail := func() error {
			if count++; count == at {
				return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
			}
			return nil
		}
		disk := &Disk{Dir: dir, create: func(dir string) (file, error) {
			if err := fail(); err != nil {
				return nil, err
			}
			f, err := createFile(dir)
			return broken{f, fail}, err
		}}
		s, want := New(Options{Disk: disk}), map[Key]bool{}
		s.memory = memory
		for i := range uint64(memory / 2) {
			k := mix(i)
			if i%50 == 49 {
				k = mix(i / 2) // was there before
			}
			fresh, err := s.Add(k)
			if err != nil {
				if failed++; fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != "spill-full" {
					t.Fatalf("operation %d: %v", at, err)
				}
				fresh, err = s.Add(k)
			}
			if err != nil || fresh == want[k] {
				t.Fatalf("operation %d, key %d: fresh %v, error %v", at, i, fresh, err)
			}
			want[k] = true
		}
		if failed != 1 {
			t.Fatalf("operation %d failed %d times", at, failed)
		}
		m := model{t, s, want}
		m.check()
		if err := s.Close(); err != nil || disk.Used() != 0 {
			t.Fatalf("operation %d: %d bytes are left, error %v", at, disk.Used(), err)
		}
	}
}

func TestLimit(t *testing.T) {
	disk := &Disk{Dir: t.TempDir(), Limit: 300_000}
	a, b := New(Options{Memory: minMemory, Disk: disk}), New(Options{Memory: minMemory, Disk: disk})
	defer a.Close()
	defer b.Close()
	var err error
	n := uint64(0)
	for ; err == nil && n < 1e6; n++ {
		if _, err = a.Add(mix(n)); err == nil {
			_, err = b.Add(mix(n))
		}
		if disk.Used() > disk.Limit {
			t.Fatalf("%d bytes are used", disk.Used())
		}
	}
	if fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) != "too-many-keys" || n < 8000 {
		t.Errorf("after %d keys: %v", n, err)
	}
}

func TestUnwritable(t *testing.T) {
	s := New(Options{Memory: minMemory, Disk: &Disk{Dir: t.TempDir() + "/absent"}})
	defer s.Close()
	var err error
	for i := uint64(0); err == nil && i < 1e5; i++ {
		_, err = s.Add(mix(i))
	}
	if fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != "spill-failed" {
		t.Errorf("got %v", err)
	}
}

func TestMissing(t *testing.T) {
	for _, memory := range []int64{minMemory, 64 << 20} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			o := Options{Memory: memory, Disk: &Disk{Dir: t.TempDir()}}
			refs, keys := New(o), New(o)
			defer refs.Close()
			defer keys.Close()
			for _, step := range []struct{ refs, keys, want uint64 }{
				{0, 0, 0}, {0, 10, 0}, {20, 10, 10}, {20, 20, 0}, {70_000, 30_000, 40_000}, {70_000, 69_999, 1}, {70_000, 90_000, 0},
			} {
				for i := uint64(refs.Len()); i < step.refs; i++ {
					if _, err := refs.Add(mix(i)); err != nil {
						t.Fatal(err)
					}
				}
				for i := uint64(keys.Len()); i < step.keys; i++ {
					if _, err := keys.Add(mix(i)); err != nil {
						t.Fatal(err)
					}
				}
				if n, err := Missing(refs, keys); err != nil || n != int64(step.want) {
					t.Errorf("%d refer to %d: %d are missing, error %v, want %d", step.refs, step.keys, n, err, step.want)
				}
			}
		})
	}
}

// TestMemory holds what the set says of its memory to what it was given, at a
// number of keys that does not fit, and Go's heap to next to nothing.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const memory = 4 << 20
	peak := fill(t, 2e6, Options{Memory: memory, Disk: &Disk{Dir: t.TempDir()}})
	runtime.ReadMemStats(&after)
	if peak > memory {
		t.Errorf("the set held %d bytes, more than %d", peak, memory)
	}
	if heap := int64(after.HeapSys) - int64(before.HeapSys); heap > 16<<20 {
		t.Errorf("Go's heap has grown by %d bytes", heap)
	}
}

// FuzzAdd adds keys of the input's choice to a small set and to a map.
func FuzzAdd(f *testing.F) {
	f.Add([]byte("0123456701234567"), uint16(5000))
	f.Fuzz(func(t *testing.T, data []byte, others uint16) {
		m := &model{t, New(Options{Memory: minMemory, Disk: &Disk{Dir: t.TempDir()}}), map[Key]bool{}}
		defer m.set.Close()
		chosen := data[:min(len(data), 1024)]
		for i := range uint64(others) {
			m.add(mix(i))
			if len(chosen) >= 2 {
				m.add(Key{uint64(binary.BigEndian.Uint16(chosen)) << 48, i % 5})
				chosen = chosen[1:]
			}
		}
		m.check()
	})
}

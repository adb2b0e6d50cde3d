// Package keyset remembers which keys there have been, exactly, in bounded memory
// and at any number: whether a value is unique is asked of every row while rows
// stream by, and the answer is needed at once.
//
// A key is 128 bits of a keyed hash, made by the caller with a secret that no
// sender knows: keys must be as good as random, or searches become slow. An answer
// is false only where two values have the same 128 bits.
//
// Keys lie in a table in memory. When it is full, they go to disk as a run in
// order; eight runs of one level are merged to one of the next. A filter in memory
// tells most keys that are in no run without a read; any other costs about one
// read of 1 KiB per run. When the filter has reached what memory allows, answers
// become slower and not wrong.
package keyset

import (
	"encoding/binary"
	"slices"
)

// Key is 128 bits of a keyed hash. (The highest of the 2^64 values of its first
// word is taken as the one below.)
type Key [2]uint64

func (k Key) norm() Key {
	if k[0] == none {
		k[0]--
	}
	return k
}

const (
	defaultMemory = 64 << 20
	minMemory     = 64 << 10
	firstTable    = 1 << 10
	fanIn         = 8 // runs that are merged to one
)

// Options bound a set.
type Options struct {
	Memory int64 // bytes; 0: 64 MiB; at least 64 KiB. About 15 bits for each key keep answers fast.
	Disk   *Disk // nil: one with the defaults
}

// Set is a set of keys. It costs nothing until keys are added. It is for one
// goroutine. A set must be closed: its memory is not Go's.
type Set struct {
	memory  int
	disk    *Disk
	table   table
	filter  filter
	runs    []*run
	spilled int64 // keys in runs
	absent  Key   // the last that was looked up in runs and not found; its first word is none if there is none
	probe   []byte
	touched uint64 // what Touch read
}

// New makes an empty set.
func New(o Options) *Set {
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.Disk == nil {
		o.Disk = &Disk{}
	}
	return &Set{memory: int(max(o.Memory, minMemory)), disk: o.Disk, absent: Key{none}}
}

// Len is how many keys there are.
func (s *Set) Len() int64 { return s.spilled + int64(s.table.n) }

// Memory is how many bytes the set holds now, buffers of a merge left aside.
func (s *Set) Memory() int64 {
	n := len(s.table.slots) + len(s.filter.words)
	for _, r := range s.runs {
		n += len(r.fences)
	}
	return int64(n)
}

// Has reports whether k was added.
func (s *Set) Has(k Key) (bool, error) {
	k = k.norm()
	if _, found := s.table.find(k); found {
		return true, nil
	}
	return s.inRuns(k)
}

// Add adds k and reports whether it is fresh, which is that it was not there. After
// an error k is not added, and the same may be tried again. Errors are faults:
// "spill-full" and "spill-failed" (Retry), "too-many-keys" where the limit of the
// disk is reached (Invalid).
func (s *Set) Add(k Key) (fresh bool, err error) {
	k = k.norm()
	at, found := s.table.find(k)
	if found {
		return false, nil
	}
	if found, err = s.inRuns(k); found || err != nil {
		return false, err
	}
	for s.table.homes == 0 || s.table.crowded() || !s.table.insert(at, k) {
		if err := s.makeRoom(); err != nil {
			return false, err
		}
		at, _ = s.table.find(k)
	}
	s.absent = Key{none}
	return true, nil
}

// Touch brings near what Has and Add will read for keys, all at once rather than
// one after the other: for some hundred keys, shortly before they are asked for.
func (s *Set) Touch(keys []Key) {
	if len(s.table.slots) < 1<<20 { // it is near anyway
		return
	}
	var sum uint64
	for _, k := range keys {
		k = k.norm()
		sum += binary.LittleEndian.Uint64(s.table.slots[s.table.home(k):]) + s.filter.touch(k)
	}
	s.touched += sum
}

func (s *Set) inRuns(k Key) (bool, error) {
	if len(s.runs) == 0 || !s.filter.has(k) || k == s.absent {
		return false, nil
	}
	for i := len(s.runs) - 1; i >= 0; i-- {
		if found, err := s.runs[i].has(k, &s.probe); found || err != nil {
			return found, err
		}
	}
	s.absent = k
	return false, nil
}

// room is the largest that the table may be: what the filter and the fences leave,
// and at least an eighth of the memory.
func (s *Set) room() int {
	others := int(s.Memory()) - len(s.table.slots)
	return max(min(s.memory*5/8, s.memory*15/16-others), s.memory/8)
}

// makeRoom lets the table grow or, where it may not, spills it. A table grows to
// twice its size, so that the two together stay below what the set may hold.
func (s *Set) makeRoom() error {
	size := 2 * len(s.table.slots)
	if size == 0 {
		for size = s.room(); size >= 2*firstTable; size /= 2 {
		}
	} else if size > s.room() || !s.table.crowded() {
		return s.spill()
	}
	larger, err := newTable(size)
	if err != nil {
		return err
	}
	if !s.table.appendTo(&larger) {
		larger.release()
		return s.spill()
	}
	s.table.release()
	s.table = larger
	return nil
}

// spill writes the table as a run.
func (s *Set) spill() error {
	n := int64(s.table.n)
	c, err := s.table.cursor()
	if err != nil {
		return err
	}
	wide := s.wide(s.spilled + n)
	r, err := s.write(merge{c}, n, 0, wide)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, r)
	s.spilled += n
	s.table.clear()
	if !wide {
		s.filter.release()
		if len(s.table.slots)+s.nextFilter() > s.memory*15/16 {
			s.table.release()
		}
		if err := s.widen(); err != nil {
			return err
		}
		if s.table.homes == 0 {
			if s.table, err = newTable(s.room()); err != nil {
				return err
			}
		}
	}
	return s.mergeLevels()
}

// write makes a run of n keys, and adds them to the filter if they are to be.
func (s *Set) write(m merge, n int64, level int, filtered bool) (*run, error) {
	w, err := newWriter(s.disk, n, level, make([]byte, 0, min(writeBuffer, n*keySize)))
	if err != nil {
		return nil, err
	}
	for {
		k, more, err := m.next()
		if err == nil && more {
			if filtered {
				s.filter.add(k)
			}
			err = w.add(k)
		}
		if err != nil {
			w.abort()
			return nil, err
		}
		if !more {
			break
		}
	}
	r, err := w.finish()
	if err != nil {
		w.abort()
		return nil, err
	}
	return r, nil
}

// mostFilter is how many bytes the filter may have.
func (s *Set) mostFilter() int64 { return int64(s.memory) * 5 / 8 }

// wide reports whether the filter is large enough for n keys, or as large as it
// may be.
func (s *Set) wide(n int64) bool {
	have := int64(len(s.filter.words))
	return have*8 >= n*goodBits || have > s.mostFilter()-blockSize
}

// nextFilter is how many bytes the filter gets when it is made anew: for twice as
// many keys as there are, if it may.
func (s *Set) nextFilter() int {
	return int(min(s.mostFilter(), max(s.spilled*goodBits/4, minMemory/8)))
}

// widen makes the filter anew, from the runs.
func (s *Set) widen() (err error) {
	if s.filter, err = newFilter(s.nextFilter()); err != nil {
		return err
	}
	for _, r := range s.runs {
		c, err := r.cursor()
		for ; err == nil && c.head[0] != none; err = c.next() {
			s.filter.add(c.head)
		}
		if err != nil {
			s.filter.release() // it would deny keys that there are
			return err
		}
	}
	return nil
}

// mergeLevels merges the runs of a level when there are enough of them. Runs are
// ordered by their level, the highest first.
func (s *Set) mergeLevels() error {
	for {
		last := s.runs[len(s.runs)-1].level
		from := slices.IndexFunc(s.runs, func(r *run) bool { return r.level == last })
		if len(s.runs)-from < fanIn {
			return nil
		}
		var m merge
		var n int64
		for _, r := range s.runs[from:] {
			c, err := r.cursor()
			if err != nil {
				return err
			}
			m = append(m, c)
			n += r.n
		}
		merged, err := s.write(m, n, last+1, false)
		if err != nil {
			return err
		}
		parts := slices.Clone(s.runs[from:])
		s.runs = append(s.runs[:from], merged)
		if err := s.closeRuns(parts); err != nil {
			return err
		}
	}
}

// all is a merge of every key.
func (s *Set) all() (merge, error) {
	c, err := s.table.cursor()
	if err != nil {
		return nil, err
	}
	m := merge{c}
	for _, r := range s.runs {
		if c, err = r.cursor(); err != nil {
			return nil, err
		}
		m = append(m, c)
	}
	return m, nil
}

// Missing is how many of refs are not in keys: references that lead nowhere. Both
// hold hashes made with the same secret. It reads each of them once.
func Missing(refs, keys *Set) (n int64, err error) {
	wanted, err := refs.all()
	if err != nil {
		return 0, err
	}
	there, err := keys.all()
	if err != nil {
		return 0, err
	}
	want, wants, err := wanted.next()
	if err != nil {
		return 0, err
	}
	have, has, err := there.next()
	for err == nil && wants {
		switch {
		case has && less(have, want):
			have, has, err = there.next()
			continue
		case !has || have != want:
			n++
		}
		want, wants, err = wanted.next()
	}
	return n, err
}

// Close gives back memory and files. A set that is closed is empty.
func (s *Set) Close() error {
	err := s.closeRuns(s.runs)
	s.table.release()
	s.filter.release()
	s.runs, s.spilled, s.absent = nil, 0, Key{none}
	return err
}

// closeRuns closes all, and answers the first error.
func (s *Set) closeRuns(runs []*run) error {
	var first error
	for _, r := range runs {
		if err := r.close(s.disk); err != nil && first == nil {
			first = err
		}
	}
	return first
}

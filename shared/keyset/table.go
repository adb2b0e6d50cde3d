package keyset

import (
	"encoding/binary"
	"math/bits"
)

const keySize = 16

// none is the first word of an empty slot. No key has it.
const none = ^uint64(0)

// smallTable is up to which size a table lies in Go's heap.
const smallTable = 64 << 10

// table is a set of keys in slots of 16 bytes, which are always in order: an
// ordered hash table (Amble and Knuth, 1974) whose hash is the key's own high
// bits. The last slot is always empty, and none is ever wrapped around.
type table struct {
	slots  []byte
	homes  uint64 // slots at which keys are at home; behind them is room for the last ones
	n      int
	mapped bool
}

// newTable has room for size bytes of slots.
func newTable(size int) (table, error) {
	size -= size % keySize
	t := table{mapped: size > smallTable}
	if t.mapped {
		var err error
		if t.slots, err = obtain(size); err != nil {
			return table{}, err
		}
	} else {
		t.slots = make([]byte, size)
	}
	slots := uint64(size / keySize)
	t.homes = slots - min(slots/4, 512)
	t.clear()
	return t, nil
}

func (t *table) clear() {
	first := t.slots[:min(4096, len(t.slots))]
	for i := range first {
		first[i] = 0xff
	}
	for b := t.slots; len(b) > 0; {
		b = b[copy(b, first):]
	}
	t.n = 0
}

func (t *table) release() {
	if t.mapped {
		release(t.slots)
	}
	*t = table{}
}

// crowded reports whether one more key would make searches long.
func (t *table) crowded() bool { return uint64(5*t.n) >= 4*t.homes }

// home is the offset at which the search for a key begins.
func (t *table) home(k Key) int {
	at, _ := bits.Mul64(k[0], t.homes)
	return int(at) * keySize
}

// find answers where k stands, or where it would.
func (t *table) find(k Key) (at int, found bool) {
	if t.homes == 0 {
		return 0, false
	}
	slots := t.slots
	at = t.home(k)
	for {
		slot := slots[at : at+keySize]
		first := binary.LittleEndian.Uint64(slot)
		if first >= k[0] {
			if first > k[0] {
				return at, false
			}
			if second := binary.LittleEndian.Uint64(slot[8:]); second >= k[1] {
				return at, second == k[1]
			}
		}
		at += keySize
	}
}

// insert puts k where find said that it would stand. It answers false if there is
// no room behind it.
func (t *table) insert(at int, k Key) bool {
	end := at
	for binary.LittleEndian.Uint64(t.slots[end:]) != none {
		end += keySize
	}
	if end+keySize >= len(t.slots) {
		return false
	}
	if end > at {
		copy(t.slots[at+keySize:end+keySize], t.slots[at:end])
	}
	putKey(t.slots[at:], k)
	t.n++
	return true
}

// appendTo inserts every key into an empty table that is larger. It answers false
// if there is no room.
func (t *table) appendTo(to *table) bool {
	next := 0
	for at := 0; at < len(t.slots); at += keySize {
		k := keyAt(t.slots[at:])
		if k[0] == none {
			continue
		}
		next = max(next, to.home(k))
		if next+keySize >= len(to.slots) {
			return false
		}
		putKey(to.slots[next:], k)
		next += keySize
		to.n++
	}
	return true
}

func keyAt(b []byte) Key {
	_ = b[keySize-1]
	return Key{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func putKey(b []byte, k Key) {
	_ = b[keySize-1]
	binary.LittleEndian.PutUint64(b, k[0])
	binary.LittleEndian.PutUint64(b[8:], k[1])
}

func less(a, b Key) bool { return a[0] < b[0] || a[0] == b[0] && a[1] < b[1] }

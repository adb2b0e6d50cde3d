package contract

import (
	"fmt"
	"hash/maphash"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// uniqueKey is what may stand once in a drop.
type uniqueKey struct {
	fields  []int
	path    string
	rule    *rule
	counted bool // for a metric: doubles are counted, not refused
}

func (v *Validator) hash(key []byte) [2]uint64 {
	return [2]uint64{maphash.Bytes(v.seeds[0], key), maphash.Bytes(v.seeds[1], key)}
}

// unique looks for each key of row i among those of the rows before. A key with
// a null in it is not compared. Keys are remembered as 128 bits of a hash whose
// seed no sender knows.
func (v *Validator) unique(b *record.Batch, i int, invalid []bool, report func(Violation)) error {
	var hashes [8][2]uint64
	known := hashes[:0]
	for k := range v.c.keys {
		key := &v.c.keys[k]
		v.key = v.key[:0]
		null := false
		for _, id := range key.fields {
			n := b.Top(i, id)
			if null = n == nil || n.Kind == record.Null || n.Kind == record.Absent; null {
				break
			}
			var value []byte
			value, v.scratch = b.Value(n, v.scratch)
			v.key = append(v.key, byte(len(value)), byte(len(value)>>8), byte(len(value)>>16), byte(len(value)>>24))
			v.key = append(v.key, value...)
		}
		var h [2]uint64
		if !null {
			h = v.hash(v.key)
			if v.sets[k].has(h) {
				if key.counted {
					v.doubles[k]++
				} else {
					if key.rule.severity == Error {
						invalid[i] = true
					}
					v.report(b, i, key.path, key.rule, report)
				}
			}
		}
		known = append(known, h)
	}
	if invalid[i] {
		return nil
	}
	for k, h := range known {
		if h != [2]uint64{} && v.sets[k].add(h) {
			if v.keys++; v.keys > v.max {
				return fault.New(fault.Invalid, "too-many-keys", fmt.Sprintf("more than %d keys must be remembered to see that they are unique", v.max),
					"send it in several files, or raise limits.uniqueKeys in exchange.yaml")
			}
		}
	}
	return nil
}

// keySet is a set of 128-bit hashes: open addressing, linear probing.
type keySet struct {
	slots [][2]uint64
	n     int
}

func (s *keySet) find(h [2]uint64) (at int, found bool) {
	mask := len(s.slots) - 1
	for at = int(h[0]) & mask; s.slots[at] != [2]uint64{}; at = (at + 1) & mask {
		if s.slots[at] == h {
			return at, true
		}
	}
	return at, false
}

func (s *keySet) has(h [2]uint64) bool {
	if s.n == 0 {
		return false
	}
	_, found := s.find(h)
	return found
}

// add reports whether h is new.
func (s *keySet) add(h [2]uint64) bool {
	if 4*(s.n+1) > 3*len(s.slots) {
		old := s.slots
		s.slots = make([][2]uint64, max(1024, 2*len(old)))
		for _, k := range old {
			if k != [2]uint64{} {
				at, _ := s.find(k)
				s.slots[at] = k
			}
		}
	}
	at, found := s.find(h)
	if !found {
		s.slots[at] = h
		s.n++
	}
	return !found
}

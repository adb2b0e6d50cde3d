package mask

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// maxCombinations is how many combinations of quasi-identifiers a view of a drop may
// have: with them a table takes 19 MB. Where there are more, nearly every row would be
// kept back all the same.
const maxCombinations = 1 << 19

// combination is a keyed hash of the values of a row's quasi-identifiers. In 2^19 the
// chance that two are taken for one is 2^-91.
type combination [16]byte

// counts are how many rows have each combination, up to k. The same rows make the same
// counts in whatever order they come.
type counts struct {
	k     uint16
	key   uint32 // version of the key that made the hashes
	most  int    // combinations; then overflown
	slots []slot
	n     int
	// overflown: there were too many; nothing is counted any more.
	overflown bool
}

// slot is a combination, or free if rows is 0.
type slot struct {
	of   combination
	rows uint16
}

func newCounts(k, key int) *counts {
	return &counts{k: uint16(k), key: uint32(key), most: maxCombinations}
}

// at is the slot of a combination, or the free one where it belongs. There is always a
// free one.
func (c *counts) at(of *combination) *slot {
	mask := len(c.slots) - 1
	for i := int(binary.LittleEndian.Uint32(of[:])) & mask; ; i = (i + 1) & mask {
		if s := &c.slots[i]; s.rows == 0 || s.of == *of {
			return s
		}
	}
}

// add counts rows of a combination.
func (c *counts) add(of *combination, rows uint16) {
	if c.overflown || rows == 0 {
		return
	}
	if 4*c.n >= 3*len(c.slots) {
		old := c.slots
		c.slots = make([]slot, max(64, 2*len(old)))
		for i := range old {
			if old[i].rows > 0 {
				*c.at(&old[i].of) = old[i]
			}
		}
	}
	s := c.at(of)
	if s.rows == 0 {
		if c.n++; c.n > c.most {
			c.overflown, c.slots, c.n = true, nil, 0
			return
		}
		s.of = *of
	}
	s.rows += min(rows, c.k-s.rows)
}

// crowd tells whether at least k rows have a combination.
func (c *counts) crowd(of *combination) bool { return len(c.slots) > 0 && c.at(of).rows == c.k }

// The form of counts as an object: a byte that says which form it is, one that says
// whether they are overflown, and the version of the key, as 32 bits; then, sorted, each
// combination and its rows, as 16 bits. All big-endian.
const (
	countsForm = 'k'
	headSize   = 2 + 4
	slotSize   = len(combination{}) + 2
)

// maxCounts is the size of the largest object of counts.
const maxCounts = headSize + maxCombinations*int64(slotSize)

// encode writes the combinations that have at least so many rows.
func (c *counts) encode(least uint16) []byte {
	out := append(make([]byte, 0, headSize+c.n*slotSize), countsForm, 0)
	out = binary.BigEndian.AppendUint32(out, c.key)
	if c.overflown {
		out[1] = 1
		return out
	}
	due := make([]*slot, 0, c.n)
	for i := range c.slots {
		if s := &c.slots[i]; s.rows >= least {
			due = append(due, s)
		}
	}
	slices.SortFunc(due, func(a, b *slot) int { return bytes.Compare(a.of[:], b.of[:]) })
	for _, s := range due {
		out = binary.BigEndian.AppendUint16(append(out, s.of[:]...), s.rows)
	}
	return out
}

// merge adds what encode wrote.
func (c *counts) merge(data []byte) error {
	if len(data) < headSize || data[0] != countsForm || data[1] > 1 || (len(data)-headSize)%slotSize != 0 || data[1] == 1 && len(data) > headSize {
		return fault.New(fault.Poison, "counts-damaged", "an object of counts in masked is none", "find out who else writes into the masked bucket")
	}
	if binary.BigEndian.Uint32(data[2:]) != c.key {
		return fault.New(fault.Denied, "counts-key", "the drop was counted with another version of the key, which is retired", "drop the file again under another name")
	}
	if data[1] == 1 {
		c.overflown, c.slots, c.n = true, nil, 0
	}
	for data = data[headSize:]; len(data) > 0; data = data[slotSize:] {
		c.add((*combination)(data), binary.BigEndian.Uint16(data[len(combination{}):]))
	}
	return nil
}

package contract

import (
	"hash/maphash"

	"github.com/sallyport-io/sallyport/shared/keyset"
	"github.com/sallyport-io/sallyport/shared/record"
)

// uniqueKey is what may stand once in a drop.
type uniqueKey struct {
	fields  []int
	path    string
	rule    *rule
	counted bool // for a metric: doubles are counted, not refused
}

// keysSeen are the keys of a reference: what there is, and what was referred to
// before it was there.
type keysSeen struct{ there, wanted *keyset.Set }

// makeSets makes a set for each key, and two for each reference. They share memory
// and disk in equal parts.
func (v *Validator) makeSets(o ValidatorOptions) {
	n := len(v.c.keys) + 2*len(v.c.refs)
	if n == 0 {
		return
	}
	if o.KeyMemory == 0 {
		o.KeyMemory = 64 << 20
	}
	options := keyset.Options{Memory: o.KeyMemory / int64(n), Disk: &keyset.Disk{Dir: o.SpillDir, Limit: o.SpillSize}}
	for range v.c.keys {
		v.sets = append(v.sets, keyset.New(options))
	}
	for range v.c.refs {
		v.refs = append(v.refs, keysSeen{keyset.New(options), keyset.New(options)})
	}
	v.hashes = make([]keyset.Key, len(v.sets)*hashedAhead)
}

// Close gives back the memory and the disk that unique keys and references took.
func (v *Validator) Close() error {
	var first error
	closeSet := func(s *keyset.Set) {
		if err := s.Close(); err != nil && first == nil {
			first = err
		}
	}
	for _, s := range v.sets {
		closeSet(s)
	}
	for _, r := range v.refs {
		closeSet(r.there)
		closeSet(r.wanted)
	}
	return first
}

// hash is 128 bits that nobody can foresee who does not know the seeds.
func (v *Validator) hash(key []byte) keyset.Key {
	return keyset.Key{maphash.Bytes(v.seeds[0], key), maphash.Bytes(v.seeds[1], key)}
}

// hashedAhead is for how many rows keys are hashed, and what the sets will read
// for them is brought near, before the first of them is asked for.
const hashedAhead = 256

// hashAhead hashes the keys of up to hashedAhead rows from row i. The zero key is
// one that is not compared.
func (v *Validator) hashAhead(b *record.Batch, i int) {
	rows := b.Rows[i:min(i+hashedAhead, len(b.Rows))]
	for k := range v.c.keys {
		fields := v.c.keys[k].fields
		hashes := v.hashes[k*hashedAhead:][:len(rows)]
		column := uint32(0) // where the field was in the row before
		for r := range rows {
			hashes[r] = keyset.Key{}
			if rows[r].Bad != "" {
				continue
			}
			if len(fields) > 1 {
				hashes[r] = v.hashFields(b, i+r, fields)
				continue
			}
			n := v.findNear(b, i+r, fields[0], &column)
			if n == nil || n.Kind == record.Null || n.Kind == record.Absent {
				continue
			}
			var value []byte
			value, v.scratch = b.Value(n, v.scratch)
			hashes[r] = v.hash(value)
		}
		v.sets[k].Touch(hashes)
	}
	v.ahead = i + len(rows)
}

// findNear is find, which looks first where the field was in the row before: in CSV
// it is there.
func (v *Validator) findNear(b *record.Batch, i, id int, column *uint32) *record.Node {
	if len(b.Keys) > 0 {
		return v.find(b, i, id)
	}
	row := &b.Rows[i]
	if at := row.First + *column; at < row.Past && int(b.Nodes[at].Field) == id {
		return &b.Nodes[at]
	}
	for at := row.First; at < row.Past; at++ {
		if int(b.Nodes[at].Field) == id {
			*column = at - row.First
			return &b.Nodes[at]
		}
	}
	return nil
}

// hashFields hashes a key of several fields, the length of each before it. It is
// the zero key if one of them is null.
func (v *Validator) hashFields(b *record.Batch, i int, fields []int) keyset.Key {
	v.key = v.key[:0]
	for _, id := range fields {
		n := v.find(b, i, id)
		if n == nil || n.Kind == record.Null || n.Kind == record.Absent {
			return keyset.Key{}
		}
		v.key = v.appendKey(v.key, b, n)
	}
	return v.hash(v.key)
}

func (v *Validator) appendKey(key []byte, b *record.Batch, n *record.Node) []byte {
	var value []byte
	value, v.scratch = b.Value(n, v.scratch)
	key = append(key, byte(len(value)), byte(len(value)>>8), byte(len(value)>>16), byte(len(value)>>24))
	return append(key, value...)
}

// unique looks for each key of row i among those of the rows before. A key with
// a null in it is not compared. A row that is refused takes no key, so that they
// are added when all of them have passed.
func (v *Validator) unique(b *record.Batch, i int, invalid []bool, report func(Violation)) error {
	if i >= v.ahead {
		v.from = i
		v.hashAhead(b, i)
	}
	known := v.hashes[i-v.from:] // one per hashedAhead
	if len(v.sets) == 1 {
		if known[0] == (keyset.Key{}) {
			return nil
		}
		fresh, err := v.sets[0].Add(known[0])
		if err == nil && !fresh {
			v.double(b, i, 0, invalid, report)
		}
		return err
	}
	for k, s := range v.sets {
		h := known[k*hashedAhead]
		if h == (keyset.Key{}) {
			continue
		}
		found, err := s.Has(h)
		if err != nil {
			return err
		}
		if found {
			v.double(b, i, k, invalid, report)
		}
	}
	if invalid[i] {
		return nil
	}
	for k, s := range v.sets {
		if h := known[k*hashedAhead]; h != (keyset.Key{}) {
			if _, err := s.Add(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// double counts or reports that row i has a key that was there before.
func (v *Validator) double(b *record.Batch, i, k int, invalid []bool, report func(Violation)) {
	key := &v.c.keys[k]
	if key.counted {
		v.doubles[k]++
		return
	}
	if key.rule.severity == Error {
		invalid[i] = true
	}
	v.report(b, i, key.path, key.rule, report)
}

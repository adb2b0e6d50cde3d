package avro

import (
	"bytes"
	"math"

	"github.com/sallyport-io/sallyport/shared/record"
)

// json decodes one value behind b.Data as JSON: what the contract does not
// describe has no nodes of its own. Bytes are base64, dates and times RFC 3339.
func (d *decoder) json(p *plan) {
	if !d.charge() {
		return
	}
	b := d.b
	switch p.kind {
	case union:
		if branch := d.branch(p); branch != nil {
			d.json(branch)
		}
		return
	case record_, array, mapKind:
		if d.depth++; d.depth > d.lim.Nesting {
			d.broken(record.BadDepth)
		}
		switch p.kind {
		case record_:
			d.jsonRecord(p)
		case array:
			d.jsonArray(p)
		default:
			d.jsonMap(p)
		}
		d.depth--
		return
	}
	start := len(b.Data)
	k := d.scalar(p)
	if d.err != nil {
		return
	}
	d.scratch = append(d.scratch[:0], b.Data[start:]...)
	b.Data = b.Data[:start]
	switch k {
	case record.Null:
		b.Data = append(b.Data, "null"...)
	case record.TypedString:
		b.Data = record.AppendJSONString(b.Data, d.scratch)
	case record.TypedInt, record.TypedDecimal, record.TypedBool:
		b.Data = record.AppendTyped(b.Data, k, d.scratch)
	case record.TypedFloat:
		if v := record.FloatOf(d.scratch); math.IsNaN(v) || math.IsInf(v, 0) {
			d.broken(record.BadJSON) // which has no such numbers
			b.Data = append(b.Data, "null"...)
			return
		}
		b.Data = record.AppendTyped(b.Data, k, d.scratch)
	default:
		b.Data = append(b.Data, '"')
		b.Data = append(record.AppendTyped(b.Data, k, d.scratch), '"')
	}
}

func (d *decoder) jsonRecord(p *plan) {
	b := d.b
	b.Data = append(b.Data, '{')
	for i, c := range p.inside {
		if i > 0 {
			b.Data = append(b.Data, ',')
		}
		b.Data = append(b.Data, c.key...)
		if d.json(c); d.err != nil {
			return
		}
	}
	b.Data = append(b.Data, '}')
}

func (d *decoder) jsonArray(p *plan) {
	b := d.b
	b.Data = append(b.Data, '[')
	for n, first := d.items(p), true; n > 0; n = d.items(p) {
		for range n {
			if !first {
				b.Data = append(b.Data, ',')
			}
			first = false
			if d.json(p.inside[0]); d.err != nil {
				return
			}
		}
	}
	b.Data = append(b.Data, ']')
}

// jsonMap decodes a map. Its names must differ, as in JSON.
func (d *decoder) jsonMap(p *plan) {
	b := d.b
	b.Data = append(b.Data, '{')
	var names map[string]struct{}
	var few [8][]byte
	count := 0
	for n := d.items(p); n > 0; n = d.items(p) {
		for range n {
			name := d.bytes()
			if d.err != nil {
				return
			}
			if count > 0 {
				b.Data = append(b.Data, ',')
			}
			twice := false
			if count < len(few) {
				for _, other := range few[:count] {
					twice = twice || bytes.Equal(other, name)
				}
				few[count] = name
			} else {
				if names == nil {
					names = make(map[string]struct{}, 2*len(few))
					for _, other := range few {
						names[string(other)] = struct{}{}
					}
				}
				if _, twice = names[string(name)]; !twice && count < d.lim.Columns {
					names[string(name)] = struct{}{}
				}
			}
			if twice {
				d.broken(record.BadDuplicate)
			}
			if count++; count > d.lim.Columns {
				d.broken(record.BadMembers)
			}
			d.name(name)
			if d.json(p.inside[0]); d.err != nil {
				return
			}
		}
	}
	b.Data = append(b.Data, '}')
}

// name appends the name of a member.
func (d *decoder) name(v []byte) {
	v = d.text(v)
	d.b.Data = append(record.AppendJSONString(d.b.Data, v), ':')
}

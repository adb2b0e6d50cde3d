package contract

import (
	"bytes"
	"math"
	"strconv"

	"github.com/sallyport-io/sallyport/shared/record"
)

// members holds an object or array to how many it may have, and a vector to its
// length.
func (v *Validator) members(b *record.Batch, n uint32, node *record.Node, f *field) *rule {
	if f.few == nil && f.many == nil && f.uniqueItems == nil && f.normalized == nil {
		return nil
	}
	items := v.items[:0]
	if node.Kind == record.JSONArray && v.c.Schema.Fields[node.Field].Items < 0 && node.Start < node.End {
		items = appendItems(items, b, node) // the contract does not describe them: there are no nodes
	} else {
		for k := n + 1; k < node.Next; k = b.Nodes[k].Next {
			if item := b.Nodes[k]; item.Kind != record.Absent {
				if item.Start == item.End && (item.Kind == record.JSONObject || item.Kind == record.JSONArray) {
					item.Start, item.End = k, k // no text of its own
				}
				items = append(items, item)
			}
		}
	}
	v.items = items
	switch {
	case f.few != nil && len(items) < f.minCount:
		return f.few
	case f.many != nil && len(items) > f.maxCount:
		return f.many
	case f.uniqueItems != nil && v.itemTwice(b, items):
		return f.uniqueItems
	case f.normalized != nil && !v.normalized(b, items):
		return f.normalized
	}
	return nil
}

// normalized tells whether a vector's length is 1, but for what 32 bits and a few
// thousand dimensions round off.
func (v *Validator) normalized(b *record.Batch, items []record.Node) bool {
	sum := 0.0
	for i := range items {
		var text []byte
		text, v.scratch = b.Value(&items[i], v.scratch)
		x, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return true // the item itself breaks a rule
		}
		sum += x * x
	}
	return math.Abs(math.Sqrt(sum)-1) <= 0.001
}

// appendItems appends a node for each item of an array, which is valid JSON.
func appendItems(items []record.Node, b *record.Batch, array *record.Node) []record.Node {
	depth, start := 0, -1
	for i := array.Start + 1; i < array.End; i++ {
		c := b.Data[i]
		switch {
		case depth == 0 && (c == ',' || c == ']'):
			if start >= 0 {
				items = append(items, makeItem(b, uint32(start), i))
			}
			start = -1
			continue
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		}
		if start < 0 {
			start = int(i)
		}
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '"':
			for i++; b.Data[i] != '"'; i++ {
				if b.Data[i] == '\\' {
					i++
				}
			}
		}
	}
	return items
}

// makeItem is the node of the item at data[start:end], white space behind it
// included.
func makeItem(b *record.Batch, start, end uint32) record.Node {
	text := bytes.TrimRight(b.Data[start:end], " \t\r\n")
	item := record.Node{Start: start, End: start + uint32(len(text)), Kind: record.JSONNumber}
	switch text[0] {
	case '"':
		item.Kind, item.Escaped = record.JSONString, bytes.IndexByte(text, '\\') >= 0
	case '{':
		item.Kind = record.JSONObject
	case '[':
		item.Kind = record.JSONArray
	case 't', 'f':
		item.Kind = record.JSONBool
	case 'n':
		item.Kind = record.Null
	}
	return item
}

// itemTwice compares strings without their escapes, numbers by what they mean,
// and objects and arrays as they are written, but for white space.
func (v *Validator) itemTwice(b *record.Batch, items []record.Node) bool {
	seen := make(map[[2]uint64]struct{}, len(items))
	for i := range items {
		item := &items[i]
		value := b.Raw(item)
		if item.Kind == record.JSONString {
			value, v.scratch = b.Value(item, v.scratch)
		} else if item.Kind == record.JSONObject || item.Kind == record.JSONArray {
			value = v.itemText(b, item)
		}
		v.key = append(v.key[:0], byte(item.Kind))
		if d, ok := parseDecimal(value); ok && item.Kind == record.JSONNumber {
			v.key = d.appendKey(v.key)
		} else {
			v.key = append(v.key, value...)
		}
		h := v.hash(v.key)
		if _, twice := seen[h]; twice {
			return true
		}
		seen[h] = struct{}{}
	}
	return false
}

// itemText is an object or array as text. One of Parquet or Avro has no text of
// its own, and members put its index into its span: there it is its values, each
// with its field, kind and length.
func (v *Validator) itemText(b *record.Batch, item *record.Node) []byte {
	if item.Start < item.End {
		return withoutSpace(b.Raw(item))
	}
	var text []byte
	k := item.Start
	for _, n := range b.Nodes[k+1 : item.Next] {
		text = append(text, byte(n.Field), byte(n.Field>>8), byte(n.Kind))
		text = strconv.AppendUint(text, uint64(n.Next-k), 10)
		text = append(strconv.AppendUint(append(text, ' '), uint64(n.End-n.Start), 10), ' ')
		text = append(text, b.Raw(&n)...)
	}
	return text
}

// withoutSpace leaves out white space between JSON tokens.
func withoutSpace(v []byte) []byte {
	out := make([]byte, 0, len(v))
	quoted := false
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case quoted && c == '\\' && i+1 < len(v):
			out = append(out, c)
			i++
			c = v[i]
		case c == '"':
			quoted = !quoted
		case !quoted && bytes.IndexByte([]byte(" \t\r\n"), c) >= 0:
			continue
		}
		out = append(out, c)
	}
	return out
}

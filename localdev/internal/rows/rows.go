// Package rows reads small files as people read them: row by row, each a list of
// values with their paths.
package rows

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path"
	"strconv"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Row is one row: its values in the order of the text.
type Row []Value

// Value is one scalar of a row.
type Value struct {
	Label string // its path, with the places of items: "name[0].family"
	Field int    // in the schema
	Text  string
	Null  bool
}

// Find is the value with the label, or the null of something that would hold it.
func (r Row) Find(label string) (Value, bool) {
	for _, v := range r {
		if v.Label == label || v.Null && len(label) > len(v.Label) && label[:len(v.Label)] == v.Label && (label[len(v.Label)] == '.' || label[len(v.Label)] == '[') {
			return v, true
		}
	}
	return Value{}, false
}

// Read reads the rows of a small file of a contract. of tells which, by their
// numbers from 1; nil: all.
func Read(data []byte, c *contract.Compiled, of func(b *record.Batch, row int, number int64) bool) ([]Row, error) {
	format, skip, _, err := record.Sniff(data[:min(len(data), record.HeadSize)], c.Expect())
	if err != nil {
		return nil, err
	}
	return ReadAs(bytes.NewReader(data[skip:]), format, c.Schema, of)
}

// ReadAs is Read of a known format.
func ReadAs(from io.Reader, format record.Format, s *record.Schema, of func(b *record.Batch, row int, number int64) bool) ([]Row, error) {
	reader, err := record.NewReader(from, format, s, record.Limits{})
	if err != nil {
		return nil, err
	}
	var rows []Row
	for {
		b, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range b.Rows {
			if b.Rows[i].Bad == "" && (of == nil || of(b, i, b.First+int64(i))) {
				rows = append(rows, flatten(b, i, s))
			}
		}
	}
}

// ReadReceived reads all rows of an object that a partner received. It has
// perhaps fewer columns than the contract.
func ReadReceived(key string, data []byte, c *contract.Compiled) ([]Row, error) {
	if path.Ext(key) != ".csv" {
		return Read(data, c, nil)
	}
	r := csv.NewReader(bytes.NewReader(data))
	names, err := r.Read()
	if err != nil {
		return nil, err
	}
	var rows []Row
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		var made Row
		for i, text := range fields {
			made = append(made, Value{Label: names[i], Field: c.Column([]byte(names[i])), Text: text})
		}
		rows = append(rows, made)
	}
}

// Leaving tells which rows of a drop leave to a view: those that no rule refused,
// that the view's filter lets through and no rule of its profile keeps.
func Leaving(v *policy.View, refused map[int64]bool) (func(*record.Batch, int, int64) bool, error) {
	var filter *policy.Matcher
	if v.Filter != nil {
		filter = v.Filter.Matcher()
	}
	dropper, err := v.RowDropper()
	if err != nil {
		return nil, err
	}
	return func(b *record.Batch, row int, number int64) bool {
		return !refused[number] && (filter == nil || filter.Match(b, row)) && (dropper == nil || !dropper.Drops(b, row))
	}, nil
}

// flatten takes the scalars of a row out of its tree.
func flatten(b *record.Batch, i int, s *record.Schema) Row {
	var r Row
	var scratch []byte
	var each func(at uint32, label string)
	inside := func(at uint32, label string, array bool) {
		item := 0
		for in := at + 1; in < b.Nodes[at].Next; in = b.Nodes[in].Next {
			switch name := s.Fields[b.Nodes[in].Field].Name; {
			case array:
				each(in, label+"["+strconv.Itoa(item)+"]")
				item++
			case label == "":
				each(in, name)
			default:
				each(in, label+"."+name)
			}
		}
	}
	each = func(at uint32, label string) {
		n := &b.Nodes[at]
		switch n.Kind {
		case record.Absent:
		case record.JSONObject:
			inside(at, label, false)
		case record.JSONArray:
			inside(at, label, true)
		case record.Null:
			r = append(r, Value{Label: label, Field: int(n.Field), Text: "null", Null: true})
		default:
			var text []byte
			text, scratch = b.Value(n, scratch)
			r = append(r, Value{Label: label, Field: int(n.Field), Text: string(text)})
		}
	}
	first, past := b.Rows[i].First, b.Rows[i].Past
	if first < past && b.Nodes[first].Kind == record.JSONObject && b.Nodes[first].Field == 0 {
		inside(first, "", false)
		return r
	}
	for at := first; at < past; at = b.Nodes[at].Next {
		each(at, s.Fields[b.Nodes[at].Field].Name)
	}
	return r
}

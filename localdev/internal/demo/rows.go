package demo

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

// row is one row as people read it: its values in the order of the text.
type row []value

// value is one scalar of a row.
type value struct {
	label string // its path, with the places of items: "name[0].family"
	field int    // in the schema
	text  string
	null  bool
}

// find is the value with the label, or the null of something that would hold it.
func (r row) find(label string) (value, bool) {
	for _, v := range r {
		if v.label == label || v.null && len(label) > len(v.label) && label[:len(v.label)] == v.label && (label[len(v.label)] == '.' || label[len(v.label)] == '[') {
			return v, true
		}
	}
	return value{}, false
}

// readRows reads the rows of a small file of a contract. of tells which, by their
// numbers from 1; nil: all.
func readRows(data []byte, c *contract.Compiled, of func(b *record.Batch, row int, number int64) bool) ([]row, error) {
	format, skip, _, err := record.Sniff(data[:min(len(data), record.HeadSize)], c.Expect())
	if err != nil {
		return nil, err
	}
	reader, err := record.NewReader(bytes.NewReader(data[skip:]), format, c.Schema, record.Limits{})
	if err != nil {
		return nil, err
	}
	var rows []row
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
				rows = append(rows, flatten(b, i, c.Schema))
			}
		}
	}
}

// readReceived reads all rows of an object that a partner received. It has
// perhaps fewer columns than the contract.
func readReceived(key string, data []byte, c *contract.Compiled) ([]row, error) {
	if path.Ext(key) != ".csv" {
		return readRows(data, c, nil)
	}
	r := csv.NewReader(bytes.NewReader(data))
	names, err := r.Read()
	if err != nil {
		return nil, err
	}
	var rows []row
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		var made row
		for i, text := range fields {
			made = append(made, value{label: names[i], field: c.Column([]byte(names[i])), text: text})
		}
		rows = append(rows, made)
	}
}

// leaving tells which rows of a drop leave to a view: those that no rule refused
// and that the view's filter lets through.
func leaving(v *policy.View, refused map[int64]bool) func(*record.Batch, int, int64) bool {
	if v.Filter == nil {
		return func(_ *record.Batch, _ int, number int64) bool { return !refused[number] }
	}
	filter := v.Filter.Matcher()
	return func(b *record.Batch, row int, number int64) bool { return !refused[number] && filter.Match(b, row) }
}

// flatten takes the scalars of a row out of its tree.
func flatten(b *record.Batch, i int, s *record.Schema) row {
	var r row
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
			r = append(r, value{label: label, field: int(n.Field), text: "null", null: true})
		default:
			var text []byte
			text, scratch = b.Value(n, scratch)
			r = append(r, value{label: label, field: int(n.Field), text: string(text)})
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

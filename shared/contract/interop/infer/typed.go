package infer

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
	"github.com/sallyport-io/sallyport/shared/record/parquet"
)

// columns reads a Parquet file. Bytes that have no logical type are text where all of
// a column are: older writers name none. Which are not is found by reading.
func columns(file File, o Options) (*Result, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	for binary := map[string]bool{}; ; {
		schema, err := parquet.Describe(file, size, binary)
		if err != nil {
			return nil, err
		}
		rows, err := parquet.NewReader(file, size, record.Expect{Schema: schema}, o.Limits, record.Expansion{})
		if err != nil {
			return nil, err
		}
		known := len(binary)
		s, err := typed(schema, record.Parquet, rows, o, func(n *record.Node, raw []byte) {
			if n.Kind == record.TypedString && (!utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0) {
				binary[schema.Fields[n.Field].Path] = true
			}
		})
		if err != nil {
			return nil, err
		}
		if len(binary) == known {
			return s.finish()
		}
	}
}

// blocks reads an Avro object container file.
func blocks(file File, o Options) (*Result, error) {
	start := func() (io.Reader, error) {
		_, err := file.Seek(0, io.SeekStart)
		return file, err
	}
	in, err := start()
	if err != nil {
		return nil, err
	}
	schema, err := avro.Describe(in)
	if err != nil {
		return nil, err
	}
	if in, err = start(); err != nil {
		return nil, err
	}
	rows, err := avro.NewReader(in, record.Expect{Schema: schema}, o.Limits, record.Expansion{})
	if err != nil {
		return nil, err
	}
	s, err := typed(schema, record.Avro, rows, o, func(*record.Node, []byte) {})
	if err != nil {
		return nil, err
	}
	return s.finish()
}

// typed surveys rows of which the types are known. Their values are looked at as
// JSON would have them. Those of rows that are not well formed are shown to bad.
func typed(schema *record.Schema, codec record.Codec, rows record.Reader, o Options, bad func(n *record.Node, raw []byte)) (*survey, error) {
	s, err := newSurvey(o)
	if err != nil {
		return nil, err
	}
	s.result.Format = record.Format{Codec: codec}
	if err := s.describe(s.root, schema, 0, 0); err != nil {
		return nil, err
	}
	convert := record.NewConverter(schema, s.result.Format, record.Format{Codec: record.NDJSON})
	var text []byte
	for {
		b, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return s, nil
		} else if err != nil {
			return nil, err
		}
		for i := range b.Rows {
			if !s.more() {
				return s, nil
			}
			if row := &b.Rows[i]; row.Bad != "" {
				s.result.Malformed++
				for n := row.First; n < row.Past; n++ {
					bad(&b.Nodes[n], b.Raw(&b.Nodes[n]))
				}
				continue
			}
			text = convert.AppendRow(text[:0], b, i)
			if err := s.row(text); err != nil {
				return nil, err
			}
		}
	}
}

// describe makes the columns of what is inside a field.
func (s *survey) describe(c *column, schema *record.Schema, id, depth int) (err error) {
	f := &schema.Fields[id]
	for _, m := range f.Members {
		member, err := s.member(c, schema.Fields[m].Name, depth+1)
		if err != nil {
			return err
		}
		member.field = &schema.Fields[m]
		if err := s.describe(member, schema, m, depth+1); err != nil {
			return err
		}
	}
	if f.Items < 0 {
		return nil
	}
	if c.items, err = s.column(c.name, depth+1); err != nil {
		return err
	}
	c.items.top, c.items.field = false, &schema.Fields[f.Items]
	return s.describe(c.items, schema, f.Items, depth+1)
}

// typed makes the property of a column whose type is known.
func (w *writer) typed(c *column, p *contract.Property, path string) {
	f := c.field
	options := &p.LogicalTypeOptions
	p.LogicalType = f.Type.String()
	switch f.Type {
	case record.Object:
		p.Properties = w.properties(c, path)
	case record.Array:
		p.Items = w.items(c, path)
	case record.Opaque:
		w.opaque(c, p, path)
	case record.String:
		k := candidate{logical: p.LogicalType, format: f.Format}
		if f.Format == "" && c.strings > 0 {
			k = w.choose(c, path, nil, false)
		}
		w.named(c, p, path, k)
	case record.Integer, record.Number:
		if strings.HasPrefix(f.Format, "decimal") {
			p.PhysicalType = f.Format
		} else {
			options.Format = f.Format
		}
		w.named(c, p, path, candidate{logical: p.LogicalType, format: options.Format})
	case record.Timestamp:
		zone := f.Format != record.FormatLocal
		options.Timezone = &zone
		w.named(c, p, path, candidate{logical: p.LogicalType, zone: zone})
	default:
		w.named(c, p, path, candidate{logical: p.LogicalType})
	}
}

// opaque is a map, or a column of JSON: an object or an array if all its values are,
// of which a contract does not say what is inside, and else text.
func (w *writer) opaque(c *column, p *contract.Property, path string) {
	switch present := c.single() + c.objects + c.arrays; {
	case c.objects == present:
		p.LogicalType = "object"
		w.propose(path, "a map or JSON: what is inside is not described")
	case c.arrays == present:
		p.LogicalType = "array"
		w.propose(path, "JSON: what is inside is not described")
	default:
		p.LogicalType = "string"
		w.propose(path, "JSON of several kinds: taken as a string")
	}
}

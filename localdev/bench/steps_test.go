package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/detect"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
	"github.com/sallyport-io/sallyport/shared/record/parquet"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// steps are what the benchmarks of single steps work on: 8 MB of payments.
type steps struct {
	data     []byte
	format   record.Format
	compiled *contract.Compiled
	unique   *contract.Compiled // with one column unique
	view     *policy.View
}

func newSteps(b *testing.B) *steps {
	dir := b.TempDir()
	var data bytes.Buffer
	if err := stories.Payments(&data, 8e6, 1); err != nil {
		b.Fatal(err)
	}
	if err := stories.WriteBench(dir); err != nil {
		b.Fatal(err)
	}
	bundle, err := exchange.Load(os.DirFS(dir))
	if err != nil {
		b.Fatal(err)
	}
	p, err := policy.Compile(bundle)
	if err != nil {
		b.Fatal(err)
	}
	s := &steps{data: data.Bytes(), compiled: p.Contract(stories.BenchContract, "payment")}
	s.unique = unique(b, dir)
	s.view = p.Views(stories.BenchContract, "payment")[0]
	if s.format, _, _, err = record.Sniff(s.data[:record.HeadSize], s.compiled.Expect()); err != nil {
		b.Fatal(err)
	}
	return s
}

// batches calls do with every batch of the file.
func (s *steps) batches(b *testing.B, do func(*record.Batch)) { each(b, s.csv(b), do) }

// each calls do with every batch of r.
func each(b *testing.B, r record.Reader, do func(*record.Batch)) {
	for {
		batch, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
		do(batch)
	}
}

// secret is a key of tokens.
type secret struct{}

func (secret) Version() int   { return 1 }
func (secret) Secret() []byte { return bytes.Repeat([]byte{7}, 32) }

func (s *steps) projection(b *testing.B) *record.Projection {
	rules := make([]record.Rule, len(s.view.Fields))
	for id, f := range s.view.Fields {
		rules[id].Op = f.Op
		if f.Op != record.Replace {
			continue
		}
		var key transform.TokenKey
		if f.Transform.Type == transform.Token {
			key = secret{}
		}
		t, err := transform.Compile(f.Transform, s.view.Schema.Fields[id].Type, key)
		if err != nil {
			b.Fatal(err)
		}
		rules[id] = t.Rule(s.view.Schema, transform.Place{})
	}
	return record.NewProjection(s.view.Schema, s.format, rules)
}

// BenchmarkSteps measures the single steps of the chain over the same bytes,
// beside one SHA-256 of them. Each step includes those that it needs: validate
// and render include split.
func BenchmarkSteps(b *testing.B) {
	s := newSteps(b)
	run := s.measure(b, len(s.data))
	run("sha256", func() { sha256.Sum256(s.data) })
	run("split", func() { s.batches(b, func(*record.Batch) {}) })
	run("validate", func() { s.validate(b, s.compiled, s.csv(b)) })
	run("validate, one column unique", func() { s.validate(b, s.unique, s.csv(b)) })
	p := s.projection(b)
	out, rows := make([]byte, 0, 1<<20), []uint32(nil)
	run("render", func() {
		s.batches(b, func(batch *record.Batch) {
			rows = rows[:0]
			for i := range batch.Rows {
				rows = append(rows, uint32(i))
			}
			out = p.AppendRows(out[:0], batch, rows, true)
		})
	})
	run("watch what leaves in the clear", func() { s.watch(b) })
}

// watch is what the leak guard does in mask; it includes split.
func (s *steps) watch(b *testing.B) {
	guard := detect.NewGuard(make([]detect.Set, len(s.view.Guard.Fields)))
	s.batches(b, func(batch *record.Batch) {
		for i := range batch.Rows {
			if !guard.Row() {
				continue
			}
			for column, w := range s.view.Guard.Fields {
				n := batch.Nodes[int(batch.Rows[i].First)+w.Field-1] // the columns stand as the contract has them
				guard.Observe(column, batch.Data[n.Start:n.End])
			}
		}
	})
	if len(guard.Findings()) > 0 {
		b.Fatal("the payments hold what they should not")
	}
}

// BenchmarkFormats reads and validates the same payments in the other formats.
// GB are those of NDJSON as it is stored, and for Parquet and Avro those of the
// decoded values.
func BenchmarkFormats(b *testing.B) {
	s := newSteps(b)
	ndjson := record.Format{Codec: record.NDJSON}
	convert := record.NewConverter(s.compiled.Schema, s.format, ndjson)
	var lines, columns, blocks bytes.Buffer
	p, err := parquet.NewWriter(&columns, s.compiled.Schema, s.format)
	if err != nil {
		b.Fatal(err)
	}
	a, err := avro.NewWriter(&blocks, s.compiled.Schema)
	if err != nil {
		b.Fatal(err)
	}
	s.batches(b, func(batch *record.Batch) {
		for i := range batch.Rows {
			lines.Write(convert.AppendRow(nil, batch, i))
			if err := errors.Join(p.Append(batch, i), a.Append(batch, i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	if err := errors.Join(p.Close(), a.Close()); err != nil {
		b.Fatal(err)
	}
	readers := []struct {
		name string
		open func() (record.Reader, error)
	}{
		{"ndjson", func() (record.Reader, error) {
			return record.NewReader(bytes.NewReader(lines.Bytes()), ndjson, s.compiled.Schema, record.Limits{})
		}},
		{"parquet", func() (record.Reader, error) {
			return parquet.NewReader(bytes.NewReader(columns.Bytes()), int64(columns.Len()), s.compiled.Expect(), record.Limits{}, record.Expansion{})
		}},
		{"avro", func() (record.Reader, error) {
			return avro.NewReader(bytes.NewReader(blocks.Bytes()), s.compiled.Expect(), record.Limits{}, record.Expansion{})
		}},
	}
	for _, f := range readers {
		open := func() record.Reader {
			r, err := f.open()
			if err != nil {
				b.Fatal(err)
			}
			return r
		}
		decoded := 0
		each(b, open(), func(batch *record.Batch) { decoded += len(batch.Data) })
		run := s.measure(b, decoded)
		as := bytes.Repeat(s.data, 1+decoded/len(s.data))[:decoded]
		run(f.name+"/sha256", func() { sha256.Sum256(as) })
		run(f.name+"/read", func() { each(b, open(), func(*record.Batch) {}) })
		run(f.name+"/validate", func() { s.validate(b, s.compiled, open()) })
	}
}

// measure makes benchmarks of steps that handle size bytes.
func (s *steps) measure(b *testing.B, size int) func(name string, f func()) {
	return func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(size)*1e9, "s/GB")
		})
	}
}

// csv reads the file.
func (s *steps) csv(b *testing.B) record.Reader {
	r, err := record.NewReader(bytes.NewReader(s.data), s.format, s.compiled.Schema, record.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// validate holds all rows of r to c.
func (s *steps) validate(b *testing.B, c *contract.Compiled, r record.Reader) {
	v := c.NewValidator(contract.ValidatorOptions{})
	defer v.Close()
	invalid := make([]bool, 1<<16)
	each(b, r, func(batch *record.Batch) {
		if err := v.Check(batch, invalid[:len(batch.Rows)], func(contract.Violation) { b.Fatal("a row is invalid") }); err != nil {
			b.Fatal(err)
		}
	})
}

// unique is the contract of the payments with a column that must be unique.
func unique(b *testing.B, dir string) *contract.Compiled {
	const name = "contracts/payments.odcs.yaml"
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		b.Fatal(err)
	}
	const option = "logicalTypeOptions: {format: uuid}"
	c, err := contract.Parse(name, bytes.Replace(text, []byte(option), []byte(option+"\n        unique: true"), 1))
	if err != nil {
		b.Fatal(err)
	}
	compiled, err := contract.Compile(c, "payment")
	if err != nil {
		b.Fatal(err)
	}
	return compiled
}

package main

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"testing"

	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// steps are what the benchmarks of single steps work on: 8 MB of payments.
type steps struct {
	data     []byte
	format   record.Format
	compiled *contract.Compiled
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
	s.view = p.Views(stories.BenchContract, "payment")[0]
	if s.format, _, _, err = record.Sniff(s.data[:record.HeadSize], s.compiled.Expect()); err != nil {
		b.Fatal(err)
	}
	return s
}

// batches calls each with every batch of the file.
func (s *steps) batches(b *testing.B, each func(*record.Batch)) {
	r, err := record.NewReader(bytes.NewReader(s.data), s.format, s.compiled.Schema, record.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	for {
		batch, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
		each(batch)
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
		a := t.Appender()
		rules[id] = record.Rule{Op: f.Op, Append: a.Append, Out: t.Out(), Plain: t.Plain(), Nulls: t.HidesNull()}
		if many, ok := a.(transform.BatchAppender); ok {
			rules[id].AppendAll, rules[id].Size = many.AppendAll, many.Size()
		}
	}
	return record.NewProjection(s.view.Schema, s.format, rules)
}

// BenchmarkSteps measures the single steps of the chain over the same bytes,
// beside one SHA-256 of them. Each step includes those that it needs: validate
// and render include split.
func BenchmarkSteps(b *testing.B) {
	s := newSteps(b)
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s.data)))
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(len(s.data))*1e9, "s/GB")
		})
	}
	run("sha256", func() { sha256.Sum256(s.data) })
	run("split", func() { s.batches(b, func(*record.Batch) {}) })
	invalid := make([]bool, 8192)
	run("validate", func() {
		v := s.compiled.NewValidator(contract.ValidatorOptions{})
		s.batches(b, func(batch *record.Batch) {
			if err := v.Check(batch, invalid[:len(batch.Rows)], func(contract.Violation) { b.Fatal("a row is invalid") }); err != nil {
				b.Fatal(err)
			}
		})
	})
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
}

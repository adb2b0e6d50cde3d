package deliver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
	"github.com/sallyport-io/sallyport/shared/record/parquet"
	"github.com/sallyport-io/sallyport/shared/store"
)

// flushAt is how many bytes are gathered before they are written.
const flushAt = 256 << 10

// body reads a segment and takes its digest on the way.
type body struct {
	src  io.ReadCloser
	sum  hash.Hash // nil: whoever the bytes pass to takes it
	size int64
	s    *Segment
}

// open begins to read a segment. The body must be closed.
func (s *Segment) open(ctx context.Context) (*body, error) {
	src, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &body{src: src, sum: sha256.New(), s: s}, nil
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if b.sum != nil {
		b.sum.Write(p[:n])
	}
	if b.size += int64(n); b.size > b.s.Size {
		return 0, b.mismatch()
	}
	if err != nil && err != io.EOF {
		err = fault.Wrap(fault.Retry, "bucket-read", err, "cannot read the segment")
	}
	return n, err
}

func (b *body) Close() error { return b.src.Close() }

// check reads what is left and tells whether these are the bytes that were
// masked. Nothing of them may become visible before.
func (b *body) check() error {
	if _, err := io.Copy(io.Discard, b); err != nil {
		return err
	}
	if b.size != b.s.Size || "sha256:"+hex.EncodeToString(b.sum.Sum(nil)) != b.s.Digest {
		return b.mismatch()
	}
	return nil
}

func (b *body) mismatch() error {
	return &fault.Error{Kind: fault.Poison, Code: CodeDigest,
		Msg: "the masked segment does not have the bytes any more that were masked",
		Do:  "find out who else writes into the masked bucket; then mask the drop again"}
}

// rows calls f for each row of the segment. The batch is valid during the call.
func (b *body) rows(ctx context.Context, f func(batch *record.Batch, i int) error) error {
	// Mask has let every row through already, and transforms may have made it
	// longer: no row is longer than the segment.
	limits := record.Limits{Row: int(b.s.Size) + 1, Columns: 1 << 16, Nesting: 1 << 10}
	r, err := record.NewReader(b, b.s.Format, b.s.Schema, limits)
	if err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if fault.KindOf(err) == fault.Invalid {
				return b.damaged(batchRow(err))
			}
			return err
		}
		for i := range batch.Rows {
			if batch.Rows[i].Bad != "" {
				return b.damaged(batch.First + int64(i))
			}
			if err := f(batch, i); err != nil {
				return err
			}
		}
	}
}

func batchRow(err error) int64 {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Where.Row
	}
	return 0
}

// damaged says why the rows cannot be read, once the digest tells which of two
// reasons it is.
func (b *body) damaged(row int64) error {
	if err := b.check(); err != nil {
		return err
	}
	return &fault.Error{Kind: fault.Poison, Code: CodeDamaged, Where: fault.Where{Row: row},
		Msg: "a masked row is not one of its contract", Do: "report this: mask wrote what fanout cannot read"}
}

// pass copies the segment as it stands to w, and tells whether it is what was
// masked: the digest that w takes of it anyway says so.
func (b *body) pass(w *store.Writer) error {
	b.sum = nil
	if _, err := io.CopyBuffer(outward{w}, onlyReader{b}, make([]byte, flushAt)); err != nil {
		return err
	}
	if b.size != b.s.Size || w.Digest() != b.s.Digest {
		return b.mismatch()
	}
	return nil
}

// convert writes the segment in another format to w.
func (b *body) convert(ctx context.Context, w io.Writer, f record.Format) error {
	c := record.NewConverter(b.s.Schema, b.s.Format, f)
	buf := record.AppendHead(make([]byte, 0, 2*flushAt), b.s.Schema, f)
	first := true
	err := b.rows(ctx, func(batch *record.Batch, i int) error {
		buf = record.AppendBefore(buf, f, first)
		buf = c.AppendRow(buf, batch, i)
		first = false
		if len(buf) < flushAt {
			return nil
		}
		_, err := w.Write(buf)
		buf = buf[:0]
		return err
	})
	if err != nil {
		return err
	}
	_, err = w.Write(record.AppendTail(buf, f))
	return err
}

// rowWriter writes a file of typed values.
type rowWriter interface {
	Append(b *record.Batch, i int) error
	Close() error
}

// encode writes the segment as a file of typed values to w.
func (b *body) encode(ctx context.Context, w io.Writer, codec record.Codec) (err error) {
	seen := cmp.Or(b.s.Seen, b.s.Schema)
	var to rowWriter
	if codec == record.Avro {
		to, err = avro.NewWriter(w, seen)
	} else {
		to, err = parquet.NewWriter(w, seen, b.s.Format)
	}
	if err != nil {
		return err
	}
	if err := b.rows(ctx, to.Append); err != nil {
		return err
	}
	return to.Close()
}

// onlyReader hides io.WriterTo, so that the buffer is used.
type onlyReader struct{ io.Reader }

// format is how the segment's rows are written for codec; "": as they were
// dropped.
func (s *Segment) format(codec record.Codec) record.Format {
	switch codec = cmp.Or(codec, s.Dropped); codec {
	case "", s.Format.Codec:
		return s.Format
	case record.CSV:
		return record.Format{Codec: record.CSV, Delimiter: ',', Header: true, EOL: "\n", Columns: s.Columns}
	}
	return record.Format{Codec: codec, Columns: s.Columns}
}

// name is how the segment's number stands in keys and ids.
func (s *Segment) name() string { return fmt.Sprintf("%06d", s.Number) }

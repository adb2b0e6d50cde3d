package ingest

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// keeper writes rows, as they stand or converted, into objects of about size bytes
// each.
type keeper struct {
	bucket *blob.Bucket
	key    func(n int) string
	schema *record.Schema
	format record.Format
	size   int64
	// convert renders typed rows; nil: rows are kept as they stand. maxRow is how
	// long a rendered row may be that is read again; 0: any length.
	convert *record.Converter
	maxRow  int
	line    []byte

	w        *store.Writer // the object at hand, nil between two
	buf      *bufio.Writer
	first    bool
	current  int64 // rows of it
	rows     int64 // of all
	segments []kept
}

// kept is an object that is whole.
type kept struct {
	ref  event.Ref
	rows int64
}

func newKeeper(bucket *blob.Bucket, key func(int) string, s *record.Schema, f record.Format, size int64) *keeper {
	return &keeper{bucket: bucket, key: key, schema: s, format: f, size: size, buf: bufio.NewWriterSize(nil, 256<<10)}
}

// keep appends rows [from, to) of b, which stand side by side.
func (k *keeper) keep(ctx context.Context, b *record.Batch, from, to int) error {
	if k.convert != nil {
		return k.render(ctx, b, from, to)
	}
	for from < to {
		if k.w == nil {
			if err := k.begin(ctx); err != nil {
				return err
			}
		}
		last := from
		for room := k.size - k.w.Size() - int64(k.buf.Buffered()); last < to && room > 0; last++ {
			room -= int64(b.Rows[last].End - b.Rows[last].Start)
		}
		last = max(last, from+1)
		if err := k.write(b, from, last); err != nil {
			return err
		}
		k.current += int64(last - from)
		k.rows += int64(last - from)
		from = last
		if k.w.Size()+int64(k.buf.Buffered()) >= k.size {
			if err := k.close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// render appends rows [from, to) of b as they are converted.
func (k *keeper) render(ctx context.Context, b *record.Batch, from, to int) error {
	for i := from; i < to; i++ {
		k.line = k.convert.AppendRow(k.line[:0], b, i)
		if k.maxRow > 0 && len(k.line) > k.maxRow {
			return &fault.Error{Kind: fault.Invalid, Code: "row-too-long", Where: fault.Where{Row: b.First + int64(i)},
				Msg: fmt.Sprintf("as %s the row is longer than %d bytes", k.format.Codec, k.maxRow), Do: "send shorter values, or raise limits.row in exchange.yaml"}
		}
		if k.w == nil {
			if err := k.begin(ctx); err != nil {
				return err
			}
		}
		if _, err := k.buf.Write(k.line); err != nil {
			return err
		}
		k.current++
		k.rows++
		if k.w.Size()+int64(k.buf.Buffered()) >= k.size {
			if err := k.close(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *keeper) begin(ctx context.Context) (err error) {
	if k.w, err = store.NewWriter(ctx, k.bucket, k.key(len(k.segments))); err != nil {
		return err
	}
	k.buf.Reset(k.w)
	k.first = true
	_, err = k.buf.Write(record.AppendHead(nil, k.schema, k.format))
	return err
}

func (k *keeper) write(b *record.Batch, from, to int) error {
	if k.format.Codec != record.JSON {
		_, err := k.buf.Write(b.Data[b.Rows[from].Start:b.Rows[to-1].End])
		return err
	}
	for _, row := range b.Rows[from:to] {
		if _, err := k.buf.Write(record.AppendBefore(nil, k.format, k.first)); err != nil {
			return err
		}
		k.first = false
		if _, err := k.buf.Write(b.Data[row.Start:row.End]); err != nil {
			return err
		}
	}
	return nil
}

// close completes the object at hand.
func (k *keeper) close() error {
	if k.w == nil {
		return nil
	}
	if _, err := k.buf.Write(record.AppendTail(nil, k.format)); err != nil {
		return err
	}
	if err := k.buf.Flush(); err != nil {
		return err
	}
	ref, _, err := k.w.Commit()
	if err != nil {
		return err
	}
	k.segments = append(k.segments, kept{ref, k.current})
	k.w, k.current = nil, 0
	return nil
}

// abort leaves no trace of the object at hand.
func (k *keeper) abort() {
	if k.w != nil {
		k.w.Abort()
		k.w = nil
	}
}

// head is a reader whose first bytes can be looked at before they are read.
type head struct {
	r    io.Reader
	data []byte
	err  error
}

func newHead(r io.Reader) *head { return &head{r: r} }

// peek is the first n bytes, or all there are. An error of the reader that
// comes before them is reported now.
func (h *head) peek(n int) ([]byte, error) {
	if len(h.data) < n && h.err == nil {
		buf := make([]byte, n)
		got, err := io.ReadFull(h.r, buf[copy(buf, h.data):])
		h.data = buf[:len(h.data)+got]
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		h.err = err
	}
	if h.err != nil && h.err != io.EOF {
		return nil, h.err
	}
	return h.data, nil
}

func (h *head) skip(n int) { h.data = h.data[n:] }

func (h *head) Read(p []byte) (int, error) {
	if len(h.data) > 0 {
		n := copy(p, h.data)
		h.data = h.data[n:]
		return n, nil
	}
	if h.err != nil {
		return 0, h.err
	}
	return h.r.Read(p)
}

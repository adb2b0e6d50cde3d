package ingest

import (
	"bytes"
	"container/list"
	"context"
	"fmt"
	"io"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
	"github.com/sallyport-io/sallyport/shared/record/parquet"
	"github.com/sallyport-io/sallyport/shared/store"
)

// typedCodec tells the formats of typed values by how an object starts; "" for
// all others.
func typedCodec(head []byte) record.Codec {
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")), bytes.HasPrefix(head, []byte("PARE")): // PARE: encrypted
		return record.Parquet
	case bytes.HasPrefix(head, []byte("Obj\x01")):
		return record.Avro
	}
	return ""
}

// agree holds what a drop is to what the contract says of it.
func (t *taking) agree(is record.Codec) error {
	said := t.intake.Compiled.Format.Codec
	typed := said == record.Parquet || said == record.Avro
	if said == "" || said == is || is == "" && !typed {
		return nil
	}
	msg := fmt.Sprintf("the contract says that drops are %s, and this one is %s", said, is)
	if is == "" {
		msg = fmt.Sprintf("the contract says that drops are %s, and this one is not", said)
	}
	return fault.New(fault.Invalid, "format", msg, "send what the contract says, or change format.codec in the contract")
}

// parquet takes a drop that is a Parquet file. It is read in ranges, column by
// column; that all of them are of one object, unchanged makes sure.
func (t *taking) parquet(ctx context.Context, size int64) error {
	e := t.intake.Compiled.Expect()
	reader, err := parquet.NewReader(newRanges(ctx, t.f.drops, t.drop.Key, size), size, e, t.limits.Records(), t.expansion(size))
	if err != nil {
		return err
	}
	return t.typedRows(ctx, reader, record.Parquet)
}

// avro takes a drop that is an Avro object container.
func (t *taking) avro(ctx context.Context, src io.Reader, size int64) error {
	reader, err := avro.NewReader(src, t.intake.Compiled.Expect(), t.limits.Records(), t.expansion(size))
	if err != nil {
		return err
	}
	return t.typedRows(ctx, reader, record.Avro)
}

func (t *taking) expansion(size int64) record.Expansion {
	return record.Expansion{Stored: size, Size: int64(t.limits.Decompressed), Ratio: int64(t.limits.Ratio)}
}

// typedRows validates typed rows as they are and keeps them as NDJSON.
func (t *taking) typedRows(ctx context.Context, reader record.Reader, codec record.Codec) error {
	kept := record.Format{Codec: record.NDJSON}
	t.outcome.Drop.Format = record.WireFormat(kept, t.intake.Compiled.Schema)
	t.outcome.Drop.Format.Dropped = string(codec)
	t.note(fmt.Sprintf("read as %s; rows are kept as %s", codec, kept.Codec))
	return t.rows(ctx, reader, record.Format{Codec: codec}, kept)
}

// What ranges keeps of an object.
const (
	blockSize = 1 << 20
	maxBlocks = 48
)

// ranges reads an object at any place, in blocks, of which it keeps those that
// were used last. It is for one goroutine.
type ranges struct {
	ctx    context.Context
	bucket *blob.Bucket
	key    string
	size   int64
	blocks map[int64]*list.Element
	recent *list.List // of *block, the one used last in front
}

type block struct {
	at   int64
	data []byte
}

func newRanges(ctx context.Context, b *blob.Bucket, key string, size int64) *ranges {
	return &ranges{ctx: ctx, bucket: b, key: key, size: size, blocks: map[int64]*list.Element{}, recent: list.New()}
}

// ReadAt implements io.ReaderAt. Errors but io.EOF are faults.
func (r *ranges) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at < 0 || at >= r.size {
			return n, io.EOF
		}
		b, err := r.block(at / blockSize)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b[at%blockSize:])
	}
	return n, nil
}

func (r *ranges) block(i int64) ([]byte, error) {
	if e := r.blocks[i]; e != nil {
		r.recent.MoveToFront(e)
		return e.Value.(*block).data, nil
	}
	b := &block{at: i}
	if r.recent.Len() == maxBlocks {
		oldest := r.recent.Back()
		b.data = oldest.Value.(*block).data[:0]
		delete(r.blocks, oldest.Value.(*block).at)
		r.recent.Remove(oldest)
	}
	from := i * blockSize
	want := int(min(blockSize, r.size-from))
	if cap(b.data) < want {
		b.data = make([]byte, want)
	}
	b.data = b.data[:want]
	src, err := r.bucket.NewRangeReader(r.ctx, r.key, from, int64(want), nil)
	if err != nil {
		if store.NotFound(err) {
			return nil, fault.New(fault.Invalid, "object-gone", "the object is not there any more", "drop it again and leave it until it is taken")
		}
		return nil, fault.Wrap(fault.Retry, "bucket-read", err, "cannot open the drop")
	}
	defer src.Close()
	if _, err := io.ReadFull(src, b.data); err != nil {
		// Shorter than it was: unchanged would say that it was replaced.
		return nil, fault.Wrap(fault.Retry, "bucket-read", err, "cannot read the drop")
	}
	r.blocks[i] = r.recent.PushFront(b)
	return b.data, nil
}

package avro

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Reader reads the rows of an object container file as batches of typed nodes:
// trees like those of JSON, whose values record.AppendTyped writes as text. A
// batch has no more than some 128 KiB of values, or one row. Memory is bounded by
// that, and by the largest block of the file (16 MiB packed, 16 MiB unpacked).
//
// A row with text that is not UTF-8, has a zero byte or cannot be JSON has Bad
// set, and nodes to show it by. Row.Line is 0, for there are no lines. Errors of the source pass as they are. Not for concurrent use.
type Reader struct {
	src    *bufio.Reader
	count  *counter
	codec  *unpacker
	plan   *plan
	d      decoder
	max    record.Expansion
	out    int64 // bytes unpacked
	sync   [syncSize]byte
	stored []byte // the block at hand as it is in the file
	left   int64  // rows of it that are still to be read
	number int64  // of the next row
	batch  record.Batch
	fail   error
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// NewReader reads the header of a file and holds its schema to the contract: e
// has its Schema, and Column and Near (either may be nil) to find fields by the
// names in the file. What differs is a fault with code drift that names it. The
// zero fields of max mean no bound.
func NewReader(r io.Reader, e record.Expect, lim record.Limits, max record.Expansion) (*Reader, error) {
	c := &counter{r: r}
	rd := &Reader{src: bufio.NewReaderSize(c, 64<<10), count: c, max: max, number: 1}
	schema, codec, err := rd.header()
	if err != nil {
		return nil, err
	}
	if rd.codec, err = newUnpacker(codec); err != nil {
		return nil, err
	}
	t, err := parseSchema(schema)
	if err != nil {
		return nil, err
	}
	lim = lim.WithDefaults()
	if rd.plan, err = match(t, e, lim.Columns); err != nil {
		return nil, err
	}
	rd.d = decoder{s: e.Schema, lim: lim, b: &rd.batch}
	return rd, nil
}

// header reads magic, metadata and sync marker.
func (r *Reader) header() (schema []byte, codec string, err error) {
	var magic [len(Magic)]byte
	if _, err := io.ReadFull(r.src, magic[:]); err != nil {
		return nil, "", readError(err)
	}
	if string(magic[:]) != Magic {
		return nil, "", invalid("avro-magic", "it is no Avro object container file of version 1", "write it with an Avro library's file writer")
	}
	codec = "null"
	room := int64(maxHeader)
	for {
		n, err := r.long()
		if err != nil {
			return nil, "", err
		}
		if n == 0 {
			break
		}
		if n < 0 {
			if _, err := r.long(); err != nil {
				return nil, "", err
			}
			n = -n
		}
		if n < 0 || n > maxHeader {
			return nil, "", corrupt("its header has more entries than it could hold")
		}
		for range n {
			var key, value []byte
			if key, err = r.header1(&room); err == nil {
				value, err = r.header1(&room)
			}
			if err != nil {
				return nil, "", err
			}
			switch string(key) {
			case "avro.schema":
				schema = value
			case "avro.codec":
				codec = string(value)
			}
		}
	}
	if schema == nil {
		return nil, "", badSchema("its header has no schema")
	}
	_, err = io.ReadFull(r.src, r.sync[:])
	return schema, codec, readError(err)
}

// header1 reads the bytes of one key or value of the header.
func (r *Reader) header1(room *int64) ([]byte, error) {
	n, err := r.long()
	if err != nil {
		return nil, err
	}
	if *room -= 2; n < 0 || n > *room {
		return nil, corrupt(fmt.Sprintf("its header has more than %d bytes", maxHeader))
	}
	*room -= n
	return r.read(nil, int(n))
}

// read appends n bytes of the file to dst. What is allocated follows what is
// there, not what was declared.
func (r *Reader) read(dst []byte, n int) ([]byte, error) {
	for n > 0 {
		step := min(n, 1<<20)
		at := len(dst)
		if cap(dst)-at < step {
			dst = append(dst, make([]byte, step)...)
		}
		dst = dst[:at+step]
		if _, err := io.ReadFull(r.src, dst[at:]); err != nil {
			return dst, readError(err)
		}
		n -= step
	}
	return dst, nil
}

func (r *Reader) long() (int64, error) {
	var buf [10]byte
	for i := range buf {
		c, err := r.src.ReadByte()
		if err != nil {
			return 0, readError(err)
		}
		if buf[i] = c; c < 0x80 {
			v, n := varint(buf[:i+1])
			if n == 0 {
				break
			}
			return v, nil
		}
	}
	return 0, corrupt("a number does not end")
}

// Next is the next batch; io.EOF after the last. It is valid until Next is
// called again.
func (r *Reader) Next() (*record.Batch, error) {
	if r.fail != nil {
		return nil, r.fail
	}
	b := &r.batch
	b.Data, b.Rows, b.Nodes, b.Keys, b.First = b.Data[:0], b.Rows[:0], b.Nodes[:0], b.Keys[:0], r.number
	for r.fail == nil && len(b.Data) < batchSize && len(b.Nodes) < batchSize {
		if r.left == 0 {
			r.fail = r.block()
			continue
		}
		if !r.d.next(r.plan, r.number) {
			r.fail = r.d.err
			break
		}
		r.number++
		if r.left--; r.left == 0 && r.d.pos != len(r.d.data) {
			r.fail = corrupt("a block has more bytes than its rows")
		}
	}
	if len(b.Rows) == 0 {
		return nil, r.fail
	}
	return b, nil
}

// block reads and unpacks the next block; io.EOF where there is none.
func (r *Reader) block() error {
	if _, err := r.src.Peek(1); err != nil {
		return err
	}
	rows, err := r.long()
	if err != nil {
		return err
	}
	size, err := r.long()
	switch {
	case err != nil:
		return err
	case rows < 0 || size < 0:
		return corrupt("a block has a negative number of rows or bytes")
	case size > maxBlock:
		return tooLarge(size)
	}
	if r.stored, err = r.read(r.stored[:0], int(size)); err != nil {
		return err
	}
	var sync [syncSize]byte
	if _, err := io.ReadFull(r.src, sync[:]); err != nil {
		return readError(err)
	}
	if !bytes.Equal(sync[:], r.sync[:]) {
		return invalid("avro-sync", "a block does not end in the file's sync marker", "send the whole file again")
	}
	if r.d.data, err = r.codec.unpack(r.stored); err != nil {
		return err
	}
	r.d.pos = 0
	if rows > int64(len(r.d.data))/int64(max(r.plan.least, 1)) || rows == 0 && len(r.d.data) > 0 {
		return corrupt("a block has more or fewer rows than its bytes can hold")
	}
	r.left = rows
	return r.expansion(int64(len(r.d.data)))
}

// expansion counts bytes that were unpacked.
func (r *Reader) expansion(n int64) error {
	r.out += n
	switch stored := max(r.count.n, 1); {
	case r.max.Size > 0 && r.out > r.max.Size:
		return fault.New(fault.Invalid, "too-large-unpacked", fmt.Sprintf("more than %d bytes come out of it", r.max.Size),
			"send it in several files, or raise limits.decompressed in exchange.yaml")
	case r.max.Ratio > 0 && r.codec.packs() && r.out > 1<<20 && r.out > r.max.Ratio*stored:
		return fault.New(fault.Invalid, "avro-bomb", fmt.Sprintf("%d bytes came out of %d: more than %d times as many", r.out, stored, r.max.Ratio),
			"send it less compressed, or raise limits.ratio in exchange.yaml")
	}
	return nil
}

func tooLarge(size int64) error {
	return invalid("avro-block", fmt.Sprintf("a block has %d bytes, more than %d", size, maxBlock), "write smaller blocks")
}

package avro

import (
	"crypto/sha256"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// blockSize is how many bytes of rows a block has, or one row.
const blockSize = 64 << 10

// Writer writes rows of batches as an object container file, whose schema is
// that of Schema and whose blocks are packed with deflate, which every reader
// knows. The same rows make the same bytes: the sync marker is derived from the
// schema. Memory is bounded by a block, or the largest row. Not for concurrent use.
type Writer struct {
	w      io.Writer
	root   *column
	schema string
	sync   [syncSize]byte
	e      encoder
	rows   int64 // in e.out
	begun  bool
	pack   *flate.Writer
	packed sink
	head   []byte
	err    error
}

// sink is what the packer writes to.
type sink []byte

func (s *sink) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}

// NewWriter makes a writer of rows of s.
func NewWriter(w io.Writer, s *record.Schema) (*Writer, error) {
	a := &Writer{w: w, root: columnsOf(s), schema: Schema(s), e: encoder{at: make([]uint32, len(s.Fields))}}
	digest := sha256.Sum256([]byte("sallyport avro sync\n" + a.schema))
	copy(a.sync[:], digest[:])
	var err error
	a.pack, err = flate.NewWriter(&a.packed, flate.DefaultCompression)
	return a, err
}

// Append writes row i of b, which must be well formed. What its column cannot
// hold without loss is a fault of kind Invalid, with code lossy, that names row
// and path: the row is not written then, and the writer may go on. An error of w
// is final.
func (a *Writer) Append(b *record.Batch, i int) error {
	if a.err != nil {
		return a.err
	}
	at := len(a.e.out)
	a.e.row(a.root, b, i)
	if a.e.err != nil {
		f := a.e.err.At(fault.Where{Row: b.First + int64(i)})
		a.e.err, a.e.out = nil, a.e.out[:at]
		return f
	}
	a.rows++
	if len(a.e.out) >= blockSize {
		a.err = a.flush()
	}
	return a.err
}

// Close writes what is left. A file without rows is a header.
func (a *Writer) Close() error {
	if a.err == nil {
		a.err = a.flush()
	}
	return a.err
}

// flush writes a block, and before the first the header.
func (a *Writer) flush() error {
	a.head = a.head[:0]
	if !a.begun {
		a.begun = true
		a.head = append(a.head, Magic...)
		a.head = appendVarint(a.head, 2)
		for _, text := range []string{"avro.codec", "deflate", "avro.schema", a.schema} {
			a.head = appendBytes(a.head, []byte(text))
		}
		a.head = append(append(a.head, 0), a.sync[:]...)
	}
	if a.rows > 0 {
		a.packed = a.packed[:0]
		a.pack.Reset(&a.packed)
		if _, err := a.pack.Write(a.e.out); err != nil {
			return err
		}
		if err := a.pack.Close(); err != nil {
			return err
		}
		a.head = appendVarint(a.head, a.rows)
		a.head = append(appendBytes(a.head, a.packed), a.sync[:]...)
		a.e.out, a.rows = a.e.out[:0], 0
	}
	if len(a.head) == 0 {
		return nil
	}
	_, err := a.w.Write(a.head)
	return err
}

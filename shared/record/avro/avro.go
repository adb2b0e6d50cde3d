// Package avro reads and writes rows as Avro object container files (Apache Avro
// 1.12.0 specification, "Object Container Files").
//
// A Reader holds the schema in a file to a contract before it looks at a row, and
// then decodes the bytes of the blocks straight into typed nodes of
// record.Batch. A Writer makes a file of the rows of batches of any format.
//
// What partners send is hostile: the schema, the blocks, the lengths in them and
// what they unpack to are bounded, and what does not hold is a fault of kind
// Invalid. Rows have no frame in Avro: one that cannot be decoded ends the file.
//
// How logical types of contracts and types of Avro go together is one table for
// all formats, in docs/formats.md.
package avro

import (
	"fmt"
	"io"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Magic is what every object container file starts with.
const Magic = "Obj\x01"

// Bounds of what is read.
const (
	maxHeader  = 4 << 20  // bytes of the header
	maxSchema  = 1 << 20  // bytes of the schema in it
	maxDepth   = 128      // nesting of a schema's JSON
	maxPlan    = 200_000  // types in a schema, named ones counted wherever they are used
	maxBlock   = 16 << 20 // bytes of a block, packed and unpacked
	maxDecimal = 128      // bytes of a decimal's digits: more than 300 of them
	syncSize   = 16
	batchSize  = 128 << 10 // bytes that a batch aims at
	nodeCost   = 4         // bytes of record.Limits.Row that a value counts at least
)

func invalid(code, msg, do string) error { return fault.New(fault.Invalid, code, msg, do) }

func corrupt(msg string) error {
	return invalid("avro-corrupt", msg, "write the file again with an Avro library")
}

func badSchema(format string, args ...any) error {
	return invalid("avro-schema", fmt.Sprintf(format, args...), "write the file again with an Avro library")
}

// readError makes a fault of an end that comes too early; other errors are the
// object's own and pass.
func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return invalid("avro-truncated", "the file ends in the middle", "send the whole file again")
	}
	return err
}

// varint reads a zig-zag variable-length integer at the start of p; n is how
// many bytes it has, 0 if p holds none.
func varint(p []byte) (v int64, n int) {
	var u uint64
	for i := range min(len(p), 10) {
		b := p[i]
		if i == 9 && b > 1 {
			return 0, 0
		}
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, 0
}

// appendVarint appends v as varint reads it.
func appendVarint(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

func appendBytes(dst, v []byte) []byte { return append(appendVarint(dst, int64(len(v))), v...) }

package avro

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-io/sallyport/shared/record"
)

// unpacker unpacks blocks, each within maxBlock bytes. What it answers is valid
// until the next block.
type unpacker struct {
	codec string
	in    bytes.Reader
	flate io.ReadCloser
	zstd  *zstd.Decoder
	out   []byte
}

func newUnpacker(codec string) (*unpacker, error) {
	u := &unpacker{codec: codec}
	switch codec {
	case "null", "snappy", "bzip2":
	case "deflate":
		u.flate = flate.NewReader(&u.in)
	case "zstandard":
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderMaxMemory(maxBlock))
		if err != nil {
			return nil, err
		}
		u.zstd = z
	default:
		return nil, invalid("avro-codec", fmt.Sprintf("its blocks are packed with %s, which is not read", quote(codec)),
			"write it with deflate, snappy, zstandard, bzip2 or null")
	}
	return u, nil
}

// packs tells whether what comes out may be larger than what was stored.
func (u *unpacker) packs() bool { return u.codec != "null" }

func (u *unpacker) unpack(block []byte) ([]byte, error) {
	var err error
	u.in.Reset(block)
	switch u.codec {
	case "null":
		return block, nil
	case "deflate":
		if err = u.flate.(flate.Resetter).Reset(&u.in, nil); err == nil {
			err = u.drain(u.flate)
		}
	case "bzip2":
		err = u.drain(bzip2.NewReader(&u.in))
	case "snappy":
		err = u.snappy(block)
	case "zstandard":
		u.out, err = u.zstd.DecodeAll(block, u.out[:0])
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
			return nil, errBlock()
		}
	}
	switch {
	case err == errTooLarge:
		return nil, errBlock()
	case err != nil:
		return nil, corrupt("a block cannot be unpacked with " + u.codec)
	}
	return u.out, nil
}

var errTooLarge = errors.New("too large")

func errBlock() error {
	return invalid("avro-block", fmt.Sprintf("a block unpacks to more than %d bytes", maxBlock), "write smaller blocks")
}

// drain reads r into u.out.
func (u *unpacker) drain(r io.Reader) error {
	u.out = u.out[:0]
	for {
		if len(u.out) == cap(u.out) {
			u.out = append(u.out, make([]byte, max(64<<10, len(u.out)))...)[:len(u.out)]
		}
		n, err := r.Read(u.out[len(u.out):cap(u.out)])
		u.out = u.out[:len(u.out)+n]
		switch {
		case len(u.out) > maxBlock:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// snappy unpacks a block behind which stands the CRC-32 of what is in it.
func (u *unpacker) snappy(block []byte) error {
	if len(block) < 4 {
		return io.ErrUnexpectedEOF
	}
	sum := binary.BigEndian.Uint32(block[len(block)-4:])
	block = block[:len(block)-4]
	n, err := snappy.DecodedLen(block)
	switch {
	case err != nil:
		return err
	case n > maxBlock:
		return errTooLarge
	}
	if cap(u.out) < n {
		u.out = make([]byte, n)
	}
	if u.out, err = snappy.Decode(u.out[:cap(u.out)], block); err != nil {
		return err
	}
	if crc32.ChecksumIEEE(u.out) != sum {
		return errors.New("wrong sum")
	}
	return nil
}

var _ record.Reader = (*Reader)(nil)

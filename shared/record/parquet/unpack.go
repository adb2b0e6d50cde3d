package parquet

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// The codecs of pages (parquet.thrift, CompressionCodec).
const (
	codecPlain  = 0
	codecSnappy = 1
	codecGzip   = 2
	codecLZO    = 3
	codecBrotli = 4
	codecLZ4    = 5 // in Hadoop's framing, deprecated
	codecZstd   = 6
	codecLZ4Raw = 7
)

// unpacker unpacks pages, never to more bytes than were declared.
type unpacker struct{ zstd *zstd.Decoder }

// unpack unpacks src to exactly size bytes, in dst grown as needed.
func (u *unpacker) unpack(dst, src []byte, codec, size int) ([]byte, error) {
	dst = slices.Grow(dst[:0], size)[:0]
	if size == 0 {
		return dst, nil
	}
	var err error
	switch codec {
	case codecSnappy:
		var n int
		if n, err = snappy.DecodedLen(src); err == nil && n == size {
			dst, err = snappy.Decode(dst[:size], src)
		}
	case codecZstd:
		if u.zstd == nil {
			u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecodeAllCapLimit(true))
			if err != nil {
				return nil, fault.Wrap(fault.Retry, "zstd", err, "cannot make a decoder")
			}
		}
		var out []byte
		out, err = u.zstd.DecodeAll(src, dst[:0:size])
		dst = dst[:min(len(out), cap(dst))]
	case codecGzip:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(src)); err == nil {
			dst, err = full(z, dst[:size])
		}
	case codecBrotli:
		dst, err = full(brotli.NewReader(bytes.NewReader(src)), dst[:size])
	case codecLZ4Raw:
		var n int
		n, err = lz4.UncompressBlock(src, dst[:size])
		dst = dst[:max(n, 0)]
	case codecLZO, codecLZ4:
		return nil, fault.New(fault.Invalid, "parquet-codec", fmt.Sprintf("its pages are packed with %s, which is not read", map[int]string{codecLZO: "LZO", codecLZ4: "LZ4 in Hadoop's framing"}[codec]),
			"write it with zstd or snappy")
	default:
		return nil, corrupt("its pages are packed in a way that there is not")
	}
	if err != nil || len(dst) != size {
		return nil, corrupt("a page cannot be unpacked to the size that it declares")
	}
	return dst, nil
}

// full reads as many bytes as dst has and then the end.
func full(r io.Reader, dst []byte) ([]byte, error) {
	n, err := io.ReadFull(r, dst)
	if err != nil && err != io.EOF {
		return dst[:n], err
	}
	var more [1]byte
	if k, _ := io.ReadFull(r, more[:]); k > 0 {
		return dst[:n], io.ErrShortBuffer
	}
	return dst[:n], nil
}

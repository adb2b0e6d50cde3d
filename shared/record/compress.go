package record

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Compression names how an object is packed.
type Compression string

const (
	Plain Compression = "none"
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// CompressionOf tells the compression from the first bytes of an object.
func CompressionOf(head []byte) Compression {
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		return Gzip
	case len(head) >= 4 && string(head[:4]) == "\x28\xb5\x2f\xfd":
		return Zstd
	}
	return Plain
}

// Expansion bounds what an object may unpack to.
type Expansion struct {
	Stored int64 // bytes of the object as stored
	Size   int64 // bytes after unpacking
	Ratio  int64 // unpacked : stored, looked at once more than 1 MiB came out
}

// Unpack reads the unpacked bytes of src. Errors of src pass through as they
// are; what is wrong with the packing is an Invalid fault.
func Unpack(src io.Reader, c Compression, max Expansion) (io.ReadCloser, error) {
	in := &source{r: src}
	u := &unpacker{in: in, name: string(c), max: max}
	switch c {
	case Gzip:
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, u.fault(err)
		}
		u.r, u.close = z, func() { _ = z.Close() }
	case Zstd:
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderMaxMemory(64<<30))
		if err != nil {
			return nil, u.fault(err)
		}
		u.r, u.close = z, z.Close
	default:
		u.r, u.close = in, func() {}
	}
	return u, nil
}

// source remembers an error of the object itself, which is not the packing's.
type source struct {
	r    io.Reader
	read int64
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.read += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

type unpacker struct {
	in    *source
	r     io.Reader
	close func()
	name  string
	max   Expansion
	out   int64
}

func (u *unpacker) Close() error {
	u.close()
	return nil
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.out += int64(n)
	if u.out > u.max.Size {
		return 0, fault.New(fault.Invalid, "too-large-unpacked",
			fmt.Sprintf("more than %d bytes come out of it", u.max.Size),
			"send it in several files, or raise limits.decompressed in exchange.yaml")
	}
	if stored := max(u.in.read, 1); u.r != u.in && u.out > 1<<20 && u.out > u.max.Ratio*stored {
		return 0, fault.New(fault.Invalid, u.name+"-bomb",
			fmt.Sprintf("%d bytes came out of %d: more than %d times as many", u.out, stored, u.max.Ratio),
			"send it less compressed, or raise limits.ratio in exchange.yaml")
	}
	if err != nil && err != io.EOF {
		return n, u.fault(err)
	}
	return n, err
}

func (u *unpacker) fault(err error) error {
	switch {
	case u.in.err != nil:
		return u.in.err
	case errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF:
		return fault.New(fault.Invalid, u.name+"-truncated", "the compressed data ends in the middle", "send the whole file again")
	case errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fault.New(fault.Invalid, "zstd-window", "it needs more than 8 MiB of memory to unpack", "compress it with a smaller window (zstd without --long)")
	}
	return fault.New(fault.Invalid, u.name+"-corrupt", "the compressed data is damaged", "send the whole file again")
}

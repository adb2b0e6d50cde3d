package record

import "golang.org/x/sys/cpu"

// masksAVX2 is masksGeneric for processors that have AVX2. n is at least 1.
//
//go:noescape
func masksAVX2(dst *uint64, src *byte, n int, a, b, c byte)

func masks(dst *[block / 64]uint64, src []byte, n int, a, b, c byte) {
	if !cpu.X86.HasAVX2 {
		masksGeneric(dst, src, n, a, b, c)
		return
	}
	_, _ = src[64*n-1], dst[n-1]
	masksAVX2(&dst[0], &src[0], n, a, b, c)
}

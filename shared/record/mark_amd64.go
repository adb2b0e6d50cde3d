package record

import "golang.org/x/sys/cpu"

// fast: the processor has what the assembly needs.
var fast = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT

// marksAVX2 is markGeneric. n is at least 1.
//
//go:noescape
func marksAVX2(dst *marks, src *byte, n int, delim, eol byte) (seen byte)

func mark(dst *[block / 64]marks, src []byte, n int, delim, eol byte) (seen byte) {
	if !fast {
		return markGeneric(dst, src, n, delim, eol)
	}
	_, _ = src[64*n-1], dst[n-1]
	return marksAVX2(&dst[0], &src[0], n, delim, eol)
}

// flattenBMI is flattenGeneric. n is at least 1.
//
//go:noescape
func flattenBMI(dst *uint32, words *uint64, n int, base uint32) (count int)

func flatten(dst *[block + 8]uint32, words []uint64, base int) (count int) {
	if !fast || len(words) == 0 {
		return flattenGeneric(dst, words, base)
	}
	_ = dst[64*len(words)-1]
	return flattenBMI(&dst[0], &words[0], len(words), uint32(base))
}

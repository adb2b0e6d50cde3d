//go:build !amd64

package record

func mark(dst *[block / 64]marks, src []byte, n int, delim, eol byte) (seen byte) {
	return markGeneric(dst, src, n, delim, eol)
}

func flatten(dst *[block + 8]uint32, words []uint64, base int) (count int) {
	return flattenGeneric(dst, words, base)
}

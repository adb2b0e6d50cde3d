//go:build !amd64

package record

func masks(dst *[block / 64]uint64, src []byte, n int, a, b, c byte) {
	masksGeneric(dst, src, n, a, b, c)
}

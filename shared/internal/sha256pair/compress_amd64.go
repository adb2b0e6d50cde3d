package sha256pair

import "golang.org/x/sys/cpu"

// supported: the processor has the SHA extensions. One that has AVX2 has the rest,
// and the leaf of CPUID that tells.
var supported = cpu.X86.HasAVX2 && hasSHA()

func hasSHA() bool

// compress is SHA-256's compression: p is state a after block x, and q state b
// after y. As two independent chains of instructions they take little longer
// than one. p may be a or within x, q b or within y.
//
//go:noescape
func compress(p, q, a, b *[32]byte, x, y *[64]byte)

//go:build !amd64

package sha256pair

const supported = false

func compress(_, _, _, _ *[32]byte, _, _ *[64]byte) { panic("sha256pair: not for this processor") }

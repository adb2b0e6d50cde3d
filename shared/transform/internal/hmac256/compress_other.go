//go:build !amd64

package hmac256

const fast = false

func compress2(_, _, _, _ *[32]byte, _, _ *[64]byte) { panic("hmac256: not for this processor") }

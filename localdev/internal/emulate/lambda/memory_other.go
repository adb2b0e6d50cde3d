//go:build !linux

package lambda

// peakMemory is not known on these systems: memory is not limited there.
func peakMemory(int) (int64, bool) { return 0, false }

package lambda

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// peakMemory is the most memory that a process ever had resident, in bytes. It
// reports false if the process is not there.
func peakMemory(pid int) (int64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	_, rest, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	line, _, found := bytes.Cut(rest, []byte(" kB\n"))
	kB, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	return kB << 10, found && err == nil
}

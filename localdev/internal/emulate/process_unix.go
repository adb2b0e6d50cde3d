//go:build unix && !linux

package emulate

import "syscall"

// attributes keep the signals of the terminal away from a process. These systems
// do not kill it when this process dies.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

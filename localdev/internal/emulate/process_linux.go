package emulate

import "syscall"

// attributes keep the signals of the terminal away from a process, and have the
// kernel kill it when the thread that started it dies: a thread of Go lives as
// long as its process, unless a goroutine ends that is locked to it, which none
// here does.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

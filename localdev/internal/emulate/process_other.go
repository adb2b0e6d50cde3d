//go:build !unix

package emulate

import "syscall"

// attributes are none: these systems know neither groups nor a parent's death.
func attributes() *syscall.SysProcAttr { return nil }

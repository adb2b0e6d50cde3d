package emulate_test

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
)

// TestNoOrphan: what a process has started dies with it, even if that is killed.
func TestNoOrphan(t *testing.T) {
	out := new(buffer)
	parent := start(t, command("parent", emulate.NewLog(out)))
	said := regexp.MustCompile(`child (\d+)`)
	wait(t, "the child", func() bool { return said.MatchString(out.String()) })
	child, err := strconv.Atoi(said.FindStringSubmatch(out.String())[1])
	if err != nil || syscall.Kill(child, 0) != nil {
		t.Fatalf("there is no child %d: %v", child, err)
	}
	parent.Kill()
	wait(t, "the child to die", func() bool { return errors.Is(syscall.Kill(child, 0), syscall.ESRCH) || zombie(child) })
}

// zombie reports whether a process has ended and waits for its parent to notice;
// where there is no init process nobody does.
func zombie(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && regexp.MustCompile(`\) Z `).Match(status)
}

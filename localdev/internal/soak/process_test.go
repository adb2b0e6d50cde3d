package soak

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/stack"
)

// process is a sallyport up.
type process struct {
	cmd    *exec.Cmd
	stderr string // path of what it logs
	ended  chan struct{}
	err    error // of Wait, once ended is closed
}

// start runs process k on the exchange.
func start(t *testing.T, dir string, k int) *process {
	t.Helper()
	if err := os.Remove(stack.Layout(dir).HTTP); err != nil && !errors.Is(err, fs.ErrNotExist) { // the address of one that is dead
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := os.Create(filepath.Join(filepath.Dir(dir), fmt.Sprintf("up-%03d.log", k)))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	p := &process{cmd: exec.Command(program, "up", dir, "--http", "127.0.0.1:0", "--json"), stderr: stderr.Name(), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asCommand+"=1")
	p.cmd.Stderr = stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended, unless the test fails
		<-p.ended
	})
	return p
}

// kill ends the process as a power cut does (SIGKILL).
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// terminate asks the process to end; it must do so in order.
func (p *process) terminate(patience <-chan time.Time) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-patience:
		return errors.New("the process does not end when it is told to")
	}
}

func (p *process) log() string {
	text, err := os.ReadFile(p.stderr)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-8<<10):])
}

// healthy fails the test if the process logged what no kill explains.
func (p *process) healthy(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(p.stderr)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		for _, bad := range []string{"DATA RACE", "panic", `"level":"ERROR"`} {
			if bytes.Contains(line, []byte(bad)) {
				t.Fatalf("%s: %s", filepath.Base(p.stderr), text)
			}
		}
	}
}

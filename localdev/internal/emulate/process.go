package emulate

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Command is a program to run.
type Command struct {
	Name string // stands before its lines in Log
	Path string
	Args []string
	Env  []string // all of its environment: nothing is inherited
	Dir  string   // "": that of this process
	Log  *Log     // gets what it prints; nil: nobody does
	// Grace is how long the process may take to end when it is asked to, before
	// it is killed. 0: 2 seconds.
	Grace time.Duration
}

// Process is a program that was started. Its methods may be called concurrently.
type Process struct {
	command Command
	cmd     *exec.Cmd
	done    chan struct{}
	err     error // set before done is closed, as is
	last    string
}

// drain is how long the pipes of a process that has ended are read, if a child of
// its own still holds them.
const drain = time.Second

// Start starts a program. On Linux it is killed when this process dies, however
// that happens. It gets no signal that a terminal sends to this process.
func Start(c Command) (*Process, error) {
	if c.Grace <= 0 {
		c.Grace = 2 * time.Second
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = append([]string{}, c.Env...) // not nil, which would inherit
	cmd.Dir = c.Dir
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = drain
	lines := c.Log.Lines(c.Name)
	cmd.Stdout, cmd.Stderr = lines, lines
	if err := cmd.Start(); err != nil {
		return nil, fault.Wrap(fault.Retry, CodeStart, err, c.Name+" cannot be started")
	}
	p := &Process{command: c, cmd: cmd, done: make(chan struct{})}
	go func() {
		err := cmd.Wait()
		if !errors.Is(err, exec.ErrWaitDelay) {
			p.err = err
		}
		lines.Flush()
		p.last = lines.last
		close(p.done)
	}()
	return p, nil
}

// Name is the name of its command.
func (p *Process) Name() string { return p.command.Name }

// Pid is the id of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended, once Done is closed: nil is status 0, and an
// *exec.ExitError anything else.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// ended is the fault of a process that has ended and should not have. It has the
// last line that the process printed.
func (p *Process) ended(code, msg string) error {
	msg = p.Name() + " " + msg
	if p.last != "" {
		msg += "; it said last: " + p.last
	}
	return fault.Wrap(fault.Retry, code, p.err, msg)
}

// Stop asks the process to end, kills it if it does not, and returns when it has
// ended.
func (p *Process) Stop() {
	p.signal(syscall.SIGTERM)
	t := time.NewTimer(p.command.Grace)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
		p.Kill()
	}
}

// Kill ends the process at once, and returns when it has ended.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// signal sends a signal, if there is still somebody to get it.
func (p *Process) signal(s os.Signal) {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(s) // it has ended meanwhile
	}
}

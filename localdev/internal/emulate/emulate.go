// Package emulate runs what a deployment consists of on this machine: programs
// that are started, watched and stopped together.
//
// The deployments themselves are in the packages below it; the programs that they
// need are installed by make emulators, see [Tools].
package emulate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// The codes of this package's faults.
const (
	CodeMissing = "emulator-missing" // Invalid: a program is not installed
	CodeStart   = "emulator-start"   // Retry: a program did not come up
	CodeEnded   = "emulator-ended"   // Retry: a program ended that should run on
)

// Group is what was started and has to be stopped. The zero Group is empty. Its
// methods may be called concurrently, but nothing is added after Stop.
type Group struct {
	mu       sync.Mutex
	stop     []func() error
	failed   chan error
	stopping bool
}

// Watch stops p with the group, and has Failed tell if it ends before.
func (g *Group) Watch(p *Process) {
	g.OnStop(func() error {
		p.Stop()
		return nil
	})
	go func() {
		<-p.Done()
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.stopping {
			return
		}
		select {
		case g.failures() <- p.ended(CodeEnded, "ended by itself"):
		default: // somebody else failed first
		}
	}()
}

// OnStop has Stop call f, before what was given earlier.
func (g *Group) OnStop(f func() error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stop = append(g.stop, f)
}

// Failed tells of the first process that ended by itself.
func (g *Group) Failed() <-chan error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failures()
}

func (g *Group) failures() chan error {
	if g.failed == nil {
		g.failed = make(chan error, 1)
	}
	return g.failed
}

// Stop stops everything, the last first, and returns when it has ended. A second
// Stop does nothing.
func (g *Group) Stop() error {
	g.mu.Lock()
	stop := g.stop
	g.stop, g.stopping = nil, true
	g.mu.Unlock()
	var errs []error
	for _, f := range slices.Backward(stop) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

const (
	// patience is how long a program may take to answer.
	patience = 20 * time.Second
	// probing is the pause between two questions whether it does.
	probing = 20 * time.Millisecond
	// ports is how many ports are tried: another process may take one between
	// its being found free and its being listened on.
	ports = 3
)

// Listen starts a program that has to be told the port that it listens on, and
// waits until it answers. command and probe are given a free address on
// loopback, "127.0.0.1:<port>".
func Listen(ctx context.Context, command func(addr string) Command, probe func(ctx context.Context, addr string) error) (p *Process, addr string, err error) {
	for range ports {
		if addr, err = freeAddress(ctx); err != nil {
			return nil, "", err
		}
		if p, err = Start(command(addr)); err != nil {
			return nil, "", err
		}
		if err = p.Ready(ctx, func(ctx context.Context) error { return probe(ctx, addr) }); err == nil {
			return p, addr, nil
		}
		p.Kill()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, "", err
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fault.Wrap(fault.Retry, CodeStart, err, "there is no free port")
	}
	return l.Addr().String(), l.Close()
}

// Ready waits until probe returns nil. It is an error if the process ends before,
// or does not answer for 20 seconds.
func (p *Process) Ready(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return p.ended(CodeStart, "ended before it answered")
		case <-ctx.Done():
			return fault.Wrap(fault.Retry, CodeStart, err, fmt.Sprintf("%s did not answer in %s", p.Name(), patience))
		case <-time.After(probing):
		}
	}
}

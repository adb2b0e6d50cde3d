//go:build unix

package emulate_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// childVariable makes this test program one that is started: see child.
const childVariable = "SALLYPORT_TEST_CHILD"

func TestMain(m *testing.M) {
	if how := os.Getenv(childVariable); how != "" {
		child(how)
	}
	os.Exit(m.Run())
}

// child is a program to be started.
func child(how string) {
	switch how, arg, _ := strings.Cut(how, " "); how {
	case "print":
		os.Stdout.WriteString("one\ntwo\r\n\nthree")
		os.Exit(3)
	case "listen":
		l, err := net.Listen("tcp", arg)
		if err != nil {
			os.Exit(4)
		}
		for {
			c, err := l.Accept()
			if err != nil {
				os.Exit(5)
			}
			c.Close()
		}
	case "stubborn": // heeds no request to end
		ignored := make(chan os.Signal, 1)
		signal.Notify(ignored, syscall.SIGTERM)
		os.Stdout.WriteString("ready\n")
		for range ignored {
			os.Stdout.WriteString("no\n")
		}
	case "parent": // starts another, and says which
		p, err := emulate.Start(command("wait", nil))
		if err != nil {
			os.Exit(6)
		}
		os.Stdout.WriteString("child " + strconv.Itoa(p.Pid()) + "\n")
	}
	time.Sleep(time.Hour)
}

func command(how string, log *emulate.Log) emulate.Command {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return emulate.Command{Name: "child", Path: self, Env: []string{childVariable + "=" + how}, Log: log, Grace: 50 * time.Millisecond}
}

// buffer is a buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func start(t *testing.T, c emulate.Command) *emulate.Process {
	t.Helper()
	p, err := emulate.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestPrints(t *testing.T) {
	out := new(buffer)
	p := start(t, command("print", emulate.NewLog(out)))
	<-p.Done()
	if got := out.String(); got != "child | one\nchild | two\nchild | three\n" {
		t.Errorf("%q", got)
	}
	var exit *exec.ExitError
	if !errors.As(p.Err(), &exit) || exit.ExitCode() != 3 {
		t.Errorf("%v", p.Err())
	}
	p.Stop() // harmless
}

func TestLongLine(t *testing.T) {
	out := new(buffer)
	l := emulate.NewLog(out).Lines("x")
	long := strings.Repeat("a", 150<<10)
	if n, err := l.Write([]byte(long + "\n")); n != len(long)+1 || err != nil {
		t.Error(n, err)
	}
	got := strings.ReplaceAll(strings.ReplaceAll(out.String(), "x | ", ""), "\n", "")
	if lines := strings.Count(out.String(), "\n"); got != long || lines != 3 {
		t.Errorf("%d bytes in %d lines", len(got), lines)
	}
}

func TestStop(t *testing.T) {
	p := start(t, command("wait", nil))
	began := time.Now()
	p.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	out := new(buffer)
	p = start(t, command("stubborn", emulate.NewLog(out)))
	wait(t, "the stubborn one", func() bool { return strings.Contains(out.String(), "ready") })
	p.Stop()
	if got := out.String(); !strings.Contains(got, "no") || syscall.Kill(p.Pid(), 0) == nil {
		t.Errorf("it was not asked, or is still there: %q", got)
	}
}

func TestListen(t *testing.T) {
	dial := func(ctx context.Context, addr string) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			c.Close()
		}
		return err
	}
	p, addr, err := emulate.Listen(t.Context(), func(addr string) emulate.Command { return command("listen "+addr, nil) }, dial)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if !strings.HasPrefix(addr, "127.0.0.1:") || dial(t.Context(), addr) != nil {
		t.Errorf("nobody listens on %s", addr)
	}
	started := 0
	_, _, err = emulate.Listen(t.Context(), func(string) emulate.Command {
		started++
		return command("print", nil)
	}, dial)
	if fault.CodeOf(err) != emulate.CodeStart || started != 3 || !strings.Contains(err.Error(), "three") {
		t.Errorf("a program that ends: started %d times, %v", started, err)
	}
}

func TestGroup(t *testing.T) {
	var g emulate.Group
	var order []string
	for _, name := range []string{"first", "second"} {
		g.OnStop(func() error {
			order = append(order, name)
			return nil
		})
	}
	p := start(t, command("wait", nil))
	g.Watch(p)
	p.Kill()
	if err := <-g.Failed(); fault.CodeOf(err) != emulate.CodeEnded || !strings.Contains(err.Error(), "child") {
		t.Errorf("%v", err)
	}
	other := start(t, command("wait", nil))
	g.Watch(other)
	if err := g.Stop(); err != nil {
		t.Error(err)
	}
	<-other.Done()
	if !slices.Equal(order, []string{"second", "first"}) {
		t.Errorf("stopped in the order %q", order)
	}
	select {
	case err := <-g.Failed():
		t.Errorf("what was stopped counts as failed: %v", err)
	default:
	}
	if err := g.Stop(); err != nil || len(order) != 2 {
		t.Errorf("stopped again: %v, %q", err, order)
	}
}

func TestTools(t *testing.T) {
	dir := t.TempDir()
	none := func(string) string { return "" }
	below := filepath.Join(dir, "repo", "some", "where")
	for _, d := range []string{below, filepath.Join(dir, "repo", ".emulators", "bin"), filepath.Join(dir, "repo", ".emulators", "node_modules", "node-any", "bin")} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"bin/thing", "node_modules/node-any/bin/node"} {
		if err := os.WriteFile(filepath.Join(dir, "repo", ".emulators", f), nil, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	tools := emulate.FindTools(below, none)
	if path, err := tools.Program("thing"); err != nil || path != filepath.Join(dir, "repo", ".emulators", "bin", "thing") {
		t.Errorf("%s, %v", path, err)
	}
	if path, err := tools.Node(); err != nil || !strings.HasSuffix(path, "node-any/bin/node") {
		t.Errorf("%s, %v", path, err)
	}
	for _, missing := range []func() (string, error){
		func() (string, error) { return tools.Program("other") },
		func() (string, error) { return tools.Module("other") },
		func() (string, error) {
			return emulate.FindTools(dir, func(string) string { return filepath.Join(dir, "nowhere") }).Program("thing")
		},
	} {
		_, err := missing()
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != emulate.CodeMissing || !strings.Contains(f.Do, "make emulators") {
			t.Errorf("%v", err)
		}
	}
}

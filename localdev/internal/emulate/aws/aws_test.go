//go:build unix

package aws_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/aws"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/emulatetest"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// tools are the installed emulators; without them the test is skipped.
func tools(t *testing.T) emulate.Tools {
	t.Helper()
	found := emulate.FindTools(".", os.Getenv)
	_, s3 := found.Program("versitygw")
	_, queues := found.Module("fauxqs")
	_, node := found.Node()
	for _, err := range []error{s3, queues, node} {
		if err != nil {
			t.Skip("the emulators of AWS are not installed (make emulators): ", err)
		}
	}
	return found
}

// TestStories: the three stories, by the real binaries, deliver what the local
// chain delivers, byte for byte; also while processes are killed.
func TestStories(t *testing.T) {
	tools := tools(t)
	dir := t.TempDir()
	if _, err := local.WriteExample(filepath.Join(dir, "exchange")); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "exchange")
	want := emulatetest.ByLocalChain(t, dir)
	var killed killings
	out := new(emulatetest.Buffer)
	log := emulate.NewLog(out)
	opts := aws.Options{
		Dir: dir, Tools: tools, Outbox: aws.DefaultOutbox, Report: killed.report,
		Log: log, Programs: log, LogLevel: slog.LevelWarn, Logger: slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	d := start(t, opts)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(out.String())
		}
	})
	emulatetest.Drop(t, d, "first")
	emulatetest.Await(t, d, aws.DefaultOutbox, len(want)).Same(t, want)

	// Each function is killed while it works.
	ctx, stop := context.WithCancel(t.Context())
	var killing sync.WaitGroup
	for name, f := range d.Functions() {
		if name == "reveal" { // nobody asks it meanwhile
			continue
		}
		killing.Go(func() { killed.kill(ctx, aws.Name(name), f) })
	}
	rounds := 1
	for ; !killed.all(d) && rounds < 10; rounds++ {
		emulatetest.Drop(t, d, fmt.Sprintf("round %d", rounds+1))
		for wait := 0; !killed.all(d) && wait < 20; wait++ {
			time.Sleep(50 * time.Millisecond) // nothing tells when a kill meets an invocation
		}
	}
	stop()
	killing.Wait()
	emulatetest.Await(t, d, aws.DefaultOutbox, rounds*len(want)).Same(t, want)
	for name := range d.Functions() {
		if name == "reveal" {
			continue
		}
		if killed.of(aws.Name(name)) == 0 {
			t.Errorf("%s was not killed while it worked", name)
		}
		if n, err := d.Dead(t.Context(), name); err != nil || n != 0 {
			t.Errorf("%d messages of %s were given up, %v", n, name, err)
		}
	}
	emulatetest.Verify(t, d, aws.Name("ledger"), rounds)

	// The next one goes on where this one ended: all drops are announced again,
	// and known.
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	d = start(t, opts)
	emulatetest.Await(t, d, aws.DefaultOutbox, rounds*len(want)).Same(t, want)
	emulatetest.Verify(t, d, aws.Name("ledger"), rounds)
	emulatetest.Refused(t, d, d.Endpoints.Functions["reveal"], aws.Name("ledger"))
}

func start(t *testing.T, opts aws.Options) *aws.Deployment {
	t.Helper()
	d, err := aws.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil { // a second Stop does nothing
			t.Error(err)
		}
	})
	return d
}

// killings kill processes of functions, and count invocations that failed by it.
type killings struct {
	mu   sync.Mutex
	hits map[string]int
}

// report counts an invocation whose process had begun with it and was killed.
func (k *killings) report(r lambda.Report) {
	var f *lambda.Failure
	if f, _ = r.Err.(*lambda.Failure); f == nil || f.Type != lambda.FailureExit || !r.Begun {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hits == nil {
		k.hits = map[string]int{}
	}
	k.hits[r.Function]++
}

func (k *killings) of(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hits[name]
}

func (k *killings) all(d *aws.Deployment) bool {
	for name := range d.Functions() {
		if name != "reveal" && k.of(aws.Name(name)) == 0 {
			return false
		}
	}
	return true
}

// kill kills processes of f that work, until that has failed an invocation. It is
// to meet them at different points: each time it waits a little longer or shorter.
func (k *killings) kill(ctx context.Context, name string, f *lambda.Function) {
	for ctx.Err() == nil && k.of(name) == 0 {
		if pids := f.Working(); len(pids) > 0 {
			time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
			for _, pid := range pids {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
}

// TestMissing: what is not installed is named, with what to do, before anything is
// started.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	_, err := aws.Start(t.Context(), aws.Options{Dir: dir, Tools: emulate.Tools{Dir: t.TempDir()}})
	if fault.CodeOf(err) != emulate.CodeMissing || !strings.Contains(err.Error(), "versitygw") || !strings.Contains(err.Error(), "make emulators") {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

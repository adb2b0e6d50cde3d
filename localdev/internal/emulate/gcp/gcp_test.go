//go:build unix

package gcp_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/emulatetest"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/gcp"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/gcp/push"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// TestStories: the three stories, by the real binaries, deliver what the local
// chain delivers, byte for byte; also while processes are killed.
func TestStories(t *testing.T) {
	if testing.Short() {
		t.Skip("builds four binaries")
	}
	dir := filepath.Join(t.TempDir(), "exchange")
	if _, err := local.WriteExample(dir); err != nil {
		t.Fatal(err)
	}
	want := emulatetest.ByLocalChain(t, dir)
	killed := &killings{}
	out := new(emulatetest.Buffer)
	opts := gcp.Options{
		Dir: dir, Outbox: gcp.DefaultOutbox, Report: killed.report, Log: emulate.NewLog(out), LogLevel: slog.LevelWarn,
		Logger:     slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn})),
		MinBackoff: 20 * time.Millisecond, MaxBackoff: 500 * time.Millisecond, Attempts: 100,
	}
	d := start(t, opts)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(out.String())
		}
	})
	emulatetest.Drop(t, d, "first")
	emulatetest.Await(t, d, gcp.DefaultOutbox, len(want)).Same(t, want)

	// Each function is killed while it works.
	killed.functions = d.Services()
	ctx, stop := context.WithCancel(t.Context())
	var killing sync.WaitGroup
	for name, s := range d.Services() {
		if name == "reveal" { // nobody asks it meanwhile
			continue
		}
		killing.Go(func() { killed.kill(ctx, name, s) })
	}
	rounds := 1
	for ; !killed.all() && rounds < 10; rounds++ {
		emulatetest.Drop(t, d, fmt.Sprintf("round %d", rounds+1))
		for wait := 0; !killed.all() && wait < 20; wait++ {
			time.Sleep(50 * time.Millisecond) // nothing tells when a kill meets a push
		}
	}
	stop()
	killing.Wait()
	emulatetest.Await(t, d, gcp.DefaultOutbox, rounds*len(want)).Same(t, want)
	for name := range d.Services() {
		if name == "reveal" {
			continue
		}
		t.Logf("in %d rounds %d pushes to %s broke", rounds, killed.of(name), name)
		if killed.of(name) == 0 {
			t.Errorf("%s was not killed while it worked", name)
		}
		if n := d.Dead(name); n != 0 {
			t.Errorf("%d messages of %s were given up", n, name)
		}
	}
	emulatetest.Verify(t, d, gcp.Name("ledger"), rounds)

	// The next one goes on where this one ended: all drops are announced again,
	// and known.
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	opts.Binaries = filepath.Join(dir, ".sallyport", "gcp", "bin")
	d = start(t, opts)
	emulatetest.Await(t, d, gcp.DefaultOutbox, rounds*len(want)).Same(t, want)
	emulatetest.Verify(t, d, gcp.Name("ledger"), rounds)
	emulatetest.Refused(t, d, d.Services()["reveal"].URL(), gcp.Name("ledger"))
}

func start(t *testing.T, opts gcp.Options) *gcp.Deployment {
	t.Helper()
	d, err := gcp.Start(t.Context(), opts)
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

// killings kill processes of functions, and count pushes that failed by it.
type killings struct {
	functions map[string]*gcp.Service

	mu   sync.Mutex
	hits map[string]int
}

// report counts a push whose connection broke before the answer came. One that was
// refused did not reach the function.
func (k *killings) report(r push.Report) {
	if fault.CodeOf(r.Err) != "push-unanswered" || strings.Contains(fmt.Sprint(r.Err), "refused") {
		return
	}
	name := strings.TrimPrefix(path.Base(r.Subscription), gcp.Name(""))
	name, _, _ = strings.Cut(name, "-")
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hits == nil {
		k.hits = map[string]int{}
	}
	k.hits[name]++
}

func (k *killings) of(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hits[name]
}

func (k *killings) all() bool {
	for name := range k.functions {
		if name != "reveal" && k.of(name) == 0 {
			return false
		}
	}
	return true
}

// kill kills processes of a service, until that has failed a push.
func (k *killings) kill(ctx context.Context, name string, s *gcp.Service) {
	for ctx.Err() == nil && k.of(name) == 0 {
		_ = syscall.Kill(s.Pid(), syscall.SIGKILL) // it may have ended
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(5+rand.IntN(200)) * time.Millisecond):
		}
	}
}

// TestNoBinaries: what is missing is named, before anything is started.
func TestNoBinaries(t *testing.T) {
	_, err := gcp.Start(t.Context(), gcp.Options{Dir: t.TempDir(), Binaries: t.TempDir()})
	if fault.CodeOf(err) != emulate.CodeBinaries || !strings.Contains(err.Error(), "ingest is not in") {
		t.Error(err)
	}
}

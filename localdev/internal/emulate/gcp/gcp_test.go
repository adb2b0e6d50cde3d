//go:build unix

package gcp_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/gcp"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/gcp/push"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/ledger"
	"github.com/sallyport-io/sallyport/shared/store"

	"gocloud.dev/blob"
)

// delivered is what partners have, by "<partner>/<contract>/<name of the object>".
// Ids of drops and times are taken out.
type delivered map[string]string

var (
	dropID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	times  = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)
)

func (d delivered) add(t *testing.T, key string, data []byte) {
	t.Helper()
	parts := strings.Split(key, "/")
	if len(parts) != 4 || !dropID.MatchString(parts[2]) {
		t.Errorf("delivered as %s", key)
		return
	}
	if parts[3] == "manifest.json" {
		data = times.ReplaceAll(dropID.ReplaceAll(data, []byte("DROP")), []byte(`"TIME"`))
	}
	name := path.Join(parts[0], parts[1], parts[3])
	if was, twice := d[name]; twice && was != string(data) {
		t.Errorf("%s is not the same each time", name)
	}
	d[name] = string(data)
}

func (d delivered) same(t *testing.T, want delivered) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got, ok := d[name]; !ok || got != want[name] {
			t.Errorf("%s differs from what the local chain delivered:\n%s\nwant\n%s", name, got, want[name])
		}
	}
	for name := range d {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was delivered, which the local chain did not", name)
		}
	}
}

// byLocalChain runs the stories through the chain of sallyport up.
func byLocalChain(t *testing.T, dir string) delivered {
	t.Helper()
	f, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := f.Start(t.Context(), local.StartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, drop := range stories.Drops() {
		if _, err := f.Lay(t.Context(), drop.Key(), bytes.NewReader(drop.Data), func(int64) {}); err != nil {
			t.Fatal(err)
		}
	}
	if err := chain.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := chain.Stop(); err != nil {
		t.Fatal(err)
	}
	all := delivered{}
	outbox := os.DirFS(filepath.Join(dir, "outbox"))
	err = fs.WalkDir(outbox, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(outbox, name)
		all.add(t, name, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// drop drops the stories' files, by other names each round.
func drop(t *testing.T, d *gcp.Deployment, round string) {
	t.Helper()
	for _, s := range stories.Drops() {
		key := path.Join(s.Partner, s.Contract, round+" + Zürich%2F "+s.Name)
		if err := d.Drop(t.Context(), key, bytes.NewReader(s.Data)); err != nil {
			t.Fatal(err)
		}
	}
}

// await waits until nothing is left to do, and answers what was delivered: so many
// objects.
func await(t *testing.T, d *gcp.Deployment, objects int) delivered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := d.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := d.Bucket(ctx, gcp.DefaultOutbox)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	all, n := delivered{}, 0
	err = store.Each(ctx, b, "", func(o *blob.ListObject) error {
		data, err := b.ReadAll(ctx, o.Key)
		all.add(t, o.Key, data)
		n++
		return err
	})
	if err != nil || n != objects {
		t.Errorf("%d objects were delivered, want %d; %v", n, objects, err)
	}
	return all
}

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
	want := byLocalChain(t, dir)
	if len(want) != 10 { // five subscriptions, an object and a manifest each
		t.Fatalf("the local chain delivered %q", slices.Sorted(maps.Keys(want)))
	}
	killed := &killings{}
	out := new(lockedBuffer)
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
	drop(t, d, "first")
	await(t, d, len(want)).same(t, want)

	// Each function is killed while it works.
	killed.functions = d.Services()
	ctx, stop := context.WithCancel(t.Context())
	var killing sync.WaitGroup
	for name, s := range d.Services() {
		killing.Go(func() { killed.kill(ctx, name, s) })
	}
	rounds := 1
	for ; !killed.all() && rounds < 10; rounds++ {
		drop(t, d, fmt.Sprintf("round %d", rounds+1))
		for wait := 0; !killed.all() && wait < 20; wait++ {
			time.Sleep(50 * time.Millisecond) // nothing tells when a kill meets a push
		}
	}
	stop()
	killing.Wait()
	await(t, d, rounds*len(want)).same(t, want)
	t.Logf("killed while they worked, in %d rounds: %v", rounds, killed.hits)
	for name := range d.Services() {
		if killed.of(name) == 0 {
			t.Errorf("%s was not killed while it worked", name)
		}
		if n := d.Dead(name); n != 0 {
			t.Errorf("%d messages of %s were given up", n, name)
		}
	}
	verify(t, d, rounds)

	// The next one goes on where this one ended: all drops are announced again,
	// and known.
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	opts.Binaries = filepath.Join(dir, ".sallyport", "gcp", "bin")
	d = start(t, opts)
	await(t, d, rounds*len(want)).same(t, want)
	verify(t, d, rounds)
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

// verify verifies the ledger: it has what the rounds led to, each once.
func verify(t *testing.T, d *gcp.Deployment, rounds int) {
	t.Helper()
	b, err := d.Bucket(t.Context(), gcp.Name("ledger"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	v, err := d.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	report, err := ledger.Verify(t.Context(), b, v, v.Name(), func(int64, int64) {})
	// Of each of three drops: that it was accepted, its segment, and for each of
	// five deliveries the masked segment, the delivery and the whole drop.
	if want := int64(rounds * (3*2 + 5*3)); err != nil || report.Entries != want {
		t.Errorf("the ledger has %d entries, want %d; %v", report.Entries, want, err)
	}
}

// killings kill processes of functions, and count pushes that failed by it.
type killings struct {
	functions map[string]*gcp.Service

	mu   sync.Mutex
	hits map[string]int
}

// report counts a push whose answer did not come.
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
		if k.of(name) == 0 {
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

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestNoBinaries: what is missing is named, before anything is started.
func TestNoBinaries(t *testing.T) {
	_, err := gcp.Start(t.Context(), gcp.Options{Dir: t.TempDir(), Binaries: t.TempDir()})
	if fault.CodeOf(err) != emulate.CodeBinaries || !strings.Contains(err.Error(), "ingest is not in") {
		t.Error(err)
	}
}

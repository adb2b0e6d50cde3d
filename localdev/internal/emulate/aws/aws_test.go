//go:build unix

package aws_test

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

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/aws"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/ledger"
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
func drop(t *testing.T, d *aws.Deployment, round string) {
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
func await(t *testing.T, d *aws.Deployment, objects int) delivered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := d.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := d.Bucket(ctx, aws.DefaultOutbox)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	keys := list(t, b)
	if len(keys) != objects {
		t.Errorf("%d objects were delivered, want %d: %q", len(keys), objects, keys)
	}
	all := delivered{}
	for _, key := range keys {
		data, err := b.ReadAll(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		all.add(t, key, data)
	}
	return all
}

func list(t *testing.T, b *blob.Bucket) []string {
	t.Helper()
	var keys []string
	it := b.List(nil)
	for {
		o, err := it.Next(t.Context())
		if o == nil {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
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

// TestStories: the three stories, by the real binaries, deliver what the local
// chain delivers, byte for byte; also while processes are killed.
func TestStories(t *testing.T) {
	tools := tools(t)
	dir := t.TempDir()
	if _, err := local.WriteExample(filepath.Join(dir, "exchange")); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "exchange")
	want := byLocalChain(t, dir)
	if len(want) != 10 { // five subscriptions, an object and a manifest each
		t.Fatalf("the local chain delivered %q", slices.Sorted(maps.Keys(want)))
	}
	var killed killings
	out := new(lockedBuffer)
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
	drop(t, d, "first")
	await(t, d, len(want)).same(t, want)

	// Each function is killed while it works.
	ctx, stop := context.WithCancel(t.Context())
	var killing sync.WaitGroup
	for name, f := range d.Functions() {
		killing.Go(func() { killed.kill(ctx, aws.Name(name), f) })
	}
	rounds := 1
	for ; !killed.all(d) && rounds < 10; rounds++ {
		drop(t, d, fmt.Sprintf("round %d", rounds+1))
		for wait := 0; !killed.all(d) && wait < 20; wait++ {
			time.Sleep(50 * time.Millisecond) // nothing tells when a kill meets an invocation
		}
	}
	stop()
	killing.Wait()
	await(t, d, rounds*len(want)).same(t, want)
	t.Logf("killed while they worked: %v", killed.hits)
	for name := range d.Functions() {
		if killed.hits[aws.Name(name)] == 0 {
			t.Errorf("%s was not killed while it worked", name)
		}
		if n, err := d.Dead(t.Context(), name); err != nil || n != 0 {
			t.Errorf("%d messages of %s were given up, %v", n, name, err)
		}
	}
	verify(t, d, rounds)

	// The next one goes on where this one ended: all drops are announced again,
	// and known.
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	d = start(t, opts)
	await(t, d, rounds*len(want)).same(t, want)
	verify(t, d, rounds)
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

// verify verifies the ledger: it has what the rounds led to, each once.
func verify(t *testing.T, d *aws.Deployment, rounds int) {
	t.Helper()
	b, err := d.Bucket(t.Context(), aws.Name("ledger"))
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
		if k.of(aws.Name(name)) == 0 {
			return false
		}
	}
	return true
}

// kill kills processes of f, until that has failed an invocation.
func (k *killings) kill(ctx context.Context, name string, f *lambda.Function) {
	for ctx.Err() == nil && k.of(name) == 0 {
		for _, pid := range f.Pids() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(5+rand.IntN(30)) * time.Millisecond):
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

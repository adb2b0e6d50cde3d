package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// place is a folder of drops and the state about it, and what was announced.
type place struct {
	t     *testing.T
	dir   string
	state *blob.Bucket

	mu     sync.Mutex
	events []event.Event
	fail   error
}

func newPlace(t *testing.T) *place {
	state := memblob.OpenBucket(nil)
	t.Cleanup(func() { state.Close() })
	return &place{t: t, dir: t.TempDir(), state: state}
}

func (p *place) publish(_ context.Context, events []event.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.events = append(p.events, events...)
	return nil
}

// announced counts the announcements by key.
func (p *place) announced() map[string]int {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	n := map[string]int{}
	for _, e := range p.events {
		d, err := event.Decode[event.DropReceived](e)
		if err != nil {
			p.t.Fatal(err)
		}
		if want := event.DropID(d.Key, d.Identity()); event.Extension(e, event.ExtCorrelationID) != want || e.Type() != event.TypeDropReceived || e.Validate() != nil {
			p.t.Errorf("bad event %s", e)
		}
		n[d.Key]++
	}
	return n
}

// watch runs a watcher for the time of the test, or until stop.
func (p *place) watch(cfg Config) (w *Watcher, stop func()) {
	p.t.Helper()
	drops, err := filebucket.Open(p.dir, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	cfg.Dir, cfg.Drops, cfg.Publish = p.dir, drops, p.publish
	if cfg.State == nil {
		cfg.State = p.state
	}
	if cfg.Rescan == 0 {
		cfg.Rescan = time.Hour // so that it is notifications that are tested
	}
	w = New(cfg)
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
		drops.Close()
	})
	p.t.Cleanup(stop)
	return w, stop
}

func (p *place) settled(w *Watcher) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	if err := w.Settled(ctx); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) write(key, text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// eventually waits until the announcements are those.
func (p *place) eventually(want map[string]int) {
	p.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got := p.announced()
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("announced %v, want %v", got, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// What was there before is announced, once in the life of the state.
func TestRestart(t *testing.T) {
	p := newPlace(t)
	p.write("acme/stock/a b+c.csv", "x")
	p.write("acme/deep/er/b.csv", "x")
	want := map[string]int{"acme/stock/a b+c.csv": 1, "acme/deep/er/b.csv": 1}
	w, stop := p.watch(Config{})
	p.settled(w)
	p.eventually(want)
	stop()

	p.write("acme/c.csv", "x")
	want["acme/c.csv"] = 1
	w, _ = p.watch(Config{})
	p.settled(w)
	p.eventually(want)
	if p.events[0].ID() == p.events[1].ID() {
		t.Error("two drops share an event id")
	}
}

// Files and folders that come later are found without a scan.
func TestNotifications(t *testing.T) {
	p := newPlace(t)
	w, _ := p.watch(Config{Settle: 50 * time.Millisecond})
	p.settled(w)
	want := map[string]int{}
	for i := range 20 {
		key := fmt.Sprintf("acme/new-%d/and/deeper/file.csv", i)
		p.write(key, "x")
		want[key] = 1
	}
	p.eventually(want)
	// A file whose key is not its path, in a folder that is watched already.
	p.write("acme/new-0/back__0x5c__slash.csv", "x")
	want[`acme/new-0/back\slash.csv`] = 1
	p.eventually(want)
}

// Another version of a file is another drop.
func TestVersions(t *testing.T) {
	p := newPlace(t)
	w, _ := p.watch(Config{Settle: 50 * time.Millisecond})
	for i := range 3 {
		p.write("acme/a.csv", strings.Repeat("x", i+1))
		p.eventually(map[string]int{"acme/a.csv": i + 1})
	}
	p.settled(w)
	ids := map[string]bool{}
	for _, e := range p.events {
		ids[e.ID()] = true
	}
	if len(ids) != 3 {
		t.Errorf("3 versions have %d ids", len(ids))
	}
}

// A file is taken when its writer has left it alone, and whole.
func TestSettles(t *testing.T) {
	p := newPlace(t)
	w, _ := p.watch(Config{Settle: 300 * time.Millisecond})
	p.settled(w)
	path := p.write("acme/slow.csv", "")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 20 {
		if _, err := f.WriteString("0123456789"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Millisecond)
	}
	p.eventually(map[string]int{"acme/slow.csv": 1})
	d, err := event.Decode[event.DropReceived](p.events[0])
	if err != nil || d.Size != 200 {
		t.Errorf("announced with %d bytes, want 200 (%v)", d.Size, err)
	}

	// One that is old already needs no waiting; one from the future is not
	// waited for until then.
	old := p.write(".old", "x")
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(old, filepath.Join(p.dir, "acme", "old.csv")); err != nil {
		t.Fatal(err)
	}
	future := p.write(".future", "x")
	if err := os.Chtimes(future, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(future, filepath.Join(p.dir, "acme", "future.csv")); err != nil {
		t.Fatal(err)
	}
	p.eventually(map[string]int{"acme/slow.csv": 1, "acme/old.csv": 1, "acme/future.csv": 1})
}

func TestIgnores(t *testing.T) {
	p := newPlace(t)
	for _, key := range []string{"acme/a.tmp", "acme/a.part", "acme/.a.csv", ".acme/a.csv", "acme/.git/a"} {
		p.write(key, "x")
	}
	w, _ := p.watch(Config{Settle: time.Millisecond})
	p.settled(w)
	for _, key := range []string{"acme/b.tmp", "acme/b.part", "acme/.b.csv", ".acme/b.csv"} {
		p.write(key, "x")
	}
	if err := os.Rename(filepath.Join(p.dir, "acme/b.tmp"), filepath.Join(p.dir, "acme/b.csv")); err != nil {
		t.Fatal(err)
	}
	p.eventually(map[string]int{"acme/b.csv": 1})
	p.settled(w)
	p.eventually(map[string]int{"acme/b.csv": 1})
}

// Settled does not answer before what is there has been announced, whatever
// keeps that from happening.
func TestSettledWaits(t *testing.T) {
	p := newPlace(t)
	p.fail = errors.New("no queue")
	p.write("acme/a.csv", "x")
	var log lines
	w, _ := p.watch(Config{Settle: time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := w.Settled(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("settled with %v while nothing can be published", err)
	}
	if !strings.Contains(log.String(), "drop-announce") {
		t.Errorf("logged %q", log.String())
	}
	p.mu.Lock()
	p.fail = nil
	p.mu.Unlock()
	p.settled(w)
	p.eventually(map[string]int{"acme/a.csv": 1})
}

// lines is a buffer that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Whatever operation on the state fails, before or after it took effect, and
// wherever a crash follows, each drop is announced at least once, always by the
// same event, and not again once everything is in order.
func TestFaults(t *testing.T) {
	run := func(i *storetest.Injector) *place {
		p := newPlace(t)
		p.write("acme/a.csv", "x")
		p.write("acme/b.csv", "x")
		w, stop := p.watch(Config{Settle: time.Millisecond, State: i.Bucket("state", p.state)})
		if i.Mode == storetest.None {
			p.settled(w)
		} else {
			for len(i.Ops()) <= i.At { // the fault has happened
				time.Sleep(time.Millisecond)
			}
		}
		stop()
		w, stop = p.watch(Config{Settle: time.Millisecond})
		p.settled(w)
		stop()
		return p
	}
	count := new(storetest.Injector)
	run(count)
	n := len(count.Ops())
	if n < 4 {
		t.Fatalf("only %d operations: %v", n, count.Ops())
	}
	for at := range n {
		for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
			i := &storetest.Injector{At: at, Mode: mode}
			p := run(i)
			ids := map[string]string{}
			for _, e := range p.events {
				d, err := event.Decode[event.DropReceived](e)
				if err != nil {
					t.Fatal(err)
				}
				if id, ok := ids[d.Key]; ok && id != e.ID() {
					t.Errorf("%s of %d %v: two events of one drop differ", i.Ops()[at], at, mode)
				}
				ids[d.Key] = e.ID()
			}
			if len(ids) != 2 {
				t.Errorf("%s %v: %d of 2 drops were announced", i.Ops()[at], mode, len(ids))
			}
			before := len(p.events)
			w, stop := p.watch(Config{Settle: time.Millisecond})
			p.settled(w)
			stop()
			if len(p.events) != before {
				t.Errorf("%s %v: announced again although marked", i.Ops()[at], mode)
			}
		}
	}
}

// More files than are announced at once, and the memory of them.
func TestMany(t *testing.T) {
	p := newPlace(t)
	const files = 3*together + 7
	want := map[string]int{}
	for i := range files {
		key := fmt.Sprintf("acme/%04d.csv", i)
		p.write(key, "x")
		want[key] = 1
	}
	w, stop := p.watch(Config{Settle: time.Millisecond})
	p.settled(w)
	p.eventually(want)
	for i := range files {
		if i%2 == 0 {
			if err := os.Remove(filepath.Join(p.dir, fmt.Sprintf("acme/%04d.csv", i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.settled(w)
	stop()
	if len(w.announced) != files/2 {
		t.Errorf("remembers %d files, want %d", len(w.announced), files/2)
	}
	p.eventually(want)
}

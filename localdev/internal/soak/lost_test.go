package soak

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/stack"
)

// scale is how much TestNothingLost does.
type scale struct {
	files, events, kills int
	patience             time.Duration // until everything is delivered at the end
}

var (
	short = scale{files: 20, events: 200, kills: 6, patience: 3 * time.Minute}
	full  = scale{files: 200, events: 2000, kills: 60, patience: 10 * time.Minute}
)

// A process lives between these before it is killed.
const (
	shortestLife = 50 * time.Millisecond
	longestLife  = 1500 * time.Millisecond
)

// TestNothingLost kills sallyport up at random moments, while files are dropped
// and events are sent, and starts it again. In the end every valid row must have
// been delivered once to every subscription entitled to it, every invalid row
// must be in quarantine once, and the ledger must verify and name each delivery
// once.
//
// SALLYPORT_SOAK=full runs it in full; SALLYPORT_SOAK_SEED repeats the choices
// of an earlier run, though not the instants at which its processes died.
// go test -artifacts keeps the exchange and what the processes logged.
func TestNothingLost(t *testing.T) {
	t.Parallel()
	size := short
	if os.Getenv("SALLYPORT_SOAK") == "full" {
		size = full
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SALLYPORT_SOAK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SALLYPORT_SOAK_SEED=%d", seed)
	began := time.Now()
	dir := filepath.Join(t.ArtifactDir(), "exchange")
	if err := os.CopyFS(dir, os.DirFS("testdata/soak")); err != nil {
		t.Fatal(err)
	}
	places := stack.Layout(dir)

	w := newWorkload(seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	files := make([]file, size.files)
	for n := range files {
		files[n] = w.file(n)
	}
	messages := make([]message, size.events)
	for n := range messages {
		messages[n] = w.message(n)
	}

	sender := newSender(places.HTTP, seed)
	sending, stop := context.WithCancel(t.Context())
	defer stop()
	sent := sender.run(sending)
	storm(t, dir, size, rng, files, messages, sender)
	last(t, dir, size, sender, sent)
	finish(t, dir, size.patience)
	compared := time.Now()
	found, ledger, err := differences(t.Context(), dir, w)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range found {
		if t.Error(f); i == 20 {
			t.Fatalf("and %d more differences", len(found)-i-1)
		}
	}
	rows := 0
	for _, due := range w.due {
		rows += len(due)
	}
	t.Logf("%d drops, %d segments, %d deliveries, %d rows delivered, %d ledger entries in %d batches",
		len(ledger.outcomes), len(ledger.segments), len(ledger.deliveries), rows, ledger.report.Entries, ledger.report.Batches)
	t.Logf("%d requests, %d of them without an answer or told to come again; %d events sent again although they were taken",
		sender.requests.Load(), sender.failures.Load(), sender.repeated.Load())
	t.Logf("%v in all, %v of it to compare", time.Since(began).Round(time.Millisecond), time.Since(compared).Round(time.Millisecond))
	if !t.Failed() && size == short { // in full each comparison takes a while
		notices(t, dir, w, ledger)
	}
}

// storm drops the files and releases the events, while one process after the
// other is killed.
func storm(t *testing.T, dir string, size scale, rng *rand.Rand, files []file, messages []message, sender *sender) {
	t.Helper()
	places := stack.Layout(dir)
	// drop lays the next n files, spread over a time.
	next := 0
	drop := func(n int, over time.Duration) {
		for _, f := range files[next : next+n] {
			next++
			time.Sleep(time.Duration(rng.Int64N(int64(over/time.Duration(n) + 1)))) // so that they come at any moment
			if err := lay(places, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	released, ready := 0, 0
	for k := range size.kills {
		due := (k + 1) * size.files / size.kills // files so far
		drop(rng.IntN(due-next+1), 0)
		p := start(t, dir, k)
		upTo := (k + 1) * size.events / size.kills
		sender.release(messages[released:upTo])
		released = upTo
		life := shortestLife + time.Duration(rng.Int64N(int64(longestLife-shortestLife)))
		dead := time.After(life)
		drop(due-next, life)
		select {
		case <-dead:
		case <-p.ended:
			t.Fatalf("process %d ended by itself: %v\n%s", k, p.err, p.log())
		}
		if _, err := os.Stat(places.HTTP); err == nil {
			ready++
		}
		if err := p.kill(); err != nil {
			t.Fatal(err)
		}
		p.healthy(t)
	}
	// A file that is left half written tells that the kill came in between.
	t.Logf("%d kills, %d of them of a process that took requests already; %d half-written files left behind", size.kills, ready, countTemporary(t, dir))
}

// last runs one more process, which takes what is still to be sent and ends when
// it is told.
func last(t *testing.T, dir string, size scale, sender *sender, sent <-chan error) {
	t.Helper()
	p := start(t, dir, size.kills)
	patience := time.After(size.patience)
	sender.close()
	select {
	case err := <-sent:
		if err != nil {
			t.Fatal(err)
		}
	case <-p.ended:
		t.Fatalf("the last process ended by itself: %v\n%s", p.err, p.log())
	case <-patience:
		t.Fatalf("events are still not taken\n%s", p.log())
	}
	listens := func() bool { // all may have been sent before it was up
		_, err := os.Stat(stack.Layout(dir).HTTP)
		return err == nil
	}
	for !listens() {
		select {
		case <-p.ended:
			t.Fatalf("the last process ended by itself: %v\n%s", p.err, p.log())
		case <-patience:
			t.Fatalf("the last process does not listen\n%s", p.log())
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := p.terminate(patience); err != nil {
		t.Fatalf("%v\n%s", err, p.log())
	}
	p.healthy(t)
}

// lay gives a file its place among the drops, whole, as who drops it should.
func lay(places stack.Places, f file) error {
	at := filepath.Join(places.Drops, filepath.FromSlash(f.key))
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(at), ".laying-"+filepath.Base(at))
	if err := os.WriteFile(temp, f.data, 0o666); err != nil {
		return err
	}
	return os.Rename(temp, at)
}

// finish runs the chain, in this process, until nothing is left to do.
func finish(t *testing.T, dir string, patience time.Duration) {
	t.Helper()
	s, err := stack.Open(t.Context(), dir, stack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	if err := s.Idle(ctx); err != nil {
		t.Errorf("the chain does not come to rest: %v", err)
	}
	cancel()
	stop()
	if err := errors.Join(<-ended, s.Close()); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// countTemporary counts what writers that were killed have left half written,
// in folders that no listing shows.
func countTemporary(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.Contains(filepath.ToSlash(name), "/.sallyport/tmp/") {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// notices changes single things in what the chain has left and demands that the
// comparison notices each: it could not fail otherwise.
func notices(t *testing.T, dir string, w *workload, a *audited) {
	t.Helper()
	places := stack.Layout(dir)
	var delivered, refused string
	for at, list := range a.deliveries {
		if list[0].Rows > 1 {
			delivered = filepath.Join(dir, "outbox", at.subscription, filepath.FromSlash(list[0].Object.Key))
		}
	}
	for id, o := range a.outcomes {
		if a.accepted[id] && len(o.Quarantine) > 0 {
			refused = filepath.Join(places.Quarantine, filepath.FromSlash(o.Quarantine[0].Key))
		}
	}
	seq, err := filepath.Glob(filepath.Join(places.Ledger, "seq", "*"))
	if err != nil || len(seq) == 0 || delivered == "" || refused == "" {
		t.Fatalf("nothing to change: %v, %d batches, %q, %q", err, len(seq), delivered, refused)
	}
	lastLine := func(data []byte) []byte {
		return data[bytes.LastIndexByte(data[:len(data)-1], '\n')+1:]
	}
	for name, change := range map[string]struct {
		file string
		to   func(data []byte) []byte // nil: the file is gone
	}{
		"a row that is missing":         {delivered, func(d []byte) []byte { return d[:len(d)-len(lastLine(d))] }},
		"a row that is there twice":     {delivered, func(d []byte) []byte { return append(bytes.Clone(d), lastLine(d)...) }},
		"a segment twice":               {filepath.Join(filepath.Dir(delivered), "000999"+filepath.Ext(delivered)), func([]byte) []byte { return []byte{} }},
		"a manifest that is missing":    {filepath.Join(filepath.Dir(delivered), "manifest.json"), nil},
		"a refused row that is lost":    {refused, func(d []byte) []byte { return d[:len(d)-len(lastLine(d))] }},
		"a refused row that came twice": {refused, func(d []byte) []byte { return append(bytes.Clone(d), lastLine(d)...) }},
		"a batch of the ledger":         {seq[len(seq)/2], func(d []byte) []byte { return append(bytes.Clone(d), ' ') }},
	} {
		before, err := os.ReadFile(change.file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		absent := err != nil
		if change.to == nil {
			err = os.Remove(change.file)
		} else {
			err = os.WriteFile(change.file, change.to(before), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		if found, _, err := differences(t.Context(), dir, w); err == nil && len(found) == 0 {
			t.Errorf("not noticed: %s", name)
		}
		if absent {
			err = os.Remove(change.file)
		} else {
			err = os.WriteFile(change.file, before, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if found, _, err := differences(t.Context(), dir, w); err != nil || len(found) > 0 {
		t.Errorf("the changes were not taken back: %v, %v", err, found)
	}
}

package stack

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/ledger"
	"github.com/sallyport-io/sallyport/shared/telemetry"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// patience is for a machine that is busy with other things.
const patience = 60 * time.Second

// chain is a running stack on a directory of the test.
type chain struct {
	*Stack
	t    *testing.T
	log  *lines
	stop func()
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

// example makes a directory with the example exchange.
func example(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := stories.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs the chain of dir for the time of the test, or until stop.
func start(t *testing.T, dir string, opts Options) *chain {
	t.Helper()
	c := &chain{t: t, log: new(lines)}
	opts.Logger = telemetry.Logger(c.log, nil, false)
	var err error
	if c.Stack, err = Open(t.Context(), dir, opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	c.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, c.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(c.stop)
	return c
}

func (c *chain) idle() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.Idle(ctx); err != nil {
		c.t.Fatalf("%v; the log:\n%s", err, c.log)
	}
}

func drop(t *testing.T, dir, key string, data []byte) {
	t.Helper()
	path := filepath.Join(Layout(dir).Drops, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".tmp", data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
}

// outbox is what a partner has received: the text of each object by key.
func outbox(t *testing.T, dir, partner string) map[string]string {
	t.Helper()
	return read(t, filepath.Join(dir, "outbox", partner))
}

// read is the text of the files below a folder that are not hidden.
func read(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		key, err := filepath.Rel(folder, path)
		files[filepath.ToSlash(key)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// verify holds the ledger to all that it promises, and counts its records by
// type.
func verify(t *testing.T, dir string) map[string]int {
	t.Helper()
	verifier, err := Layout(dir).Verifier()
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := filebucket.Open(Layout(dir).Ledger, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	if _, err := ledger.Verify(t.Context(), bucket, verifier, verifier.Name(), nil); err != nil {
		t.Fatal(err)
	}
	types := map[string]int{}
	err = ledger.OpenReader(bucket, verifier, verifier.Name()).Records(t.Context(), func(_ int64, r ledger.Record) error {
		types[strings.TrimPrefix(r.Type, event.Prefix)]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return types
}

// The example goes in at one door and out at the other.
func TestChain(t *testing.T) {
	dir := example(t)
	c := start(t, dir, Options{})
	drops := stories.Drops()
	for _, d := range drops {
		drop(t, dir, d.Key(), d.Data)
	}
	drop(t, dir, "nobody/x.csv", []byte("a,b\n1,2\n"))
	c.idle()

	got := verify(t, dir)
	want := map[string]int{"drop.accepted": 3, "drop.rejected": 1, "segment.accepted": 3, "segment.masked": 5, "delivery.completed": 5, "drop.delivered": 5}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the ledger has %v, want %v; the log:\n%s", got, want, c.log)
	}
	for _, partner := range []string{"hammer-and-co", "alpine-supply", "bay-hardware", "sentinel", "cohort-research"} {
		files := outbox(t, dir, partner)
		if len(files) != 2 { // a segment and the manifest
			t.Errorf("%s has %d files, want 2", partner, len(files))
		}
		for key, text := range files {
			if strings.Contains(text, "unit_cost") {
				t.Errorf("%s sees in %s what nobody may", partner, key)
			}
		}
	}
	invalid := 0
	for _, d := range drops {
		invalid += d.Invalid
	}
	quarantine := read(t, c.places.Quarantine)
	refused, reports := int64(0), 0
	for key, text := range quarantine {
		if !strings.HasSuffix(key, "/report.json") {
			continue
		}
		var report event.DropOutcome // of which it has the parts that matter here
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			t.Fatal(err)
		}
		reports++
		refused += report.Rows.Invalid
		for _, rows := range report.Quarantine {
			if int64(len(quarantine[rows.Key])) != rows.Size {
				t.Errorf("%s has %d bytes, want %d", rows.Key, len(quarantine[rows.Key]), rows.Size)
			}
		}
	}
	if refused != int64(invalid) || reports != 4 {
		t.Errorf("%d reports tell of %d rows, want 4 of %d", reports, refused, invalid)
	}
	info, err := c.queue.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if n := info.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("the queue keeps %d messages that everybody has acked", n)
	}
}

// A stack that ends in the middle goes on where it was, and a second run over
// all of it delivers nothing twice.
func TestRestart(t *testing.T) {
	dir := example(t)
	drops := stories.Drops()
	for i := range 4 {
		for _, d := range drops {
			drop(t, dir, fmt.Sprintf("%s/%s/%d-%s", d.Partner, d.Contract, i, d.Name), d.Data)
		}
	}
	for range 3 {
		c := start(t, dir, Options{})
		deadline := time.Now().Add(patience)
		for n := strings.Count(c.log.String(), "msg=handled"); strings.Count(c.log.String(), "msg=handled") < n+4 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		c.stop()
	}
	c := start(t, dir, Options{})
	c.idle()
	c.stop()
	want := map[string]int{"drop.accepted": 12, "segment.accepted": 12, "segment.masked": 20, "delivery.completed": 20, "drop.delivered": 20}
	if got := verify(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the ledger has %v, want %v", got, want)
	}
	before := read(t, filepath.Join(dir, "outbox"))
	if len(before) != 40 {
		t.Errorf("%d files were delivered, want 40", len(before))
	}

	// What the watcher marked is lost: all is announced once more.
	if err := os.RemoveAll(filepath.Join(c.places.State, "watch")); err != nil {
		t.Fatal(err)
	}
	c = start(t, dir, Options{})
	c.idle()
	c.stop()
	if got := verify(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the ledger has %v after a second run, want %v", got, want)
	}
	after := read(t, filepath.Join(dir, "outbox"))
	for key, text := range after {
		if before[key] != text {
			t.Errorf("%s was not there, or is another now", key)
		}
	}
}

func TestOneAtATime(t *testing.T) {
	dir := example(t)
	if running, err := Running(dir); running || err != nil {
		t.Error(running, err)
	}
	first, err := Open(t.Context(), dir, Options{HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, Options{}); fault.CodeOf(err) != CodeLocked {
		t.Errorf("a second stack: %v", err)
	}
	if running, err := Running(dir); !running || err != nil {
		t.Error(running, err)
	}
	if addr, err := os.ReadFile(first.places.HTTP); err != nil || strings.TrimSpace(string(addr)) != first.Addr() {
		t.Errorf("%q is written down for %q (%v)", addr, first.Addr(), err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if running, err := Running(dir); running || err != nil {
		t.Error(running, err)
	}
	if _, err := os.Stat(first.places.HTTP); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the address is still written down: %v", err)
	}
	second, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(second.Close(), second.Close()); err != nil {
		t.Error(err)
	}
}

func stock(id, location string) event.Event {
	e := ce.New()
	e.SetID(id)
	e.SetSource("/warehouse")
	e.SetType("com.example.stock")
	_ = e.SetData(ce.ApplicationJSON, map[string]any{
		"updated_at": "2026-11-02T05:30:00Z", "available": 7, "location": location, "sku": "9521582929295", "unit_cost": 12.5,
	})
	return e
}

// Events come in by all modes of HTTP, and are delivered once however often.
func TestHTTP(t *testing.T) {
	dir := example(t)
	c := start(t, dir, Options{HTTP: "127.0.0.1:0"})
	base := "http://" + c.Addr()
	awaitReady(t, base)
	post := func(r *http.Request, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusAccepted && !strings.Contains(string(body), `"do":`) {
			t.Errorf("%d says nothing of what to do: %s", res.StatusCode, body)
		}
		return res.StatusCode
	}
	url := base + "/partners/northwind-tools/inventory"
	for range 3 {
		structured, err := ce.Event.MarshalJSON(stock("s", "gdansk"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(structured))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", ce.ApplicationCloudEventsJSON)
		for _, status := range []int{
			post(r, nil),
			post(cehttp.NewHTTPRequestFromEvent(t.Context(), url, stock("b", "bilbao"))),
			post(cehttp.NewHTTPRequestFromEvents(t.Context(), url, []event.Event{stock("m1", "malmo"), stock("m2", "messina"), stock("s", "gdansk")})),
		} {
			if status != http.StatusAccepted {
				t.Fatalf("answered %d", status)
			}
		}
	}
	for path, want := range map[string]int{"nobody/inventory": 403, "northwind-tools/payments": 403, "northwind-tools/inventory/": 400, "northwind-tools/inventory/%2e%2e/x": 400} {
		if status := post(cehttp.NewHTTPRequestFromEvent(t.Context(), base+"/partners/"+path, stock("x", "x"))); status != want {
			t.Errorf("%s was answered with %d, want %d", path, status, want)
		}
	}
	c.idle()
	var locations []string
	for key, text := range outbox(t, dir, "hammer-and-co") {
		if !strings.HasSuffix(key, ".csv") {
			continue
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		at := slices.Index(rows[0], "location")
		for _, row := range rows[1:] {
			locations = append(locations, row[at])
		}
	}
	slices.Sort(locations)
	if want := []string{"bilbao", "gdansk", "malmo", "messina"}; !slices.Equal(locations, want) {
		t.Errorf("delivered %v, want %v", locations, want)
	}
	verify(t, dir)
	if strings.Contains(c.log.String(), "gdansk") {
		t.Error("the log holds a value")
	}
}

func awaitReady(t *testing.T, base string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatal("the endpoint does not get ready")
}

// Without a good configuration nothing runs; with one, the last good one holds.
func TestConfiguration(t *testing.T) {
	dir := example(t)
	file := filepath.Join(dir, "partners", "sentinel.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	broken := string(good) + "\nnonsense: true\n"
	write(broken)
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var problems yamldoc.Problems
	if err := s.Run(t.Context()); !errors.As(err, &problems) || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("ran with a broken configuration: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	write(string(good))
	c := start(t, dir, Options{})
	await := func(what string) {
		t.Helper()
		for deadline := time.Now().Add(patience); !strings.Contains(c.log.String(), what); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%q is not logged:\n%s", what, c.log)
			}
		}
	}
	c.idle()
	first, err := c.exchanges.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write(broken)
	await("nonsense")
	if now, err := c.exchanges.Newest(t.Context()); err != nil || now.Digest() != first.Digest() {
		t.Errorf("a broken configuration is the newest (%v)", err)
	}
	write(strings.Replace(string(good), "fraud-detection", "fraud-research", 1))
	await("published the configuration")
	if now, err := c.exchanges.Newest(t.Context()); err != nil || now.Digest() == first.Digest() || now.Subscription("sentinel-payments").Purpose != "fraud-research" {
		t.Errorf("the new configuration is not the newest (%v)", err)
	}
	c.stop()

	// One that is broken at the start does not stop the chain either.
	write(broken)
	c = start(t, dir, Options{})
	c.idle()
	await("nonsense")
}

func TestOpenRefuses(t *testing.T) {
	dir := example(t)
	for name, c := range map[string]struct {
		dir, http, code string
	}{
		"no directory": {filepath.Join(dir, "absent"), "", "no-directory"},
		"a file":       {filepath.Join(dir, "exchange.yaml"), "", "no-directory"},
		"all networks": {dir, ":0", "http-address"},
		"another host": {dir, "192.0.2.1:80", "http-address"},
		"no port":      {dir, "127.0.0.1", "http-address"},
		"no such port": {dir, "127.0.0.1:99999", "http-listen"},
	} {
		s, err := Open(t.Context(), c.dir, Options{HTTP: c.http})
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if err == nil {
			s.Close()
		}
	}
	s, err := Open(t.Context(), dir, Options{}) // what was refused has left no lock
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// childDir names the directory to run the chain of, in a process that is there
// to be killed.
const childDir = "SALLYPORT_STACK_TEST_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Open(context.Background(), dir, Options{})
	if err == nil {
		err = s.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A chain that is killed, again and again, has lost nothing and done nothing
// twice when it is left to finish.
func TestKilled(t *testing.T) {
	dir := example(t)
	want := map[string]int{}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 8 {
		for _, d := range stories.Drops() {
			drop(t, dir, fmt.Sprintf("%s/%s/%d-%s", d.Partner, d.Contract, i, d.Name), d.Data)
		}
		want = map[string]int{"drop.accepted": 3 * (i + 1), "segment.accepted": 3 * (i + 1), "segment.masked": 5 * (i + 1), "delivery.completed": 5 * (i + 1), "drop.delivered": 5 * (i + 1)}
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		var stderr bytes.Buffer
		child.Stderr = &stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100*time.Millisecond + time.Duration(r.IntN(900))*time.Millisecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		if stderr.Len() > 0 {
			t.Fatalf("the chain ended by itself: %s", &stderr)
		}
	}
	c := start(t, dir, Options{})
	c.idle()
	if got := verify(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the ledger has %v, want %v", got, want)
	}
	if files := read(t, filepath.Join(dir, "outbox")); len(files) != 2*want["delivery.completed"] {
		t.Errorf("%d files were delivered, want %d", len(files), 2*want["delivery.completed"])
	}
}

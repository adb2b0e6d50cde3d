package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/cli"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// TestNoValueInTheWrongPlace drops and sends canaries in every field, well
// formed and not, and then looks for them in all that the chain says and writes.
// One may be where the contract and the views say so, as it is, and nowhere
// else in any form.
func TestNoValueInTheWrongPlace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.ArtifactDir(), "exchange")
	if err := os.CopyFS(dir, os.DirFS("testdata/canary")); err != nil {
		t.Fatal(err)
	}
	places := stack.Layout(dir)
	f := newFlock()
	seen := &sightings{}
	queue := &queueTap{dir: places.Queue, seen: map[string][]byte{}}

	runFlock(t, dir, f, seen, queue)
	runCommands(t, dir, f, seen)

	kinds, err := f.kinds(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := newSearch(f.canaries)
	texts := append(seen.all(), queue.all()...)
	for _, l := range append(s.inTexts(texts), s.inFiles(t, dir, kinds)...) {
		t.Error(l)
	}
	f.arrived(t, dir, kinds)
	if t.Failed() {
		return
	}
	s.finds(t, dir, f, kinds, texts)
}

// runFlock runs the chain, logging all that it can, on the files and requests.
func runFlock(t *testing.T, dir string, f *flock, seen *sightings, queue *queueTap) {
	t.Helper()
	places := stack.Layout(dir)
	// A line is logged before its message is acked: what the queue holds then
	// is what the function was told.
	logs := seen.writer("log", queue.sample)
	st, err := stack.Open(t.Context(), dir, stack.Options{Logger: telemetry.Logger(logs, slog.LevelDebug, true), HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- st.Run(ctx) }()
	for _, file := range f.files {
		if err := lay(places, file); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Idle(ctx); err != nil { // it has begun to listen, and all files are taken
		t.Fatal(err)
	}
	for _, r := range f.requests {
		if got := r.post(t, st.Addr(), seen); got != r.want {
			t.Errorf("%s %.60q: status %d, want %d", r.path, r.body, got, r.want)
		}
	}
	if err := st.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := queue.err; err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(bytes.Join(queue.texts(), nil), []byte("io.sallyport.segment.masked")) {
		t.Error("no event was seen in the queue's files: they were looked at in the wrong moments")
	}
}

// post sends a request and keeps the whole answer.
func (r request) post(t *testing.T, addr string, seen *sightings) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/partners/"+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := httputil.DumpResponse(resp, true)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = seen.writer("HTTP answers", nil).Write(text) // into memory
	return resp.StatusCode
}

// runCommands runs the commands that show what became of it, and those that
// take data, beside a sallyport up.
func runCommands(t *testing.T, dir string, f *flock, seen *sightings) {
	t.Helper()
	run := func(ctx context.Context, args ...string) (cli.Code, string) {
		var out bytes.Buffer
		name := "sallyport " + args[0]
		code := cli.Run(ctx, args, io.MultiWriter(&out, seen.writer(name, nil)), seen.writer(name+" (stderr)", nil), func(string) string { return "" })
		return code, out.String()
	}
	write := func(name, data string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	late := write("late.csv", peopleHeader+"\n"+f.person("late", "north", taken).csv()+"\n"+
		strings.Replace(f.person("late, unknown region", "north", quarantined).csv(), "north", "nowhere", 1)+"\n")
	later := write("later.csv", strings.Replace(peopleHeader, "city", "town", 1)+"\n"+f.person("later", "north", discarded).csv()+"\n")
	sent := write("sent.ndjson", fmt.Sprintf(`{"specversion":"1.0","id":"s1","source":"/canary","type":"com.example.visit","data":%s}`+"\n"+
		`{"specversion":"1.0","id":"s2","source":"/canary","type":"com.example.visit","data":%s}`+"\n",
		f.visit("sent", "north", taken, ""), "["+strings.Repeat(f.visit("sent, too long", "north", gone, "")+",", 300)+"0]"))
	untimely := write("unsent.ndjson", fmt.Sprintf(`{"specversion":"1.0","id":"s3","source":"/canary","type":"com.example.visit","time":%q,"data":%s}`+"\n",
		brood{f, "unsent", gone}.text("time"), f.visit("unsent", "north", gone, "")))
	unsent := write("unsent.json", `{"specversion":"1.0","id":"s4","data":{"x":"`+brood{f, "unsent", gone}.text("x"))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	up := make(chan cli.Code, 1)
	go func() {
		code, _ := run(ctx, "up", dir)
		up <- code
	}()
	for _, err := os.Stat(stack.Layout(dir).HTTP); err != nil; _, err = os.Stat(stack.Layout(dir).HTTP) {
		select {
		case code := <-up:
			t.Fatalf("sallyport up ended: %d", code)
		case <-time.After(10 * time.Millisecond):
		}
	}
	for _, c := range []struct {
		code cli.Code
		args []string
	}{
		{cli.Refused, []string{"drop", late, "-C", dir, "--as", "acme", "--contract", "people", "--wait"}},
		{cli.Refused, []string{"drop", later, "-C", dir, "--as", "acme", "--contract", "people", "--wait", "--json"}},
		{cli.Refused, []string{"send", sent, "-C", dir, "--as", "acme", "--contract", "visits"}},
		{cli.Refused, []string{"send", sent, "-C", dir, "--as", "acme", "--contract", "visits", "--json"}},
		{cli.Failed, []string{"send", untimely, "-C", dir, "--as", "acme", "--contract", "visits"}},
		{cli.Failed, []string{"send", unsent, "-C", dir, "--as", "acme", "--contract", "visits"}},
		{cli.OK, []string{"status", dir}},
	} {
		if code, out := run(ctx, c.args...); code != c.code {
			t.Errorf("%v: exit code %d, want %d\n%s", c.args, code, c.code, out)
		}
	}
	stop()
	if code := <-up; code != cli.OK {
		t.Errorf("sallyport up: exit code %d", code)
	}
	// What was sent last may not have been delivered when it ended.
	folder, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := folder.Start(t.Context(), local.StartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Idle(t.Context()); err != nil {
		t.Error(err)
	}
	if err := chain.Stop(); err != nil {
		t.Fatal(err)
	}

	_, text := run(t.Context(), "status", dir, "-n", "1000", "--json")
	var status struct {
		Drops []struct {
			ID string `json:"id"`
		} `json:"drops"`
	}
	if err := json.Unmarshal([]byte(text), &status); err != nil || len(status.Drops) < len(f.files) {
		t.Fatalf("status --json: %v, %d drops", err, len(status.Drops))
	}
	for _, d := range status.Drops {
		run(t.Context(), "status", dir, "--drop", d.ID)
		run(t.Context(), "status", dir, "--drop", d.ID, "--json")
	}
	run(t.Context(), "check", dir)
	run(t.Context(), "audit", "verify", dir)
	run(t.Context(), "keys", "list", dir)
}

// sightings are what the chain said.
type sightings struct {
	mu    sync.Mutex
	texts map[string]*bytes.Buffer
}

// text is something that was said or seen, of which no part may be a canary.
type text struct {
	place string
	data  []byte
}

func (s *sightings) all() []text {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []text
	for place, b := range s.texts {
		all = append(all, text{place, bytes.Clone(b.Bytes())})
	}
	return all
}

// writer keeps what is written, and calls each after every write.
func (s *sightings) writer(place string, each func()) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.texts == nil {
			s.texts = map[string]*bytes.Buffer{}
		}
		if s.texts[place] == nil {
			s.texts[place] = new(bytes.Buffer)
		}
		if each != nil {
			each()
		}
		return s.texts[place].Write(p)
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// queueTap keeps what the queue's files hold over time: messages leave them when
// all have acked.
type queueTap struct {
	dir  string
	seen map[string][]byte // latest content by file
	old  [][]byte          // contents that were replaced
	err  error
}

func (q *queueTap) sample() {
	err := filepath.WalkDir(q.dir, func(name string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && !entry.Type().IsRegular() {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if before := q.seen[name]; !bytes.HasPrefix(data, before) {
			q.old = append(q.old, before)
		}
		q.seen[name] = data
		return nil
	})
	if err != nil {
		q.err = err
	}
}

func (q *queueTap) texts() [][]byte {
	texts := slices.Clone(q.old)
	for _, data := range q.seen {
		texts = append(texts, data)
	}
	return texts
}

func (q *queueTap) all() []text {
	var all []text
	for _, data := range q.texts() {
		all = append(all, text{"queue while it ran", data})
	}
	return all
}

// kind is a kind of files in an exchange directory.
type kind struct {
	name    string
	path    *regexp.Regexp  // from the exchange directory
	allowed map[string]bool // canaries
	raw     bool            // it is where partners put their data: all are allowed
	// unwrap takes the data of rows out of what holds it; nil: it is as it is.
	unwrap func(data []byte) (rest, rows []byte)
}

// kinds are all that there may be, the more special first.
func (f *flock) kinds(dir string) ([]kind, error) {
	quarantine := f.having(quarantined, discarded)
	quarantine[f.twice] = true
	k := func(name, path string, allowed map[string]bool) kind {
		return kind{name: name, path: regexp.MustCompile("^" + path + "$"), allowed: allowed}
	}
	drops := k("drops", `\.sallyport/drops/.*`, nil)
	drops.raw = true
	batches := k("batch of events", `\.sallyport/landing/events/.*`, f.having(taken, quarantined))
	batches.unwrap = unwrapBatch
	kinds := []kind{
		drops, batches,
		k("segment in landing", `\.sallyport/landing/[^/]*/[0-9a-f]{16}/[0-9]{6}`, f.having(taken, discarded)),
		k("outcome", `\.sallyport/landing/[^/]*/outcome\.json`, nil),
		k("claim", `\.sallyport/landing/claims/.*`, nil),
		k("refused rows", `\.sallyport/quarantine/.*/rows-[0-9]{6}\.[a-z]*`, quarantine),
		k("report", `\.sallyport/quarantine/.*/report\.json`, nil),
	}
	folder, err := local.Open(dir)
	if err != nil {
		return nil, err
	}
	p, err := folder.Policy()
	if err != nil {
		return nil, err
	}
	for contract, object := range map[string]string{"people": "person", "visits": "visit"} {
		for _, v := range p.Views(contract, object) {
			for _, s := range v.Subscriptions { // one each
				kinds = append(kinds,
					k("masked for "+s.ID, `\.sallyport/masked/`+regexp.QuoteMeta(v.ID)+`/.*`, f.kept[s.ID]),
					k("manifest for "+s.ID, "outbox/"+s.ID+`/.*/manifest\.json`, nil),
					k("outbox of "+s.ID, "outbox/"+s.ID+"/.*", f.kept[s.ID]))
			}
		}
	}
	for _, name := range []string{"ledger", "config", "state", "queue", "keys"} {
		kinds = append(kinds, k(name, `\.sallyport/`+name+"/.*", nil))
	}
	return append(kinds, k("configuration", `(exchange\.yaml|(contracts|partners|profiles)/.*)`, nil), k("anything else", ".*", nil)), nil
}

// unwrapBatch takes the rows out of a batch of events, in which they are base64.
func unwrapBatch(data []byte) (rest, rows []byte) {
	var b map[string]json.RawMessage
	var in []map[string]json.RawMessage
	if json.Unmarshal(data, &b) != nil || json.Unmarshal(b["rows"], &in) != nil {
		return data, nil
	}
	delete(b, "rows")
	for _, r := range in {
		var row []byte
		if json.Unmarshal(r["data"], &row) == nil {
			rows = append(append(rows, row...), '\n')
			delete(r, "data")
		}
		rest = fmt.Appendf(rest, "%s\n", r)
	}
	return fmt.Appendf(rest, "%s\n", b), rows
}

// inTexts finds canaries in what was said.
func (s *search) inTexts(texts []text) []leak {
	var found []leak
	for _, t := range texts {
		found = append(found, s.in(t.place, t.data, nil)...)
	}
	return found
}

// inFiles finds canaries where they may not be in the exchange directory, names
// of files included.
func (s *search) inFiles(t *testing.T, dir string, kinds []kind) []leak {
	t.Helper()
	var found []leak
	eachFile(t, dir, kinds, func(k *kind, name string, data []byte) {
		found = append(found, s.in("the name of "+name, []byte(name), nil)...)
		found = append(found, s.inFile(k, name, data)...)
	})
	return found
}

func (s *search) inFile(k *kind, name string, data []byte) []leak {
	place := k.name + " " + name
	if k.raw {
		return nil
	}
	if k.unwrap == nil {
		return s.in(place, data, k.allowed)
	}
	rest, rows := k.unwrap(data)
	return append(s.in(place, rest, nil), s.in(place, rows, k.allowed)...)
}

// eachFile calls f for each file below dir, with its path from there.
func eachFile(t *testing.T, dir string, kinds []kind, f func(k *kind, name string, data []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		for i := range kinds {
			if kinds[i].path.MatchString(name) {
				f(&kinds[i], name, data)
				return nil
			}
		}
		return fmt.Errorf("%s is of no kind", name)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// arrived demands that the canaries are where they belong: what is nowhere
// cannot be found in the wrong place either.
func (f *flock) arrived(t *testing.T, dir string, kinds []kind) {
	t.Helper()
	all := map[string][]byte{} // by kind
	eachFile(t, dir, kinds, func(k *kind, _ string, data []byte) {
		if k.unwrap != nil {
			_, data = k.unwrap(data)
		}
		all[k.name] = append(all[k.name], data...)
	})
	demand := func(kind string, canaries map[string]bool) {
		for c := range canaries {
			if !bytes.Contains(all[kind], []byte(c)) {
				t.Errorf("%s: %s is not there", kind, f.spots[c])
			}
		}
	}
	for s, kept := range f.kept {
		demand("masked for "+s, kept)
		demand("outbox of "+s, kept)
	}
	dropped := append(all["drops"], all["batch of events"]...)
	refused := f.having(quarantined)
	for c := range refused {
		if !bytes.Contains(dropped, []byte(c)) { // the row was cut off before it
			delete(refused, c)
		}
	}
	demand("refused rows", refused)
	demand("segment in landing", f.having(taken))
}

// finds plants a canary in each kind of place and demands that it is found.
func (s *search) finds(t *testing.T, dir string, f *flock, kinds []kind, texts []text) {
	t.Helper()
	for _, place := range texts {
		planted := f.text("planted in " + place.place)
		if len(s.inTexts([]text{{place.place, append(bytes.Clone(place.data), planted...)}})) == 0 {
			t.Errorf("a canary in %s is not found", place.place)
		}
	}
	var first = map[string]bool{}
	eachFile(t, dir, kinds, func(k *kind, name string, data []byte) {
		if first[k.name] || k.raw {
			return
		}
		first[k.name] = true
		planted := f.text("planted in " + name)
		if len(s.inFile(k, name, append(bytes.Clone(data), planted...))) == 0 {
			t.Errorf("a canary in %s is not found", name)
		}
		for wrong, fate := range f.fates { // one that is allowed elsewhere
			if !k.allowed[wrong] && (fate == taken || fate == quarantined) {
				if len(s.inFile(k, name, append(bytes.Clone(data), wrong...))) == 0 {
					t.Errorf("%s in %s is not found", f.spots[wrong], name)
				}
				break
			}
		}
	})
	for _, k := range kinds {
		if !first[k.name] && !k.raw && k.name != "anything else" {
			t.Errorf("there is no %s to look into", k.name)
		}
	}
}

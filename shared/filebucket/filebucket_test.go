package filebucket

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"
	"gocloud.dev/gcerrors"
)

type harness struct{ dir string }

func (h harness) MakeDriver(context.Context) (driver.Bucket, error) { return openDriver(h.dir, nil) }

// A folder that is not there is made, so there is no such thing.
func (h harness) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	return nil, nil
}
func (h harness) HTTPClient() *http.Client { return nil }
func (h harness) Close()                   {}

func TestConformance(t *testing.T) {
	drivertest.RunConformanceTests(t, func(_ context.Context, t *testing.T) (drivertest.Harness, error) {
		return harness{t.TempDir()}, nil
	}, nil)
}

func open(t testing.TB, dir string) *blob.Bucket {
	t.Helper()
	b, err := Open(dir, &Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// list gives all keys, in pages of a size.
func list(t testing.TB, b *blob.Bucket, page int, opts *blob.ListOptions) []string {
	t.Helper()
	var keys []string
	objs, token, err := b.ListPage(t.Context(), blob.FirstPageToken, page, opts)
	for {
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objs {
			keys = append(keys, o.Key)
		}
		if token == nil {
			return keys
		}
		objs, token, err = b.ListPage(t.Context(), token, page, opts)
	}
}

// create tries to create key with content that is whole only if its end is as
// its start says.
func create(ctx context.Context, b *blob.Bucket, key, who string) (won bool, err error) {
	body := strings.Repeat(who+"\n", 4000)
	err = b.WriteAll(ctx, key, []byte(body), &blob.WriterOptions{ContentType: defaultType, IfNotExist: true})
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return false, nil
	}
	return err == nil, err
}

const (
	racers    = 16
	processes = 4
	rounds    = 25
)

func raceKey(round int) string { return fmt.Sprintf("race/%03d", round) }

// race lets goroutines race for the key of each round, and answers who won.
func race(ctx context.Context, b *blob.Bucket, who string, begin func(round int)) (wins []string, err error) {
	var mu sync.Mutex
	for round := range rounds {
		begin(round)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				me := fmt.Sprintf("%s-%d", who, i)
				won, failed := create(ctx, b, raceKey(round), me)
				mu.Lock()
				defer mu.Unlock()
				err = errors.Join(err, failed)
				if won {
					wins = append(wins, fmt.Sprintf("%d %s", round, me))
				}
			})
		}
		wg.Wait()
	}
	return wins, err
}

// raceChild is set in a child process of TestRace to the folder and a name.
const raceChild = "SALLYPORT_FILEBUCKET_RACE"

func TestMain(m *testing.M) {
	if dir, who, ok := strings.Cut(os.Getenv(raceChild), "|"); ok {
		os.Exit(child(dir, who))
	}
	os.Exit(m.Run())
}

// child races in one process: a line on standard input begins a round.
func child(dir, who string) int {
	b, err := Open(dir, &Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer b.Close()
	in := bufio.NewScanner(os.Stdin)
	wins, err := race(context.Background(), b, who, func(int) { in.Scan() })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, w := range wins {
		fmt.Println(w)
	}
	return 0
}

// TestRace has 4 processes of 16 goroutines each create the same keys.
func TestRace(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var begin []io.Writer
	var outs, errs [processes]bytes.Buffer
	var children []*exec.Cmd
	for p := range processes {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|p%d", raceChild, dir, p))
		cmd.Stdout, cmd.Stderr = &outs[p], &errs[p]
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		begin = append(begin, in)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	all := io.MultiWriter(begin...)
	for range rounds {
		if _, err := all.Write([]byte("go\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // so that the rounds of the children stay close
	}
	winners := map[string][]string{}
	for p, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("process %d: %v\n%s", p, err, errs[p].String())
		}
		for _, line := range strings.Split(strings.TrimSpace(outs[p].String()), "\n") {
			round, who, _ := strings.Cut(line, " ")
			if round != "" {
				winners[round] = append(winners[round], who)
			}
		}
	}
	for round := range rounds {
		who := winners[fmt.Sprint(round)]
		if len(who) != 1 {
			t.Fatalf("round %d has %d winners: %v", round, len(who), who)
		}
		data, err := b.ReadAll(t.Context(), raceKey(round))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Repeat(who[0]+"\n", 4000); string(data) != want {
			t.Fatalf("round %d: the object is not the winner's: %d bytes, want %d", round, len(data), len(want))
		}
	}
	if keys := list(t, b, 7, nil); len(keys) != rounds {
		t.Errorf("%d objects are listed, want %d", len(keys), rounds)
	}
	left, err := os.ReadDir(filepath.Join(dir, tempDir))
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files were left behind: %v, %v", left, err)
	}
}

// TestCrashedWriter: an object whose writer died is not there, in any way.
func TestCrashedWriter(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	w, err := b.NewWriter(t.Context(), "a/b", &blob.WriterOptions{ContentType: defaultType, IfNotExist: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })

	temps, err := os.ReadDir(filepath.Join(dir, tempDir))
	if err != nil || len(temps) != 1 {
		t.Fatalf("want one temporary file, got %v, %v", temps, err)
	}
	temp := filepath.Join(tempDir, temps[0].Name())
	if keys := list(t, b, 10, nil); len(keys) != 0 {
		t.Errorf("listed: %v", keys)
	}
	for _, key := range []string{"a/b", filepath.ToSlash(temp), ".SallyPort/tmp/x"} {
		if there, err := b.Exists(t.Context(), key); there || err != nil {
			t.Errorf("%s: exists %v, %v", key, there, err)
		}
	}
	// A bucket in a folder of a bucket hides its own too.
	inner := open(t, filepath.Join(dir, "inner"))
	if err := inner.WriteAll(t.Context(), "k", nil, nil); err != nil {
		t.Fatal(err)
	}
	if keys := list(t, b, 10, nil); !slices.Equal(keys, []string{"inner/k"}) {
		t.Errorf("listed: %v", keys)
	}

	// It stays while it could be alive, and goes once it cannot.
	open(t, dir)
	if _, err := os.Stat(filepath.Join(dir, temp)); err != nil {
		t.Fatalf("a young temporary file was removed: %v", err)
	}
	old := time.Now().Add(-staleAfter - time.Minute)
	if err := os.Chtimes(filepath.Join(dir, temp), old, old); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(filepath.Join(dir, temp)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a stale temporary file is still there: %v", err)
	}
	// If its writer lives after all, it fails and says nothing was written.
	if err := w.Close(); err == nil {
		t.Error("a writer whose file is gone succeeded")
	}
	if there, err := b.Exists(t.Context(), "a/b"); there || err != nil {
		t.Errorf("exists %v, %v", there, err)
	}
}

// oddKeys are keys that are no paths, or look like others. They can all be in
// one bucket.
var oddKeys = []string{
	"a-", "a/b", "a0", "/", "//", "/a", "a2/", "a3//b", "a4///", ".", "../x", "../../etc/passwd", "x/../y", "x2/..", "x3/./z", "x4/.",
	"..\\..\\x", "back\\slash", "nul\x00byte", "tab\tnew\nline", "\x7f", "é/☺", " ", "a b", "__0x41__", "__0x", "___0x41__", "__0x5f__", "_\x01", "\x010x41__",
	".sallyport/tmp/x", ".SALLYPORT/attrs/a", "deep/.sallyport", ".sallyportx", ".hidden", ".../x", "q?*:<>|\"", "%2e%2e/", "x/y/",
}

func TestOddKeys(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "bucket")
	b := open(t, dir)
	want := slices.Clone(oddKeys)
	for _, k := range want {
		if err := b.WriteAll(t.Context(), k, []byte(k), nil); err != nil {
			t.Errorf("%q: %v", k, err)
		}
	}
	for _, k := range want {
		if data, err := b.ReadAll(t.Context(), k); err != nil || string(data) != k {
			t.Errorf("%q: read %q, %v", k, data, err)
		}
	}
	slices.Sort(want)
	for page := 1; page < len(want)+2; page++ {
		if got := list(t, b, page, nil); !slices.Equal(got, want) {
			t.Fatalf("pages of %d: listed\n%q\nwant\n%q", page, got, want)
		}
	}
	for _, prefix := range []string{"a", "a/", "/", ".", "x", "x/", "__", "zzz"} {
		var flat, folders []string
		for _, k := range want {
			if !strings.HasPrefix(k, prefix) {
				continue
			}
			flat = append(flat, k)
			if i := strings.Index(k[len(prefix):], "/"); i >= 0 {
				k = k[:len(prefix)+i+1]
			}
			folders = append(folders, k)
		}
		folders = slices.Compact(folders)
		for page := 1; page < 6; page++ {
			if got := list(t, b, page, &blob.ListOptions{Prefix: prefix}); !slices.Equal(got, flat) {
				t.Errorf("prefix %q, pages of %d: listed\n%q\nwant\n%q", prefix, page, got, flat)
			}
			if got := list(t, b, page, &blob.ListOptions{Prefix: prefix, Delimiter: "/"}); !slices.Equal(got, folders) {
				t.Errorf("prefix %q, delimiter, pages of %d: listed\n%q\nwant\n%q", prefix, page, got, folders)
			}
		}
	}
	if around, err := os.ReadDir(outer); err != nil || len(around) != 1 {
		t.Errorf("a key left the folder: %v, %v", around, err)
	}
}

// TestImpossibleKeys: a key that the folder has no room for is an error, and
// never mistaken for an object that exists.
func TestImpossibleKeys(t *testing.T) {
	b := open(t, t.TempDir())
	write := func(key string, absent bool) error {
		return b.WriteAll(t.Context(), key, nil, &blob.WriterOptions{ContentType: defaultType, IfNotExist: absent})
	}
	if err := write("a/b", true); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "a/b/c", "a/b/c/d", strings.Repeat("n", 300), ""} {
		for _, absent := range []bool{true, false} {
			if err := write(key, absent); gcerrors.Code(err) != gcerrors.InvalidArgument {
				t.Errorf("%.20q, if absent %v: %v", key, absent, err)
			}
		}
		if there, err := b.Exists(t.Context(), key); there || err != nil && gcerrors.Code(err) != gcerrors.InvalidArgument {
			t.Errorf("%.20q: exists %v, %v", key, there, err)
		}
	}
	if got := list(t, b, 10, nil); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("listed %v", got)
	}
}

// TestForeignFiles: what somebody else put into the folder is an object if it is
// a plain file under a key's name, and nothing leads out of the folder.
func TestForeignFiles(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "bucket")
	b := open(t, dir)
	for name, data := range map[string]string{
		"../secret": "s", "plain.csv": "1", "like__0x41__escape": "2", "bad\xffname": "3",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"out": "../secret", "outdir": "..", "in": "plain.csv"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(t, b, 10, nil); !slices.Equal(got, []string{"plain.csv"}) {
		t.Errorf("listed %q", got)
	}
	for _, key := range []string{"out", "outdir/secret", "in", "likeAescape"} {
		if data, err := b.ReadAll(t.Context(), key); err == nil {
			t.Errorf("%s: read %q", key, data)
		}
	}
	if err := b.WriteAll(t.Context(), "outdir/new", nil, nil); err == nil {
		t.Error("wrote through a symbolic link out of the folder")
	}
	if _, err := os.Stat(filepath.Join(outer, "new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made outside: %v", err)
	}
}

// TestAttributesOfTheVersion: attributes never outlive the version of an object
// that they were given to.
func TestAttributesOfTheVersion(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	contentType := func() string {
		t.Helper()
		a, err := b.Attributes(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		return a.ContentType
	}
	if err := b.WriteAll(t.Context(), "k", []byte("one"), &blob.WriterOptions{ContentType: "text/csv"}); err != nil {
		t.Fatal(err)
	}
	if got := contentType(); got != "text/csv" {
		t.Errorf("content type %q", got)
	}
	// Somebody else replaces the file.
	if err := os.WriteFile(filepath.Join(dir, "k"), []byte("other"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := contentType(); got != defaultType {
		t.Errorf("content type %q of another version", got)
	}
	if err := b.WriteAll(t.Context(), "k", []byte("two"), &blob.WriterOptions{ContentType: defaultType}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, attrsDir, "k")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("attributes were left behind: %v", err)
	}
}

func TestURLOpener(t *testing.T) {
	base := t.TempDir()
	elsewhere := t.TempDir()
	var mux blob.URLMux
	mux.RegisterBucket(Scheme, &URLOpener{Base: base})
	for _, test := range []struct{ url, dir string }{
		{"file://./outbox/acme", filepath.Join(base, "outbox", "acme")},
		{"file://./", base},
		{"file://./a/../b", filepath.Join(base, "b")},
		{"file://" + elsewhere + "/x", filepath.Join(elsewhere, "x")},
		{"file://localhost" + elsewhere + "/y", filepath.Join(elsewhere, "y")},
		{"file://./?prefix=sub/", filepath.Join(base, "sub")},
		{"file://./..", ""},
		{"file://./../x", ""},
		{"file://./a/../../x", ""},
		{"file://./%2e%2e/x", ""},
		{"file://other/x", ""},
		{"file:x", ""},
		{"file://./x?create_dir=true", ""},
	} {
		b, err := mux.OpenBucket(t.Context(), test.url)
		if test.dir == "" {
			if err == nil {
				b.Close()
				t.Errorf("%s was opened", test.url)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if err := b.WriteAll(t.Context(), "here", nil, nil); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(test.dir, "here")); err != nil {
			t.Errorf("%s: %v", test.url, err)
		}
	}
	if _, err := (&URLOpener{}).OpenBucketURL(t.Context(), &url.URL{Scheme: Scheme, Path: "rel"}); err == nil {
		t.Error("a relative path without a host was opened")
	}
}

func FuzzKey(f *testing.F) {
	for _, k := range oddKeys {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if key == "" || !utf8.ValidString(key) {
			return // the portable type refuses them
		}
		path := escapeKey(key)
		if !filepath.IsLocal(path) || strings.ContainsAny(path, "\x00\\") {
			t.Fatalf("%q -> %q leaves the folder", key, path)
		}
		for part := range strings.SplitSeq(path, "/") {
			if part == "" || part == "." || part == ".." || strings.EqualFold(part, hidden) {
				t.Fatalf("%q -> %q has the part %q", key, path, part)
			}
		}
		if back, ok := keyOf(path); !ok || back != key {
			t.Fatalf("%q -> %q -> %q, %v", key, path, back, ok)
		}
	})
}

func BenchmarkCreate(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) {
			bucket, err := Open(b.TempDir(), &Options{Sync: sync})
			if err != nil {
				b.Fatal(err)
			}
			defer bucket.Close()
			for i := 0; b.Loop(); i++ {
				if won, err := create(b.Context(), bucket, fmt.Sprintf("%03d/%d", i/1000, i), "b"); !won || err != nil {
					b.Fatal(won, err)
				}
			}
		})
	}
}

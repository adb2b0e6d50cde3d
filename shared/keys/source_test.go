package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// places are where a ring can be: each answers the URL of one that is not there.
var places = map[string]func(t *testing.T) string{
	"file": func(t *testing.T) string { return filepath.Join(t.TempDir(), "keys", "keyring.json") },
	"wrapped file": func(t *testing.T) string {
		return filepath.Join(t.TempDir(), "keyring.json") + "?keeper=" + url.QueryEscape(keeperURL(t))
	},
	"bucket in memory": func(t *testing.T) string {
		return "keysmem://" + strings.ReplaceAll(filepath.Base(t.TempDir())+t.Name(), "/", "-") + "?ring=keyring.json&keeper=" + url.QueryEscape(keeperURL(t))
	},
	"bucket in a folder": func(t *testing.T) string {
		return "keystest://" + t.TempDir() + "?ring=a/keyring.json&keeper=" + url.QueryEscape(keeperURL(t))
	},
}

// conformance runs a test for each place of a ring.
func conformance(t *testing.T, run func(t *testing.T, ringURL string)) {
	for name, place := range places {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) { run(t, place(t)) })
	}
}

// created makes a ring.
func created(t *testing.T, ringURL string) {
	t.Helper()
	if err := Create(t.Context(), ringURL); err != nil {
		t.Fatal(err)
	}
}

func TestCreate(t *testing.T) {
	conformance(t, func(t *testing.T, ringURL string) {
		if _, err := Open(t.Context(), ringURL); fault.CodeOf(err) != CodeMissing || fault.KindOf(err) != fault.Retry {
			t.Errorf("before it is there: %v", err)
		}
		for name, err := range map[string]error{"Rotate": second(Rotate(t.Context(), ringURL, time.Time{})), "Retire": Retire(t.Context(), ringURL, 1),
			"Create of a partner's": Create(t.Context(), ringURL, OfPartner("acme", keeperURL(t)))} {
			if fault.CodeOf(err) != CodeMissing {
				t.Errorf("%s before it is there: %v", name, err)
			}
		}
		created(t, ringURL)
		before := token(t, open(t, ringURL), "acme", time.Now())
		if err := Create(t.Context(), ringURL); !errors.Is(err, fs.ErrExist) || fault.CodeOf(err) != CodeExists {
			t.Errorf("a second Create: %v", err)
		}
		if after := token(t, open(t, ringURL), "acme", time.Now()); after != before {
			t.Error("a second Create changed the key")
		}
	})
}

func second(_ int, err error) error { return err }

// A file is there whole, its owner's alone, and nothing is beside it.
func TestCreateFile(t *testing.T) {
	path := inFile(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := Rotate(t.Context(), path, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if token(t, open(t, path), "acme", time.Now()) == token(t, open(t, inFile(t)), "acme", time.Now()) {
		t.Error("two rings have the same key")
	}
}

func TestCreateSideBySide(t *testing.T) {
	conformance(t, func(t *testing.T, ringURL string) {
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { errs[i] = Create(t.Context(), ringURL) })
		}
		wg.Wait()
		created := 0
		for _, err := range errs {
			if err == nil {
				created++
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		}
		if created != 1 {
			t.Errorf("%d created it", created)
		}
		open(t, ringURL)
	})
}

func TestRotateAndRetire(t *testing.T) {
	conformance(t, func(t *testing.T, ringURL string) {
		created(t, ringURL)
		now := time.Now()
		first := token(t, open(t, ringURL), "acme", now)
		for name, at := range map[string]time.Time{"the past": now.Add(-time.Hour), "too soon": now.Add(Lead - time.Minute), "never": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
			if _, err := Rotate(t.Context(), ringURL, at); fault.KindOf(err) != fault.Denied {
				t.Errorf("%s: %v", name, err)
			}
		}
		next := now.Add(time.Hour).Truncate(time.Minute)
		if _, err := Rotate(t.Context(), ringURL, next, ExpiresAt(next)); fault.CodeOf(err) != CodeLead {
			t.Errorf("a version that expires at once: %v", err)
		}
		if n, err := Rotate(t.Context(), ringURL, next, ExpiresAt(next.Add(time.Hour))); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := Rotate(t.Context(), ringURL, next); fault.CodeOf(err) != CodeLead {
			t.Errorf("a third version as early as the second: %v", err)
		}
		r := open(t, ringURL)
		if token(t, r, "acme", now) != first || token(t, r, "acme", next.Add(-1)) != first {
			t.Error("tokens of what was pinned before the rotation differ")
		}
		if token(t, r, "acme", next) == first {
			t.Error("the new version makes the same tokens")
		}
		end := next.Add(time.Hour)
		if n, err := r.Active(end.Add(-1)); n != 2 || err != nil {
			t.Errorf("just before it expires: %d, %v", n, err)
		}
		if _, err := r.TokenKey("acme", end); fault.CodeOf(err) != CodeExpired || fault.KindOf(err) != fault.Denied {
			t.Errorf("a version that has expired: %v", err)
		}
		for n, at := range map[int]time.Time{1: now, 2: next, 3: now} {
			key, err := r.VersionTokenKey("", "acme", n)
			if n == 3 {
				if fault.CodeOf(err) != CodeNoVersion || fault.KindOf(err) != fault.Denied {
					t.Errorf("version 3: %v", err)
				}
			} else if err != nil || fmt.Sprintf("%d%x", key.Version(), key.Secret()) != token(t, r, "acme", at) {
				t.Errorf("version %d by its number: %v", n, err)
			}
		}
		if err := Retire(t.Context(), ringURL, 2); err != nil {
			t.Fatal(err)
		}
		r = open(t, ringURL)
		if n, err := r.Active(next); n != 1 || err != nil {
			t.Errorf("with 2 retired: %d, %v", n, err)
		}
		if _, err := r.VersionTokenKey("", "acme", 2); fault.CodeOf(err) != CodeNoVersion {
			t.Errorf("a key that is retired: %v", err)
		}
		for _, n := range []int{1, 3} {
			if err := Retire(t.Context(), ringURL, n); fault.CodeOf(err) != CodeNoVersion {
				t.Errorf("retiring %d: %v", n, err)
			}
		}
		versions, err := r.Versions()
		if err != nil || len(versions) != 2 || versions[0].Retired || !versions[1].Retired || !versions[1].ActiveFrom.Equal(next) || !versions[1].Expires.Equal(next.Add(time.Hour)) {
			t.Errorf("%+v, %v", versions, err)
		}
		for _, v := range versions {
			if v.Key.Secret() != nil {
				t.Error("a version tells its key")
			}
		}
	})
}

// No key is lost, whoever comes between; who comes too late is told.
func TestRotateSideBySide(t *testing.T) {
	conformance(t, func(t *testing.T, ringURL string) {
		created(t, ringURL)
		var wg sync.WaitGroup
		var mu sync.Mutex
		added := map[int]bool{1: true}
		for i := range 8 {
			wg.Go(func() {
				n, err := Rotate(t.Context(), ringURL, time.Now().Add(time.Duration(i+1)*time.Hour))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && added[n]:
					t.Errorf("version %d was added twice", n)
				case err == nil:
					added[n] = true
				case fault.CodeOf(err) != CodeBusy && fault.CodeOf(err) != CodeLead:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		versions, err := open(t, ringURL).Versions()
		if err != nil || len(versions) != len(added) {
			t.Errorf("%d versions, %d were added, %v", len(versions), len(added), err)
		}
	})
}

// A ring that was uploaded from a file goes on in the bucket, and stays as it was
// uploaded.
func TestUploaded(t *testing.T) {
	path := inFile(t)
	keeper := "?keeper=" + url.QueryEscape(keeperURL(t))
	path += "-wrapped"
	created(t, path+keeper)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	inBucket := "keystest://" + filepath.Dir(path) + keeper + "&ring=" + filepath.Base(path)
	before := token(t, open(t, inBucket), "acme", time.Now())
	if err := Create(t.Context(), inBucket); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second ring: %v", err)
	}
	if n, err := Rotate(t.Context(), inBucket, time.Time{}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if after := token(t, open(t, inBucket), "acme", time.Now()); after != before {
		t.Error("the key of what is pinned now is another")
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(data) {
		t.Errorf("what was uploaded has changed: %v", err)
	}
	if _, err := os.Stat(path + ".00000001"); err != nil {
		t.Error(err)
	}
}

// Each operation of a rotation in a bucket fails, before it takes effect and
// after, as if the process were killed there. The ring is whole each time: every
// version that was there is, with its key, and the next rotation succeeds.
func TestRotationCutOff(t *testing.T) {
	ringURL := places["bucket in memory"](t)
	u, err := url.Parse(ringURL)
	if err != nil {
		t.Fatal(err)
	}
	world := inMemory.of(u.Host)
	created(t, ringURL)
	start := len(world.Ops())
	if _, err := Rotate(t.Context(), ringURL, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	operations := len(world.Ops()) - start
	if operations < 3 {
		t.Fatalf("a rotation is %d operations", operations)
	}
	now := time.Now()
	known := map[int]string{} // version to the key of a domain
	for n, at := 2, now; operations > 0; operations-- {
		for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
			world.At, world.Mode = len(world.Ops())+operations-1, mode
			failing := world.At
			n++
			at = now.Add(time.Duration(n) * time.Hour)
			_, err := Rotate(t.Context(), ringURL, at)
			if err == nil || fault.KindOf(err) != fault.Retry {
				t.Errorf("%s %s: %v", mode, world.Ops()[failing], err)
			}
			world.At = -1
			r := open(t, ringURL)
			versions, err := r.Versions()
			if err != nil {
				t.Fatal(err)
			}
			last := versions[len(versions)-1]
			took := strings.Contains(world.Ops()[failing], "write") && mode == storetest.After
			if got := last.ActiveFrom.Equal(at.UTC()); got != took {
				t.Errorf("%s %s: the version is there: %v", mode, world.Ops()[failing], got)
			}
			for _, v := range versions {
				key, err := r.VersionTokenKey("", "acme", v.Number)
				if err != nil {
					t.Fatal(err)
				}
				text := fmt.Sprintf("%x", key.Secret())
				if first, there := known[v.Number]; there && first != text {
					t.Errorf("version %d has another key", v.Number)
				}
				known[v.Number] = text
			}
			if len(known) != len(versions) {
				t.Errorf("%d versions were there, now %d are", len(known), len(versions))
			}
			n++
			if _, err := Rotate(t.Context(), ringURL, now.Add(time.Duration(n)*time.Hour)); err != nil {
				t.Errorf("after %s %s: %v", mode, world.Ops()[failing], err)
			}
		}
	}
	if len(known) < 8 {
		t.Errorf("only %d versions were seen", len(known))
	}
}

// A change of a file that was killed leaves what it wrote so far beside the ring,
// which is as it was.
func TestChangeOfAFileCutOff(t *testing.T) {
	path := inFile(t)
	before := token(t, open(t, path), "acme", time.Now())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, written := range []int{0, len(data) / 2, len(data)} {
		if err := os.WriteFile(path+".new", data[:written], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Rotate(t.Context(), path, time.Time{}); fault.CodeOf(err) != CodeBusy || !strings.Contains(err.Error(), ".new") {
			t.Errorf("got %v", err)
		}
		if after := token(t, open(t, path), "acme", time.Now()); after != before {
			t.Error("the key is another")
		}
	}
	if err := os.Remove(path + ".new"); err != nil {
		t.Fatal(err)
	}
	if n, err := Rotate(t.Context(), path, time.Time{}); n != 2 || err != nil {
		t.Errorf("afterwards: %d, %v", n, err)
	}
}

// The last change of a ring in a bucket may not go away while it is open.
func TestRollback(t *testing.T) {
	ringURL := places["bucket in memory"](t)
	created(t, ringURL)
	if _, err := Rotate(t.Context(), ringURL, time.Time{}); err != nil {
		t.Fatal(err)
	}
	r := open(t, ringURL)
	u, _ := url.Parse(ringURL)
	if err := inMemory.of(u.Host).b.Delete(t.Context(), "keyring.json.00000002"); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.read = time.Time{}
	r.mu.Unlock()
	if _, err := r.Active(time.Now()); fault.CodeOf(err) != CodeDamaged || fault.KindOf(err) != fault.Retry {
		t.Errorf("got %v", err)
	}
}

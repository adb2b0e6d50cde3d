package local_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// compile makes a policy in which the partner acme may drop contract a where
// path says, and contract b in b/**.
func compile(t *testing.T, path string) *policy.Policy {
	t.Helper()
	contract := func(id string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("apiVersion: v3.1.0\nkind: DataContract\nid: " + id + "-1\nname: " + id + "\nversion: 1.0.0\nstatus: active\n" +
			"schema:\n  - name: rows\n    properties:\n      - {name: x, logicalType: string}\n")}
	}
	b, err := exchange.Load(fstest.MapFS{
		"exchange.yaml":         {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: test\n")},
		"contracts/a.odcs.yaml": contract("a"),
		"contracts/b.odcs.yaml": contract("b"),
		"partners/acme.yaml": {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: acme\ndrops:\n" +
			"  - {contract: a, path: \"" + path + "\"}\n  - {contract: b-1, path: \"b/**\"}\n")},
		"partners/idle.yaml": {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: idle\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Compile(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestKeyFor: wherever a key can be made of a glob and a file name, policy takes
// it for the contract that was meant.
func TestKeyFor(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"a/**", "acme/a/f.csv"},
		{"**", "acme/f.csv"},
		{"in/**/day/*.csv", "acme/in/day/f.csv"},
		{"in/*", "acme/in/f.csv"},
		{"in/today.csv", "acme/in/today.csv"},
		{"in/*.json", ""},    // the file's name does not match
		{"in/*/x/**", ""},    // any folder would do
		{"**/b/x/*.csv", ""}, // it is a place of contract b, too
	} {
		key, err := local.KeyFor(compile(t, c.path), "acme", "a", "f.csv")
		if key != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.path, key, err, c.want)
		}
	}
}

func TestNoPlace(t *testing.T) {
	p := compile(t, "a/**")
	for _, c := range []struct{ partner, contract, do string }{
		{"nobody", "a", "acme, idle"},
		{"acme", "nothing", "a, b"},
		{"idle", "a", "add drops:"},
	} {
		_, err := local.KeyFor(p, c.partner, c.contract, "f.csv")
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != local.CodeNoPlace || !strings.Contains(f.Do, c.do) {
			t.Errorf("%s, %s: %v; want it to say %q", c.partner, c.contract, err, c.do)
		}
	}
	if key, err := local.CheckKey(p, "acme/b/x.csv", "a"); fault.CodeOf(err) != local.CodeNoPlace {
		t.Errorf("a place for b is taken for a: %q, %v", key, err)
	}
	if key, err := local.CheckKey(p, "acme/b/x.csv", "b"); key != "acme/b/x.csv" || err != nil {
		t.Errorf("%q, %v", key, err)
	}
}

func TestLay(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "ex")
	if _, err := local.WriteExample(dir); err != nil {
		t.Fatal(err)
	}
	f, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	const key = "harbour-bank/payments/a+b =c.csv"
	told := int64(0)
	laid, err := f.Lay(ctx, key, strings.NewReader("id\n1\n"), func(n int64) { told = n })
	if err != nil {
		t.Fatal(err)
	}
	if laid.Key != key || laid.Size != 5 || told != 5 || laid.Drop == event.DropID(key, "") {
		t.Errorf("laid %+v, told %d bytes", laid, told)
	}
	if info, err := os.Stat(filepath.Join(dir, ".sallyport")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("what the chain has is open to others: %v, %v", info.Mode(), err)
	}
	if _, err := f.Lay(ctx, key, strings.NewReader("id\n2\n"), func(int64) {}); fault.CodeOf(err) != local.CodeKeyTaken {
		t.Errorf("laid over another: %v", err)
	}
	if data, err := os.ReadFile(f.Drops(key)); err != nil || string(data) != "id\n1\n" {
		t.Errorf("%q, %v", data, err)
	}

	// What breaks off leaves nothing.
	broken := io.MultiReader(strings.NewReader("id\n"), errReader{})
	if _, err := f.Lay(ctx, "harbour-bank/payments/broken.csv", broken, func(int64) {}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a file that cannot be read: %v", err)
	}
	if _, err := os.Stat(f.Drops("harbour-bank/payments/broken.csv")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part of a file lies there: %v", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, fs.ErrPermission }

func TestNeverRan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ex")
	if _, err := local.WriteExample(dir); err != nil {
		t.Fatal(err)
	}
	f, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, keysErr := f.KeyRing()
	_, ledgerErr := f.Ledger()
	_, endpointErr := f.Endpoint()
	for _, c := range []struct {
		err  error
		want string
	}{{keysErr, local.CodeNeverRan}, {ledgerErr, local.CodeNeverRan}, {endpointErr, local.CodeNotRunning}} {
		if fault.CodeOf(c.err) != c.want {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}
	h, err := f.History(context.Background(), 10, func(int64) {})
	if err != nil || h.Totals.Records != 0 {
		t.Errorf("history: %+v, %v", h, err)
	}
	if _, err := local.Open(t.TempDir()); fault.CodeOf(err) != local.CodeNoExchange {
		t.Errorf("a folder that is no exchange: %v", err)
	}
	if _, err := local.WriteExample(dir); fault.CodeOf(err) != local.CodeNotEmpty {
		t.Errorf("a folder in which something is: %v", err)
	}
}

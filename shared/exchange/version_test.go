package exchange

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

func TestRange(t *testing.T) {
	for _, tt := range []struct {
		r       Range
		in, out string
	}{
		{"^1", "1.0.0 1.9.3 v1.2 1", "2.0.0 0.9.9 10.0.0 1.2.0-beta latest"},
		{"^1.2", "1.2.0 1.2.9 1.10.0", "1.1.9 2.0.0"},
		{"^1.2.3", "1.2.3 1.3.0", "1.2.2 2.2.3"},
		{"^0", "0.0.1 0.9.0", "1.0.0"},
		{"^0.2", "0.2.0 0.2.7", "0.3.0 0.1.9 1.2.0"},
		{"^0.0.3", "0.0.3", "0.0.4 0.1.3"},
		{"~1", "1.0.0 1.7.0", "2.0.0"},
		{"~1.2", "1.2.0 1.2.9", "1.3.0 1.1.0"},
		{"~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"},
		{"1.x", "1.0.0 1.9.0", "2.0.0 0.1.0 1.0.0-rc"},
		{"1.2.X", "1.2.0 1.2.9", "1.3.0"},
		{"*", "1.0.0 0.1 latest 2.0.0-beta", ""},
		{"", "1.0.0 latest", ""},
		{"1.2.3", "1.2.3 v1.2.3 1.2.3+build", "1.2.4 1.2"},
		{"1", "1 1.0 1.0.0", "1.0.1 1.2.0"},
		{"2.0.0-beta", "2.0.0-beta", "2.0.0 2.0.0-beta.2"},
		{"latest", "latest", "1.0.0"},
	} {
		if err := tt.r.Check(); err != nil && tt.r != "" {
			t.Errorf("%q: %v", tt.r, err)
		}
		for _, v := range strings.Fields(tt.in) {
			if !tt.r.Match(v) {
				t.Errorf("%q lacks %s", tt.r, v)
			}
		}
		for _, v := range strings.Fields(tt.out) {
			if tt.r.Match(v) {
				t.Errorf("%q has %s", tt.r, v)
			}
		}
	}
	for _, r := range []Range{"^", "~", "^^1", "^x", "^1.2.3.4", ">=1", "1 - 2", "^1 || ^2", "^1.0-beta", "^1,^2", "~>1"} {
		if r.Check() == nil {
			t.Errorf("%q passes", r)
		}
		for _, v := range []string{"1.0.0", "2.0.0"} {
			if r.Match(v) {
				t.Errorf("%q has %s", r, v)
			}
		}
	}
}

func FuzzRange(f *testing.F) {
	f.Add("^1.2", "1.3.0")
	f.Add("1.x", "1.0.0-beta+x")
	f.Fuzz(func(t *testing.T, r, version string) {
		if Range(r).Check() != nil && r != "" && Range(r).Match(version) && !sameVersion(r, version) {
			t.Errorf("%q is no range and has %q", r, version)
		}
		if c := compareVersions(r, version); c != -compareVersions(version, r) {
			t.Errorf("%q and %q have no order", r, version)
		}
	})
}

// versions is an exchange with versions of the contract orders; what differs of
// each is its version and status: "1.0.0 deprecated".
func versions(all ...string) map[string]string {
	files := folder()
	text := files["contracts/orders.odcs.yaml"]
	delete(files, "contracts/orders.odcs.yaml")
	for _, v := range all {
		version, status, _ := strings.Cut(v, " ")
		files["contracts/orders-"+version+".odcs.yaml"] = strings.NewReplacer("version: 1.0.0", "version: "+version, "status: active", "status: "+status).Replace(text)
	}
	return files
}

func replace(t *testing.T, files map[string]string, file, old, new string) {
	t.Helper()
	text := strings.ReplaceAll(files[file], old, new)
	if text == files[file] {
		t.Fatalf("%s does not have %q", file, old)
	}
	files[file] = text
}

const (
	makerDrops   = "  - {contract: orders, object: head, path: orders/head-*.csv}"
	acmeReceives = "contract: orders\n    object: head"
)

// TestVersions: which version of a contract partners mean.
func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		name                string
		versions            []string
		drop, sub           string // version: of maker's rule for head and of acme's subscription to it
		wantDrop, wantSub   string
		message, hint, file string
	}{
		{name: "one", versions: []string{"1.0.0 draft"}, wantDrop: "1.0.0", wantSub: "1.0.0"},
		{name: "the active one", versions: []string{"1.0.0 deprecated", "2.0.0 active", "3.0.0 draft"}, wantDrop: "2.0.0", wantSub: "2.0.0"},
		{name: "the deprecated one", versions: []string{"1.0.0 retired", "2.0.0 deprecated", "3.0.0 proposed"}, wantDrop: "2.0.0", wantSub: "2.0.0"},
		{name: "each says which", versions: []string{"1.0.0 active", "2.0.0 active"}, drop: "^1", sub: "^2", wantDrop: "1.0.0", wantSub: "2.0.0"},
		{name: "the one that is dropped", versions: []string{"1.0.0 active", "2.0.0 active"}, drop: "^1", wantDrop: "1.0.0", wantSub: "1.0.0"},
		{name: "within a range the active one", versions: []string{"1.0.0 deprecated", "1.1.0 active", "2.0.0 active"}, drop: "1.x", sub: "~1.1", wantDrop: "1.1.0", wantSub: "1.1.0"},
		{name: "within a range the dropped one", versions: []string{"1.0.0 deprecated", "1.1.0 active"}, drop: "1.0.0", sub: "^1", wantDrop: "1.0.0", wantSub: "1.0.0"},
		{name: "drop of two", versions: []string{"1.0.0 active", "2.0.0 active"}, sub: "^1",
			message: "versions 1.0.0, 2.0.0 of contract orders could be meant", hint: "version: ^2", file: "partners/maker.yaml"},
		{name: "no such version", versions: []string{"1.0.0 active", "2.0.0 deprecated"}, drop: "^1", sub: "^3",
			message: "contract orders has no version ^3", hint: "it has 1.0.0, 2.0.0", file: "partners/acme.yaml"},
		{name: "no range", versions: []string{"1.0.0 active"}, drop: ">=1", message: "not a range", hint: "^1", file: "partners/maker.yaml"},
		{name: "two drafts of one number", versions: []string{"1.0.0 draft", "1.1.0 draft"}, drop: "^1", sub: "1.0.0",
			message: "versions 1.0.0, 1.1.0", hint: "version: 1.1.0", file: "partners/maker.yaml"},
		{name: "two active of one number", versions: []string{"1.0.0 active", "1.1.0 active"}, drop: "1.0.0", sub: "1.0.0",
			message: "two active versions with the same first number, 1.1.0 and 1.0.0", hint: "let one be active", file: "contracts/orders-1.1.0.odcs.yaml"},
		{name: "one version twice", versions: []string{"1.0.0 active", "1.0 retired"}, drop: "1.0.0", sub: "1.0.0",
			message: `contract "orders" is there twice, also in contracts/orders-1.0.odcs.yaml`, hint: "each version", file: "contracts/orders-1.0.0.odcs.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := versions(tt.versions...)
			replace(t, files, "partners/maker.yaml", "  - {contract: orders, object: line, path: orders/line-*.csv}\n", "")
			if tt.drop != "" {
				replace(t, files, "partners/maker.yaml", "object: head", `object: head, version: "`+tt.drop+`"`)
			}
			if tt.sub != "" {
				replace(t, files, "partners/acme.yaml", acmeReceives, acmeReceives+"\n    version: \""+tt.sub+`"`)
			}
			b, err := Load(mapFS(files))
			if tt.message != "" {
				var problems yamldoc.Problems
				if !errors.As(err, &problems) {
					t.Fatalf("it loads: %v", err)
				}
				for _, p := range problems {
					if strings.Contains(p.Message, tt.message) && strings.Contains(p.Hint, tt.hint) && p.File == tt.file && p.Line > 0 {
						return
					}
				}
				t.Fatalf("%v\nlacks %q (%s) of %s", err, tt.message, tt.hint, tt.file)
			}
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := Decode(b.Encode())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range []*Bundle{b, decoded} {
				drop, sub := b.Partner("maker").Drops[1].Resolved(), b.Subscription("acme-orders").Resolved()
				if drop.Version != tt.wantDrop || sub.Version != tt.wantSub {
					t.Errorf("dropped is %s, received %s", drop.Version, sub.Version)
				}
				if len(b.Versions("orders")) != len(tt.versions) || b.Version("orders", tt.wantDrop) != drop || b.Version("orders", "9") != nil {
					t.Errorf("the versions are %v", b.Versions("orders"))
				}
				if several := len(tt.versions) > 1; strings.Contains(drop.String(), " version ") != several {
					t.Errorf("it is called %q", drop)
				}
			}
		})
	}
}

// TestVersionsDropped: where several versions arrive nobody guesses which of them
// a subscription is to.
func TestVersionsDropped(t *testing.T) {
	files := versions("1.0.0 active", "2.0.0 active")
	replace(t, files, "partners/maker.yaml", makerDrops,
		"  - {contract: orders, version: ^1, object: head, path: orders/head-*.csv}\n  - {contract: orders, version: ^2, object: head, path: orders/new-*.csv}")
	replace(t, files, "partners/maker.yaml", "  - {contract: orders, object: line, path: orders/line-*.csv}\n", "")
	if _, err := Load(mapFS(files)); err == nil || !strings.Contains(err.Error(), "versions 1.0.0, 2.0.0 of contract orders are dropped (say which one: version: ^2)") {
		t.Errorf("%v", err)
	}
	replace(t, files, "partners/maker.yaml", "orders/new-", "orders/head-")
	if _, err := Load(mapFS(files)); err == nil || !strings.Contains(err.Error(), "that of contract orders version 1.0.0 already") {
		t.Errorf("of two versions on one path: %v", err)
	}
}

// TestVersionsByObject: what is dropped of another object does not count.
func TestVersionsByObject(t *testing.T) {
	files := versions("1.0.0 active", "2.0.0 active")
	replace(t, files, "partners/maker.yaml", "object: head,", "object: head, version: ^1,")
	replace(t, files, "partners/maker.yaml", "object: line,", "object: line, version: ^2,")
	if got := load(t, files).Subscription("acme-orders").Resolved().Version; got != "1.0.0" {
		t.Errorf("received is %s", got)
	}
}

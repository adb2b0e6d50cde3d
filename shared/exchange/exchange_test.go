package exchange

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// folder is an exchange that passes all checks.
func folder() map[string]string {
	return map[string]string{
		"exchange.yaml": `# yaml-language-server: $schema=exchange.schema.json
apiVersion: sallyport.io/v1
kind: Exchange
name: demo
segment: {size: 4MiB}
limits: {object: 1GiB, row: 65536, ratio: 50}
`,
		"contracts/inventory.odcs.yaml": `apiVersion: v3.1.0
kind: DataContract
id: 2f3c9a36-6f0e-4c0e-9d5c-0a3f4c1f9b11
name: inventory
version: 1.0.0
status: active
schema:
  - name: stock
    logicalType: object
    properties:
      - {name: sku, logicalType: string, classification: public}
      - {name: available, logicalType: integer, classification: internal}
      - {name: unit_cost, logicalType: number, classification: confidential, tags: [price]}
`,
		"contracts/orders.odcs.yaml": `apiVersion: v3.1.0
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
schema:
  - name: head
    logicalType: object
    properties:
      - {name: id, logicalType: string, classification: public}
  - name: line
    logicalType: object
    properties:
      - {name: id, logicalType: string, classification: public}
`,
		"partners/maker.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: maker
drops:
  - contract: inventory
  - {contract: orders, object: head, path: orders/head-*.csv}
  - {contract: orders, object: line, path: orders/line-*.csv}
`,
		"partners/acme.yaml": `# yaml-language-server: $schema=partner.schema.json
apiVersion: sallyport.io/v1
kind: Partner
id: acme
name: Acme GmbH
subscriptions:
  - id: acme-stock
    contract: inventory
    object: stock
    purpose: replenishment
    legalBasis: contract
    filter: sku in ["9521582929054"]
    columns: [sku, available]
    profile: distributor
    expires: 2027-12-31
    destination:
      url: file://./outbox/acme
      format: csv
      retryFor: 2d
  - id: acme-orders
    contract: orders
    object: head
    purpose: planning
    legalBasis: contract
    revoked: true
    destination: {url: "nats://orders", send: rows}
`,
		"profiles/distributor.yaml": `apiVersion: sallyport.io/v1
kind: Profile
id: distributor
rules:
  - tag: price
    transform: {type: drop}
  - path: available
    transform: {type: keep}
  - classification: restricted
    transform: {type: constant, value: <none>}
  - classification: confidential
    transform: {type: bucket, size: 0.25}
`,
	}
}

func mapFS(files map[string]string) fstest.MapFS {
	fsys := make(fstest.MapFS)
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func load(t testing.TB, files map[string]string) *Bundle {
	t.Helper()
	b, err := Load(mapFS(files))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLoad(t *testing.T) {
	b := load(t, folder())
	if b.Name() != "demo" || b.SegmentSize() != 4<<20 {
		t.Errorf("name %q, segment %d", b.Name(), b.SegmentSize())
	}
	want := Limits{Object: 1 << 30, Decompressed: 200 << 30, Ratio: 50, Row: 65536, Columns: 4096, Nesting: 64, Report: 1000, Spill: 16 << 30}
	if got := b.Limits(); got != want {
		t.Errorf("limits %+v, want %+v", got, want)
	}
	if got := b.Limits().Records(); got.Row != 65536 || got.Columns != 4096 || got.Nesting != 64 {
		t.Errorf("limits of records %+v", got)
	}
	if len(b.Partners()) != 2 || len(b.Contracts()) != 2 || len(b.Profiles()) != 1 {
		t.Errorf("%d partners, %d contracts, %d profiles", len(b.Partners()), len(b.Contracts()), len(b.Profiles()))
	}
	byName, byID := b.Contract("inventory"), b.Contract("2f3c9a36-6f0e-4c0e-9d5c-0a3f4c1f9b11")
	if byName == nil || byName != byID || byName.OnlyObject() != "stock" || b.Contract("orders").OnlyObject() != "" {
		t.Errorf("contract by name %v, by id %v", byName, byID)
	}
	s := b.Subscription("acme-stock")
	if s == nil || s.Partner() != b.Partner("acme") || s.Domain() != "acme" || s.Destination.Patience() != 48*time.Hour {
		t.Fatalf("subscription %+v", s)
	}
	if b.Subscription("acme-orders").Destination.Patience() != 24*time.Hour {
		t.Error("the default of retryFor is not 24h")
	}
	if got := b.Partner("maker").Drops[0].Glob(); got != "inventory/**" {
		t.Errorf("the default path is %q", got)
	}
	if b.Partner("nobody") != nil || b.Profile("nothing") != nil || b.Contract("nothing") != nil || b.Subscription("none") != nil {
		t.Error("found what is not there")
	}
}

// TestLoadProblems changes one thing of a good folder at a time.
func TestLoadProblems(t *testing.T) {
	const acme, maker, main, profile, contract = "partners/acme.yaml", "partners/maker.yaml", "exchange.yaml", "profiles/distributor.yaml", "contracts/inventory.odcs.yaml"
	tests := []struct{ file, old, new, message string }{
		{main, "name: demo", "name: Demo Exchange", "name"},
		{main, "name: demo", "name: demo\nnaem: x", "naem"},
		{main, "sallyport.io/v1", "sallyport.io/v9", "apiVersion"},
		{main, "kind: Exchange", "kind: Exchanges", "kind"},
		{main, "4MiB", "4 potatoes", "size"},
		{main, "ratio: 50", "ratio: -1", "negative"},
		{main, "row: 65536", "row: 2GiB", "held in memory"},
		{main, "ratio: 50", "decompressed: 1MiB", "less than limits.object"},
		{maker, "id: maker", "id: acme", "there twice"},
		{maker, "contract: inventory", "contract: inventroy", `no contract "inventroy"`},
		{maker, "object: head", "object: haed", `no object "haed"`},
		{maker, "object: head, ", "", "2 objects"},
		{maker, "orders/line-*.csv", "orders/head-*.csv", "nobody could tell"},
		{maker, "orders/line-*.csv", "/orders", "starts with /"},
		{maker, "orders/line-*.csv", "a/../b", ".."},
		{maker, "orders/line-*.csv", "a/b**", "whole segment"},
		{acme, "id: acme-orders", "id: acme-stock", "there twice"},
		{acme, "id: acme-stock", "id: Acme_Stock", "form"},
		{acme, "contract: orders", "contract: order", `no contract "order"`},
		{acme, "purpose: replenishment", `purpose: " "`, "purpose"},
		{acme, "    purpose: replenishment\n", "", "purpose"},
		{acme, "    legalBasis: contract\n    filter", "    filter", "legalBasis"},
		{acme, "columns: [sku, available]", "columns: [sku, availible]", `no top-level field "availible"`},
		{acme, "columns: [sku, available]", "columns: [sku, sku]", "there twice"},
		{acme, "columns: [sku, available]", "columns: []", "nothing would leave"},
		{acme, "profile: distributor", "profile: distributer", `no profile "distributer"`},
		{acme, "2027-12-31", "31.12.2027", "neither a date"},
		{acme, "2d", "soon", "not a duration"},
		{acme, "file://./outbox/acme", "outbox/acme", "no scheme"},
		{acme, "file://./outbox/acme", "sftp://joe:secret@example.org/in", "password"},
		{acme, "url: file://./outbox/acme", "send: rows", "destination.url is missing"},
		{acme, "send: rows", "send: columns", "rows or segments"},
		{acme, "format: csv", "format: xls", "csv, ndjson, json, parquet or avro"},
		{acme, "revoked: true", "revoked: true\n    tokenDomain: A B", "tokenDomain"},
		{acme, "subscriptions:", "keys: {keeper: alias/tokens}\nsubscriptions:", "keys.keeper is not a URL"},
		{acme, "subscriptions:", "keys: {keeper: \"hashivault://user:pass@host/tokens\"}\nsubscriptions:", "keys.keeper holds a secret"},
		{acme, "subscriptions:", "keys: {keeper: \"base64key://c2VjcmV0\"}\nsubscriptions:", "keys.keeper holds a secret"},
		{acme, "subscriptions:", "keys: {keepers: \"awskms://key\"}\nsubscriptions:", "keeper"},
		{acme, `filter: sku in ["9521582929054"]`, "filter:", "filter has no value"},
		{acme, `filter: sku in ["9521582929054"]`, `filter: ""`, "filter has no value"},
		{acme, "expires: 2027-12-31", "expires: ~", "expires has no value"},
		{acme, "revoked: true", "revoked:", "revoked has no value"},
		{acme, "purpose: replenishment", "purpose: [replenishment]", "single value"},
		{profile, "type: keep", "type: null", `{type: "null"}`},
		{profile, "tag: price", "tag: price\n    path: sku", "exactly one"},
		{profile, "- tag: price\n    transform: {type: drop}", "- tag: price", "no transform"},
		{profile, "path: available", "tag: price", "there already"},
		{profile, "id: distributor", "id: distributor two", "form"},
		{contract, "name: stock", "naem: stock", "naem"},
	}
	for _, tt := range tests {
		files := folder()
		text := strings.Replace(files[tt.file], tt.old, tt.new, 1)
		if text == files[tt.file] {
			t.Fatalf("%s does not have %q", tt.file, tt.old)
		}
		files[tt.file] = text
		_, err := Load(mapFS(files))
		var problems yamldoc.Problems
		if !errors.As(err, &problems) {
			t.Errorf("%s with %q: %v", tt.file, tt.new, err)
			continue
		}
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.Message+" "+p.Hint, tt.message) && p.Line > 0
		}
		if !found {
			t.Errorf("%s with %q: %v\nlacks %q with a line", tt.file, tt.new, err, tt.message)
		}
	}
}

func TestLoadTellsAllProblemsAtOnce(t *testing.T) {
	files := folder()
	files["exchange.yaml"] = strings.Replace(files["exchange.yaml"], "name: demo", "name: demo\nnaem: demo", 1)
	files["partners/maker.yaml"] = strings.Replace(files["partners/maker.yaml"], "kind: Partner", "kind: Parter", 1)
	files["partners/more.yml"] = "x"
	files["partners/sub/more.yaml"] = "x"
	files["contracts/more.yaml"] = "x"
	_, err := Load(mapFS(files))
	for _, want := range []string{"exchange.yaml:5", "partners/maker.yaml:2", "partners/more.yml", "partners/sub", "contracts/more.yaml"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
	if _, err := Load(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "exchange.yaml") {
		t.Errorf("of an empty folder: %v", err)
	}
}

// TestLoadDoesNotBlameReferences: what cannot be read may be what is referred
// to.
func TestLoadDoesNotBlameReferences(t *testing.T) {
	files := folder()
	files["contracts/inventory.odcs.yaml"] = "schema: ["
	_, err := Load(mapFS(files))
	if err == nil || strings.Contains(err.Error(), "no contract") {
		t.Errorf("%v", err)
	}
}

func TestContractNames(t *testing.T) {
	files := folder()
	files["contracts/v2.odcs.yaml"] = strings.Replace(files["contracts/inventory.odcs.yaml"], "2f3c9a36", "aaaaaaaa", 1)
	if _, err := Load(mapFS(files)); err == nil || !strings.Contains(err.Error(), `2 contracts have the name "inventory"`) {
		t.Errorf("of a name that two contracts have: %v", err)
	}
	files["contracts/v2.odcs.yaml"] = files["contracts/inventory.odcs.yaml"]
	if _, err := Load(mapFS(files)); err == nil || !strings.Contains(err.Error(), "there twice, also in contracts/inventory.odcs.yaml") {
		t.Errorf("of an id that two contracts have: %v", err)
	}
}

func TestDigest(t *testing.T) {
	b := load(t, folder())
	renamed := maps.Clone(folder())
	renamed["partners/a-new-name.yaml"] = renamed["partners/acme.yaml"]
	delete(renamed, "partners/acme.yaml")
	if got := load(t, renamed); got.Digest() != b.Digest() {
		t.Error("the name of a file changes the digest")
	}
	for file, text := range folder() {
		commented := folder()
		commented[file] = text + "# a comment\n"
		same := load(t, commented).Digest() == b.Digest()
		if isContract := strings.HasPrefix(file, "contracts/"); same == isContract {
			t.Errorf("a comment in %s: the same digest %v", file, same)
		}
	}
	changed := folder()
	changed["partners/acme.yaml"] = strings.Replace(changed["partners/acme.yaml"], "revoked: true", "revoked: false", 1)
	if load(t, changed).Digest() == b.Digest() {
		t.Error("a revocation does not change the digest")
	}
}

func TestDecode(t *testing.T) {
	b := load(t, folder())
	got, err := Decode(b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest() != b.Digest() || string(got.Encode()) != string(b.Encode()) || got.Limits() != b.Limits() || got.SegmentSize() != b.SegmentSize() {
		t.Error("the bundle changed on its way")
	}
	if err := got.seal(); err != nil || got.Digest() != b.Digest() {
		t.Errorf("encoded again it is another: %v", err)
	}
	s := got.Subscription("acme-stock")
	if s.Partner().ID != "acme" || s.Expires.Instant() != b.Subscription("acme-stock").Expires.Instant() || s.Destination.Patience() != 48*time.Hour {
		t.Errorf("subscription %+v", s)
	}
	if c := got.Contract("inventory"); c.Text != folder()["contracts/inventory.odcs.yaml"] {
		t.Error("the text of a contract changed")
	}
	for name, text := range map[string]string{
		"no JSON":       "hello",
		"empty":         "{}",
		"other version": strings.Replace(string(b.Encode()), bundleFormat, "sallyport.io/bundle/v9", 1),
		"unknown key":   strings.Replace(string(b.Encode()), `"format"`, `"more":1,"format"`, 1),
		"null partner":  strings.Replace(string(b.Encode()), `"partners":[`, `"partners":[null,`, 1),
		"dangling":      strings.Replace(string(b.Encode()), `"profile":"distributor"`, `"profile":"nothing"`, 1),
	} {
		if _, err := Decode([]byte(text)); fault.KindOf(err) != fault.Poison || fault.CodeOf(err) != "bundle-decode" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStanding(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	expires := func(text string) Expiry {
		e, err := ParseExpiry(text)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	tests := []struct {
		s    Subscription
		now  string
		code string
	}{
		{Subscription{}, "2999-01-01T00:00:00Z", ""},
		{Subscription{Revoked: true}, "2026-01-01T00:00:00Z", "subscription-revoked"},
		{Subscription{Expires: expires("2027-12-31")}, "2027-12-31T23:59:59Z", ""},
		{Subscription{Expires: expires("2027-12-31")}, "2028-01-01T00:00:00Z", "subscription-expired"},
		{Subscription{Expires: expires("2027-12-31")}, "2027-12-31T23:30:00-02:00", "subscription-expired"},
		{Subscription{Expires: expires("2027-12-31T12:00:00+02:00")}, "2027-12-31T09:59:59Z", ""},
		{Subscription{Expires: expires("2027-12-31T12:00:00+02:00")}, "2027-12-31T10:00:00Z", "subscription-expired"},
	}
	for _, tt := range tests {
		err := tt.s.Standing(at(tt.now))
		if fault.CodeOf(err) != tt.code || tt.code != "" && fault.KindOf(err) != fault.Denied {
			t.Errorf("%+v at %s: %v", tt.s, tt.now, err)
		}
	}
}

func TestScalars(t *testing.T) {
	for text, want := range map[string]Size{"1": 1, "4MiB": 4 << 20, "50 GiB": 50 << 30, "2kB": 2000, "1TB": 1e12, "9223372036854775807": 1<<63 - 1,
		"": 0, "0": 0, "-1": 0, "4M": 0, "1.5MiB": 0, "MiB": 0, "9000000TiB": 0, "1  kB": 0, "+1": 0} {
		if got, err := ParseSize(text); got != want || (err != nil) != (want == 0) {
			t.Errorf("size %q: %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]time.Duration{"24h": 24 * time.Hour, "7d": 168 * time.Hour, "1h30m": 90 * time.Minute, "1d1s": 24*time.Hour + time.Second,
		"": 0, "0s": 0, "h": 0, "5": 0, "-1h": 0, "1.5h": 0, "999999999d": 0, "1h5": 0} {
		if got, err := ParseDuration(text); time.Duration(got) != want || (err != nil) != (want == 0) {
			t.Errorf("duration %q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2027-02-30", "2027-1-1", "2027-12-31T25:00:00Z", "2027-12-31 12:00:00"} {
		if e, err := ParseExpiry(text); err == nil || !e.IsZero() {
			t.Errorf("expiry %q: %v, %v", text, e, err)
		}
	}
}

func TestGlob(t *testing.T) {
	tests := []struct{ glob, yes, no string }{
		{"a/b.csv", "a/b.csv", "a/b.csvx x/a/b.csv a A/b.csv"},
		{"a/*", "a/b a/b.csv", "a a/b/c b/a"},
		{"a/**", "a/b a/b/c", "a b/a ab/c"},
		{"**", "a a/b/c", ""},
		{"**/b", "b a/b a/a/b", "a b/a ab"},
		{"a/**/b", "a/b a/x/b a/x/y/b", "a a/x b"},
		{"a/**/b/**", "a/b/c a/x/b/c a/b/b", "a/b a/x/b"},
		{"a-?.csv", "a-1.csv a-é.csv", "a-.csv a-12.csv a-/.csv"},
		{"**/a/**/a", "a/a x/a/y/a a/a/a", "a x/a"},
	}
	for _, tt := range tests {
		g := Glob(tt.glob)
		if err := g.Check(); err != nil {
			t.Errorf("%s: %v", g, err)
		}
		for _, name := range strings.Fields(tt.yes) {
			if !g.Match(name) {
				t.Errorf("%s does not match %s", g, name)
			}
		}
		for _, name := range strings.Fields(tt.no) {
			if g.Match(name) {
				t.Errorf("%s matches %s", g, name)
			}
		}
	}
	for _, bad := range []Glob{"", "/a", "a//b", "a/", "../a", "a/./b", "a**", "a[b]", `a\b`, "{a,b}", Glob(strings.Repeat("a", 1025))} {
		if bad.Check() == nil {
			t.Errorf("%.20q passes", bad)
		}
	}
	long := Glob(strings.Repeat("**/a/", 200) + "b")
	if long.Match(strings.Repeat("a/", 500) + "c") {
		t.Error("a long pattern matches what it should not")
	}
}

// FuzzLoad puts a text in the place of one document of a good folder. What
// loads must come out of its bundle as it went in.
func FuzzLoad(f *testing.F) {
	documents := []string{"exchange.yaml", "partners/acme.yaml", "profiles/distributor.yaml"}
	for i, file := range documents {
		f.Add(uint8(i), folder()[file])
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		files := folder()
		files[documents[int(which)%len(documents)]] = text
		b, err := Load(mapFS(files))
		if err != nil {
			if problems := (yamldoc.Problems)(nil); !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("%v tells no problem", err)
			}
			return
		}
		again, err := Decode(b.Encode())
		if err != nil {
			t.Fatalf("it loads but does not decode: %v", err)
		}
		if err := again.seal(); err != nil || again.Digest() != b.Digest() {
			t.Fatalf("it changes on its way: %v", err)
		}
	})
}

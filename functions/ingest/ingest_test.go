package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// world is an ingest on buckets in memory.
type world struct {
	t                                  testing.TB
	drops, landing, quarantine, config *blob.Bucket
	f                                  *ingest.Function
	clock                              time.Time // zero: the real one
}

func (w *world) now() time.Time {
	if w.clock.IsZero() {
		return time.Now()
	}
	return w.clock
}

// pinned opens always the same bucket, and leaves it open.
type pinned map[string]*blob.Bucket

func (p pinned) mux() *blob.URLMux {
	m := new(blob.URLMux)
	m.RegisterBucket("test", p)
	return m
}

func newWorld(t testing.TB, files map[string]string) *world {
	t.Helper()
	w := &world{t: t, drops: memblob.OpenBucket(nil), landing: memblob.OpenBucket(nil), quarantine: memblob.OpenBucket(nil), config: memblob.OpenBucket(nil)}
	w.publish(files)
	w.f = w.open(w.drops, w.landing, w.quarantine, w.config)
	return w
}

func (w *world) publish(files map[string]string) {
	w.t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	bundle, err := exchange.Load(fsys)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := exchange.Open(w.config).Publish(context.Background(), bundle); err != nil {
		w.t.Fatal(err)
	}
}

// drop puts an object and hands it to ingest.
func (w *world) drop(key string, data []byte) []event.Event {
	w.t.Helper()
	if err := w.drops.WriteAll(context.Background(), key, data, nil); err != nil {
		w.t.Fatal(err)
	}
	out, err := w.f.Handle(context.Background(), received(w.t, key, ""))
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func received(t testing.TB, key, generation string) event.Event {
	t.Helper()
	e, err := event.Origin("notice-"+key, event.TypeDropReceived, "/test", time.Unix(0, 0), event.DropReceived{Key: key, ETag: generation})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// outcome is the last of a drop's events.
func outcome(t testing.TB, events []event.Event) (string, event.DropOutcome) {
	t.Helper()
	if len(events) == 0 {
		t.Fatal("no events")
	}
	last := events[len(events)-1]
	o, err := event.Decode[event.DropOutcome](last)
	if err != nil {
		t.Fatal(err)
	}
	return last.Type(), o
}

func all(t testing.TB, b *blob.Bucket, prefix string) string {
	t.Helper()
	var text strings.Builder
	it := b.List(&blob.ListOptions{Prefix: prefix})
	for {
		obj, err := it.Next(context.Background())
		if err != nil {
			return text.String()
		}
		data, err := b.ReadAll(context.Background(), obj.Key)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(data)
	}
}

func document(properties, object string) string {
	return "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n- name: orders\n" + object + "  properties:\n" + properties
}

const (
	exchangeFile = "apiVersion: sallyport.io/v1\nkind: Exchange\nname: test\n"
	flat         = "  - {name: id, logicalType: integer, required: true, classification: public}\n" +
		"  - {name: name, logicalType: string, classification: public, logicalTypeOptions: {maxLength: 5}}\n"
)

func partner(id, drops string) string {
	return "apiVersion: sallyport.io/v1\nkind: Partner\nid: " + id + "\nname: " + id + "\n" + drops
}

func simple(object string) map[string]string {
	return map[string]string{
		"exchange.yaml":              exchangeFile + "limits: {row: 4KiB, columns: 50, object: 4MiB, ratio: 50}\nsegment: {size: 1KiB}\n",
		"contracts/orders.odcs.yaml": document(flat, object),
		"partners/acme.yaml":         partner("acme", "drops:\n- contract: orders\n"),
	}
}

func TestAcceptAndQuarantine(t *testing.T) {
	w := newWorld(t, simple(""))
	events := w.drop("acme/orders/a.csv", []byte("id,name\r\n1,ann\r\nx,bob\r\n3,\"q\"\"x\"\r\n4,toolong\r\n5\r\n6,eve\r\n"))
	typ, o := outcome(t, events)
	if typ != event.TypeDropAccepted || o.Rows != (event.Rows{Accepted: 3, Invalid: 3}) || o.Segments != 1 || len(events) != 2 {
		t.Fatalf("%s %+v", typ, o)
	}
	if got := all(t, w.landing, o.Drop.ID+"/"); !strings.HasPrefix(got, "id,name\r\n1,ann\r\n3,\"q\"\"x\"\r\n6,eve\r\n") {
		t.Errorf("landing has %q", got)
	}
	if got := all(t, w.quarantine, "acme/"); !strings.HasSuffix(got, "id,name\r\nx,bob\r\n4,toolong\r\n5\r\n") {
		t.Errorf("quarantine has %q", got)
	}
	report, err := w.quarantine.ReadAll(context.Background(), o.Report.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"ann", "bob", "toolong"} {
		if bytes.Contains(report, []byte(value)) {
			t.Errorf("the report holds the value %q", value)
		}
	}
	var doc struct {
		Violations []struct {
			Row, Line        int64
			Path, Rule, Want string
		}
	}
	if err := json.Unmarshal(report, &doc); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(doc.Violations); got != "[{2 3 id type an integer} {4 5 name maxLength at most 5 characters} {5 6  columns as many columns as the contract has}]" {
		t.Errorf("violations: %s", got)
	}
	again, err := w.f.Handle(context.Background(), received(t, "acme/orders/a.csv", ""))
	if err != nil || len(again) != len(events) || again[0].ID() != events[0].ID() || !bytes.Equal(again[0].Data(), events[0].Data()) {
		t.Errorf("the same drop again yields other events: %v, %v", again, err)
	}
}

func TestSegments(t *testing.T) {
	w := newWorld(t, simple(""))
	var rows strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&rows, "{\"id\":%d,\"name\":\"n\"}\n", i)
	}
	for name, data := range map[string][]byte{"a.ndjson": []byte(rows.String()), "a.json": []byte("[" + strings.ReplaceAll(strings.TrimSpace(rows.String()), "\n", ",\n") + "]")} {
		_, o := outcome(t, w.drop("acme/orders/"+name, data))
		if o.Rows.Accepted != 1000 || o.Segments < 10 {
			t.Fatalf("%s: %+v", name, o)
		}
		prefix := o.Drop.ID + "/"
		got := 0
		it := w.landing.List(&blob.ListOptions{Prefix: prefix})
		for {
			obj, err := it.Next(context.Background())
			if err != nil {
				break
			}
			if strings.HasSuffix(obj.Key, ".json") {
				continue
			}
			data, err := w.landing.ReadAll(context.Background(), obj.Key)
			if err != nil {
				t.Fatal(err)
			}
			if name == "a.json" {
				var items []any
				if err := json.Unmarshal(data, &items); err != nil {
					t.Fatalf("%v: %s", err, data)
				}
				got += len(items)
			} else {
				got += bytes.Count(data, []byte("\n"))
			}
		}
		if got != 1000 {
			t.Errorf("%s: %d rows in landing", name, got)
		}
	}
}

// TestBadInput: each ends in a named error with a report for the partner.
func TestBadInput(t *testing.T) {
	pack := func(data []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := "id,name\n" + strings.Repeat("1,ann\n", 1000)
	for _, test := range []struct {
		name, key string
		data      []byte
		code      string // of the refusal; "" if the drop is taken
		rule      string // that a row breaks
	}{
		{"empty", "", nil, "empty-drop", ""},
		{"blank", "", []byte("\n \n"), "empty-drop", ""},
		{"header only", "", []byte("id,name\n"), "no-rows", ""},
		{"truncated gzip", "", pack([]byte(good))[:40], "gzip-truncated", ""},
		{"corrupt gzip", "", append(pack([]byte(good))[:30], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), "gzip-corrupt", ""},
		{"gzip bomb", "", pack(append([]byte("id,name\n"), bytes.Repeat([]byte("1,a\n"), 2<<20)...)), "gzip-bomb", ""},
		{"gzip", "", pack([]byte(good)), "", ""},
		{"too large", "", bytes.Repeat([]byte("1,a\n"), 2<<20), "too-large", ""},
		{"one long line", "", append([]byte("id,name\n1,"), bytes.Repeat([]byte("x"), 1<<20)...), "row-too-long", ""},
		{"one long line of json", "", append([]byte(`{"id":`), bytes.Repeat([]byte("1"), 1<<20)...), "row-too-long", ""},
		{"many columns", "", []byte("id,name\n" + strings.Repeat("1,", 1000) + "\n"), "too-many-columns", ""},
		{"utf-16", "", []byte("\xff\xfei\x00d\x00"), "utf16", ""},
		{"invalid utf-8", "", []byte("id,name\n1,\xff\n2,a\n"), "", "utf8"},
		{"zero bytes", "", []byte("id,name\n1,\x00\n2,a\n"), "", "nul"},
		{"deep", "", []byte(`{"id":1,"name":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "}\n{\"id\":2}\n"), "", "json-depth"},
		{"duplicate keys", "", []byte("{\"id\":1,\"id\":2}\n{\"id\":2}\n"), "", "json-duplicate-key"},
		{"malformed line", "", []byte("{\"id\":1\n{\"id\":2}\n"), "", "json-syntax"},
		{"unknown member", "", []byte("{\"id\":1,\"x\":1}\n{\"id\":2}\n"), "", "unknown-field"},
		{"column too many", "", []byte("id,name,extra\n1,a,b\n"), "drift", ""},
		{"climbing key", "acme/orders/../../x.csv", []byte(good), "bad-key", ""},
		{"unknown partner", "nobody/orders/x.csv", []byte(good), "unknown-partner", ""},
		{"no contract", "acme/other/x.csv", []byte(good), "no-contract", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, simple(""))
			key := test.key
			if key == "" {
				key = "acme/orders/x"
			}
			typ, o := outcome(t, w.drop(key, test.data))
			if test.code == "" {
				if typ != event.TypeDropAccepted || (test.rule == "") != (len(o.Rules) == 0) {
					t.Fatalf("%s %+v", typ, o)
				}
				if test.rule != "" && o.Rules[test.rule] != 1 {
					t.Errorf("rules %v, want %s", o.Rules, test.rule)
				}
			} else {
				if typ != event.TypeDropRejected || o.Fault == nil || o.Fault.Code != test.code {
					t.Fatalf("%s %+v %+v, want %s", typ, o, o.Fault, test.code)
				}
				if o.Fault.Do == "" {
					t.Errorf("%s says not what to do", test.code)
				}
			}
			if test.code != "" || test.rule != "" {
				if o.Report == nil {
					t.Fatal("no report")
				}
				if _, err := w.quarantine.ReadAll(context.Background(), o.Report.Key); err != nil {
					t.Errorf("no report: %v", err)
				}
			}
			// The chain goes on.
			if typ, _ := outcome(t, w.drop("acme/orders/next.csv", []byte("id,name\n1,a\n"))); typ != event.TypeDropAccepted {
				t.Error("the next drop is not taken")
			}
		})
	}
}

func TestTwoContractsMatch(t *testing.T) {
	files := simple("")
	files["contracts/other.odcs.yaml"] = strings.ReplaceAll(document(flat, ""), "id: orders", "id: other")
	files["partners/acme.yaml"] = partner("acme", "drops:\n- {contract: orders, path: 'in/*.csv'}\n- {contract: other, path: 'in/**'}\n")
	w := newWorld(t, files)
	if typ, o := outcome(t, w.drop("acme/in/x.csv", []byte("id,name\n1,a\n"))); typ != event.TypeDropRejected || o.Fault.Code != "ambiguous-contract" {
		t.Errorf("%s %+v", typ, o.Fault)
	}
}

func TestReplacedWhileRead(t *testing.T) {
	w := newWorld(t, simple(""))
	ctx := context.Background()
	if err := w.drops.WriteAll(ctx, "acme/orders/x", []byte("id,name\n1,a\n"), nil); err != nil {
		t.Fatal(err)
	}
	attrs, err := w.drops.Attributes(ctx, "acme/orders/x")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	if err := w.drops.WriteAll(ctx, "acme/orders/x", []byte("id,name\n2,other\n"), nil); err != nil {
		t.Fatal(err)
	}
	out, err := w.f.Handle(ctx, received(t, "acme/orders/x", attrs.ETag))
	if err != nil {
		t.Fatal(err)
	}
	if typ, o := outcome(t, out); typ != event.TypeDropRejected || o.Fault.Code != "object-replaced" {
		t.Errorf("%s %+v", typ, o)
	}
	if typ, _ := outcome(t, w.drop("acme/orders/x", []byte("id,name\n2,other\n"))); typ != event.TypeDropAccepted {
		t.Error("the new object is not taken")
	}
}

func TestTolerance(t *testing.T) {
	custom := func(value string) string {
		return "  customProperties:\n  - {property: invalidRows, vendor: sallyport, value: " + value + "}\n"
	}
	for _, test := range []struct {
		value   string
		invalid int
		taken   bool
	}{
		{"{action: quarantine}", 50, true},
		{"{action: reject-drop}", 0, true},
		{"{action: reject-drop}", 1, false},
		{"{max: 2}", 2, true},
		{"{max: 2}", 3, false},
		{`{max: "10%"}`, 10, true},
		{`{max: "10%"}`, 11, false},
	} {
		w := newWorld(t, simple(custom(test.value)))
		data := "id,name\n" + strings.Repeat("x,a\n", test.invalid) + strings.Repeat("1,a\n", 100-test.invalid)
		typ, o := outcome(t, w.drop("acme/orders/x", []byte(data)))
		if (typ == event.TypeDropAccepted) != test.taken || !test.taken && o.Fault.Code != "too-many-invalid" {
			t.Errorf("%s with %d: %s %+v", test.value, test.invalid, typ, o.Fault)
		}
	}
}

// own makes an event of a partner.
func own(t testing.TB, id, data string) event.Event {
	t.Helper()
	e := received(t, "", "")
	e.SetID(id)
	e.SetType("com.acme.order")
	e.SetSource("/acme")
	e.SetExtension(event.ExtPartner, "acme")
	e.SetExtension(event.ExtContract, "orders")
	if err := e.SetData("application/json", json.RawMessage(data)); err != nil {
		t.Fatal(err)
	}
	return e
}

// rowsOf are the accepted rows of a landing bucket's outcomes.
func (w *world) rowsOf() []string {
	var rows []string
	it := w.landing.List(nil)
	for {
		obj, err := it.Next(context.Background())
		if err != nil {
			slices.Sort(rows)
			return rows
		}
		if !strings.HasSuffix(obj.Key, "/outcome.json") {
			continue
		}
		data, err := w.landing.ReadAll(context.Background(), obj.Key)
		if err != nil {
			w.t.Fatal(err)
		}
		var o struct{ Segments []event.SegmentAccepted }
		if err := json.Unmarshal(data, &o); err != nil {
			w.t.Fatal(err)
		}
		for _, s := range o.Segments {
			text, err := w.landing.ReadAll(context.Background(), s.Object.Key)
			if err != nil {
				w.t.Fatal(err)
			}
			rows = append(rows, strings.Split(strings.TrimSpace(string(text)), "\n")...)
		}
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t, simple(""))
	ctx := context.Background()
	a, b, c := own(t, "a", `{"id": 1,"name":"ann"}`), own(t, "b", `{"id":"x"}`), own(t, "c", `{"id":3}`)
	out, err := w.f.HandleBatch(ctx, []event.Event{a, b})
	if err != nil {
		t.Fatal(err)
	}
	typ, o := outcome(t, out)
	if typ != event.TypeDropAccepted || o.Rows != (event.Rows{Accepted: 1, Invalid: 1}) {
		t.Fatalf("%s %+v", typ, o)
	}
	// An event that comes again, in other company, is taken once.
	if _, err = w.f.HandleBatch(ctx, []event.Event{c, a}); err != nil {
		t.Fatal(err)
	}
	if _, err = w.f.HandleBatch(ctx, []event.Event{c}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.rowsOf(), "|"); got != `{"id":1,"name":"ann"}|{"id":3}` {
		t.Errorf("landing has %s", got)
	}
	// The first that came under an id holds.
	if _, err = w.f.HandleBatch(ctx, []event.Event{own(t, "c", `{"id":33}`)}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.rowsOf(), "|"); got != `{"id":1,"name":"ann"}|{"id":3}` {
		t.Errorf("landing has %s", got)
	}
	stranger := own(t, "d", `{"id":4}`)
	stranger.SetExtension(event.ExtPartner, "nobody")
	out, err = w.f.HandleBatch(ctx, []event.Event{stranger, own(t, "e", `{"id":5}`)})
	if fault.KindOf(fault.Of(err, 0)) != fault.Denied || fault.Of(err, 1) != nil || len(out) != 2 {
		t.Errorf("got %v, %d events", err, len(out))
	}
	// One that asks for more than its contract gives is refused; the others are taken.
	regulated, unread := own(t, "f", `{"id":6}`), own(t, "g", `{"id":7}`)
	regulated.SetExtension(event.ExtDataRegulation, "HIPAA")
	unread.SetExtension(event.ExtDataRegulation, ",")
	_, err = w.f.HandleBatch(ctx, []event.Event{regulated, unread, own(t, "h", `{"id":8}`)})
	if fault.CodeOf(fault.Of(err, 0)) != policy.CodeUnhonoured || fault.CodeOf(fault.Of(err, 1)) != "classification-malformed" || fault.Of(err, 2) != nil {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(w.rowsOf(), "|"); !strings.HasSuffix(got, `{"id":8}`) || strings.Contains(got, `"id":6`) || strings.Contains(got, `"id":7`) {
		t.Errorf("landing has %s", got)
	}
}

func TestRealFiles(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no ../shared/data beside the checkout")
	}
	adventure, err := os.ReadFile(filepath.Join(dir, "adventureworks.odcs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	inventory := "apiVersion: v3.1.0\nkind: DataContract\nid: inventory\nversion: 1.0.0\nstatus: active\nschema:\n- name: stock\n  properties:\n" +
		"  - {name: updated_at, logicalType: timestamp, required: true}\n  - {name: available, logicalType: integer, required: true}\n" +
		"  - {name: location, logicalType: string, required: true}\n  - {name: sku, logicalType: string, required: true, logicalTypeOptions: {pattern: '^[0-9]{13}$'}}\n"
	w := newWorld(t, map[string]string{
		"exchange.yaml":                 exchangeFile,
		"contracts/adventure.odcs.yaml": string(adventure),
		"contracts/inventory.odcs.yaml": inventory,
		"partners/acme.yaml": partner("acme", "drops:\n- {contract: inventory}\n"+
			"- {contract: "+field(string(adventure), "id")+", object: purchaseorderheader, path: 'orders/**'}\n"+
			"- {contract: "+field(string(adventure), "id")+", object: employee, path: 'employees/**'}\n"),
	})
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	typ, o := outcome(t, w.drop("acme/inventory/inventory+0+0001327496.json", read("inventory+0+0001327496.json")))
	if typ != event.TypeDropAccepted || o.Rows != (event.Rows{Accepted: 1000}) {
		t.Errorf("inventory: %s %+v %+v", typ, o.Rows, o.Fault)
	}
	for name, want := range map[string]string{
		"orders/PurchaseOrderHeader.csv": "column too many: rows have 13 columns, the contract has 12",
		"employees/Employee.csv":         "column too many: rows have 16 columns, the contract has 15",
	} {
		typ, o := outcome(t, w.drop("acme/"+name, read(filepath.Base(name))))
		if typ != event.TypeDropRejected || o.Fault.Code != "drift" || !strings.Contains(o.Fault.Msg, want) {
			t.Errorf("%s: %s %+v", name, typ, o.Fault)
		}
		t.Logf("%s: %s; %v", name, o.Fault.Msg, o.Notes)
	}
}

// field is the value of a top-level key of a YAML text.
func field(text, key string) string {
	for _, line := range strings.Split(text, "\n") {
		if value, ok := strings.CutPrefix(line, key+": "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// TestRepeatedInOneBatch: an event that stands twice in one call ends as one.
func TestRepeatedInOneBatch(t *testing.T) {
	w := newWorld(t, simple(""))
	a := own(t, "a", `{"id":1}`)
	if _, err := w.f.HandleBatch(t.Context(), []event.Event{a, a}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.rowsOf(), "|"); got != `{"id":1}` {
		t.Errorf("landing has %s", got)
	}
	closed := newWorld(t, simple(""))
	if err := closed.landing.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := closed.f.HandleBatch(t.Context(), []event.Event{a, a})
	if fault.Of(err, 0) == nil || fault.Of(err, 1) == nil {
		t.Errorf("one of the two is said to be taken: %v", err)
	}
}

// TestHostileSizes: the default limits against what they are for. Memory is
// bounded by the limits: the object of 1 GB is never read beyond the first row.
func TestHostileSizes(t *testing.T) {
	files := simple("")
	files["exchange.yaml"] = exchangeFile
	dir := t.TempDir()
	drops, err := filebucket.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, drops: drops, landing: memblob.OpenBucket(nil), quarantine: memblob.OpenBucket(nil), config: memblob.OpenBucket(nil)}
	w.publish(files)
	w.f = w.open(w.drops, w.landing, w.quarantine, w.config)

	line := filepath.Join(dir, "acme", "orders", "line.csv")
	if err := os.MkdirAll(filepath.Dir(line), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(line, []byte("id,name\n1,"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(line, 1<<30); err != nil { // the rest is a hole
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, err := w.f.Handle(t.Context(), received(t, "acme/orders/line.csv", ""))
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if typ, o := outcome(t, out); typ != event.TypeDropRejected || o.Fault.Code != "row-too-long" {
		t.Errorf("1 GB in one line: %s %+v", typ, o.Fault)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("1 GB in one line: %d MiB were allocated", grown>>20)
	}
	for _, test := range []struct{ name, data, code, rule string }{
		{"100,000 columns", "id,name\n" + strings.Repeat("1,", 100_000) + "\n", "too-many-columns", ""},
		{"100,000 columns in the header", strings.Repeat("id,", 100_000) + "\n1,2\n", "drift", ""},
		{"nested 10,000 deep", `{"id":1,"name":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000) + "}\n{\"id\":2}\n", "", "json-depth"},
		{"100,000 members", `{"id":1,"name":{` + strings.Repeat(`"a":1,`, 100_000) + "\"b\":1}}\n{\"id\":2}\n", "", "json-members"},
	} {
		typ, o := outcome(t, w.drop("acme/orders/"+strings.ReplaceAll(test.name, " ", "-"), []byte(test.data)))
		switch {
		case test.code != "" && (typ != event.TypeDropRejected || o.Fault.Code != test.code):
			t.Errorf("%s: %s %+v", test.name, typ, o.Fault)
		case test.rule != "" && (typ != event.TypeDropAccepted || o.Rules[test.rule] != 1):
			t.Errorf("%s: %s %v %+v", test.name, typ, o.Rules, o.Fault)
		}
	}
}

package chaintest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/ledger"
	"github.com/sallyport-io/sallyport/shared/store"
)

// final is what is left of a run: everything that somebody may ever look at.
type final struct {
	// objects are those of landing, masked, quarantine, state and outboxes by
	// bucket and key, the records of the ledger by "ledger/" and id, and the
	// events in the topic by "topic/" and id, all without times.
	objects map[string]string
	// gathered are the ids of drops that were gathered from events: which events
	// are together depends on the queue.
	gathered map[string]bool
	// rows are the delivered rows by subscription, sorted.
	rows map[string][]string
	// repeated are the events in the topic that are there more than once.
	repeated int
}

// comparable are the objects that do not depend on how events were gathered.
func (f *final) comparable() map[string]string {
	objects := maps.Clone(f.objects)
	maps.DeleteFunc(objects, func(key, value string) bool {
		for id := range f.gathered {
			if strings.Contains(key, id) || strings.Contains(value, id) {
				return true
			}
		}
		return strings.HasPrefix(key, "landing/events/") || strings.HasPrefix(key, "landing/claims/")
	})
	return objects
}

// check looks for every promise of the chain in what is left of a run.
func (w *world) check() *final {
	w.t.Helper()
	f := &final{objects: map[string]string{}, gathered: map[string]bool{}, rows: map[string][]string{}}
	for _, name := range slices.Concat([]string{"landing", "masked", "quarantine", "state"}, outboxes) {
		for key, data := range w.objects(name) {
			f.objects[name+"/"+key] = data
		}
	}
	w.checkLedger(f)
	w.checkOutboxes(f)
	w.checkTopic(f)
	for key, text := range f.objects {
		f.objects[key] = instants.ReplaceAllString(text, "T")
	}
	for subscription, want := range entitled {
		var ids []string
		for _, row := range f.rows[subscription] {
			var r struct {
				ID json.Number `json:"id"`
			}
			w.decode(row, &r)
			ids = append(ids, r.ID.String())
		}
		slices.Sort(ids)
		if !slices.Equal(ids, want) {
			w.t.Errorf("%s got the rows %v, is entitled to %v", subscription, ids, want)
		}
	}
	for subscription := range f.rows {
		if entitled[subscription] == nil {
			w.t.Errorf("%s got %d rows", subscription, len(f.rows[subscription]))
		}
	}
	return f
}

func (w *world) decode(text string, into any) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		w.t.Fatalf("%q: %v", text, err)
	}
}

// objects are those of a bucket, by key.
func (w *world) objects(bucket string) map[string]string {
	w.t.Helper()
	all := map[string]string{}
	err := store.Each(w.t.Context(), w.buckets[bucket], "", func(o *blob.ListObject) error {
		data, err := w.buckets[bucket].ReadAll(w.t.Context(), o.Key)
		all[o.Key] = string(data)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// holds checks that the object is what a reference to it promises.
func (w *world) holds(bucket string, ref event.Ref) string {
	w.t.Helper()
	data, err := w.buckets[bucket].ReadAll(w.t.Context(), ref.Key)
	if err != nil {
		w.t.Errorf("%s: %v", bucket, err)
	} else if int64(len(data)) != ref.Size || store.Digest(data) != ref.Digest {
		w.t.Errorf("%s %s: the object is not what the event promises", bucket, ref.Key)
	}
	return string(data)
}

// checkLedger: the ledger is sound, holds every event that was published once
// and no other, and what they refer to is there. What is in quarantine is what
// outcomes refer to.
func (w *world) checkLedger(f *final) {
	w.t.Helper()
	verifier, err := note.NewVerifier(w.secrets.vkey)
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := ledger.Verify(w.t.Context(), w.buckets["ledger"], verifier, origin, nil)
	if err != nil {
		w.t.Errorf("the ledger: %v", err)
	}
	if report.Signed != report.Entries {
		w.t.Errorf("the ledger has %d entries, %d are signed", report.Entries, report.Signed)
	}
	var events []ce.Event
	seen := map[string]bool{}
	err = ledger.OpenReader(w.buckets["ledger"], verifier, origin).Records(w.t.Context(), func(_ int64, r ledger.Record) error {
		if seen[r.ID] {
			w.t.Errorf("the ledger names %s %s twice", r.Type, r.ID)
		}
		seen[r.ID] = true
		var e ce.Event
		if err := json.Unmarshal(r.JSON, &e); err != nil {
			return err
		}
		events = append(events, e)
		return nil
	})
	if err != nil {
		w.t.Errorf("the ledger: %v", err)
	}
	told := map[string]string{}
	for _, e := range events {
		told[e.ID()] = w.timeless(e)
		f.objects["ledger/"+e.ID()] = told[e.ID()]
	}
	if !maps.Equal(told, w.published) {
		w.t.Errorf("the ledger does not tell what was published: %s", differ(told, w.published))
	}

	for _, e := range events {
		if d, err := event.Decode[event.DropOutcome](e); err == nil && strings.HasSuffix(d.Drop.Key, "/event") {
			f.gathered[d.Drop.ID] = true
		}
	}
	counts := map[string]int{}
	var quarantined []string
	referred := map[string]bool{}
	manifests := map[string]int{} // by subscription and drop: deliveries that name it
	for _, e := range events {
		if !f.gathered[event.Extension(e, event.ExtCorrelationID)] {
			counts[e.Type()]++
		}
		switch e.Type() {
		case event.TypeDropAccepted, event.TypeDropRejected:
			d := decoded[event.DropOutcome](w, e)
			for _, ref := range d.Quarantine {
				lines := strings.Split(strings.TrimSuffix(w.holds("quarantine", ref), "\n"), "\n")
				if d.Format.Header {
					lines = lines[1:]
				}
				quarantined = append(quarantined, lines...)
				referred[ref.Key] = true
			}
			if d.Report != nil {
				w.holds("quarantine", *d.Report)
				referred[d.Report.Key] = true
			}
		case event.TypeSegmentAccepted:
			w.holds("landing", decoded[event.SegmentAccepted](w, e).Object)
		case event.TypeSegmentMasked:
			if s := decoded[event.SegmentMasked](w, e); s.Rows > 0 {
				if strings.Contains(w.holds("masked", s.Object), secret) {
					w.t.Errorf("masked %s holds a secret", s.Object.Key)
				}
			}
		case event.TypeDropDelivered:
			d := decoded[event.DropDelivered](w, e)
			manifests[d.Subscription+"/"+d.Drop.ID]++
		}
	}
	if !maps.Equal(counts, outcomes) {
		w.t.Errorf("the ledger holds %v, want %v", counts, outcomes)
	}
	slices.Sort(quarantined)
	if want := slices.Sorted(slices.Values(refused)); !slices.Equal(quarantined, want) {
		w.t.Errorf("in quarantine are %q, want %q", quarantined, want)
	}
	for key := range w.objects("quarantine") {
		if !referred[key] {
			w.t.Errorf("no outcome refers to %s in quarantine", key)
		}
	}
	for key := range w.objects("state") {
		if name, ok := strings.CutPrefix(key, "manifests/"); ok {
			if n := manifests[name]; n != 1 {
				w.t.Errorf("%d entries of the ledger name the manifest of %s", n, name)
			}
			delete(manifests, name)
		}
	}
	if len(manifests) > 0 {
		w.t.Errorf("there are no manifests: %v", manifests)
	}
}

// timeless is an event without times.
func (w *world) timeless(e ce.Event) string {
	text, err := json.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	var members map[string]any
	w.decode(string(text), &members)
	if text, err = json.Marshal(members); err != nil {
		w.t.Fatal(err)
	}
	return instants.ReplaceAllString(string(text), "T")
}

// instants are times as JSON has them. No row of the scenario has one.
var instants = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)

func decoded[T any](w *world, e ce.Event) T {
	w.t.Helper()
	v, err := event.Decode[T](e)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// manifest is what partners read.
type manifest struct {
	Subscription string
	Drop         string
	Rows         int
	Segments     []struct {
		Segment, Rows int
		event.Ref
	}
}

// checkOutboxes: each object of a partner is named by the manifest of its drop,
// and is there to the last byte. It collects the rows.
func (w *world) checkOutboxes(f *final) {
	w.t.Helper()
	for _, outbox := range outboxes {
		objects := w.objects(outbox)
		named := map[string]bool{}
		for key, text := range objects {
			if path.Base(key) != "manifest.json" {
				continue
			}
			named[key] = true
			var m manifest
			w.decode(text, &m)
			var rows []string
			for _, s := range m.Segments {
				named[s.Key] = true
				segment := w.rowsOf(s.Key, w.holds(outbox, s.Ref))
				if len(segment) != s.Rows {
					w.t.Errorf("%s %s has %d rows, the manifest says %d", outbox, s.Key, len(segment), s.Rows)
				}
				rows = append(rows, segment...)
			}
			if m.Subscription != outbox || m.Rows != len(rows) {
				w.t.Errorf("%s: the manifest %s is for %s and says %d rows", outbox, key, m.Subscription, m.Rows)
			}
			f.rows[outbox] = append(f.rows[outbox], rows...)
		}
		for key, text := range objects {
			if !named[key] {
				w.t.Errorf("%s: no manifest names %s", outbox, key)
			}
			if strings.Contains(text, secret) {
				w.t.Errorf("%s %s holds a secret", outbox, key)
			}
		}
		slices.Sort(f.rows[outbox])
	}
}

// rowsOf are the rows of an object, each as a JSON object.
func (w *world) rowsOf(key, text string) (rows []string) {
	w.t.Helper()
	if path.Ext(key) != ".csv" {
		return strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) == 0 {
		w.t.Fatalf("%s: %v", key, err)
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		text, err := json.Marshal(row)
		if err != nil {
			w.t.Fatal(err)
		}
		rows = append(rows, string(text))
	}
	return rows
}

// checkTopic: events of one id are the same event. It collects the rows, each id
// once, as its receiver does.
func (w *world) checkTopic(f *final) {
	w.t.Helper()
	for _, body := range w.sent {
		var e ce.Event
		if err := json.Unmarshal(body, &e); err != nil {
			w.t.Fatal(err)
		}
		if strings.Contains(string(body), secret) {
			w.t.Errorf("the event %s holds a secret", e.ID())
		}
		key := "topic/" + e.ID()
		if first, there := f.objects[key]; there {
			f.repeated++
			if first != string(body) {
				w.t.Errorf("two events %s differ", e.ID())
			}
			continue
		}
		f.objects[key] = string(body)
		if e.Type() == deliver.TypeRow {
			subscription := event.Extension(e, "subscription")
			f.rows[subscription] = append(f.rows[subscription], string(e.Data()))
		}
	}
	for _, rows := range f.rows {
		slices.Sort(rows)
	}
}

// differ says where two maps differ, a few times at most.
func differ(got, want map[string]string) string {
	var b bytes.Buffer
	n := 0
	keys := map[string]bool{}
	for key := range got {
		keys[key] = true
	}
	for key := range want {
		keys[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if g, ok := got[key]; !ok {
			fmt.Fprintf(&b, "\n%s: missing", key)
		} else if v, ok := want[key]; !ok {
			fmt.Fprintf(&b, "\n%s: too many: %s", key, g)
		} else if g != v {
			fmt.Fprintf(&b, "\n%s:\n got %s\nwant %s", key, g, v)
		} else {
			continue
		}
		if n++; n == 5 {
			b.WriteString("\n...")
			break
		}
	}
	return b.String()
}

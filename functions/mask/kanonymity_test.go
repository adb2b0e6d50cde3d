package mask_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// patients is a contract with quasi-identifiers.
const patients = `apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
- name: orders
  properties:
  - {name: id, logicalType: integer, classification: public}
  - {name: age, logicalType: integer, classification: restricted}
  - {name: zip, logicalType: string, classification: restricted}
  - {name: seen, logicalType: date, classification: public}
`

const coarse = "apiVersion: sallyport.io/v1\nkind: Profile\nid: coarse\nrules:\n- {path: age, transform: {type: bucket, size: 10}}\n- {path: zip, transform: {type: prefix, length: 2}}\n- {path: zip, dropRow: {values: [\"99999\"]}}\n"

const crowdOf2 = "  profile: coarse\n  kAnonymity: {k: 2, quasiIdentifiers: [age, zip]}\n"

// segments lays the segments of a drop into landing and makes their events.
func (w *world) segments(f event.Format, texts ...string) (events []event.Event) {
	w.t.Helper()
	at := time.Now()
	for i, text := range texts {
		key := fmt.Sprintf("d/x/%06d", i)
		if _, err := store.Create(w.t.Context(), w.buckets["landing"], key, []byte(text)); err != nil {
			w.t.Fatal(err)
		}
		e, err := event.Origin(fmt.Sprint("accepted ", i), event.TypeSegmentAccepted, "/test", at, event.SegmentAccepted{
			Drop:    event.Drop{ID: "d", Partner: "q", Contract: "orders", Object: "orders", Time: at},
			Segment: i, Segments: len(texts), Format: f, Object: event.Ref{Key: key, Size: int64(len(text))},
		})
		if err != nil {
			w.t.Fatal(err)
		}
		e.SetExtension(event.ExtExchange, w.digest)
		events = append(events, e)
	}
	return events
}

// masked are the keys of the bucket.
func (w *world) masked() (keys []string) {
	w.t.Helper()
	if err := store.Each(w.t.Context(), w.buckets["masked"], "", func(o *blob.ListObject) error {
		keys = append(keys, o.Key[strings.IndexByte(o.Key, '/')+1:])
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return keys
}

var patientsFormat = event.Format{Codec: "csv", Delimiter: ",", Header: true, Terminator: "lf", Columns: []string{"id", "age", "zip", "seen"}}

// drop3 has alike, as they leave: 1, 2 and 5; 4 and 8; 6 and 9, of which nothing is
// known. 3 and 7 stand alone, 10 is kept by a rule.
var drop3 = []string{
	"id,age,zip,seen\n1,34,10115,2026-01-01\n2,31,\"10999\",2026-01-02\n3,34,20095,2026-01-01\n",
	"id,age,zip,seen\n4,70,10115,2026-01-01\n5,39,10245,2026-01-01\n6,,,2026-01-01\n",
	"id,age,zip,seen\n7,,10115,2026-01-01\n8,71,10115,2026-01-01\n9,,,2026-01-01\n10,20,99999,2026-01-01\n",
}

var want3 = []struct {
	ids  string
	kept int64
}{{"1 2", 1}, {"4 5 6", 0}, {"8 9", 2}}

func ids(text string) string {
	var all []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		id, _, _ := strings.Cut(line, ",")
		all = append(all, id)
	}
	return strings.Join(all, " ")
}

// TestKAnonymity: rows leave that another of the drop is like, in whichever segment and
// in whatever order those are masked.
func TestKAnonymity(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2, 1}} {
		w := patientsWorld(t, subscription("study", crowdOf2), subscription("all", "  profile: coarse\n"))
		events := w.segments(patientsFormat, drop3...)
		for _, i := range order {
			got := w.handle(events[i])
			s := got["study"]
			if text := w.text(s); ids(text) != want3[i].ids || s.Suppressed != want3[i].kept || s.Rows+s.Suppressed < got["all"].Rows {
				t.Errorf("segment %d in %v: %q, %d are kept", i, order, text, s.Suppressed)
			}
		}
		kept := w.masked()
		want := []string{"d/000000", "d/000000", "d/000001", "d/000001", "d/000002", "d/000002", "d/counts/000000", "d/counts/000001", "d/counts/000002", "d/counts/common"}
		if slices.Sort(kept); !slices.Equal(kept, want) {
			t.Errorf("in masked are %v", kept)
		}
	}
}

// TestKAnonymityOfOneSegment needs no objects of its own.
func TestKAnonymityOfOneSegment(t *testing.T) {
	w := patientsWorld(t, subscription("study", crowdOf2), subscription("third", "  filter: id > 2\n"+crowdOf2))
	got := w.handle(w.segments(patientsFormat, drop3[0])[0])
	if text := w.text(got["study"]); ids(text) != "1 2" || got["study"].Suppressed != 1 {
		t.Errorf("%q, %d are kept", text, got["study"].Suppressed)
	}
	if got["third"].Rows != 0 || got["third"].Suppressed != 1 {
		t.Errorf("a row that the filter keeps counts: %+v", got["third"])
	}
	if kept := w.masked(); len(kept) != 1 {
		t.Errorf("in masked are %v", kept)
	}
}

// TestCountsAreKeyed: what is stored to count is other bytes for the same values in
// another view, and with another key ring.
func TestCountsAreKeyed(t *testing.T) {
	seen := map[string]string{}
	for range 2 {
		w := patientsWorld(t, subscription("study", crowdOf2), subscription("other", "  columns: [id, age, zip]\n"+crowdOf2))
		for _, e := range w.segments(patientsFormat, drop3...) {
			w.handle(e)
		}
		if err := store.Each(t.Context(), w.buckets["masked"], "", func(o *blob.ListObject) error {
			if !strings.Contains(o.Key, "/counts/") {
				return nil
			}
			data, err := w.buckets["masked"].ReadAll(t.Context(), o.Key)
			const head, slot = 6, 18
			if len(data) < head+slot || (len(data)-head)%slot != 0 {
				t.Errorf("%s has %d bytes", o.Key, len(data))
			}
			for ; len(data) >= head+slot; data = data[:len(data)-slot] {
				hash := string(data[len(data)-slot : len(data)-2])
				if where := o.Key[:strings.IndexByte(o.Key, '/')] + w.ring; seen[hash] != "" && seen[hash] != where {
					t.Errorf("%s and %s have a hash in common", seen[hash], where)
				} else {
					seen[hash] = where
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 4*5 {
		t.Errorf("%d combinations, want 5 of each view in each world", len(seen))
	}
}

// TestTooManyCombinations: a drop of which too much would have to be remembered does not
// leave, and says so; other views do.
func TestTooManyCombinations(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,age,zip,seen\n")
	for i := range 1<<19 + 1 {
		fmt.Fprintf(&text, "%d,%d,%d,\n", i, i%100, i/100)
	}
	w := patientsWorld(t, subscription("study", strings.Replace(crowdOf2, "age, zip", "id", 1)), subscription("all", ""))
	out, err := w.f.Handle(t.Context(), w.segments(patientsFormat, text.String())[0])
	if err != nil || len(out) != 2 {
		t.Fatal(len(out), err)
	}
	for _, e := range out {
		d, err := event.Decode[event.Delivery](e)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Type() == event.TypeSegmentMasked && d.Subscription == "all":
		case e.Type() == event.TypeDeliveryFailed && d.Subscription == "study" && d.Fault.Code == mask.CodeCombinations && d.Fault.Kind == fault.Denied.String():
		default:
			t.Errorf("%s: %+v", e.Type(), d)
		}
	}
	if kept := w.masked(); len(kept) != 1 {
		t.Errorf("in masked are %v", kept)
	}
}

// TestCountsDamaged: somebody else wrote what is counted: nothing leaves.
func TestCountsDamaged(t *testing.T) {
	w := patientsWorld(t, subscription("study", crowdOf2))
	events := w.segments(patientsFormat, drop3...)
	got := w.handle(events[0])
	key := got["study"].View + "/d/counts/common"
	if err := w.buckets["masked"].WriteAll(t.Context(), key, []byte("nothing"), nil); err != nil {
		t.Fatal(err)
	}
	if out, err := w.f.Handle(t.Context(), events[1]); fault.CodeOf(err) != "counts-damaged" || len(out) > 0 {
		t.Errorf("%d events, %v", len(out), err)
	}
}

func patientsWorld(t *testing.T, subscriptions ...string) *world {
	t.Helper()
	return openWorld(t, "", patients, subscriptions...)
}

package mask_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
	"github.com/sallyport-io/sallyport/shared/transform"
)

const subjectsProfile = `apiVersion: sallyport.io/v1
kind: Profile
id: subjects
rules:
- {path: name, transform: {type: token, algorithm: aes-siv, subject: id}}
- {path: country, transform: {type: token, subject: id}}
- {path: secret, transform: {type: token, algorithm: aes-gcm, subject: id}}
`

// subjectWorld is a mask whose tokens are keyed by the rows' id, and its buckets.
type subjectWorld struct {
	*world
	ring   *keys.Ring
	faults *storetest.Injector // of the bucket subjects
}

// open opens a copy of mask.
func (w *subjectWorld) open() *mask.Function {
	w.t.Helper()
	f, err := mask.Open(w.t.Context(), mask.Config{Landing: "test://landing", Masked: "test://masked", Exchange: "test://config", Subjects: "test://subjects", Keys: w.world.ring, Buckets: w.mux()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	return f
}

func (w *subjectWorld) mux() *blob.URLMux {
	mux := new(blob.URLMux)
	mux.RegisterBucket("test", w.world)
	return mux
}

func newSubjectWorld(t *testing.T) *subjectWorld {
	w := &subjectWorld{world: newWorld(t, subscription("s", "  profile: tokens\n")), faults: &storetest.Injector{At: -1}}
	w.buckets["secrets"] = memblob.OpenBucket(nil)
	w.buckets["subjects"] = w.faults.Bucket("subjects", w.buckets["secrets"])
	bundle, err := exchange.Load(fstest.MapFS{
		"exchange.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: test\n")},
		"contracts/orders.odcs.yaml": {Data: []byte(contractFile)},
		"partners/p.yaml":            {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nsubscriptions:\n" + subscription("s", "  profile: subjects\n"))},
		"partners/q.yaml":            {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: q\nsubscriptions:\n" + subscription("other", "  profile: subjects\n  columns: [name, country]\n"))},
		"profiles/subjects.yaml":     {Data: []byte(subjectsProfile)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange.Open(w.buckets["config"]).Publish(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	w.digest = bundle.Digest()
	if w.ring, err = keys.Open(t.Context(), w.world.ring); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.ring.Close() })
	return w
}

// drop lays rows of so many subjects down as a drop.
func (w *subjectWorld) drop(id string, rows string) event.Event {
	w.t.Helper()
	text := "id,name,country,secret\n" + rows
	if err := w.buckets["landing"].WriteAll(w.t.Context(), id+"/000000", []byte(text), nil); err != nil {
		w.t.Fatal(err)
	}
	e, err := event.Origin("accepted-"+id, event.TypeSegmentAccepted, "/test", time.Now(), event.SegmentAccepted{
		Drop:     event.Drop{ID: id, Partner: "q", Contract: "orders", Version: "1.0.0", Object: "orders", Time: time.Now()},
		Segments: 1, Format: event.Format{Codec: "csv", Delimiter: ",", Header: true, Terminator: "lf", Columns: []string{"id", "name", "country", "secret"}},
		Object: event.Ref{Key: id + "/000000", Size: int64(len(text))},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	e.SetExtension(event.ExtExchange, w.digest)
	return e
}

// masked masks a drop and answers its rows, without the head, by subscription.
func (w *subjectWorld) masked(f *mask.Function, e event.Event) map[string][][]string {
	w.t.Helper()
	out, err := f.Handle(w.t.Context(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string][][]string{}
	for _, e := range out {
		m, err := event.Decode[event.SegmentMasked](e)
		if err != nil {
			w.t.Fatal(err)
		}
		data, err := w.buckets["masked"].ReadAll(w.t.Context(), m.Object.Key)
		if err != nil {
			w.t.Fatal(err)
		}
		if m.Object.Size != int64(len(data)) || m.Object.Digest != store.Digest(data) {
			w.t.Errorf("%s is told as what it is not", m.Object.Key)
		}
		rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
		if err != nil {
			w.t.Fatal(err)
		}
		all[m.Subscription] = rows[1:]
	}
	return all
}

// TestTokensOfSubjects: two copies make the same tokens of each subject, partners
// other ones; after one subject is erased its fields leave as null, and nobody
// else's do.
func TestTokensOfSubjects(t *testing.T) {
	w := newSubjectWorld(t)
	const subjects = 150
	var rows strings.Builder
	for i := range 2 * subjects {
		fmt.Fprintf(&rows, "%d,name,DE,s\n", i%subjects)
	}
	first := w.masked(w.open(), w.drop("d1", rows.String()))
	again := w.masked(w.open(), w.drop("d2", rows.String()))
	seen := map[string]int{}
	for i, row := range first["s"] {
		if row[1] != again["s"][i][1] || row[2] != again["s"][i][2] {
			t.Fatalf("row %d: two copies make two tokens", i)
		}
		if row[3] == again["s"][i][3] || row[1] == first["other"][i][0] || row[2] == first["other"][i][1] {
			t.Errorf("row %d: tokens are joined that should not be", i)
		}
		seen[row[1]]++
		if !strings.HasPrefix(row[1], "e1_") || !strings.HasPrefix(row[2], "t1_") || !strings.HasPrefix(row[3], "x1_") {
			t.Errorf("row %d: %q", i, row)
		}
	}
	if len(seen) != subjects {
		t.Errorf("%d tokens of %d subjects", len(seen), subjects)
	}

	eraser := keys.NewSubjects(w.buckets["secrets"], w.ring)
	defer eraser.Close()
	token, err := w.ring.TokenKey("p", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	opened, ok, err := transform.OpenSubject([]byte(first["s"][7][1]), token)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	found, err := eraser.Look(t.Context(), keys.SubjectRef(opened.Ref))
	if err != nil {
		t.Fatal(err)
	}
	own, err := found.TokenKey(token)
	if err != nil {
		t.Fatal(err)
	}
	if value, ok, err := opened.Reveal(nil, own); string(value) != "name" || !ok || err != nil {
		t.Errorf("revealed %q, %v", value, err)
	}
	if _, err := eraser.Erase(t.Context(), "orders", []byte("7"), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := eraser.Look(t.Context(), keys.SubjectRef(opened.Ref)); fault.CodeOf(err) != keys.CodeSubjectErased {
		t.Error(err)
	}
	after := w.masked(w.open(), w.drop("d3", rows.String()))
	for i, row := range after["s"] {
		if i%subjects == 7 {
			if row[0] != "7" || row[1] != "" || row[2] != "" || row[3] != "" {
				t.Errorf("the erased one leaves as %q", row)
			}
		} else if row[1] != first["s"][i][1] || row[2] != first["s"][i][2] {
			t.Errorf("row %d: another's tokens have changed", i)
		}
	}
	nobody := w.masked(w.open(), w.drop("d4", ",name,DE,s\n"))
	if row := nobody["s"][0]; row[1] != "" || row[2] != "" || row[3] != "" {
		t.Errorf("nobody's row leaves as %q", row)
	}
}

// TestErasedMeanwhile: a segment that was masked before somebody was erased is masked
// again. What was made first stands, as it is.
func TestErasedMeanwhile(t *testing.T) {
	w := newSubjectWorld(t)
	e := w.drop("d", "1,ann,DE,s\n2,bert,DE,s\n")
	first := w.masked(w.open(), e)
	eraser := keys.NewSubjects(w.buckets["secrets"], w.ring)
	defer eraser.Close()
	if _, err := eraser.Erase(t.Context(), "orders", []byte("2"), time.Now()); err != nil {
		t.Fatal(err)
	}
	if again := w.masked(w.open(), e); !reflect.DeepEqual(first, again) {
		t.Errorf("it was %q, and is told as %q", first, again)
	}
}

// TestSubjectsCutOff: each operation on the bucket of the subjects' keys fails once,
// before and after it takes effect. Nothing leaves then, and a second run makes the
// same as one that nothing happened to.
func TestSubjectsCutOff(t *testing.T) {
	const rows = "1,Annegret,DE,s\n2,bert,DE,s\n1,carl,FR,s\n"
	for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
		for at := 0; ; at++ {
			w := newSubjectWorld(t)
			w.faults.At, w.faults.Mode = at, mode
			e := w.drop("d", rows)
			out, err := w.open().Handle(t.Context(), e)
			if at >= len(w.faults.Ops()) {
				if err != nil || at < 6 {
					t.Errorf("%d operations, %v", at, err)
				}
				break
			}
			if err == nil || len(out) != 0 || fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != keys.CodeSubjectBucket {
				t.Errorf("%v %s: %d events, %v", mode, w.faults.Ops()[at], len(out), err)
			}
			if strings.Contains(fmt.Sprint(err), "Annegret") {
				t.Errorf("the error tells a value: %v", err)
			}
			got := w.masked(w.open(), e)
			other := w.masked(w.open(), w.drop("e", rows))
			for i, row := range got["s"] {
				if row[1] == "" || row[1] != other["s"][i][1] {
					t.Errorf("%v %d: row %d has %q, and later %q", mode, at, i, row, other["s"][i])
				}
			}
		}
	}
}

// TestNoBucketOfSubjects: without it nothing leaves.
func TestNoBucketOfSubjects(t *testing.T) {
	w := newSubjectWorld(t)
	out, err := w.f.Handle(context.Background(), w.drop("d", "1,ann,DE,s\n"))
	if len(out) != 0 || fault.CodeOf(err) != mask.CodeNoSubjects || fault.KindOf(err) != fault.Retry {
		t.Errorf("%d events, %v", len(out), err)
	}
}

package mask_test

import (
	"bytes"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// TestRotation: keys rotate ten times while segments are masked. A segment that is
// masked again, hours later, gives the same bytes, and every token of every version
// is revealed.
func TestRotation(t *testing.T) {
	const rotations, names = 10, 20
	ring := (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(t.TempDir(), "ring.json"))}).String()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, buckets: map[string]*blob.Bucket{"landing": memblob.OpenBucket(nil), "masked": memblob.OpenBucket(nil), "config": memblob.OpenBucket(nil)}}
		bundle, err := exchange.Load(fstest.MapFS{
			"exchange.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: test\n")},
			"contracts/orders.odcs.yaml": {Data: []byte(contractFile)},
			"partners/p.yaml":            {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nsubscriptions:\n" + subscription("s", "  columns: [name]\n  profile: siv\n"))},
			"profiles/siv.yaml":          {Data: []byte("apiVersion: sallyport.io/v1\nkind: Profile\nid: siv\nrules:\n- {path: name, transform: {type: token, algorithm: aes-siv}}\n")},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := exchange.Open(w.buckets["config"]).Publish(t.Context(), bundle); err != nil {
			t.Fatal(err)
		}
		if err := keys.Create(t.Context(), ring); err != nil {
			t.Fatal(err)
		}
		mux := new(blob.URLMux)
		mux.RegisterBucket("test", w)
		open := func() *mask.Function {
			f, err := mask.Open(t.Context(), mask.Config{Landing: "test://landing", Masked: "test://masked", Exchange: "test://config", Keys: ring, Buckets: mux})
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		f := open()

		type made struct {
			accepted event.Event
			masked   event.SegmentMasked
			data     []byte
			at       time.Time
		}
		var all []made
		one := func(f *mask.Function, e event.Event) (event.SegmentMasked, []byte) {
			out, err := f.Handle(t.Context(), e)
			if err != nil || len(out) != 1 {
				t.Fatalf("%d events, %v", len(out), err)
			}
			m, err := event.Decode[event.SegmentMasked](out[0])
			if err != nil {
				t.Fatal(err)
			}
			data, err := w.buckets["masked"].ReadAll(t.Context(), m.Object.Key)
			if err != nil {
				t.Fatal(err)
			}
			return m, data
		}
		segment := func(n int) {
			var text strings.Builder
			text.WriteString("country;id;name;secret\r\n")
			for i := range names {
				fmt.Fprintf(&text, "DE;%d;Name %d of %d;x\r\n", i, i, n)
			}
			key := fmt.Sprintf("d%d/x/000000", n)
			if _, err := store.Create(t.Context(), w.buckets["landing"], key, []byte(text.String())); err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			e, err := event.Origin(fmt.Sprint("accepted ", n), event.TypeSegmentAccepted, "/test", now, event.SegmentAccepted{
				Drop:     event.Drop{ID: fmt.Sprintf("d%d", n), Partner: "q", Contract: "orders", Object: "orders", Time: now},
				Segments: 1, Rows: names, Format: csvFormat, Object: event.Ref{Key: key, Size: int64(text.Len())},
			})
			if err != nil {
				t.Fatal(err)
			}
			e.SetExtension(event.ExtExchange, bundle.Digest())
			m, data := one(f, e)
			all = append(all, made{e, m, data, now})
		}

		n := 0
		for range rotations {
			if _, err := keys.Rotate(t.Context(), ring, time.Time{}); err != nil {
				t.Fatal(err)
			}
			for range 8 { // on both sides of the moment at which the version becomes active
				segment(n)
				n++
				time.Sleep(time.Minute)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}

		// Again, in another process.
		again := open()
		for _, m := range all {
			masked, data := one(again, m.accepted)
			if masked.Object != m.masked.Object || !bytes.Equal(data, m.data) {
				t.Errorf("%s differs the second time", m.masked.Drop.ID)
			}
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}

		// Every token is revealed by the key of its drop's time.
		r, err := keys.Open(t.Context(), ring)
		if err != nil {
			t.Fatal(err)
		}
		versions := map[int]int{}
		for n, m := range all {
			key, err := r.TokenKey("p", m.at)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(string(m.data)), "\r\n")[1:]
			if len(lines) != names {
				t.Fatalf("%d rows", len(lines))
			}
			for i, token := range lines {
				value, ok, err := transform.Reveal(nil, []byte(token), key)
				if err != nil || !ok || string(value) != fmt.Sprintf("Name %d of %d", i, n) {
					t.Fatalf("a token of %s is revealed as %q, %v, %v", m.masked.Drop.ID, value, ok, err)
				}
			}
			versions[key.Version()]++
		}
		if len(versions) != rotations+1 {
			t.Errorf("tokens of %d versions were made: %v", len(versions), versions)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

package chaintest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// rotations is how many times the key ring gets a new version under load.
const rotations = 10

// ringURL is the world's key ring.
func (w *world) ringURL() string {
	at := scheme + "://" + w.name
	return at + "?ring=keyring.json&keeper=" + url.QueryEscape(at)
}

// rotate rotates the key ring. Whoever does it is killed each time, at the write:
// in turn before it takes effect and after; and then tries again.
func (w *world) rotate(n int) error {
	var cut atomic.Bool
	w.mu.Lock()
	w.rotating = func(op string) storetest.Mode {
		if !strings.HasPrefix(op, "mask keys write") || cut.Swap(true) {
			return storetest.None
		}
		return map[bool]storetest.Mode{true: storetest.Before, false: storetest.After}[n%2 == 0]
	}
	w.mu.Unlock()
	if _, err := keys.Rotate(w.t.Context(), w.ringURL(), time.Time{}); fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != keys.CodeUnreachable {
		return fmt.Errorf("a rotation that was cut off: %w", err)
	}
	_, err := keys.Rotate(w.t.Context(), w.ringURL(), time.Time{})
	if took := n%2 != 0; took && fault.CodeOf(err) == keys.CodeLead {
		return nil
	}
	return err
}

// The chain runs, with two copies of each function that both get every event,
// while the key ring rotates ten times and each rotation is cut off once. What is
// delivered is whole, a second run makes the tokens of the first, and every token
// of every version is revealed.
func TestRotationUnderLoad(t *testing.T) {
	reversible := map[string]string{}
	for name, text := range files {
		reversible[name] = text
	}
	reversible["profiles/research.yaml"] = strings.Replace(files["profiles/research.yaml"], "type: token", "type: token, algorithm: aes-siv", 1)
	bundle, s := load(t, reversible), newSecrets(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s, ways{copies: 2, together: usual.together})
		w.Fail = func(_ int, op string) storetest.Mode {
			w.mu.Lock()
			rotating := w.rotating
			w.mu.Unlock()
			if rotating == nil {
				return storetest.None
			}
			return rotating(op)
		}
		w.publish(bundle)
		buyers := map[string]string{} // id to the value that became a token
		var running sync.WaitGroup
		var dropped atomic.Bool
		for _, function := range functions {
			running.Go(func() { w.serve(function, &dropped) })
		}
		id := 0
		drop := func() {
			text := "id,region,buyer,text\n"
			for range 4 {
				id++
				buyers[fmt.Sprint(id)] = fmt.Sprintf("hush-%d", id)
				text += fmt.Sprintf("%d,west,hush-%d,%s\n", id, id, padding)
			}
			w.drop(fmt.Sprintf("maker/orders/%d.csv", id), []byte(text))
		}
		for n := range rotations {
			if err := w.rotate(n); err != nil {
				t.Errorf("rotation %d: %v", n, err)
			}
			for range 4 { // until after the new version is active
				drop()
				time.Sleep(2 * time.Minute)
			}
		}
		dropped.Store(true)
		running.Wait()
		for _, err := range w.nacked {
			t.Errorf("an event came again: %v", err)
		}
		ring, err := keys.Open(t.Context(), w.ringURL())
		if err != nil {
			t.Fatal(err)
		}
		defer ring.Close()
		if versions, err := ring.Versions(); err != nil || len(versions) != rotations+1 {
			t.Errorf("the ring has %d versions, %v", len(versions), err)
		}
		delivered, used := map[string]bool{}, map[int]int{}
		for key, text := range w.objects("lab") {
			if strings.HasSuffix(key, "manifest.json") {
				continue
			}
			for _, line := range w.rowsOf(key, text) {
				var row struct {
					ID    json.Number
					Buyer string
				}
				w.decode(line, &row)
				if delivered[row.ID.String()] {
					t.Errorf("row %s is delivered twice", row.ID)
				}
				delivered[row.ID.String()] = true
				var version int
				if _, err := fmt.Sscanf(row.Buyer, "s%d_", &version); err != nil {
					t.Fatalf("%q is no token", row.Buyer)
				}
				used[version]++
				key, err := ring.VersionTokenKey("", "lab", version)
				if err != nil {
					t.Fatal(err)
				}
				value, ok, err := transform.Reveal(nil, []byte(row.Buyer), key)
				if err != nil || !ok || string(value) != buyers[row.ID.String()] {
					t.Errorf("the token of row %s, version %d, is not revealed: %v", row.ID, version, err)
				}
			}
		}
		if len(delivered) != id {
			t.Errorf("%d rows were dropped, %d are delivered", id, len(delivered))
		}
		for version := 1; version <= rotations+1; version++ {
			if used[version] == 0 {
				t.Errorf("no token was made with version %d: %v", version, used)
			}
		}
	})
}

// serve runs a function for as long as there is something to come.
func (w *world) serve(function string, dropped *atomic.Bool) {
	idle := 0
	for !dropped.Load() || idle < 5 {
		bodies := w.take(function)
		if idle++; len(bodies) > 0 {
			idle = 0
			var copies sync.WaitGroup
			for n := range max(1, w.ways.copies) {
				copies.Go(func() { w.nack(function, bodies, w.handle(function, n, bodies)) })
			}
			copies.Wait()
		}
		time.Sleep(3 * time.Second)
	}
}

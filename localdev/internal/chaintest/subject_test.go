package chaintest

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// people is a file of whom two rows are about one person, whom text names.
const people = "id,region,buyer,text\n1,west,hush-a,ann\n2,east,hush-a,bob\n3,west,hush-a,ann\n"

// bySubject is an exchange whose tokens are keyed by the person.
func bySubject() map[string]string {
	folder := one()
	folder["profiles/research.yaml"] = strings.Replace(folder["profiles/research.yaml"], "type: token", "type: token, algorithm: aes-siv, subject: text", 1)
	return folder
}

// erase erases a person.
func (w *world) erase(value string) {
	w.t.Helper()
	ring, err := keys.Open(w.t.Context(), w.ringURL())
	if err != nil {
		w.t.Fatal(err)
	}
	defer ring.Close()
	subjects := keys.NewSubjects(w.buckets["subjects"], ring)
	defer subjects.Close()
	if _, err := subjects.Erase(w.t.Context(), "orders", []byte(value), time.Now()); err != nil {
		w.t.Fatal(err)
	}
}

// buyersOf are the tokens that lab got, by row; nil for null.
func (w *world) buyersOf() map[string]*string {
	w.t.Helper()
	buyers := map[string]*string{}
	for key, text := range w.objects("lab") {
		if strings.HasSuffix(key, "manifest.json") {
			continue
		}
		for _, line := range w.rowsOf(key, text) {
			var row struct {
				ID    json.Number
				Buyer *string
			}
			w.decode(line, &row)
			if _, twice := buyers[row.ID.String()]; twice {
				w.t.Errorf("row %s is delivered twice", row.ID)
			}
			buyers[row.ID.String()] = row.Buyer
		}
	}
	return buyers
}

// Everything stops at each operation of mask, before it or after it; a copy is
// overtaken there; two copies get every event. Each person has one key all the same:
// what is delivered is whole, and tokens agree. After one person was erased it
// leaves as null, and the others' tokens are as before.
func TestSubjectsOfTheChain(t *testing.T) {
	bundle, s := load(t, bySubject()), newSecrets(t)
	run := func(t *testing.T, q ways, disturb func(w *world) (crashed func() bool)) (ops []string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, s, q)
			w.publish(bundle)
			var crashed func() bool
			if disturb != nil {
				crashed = disturb(w)
			}
			chain := func() {
				for _, function := range functions {
					w.work(function, crashed)
				}
			}
			w.drop("maker/orders/monday.csv", []byte(people))
			chain()
			ops = w.Ops()
			w.Fail = nil
			got := w.buyersOf()
			if len(got) != 3 || got["1"] == nil || got["2"] == nil || got["3"] == nil {
				t.Fatalf("what is delivered is not whole: %v, %v", got, w.nacked)
			}
			if *got["1"] != *got["3"] || *got["1"] == *got["2"] || !strings.HasPrefix(*got["1"], "e1_") {
				t.Errorf("tokens: %s, %s, %s", *got["1"], *got["2"], *got["3"])
			}
			w.drop("maker/orders/tuesday.csv", []byte(strings.NewReplacer("\n1", "\n4", "\n2", "\n5", "\n3", "\n6").Replace(people)))
			chain()
			w.erase("ann")
			time.Sleep(keys.Stale)
			w.drop("maker/orders/wednesday.csv", []byte(strings.NewReplacer("\n1", "\n7", "\n2", "\n8", "\n3", "\n9").Replace(people)))
			chain()
			all := w.buyersOf()
			for id, same := range map[string]string{"4": "1", "5": "2", "6": "3", "8": "2"} {
				if all[id] == nil || *all[id] != *got[same] {
					t.Errorf("row %s has another token than row %s", id, same)
				}
			}
			if _, there := all["7"]; len(all) != 9 || !there || all["7"] != nil || all["9"] != nil {
				t.Errorf("the erased one leaves as %v and %v, of %d rows", all["7"], all["9"], len(all))
			}
			objects := maps.Clone(w.objects("subjects"))
			if len(objects) != 3 { // two people and the index
				t.Errorf("%d keys of people", len(objects))
			}
			for key, text := range objects {
				for _, never := range []string{"ann", "bob", secret} {
					if strings.Contains(key+text, `"`+never) {
						t.Errorf("%s tells %q", key, never)
					}
				}
			}
		})
		return ops
	}
	ops := run(t, usual, nil)
	run(t, ways{copies: 2, together: usual.together}, nil)
	disturbed := 0
	for n, op := range ops {
		if !strings.HasPrefix(op, "mask ") || n%thin != 0 {
			continue
		}
		disturbed++
		for name, disturb := range map[string]func(w *world) func() bool{
			"before":    func(w *world) func() bool { return w.crash(n, false) },
			"after":     func(w *world) func() bool { return w.crash(n, true) },
			"overtaken": func(w *world) func() bool { w.overtake(n); return nil },
		} {
			t.Run(fmt.Sprintf("%d %s %s", n, kind(op), name), func(t *testing.T) {
				t.Parallel()
				run(t, usual, disturb)
			})
		}
	}
	if thin == 1 && disturbed < 12 {
		t.Errorf("only %d operations of mask: %v", disturbed, ops)
	}
}

// noSubjects makes the bucket of people's keys not answer.
func noSubjects(w *world) {
	w.Fail = func(_ int, op string) storetest.Mode {
		if strings.HasPrefix(op, "mask subjects") {
			return storetest.Before
		}
		return storetest.None
	}
}

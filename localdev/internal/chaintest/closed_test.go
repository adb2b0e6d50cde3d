package chaintest

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// one is an exchange with one subscription, to which lab is entitled.
func one() map[string]string {
	folder := maps.Clone(files)
	for _, name := range []string{"west", "feed", "leaver", "ended"} {
		delete(folder, "partners/"+name+".yaml")
	}
	folder["partners/lab.yaml"] = `apiVersion: sallyport.io/v1
kind: Partner
id: lab
subscriptions:
  - {id: lab, contract: orders, purpose: study, legalBasis: consent, profile: research, destination: {url: "world://lab", format: ndjson}}
`
	return folder
}

// orders is a file that passes the contract.
const orders = "id,region,buyer,text\n1,west,hush-ann,a\n2,east,hush-bob,b\n"

// What is missing, unknown or over, one at a time: nothing of it leaves, and what
// is said tells why. What can be mended is mended, and then it leaves: nothing is
// lost. The last case is the one in which nothing is wrong.
func TestFailClosed(t *testing.T) {
	// replaced is a file of the exchange in which something else stands.
	replaced := func(file, old, now string) func(map[string]string) {
		return func(folder map[string]string) {
			if !strings.Contains(folder[file], old) {
				t.Fatalf("%s does not hold %q", file, old)
			}
			folder[file] = strings.Replace(folder[file], old, now, 1)
		}
	}
	const lab, contract, profile = "partners/lab.yaml", "contracts/orders.odcs.yaml", "profiles/research.yaml"
	for _, c := range []struct {
		name     string
		folder   func(map[string]string) // how the exchange is changed
		refused  bool                    // it is not even compiled
		text     string                  // of the drop; "": orders
		world    func(*world)            // what is wrong with the world
		mend     func(*world)            // and how it is mended: then it leaves
		kept     string                  // what must not leave; "": anything
		says     []string                // in an error, an outcome or a dead letter
		nextDoor string                  // function before which nextDoor is published
		then     func(map[string]string) // what is published there
	}{
		{name: "unknown column", text: strings.Replace(strings.Replace(orders, ",text", ",text,discount", 1), ",a\n", ",a,hush-10\n", 1),
			says: []string{"columns", "discount"}},
		{name: "unclassified field", folder: replaced(contract, "{name: text, logicalType: string, classification: internal}", "{name: text, logicalType: string}"),
			text: strings.Replace(orders, ",a\n", ",hush-a\n", 1), kept: `"text"`},
		{name: "nothing but unclassified fields", refused: true, folder: func(folder map[string]string) {
			replaced(contract, "{name: text, logicalType: string, classification: internal}", "{name: text, logicalType: string}")(folder)
			replaced(lab, "profile: research", "columns: [text]")(folder)
		}, says: []string{lab, "nothing would leave"}},
		{name: "unknown transform", refused: true, folder: replaced(profile, "type: token", "type: scramble"), says: []string{profile, "scramble"}},
		{name: "unknown profile", refused: true, folder: replaced(lab, "profile: research", "profile: reserch"), says: []string{lab, "reserch"}},
		{name: "unknown subscription field", refused: true, folder: replaced(lab, "profile:", "proflie:"), says: []string{lab, "proflie", "did you mean"}},
		{name: "missing key ring",
			world: func(w *world) { w.remove("keys", "keyring.json") },
			mend:  func(w *world) { w.put("keys", "keyring.json", w.secrets.ring) },
			says:  []string{"keyring-missing", "there is no key ring"}},
		{name: "no key is active yet",
			world: func(w *world) {
				w.remove("keys", "keyring.json")
				w.put("keys", "keyring.json", []byte(strings.Replace(string(w.secrets.ring), "1970-", "2090-", 1)))
			}, says: []string{"key-version", "no version of the key ring is active"}},
		{name: "key ring damaged",
			world: func(w *world) {
				w.remove("keys", "keyring.json")
				w.put("keys", "keyring.json", w.secrets.ring[:len(w.secrets.ring)/2])
			}, says: []string{"keyring-damaged"}},
		{name: "key service down",
			world: func(w *world) {
				w.Fail = func(_ int, op string) storetest.Mode {
					if strings.HasPrefix(op, "mask keeper") {
						return storetest.Before
					}
					return storetest.None
				}
			},
			mend: func(w *world) { w.Fail = nil },
			says: []string{"keyring-unreachable", "did not unwrap"}},
		{name: "the partner's own key is not there", folder: replaced(lab, "subscriptions:", "keys: {keeper: \"world://lab\"}\nsubscriptions:"),
			says: []string{"key-partner", "keys init --partner lab"}},
		{name: "key expired",
			world: func(w *world) {
				w.remove("keys", "keyring.json")
				w.put("keys", "keyring.json", []byte(strings.Replace(string(w.secrets.ring), `"version"`, `"expires": "1999-12-31T00:00:00Z", "version"`, 1)))
			}, says: []string{"key-expired", "keys rotate"}},
		{name: "keys of data subjects down", folder: replaced(profile, "type: token", "type: token, subject: id"), world: noSubjects,
			mend: func(w *world) { w.Fail = nil },
			says: []string{"subject-unreachable"}},
		{name: "data subject erased", folder: replaced(profile, "type: token", "type: token, subject: region"),
			world: func(w *world) { w.erase("west") }, text: strings.Replace(orders, "east", "west", 1), kept: `"buyer":"`},
		{name: "key of a data subject damaged", folder: replaced(profile, "type: token", "type: token, subject: id"),
			world: func(w *world) { w.put("subjects", "index", []byte("{}")) }, says: []string{"subject-damaged"}},
		{name: "subject of a token is no field", refused: true, folder: replaced(profile, "type: token", "type: token, subject: bayer"), says: []string{profile, "bayer"}},
		{name: "subscription expired", folder: replaced(lab, "profile:", "expires: 1999-12-31, profile:")},
		{name: "subscription expired on the way", nextDoor: "fanout", then: replaced(lab, "profile:", "expires: 1999-12-31, profile:"),
			says: []string{"subscription-expired"}},
		{name: "agreement ended on the way", nextDoor: "fanout", then: func(folder map[string]string) {
			replaced(lab, "profile:", "agreements: [paper], profile:")(folder)
			folder[lab] += "agreements: [{id: paper, type: dpa, expires: 1999-12-31}]\n"
		}, says: []string{"agreement-expired"}},
		{name: "agreement that a requirement asks for", refused: true, folder: func(folder map[string]string) {
			folder["exchange.yaml"] += "requirements: [{id: study, when: {classification: internal}, needs: {agreement: dpa}}]\n"
		}, says: []string{lab, "agreement of type dpa"}},
		{name: "subscription revoked on the way", nextDoor: "fanout", then: replaced(lab, "profile:", "revoked: true, profile:"),
			says: []string{"subscription-revoked"}},
		{name: "subscription revoked before it is masked", nextDoor: "mask", then: replaced(lab, "profile:", "revoked: true, profile:"),
			says: []string{"subscription-revoked"}},
		// Bubbles of synctest begin on the first of January 2000.
		{name: "clock skew: ingest a year slow, the subscription expired", folder: replaced(lab, "profile:", "expires: 1999-12-31, profile:"),
			world: func(w *world) { w.clocks["ingest"] = -365 * 24 * time.Hour }, says: []string{"subscription-expired"}},
		{name: "clock skew: fanout a year slow, the subscription expired", folder: replaced(lab, "profile:", "expires: 1999-12-31, profile:"),
			world: func(w *world) { w.clocks["fanout"] = -365 * 24 * time.Hour }},
		{name: "clock skew: ingest a century fast", folder: replaced(lab, "profile:", "expires: 2000-12-31, profile:"),
			world: func(w *world) { w.clocks["ingest"] = 100 * 365 * 24 * time.Hour }},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := one()
			if c.folder != nil {
				c.folder(folder)
			}
			if c.refused {
				said := refusal(folder)
				for _, part := range c.says {
					if !strings.Contains(said, part) {
						t.Errorf("check says %q, not %q", said, part)
					}
				}
				if strings.Contains(said, secret) {
					t.Errorf("check tells a value: %s", said)
				}
				return
			}
			s := &scenario{secretsOf: newSecrets(t)}
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, s.secretsOf, usual)
				w.clocks = map[string]time.Duration{}
				w.publish(load(t, folder))
				if c.world != nil {
					c.world(w)
				}
				text := c.text
				if text == "" {
					text = orders
				}
				w.drop("maker/orders/monday.csv", []byte(text))
				for range 4 {
					for _, function := range functions {
						if function == c.nextDoor {
							later := one()
							c.then(later)
							w.publish(load(t, later))
						}
						w.turn(function)
					}
				}
				left := w.left()
				switch {
				case c.kept == "" && left != "":
					t.Errorf("something left: %s", left)
				case c.kept != "" && (left == "" || strings.Contains(left, c.kept)):
					t.Errorf("what left is %q, without %s it should be", left, c.kept)
				case strings.Contains(left, secret):
					t.Errorf("a value left: %s", left)
				}
				said := w.said()
				for _, part := range c.says {
					if !strings.Contains(said, part) {
						t.Errorf("nothing says %q: %s", part, said)
					}
				}
				if strings.Contains(said, secret) {
					t.Errorf("what is said tells a value: %s", said)
				}
				if c.mend == nil {
					return
				}
				c.mend(w)
				for range 4 {
					for _, function := range functions {
						w.turn(function)
					}
				}
				if left := w.left(); !strings.Contains(left, `"id":2`) {
					t.Errorf("it is mended, and what left is %q", left)
				}
			})
		})
	}
	t.Run("nothing is wrong", func(t *testing.T) {
		s := newSecrets(t)
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, s, usual)
			w.publish(load(t, one()))
			w.drop("maker/orders/monday.csv", []byte(orders))
			for _, function := range functions {
				w.turn(function)
			}
			if left := w.left(); strings.Count(left, `"buyer":"t1_`) != 2 || strings.Contains(left, secret) || len(w.nacked) > 0 {
				t.Errorf("what left is %q, %v", left, w.nacked)
			}
		})
	})
}

// refusal is what check says of an exchange, "" if it is in order.
func refusal(folder map[string]string) string {
	texts := fstest.MapFS{}
	for name, text := range folder {
		texts[name] = &fstest.MapFile{Data: []byte(text)}
	}
	b, err := exchange.Load(texts)
	if err == nil {
		_, err = policy.Compile(b)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// turn has a function handle what waits for it, once, and lets some time pass.
func (w *world) turn(function string) {
	w.mu.Lock()
	waiting := len(w.queues[function])
	w.mu.Unlock()
	for waiting > 0 {
		bodies := w.take(function)
		waiting -= len(bodies)
		w.nack(function, bodies, w.handle(function, 0, bodies))
	}
	time.Sleep(pause)
}

// left is all that partners got.
func (w *world) left() string {
	w.t.Helper()
	var all strings.Builder
	for _, outbox := range outboxes {
		for key, text := range w.objects(outbox) {
			fmt.Fprintf(&all, "%s %s: %s\n", outbox, key, text)
		}
	}
	for _, body := range w.sent {
		all.Write(body)
	}
	return all.String()
}

// said are all errors for which something came again, and all events.
func (w *world) said() string {
	var all strings.Builder
	for _, err := range w.nacked {
		fmt.Fprintln(&all, err)
	}
	for _, e := range w.published {
		fmt.Fprintln(&all, e)
	}
	return all.String()
}

func (w *world) remove(bucket, key string) {
	w.t.Helper()
	if err := w.buckets[bucket].Delete(w.t.Context(), key); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) put(bucket, key string, data []byte) {
	w.t.Helper()
	if err := w.buckets[bucket].WriteAll(w.t.Context(), key, data, nil); err != nil {
		w.t.Fatal(err)
	}
}

package chaintest

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// reference is an undisturbed run.
type reference struct {
	*final
	ops     []string
	moments []moment // before each function
	ways    ways
}

// reference runs the scenario undisturbed.
func (s *scenario) reference(t *testing.T, q ways) *reference {
	t.Helper()
	r := &reference{ways: q}
	synctest.Test(t, func(t *testing.T) {
		w := s.begin(t, q)
		s.run(w, 0, func(function int) { r.moments = append(r.moments, w.moment(function)) }, nil)
		if len(w.nacked) > 0 {
			t.Fatalf("nothing was made to fail: %v", w.nacked)
		}
		r.final, r.ops = w.check(), w.Ops()
		if q.copies == 0 {
			if r.repeated > 0 {
				t.Errorf("%d events were sent twice", r.repeated)
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return r
}

// amongPeers reports whether operation n stands between others of its kind.
func (r *reference) amongPeers(n int) bool {
	return n > 0 && n+1 < len(r.ops) && kind(r.ops[n]) == kind(r.ops[n-1]) && kind(r.ops[n]) == kind(r.ops[n+1])
}

// kind is what an operation is, whichever object it is on.
func kind(op string) string {
	words := strings.Fields(op)
	if words[1] == "publish" {
		return op
	}
	return strings.Join(words[:min(3, len(words))], " ")
}

// resume makes the world of operation n, at the moment before the function whose
// operation it is. at is the operation's number in this world.
func (s *scenario) resume(t *testing.T, r *reference, n int) (w *world, from, at int) {
	m := r.moments[0]
	for _, later := range r.moments {
		if later.first <= n {
			m = later
		}
	}
	w = newWorld(t, s.secretsOf, r.ways)
	w.restore(m)
	return w, m.function, n - m.first
}

// table runs a case for each of these operations of an undisturbed run, many at a
// time; with the race detector for one in thin.
func (s *scenario) table(t *testing.T, r *reference, which func(n int) bool, run func(t *testing.T, w *world, from, at int)) {
	due := 0
	for n, op := range r.ops {
		if !which(n) {
			continue
		}
		if due++; due%thin != 0 {
			continue
		}
		t.Run(fmt.Sprintf("%d %s", n, kind(op)), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, from, at := s.resume(t, r, n)
				run(t, w, from, at)
			})
		})
	}
}

func all(int) bool { return true }

// same holds what is left of a run to what is left of an undisturbed one.
func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("the final state is another: %s", differ(got, want))
	}
}

// Each operation of each function on a bucket, a topic, a queue or a key fails
// once, before it takes effect and after. It is noticed, what failed is done
// again, and the end is the same.
//
// Of operations of a kind that stand side by side (a ledger looks for 24 ids at
// once) every other fails before and the rest after.
func TestEachOperationFails(t *testing.T) {
	s := newScenario(t)
	r := s.reference(t, usual)
	var mu sync.Mutex
	missing := map[string]bool{}
	for _, op := range r.ops {
		for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
			missing[kind(op)+" "+mode.String()] = true
		}
	}
	t.Run("table", func(t *testing.T) {
		for _, mode := range []storetest.Mode{storetest.Before, storetest.After} {
			t.Run(mode.String(), func(t *testing.T) {
				t.Parallel()
				which := func(n int) bool { return !r.amongPeers(n) || n%2 == int(mode)%2 }
				s.table(t, r, which, func(t *testing.T, w *world, from, at int) {
					w.At, w.Mode = at, mode
					s.run(w, from, nil, nil)
					op := w.Ops()[at]
					if len(w.nacked) == 0 {
						t.Errorf("%s failed and nobody noticed", op)
					}
					for _, err := range w.nacked {
						if fault.KindOf(err) != fault.Retry {
							t.Errorf("%s: %v", op, err)
						}
					}
					got := w.check()
					same(t, got.objects, r.objects)
					if got.repeated > 0 && !strings.HasPrefix(op, "fanout ") {
						t.Errorf("%s failed, and %d events were sent twice", op, got.repeated)
					}
					mu.Lock()
					delete(missing, kind(op)+" "+mode.String())
					mu.Unlock()
				})
			})
		}
	})
	for what := range missing {
		if thin == 1 {
			t.Errorf("no case made fail: %s", what)
		}
	}
}

// Everything stops at an operation, before it or after it, whatever else was
// under way: what processes knew is lost, and others go on from what is stored.
func TestCrashes(t *testing.T) {
	s := newScenario(t)
	r := s.reference(t, usual)
	for _, last := range []bool{false, true} {
		t.Run(map[bool]string{false: "before", true: "after"}[last], func(t *testing.T) {
			t.Parallel()
			s.table(t, r, all, func(t *testing.T, w *world, from, at int) {
				s.run(w, from, nil, w.crash(at, last))
				if len(w.nacked) == 0 {
					t.Error("nothing crashed")
				}
				same(t, w.check().objects, r.objects)
			})
		})
	}
}

// A copy of a function stands still before an operation while another does the
// whole of the same work; then it goes on.
func TestOvertaken(t *testing.T) {
	s := newScenario(t)
	r := s.reference(t, usual)
	s.table(t, r, all, func(t *testing.T, w *world, from, at int) {
		w.overtake(at)
		s.run(w, from, nil, nil)
		if w.processes != len(functions)-from+1 {
			t.Errorf("%d processes ran: there was no other copy", w.processes)
		}
		if len(w.nacked) > 0 {
			t.Errorf("the copy that was overtaken: %v", w.nacked)
		}
		same(t, w.check().objects, r.objects)
	})
}

// Two copies of each function get every event at the same time.
func TestTwoCopies(t *testing.T) {
	s := newScenario(t)
	want := s.reference(t, usual)
	for n := range 10 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			q := usual
			q.copies = 2
			same(t, s.reference(t, q).objects, want.objects)
		})
	}
}

// unruly are queues that give events twice, in the wrong order, and more or fewer
// at a time.
var unruly = map[string]ways{
	"twice":                   {twice: true, together: usual.together},
	"backward":                {backward: true, together: usual.together},
	"one by one":              {},
	"twice, in pairs":         {twice: true, together: map[string]int{"ingest": 2, "mask": 2, "fanout": 2, "audit": 2}},
	"twice and backward":      {twice: true, backward: true, together: usual.together},
	"all that, and in threes": {twice: true, backward: true, together: map[string]int{"ingest": 3, "mask": 3, "fanout": 3, "audit": 30}},
}

func TestUnrulyQueues(t *testing.T) {
	s := newScenario(t)
	want := s.reference(t, usual)
	for name, q := range unruly {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, s.reference(t, q).comparable(), want.comparable())
		})
	}
}

// Queues are unruly, and everything stops at an operation, too: at every eighth,
// in turn before and after it.
func TestUnrulyQueuesAndCrashes(t *testing.T) {
	s := newScenario(t)
	want := s.reference(t, usual).comparable()
	r := s.reference(t, unruly["all that, and in threes"])
	s.table(t, r, func(n int) bool { return n%8 == 0 }, func(t *testing.T, w *world, from, at int) {
		s.run(w, from, nil, w.crash(at, at/8%2 == 0))
		if len(w.nacked) == 0 {
			t.Error("nothing crashed")
		}
		same(t, w.check().comparable(), want)
	})
}

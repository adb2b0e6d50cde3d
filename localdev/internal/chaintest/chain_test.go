package chaintest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// functions are those of the chain, in the order in which data passes them.
var functions = []string{"ingest", "mask", "fanout", "audit"}

// ways are how queues may behave: all of them are what at-least-once allows.
type ways struct {
	twice    bool           // every event is delivered twice
	backward bool           // the last event comes first
	together map[string]int // how many events a function is given at once
	copies   int            // of each function that are given every event at the same time; 0 is 1
}

// usual is an ordinary queue.
var usual = ways{together: map[string]int{"ingest": 10, "mask": 2, "fanout": 4, "audit": 24}}

// pause is longer than anything that a function keeps in memory is fresh.
const pause = 2 * time.Minute

// enough is how many times a function may be woken in one run.
const enough = 500

// publisher is the topic of a function.
type publisher struct {
	w        *world
	function string
}

// Publish stores the events one by one: with a fault, those before it are there.
func (p publisher) Publish(_ context.Context, events []event.Event) error {
	for _, e := range events {
		body, err := host.EncodeEvent(e)
		if err != nil {
			return err
		}
		if err := p.w.Do(p.function+" publish "+e.Type(), func() error { p.w.enqueue(p.function, e, body); return nil }); err != nil {
			return fault.Wrap(fault.Retry, "publish", err, "the topic does not answer")
		}
	}
	return nil
}

// enqueue hands an event to all who subscribe to the function's topic. from is
// "" for what comes from outside.
func (w *world) enqueue(from string, e event.Event, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var to []string
	switch at := slices.Index(functions, from); {
	case at < 0:
		to = functions[:1]
	default:
		exact := e.Type() + " " + string(e.Data())
		switch e.Type() {
		case event.TypeSegmentMasked, event.TypeDeliveryFailed, event.TypeDeadLettered: // made anew each time
		default:
			exact += " " + e.Time().String()
		}
		if first, again := w.exactly[e.ID()]; again && first != exact {
			w.t.Errorf("two events of one id: %s and %s", first, exact)
		}
		w.exactly[e.ID()], w.published[e.ID()] = exact, w.timeless(e)
		to = []string{"audit"}
		if at < 2 && e.Type() != event.TypeDeadLettered {
			to = append(to, functions[at+1])
		}
	}
	for _, name := range to {
		w.queues[name] = append(w.queues[name], body)
		if w.ways.twice {
			w.queues[name] = append(w.queues[name], body)
		}
	}
}

// arrive hands an event to the chain.
func (w *world) arrive(e event.Event) {
	w.t.Helper()
	body, err := host.EncodeEvent(e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.enqueue("", e, body)
}

// take takes what a function is given at once off its queue.
func (w *world) take(function string) [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queues[function]
	n := min(max(1, w.ways.together[function]), len(q))
	if w.ways.backward {
		taken := slices.Clone(q[len(q)-n:])
		slices.Reverse(taken)
		w.queues[function] = q[:len(q)-n]
		return taken
	}
	w.queues[function] = q[n:]
	return slices.Clone(q[:n])
}

// nack puts events back, behind what waits already.
func (w *world) nack(function string, bodies [][]byte, results []error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var again [][]byte
	for i, err := range results {
		if err != nil {
			w.nacked = append(w.nacked, err)
			again = append(again, bodies[i])
		}
	}
	if w.ways.backward {
		w.queues[function] = append(again, w.queues[function]...)
	} else {
		w.queues[function] = append(w.queues[function], again...)
	}
}

// work runs a function until nothing is left for it. crashed is called after
// each piece of work that failed, and tells whether the processes died of it.
func (w *world) work(function string, crashed func() bool) {
	w.t.Helper()
	for range enough {
		bodies := w.take(function)
		if len(bodies) == 0 {
			return
		}
		w.current = bodies
		before := len(w.nacked)
		var copies sync.WaitGroup
		for n := range max(1, w.ways.copies) {
			copies.Go(func() { w.nack(function, bodies, w.handle(function, n, bodies)) })
		}
		copies.Wait()
		if len(w.nacked) > before && crashed != nil && crashed() {
			w.kill()
		}
		time.Sleep(pause)
	}
	w.t.Fatalf("%s does not come to rest: %v", function, w.nacked[len(w.nacked)-1])
}

// handle has copy n of a function, which is started if it does not run, process
// the events.
func (w *world) handle(function string, n int, bodies [][]byte) []error {
	name := strings.Repeat("another ", n) + function
	w.mu.Lock()
	p := w.running[name]
	w.mu.Unlock()
	if p == nil {
		started, err := w.start(function)
		if err != nil {
			return slices.Repeat([]error{err}, len(bodies))
		}
		p = started
		w.mu.Lock()
		w.running[name] = p
		w.mu.Unlock()
	}
	return p.ProcessMessages(w.t.Context(), bodies)
}

// kill ends all processes: what they knew is lost.
func (w *world) kill() {
	for name, p := range w.running {
		if err := p.close(); err != nil {
			w.t.Error(err)
		}
		delete(w.running, name)
	}
}

// moment is what a world holds just before a function begins to work. A run can
// be taken up there: what came before is the same in all runs.
type moment struct {
	function  int // in functions
	first     int // number of the function's first operation
	objects   map[string]map[string]string
	queues    map[string][][]byte
	published map[string]string
	exactly   map[string]string
	sent      [][]byte
}

// moment is the one before a function begins.
func (w *world) moment(function int) moment {
	m := moment{function: function, first: len(w.Ops()), objects: map[string]map[string]string{},
		queues: map[string][][]byte{}, published: maps.Clone(w.published), exactly: maps.Clone(w.exactly), sent: slices.Clone(w.sent)}
	for name := range w.buckets {
		m.objects[name] = w.objects(name)
	}
	for name, q := range w.queues {
		m.queues[name] = slices.Clone(q)
	}
	return m
}

// restore brings a new world to a moment.
func (w *world) restore(m moment) {
	w.t.Helper()
	for name, objects := range m.objects {
		for key, data := range objects {
			if err := w.buckets[name].WriteAll(w.t.Context(), key, []byte(data), nil); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	for name, q := range m.queues {
		w.queues[name] = slices.Clone(q)
	}
	w.published, w.exactly, w.sent = maps.Clone(m.published), maps.Clone(m.exactly), slices.Clone(m.sent)
}

// crash makes the world stand still from operation n on, after n itself took
// effect if last is set. The answer is for run: from then on it works again.
func (w *world) crash(n int, last bool) (crashed func() bool) {
	var mu sync.Mutex
	dead, healed := false, false
	w.Fail = func(at int, _ string) storetest.Mode {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case healed || !dead && at < n:
			return storetest.None
		case !dead && last:
			dead = true
			return storetest.After
		}
		dead = true
		return storetest.Before
	}
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		died := dead && !healed
		healed = dead
		return died
	}
}

// overtake makes a second copy of a function do the whole of a piece of work
// while the first stands before its operation n.
func (w *world) overtake(n int) {
	w.Fail = func(at int, op string) storetest.Mode {
		if at == n {
			function, _, _ := strings.Cut(op, " ")
			p, err := w.start(function)
			if err != nil {
				w.t.Errorf("the other copy: %v", err)
				return storetest.None
			}
			for _, err := range p.ProcessMessages(w.t.Context(), w.current) {
				if err != nil {
					w.t.Errorf("the other copy: %v", err)
				}
			}
			if err := p.close(); err != nil {
				w.t.Error(err)
			}
		}
		return storetest.None
	}
}

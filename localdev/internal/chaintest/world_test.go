// Package chaintest holds the whole chain to its promises while the world fails
// around it: ingest, mask, fanout and audit on buckets in memory, with every
// operation on a bucket, a topic, a queue or a key failing in turn, before it
// takes effect and after; with crashes; with two copies of each function; with
// events that come twice and in the wrong order. After each run one checker
// looks for the same final state.
//
// A run happens in a bubble of testing/synctest: between two pieces of work lie
// minutes, which cost nothing, so that keys and exchange are looked at again as in
// a process that runs for hours. Each process has a clock of its own that is off by
// some seconds: but for times, and of these only those that nobody else has
// written down before, what two of them make must be the same to the byte.
package chaintest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/batcher"
	"gocloud.dev/pubsub/driver"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/ledger"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// scheme is that of all URLs of a world. The key ring's are opened by gocloud's
// default muxes, which all worlds share: there the host is the world's number.
const scheme = "world"

const origin = "ledger.example/chaintest"

// atlas finds a world by its number.
type atlas struct {
	last   atomic.Int64
	worlds sync.Map
}

var known atlas

func (a *atlas) find(u *url.URL) (*world, error) {
	if w, ok := a.worlds.Load(u.Host); ok {
		return w.(*world), nil
	}
	return nil, fmt.Errorf("there is no world %s", u.Host)
}

func (a *atlas) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	w, err := a.find(u)
	if err != nil {
		return nil, err
	}
	return w.Bucket("mask keys", w.buckets["keys"]), nil
}

func (a *atlas) OpenKeeperURL(_ context.Context, u *url.URL) (*secrets.Keeper, error) {
	w, err := a.find(u)
	if err != nil {
		return nil, err
	}
	return w.Keeper("mask keeper", w.keeper), nil
}

func TestMain(m *testing.M) {
	blob.DefaultURLMux().RegisterBucket(scheme, &known)
	secrets.DefaultURLMux().RegisterKeeper(scheme, &known)
	debug.SetGCPercent(800) // worlds are small, short-lived and many
	os.Exit(m.Run())
}

// secretsOf are what worlds of one test have in common, so that they make the
// same tokens and sign alike.
type secretsOf struct {
	wrapping   [32]byte
	ring       []byte // document whose key is wrapped
	skey, vkey string
}

func newSecrets(t testing.TB) *secretsOf {
	t.Helper()
	s := &secretsOf{}
	var err error
	if s.wrapping, err = localsecrets.NewRandomKey(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keyring.json")
	keeper := "base64key://" + base64.URLEncoding.EncodeToString(s.wrapping[:])
	if err := keys.Create(t.Context(), "file://"+file+"?keeper="+url.QueryEscape(keeper)); err != nil {
		t.Fatal(err)
	}
	if s.ring, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	if s.skey, s.vkey, err = ledger.NewKey(origin); err != nil {
		t.Fatal(err)
	}
	return s
}

// world is all that outlives a process: buckets, a partner's topic, keys and the
// queues between the functions. The injector numbers what the functions do.
type world struct {
	storetest.Injector
	t       testing.TB
	secrets *secretsOf
	name    string
	buckets map[string]*blob.Bucket
	keeper  *secrets.Keeper
	ways    ways
	clocks  map[string]time.Duration // by function: how far its clock is off, beside what all are

	mu        sync.Mutex
	rotating  func(op string) storetest.Mode // what becomes of a rotation of the keys; may be nil
	queues    map[string][][]byte            // by function
	published map[string]string              // event id -> the event, timeless
	exactly   map[string]string              // event id -> what of the event is the same whoever makes it
	processes int                            // that were started
	sent      [][]byte                       // to the partner's topic
	nacked    []error
	current   [][]byte            // events that are worked on
	running   map[string]*process // by function
}

// newWorld makes a world in which there is nothing but keys.
func newWorld(t testing.TB, s *secretsOf, q ways) *world {
	t.Helper()
	w := &world{t: t, secrets: s, name: strconv.FormatInt(known.last.Add(1), 10), ways: q,
		buckets: map[string]*blob.Bucket{}, keeper: localsecrets.NewKeeper(s.wrapping),
		queues: map[string][][]byte{}, published: map[string]string{}, exactly: map[string]string{}, running: map[string]*process{}}
	w.At = -1
	for _, name := range slices.Concat([]string{"drops", "landing", "quarantine", "masked", "state", "exchange", "ledger", "keys", "subjects"}, outboxes) {
		w.buckets[name] = memblob.OpenBucket(nil)
	}
	known.worlds.Store(w.name, w)
	t.Cleanup(w.end)
	if err := w.buckets["keys"].WriteAll(t.Context(), "keyring.json", s.ring, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// end closes everything.
func (w *world) end() {
	known.worlds.Delete(w.name)
	w.kill()
	err := w.keeper.Close()
	for _, b := range w.buckets {
		err = errors.Join(err, b.Close())
	}
	if err != nil {
		w.t.Error(err)
	}
}

// publish makes a bundle the newest exchange.
func (w *world) publish(b *exchange.Bundle) {
	w.t.Helper()
	if err := exchange.Open(w.buckets["exchange"]).Publish(w.t.Context(), b); err != nil {
		w.t.Fatal(err)
	}
}

// door opens what one function may open, and nothing else: the first of the two
// doors' three locks (docs/design.md, rule 1).
type door struct {
	w        *world
	function string
	buckets  []string
}

func (d door) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	if !slices.Contains(d.buckets, u.Host) {
		return nil, fmt.Errorf("%s has no way to %s", d.function, u.Host)
	}
	return d.w.Bucket(d.function+" "+u.Host, d.w.buckets[u.Host]), nil
}

func (d door) OpenTopicURL(context.Context, *url.URL) (*pubsub.Topic, error) {
	return pubsub.NewTopic(partnerTopic{d.w}, &batcher.Options{MaxBatchSize: 1}), nil
}

// partnerTopic is the topic of a partner, which keeps what it is sent.
type partnerTopic struct{ w *world }

func (p partnerTopic) SendBatch(_ context.Context, ms []*driver.Message) error {
	return p.w.Do("fanout topic send", func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		for _, m := range ms {
			p.w.sent = append(p.w.sent, m.Body)
		}
		return nil
	})
}

func (partnerTopic) IsRetryable(error) bool             { return false }
func (partnerTopic) As(any) bool                        { return false }
func (partnerTopic) ErrorAs(error, any) bool            { return false }
func (partnerTopic) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Internal }
func (partnerTopic) Close() error                       { return nil }

func (w *world) door(function string, buckets ...string) (*blob.URLMux, *pubsub.URLMux) {
	d := door{w, function, buckets}
	b, t := new(blob.URLMux), new(pubsub.URLMux)
	b.RegisterBucket(scheme, d)
	t.RegisterTopic("topic", d)
	return b, t
}

// process is a function as one process runs it.
type process struct {
	host.Func
	close func() error
}

// start starts a process of the function. It fails as it does in real life: if
// what it opens does not answer.
func (w *world) start(function string) (*process, error) {
	ctx := w.t.Context()
	w.mu.Lock()
	w.processes++
	skew := time.Duration(w.processes)*time.Second + w.clocks[function]
	w.mu.Unlock()
	now := func() time.Time { return time.Now().Add(skew) }
	p := &process{Func: host.Func{Name: function, Out: publisher{w, function}, Dead: publisher{w, function}, Now: now}}
	var err error
	switch function {
	case "ingest":
		mux, _ := w.door(function, "drops", "landing", "quarantine", "exchange")
		var f *ingest.Function
		if f, err = ingest.Open(ctx, ingest.Config{Drops: scheme + "://drops", Landing: scheme + "://landing",
			Quarantine: scheme + "://quarantine", Exchange: scheme + "://exchange", Buckets: mux, Now: now}); err == nil {
			p.Handler, p.close = f, f.Close
		}
	case "mask":
		mux, _ := w.door(function, "landing", "masked", "exchange", "subjects")
		at := scheme + "://" + w.name
		var f *mask.Function
		if f, err = mask.Open(ctx, mask.Config{Landing: scheme + "://landing", Masked: scheme + "://masked", Exchange: scheme + "://exchange", Subjects: scheme + "://subjects",
			Keys: at + "?ring=keyring.json&keeper=" + url.QueryEscape(at), Buckets: mux}); err == nil {
			p.Handler, p.close = f, f.Close
		}
	case "fanout":
		mux, _ := w.door(function, "masked", "state", "exchange")
		outward, topics := w.door(function, outboxes...)
		var f *fanout.Function
		if f, err = fanout.Open(ctx, fanout.Config{Masked: scheme + "://masked", State: scheme + "://state", Exchange: scheme + "://exchange",
			Buckets: mux, Destinations: deliver.Opener{Buckets: outward, Topics: topics}, Now: now}); err == nil {
			p.Handler, p.close = f, f.Close
		}
	case "audit":
		mux, _ := w.door(function, "ledger")
		var f *audit.Function
		if f, err = audit.Open(ctx, audit.Config{Ledger: scheme + "://ledger", Origin: origin, SigningKey: w.secrets.skey, Buckets: mux}); err == nil {
			p.Handler, p.close = f, f.Close
		}
	}
	return p, err
}

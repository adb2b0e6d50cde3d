// Package stack is the whole chain in one process with nothing installed: the
// functions, buckets that are folders (shared/filebucket), queues in an
// embedded NATS server (shared/jetstream/embedded), keys in files, a watcher of
// the drops folder and an HTTP endpoint.
//
// Everything lies in one exchange directory: see Places. A process that dies, at
// whatever instant, loses nothing: the next one goes on where it was.
package stack

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/pubsub"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/localdev/internal/httpin"
	"github.com/sallyport-io/sallyport/localdev/internal/watch"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/host"
)

const (
	defaultConcurrency = 2
	// memoryLimit is where the garbage collector begins to work harder, unless
	// GOMEMLIMIT or the program has said otherwise.
	memoryLimit = 80 << 20
)

// Options of a Stack. The zero value is fine.
type Options struct {
	// Logger; nil logs nothing.
	Logger *slog.Logger
	// Concurrency is how many events ingest, mask and fanout handle at once,
	// each; 0: 2. The ledger is written by one.
	Concurrency int
	// HTTP is the address of the HTTP endpoint, such as 127.0.0.1:7480 (port 0
	// picks one); "": there is none. It must be a loopback address, because the
	// endpoint authenticates nobody but those who ask for values behind tokens.
	HTTP string
}

// Stack is the chain of one exchange directory. Publish, Idle and Addr may be
// called at any time by any number of goroutines.
type Stack struct {
	places      Places
	log         *slog.Logger
	concurrency int

	queue                *queue
	drops, state, config *blob.Bucket
	exchanges            *exchange.Repository
	ingest               *ingest.Function
	mask                 *mask.Function
	fanout               *fanout.Function
	audit                *audit.Function
	reveal               *reveal.Function
	watcher              *watch.Watcher
	endpoint             *httpin.Endpoint // nil: none
	listener             net.Listener     // of the endpoint
	workers              []host.Worker

	running atomic.Bool
	closers []func() error
	closing sync.Once
	closed  error
}

// Open takes the exchange directory dir for this process and opens all that the
// chain needs, making what is not there. The configuration is not read before
// Publish or Run. A directory that another process has taken is refused with
// CodeLocked.
func Open(ctx context.Context, dir string, opts Options) (_ *Stack, err error) {
	s := &Stack{places: Layout(dir), log: opts.Logger, concurrency: opts.Concurrency}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.concurrency <= 0 {
		s.concurrency = defaultConcurrency
	}
	if info, err := os.Stat(s.places.Dir); err != nil || !info.IsDir() {
		return nil, fault.New(fault.Invalid, "no-directory", s.places.Dir+" is not a directory", "sallyport init makes one")
	}
	if err := os.MkdirAll(s.places.Data, 0o700); err != nil {
		return nil, unwritable(err)
	}
	locked, err := lock(s.places)
	if err != nil {
		return nil, err
	}
	s.onClose(locked.Close)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := writeWhole(filepath.Join(s.places.Data, ".gitignore"), "# Data and keys of sallyport up: not for Git.\n*\n", 0o644); err != nil {
		return nil, err
	}
	if err := makeKeys(ctx, s.places); err != nil {
		return nil, err
	}
	if s.queue, err = openQueue(ctx, s.places.Queue); err != nil {
		return nil, err
	}
	s.onClose(s.queue.close)
	if err := s.openBuckets(); err != nil {
		return nil, err
	}
	if err := s.openFunctions(ctx); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, opts.HTTP); err != nil {
		return nil, err
	}
	return s, nil
}

// openBuckets opens what the hosts themselves need.
func (s *Stack) openBuckets() (err error) {
	for _, b := range []struct {
		to   **blob.Bucket
		dir  string
		sync bool
	}{
		{&s.drops, s.places.Drops, true},
		{&s.config, s.places.Config, true},
		// What the watcher marks and a power failure takes away is announced
		// again, and recognised.
		{&s.state, s.places.State, false},
	} {
		if *b.to, err = filebucket.Open(b.dir, &filebucket.Options{Sync: b.sync}); err != nil {
			return fault.Wrap(fault.Retry, "bucket-open", err, "cannot open a bucket")
		}
		s.onClose((*b.to).Close)
	}
	s.exchanges = exchange.Open(s.config)
	return nil
}

func (s *Stack) openFunctions(ctx context.Context) (err error) {
	if s.ingest, err = ingest.Open(ctx, s.places.Ingest()); err != nil {
		return err
	}
	s.onClose(s.ingest.Close)
	if s.mask, err = mask.Open(ctx, s.places.Mask()); err != nil {
		return err
	}
	s.onClose(s.mask.Close)
	if s.fanout, err = fanout.Open(ctx, s.places.Fanout()); err != nil {
		return err
	}
	s.onClose(s.fanout.Close)
	cfg, err := s.places.Audit()
	if err != nil {
		return err
	}
	if s.audit, err = audit.Open(ctx, cfg); err != nil {
		return err
	}
	s.onClose(s.audit.Close)
	if s.reveal, err = reveal.Open(ctx, s.places.Reveal()); err != nil {
		return err
	}
	s.onClose(s.reveal.Close)
	return nil
}

// auditWindow is how long an outcome waits for others to be recorded with it: an
// append to the ledger costs ten small objects, however many it records.
const auditWindow = 250 * time.Millisecond

// connect makes the hosts of the functions: who hears what and publishes where.
func (s *Stack) connect(ctx context.Context, addr string) error {
	topics := map[string]host.Publisher{}
	for _, subject := range []string{subjectDrops, subjectIngest, subjectMask, subjectFanout, subjectReveal, subjectDead} {
		var err error
		if topics[subject], err = s.queue.topic(subject); err != nil {
			return err
		}
	}
	add := func(name string, h host.Handler, out host.Publisher, concurrency, batch int, window time.Duration) {
		s.workers = append(s.workers, host.Worker{
			Func:        host.Func{Name: name, Handler: h, Out: out, Dead: topics[subjectDead], Logger: s.log},
			Open:        func(ctx context.Context) (*pubsub.Subscription, error) { return s.queue.subscribe(ctx, name) },
			Concurrency: concurrency,
			Batch:       batch,
			Window:      window,
		})
	}
	add("ingest", s.ingest, topics[subjectIngest], s.concurrency, 1, 0) // a drop does not wait for the next
	add("mask", s.mask, topics[subjectMask], s.concurrency, 1, 0)
	add("fanout", s.fanout, topics[subjectFanout], s.concurrency, 1, 0)
	add("audit", s.audit, nil, 1, 500, auditWindow)

	s.watcher = watch.New(watch.Config{Dir: s.places.Drops, Drops: s.drops, State: s.state, Publish: topics[subjectDrops].Publish, Logger: s.log})
	if addr == "" {
		return nil
	}
	s.endpoint = httpin.New(httpin.Config{Ingest: s.ingest, Publish: topics[subjectIngest].Publish, Ready: s.ready, Logger: s.log,
		Reveal: s.reveal.Handler(topics[subjectReveal].Publish, s.log)})
	return s.listen(ctx, addr)
}

// listen opens the address and writes it down for who wants to send.
func (s *Stack) listen(ctx context.Context, addr string) error {
	refused := fault.New(fault.Invalid, "http-address", "the HTTP endpoint listens on a loopback address only, because it authenticates nobody",
		"give an address such as 127.0.0.1:7480, and put a proxy that authenticates in front of it for others")
	name, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(name); err != nil || name != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return refused
	}
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", addr); err != nil {
		f := fault.Wrap(fault.Retry, "http-listen", err, "cannot listen on "+addr)
		f.Do = "give another address, or port 0 for any that is free"
		return f
	}
	s.onClose(func() error {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) { // Run has closed it
			return err
		}
		return nil
	})
	s.onClose(func() error { return os.Remove(s.places.HTTP) })
	return writeWhole(s.places.HTTP, s.Addr()+"\n", 0o644)
}

// Addr is the address of the HTTP endpoint, "" if there is none.
func (s *Stack) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

func (s *Stack) ready(ctx context.Context) error {
	_, err := s.exchanges.Newest(ctx)
	return err
}

// Run publishes the configuration and runs the chain until ctx is done, and then
// finishes what it has begun. A configuration that cannot be published is an
// error if none ever was; otherwise the last good one holds. Run is called once,
// and ended before Close.
func (s *Stack) Run(ctx context.Context) error {
	err := s.run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was told to end while it was beginning
	}
	return err
}

func (s *Stack) run(ctx context.Context) error {
	if s.running.Swap(true) {
		return fault.New(fault.Invalid, "stack-running", "a stack runs once", "open another")
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}
	problem := ""
	digest, err := s.Publish(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // told to end: it is not the configuration that is wrong
	}
	if err != nil {
		if _, none := s.exchanges.Newest(ctx); none != nil {
			return err
		}
		problem = s.unpublished(ctx, err)
	}
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error {
		s.follow(running, digest, problem)
		return nil
	})
	for _, w := range s.workers {
		g.Go(func() error { return w.Run(running) })
	}
	g.Go(func() error { return s.watcher.Run(running) })
	if s.endpoint != nil {
		g.Go(func() error { return s.endpoint.Run(running, s.listener) })
	}
	if err := g.Wait(); ctx.Err() == nil || !errors.Is(err, context.Canceled) { // a worker may be told to end while it starts
		return err
	}
	return nil
}

// Idle waits until all that lies in the drops folder now, and all that it leads
// to, has been dealt with and recorded. It waits for Run to be called. A delivery
// that is retried is not dealt with: give ctx a deadline.
func (s *Stack) Idle(ctx context.Context) error {
	if err := s.watcher.Settled(ctx); err != nil {
		return err
	}
	return s.queue.idle(ctx)
}

// Close gives the directory back. Run must have ended.
func (s *Stack) Close() error {
	s.closing.Do(func() {
		var errs []error
		for _, close := range slices.Backward(s.closers) { // the lock is the last
			errs = append(errs, close())
		}
		if err := errors.Join(errs...); err != nil {
			s.closed = fault.Wrap(fault.Retry, "stack-close", err, s.places.Dir+" was not closed in order")
		}
	})
	return s.closed
}

// onClose has Close call f, before what was given to onClose earlier.
func (s *Stack) onClose(f func() error) { s.closers = append(s.closers, f) }

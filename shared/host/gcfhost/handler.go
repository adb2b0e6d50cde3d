package gcfhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Source is the source attribute of the events that a Handler makes.
const Source = "/sallyport/gcf"

// DefaultTimeout is how long the handling of a request may take, for a service
// that gives requests a minute.
const DefaultTimeout = 55 * time.Second

const (
	// MaxDelivery is the size of the largest delivery that is read, in bytes:
	// the largest message of Pub/Sub (10 MB), in Base64, fits in.
	MaxDelivery = 16 << 20
	// bodies is how many bytes of bodies are in memory at once; more requests
	// wait before they are read.
	bodies = 2 * MaxDelivery
)

// Config of a Handler.
type Config struct {
	// Drops is the URL of the drops bucket, as the function has it. Without it
	// the function takes no drops and no events of partners.
	Drops string
	// Timeout is how long the handling of a request may take; it should be a
	// little less than the service's own. 0: DefaultTimeout.
	Timeout time.Duration
	// Window is how long the events of a request wait for those of others, and
	// Batch how many are handled together at most, by a function that takes
	// batches. 0: host.DefaultWindow and host.DefaultBatch. New objects are
	// handled one by one: each takes as long as it is large.
	Window time.Duration
	Batch  int
	// Project is the Google Cloud project whose traces the log names; "": none.
	Project string
}

// Handler is the http.Handler that runs a function: see the package comment.
type Handler struct {
	f       host.Func
	drops   place
	timeout time.Duration
	project string
	mux     *http.ServeMux
	memory  *semaphore.Weighted
	// gather and direct gather the events of deliveries and those of partners who
	// wait for the answer; nil: the function takes no batches.
	gather, direct *gatherer

	mu      sync.Mutex
	ending  bool
	running sync.WaitGroup
}

// New makes a Handler of a function. The error is Invalid: cfg.Drops names no
// bucket.
func New(f host.Func, cfg Config) (*Handler, error) {
	drops, err := placeOf(cfg.Drops)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Window <= 0 {
		cfg.Window = host.DefaultWindow
	}
	if cfg.Batch <= 0 {
		cfg.Batch = host.DefaultBatch
	}
	if f.Logger == nil {
		f.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{f: f, drops: drops, timeout: cfg.Timeout, project: cfg.Project, mux: http.NewServeMux(), memory: semaphore.NewWeighted(bodies)}
	if _, ok := f.Handler.(host.BatchHandler); ok {
		h.gather, h.direct = newGatherer(h, f, cfg), newGatherer(h, directly(f), cfg)
	}
	h.mux.HandleFunc("POST /{$}", h.serve(h.delivery))
	h.mux.HandleFunc("POST /tick", h.serve(h.tick))
	if drops.bucket != "" {
		h.mux.HandleFunc("POST /partners/{partner}/{path...}", h.serve(h.partner))
	}
	h.probes()
	return h, nil
}

// NewEndpoint makes a Handler of what answers requests, of which it gets all but
// those of probes. logger may be nil. Of cfg, Timeout and Project count.
func NewEndpoint(name string, to http.Handler, logger *slog.Logger, cfg Config) *Handler {
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{f: host.Func{Name: name, Logger: logger}, timeout: cfg.Timeout, project: cfg.Project, mux: http.NewServeMux()}
	h.mux.HandleFunc("/", h.serve(func(c call) httpevent.Answer { return httpevent.Serve(to, c.r) }))
	h.probes()
	return h
}

// probes answers those of the service.
func (h *Handler) probes() {
	h.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	h.mux.HandleFunc("GET /readyz", h.ready)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// errEnding answers requests that come after the end.
var errEnding = fault.New(fault.Retry, "ending", "this instance ends", "send it again, to another")

func (h *Handler) ready(w http.ResponseWriter, _ *http.Request) {
	if !h.begin() {
		httpevent.Refuse(errEnding).Send(w)
		return
	}
	defer h.running.Done()
	_, _ = w.Write([]byte("ready\n"))
}

// begin reports whether a request may begin. One that does ends with
// h.running.Done.
func (h *Handler) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending {
		return false
	}
	h.running.Add(1)
	return true
}

// Drain lets no request begin any more and waits for those that have begun. Its
// error is that of ctx, if it ends first: what still runs comes again.
func (h *Handler) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.ending = true
	h.mu.Unlock()
	drained := make(chan struct{})
	go func() {
		h.running.Wait()
		close(drained)
	}()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call is one request on its way.
type call struct {
	f     host.Func // logs with the trace of the request
	trace trace
	w     http.ResponseWriter
	r     *http.Request
}

// serve runs to within the limits of a request and sends its answer.
func (h *Handler) serve(to func(call) httpevent.Answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !h.begin() {
			w.Header().Set("Connection", "close")
			httpevent.Refuse(errEnding).Send(w)
			return
		}
		defer h.running.Done()
		deadline := time.Now().Add(h.timeout)
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		wire := http.NewResponseController(w)
		_ = wire.SetReadDeadline(deadline) // where it is not supported, the server has its own

		c := call{f: h.f, trace: traceOf(r.Header), w: w, r: r.WithContext(ctx)}
		c.f.Logger = h.f.Logger.With(telemetry.GoogleTrace(h.project, c.trace.id, c.trace.span, c.trace.sampled))
		a := safely(c, to)
		if a.Err != nil {
			c.f.Logger.LogAttrs(ctx, slog.LevelWarn, "request not taken", telemetry.Function(c.f.Name), telemetry.Count("status", int64(a.Status)), telemetry.Fault(a.Err))
		}
		if a.Status != http.StatusNoContent {
			w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
		}
		a.Send(w)
		_ = wire.Flush() // the process may end as soon as the request is done
	}
}

// safely turns a panic of the host itself into an answer. Of the panic only the
// place is logged: its value may be a row's, and the framework would print it.
func safely(c call, to func(call) httpevent.Answer) (a httpevent.Answer) {
	defer func() {
		if recover() != nil {
			c.f.Logger.LogAttrs(c.r.Context(), slog.LevelError, "panic", telemetry.Function(c.f.Name), slog.String("stack", stack()))
			a = httpevent.Refuse(fault.New(fault.Poison, "panic", "the host panicked", "report it with the stack in its log"))
		}
	}()
	return to(c)
}

// stack names the functions and lines that led here, without their arguments.
func stack() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		fmt.Fprintf(&b, "%s %s:%d\n", f.Function, filepath.Base(f.File), f.Line)
	}
	return b.String()
}

// body reads a body of at most limit bytes. It waits while too many bodies are
// in memory; release says that this one no longer is.
func (h *Handler) body(c call, limit int64) (_ []byte, release func(), err error) {
	tooLarge := fault.New(fault.Invalid, "request-too-large", fmt.Sprintf("the request has more than %d bytes", limit), "send less at once, or send it as a file")
	size := limit
	if c.r.ContentLength > limit {
		return nil, nil, tooLarge
	} else if c.r.ContentLength >= 0 {
		size = c.r.ContentLength
	}
	if err := h.memory.Acquire(c.r.Context(), size); err != nil {
		return nil, nil, fault.Wrap(fault.Retry, "busy", err, "too many requests are being read")
	}
	read := false
	defer func() {
		if !read {
			h.memory.Release(size)
		}
	}()
	var b bytes.Buffer
	b.Grow(int(max(c.r.ContentLength, 0)) + bytes.MinRead)
	_, err = b.ReadFrom(http.MaxBytesReader(c.w, c.r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, nil, tooLarge
	case err != nil:
		return nil, nil, fault.New(fault.Retry, "request-broken", "the request broke off", "send it again")
	}
	read = true
	return b.Bytes(), func() { h.memory.Release(size) }, nil
}

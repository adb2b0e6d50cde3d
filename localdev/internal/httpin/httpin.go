// Package httpin takes a partner's own events by HTTP, as CloudEvents 1.0 (HTTP
// protocol binding 1.0.2: binary, structured and batched mode):
//
//	POST /partners/{partner}/{path...}
//
// Partner and path say whose the events are and which contract they are held to,
// as the key of a file in the drops bucket does; what an event says of that
// itself is overwritten. GET /healthz and /readyz are for who watches over the
// process.
//
// Requests that arrive within a few milliseconds are handed to ingest together.
// The answer comes when the rows lie in a bucket and the events about them are
// published: rows never enter a queue, and what was answered with 202 is not
// lost. To send an event again is harmless, its source and id tell that it is
// the same.
//
// Answers: 202, taken; 400, the event is at fault (413, 415 likewise); 403,
// refused; 500, can never succeed; 503, try again. All but the first have a JSON
// body {"code", "message", "do"}. Of a batch in which some events failed the body
// also has the status of each, and the status is 503 if one of them is to be sent
// again, and the worst of them otherwise.
//
// Nobody is authenticated: listen on loopback, or behind something that does.
package httpin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Limits of a request.
const (
	MaxBody   = 8 << 20 // bytes
	MaxEvents = 1000    // in one batch
)

const (
	defaultWindow = 5 * time.Millisecond
	defaultBatch  = 500
	// bodies is how many bytes of bodies are in memory at once; more requests
	// wait before they are read.
	bodies = 4 * MaxBody
	// retryAfter is what Retry-After says, in seconds.
	retryAfter = "1"
	// drain is how long requests may take to finish when the endpoint ends.
	drain = 15 * time.Second
)

// Ingest is the function that takes the events: see host.BatchHandler.
type Ingest interface {
	HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error)
}

// Config of an Endpoint. Ingest and Publish are required.
type Config struct {
	Ingest Ingest
	// Publish hands on what ingest answers and returns when it is safe.
	Publish func(context.Context, []event.Event) error
	// Window is how long the first of some requests waits for others; 0: 5 ms.
	Window time.Duration
	// Batch is how many events are handed to ingest at once; 0: 500. A batch
	// that came as one is not divided.
	Batch int
	// Ready tells why requests cannot be served yet; nil: they always can.
	Ready func(context.Context) error
	// Logger; nil logs nothing.
	Logger *slog.Logger
}

// Endpoint is an http.Handler.
type Endpoint struct {
	cfg      Config
	mux      *http.ServeMux
	gatherer *gatherer
	memory   *semaphore.Weighted
}

// New makes an Endpoint. Close it when no more requests come.
func New(cfg Config) *Endpoint {
	if cfg.Window <= 0 {
		cfg.Window = defaultWindow
	}
	if cfg.Batch <= 0 {
		cfg.Batch = defaultBatch
	}
	if cfg.Ready == nil {
		cfg.Ready = func(context.Context) error { return nil }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Endpoint{cfg: cfg, mux: http.NewServeMux(), gatherer: newGatherer(cfg), memory: semaphore.NewWeighted(bodies)}
	e.mux.HandleFunc("POST /partners/{partner}/{path...}", e.take)
	e.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	e.mux.HandleFunc("GET /readyz", e.ready)
	return e
}

// Run serves on a listener until ctx is done, and then finishes what it has
// begun. It closes the listener and the Endpoint.
func (e *Endpoint) Run(ctx context.Context, on net.Listener) error {
	server := &http.Server{
		Handler:           e,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // it quotes requests
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(on) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err = server.Shutdown(end); err != nil {
			err = errors.Join(err, server.Close())
		}
	}
	e.Close()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fault.Wrap(fault.Retry, "http-serve", err, "the HTTP endpoint ended")
	}
	return nil
}

// Close waits until what was handed to ingest is done.
func (e *Endpoint) Close() { e.gatherer.wait() }

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.mux.ServeHTTP(w, r) }

func (e *Endpoint) ready(w http.ResponseWriter, r *http.Request) {
	if err := e.cfg.Ready(r.Context()); err != nil {
		answer(w, http.StatusServiceUnavailable, problemOf(err))
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// take serves a POST.
func (e *Endpoint) take(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	partner := r.PathValue("partner")
	n, status, err := e.taken(w, r, partner)
	attrs := []slog.Attr{telemetry.Count("status", int64(status)), telemetry.Count("events", int64(n)), telemetry.Duration("took", time.Since(start)), telemetry.Fault(err)}
	if status == http.StatusAccepted {
		attrs = append(attrs, telemetry.Partner(partner)) // only then is it known to be one
	}
	e.cfg.Logger.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}

// taken answers a POST, and tells how many events it had and what the answer was.
func (e *Endpoint) taken(w http.ResponseWriter, r *http.Request, partner string) (n, status int, err error) {
	fail := func(status int, err error) (int, int, error) {
		answer(w, status, problemOf(err))
		return 0, status, err
	}
	if strings.Contains(partner, "/") { // %2F: the key would be read as that of another
		return fail(http.StatusBadRequest, fault.New(fault.Invalid, "bad-partner", "there is a slash in the partner's id", "post to /partners/<partner>/<path>"))
	}
	size := int64(MaxBody)
	if r.ContentLength > MaxBody {
		return fail(http.StatusRequestEntityTooLarge, tooLarge())
	} else if r.ContentLength >= 0 {
		size = r.ContentLength
	}
	if err := e.memory.Acquire(r.Context(), size); err != nil {
		return fail(http.StatusServiceUnavailable, fault.Wrap(fault.Retry, "busy", err, "too many requests are being read"))
	}
	defer e.memory.Release(size)

	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	read, batch, err := decode(r)
	if err != nil {
		return fail(statusOfDecode(err), err)
	}
	// Events that are refused here are not handed on; the others are.
	errs := make([]error, len(read))
	events := make([]event.Event, 0, len(read))
	indexes := make([]int, 0, len(read))
	for i, one := range read {
		if errs[i] = one.err; errs[i] == nil {
			errs[i] = admit(&one.event, partner, r.PathValue("path"))
		}
		if errs[i] == nil {
			events, indexes = append(events, one.event), append(indexes, i)
		}
	}
	if len(events) > 0 {
		results, err := e.gatherer.take(r.Context(), events)
		if err != nil { // nobody waits for the answer any more
			return fail(http.StatusServiceUnavailable, err)
		}
		for at, i := range indexes {
			errs[i] = results[at]
		}
	}
	return reply(w, errs, batch)
}

// admit refuses what no partner may send, and says whose the event is.
func admit(e *event.Event, partner, path string) error {
	if event.FromChain(*e) {
		return fault.New(fault.Denied, "reserved-type", "types that start with "+event.Prefix+" are the chain's own", "give your events a type of your own, such as com.example.order")
	}
	e.SetExtension(event.ExtPartner, partner)
	e.SetExtension(event.ExtContract, path)
	return nil
}

// problem is the body of an answer.
type problem struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Do      string   `json:"do,omitempty"`
	Events  []status `json:"events,omitempty"`
}

// status is that of one event of a batch.
type status struct {
	Index  int `json:"index"` // in the batch, from 0
	Status int `json:"status"`
	*problem
}

// problemOf is what may be told of an error: of one that is no fault only that
// it happened.
func problemOf(err error) problem {
	f := event.FaultOf(err)
	p := problem{Code: f.Code, Message: f.Msg, Do: f.Do}
	if p.Message == "" {
		p.Message = "it could not be done"
	}
	if p.Do == "" && fault.KindOf(err) == fault.Retry {
		p.Do = "send it again"
	}
	return p
}

func statusOf(err error) int {
	if err == nil {
		return http.StatusAccepted
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Denied:
		return http.StatusForbidden
	case fault.Poison:
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// reply answers, given how it went with each event.
func reply(w http.ResponseWriter, errs []error, batch bool) (n, code int, err error) {
	failed := 0
	code = http.StatusAccepted
	for _, e := range errs {
		if s := statusOf(e); e != nil {
			failed++
			if s > code { // 400 < 403 < 500 < 503
				code, err = s, e
			}
		}
	}
	switch {
	case failed == 0:
		w.WriteHeader(code)
	case !batch:
		answer(w, code, problemOf(err))
	default:
		p := problem{Code: "batch", Message: fmt.Sprintf("%d of %d events were not taken", failed, len(errs)),
			Do: "see the status of each; to send those again that were taken does no harm"}
		for i, e := range errs {
			s := status{Index: i, Status: statusOf(e)}
			if e != nil {
				why := problemOf(e)
				s.problem = &why
			}
			p.Events = append(p.Events, s)
		}
		answer(w, code, p)
	}
	return len(errs), code, err
}

func answer(w http.ResponseWriter, code int, p problem) {
	w.Header().Set("Content-Type", "application/json")
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(p) // who does not read the answer sends again
}

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
// Requests are read and answers are worded by shared/host/httpevent.
//
// Beside it values behind tokens are asked for, at POST /v1/reveal: see package
// functions/reveal, which authenticates who asks.
//
// Nobody else is authenticated: listen on loopback, or behind something that does.
package httpin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

const (
	defaultWindow = 5 * time.Millisecond
	defaultBatch  = 500
	// bodies is how many bytes of bodies are in memory at once; more requests
	// wait before they are read.
	bodies = 4 * httpevent.MaxBody
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
	// Reveal answers who asks for values behind tokens; nil: nobody may.
	Reveal http.Handler
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
	if cfg.Reveal != nil {
		e.mux.Handle("POST "+reveal.Path, cfg.Reveal)
	}
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
		answer := httpevent.Refuse(err)
		answer.Status = http.StatusServiceUnavailable
		answer.Send(w)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// take serves a POST.
func (e *Endpoint) take(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	partner := r.PathValue("partner")
	n, answer := e.taken(w, r, partner)
	answer.Send(w)
	attrs := []slog.Attr{telemetry.Count("status", int64(answer.Status)), telemetry.Count("events", int64(n)), telemetry.Duration("took", time.Since(start)), telemetry.Fault(answer.Err)}
	if answer.Status == http.StatusAccepted {
		attrs = append(attrs, telemetry.Partner(partner)) // only then is it known to be one
	}
	e.cfg.Logger.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}

// taken reads a POST and has its events taken. It tells how many there were and
// how to answer.
func (e *Endpoint) taken(w http.ResponseWriter, r *http.Request, partner string) (int, httpevent.Answer) {
	if strings.Contains(partner, "/") { // %2F: the key would be read as that of another
		return 0, httpevent.Refuse(fault.New(fault.Invalid, "bad-partner", "there is a slash in the partner's id", "post to /partners/<partner>/<path>"))
	}
	size := int64(httpevent.MaxBody)
	if r.ContentLength > httpevent.MaxBody {
		return 0, httpevent.Refuse(httpevent.TooLarge())
	} else if r.ContentLength >= 0 {
		size = r.ContentLength
	}
	if err := e.memory.Acquire(r.Context(), size); err != nil {
		return 0, httpevent.Refuse(fault.Wrap(fault.Retry, "busy", err, "too many requests are being read"))
	}
	defer e.memory.Release(size)

	r.Body = http.MaxBytesReader(w, r.Body, httpevent.MaxBody)
	request, err := httpevent.Read(r.Header, r.Body)
	if err != nil {
		return 0, httpevent.Refuse(err)
	}
	// Events that are refused here are not handed on; the others are.
	errs := make([]error, len(request.Items))
	events := make([]event.Event, 0, len(request.Items))
	indexes := make([]int, 0, len(request.Items))
	for i, item := range request.Items {
		if errs[i] = item.Err; errs[i] == nil {
			errs[i] = httpevent.Admit(&item.Event, partner, r.PathValue("path"))
		}
		if errs[i] == nil {
			events, indexes = append(events, item.Event), append(indexes, i)
		}
	}
	if len(events) > 0 {
		results, err := e.gatherer.take(r.Context(), events)
		if err != nil { // nobody waits for the answer any more
			return 0, httpevent.Refuse(err)
		}
		for at, i := range indexes {
			errs[i] = results[at]
		}
	}
	return len(errs), httpevent.Reply(errs, request.Batch)
}

// Package gcfhost runs a function on Google Cloud Run functions, or as a service
// on Cloud Run, which is the same: an HTTP server by Google's Functions Framework.
//
//	POST /                          what the platform delivers
//	POST /tick                      Cloud Scheduler
//	POST /partners/{partner}/{path} a partner's own events
//	GET  /healthz, /readyz          for the service's probes
//
// The platform delivers: events of Cloud Storage through Eventarc and in the form
// of functions of the first generation; messages of Pub/Sub, pushed (wrapped, or
// unwrapped with metadata) or through Eventarc, of which each is a notification of
// Cloud Storage or one CloudEvent in structured mode; and CloudEvents themselves
// in any mode. A new object in the drops bucket becomes an event.DropReceived;
// what else happens to objects is ignored.
//
// Such a delivery is answered with 204 when all of it is done: handled and
// published, or refused for good, with a dead letter. It is answered with 503
// when it has to come again. Whoever waits for the answer (the acknowledgement
// deadline of the subscription, the timeout of the service) has to wait longer
// than SALLYPORT_TIMEOUT. Only a request that no part of the platform would send
// gets 4xx: 400, 415, or 413 for one of more than MaxDelivery bytes.
//
// The path /partners/... is there if the function has the drops bucket. Partner
// and path say whose the events are; what an event says of that itself counts
// nowhere. Requests and answers are those of package httpevent: what is refused,
// the partner is told, and there is no dead letter. A topic of a partner's may be pushed to the same
// path; then the answers are those for messages.
//
// Nobody is authenticated here. The service must be deployed so that only those
// may invoke it who should (roles/run.invoker): Cloud Run verifies their OIDC
// tokens before a request comes. A partner who may invoke a service may post to
// any of its paths; put a gateway in front that lets each post to its own only.
// Cloud Run keeps some paths that end in "z" from the outside; probes, which come
// from the inside, reach them.
//
// An endpoint (host.Endpoint, [MainHTTP]) is handed all requests but those of probes,
// and says itself who may ask.
//
// Events of requests that come at about the same time are handled together, if
// the function takes batches: let the service take many requests at once.
//
// The framework's own reading of events is not used: it fails batches, and prints
// the values of panics.
package gcfhost

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// grace is how long requests may take to finish after SIGTERM. Cloud Run kills
// after 10 s.
const grace = 8 * time.Second

// Settings are what Main reads of the environment for itself, each variable with
// host.EnvPrefix before its name.
type Settings struct {
	host.Settings
	Drops   string        `env:"DROPS"`
	Timeout time.Duration `env:"TIMEOUT" envDefault:"55s"`
	Window  time.Duration `env:"WINDOW"`
	Batch   int           `env:"BATCH"`
}

// Main is the main function of a function that open opens, with the configuration
// that host.Open reads from the environment. It never returns: it ends the
// process with status 0 after SIGTERM, when what had begun is finished, and with
// 1 if the function does not open or the server fails.
//
// Beside the function's own variables it reads SALLYPORT_TIMEOUT, SALLYPORT_WINDOW
// and SALLYPORT_BATCH (see Config), PORT (8080), GOOGLE_CLOUD_PROJECT (for the log)
// and LOCAL_ONLY ("true": listen on loopback only).
func Main[C any, F host.Function](name string, open func(context.Context, C) (F, error)) {
	end(name, func(ctx context.Context, logger *slog.Logger, level *slog.LevelVar) error {
		return run(ctx, name, logger, level, func() (*host.Opened, error) { return host.Open(ctx, name, open, logger) })
	})
}

// MainHTTP is Main for an endpoint: requests are handed to it, but for those of
// probes. It reads SALLYPORT_TIMEOUT, too, but no window and no batch.
func MainHTTP[C any, F host.Endpoint](name string, open func(context.Context, C) (F, error)) {
	end(name, func(ctx context.Context, logger *slog.Logger, level *slog.LevelVar) error {
		return runEndpoint(ctx, name, logger, level, func() (*host.OpenedEndpoint, error) { return host.OpenEndpoint(ctx, open, logger) })
	})
}

// end runs the process until it is told to end, and ends it.
func end(name string, run func(context.Context, *slog.Logger, *slog.LevelVar) error) {
	level := new(slog.LevelVar)
	logger := telemetry.GoogleLogger(os.Stdout, level)
	log.SetOutput(io.Discard) // net/http quotes requests there
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, logger, level)
	stop()
	if err != nil {
		said := event.FaultOf(err)
		logger.Error(name+" ended: "+cmp.Or(said.Msg, "unknown error"), slog.String("do", said.Do), telemetry.Fault(err))
		os.Exit(1)
	}
	os.Exit(0)
}

// EndpointSettings are those that MainHTTP reads.
type EndpointSettings struct {
	host.EndpointSettings
	Timeout time.Duration `env:"TIMEOUT" envDefault:"55s"`
}

// runEndpoint serves an endpoint until ctx is done.
func runEndpoint(ctx context.Context, name string, logger *slog.Logger, level *slog.LevelVar, open func() (*host.OpenedEndpoint, error)) (err error) {
	s, err := host.Environment[EndpointSettings](os.Environ())
	if err != nil {
		return err
	}
	level.Set(s.Log)
	o, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	return NewEndpoint(name, o, logger, Config{Timeout: s.Timeout, Project: os.Getenv("GOOGLE_CLOUD_PROJECT")}).run(ctx)
}

// run serves until ctx is done.
func run(ctx context.Context, name string, logger *slog.Logger, level *slog.LevelVar, open func() (*host.Opened, error)) (err error) {
	s, err := host.Environment[Settings](os.Environ())
	if err != nil {
		return err
	}
	level.Set(s.Log)
	o, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	h, err := New(o.Func, Config{Drops: s.Drops, Timeout: s.Timeout, Window: s.Window, Batch: s.Batch, Project: os.Getenv("GOOGLE_CLOUD_PROJECT")})
	if err != nil {
		return err
	}
	return h.run(ctx)
}

// run serves until ctx is done, and what has begun then until its end.
func (h *Handler) run(ctx context.Context) error {
	name, logger := h.f.Name, h.f.Logger
	if err := funcframework.RegisterHTTPFunctionContext(ctx, "/", h.ServeHTTP); err != nil {
		return fault.Wrap(fault.Invalid, "register", err, "the functions framework does not take the function")
	}
	if os.Getenv("FUNCTION_TARGET") == "" {
		// The framework then serves what is registered last, at every path, as it
		// does where it is deployed with a target; and says nothing about it.
		if err := os.Setenv("FUNCTION_TARGET", name); err != nil {
			return fault.Wrap(fault.Invalid, "environment", err, "cannot set FUNCTION_TARGET")
		}
	}
	address := ""
	if os.Getenv("LOCAL_ONLY") == "true" {
		address = "127.0.0.1"
	}
	served := make(chan error, 1)
	go func() { served <- funcframework.StartHostPort(address, cmp.Or(os.Getenv("PORT"), "8080")) }()
	select {
	case err := <-served:
		return fault.Wrap(fault.Retry, "http-serve", err, "the HTTP server ended")
	case <-ctx.Done():
	}
	// The framework's server cannot be told to stop listening: what still comes
	// is sent away.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := h.Drain(end); err != nil {
		return fault.Wrap(fault.Retry, "drain", err, "requests did not end in time; they come again")
	}
	logger.Info("ended", telemetry.Function(name))
	return nil
}

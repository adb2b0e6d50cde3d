// Package workerhost runs a function as a plain worker on a queue: any gocloud
// pubsub subscription, opened by URL. Any number of copies, on any number of
// machines, share the work of one queue.
//
// Drivers are those that the program has linked in; jetstream:// (see
// shared/jetstream) is always there. A main is
//
//	func main() { workerhost.Main("mask", mask.Open) }
//
// Each message of the queue is one CloudEvent in structured mode. Events of the
// chain are taken as they are: whoever may write to the queue is trusted, so that
// a partner who has a queue to write to needs a worker of its own, with
// [Settings.Partner].
package workerhost

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/jetstream"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Settings are a worker's environment variables, beside those of host.Settings,
// of the function and of jetstream.Server. 0 is the default of host.Worker.
type Settings struct {
	Subscription string        `env:"SUBSCRIPTION,required"` // subscription URL: the queue
	Concurrency  int           `env:"CONCURRENCY"`           // batches, or events, handled at once
	Batch        int           `env:"BATCH"`                 // events that are handled together at most
	Window       time.Duration `env:"WINDOW"`                // how long the first of them waits for the others
	Grace        time.Duration `env:"GRACE"`                 // for what runs, when the worker is asked to end
	Health       string        `env:"HEALTH"`                // address of /healthz and /readyz, such as :8081; "": none
	// Partner and Contract, both or none: every event of this queue is the
	// partner's own, and is taken as one below <partner>/<contract> of the
	// drops, whatever it says of itself. Types of the chain are refused.
	Partner  string `env:"PARTNER"`
	Contract string `env:"CONTRACT"`
}

// check tells what host.Environment cannot see.
func (s Settings) check() error {
	wrong := ""
	switch {
	case s.Concurrency < 0, s.Batch < 0, s.Window < 0, s.Grace < 0:
		wrong = "CONCURRENCY, BATCH, WINDOW and GRACE are not below 0"
	case (s.Partner == "") != (s.Contract == ""):
		wrong = "PARTNER and CONTRACT go together"
	default:
		return nil
	}
	return fault.New(fault.Invalid, "environment", "a setting is wrong: "+wrong, "correct the variables SALLYPORT_*")
}

// Options are what a program may decide. The zero value is fine.
type Options struct {
	// Environ is as os.Environ has it. nil: the process's.
	Environ []string
	// Log is where logs go. nil: standard error.
	Log io.Writer
	// Text makes them logfmt, for people, instead of JSON.
	Text bool
	// Check says what is wrong with a connection that the subscription or the
	// topics need, for /readyz. nil: nothing ever is.
	Check func() error
	// Subscriptions opens the subscription. nil: pubsub.DefaultURLMux().
	Subscriptions *pubsub.URLMux
}

// Main runs a function as the one worker of this process, and ends the process:
// with 0 after it was asked to end (SIGTERM, SIGINT) and everything was finished,
// with 1 if it cannot go on. A second signal ends it at once.
func Main[C any, F host.Function](name string, open func(context.Context, C) (F, error)) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := RunProcess(ctx, name, open, Options{}); err != nil {
		f := event.FaultOf(err)
		telemetry.Logger(os.Stderr, nil, true).Error("the worker ends: "+f.Msg, telemetry.Function(name), telemetry.Fault(err), slog.String("do", f.Do))
		os.Exit(1)
	}
	os.Exit(0)
}

// RunProcess is Run with jetstream:// on gocloud's default mux for topics and
// subscriptions, on which it can be registered once: call it once in a process.
func RunProcess[C any, F host.Function](ctx context.Context, name string, open func(context.Context, C) (F, error), opts Options) (err error) {
	if opts.Environ == nil {
		opts.Environ = os.Environ()
	}
	server, err := host.Environment[jetstream.Server](opts.Environ)
	if err != nil {
		return err
	}
	queues := &jetstream.URLOpener{Dial: server.Dial}
	defer func() { _ = queues.Close() }() // it returns nil
	pubsub.DefaultURLMux().RegisterTopic(jetstream.Scheme, queues)
	pubsub.DefaultURLMux().RegisterSubscription(jetstream.Scheme, queues)
	if opts.Check == nil {
		opts.Check = queues.Check
	}
	return Run(ctx, name, open, opts)
}

// Run opens the function name by the environment and works until ctx is done and
// what ran is finished. See Serve.
func Run[C any, F host.Function](ctx context.Context, name string, open func(context.Context, C) (F, error), opts Options) error {
	if opts.Environ == nil {
		opts.Environ = os.Environ()
	}
	// All at once, so that the error names everything that is missing.
	all, err := host.Environment[struct {
		Settings
		Host     host.Settings
		Function C
	}](opts.Environ)
	if err != nil {
		return err
	}
	if err := all.check(); err != nil {
		return err
	}
	if opts.Log == nil {
		opts.Log = os.Stderr
	}
	opened, err := host.OpenFrom(ctx, opts.Environ, name, open, telemetry.Logger(opts.Log, all.Host.Log, !opts.Text))
	if err != nil {
		return err
	}
	err = Serve(ctx, opened.Func, all.Settings, opts)
	if fault.CodeOf(err) == "drain" {
		return err // a handler still runs: what it uses is not closed under it
	}
	if closing := opened.Close(); err == nil && closing != nil {
		err = fault.Wrap(fault.Retry, "worker-close", closing, "cannot close what "+name+" had open")
	}
	return err
}

// Serve works on the queue until ctx is done, as host.Worker does, and answers
// who asks for its health meanwhile. Of the options it heeds Check and
// Subscriptions.
func Serve(ctx context.Context, f host.Func, s Settings, opts Options) error {
	if err := s.check(); err != nil {
		return err
	}
	f.Handler = admitting(f.Handler, s.Partner, s.Contract)
	h := &health{check: opts.Check}
	h.set("the subscription is not open yet")
	defer context.AfterFunc(ctx, h.drain)()
	address, stop, err := h.listen(s.Health)
	if err != nil {
		return err
	}
	defer stop()
	if f.Logger != nil {
		attrs := []slog.Attr{telemetry.Function(f.Name)}
		if address != "" {
			attrs = append(attrs, slog.String("health", address))
		}
		f.Logger.LogAttrs(ctx, slog.LevelInfo, "the worker starts", attrs...)
	}
	err = host.Worker{
		Func: f,
		Open: func(ctx context.Context) (*pubsub.Subscription, error) {
			h.set("the subscription is not open")
			sub, err := cmp.Or(opts.Subscriptions, pubsub.DefaultURLMux()).OpenSubscription(ctx, s.Subscription)
			if err == nil {
				h.set("")
			}
			return sub, err
		},
		Concurrency: s.Concurrency, Batch: s.Batch, Window: s.Window, Grace: s.Grace,
	}.Run(ctx)
	if err == nil && f.Logger != nil {
		f.Logger.LogAttrs(ctx, slog.LevelInfo, "the worker has ended", telemetry.Function(f.Name))
	}
	return err
}

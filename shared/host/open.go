package host

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/caarlos0/env/v11"
	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// EnvPrefix starts the name of every environment variable of the functions.
const EnvPrefix = "SALLYPORT_"

// Function is what a function's Open answers.
type Function interface {
	Handler
	io.Closer
}

// Settings are what every function has beside its own Config.
type Settings struct {
	Topic string     `env:"TOPIC"`         // topic URL: where its answers go; "" for one that has none
	Dead  string     `env:"DEAD,required"` // topic URL: where dead letters go
	Log   slog.Level `env:"LOG" envDefault:"INFO"`
}

// Environment reads a configuration from environment variables: those that C's
// fields name in their env tags, behind EnvPrefix. environ is as os.Environ has
// it. The error names what is missing or wrong, and no value.
func Environment[C any](environ []string) (C, error) {
	cfg, err := env.ParseAsWithOptions[C](env.Options{Prefix: EnvPrefix, Environment: env.ToMap(environ)})
	if err != nil {
		f := fault.New(fault.Invalid, "environment", "a setting is missing or wrong: "+settings(err), "set the variable in the deployment of the function")
		return cfg, f
	}
	return cfg, nil
}

// settings names the variables that an error is about.
func settings(err error) string {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return "unknown"
	}
	names := ""
	for _, e := range all.Errors {
		name := ""
		var unset env.VarIsNotSetError
		var empty env.EmptyVarError
		var parse env.ParseError
		switch {
		case errors.As(e, &unset):
			name = unset.Key
		case errors.As(e, &empty):
			name = empty.Key
		case errors.As(e, &parse):
			name = EnvPrefix + "*, for " + parse.Name // its text holds the value
		}
		if names != "" {
			names += ", "
		}
		names += name
	}
	return names
}

// Opened is a function with its topics, opened from the environment.
type Opened struct {
	Func
	close []func() error
}

// Open opens the function name and its topics by the environment, for a host.
// Drivers are those that the program has linked in.
func Open[C any, F Function](ctx context.Context, name string, open func(context.Context, C) (F, error), logger *slog.Logger) (*Opened, error) {
	return OpenFrom(ctx, os.Environ(), name, open, logger)
}

// OpenFrom is Open by another environment than that of the process.
func OpenFrom[C any, F Function](ctx context.Context, environ []string, name string, open func(context.Context, C) (F, error), logger *slog.Logger) (_ *Opened, err error) {
	settings, err := Environment[Settings](environ)
	if err != nil {
		return nil, err
	}
	cfg, err := Environment[C](environ)
	if err != nil {
		return nil, err
	}
	o := &Opened{Func: Func{Name: name, Logger: logger}}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	if o.Dead, err = o.topic(ctx, settings.Dead); err != nil {
		return nil, err
	}
	if settings.Topic != "" {
		if o.Out, err = o.topic(ctx, settings.Topic); err != nil {
			return nil, err
		}
	}
	f, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	o.Handler = f
	o.close = append(o.close, f.Close)
	return o, nil
}

// topic opens a topic by URL.
func (o *Opened) topic(ctx context.Context, url string) (Publisher, error) {
	t, err := pubsub.OpenTopic(ctx, url)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "topic-open", err, "cannot open a topic")
	}
	o.close = append(o.close, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		return t.Shutdown(ctx)
	})
	return TopicPublisher(t), nil
}

// Close closes the function and its topics. Nothing may be running.
func (o *Opened) Close() error {
	var errs []error
	for _, close := range o.close {
		errs = append(errs, close())
	}
	return errors.Join(errs...)
}

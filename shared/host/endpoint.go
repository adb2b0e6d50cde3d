package host

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/sallyport-io/sallyport/shared/event"
)

// Endpoint is a function that answers requests instead of events.
type Endpoint interface {
	io.Closer

	// Handler makes what answers requests. What is to be recorded of a request it
	// hands to publish before it answers; publish returns when it is stored for those
	// who subscribe. logger is not nil.
	Handler(publish func(ctx context.Context, events []event.Event) error, logger *slog.Logger) http.Handler
}

// EndpointSettings are what every endpoint has beside its own Config.
type EndpointSettings struct {
	Topic string     `env:"TOPIC,required"` // topic URL: where its events go
	Log   slog.Level `env:"LOG" envDefault:"INFO"`
}

// OpenedEndpoint is an endpoint with its topic, opened from the environment.
type OpenedEndpoint struct {
	http.Handler
	close []func() error
}

// OpenEndpoint opens an endpoint and its topic by the environment of the process,
// for a host. Drivers are those that the program has linked in.
func OpenEndpoint[C any, F Endpoint](ctx context.Context, open func(context.Context, C) (F, error), logger *slog.Logger) (*OpenedEndpoint, error) {
	return OpenEndpointFrom(ctx, os.Environ(), open, logger)
}

// OpenEndpointFrom is OpenEndpoint by another environment than that of the process.
func OpenEndpointFrom[C any, F Endpoint](ctx context.Context, environ []string, open func(context.Context, C) (F, error), logger *slog.Logger) (*OpenedEndpoint, error) {
	settings, err := Environment[EndpointSettings](environ)
	if err != nil {
		return nil, err
	}
	cfg, err := Environment[C](environ)
	if err != nil {
		return nil, err
	}
	var topics Opened
	out, err := topics.topic(ctx, settings.Topic)
	if err != nil {
		return nil, err
	}
	f, err := open(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, topics.Close())
	}
	return &OpenedEndpoint{Handler: f.Handler(out.Publish, logger), close: []func() error{f.Close, topics.Close}}, nil
}

// Close closes the endpoint and its topic. Nothing may be running.
func (o *OpenedEndpoint) Close() error {
	var errs []error
	for _, close := range o.close {
		errs = append(errs, close())
	}
	return errors.Join(errs...)
}

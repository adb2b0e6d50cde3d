package lambdahost

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Main is the main of a function on Lambda: it opens the function name by the
// environment (host.Open and Config) and serves invocations. It never returns. If
// the function cannot be opened, the program says why in one line and ends with
// status 1.
//
// On SIGTERM it waits for the invocation that runs, closes the function and ends
// with status 0. Lambda itself sends none, and nothing is lost by that: what was
// answered is stored.
func Main[C any, F host.Function](name string, open func(context.Context, C) (F, error)) {
	h, closing, err := start(name, open)
	serve(name, h, closing, err)
}

// MainHTTP is Main for an endpoint: requests of a function URL or an HTTP API are
// handed to it, and nothing else is taken.
func MainHTTP[C any, F host.Endpoint](name string, open func(context.Context, C) (F, error)) {
	h, closing, err := startEndpoint(name, open)
	serve(name, h, closing, err)
}

// serve serves invocations of what was started, unless it was not.
func serve(name string, h *Handler, closing func() error, err error) {
	if err != nil {
		f := event.FaultOf(err) // the text of another error may hold a secret
		telemetry.Logger(os.Stdout, slog.LevelInfo, true).Error("cannot start", telemetry.Function(name),
			slog.String("why", f.Msg), slog.String("do", f.Do), telemetry.Fault(err))
		os.Exit(1)
	}
	ending := &ending{h: h}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		ending.end()
		if err := closing(); err != nil {
			h.f.Logger.Error("cannot close", telemetry.Function(name), telemetry.Fault(err))
			os.Exit(1)
		}
		os.Exit(0)
	}()
	lambda.StartWithOptions(ending.invoke)
}

// start opens the function and makes its handler.
func start[C any, F host.Function](name string, open func(context.Context, C) (F, error)) (*Handler, func() error, error) {
	settings, err := host.Environment[host.Settings](os.Environ())
	if err != nil {
		return nil, nil, err
	}
	cfg, err := host.Environment[Config](os.Environ())
	if err != nil {
		return nil, nil, err
	}
	opened, err := host.Open(context.Background(), name, open, telemetry.Logger(os.Stdout, settings.Log, true))
	if err != nil {
		return nil, nil, err
	}
	h, err := New(opened.Func, cfg)
	return h, opened.Close, err
}

// startEndpoint opens the endpoint and makes its handler.
func startEndpoint[C any, F host.Endpoint](name string, open func(context.Context, C) (F, error)) (*Handler, func() error, error) {
	settings, err := host.Environment[host.EndpointSettings](os.Environ())
	if err != nil {
		return nil, nil, err
	}
	logger := telemetry.Logger(os.Stdout, settings.Log, true)
	opened, err := host.OpenEndpoint(context.Background(), open, logger)
	if err != nil {
		return nil, nil, err
	}
	return NewEndpoint(name, opened, logger), opened.Close, nil
}

// ending is a Handler that can be asked to end.
type ending struct {
	h       *Handler
	running sync.RWMutex // held for reading from the start of an invocation until its answer is sent
}

// invoke has a form that the runtime takes: it closes an answer when it is sent.
func (e *ending) invoke(ctx context.Context, payload json.RawMessage) (*answer, error) {
	e.running.RLock()
	body, err := e.h.Invoke(ctx, payload)
	if err != nil {
		e.running.RUnlock() // if it is not told any more, the end of the process tells it
		return nil, err
	}
	return &answer{bytes.NewReader(body), e.running.RUnlock}, nil
}

// end waits for what runs; what comes after it waits forever.
func (e *ending) end() { e.running.Lock() }

// answer is the body of an answer.
type answer struct {
	body *bytes.Reader
	sent func()
}

func (a *answer) Read(p []byte) (int, error) { return a.body.Read(p) }
func (a *answer) ContentType() string        { return "application/json" }

func (a *answer) Close() error {
	a.sent()
	return nil
}

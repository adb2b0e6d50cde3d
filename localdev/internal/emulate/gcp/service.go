package gcp

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Service is a function as Cloud Run runs it: one instance, which takes requests at
// the same time and stays when there are none. Another takes its place when it
// ends. Requests of Pub/Sub wait for an instance that is ready.
type Service struct {
	name   string
	path   string   // the binary
	env    []string // all of it but the port
	log    *emulate.Log
	logger *slog.Logger
	addr   string // the same for every instance
	ctx    context.Context
	end    context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	now   *emulate.Process
	ready chan struct{} // closed while now is ready
}

const (
	// drain is how long an instance may take to end: a little more than Cloud
	// Run gives it.
	drain = 11 * time.Second
	// An instance that ends soon after its start is replaced after a pause
	// that grows.
	soon       = 10 * time.Second
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// serve starts an instance and waits until it is ready. ctx is for that only. s has
// all fields before addr.
func (s *Service) serve(ctx context.Context) error {
	p, addr, err := emulate.Listen(ctx, s.command, probe)
	if err != nil {
		return err
	}
	s.addr, s.ended, s.ready = addr, make(chan struct{}), make(chan struct{})
	s.ctx, s.end = context.WithCancel(context.Background())
	s.up(p)
	go func() {
		defer close(s.ended)
		s.supervise(p)
	}()
	return nil
}

// stop asks the instance to end and waits until it has.
func (s *Service) stop() error {
	s.end()
	<-s.ended
	return nil
}

// URL is where the function answers.
func (s *Service) URL() string { return "http://" + s.addr }

// Pid is the id of the process that is ready, or was last.
func (s *Service) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.Pid()
}

func (s *Service) command(addr string) emulate.Command {
	_, port, _ := net.SplitHostPort(addr) // of a listener
	return emulate.Command{
		Name: s.name, Path: s.path, Log: s.log, Grace: drain,
		Env: append([]string{"PORT=" + port, "LOCAL_ONLY=true"}, s.env...),
	}
}

// probe asks an instance whether it is ready.
func probe(ctx context.Context, addr string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fault.New(fault.Retry, emulate.CodeStart, "the instance answered "+strconv.Itoa(response.StatusCode), "")
	}
	return err
}

// supervise replaces instances that end, until the service does.
func (s *Service) supervise(p *emulate.Process) {
	pause := time.Duration(0)
	for p != nil {
		began := time.Now()
		select {
		case <-s.ctx.Done():
			p.Stop()
			return
		case <-p.Done():
		}
		s.mu.Lock()
		s.ready = make(chan struct{})
		s.mu.Unlock()
		s.logger.LogAttrs(s.ctx, slog.LevelWarn, "an instance ended, another is started", telemetry.Function(s.name))
		if time.Since(began) > soon {
			pause = 0
		}
		p, pause = s.another(pause)
	}
}

// another starts an instance, after a pause. It tells the pause for the next, and
// no instance if the service has ended.
func (s *Service) another(pause time.Duration) (*emulate.Process, time.Duration) {
	for {
		select {
		case <-s.ctx.Done():
			return nil, 0
		case <-time.After(pause):
		}
		pause = min(max(2*pause, firstPause), lastPause)
		p, err := emulate.Start(s.command(s.addr))
		if err == nil {
			if err = p.Ready(s.ctx, func(ctx context.Context) error { return probe(ctx, s.addr) }); err == nil {
				s.up(p)
				return p, pause
			}
			p.Kill()
		}
		if s.ctx.Err() == nil {
			s.logger.LogAttrs(s.ctx, slog.LevelError, "an instance does not start", telemetry.Function(s.name), telemetry.Fault(err))
		}
	}
}

// up has requests go to an instance.
func (s *Service) up(p *emulate.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = p
	close(s.ready)
}

// transport sends requests to the service, when an instance is ready.
func (s *Service) transport(connections int) http.RoundTripper {
	return &waiting{s, &http.Transport{MaxIdleConnsPerHost: connections}}
}

type waiting struct {
	service *Service
	to      http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (w *waiting) RoundTrip(r *http.Request) (*http.Response, error) {
	s := w.service
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	err := error(nil)
	select {
	case <-ready:
		return w.to.RoundTrip(r)
	case <-r.Context().Done():
		err = r.Context().Err()
	case <-s.ctx.Done():
		err = fault.New(fault.Retry, emulate.CodeEnded, "the service has ended", "")
	}
	if r.Body != nil {
		_ = r.Body.Close() // as a RoundTripper must
	}
	return nil, err
}

package lambda

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// Service is Lambda: it serves the Runtime API to the processes of its functions,
// on loopback. The API of each environment lies below a path that only it knows.
type Service struct {
	log      *emulate.Log
	listener net.Listener
	server   *http.Server

	mu           sync.Mutex
	functions    []*Function
	environments map[string]*environment
}

// Open starts a service. log gets what the functions print; it may be nil.
func Open(ctx context.Context, log *emulate.Log) (*Service, error) {
	s := &Service{log: log, environments: map[string]*environment{}}
	var err error
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, fault.Wrap(fault.Retry, "lambda-listen", err, "the Runtime API cannot listen")
	}
	mux := http.NewServeMux()
	const runtime = "/{environment}/2018-06-01/runtime/"
	mux.HandleFunc("GET "+runtime+"invocation/next", s.serve(next))
	mux.HandleFunc("POST "+runtime+"invocation/{request}/response", s.serve(response))
	mux.HandleFunc("POST "+runtime+"invocation/{request}/error", s.serve(failed))
	mux.HandleFunc("POST "+runtime+"init/error", s.serve(initFailed))
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(s.listener) }() // ends with Close
	return s, nil
}

// Close ends all functions and their processes. Invocations that run fail.
func (s *Service) Close() error {
	s.mu.Lock()
	functions := s.functions
	s.mu.Unlock()
	var closing sync.WaitGroup
	for _, f := range functions {
		closing.Go(f.close)
	}
	closing.Wait()
	if err := s.server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fault.Wrap(fault.Retry, "lambda-close", err, "the Runtime API was not closed in order")
	}
	return nil
}

func (s *Service) add(f *Function) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions = append(s.functions, f)
}

// environment starts a process of f.
func (s *Service) environment(f *Function) (*environment, error) {
	e := &environment{
		id: rand.Text(), function: f,
		next: make(chan *invocation), ready: make(chan struct{}), broken: make(chan *Failure, 1),
	}
	s.mu.Lock()
	s.environments[e.id] = e // it may ask before Start returns
	s.mu.Unlock()
	var err error
	if e.process, err = emulate.Start(f.command(s.listener.Addr().String()+"/"+e.id, e.id)); err != nil {
		s.forget(e)
		return nil, err
	}
	go e.watch()
	return e, nil
}

func (s *Service) forget(e *environment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.environments, e.id)
}

// serve finds the environment that asks.
func (s *Service) serve(h func(*environment, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		e := s.environments[r.PathValue("environment")]
		s.mu.Unlock()
		if e == nil {
			refuse(w, http.StatusForbidden, "UnknownEnvironment", "there is no such environment")
			return
		}
		h(e, w, r)
	}
}

// next hands the next invocation to a process, when there is one.
func next(e *environment, w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	busy := e.current != nil
	e.mu.Unlock()
	if busy {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the invocation before was not answered")
		return
	}
	e.asked.Do(func() { close(e.ready) })
	select {
	case inv := <-e.next:
		e.mu.Lock()
		e.current = inv
		e.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", e.function.ARN())
		h.Set("Lambda-Runtime-Trace-Id", inv.trace)
		_, _ = w.Write(inv.payload) // who does not get it does not answer either
	case <-r.Context().Done():
	}
}

// response takes the answer of an invocation.
func response(e *environment, w http.ResponseWriter, r *http.Request) {
	inv := e.take(w, r)
	if inv == nil {
		return
	}
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxAnswer))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		inv.end(outcome{reusable: true, err: &Failure{FailureAnswer, "Response payload size exceeded maximum allowed payload size (" + strconv.Itoa(MaxAnswer) + " bytes)."}})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the answer is too large")
	case err == nil:
		inv.end(outcome{reusable: true, answer: answer})
		accept(w)
	} // else the process has ended, and that ends the invocation
}

// failed takes the error of an invocation.
func failed(e *environment, w http.ResponseWriter, r *http.Request) {
	inv := e.take(w, r)
	if inv == nil {
		return
	}
	if f, ok := reported(w, r); ok {
		inv.end(outcome{reusable: true, err: f})
		accept(w)
	}
}

// initFailed takes the error of a process that cannot start.
func initFailed(e *environment, w http.ResponseWriter, r *http.Request) {
	if f, ok := reported(w, r); ok {
		select {
		case e.broken <- f:
		default: // it said so before
		}
		accept(w)
	}
}

// take takes the current invocation of an environment, which a process says that
// it has done.
func (e *environment) take(w http.ResponseWriter, r *http.Request) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv := e.current
	if inv == nil || inv.id != r.PathValue("request") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "this is not the id of the invocation")
		return nil
	}
	e.current = nil
	return inv
}

// reported reads the error that a runtime reports.
func reported(w http.ResponseWriter, r *http.Request) (*Failure, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxErrorBody))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return nil, false
	}
	f := new(Failure)
	if json.Unmarshal(body, f) != nil || f.Type == "" {
		f.Type = r.Header.Get("Lambda-Runtime-Function-Error-Type")
	}
	if f.Type == "" {
		f.Type = "Unhandled"
	}
	return f, true
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, typ, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Failure{typ, message})
}

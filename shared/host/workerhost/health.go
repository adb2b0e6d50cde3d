package workerhost

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// healthTimeout bounds everything about one question for the health.
const healthTimeout = 5 * time.Second

// health answers whoever supervises workers: /healthz is 200 as long as the
// process can answer at all, /readyz is 200 while the worker takes events, and
// 503 with the reason while it does not.
type health struct {
	check func() error // nil: nothing to check

	mu       sync.Mutex
	not      string // why it takes no events; "": it does
	draining bool
}

func (h *health) set(not string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.not = not
}

func (h *health) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

// reason is why the worker takes no events, or "".
func (h *health) reason() string {
	h.mu.Lock()
	not, draining := h.not, h.draining
	h.mu.Unlock()
	switch {
	case draining:
		return "the worker was asked to end"
	case not != "":
		return not
	case h.check == nil:
		return ""
	}
	if err := h.check(); err != nil {
		return event.FaultOf(err).Msg
	}
	return ""
}

// listen answers at the address until stop is called. It returns the address
// that it listens at; of "" nothing is listened at.
func (h *health) listen(address string) (at string, stop func(), err error) {
	if address == "" {
		return "", func() {}, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		f := fault.Wrap(fault.Retry, "health-listen", err, "cannot listen for questions about the worker's health")
		f.Do = "choose another address in SALLYPORT_HEALTH"
		return "", nil, f
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, "") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.reason()) })
	s := &http.Server{Handler: mux, ReadTimeout: healthTimeout, WriteTimeout: healthTimeout, IdleTimeout: healthTimeout}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // it ends by Close only
	}()
	return l.Addr().String(), func() {
		_ = s.Close()
		<-done
	}, nil
}

func answer(w http.ResponseWriter, not string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if not == "" {
		_, _ = w.Write([]byte("ok\n")) // whoever asked is gone, if it fails
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(not + "\n"))
}

package httpevent

import (
	"bytes"
	"net/http"
)

// Serve has h answer a request, and answers what it would have sent: its header,
// the first value of each name, and its body as it is.
func Serve(h http.Handler, r *http.Request) Answer {
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(w, r)
	a := Answer{Status: w.status, Header: map[string]string{}, Body: w.body.Bytes()}
	for name := range w.header {
		a.Header[name] = w.header.Get(name)
	}
	return a
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.wrote = true
	return w.body.Write(p)
}

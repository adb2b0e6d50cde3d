package reveal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Path is where requests are posted to.
const Path = "/v1/reveal"

const (
	// bodies is how many bytes of bodies are in memory at once; more requests wait
	// before they are read.
	bodies = 16 * MaxBody
	// maxHeader is how large a token or key may be, in bytes.
	maxHeader = 16 << 10
)

// Handler answers requests by HTTP:
//
//	POST /v1/reveal
//	Authorization: Bearer <JSON Web Token>, or X-API-Key: <key>
//	{"grant": "...", "contract": "...", "field": "...", "purpose": "...", "tokens": ["s1_..."]}
//
//	200 {"id": "...", "items": [{"value": "..."}, {"refused": true}]}
//
// Items are in the order of the tokens. A value that is not UTF-8 is there as
// "base64". Everything else has a body {"id", "code", "message", "do"}: 400, 413 and
// 415, the request is at fault; 401, its caller is not one of the grant's, or there
// is no such grant; 403, the grant does not allow it; 429, too fast; 503, try again.
// id is that of the event in the ledger.
//
// publish hands on the events that record requests; logger gets a line for each,
// and may be nil. The handler may be used concurrently.
func (f *Function) Handler(publish func(ctx context.Context, events []event.Event) error, logger *slog.Logger) http.Handler {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	h := &handler{f: f, publish: publish, logger: logger, memory: semaphore.NewWeighted(bodies)}
	mux := http.NewServeMux()
	mux.Handle("POST "+Path, h)
	return mux
}

type handler struct {
	f       *Function
	publish Publish
	logger  *slog.Logger
	memory  *semaphore.Weighted
}

// ServeHTTP answers a request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	answer, err := h.serve(w, r)
	status := http.StatusOK
	if err != nil {
		status = statusOf(err)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	switch status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="sallyport"`)
	case http.StatusTooManyRequests:
		header.Set("Retry-After", "60")
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "1")
	}
	body := bodyOf(answer, err)
	w.WriteHeader(status)
	_, _ = w.Write(body) // who does not read the answer asks again
	h.logger.LogAttrs(r.Context(), slog.LevelInfo, "request", telemetry.Function("reveal"), telemetry.EventID(answer.ID), telemetry.Count("status", int64(status)),
		telemetry.Count("tokens", int64(len(answer.Items))), telemetry.Duration("took", time.Since(start)), telemetry.Fault(err))
}

// serve reads a request and has it answered. One that cannot be read is recorded,
// too, by whoever it was.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) (Answer, error) {
	request, err := h.read(w, r)
	return h.f.answer(r.Context(), request, err, h.f.caller(r.Header), h.publish)
}

func (h *handler) read(w http.ResponseWriter, r *http.Request) (Request, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return Request{}, fault.New(fault.Invalid, CodeMedia, "the request is not JSON", "send it with Content-Type: application/json")
	}
	if len(r.Header.Get("Authorization"))+len(r.Header.Get("X-Api-Key")) > maxHeader {
		return Request{}, unauthorized(codeTokenForm, "the token or key is too long")
	}
	size := int64(MaxBody)
	if r.ContentLength >= 0 {
		size = min(size, r.ContentLength)
	}
	if err := h.memory.Acquire(r.Context(), size); err != nil {
		return Request{}, fault.Wrap(fault.Retry, "busy", err, "too many requests are being read")
	}
	defer h.memory.Release(size)
	return Read(http.MaxBytesReader(w, r.Body, MaxBody+1)) // Read says what is too large
}

// statusOf is the status for a request that ended with err.
func statusOf(err error) int {
	switch fault.CodeOf(err) {
	case CodeUnauthorized:
		return http.StatusUnauthorized
	case CodeTooFast:
		return http.StatusTooManyRequests
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeMedia:
		return http.StatusUnsupportedMediaType
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Denied:
		return http.StatusForbidden
	case fault.Poison:
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// bodyOf is the JSON of an answer. Of an error that is no fault only the fact is
// told, and of the world's faults no more than that: they are in the log.
func bodyOf(a Answer, err error) []byte {
	type item struct {
		Value   *string `json:"value,omitempty"`
		Base64  *string `json:"base64,omitempty"`
		Refused bool    `json:"refused,omitempty"`
	}
	var v any
	if err != nil {
		said := event.FaultOf(err)
		if fault.KindOf(err) == fault.Retry && said.Code != CodeTooFast {
			said.Msg, said.Do = "it cannot be done now", "try again"
		}
		v = struct {
			ID      string `json:"id,omitempty"`
			Code    string `json:"code"`
			Message string `json:"message"`
			Do      string `json:"do,omitempty"`
		}{a.ID, said.Code, said.Msg, said.Do}
	} else {
		items := make([]item, len(a.Items))
		for i, it := range a.Items {
			text := string(it.Value)
			switch {
			case !it.Revealed:
				items[i].Refused = true
			case !utf8.ValidString(text):
				text = base64.StdEncoding.EncodeToString(it.Value)
				items[i].Base64 = &text
			default:
				items[i].Value = &text
			}
		}
		v = struct {
			ID    string `json:"id"`
			Items []item `json:"items"`
		}{a.ID, items}
	}
	body, _ := json.Marshal(v) // strings and booleans: it cannot fail
	return body
}

package lambdahost

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// NewEndpoint makes a Handler of what answers requests. It takes those of a function
// URL and of an HTTP API (payload format 2.0), and refuses all else. A request ends
// before the invocation does, as events do.
func NewEndpoint(name string, h http.Handler, logger *slog.Logger) *Handler {
	return &Handler{f: host.Func{Name: name, Logger: logger}, endpoint: h}
}

// answer has the endpoint answer a request.
func (h *Handler) answer(ctx context.Context, payload []byte) ([]byte, error) {
	a := h.answered(ctx, payload)
	if a.Err != nil {
		h.f.Logger.LogAttrs(ctx, slog.LevelWarn, "request not taken", telemetry.Function(h.f.Name), telemetry.Fault(a.Err))
	}
	return json.Marshal(httpResponse{Status: a.Status, Headers: a.Header, Body: string(a.Body)})
}

func (h *Handler) answered(ctx context.Context, payload []byte) httpevent.Answer {
	m, ok := members(payload)
	var r httpRequest
	if !ok || !isHTTP(m) || json.Unmarshal(payload, &r) != nil {
		return httpevent.Refuse(fault.New(fault.Invalid, "payload-unknown", "the payload is no request in the payload format 2.0", "look for who invokes the function"))
	}
	body, err := r.content()
	if err != nil {
		return httpevent.Refuse(err)
	}
	work, _, cancel := limits(ctx)
	defer cancel()
	request := &http.Request{
		Method: r.Context.HTTP.Method, URL: &url.URL{Path: r.path()}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header(), Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	return httpevent.Serve(h.endpoint, request.WithContext(work))
}

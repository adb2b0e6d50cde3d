package lambdahost

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
)

// httpRequest is a request of a function URL or of an HTTP API of API Gateway,
// payload format 2.0.
type httpRequest struct {
	Path    string            `json:"rawPath"`
	Headers map[string]string `json:"headers"` // several of one name are joined by commas
	Body    string            `json:"body"`
	Base64  bool              `json:"isBase64Encoded"`
	Context struct {
		Stage string `json:"stage"`
		HTTP  struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`
}

// httpResponse answers it.
type httpResponse struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body"`
	Base64  bool              `json:"isBase64Encoded"`
}

// isHTTP reports whether a payload is such a request.
func isHTTP(m map[string]json.RawMessage) bool {
	if text(m["version"]) != "2.0" || m["rawPath"] == nil || m["routeArn"] != nil { // the last: of an authorizer
		return false
	}
	c, ok := members(m["requestContext"])
	return ok && c["http"] != nil
}

// http takes the events of a partner.
func (h *Handler) http(ctx context.Context, f host.Func, payload []byte) ([]byte, error) {
	a := h.taken(ctx, f, payload)
	return json.Marshal(httpResponse{Status: a.Status, Headers: a.Header, Body: string(a.Body)})
}

func (h *Handler) taken(ctx context.Context, f host.Func, payload []byte) httpevent.Answer {
	var r httpRequest
	if json.Unmarshal(payload, &r) != nil {
		return httpevent.Refuse(fault.New(fault.Invalid, "request-undecodable", "the request is not in the payload format 2.0", "look for who invokes the function"))
	}
	p, ok := h.posted(r)
	switch {
	case !ok:
		a := httpevent.Refuse(fault.New(fault.Invalid, "no-such-path", "there is nothing at this path", "post to /partners/<partner>/<path>, with plain names"))
		a.Status = http.StatusNotFound
		return a
	case r.Context.HTTP.Method != http.MethodPost:
		a := httpevent.Refuse(fault.New(fault.Invalid, "method", "events are posted", "use POST"))
		a.Status = http.StatusMethodNotAllowed
		return a
	}
	header := r.header()
	body, err := r.content()
	if err != nil {
		return httpevent.Refuse(err)
	}
	request, err := httpevent.Read(header, bytes.NewReader(body))
	if err != nil {
		return httpevent.Refuse(err)
	}
	units := make([]unit, len(request.Items))
	for i, read := range request.Items {
		err := read.Err
		if err == nil {
			err = httpevent.Admit(&read.Event, p.partner, p.path)
		}
		units[i].items = []item{{event: read.Event, refused: err}}
		h.trace(ctx, units[i].items, header.Get("X-Amzn-Trace-Id"))
	}
	f.Direct = true
	return httpevent.Reply(h.run(ctx, f, units), request.Batch)
}

// posted is the place that a request is for. A path that could be read in two
// ways is none: platforms differ in whether they decode it.
func (h *Handler) posted(r httpRequest) (place, bool) {
	path, ok := strings.CutPrefix(r.path(), "/partners/")
	if !ok || h.reader.drops.bucket == "" || strings.Contains(path, "%") {
		return place{}, false
	}
	p, err := placeOf(path)
	return p, err == nil
}

// path is that of the request, without the stage of the API.
func (r httpRequest) path() string {
	if stage := r.Context.Stage; stage != "" && stage != "$default" {
		return strings.TrimPrefix(r.Path, "/"+stage)
	}
	return r.Path
}

func (r httpRequest) header() http.Header {
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, value)
	}
	return header
}

// content is the body.
func (r httpRequest) content() ([]byte, error) {
	if !r.Base64 {
		return []byte(r.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "request-undecodable", "the body is not Base64", "look for who invokes the function")
	}
	return body, nil
}

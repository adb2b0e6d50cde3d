package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// maxURLBody is the size of the largest body that fits into an invocation in Base64.
const maxURLBody = MaxPayload / 4 * 3

// URL is the function's URL, as Lambda serves it where it authenticates nobody
// (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html): a request
// becomes an invocation in the payload format 2.0. Cookies are headers like others.
func (f *Function) URL(logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, err := f.serve(w, r)
		if err != nil {
			logger.LogAttrs(r.Context(), slog.LevelWarn, "request failed", telemetry.Function(f.cfg.Name), telemetry.Fault(err))
			http.Error(w, http.StatusText(status), status)
		}
	})
}

// serve answers a request, or says with which status it failed.
func (f *Function) serve(w http.ResponseWriter, r *http.Request) (int, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxURLBody))
	if err != nil {
		return http.StatusRequestEntityTooLarge, err
	}
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	now := time.Now().UTC()
	event := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": r.URL.EscapedPath(), "rawQueryString": r.URL.RawQuery, "headers": headers,
		"requestContext": map[string]any{
			"accountId": Account, "apiId": f.cfg.Name, "stage": "$default", "routeKey": "$default", "timeEpoch": now.UnixMilli(),
			"http": map[string]string{"method": r.Method, "path": r.URL.EscapedPath(), "protocol": r.Proto, "sourceIp": "127.0.0.1", "userAgent": r.UserAgent()},
		},
	}
	text := string(body)
	event["isBase64Encoded"] = !utf8.ValidString(text)
	if !utf8.ValidString(text) {
		text = base64.StdEncoding.EncodeToString(body)
	}
	if len(body) > 0 {
		event["body"] = text
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return http.StatusInternalServerError, err
	}
	answer, err := f.Invoke(r.Context(), payload)
	switch {
	case fault.CodeOf(err) == CodeThrottled:
		return http.StatusTooManyRequests, err
	case errors.Is(err, context.Canceled):
		return http.StatusGatewayTimeout, err
	case err != nil:
		return http.StatusBadGateway, err
	}
	var a struct {
		Status  int               `json:"statusCode"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
		Base64  bool              `json:"isBase64Encoded"`
	}
	if json.Unmarshal(answer, &a) != nil || a.Status < 100 || a.Status > 999 {
		return http.StatusBadGateway, fault.New(fault.Invalid, "lambda-answer", "the function's answer is no response", "answer in the payload format 2.0")
	}
	content := []byte(a.Body)
	if a.Base64 {
		if content, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return http.StatusBadGateway, err
		}
	}
	for name, value := range a.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(content) // who does not read it asks again
	return a.Status, nil
}

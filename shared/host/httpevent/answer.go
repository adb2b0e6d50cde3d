package httpevent

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// retryAfter is what Retry-After says, in seconds.
const retryAfter = "1"

// Answer is the answer to a request.
type Answer struct {
	Status int
	Header map[string]string // in canonical form, one value each
	Body   []byte            // JSON; none if the status is 202
	// Err is the worst that went wrong, for the log; nil: nothing did.
	Err error
}

// Send sends the answer.
func (a Answer) Send(w http.ResponseWriter) {
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // who does not read the answer sends again
}

// Refuse answers a request that failed as a whole.
func Refuse(err error) Answer {
	status := Status(err)
	switch fault.CodeOf(err) {
	case "request-too-large", "batch-too-large":
		status = http.StatusRequestEntityTooLarge
	case "no-cloudevent":
		status = http.StatusUnsupportedMediaType
	}
	return answer(status, problemOf(err), err)
}

// Reply answers a request given how it went with each of its events: nil for
// one that was taken. batch is Request.Batch.
func Reply(errs []error, batch bool) Answer {
	failed, status := 0, http.StatusAccepted
	var worst error
	for _, err := range errs {
		if err == nil {
			continue
		}
		failed++
		if s := Status(err); s > status { // 400 < 403 < 410 < 500 < 503
			status, worst = s, err
		}
	}
	switch {
	case failed == 0:
		return Answer{Status: status}
	case !batch:
		return answer(status, problemOf(worst), worst)
	}
	p := problem{Code: "batch", Message: fmt.Sprintf("%d of %d events were not taken", failed, len(errs)),
		Do: "see the status of each; to send those again that were taken does no harm"}
	for i, err := range errs {
		s := itemStatus{Index: i, Status: Status(err)}
		if err != nil {
			why := problemOf(err)
			s.problem = &why
		}
		p.Events = append(p.Events, s)
	}
	return answer(status, p, worst)
}

// Status is the status for one event that ended with err; nil is taken.
func Status(err error) int {
	if err == nil {
		return http.StatusAccepted
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Denied:
		if fault.CodeOf(err) == event.CodeSunset {
			return http.StatusGone // it was allowed, and will not be again
		}
		return http.StatusForbidden
	case fault.Poison:
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// problem is the body of an answer.
type problem struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Do      string       `json:"do,omitempty"`
	Events  []itemStatus `json:"events,omitempty"`
}

// itemStatus is that of one event of a batch.
type itemStatus struct {
	Index  int `json:"index"` // in the batch, from 0
	Status int `json:"status"`
	*problem
}

// problemOf is what may be told of an error: of one that is no fault only that
// it happened.
func problemOf(err error) problem {
	f := event.FaultOf(err)
	p := problem{Code: f.Code, Message: f.Msg, Do: f.Do}
	if p.Message == "" {
		p.Message = "it could not be done"
	}
	if p.Do == "" && fault.KindOf(err) == fault.Retry {
		p.Do = "send it again"
	}
	return p
}

func answer(status int, p problem, err error) Answer {
	a := Answer{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Err: err}
	if status == http.StatusServiceUnavailable {
		a.Header["Retry-After"] = retryAfter
	}
	a.Body, _ = json.Marshal(p) // strings and numbers: it cannot fail
	return a
}

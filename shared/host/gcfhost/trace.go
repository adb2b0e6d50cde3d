package gcfhost

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// trace is the trace that a request belongs to. Without an id it is none.
type trace struct {
	id, span string // 32 and 16 hex digits
	sampled  bool
}

// traceOf reads the header traceparent (W3C Trace Context) or else Google's own
// X-Cloud-Trace-Context ("TRACE_ID/SPAN_ID;o=1", the span in decimal). What is
// not well formed is no trace.
func traceOf(header http.Header) trace {
	if parts := strings.Split(header.Get("Traceparent"), "-"); len(parts) >= 4 &&
		isID(parts[0], 2) && parts[0] != "ff" && (parts[0] != "00" || len(parts) == 4) &&
		isID(parts[1], 32) && isID(parts[2], 16) && len(parts[3]) == 2 {
		flags, err := strconv.ParseUint(parts[3], 16, 8)
		if err == nil {
			return trace{id: parts[1], span: parts[2], sampled: flags&1 == 1}
		}
	}
	id, rest, _ := strings.Cut(header.Get("X-Cloud-Trace-Context"), "/")
	number, options, _ := strings.Cut(rest, ";")
	span, err := strconv.ParseUint(number, 10, 64)
	if !isID(id, 32) || err != nil || span == 0 {
		return trace{}
	}
	return trace{id: id, span: fmt.Sprintf("%016x", span), sampled: options == "o=1"}
}

// parent is the trace as a CloudEvent carries it: the attribute traceparent.
func (t trace) parent() string {
	if t.id == "" {
		return ""
	}
	flags := "00"
	if t.sampled {
		flags = "01"
	}
	return "00-" + t.id + "-" + t.span + "-" + flags
}

// isID reports whether s is n lower-case hex digits that are not all zero, or,
// for the version, any two.
func isID(s string, n int) bool {
	if len(s) != n || strings.Trim(s, "0123456789abcdef") != "" {
		return false
	}
	return n == 2 || strings.Trim(s, "0") != ""
}

package lambdahost

import (
	"strings"

	"github.com/sallyport-io/sallyport/shared/event"
)

// traceparent is the trace of an X-Amzn-Trace-Id header
// ("Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1") in the form of W3C Trace
// Context, or "" if there is none with a parent.
func traceparent(amzn string) string {
	var trace, parent string
	flags := "00"
	for field := range strings.SplitSeq(amzn, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Root":
			if parts := strings.Split(value, "-"); len(parts) == 3 && parts[0] == "1" && len(parts[1]) == 8 {
				trace = parts[1] + parts[2]
			}
		case "Parent":
			parent = value
		case "Sampled":
			if value == "1" {
				flags = "01"
			}
		}
	}
	if !isHex(trace, 32) || !isHex(parent, 16) {
		return ""
	}
	return "00-" + trace + "-" + parent + "-" + flags
}

// isHex reports whether s is n lower-case hex digits, not all of them zero.
func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" && strings.Trim(s, "0") != ""
}

// traced gives e the first of these traces that is one, unless it has its own.
func traced(e *event.Event, amzn ...string) {
	if event.Extension(*e, event.ExtTraceparent) != "" {
		return
	}
	for _, header := range amzn {
		if parent := traceparent(header); parent != "" {
			e.SetExtension(event.ExtTraceparent, parent)
			return
		}
	}
}

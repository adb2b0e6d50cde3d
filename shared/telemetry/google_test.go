package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/telemetry"
)

func TestGoogleLogger(t *testing.T) {
	var b bytes.Buffer
	l := telemetry.GoogleLogger(&b, slog.LevelDebug).With(telemetry.GoogleTrace("my-project", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true))
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError + 4} {
		l.LogAttrs(t.Context(), level, "said", telemetry.Function("mask"), slog.Group("g", slog.String("msg", "kept"), slog.String("level", "kept")), slog.Any("row", row{secret}))
	}
	if strings.Contains(b.String(), secret) {
		t.Errorf("a value was logged: %s", b.String())
	}
	severities := []string{"DEBUG", "INFO", "WARNING", "ERROR", "ERROR"}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != len(severities) {
		t.Fatalf("%d lines", len(lines))
	}
	for i, text := range lines {
		var line struct {
			Severity, Message, Function string
			Time                        time.Time
			G                           struct{ Msg, Level string }
			Trace                       string `json:"logging.googleapis.com/trace"`
			Span                        string `json:"logging.googleapis.com/spanId"`
			Sampled                     bool   `json:"logging.googleapis.com/trace_sampled"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if line.Severity != severities[i] || line.Message != "said" || line.Function != "mask" || line.Time.IsZero() || line.G.Msg != "kept" || line.G.Level != "kept" {
			t.Errorf("logged %s", text)
		}
		if line.Trace != "projects/my-project/traces/4bf92f3577b34da6a3ce929d0e0e4736" || line.Span != "00f067aa0ba902b7" || !line.Sampled {
			t.Errorf("the trace of %s", text)
		}
	}
}

// Without a project the name of the trace is not known.
func TestGoogleTraceUnknown(t *testing.T) {
	for _, a := range []slog.Attr{telemetry.GoogleTrace("", "4bf9", "1", true), telemetry.GoogleTrace("p", "", "", false)} {
		if got := log(t, a); len(got) != 0 {
			t.Errorf("logged %v", got)
		}
	}
}

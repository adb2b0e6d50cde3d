package telemetry

import (
	"io"
	"log/slog"
)

// GoogleLogger makes a guarded logger on w whose lines Cloud Logging understands
// (https://cloud.google.com/logging/docs/structured-logging): JSON, with the level
// as severity and the text as message. A nil level is slog.LevelInfo. The logger
// may be used concurrently.
func GoogleLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(Guard(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: googleNames})))
}

// googleNames renames what slog itself puts into a line.
func googleNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			return slog.String("severity", severity(level))
		}
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}

// severity is the LogSeverity of a level.
func severity(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARNING"
	}
	return "ERROR"
}

// GoogleTrace ties a line to a trace of a Google Cloud project: trace is its id
// and span that of the span, in hex. Where one of project and trace is not known
// there is no attribute.
func GoogleTrace(project, trace, span string, sampled bool) slog.Attr {
	if project == "" || trace == "" {
		return slog.Attr{}
	}
	return slog.Attr{Value: slog.GroupValue( // a group without a name: its attributes are the line's
		slog.String("logging.googleapis.com/trace", "projects/"+project+"/traces/"+trace),
		slog.String("logging.googleapis.com/spanId", span),
		slog.Bool("logging.googleapis.com/trace_sampled", sampled),
	)}
}

// Package telemetry makes the loggers of all programs, whose lines cannot hold a
// value of a row.
//
// What may be logged has a constructor here: ids, names, counts, durations and
// faults. Each takes exactly the type that it logs, so that no caller passes an
// any. What a caller passes all the same is refused by [Guard]: slog would
// otherwise print whatever it is given, fields and all.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"gocloud.dev/gcerrors"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Refused stands in a log line for what may not be in it.
const Refused = "!refused"

// Logger makes a guarded logger on w, in JSON or else in logfmt. A nil level is
// slog.LevelInfo; a *slog.LevelVar can be changed later. The logger may be used
// concurrently.
func Logger(w io.Writer, level slog.Leveler, json bool) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(Guard(slog.NewJSONHandler(w, opts)))
	}
	return slog.New(Guard(slog.NewTextHandler(w, opts)))
}

// The attributes that logs are made of.

// EventID is the id of the event that a line is about.
func EventID(id string) slog.Attr { return slog.String("event", id) }

// EventType is its type.
func EventType(typ string) slog.Attr { return slog.String("type", typ) }

// Function is the name of the function that runs.
func Function(name string) slog.Attr { return slog.String("function", name) }

// Partner is a partner's id.
func Partner(id string) slog.Attr { return slog.String("partner", id) }

// Contract is a contract's id.
func Contract(id string) slog.Attr { return slog.String("contract", id) }

// Drop is a drop's id.
func Drop(id string) slog.Attr { return slog.String("drop", id) }

// Segment is a segment's number in its drop, from 0.
func Segment(n int) slog.Attr { return slog.Int("segment", n) }

// Subscription is a subscription's id.
func Subscription(id string) slog.Attr { return slog.String("subscription", id) }

// Count says how many there are of what name names, such as "rows".
func Count(name string, n int64) slog.Attr { return slog.Int64(name, n) }

// Duration says how long what name names took.
func Duration(name string, d time.Duration) slog.Attr { return slog.Duration(name, d) }

// Fault says what is known of an error that is safe: the kind, code and place of
// the fault in its chain, the code that gocloud gave to an error of a bucket or a
// queue, and the Go type of the cause at the end of the chain. The text of an
// error is left out: of one that is not a fault it is nobody's promise. A nil
// error is no attribute.
func Fault(err error) slog.Attr {
	if err == nil {
		return slog.Attr{}
	}
	return slog.Attr{Key: "fault", Value: faultValue(err)}
}

func faultValue(err error) slog.Value {
	attrs := []slog.Attr{slog.String("kind", fault.KindOf(err).String())}
	cause := err
	var f *fault.Error
	if errors.As(err, &f) {
		attrs = append(attrs, slog.String("code", f.Code))
		attrs = append(attrs, where(f.Where)...)
		cause = f.Err
	}
	if status := gcerrors.Code(err); status != gcerrors.OK && status != gcerrors.Unknown {
		attrs = append(attrs, slog.String("status", status.String()))
	}
	if cause != nil {
		attrs = append(attrs, slog.String("cause", fmt.Sprintf("%T", deepest(cause))))
	}
	return slog.GroupValue(attrs...)
}

// deepest is the last error of the chain of single causes.
func deepest(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

func where(w fault.Where) []slog.Attr {
	var attrs []slog.Attr
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("partner", w.Partner)
	add("contract", w.Contract)
	add("subscription", w.Subscription)
	add("drop", w.Drop)
	add("segment", w.Segment)
	add("object", w.Object)
	if w.Row > 0 {
		attrs = append(attrs, slog.Int64("row", w.Row))
	}
	add("path", w.Path)
	return attrs
}

// Guard lets an attribute through to h if its value is of a plain kind (string,
// number, bool, time, duration, or a group of those), an error, of which
// [Fault] tells what is safe, or a slog.Level. The value of any other becomes
// [Refused].
func Guard(h slog.Handler) slog.Handler { return guard{h} }

type guard struct{ next slog.Handler }

func (g guard) Enabled(ctx context.Context, l slog.Level) bool { return g.next.Enabled(ctx, l) }

func (g guard) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(guarded(a))
		return true
	})
	return g.next.Handle(ctx, clean)
}

func (g guard) WithAttrs(attrs []slog.Attr) slog.Handler {
	return guard{g.next.WithAttrs(guardedAll(attrs))}
}

func (g guard) WithGroup(name string) slog.Handler { return guard{g.next.WithGroup(name)} }

func guarded(a slog.Attr) slog.Attr {
	if a.Equal(slog.Attr{}) {
		return a // slog leaves it out
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(guardedAll(v.Group())...)}
	case slog.KindAny:
		return slog.Attr{Key: a.Key, Value: known(v.Any())}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

func guardedAll(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = guarded(a)
	}
	return clean
}

func known(v any) slog.Value {
	switch v := v.(type) {
	case error:
		return faultValue(v)
	case slog.Level:
		return slog.StringValue(v.String())
	}
	return slog.StringValue(Refused)
}

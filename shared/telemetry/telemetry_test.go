package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

const secret = "4111111111111111"

type row struct{ Card string }

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

type panicker struct{}

func (panicker) LogValue() slog.Value { panic(secret) }

type stringer struct{}

func (stringer) String() string { return secret }

// No way of logging a value that is not of a plain kind prints it.
func TestGuardRefuses(t *testing.T) {
	for name, v := range map[string]any{
		"struct":              row{secret},
		"pointer":             &row{secret},
		"map":                 map[string]string{"card": secret},
		"slice":               []string{secret},
		"bytes":               []byte(secret),
		"raw json":            json.RawMessage(`"` + secret + `"`),
		"stringer":            stringer{},
		"error":               errors.New(secret),
		"joined error":        errors.Join(errors.New(secret), errors.New(secret)),
		"wrapped error":       fmt.Errorf("%s: %w", secret, io.EOF),
		"fault":               &fault.Error{Kind: fault.Invalid, Code: "c", Msg: secret, Err: errors.New(secret), Do: secret},
		"valuer of any":       valuer{slog.AnyValue(row{secret})},
		"valuer of a group":   valuer{slog.GroupValue(slog.Any("card", row{secret}))},
		"valuer that panics":  panicker{},
		"slog.Value of any":   slog.AnyValue(row{secret}),
		"group of any":        slog.GroupValue(slog.Any("a", slog.GroupValue(slog.Any("b", []string{secret})))),
		"slice of attributes": []slog.Attr{slog.Any("card", row{secret})},
	} {
		for _, asJSON := range []bool{false, true} {
			var b bytes.Buffer
			l := telemetry.Logger(&b, slog.LevelDebug, asJSON)
			l.Info("in a record", "x", v)
			l.With("x", v).Info("in the logger")
			l.WithGroup("g").With("x", v).Info("in a group", slog.Group("h", "x", v))
			if strings.Contains(b.String(), secret) {
				t.Errorf("%s: %s", name, b.String())
			}
			if n := strings.Count(b.String(), "\n"); n != 3 {
				t.Errorf("%s: %d lines, want 3", name, n)
			}
		}
	}
}

func log(t *testing.T, attrs ...slog.Attr) map[string]any {
	t.Helper()
	var b bytes.Buffer
	telemetry.Logger(&b, nil, true).LogAttrs(t.Context(), slog.LevelInfo, "m", attrs...)
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	delete(line, "time")
	delete(line, "level")
	delete(line, "msg")
	return line
}

func TestAttributes(t *testing.T) {
	got := log(t,
		telemetry.EventID("e"), telemetry.EventType("t"), telemetry.Function("mask"), telemetry.Partner("acme"),
		telemetry.Contract("inventory"), telemetry.Drop("d"), telemetry.Segment(3), telemetry.Subscription("s"),
		telemetry.Count("rows", 7), telemetry.Duration("took", 2*time.Millisecond), telemetry.Fault(nil),
		slog.Bool("b", true), slog.Float64("f", 1.5), slog.Any("l", slog.LevelWarn),
		slog.Time("at", time.Unix(0, 0).UTC()), slog.Any("v", valuer{slog.IntValue(5)}), slog.Any("any", row{"x"}))
	want := map[string]any{
		"event": "e", "type": "t", "function": "mask", "partner": "acme", "contract": "inventory", "drop": "d",
		"segment": 3.0, "subscription": "s", "rows": 7.0, "took": 2e6, "b": true, "f": 1.5, "l": "WARN",
		"at": "1970-01-01T00:00:00Z", "v": 5.0, "any": telemetry.Refused,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestFault(t *testing.T) {
	f := fault.Wrap(fault.Denied, "expired", fmt.Errorf("while %s: %w", secret, io.ErrUnexpectedEOF), secret).At(fault.Where{
		Partner: "acme", Contract: "c", Subscription: "s", Drop: "d", Segment: "1", Object: "o", Row: 9, Path: "a.b",
	})
	for _, err := range []error{f, fmt.Errorf("%s: %w", secret, f)} {
		got := log(t, telemetry.Fault(err))["fault"]
		want := map[string]any{
			"kind": "denied", "code": "expired", "partner": "acme", "contract": "c", "subscription": "s",
			"drop": "d", "segment": "1", "object": "o", "row": 9.0, "path": "a.b", "cause": "*errors.errorString",
		}
		if !reflect.DeepEqual(got, any(want)) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	_, err := bucket.ReadAll(t.Context(), secret)
	got := log(t, telemetry.Fault(fault.Wrap(fault.Retry, "bucket-read", err, "")))["fault"]
	if got.(map[string]any)["status"] != "NotFound" {
		t.Errorf("an error of a bucket: %v", got)
	}
	if got := log(t, telemetry.Fault(io.EOF))["fault"]; !reflect.DeepEqual(got, any(map[string]any{"kind": "retry", "cause": "*errors.errorString"})) {
		t.Errorf("an error that is no fault: %v", got)
	}
}

func TestLevel(t *testing.T) {
	var b bytes.Buffer
	level := new(slog.LevelVar)
	l := telemetry.Logger(&b, level, false)
	l.Debug("one")
	level.Set(slog.LevelDebug)
	l.Debug("two")
	if s := b.String(); strings.Contains(s, "one") || !strings.Contains(s, "msg=two") {
		t.Errorf("logged %q", s)
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// TestNarrator: a burst of events never holds up the chain, and what is not told
// is counted. What needs attention goes to the logs.
func TestNarrator(t *testing.T) {
	var out, warnings strings.Builder
	looked := 0
	n := newNarrator(show.NewScreen(&out, func(string) string { return "" }), slog.NewTextHandler(&warnings, nil),
		func(_ context.Context, id string) (event.Event, error) {
			if looked++; looked == 1 {
				return event.Event{}, errors.New("not there yet")
			}
			return event.New(seed(t, id), event.TypeDeliveryCompleted, "/t", time.Unix(0, 0),
				event.Delivery{Drop: event.Drop{ID: "0123456789"}, Subscription: "sub-" + id, Rows: 2, Segments: 3})
		})
	log := slog.New(telemetry.Guard(n)).With("x", "y").WithGroup("z")
	for i := range untold + 5 {
		log.LogAttrs(context.Background(), slog.LevelInfo, "handled", telemetry.Function("audit"), telemetry.EventType(event.TypeDeliveryCompleted), telemetry.EventID(fmt.Sprint(i)))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "handled", telemetry.Function("mask"), telemetry.EventType(event.TypeSegmentAccepted), telemetry.EventID("other"))
	log.LogAttrs(context.Background(), slog.LevelWarn, "will be retried", telemetry.Function("fanout"))
	done, cancel := context.WithCancel(context.Background())
	cancel()
	n.run(done)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != untold || !strings.Contains(lines[0], "and 5 more") || strings.Contains(out.String(), "other") {
		t.Errorf("%d lines, the first %q", len(lines), lines[0])
	}
	if want := "01234567 delivered sub-1  2 rows, segment 1 of 3"; !strings.HasSuffix(lines[1], want) {
		t.Errorf("%q, want %q", lines[1], want)
	}
	if !strings.Contains(warnings.String(), "will be retried") || strings.Count(warnings.String(), "\n") != 1 {
		t.Errorf("warnings: %s", warnings.String())
	}
}

func seed(t *testing.T, id string) event.Event {
	t.Helper()
	var e event.Event
	if err := e.UnmarshalJSON([]byte(`{"specversion":"1.0","id":"` + id + `","source":"/t","type":"t"}`)); err != nil {
		t.Fatal(err)
	}
	return e
}

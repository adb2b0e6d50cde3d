package host_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
)

// recording is an endpoint that records each request as a tick.
type recording struct{ closed *int }

type recordingConfig struct {
	Needed string `env:"NEEDED,required"`
}

func (r recording) Close() error { *r.closed++; return nil }

func (recording) Handler(publish func(context.Context, []event.Event) error, _ *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := event.Origin("id of "+r.URL.Path, event.TypeTick, "/test", time.Now(), nil)
		if err == nil {
			err = publish(r.Context(), []event.Event{e})
		}
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

// TestOpenEndpoint: what an endpoint publishes is in its topic when it answers.
func TestOpenEndpoint(t *testing.T) {
	closed := 0
	open := func(_ context.Context, c recordingConfig) (recording, error) {
		if c.Needed == "broken" {
			return recording{}, errors.New("broken")
		}
		return recording{&closed}, nil
	}
	environ := []string{"SALLYPORT_TOPIC=mem://endpoint", "SALLYPORT_NEEDED=1"}
	o, err := host.OpenEndpointFrom(t.Context(), environ, open, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := pubsub.OpenSubscription(t.Context(), "mem://endpoint")
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	o.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/a", http.NoBody))
	m, err := sub.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.Ack()
	if e, err := host.DecodeEvent(m.Body); err != nil || e.ID() != "id of /a" || rec.Code != http.StatusOK {
		t.Errorf("%v %v, answered %d", e.ID(), err, rec.Code)
	}
	if err := errors.Join(sub.Shutdown(t.Context()), o.Close()); err != nil || closed != 1 {
		t.Errorf("closed %d times, %v", closed, err)
	}
	for name, environ := range map[string][]string{
		"no topic": {"SALLYPORT_NEEDED=1"}, "a topic without a driver": {"SALLYPORT_TOPIC=nothing://x", "SALLYPORT_NEEDED=1"}, "nothing needed": {"SALLYPORT_TOPIC=mem://x"},
		"it does not open": {"SALLYPORT_TOPIC=mem://x", "SALLYPORT_NEEDED=broken"},
	} {
		if _, err := host.OpenEndpointFrom(t.Context(), environ, open, nil); err == nil || fault.CodeOf(err) == "" && name != "it does not open" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

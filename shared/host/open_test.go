package host_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"

	_ "gocloud.dev/pubsub/mempubsub"
)

type config struct {
	Drops   string                   `env:"DROPS,required"`
	Key     string                   `env:"KEY,required,unset"`
	Level   slog.Level               `env:"LEVEL" envDefault:"INFO"`
	Buckets *blob.URLMux             `env:"-"`
	Opener  struct{ X *blob.URLMux } `env:"-"`
	Now     func()                   `env:"-"`
}

func TestEnvironment(t *testing.T) {
	got, err := host.Environment[config]([]string{"SALLYPORT_DROPS=mem://d?a=b", "SALLYPORT_KEY=k", "DROPS=other", "SALLYPORT_LEVEL=WARN"})
	if err != nil || got.Drops != "mem://d?a=b" || got.Key != "k" || got.Level != slog.LevelWarn {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = host.Environment[config]([]string{"SALLYPORT_LEVEL=canary"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"SALLYPORT_DROPS", "SALLYPORT_KEY", "Level"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("%q holds the value", err)
	}
}

type closing struct {
	host.HandlerFunc
	closed *int
}

func (c closing) Close() error { *c.closed++; return nil }

func TestOpen(t *testing.T) {
	closed := 0
	open := func(_ context.Context, c config) (closing, error) {
		return closing{func(context.Context, event.Event) ([]event.Event, error) { return nil, nil }, &closed}, nil
	}
	t.Setenv("SALLYPORT_DROPS", "d")
	t.Setenv("SALLYPORT_KEY", "k")
	t.Setenv("SALLYPORT_DEAD", "mem://dead")
	t.Setenv("SALLYPORT_TOPIC", "mem://out")
	o, err := host.Open(t.Context(), "test", open, nil)
	if err != nil {
		t.Fatal(err)
	}
	if o.Name != "test" || o.Out == nil || o.Dead == nil {
		t.Errorf("%+v", o)
	}
	if err := o.Close(); err != nil || closed != 1 {
		t.Errorf("closed %d times, %v", closed, err)
	}
	t.Setenv("SALLYPORT_TOPIC", "nothing://out")
	if _, err := host.Open(t.Context(), "test", open, nil); err == nil {
		t.Error("a topic of an unknown driver opened")
	}
}

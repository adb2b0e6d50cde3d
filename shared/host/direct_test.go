package host_test

import (
	"context"
	"testing"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
)

// A sender who waits is told of every failure, and there are no dead letters:
// there is not even a topic for them.
func TestDirect(t *testing.T) {
	f := host.Func{Name: "test", Direct: true, Handler: host.HandlerFunc(func(_ context.Context, e event.Event) ([]event.Event, error) {
		switch e.ID() {
		case "invalid":
			return nil, fault.New(fault.Invalid, "row-too-long", "", "")
		case "panic":
			panic("x")
		}
		return nil, nil
	})}
	errs := f.Process(t.Context(), []event.Event{newEvent("ok"), newEvent("invalid"), newEvent("panic")})
	if errs[0] != nil || fault.CodeOf(errs[1]) != "row-too-long" || fault.CodeOf(errs[2]) != "panic" {
		t.Error(errs)
	}
}

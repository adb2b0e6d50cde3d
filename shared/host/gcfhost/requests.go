package gcfhost

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// delivery serves what the platform delivers.
func (h *Handler) delivery(c call) httpevent.Answer {
	body, release, err := h.body(c, MaxDelivery)
	if err != nil {
		return httpevent.Refuse(err)
	}
	defer release()
	items, err := h.drops.read(c.r.Header, body)
	if err != nil {
		return httpevent.Refuse(err)
	}
	return h.settle(c, items)
}

// process processes events, with those of other requests if g is not nil. New
// objects are processed alone.
func process(ctx context.Context, f host.Func, g *gatherer, events []event.Event) []error {
	alone := func(e event.Event) bool { return e.Type() == event.TypeDropReceived }
	if g == nil || len(events) == 0 || slices.ContainsFunc(events, alone) {
		return f.Process(ctx, events)
	}
	return g.process(ctx, events)
}

// directly is f for those who wait for the answer.
func directly(f host.Func) host.Func {
	f.Direct = true
	return f
}

// settle processes the items of a delivery. One that has to come again makes
// the whole delivery come again, which does no harm.
func (h *Handler) settle(c call, items []item) httpevent.Answer {
	var again error
	note := func(errs []error) {
		for _, err := range errs {
			if err != nil {
				again = err
			}
		}
	}
	ctx := c.r.Context()
	var events []event.Event
	for _, i := range items {
		switch {
		case i.ignored:
			c.f.Logger.LogAttrs(ctx, slog.LevelDebug, "ignored", telemetry.Function(c.f.Name))
		case i.refused != nil:
			note(c.refusing(i.refused).Process(ctx, []event.Event{i.event}))
		case i.broken:
			note(c.f.ProcessMessages(ctx, [][]byte{i.message}))
		default:
			events = append(events, c.continued(i.event))
		}
	}
	note(process(ctx, c.f, h.gather, events))
	if again != nil {
		return httpevent.Refuse(fault.Wrap(fault.Retry, "again", again, "the delivery has to come again"))
	}
	return httpevent.Answer{Status: http.StatusNoContent}
}

// refusing is the function with a handler that refuses everything: what the host
// refuses ends as what the function refuses does.
func (c call) refusing(why error) host.Func {
	f := c.f
	f.Handler = host.HandlerFunc(func(context.Context, event.Event) ([]event.Event, error) { return nil, why })
	return f
}

// continued gives an event the trace of the request, if it has none of its own.
func (c call) continued(e event.Event) event.Event {
	if parent := c.trace.parent(); parent != "" && event.Extension(e, event.ExtTraceparent) == "" {
		e.SetExtension(event.ExtTraceparent, parent)
	}
	return e
}

// tick serves Cloud Scheduler. The time for which a tick was scheduled makes its
// id: a tick that is sent again is the same.
func (h *Handler) tick(c call) httpevent.Answer {
	at, err := time.Parse(time.RFC3339, c.r.Header.Get("X-Cloudscheduler-Scheduletime"))
	if err != nil {
		return httpevent.Refuse(fault.New(fault.Invalid, "tick-time", "the request is not one of Cloud Scheduler", "let a job of Cloud Scheduler send it, which sets X-CloudScheduler-ScheduleTime"))
	}
	e := ce.New()
	e.SetID(event.ID("tick", c.r.Header.Get("X-Cloudscheduler-Jobname"), at.UTC().Format(time.RFC3339Nano)))
	e.SetType(event.TypeTick)
	e.SetSource(Source)
	e.SetTime(at.UTC())
	return h.settle(c, []item{{event: e}})
}

// partner serves a partner's own events: sent to us directly, or pushed from a
// topic that is the partner's.
func (h *Handler) partner(c call) httpevent.Answer {
	partner, path := c.r.PathValue("partner"), c.r.PathValue("path")
	if strings.Contains(partner, "/") { // %2F: the key would be read as that of another
		return httpevent.Refuse(fault.New(fault.Invalid, "bad-partner", "there is a slash in the partner's id", "post to /partners/<partner>/<path>"))
	}
	limit := int64(httpevent.MaxBody)
	push := pushes(c.r.Header)
	if push {
		limit = MaxDelivery
	}
	body, release, err := h.body(c, limit)
	if err != nil {
		return httpevent.Refuse(err)
	}
	defer release()
	if push {
		i, err := fromTopic(c.r.Header, body, partner, path)
		if err != nil {
			return httpevent.Refuse(err)
		}
		return h.settle(c, []item{i})
	}
	read, err := httpevent.Read(c.r.Header, bytes.NewReader(body))
	if err != nil {
		return httpevent.Refuse(err)
	}
	return httpevent.Reply(h.taken(c, read.Items, partner, path), read.Batch)
}

// taken processes events whose partner waits to be told what became of each: what
// is refused is an error, and has no dead letter.
func (h *Handler) taken(c call, items []httpevent.Item, partner, path string) []error {
	errs := make([]error, len(items))
	events := make([]event.Event, 0, len(items))
	indexes := make([]int, 0, len(items))
	for i, read := range items {
		if errs[i] = read.Err; errs[i] == nil {
			errs[i] = httpevent.Admit(&read.Event, partner, path)
		}
		if errs[i] == nil {
			events, indexes = append(events, c.continued(read.Event)), append(indexes, i)
		}
	}
	for at, err := range process(c.r.Context(), directly(c.f), h.direct, events) {
		errs[indexes[at]] = err
	}
	return errs
}

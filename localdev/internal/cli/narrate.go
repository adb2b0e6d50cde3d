package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/event"
)

// narrator tells what the chain does, a line for each drop and each delivery, as
// audit records them. It is the handler of the chain's logs: of these it takes
// the ids of what was recorded, and looks the rest up in the ledger.
type narrator struct {
	warnings slog.Handler // gets what needs attention
	out      *show.Screen
	lookup   func(ctx context.Context, id string) (event.Event, error)

	ids    chan string
	missed atomic.Int64 // ids that came faster than they can be told
}

// untold is how many lines may wait to be told.
const untold = 256

func newNarrator(out *show.Screen, warnings slog.Handler, lookup func(context.Context, string) (event.Event, error)) *narrator {
	return &narrator{warnings: warnings, out: out, lookup: lookup, ids: make(chan string, untold)}
}

// Enabled implements slog.Handler.
func (n *narrator) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle implements slog.Handler. It never waits.
func (n *narrator) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		return n.warnings.Handle(ctx, r)
	}
	var function, typ, id string
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "function":
			function = a.Value.String()
		case "type":
			typ = a.Value.String()
		case "event":
			id = a.Value.String()
		}
		return true
	})
	if function != "audit" || id == "" || !told(typ) {
		return nil
	}
	select {
	case n.ids <- id:
	default:
		n.missed.Add(1)
	}
	return nil
}

// told tells which events have a line.
func told(typ string) bool {
	switch typ {
	case event.TypeDropAccepted, event.TypeDropRejected, event.TypeDeliveryCompleted, event.TypeDeliveryFailed, event.TypeDeadLettered, event.TypeRevealCompleted, event.TypeRevealRefused, event.TypeSubjectErased:
		return true
	}
	return false
}

// WithAttrs implements slog.Handler: attributes of a logger tell nothing of the
// events.
func (n *narrator) WithAttrs([]slog.Attr) slog.Handler { return n }

// WithGroup implements slog.Handler.
func (n *narrator) WithGroup(string) slog.Handler { return n }

// run tells until ctx is done, and then what is left.
func (n *narrator) run(ctx context.Context) {
	for {
		select {
		case id := <-n.ids:
			n.tell(context.WithoutCancel(ctx), id)
		case <-ctx.Done():
			for {
				select {
				case id := <-n.ids:
					n.tell(context.WithoutCancel(ctx), id)
				default:
					return
				}
			}
		}
	}
}

func (n *narrator) tell(ctx context.Context, id string) {
	if missed := n.missed.Swap(0); missed > 0 {
		n.out.Printf("%s\n", n.out.Paint(show.Faint, fmt.Sprintf("         and %s more: sallyport status", show.Number(missed))))
	}
	e, err := n.lookup(ctx, id)
	if err != nil {
		return // the line is a comfort: status tells all
	}
	n.out.Printf("%s %s\n", n.out.Paint(show.Faint, time.Now().Format(time.TimeOnly)), line(n.out, e))
}

// line says in one line what an event is about.
func line(out *show.Screen, e event.Event) string {
	say := func(style show.Style, what, drop, who, text string) string {
		return fmt.Sprintf("%s %s %s  %s", out.Paint(show.Title, shortID(drop)), out.Paint(style, fmt.Sprintf("%-9s", what)), show.Clean(who), out.Paint(show.Faint, text))
	}
	switch e.Type() {
	case event.TypeDropAccepted:
		if o, err := event.Decode[event.DropOutcome](e); err == nil {
			text := show.Count(o.Rows.Accepted, "row")
			if o.Rows.Invalid > 0 {
				text += ", " + show.Number(o.Rows.Invalid) + " refused"
			}
			return say(show.Good, "taken", o.Drop.ID, o.Drop.Key, text)
		}
	case event.TypeDropRejected:
		if o, err := event.Decode[event.DropOutcome](e); err == nil {
			return say(show.Bad, "refused", o.Drop.ID, o.Drop.Key, reason(o.Fault))
		}
	case event.TypeDeliveryCompleted:
		if d, err := event.Decode[event.Delivery](e); err == nil {
			return say(show.Good, "delivered", d.Drop.ID, d.Subscription, fmt.Sprintf("%s, segment %d of %d", show.Count(d.Rows, "row"), d.Segment+1, d.Segments))
		}
	case event.TypeDeliveryFailed:
		if d, err := event.Decode[event.Delivery](e); err == nil {
			return say(show.Bad, "failed", d.Drop.ID, d.Subscription, reason(d.Fault))
		}
	case event.TypeRevealCompleted:
		if r, err := event.Decode[event.Reveal](e); err == nil {
			return say(show.Changed, "revealed", e.ID(), r.Grant, fmt.Sprintf("%d of %s of %s to %s", r.Revealed, show.Count(int64(r.Tokens), "token"), r.Field, show.Clean(r.Caller)))
		}
	case event.TypeRevealRefused:
		if r, err := event.Decode[event.Reveal](e); err == nil {
			return say(show.Bad, "withheld", e.ID(), r.Grant, reason(r.Fault))
		}
	case event.TypeSubjectErased:
		if d, err := event.Decode[event.SubjectErased](e); err == nil {
			return say(show.Changed, "erased", e.ID(), d.Contract, "the key of data subject "+d.Subject)
		}
	case event.TypeDeadLettered:
		if d, err := event.Decode[event.DeadLetter](e); err == nil {
			return say(show.Bad, "given up", event.Extension(e, event.ExtCorrelationID), "in "+d.Function, reason(&d.Fault))
		}
	}
	return strings.TrimPrefix(e.Type(), event.Prefix)
}

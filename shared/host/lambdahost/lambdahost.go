// Package lambdahost runs a function on AWS Lambda. It knows what AWS sends, so
// that nothing else has to:
//
//   - notifications of new objects in the drops bucket: from S3 itself, through
//     SQS, through SNS, through SNS and SQS (raw and in SNS's envelope), and
//     through EventBridge;
//   - CloudEvents in structured mode: in the body of SQS messages, in SNS messages
//     (likewise), in the detail of EventBridge events, or as the payload;
//   - other events of EventBridge, as CloudEvents of their source and detail type;
//   - the ticks of EventBridge's rules and Scheduler;
//   - requests of a function URL or an HTTP API (payload format 2.0) to
//     /partners/{partner}/{path...}, if the function takes drops: see package
//     httpevent. Who may post there is for IAM or an authorizer to say.
//
// An endpoint (host.Endpoint, [MainHTTP]) is handed the requests of a function URL or
// an HTTP API, and nothing else. Who may ask is for the endpoint to say.
//
// # Whose an event is
//
// A source that Config.Sources names is a partner's: its events are of the place
// that stands there, whatever they claim, and must not be the chain's own, nor
// notifications. All other sources are the chain's own, so nobody else must be
// able to write to them. A partner's SNS topic that reaches the function through
// a queue needs a queue of its own.
//
// # What becomes of it
//
// What host.Func.Process nacks comes again. Of an SQS batch these messages are
// named in the answer: the event source mapping must have
// ReportBatchItemFailures, or Lambda takes them for done. In a FIFO queue nothing
// of a message group is handled after a message of it that failed. Other
// invocations end with an error if any of their events must come again: Lambda
// repeats those that are asynchronous. Requests are answered, and dead letters
// are written for none of theirs.
//
// Work ends before the invocation does: a second or a tenth of the time before
// its deadline, whichever is more, the function's context is done, and half of
// that later what has not finished is handed back, as not done.
package lambdahost

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Source is the source attribute of the events that a Handler makes.
const Source = "/sallyport/lambda"

// Config is what a Handler needs to know of where events come from.
type Config struct {
	Drops string `env:"DROPS"` // bucket URL, as ingest has it; "": the function takes no drops
	// Sources are the sources of partners' own events. A key is the ARN of an
	// SQS queue, or of an SNS topic that invokes the function itself, or
	// "<account>/<source>" of EventBridge; a value is "<partner>/<path>", as in
	// the key of a drop.
	Sources map[string]string `env:"SOURCES" envKeyValSeparator:"="`
}

// place is where a partner's events count as dropped.
type place struct{ partner, path string }

func placeOf(s string) (place, error) {
	partner, path, _ := strings.Cut(s, "/")
	if partner == "" || path == "" {
		return place{}, fault.New(fault.Invalid, "environment", "a value of SALLYPORT_SOURCES is not a place", "write <ARN>=<partner>/<path>,...")
	}
	return place{partner, path}, nil
}

// Handler is a function as Lambda invokes it: a lambda.Handler. It may be invoked
// concurrently.
type Handler struct {
	f        host.Func
	reader   reader
	endpoint http.Handler // nil: events are taken
}

// New makes a Handler of a function.
func New(f host.Func, cfg Config) (*Handler, error) {
	d, err := dropsOf(cfg.Drops)
	if err != nil {
		return nil, err
	}
	h := &Handler{f: f, reader: reader{drops: d, sources: map[string]place{}}}
	if h.f.Logger == nil {
		h.f.Logger = slog.New(slog.DiscardHandler)
	}
	for source, at := range cfg.Sources {
		if h.reader.sources[source], err = placeOf(at); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Invoke handles one payload. Its answer is JSON; its error, whose text holds
// nothing of the payload, means that all or some of it must come again.
func (h *Handler) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	f := h.f
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		f.Logger = f.Logger.With(slog.String("requestId", lc.AwsRequestID))
	}
	defer func() {
		if recover() != nil { // of the host itself; what it says may be a row's
			err = fault.New(fault.Poison, "panic", "the host panicked", "report it")
			f.Logger.ErrorContext(ctx, "panic", telemetry.Function(f.Name), telemetry.Fault(err))
		}
	}()
	if h.endpoint != nil {
		return h.answer(ctx, payload)
	}
	m, ok := members(payload)
	if ok && isHTTP(m) {
		return h.http(ctx, f, payload)
	}
	if source, ok := sourceOf(m["Records"], "eventSource"); ok && source == "aws:sqs" {
		return h.queue(ctx, f, m["Records"])
	}
	var units []unit
	for _, it := range h.direct(m, payload) {
		units = append(units, unit{items: []item{it}})
		h.trace(ctx, units[len(units)-1].items)
	}
	for _, err := range h.run(ctx, f, units) {
		if err != nil {
			return nil, fault.New(fault.Retry, "again", "events of this invocation must come again", "see the log for why")
		}
	}
	return []byte("null"), nil
}

// direct reads a payload that comes from neither a queue nor HTTP.
func (h *Handler) direct(m map[string]json.RawMessage, payload []byte) []item {
	if source, ok := sourceOf(m["Records"], "EventSource"); ok && source == "aws:sns" {
		var records []struct {
			SNS struct {
				TopicARN string `json:"TopicArn"`
				Message  string `json:"Message"`
			} `json:"Sns"`
		}
		if json.Unmarshal(m["Records"], &records) == nil {
			var items []item
			for _, r := range records {
				items = append(items, h.reader.arrived(r.SNS.TopicARN).read([]byte(r.SNS.Message), 1)...)
			}
			return items
		}
	}
	if m["specversion"] == nil && m["detail-type"] == nil && text(m["Event"]) != "s3:TestEvent" && !isS3(m["Records"]) {
		return []item{refuse(payload, fault.New(fault.Denied, "payload-unknown", "the payload is nothing that this function takes",
			"look for who invokes it"))}
	}
	return h.reader.read(payload, deepest-1)
}

// trace gives the events among items that have none the first trace of: what
// arrived with them, and the invocation.
func (h *Handler) trace(ctx context.Context, items []item, arrived ...string) {
	invocation, _ := ctx.Value("x-amzn-trace-id").(string) // the runtime's own key
	for i := range items {
		if items[i].refused == nil && items[i].ignored == "" {
			traced(&items[i].event, append(arrived, invocation)...)
		}
	}
}

// unit is what succeeds or fails together: the items of one message.
type unit struct {
	items []item
	group string // units of one group are handled in order; "": of none
}

// run handles units and tells of each how it went. It returns when all is
// handled, or when the invocation's deadline is near; what has not finished by
// then has failed.
func (h *Handler) run(ctx context.Context, f host.Func, units []unit) []error {
	work, handBack, cancel := limits(ctx)
	defer cancel()
	o := newOutcomes(units)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, round := range rounds(units) {
			o.round(work, f, units, round)
		}
	}()
	select {
	case <-done:
	case <-handBack:
		// A handler goes on that does not heed its context. What it does still
		// is not counted; its event comes again, which does no harm.
	}
	errs, unfinished := o.all()
	if unfinished > 0 {
		f.Logger.LogAttrs(ctx, slog.LevelWarn, "handed back: the deadline is near", telemetry.Function(f.Name), telemetry.Count("messages", unfinished))
	}
	return errs
}

// limits are the context of work, and when to answer in spite of it: see the
// package comment. What is left of a short time is divided by two.
func limits(ctx context.Context) (work context.Context, handBack <-chan time.Time, cancel func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		work, cancel = context.WithCancel(ctx)
		return work, nil, cancel
	}
	left := time.Until(deadline)
	margin := min(max(time.Second, left/10), left/2)
	work, stop := context.WithDeadline(ctx, deadline.Add(-margin))
	timer := time.NewTimer(left - margin/2)
	return work, timer.C, func() { timer.Stop(); stop() }
}

// rounds divides units, by their index, so that the units of a group are in
// different rounds, in their order.
func rounds(units []unit) [][]int {
	var rounds [][]int
	before := map[string]int{}
	for i, u := range units {
		n := 0
		if u.group != "" {
			n = before[u.group]
			before[u.group]++
		}
		if n == len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[n] = append(rounds[n], i)
	}
	return rounds
}

// outcomes are how it went with units, known at any time.
type outcomes struct {
	failed map[string]bool // groups; belongs to the goroutine that works

	mu    sync.Mutex
	items [][]error // by unit and item
}

// errUnfinished is the outcome of what has not begun, or not ended.
var errUnfinished = fault.New(fault.Retry, "deadline", "the deadline came before it was finished", "give the function more time, or smaller batches")

func newOutcomes(units []unit) *outcomes {
	o := &outcomes{failed: map[string]bool{}, items: make([][]error, len(units))}
	for i, u := range units {
		o.items[i] = make([]error, len(u.items))
		for j := range u.items {
			o.items[i][j] = errUnfinished
		}
	}
	return o
}

func (o *outcomes) set(unit, item int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.items[unit][item] = err
}

// of is the first error of a unit's items.
func (o *outcomes) of(unit int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, err := range o.items[unit] {
		if err != nil {
			return err
		}
	}
	return nil
}

// all are the outcomes of all units, and how many of them are unfinished.
func (o *outcomes) all() (errs []error, unfinished int64) {
	errs = make([]error, len(o.items))
	for i := range o.items {
		if errs[i] = o.of(i); errs[i] == errUnfinished {
			unfinished++
		}
	}
	return errs, unfinished
}

// round handles the units of one round, but none of a group that has failed.
func (o *outcomes) round(ctx context.Context, f host.Func, units []unit, round []int) {
	var events []event.Event
	var settle []func(error) // by event
	for _, u := range round {
		if o.failed[units[u].group] {
			for i := range units[u].items {
				o.set(u, i, errGroup)
			}
			continue
		}
		for i, it := range units[u].items {
			switch {
			case it.ignored != "":
				f.Logger.LogAttrs(ctx, slog.LevelDebug, "ignored", telemetry.Function(f.Name), slog.String("why", it.ignored))
				o.set(u, i, nil)
			case it.refused != nil && ctx.Err() == nil:
				o.set(u, i, refusing(f, it.refused).Process(ctx, []event.Event{it.event})[0])
			case it.refused == nil:
				events = append(events, it.event)
				settle = append(settle, func(err error) { o.set(u, i, err) })
			}
		}
	}
	step := 1 // together only if that is cheaper: then each outcome is known early
	if _, ok := f.Handler.(host.BatchHandler); ok {
		step = max(len(events), 1)
	}
	for at := 0; at < len(events) && ctx.Err() == nil; at += step {
		for i, err := range f.Process(ctx, events[at:at+step]) {
			settle[at+i](err)
		}
	}
	for _, u := range round {
		if group := units[u].group; group != "" && o.of(u) != nil {
			o.failed[group] = true
		}
	}
}

// errGroup is the outcome of what comes after a failure in its message group.
var errGroup = fault.New(fault.Retry, "group-stopped", "a message before it in its group must come again", "")

// refusing is f for an event that it is not to be asked about.
func refusing(f host.Func, why error) host.Func {
	f.Handler = host.HandlerFunc(func(context.Context, event.Event) ([]event.Event, error) { return nil, why })
	return f
}

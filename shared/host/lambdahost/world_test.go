package lambdahost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// secret is a value of a row: neither an answer, an error nor the log may hold it.
const secret = "4111111111111111"

const (
	partnersQueue = "arn:aws:sqs:eu-central-1:123456789012:acme-orders"
	partnersTopic = "arn:aws:sns:eu-central-1:123456789012:acme-orders"
)

// world is a function, and all that the host does to the outside.
type world struct {
	*lambdahost.Handler
	handle func(ctx context.Context, e event.Event) error // nil: all is well

	mu   sync.Mutex
	seen []event.Event
	out  []event.Event
	dead []event.DeadLetter
	log  strings.Builder
}

// Handle implements host.Handler: an answer for each event.
func (w *world) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	w.mu.Lock()
	w.seen = append(w.seen, e)
	w.mu.Unlock()
	if w.handle != nil {
		if err := w.handle(ctx, e); err != nil {
			return nil, err
		}
	}
	return []event.Event{e}, nil
}

type publisher func([]event.Event)

func (p publisher) Publish(_ context.Context, events []event.Event) error {
	p(events)
	return nil
}

// Write implements io.Writer, for the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// newWorld makes a function that takes drops from sourcebucket.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{}
	w.open(t, w, "s3://sourcebucket?region=us-east-1")
	return w
}

func (w *world) open(t testing.TB, handler host.Handler, drops string) {
	t.Helper()
	var err error
	w.Handler, err = lambdahost.New(host.Func{
		Name: "test", Handler: handler, Logger: telemetry.Logger(w, slog.LevelDebug, true),
		Out: publisher(func(events []event.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.out = append(w.out, events...)
		}),
		Dead: publisher(func(events []event.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, e := range events {
				letter, err := event.Decode[event.DeadLetter](e)
				if err != nil {
					panic(err)
				}
				w.dead = append(w.dead, letter)
			}
		}),
	}, lambdahost.Config{
		Drops:   drops,
		Sources: map[string]string{partnersQueue: "acme/orders/new", partnersTopic: "acme/orders/new", "210987654321/com.acme.shop": "acme/orders/bus"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// invoke invokes the function and tells what came of it, in words: what the
// function saw, what was dead-lettered, how it was answered.
func (w *world) invoke(t testing.TB, payload string) string {
	t.Helper()
	answer, err := w.Invoke(t.Context(), []byte(payload))
	w.mu.Lock()
	defer w.mu.Unlock()
	var words []string
	for _, e := range w.seen {
		words = append(words, "saw "+said(t, e))
	}
	for _, d := range w.dead {
		words = append(words, "refused "+d.Fault.Kind+" "+d.Fault.Code)
	}
	if strings.Contains(w.log.String(), `"msg":"ignored"`) {
		words = append(words, "ignored")
	}
	switch {
	case err != nil:
		words = append(words, "error "+fault.CodeOf(err))
	case string(answer) != "null":
		var response struct {
			Status   int `json:"statusCode"`
			Failures []struct {
				ID string `json:"itemIdentifier"`
			} `json:"batchItemFailures"`
		}
		if err := json.Unmarshal(answer, &response); err != nil {
			t.Fatal(err)
		}
		if response.Status != 0 {
			words = append(words, fmt.Sprint("status ", response.Status))
		}
		for _, f := range response.Failures {
			words = append(words, "again "+f.ID)
		}
	}
	if text := string(answer) + fmt.Sprint(err) + w.log.String(); strings.Contains(text, secret) {
		t.Errorf("it holds a value: %s", text)
	}
	if len(w.out) != len(w.seen) {
		t.Errorf("of %d events that were seen %d were answered", len(w.seen), len(w.out))
	}
	w.seen, w.out, w.dead = nil, nil, nil
	w.log.Reset()
	return strings.Join(words, "; ")
}

// said says what is of interest in an event.
func said(t testing.TB, e event.Event) string {
	t.Helper()
	if e.Validate() != nil {
		t.Errorf("the event breaks CloudEvents 1.0: %v", e.Validate())
	}
	if e.Type() != event.TypeDropReceived {
		words := []string{e.Type()}
		if p := event.Extension(e, event.ExtPartner); p != "" {
			words = append(words, "of "+p+" at "+event.Extension(e, event.ExtContract))
		}
		return strings.Join(words, " ")
	}
	d, err := event.Decode[event.DropReceived](e)
	if err != nil {
		t.Fatal(err)
	}
	if id := event.DropID(d.Key, d.Identity()); e.ID() != id || event.Extension(e, event.ExtCorrelationID) != id || e.Subject() != d.Key || !e.Time().Equal(d.Time) {
		t.Errorf("%v", e)
	}
	return fmt.Sprintf("drop %s %s %s %d", d.Key, d.Generation, d.ETag, d.Size)
}

func quote(t testing.TB, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// queued is an SQS event with these bodies: of messages m0, m1, and so on.
func queued(t testing.TB, arn string, bodies ...string) string {
	t.Helper()
	var records []string
	for i, body := range bodies {
		records = append(records, fmt.Sprintf(`{"messageId":"m%d","receiptHandle":"h","body":%s,"attributes":{},"messageAttributes":{},"eventSource":"aws:sqs","eventSourceARN":%q,"awsRegion":"eu-central-1"}`,
			i, quote(t, body), arn))
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

// enveloped is a message as SNS brings it to a queue.
func enveloped(t testing.TB, message string) string {
	t.Helper()
	return `{"Type":"Notification","MessageId":"1","TopicArn":"` + partnersTopic + `","Subject":"Amazon S3 Notification","Message":` + quote(t, message) +
		`,"Timestamp":"2026-11-01T00:00:00Z","SignatureVersion":"1","Signature":"x","SigningCertURL":"x","UnsubscribeURL":"x"}`
}

// told is a message as SNS invokes a function with it.
func told(t testing.TB, arn string, messages ...string) string {
	t.Helper()
	var records []string
	for _, message := range messages {
		records = append(records, fmt.Sprintf(`{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"x","Sns":{"Type":"Notification","MessageId":"1","TopicArn":%q,"Message":%s}}`, arn, quote(t, message)))
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

// put is a record of a notification of S3; key is encoded as S3 does.
func put(key string) string {
	return `{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-11-01T02:03:04.567Z","eventName":"ObjectCreated:Put","s3":{"s3SchemaVersion":"1.0","bucket":{"name":"sourcebucket","arn":"arn:aws:s3:::sourcebucket"},` +
		`"object":{"key":"` + key + `","size":7,"eTag":"e1","versionId":"v1","sequencer":"0A"}}}`
}

func notification(records ...string) string {
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

// bridged is an event of EventBridge.
func bridged(source, detailType, detail string) string {
	return fmt.Sprintf(`{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":%q,"source":%q,"account":"210987654321","time":"2026-11-01T02:03:04Z","region":"ca-central-1","resources":["arn:aws:s3:::sourcebucket"],"detail":%s}`,
		detailType, source, detail)
}

// cloudEvent is one of this id and type, in structured mode.
func cloudEvent(id, typ string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/s","type":%q,"partner":"somebody-else","dropcontract":"something-else","data":{"card":%q}}`, id, typ, secret)
}

// ids are those of the events that the function saw, sorted.
func (w *world) ids() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, e := range w.seen {
		ids = append(ids, e.ID())
	}
	slices.Sort(ids)
	return ids
}

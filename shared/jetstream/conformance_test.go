package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/driver"
	"gocloud.dev/pubsub/drivertest"

	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
)

// connect runs a server in a directory of its own for the time of the test.
func connect(t *testing.T) (*embedded.Server, natsjs.JetStream) {
	t.Helper()
	s, err := embedded.Start(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	conn, err := s.Conn()
	if err != nil {
		t.Fatal(err)
	}
	js, err := natsjs.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return s, js
}

// harness gives every topic a stream of its own, and every subscription a
// durable consumer of its own.
type harness struct {
	js natsjs.JetStream
	n  *atomic.Int64
}

func (h *harness) name(kind string) string { return fmt.Sprintf("%s-%d", kind, h.n.Add(1)) }

// stream makes a stream, which stays until the server is gone: a server that
// deletes its last stream removes their folder, in which the next test may just
// be creating one ("error creating store for stream").
func (h *harness) stream(ctx context.Context) (string, error) {
	name := h.name("stream")
	_, err := h.js.CreateStream(ctx, natsjs.StreamConfig{Name: name, Subjects: []string{name + ".>"}})
	return name, err
}

func (h *harness) CreateTopic(ctx context.Context, _ string) (driver.Topic, func(), error) {
	name, err := h.stream(ctx)
	if err != nil {
		return nil, nil, err
	}
	t, err := newTopic(h.js, name, name+".events", TopicOptions{})
	return t, func() {}, err
}

func (h *harness) MakeNonexistentTopic(context.Context) (driver.Topic, error) {
	return newTopic(h.js, "absent", "absent.events", TopicOptions{})
}

func (h *harness) CreateSubscription(ctx context.Context, dt driver.Topic, _ string) (driver.Subscription, func(), error) {
	t := dt.(*topic)
	s, err := newSubscription(ctx, h.js, t.stream, SubscriptionOptions{Durable: h.name("consumer"), FilterSubject: t.subject})
	return s, func() {}, err
}

// MakeNonexistentSubscription makes a subscription whose consumer was deleted
// after it was opened: opening creates what is not there.
func (h *harness) MakeNonexistentSubscription(ctx context.Context) (driver.Subscription, func(), error) {
	name, err := h.stream(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err := newSubscription(ctx, h.js, name, SubscriptionOptions{Durable: "absent"})
	if err != nil {
		return nil, nil, err
	}
	return s, func() {}, h.js.DeleteConsumer(ctx, name, "absent")
}

func (h *harness) Close()                              {}
func (h *harness) MaxBatchSizes() (int, int)           { return 0, 0 }
func (h *harness) SupportsMultipleSubscriptions() bool { return true }

func TestConformance(t *testing.T) {
	_, js := connect(t)
	n := new(atomic.Int64)
	drivertest.RunConformanceTests(t, func(context.Context, *testing.T) (drivertest.Harness, error) {
		return &harness{js: js, n: n}, nil
	}, []drivertest.AsTest{asTest{}})
}

func BenchmarkConformance(b *testing.B) {
	s, err := embedded.Start(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Shutdown() }()
	conn, err := s.Conn()
	if err != nil {
		b.Fatal(err)
	}
	js, err := natsjs.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	if _, err := js.CreateStream(ctx, natsjs.StreamConfig{Name: "bench", Subjects: []string{"bench"}}); err != nil {
		b.Fatal(err)
	}
	topic, err := OpenTopic(js, "bench", "bench", TopicOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = topic.Shutdown(ctx) }()
	sub, err := OpenSubscription(ctx, js, "bench", SubscriptionOptions{Durable: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sub.Shutdown(ctx) }()
	drivertest.RunBenchmarks(b, topic, sub)
}

// asTest checks the types that the package comment promises.
type asTest struct{}

func (asTest) Name() string { return "nats.go types" }

func (asTest) TopicCheck(t *pubsub.Topic) error {
	var js natsjs.JetStream
	return promised(t.As(&js) && js != nil, "Topic.As(*JetStream)")
}

func (asTest) SubscriptionCheck(s *pubsub.Subscription) error {
	var c natsjs.Consumer
	return promised(s.As(&c) && c != nil, "Subscription.As(*Consumer)")
}

func (asTest) TopicErrorCheck(t *pubsub.Topic, err error) error {
	var e natsjs.JetStreamError
	if err := promised(t.ErrorAs(err, &e), "Topic.ErrorAs(*JetStreamError)"); err != nil {
		return err
	}
	return promised(errors.Is(e, natsjs.ErrNoStreamResponse), "ErrNoStreamResponse")
}

func (asTest) SubscriptionErrorCheck(s *pubsub.Subscription, err error) error {
	var e natsjs.JetStreamError
	if err := promised(s.ErrorAs(err, &e), "Subscription.ErrorAs(*JetStreamError)"); err != nil {
		return err
	}
	var api *natsjs.APIError
	return promised(s.ErrorAs(err, &api) && api.Code == 404, "Subscription.ErrorAs(**APIError)")
}

func (asTest) MessageCheck(m *pubsub.Message) error {
	var msg natsjs.Msg
	return promised(m.As(&msg) && string(msg.Data()) == "x", "Message.As(*Msg)")
}

func (asTest) BeforeSend(as func(any) bool) error {
	var msg *nats.Msg
	return promised(as(&msg) && string(msg.Data) == "x", "BeforeSend as(**nats.Msg)")
}

func (asTest) AfterSend(as func(any) bool) error {
	var ack *natsjs.PubAck
	return promised(as(&ack) && ack.Sequence > 0, "AfterSend as(**PubAck)")
}

func promised(ok bool, what string) error {
	if !ok {
		return fmt.Errorf("want %s", what)
	}
	return nil
}

package jetstream

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
)

const stream = "S"

// chain makes the stream S with the subjects s.> .
func chain(t *testing.T, js natsjs.JetStream) {
	t.Helper()
	if _, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: stream, Subjects: []string{"s.>"}}); err != nil {
		t.Fatal(err)
	}
}

func openTopic(t *testing.T, js natsjs.JetStream, subject string) *pubsub.Topic {
	t.Helper()
	topic, err := OpenTopic(js, stream, subject, TopicOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = topic.Shutdown(context.Background()) })
	return topic
}

func openSubscription(t *testing.T, js natsjs.JetStream, opts SubscriptionOptions) *pubsub.Subscription {
	t.Helper()
	sub, err := OpenSubscription(t.Context(), js, stream, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Shutdown(context.Background()) })
	return sub
}

func send(t *testing.T, topic *pubsub.Topic, body string) {
	t.Helper()
	if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, sub *pubsub.Subscription) *pubsub.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := sub.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// silent fails the test if a message comes within d.
func silent(t *testing.T, sub *pubsub.Subscription, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if m, err := sub.Receive(ctx); err == nil {
		t.Fatalf("received %q", m.Body)
	}
}

func deliveries(t *testing.T, m *pubsub.Message) uint64 {
	t.Helper()
	var msg natsjs.Msg
	if !m.As(&msg) {
		t.Fatal("not a JetStream message")
	}
	meta, err := msg.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	return meta.NumDelivered
}

func TestLongHandlingKeepsTheMessage(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	topic := openTopic(t, js, "s.a")
	opts := SubscriptionOptions{Durable: "c", AckWait: time.Second}
	slow, other := openSubscription(t, js, opts), openSubscription(t, js, opts)

	send(t, topic, "one")
	m := receive(t, slow)
	silent(t, other, 2500*time.Millisecond)
	m.Ack()
	silent(t, other, 1500*time.Millisecond)
}

func TestDeadProcessGivesTheMessageUp(t *testing.T) {
	server, js := connect(t)
	chain(t, js)
	send(t, openTopic(t, js, "s.a"), "one")

	// A second connection that breaks off while it holds the message.
	dying, err := server.Conn()
	if err != nil {
		t.Fatal(err)
	}
	dyingJS, err := natsjs.New(dying)
	if err != nil {
		t.Fatal(err)
	}
	opts := SubscriptionOptions{Durable: "c", AckWait: 500 * time.Millisecond}
	if m := receive(t, openSubscription(t, dyingJS, opts)); deliveries(t, m) != 1 {
		t.Fatal("not the first delivery")
	}
	dying.Close()

	m := receive(t, openSubscription(t, js, opts))
	if deliveries(t, m) != 2 {
		t.Errorf("delivery %d, want 2", deliveries(t, m))
	}
	m.Ack()
}

func TestNackPauses(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	topic := openTopic(t, js, "s.a")
	const pause = 400 * time.Millisecond
	var counts []uint64
	sub := openSubscription(t, js, SubscriptionOptions{Durable: "c", Backoff: func(delivered uint64) time.Duration {
		counts = append(counts, delivered)
		return pause
	}})
	send(t, topic, "one")
	for range 2 {
		receive(t, sub).Nack()
		nacked := time.Now()
		m := receive(t, sub)
		if waited := time.Since(nacked); waited < pause/2 {
			t.Errorf("came again after %v", waited)
		}
		m.Nack()
		receive(t, sub).Ack()
		send(t, topic, "next")
	}
	if len(counts) != 4 || counts[0] != 1 || counts[1] != 2 || counts[2] != 1 || counts[3] != 2 {
		t.Errorf("asked for the pauses after deliveries %v", counts)
	}
}

func TestBackoff(t *testing.T) {
	last := time.Duration(0)
	for n := range uint64(100) {
		d := Backoff(n)
		if d < last || d < 100*time.Millisecond || d > time.Minute {
			t.Fatalf("Backoff(%d) = %v after %v", n, d, last)
		}
		last = d
	}
	if Backoff(1) != 100*time.Millisecond || last != time.Minute {
		t.Errorf("from %v to %v", Backoff(1), last)
	}
}

func TestShutdownHandsBack(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	topic := openTopic(t, js, "s.a")
	opts := SubscriptionOptions{Durable: "c", AckWait: time.Minute}
	first := openSubscription(t, js, opts)
	for range 3 {
		send(t, topic, "one")
	}
	receive(t, first).Ack()
	receive(t, first) // neither acked nor nacked; the third may wait in the queue
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := openSubscription(t, js, opts)
	began := time.Now()
	for range 2 {
		receive(t, second).Ack()
	}
	if waited := time.Since(began); waited > 10*time.Second {
		t.Errorf("had to wait %v", waited)
	}
	silent(t, second, 300*time.Millisecond)
}

func TestDuplicateIsDropped(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	topic := openTopic(t, js, "s.a")
	sub := openSubscription(t, js, SubscriptionOptions{Durable: "c"})
	for range 2 {
		m := &pubsub.Message{Body: []byte("x"), Metadata: map[string]string{"Nats-Msg-Id": "id 1", "content-type": "application/cloudevents+json; charset=utf-8"}}
		if err := topic.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	m := receive(t, sub)
	m.Ack()
	if m.Metadata["Nats-Msg-Id"] != "id 1" || m.Metadata["content-type"] != "application/cloudevents+json; charset=utf-8" || len(m.Metadata) != 2 {
		t.Errorf("metadata %v", m.Metadata)
	}
	var msg natsjs.Msg
	if m.As(&msg); msg.Headers().Get("content-type") != m.Metadata["content-type"] {
		t.Errorf("header %q is not readable for others", msg.Headers().Get("content-type"))
	}
	silent(t, sub, 300*time.Millisecond)
}

func TestReservedMetadata(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	topic := openTopic(t, js, "s.a")
	for _, key := range []string{"Nats-Rollup", "nats-rollup", "NATS-TTL", "nats-msg-id", "Status", "status"} {
		err := topic.Send(t.Context(), &pubsub.Message{Metadata: map[string]string{key: "SECRET"}})
		if gcerrors.Code(err) != gcerrors.InvalidArgument {
			t.Errorf("%s: %v", key, err)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the error holds the value", key)
		}
	}
}

func TestSendErrors(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	if _, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: "T", Subjects: []string{"t"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), natsjs.StreamConfig{
		Name: "FULL", Subjects: []string{"full"}, MaxMsgs: 1, Discard: natsjs.DiscardNew,
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "full", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, stream, subject string
		size                  int
		want                  gcerrors.ErrorCode
	}{
		{"another stream's subject", stream, "t", 1, gcerrors.FailedPrecondition},
		{"nobody's subject", stream, "u", 1, gcerrors.NotFound},
		{"full stream", "FULL", "full", 1, gcerrors.ResourceExhausted},
		{"too large", stream, "s.a", embedded.MaxPayload + 1, gcerrors.InvalidArgument},
	} {
		topic, err := OpenTopic(js, c.stream, c.subject, TopicOptions{})
		if err != nil {
			t.Fatal(err)
		}
		err = topic.Send(t.Context(), &pubsub.Message{Body: make([]byte, c.size)})
		if gcerrors.Code(err) != c.want {
			t.Errorf("%s: %v (%v), want %v", c.name, err, gcerrors.Code(err), c.want)
		}
		_ = topic.Shutdown(t.Context())
	}
	topic := openTopic(t, js, "s.a")
	js.Conn().Close()
	if err := topic.Send(t.Context(), &pubsub.Message{}); gcerrors.Code(err) != gcerrors.FailedPrecondition {
		t.Errorf("closed connection: %v", err)
	}
}

// One message that cannot be sent stops none of those beside it.
func TestSendBatchSendsTheRest(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	topic := openTopic(t, js, "s.a")
	sub := openSubscription(t, js, SubscriptionOptions{Durable: "c"})
	done := make(chan error)
	refused := errors.New("refused")
	go func() {
		done <- topic.Send(t.Context(), &pubsub.Message{BeforeSend: func(func(any) bool) error { return refused }})
	}()
	send(t, topic, "good")
	if err := <-done; !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	m := receive(t, sub)
	m.Ack()
	if string(m.Body) != "good" {
		t.Errorf("received %q", m.Body)
	}
}

// A server that goes away and comes back is a pause for a subscription.
func TestServerRestart(t *testing.T) {
	dir := t.TempDir()
	s, err := embedded.Start(dir, embedded.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	conn, err := nats.Connect(addr, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := natsjs.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	chain(t, js)
	topic := openTopic(t, js, "s.a")
	sub := openSubscription(t, js, SubscriptionOptions{Durable: "c"})
	send(t, topic, "before")
	receive(t, sub).Ack()

	received := make(chan error, 1)
	go func() {
		for {
			m, err := sub.Receive(t.Context())
			if err != nil {
				received <- err
				return
			}
			m.Ack()
			if string(m.Body) == "after" { // and not "before" again, whose ack may have come too late
				received <- nil
				return
			}
		}
	}()
	if err := s.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if s, err = embedded.Start(dir, embedded.Options{Listen: addr}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Shutdown() }()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := topic.Send(t.Context(), &pubsub.Message{Body: []byte("after")})
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if err := <-received; err != nil {
		t.Errorf("receive: %v", err)
	}
}

func TestURL(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	o := &URLOpener{Conn: js.Conn()}
	mux := new(pubsub.URLMux)
	mux.RegisterTopic(Scheme, o)
	mux.RegisterSubscription(Scheme, o)

	topic, err := mux.OpenTopic(t.Context(), "jetstream://S/s.a.b")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = topic.Shutdown(context.Background()) }()
	for _, u := range []string{
		"jetstream://S/s.a.b?consumer=exact&ackwait=45s&maxackpending=7",
		"jetstream://S/s.*.b?consumer=star",
		"jetstream://S/s.>?consumer=tail",
		"jetstream://S?consumer=all",
	} {
		sub, err := mux.OpenSubscription(t.Context(), u)
		if err != nil {
			t.Fatalf("%s: %v", u, err)
		}
		send(t, topic, u)
		for string(receiveAcked(t, sub).Body) != u { // what was sent for those before it
		}
		if strings.Contains(u, "exact") {
			var c natsjs.Consumer
			if !sub.As(&c) {
				t.Fatal("no consumer")
			}
			cfg := c.CachedInfo().Config
			if cfg.AckWait != 45*time.Second || cfg.MaxAckPending != 7 || cfg.FilterSubject != "s.a.b" {
				t.Errorf("%s made %+v", u, cfg)
			}
		}
		_ = sub.Shutdown(t.Context())
	}
}

func receiveAcked(t *testing.T, sub *pubsub.Subscription) *pubsub.Message {
	t.Helper()
	m := receive(t, sub)
	m.Ack()
	return m
}

func TestURLErrors(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	o := &URLOpener{Conn: js.Conn()}
	ctx := t.Context()
	check := func(u, want string, err error) {
		t.Helper()
		if fault.CodeOf(err) != want || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want code %s", u, err, want)
		}
	}
	for u, want := range map[string]string{
		"jetstream://S":            "jetstream-topic",
		"jetstream:///s.a":         "jetstream-topic",
		"jetstream://S/s.*":        "jetstream-topic",
		"jetstream://S/s.":         "jetstream-topic",
		"jetstream://S/s.a?x=1":    "jetstream-url",
		"jetstream://S/s.a%20%0Db": "jetstream-topic",
	} {
		_, err := o.OpenTopicURL(ctx, parse(t, u))
		check(u, want, err)
	}
	for u, want := range map[string]string{
		"jetstream://S/s.a":                              "jetstream-subscription",
		"jetstream:///s.a?consumer=c":                    "jetstream-subscription",
		"jetstream://S/s.a?consumer=c&x=1":               "jetstream-url",
		"jetstream://S/s.a?consumer=c&ackwait=soon":      "jetstream-url",
		"jetstream://S/s.a?consumer=c&ackwait=-1s":       "jetstream-url",
		"jetstream://S/s.a?consumer=c&maxackpending=all": "jetstream-url",
		"jetstream://absent/s.a?consumer=c":              "jetstream-consumer",
		"jetstream://S/s..a?consumer=c":                  "jetstream-subscription",
		"jetstream://S/%20?consumer=c":                   "jetstream-subscription",
		"jetstream://S/s.a?consumer=a.b":                 "jetstream-consumer",
	} {
		_, err := o.OpenSubscriptionURL(ctx, parse(t, u))
		check(u, want, err)
	}
	_, err := (&URLOpener{}).OpenTopicURL(ctx, parse(t, "jetstream://S/s.a"))
	check("no connection", "jetstream-url", err)
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// nats.go answers "connection closed" to a question that was under way when the
// connection broke. Only if it is closed for good is the subscription lost.
func TestBrokenConnectionIsRetried(t *testing.T) {
	_, js := connect(t)
	chain(t, js)
	s, err := newSubscription(t.Context(), js, stream, SubscriptionOptions{Durable: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if !s.IsRetryable(nats.ErrConnectionClosed) {
		t.Error("not retried although the connection is there")
	}
	for _, err := range []error{natsjs.ErrConsumerDeleted, natsjs.ErrStreamNotFound, nats.ErrAuthorization, context.Canceled} {
		if s.IsRetryable(err) {
			t.Errorf("%v is retried", err)
		}
	}
	js.Conn().Close()
	if s.IsRetryable(nats.ErrConnectionClosed) {
		t.Error("retried although the connection is closed for good")
	}
}

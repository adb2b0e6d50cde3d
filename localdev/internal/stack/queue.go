package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/pubsub"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/jetstream"
	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
)

// stream holds all queues: what is published stays until every consumer that is
// interested has acked it.
const stream = "sallyport"

// The subjects of the stream. Each function publishes to one of its own.
const (
	subjectDrops  = "sallyport.drops"         // the watcher's
	subjectIngest = "sallyport.events.ingest" // HTTP's as well
	subjectMask   = "sallyport.events.mask"
	subjectFanout = "sallyport.events.fanout"
	subjectReveal = "sallyport.events.reveal"
	subjectDead   = "sallyport.events.dead" // every host's
)

// consumers are the functions and what they hear.
var consumers = [...]struct{ name, subject string }{
	{"ingest", subjectDrops},
	{"mask", subjectIngest},
	{"fanout", subjectMask},
	{"audit", "sallyport.events.>"},
}

const (
	// ackWait is how long a process that died keeps a message to itself. One
	// that lives tells so more often than that.
	ackWait = 3 * time.Second
	// remembered is how long an event that is published again is known to be.
	remembered = 2 * time.Minute
	publishing = 32 // events of one call at once
)

// queue is the embedded server and the topics on it.
type queue struct {
	server *embedded.Server
	js     natsjs.JetStream
	topics []*pubsub.Topic
}

// openQueue starts the server, and makes the stream and its consumers: a message
// is kept only for consumers that are there when it comes.
func openQueue(ctx context.Context, dir string) (_ *queue, err error) {
	server, err := embedded.Start(dir, embedded.Options{})
	if err != nil {
		return nil, err
	}
	q := &queue{server: server}
	defer func() {
		if err != nil {
			err = errors.Join(err, q.close())
		}
	}()
	conn, err := server.Conn()
	if err != nil {
		return nil, err
	}
	if q.js, err = natsjs.New(conn); err != nil {
		return nil, fault.Wrap(fault.Retry, "queue-open", err, "cannot use the embedded queue")
	}
	_, err = q.js.CreateOrUpdateStream(ctx, natsjs.StreamConfig{
		Name:       stream,
		Subjects:   []string{subjectDrops, "sallyport.events.>"},
		Retention:  natsjs.InterestPolicy,
		Storage:    natsjs.FileStorage,
		Duplicates: remembered,
	})
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "queue-open", err, "cannot make the stream of the embedded queue")
	}
	for _, c := range consumers {
		sub, err := q.subscribe(ctx, c.name)
		if err != nil {
			return nil, err
		}
		if err := sub.Shutdown(ctx); err != nil {
			return nil, fault.Wrap(fault.Retry, "queue-open", err, "cannot make a consumer of the embedded queue")
		}
	}
	return q, nil
}

// subscribe opens what a function hears.
func (q *queue) subscribe(ctx context.Context, consumer string) (*pubsub.Subscription, error) {
	for _, c := range consumers {
		if c.name == consumer {
			return jetstream.OpenSubscription(ctx, q.js, stream, jetstream.SubscriptionOptions{Durable: c.name, FilterSubject: c.subject, AckWait: ackWait})
		}
	}
	return nil, fault.New(fault.Invalid, "no-consumer", fmt.Sprintf("the queue has no consumer %q", consumer), "")
}

// topic publishes on a subject.
func (q *queue) topic(subject string) (host.Publisher, error) {
	t, err := jetstream.OpenTopic(q.js, stream, subject, jetstream.TopicOptions{})
	if err != nil {
		return nil, err
	}
	q.topics = append(q.topics, t)
	return publisher{t}, nil
}

// publisher publishes events whose ids the stream remembers for a while: what a
// second run publishes again is in the queue once.
type publisher struct{ topic *pubsub.Topic }

func (p publisher) Publish(ctx context.Context, events []event.Event) error {
	messages := make([]*pubsub.Message, len(events))
	for i, e := range events {
		body, err := host.EncodeEvent(e)
		if err != nil {
			return err
		}
		messages[i] = &pubsub.Message{Body: body, Metadata: map[string]string{"content-type": host.ContentType, natsjs.MsgIDHeader: e.ID()}}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(publishing)
	for _, m := range messages {
		g.Go(func() error { return p.topic.Send(ctx, m) })
	}
	if err := g.Wait(); err != nil {
		return fault.Wrap(fault.Retry, "publish", err, "cannot publish to the embedded queue")
	}
	return nil
}

// idle waits until the queue is empty. It is so only when all is done: the
// messages that a message leads to are there before it is acked, and goes.
func (q *queue) idle(ctx context.Context) error {
	for {
		s, err := q.js.Stream(ctx, stream)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fault.Wrap(fault.Retry, "queue-read", err, "cannot look at the embedded queue")
		case s.CachedInfo().State.Msgs == 0:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// close ends the topics and the server.
func (q *queue) close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, t := range q.topics {
		errs = append(errs, t.Shutdown(ctx))
	}
	return errors.Join(append(errs, q.server.Shutdown())...)
}

package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/driver"

	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	defaultAckWait       = 30 * time.Second
	defaultMaxAckPending = 1000
	// receiveWait is how long one ReceiveBatch waits for a first message;
	// gocloud asks for about a second.
	receiveWait = time.Second
	// maxFetch bounds one pull, so that one process does not hoard a queue
	// that others wait for.
	maxFetch = 256
	// callTimeout bounds a question to the server.
	callTimeout = 5 * time.Second
)

// SubscriptionOptions describe a durable pull consumer.
type SubscriptionOptions struct {
	// Durable is the consumer's name. Subscriptions of one name share its
	// messages; those of different names each get all of them. Required.
	Durable string
	// FilterSubject is what to receive of the stream; wildcards are allowed.
	// "" is everything.
	FilterSubject string
	// AckWait is how long the server waits for a sign of life of a process
	// that holds a message before it gives the message to another. It does
	// not limit handling. The default is 30 s.
	AckWait time.Duration
	// MaxAckPending is how many messages may be unacked at once, in all
	// processes together. The default is 1000.
	MaxAckPending int
	// Backoff is the pause before a nacked message comes again, by how many
	// times it was delivered so far, from 1. The default is [Backoff].
	Backoff func(delivered uint64) time.Duration
}

// Backoff is the default pause before a nacked message comes again: 100 ms after
// the first delivery, 2 s after the second, doubling up to a minute.
func Backoff(delivered uint64) time.Duration {
	switch {
	case delivered <= 1:
		return 100 * time.Millisecond
	case delivered >= 7:
		return time.Minute
	}
	return time.Second << (delivered - 1)
}

// OpenSubscription creates the durable consumer, or brings it up to date, and
// opens a subscription on it. A new consumer starts at the first message that
// the stream still holds.
//
// The caller keeps js and its connection, and shuts the subscription down
// before them, so that acks are sent and unhandled messages are handed back.
func OpenSubscription(ctx context.Context, js natsjs.JetStream, stream string, opts SubscriptionOptions) (*pubsub.Subscription, error) {
	s, err := newSubscription(ctx, js, stream, opts)
	if err != nil {
		return nil, err
	}
	return pubsub.NewSubscription(s, nil, nil), nil
}

func newSubscription(ctx context.Context, js natsjs.JetStream, stream string, opts SubscriptionOptions) (*subscription, error) {
	if stream == "" || opts.Durable == "" || opts.FilterSubject != "" && !validSubject(opts.FilterSubject) {
		return nil, fault.New(fault.Invalid, "jetstream-subscription",
			"a JetStream subscription needs a stream, the name of a durable consumer and a subject without spaces and empty parts, or none",
			"write jetstream://<stream>/<subject>?consumer=<name>")
	}
	if opts.AckWait <= 0 {
		opts.AckWait = defaultAckWait
	}
	if opts.MaxAckPending <= 0 {
		opts.MaxAckPending = defaultMaxAckPending
	}
	if opts.Backoff == nil {
		opts.Backoff = Backoff
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, stream, natsjs.ConsumerConfig{
		Durable:       opts.Durable,
		FilterSubject: opts.FilterSubject,
		DeliverPolicy: natsjs.DeliverAllPolicy,
		AckPolicy:     natsjs.AckExplicitPolicy,
		AckWait:       opts.AckWait,
		MaxAckPending: opts.MaxAckPending,
		MaxDeliver:    -1,
	})
	if err != nil {
		return nil, consumerFault(err, stream, opts.Durable)
	}
	s := &subscription{
		conn:     js.Conn(),
		consumer: consumer,
		backoff:  opts.Backoff,
		held:     make(map[*delivery]struct{}),
		closing:  make(chan struct{}),
	}
	go s.keepAlive(opts.AckWait / 3)
	return s, nil
}

func consumerFault(err error, stream, durable string) error {
	f := fault.Wrap(fault.Retry, "jetstream-consumer", err,
		fmt.Sprintf("cannot create consumer %q on stream %q", durable, stream))
	switch errorCode(err) {
	case gcerrors.NotFound:
		f.Kind, f.Do = fault.Invalid, "create the stream first"
	case gcerrors.InvalidArgument:
		f.Kind, f.Do = fault.Invalid, "check its name, its subject and what it was created with"
	case gcerrors.PermissionDenied:
		f.Kind, f.Do = fault.Invalid, "allow the connection to use the JetStream API"
	}
	return f
}

// subscription implements driver.Subscription.
type subscription struct {
	conn     *nats.Conn
	consumer natsjs.Consumer
	backoff  func(uint64) time.Duration

	closing   chan struct{}  // closed by Close
	receiving sync.WaitGroup // calls of ReceiveBatch

	mu     sync.Mutex
	closed bool
	held   map[*delivery]struct{} // received, neither acked nor nacked
}

// delivery is the AckID of a message.
type delivery struct {
	msg   natsjs.Msg
	count uint64 // how many times it was delivered, this one included
}

func (s *subscription) ReceiveBatch(ctx context.Context, maxMessages int) ([]*driver.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errClosed
	}
	s.receiving.Add(1)
	s.mu.Unlock()
	defer s.receiving.Done()

	// What is there, or else the next one. A pull for many that waits would
	// sit on the first message until the last has come or time is up.
	batch, err := s.consumer.FetchNoWait(min(maxMessages, maxFetch))
	ms, err := s.collect(batch, err)
	if len(ms) == 0 && err == nil {
		batch, err = s.consumer.Fetch(1, natsjs.FetchMaxWait(receiveWait))
		ms, err = s.collect(batch, err)
	}
	if len(ms) > 0 {
		return ms, nil // an error comes again, if it was more than a hiccup
	}
	if errors.Is(err, nats.ErrNoResponders) {
		// Nobody serves this consumer: it is gone, or its server is.
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if _, infoErr := s.consumer.Info(ctx); infoErr != nil {
			err = infoErr
		}
	}
	return nil, err
}

func (s *subscription) collect(batch natsjs.MessageBatch, err error) ([]*driver.Message, error) {
	if err != nil {
		return nil, err
	}
	var ms []*driver.Message
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			return ms, err
		}
		d := &delivery{msg: msg, count: meta.NumDelivered}
		s.hold(d)
		ms = append(ms, &driver.Message{
			LoggableID: fmt.Sprintf("%s/%d", meta.Stream, meta.Sequence.Stream),
			Body:       msg.Data(),
			Metadata:   fromHeader(msg.Headers()),
			AckID:      d,
			AsFunc:     func(i any) bool { return as(i, msg) },
		})
	}
	return ms, batch.Error()
}

func (s *subscription) hold(d *delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[d] = struct{}{}
}

func (s *subscription) release(d *delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, d)
}

// keepAlive tells the server that the held messages are being worked on.
func (s *subscription) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
		}
		// Under the lock: a sign of life that overtook its message's nack
		// would undo the pause that the nack asked for.
		s.mu.Lock()
		for d := range s.held {
			// What fails here is not kept alive and comes again: no loss.
			_ = d.msg.InProgress()
		}
		s.mu.Unlock()
	}
}

func (s *subscription) SendAcks(ctx context.Context, ids []driver.AckID) error {
	return s.settle(ctx, ids, func(d *delivery) error { return d.msg.Ack() })
}

func (s *subscription) SendNacks(ctx context.Context, ids []driver.AckID) error {
	return s.settle(ctx, ids, func(d *delivery) error {
		return d.msg.NakWithDelay(s.backoff(d.count))
	})
}

// settle answers the messages and waits until the server has got the answers.
func (s *subscription) settle(ctx context.Context, ids []driver.AckID, answer func(*delivery) error) error {
	for _, id := range ids {
		d := id.(*delivery)
		s.release(d)
		if err := answer(d); err != nil && !errors.Is(err, natsjs.ErrMsgAlreadyAckd) {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.conn.FlushWithContext(ctx)
}

func (*subscription) CanNack() bool { return true }

// IsRetryable: the world's hiccups are; a consumer that is gone, a connection
// that was closed and what is not allowed are not.
func (s *subscription) IsRetryable(err error) bool {
	// A question that was under way when the connection broke gets this error
	// too, although the connection comes back.
	if errors.Is(err, nats.ErrConnectionClosed) {
		return !s.conn.IsClosed()
	}
	switch errorCode(err) {
	case gcerrors.Unknown, gcerrors.Internal, gcerrors.DeadlineExceeded, gcerrors.ResourceExhausted:
		return true
	}
	return false
}

func (s *subscription) As(i any) bool                        { return as(i, s.consumer) }
func (*subscription) ErrorAs(err error, i any) bool          { return errorAs(err, i) }
func (*subscription) ErrorCode(err error) gcerrors.ErrorCode { return errorCode(err) }

// Close hands back what was received and not answered, so that another process
// gets it now and not after the ack wait.
func (s *subscription) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	s.mu.Unlock()

	s.receiving.Wait() // at most about receiveWait: what they receive is handed back too

	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) == 0 {
		return nil
	}
	for d := range s.held {
		_ = d.msg.Nak() // if it fails, the ack wait does the same, later
	}
	clear(s.held)
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	_ = s.conn.FlushWithContext(ctx)
	return nil
}

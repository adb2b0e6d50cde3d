package jetstream

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/batcher"
	"gocloud.dev/pubsub/driver"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	defaultSendTimeout = 10 * time.Second
	// sendBatch and sendBatches bound how many messages wait for the stream at
	// once: enough to fill the time of a disk's sync.
	sendBatch   = 64
	sendBatches = 2
)

// TopicOptions tune a topic. The zero value is fine.
type TopicOptions struct {
	// Timeout is how long a send waits for the stream to have stored a
	// message. The default is 10 s.
	Timeout time.Duration
}

// OpenTopic opens a topic that publishes on subject. A send returns when the
// stream has stored the message, and fails if the subject belongs to another
// stream than the one named; the code of a stream that does not exist is
// gcerrors.NotFound. A failed send is not retried here: whoever sends holds the
// message that made it send, and hands that one back.
//
// The caller keeps js and its connection, and shuts the topic down before them.
func OpenTopic(js natsjs.JetStream, stream, subject string, opts TopicOptions) (*pubsub.Topic, error) {
	t, err := newTopic(js, stream, subject, opts)
	if err != nil {
		return nil, err
	}
	return pubsub.NewTopic(t, &batcher.Options{MaxBatchSize: sendBatch, MaxHandlers: sendBatches}), nil
}

func newTopic(js natsjs.JetStream, stream, subject string, opts TopicOptions) (*topic, error) {
	if stream == "" || !validSubject(subject) || strings.ContainsAny(subject, "*>") {
		return nil, fault.New(fault.Invalid, "jetstream-topic",
			"a JetStream topic needs a stream and a subject without wildcards, spaces and empty parts",
			"write jetstream://<stream>/<subject>")
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultSendTimeout
	}
	return &topic{js: js, stream: stream, subject: subject, timeout: opts.Timeout}, nil
}

// validSubject reports whether the subject's dot-separated parts are neither
// empty nor hold a space. The server does not answer to those that are.
func validSubject(subject string) bool {
	if strings.ContainsAny(subject, " \t\r\n\f") {
		return false
	}
	for part := range strings.SplitSeq(subject, ".") {
		if part == "" {
			return false
		}
	}
	return true
}

// topic implements driver.Topic.
type topic struct {
	js      natsjs.JetStream
	stream  string
	subject string
	timeout time.Duration
}

func (t *topic) SendBatch(ctx context.Context, ms []*driver.Message) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	var g errgroup.Group // without its context: one message that fails stops no other
	for _, m := range ms {
		g.Go(func() error { return t.send(ctx, m) })
	}
	return g.Wait()
}

func (t *topic) send(ctx context.Context, m *driver.Message) error {
	header, err := toHeader(m.Metadata)
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: t.subject, Header: header, Data: m.Body}
	if m.BeforeSend != nil {
		if err := m.BeforeSend(func(i any) bool { return as(i, msg) }); err != nil {
			return err
		}
	}
	ack, err := t.js.PublishMsg(ctx, msg, natsjs.WithExpectStream(t.stream))
	if err != nil {
		return err
	}
	if m.AfterSend != nil {
		return m.AfterSend(func(i any) bool { return as(i, ack) })
	}
	return nil
}

func (*topic) IsRetryable(error) bool                 { return false }
func (t *topic) As(i any) bool                        { return as(i, t.js) }
func (*topic) ErrorAs(err error, i any) bool          { return errorAs(err, i) }
func (*topic) ErrorCode(err error) gcerrors.ErrorCode { return errorCode(err) }
func (*topic) Close() error                           { return nil }

// as stores v where i points to, if i is a *T.
func as[T any](i any, v T) bool {
	p, ok := i.(*T)
	if ok {
		*p = v
	}
	return ok
}

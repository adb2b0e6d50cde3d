// Package jetstream is a gocloud.dev/pubsub driver for NATS JetStream.
//
// gocloud's own natspubsub speaks core NATS: at most once, without a nack. Here
// a send returns after the stream has stored the message, a message comes again
// until it is acked, and a nack brings it back after a pause that grows.
//
// # Open
//
//	topic, err := jetstream.OpenTopic(js, "CHAIN", "ingest", jetstream.TopicOptions{})
//	sub, err := jetstream.OpenSubscription(ctx, js, "CHAIN", jetstream.SubscriptionOptions{
//		Durable: "mask", FilterSubject: "ingest",
//	})
//
// The stream must exist; a subscription creates its durable consumer, or brings
// it up to date.
//
// # URLs
//
// Nothing registers itself. A program that wants URLs registers a [URLOpener],
// which knows the connection or dials a [Server] for it, on a pubsub.URLMux:
//
//	jetstream://<stream>/<subject>                                    topic
//	jetstream://<stream>/<subject>?consumer=<durable>&ackwait=30s     subscription
//
// # Delivery
//
// At least once, in no promised order. A message that was received and neither
// acked nor nacked is kept alive (JetStream's "in progress") every third of the
// ack wait, for as long as its subscription is open: handling may take longer
// than the ack wait, and so may waiting in gocloud's own queue. A process that
// dies keeps nothing alive, and after the ack wait the message goes to another.
// Shutdown hands back at once what was received and not handled.
//
// # Metadata
//
// Metadata are NATS headers. Keys and values are percent-encoded where NATS
// could not carry them. The key Nats-Msg-Id is NATS's own and lets the stream
// drop a duplicate; sending any other key that starts with "Nats-" is refused,
// since such headers command the server.
//
// # As
//
//   - Topic: [natsjs.JetStream]
//   - Subscription: [natsjs.Consumer]
//   - Message: [natsjs.Msg]
//   - Message.BeforeSend: *nats.Msg
//   - Message.AfterSend: *natsjs.PubAck
//   - Error: [natsjs.JetStreamError], *natsjs.APIError
package jetstream

import (
	"context"
	"errors"
	"net/http"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/gcerrors"
)

// Error codes of the JetStream API that nats.go does not name.
const (
	codeStreamStoreFailed   natsjs.ErrorCode = 10077 // no room: maximum messages, bytes or disk
	codeInsufficientStorage natsjs.ErrorCode = 10047
	codeExpectedStream      natsjs.ErrorCode = 10060 // the subject belongs to another stream
)

var (
	errReservedKey = errors.New("jetstream: a metadata key is reserved by NATS")
	errClosed      = errors.New("jetstream: closed")
)

// errorCode maps an error of nats.go onto gocloud's closed set.
func errorCode(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, context.Canceled):
		return gcerrors.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return gcerrors.DeadlineExceeded
	case errors.Is(err, natsjs.ErrStreamNotFound),
		errors.Is(err, natsjs.ErrConsumerNotFound),
		errors.Is(err, natsjs.ErrConsumerDoesNotExist),
		errors.Is(err, natsjs.ErrConsumerDeleted),
		errors.Is(err, natsjs.ErrNoStreamResponse):
		return gcerrors.NotFound
	case errors.Is(err, errReservedKey),
		errors.Is(err, natsjs.ErrInvalidStreamName),
		errors.Is(err, natsjs.ErrInvalidConsumerName),
		errors.Is(err, natsjs.ErrInvalidSubject),
		errors.Is(err, nats.ErrMaxPayload),
		errors.Is(err, nats.ErrBadSubject):
		return gcerrors.InvalidArgument
	case errors.Is(err, nats.ErrAuthorization),
		errors.Is(err, nats.ErrPermissionViolation):
		return gcerrors.PermissionDenied
	case errors.Is(err, errClosed),
		errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrConnectionDraining):
		return gcerrors.FailedPrecondition
	}
	var api *natsjs.APIError
	if !errors.As(err, &api) {
		return gcerrors.Unknown
	}
	switch api.ErrorCode {
	case codeExpectedStream:
		return gcerrors.FailedPrecondition
	case codeStreamStoreFailed, codeInsufficientStorage:
		return gcerrors.ResourceExhausted
	}
	switch api.Code {
	case http.StatusNotFound:
		return gcerrors.NotFound
	case http.StatusBadRequest:
		return gcerrors.InvalidArgument
	case http.StatusForbidden, http.StatusUnauthorized:
		return gcerrors.PermissionDenied
	}
	return gcerrors.Internal
}

func errorAs(err error, target any) bool {
	switch t := target.(type) {
	case *natsjs.JetStreamError:
		return errors.As(err, t)
	case **natsjs.APIError:
		return errors.As(err, t)
	}
	return false
}

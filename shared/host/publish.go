package host

import (
	"context"
	"fmt"

	"gocloud.dev/pubsub"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// Publisher publishes events. It returns nil only when all of them are stored
// for those who subscribe; with an error, any part of them may be. It may be
// called concurrently.
type Publisher interface {
	Publish(ctx context.Context, events []event.Event) error
}

// publishing is how many events of one call are under way at once.
const publishing = 32

// TopicPublisher publishes on topic: each event in a message of its own, whose
// body is EncodeEvent's and whose only metadata is content-type. If one of the
// events cannot be encoded, none is sent. The caller shuts the topic down.
func TopicPublisher(topic *pubsub.Topic) Publisher { return topicPublisher{topic} }

type topicPublisher struct{ topic *pubsub.Topic }

func (p topicPublisher) Publish(ctx context.Context, events []event.Event) error {
	bodies := make([][]byte, len(events))
	for i, e := range events {
		var err error
		if bodies[i], err = EncodeEvent(e); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(publishing)
	for _, body := range bodies {
		g.Go(func() error {
			return p.topic.Send(ctx, &pubsub.Message{
				Body:     body,
				Metadata: map[string]string{"content-type": ContentType},
			})
		})
	}
	if err := g.Wait(); err != nil {
		return fault.Wrap(fault.Retry, "publish", err, fmt.Sprintf("cannot publish %d events", len(events)))
	}
	return nil
}

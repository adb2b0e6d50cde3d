package jetstream

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Scheme is the URL scheme to register a [URLOpener] under.
const Scheme = "jetstream"

// URLOpener opens topics and subscriptions by URL. Its user registers it on a
// pubsub.URLMux:
//
//	o := &jetstream.URLOpener{Conn: conn} // or Dial: server.Dial
//	mux := new(pubsub.URLMux)
//	mux.RegisterTopic(jetstream.Scheme, o)
//	mux.RegisterSubscription(jetstream.Scheme, o)
//
// A topic is jetstream://<stream>/<subject> and has no parameters. A
// subscription is jetstream://<stream>/<subject>, or jetstream://<stream> for
// all of the stream, with
//
//	consumer        name of the durable consumer; required
//	ackwait         duration, such as 30s
//	maxackpending   number
//
// whose meaning and defaults are those of [SubscriptionOptions].
//
// It may be used concurrently.
type URLOpener struct {
	// Conn is the connection that everything opened here uses. Its owner
	// closes it, after everything opened here was shut down.
	Conn *nats.Conn
	// Dial makes the connection, if Conn is nil, when the first URL is opened.
	// If it fails, the next URL tries again. Close closes it.
	Dial func() (*nats.Conn, error)

	mu     sync.Mutex
	dialed *nats.Conn // what Dial made, or nil
}

// Close closes the connection that Dial made. Shut down everything opened here
// before. What is opened later dials anew.
func (o *URLOpener) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dialed != nil {
		o.dialed.Close()
		o.dialed = nil
	}
	return nil
}

// Check returns an error, of kind Retry, while the connection is broken: it is
// being made again, and nothing is received or sent meanwhile. A connection that
// nothing has needed yet is not broken.
func (o *URLOpener) Check() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := cmp.Or(o.Conn, o.dialed); c != nil && !c.IsConnected() {
		return fault.New(fault.Retry, "jetstream-disconnected", "the connection to the NATS server is broken", "it is made again as soon as the server answers")
	}
	return nil
}

// conn is the connection, which is made if there is none.
func (o *URLOpener) conn() (*nats.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := cmp.Or(o.Conn, o.dialed); c != nil {
		return c, nil
	}
	if o.Dial == nil {
		return nil, urlFault("needs an opener with a connection", nil)
	}
	c, err := o.Dial()
	if err != nil {
		return nil, err
	}
	o.dialed = c
	return c, nil
}

// OpenTopicURL implements pubsub.TopicURLOpener.
func (o *URLOpener) OpenTopicURL(_ context.Context, u *url.URL) (*pubsub.Topic, error) {
	js, err := o.jetStream()
	if err != nil {
		return nil, err
	}
	for name := range u.Query() {
		return nil, urlFault(fmt.Sprintf("of a topic has no parameter %q", name), nil)
	}
	return OpenTopic(js, u.Host, subjectOf(u), TopicOptions{})
}

// OpenSubscriptionURL implements pubsub.SubscriptionURLOpener.
func (o *URLOpener) OpenSubscriptionURL(ctx context.Context, u *url.URL) (*pubsub.Subscription, error) {
	js, err := o.jetStream()
	if err != nil {
		return nil, err
	}
	opts := SubscriptionOptions{FilterSubject: subjectOf(u)}
	for name, values := range u.Query() {
		value := values[len(values)-1]
		switch name {
		case "consumer":
			opts.Durable = value
		case "ackwait":
			if opts.AckWait, err = time.ParseDuration(value); err != nil || opts.AckWait <= 0 {
				return nil, urlFault(`needs a duration such as "30s" for ackwait`, nil)
			}
		case "maxackpending":
			if opts.MaxAckPending, err = strconv.Atoi(value); err != nil || opts.MaxAckPending <= 0 {
				return nil, urlFault("needs a number above 0 for maxackpending", nil)
			}
		default:
			return nil, urlFault(fmt.Sprintf("of a subscription has no parameter %q", name), nil)
		}
	}
	return OpenSubscription(ctx, js, u.Host, opts)
}

func (o *URLOpener) jetStream() (natsjs.JetStream, error) {
	conn, err := o.conn()
	if err != nil {
		return nil, err
	}
	js, err := natsjs.New(conn)
	if err != nil {
		return nil, urlFault("needs a connection that can use JetStream", err)
	}
	return js, nil
}

func subjectOf(u *url.URL) string { return strings.TrimPrefix(u.Path, "/") }

func urlFault(what string, err error) error {
	f := fault.Wrap(fault.Invalid, "jetstream-url", err, "a jetstream URL "+what)
	f.Do = "see the documentation of jetstream.URLOpener"
	return f
}

// Package push is what Pub/Sub has and its emulator pstest has not: subscriptions
// that push (https://cloud.google.com/pubsub/docs/push).
//
// A [Pusher] takes the messages of a subscription and posts each to an endpoint,
// wrapped in JSON. One that the endpoint does not take within the acknowledgement
// deadline is pushed again after a pause that grows, and goes to a dead-letter
// topic when that was tried too often.
//
// Different from Pub/Sub: there is no slow start (as many are pushed at once as the
// subscription may), no token, no ordering by key.
package push

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// The defaults of a Subscription, those of Pub/Sub but for Concurrency.
const (
	DefaultDeadline    = 10 * time.Second
	DefaultMinBackoff  = 10 * time.Second
	DefaultMaxBackoff  = 10 * time.Minute
	DefaultConcurrency = 10
)

const (
	// look is the pause between two looks for messages.
	look = 10 * time.Millisecond
	// lease is how long pstest leaves a message to the pusher, in seconds. It
	// plays no part: a message that pstest brings again is known.
	lease = 300
	// atOnce bounds what one look takes.
	atOnce = 1000
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 1 << 20
)

// Subscription says what is pushed, where and how. 0 is the default, where nothing
// else is said.
type Subscription struct {
	Name     string // projects/<project>/subscriptions/<name>
	Topic    string // projects/<project>/topics/<topic>
	Endpoint string // URL
	// Transport sends the requests. nil: http.DefaultTransport.
	Transport http.RoundTripper
	// Deadline is the acknowledgement deadline: how long a push may take.
	Deadline time.Duration
	// The pause after the first push that failed is MinBackoff, each one after
	// it twice as long, and none longer than MaxBackoff.
	MinBackoff, MaxBackoff time.Duration
	// Concurrency is how many pushes run at once.
	Concurrency int
	// Attempts is how often a message is pushed before it goes to the topic
	// Dead. 0: for ever.
	Attempts int
	Dead     string // projects/<project>/topics/<topic>
	// Report is told of each push when it ends, and Logger gets what goes
	// wrong. Both may be nil. Report is called concurrently.
	Report func(Report)
	Logger *slog.Logger
}

// Report is one push.
type Report struct {
	Subscription string
	Message      string // its id
	Attempt      int    // 1: the first
	Status       int    // of the answer; 0: there was none
	Took         time.Duration
	Err          error // why the message was not taken; nil: it was
}

// Pusher pushes the messages of a subscription.
type Pusher struct {
	sub    Subscription
	server *pstest.Server
	client *http.Client
	slots  chan struct{} // one for each push that runs
	asked  chan chan int // by Left
	ended  chan struct{} // closed when nothing is taken any more

	mu   sync.Mutex
	held map[string]string // what was taken and is not done: id of acknowledgement by id of message
}

// New makes the subscription, and a Pusher of it. The topics must be there.
func New(ctx context.Context, server *pstest.Server, s Subscription) (*Pusher, error) {
	orDuration := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	orDuration(&s.Deadline, DefaultDeadline)
	orDuration(&s.MinBackoff, DefaultMinBackoff)
	orDuration(&s.MaxBackoff, DefaultMaxBackoff)
	if s.Concurrency <= 0 {
		s.Concurrency = DefaultConcurrency
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Report == nil {
		s.Report = func(Report) {}
	}
	if _, err := server.GServer.CreateSubscription(ctx, &pubsubpb.Subscription{Name: s.Name, Topic: s.Topic, AckDeadlineSeconds: lease}); err != nil {
		return nil, fault.Wrap(fault.Retry, "subscription-make", err, "cannot make a subscription")
	}
	return &Pusher{
		sub: s, server: server, slots: make(chan struct{}, s.Concurrency),
		client: &http.Client{Transport: s.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		asked:  make(chan chan int), ended: make(chan struct{}), held: map[string]string{},
	}, nil
}

// Run pushes until ctx is done, and lets the pushes that run finish. It is called
// once.
func (p *Pusher) Run(ctx context.Context) {
	var pushing sync.WaitGroup
	defer pushing.Wait()
	defer close(p.ended)
	take := func() {
		for _, m := range p.take() {
			pushing.Go(func() { p.deliver(ctx, m) })
		}
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		take()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case answer := <-p.asked:
			take()
			answer <- p.holds()
		}
	}
}

// Left is how many messages were published and are not done. The error is that of
// ctx, or says that the Pusher does not run any more.
func (p *Pusher) Left(ctx context.Context) (int, error) {
	answer := make(chan int, 1)
	select {
	case p.asked <- answer:
		return <-answer, nil
	case <-p.ended:
		return 0, fault.New(fault.Retry, "pusher-ended", "the subscription is not pushed any more", "")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// take takes the messages that there are.
func (p *Pusher) take() []*pubsubpb.PubsubMessage {
	// Where there is none, Pull waits for half a second, or until the context
	// ends, which here it has.
	now, cancel := context.WithCancel(context.Background())
	cancel()
	pulled, err := p.server.GServer.Pull(now, &pubsubpb.PullRequest{Subscription: p.sub.Name, MaxMessages: atOnce})
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var fresh []*pubsubpb.PubsubMessage
	for _, m := range pulled.ReceivedMessages {
		if _, again := p.held[m.Message.MessageId]; !again { // its lease was over
			fresh = append(fresh, m.Message)
		}
		p.held[m.Message.MessageId] = m.AckId
	}
	return fresh
}

func (p *Pusher) holds() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

// done acknowledges a message.
func (p *Pusher) done(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// It fails only where there is no such subscription.
	_, _ = p.server.GServer.Acknowledge(context.Background(), &pubsubpb.AcknowledgeRequest{Subscription: p.sub.Name, AckIds: []string{p.held[id]}})
	delete(p.held, id)
}

// deliver pushes a message until it is done, or ctx is.
func (p *Pusher) deliver(ctx context.Context, m *pubsubpb.PubsubMessage) {
	for attempt := 1; ; attempt++ {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil { // both were so
			<-p.slots
			return
		}
		r := p.push(context.WithoutCancel(ctx), m, attempt)
		<-p.slots
		if r.Err == nil {
			// Before it is told: who is told may look what is left.
			p.done(m.MessageId)
		}
		p.sub.Report(r)
		if r.Err == nil {
			return
		}
		if p.sub.Attempts > 0 && attempt >= p.sub.Attempts {
			if err := p.bury(ctx, m, attempt); err != nil {
				p.sub.Logger.LogAttrs(ctx, slog.LevelError, "cannot publish a dead letter", slog.String("subscription", p.sub.Name), telemetry.Fault(err))
				return
			}
			p.sub.Logger.LogAttrs(ctx, slog.LevelError, "message given up", slog.String("subscription", p.sub.Name), slog.String("message", m.MessageId), telemetry.Count("attempts", int64(attempt)))
			p.done(m.MessageId)
			return
		}
		select {
		case <-time.After(p.pause(attempt)):
		case <-ctx.Done():
			return
		}
	}
}

// pause is how long a message rests after so many attempts.
func (p *Pusher) pause(attempts int) time.Duration {
	pause := p.sub.MinBackoff
	for range attempts - 1 {
		if pause *= 2; pause >= p.sub.MaxBackoff {
			break
		}
	}
	return min(pause, p.sub.MaxBackoff)
}

// bury publishes a message on the dead-letter topic, with the attributes that
// Pub/Sub adds.
func (p *Pusher) bury(ctx context.Context, m *pubsubpb.PubsubMessage, attempts int) error {
	attributes := map[string]string{}
	maps.Copy(attributes, m.Attributes)
	project, name := split(p.sub.Name)
	attributes["CloudPubSubDeadLetterSourceSubscription"] = name
	attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project
	attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = m.PublishTime.AsTime().Format(publishTime)
	attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = strconv.Itoa(attempts)
	_, err := p.server.GServer.Publish(context.WithoutCancel(ctx), &pubsubpb.PublishRequest{
		Topic: p.sub.Dead, Messages: []*pubsubpb.PubsubMessage{{Data: m.Data, Attributes: attributes, OrderingKey: m.OrderingKey}},
	})
	return err
}

// split is the project and the last part of a full name.
func split(full string) (project, name string) {
	parts := strings.Split(full, "/")
	if len(parts) != 4 {
		return "", full
	}
	return parts[1], parts[3]
}

// publishTime is how times are written, in UTC.
const publishTime = "2006-01-02T15:04:05.000Z"

// wrapped is the body of a push. Names are there twice, as Pub/Sub sends them.
type wrapped struct {
	Message struct {
		Attributes     map[string]string `json:"attributes,omitempty"`
		Data           []byte            `json:"data,omitempty"`
		ID             string            `json:"messageId"`
		OldID          string            `json:"message_id"`
		OrderingKey    string            `json:"orderingKey,omitempty"`
		PublishTime    string            `json:"publishTime"`
		OldPublishTime string            `json:"publish_time"`
	} `json:"message"`
	Subscription string `json:"subscription"`
	// Attempt is there if there is a dead-letter topic.
	Attempt int `json:"deliveryAttempt,omitempty"`
}

// taken are the statuses that acknowledge a message.
var taken = []int{http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}

// push pushes a message once.
func (p *Pusher) push(ctx context.Context, m *pubsubpb.PubsubMessage, attempt int) Report {
	began := time.Now()
	r := Report{Subscription: p.sub.Name, Message: m.MessageId, Attempt: attempt}
	r.Status, r.Err = p.post(ctx, m, attempt)
	r.Took = time.Since(began)
	return r
}

func (p *Pusher) post(ctx context.Context, m *pubsubpb.PubsubMessage, attempt int) (status int, err error) {
	var w wrapped
	w.Message.Attributes, w.Message.Data, w.Message.OrderingKey = m.Attributes, m.Data, m.OrderingKey
	w.Message.ID, w.Message.OldID = m.MessageId, m.MessageId
	at := m.PublishTime.AsTime().Format(publishTime)
	w.Message.PublishTime, w.Message.OldPublishTime = at, at
	w.Subscription = p.sub.Name
	if p.sub.Attempts > 0 {
		w.Attempt = attempt
	}
	body, err := json.Marshal(w)
	if err != nil {
		return 0, fault.Wrap(fault.Poison, "push-message", err, "a message cannot be written")
	}
	ctx, cancel := context.WithTimeout(ctx, p.sub.Deadline)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.sub.Endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, fault.Wrap(fault.Invalid, "push-endpoint", err, "the endpoint is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "CloudPubSub-Google")
	response, err := p.client.Do(request)
	if ctx.Err() != nil {
		return 0, fault.Wrap(fault.Retry, "push-deadline", err, "the message was not acknowledged in time")
	} else if err != nil {
		return 0, fault.Wrap(fault.Retry, "push-unanswered", err, "the endpoint did not answer")
	}
	defer response.Body.Close()
	// For the connection to be used again; what the answer says counts nowhere.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer))
	if !slices.Contains(taken, response.StatusCode) {
		return response.StatusCode, fault.New(fault.Retry, "push-refused", "the endpoint answered "+strconv.Itoa(response.StatusCode), "")
	}
	return response.StatusCode, nil
}

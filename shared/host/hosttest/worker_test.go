package hosttest_test

import (
	"context"
	"net/url"
	"path"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kfake"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/gcppubsub"
	"gocloud.dev/pubsub/kafkapubsub"
	"gocloud.dev/pubsub/mempubsub"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/hosttest"
	"github.com/sallyport-io/sallyport/shared/host/workerhost"
	"github.com/sallyport-io/sallyport/shared/jetstream"
	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
)

// worker is workerhost on a queue.
type worker struct {
	f       host.Func
	mux     *pubsub.URLMux
	topic   *pubsub.Topic
	url     string // of the subscription
	endless bool   // a subscription's messages end with it

	stop func() error
}

// startWorker starts a worker on the queue of two URLs.
func startWorker(t *testing.T, f host.Func, mux *pubsub.URLMux, topic, subscription string) *worker {
	t.Helper()
	out, err := mux.OpenTopic(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{f: f, mux: mux, topic: out, url: subscription}
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := out.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	w.start()
	return w
}

func (w *worker) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- workerhost.Serve(ctx, w.f, workerhost.Settings{Subscription: w.url, Grace: 100 * time.Millisecond}, workerhost.Options{Subscriptions: w.mux})
	}()
	w.stop = func() error {
		cancel()
		return <-done
	}
}

func (w *worker) Send(ctx context.Context, bodies ...[]byte) error {
	for _, body := range bodies {
		if err := w.topic.Send(ctx, &pubsub.Message{Body: body}); err != nil {
			return err
		}
	}
	return nil
}

// Interrupt ends the worker, whose grace is short, and starts another.
func (w *worker) Interrupt(context.Context) error {
	if w.endless {
		return hosttest.ErrEndless
	}
	if err := w.stop(); err != nil {
		return err
	}
	w.start()
	return nil
}

// run runs the suite on queues, which make makes: a topic and a subscription, of
// a name that is the queue's alone.
func run(t *testing.T, mux *pubsub.URLMux, opts hosttest.Options, make func(t *testing.T, name string) (topic, subscription string)) {
	hosttest.Run(t, func(t *testing.T, f host.Func) hosttest.Platform {
		topic, subscription := make(t, path.Base(t.Name()))
		return startWorker(t, f, mux, topic, subscription)
	}, opts)
}

// queues is what a driver opens, or a driver's opener.
type queues interface {
	pubsub.TopicURLOpener
	pubsub.SubscriptionURLOpener
}

// muxOf is a mux with one scheme: that of base, the start of the URLs of tests.
func muxOf(o queues) *pubsub.URLMux {
	mux := new(pubsub.URLMux)
	mux.RegisterTopic(scheme, o)
	mux.RegisterSubscription(scheme, o)
	return mux
}

const (
	scheme = "test"
	base   = scheme + "://"
)

// memQueue opens the one subscription of a queue in memory, and says so: mem
// keeps nothing for those who have not subscribed yet.
type memQueue struct {
	topic  *pubsub.Topic
	opened chan struct{}
}

func (q memQueue) OpenTopicURL(context.Context, *url.URL) (*pubsub.Topic, error) {
	return q.topic, nil
}

func (q memQueue) OpenSubscriptionURL(context.Context, *url.URL) (*pubsub.Subscription, error) {
	defer close(q.opened)
	return mempubsub.NewSubscription(q.topic, time.Minute), nil
}

func TestWorkerMem(t *testing.T) {
	t.Parallel()
	hosttest.Run(t, func(t *testing.T, f host.Func) hosttest.Platform {
		q := memQueue{mempubsub.NewTopic(), make(chan struct{})}
		w := startWorker(t, f, muxOf(q), base, base)
		w.endless = true
		<-q.opened
		return w
	}, hosttest.Options{})
}

// A server on loopback, reached by URL as a cluster is.
func TestWorkerJetStream(t *testing.T) {
	t.Parallel()
	s, err := embedded.Start(t.TempDir(), embedded.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown() })
	conn, err := s.Conn()
	if err != nil {
		t.Fatal(err)
	}
	js, err := natsjs.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	o := &jetstream.URLOpener{Dial: jetstream.Server{URL: "nats://" + s.Addr().String()}.Dial}
	t.Cleanup(func() { _ = o.Close() })
	run(t, muxOf(o), hosttest.Options{}, func(t *testing.T, name string) (string, string) {
		if _, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: name, Subjects: []string{name}}); err != nil {
			t.Fatal(err)
		}
		url := base + name + "/" + name
		return url, url + "?consumer=test"
	})
}

func TestWorkerKafka(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "events", "batches"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	// A producer of the driver sends at most 1 MiB, its own headers included.
	run(t, muxOf(kafkas{c.ListenAddrs()}), hosttest.Options{MaxMessage: 1_000_000}, func(t *testing.T, name string) (string, string) {
		return base + name, base + "test?offset=oldest&topic=" + name
	})
}

// kafkas opens each URL by an opener of its own, as the driver's default in a
// process that opens one: openers keep what a URL says.
type kafkas struct{ brokers []string }

func (k kafkas) opener() *kafkapubsub.URLOpener {
	return &kafkapubsub.URLOpener{Brokers: k.brokers, Config: kafkapubsub.MinimalConfig()}
}

func (k kafkas) OpenTopicURL(ctx context.Context, u *url.URL) (*pubsub.Topic, error) {
	return k.opener().OpenTopicURL(ctx, u)
}

func (k kafkas) OpenSubscriptionURL(ctx context.Context, u *url.URL) (*pubsub.Subscription, error) {
	return k.opener().OpenSubscriptionURL(ctx, u)
}

// pubSub is a worker whose messages come into Pub/Sub past gRPC, of which the
// emulator takes 4 MB at once; Pub/Sub itself takes 10.
type pubSub struct {
	*worker
	server *pstest.Server
	name   string
}

func (p pubSub) Send(ctx context.Context, bodies ...[]byte) error {
	r := &pubsubpb.PublishRequest{Topic: p.name}
	for _, body := range bodies {
		r.Messages = append(r.Messages, &pubsubpb.PubsubMessage{Data: body})
	}
	_, err := p.server.GServer.Publish(ctx, r)
	return err
}

func TestWorkerPubSub(t *testing.T) {
	t.Parallel()
	s := pstest.NewServer()
	t.Cleanup(func() { _ = s.Close() })
	conn, err := grpc.NewClient(s.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(11<<20))) // as the driver's own connection
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	mux := muxOf(&gcppubsub.URLOpener{Conn: conn})
	hosttest.Run(t, func(t *testing.T, f host.Func) hosttest.Platform {
		topic, sub := "projects/p/topics/"+path.Base(t.Name()), "projects/p/subscriptions/"+path.Base(t.Name())
		if _, err := s.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.GServer.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: sub, Topic: topic, AckDeadlineSeconds: 60}); err != nil {
			t.Fatal(err)
		}
		return pubSub{startWorker(t, f, mux, base+topic, base+sub), s, topic}
	}, hosttest.Options{})
}

// Package gcp runs an exchange on this machine as it would run on Google Cloud: the
// real binaries of the functions as services of Cloud Run, pushed to by Pub/Sub,
// with Cloud Storage (fakestorage) and Pub/Sub (pstest and package push) in this
// process. Nothing has to be installed.
//
// What there is and how it is connected is read from infra/terraform/wiring, as
// Terraform does. Names and URLs are those of a real project; where the services
// answer, the functions are told by the variables of Google's libraries
// (STORAGE_EMULATOR_HOST, PUBSUB_EMULATOR_HOST).
//
// Different from Google Cloud: every function may do everything (no IAM, no
// tokens); each has one instance, with as much memory as it likes; topics are in
// memory, so that at each start all drops are announced again; the key ring is a
// file; a whole object is in memory while it is uploaded.
package gcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/gcp/push"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// The defaults of Options.
const (
	DefaultOutbox      = prefix + "outbox"
	DefaultTimeout     = time.Minute
	DefaultConcurrency = 4
	DefaultMinBackoff  = 100 * time.Millisecond // at least 10 s by default on Google Cloud
	DefaultMaxBackoff  = 5 * time.Second
	DefaultAttempts    = 20
)

const (
	// together is how many requests a function that takes batches gets at once:
	// what Cloud Run gives an instance by default.
	together = 80
	// grace is how long what runs may take when the deployment ends.
	grace   = 5 * time.Second
	looking = 20 * time.Millisecond // between two looks at the subscriptions
)

// Options of a deployment.
type Options struct {
	// Dir is the folder of the exchange. What the deployment keeps is in
	// .sallyport/gcp there; the key ring is that of sallyport up.
	Dir string
	// Binaries is a folder with the binaries of the functions, by their names;
	// "": they are built from the source that the working directory is in.
	Binaries string
	// Outbox is the bucket that destinations in the folder outbox of the
	// exchange are mapped to; "": they are left as they are.
	Outbox string
	// Timeout is the acknowledgement deadline of the subscriptions; functions
	// are told a little less. 0: DefaultTimeout.
	Timeout time.Duration
	// Concurrency is how many messages of a subscription are pushed at once, but
	// to functions that take batches. 0: DefaultConcurrency.
	Concurrency int
	// The retry policy of the subscriptions, and how often a message is pushed
	// before it goes to the dead-letter topic of its function. 0: the defaults.
	MinBackoff, MaxBackoff time.Duration
	Attempts               int
	// Log gets what the functions print, LogLevel is what they log. Log may be
	// nil.
	Log      *emulate.Log
	LogLevel slog.Level
	// Logger gets a line for each push, and what goes wrong. nil: nothing.
	Logger *slog.Logger
	// Report is told of each push, too. It may be nil, and is called
	// concurrently.
	Report func(push.Report)
}

// Endpoints are where the services answer.
type Endpoints struct {
	Storage string // http://127.0.0.1:<port>
	PubSub  string // 127.0.0.1:<port>
}

// Deployment is one that runs.
type Deployment struct {
	Endpoints Endpoints
	// Exchange is what was published.
	Exchange *exchange.Bundle

	opts     Options
	data     string
	group    emulate.Group
	storage  *storage
	pubsub   *pstest.Server
	order    []string // functions, each after those that it hears
	services map[string]*Service
	pushers  map[string][]*push.Pusher // by function
}

// Start starts the deployment of an exchange: the services, what Terraform would
// make, the published exchange, the functions and the subscriptions that push to
// them. ctx is for starting only.
func Start(ctx context.Context, opts Options) (_ *Deployment, err error) {
	d := &Deployment{opts: withDefaults(opts), services: map[string]*Service{}, pushers: map[string][]*push.Pusher{}}
	places := stack.Layout(opts.Dir)
	d.data = filepath.Join(places.Data, "gcp")
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return nil, emulate.Unwritable(err)
	}
	w, err := wiring.Load()
	if err != nil {
		return nil, fault.Wrap(fault.Poison, "wiring", err, "the wiring cannot be read")
	}
	d.order = emulate.Order(w)
	paths, err := d.binaries(ctx)
	if err != nil {
		return nil, err
	}
	secrets, err := emulate.MakeSecrets(ctx, places.Keyring, d.data, "sallyport.local/gcp")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Stop())
		}
	}()
	if err := d.provision(ctx, w); err != nil {
		return nil, err
	}
	for _, name := range d.order {
		if err := d.deploy(ctx, name, w.Functions[name], paths[name], secrets); err != nil {
			return nil, err
		}
	}
	if err := d.subscribe(ctx, w); err != nil {
		return nil, err
	}
	return d, d.storage.each(ctx, Name("drops"), d.announce)
}

func withDefaults(o Options) Options {
	orDuration := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	orDuration(&o.Timeout, DefaultTimeout)
	orDuration(&o.MinBackoff, DefaultMinBackoff)
	orDuration(&o.MaxBackoff, DefaultMaxBackoff)
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.Attempts <= 0 {
		o.Attempts = DefaultAttempts
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Report == nil {
		o.Report = func(push.Report) {}
	}
	return o
}

// binaries are the paths of the functions' binaries, by name.
func (d *Deployment) binaries(ctx context.Context) (map[string]string, error) {
	if d.opts.Binaries == "" {
		return emulate.Build(ctx, d.order, "gcf", "", filepath.Join(d.data, "bin"))
	}
	paths := map[string]string{}
	for _, name := range d.order {
		path, err := filepath.Abs(filepath.Join(d.opts.Binaries, name))
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, emulate.CodeBinaries, fmt.Sprintf("%s is not in %s", name, d.opts.Binaries),
				"build each with: go build -o <folder>/<function> ./functions/<function>/gcf")
		}
		paths[name] = path
	}
	return paths, nil
}

// provision starts Cloud Storage and Pub/Sub, makes what the wiring has there, and
// publishes the exchange.
func (d *Deployment) provision(ctx context.Context, w wiring.Wiring) (err error) {
	d.pubsub = pstest.NewServerWithAddress("127.0.0.1:0")
	d.group.OnStop(d.pubsub.Close)
	d.Endpoints.PubSub = d.pubsub.Addr
	for _, topic := range w.AllTopics() {
		if err := d.topic(ctx, Name(topic)); err != nil {
			return err
		}
	}
	for _, name := range d.order {
		if len(w.Functions[name].Hears) == 0 {
			continue
		}
		if err := d.topic(ctx, deadTopic(name)); err != nil {
			return err
		}
		// Where nobody has subscribed, dead letters would be lost.
		if _, err := d.pubsub.GServer.CreateSubscription(ctx, &pubsubpb.Subscription{Name: subscriptionName(deadTopic(name)), Topic: topicName(deadTopic(name))}); err != nil {
			return unavailable(err, "cannot make a subscription")
		}
	}
	if d.storage, err = startStorage(ctx, filepath.Join(d.data, "storage"), Name("drops"), d.announce); err != nil {
		return err
	}
	d.group.OnStop(d.storage.stop)
	d.Endpoints.Storage = "http://" + d.storage.addr
	for bucket := range w.Buckets {
		if err := d.storage.make(ctx, Name(bucket)); err != nil {
			return err
		}
	}
	var outbox func(string) string
	if d.opts.Outbox != "" {
		if err := d.storage.make(ctx, d.opts.Outbox); err != nil {
			return err
		}
		outbox = func(name string) string { return bucketURL(d.opts.Outbox, name+"/") }
	}
	config, err := d.Bucket(ctx, Name("exchange"))
	if err != nil {
		return err
	}
	defer config.Close()
	d.Exchange, err = emulate.Publish(ctx, os.DirFS(d.opts.Dir), outbox, config)
	return err
}

func (d *Deployment) topic(ctx context.Context, name string) error {
	if _, err := d.pubsub.GServer.CreateTopic(ctx, &pubsubpb.Topic{Name: topicName(name)}); err != nil {
		return unavailable(err, "cannot make the topic "+name)
	}
	return nil
}

// announce publishes the notification of an object in the drops bucket
// (https://cloud.google.com/storage/docs/pubsub-notifications).
func (d *Deployment) announce(o object, resource []byte) error {
	_, err := d.pubsub.GServer.Publish(context.Background(), &pubsubpb.PublishRequest{
		Topic: topicName(Name("drops")),
		Messages: []*pubsubpb.PubsubMessage{{Data: resource, Attributes: map[string]string{
			"notificationConfig": "projects/_/buckets/" + o.Bucket + "/notificationConfigs/1",
			"eventType":          "OBJECT_FINALIZE",
			"eventTime":          o.Created.UTC().Format("2006-01-02T15:04:05.000000Z"),
			"payloadFormat":      "JSON_API_V1",
			"bucketId":           o.Bucket,
			"objectId":           o.Name,
			"objectGeneration":   o.Generation,
		}}},
	})
	if err != nil {
		return unavailable(err, "cannot announce a drop")
	}
	return nil
}

// deploy starts the service of a function.
func (d *Deployment) deploy(ctx context.Context, name string, f wiring.Function, path string, secrets emulate.Secrets) error {
	env := append(cloud.Environment(name, f, secrets),
		"GOOGLE_CLOUD_PROJECT="+Project,
		"STORAGE_EMULATOR_HOST="+d.storage.addr,
		"PUBSUB_EMULATOR_HOST="+d.pubsub.Addr,
		"SALLYPORT_LOG="+d.opts.LogLevel.String(),
		"SALLYPORT_TIMEOUT="+(d.opts.Timeout*11/12).String(),
	)
	if f.Batch > 1 {
		env = append(env, "SALLYPORT_BATCH="+strconv.Itoa(f.Batch))
	}
	s := &Service{name: Name(name), path: path, env: env, log: d.opts.Log, logger: d.opts.Logger}
	if err := s.serve(ctx); err != nil {
		return err
	}
	d.services[name] = s
	d.group.OnStop(s.stop)
	return nil
}

// subscribe has Pub/Sub push to the functions until the deployment is stopped.
func (d *Deployment) subscribe(ctx context.Context, w wiring.Wiring) error {
	run, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	d.group.OnStop(func() error { // before the services, whose end breaks off what runs
		cancel()
		ended := make(chan struct{})
		go func() {
			running.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(grace):
		}
		return nil
	})
	for _, name := range d.order {
		f, s := w.Functions[name], d.services[name]
		concurrency := d.opts.Concurrency
		if f.Batch > 1 {
			concurrency = min(f.Batch, together)
		}
		transport := s.transport(concurrency)
		for _, topic := range f.Hears {
			p, err := push.New(ctx, d.pubsub, push.Subscription{
				Name: subscriptionName(subscription(name, topic)), Topic: topicName(Name(topic)), Endpoint: s.URL() + "/", Transport: transport,
				Deadline: d.opts.Timeout, MinBackoff: d.opts.MinBackoff, MaxBackoff: d.opts.MaxBackoff, Concurrency: concurrency,
				Attempts: d.opts.Attempts, Dead: topicName(deadTopic(name)), Report: d.pushed, Logger: d.opts.Logger,
			})
			if err != nil {
				return err
			}
			d.pushers[name] = append(d.pushers[name], p)
			running.Go(func() { p.Run(run) })
		}
	}
	return nil
}

// pushed logs a push.
func (d *Deployment) pushed(r push.Report) {
	attrs := []slog.Attr{slog.String("subscription", filepath.Base(r.Subscription)), slog.Duration("took", r.Took.Round(time.Millisecond))}
	if r.Err == nil {
		d.opts.Logger.LogAttrs(context.Background(), slog.LevelInfo, "pushed", attrs...)
	} else {
		d.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "push failed", append(attrs, telemetry.Count("attempt", int64(r.Attempt)), telemetry.Fault(r.Err))...)
	}
	d.opts.Report(r)
}

// Bucket opens a bucket of the deployment, by its full name: see Name.
func (d *Deployment) Bucket(ctx context.Context, name string) (*blob.Bucket, error) {
	return d.storage.bucket(ctx, name)
}

// Services are the functions, by their names in the wiring.
func (d *Deployment) Services() map[string]*Service { return d.services }

// UploadURL is where an object of the drops bucket can be posted to.
func (d *Deployment) UploadURL(key string) string {
	return d.Endpoints.Storage + "/upload/storage/v1/b/" + Name("drops") + "/o?uploadType=media&name=" + strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}

// Drop puts an object into the drops bucket. It is announced when Drop returns.
func (d *Deployment) Drop(ctx context.Context, key string, r io.Reader) error {
	b, err := d.Bucket(ctx, Name("drops"))
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.Upload(ctx, key, r, &blob.WriterOptions{ContentType: "application/octet-stream"}); err != nil {
		return unavailable(err, "cannot put a drop into its bucket")
	}
	return nil
}

// Idle waits until the functions have done all that was announced, and all that
// it leads to. What they fail to do stays to be done until it is given up: give
// ctx a deadline.
func (d *Deployment) Idle(ctx context.Context) error {
	for {
		left := 0
		// A function publishes before its message is acknowledged. So if there is
		// nothing left for those before it, nothing more can come to it.
		for _, name := range d.order {
			for _, p := range d.pushers[name] {
				n, err := p.Left(ctx)
				if err != nil {
					return err
				}
				left += n
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Retry, "not-idle", ctx.Err(), fmt.Sprintf("%d messages are left to be handled", left))
		case <-time.After(looking):
		}
	}
}

// Dead is how many messages of a function were given up since the start.
func (d *Deployment) Dead(function string) int {
	n := 0
	for _, m := range d.pubsub.Messages() {
		if m.Topic == topicName(deadTopic(function)) {
			n++
		}
	}
	return n
}

// Verifier is the public key of the deployment's ledger, whose name is the
// ledger's origin.
func (d *Deployment) Verifier() (note.Verifier, error) { return emulate.Verifier(d.data) }

// Stop ends the deployment. What runs may finish for some seconds.
func (d *Deployment) Stop() error { return d.group.Stop() }

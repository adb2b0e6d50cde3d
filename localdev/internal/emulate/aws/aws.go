// Package aws runs an exchange on this machine as it would run on AWS: the real
// binaries of the functions, woken by the emulated Lambda of package lambda, with
// S3 (versitygw), SNS and SQS (fauxqs) as processes beside them.
//
// What there is and how it is connected is read from infra/terraform/wiring, as
// Terraform does. Names and URLs are those of a real account; where the services
// answer, the functions are told by the variables of AWS's SDKs
// (AWS_ENDPOINT_URL_S3 and others).
//
// Different from AWS: every function may do everything (no IAM); queues are in
// memory, so that at each start all drops are announced again; the key ring is a
// file; the notifications of the drops bucket go to the topic drops by a webhook.
package aws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// The defaults of Options.
const (
	DefaultOutbox      = prefix + "outbox"
	DefaultTimeout     = time.Minute
	DefaultMemory      = 512
	DefaultConcurrency = 4
	DefaultReceives    = 10
	// again is how soon a message that failed comes again. On AWS it is when the
	// visibility timeout is over, which is minutes.
	again = time.Second
	// window is how long a batch waits for others.
	window = 250 * time.Millisecond
	// grace is how long what runs may take when the deployment ends.
	grace = 5 * time.Second
	// announcing is how long S3 may take to tell of a drop.
	announcing = 10 * time.Second
	looking    = 50 * time.Millisecond // between two looks at the queues
)

// Options of a deployment.
type Options struct {
	// Dir is the folder of the exchange. What the deployment keeps is in
	// .sallyport/aws there; the key ring is that of sallyport up.
	Dir   string
	Tools emulate.Tools
	// Binaries is a folder with the binaries of the functions; "": they are
	// built from the source that the working directory is in.
	Binaries string
	// Outbox is the bucket that destinations in the folder outbox of the
	// exchange are mapped to; "": they are left as they are.
	Outbox string
	// Of every function. 0: the defaults.
	Timeout     time.Duration
	Memory      int // MB
	Concurrency int // of all but audit, of which there is one
	// Receives is how often a message is received before it goes to the
	// dead-letter queue. 0: DefaultReceives.
	Receives int
	// Log gets what the functions print, LogLevel is what they log. Programs
	// gets what the emulators print. Both may be nil.
	Log, Programs *emulate.Log
	LogLevel      slog.Level
	// Logger gets a line for each invocation, and what goes wrong. nil: nothing.
	Logger *slog.Logger
	// Report is told of each invocation, too. It may be nil, and is called
	// concurrently.
	Report func(lambda.Report)
}

// Deployment is one that runs.
type Deployment struct {
	// Endpoints are where its services answer.
	Endpoints Endpoints
	// Exchange is what was published.
	Exchange *exchange.Bundle

	opts    Options
	data    string
	group   emulate.Group
	clients clients
	hook    *notifier
	queues  map[string]*queue // of functions, by name
	order   []string          // functions, each after those that it hears
	service *lambda.Service
	funcs   map[string]*lambda.Function
	polling []lambda.Mapping
	stop    context.CancelFunc
	polled  sync.WaitGroup
}

// Start starts the deployment of an exchange: the programs, what Terraform would
// make, the published exchange, and the functions' event source mappings. ctx is
// for starting only. What is not installed is told before anything is started.
func Start(ctx context.Context, opts Options) (_ *Deployment, err error) {
	d := &Deployment{opts: withDefaults(opts), Endpoints: Endpoints{Functions: map[string]string{}}, queues: map[string]*queue{}, funcs: map[string]*lambda.Function{}}
	programs, err := find(opts.Tools)
	if err != nil {
		return nil, err
	}
	if opts.Binaries != "" {
		if err := system(); err != nil {
			return nil, err
		}
	}
	places := stack.Layout(opts.Dir)
	d.data = filepath.Join(places.Data, "aws")
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return nil, emulate.Unwritable(err)
	}
	w, err := wiring.Load()
	if err != nil {
		return nil, fault.Wrap(fault.Poison, "wiring", err, "the wiring cannot be read")
	}
	paths, err := binaries(ctx, w.Names(), opts.Binaries, filepath.Join(d.data, "bin"))
	if err != nil {
		return nil, err
	}
	secrets, err := emulate.MakeSecrets(ctx, places.Keyring, d.data, "sallyport.local/aws")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Stop())
		}
	}()
	d.hook = &notifier{logger: d.opts.Logger}
	d.order = emulate.Order(w)
	if err := d.startPrograms(ctx, programs); err != nil {
		return nil, err
	}
	if err := d.provision(ctx, w); err != nil {
		return nil, err
	}
	if d.service, err = lambda.Open(ctx, d.opts.Log); err != nil {
		return nil, err
	}
	d.group.OnStop(d.service.Close)
	for _, name := range w.Names() {
		if err := d.deploy(ctx, name, w.Functions[name], paths[name], secrets); err != nil {
			return nil, err
		}
	}
	d.poll()
	return d, nil
}

func withDefaults(o Options) Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.Receives <= 0 {
		o.Receives = DefaultReceives
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// startPrograms starts the emulators.
func (d *Deployment) startPrograms(ctx context.Context, p programs) error {
	queues, addr, err := startQueues(ctx, p, d.opts.Programs)
	if err != nil {
		return err
	}
	d.group.Watch(queues)
	d.Endpoints.Queues = "http://" + addr
	d.hook.sns = newClients(d.Endpoints).sns // before the first notification can come
	webhook, stop, err := listen(ctx, d.hook)
	if err != nil {
		return err
	}
	d.group.OnStop(stop)
	s3, addr, err := startS3(ctx, p, filepath.Join(d.data, "s3"), webhook, d.opts.Programs)
	if err != nil {
		return err
	}
	d.group.Watch(s3)
	d.Endpoints.S3 = "http://" + addr
	d.clients = newClients(d.Endpoints)
	return nil
}

// provision makes the buckets, topics and queues of the wiring, publishes the
// exchange, and announces the drops that are there.
func (d *Deployment) provision(ctx context.Context, w wiring.Wiring) error {
	names := []string{}
	if d.opts.Outbox != "" {
		names = append(names, d.opts.Outbox)
	}
	for bucket := range w.Buckets {
		names = append(names, Name(bucket))
	}
	buckets := map[string]*blob.Bucket{}
	for _, name := range names {
		b, err := d.clients.bucket(ctx, name)
		if err != nil {
			return err
		}
		defer b.Close()
		buckets[name] = b
	}
	for _, topic := range w.AllTopics() {
		if err := d.clients.topic(ctx, Name(topic)); err != nil {
			return err
		}
	}
	for _, name := range w.Names() {
		if len(w.Functions[name].Hears) == 0 {
			continue
		}
		// Six times the function's timeout, as AWS advises.
		q, err := d.clients.queue(ctx, Name(name), deadQueue(name), 6*d.opts.Timeout, d.opts.Receives)
		if err != nil {
			return err
		}
		d.queues[name] = q
		for _, topic := range w.Functions[name].Hears {
			if err := d.clients.subscribe(ctx, topicARN(topic), q); err != nil {
				return err
			}
		}
	}
	var outbox func(string) string
	if d.opts.Outbox != "" {
		outbox = func(name string) string { return bucketURL(d.opts.Outbox, name+"/") }
	}
	var err error
	if d.Exchange, err = emulate.Publish(ctx, os.DirFS(d.opts.Dir), outbox, buckets[Name("exchange")]); err != nil {
		return err
	}
	return d.hook.again(ctx, buckets[Name("drops")])
}

// deploy makes a function and its event source mapping, or the URL of one that
// answers requests.
func (d *Deployment) deploy(ctx context.Context, name string, f wiring.Function, path string, s emulate.Secrets) error {
	env := append(cloud.Environment(name, f, s), d.Endpoints.Environ()...)
	env = append(env, "SALLYPORT_LOG="+d.opts.LogLevel.String())
	concurrency := d.opts.Concurrency
	if f.Signs { // a ledger is written by one, which is cheapest
		concurrency = 1
	}
	fn := d.service.Function(lambda.Config{
		Name: Name(name), Path: path, Env: env,
		Timeout: d.opts.Timeout, Memory: d.opts.Memory, Concurrency: concurrency,
		Report: func(r lambda.Report) {
			r.Log(context.Background(), d.opts.Logger)
			if d.opts.Report != nil {
				d.opts.Report(r)
			}
		},
	})
	d.funcs[name] = fn
	if f.Serves {
		url, stop, err := listen(ctx, fn.URL(d.opts.Logger))
		if err != nil {
			return err
		}
		d.group.OnStop(stop)
		d.Endpoints.Functions[name] = strings.TrimSuffix(url, "/")
		return nil
	}
	m := lambda.Mapping{Function: fn, Queue: d.queues[name], Batch: max(f.Batch, 1), Again: again, Logger: d.opts.Logger}
	if f.Batch > 1 {
		m.Window = window
	}
	d.polling = append(d.polling, m)
	return nil
}

// poll runs the event source mappings until the deployment is stopped.
func (d *Deployment) poll() {
	ctx, cancel := context.WithCancel(context.Background())
	d.stop = cancel
	for _, m := range d.polling {
		d.polled.Go(func() { m.Run(ctx) })
	}
	d.group.OnStop(func() error { // before the service, whose end makes what runs fail
		cancel()
		ended := make(chan struct{})
		go func() {
			d.polled.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(grace):
		}
		return nil
	})
}

// Bucket opens a bucket of the deployment, by its full name: see Name.
func (d *Deployment) Bucket(ctx context.Context, name string) (*blob.Bucket, error) {
	return d.clients.bucket(ctx, name)
}

// Functions are the functions, by their names in the wiring.
func (d *Deployment) Functions() map[string]*lambda.Function { return d.funcs }

// Drop puts an object into the drops bucket and waits until that was announced.
func (d *Deployment) Drop(ctx context.Context, key string, r io.Reader) error {
	b, err := d.Bucket(ctx, Name("drops"))
	if err != nil {
		return err
	}
	defer b.Close()
	announced := d.hook.await(key)
	if err := b.Upload(ctx, key, r, &blob.WriterOptions{ContentType: "application/octet-stream"}); err != nil {
		return unavailable(err, "cannot put a drop into its bucket")
	}
	ctx, cancel := context.WithTimeout(ctx, announcing)
	defer cancel()
	select {
	case <-announced:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Retry, "not-announced", "S3 did not tell of the drop", "it will be announced at the next start")
	}
}

// Idle waits until the functions have done all that was announced, and all that
// it leads to. What they fail to do stays to be done until it is given up: give
// ctx a deadline.
func (d *Deployment) Idle(ctx context.Context) error {
	for {
		where := ""
		// A function publishes before its message is deleted. So if there is
		// nothing left for those before it, nothing more can come to it.
		for _, name := range d.order {
			if d.queues[name] == nil {
				continue // it hears nothing
			}
			n, err := d.queues[name].count(ctx)
			if err != nil {
				return err
			}
			if n > 0 {
				where += fmt.Sprintf(", %s %d", name, n)
			}
		}
		if where == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Retry, "not-idle", ctx.Err(), "messages are left to be handled: "+strings.TrimPrefix(where, ", "))
		case <-time.After(looking):
		}
	}
}

// Dead is how many messages lie in the dead-letter queue of a function.
func (d *Deployment) Dead(ctx context.Context, function string) (int, error) {
	return (&queue{client: d.clients.sqs, url: d.Endpoints.Queues + "/" + lambda.Account + "/" + deadQueue(function)}).count(ctx)
}

// Verifier is the public key of the deployment's ledger, whose name is the
// ledger's origin.
func (d *Deployment) Verifier() (note.Verifier, error) { return emulate.Verifier(d.data) }

// Wait returns when ctx is done, or with an error when a program of the deployment
// ended by itself.
func (d *Deployment) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-d.group.Failed():
		return err
	}
}

// Stop ends the deployment. What runs may finish for some seconds.
func (d *Deployment) Stop() error { return d.group.Stop() }

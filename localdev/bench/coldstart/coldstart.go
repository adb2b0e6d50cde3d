package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
)

// The bars of a function that starts: see docs/design.md, "Speed".
var startBars = map[string]struct {
	start       time.Duration
	binary, zip int64 // bytes; 0: no bar
}{
	"lambda": {15 * time.Millisecond, 30e6, 10e6},
	"gcf":    {25 * time.Millisecond, 0, 0},
}

// rounds is how often each program is started. The programs take turns, so that
// what else the machine does meets all of them.
const rounds = 20

// started is a program and how long its starts took.
type started struct {
	program
	took []time.Duration
}

// coldstarts builds the functions as they are deployed and measures how long each
// takes from the start of its process to its first request for work (lambda) or
// its first answer (gcf), next to a program that does nothing and one that has
// the host only. Buckets are on this machine and empty, the key ring is a file
// without a keeper; topics are not reached. What a cloud takes to fetch and
// unpack a program, and its network, come on top.
//
// The error names each bar that is missed.
func coldstarts(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "sallyport-coldstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := buildPrograms(ctx, dir)
	if err != nil {
		return err
	}
	w, err := newCloudWorld(ctx, dir)
	if err != nil {
		return err
	}
	defer w.close()
	all := make([]*started, len(programs))
	for i, p := range programs {
		all[i] = &started{program: p}
	}
	for round := range rounds + 1 {
		for _, s := range all {
			took, err := w.start(ctx, s.program)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round > 0 { // the first start reads the file from the disk
				s.took = append(s.took, took)
			}
		}
	}
	return printStarts(all)
}

func printStarts(all []*started) error {
	fmt.Printf("\nfrom the start of the process to its first request for work (lambda)\nor answer (gcf), %d times each\n\n", rounds)
	fmt.Printf("%-24s %9s %9s %9s %10s %8s\n", "", "median", "fastest", "slowest", "binary", "zip")
	var missed []error
	for _, s := range all {
		slices.Sort(s.took)
		median := (s.took[len(s.took)/2-1] + s.took[len(s.took)/2]) / 2
		fmt.Printf("%-24s %6.1f ms %6.1f ms %6.1f ms %7.1f MB", s.name, ms(median), ms(s.took[0]), ms(s.took[len(s.took)-1]), float64(s.size)/1e6)
		if s.zip > 0 {
			fmt.Printf(" %5.1f MB", float64(s.zip)/1e6)
		}
		fmt.Println()
		bar := startBars[s.cloud]
		if s.hello {
			continue
		}
		if median > bar.start {
			missed = append(missed, fmt.Errorf("%s starts in %.1f ms, the bar is %.0f ms", s.name, ms(median), ms(bar.start)))
		}
		if bar.binary > 0 && s.size > bar.binary {
			missed = append(missed, fmt.Errorf("%s is of %.1f MB, the bar is %.0f MB", s.name, float64(s.size)/1e6, float64(bar.binary)/1e6))
		}
		if bar.zip > 0 && s.zip > bar.zip {
			missed = append(missed, fmt.Errorf("the zip of %s is of %.1f MB, the bar is %.0f MB", s.name, float64(s.zip)/1e6, float64(bar.zip)/1e6))
		}
	}
	return errors.Join(missed...)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cloudWorld is what the programs find around them when they start.
type cloudWorld struct {
	runtime *httptest.Server // Lambda's Runtime API, which has no work
	polled  chan struct{}    // one for each request for work
	s3      *httptest.Server
	gcs     *fakestorage.Server
	wiring  wiring.Wiring
	secrets emulate.Secrets
}

func newCloudWorld(ctx context.Context, dir string) (*cloudWorld, error) {
	w := &cloudWorld{polled: make(chan struct{}, 1)}
	var err error
	if w.wiring, err = wiring.Load(); err != nil {
		return nil, err
	}
	if w.secrets, err = emulate.MakeSecrets(ctx, dir+"/keyring.json", dir, "bench/ledger"); err != nil {
		return nil, err
	}
	if w.gcs, err = fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", Writer: io.Discard}); err != nil {
		return nil, err
	}
	objects := s3mem.New()
	for name := range w.wiring.Buckets {
		w.gcs.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucketName(name)})
		if err := objects.CreateBucket(bucketName(name)); err != nil {
			return nil, err
		}
	}
	w.s3 = httptest.NewServer(gofakes3.New(objects, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(_ http.ResponseWriter, r *http.Request) {
		w.polled <- struct{}{}
		<-r.Context().Done()
	})
	w.runtime = httptest.NewServer(mux)
	return w, nil
}

func (w *cloudWorld) close() {
	w.runtime.CloseClientConnections()
	w.runtime.Close()
	w.s3.Close()
	w.gcs.Stop()
}

func bucketName(of string) string { return "sallyport-" + of }

// environment is all that a program is given.
func (w *cloudWorld) environment(p program) []string {
	if p.hello {
		return []string{"SALLYPORT_DEAD=mem://dead"}
	}
	if p.cloud == "lambda" {
		in := emulate.Cloud{
			Bucket: func(of string) string {
				q := url.Values{"region": {"us-east-1"}, "s3ForcePathStyle": {"true"}, "endpoint": {w.s3.URL}}
				return "s3://" + bucketName(of) + "?" + q.Encode()
			},
			Topic: func(of string) string {
				return "awssns:///arn:aws:sns:us-east-1:000000000000:" + of + "?region=us-east-1"
			},
		}
		return append(in.Environment(p.function, w.wiring.Functions[p.function], w.secrets),
			"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_LAMBDA_FUNCTION_NAME="+p.function)
	}
	in := emulate.Cloud{
		Bucket: func(of string) string { return "gs://" + bucketName(of) },
		Topic:  func(of string) string { return "gcppubsub://projects/bench/topics/" + of },
	}
	return append(in.Environment(p.function, w.wiring.Functions[p.function], w.secrets),
		"GOOGLE_CLOUD_PROJECT=bench", "STORAGE_EMULATOR_HOST="+strings.TrimPrefix(w.gcs.URL(), "http://"), "PUBSUB_EMULATOR_HOST=127.0.0.1:1")
}

// patience is how long a program may take to start at all.
const patience = 20 * time.Second

// start starts a program, tells how long it took to be there, and ends it.
func (w *cloudWorld) start(ctx context.Context, p program) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path)
	cmd.Env = w.environment(p)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	there := w.poll
	if p.cloud == "lambda" {
		cmd.Env = append(cmd.Env, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(w.runtime.URL, "http://"))
	} else {
		port, err := freePort()
		if err != nil {
			return 0, err
		}
		cmd.Env = append(cmd.Env, "PORT="+port, "LOCAL_ONLY=true")
		there = func(ctx context.Context) error { return answers(ctx, "127.0.0.1:"+port) }
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() { // one that ends by itself is not waited for
		_ = cmd.Wait() // it is killed, or its text says why it ended
		cancel()
		close(ended)
	}()
	err = there(ctx)
	took = time.Since(start)
	cancel()
	<-ended
	if err != nil {
		return 0, fmt.Errorf("it does not start: %w\n%s", err, said.String())
	}
	return took, nil
}

// poll waits for a request for work.
func (w *cloudWorld) poll(ctx context.Context) error {
	select {
	case <-w.polled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answers waits until a server answers /healthz with 200.
func answers(ctx context.Context, address string) error {
	every := time.NewTicker(200 * time.Microsecond)
	defer every.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close() // the request has a connection of its own
			break
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz is answered with %s", res.Status)
	}
	return nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

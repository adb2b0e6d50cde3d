package gcfhost_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/gcsblob"
	"gocloud.dev/pubsub"
	_ "gocloud.dev/pubsub/gcppubsub"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
	"github.com/sallyport-io/sallyport/shared/keys"
)

// TestMain makes this program a function's where it is told to.
func TestMain(m *testing.M) {
	switch os.Getenv("SALLYPORT_TEST_MAIN") {
	case "":
	case "asking":
		gcfhost.MainHTTP("asking", openAsking)
	default:
		gcfhost.Main("echo", openEcho)
	}
	os.Exit(m.Run())
}

// echo answers each event with itself, but only when it sees it again. An
// event of type slow it holds until the file "leave" is in its folder.
type echo struct {
	folder string
	mu     sync.Mutex
	seen   map[string]bool
}

type echoConfig struct {
	Folder string `env:"FOLDER,required"`
}

const slow = event.Prefix + "slow"

func openEcho(_ context.Context, cfg echoConfig) (*echo, error) {
	return &echo{folder: cfg.Folder, seen: map[string]bool{}}, nil
}

func (f *echo) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	if e.Type() == slow {
		if err := os.WriteFile(filepath.Join(f.folder, "entered"), nil, 0o600); err != nil {
			return nil, err
		}
		return nil, until(ctx, func() bool { return exists(filepath.Join(f.folder, "leave")) })
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.seen[e.ID()] {
		f.seen[e.ID()] = true
		return nil, errors.New("not the first time")
	}
	return []event.Event{e}, nil
}

func (f *echo) Close() error { return os.WriteFile(filepath.Join(f.folder, "closed"), nil, 0o600) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// until waits for a condition.
func until(ctx context.Context, is func() bool) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// process is a function that runs.
type process struct {
	url   string
	cmd   *exec.Cmd
	lines chan string // of its log
}

// start starts a function as Cloud Run does, and waits until it is healthy.
func start(t *testing.T, program string, env ...string) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	p := &process{url: "http://127.0.0.1:" + port, cmd: exec.CommandContext(t.Context(), program), lines: make(chan string, 1000)}
	p.cmd.Env = append(env, "PORT="+port, "LOCAL_ONLY=true", "GOOGLE_CLOUD_PROJECT=my-project", "SALLYPORT_DEAD=gcppubsub://projects/p/topics/dead")
	p.cmd.Stderr = t.Output()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	p.wait(t, "/healthz", http.StatusOK)
	return p
}

// wait waits until a path answers with status.
func (p *process) wait(t *testing.T, path string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := until(ctx, func() bool {
		res, err := http.Get(p.url + path)
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == status
	})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// end tells the process to end, which has to succeed, and checks its log.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.ended(t)
}

func (p *process) ended(t *testing.T) {
	t.Helper()
	for text := range p.lines {
		var line struct{ Severity, Message string }
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.Severity == "" || line.Message == "" || line.Message == "panic" {
			t.Errorf("logged %s", text)
		}
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// post posts one message as a push subscription does.
func (p *process) post(body string) (int, error) {
	res, err := http.Post(p.url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// cloud is what of Google Cloud runs in this process: Pub/Sub with the topics
// drops, ingest and dead, and a subscription of the same name to each, and Cloud
// Storage with a bucket that notifies drops.
func cloud(t *testing.T) (env []string) {
	t.Helper()
	ps := pstest.NewServerWithAddress("127.0.0.1:0")
	t.Cleanup(func() { _ = ps.Close() })
	for _, name := range []string{"drops", "ingest", "dead"} {
		if _, err := ps.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/" + name}); err != nil {
			t.Fatal(err)
		}
		if _, err := ps.GServer.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: "projects/p/subscriptions/" + name, Topic: "projects/p/topics/" + name, AckDeadlineSeconds: 10}); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", ps.Addr)
	gcs, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", EventOptions: fakestorage.EventManagerOptions{
		ProjectID: "p", TopicName: "drops", Bucket: "some-bucket", NotifyOn: fakestorage.EventNotificationOptions{Finalize: true, Delete: true, MetadataUpdate: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gcs.Stop)
	gcs.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "some-bucket"})
	address := strings.TrimPrefix(gcs.URL(), "http://")
	t.Setenv("STORAGE_EMULATOR_HOST", address)
	return []string{"PUBSUB_EMULATOR_HOST=" + ps.Addr, "STORAGE_EMULATOR_HOST=" + address}
}

// receive receives n messages of a subscription, and hands each to done, which
// says whether it is.
func receive(t *testing.T, name string, n int, done func(*pubsub.Message) bool) {
	t.Helper()
	sub, err := pubsub.OpenSubscription(t.Context(), "gcppubsub://projects/p/subscriptions/"+name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for n > 0 {
		m, err := sub.Receive(ctx)
		if err != nil {
			t.Fatalf("%d messages of %s are missing: %v", n, name, err)
		}
		if done(m) {
			m.Ack()
			n--
		} else {
			m.Nack()
		}
	}
	if err := sub.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// TestEndToEnd runs functions in processes of their own, on one cloud: gocloud
// keeps the connection to the first Pub/Sub that a process opened.
func TestEndToEnd(t *testing.T) {
	env := cloud(t)
	t.Run("events", func(t *testing.T) { eventsEndToEnd(t, env) })
	t.Run("requests", func(t *testing.T) { endpointEndToEnd(t, env) })
}

// eventsEndToEnd runs a function with Google's framework, on messages that Pub/Sub
// and Cloud Storage made, pushed until they are done.
func eventsEndToEnd(t *testing.T, env []string) {
	folder := t.TempDir()
	p := start(t, os.Args[0], append(slices.Clip(env), "SALLYPORT_TEST_MAIN=1", "SALLYPORT_FOLDER="+folder, "SALLYPORT_TOPIC=gcppubsub://projects/p/topics/ingest",
		"SALLYPORT_DROPS=gs://some-bucket?prefix=in/")...)

	bucket, err := blob.OpenBucket(t.Context(), "gs://some-bucket")
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	for _, name := range []string{"in/acme/stock/a b+c=☺.csv", "out/elsewhere.csv"} {
		if err := bucket.WriteAll(t.Context(), name, []byte("sku,available\n1,2\n"), nil); err != nil {
			t.Fatal(err)
		}
	}
	topic, err := pubsub.OpenTopic(t.Context(), "gcppubsub://projects/p/topics/drops")
	if err != nil {
		t.Fatal(err)
	}
	if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte(structured("e-1", event.TypeTick))}); err != nil {
		t.Fatal(err)
	}
	if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte(secret)}); err != nil {
		t.Fatal(err)
	}
	again := 0
	receive(t, "drops", 4, func(m *pubsub.Message) bool { // two objects, an event and garbage
		status, err := p.post(pushed(t, string(m.Body), m.Metadata))
		if err != nil || status != http.StatusNoContent && status != http.StatusServiceUnavailable {
			t.Errorf("%d %v", status, err)
		}
		if status != http.StatusNoContent {
			again++
		}
		return status == http.StatusNoContent
	})
	if again != 2 {
		t.Errorf("%d messages came again, want 2", again)
	}
	var got []string
	receive(t, "ingest", 2, func(m *pubsub.Message) bool {
		e, err := host.DecodeEvent(m.Body)
		if err != nil {
			t.Fatal(err)
		}
		about := e.ID()
		if e.Type() == event.TypeDropReceived {
			d, err := event.Decode[event.DropReceived](e)
			if err != nil || d.Size != 18 || d.Generation == "" || d.Time.IsZero() || e.ID() != event.DropID(d.Key, d.Generation) {
				t.Errorf("%+v %v", d, err)
			}
			about = d.Key
		}
		got = append(got, about)
		return true
	})
	slices.Sort(got)
	if want := []string{"acme/stock/a b+c=☺.csv", "e-1"}; !slices.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
	receive(t, "dead", 1, func(m *pubsub.Message) bool {
		e, err := host.DecodeEvent(m.Body)
		l, _ := event.Decode[event.DeadLetter](e)
		if err != nil || l.Fault.Code != "event-undecodable" || l.Function != "echo" || strings.Contains(string(m.Body), secret) {
			t.Errorf("%v %s", err, m.Body)
		}
		return true
	})

	// SIGTERM while a request runs: it is finished, and what comes is sent away.
	answered := make(chan string, 1)
	go func() {
		status, err := p.post(pushed(t, structured("s-1", slow), nil))
		answered <- fmt.Sprint(status, err)
	}()
	if err := until(t.Context(), func() bool { return exists(filepath.Join(folder, "entered")) }); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wait(t, "/readyz", http.StatusServiceUnavailable)
	if exists(filepath.Join(folder, "closed")) {
		t.Error("closed while a request was running")
	}
	if err := os.WriteFile(filepath.Join(folder, "leave"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; got != "204 <nil>" {
		t.Errorf("answered %s", got)
	}
	p.ended(t)
	if !exists(filepath.Join(folder, "closed")) {
		t.Error("the function was not closed")
	}
}

// What is wrong with the deployment is said in one line, without a value.
func TestDoesNotStart(t *testing.T) {
	for about, c := range map[string]struct {
		env  []string
		want string
	}{
		"nothing is set": {nil, "SALLYPORT_DEAD"},
		"no folder":      {[]string{"SALLYPORT_DEAD=gcppubsub://projects/p/topics/dead", "PUBSUB_EMULATOR_HOST=127.0.0.1:1"}, "SALLYPORT_FOLDER"},
		"no driver":      {[]string{"SALLYPORT_DEAD=none://" + secret, "SALLYPORT_FOLDER=" + t.TempDir()}, "topic"},
		"bad timeout":    {[]string{"SALLYPORT_DEAD=x", "SALLYPORT_TIMEOUT=" + secret}, "Timeout"},
		"no bucket":      {[]string{"SALLYPORT_DEAD=gcppubsub://projects/p/topics/dead", "PUBSUB_EMULATOR_HOST=127.0.0.1:1", "SALLYPORT_FOLDER=" + t.TempDir(), "SALLYPORT_DROPS=" + secret}, "SALLYPORT_DROPS"},
		"no port":        {[]string{"SALLYPORT_DEAD=gcppubsub://projects/p/topics/dead", "PUBSUB_EMULATOR_HOST=127.0.0.1:1", "SALLYPORT_FOLDER=" + t.TempDir(), "LOCAL_ONLY=true", "PORT=none"}, "HTTP"},
	} {
		t.Run(about, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(c.env, "SALLYPORT_TEST_MAIN=1")
			out, err := cmd.Output()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("ended with %v", err)
			}
			var line struct{ Severity, Message string }
			if json.Unmarshal(out, &line) != nil || line.Severity != "ERROR" || !strings.Contains(line.Message, c.want) || strings.Contains(string(out), secret) {
				t.Errorf("said %s", out)
			}
		})
	}
}

// The binary of mask, which links the most, starts with what the emulators need
// and without any of them.
func TestBinary(t *testing.T) {
	program := filepath.Join(t.TempDir(), "mask")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "-ldflags=-s -w", "github.com/sallyport-io/sallyport/functions/mask/gcf").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ring := filepath.Join(t.TempDir(), "keyring.json")
	if err := keys.Create(t.Context(), ring); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p := start(t, program, "PUBSUB_EMULATOR_HOST=127.0.0.1:1", "STORAGE_EMULATOR_HOST=127.0.0.1:1", "SALLYPORT_KEYS="+ring,
		"SALLYPORT_LANDING=gs://landing", "SALLYPORT_MASKED=gs://masked", "SALLYPORT_EXCHANGE=gs://exchange", "SALLYPORT_TOPIC=gcppubsub://projects/p/topics/mask")
	t.Logf("answered %v after its start", time.Since(began))
	if status, err := p.post("{}"); err != nil || status != http.StatusBadRequest {
		t.Errorf("%d %v", status, err)
	}
	p.end(t)
}

package lambdahost_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"

	_ "gocloud.dev/pubsub/mempubsub"
)

// childVariable makes the test binary a function on Lambda.
const childVariable = "LAMBDAHOST_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "":
	case "asking":
		lambdahost.MainHTTP("asking", openAsking)
	default:
		lambdahost.Main("child", openChild)
	}
	os.Exit(m.Run())
}

type childConfig struct {
	Needed string `env:"NEEDED,required"`
}

type child struct{}

func openChild(context.Context, childConfig) (child, error) { return child{}, nil }

func (child) Close() error {
	fmt.Println("child closed")
	return nil
}

func (child) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	switch e.Type() {
	case "traced":
		if event.Extension(e, event.ExtTraceparent) != "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01" {
			return nil, errors.New("there is no trace")
		}
	case "endless":
		<-ctx.Done()
	case "finishing":
		fmt.Println("child begun")
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return []event.Event{e}, byType(ctx, e)
}

// service is the Runtime API of Lambda, for one process.
type service struct {
	*httptest.Server
	next    chan string // payloads
	timeout time.Duration
	answers chan string // bodies, after "response " or "error "
}

func newService(t *testing.T) *service {
	s := &service{next: make(chan string), answers: make(chan string, 1), timeout: time.Minute}
	n := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case payload := <-s.next:
			n++
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("request-%d", n))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(s.timeout).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
			_, _ = io.WriteString(w, payload)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		s.answers <- r.PathValue("kind") + " " + string(body)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// begin brings an invocation to the process.
func (s *service) begin(t *testing.T, payload string) {
	t.Helper()
	select {
	case s.next <- payload:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody asks for an invocation")
	}
}

func (s *service) answer(t *testing.T) string {
	t.Helper()
	select {
	case a := <-s.answers:
		return a
	case <-time.After(20 * time.Second):
		t.Fatal("no answer")
	}
	return ""
}

func (s *service) invoke(t *testing.T, payload string) string {
	t.Helper()
	s.begin(t, payload)
	return s.answer(t)
}

func childCommand(t *testing.T, environ ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), childVariable+"=1", "SALLYPORT_DEAD=mem://dead", "SALLYPORT_TOPIC=mem://out"), environ...)
	return cmd
}

// The real runtime client of aws-lambda-go in a process of its own.
func TestRuntimeAPI(t *testing.T) {
	s := newService(t)
	cmd := childCommand(t, "SALLYPORT_NEEDED=1", "SALLYPORT_DROPS=s3://sourcebucket", "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(s.URL, "http://"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()

	for _, c := range []struct{ name, payload, want string }{
		{"batch", queued(t, queue, cloudEvent("1", "traced"), cloudEvent("2", "retry"), cloudEvent("3", "panic")), `response {"batchItemFailures":[{"itemIdentifier":"m1"}]}`},
		{"drop", notification(put("acme/a.csv")), "response null"},
		{"request", request("/partners/acme/x", `{"content-type":"application/cloudevents+json"}`, cloudEvent("4", "traced")), `response {"statusCode":202,"body":"","isBase64Encoded":false}`},
		{"failure", cloudEvent("5", "retry"), `error {"errorMessage":"again: events of this invocation must come again (see the log for why)","errorType":"Error"}`},
		{"after it", cloudEvent("6", "traced"), "response null"},
	} {
		if got := s.invoke(t, c.payload); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
	s.timeout = 400 * time.Millisecond
	start := time.Now()
	if got := s.invoke(t, queued(t, queue, cloudEvent("7", "endless"))); got != `response {"batchItemFailures":[{"itemIdentifier":"m0"}]}` || time.Since(start) > s.timeout {
		t.Errorf("endless: %s after %v", got, time.Since(start))
	}

	// Asked to end, it finishes what it has begun.
	s.timeout = time.Minute
	s.begin(t, cloudEvent("8", "finishing"))
	var log []string
	for line := range lines {
		if line == "child begun" {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		log = append(log, line)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, complaints.String())
	}
	if got := s.answer(t); got != "response null" {
		t.Error(got)
	}
	if log[len(log)-1] != "child closed" {
		t.Errorf("the last line is %s", log[len(log)-1])
	}
	all := strings.Join(log, "\n")
	if strings.Contains(all+complaints.String(), secret) {
		t.Errorf("it holds a value: %s%s", all, complaints.String())
	}
	for _, want := range []string{`"function":"child","event":"2","type":"retry"`, `"requestId":"request-1"`, `"requestId":"request-6"`, `"msg":"dead-lettered"`} {
		if !strings.Contains(all, want) {
			t.Errorf("the log does not say %s:\n%s", want, all)
		}
	}
}

func TestCannotStart(t *testing.T) {
	for name, environ := range map[string][]string{
		"SALLYPORT_NEEDED":    nil,
		"SALLYPORT_DROPS":     {"SALLYPORT_NEEDED=1", "SALLYPORT_DROPS=nonsense-" + secret},
		"SALLYPORT_SOURCES":   {"SALLYPORT_NEEDED=1", "SALLYPORT_SOURCES=arn=" + secret},
		"cannot open a topic": {"SALLYPORT_NEEDED=1", "SALLYPORT_TOPIC=nothing://" + secret},
	} {
		out, err := childCommand(t, environ...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		var line struct{ Msg, Function, Why string }
		if err := json.Unmarshal(out, &line); err != nil || strings.Count(string(out), "\n") != 1 || line.Msg != "cannot start" || line.Function != "child" ||
			!strings.Contains(line.Why, name) || strings.Contains(string(out), secret) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

//go:build unix

package gcp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// childVariable makes this test program an instance of a service: it names a file,
// and while that is there the instance does not start.
const childVariable = "SALLYPORT_TEST_CHILD"

func TestMain(m *testing.M) {
	if broken := os.Getenv(childVariable); broken != "" {
		child(broken)
	}
	os.Exit(m.Run())
}

// child answers with the id of its process.
func child(broken string) {
	if _, err := os.Stat(broken); err == nil {
		_, _ = os.Stdout.WriteString("it is broken\n")
		os.Exit(1)
	}
	if os.Getenv("LOCAL_ONLY") != "true" {
		os.Exit(2)
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		<-asked
		_ = os.WriteFile(broken+".ended", nil, 0o600)
		os.Exit(0)
	}()
	_ = http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strconv.Itoa(os.Getpid()))
	}))
	os.Exit(3)
}

func newService(t *testing.T, broken string) *Service {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Service{name: "child", path: self, env: []string{childVariable + "=" + broken}, logger: slog.New(slog.DiscardHandler)}
}

func ask(ctx context.Context, s *Service) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(), strings.NewReader("x"))
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{Transport: s.transport(1)}).Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	pid, err := io.ReadAll(response.Body)
	return string(pid), err
}

// TestService: an instance that ends is replaced at the same address, and requests
// wait for the next one.
func TestService(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	s := newService(t, broken)
	if err := s.serve(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := s.Pid()
	if pid, err := ask(t.Context(), s); err != nil || pid != strconv.Itoa(first) {
		t.Errorf("%s, %v", pid, err)
	}

	// While no instance starts a request waits, as long as it can.
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.awaitNone(t)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if pid, err := ask(short, s); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s, %v", pid, err)
	}
	answered := make(chan string, 1)
	go func() {
		pid, err := ask(t.Context(), s)
		if err != nil {
			t.Error(err)
		}
		answered <- pid
	}()
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	if pid := <-answered; pid == strconv.Itoa(first) || pid != strconv.Itoa(s.Pid()) {
		t.Errorf("answered by %s, after %d was killed", pid, first)
	}

	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(broken + ".ended"); err != nil {
		t.Errorf("the instance was not asked to end: %v", err)
	}
	if err := syscall.Kill(s.Pid(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the instance is still there: %v", err)
	}
	if _, err := ask(t.Context(), s); err == nil {
		t.Error("a request was answered after the end")
	}
}

// TestServiceEnds: who waits for an instance is told when the service ends.
func TestServiceEnds(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	s := newService(t, broken)
	if err := s.serve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.awaitNone(t)
	told := make(chan error, 1)
	go func() {
		_, err := ask(t.Context(), s)
		told <- err
	}()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-told; fault.CodeOf(err) != emulate.CodeEnded {
		t.Error(err)
	}
}

// awaitNone waits until the service has no instance that is ready.
func (s *Service) awaitNone(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		ready := s.ready
		s.mu.Unlock()
		select {
		case <-ready:
		default:
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("an instance is still ready")
		}
	}
}

// TestServiceBroken: an instance that does not start is said to, with what it said
// last.
func TestServiceBroken(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := newService(t, broken).serve(t.Context())
	if fault.CodeOf(err) != emulate.CodeStart || !strings.Contains(err.Error(), "it is broken") {
		t.Error(err)
	}
}

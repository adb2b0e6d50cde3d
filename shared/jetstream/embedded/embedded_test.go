package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
)

// publishDir names the environment variable that turns the test binary into the
// publisher that TestKilled kills.
const publishDir = "EMBEDDED_TEST_PUBLISH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(publishDir); dir != "" {
		fmt.Fprintln(os.Stderr, publish(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// publish prints the number of every message that the stream has acked, until it
// is killed.
func publish(dir string) error {
	s, err := embedded.Start(dir, embedded.Options{})
	if err != nil {
		return err
	}
	js, err := open(s)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := js.CreateStream(ctx, natsjs.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		return err
	}
	for i := 1; ; i++ {
		if _, err := js.Publish(ctx, "s", []byte(strconv.Itoa(i))); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func open(s *embedded.Server) (natsjs.JetStream, error) {
	c, err := s.Conn()
	if err != nil {
		return nil, err
	}
	return natsjs.New(c)
}

func start(t *testing.T, dir string, opts embedded.Options) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Whatever was acked before a SIGKILL is there after a restart, twice over.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	const atLeast = 100

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), publishDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acked := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if acked, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
		if acked == atLeast {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // killed
	if acked < atLeast {
		t.Fatalf("the publisher ended after %d messages", acked)
	}

	for range 2 {
		s := start(t, dir, embedded.Options{})
		js, err := open(s)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := js.Stream(t.Context(), "S")
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i <= acked; i++ {
			m, err := stream.GetMsg(t.Context(), uint64(i))
			if err != nil {
				t.Fatalf("message %d of %d: %v", i, acked, err)
			}
			if got := string(m.Data); got != strconv.Itoa(i) {
				t.Fatalf("message %d holds %q", i, got)
			}
		}
		if err := s.Shutdown(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneServerPerDirectory(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, embedded.Options{})
	if _, err := embedded.Start(dir, embedded.Options{}); fault.CodeOf(err) != "embedded-locked" {
		t.Fatalf("second server: %v", err)
	}
	if err := s.Shutdown(); err != nil {
		t.Fatal(err)
	}
	start(t, dir, embedded.Options{})
}

func TestShutdownEndsConnections(t *testing.T) {
	s := start(t, t.TempDir(), embedded.Options{})
	c, err := s.Conn()
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr() != nil {
		t.Errorf("listens on %v unasked", s.Addr())
	}
	if err := s.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if !c.IsClosed() {
		t.Error("a connection outlives the server")
	}
	if _, err := s.Conn(); fault.CodeOf(err) != "embedded-closed" {
		t.Errorf("connection after shutdown: %v", err)
	}
	if err := s.Shutdown(); err != nil {
		t.Errorf("second shutdown: %v", err)
	}
}

func TestListen(t *testing.T) {
	s := start(t, t.TempDir(), embedded.Options{Listen: "127.0.0.1:0"})
	if !s.Addr().(*net.TCPAddr).IP.IsLoopback() {
		t.Fatalf("listens on %v", s.Addr())
	}
	c, err := nats.Connect(s.Addr().String(), nats.Timeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()

	for _, listen := range []string{"0.0.0.0:4222", "192.0.2.1:4222", "localhost", ":4222"} {
		if _, err := embedded.Start(t.TempDir(), embedded.Options{Listen: listen}); fault.CodeOf(err) != "embedded-listen" {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

func TestDirectoryThatIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.Start(path, embedded.Options{})
	if fault.CodeOf(err) != "embedded-dir" || strings.Contains(err.Error(), "%!") {
		t.Fatalf("%v", err)
	}
}

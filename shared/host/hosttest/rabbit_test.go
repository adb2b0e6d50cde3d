//go:build unix

package hosttest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/rabbitpubsub"

	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/hosttest"
)

// freePort is a port of loopback that nobody uses at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// start starts a process in a group of its own, which ends with the test.
func start(t *testing.T, log string, env []string, name string, args ...string) {
	t.Helper()
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
		_ = out.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log)
			t.Logf("%s:\n%s", name, text)
		}
	})
}

// startRabbit starts a node of RabbitMQ on loopback, or skips the test.
func startRabbit(t *testing.T) (url string, conn *amqp.Connection) {
	t.Helper()
	server, err := exec.LookPath("rabbitmq-server")
	if err != nil {
		t.Skip("rabbitmq-server is not installed")
	}
	epmd, err := exec.LookPath("epmd")
	if err != nil {
		t.Skip("epmd, which rabbitmq-server needs, is not on the path")
	}
	// Debian has a wrapper on the path, which would change the user.
	if inner := "/usr/lib/rabbitmq/bin/rabbitmq-server"; server != inner {
		if _, err := os.Stat(inner); err == nil {
			server = inner
		}
	}
	dir := t.TempDir()
	port, names := freePort(t), freePort(t)
	config := filepath.Join(dir, "rabbitmq.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, "listeners.tcp.1 = 127.0.0.1:%d\n", port), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "HOME="+dir,
		fmt.Sprintf("ERL_EPMD_PORT=%d", names), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_NODENAME=test@localhost", fmt.Sprintf("RABBITMQ_DIST_PORT=%d", freePort(t)),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"RABBITMQ_MNESIA_BASE="+dir, "RABBITMQ_LOG_BASE="+dir, "RABBITMQ_LOGS=-", "RABBITMQ_CONFIG_FILE="+config,
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "plugins"), "RABBITMQ_GENERATED_CONFIG_DIR="+dir)
	// Its own daemon of names: the server would start one that stays.
	start(t, filepath.Join(dir, "epmd.log"), env, epmd)
	start(t, filepath.Join(dir, "server.log"), env, server)
	url = fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", port)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := amqp.Dial(url)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return url, conn
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// rabbits opens each subscription on a connection of its own, as a process does.
// It has to be closed with the subscription: the driver leaves a subscription's
// channel open, and on it the messages that were received and not handled.
type rabbits struct {
	url    string
	topics rabbitpubsub.URLOpener

	mu    sync.Mutex
	conns map[string]*amqp.Connection // by name of the queue
}

func (r *rabbits) OpenTopicURL(ctx context.Context, u *url.URL) (*pubsub.Topic, error) {
	return r.topics.OpenTopicURL(ctx, u)
}

func (r *rabbits) OpenSubscriptionURL(ctx context.Context, u *url.URL) (*pubsub.Subscription, error) {
	conn, err := amqp.Dial(r.url)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[u.Host] = conn
	return (&rabbitpubsub.URLOpener{Connection: conn}).OpenSubscriptionURL(ctx, u)
}

// close ends the connection of a queue's subscription.
func (r *rabbits) close(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns[name] == nil {
		return nil
	}
	return r.conns[name].Close()
}

// rabbit is a worker whose connection ends with it.
type rabbit struct {
	*worker
	close func() error
}

func (r rabbit) Interrupt(context.Context) error {
	if err := errors.Join(r.stop(), r.close()); err != nil {
		return err
	}
	r.start()
	return nil
}

func TestWorkerRabbitMQ(t *testing.T) {
	t.Parallel()
	url, conn := startRabbit(t)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	r := &rabbits{url: url, topics: rabbitpubsub.URLOpener{Connection: conn}, conns: map[string]*amqp.Connection{}}
	mux := muxOf(r)
	hosttest.Run(t, func(t *testing.T, f host.Func) hosttest.Platform {
		name := path.Base(t.Name())
		if err := ch.ExchangeDeclare(name, "fanout", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := ch.QueueDeclare(name, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		if err := ch.QueueBind(name, "", name, false, nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.close(name) })
		return rabbit{startWorker(t, f, mux, base+name, base+name), func() error { return r.close(name) }}
	}, hosttest.Options{})
}

package jetstream

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/fault"
)

const password = "s3cret%"

// listen runs a server that asks for a user, on loopback.
func listen(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: t.TempDir(), Username: "mask", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

func TestDial(t *testing.T) {
	s := listen(t)
	at := func(user string) string { return fmt.Sprintf("nats://%s@%s", user, s.Addr()) }
	o := &URLOpener{Dial: Server{URL: at("mask:s3cret%25")}.Dial}
	mux := new(pubsub.URLMux)
	mux.RegisterTopic(Scheme, o)
	mux.RegisterSubscription(Scheme, o)
	if err := o.Check(); err != nil {
		t.Errorf("nothing is dialed yet: %v", err)
	}
	topic, err := mux.OpenTopic(t.Context(), "jetstream://S/s.a")
	if err != nil {
		t.Fatal(err)
	}
	first := o.dialed
	if _, err := mux.OpenSubscription(t.Context(), "jetstream://S/s.a?consumer=c"); fault.CodeOf(err) != "jetstream-consumer" || o.dialed != first {
		t.Errorf("%v, on another connection: %v", err, o.dialed != first)
	}
	if err := o.Check(); err != nil {
		t.Error(err)
	}
	if err := topic.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := o.Close(); err != nil || !first.IsClosed() {
		t.Errorf("%v, closed: %v", err, first.IsClosed())
	}

	o.Conn = first
	if err := o.Check(); fault.KindOf(err) != fault.Retry || fault.CodeOf(err) != "jetstream-disconnected" {
		t.Errorf("of a connection that is closed: %v", err)
	}
}

func TestDialFails(t *testing.T) {
	s := listen(t)
	addr := s.Addr().String()
	absent := filepath.Join(t.TempDir(), "absent")
	for name, c := range map[string]struct {
		server Server
		kind   fault.Kind
	}{
		"no server":     {Server{}, fault.Invalid},
		"no URL":        {Server{URL: "nats://mask:s3cret%@" + addr}, fault.Invalid},
		"wrong user":    {Server{URL: "nats://mask:s3cret@" + addr}, fault.Invalid},
		"nobody there":  {Server{URL: "nats://mask:s3cret@127.0.0.1:1"}, fault.Retry},
		"no creds file": {Server{URL: "nats://" + addr, Creds: absent}, fault.Invalid},
		"no CA file":    {Server{URL: "nats://" + addr, CA: absent}, fault.Invalid},
		"no client key": {Server{URL: "nats://" + addr, Cert: absent}, fault.Invalid},
		"no client":     {Server{URL: "nats://" + addr, Cert: absent, Key: absent}, fault.Invalid},
	} {
		o := &URLOpener{Dial: c.server.Dial}
		_, err := o.OpenTopicURL(t.Context(), parse(t, "jetstream://S/s.a"))
		if fault.CodeOf(err) != "jetstream-server" || fault.KindOf(err) != c.kind || strings.Contains(fmt.Sprint(err), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

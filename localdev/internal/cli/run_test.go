//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
)

// wires is what each function hears and where its answers go.
var wires = map[string]struct{ hears, answers string }{
	"ingest": {"chain.drops", "chain.events.ingest"},
	"mask":   {"chain.events.ingest", "chain.events.mask"},
	"fanout": {"chain.events.mask", "chain.events.fanout"},
	"audit":  {"chain.events.>", ""},
}

// fleet runs functions as processes of sallyport run on one server.
type fleet struct {
	dir  string
	nats *embedded.Server
	js   natsjs.JetStream
	env  []string

	mu  sync.Mutex
	log bytes.Buffer
}

func (f *fleet) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(p)
}

// newFleet publishes the exchange of the stories, and starts the server.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{dir: t.TempDir()}
	ctx := t.Context()
	if err := stories.Write(f.dir); err != nil {
		t.Fatal(err)
	}
	s, err := stack.Open(ctx, f.dir, stack.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if f.nats, err = embedded.Start(t.TempDir(), embedded.Options{Listen: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.nats.Shutdown() })
	conn, err := f.nats.Conn()
	if err != nil {
		t.Fatal(err)
	}
	if f.js, err = natsjs.New(conn); err != nil {
		t.Fatal(err)
	}
	if _, err := f.js.CreateStream(ctx, natsjs.StreamConfig{Name: "CHAIN", Subjects: []string{"chain.>"}}); err != nil {
		t.Fatal(err)
	}
	places := stack.Layout(f.dir)
	signing, err := places.Audit()
	if err != nil {
		t.Fatal(err)
	}
	f.env = append(os.Environ(), "SALLYPORT_NATS_URL=nats://"+f.nats.Addr().String(), "SALLYPORT_DEAD=jetstream://CHAIN/chain.events.dead",
		"SALLYPORT_DROPS=file://"+places.Drops, "SALLYPORT_LANDING=file://"+places.Landing, "SALLYPORT_QUARANTINE=file://"+places.Quarantine,
		"SALLYPORT_MASKED=file://"+places.Masked, "SALLYPORT_STATE=file://"+places.State, "SALLYPORT_EXCHANGE=file://"+places.Config,
		"SALLYPORT_KEYS=file://"+places.Keyring, "SALLYPORT_LEDGER=file://"+places.Ledger,
		"SALLYPORT_LEDGER_ORIGIN="+signing.Origin, "SALLYPORT_LEDGER_KEY="+signing.SigningKey)
	t.Cleanup(func() {
		if t.Failed() {
			f.mu.Lock()
			defer f.mu.Unlock()
			t.Logf("%s", f.log.String())
		}
	})
	return f
}

// start starts a copy of a function, which the test kills if nobody else does.
func (f *fleet) start(t *testing.T, function string) *exec.Cmd {
	t.Helper()
	w := wires[function]
	args := []string{"run", function, "--subscription", "jetstream://CHAIN/" + w.hears + "?ackwait=1s&consumer=" + function}
	if w.answers != "" {
		args = append(args, "--topic", "jetstream://CHAIN/"+w.answers)
	}
	cmd := exec.Command("sallyport", args...)
	cmd.Dir, cmd.Env, cmd.Stderr = f.dir, f.env, f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed
		}
	})
	return cmd
}

// drop drops a story's file under another name.
func (f *fleet) drop(t *testing.T, d stories.Drop, name string) {
	t.Helper()
	key := d.Partner + "/" + d.Contract + "/" + name + filepath.Ext(d.Name)
	file := filepath.Join(stack.Layout(f.dir).Drops, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, d.Data, 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := event.Origin(event.DropID(key, "1"), event.TypeDropReceived, "/test", time.Now(), event.DropReceived{Key: key, Generation: "1"})
	if err != nil {
		t.Fatal(err)
	}
	e.SetExtension(event.ExtCorrelationID, e.ID())
	body, err := host.EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.js.Publish(t.Context(), "chain.drops", body); err != nil {
		t.Fatal(err)
	}
}

// delivered lists, for each drop, the subscriptions that have all of it.
func (f *fleet) delivered(t *testing.T) map[string][]string {
	t.Helper()
	c, err := f.js.OrderedConsumer(t.Context(), "CHAIN", natsjs.OrderedConsumerConfig{FilterSubjects: []string{"chain.events.fanout"}})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.FetchNoWait(10_000)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for m := range batch.Messages() {
		e, err := host.DecodeEvent(m.Data())
		if err != nil {
			t.Fatal(err)
		}
		if e.Type() != event.TypeDropDelivered {
			continue
		}
		d, err := event.Decode[event.DropDelivered](e)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(all[d.Drop.Key], d.Subscription) {
			all[d.Drop.Key] = append(all[d.Drop.Key], d.Subscription)
		}
	}
	return all
}

// idle reports whether every function has handled all that it hears.
func (f *fleet) idle(t *testing.T) bool {
	t.Helper()
	for name := range wires {
		c, err := f.js.Consumer(t.Context(), "CHAIN", name)
		if err != nil {
			return false // it has not begun yet
		}
		if info, err := c.Info(t.Context()); err != nil || info.NumPending > 0 || info.NumAckPending > 0 {
			return false
		}
	}
	return true
}

// The chain as processes on a server. While a load runs, copies of mask are
// added and killed; nothing is lost, and the ledger has everything once.
func TestRunFleet(t *testing.T) {
	f := newFleet(t)
	const drops = 24
	var others []*exec.Cmd
	for _, function := range []string{"ingest", "fanout", "audit"} {
		others = append(others, f.start(t, function))
	}
	masks := []*exec.Cmd{f.start(t, "mask")}
	want := 0
	story := stories.Drops()
	for i := range drops {
		f.drop(t, story[i%len(story)], fmt.Sprintf("n%02d", i))
		if i%6 != 5 {
			continue
		}
		// Wait until the oldest copy is at work, add one, and kill the oldest.
		want += 2
		wait(t, "work", func() bool { return len(f.delivered(t)) >= want })
		masks = append(masks, f.start(t, "mask"))
		if err := masks[0].Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = masks[0].Wait() // killed
		masks = masks[1:]
	}
	wait(t, "everything", func() bool { return len(f.delivered(t)) == drops && f.idle(t) })

	bySubscription := map[string]int{}
	for key, subscriptions := range f.delivered(t) {
		for _, s := range subscriptions {
			bySubscription[s]++
			manifests, err := filepath.Glob(filepath.Join(f.dir, "outbox", "*", "*", event.DropID(key, "1"), "manifest.json"))
			if err != nil || len(manifests) == 0 {
				t.Errorf("%s was not delivered", key)
			}
		}
	}
	for s, n := range bySubscription {
		if n != drops/len(story) {
			t.Errorf("%s has %d drops of %d", s, n, drops/len(story))
		}
	}
	if len(bySubscription) < len(story) {
		t.Errorf("only these have something: %v", slices.Collect(maps.Keys(bySubscription)))
	}

	// Asked to end, all do, in order.
	for _, cmd := range append(others, masks...) {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", cmd.Args[:3], err)
		}
	}
	if out, err := exec.Command("sallyport", "audit", "verify", f.dir).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	out, err := exec.Command("sallyport", "status", f.dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("%d drops taken", drops)) {
		t.Errorf("%v: %s", err, out)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if text := f.log.String(); !strings.Contains(text, `"msg":"the worker has ended"`) || strings.Contains(text, `"level":"ERROR"`) {
		t.Errorf("the logs: %s", text)
	}
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():

			t.Fatalf("not in time: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

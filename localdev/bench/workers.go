package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/workerhost"
	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
)

// The load of the workers: two partners drop at the same time, one of them four
// times as much.
const (
	workersSegment = "2MiB"
	secondPartner  = "river-bank"
	largeDrop      = 192e6
	smallDrop      = 48e6
)

// runWorker is the role of one copy of mask, as sallyport run runs it.
func runWorker(ctx context.Context, _, _ string) error {
	// Not by localdev/internal/drivers: linking all of them would weigh on every role.
	blob.DefaultURLMux().RegisterBucket(filebucket.Scheme, &filebucket.URLOpener{Sync: true})
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	return workerhost.RunProcess(ctx, "mask", mask.Open, workerhost.Options{Environ: os.Environ(), Log: os.Stderr})
}

// measureWorkers runs mask in each number of processes on one NATS server, and
// prints how fast they are together and how the partners fared.
func measureWorkers(ctx context.Context, counts []int) error {
	fmt.Printf("\nmask in several processes on one NATS server: %.0f MB of one partner, %.0f MB of another, segments of %s\n\n",
		largeDrop/1e6, smallDrop/1e6, workersSegment)
	fmt.Printf("%9s %6s %8s %13s %13s %16s\n", "processes", "MB/s", "speed-up", "wait, large", "wait, small", "least/most work")
	var first float64
	for _, n := range counts {
		r, err := runWorkers(ctx, n)
		if err != nil {
			return err
		}
		if first == 0 {
			first = r.speed
		}
		fmt.Printf("%9d %6.0f %8.2f %12.2fs %12.2fs %15.0f%%\n", n, r.speed, r.speed/first, r.wait[stories.BenchPartner].Seconds(), r.wait[secondPartner].Seconds(), 100*r.share)
	}
	return nil
}

type workersResult struct {
	speed float64                  // MB of the drops a second
	wait  map[string]time.Duration // by partner: from the start until a segment is masked, on average
	share float64                  // CPU time of the process that worked least, as a part of that of the one that worked most
}

func runWorkers(ctx context.Context, n int) (r workersResult, err error) {
	dir, err := os.MkdirTemp("", "sallyport-workers-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	segments, size, err := prepareWorkers(ctx, dir)
	if err != nil {
		return r, err
	}
	server, err := embedded.Start(filepath.Join(dir, "nats"), embedded.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, server.Shutdown()) }()
	conn, err := server.Conn()
	if err != nil {
		return r, err
	}
	js, err := natsjs.New(conn)
	if err != nil {
		return r, err
	}
	if _, err := js.CreateStream(ctx, natsjs.StreamConfig{Name: "CHAIN", Subjects: []string{"ingest", "mask", "dead"}}); err != nil {
		return r, err
	}
	copies := make([]*exec.Cmd, n)
	for i := range copies {
		if copies[i], err = startWorker(ctx, dir, "nats://"+server.Addr().String()); err != nil {
			return r, err
		}
		defer func() { _ = copies[i].Process.Kill() }()
	}
	start := time.Now()
	for _, e := range segments {
		body, err := host.EncodeEvent(e)
		if err != nil {
			return r, err
		}
		if _, err := js.Publish(ctx, "ingest", body); err != nil {
			return r, err
		}
	}
	if r.wait, err = masked(ctx, js, start, len(segments)); err != nil {
		return r, err
	}
	r.speed = float64(size) / 1e6 / time.Since(start).Seconds()
	var least, most time.Duration
	for i, c := range copies {
		if err := errors.Join(c.Process.Signal(syscall.SIGTERM), c.Wait()); err != nil {
			return r, fmt.Errorf("a worker did not end in order: %w", err)
		}
		used := c.ProcessState.UserTime()
		most = max(most, used)
		if i == 0 || used < least {
			least = used
		}
	}
	r.share = float64(least) / float64(most)
	return r, nil
}

// prepareWorkers publishes an exchange with two partners who drop, and ingests a
// drop of each. It answers the segments as two partners at once would make them.
func prepareWorkers(ctx context.Context, dir string) (segments []event.Event, size int64, err error) {
	if err := stories.WriteBench(dir); err != nil {
		return nil, 0, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "exchange.yaml"))
	if err != nil {
		return nil, 0, err
	}
	text = append(text, "segment: {size: "+workersSegment+"}\n"...)
	partner := "apiVersion: sallyport.io/v1\nkind: Partner\nid: " + secondPartner + "\nname: River Bank\ndrops: [{contract: " + stories.BenchContract + "}]\n"
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "exchange.yaml"), text, 0o600),
		os.WriteFile(filepath.Join(dir, "partners", secondPartner+".yaml"), []byte(partner), 0o600)); err != nil {
		return nil, 0, err
	}
	s, err := stack.Open(ctx, dir, stack.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, 0, err
	}
	_, err = s.Publish(ctx)
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, 0, err
	}
	f, err := ingest.Open(ctx, stack.Layout(dir).Ingest())
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	large, n, err := ingested(ctx, f, dir, stories.BenchPartner, largeDrop)
	if err != nil {
		return nil, 0, err
	}
	small, m, err := ingested(ctx, f, dir, secondPartner, smallDrop)
	if err != nil {
		return nil, 0, err
	}
	for i := range max(len(large), len(small)) { // one after the other, as long as both last
		if i < len(large) {
			segments = append(segments, large[i])
		}
		if i < len(small) {
			segments = append(segments, small[i])
		}
	}
	return segments, n + m, nil
}

func ingested(ctx context.Context, f *ingest.Function, dir, partner string, size int64) (segments []event.Event, bytes int64, err error) {
	key := partner + "/" + stories.BenchContract + "/payments.csv"
	file := filepath.Join(stack.Layout(dir).Drops, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, 0, err
	}
	out, err := os.Create(file)
	if err != nil {
		return nil, 0, err
	}
	if err := errors.Join(stories.Payments(out, size, 1), out.Close()); err != nil {
		return nil, 0, err
	}
	e, err := event.Received("/bench", event.DropReceived{Key: key, Time: time.Now()})
	if err != nil {
		return nil, 0, err
	}
	made, err := f.Handle(ctx, e)
	if err != nil {
		return nil, 0, err
	}
	for _, m := range made {
		if m.Type() != event.TypeSegmentAccepted {
			continue
		}
		s, err := event.Decode[event.SegmentAccepted](m)
		if err != nil {
			return nil, 0, err
		}
		bytes += s.Object.Size
		segments = append(segments, m)
	}
	return segments, bytes, nil
}

// startWorker starts a copy of mask and waits until it is ready.
func startWorker(ctx context.Context, dir, nats string) (*exec.Cmd, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	health := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	places := stack.Layout(dir)
	cmd := exec.CommandContext(ctx, self, dir, "")
	cmd.Env = append(os.Environ(), roleVariable+"=worker", "SALLYPORT_NATS_URL="+nats, "SALLYPORT_HEALTH="+health, "SALLYPORT_LOG=WARN",
		"SALLYPORT_SUBSCRIPTION=jetstream://CHAIN/ingest?consumer=mask", "SALLYPORT_TOPIC=jetstream://CHAIN/mask", "SALLYPORT_DEAD=jetstream://CHAIN/dead",
		"SALLYPORT_CONCURRENCY=1", "SALLYPORT_LANDING=file://"+places.Landing, "SALLYPORT_MASKED=file://"+places.Masked,
		"SALLYPORT_EXCHANGE=file://"+places.Config, "SALLYPORT_KEYS="+places.Keyring)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get("http://" + health + "/readyz")
		if err == nil {
			err = answer.Body.Close()
		}
		if err == nil && answer.StatusCode == http.StatusOK {
			return cmd, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(errors.New("a worker does not become ready"), err, cmd.Process.Kill(), cmd.Wait())
		}
	}
}

// masked waits until so many segments are masked for every subscription, and
// answers how long each partner's waited on average.
func masked(ctx context.Context, js natsjs.JetStream, start time.Time, segments int) (map[string]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	consumer, err := js.OrderedConsumer(ctx, "CHAIN", natsjs.OrderedConsumerConfig{FilterSubjects: []string{"mask"}})
	if err != nil {
		return nil, err
	}
	total, seen := map[string]time.Duration{}, map[string]int{}
	for done := map[string]bool{}; len(done) < segments; {
		m, err := consumer.Next(natsjs.FetchContext(ctx))
		if err != nil {
			return nil, err
		}
		e, err := host.DecodeEvent(m.Data())
		if err != nil {
			return nil, err
		}
		s, err := event.Decode[event.SegmentMasked](e)
		if err != nil {
			return nil, err
		}
		if key := strings.Join([]string{s.Drop.ID, fmt.Sprint(s.Segment)}, "/"); !done[key] {
			done[key] = true
			total[s.Drop.Partner] += time.Since(start)
			seen[s.Drop.Partner]++
		}
	}
	for partner := range total {
		total[partner] /= time.Duration(seen[partner])
	}
	return total, nil
}

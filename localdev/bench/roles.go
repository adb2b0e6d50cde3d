package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
)

// role is what one process does.
type role struct {
	name     string
	folder   string // what it works in; the role behind it may take up what it leaves there
	prepared bool   // the folder is made anew, with a published exchange and the file as a drop
	runs     int    // at least; the one with the least CPU time counts; 0 stands for just 1
	run      func(ctx context.Context, dir, file string) error
}

// roles are run in this order. Those that the verdict goes by are run several
// times: what comes on top of the least is not theirs but the machine's.
var roles = []role{
	{name: "memcpy", run: func(_ context.Context, _, file string) error { return memcpy(file) }},
	{name: "newlines", run: func(_ context.Context, _, file string) error { return newlines(file) }},
	{name: "sha256", run: func(_ context.Context, _, file string) error { return digest(file) }},
	{name: "plain", folder: "plain", runs: 2, run: func(_ context.Context, dir, file string) error { return plain(dir, file) }},
	{name: "single", folder: "single", runs: 3, run: func(_ context.Context, dir, file string) error { return single(dir, file) }},
	{name: "ingest", folder: "functions", prepared: true, run: runIngest},
	{name: "mask", folder: "functions", run: runMask},
	{name: "fanout", folder: "functions", run: runFanout},
	{name: "audit", folder: "functions", run: runAudit},
	{name: "chain", folder: "chain", prepared: true, runs: 3, run: runChain},
}

func runRole(ctx context.Context, name string, args []string) error {
	if len(args) != 2 {
		return errors.New("a role takes a folder and a file")
	}
	switch name { // those that are not measured themselves
	case "prepare":
		return prepare(ctx, args[0], args[1])
	case "worker": // see measureWorkers
		return runWorker(ctx, args[0], args[1])
	}
	for _, r := range roles {
		if r.name == name {
			return r.run(ctx, args[0], args[1])
		}
	}
	return fmt.Errorf("there is no role %q", name)
}

const dropKey = stories.BenchPartner + "/" + stories.BenchContract + "/payments.csv"

// prepare publishes the exchange and lays the file into its drops folder.
func prepare(ctx context.Context, dir, file string) error {
	if err := stories.WriteBench(dir); err != nil {
		return err
	}
	s, err := stack.Open(ctx, dir, stack.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := s.Publish(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	if err := s.Close(); err != nil {
		return err
	}
	return lay(dir, file)
}

func lay(dir, file string) error {
	to := filepath.Join(stack.Layout(dir).Drops, filepath.FromSlash(dropKey))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Link(file, to)
}

func eventsFile(dir, function string) string { return filepath.Join(dir, function+".events") }

// drive hands every event of one function's file to another function, one by
// one, and keeps what it answers.
func drive(ctx context.Context, dir, from, name string, h host.Handler) error {
	in, err := os.Open(eventsFile(dir, from))
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(eventsFile(dir, name))
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	for dec := json.NewDecoder(bufio.NewReader(in)); ; {
		var e event.Event
		if err := dec.Decode(&e); err == io.EOF {
			return out.Close()
		} else if err != nil {
			return err
		}
		made, err := h.Handle(ctx, e)
		if err != nil {
			return err
		}
		for _, m := range made {
			if m.Type() == event.TypeDropRejected || m.Type() == event.TypeDeliveryFailed {
				return fmt.Errorf("%s: %s", m.Type(), m.Data())
			}
			if err := enc.Encode(m); err != nil {
				return err
			}
		}
	}
}

func runIngest(ctx context.Context, dir, file string) error {
	e, err := event.Origin("bench", event.TypeDropReceived, "/bench", time.Now(), event.DropReceived{Key: dropKey})
	if err != nil {
		return err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := os.WriteFile(eventsFile(dir, "drops"), data, 0o600); err != nil {
		return err
	}
	f, err := ingest.Open(ctx, stack.Layout(dir).Ingest())
	if err != nil {
		return err
	}
	return errors.Join(drive(ctx, dir, "drops", "ingest", f), f.Close())
}

func runMask(ctx context.Context, dir, _ string) error {
	f, err := mask.Open(ctx, stack.Layout(dir).Mask())
	if err != nil {
		return err
	}
	return errors.Join(drive(ctx, dir, "ingest", "mask", f), f.Close())
}

func runFanout(ctx context.Context, dir, _ string) error {
	f, err := fanout.Open(ctx, stack.Layout(dir).Fanout())
	if err != nil {
		return err
	}
	return errors.Join(drive(ctx, dir, "mask", "fanout", f), f.Close())
}

func runAudit(ctx context.Context, dir, _ string) error {
	cfg, err := stack.Layout(dir).Audit()
	if err != nil {
		return err
	}
	f, err := audit.Open(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(drive(ctx, dir, "fanout", "audit", f), f.Close())
}

// runChain runs everything in one process, as `sallyport up` does.
func runChain(ctx context.Context, dir, _ string) error {
	s, err := stack.Open(ctx, dir, stack.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(running) }()
	err = s.Idle(ctx)
	stop()
	return errors.Join(err, <-done, s.Close())
}

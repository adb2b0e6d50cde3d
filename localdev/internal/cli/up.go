package cli

import (
	"context"
	"log/slog"

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

type upCommand struct {
	dirArgument
	HTTP    string `default:"127.0.0.1:0" placeholder:"ADDR" help:"Where events are taken by HTTP; port 0 takes one that is free, \"\" takes none. There is no authentication: keep it on loopback."`
	Verbose bool   `short:"v" help:"Log every event that a function handles, instead of a line for each drop and delivery."`
	JSON    bool   `name:"json" help:"Log in JSON."`
}

func (upCommand) Help() string {
	return `Runs ingest, mask, fanout and audit in one process, over folders in .sallyport and a queue of its own. A file that appears in the drops folder is taken; configuration that changes is published, unless something is wrong with it. Nothing is lost if the process is killed: the next one goes on where it stopped.

Examples:

    sallyport up
    sallyport up myexchange --http 127.0.0.1:8080
    sallyport up --json 2>chain.log`
}

// Run runs the chain until Ctrl-C.
func (c upCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	p, err := f.Policy()
	if err != nil {
		return err
	}
	logger, narrate := c.logger(s, f)
	chain, err := f.Start(s, local.StartOptions{Logger: logger, HTTP: c.HTTP})
	if err != nil {
		return err
	}
	telling, told := context.WithCancel(context.WithoutCancel(s.Context))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		narrate(telling)
	}()
	s.out.Printf("%s %s\n", s.out.Paint(show.Good, "up"), s.out.Paint(show.Title, p.Bundle().Name()))
	field := func(name, text string) {
		s.out.Printf("  %s %s\n", s.out.Paint(show.Faint, name), show.Clean(text))
	}
	field("drops     ", f.Drops("<partner>/<contract>/<file>"))
	if url, err := f.Endpoint(); err == nil {
		field("events    ", url+"/partners/<partner>/<contract>")
		if len(p.Bundle().Grants()) > 0 {
			field("reveal    ", url+reveal.Path)
		}
	}
	field("quarantine", f.Quarantined("<partner>"))
	field("ledger    ", f.LedgerDir())
	s.out.Printf("%s\n", s.out.Paint(show.Faint, "Ctrl-C ends it."))
	err = chain.Wait(s)
	told()
	<-ended
	if err != nil {
		return err
	}
	s.out.Printf("stopped; sallyport up goes on from here\n")
	return nil
}

// logger is where the chain logs, and what tells of it meanwhile.
func (c upCommand) logger(s *session, f *local.Folder) (*slog.Logger, func(context.Context)) {
	if c.Verbose || c.JSON {
		return telemetry.Logger(s.err, slog.LevelInfo, c.JSON), func(ctx context.Context) { <-ctx.Done() }
	}
	n := newNarrator(s.out, telemetry.Logger(s.err, slog.LevelWarn, false).Handler(), func(ctx context.Context, id string) (event.Event, error) {
		log, err := f.Ledger()
		if err != nil {
			return event.Event{}, err
		}
		defer log.Close()
		return log.Event(ctx, id)
	})
	return slog.New(telemetry.Guard(n)), n.run
}

// logger is where a chain logs that a command runs by the way: only what needs
// attention, unless everything is wanted.
func (s *session) logger(verbose bool) *slog.Logger {
	if verbose {
		return telemetry.Logger(s.err, slog.LevelInfo, false)
	}
	return telemetry.Logger(s.err, slog.LevelError, false)
}

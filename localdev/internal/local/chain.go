package local

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/history"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// remembered is how many drops are looked through for one.
const remembered = 100_000

// Chain is a chain that runs in this process.
type Chain struct {
	stack *stack.Stack
	stop  context.CancelFunc
	done  chan error
}

// StartOptions of a chain.
type StartOptions struct {
	// Logger gets what the chain logs; nil: nothing is logged.
	Logger *slog.Logger
	// HTTP is the address at which events are taken; "": none are.
	HTTP string
}

// Start publishes the exchange, if it is in order, and runs its chain in this
// process until Stop. On a folder on which one runs already it is a fault of the
// code stack.CodeLocked.
func (f *Folder) Start(ctx context.Context, opts StartOptions) (*Chain, error) {
	s, err := stack.Open(ctx, f.Dir, stack.Options{Logger: opts.Logger, HTTP: opts.HTTP})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &Chain{stack: s, stop: stop, done: make(chan error, 1)}
	go func() { c.done <- s.Run(running) }()
	return c, nil
}

// Idle waits until the chain has nothing left to do. A delivery that is tried
// again is something to do: give ctx a deadline.
func (c *Chain) Idle(ctx context.Context) error { return c.while(ctx, c.stack.Idle) }

// while runs wait unless the chain ends before.
func (c *Chain) while(ctx context.Context, wait func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	waited := make(chan error, 1)
	go func() { waited <- wait(ctx) }()
	select {
	case err := <-waited:
		return err
	case err := <-c.done:
		c.done <- err // for Stop
		cancel()
		<-waited
		return fault.Wrap(fault.Retry, "chain-ended", err, "the chain ended before it had done everything")
	}
}

// Wait waits until ctx is done and ends the chain then, or until it ends by
// itself.
func (c *Chain) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case err := <-c.done:
		c.done <- err // for Stop
	}
	return c.Stop()
}

// Stop ends the chain; what is under way is finished, or taken up again by the
// next one.
func (c *Chain) Stop() error {
	c.stop()
	return errors.Join(<-c.done, c.stack.Close())
}

// Await returns a drop once nothing more will happen to it by itself. If no
// chain runs on the folder, one is run until then.
func (f *Folder) Await(ctx context.Context, drop string, logger *slog.Logger) (*history.Drop, error) {
	chain, err := f.Start(ctx, StartOptions{Logger: logger})
	if fault.CodeOf(err) == stack.CodeLocked {
		return f.follow(ctx, drop)
	}
	if err != nil {
		return nil, err
	}
	var d *history.Drop
	err = chain.while(ctx, func(ctx context.Context) (err error) {
		d, err = f.follow(ctx, drop)
		return err
	})
	if err := errors.Join(err, chain.Stop()); err != nil {
		return nil, err
	}
	return d, nil
}

// pause is that between two looks at the ledger.
const pause = 100 * time.Millisecond

// follow looks into the ledger, which a chain in this process or another writes,
// until nothing more will happen to the drop.
func (f *Folder) follow(ctx context.Context, drop string) (*history.Drop, error) {
	log, err := f.Ledger()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	h, records := history.New(remembered), log.Cursor()
	for seen := int64(-1); ; {
		if err := records.Records(ctx, h.Add); err != nil {
			return nil, err
		}
		if size := h.Totals.Records; size != seen {
			if d := h.Drop(drop); d != nil {
				settled, err := f.settled(ctx, d)
				if settled || err != nil {
					return d, err
				}
			}
			seen = size
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// settled asks the exchange that the drop is pinned to who gets it, as mask
// does, and the ledger whether they have.
func (f *Folder) settled(ctx context.Context, d *history.Drop) (bool, error) {
	if d.Outcome == nil || !d.Outcome.Accepted {
		return d.Settled(nil), nil
	}
	b, err := f.Exchange(ctx, d.Outcome.Exchange)
	if err != nil {
		return false, err
	}
	p, err := policy.Compile(b)
	if err != nil {
		return false, err
	}
	var due []string
	for _, feed := range p.Feeds(d.Contract, d.Version, d.Object) {
		for _, v := range feed.Views {
			for _, s := range v.Standing(d.Time) {
				due = append(due, s.ID)
			}
		}
	}
	return d.Settled(due), nil
}

package fanout

import (
	"context"
	"errors"
	"sync"

	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// keepOpen is how many destinations stay open that nobody uses at the moment, so
// that memory does not grow with the number of partners.
const keepOpen = 256

// pool keeps destinations open between deliveries, one per target.
type pool struct {
	opener deliver.Opener

	mu      sync.Mutex
	targets map[deliver.Target]*pooled
}

type pooled struct {
	users int // under pool.mu

	opening sync.Mutex
	to      deliver.Destination // nil until it is open
}

func newPool(o deliver.Opener) *pool {
	return &pool{opener: o, targets: map[deliver.Target]*pooled{}}
}

// acquire gives the destination of a target. release must be called with the
// error of what was done with it: one that was unavailable is opened anew, in
// case it is the connection or a credential that has ended.
func (p *pool) acquire(ctx context.Context, t deliver.Target) (to deliver.Destination, release func(error), err error) {
	p.mu.Lock()
	e := p.targets[t]
	if e == nil {
		e = &pooled{}
		p.targets[t] = e
	}
	e.users++
	p.mu.Unlock()

	e.opening.Lock()
	defer e.opening.Unlock()
	if e.to == nil {
		// A destination outlives the delivery that it is opened for.
		if e.to, err = deliver.Open(context.WithoutCancel(ctx), t, p.opener); err != nil {
			p.release(t, e, err)
			return nil, nil, err
		}
	}
	return e.to, func(err error) { p.release(t, e, err) }, nil
}

func (p *pool) release(t deliver.Target, e *pooled, err error) {
	p.mu.Lock()
	e.users--
	current := p.targets[t] == e
	if current && (fault.CodeOf(err) == deliver.CodeUnavailable || e.users == 0 && len(p.targets) > keepOpen) {
		delete(p.targets, t)
		current = false
	}
	last := !current && e.users == 0
	p.mu.Unlock()
	if last && e.to != nil {
		_ = e.to.Close() // all that was delivered was acknowledged before
	}
}

// close closes all destinations. None may be in use.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for t, e := range p.targets {
		if e.to != nil {
			errs = append(errs, e.to.Close())
		}
		delete(p.targets, t)
	}
	return errors.Join(errs...)
}

package local

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
)

// CodeNoGrant is the code of a fault: the partner has no such grant (Invalid).
const CodeNoGrant = "no-grant"

// Newest is the bundle that was published last. On a folder on which no chain ever
// ran it is a fault of the code CodeNeverRan.
func (f *Folder) Newest(ctx context.Context) (*exchange.Bundle, error) {
	if _, err := os.Stat(f.layout.Config); err != nil {
		return nil, f.neverRan()
	}
	b, err := filebucket.Open(f.layout.Config, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "bucket-open", err, "the published exchanges cannot be opened")
	}
	defer b.Close()
	newest, err := exchange.Open(b).Newest(ctx)
	if fault.CodeOf(err) == "no-exchange" {
		return nil, f.neverRan()
	}
	return newest, err
}

// Grant is a grant of a partner, as it was published last.
func (f *Folder) Grant(ctx context.Context, partner, id string) (*exchange.Grant, error) {
	newest, err := f.Newest(ctx)
	if err != nil {
		return nil, err
	}
	p := newest.Partner(partner)
	if p == nil {
		return nil, fault.New(fault.Invalid, CodeNoGrant, fmt.Sprintf("the published exchange has no partner %q", partner),
			"partners: "+join(newest.Partners(), func(p *exchange.Partner) string { return p.ID }))
	}
	g := newest.Grant(id)
	if g == nil || g.Partner() != p {
		do := "write one under reveal: in the partner's file; sallyport up publishes it"
		if len(p.Reveal) > 0 {
			do = "its grants: " + join(p.Reveal, func(g *exchange.Grant) string { return g.ID })
		}
		return nil, fault.New(fault.Invalid, CodeNoGrant, fmt.Sprintf("partner %s has no grant %q in the published exchange", partner, id), do)
	}
	return g, nil
}

// Reveal has function reveal answer requests of a caller who has the folder, with
// its keys and by its published exchange. What it does is in the ledger before it
// answers. A chain may run meanwhile.
func (f *Folder) Reveal(ctx context.Context, caller string, requests []reveal.Request) (answers []reveal.Answer, err error) {
	if _, err := f.KeyRing(); err != nil {
		return nil, err
	}
	cfg, err := f.layout.Audit()
	if err != nil {
		return nil, err
	}
	recorder, err := audit.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, recorder.Close()) }()
	fn, err := reveal.Open(ctx, f.layout.Reveal())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fn.Close()) }()
	publish := func(ctx context.Context, events []event.Event) error {
		_, err := recorder.HandleBatch(ctx, events)
		return err
	}
	for _, r := range requests {
		a, err := fn.Reveal(ctx, caller, r, publish)
		if err != nil {
			return answers, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// Package demo shows a newcomer what Sallyport does: it runs the three stories
// of package stories through a whole chain, and puts what was dropped next to
// what each partner received.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/history"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// Options of a demo.
type Options struct {
	// Dir is the folder to write the exchange into: empty, or not there yet.
	// "": a temporary one.
	Dir string
	// Keep leaves a temporary folder where it is.
	Keep bool
	// Logger gets what the chain logs.
	Logger *slog.Logger
}

// Run runs the demo and shows it. If it fails a temporary folder is kept only if
// that was asked for.
func Run(ctx context.Context, out *show.Screen, opts Options) (err error) {
	began := time.Now()
	dir, kept := opts.Dir, true
	if dir == "" {
		if dir, err = os.MkdirTemp("", "sallyport-demo-"); err != nil {
			return fault.Wrap(fault.Retry, "folder-write", err, "there is no place for a temporary folder")
		}
		if kept = opts.Keep; !kept {
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		}
	}
	d := demo{out: out}
	if err := d.prepare(dir); err != nil {
		return err
	}
	if err := d.run(ctx, opts.Logger); err != nil {
		return err
	}
	for i, drop := range d.drops {
		if err := d.story(ctx, i, drop); err != nil {
			return err
		}
	}
	return d.end(ctx, time.Since(began), dir, kept)
}

// demo is one run.
type demo struct {
	out    *show.Screen
	folder *local.Folder
	policy *policy.Policy
	drops  []stories.Drop
	told   []*history.Drop // what the ledger tells of each
}

// prepare writes the exchange and says what it is.
func (d *demo) prepare(dir string) (err error) {
	if _, err := local.WriteExample(dir); err != nil {
		return err
	}
	if d.folder, err = local.Open(dir); err != nil {
		return err
	}
	if d.policy, err = d.folder.Policy(); err != nil {
		return err
	}
	d.drops = stories.Drops()
	b := d.policy.Bundle()
	subscriptions := 0
	for _, p := range b.Partners() {
		subscriptions += len(p.Subscriptions)
	}
	d.out.Printf("%s\n", d.out.Paint(show.Title, "Data from one organisation to others: checked, masked, delivered, on record."))
	d.out.Text(0, fmt.Sprintf("An exchange of %s, %s, %s and %s was written to %s. Its chain runs in this process: ingest, mask, fanout and audit, over folders and a queue of its own. All data is made up.",
		show.Count(int64(len(b.Contracts())), "data contract"), show.Count(int64(len(b.Partners())), "partner"),
		show.Count(int64(subscriptions), "subscription"), show.Count(int64(len(b.Profiles())), "masking profile"), dir))
	return nil
}

// patience is how long the chain may take: much longer than it does.
const patience = 2 * time.Minute

// run drops every file and waits until the chain has nothing left to do.
func (d *demo) run(ctx context.Context, logger *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	chain, err := d.folder.Start(ctx, local.StartOptions{Logger: logger})
	if err != nil {
		return err
	}
	var ids []string
	for _, drop := range d.drops {
		laid, layErr := d.folder.Lay(ctx, drop.Key(), bytes.NewReader(drop.Data), func(int64) {})
		if err = layErr; err != nil {
			break
		}
		ids = append(ids, laid.Drop)
	}
	if err == nil {
		err = chain.Idle(ctx)
	}
	if err := errors.Join(err, chain.Stop()); err != nil {
		return err
	}
	h, err := d.folder.History(ctx, 100, func(int64) {})
	if err != nil {
		return err
	}
	for i, id := range ids {
		told := h.Drop(id)
		if told == nil || told.Outcome == nil {
			return fault.New(fault.Retry, "demo", "the chain came to rest without taking "+d.drops[i].Key(), "run the demo again with --keep, and look into its folder")
		}
		d.told = append(d.told, told)
	}
	return nil
}

// end verifies the ledger and says what to try next.
func (d *demo) end(ctx context.Context, took time.Duration, dir string, kept bool) error {
	log, err := d.folder.Ledger()
	if err != nil {
		return err
	}
	defer log.Close()
	report, err := log.Verify(ctx, func(int64, int64) {})
	if err != nil {
		return err
	}
	d.out.Heading("On record")
	d.out.Printf("%s: %s under one signed root\n", d.out.Paint(show.Good, "verified"), show.Count(report.Entries, "record"))
	d.out.Printf("  %s\n", d.out.Paint(show.Faint, report.Root.String()))
	d.out.Text(0, "Each drop, segment and delivery is an entry of a Merkle tree (C2SP tlog-tiles). Change a byte of it, and verifying names the object.")
	d.out.Heading("What next")
	at := "myexchange"
	if kept {
		at = dir
	}
	next := show.Table{Columns: []show.Column{{}, {}}}
	try := func(command, why string) {
		next.Add(show.Cell{Text: command, Style: show.Accent}, show.Cell{Text: why})
	}
	if !kept {
		try("sallyport init "+at, "write this exchange into a folder, commented")
	}
	try("sallyport check "+at, "see what leaves to whom, and how")
	try("sallyport up "+at, "run it, and drop files of your own")
	if kept {
		try("sallyport status "+at, "see again what became of the drops")
		try("sallyport audit verify "+at, "verify the ledger")
	}
	d.out.Table(&next)
	d.out.Printf("\n%s\n", d.out.Paint(show.Faint, fmt.Sprintf("That took %.1f seconds.", took.Seconds())))
	return nil
}

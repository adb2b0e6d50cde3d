package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/history"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/policy"
)

type dropCommand struct {
	File     string `arg:"" type:"existingfile" help:"The file to drop."`
	As       string `required:"" placeholder:"PARTNER" help:"Id of the partner that drops it."`
	Contract string `required:"" placeholder:"NAME" help:"Id or name of the contract that it is held to."`
	dirFlag
	Name    string        `placeholder:"PATH" help:"Where it lies below the partner's prefix. Default: its own name, where the partner may drop for the contract."`
	Wait    bool          `help:"Wait until it was taken or refused and every delivery is done, and say so."`
	Timeout time.Duration `default:"10m" help:"How long to wait at most."`
	jsonFlag
}

func (dropCommand) Help() string {
	return `Copies the file into the drops folder, whole or not at all, and never over another. A running sallyport up takes it at once; if none runs the drop waits for one, or with --wait the chain is run until this drop is done.

With --wait the exit code is 3 if the drop was refused, rows of it were invalid or a delivery failed.

Examples:

    sallyport drop payments.csv --as harbour-bank --contract payments
    sallyport drop payments.csv --as harbour-bank --contract payments --wait
    sallyport drop today.ndjson -C myexchange --as northwind-tools \
        --contract inventory --name inventory/2026-11-23.ndjson --wait --json`
}

// Run drops the file.
func (c dropCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	p, err := f.Policy()
	if err != nil {
		return err
	}
	key, err := c.key(p)
	if err != nil {
		return err
	}
	d, err := c.lay(s, f, key)
	if err != nil {
		return err
	}
	if !c.Wait {
		return c.report(s, f, d)
	}
	ctx, cancel := context.WithTimeout(s, c.Timeout)
	defer cancel()
	outcome, err := f.Await(ctx, d.Drop, s.logger(false))
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) && s.Context.Err() == nil {
			return failure(fmt.Sprintf("drop %s is not done after %s", d.Drop, c.Timeout), "it goes on where it is: sallyport status --drop "+shortID(d.Drop)+" shows it; wait longer with --timeout")
		}
		return err
	}
	if state := outcome.State(); state != history.Done || outcome.Outcome.Rows.Invalid > 0 {
		s.code = Refused
	}
	if c.JSON {
		return s.json(statusDrop{outcome.State(), outcome})
	}
	showDrop(s.out, f, outcome)
	return nil
}

// key is where the file goes in the drops folder.
func (c dropCommand) key(p *policy.Policy) (string, error) {
	if c.Name == "" {
		return local.KeyFor(p, c.As, c.Contract, filepath.Base(c.File))
	}
	return local.CheckKey(p, c.As+"/"+c.Name, c.Contract)
}

// lay copies the file, and shows how far it is.
func (c dropCommand) lay(s *session, f *local.Folder, key string) (laid local.Laid, err error) {
	in, err := os.Open(c.File)
	if err != nil {
		return laid, failure("the file cannot be opened: "+err.Error(), "")
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return laid, failure(c.File+" is not a file that can be copied", "drop files one by one")
	}
	progress := s.err.Progress("copying", info.Size(), show.Bytes)
	defer progress.Done()
	return f.Lay(s, key, in, func(done int64) { progress.Set(done, info.Size()) })
}

// report says that the file lies there, and who will take it.
func (c dropCommand) report(s *session, f *local.Folder, d local.Laid) error {
	running, err := f.Running()
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(struct {
			local.Laid
			Running bool `json:"running"` // a chain that takes it
		}{d, running})
	}
	s.out.Printf("dropped %s (%s) as %s\n", s.out.Paint(show.Title, d.Key), show.Bytes(d.Size), shortID(d.Drop))
	if running {
		s.out.Printf("  %s\n", s.out.Paint(show.Faint, "sallyport status --drop "+shortID(d.Drop)+" shows what becomes of it"))
	} else {
		s.out.Printf("  %s\n", s.out.Paint(show.Changed, "it waits: sallyport up takes it, or use --wait"))
	}
	return nil
}

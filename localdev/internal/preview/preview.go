// Package preview shows what a subscription would see of a file that nobody has
// dropped: ingest and mask run over it, on folders of their own that are gone
// afterwards. What it shows is what they made.
package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/localdev/internal/rows"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// File is what is to be looked at, as if it lay under Key in the drops bucket.
type File struct {
	Key  string
	From io.Reader
}

// Options say how.
type Options struct {
	Rows int    // shown at most
	Ring string // a file with a key ring; "": one that is thrown away
}

// Seen is what a subscription would see.
type Seen struct {
	Outcome  event.DropOutcome // Fault says why the file would be refused
	Broken   []Broken          // rules that it breaks, as its report has them
	Rows     []Row             // the first ones that leave
	Leaves   int64             // how many there are
	Kept     int64             // rows that the filter lets through and that do not leave
	Withheld *event.Fault      // why a segment of it would not leave
}

// Broken is a rule that a row, or the file, breaks.
type Broken struct {
	Row  int64  `json:"row"`
	Path string `json:"path"`
	Rule string `json:"rule"`
	Want string `json:"want"`
}

// Row is a row on both sides. Dropped is nil where the row was dropped in another
// version of the contract, and where rows leave by how many are like them.
type Row struct{ Dropped, Received rows.Row }

// Of runs a file through ingest and mask, for one subscription.
func Of(ctx context.Context, p *policy.Policy, sub *exchange.Subscription, f File, o Options) (_ *Seen, err error) {
	dir, err := os.MkdirTemp("", "sallyport-preview-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := chain{at: stack.Layout(dir), policy: p}
	if err := c.prepare(ctx, f, o.Ring); err != nil {
		return nil, err
	}
	outcomes, err := c.ingest(ctx, f.Key)
	if err != nil {
		return nil, err
	}
	seen := &Seen{}
	for _, e := range outcomes {
		switch e.Type() {
		case event.TypeDropAccepted, event.TypeDropRejected:
			if seen.Outcome, err = event.Decode[event.DropOutcome](e); err != nil {
				return nil, err
			}
		case event.TypeSegmentAccepted:
			if err := c.mask(ctx, e, sub, o.Rows, seen); err != nil {
				return nil, err
			}
		}
	}
	return seen, c.report(ctx, seen)
}

// chain is the part of it that a preview needs.
type chain struct {
	at     stack.Places
	policy *policy.Policy
}

// prepare lays down what the functions read: file, configuration, keys.
func (c chain) prepare(ctx context.Context, f File, ring string) error {
	if err := c.with(c.at.Config, func(b *blob.Bucket) error {
		return exchange.Open(b).Publish(ctx, c.policy.Bundle())
	}); err != nil {
		return err
	}
	if err := c.with(c.at.Drops, func(b *blob.Bucket) error {
		w, err := store.NewWriter(ctx, b, f.Key)
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, f.From); err != nil {
			w.Abort()
			return err
		}
		_, _, err = w.Commit()
		return err
	}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.at.Keyring), 0o700); err != nil {
		return err
	}
	if ring == "" {
		return keys.Create(ctx, (&url.URL{Scheme: "file", Path: filepath.ToSlash(c.at.Keyring)}).String())
	}
	data, err := os.ReadFile(ring)
	if err != nil {
		return err
	}
	return os.WriteFile(c.at.Keyring, data, 0o600)
}

func (c chain) with(folder string, do func(*blob.Bucket) error) error {
	b, err := filebucket.Open(folder, &filebucket.Options{})
	if err != nil {
		return err
	}
	return errors.Join(do(b), b.Close())
}

func (c chain) ingest(ctx context.Context, key string) (made []event.Event, err error) {
	f, err := ingest.Open(ctx, c.at.Ingest())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	e, err := event.Origin("preview", event.TypeDropReceived, "/sallyport/preview", time.Now(), event.DropReceived{Key: key})
	if err != nil {
		return nil, err
	}
	return f.Handle(ctx, e)
}

// mask masks an accepted segment and takes what is the subscription's.
func (c chain) mask(ctx context.Context, accepted event.Event, sub *exchange.Subscription, most int, seen *Seen) (err error) {
	segment, err := event.Decode[event.SegmentAccepted](accepted)
	if err != nil {
		return err
	}
	f, err := mask.Open(ctx, c.at.Mask())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	made, err := f.Handle(ctx, accepted)
	if err != nil {
		return err
	}
	for _, e := range made {
		if e.Type() == event.TypeDeliveryFailed {
			failed, err := event.Decode[event.Delivery](e)
			if err != nil {
				return err
			}
			if failed.Subscription == sub.ID {
				seen.Withheld = failed.Fault
			}
			continue
		}
		masked, err := event.Decode[event.SegmentMasked](e)
		if err != nil {
			return err
		}
		if masked.Subscription != sub.ID {
			continue
		}
		seen.Kept += masked.Suppressed
		if masked.Rows > 0 {
			seen.Leaves += masked.Rows
			if err := c.pair(ctx, segment, masked, c.policy.View(sub), most, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// pair reads the rows of a segment on both sides: they stand in the same order, and
// the filter says which are there.
func (c chain) pair(ctx context.Context, segment event.SegmentAccepted, masked event.SegmentMasked, v *policy.View, most int, seen *Seen) error {
	most -= len(seen.Rows)
	received, err := c.rows(ctx, c.at.Masked, masked.Object.Key, masked.Format, v.Schema, most, nil)
	if err != nil {
		return err
	}
	var dropped []rows.Row
	if segment.Drop.Version == v.Contract.Version && v.KAnonymity == nil {
		leaving, err := rows.Leaving(v, nil)
		if err != nil {
			return err
		}
		if dropped, err = c.rows(ctx, c.at.Landing, segment.Object.Key, segment.Format, v.Schema, most, leaving); err != nil {
			return err
		}
		if len(dropped) != len(received) {
			return fault.New(fault.Poison, "preview", fmt.Sprintf("%d rows of %d were masked", len(received), len(dropped)), "the exchange has changed meanwhile; run it again")
		}
	}
	for i := range received {
		r := Row{Received: received[i]}
		if dropped != nil {
			r.Dropped = dropped[i]
		}
		seen.Rows = append(seen.Rows, r)
	}
	return nil
}

// rows reads the first rows of an object that of lets through.
func (c chain) rows(ctx context.Context, folder, key string, wire event.Format, s *record.Schema, most int, of func(*record.Batch, int, int64) bool) (all []rows.Row, err error) {
	format, err := record.ParseFormat(wire, s)
	if err != nil {
		return nil, err
	}
	err = c.with(folder, func(b *blob.Bucket) error {
		r, err := b.NewReader(ctx, key, nil)
		if err != nil {
			return err
		}
		defer r.Close()
		n := 0
		all, err = rows.ReadAs(r, format, s, func(b *record.Batch, row int, number int64) bool {
			if n >= most || of != nil && !of(b, row, number) {
				return false
			}
			n++
			return true
		})
		return err
	})
	return all, err
}

// maxReport bounds the report that is read.
const maxReport = 16 << 20

// report reads which rules the file breaks.
func (c chain) report(ctx context.Context, seen *Seen) error {
	ref := seen.Outcome.Report
	if ref == nil {
		return nil
	}
	return c.with(c.at.Quarantine, func(b *blob.Bucket) error {
		data, err := store.Read(ctx, b, ref.Key, maxReport)
		if err != nil {
			return err
		}
		var report struct {
			Violations []Broken `json:"violations"`
		}
		if err := json.Unmarshal(data, &report); err != nil {
			return fault.New(fault.Poison, "report-broken", "the report cannot be read", "")
		}
		seen.Broken = report.Violations
		return nil
	})
}

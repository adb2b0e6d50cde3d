package local

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/localdev/internal/history"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/ledger"
)

// Ledger is the ledger of a folder, for reading.
type Ledger struct {
	*ledger.Reader
	// Origin is its name in checkpoints.
	Origin string

	bucket   *blob.Bucket
	verifier note.Verifier
}

// Ledger opens the ledger, whose public key lies in the folder. A chain may run
// meanwhile. On a folder on which none ever ran it is a fault of the code
// CodeNeverRan.
func (f *Folder) Ledger() (*Ledger, error) {
	if _, err := os.Stat(f.layout.LedgerPub); errors.Is(err, fs.ErrNotExist) {
		return nil, f.neverRan()
	}
	verifier, err := f.layout.Verifier()
	if err != nil {
		return nil, err
	}
	bucket, err := filebucket.Open(f.layout.Ledger, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "bucket-open", err, "the ledger cannot be opened")
	}
	origin := verifier.Name()
	return &Ledger{Reader: ledger.OpenReader(bucket, verifier, origin), Origin: origin, bucket: bucket, verifier: verifier}, nil
}

// Verify is ledger.Verify of it.
func (l *Ledger) Verify(ctx context.Context, progress func(done, total int64)) (ledger.Report, error) {
	return ledger.Verify(ctx, l.bucket, l.verifier, l.Origin, progress)
}

// Close closes it.
func (l *Ledger) Close() error { return l.bucket.Close() }

// History reads the whole ledger; of the drops the newest are kept, so many.
// progress is told how many records are read. A chain that never ran has none.
func (f *Folder) History(ctx context.Context, keep int, progress func(done int64)) (*history.History, error) {
	h := history.New(keep)
	log, err := f.Ledger()
	if fault.CodeOf(err) == CodeNeverRan {
		return h, nil
	}
	if err != nil {
		return nil, err
	}
	defer log.Close()
	err = log.Records(ctx, func(index int64, r ledger.Record) error {
		progress(index + 1)
		return h.Add(index, r)
	})
	return h, err
}

// Event is the event of the chain that is recorded under an id, proved to be in
// the ledger.
func (l *Ledger) Event(ctx context.Context, id string) (event.Event, error) {
	var e event.Event
	receipt, err := l.Receipt(ctx, id)
	if err != nil {
		return e, err
	}
	r, err := ledger.VerifyReceipt(receipt, l.verifier, l.Origin)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(r.JSON, &e); err != nil {
		return e, fault.New(fault.Poison, "ledger-record", "a record of the ledger is not an event of the chain", "another version may have written it")
	}
	return e, nil
}

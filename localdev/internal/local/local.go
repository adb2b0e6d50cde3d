// Package local is an exchange folder on this machine as the commands of
// sallyport see it: its configuration, its drops, its ledger, and the chain that
// runs on it, in this process or in another.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/store"
)

// The codes of this package's faults.
const (
	CodeNoExchange = "no-exchange" // Invalid: the folder holds no exchange.yaml
	CodeNeverRan   = "never-ran"   // Invalid: the chain has never run on it
	CodeNotRunning = "not-running" // Invalid: no chain runs that takes events
	CodeKeyTaken   = "key-taken"   // Invalid: something lies there already
	CodeNoPlace    = "no-place"    // Invalid: the partner has no place for such a drop
	CodeNotEmpty   = "not-empty"   // Invalid: an exchange is written into an empty folder only
)

// Folder is an exchange folder. It may be used by any number of goroutines.
type Folder struct {
	// Dir is its absolute path.
	Dir string

	layout stack.Places
}

// Open takes a folder that holds an exchange, in order or not.
func Open(dir string) (*Folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, CodeNoExchange, err, "the folder cannot be found")
	}
	_, err = os.Stat(filepath.Join(abs, "exchange.yaml"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Invalid, CodeNoExchange, dir+" is no exchange: there is no exchange.yaml in it", "name the folder of one, or make one with sallyport init DIR")
	case err != nil:
		return nil, fault.Wrap(fault.Invalid, CodeNoExchange, err, "the folder cannot be read")
	}
	return &Folder{Dir: abs, layout: stack.Layout(abs)}, nil
}

// Policy is the exchange as its files are now, compiled. Problems with them are
// yamldoc.Problems.
func (f *Folder) Policy() (*policy.Policy, error) { return Policy(f.Dir) }

// Policy is Folder.Policy of any folder.
func Policy(dir string) (*policy.Policy, error) {
	b, err := exchange.Load(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	return policy.Compile(b)
}

// Laid is a file that lies in the drops folder.
type Laid struct {
	Drop   string `json:"drop"` // the id that the drop has
	Key    string `json:"key"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"`
}

// Lay copies r into the drops folder, whole or not at all and never over
// something else. progress is told the bytes that are copied.
func (f *Folder) Lay(ctx context.Context, key string, r io.Reader, progress func(done int64)) (laid Laid, err error) {
	// What the chain has is for its owner only: say so before filebucket makes it.
	if err := os.MkdirAll(f.layout.Data, 0o700); err != nil {
		return laid, unwritable(err)
	}
	drops, err := filebucket.Open(f.layout.Drops, nil)
	if err != nil {
		return laid, fault.Wrap(fault.Retry, "bucket-open", err, "the drops folder cannot be opened")
	}
	defer drops.Close()
	taken := &fault.Error{Kind: fault.Invalid, Code: CodeKeyTaken, Where: fault.Where{Object: key},
		Msg: "something lies there already", Do: "drop it under another name (--name): what was dropped is never replaced"}
	there, err := drops.Exists(ctx, key)
	switch {
	case err != nil:
		return laid, fault.Wrap(fault.Retry, "bucket-read", err, "cannot look into the drops folder")
	case there:
		return laid, taken
	}
	w, err := store.NewWriter(ctx, drops, key)
	if err != nil {
		return laid, err
	}
	if _, err := io.Copy(io.MultiWriter(w, teller{w, progress}), r); err != nil {
		w.Abort()
		return laid, fault.Wrap(fault.Retry, "copy", err, "the file could not be copied into the drops folder")
	}
	ref, created, err := w.Commit()
	switch {
	case fault.CodeOf(err) == store.CodeDiffers || err == nil && !created:
		return laid, taken
	case err != nil:
		return laid, err
	}
	attrs, err := drops.Attributes(ctx, key)
	if err != nil {
		return laid, fault.Wrap(fault.Retry, "bucket-read", err, "cannot look at what was copied")
	}
	return Laid{event.DropID(key, attrs.ETag), key, ref.Size, ref.Digest}, nil
}

// teller tells how much has been written.
type teller struct {
	w    *store.Writer
	tell func(int64)
}

func (t teller) Write(p []byte) (int, error) {
	t.tell(t.w.Size())
	return len(p), nil
}

// Report reads a drop's report, or another object in quarantine, of at most so
// many bytes.
func (f *Folder) Report(ctx context.Context, key string, max int64) ([]byte, error) {
	b, err := filebucket.Open(f.layout.Quarantine, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "bucket-open", err, "the quarantine cannot be opened")
	}
	defer b.Close()
	return store.Read(ctx, b, key, max)
}

// Quarantined is the path of an object in quarantine, for people to open.
func (f *Folder) Quarantined(key string) string {
	return filepath.Join(f.layout.Quarantine, filepath.FromSlash(key))
}

// Drops is the path of the place of a key in the drops folder.
func (f *Folder) Drops(key string) string {
	return filepath.Join(f.layout.Drops, filepath.FromSlash(key))
}

// LedgerDir is the path of the ledger.
func (f *Folder) LedgerDir() string { return f.layout.Ledger }

// Destination opens the bucket to which a URL of the exchange leads, if it is
// one on this machine.
func (f *Folder) Destination(ctx context.Context, url string) (*blob.Bucket, error) {
	mux := new(blob.URLMux)
	mux.RegisterBucket(filebucket.Scheme, &filebucket.URLOpener{Base: f.Dir})
	b, err := mux.OpenBucket(ctx, url)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "bucket-open", err, "the destination is not a folder on this machine")
	}
	return b, nil
}

// Exchange is the bundle to which a drop is pinned.
func (f *Folder) Exchange(ctx context.Context, digest string) (*exchange.Bundle, error) {
	b, err := filebucket.Open(f.layout.Config, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "bucket-open", err, "the published exchanges cannot be opened")
	}
	defer b.Close()
	return exchange.Open(b).Get(ctx, digest)
}

// KeyRing is the URL of its key ring, see keys.Open.
func (f *Folder) KeyRing() (string, error) {
	if _, err := os.Stat(f.layout.Keyring); err != nil {
		return "", f.neverRan()
	}
	return f.layout.Keyring, nil
}

// Running reports whether a chain runs on the folder, in any process.
func (f *Folder) Running() (bool, error) { return stack.Running(f.Dir) }

// Endpoint is the URL at which the chain that runs takes events.
func (f *Folder) Endpoint() (string, error) {
	running, err := f.Running()
	if err != nil {
		return "", err
	}
	if !running {
		return "", fault.New(fault.Invalid, CodeNotRunning, "no chain runs on "+f.Dir, "run sallyport up there, in another terminal")
	}
	addr, err := os.ReadFile(f.layout.HTTP)
	if err != nil {
		return "", fault.New(fault.Invalid, CodeNotRunning, "the chain that runs on "+f.Dir+" takes no events", "run sallyport up with --http; a chain that has just been started may need a moment")
	}
	return "http://" + strings.TrimSpace(string(addr)), nil
}

func (f *Folder) neverRan() error {
	return fault.New(fault.Invalid, CodeNeverRan, "the chain has never run on "+f.Dir, fmt.Sprintf("run sallyport up %s, or sallyport drop with --wait", f.Dir))
}

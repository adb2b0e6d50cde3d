// Package watch turns files in a folder into drop.received events.
//
// The folder is that of a bucket of shared/filebucket, so that whatever can
// write a file can drop: a shell, an SFTP server, a mounted share. Notifications
// of the system make it quick; scans, at the start and from time to time, make
// it certain: nothing is lost that was dropped while nobody watched.
//
// A file is taken when it has been left alone for a moment. Who writes slower
// than that writes under a name that is ignored (it starts with a dot, or ends in
// ".tmp" or ".part") and renames the file when it is whole.
//
// A drop is announced at least once, always by an event with the same id. What
// was announced is remembered in the state bucket, as the object
// "watch/<drop id>", created when the announcement has been published.
package watch

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fsnotify/fsnotify"
	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Source is the source attribute of the events that a Watcher makes.
const Source = "/sallyport/watch"

const (
	defaultSettle = 200 * time.Millisecond
	defaultRescan = 10 * time.Second
	// together is how many files are announced in one call of Publish.
	together = 128
	// again is how long a drop waits that could not be announced.
	again = time.Second
)

// Config says what to watch. Drops, State, Dir and Publish are required.
type Config struct {
	Dir   string       // the folder
	Drops *blob.Bucket // the same folder as a bucket; read only
	State *blob.Bucket // where it is remembered what was announced
	// Publish hands events on and returns when they are safe.
	Publish func(context.Context, []event.Event) error
	// Settle is how long a file must have been left alone; 0: 200 ms.
	Settle time.Duration
	// Rescan is the time between two scans of the whole folder; 0: 10 s.
	Rescan time.Duration
	// Logger; nil logs nothing.
	Logger *slog.Logger
}

// Watcher watches one folder.
type Watcher struct {
	cfg  Config
	asks chan ask

	// What follows belongs to the goroutine of Run.

	waiting   map[string]*file       // by key: seen and not announced yet
	announced map[fingerprint]uint64 // files that need no second look -> scan in which they were last there
	scans     uint64                 // counts the scans of the whole folder
	rescan    bool                   // a scan of the whole folder is due
	askers    []ask                  // to be answered when nothing is waiting
	notify    *fsnotify.Watcher      // nil: scans only
}

// file is one version of a file that waits to be left alone.
type file struct {
	size int64
	mod  time.Time
	due  time.Time // when it will have been left alone for long enough
}

// fingerprint stands for one version of one file: what a listing tells of it.
type fingerprint [16]byte

// ask is a call of Settled; it is closed as the answer.
type ask chan struct{}

// New makes a Watcher; Run starts it.
func New(cfg Config) *Watcher {
	if cfg.Settle <= 0 {
		cfg.Settle = defaultSettle
	}
	if cfg.Rescan <= 0 {
		cfg.Rescan = defaultRescan
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watcher{cfg: cfg, asks: make(chan ask), waiting: map[string]*file{}, announced: map[fingerprint]uint64{}, rescan: true}
}

// Settled waits until all files that are in the folder now have been announced.
// It may be called before Run, and by any number of goroutines.
func (w *Watcher) Settled(ctx context.Context) error {
	a := make(ask)
	select {
	case w.asks <- a:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-a:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run watches until ctx is done, and then returns nil. What goes wrong with a
// bucket, the queue or the notifications is logged and tried again. Run is called
// once.
func (w *Watcher) Run(ctx context.Context) error {
	var events <-chan fsnotify.Event
	var errs <-chan error
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.warn(ctx, "no notifications of files: dropped files are found by scans", err)
	} else {
		defer notify.Close()
		w.notify, events, errs = notify, notify.Events, notify.Errors
	}
	rescan := time.NewTicker(w.cfg.Rescan)
	defer rescan.Stop()
	for ctx.Err() == nil {
		if w.rescan {
			w.rescan = !w.scan(ctx, "")
		}
		next := w.announce(ctx)
		switch {
		case w.rescan: // it failed
			next = time.After(again)
		case len(w.waiting) == 0:
			for _, a := range w.askers {
				close(a)
			}
			w.askers = nil
		}
		select {
		case <-ctx.Done():
		case e := <-events:
			w.changed(ctx, e)
		case err := <-errs:
			w.warn(ctx, "notifications of files were lost: scanning", err)
			w.rescan = true
		case a := <-w.asks:
			w.askers, w.rescan = append(w.askers, a), true
		case <-rescan.C:
			w.rescan = true
		case <-next:
		}
	}
	return nil
}

func (w *Watcher) warn(ctx context.Context, msg string, err error) {
	if ctx.Err() == nil {
		w.cfg.Logger.WarnContext(ctx, msg, telemetry.Fault(err))
	}
}

// escapeMark starts an escape of shared/filebucket. The key of a path that has
// one is known only to the bucket.
const escapeMark = "__0x"

// changed takes up a notification.
func (w *Watcher) changed(ctx context.Context, e fsnotify.Event) {
	if !e.Has(fsnotify.Create) && !e.Has(fsnotify.Write) && !e.Has(fsnotify.Chmod) {
		return
	}
	path, err := filepath.Rel(w.cfg.Dir, e.Name)
	if err != nil {
		w.rescan = true
		return
	}
	key := filepath.ToSlash(path)
	if strings.Contains(key, escapeMark) {
		w.rescan = true
		return
	}
	if ignored(key) {
		return
	}
	if !utf8.ValidString(key) {
		w.warn(ctx, "a dropped file is not taken", fault.New(fault.Invalid, "bad-key", "the name of a dropped file is not UTF-8", "rename it"))
		return
	}
	attrs, err := w.cfg.Drops.Attributes(ctx, key)
	switch {
	case err == nil:
		w.see(key, attrs.Size, attrs.ModTime)
	case store.NotFound(err): // a folder, or gone again
		if e.Has(fsnotify.Create) && !w.scan(ctx, key+"/") {
			w.rescan = true
		}
	default:
		w.warn(ctx, "cannot look at a dropped file", err)
		w.rescan = true
	}
}

// scan takes up all files under prefix, "" or a folder's with a slash at its
// end, and watches its folders. Folders first: what is written meanwhile is
// notified, or listed, or both. It reports whether all was seen.
func (w *Watcher) scan(ctx context.Context, prefix string) bool {
	w.watchFolders(ctx, filepath.Join(w.cfg.Dir, filepath.FromSlash(prefix)))
	if prefix == "" {
		w.scans++
	}
	seen := 0
	err := store.Each(ctx, w.cfg.Drops, prefix, func(o *blob.ListObject) error {
		if ignored(o.Key) || !w.see(o.Key, o.Size, o.ModTime) {
			return nil
		}
		if seen++; seen%together == 0 { // do not first gather all that is there
			w.announce(ctx)
		}
		return nil
	})
	if err != nil {
		w.warn(ctx, "cannot scan the folder of drops", err)
		return false
	}
	if prefix == "" { // forget what is not there any more
		for f, scan := range w.announced {
			if scan < w.scans {
				delete(w.announced, f)
			}
		}
	}
	return true
}

// watchFolders asks for notifications of dir and the folders in it.
func (w *Watcher) watchFolders(ctx context.Context, dir string) {
	if w.notify == nil {
		return
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // gone meanwhile, or it will be listed as far as it can be
		case !d.IsDir():
			return nil
		case path != dir && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		}
		return w.notify.Add(path) // again and again does no harm
	})
	if err != nil {
		w.warn(ctx, "not all folders of drops can be watched: scans find what is dropped there", err)
	}
}

// ignored reports whether a key is one of a file that is not meant to be taken.
func ignored(key string) bool {
	if strings.HasSuffix(key, ".tmp") || strings.HasSuffix(key, ".part") {
		return true
	}
	return strings.HasPrefix(key, ".") || strings.Contains(key, "/.")
}

func fingerprintOf(key string, size int64, mod time.Time) fingerprint {
	buf := make([]byte, 16, 16+len(key))
	binary.LittleEndian.PutUint64(buf, uint64(size))
	binary.LittleEndian.PutUint64(buf[8:], uint64(mod.UnixNano()))
	sum := sha256.Sum256(append(buf, key...))
	return fingerprint(sum[:16])
}

// see notes a version of a file, unless it has been announced; it reports
// whether the file waits now.
func (w *Watcher) see(key string, size int64, mod time.Time) bool {
	print := fingerprintOf(key, size, mod)
	if _, ok := w.announced[print]; ok {
		w.announced[print] = w.scans
		return false
	}
	f := w.waiting[key]
	if f != nil && f.size == size && f.mod.Equal(mod) {
		return true
	}
	// Left alone since its last change, by its own time; or since we have seen
	// it, where its time is one to come.
	since := time.Now()
	if mod.Before(since) {
		since = mod
	}
	w.waiting[key] = &file{size: size, mod: mod, due: since.Add(w.cfg.Settle)}
	return true
}

// announce publishes the files that have been left alone, and answers when it
// will be time for the next, nil if there is none.
func (w *Watcher) announce(ctx context.Context) <-chan time.Time {
	ready := make([]string, 0, together)
	now := time.Now()
	for key, f := range w.waiting {
		if f.due.After(now) {
			continue
		}
		if ready = append(ready, key); len(ready) == together {
			w.take(ctx, ready)
			ready = ready[:0]
		}
	}
	w.take(ctx, ready)
	var next time.Time
	for _, f := range w.waiting {
		if next.IsZero() || f.due.Before(next) {
			next = f.due
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

// take announces files, unless they have changed since they were seen or have
// been announced before.
func (w *Watcher) take(ctx context.Context, keys []string) {
	if len(keys) == 0 {
		return
	}
	events := make([]event.Event, 0, len(keys))
	drops := make([]string, 0, len(keys))
	taken := make([]string, 0, len(keys))
	for _, key := range keys {
		f := w.waiting[key]
		attrs, err := w.cfg.Drops.Attributes(ctx, key)
		if store.NotFound(err) {
			delete(w.waiting, key)
			continue
		}
		if err != nil {
			w.later(ctx, key, err)
			continue
		}
		if attrs.Size != f.size || !attrs.ModTime.Equal(f.mod) {
			w.see(key, attrs.Size, attrs.ModTime)
			continue
		}
		drop := event.DropID(key, attrs.ETag)
		before, err := w.cfg.State.Exists(ctx, markKey(drop))
		if err != nil {
			w.later(ctx, key, err)
			continue
		}
		if before {
			w.done(key)
			continue
		}
		e, err := event.Received(Source, event.DropReceived{Key: key, ETag: attrs.ETag, Size: attrs.Size, Time: attrs.ModTime.UTC()})
		if err != nil {
			w.later(ctx, key, err)
			continue
		}
		events, drops, taken = append(events, e), append(drops, drop), append(taken, key)
	}
	if len(events) == 0 {
		return
	}
	if err := w.cfg.Publish(ctx, events); err != nil {
		for _, key := range taken {
			w.later(ctx, key, err)
		}
		return
	}
	for i, key := range taken {
		// Also when we are told to stop just now: it spares a repetition.
		if _, err := store.Create(context.WithoutCancel(ctx), w.cfg.State, markKey(drops[i]), nil); err != nil {
			w.later(ctx, key, err)
			continue
		}
		w.done(key)
	}
}

// done: a file needs no second look.
func (w *Watcher) done(key string) {
	f := w.waiting[key]
	w.announced[fingerprintOf(key, f.size, f.mod)] = w.scans
	delete(w.waiting, key)
}

// later: a file could not be announced, and waits.
func (w *Watcher) later(ctx context.Context, key string, err error) {
	w.warn(ctx, "a dropped file could not be announced: trying again",
		&fault.Error{Kind: fault.Retry, Code: "drop-announce", Where: fault.Where{Object: key}, Err: err})
	w.waiting[key].due = time.Now().Add(again)
}

func markKey(drop string) string { return "watch/" + drop }

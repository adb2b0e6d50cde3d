package stack

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

const (
	// quiet is how long the files of the configuration must have been left
	// alone: an editor writes in several steps, Git many files.
	quiet = 300 * time.Millisecond
	// anyway is how often they are read without a notification.
	anyway = 10 * time.Second
)

// Publish reads the configuration of the directory, checks it and makes it the
// newest exchange of the config bucket. It answers the exchange's digest. A
// configuration with problems (yamldoc.Problems) is not published.
func (s *Stack) Publish(ctx context.Context) (digest string, err error) {
	bundle, err := exchange.Load(os.DirFS(s.places.Dir))
	if err != nil {
		return "", err
	}
	if _, err := policy.Compile(bundle); err != nil {
		return "", err
	}
	return bundle.Digest(), s.exchanges.Publish(ctx, bundle)
}

// follow publishes the configuration whenever it has changed, until ctx is done.
// While it has problems the last good one holds.
func (s *Stack) follow(ctx context.Context, digest, problem string) {
	var changed <-chan fsnotify.Event
	var errs <-chan error
	notify, err := fsnotify.NewWatcher()
	if err == nil {
		defer notify.Close()
		changed, errs = notify.Events, notify.Errors
	}
	again := time.NewTicker(anyway)
	defer again.Stop()
	due := time.NewTimer(quiet) // once at the start: it may have changed before anybody watched
	for ctx.Err() == nil {
		if notify != nil { // again and again: a folder may have come since
			for _, folder := range []string{"", "contracts", "partners", "profiles"} {
				_ = notify.Add(filepath.Join(s.places.Dir, folder)) // what cannot be watched is read anyway
			}
		}
		select {
		case <-ctx.Done():
			return
		case e := <-changed:
			if filepath.Base(e.Name) != dataName {
				due.Reset(quiet)
			}
			continue
		case <-errs:
		case <-again.C:
		case <-due.C:
		}
		now, err := s.Publish(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil && err.Error() != problem:
			problem = s.unpublished(ctx, err)
		case err == nil:
			problem = ""
			if now != digest {
				digest = now
				s.log.LogAttrs(ctx, slog.LevelInfo, "published the configuration", slog.String("exchange", digest))
			}
		}
	}
}

// unpublished logs why the configuration is not published, and answers it. The
// configuration is no partner's data: its problems are told in full.
func (s *Stack) unpublished(ctx context.Context, err error) (problem string) {
	problem = err.Error()
	s.log.LogAttrs(ctx, slog.LevelError, "the configuration was not published, the one before it holds", slog.String("problem", problem), telemetry.Fault(err))
	return problem
}

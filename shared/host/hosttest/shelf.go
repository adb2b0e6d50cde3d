package hosttest

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/sallyport-io/sallyport/shared/event"
)

// shelf is a host.Publisher that keeps what it gets. fail is asked first.
type shelf struct {
	fail func(events []event.Event) error

	mu     sync.Mutex
	events []event.Event
}

func (s *shelf) Publish(_ context.Context, events []event.Event) error {
	if err := s.fail(events); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
	return nil
}

func (s *shelf) all() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

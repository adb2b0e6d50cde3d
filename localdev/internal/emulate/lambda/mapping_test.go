//go:build unix

package lambda_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda/queuetest"
)

func TestMemoryQueue(t *testing.T) {
	queuetest.Run(t, func(_ *testing.T, s queuetest.Settings) queuetest.Harness { return queuetest.Memory(s) })
}

// counting is a queue that tells what was deleted.
type counting struct {
	lambda.Queue
	mu      sync.Mutex
	bodies  map[string]string // by receipt handle
	deleted []string
}

func (c *counting) Receive(ctx context.Context, most int, wait time.Duration) ([]lambda.Message, error) {
	got, err := c.Queue.Receive(ctx, most, wait)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range got {
		c.bodies[m.Handle] = m.Body
	}
	return got, err
}

func (c *counting) Delete(ctx context.Context, handles []string) error {
	c.mu.Lock()
	for _, h := range handles {
		c.deleted = append(c.deleted, c.bodies[h])
	}
	c.mu.Unlock()
	return c.Queue.Delete(ctx, handles)
}

func (c *counting) done() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := slices.Clone(c.deleted)
	slices.Sort(done)
	return done
}

// run runs a mapping until the test ends.
func run(t *testing.T, m lambda.Mapping, h queuetest.Harness) *counting {
	t.Helper()
	q := &counting{Queue: h.Queue, bodies: map[string]string{}}
	m.Queue = q
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return q
}

// TestMapping: what is done is deleted, what failed comes again alone, and what
// always fails ends in the dead-letter queue.
func TestMapping(t *testing.T) {
	f := function(t, lambda.Config{Concurrency: 2}, "yes")
	h := queuetest.Memory(queuetest.Settings{Visibility: time.Minute, MaxReceive: 3})
	h.Send(t, "good 1", "bad 1", "once 1", "good 2", "exit")
	q := run(t, lambda.Mapping{Function: f, Again: time.Millisecond, Window: 50 * time.Millisecond}, h)
	wait(t, "all to be done", func() bool { return len(q.done()) == 4 && len(h.Dead(t)) == 1 })
	if done := q.done(); !slices.Equal(done, []string{"exit", "good 1", "good 2", "once 1"}) {
		t.Errorf("deleted: %q", done)
	}
	if dead := h.Dead(t); !slices.Equal(dead, []string{"bad 1"}) {
		t.Errorf("dead: %q", dead)
	}
}

// TestMappingVisibility: without Again, it is the queue's own timeout that brings
// a message again.
func TestMappingVisibility(t *testing.T) {
	f := function(t, lambda.Config{Concurrency: 1}, "yes")
	const hidden = 300 * time.Millisecond
	h := queuetest.Memory(queuetest.Settings{Visibility: hidden, MaxReceive: 3})
	began := time.Now()
	h.Send(t, "once")
	q := run(t, lambda.Mapping{Function: f}, h)
	wait(t, "the message to be done", func() bool { return len(q.done()) == 1 })
	if took := time.Since(began); took < hidden {
		t.Errorf("it came again after %s, not %s", took, hidden)
	}
}

func TestMappingBatches(t *testing.T) {
	for _, c := range []struct {
		name       string
		batch      int
		window     time.Duration
		bodies     []string
		invocation int // how many are to be expected
	}{
		{name: "no window", batch: 10, bodies: numbered(25, "x"), invocation: 3},
		{name: "window", batch: 100, window: 200 * time.Millisecond, bodies: numbered(25, "x"), invocation: 1},
		{name: "small batches", batch: 5, window: 200 * time.Millisecond, bodies: numbered(10, "x"), invocation: 2},
		{name: "large messages", batch: 10, bodies: numbered(8, strings.Repeat("x", 1<<20)), invocation: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			invocations := 0
			f := function(t, lambda.Config{Concurrency: 1, Report: func(lambda.Report) {
				mu.Lock()
				defer mu.Unlock()
				invocations++
			}}, "yes")
			h := queuetest.Memory(queuetest.Settings{Visibility: time.Minute, MaxReceive: 3})
			h.Send(t, c.bodies...)
			q := run(t, lambda.Mapping{Function: f, Batch: c.batch, Window: c.window}, h)
			wait(t, "all to be done", func() bool { return len(q.done()) == len(c.bodies) })
			mu.Lock()
			defer mu.Unlock()
			if invocations != c.invocation {
				t.Errorf("%d invocations, want %d", invocations, c.invocation)
			}
		})
	}
}

func numbered(n int, body string) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s %d", body, i))
	}
	return all
}

// Package queuetest says what a lambda.Queue must do, and has one in memory.
package queuetest

import (
	"slices"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
)

// Settings are how a queue is made.
type Settings struct {
	// Visibility is how long what was received is hidden, in whole seconds.
	Visibility time.Duration
	// MaxReceive is how often a message is received before it goes to the
	// dead-letter queue.
	MaxReceive int
}

// Harness is a queue with what a test needs beside it.
type Harness struct {
	Queue lambda.Queue
	Send  func(t testing.TB, bodies ...string)
	// Dead are the bodies in the dead-letter queue.
	Dead func(t testing.TB) []string
}

// Run tests a kind of queue. open makes an empty one.
func Run(t *testing.T, open func(t *testing.T, s Settings) Harness) {
	t.Run("receive and delete", func(t *testing.T) {
		h := open(t, Settings{Visibility: time.Minute, MaxReceive: 3})
		h.Send(t, "a", "b")
		got := receive(t, h, 2)
		if bodies := bodies(got); !slices.Equal(bodies, []string{"a", "b"}) {
			t.Fatalf("got %q", bodies)
		}
		for _, m := range got {
			if m.ID == "" || m.Handle == "" || m.MD5 == "" || m.EventSourceARN != h.Queue.ARN() || m.Attributes["ApproximateReceiveCount"] != "1" {
				t.Errorf("%+v", m)
			}
		}
		if again := receiveNow(t, h); len(again) != 0 {
			t.Errorf("what was received is not hidden: %q", bodies(again))
		}
		var handles []string
		for _, m := range got {
			handles = append(handles, m.Handle)
		}
		if err := h.Queue.Delete(t.Context(), handles); err != nil {
			t.Fatal(err)
		}
		if err := h.Queue.Delete(t.Context(), handles); err != nil {
			t.Errorf("deleting again: %v", err)
		}
	})
	t.Run("come again", func(t *testing.T) {
		h := open(t, Settings{Visibility: time.Second, MaxReceive: 3})
		h.Send(t, "a")
		for n := range 3 {
			m := receive(t, h, 1)[0]
			if count := m.Attributes["ApproximateReceiveCount"]; count != string(rune('1'+n)) {
				t.Errorf("received %s times, want %d", count, n+1)
			}
			if n == 1 { // the first time its visibility timeout brings it again
				if err := h.Queue.ChangeVisibility(t.Context(), []string{m.Handle}, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		deadline := time.Now().Add(10 * time.Second)
		for len(h.Dead(t)) == 0 && time.Now().Before(deadline) {
			if got := receiveNow(t, h); len(got) > 0 {
				t.Fatalf("received a fourth time: %q", bodies(got))
			}
			time.Sleep(50 * time.Millisecond) // nothing tells when it has moved
		}
		if dead := h.Dead(t); !slices.Equal(dead, []string{"a"}) {
			t.Errorf("in the dead-letter queue: %q", dead)
		}
	})
}

// receive receives messages until there are n.
func receive(t *testing.T, h Harness, n int) []lambda.Message {
	t.Helper()
	var got []lambda.Message
	for deadline := time.Now().Add(10 * time.Second); len(got) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("received %q, want %d", bodies(got), n)
		}
		received, err := h.Queue.Receive(t.Context(), n-len(got), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, received...)
	}
	return got
}

func receiveNow(t *testing.T, h Harness) []lambda.Message {
	t.Helper()
	got, err := h.Queue.Receive(t.Context(), 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func bodies(messages []lambda.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Body)
	}
	slices.Sort(all)
	return all
}

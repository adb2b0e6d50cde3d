package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// sender is a client that sends events, in groups of any size and order, until
// each is taken, and some of them again after that.
type sender struct {
	addr string // file in which the address is
	rng  *rand.Rand

	mu      sync.Mutex
	pending map[string][]message // by path
	open    int                  // events that are not taken yet
	closed  bool                 // no more are released
	changed *sync.Cond

	requests, failures, repeated atomic.Int64
}

const (
	senders = 3
	// largest group of events.
	largest = 12
	// oneRepeatedIn so many is sent again although it was taken.
	oneRepeatedIn = 15
)

func newSender(addr string, seed uint64) *sender {
	s := &sender{addr: addr, rng: rand.New(rand.NewPCG(seed, 2)), pending: map[string][]message{}}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// release hands events over.
func (s *sender) release(messages []message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		s.pending[m.path] = append(s.pending[m.path], m)
	}
	s.open += len(messages)
	s.changed.Broadcast()
}

// close tells that there are no more.
func (s *sender) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.changed.Broadcast()
}

// run sends until all are taken, or one is refused, or ctx is done.
func (s *sender) run(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	errs := make(chan error, senders)
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	stop := context.AfterFunc(ctx, s.close)
	for range senders {
		go func() {
			for {
				group, more := s.group(ctx)
				if !more {
					errs <- nil
					return
				}
				taken, err := s.post(ctx, client, group)
				s.settle(group, taken && err == nil)
				if err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	go func() {
		var all error
		for range senders {
			err := <-errs
			all = errors.Join(all, err)
			if err != nil {
				break // the others would wait for what nobody sends
			}
		}
		stop()
		done <- all
	}()
	return done
}

// group takes some events of one path out; false: there are none any more.
func (s *sender) group(ctx context.Context) ([]message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if ctx.Err() != nil || s.closed && s.open == 0 {
			return nil, false
		}
		for path, messages := range s.pending {
			if len(messages) == 0 {
				continue
			}
			s.rng.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
			n := min(1+s.rng.IntN(largest), len(messages))
			s.pending[path] = messages[n:]
			return messages[:n:n], true
		}
		s.changed.Wait()
	}
}

// settle puts a group back that was not taken; of one that was, perhaps some.
func (s *sender) settle(group []message, taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := group[0].path
	for _, m := range group {
		switch {
		case !taken:
			s.pending[path] = append(s.pending[path], m)
		case s.rng.IntN(oneRepeatedIn) == 0:
			s.pending[path] = append(s.pending[path], m)
			s.repeated.Add(1)
		default:
			s.open--
		}
	}
	s.changed.Broadcast()
}

// post sends a group once. An answer that is neither yes nor "again" is an error.
func (s *sender) post(ctx context.Context, client *http.Client, group []message) (taken bool, err error) {
	addr, err := os.ReadFile(s.addr)
	if err != nil { // nobody listens yet
		return false, wait(ctx, 10*time.Millisecond)
	}
	url := "http://" + strings.TrimSpace(string(addr)) + "/partners/" + group[0].path
	var body []string
	for _, m := range group {
		body = append(body, m.structured())
	}
	text, kind := "["+strings.Join(body, ",")+"]", "application/cloudevents-batch+json"
	if len(group) == 1 {
		text, kind = body[0], "application/cloudevents+json"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(text))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", kind)
	s.requests.Add(1)
	resp, err := client.Do(req)
	if err != nil { // killed
		s.failures.Add(1)
		return false, wait(ctx, 10*time.Millisecond)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode == http.StatusAccepted:
		return true, nil
	case err != nil || resp.StatusCode == http.StatusServiceUnavailable:
		s.failures.Add(1)
		return false, wait(ctx, 10*time.Millisecond)
	}
	return false, fmt.Errorf("%s: %s: %s", group[0].path, resp.Status, said)
}

// wait pauses before another attempt.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

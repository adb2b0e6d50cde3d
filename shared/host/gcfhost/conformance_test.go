package gcfhost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
	"github.com/sallyport-io/sallyport/shared/host/hosttest"
)

// subscription pushes to a Handler what it is given, until it is taken.
type subscription struct {
	t       *testing.T
	f       host.Func
	running sync.WaitGroup

	mu      sync.Mutex
	url     string
	end     func() // of the server
	current context.Context
	cancel  context.CancelFunc // of the requests that run
}

func startSubscription(t *testing.T, f host.Func) hosttest.Platform {
	s := &subscription{t: t, f: f}
	s.start()
	t.Cleanup(func() {
		s.end()
		s.running.Wait()
	})
	return s
}

func (s *subscription) start() {
	h, err := gcfhost.New(s.f, gcfhost.Config{Drops: "gs://some-bucket", Timeout: 10 * time.Second, Window: time.Millisecond})
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewServer(h)
	s.url = server.URL
	s.current, s.cancel = context.WithCancel(context.Background())
	s.end = func() {
		s.cancel()
		server.Close()
	}
}

// Interrupt ends the requests that run, and goes on with another instance.
func (s *subscription) Interrupt(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	s.start()
	return nil
}

func (s *subscription) Send(ctx context.Context, bodies ...[]byte) error {
	for _, body := range bodies {
		text, err := json.Marshal(map[string]any{"message": map[string]any{"data": body, "messageId": "1", "message_id": "1"}, "subscription": "projects/p/subscriptions/s"})
		if err != nil {
			return err
		}
		s.push(ctx, string(text), "Content-Type", "application/json")
	}
	return nil
}

// Drop is an event of Eventarc.
func (s *subscription) Drop(ctx context.Context, d event.DropReceived) error {
	text, err := json.Marshal(map[string]any{"bucket": "some-bucket", "name": d.Key, "generation": d.Generation, "etag": strings.Trim(d.ETag, `"`),
		"size": strconv.FormatInt(d.Size, 10), "timeCreated": d.Time})
	if err != nil {
		return err
	}
	s.push(ctx, string(text), "Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "//storage.googleapis.com/projects/_/buckets/some-bucket",
		"Ce-Type", "google.cloud.storage.object.v1.finalized")
	return nil
}

// push posts until it is told that all is done, or the test ends.
func (s *subscription) push(ctx context.Context, body string, header ...string) {
	s.running.Go(func() {
		for ctx.Err() == nil {
			s.mu.Lock()
			url, current := s.url, s.current
			s.mu.Unlock()
			status, err := post(current, url, body, header...)
			switch {
			case err != nil: // it was interrupted
			case status == http.StatusNoContent:
				return
			case status != http.StatusServiceUnavailable:
				s.t.Errorf("answered %d", status)
				return
			}
			select {
			case <-time.After(5 * time.Millisecond): // as a retry policy says
			case <-ctx.Done():
			}
		}
	})
}

func post(ctx context.Context, url, body string, header ...string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("a request that cannot be: %w", err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

func TestConformance(t *testing.T) { hosttest.Run(t, startSubscription, hosttest.Options{}) }

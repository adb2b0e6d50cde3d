package hosttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
	"github.com/sallyport-io/sallyport/shared/host/hosttest"
)

// gcf is gcfhost over HTTP and a push subscription of Pub/Sub: each message is
// posted, all at the same time, and again until the answer is 2xx.
type gcf struct {
	url string
	end context.Context

	mu      sync.Mutex
	n       int
	running sync.WaitGroup
}

const (
	requestTimeout = 3 * time.Second        // for the handling of a request
	pushBackoff    = 100 * time.Millisecond // until a message that failed comes again
)

func (g *gcf) Send(_ context.Context, bodies ...[]byte) error {
	for _, body := range bodies {
		g.mu.Lock()
		g.n++
		id := fmt.Sprint(g.n)
		g.mu.Unlock()
		push, err := json.Marshal(map[string]any{
			"message":      map[string]any{"data": body, "messageId": id, "message_id": id, "publishTime": "2026-11-01T02:03:04.5Z"},
			"subscription": "projects/p/subscriptions/test",
		})
		if err != nil {
			return err
		}
		g.running.Go(func() { g.deliver(http.Header{"Content-Type": {"application/json"}}, push) })
	}
	return nil
}

// deliver posts until it is answered with 2xx.
func (g *gcf) deliver(header http.Header, body []byte) {
	for g.end.Err() == nil {
		r, err := http.NewRequestWithContext(g.end, http.MethodPost, g.url, bytes.NewReader(body))
		if err != nil {
			panic(err) // the URL is the test server's
		}
		r.Header = header
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode/100 == 2 {
				return
			}
		}
		select {
		case <-time.After(pushBackoff):
		case <-g.end.Done():
		}
	}
}

// Drop sends an event of Cloud Storage, as Eventarc does.
func (g *gcf) Drop(_ context.Context, d event.DropReceived) error {
	body, err := json.Marshal(map[string]any{
		"kind": "storage#object", "bucket": "drops", "name": d.Key, "generation": d.Generation, "metageneration": "1",
		"size": fmt.Sprint(d.Size), "etag": d.ETag, "timeCreated": d.Time, "updated": d.Time,
	})
	if err != nil {
		return err
	}
	header := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": "1", "ce-type": "google.cloud.storage.object.v1.finalized",
		"ce-source": "//storage.googleapis.com/projects/_/buckets/drops", "ce-time": "2026-11-01T02:03:04Z",
	} {
		header.Set(name, value)
	}
	g.running.Go(func() { g.deliver(header, body) })
	return nil
}

// Interrupt has nothing to do: the deadline of what runs is near.
func (g *gcf) Interrupt(context.Context) error { return nil }

func TestCloudRunFunctions(t *testing.T) {
	t.Parallel()
	hosttest.Run(t, func(t *testing.T, f host.Func) hosttest.Platform {
		h, err := gcfhost.New(f, gcfhost.Config{Drops: "gs://drops", Timeout: requestTimeout})
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewServer(h)
		end, cancel := context.WithCancel(context.Background())
		g := &gcf{url: s.URL + "/", end: end}
		t.Cleanup(func() {
			cancel()
			g.running.Wait()
			s.Close()
		})
		return g
	}, hosttest.Options{})
}

package push_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate/gcp/push"
	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	topic = "projects/p/topics/t"
	dead  = "projects/p/topics/dead"
)

// world is Pub/Sub with a subscription that is pushed to a handler.
type world struct {
	server *pstest.Server
	pusher *push.Pusher
	cancel context.CancelFunc
	ended  chan struct{} // after cancel, when nothing runs

	mu      sync.Mutex
	reports []push.Report
}

func start(t *testing.T, h http.HandlerFunc, change func(*push.Subscription)) *world {
	t.Helper()
	w := &world{server: pstest.NewServerWithAddress("127.0.0.1:0")}
	t.Cleanup(func() { _ = w.server.Close() })
	for _, name := range []string{topic, dead} {
		if _, err := w.server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	endpoint := httptest.NewServer(h)
	t.Cleanup(endpoint.Close)
	s := push.Subscription{Name: "projects/p/subscriptions/s", Topic: topic, Endpoint: endpoint.URL, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond,
		Report: func(r push.Report) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.reports = append(w.reports, r)
		}}
	change(&s)
	var err error
	if w.pusher, err = push.New(t.Context(), w.server, s); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(t.Context())
	w.ended = make(chan struct{})
	go func() {
		defer close(w.ended)
		w.pusher.Run(ctx)
	}()
	t.Cleanup(func() {
		w.cancel()
		<-w.ended
	})
	return w
}

func plain(*push.Subscription) {}

func (w *world) told() []push.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reports)
}

// await waits until so many messages are left.
func (w *world) await(t *testing.T, left int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		n, err := w.pusher.Left(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == left {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages are left", n)
		}
	}
}

// TestBody: a push is what Pub/Sub documents.
func TestBody(t *testing.T) {
	type request struct {
		header http.Header
		body   map[string]any
	}
	got := make(chan request, 1)
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		var q request
		q.header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&q.body); err != nil || r.Method != http.MethodPost {
			t.Error(r.Method, err)
		}
		got <- q
		rw.WriteHeader(http.StatusNoContent)
	}, func(s *push.Subscription) { s.Attempts, s.Dead = 5, dead })
	before := time.Now().Add(-time.Second)
	id := w.server.PublishOrdered(topic, []byte("a row"), map[string]string{"eventType": "X"}, "k")
	q := <-got
	if typ := q.header.Get("Content-Type"); typ != "application/json" {
		t.Error(typ)
	}
	m, _ := q.body["message"].(map[string]any)
	at, err := time.Parse(time.RFC3339, fmt.Sprint(m["publishTime"]))
	if err != nil || at.Before(before) || at.After(time.Now()) || m["publish_time"] != m["publishTime"] {
		t.Errorf("published %v, %v", m["publishTime"], err)
	}
	delete(m, "publishTime")
	delete(m, "publish_time")
	text, _ := json.Marshal(q.body)
	want := fmt.Sprintf(`{"deliveryAttempt":1,"message":{"attributes":{"eventType":"X"},"data":"YSByb3c=","messageId":%q,"message_id":%q,"orderingKey":"k"},"subscription":"projects/p/subscriptions/s"}`, id, id)
	if string(text) != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
	w.await(t, 0)
	if m := w.server.Message(id); m.Acks != 1 {
		t.Errorf("acknowledged %d times", m.Acks)
	}
}

// TestAnswers: which answers acknowledge, and that all others bring the message
// again.
func TestAnswers(t *testing.T) {
	for status, takes := range map[int]bool{200: true, 201: true, 202: true, 204: true, 203: false, 206: false, 307: false, 400: false, 404: false, 429: false, 500: false, 503: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			var pushed atomic.Int32
			w := start(t, func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				rw.Header().Set("Location", "/elsewhere")
				if pushed.Add(1) == 1 {
					rw.WriteHeader(status)
				}
			}, plain)
			id := w.server.Publish(topic, []byte("x"), nil)
			w.await(t, 0)
			told := w.told()
			if takes != (len(told) == 1) || !takes && len(told) != 2 || told[0].Status != status || (told[0].Err == nil) != takes || w.server.Message(id).Acks != 1 {
				t.Errorf("%+v", told)
			}
		})
	}
}

// TestBackoff: the pauses grow, and are no longer than they may be; a message that
// fails holds up no other.
func TestBackoff(t *testing.T) {
	var mu sync.Mutex
	var at []time.Time
	others := 0
	const least, most = 40 * time.Millisecond, 80 * time.Millisecond
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		var q struct {
			Message struct{ Data []byte }
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if string(q.Message.Data) != "bad" {
			others++
			return
		}
		at = append(at, time.Now())
		if len(at) < 5 || others < 20 { // is taken when all others are
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	}, func(s *push.Subscription) { s.MinBackoff, s.MaxBackoff, s.Concurrency = least, most, 1 })
	w.server.Publish(topic, []byte("bad"), nil)
	for range 20 {
		w.server.Publish(topic, []byte("good"), nil)
	}
	w.await(t, 0)
	if len(at) < 5 || others != 20 {
		t.Fatalf("pushed %d times, and %d others", len(at), others)
	}
	for i := range len(at) - 1 {
		want := most
		if i == 0 {
			want = least
		}
		if pause := at[i+1].Sub(at[i]); pause < want {
			t.Errorf("pause %d was %s, want %s", i+1, pause, want)
		}
	}
}

// TestDeadLetter: a message that is never taken goes to the dead-letter topic
// after so many attempts, as it was.
func TestDeadLetter(t *testing.T) {
	w := start(t, func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(http.StatusInternalServerError) },
		func(s *push.Subscription) { s.Attempts, s.Dead = 3, dead })
	id := w.server.Publish(topic, []byte("x"), map[string]string{"a": "b"})
	w.await(t, 0)
	told := w.told()
	if len(told) != 3 || told[2].Attempt != 3 || fault.CodeOf(told[2].Err) != "push-refused" {
		t.Errorf("%+v", told)
	}
	var letters []*pstest.Message
	for _, m := range w.server.Messages() {
		if m.Topic == dead {
			letters = append(letters, m)
		}
	}
	if len(letters) != 1 || string(letters[0].Data) != "x" {
		t.Fatalf("%d dead letters", len(letters))
	}
	published := w.server.Message(id)
	want := map[string]string{"a": "b", "CloudPubSubDeadLetterSourceSubscription": "s", "CloudPubSubDeadLetterSourceSubscriptionProject": "p", "CloudPubSubDeadLetterSourceDeliveryCount": "3",
		"CloudPubSubDeadLetterSourceTopicPublishTime": published.PublishTime.UTC().Format("2006-01-02T15:04:05.000Z")}
	if fmt.Sprint(letters[0].Attributes) != fmt.Sprint(want) || len(published.Attributes) != 1 || published.Acks != 1 {
		t.Errorf("%v", letters[0].Attributes)
	}
}

// TestDeadline: a push that takes too long is given up, and tried again.
func TestDeadline(t *testing.T) {
	gone := make(chan struct{}, 1)
	var pushed atomic.Int32
	w := start(t, func(_ http.ResponseWriter, r *http.Request) {
		if pushed.Add(1) > 1 {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client is gone
		<-r.Context().Done()
		gone <- struct{}{}
	}, func(s *push.Subscription) { s.Deadline = 200 * time.Millisecond })
	w.server.Publish(topic, []byte("x"), nil)
	<-gone
	w.await(t, 0)
	told := w.told()
	if len(told) < 2 || fault.CodeOf(told[0].Err) != "push-deadline" || told[0].Took < 200*time.Millisecond || told[len(told)-1].Err != nil {
		t.Errorf("%+v", told)
	}
}

// TestConcurrency: as many pushes run at once as may, and no more.
func TestConcurrency(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	var once sync.Once
	full, release := make(chan struct{}), make(chan struct{})
	w := start(t, func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		running++
		most = max(most, running)
		if running == 3 {
			once.Do(func() { close(full) })
		}
		mu.Unlock()
		<-release
		mu.Lock()
		running--
		mu.Unlock()
	}, func(s *push.Subscription) { s.Concurrency = 3 })
	for range 10 {
		w.server.Publish(topic, []byte("x"), nil)
	}
	<-full
	w.await(t, 10)
	for range 10 {
		release <- struct{}{}
	}
	w.await(t, 0)
	if most != 3 {
		t.Errorf("%d at once", most)
	}
}

// TestLease: a message is pushed once, however long that takes; what Pub/Sub does
// when the lease of its puller is over is not seen.
func TestLease(t *testing.T) {
	entered, release := make(chan struct{}, 2), make(chan struct{})
	w := start(t, func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}, plain)
	id := w.server.Publish(topic, []byte("x"), nil)
	<-entered
	w.server.SetTimeNowFunc(func() time.Time { return time.Now().Add(301 * time.Second) })
	w.server.Publish(topic, []byte("y"), nil) // is younger than the lease
	<-entered
	w.await(t, 2)
	close(release)
	w.await(t, 0)
	if told := w.told(); len(told) != 2 {
		t.Errorf("%+v, of which one is %s", told, id)
	}
}

// TestStop: what runs finishes, what waits does not begin, and a Pusher that has
// ended says so.
func TestStop(t *testing.T) {
	entered, release := make(chan struct{}, 2), make(chan struct{})
	w := start(t, func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}, func(s *push.Subscription) { s.Concurrency = 1 })
	w.server.Publish(topic, []byte("x"), nil)
	w.server.Publish(topic, []byte("y"), nil)
	<-entered
	w.await(t, 2)
	w.cancel()
	close(release)
	<-w.ended
	if told := w.told(); len(told) != 1 || told[0].Err != nil {
		t.Errorf("%+v", told)
	}
	if _, err := w.pusher.Left(t.Context()); fault.CodeOf(err) != "pusher-ended" {
		t.Error(err)
	}
}

func TestNoTopic(t *testing.T) {
	server := pstest.NewServerWithAddress("127.0.0.1:0")
	defer server.Close()
	if _, err := push.New(t.Context(), server, push.Subscription{Name: "projects/p/subscriptions/s", Topic: topic}); fault.CodeOf(err) != "subscription-make" {
		t.Error(err)
	}
}

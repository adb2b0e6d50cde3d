package queuetest

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
)

// Memory makes a queue in memory.
func Memory(s Settings) Harness {
	q := &memory{settings: s}
	return Harness{
		Queue: q,
		Send: func(_ testing.TB, bodies ...string) {
			q.mu.Lock()
			defer q.mu.Unlock()
			for _, b := range bodies {
				q.messages = append(q.messages, &stored{id: uuid.NewString(), body: b})
			}
		},
		Dead: func(testing.TB) []string {
			q.mu.Lock()
			defer q.mu.Unlock()
			return slices.Clone(q.dead)
		},
	}
}

type memory struct {
	settings Settings
	mu       sync.Mutex
	messages []*stored
	dead     []string
}

type stored struct {
	id, body, handle string
	visible          time.Time
	received         int
}

// ARN implements lambda.Queue.
func (*memory) ARN() string { return "arn:aws:sqs:" + lambda.Region + ":" + lambda.Account + ":memory" }

// Receive implements lambda.Queue.
func (q *memory) Receive(ctx context.Context, most int, wait time.Duration) ([]lambda.Message, error) {
	for until := time.Now().Add(wait); ; {
		if got := q.receive(most); len(got) > 0 || !time.Now().Before(until) {
			return got, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (q *memory) receive(most int) []lambda.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	var got []lambda.Message
	var kept []*stored
	for _, m := range q.messages {
		switch {
		case m.visible.After(now) || len(got) == most:
		case m.received >= q.settings.MaxReceive:
			q.dead = append(q.dead, m.body)
			continue
		default:
			m.received++
			m.handle = uuid.NewString()
			m.visible = now.Add(q.settings.Visibility)
			sum := md5.Sum([]byte(m.body)) // as SQS has it
			got = append(got, lambda.Message{
				ID: m.id, Handle: m.handle, Body: m.body, MD5: hex.EncodeToString(sum[:]), EventSourceARN: q.ARN(), Region: lambda.Region,
				Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.received)},
			})
		}
		kept = append(kept, m)
	}
	q.messages = kept
	return got
}

// Delete implements lambda.Queue.
func (q *memory) Delete(_ context.Context, handles []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = slices.DeleteFunc(q.messages, func(m *stored) bool { return slices.Contains(handles, m.handle) })
	return nil
}

// ChangeVisibility implements lambda.Queue.
func (q *memory) ChangeVisibility(_ context.Context, handles []string, after time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if slices.Contains(handles, m.handle) {
			m.visible = time.Now().Add(after)
		}
	}
	return nil
}

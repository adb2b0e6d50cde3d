package hosttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/hosttest"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
)

// lambda is lambdahost and an event source mapping of SQS: messages are invoked
// with, 10 at once, and those that the answer names are, again.
type lambda struct {
	handler *lambdahost.Handler
	end     context.Context

	mu      sync.Mutex
	n       int
	running sync.WaitGroup
}

const (
	invocation = 4 * time.Second        // timeout of the function
	visibility = 100 * time.Millisecond // until a message that failed comes again
	mapped     = 10                     // messages of one invocation
	largest    = 1 << 20                // bytes of a message that SQS takes
)

// sqsMessage is a record of the events that SQS mappings invoke with.
type sqsMessage struct {
	MessageID         string            `json:"messageId"`
	ReceiptHandle     string            `json:"receiptHandle"`
	Body              string            `json:"body"`
	Attributes        map[string]string `json:"attributes"`
	MessageAttributes map[string]any    `json:"messageAttributes"`
	EventSource       string            `json:"eventSource"`
	EventSourceARN    string            `json:"eventSourceARN"`
	AWSRegion         string            `json:"awsRegion"`
}

func (l *lambda) Send(_ context.Context, bodies ...[]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var messages []sqsMessage
	for _, body := range bodies {
		if len(body) > largest {
			return errors.New("InvalidParameterValue: one or more parameters are invalid")
		}
		l.n++
		id := fmt.Sprintf("059f36b4-87a3-44ab-83d2-%012d", l.n)
		messages = append(messages, sqsMessage{
			MessageID: id, ReceiptHandle: "r" + id, Body: string(body), MessageAttributes: map[string]any{},
			Attributes:  map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183", "SenderId": "AIDAIENQZJOLO23YVJ4VO"},
			EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:test", AWSRegion: "eu-central-1",
		})
	}
	for batch := range slices.Chunk(messages, mapped) {
		l.running.Go(func() { l.deliver(batch) })
	}
	return nil
}

// deliver invokes with the messages until none of them failed.
func (l *lambda) deliver(messages []sqsMessage) {
	for len(messages) > 0 && l.end.Err() == nil {
		payload, err := json.Marshal(map[string]any{"Records": messages})
		if err != nil {
			panic(err) // strings only
		}
		ctx, cancel := context.WithTimeout(l.end, invocation)
		text, err := l.handler.Invoke(ctx, payload)
		cancel()
		var answer struct {
			BatchItemFailures []struct{ ItemIdentifier string }
		}
		if err == nil && json.Unmarshal(text, &answer) == nil {
			messages = slices.DeleteFunc(messages, func(m sqsMessage) bool {
				return !slices.ContainsFunc(answer.BatchItemFailures, func(f struct{ ItemIdentifier string }) bool { return f.ItemIdentifier == m.MessageID })
			})
		}
		select {
		case <-time.After(visibility):
		case <-l.end.Done():
		}
	}
}

// Drop sends a notification of S3, as it comes through SQS.
func (l *lambda) Drop(ctx context.Context, d event.DropReceived) error {
	key := strings.ReplaceAll(url.QueryEscape(d.Key), "%2F", "/")
	body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1", "eventTime": d.Time, "eventName": "ObjectCreated:Put",
		"s3": map[string]any{"s3SchemaVersion": "1.0", "bucket": map[string]any{"name": "drops", "arn": "arn:aws:s3:::drops"},
			"object": map[string]any{"key": key, "size": d.Size, "eTag": "e", "versionId": d.Generation, "sequencer": "0055AED6DCD90281E5"}},
	}}})
	if err != nil {
		return err
	}
	return l.Send(ctx, body)
}

// Interrupt has nothing to do: the deadline of what runs is near.
func (l *lambda) Interrupt(context.Context) error { return nil }

func TestLambda(t *testing.T) {
	t.Parallel()
	hosttest.Run(t, func(t *testing.T, f host.Func) hosttest.Platform {
		h, err := lambdahost.New(f, lambdahost.Config{Drops: "s3://drops?region=eu-central-1"})
		if err != nil {
			t.Fatal(err)
		}
		end, cancel := context.WithCancel(context.Background())
		l := &lambda{handler: h, end: end}
		t.Cleanup(func() {
			cancel()
			l.running.Wait()
		})
		return l
	}, hosttest.Options{})
}

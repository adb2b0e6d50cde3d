package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// Mapping is an event source mapping: it invokes a function with what comes from
// a queue, and deletes what the function has done. It has
// ReportBatchItemFailures: a function that answers {"batchItemFailures": [..]}
// names those that it has not.
//
// What failed is for the queue to bring again, and to move to its dead-letter
// queue when it has been received too often.
type Mapping struct {
	Function *Function
	Queue    Queue
	// Batch is how many messages an invocation gets at most, and Window how
	// long the first of them waits for others. 0: 10, and no longer than it
	// takes to receive.
	Batch  int
	Window time.Duration
	// Pollers are how many invocations of the mapping run at once; 0: as many
	// as the function has environments.
	Pollers int
	// Again is how soon what failed can be received again. 0: when its
	// visibility timeout is over, as on AWS.
	Again time.Duration
	// Logger gets what the mapping could not do; nil logs nothing.
	Logger *slog.Logger
}

const (
	maxReceived = 10 // by one call of SQS
	polling     = 5 * time.Second
	glance      = 25 * time.Millisecond  // between two looks during a window
	backOff     = 500 * time.Millisecond // after an error of the queue
)

// Run polls until ctx is done, and lets the invocations that run finish.
func (m Mapping) Run(ctx context.Context) {
	if m.Batch <= 0 {
		m.Batch = maxReceived
	}
	if m.Pollers <= 0 {
		m.Pollers = cap(m.Function.slots)
	}
	var pollers sync.WaitGroup
	for range m.Pollers {
		pollers.Go(func() {
			for ctx.Err() == nil {
				for _, part := range split(m.gather(ctx)) {
					// What was received is handled, whatever ctx says.
					m.handle(context.WithoutCancel(ctx), part)
				}
			}
		})
	}
	pollers.Wait()
}

// gather receives a batch.
func (m Mapping) gather(ctx context.Context) []Message {
	var batch []Message
	size := 0
	until := time.Now() // when the window closes
	for len(batch) < m.Batch && size < MaxPayload {
		wait := polling
		if len(batch) > 0 {
			if wait = time.Until(until); wait <= 0 {
				break
			}
		}
		received, err := m.Queue.Receive(ctx, min(m.Batch-len(batch), maxReceived), wait)
		if err != nil {
			if ctx.Err() == nil {
				m.log(ctx, "cannot receive", err)
				sleep(ctx, backOff)
			}
			break
		}
		if len(received) == 0 {
			if len(batch) == 0 {
				return nil
			}
			sleep(ctx, min(glance, time.Until(until))) // SQS waits for whole seconds only
		}
		if len(batch) == 0 {
			until = time.Now().Add(m.Window)
		}
		batch = append(batch, received...)
		for _, r := range received {
			size += len(r.Body)
		}
	}
	return batch
}

// part is what one invocation gets.
type part struct {
	messages []Message
	payload  []byte
}

// split makes invocations of a batch: one, unless its payload were too large.
func split(batch []Message) []part {
	const head, tail = `{"Records":[`, `]}`
	var parts []part
	for _, m := range batch {
		record, err := encode(m)
		if err != nil {
			continue // a message is made of strings, which can always be written
		}
		last := len(parts) - 1
		if last < 0 || len(parts[last].payload)+1+len(record)+len(tail) > MaxPayload {
			parts = append(parts, part{payload: []byte(head)})
			last++
		} else {
			parts[last].payload = append(parts[last].payload, ',')
		}
		parts[last].messages = append(parts[last].messages, m)
		parts[last].payload = append(parts[last].payload, record...)
	}
	for i := range parts {
		parts[i].payload = append(parts[i].payload, tail...)
	}
	return parts
}

func encode(m Message) ([]byte, error) {
	m.EventSource = "aws:sqs"
	if m.MessageAttributes == nil {
		m.MessageAttributes = map[string]Attribute{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(m)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// handle invokes the function, and tells the queue what came of it.
func (m Mapping) handle(ctx context.Context, p part) {
	answer, err := m.Function.Invoke(ctx, p.payload)
	var again map[string]bool // by id; nil: all
	if err == nil {
		again = failures(answer, p.messages)
	}
	var done, failed []string
	for _, message := range p.messages {
		if again == nil || again[message.ID] {
			failed = append(failed, message.Handle)
		} else {
			done = append(done, message.Handle)
		}
	}
	if len(done) > 0 {
		if err := m.Queue.Delete(ctx, done); err != nil {
			m.log(ctx, "cannot delete", err) // they come again, and are recognised
		}
	}
	if len(failed) > 0 && m.Again > 0 {
		if err := m.Queue.ChangeVisibility(ctx, failed, m.Again); err != nil {
			m.log(ctx, "cannot hand back", err) // they come later
		}
	}
}

// failures reads which messages the function has not done, by their ids. nil is
// all of them: an answer that names a message that is not there, or none in a
// failure, is not to be trusted
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
func failures(answer []byte, messages []Message) map[string]bool {
	var a struct {
		Failures []map[string]any `json:"batchItemFailures"`
	}
	failed := map[string]bool{}
	if len(bytes.TrimSpace(answer)) == 0 {
		return failed
	}
	if json.Unmarshal(answer, &a) != nil {
		return nil
	}
	known := map[string]bool{}
	for _, m := range messages {
		known[m.ID] = true
	}
	for _, f := range a.Failures {
		id, _ := f["itemIdentifier"].(string)
		if !known[id] {
			return nil
		}
		failed[id] = true
	}
	return failed
}

func (m Mapping) log(ctx context.Context, msg string, err error) {
	if m.Logger != nil {
		err := fault.Wrap(fault.Retry, "queue", err, "the queue does not answer")
		m.Logger.LogAttrs(ctx, slog.LevelError, msg, slog.String("queue", m.Queue.ARN()), telemetry.Fault(err))
	}
}

// sleep waits for d or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

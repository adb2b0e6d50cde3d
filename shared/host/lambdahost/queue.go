package lambdahost

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
)

// queueRecord is a message of an SQS event.
type queueRecord struct {
	MessageID  string `json:"messageId"`
	Body       string `json:"body"`
	QueueARN   string `json:"eventSourceARN"`
	Attributes struct {
		Group string `json:"MessageGroupId"` // also of fair queues, which promise no order
		Trace string `json:"AWSTraceHeader"`
	} `json:"attributes"`
}

// batchAnswer names the messages that must come again: Lambda deletes the others.
type batchAnswer struct {
	Failures []batchFailure `json:"batchItemFailures"`
}

type batchFailure struct {
	MessageID string `json:"itemIdentifier"`
}

// queue handles a batch of an SQS queue. Its error makes the whole batch come
// again.
func (h *Handler) queue(ctx context.Context, f host.Func, list json.RawMessage) ([]byte, error) {
	var records []queueRecord
	if json.Unmarshal(list, &records) != nil {
		return nil, errBatch()
	}
	units := make([]unit, len(records))
	for i, r := range records {
		if r.MessageID == "" { // nothing could be answered of it
			return nil, errBatch()
		}
		units[i].items = h.reader.arrived(r.QueueARN).read([]byte(r.Body), 0)
		if strings.HasSuffix(r.QueueARN, ".fifo") {
			// Neither can stand in an ARN or a group.
			units[i].group = r.QueueARN + " " + r.Attributes.Group
		}
		h.trace(ctx, units[i].items, r.Attributes.Trace)
	}
	answer := batchAnswer{Failures: []batchFailure{}}
	for i, err := range h.run(ctx, f, units) {
		if err != nil {
			answer.Failures = append(answer.Failures, batchFailure{records[i].MessageID})
		}
	}
	return json.Marshal(answer)
}

func errBatch() error {
	return fault.New(fault.Retry, "batch-undecodable", "the batch is not in the form of SQS", "look for who invokes the function")
}

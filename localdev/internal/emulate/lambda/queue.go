package lambda

import (
	"context"
	"time"
)

// Queue is a queue as an event source mapping needs it: one of SQS. It may be
// used concurrently. What it returns as an error is the world's fault.
type Queue interface {
	// ARN is the queue's name in AWS.
	ARN() string
	// Receive waits up to wait for messages, and returns at most max of them,
	// which may be none; SQS has no more than 10 at once. Nobody else gets them
	// before their visibility timeout is over.
	Receive(ctx context.Context, max int, wait time.Duration) ([]Message, error)
	// Delete deletes messages, by their receipt handles.
	Delete(ctx context.Context, handles []string) error
	// ChangeVisibility sets when messages can be received again, from now.
	ChangeVisibility(ctx context.Context, handles []string, after time.Duration) error
}

// Message is a message of a queue, in the form in which Lambda hands it on.
type Message struct {
	ID                string               `json:"messageId"`
	Handle            string               `json:"receiptHandle"`
	Body              string               `json:"body"`
	Attributes        map[string]string    `json:"attributes"`
	MessageAttributes map[string]Attribute `json:"messageAttributes"`
	MD5               string               `json:"md5OfBody"`
	EventSource       string               `json:"eventSource"`
	EventSourceARN    string               `json:"eventSourceARN"`
	Region            string               `json:"awsRegion"`
}

// Attribute is what a sender gave a message beside its body.
type Attribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      []byte   `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues [][]byte `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

package aws

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// Endpoints are where the services answer: "http://127.0.0.1:<port>".
type Endpoints struct {
	S3, Queues string            // SNS and SQS are one
	Functions  map[string]string // URLs of the functions that answer requests, by name
}

// Environ is how a program of AWS's SDKs finds the services, as environment
// variables.
func (e Endpoints) Environ() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + SecretKey,
		"AWS_REGION=" + lambda.Region,
		"AWS_ENDPOINT_URL_S3=" + e.S3,
		"AWS_ENDPOINT_URL_SNS=" + e.Queues,
		"AWS_ENDPOINT_URL_SQS=" + e.Queues,
	}
}

// clients speak to the services, whatever the environment of this process says.
type clients struct {
	s3  *s3.Client
	sns *sns.Client
	sqs *sqs.Client
}

func newClients(e Endpoints) clients {
	config := sdk.Config{
		Region:      lambda.Region,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
		HTTPClient:  &http.Client{Transport: plainBodies{&http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second}}},
	}
	return clients{
		s3: s3.NewFromConfig(config, func(o *s3.Options) {
			o.BaseEndpoint, o.UsePathStyle = sdk.String(e.S3), true
		}),
		sns: sns.NewFromConfig(config, func(o *sns.Options) { o.BaseEndpoint = sdk.String(e.Queues) }),
		sqs: sqs.NewFromConfig(config, func(o *sqs.Options) { o.BaseEndpoint = sdk.String(e.Queues) }),
	}
}

// plainBodies hides the WriteTo of requests' bodies. That of smithy-go (v1.26.0)
// returns io.EOF once a body is closed, which it is as soon as the answer has
// begun: if net/http then looks whether there is more to send, it takes that for a
// failure and cuts the connection. Servers as near as these are quick enough for
// that: answers get lost, and what a queue had handed over stays hidden.
type plainBodies struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r = r.WithContext(r.Context()) // a copy: r is not to be changed
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.next.RoundTrip(r)
}

// bucket opens a bucket by its full name, making it if it is not there.
func (c clients) bucket(ctx context.Context, name string) (*blob.Bucket, error) {
	if _, err := c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name}); err != nil {
		if _, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
			return nil, unavailable(err, "cannot make the bucket "+name)
		}
	}
	b, err := s3blob.OpenBucket(ctx, c.s3, name, nil)
	if err != nil {
		return nil, unavailable(err, "cannot open the bucket "+name)
	}
	return b, nil
}

func (c clients) topic(ctx context.Context, name string) error {
	if _, err := c.sns.CreateTopic(ctx, &sns.CreateTopicInput{Name: &name}); err != nil {
		return unavailable(err, "cannot make the topic "+name)
	}
	return nil
}

// queue makes a queue, and another that gets what was received too often.
func (c clients) queue(ctx context.Context, name, dead string, visibility time.Duration, receives int) (*queue, error) {
	if _, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &dead}); err != nil {
		return nil, unavailable(err, "cannot make the queue "+dead)
	}
	redrive, err := json.Marshal(map[string]string{"deadLetterTargetArn": queueARN(dead), "maxReceiveCount": strconv.Itoa(receives)})
	if err != nil {
		return nil, unavailable(err, "cannot describe the queue "+name)
	}
	made, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{
		"VisibilityTimeout": strconv.Itoa(int(visibility.Seconds())),
		"RedrivePolicy":     string(redrive),
	}})
	if err != nil {
		return nil, unavailable(err, "cannot make the queue "+name)
	}
	return &queue{client: c.sqs, url: *made.QueueUrl, arn: queueARN(name)}, nil
}

// subscribe has a queue get what is published to a topic, as it is.
func (c clients) subscribe(ctx context.Context, topic string, q *queue) error {
	_, err := c.sns.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &topic, Protocol: sdk.String("sqs"), Endpoint: &q.arn,
		Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	if err != nil {
		return unavailable(err, "cannot subscribe a queue")
	}
	return nil
}

// queue is a queue of SQS: a lambda.Queue.
type queue struct {
	client   *sqs.Client
	url, arn string
}

// ARN implements lambda.Queue.
func (q *queue) ARN() string { return q.arn }

// Receive implements lambda.Queue.
func (q *queue) Receive(ctx context.Context, most int, wait time.Duration) ([]lambda.Message, error) {
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &q.url,
		MaxNumberOfMessages:         int32(min(most, 10)),
		WaitTimeSeconds:             waitSeconds(wait),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return nil, unavailable(err, "cannot receive")
	}
	messages := make([]lambda.Message, len(out.Messages))
	for i, m := range out.Messages {
		messages[i] = lambda.Message{
			ID: sdk.ToString(m.MessageId), Handle: sdk.ToString(m.ReceiptHandle), Body: sdk.ToString(m.Body), MD5: sdk.ToString(m.MD5OfBody),
			Attributes: m.Attributes, MessageAttributes: map[string]lambda.Attribute{},
			EventSourceARN: q.arn, Region: lambda.Region,
		}
		for name, a := range m.MessageAttributes {
			messages[i].MessageAttributes[name] = lambda.Attribute{
				StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: sdk.ToString(a.DataType),
				StringListValues: []string{}, BinaryListValues: [][]byte{},
			}
		}
	}
	return messages, nil
}

// waitSeconds is a time to wait as SQS takes it: in whole seconds, 20 at most.
func waitSeconds(d time.Duration) int32 { return int32(min(d, 20*time.Second) / time.Second) }

// perCall is how many messages one call of SQS deletes or changes.
const perCall = 10

// Delete implements lambda.Queue.
func (q *queue) Delete(ctx context.Context, handles []string) error {
	for some := range slices.Chunk(handles, perCall) {
		var entries []types.DeleteMessageBatchRequestEntry
		for i, h := range some {
			entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: sdk.String(strconv.Itoa(i)), ReceiptHandle: sdk.String(h)})
		}
		out, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			return unavailable(err, "cannot delete")
		}
		if err := refused(out.Failed); err != nil {
			return err
		}
	}
	return nil
}

// ChangeVisibility implements lambda.Queue, in whole seconds.
func (q *queue) ChangeVisibility(ctx context.Context, handles []string, after time.Duration) error {
	seconds := int32(min(after.Round(time.Second), 12*time.Hour).Seconds())
	for some := range slices.Chunk(handles, perCall) {
		var entries []types.ChangeMessageVisibilityBatchRequestEntry
		for i, h := range some {
			entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: sdk.String(strconv.Itoa(i)), ReceiptHandle: sdk.String(h), VisibilityTimeout: seconds})
		}
		out, err := q.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			return unavailable(err, "cannot hand back")
		}
		if err := refused(out.Failed); err != nil {
			return err
		}
	}
	return nil
}

// refused is the error of a batch of which some was refused.
func refused(failed []types.BatchResultErrorEntry) error {
	if len(failed) == 0 {
		return nil
	}
	return fault.New(fault.Retry, "queue-refused", strconv.Itoa(len(failed))+" messages were refused: "+sdk.ToString(failed[0].Code), "")
}

// count is how many messages a queue has, visible or not.
func (q *queue) count(ctx context.Context) (int, error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: names})
	if err != nil {
		return 0, unavailable(err, "cannot count messages")
	}
	all := 0
	for _, name := range names {
		n, _ := strconv.Atoi(out.Attributes[string(name)]) // always a number
		all += n
	}
	return all, nil
}

func unavailable(err error, msg string) error {
	return fault.Wrap(fault.Retry, "emulator-unavailable", err, msg)
}

// port is the port of an address.
func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr) // an address of emulate.Listen
	return p
}

package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

// notifier is what S3 does when a bucket notifies a topic: the emulated one knows
// no such configuration, but tells a webhook of every change in every bucket.
type notifier struct {
	sns    *sns.Client
	logger *slog.Logger

	mu      sync.Mutex
	awaited map[string]chan struct{} // by key in the drops bucket; closed when it is announced
}

// await answers a channel that is closed when a drop is announced. There is one
// for a key at a time.
func (n *notifier) await(key string) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.awaited == nil {
		n.awaited = map[string]chan struct{}{}
	}
	c := make(chan struct{})
	n.awaited[key] = c
	return c
}

func (n *notifier) announced(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.awaited[key]; c != nil {
		close(c)
		delete(n.awaited, key)
	}
}

// maxHook bounds what the webhook takes, in bytes.
const maxHook = 1 << 20

// change is what versitygw tells of a change of an object, as much as is used of
// it. It differs from what S3 sends: names start with "s3:", the key is not
// encoded, the ETag is in quotes.
type change struct {
	Name string    `json:"eventName"`
	Time time.Time `json:"eventTime"`
	S3   struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      int64  `json:"size"`
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

// notification is a record that S3 sends, structure version 2.1
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
type notification struct {
	EventVersion string `json:"eventVersion"`
	EventSource  string `json:"eventSource"`
	Region       string `json:"awsRegion"`
	Time         string `json:"eventTime"`
	Name         string `json:"eventName"`
	User         struct {
		Principal string `json:"principalId"`
	} `json:"userIdentity"`
	Request struct {
		Address string `json:"sourceIPAddress"`
	} `json:"requestParameters"`
	Response struct {
		ID   string `json:"x-amz-request-id"`
		Host string `json:"x-amz-id-2"`
	} `json:"responseElements"`
	S3 struct {
		Version       string `json:"s3SchemaVersion"`
		Configuration string `json:"configurationId"`
		Bucket        struct {
			Name  string `json:"name"`
			Owner struct {
				Principal string `json:"principalId"`
			} `json:"ownerIdentity"`
			ARN string `json:"arn"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      int64  `json:"size"`
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId,omitempty"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

// notify is the message that S3 sends of a change.
func notify(c change) ([]byte, error) {
	var n notification
	n.EventVersion, n.EventSource, n.Region = "2.1", "aws:s3", lambda.Region
	n.Time = c.Time.UTC().Format("2006-01-02T15:04:05.000Z")
	n.Name = strings.TrimPrefix(c.Name, "s3:")
	n.User.Principal, n.S3.Bucket.Owner.Principal = "AWS:EMULATED", "EMULATED"
	n.Request.Address = "127.0.0.1"
	n.S3.Version, n.S3.Configuration = "1.0", "drops"
	n.S3.Bucket.Name, n.S3.Bucket.ARN = c.S3.Bucket.Name, "arn:aws:s3:::"+c.S3.Bucket.Name
	o := &n.S3.Object
	// S3 encodes keys as forms do, but for the slashes.
	o.Key = strings.ReplaceAll(url.QueryEscape(c.S3.Object.Key), "%2F", "/")
	o.Size, o.ETag, o.VersionID = c.S3.Object.Size, strings.Trim(c.S3.Object.ETag, `"`), c.S3.Object.VersionID
	sequence, err := strconv.ParseUint(c.S3.Object.Sequencer, 10, 64)
	if err != nil {
		sequence = 0
	}
	o.Sequencer = fmt.Sprintf("%018X", sequence)
	return json.Marshal(struct {
		Records []notification
	}{[]notification{n}})
}

// changed takes a change that the webhook was told of.
func (n *notifier) changed(ctx context.Context, c change) error {
	if c.S3.Bucket.Name != Name("drops") || !strings.HasPrefix(c.Name, "s3:ObjectCreated:") {
		return nil
	}
	message, err := notify(c)
	if err != nil {
		return fault.Wrap(fault.Poison, "notification", err, "a notification cannot be written")
	}
	text, topic := string(message), topicARN("drops")
	if _, err := n.sns.Publish(ctx, &sns.PublishInput{TopicArn: &topic, Message: &text}); err != nil {
		return unavailable(err, "cannot publish a notification")
	}
	n.announced(c.S3.Object.Key)
	return nil
}

// again notifies of every object that lies in the drops bucket: queues are in
// memory, and what was on its way when an emulated deployment ended is lost with
// them. What the chain has seen it recognises.
func (n *notifier) again(ctx context.Context, drops *blob.Bucket) error {
	return store.Each(ctx, drops, "", func(o *blob.ListObject) error {
		a, err := drops.Attributes(ctx, o.Key)
		if err != nil {
			return unavailable(err, "cannot look into the drops bucket")
		}
		c := change{Name: "s3:ObjectCreated:Put", Time: a.ModTime}
		c.S3.Bucket.Name = Name("drops")
		c.S3.Object.Key, c.S3.Object.Size, c.S3.Object.ETag = o.Key, a.Size, a.ETag
		return n.changed(ctx, c)
	})
}

// ServeHTTP is the webhook.
func (n *notifier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Records []change
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHook))
	if err != nil || json.Unmarshal(data, &body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, c := range body.Records {
		// The webhook is not tried again, and nobody reads its answer.
		if err := n.changed(r.Context(), c); err != nil {
			n.logger.LogAttrs(r.Context(), slog.LevelError, "a drop was not announced; it will be at the next start", telemetry.Fault(err))
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	}
}

// listen serves h on loopback and answers its URL.
func listen(ctx context.Context, h http.Handler) (url string, stop func() error, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, unavailable(err, "nothing can listen on loopback")
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.Serve(l) }() // ends with Close
	return "http://" + l.Addr().String() + "/", s.Close, nil
}

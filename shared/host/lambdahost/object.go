package lambdahost

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// drops is where drops lie: a bucket and, in it, a prefix. The zero value is
// that of a function that takes none.
type drops struct{ bucket, prefix string }

// dropsOf reads the URL of the drops bucket, as the function itself is given it.
func dropsOf(bucketURL string) (drops, error) {
	if bucketURL == "" {
		return drops{}, nil
	}
	u, err := url.Parse(bucketURL)
	if err != nil || u.Host == "" {
		return drops{}, fault.New(fault.Invalid, "environment", "SALLYPORT_DROPS does not name a bucket", "set it to s3://<bucket>?region=<region>")
	}
	return drops{u.Host, u.Query().Get("prefix")}, nil
}

const (
	maxKey       = 1024 // bytes; S3's own limit
	maxSequencer = 128  // bytes; S3's have some 16 to 20
)

// s3Record is one record of a notification that a bucket sends itself, as much
// as is used of it: versions 2.x of its structure.
type s3Record struct {
	Source string    `json:"eventSource"`
	Name   string    `json:"eventName"`
	Time   time.Time `json:"eventTime"`
	S3     struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"` // URL-encoded, with + for a space
			Size      int64  `json:"size"`
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

// s3Detail is the detail of an event that a bucket sends through EventBridge.
type s3Detail struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key       string `json:"key"` // as it is
		Size      int64  `json:"size"`
		ETag      string `json:"etag"`
		VersionID string `json:"version-id"`
		Sequencer string `json:"sequencer"`
	} `json:"object"`
}

// object is what either tells of a new object.
type object struct {
	bucket, key, etag, version, sequencer string
	size                                  int64
	time                                  time.Time
}

// notified reads one record of a notification.
func (d drops) notified(raw json.RawMessage) item {
	var r s3Record
	if json.Unmarshal(raw, &r) != nil || r.Source != "aws:s3" || r.Name == "" {
		return refuse(raw, errNotification())
	}
	// Deletions, delete markers, restores, transitions and the like are not
	// drops. Some of their names come with a prefix.
	if !strings.HasPrefix(strings.TrimPrefix(r.Name, "s3:"), "ObjectCreated:") {
		return ignore("not a new object")
	}
	key, err := url.QueryUnescape(r.S3.Object.Key)
	if err != nil {
		return refuse(raw, errNotification())
	}
	o := r.S3.Object
	return d.created(raw, object{r.S3.Bucket.Name, key, o.ETag, o.VersionID, o.Sequencer, o.Size, r.Time})
}

// bridged reads an event of EventBridge whose source is aws.s3.
func (d drops) bridged(raw json.RawMessage, b bridgeEvent) item {
	if b.DetailType != "Object Created" {
		return ignore("not a new object")
	}
	var detail s3Detail
	if json.Unmarshal(b.Detail, &detail) != nil {
		return refuse(raw, errNotification())
	}
	o := detail.Object
	return d.created(raw, object{detail.Bucket.Name, o.Key, o.ETag, o.VersionID, o.Sequencer, o.Size, b.Time})
}

// created makes the event of a new object; raw is what told of it.
func (d drops) created(raw json.RawMessage, o object) item {
	version := o.version
	if version == "null" {
		version = "" // of a bucket without versions: all objects have this one
	}
	etag := strings.Trim(o.etag, `"`)
	if o.bucket == "" || o.key == "" || len(o.key) > maxKey || !utf8.ValidString(o.key) || o.size < 0 || o.time.IsZero() || version+etag == "" {
		return refuse(raw, errNotification())
	}
	if o.bucket != d.bucket {
		return refuse(raw, fault.New(fault.Denied, "bucket-unknown", "the notification is of another bucket than that of the drops",
			"let only the drops bucket notify this function"))
	}
	key, below := strings.CutPrefix(o.key, d.prefix)
	switch {
	case !below || key == "":
		return ignore("outside of the prefix of the drops")
	case strings.HasSuffix(key, "/") && o.size == 0:
		return ignore("stands for a folder")
	}
	data := event.DropReceived{Key: key, Generation: version, Size: o.size, Time: o.time.UTC()}
	if etag != "" {
		data.ETag = `"` + etag + `"` // as gocloud's s3blob gives it
	}
	e, err := event.Received(Source, data)
	if err != nil {
		return refuse(raw, err)
	}
	if o.sequencer != "" && len(o.sequencer) <= maxSequencer {
		e.SetExtension("sequence", o.sequencer) // orders the events of one key
	}
	return item{event: e}
}

func errNotification() error {
	return fault.New(fault.Poison, "notification-undecodable", "the notification of an object cannot be read",
		"look for who sends it: it is not in the form of S3")
}

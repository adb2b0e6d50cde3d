package gcfhost

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// place is where the drops lie: a bucket and, below it, a prefix. Without a
// bucket the function takes no drops.
type place struct{ bucket, prefix string }

// placeOf reads the URL of the drops bucket, as the function itself is given it.
func placeOf(bucketURL string) (place, error) {
	if bucketURL == "" {
		return place{}, nil
	}
	u, err := url.Parse(bucketURL)
	if err != nil || u.Host == "" {
		return place{}, fault.New(fault.Invalid, "environment", "SALLYPORT_DROPS does not name a bucket", "set it to gs://<bucket>")
	}
	return place{u.Host, u.Query().Get("prefix")}, nil
}

// object is what notifications tell of an object: a part of the resource of
// Cloud Storage's JSON API, which StorageObjectData of Eventarc and the payload
// JSON_API_V1 of Pub/Sub notifications are alike.
type object struct {
	Bucket      string    `json:"bucket"`
	Name        string    `json:"name"`
	Generation  digits    `json:"generation"`
	Size        digits    `json:"size"`
	ETag        string    `json:"etag"`
	TimeCreated time.Time `json:"timeCreated"`
	// State is of object.change only: "exists" or "not_exists".
	State string `json:"resourceState"`
}

// digits is a number that JSON may hold as a string, as protocol buffers do.
type digits string

// UnmarshalJSON implements json.Unmarshaler.
func (d *digits) UnmarshalJSON(text []byte) error {
	s := strings.Trim(string(text), `"`)
	if s == "null" {
		return nil
	}
	if _, err := strconv.ParseInt(s, 10, 64); err != nil {
		return errUnreadable
	}
	*d = digits(s)
	return nil
}

var errUnreadable = fault.New(fault.Poison, "notification-undecodable", "the notification of an object cannot be read",
	"look for who sends it: it is not in the form of Cloud Storage")

func objectOf(data []byte) (object, error) {
	var o object
	if json.Unmarshal(data, &o) != nil {
		return object{}, errUnreadable
	}
	return o, nil
}

// etag is the ETag as gocloud's gcsblob gives it: in quotes, which the API leaves
// out.
func (o object) etag() string {
	if o.ETag == "" || strings.HasPrefix(o.ETag, `W/"`) || strings.HasPrefix(o.ETag, `"`) || strings.HasSuffix(o.ETag, `"`) {
		return o.ETag
	}
	return strconv.Quote(o.ETag)
}

// dropped makes the event of a new object. It reports false for an object that
// is not a drop: one outside the prefix, or what stands for a folder. An object
// of another bucket is Denied.
func (p place) dropped(o object) (event.Event, bool, error) {
	if o.Bucket == "" || o.Name == "" || o.Generation == "" {
		return event.Event{}, false, errUnreadable
	}
	if o.Bucket != p.bucket {
		return event.Event{}, false, fault.New(fault.Denied, "bucket-unknown", "the notification is of another bucket than that of the drops",
			"let only the drops bucket notify this function")
	}
	key, below := strings.CutPrefix(o.Name, p.prefix)
	if !below || key == "" || strings.HasSuffix(key, "/") && (o.Size == "0" || o.Size == "") {
		return event.Event{}, false, nil
	}
	data := event.DropReceived{Key: key, Generation: string(o.Generation), ETag: o.etag(), Time: o.TimeCreated.UTC()}
	if o.Size != "" {
		data.Size, _ = strconv.ParseInt(string(o.Size), 10, 64) // digits are a number
	}
	e, err := event.Received(Source, data)
	return e, err == nil, err
}

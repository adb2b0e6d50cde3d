// Package deliver brings masked segments to where a partner takes them: a bucket
// or a topic, whatever gocloud can open.
//
// To deliver again is harmless: an object is created where it is absent and
// found there otherwise, and an event has an id derived from what it carries, by
// which its receiver recognises it (CloudEvents 1.0, section 3.1).
//
// Bytes are held to the digest that the chain promised before anything becomes
// visible to the partner. Memory does not grow with a segment or its rows.
package deliver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// The codes of faults that callers act upon.
const (
	// CodeUnavailable, of kind Retry: the destination did not take what it was
	// given. All other Retry faults are not the destination's.
	CodeUnavailable = "destination-unavailable"
	// CodeConfig, of kind Poison: the target cannot be opened by anybody.
	CodeConfig = "destination-config"
	// CodeConflict, of kind Poison: another object lies where this one belongs.
	CodeConflict = "destination-conflict"
	// CodeDigest, of kind Poison: the segment's bytes are not those that were
	// masked.
	CodeDigest = "digest-mismatch"
	// CodeDamaged, of kind Poison: the bytes are those that were masked, but
	// they are not rows of the contract.
	CodeDamaged = "segment-damaged"
)

// What a topic gets.
const (
	SendRows     = "rows"     // one event per row
	SendSegments = "segments" // one event per segment, which names an object in Target.Bucket
)

// The types of the events that partners get. They are not the chain's own,
// whose prefix an event from outside must not carry.
const (
	TypeRow      = "sallyport.row.v1"      // data: the row, as JSON
	TypeSegment  = "sallyport.segment.v1"  // dataref: an object with rows
	TypeManifest = "sallyport.manifest.v1" // data: the manifest of a drop
)

// Target says where a subscription's data goes and how. It is comparable.
type Target struct {
	URL string // of a bucket or a topic
	// Send is what a topic gets, SendRows or SendSegments; "" is SendRows.
	Send string
	// Format is how objects are written; "": as the rows were dropped. The rows of a
	// topic are always JSON.
	Format record.Codec
	// Bucket is, with SendSegments, the URL of the bucket that the objects are
	// put in. The partner must be able to read there.
	Bucket string
}

// Opener opens targets. A URL is that of a bucket or of a topic, depending on
// which of the two knows its scheme.
type Opener struct {
	Buckets *blob.URLMux   // nil: blob.DefaultURLMux()
	Topics  *pubsub.URLMux // nil: pubsub.DefaultURLMux()
}

// Drop is what a segment is a part of, and for whom.
type Drop struct {
	Subscription string
	Contract     string // contract id
	ID           string
	Time         time.Time // when the drop was taken; the time of events about it
	// Deprecation is what events about the drop say of its contract; zero if the
	// contract stays.
	Deprecation event.Deprecation
	// Classification is that of the data, for events that carry or name it.
	Classification event.Classification
}

// Segment is the unit of delivery.
type Segment struct {
	Drop   Drop
	Number int   // from 0
	Of     int   // segments of the drop
	Rows   int64 // more than 0

	// Schema and Format say how to read the rows, Columns which top-level
	// fields the partner sees, in the order in which a CSV has them.
	Schema  *record.Schema
	Format  record.Format
	Columns []int
	// Dropped is the format that the drop came in, where Format is another; "" if
	// it is Format. Seen describes the rows as the partner sees them, for formats
	// of typed values: the fields of Schema, without those that the view leaves
	// out and with the types that transforms gave them; nil: Schema.
	Dropped record.Codec
	Seen    *record.Schema

	// Size and Digest are those of the bytes that Open reads.
	Size   int64
	Digest string
	// Open reads the bytes from the start. It is called once or twice.
	Open func(context.Context) (io.ReadCloser, error)
}

// Receipt says what was delivered.
type Receipt struct {
	Rows int64 `json:"rows"`
	// Object is what lies at the destination; empty for rows sent as events.
	Object event.Ref `json:"object,omitzero"`
}

// Destination takes the segments of a subscription. It may be used by any number
// of goroutines, and of processes for the same target.
//
// The methods may be repeated after any error: what was delivered before is
// recognised, here or by the receiver. None of them retries.
type Destination interface {
	// Deliver brings a segment to the destination. When it succeeds the segment
	// is there to stay.
	Deliver(ctx context.Context, s Segment) (Receipt, error)
	// Manifest delivers the manifest of a drop, which is JSON, after all of the
	// drop's segments. It answers the key of the object, or the id of the event
	// if there is no object.
	Manifest(ctx context.Context, d Drop, manifest []byte) (key string, err error)
	// Close must not be called while something is under way.
	Close() error
}

// Open opens the destination that t names. ctx is for opening only.
func Open(ctx context.Context, t Target, o Opener) (Destination, error) {
	buckets, topics := cmp.Or(o.Buckets, blob.DefaultURLMux()), cmp.Or(o.Topics, pubsub.DefaultURLMux())
	switch t.Format {
	case "", record.CSV, record.NDJSON, record.JSON, record.Parquet, record.Avro:
	default:
		return nil, misconfigured(fmt.Sprintf("there is no format %q", t.Format), "use csv, ndjson, json, parquet or avro")
	}
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme == "" {
		return nil, misconfigured("the URL of the destination is not one", "use something like s3://bucket or file://./outbox")
	}
	if buckets.ValidBucketScheme(u.Scheme) {
		if t.Send != "" || t.Bucket != "" {
			return nil, misconfigured("a bucket was told what to send", "send and bucket are for topics: leave them out")
		}
		return opened(openBucket(ctx, buckets, t.URL, t.Format))
	}
	if !topics.ValidTopicScheme(u.Scheme) {
		known := append(buckets.BucketSchemes(), topics.TopicSchemes()...)
		return nil, misconfigured(fmt.Sprintf("nothing here opens %s: URLs", u.Scheme), "use one of "+strings.Join(known, ", "))
	}
	switch t.Send {
	case "", SendRows:
		return opened(openRows(ctx, topics, t.URL))
	case SendSegments:
		if t.Bucket == "" {
			return nil, misconfigured("the destination sends references to objects, but names no bucket for the objects",
				"add the URL of a bucket that the partner can read, or send rows")
		}
		return opened(openSegments(ctx, topics, buckets, t))
	}
	return nil, misconfigured(fmt.Sprintf("there is nothing %q to send", t.Send), "use rows or segments")
}

// opened is d, or a nil Destination if it could not be opened.
func opened[D Destination](d D, err error) (Destination, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}

func misconfigured(msg, do string) error { return fault.New(fault.Poison, CodeConfig, msg, do) }

func unavailable(err error, msg string) error {
	return &fault.Error{Kind: fault.Retry, Code: CodeUnavailable, Msg: msg, Err: err,
		Do: "check that the destination is up and that this deployment may write there"}
}

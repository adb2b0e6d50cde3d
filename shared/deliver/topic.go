package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"gocloud.dev/blob"
	"gocloud.dev/pubsub"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

const (
	// inFlight is how many bytes of rows are on their way to a topic at most,
	// for one segment. A longer row goes alone.
	inFlight = 16 << 20
	// together is how many rows are.
	together = 64

	shutdown = 30 * time.Second
)

// extSubscription is the extension attribute that says what the receiver has an
// event for. The others are names of the CloudEvents extension registry, but
// those that say how to read what dataref names.
const (
	extSubscription = "subscription"
	extDataref      = "dataref"
	extDigest       = "datadigest" // "sha256:" and hex
	extSize         = "datasize"   // bytes
	extRows         = "datarows"
	extSegment      = "segment"  // from 0
	extSegments     = "segments" // of the drop
)

// topic sends events in structured mode (CloudEvents JSON format).
type topic struct{ t *pubsub.Topic }

func openTopic(ctx context.Context, mux *pubsub.URLMux, u string) (topic, error) {
	t, err := mux.OpenTopic(ctx, u)
	if err != nil {
		return topic{}, unavailable(err, "cannot open the topic of the destination")
	}
	return topic{t}, nil
}

func (t topic) send(ctx context.Context, body []byte) error {
	err := t.t.Send(ctx, &pubsub.Message{Body: body, Metadata: map[string]string{"content-type": ce.ApplicationCloudEventsJSON}})
	if err != nil {
		return unavailable(err, "the destination does not take an event")
	}
	return nil
}

// sendEvent sends one event about a drop.
func (t topic) sendEvent(ctx context.Context, e ce.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fault.Wrap(fault.Poison, "event-encode", err, "cannot encode an event for the destination")
	}
	return t.send(ctx, body)
}

func (t topic) Manifest(ctx context.Context, d Drop, manifest []byte) (string, error) {
	e := d.event(TypeManifest, event.ID("manifest", d.Subscription, d.ID))
	e.SetSubject(d.ID)
	if err := e.SetData(ce.ApplicationJSON, json.RawMessage(manifest)); err != nil {
		return "", fault.Wrap(fault.Poison, "event-encode", err, "cannot encode the manifest")
	}
	return e.ID(), t.sendEvent(ctx, e)
}

func (t topic) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdown)
	defer cancel()
	return t.t.Shutdown(ctx)
}

// event is an event about the drop with what all of them have. All of it is
// derived, so that to send it again is to send the same.
func (d Drop) event(typ, id string) ce.Event {
	e := ce.New()
	e.SetID(id)
	e.SetType(typ)
	e.SetSource("/sallyport/contracts/" + keyPart(d.Contract))
	if !d.Time.IsZero() {
		e.SetTime(d.Time.UTC())
	}
	e.SetExtension(event.ExtCorrelationID, d.ID)
	e.SetExtension(extSubscription, d.Subscription)
	d.Deprecation.Mark(&e)
	d.Classification.Mark(&e)
	return e
}

// rowsDestination sends one event per row. Its id is derived from subscription,
// drop, segment and row number.
type rowsDestination struct{ topic }

func openRows(ctx context.Context, mux *pubsub.URLMux, u string) (rowsDestination, error) {
	t, err := openTopic(ctx, mux, u)
	return rowsDestination{t}, err
}

// Deliver reads the segment twice: a row that was sent cannot be taken back, so
// the digest must hold before the first one goes.
func (d rowsDestination) Deliver(ctx context.Context, s Segment) (Receipt, error) {
	first, err := s.open(ctx)
	if err != nil {
		return Receipt{}, err
	}
	if err := errors.Join(first.check(), first.Close()); err != nil {
		return Receipt{}, err
	}
	b, err := s.open(ctx)
	if err != nil {
		return Receipt{}, err
	}
	defer b.Close()
	sending, ctx := errgroup.WithContext(ctx)
	free := semaphore.NewWeighted(inFlight)
	maker := newRowEvents(&s)
	failed := b.rows(ctx, func(batch *record.Batch, i int) error {
		e := maker.row(batch, i)
		weight := min(max(int64(len(e)), inFlight/together), inFlight)
		if err := free.Acquire(ctx, weight); err != nil {
			return err
		}
		sending.Go(func() error {
			defer free.Release(weight)
			return d.send(ctx, e)
		})
		return nil
	})
	if err := sending.Wait(); err != nil {
		return Receipt{}, err // and what stopped the reading is only its echo
	}
	if failed != nil {
		return Receipt{}, failed
	}
	return Receipt{Rows: s.Rows}, b.check()
}

// rowEvents writes the events of a segment's rows. It is for one goroutine.
type rowEvents struct {
	s       *Segment
	convert *record.Converter
	head    []byte // what all events start with
	subject string
}

func newRowEvents(s *Segment) *rowEvents {
	str := func(dst []byte, name, value string) []byte {
		dst = append(dst, `,"`+name+`":`...)
		return record.AppendJSONString(dst, []byte(value))
	}
	m := &rowEvents{s: s, subject: s.Drop.ID + "/" + s.name() + "/",
		convert: record.NewConverter(s.Schema, s.Format, s.format(record.JSON))}
	e := s.Drop.event(TypeRow, "")
	m.head = []byte(`{"specversion":"1.0","datacontenttype":"application/json"`)
	m.head = str(m.head, "type", e.Type())
	m.head = str(m.head, "source", e.Source())
	if !e.Time().IsZero() {
		m.head = str(m.head, "time", e.Time().Format(time.RFC3339Nano))
	}
	m.head = str(m.head, event.ExtCorrelationID, s.Drop.ID)
	m.head = str(m.head, extSubscription, s.Drop.Subscription)
	for _, a := range append(s.Drop.Deprecation.Attributes(), s.Drop.Classification.Attributes()...) {
		if text, ok := a.Value.(string); ok {
			m.head = str(m.head, a.Name, text)
		} else {
			m.head = fmt.Appendf(m.head, `,"%s":%v`, a.Name, a.Value)
		}
	}
	m.head = append(m.head, `,"id":"`...)
	return m
}

// row is the event of row i of a batch.
func (m *rowEvents) row(b *record.Batch, i int) []byte {
	number := strconv.FormatInt(b.First+int64(i), 10)
	row := &b.Rows[i]
	e := make([]byte, 0, len(m.head)+2*int(row.End-row.Start)+256)
	e = append(e, m.head...)
	e = append(e, event.ID("row", m.s.Drop.Subscription, m.s.Drop.ID, m.s.name(), number)...)
	e = append(e, `","subject":`...)
	e = record.AppendJSONString(e, []byte(m.subject+number))
	e = append(e, `,"data":`...)
	e = m.convert.AppendRow(e, b, i)
	return append(e, '}')
}

// segmentsDestination puts each segment into a bucket and sends an event that
// says where it lies (the claim check pattern; CloudEvents dataref extension).
type segmentsDestination struct {
	topic
	objects *bucketDestination
	base    *url.URL // of the bucket
}

func openSegments(ctx context.Context, topics *pubsub.URLMux, buckets *blob.URLMux, t Target) (*segmentsDestination, error) {
	base, err := url.Parse(t.Bucket)
	if err != nil || !buckets.ValidBucketScheme(base.Scheme) {
		return nil, misconfigured("the bucket of the destination is not the URL of one", "use something like s3://bucket")
	}
	objects, err := openBucket(ctx, buckets, t.Bucket, t.Format)
	if err != nil {
		return nil, err
	}
	to, err := openTopic(ctx, topics, t.URL)
	if err != nil {
		return nil, errors.Join(err, objects.Close())
	}
	return &segmentsDestination{to, objects, base}, nil
}

func (d *segmentsDestination) Deliver(ctx context.Context, s Segment) (Receipt, error) {
	r, err := d.objects.Deliver(ctx, s)
	if err != nil {
		return r, err
	}
	e := s.Drop.event(TypeSegment, event.ID("segment", s.Drop.Subscription, s.Drop.ID, s.name()))
	e.SetSubject(s.Drop.ID + "/" + s.name())
	e.SetDataContentType(mediaType(s.format(d.objects.codec).Codec))
	e.SetExtension(extDataref, d.dataref(r.Object.Key))
	e.SetExtension(extDigest, r.Object.Digest)
	e.SetExtension(extSize, strconv.FormatInt(r.Object.Size, 10))
	e.SetExtension(extRows, strconv.FormatInt(r.Rows, 10))
	e.SetExtension(extSegment, strconv.Itoa(s.Number))
	e.SetExtension(extSegments, strconv.Itoa(s.Of))
	return r, d.sendEvent(ctx, e)
}

// Manifest puts the manifest beside the objects and sends it, too.
func (d *segmentsDestination) Manifest(ctx context.Context, drop Drop, manifest []byte) (string, error) {
	key, err := d.objects.Manifest(ctx, drop, manifest)
	if err != nil {
		return "", err
	}
	_, err = d.topic.Manifest(ctx, drop, manifest)
	return key, err
}

// dataref is the URL of an object: that of the bucket without what only who
// writes to it needs.
func (d *segmentsDestination) dataref(key string) string {
	ref := url.URL{Scheme: d.base.Scheme, Host: d.base.Host, Path: d.base.Path}
	return ref.JoinPath(d.base.Query().Get("prefix") + key).String()
}

func (d *segmentsDestination) Close() error {
	return errors.Join(d.topic.Close(), d.objects.Close())
}

func mediaType(c record.Codec) string {
	switch c {
	case record.CSV:
		return "text/csv"
	case record.NDJSON:
		return "application/x-ndjson"
	case record.Parquet:
		return "application/vnd.apache.parquet"
	case record.Avro:
		return "application/avro"
	}
	return ce.ApplicationJSON
}

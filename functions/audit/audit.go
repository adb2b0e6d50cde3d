// Package audit writes down what the chain did: it appends every outcome to the
// ledger, once, however often it is told of it.
package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/runtimevar"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/ledger"
)

// Config says where audit writes. It names no bucket of the chain's: audit sees
// events only.
type Config struct {
	Ledger string `env:"LEDGER,required"`        // bucket URL
	Origin string `env:"LEDGER_ORIGIN,required"` // the ledger's name, which is the name of its key
	// SigningKey is the secret key, as ledger.NewKey makes it, or the URL of a
	// secret that holds it: of a gocloud.dev/runtimevar whose driver is linked.
	SigningKey string `env:"LEDGER_KEY,required,unset"`
	// Buckets opens the URL; nil: blob.DefaultURLMux().
	Buckets *blob.URLMux `env:"-"`
}

// Function is the audit function. Any number of goroutines, and of copies in any
// number of processes, may call it at once; a few large batches cost less than
// many small ones.
type Function struct {
	bucket *blob.Bucket
	log    *ledger.Log
}

// Open opens the ledger of cfg. A key that is no key, or not this ledger's, is
// refused.
func Open(ctx context.Context, cfg Config) (*Function, error) {
	key, err := signingKey(ctx, cfg.SigningKey)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(key)
	if err != nil { // its text stays out of the error: it may hold a part of the key
		return nil, fault.New(fault.Invalid, "ledger-key", "the ledger's signing key is not one", "give the secret key as it was made: PRIVATE+KEY+...")
	}
	mux := cfg.Buckets
	if mux == nil {
		mux = blob.DefaultURLMux()
	}
	bucket, err := mux.OpenBucket(ctx, cfg.Ledger)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "bucket-open", err, "audit cannot open a bucket")
	}
	log, err := ledger.Open(ctx, bucket, signer, cfg.Origin)
	if err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	return &Function{bucket: bucket, log: log}, nil
}

// signingKey is the key that setting is, or that the secret holds whose URL it is.
func signingKey(ctx context.Context, setting string) (string, error) {
	if strings.HasPrefix(setting, "PRIVATE+KEY+") || !strings.Contains(setting, "://") {
		return setting, nil
	}
	secret, err := runtimevar.OpenVariable(ctx, setting)
	if err != nil { // its text stays out of the error: a mistyped key may have come this far
		return "", fault.New(fault.Invalid, "ledger-key", "the URL of the ledger's signing key cannot be opened", "give the key, or the URL of a secret of this cloud: awssecretsmanager://name?region=...")
	}
	defer secret.Close()
	snapshot, err := secret.Watch(ctx) // not Latest, which would go on after an error until ctx ends
	if err != nil {
		return "", fault.Wrap(fault.Retry, "ledger-key", err, "the ledger's signing key cannot be read")
	}
	switch value := snapshot.Value.(type) { // by the decoder that the URL names; none is bytes
	case string:
		return strings.TrimSpace(value), nil
	case []byte:
		return string(bytes.TrimSpace(value)), nil
	}
	return "", fault.New(fault.Invalid, "ledger-key", "the ledger's signing key is not a text", "leave decoder out of its URL")
}

// Close closes the ledger's bucket.
func (f *Function) Close() error { return f.bucket.Close() }

// Handle records one event. It answers with none.
func (f *Function) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	_, err := f.HandleBatch(ctx, []event.Event{e})
	return nil, fault.Of(err, 0)
}

// HandleBatch records the events that are outcomes of the chain and answers with
// none. When it returns, a signed checkpoint covers what it recorded. An event
// that can never be recorded is an item of a [fault.Batch], of kind Poison; the
// others are recorded all the same. If the ledger cannot be written, each of
// the others is an item of kind Retry.
func (f *Function) HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error) {
	failed := fault.Batch{}
	records := make([]ledger.Record, 0, len(events))
	indexes := make([]int, 0, len(events)) // of the events that records come from
	for i, e := range events {
		if !isOutcome(e) {
			continue
		}
		r, err := recordOf(e)
		if err != nil {
			failed[i] = err
			continue
		}
		records = append(records, r)
		indexes = append(indexes, i)
	}
	if len(records) > 0 {
		err := f.log.Append(ctx, records)
		for at, i := range indexes {
			if err := fault.Of(err, at); err != nil {
				failed[i] = err
			}
		}
	}
	if len(failed) > 0 {
		return nil, failed
	}
	return nil, nil
}

// isOutcome reports whether e says that the chain did something: a drop that
// merely lies there and the clock do not.
func isOutcome(e event.Event) bool {
	return event.FromChain(e) && e.Type() != event.TypeDropReceived && e.Type() != event.TypeTick
}

// recordOf is the record of an event: the CloudEvent itself in the JSON format
// of CloudEvents 1.0, its members sorted, without spaces, numbers as they were
// written. Such a record can be read by any consumer of CloudEvents.
func recordOf(e event.Event) (ledger.Record, error) {
	refuse := func(what string) (ledger.Record, error) {
		return ledger.Record{}, fault.New(fault.Poison, "event-data", what, "look for a producer of another version")
	}
	if e.Validate() != nil {
		return refuse("the event breaks CloudEvents 1.0")
	}
	if err := decodes(e); err != nil {
		return ledger.Record{}, err
	}
	if data := e.Data(); len(data) > 0 && !json.Valid(data) {
		return refuse("the data of the event are not JSON")
	}
	text, err := e.MarshalJSON()
	if err != nil {
		return refuse("the event cannot be written as JSON")
	}
	canonical, err := canonicalJSON(text)
	if err != nil {
		return refuse("the event cannot be written as JSON")
	}
	return ledger.Record{ID: e.ID(), Type: e.Type(), JSON: canonical}, nil
}

// decodes checks that the data of a known type are what the type promises. The
// record keeps them as they came: a newer producer may know more.
func decodes(e event.Event) (err error) {
	switch e.Type() {
	case event.TypeDropAccepted, event.TypeDropRejected:
		_, err = event.Decode[event.DropOutcome](e)
	case event.TypeSegmentAccepted:
		_, err = event.Decode[event.SegmentAccepted](e)
	case event.TypeSegmentMasked:
		_, err = event.Decode[event.SegmentMasked](e)
	case event.TypeDeliveryCompleted, event.TypeDeliveryFailed:
		_, err = event.Decode[event.Delivery](e)
	case event.TypeDropDelivered:
		_, err = event.Decode[event.DropDelivered](e)
	case event.TypeRevealCompleted, event.TypeRevealRefused:
		_, err = event.Decode[event.Reveal](e)
	case event.TypeSubjectErased:
		_, err = event.Decode[event.SubjectErased](e)
	case event.TypeDeadLettered:
		_, err = event.Decode[event.DeadLetter](e)
	}
	return err
}

// canonicalJSON sorts the members of objects and leaves out what means nothing.
func canonicalJSON(text []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a float64 would change large numbers
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	if err := w.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

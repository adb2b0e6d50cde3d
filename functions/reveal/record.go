package reveal

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// record publishes what became of a request, and answers the id of the event. It
// fails with a Retry fault, in words that say nothing of the request.
//
// Refusals that come faster than may be recorded are counted, and told of with the
// next event. Such a request is answered CodeTooFast, whatever was wrong with it.
func (f *Function) record(ctx context.Context, q *inquiry, refused error, publish Publish) (string, error) {
	typ := event.TypeRevealCompleted
	if refused != nil {
		if !f.rates.recordable(f.now()) {
			return "", fault.New(fault.Retry, CodeTooFast, "too many requests are refused", "wait, and mend the requests")
		}
		typ, q.data.Fault = event.TypeRevealRefused, event.FaultOf(precisely(refused))
	}
	q.data.Unrecorded = f.rates.takeUnrecorded()
	// Each request is one of its own, even if it asks for the same again.
	e, err := event.Origin(uuid.NewString(), typ, Source, f.now().UTC(), q.data)
	if err == nil {
		e.SetExtension(event.ExtCorrelationID, e.ID())
		if q.bundle != nil {
			e.SetExtension(event.ExtExchange, q.bundle.Digest())
		}
		err = publish(ctx, []event.Event{e})
	}
	if err != nil {
		f.rates.putBackUnrecorded(q.data.Unrecorded)
		if refused != nil {
			f.rates.putBackUnrecorded(1)
		}
		return "", fault.Wrap(fault.Retry, CodeUnrecorded, err, "the request cannot be recorded, so it is not answered")
	}
	return e.ID(), nil
}

// precisely is why a request was refused, where the caller is told less.
func precisely(err error) error {
	if fault.CodeOf(err) == CodeUnauthorized {
		if why := errors.Unwrap(err); why != nil {
			return why
		}
	}
	return err
}

package mask

import (
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// keyless tells whether a view lacks the key that its partner brings, and what
// becomes of its subscriptions then. Others are not held up: as long as the key
// service does not answer the error is Retry, so that the event comes again for
// those that lack it. What it refuses for good, or does not answer for as long as
// a destination would be tried, is a delivery.failed.
func (f *Function) keyless(cause event.Event, segment event.SegmentAccepted, d due) (failed []event.Event, waits error, lacks bool) {
	if d.view.KeyHolder == "" {
		return nil, nil, false
	}
	_, err := f.ring.PartnerTokenKey(d.view.KeyHolder, d.view.TokenDomain, segment.Drop.Time)
	if err == nil {
		return nil, nil, false
	}
	for _, s := range d.subscriptions {
		why := at(err, segment, s)
		if !fault.KindOf(err).Final() && time.Now().Before(cause.Time().Add(s.Destination.Patience())) {
			waits = errors.Join(waits, why)
			continue
		}
		e, err := deliveryFailed(cause, segment, s, why)
		if err != nil {
			return nil, err, true
		}
		failed = append(failed, e)
	}
	return failed, waits, true
}

// at says of a fault whose data waits.
func at(err error, segment event.SegmentAccepted, s *exchange.Subscription) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	return f.At(fault.Where{Partner: s.Partner().ID, Contract: segment.Drop.Contract, Subscription: s.ID, Drop: segment.Drop.ID, Segment: fmt.Sprint(segment.Segment)})
}

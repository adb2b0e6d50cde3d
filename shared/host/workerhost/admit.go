package workerhost

import (
	"context"
	"errors"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/httpevent"
)

// admitting is h behind the door of a partner's own queue; h itself if partner
// is "".
func admitting(h host.Handler, partner, contract string) host.Handler {
	if partner == "" {
		return h
	}
	d := door{h, partner, contract}
	if b, ok := h.(host.BatchHandler); ok {
		return batchDoor{d, b}
	}
	return d
}

// door says of every event whose it is, and refuses those of the chain's types.
type door struct {
	host.Handler
	partner, contract string
}

// admit returns a copy of e that says whose it is: the host's own is the event
// as it came.
func (d door) admit(e event.Event) (event.Event, error) {
	e = e.Clone()
	err := httpevent.Admit(&e, d.partner, d.contract)
	return e, err
}

func (d door) Handle(ctx context.Context, e event.Event) ([]event.Event, error) {
	e, err := d.admit(e)
	if err != nil {
		return nil, err
	}
	return d.Handler.Handle(ctx, e)
}

type batchDoor struct {
	door
	batches host.BatchHandler
}

func (d batchDoor) HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error) {
	failed := fault.Batch{}
	var admitted []event.Event
	var indices []int
	for i, e := range events {
		e, err := d.admit(e)
		if err != nil {
			failed[i] = err
			continue
		}
		admitted = append(admitted, e)
		indices = append(indices, i)
	}
	if len(admitted) == 0 {
		return nil, failed
	}
	made, err := d.batches.HandleBatch(ctx, admitted)
	var some fault.Batch
	if err != nil && !errors.As(err, &some) {
		return nil, err // of the whole batch: the host knows what to do
	}
	for i, err := range some {
		failed[indices[i]] = err
	}
	if len(failed) == 0 {
		return made, nil
	}
	return made, failed
}

package lambda

import (
	"bytes"
	"context"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// InvokeAsync takes an invocation that nobody waits for. It waits for a free
// environment as long as that takes; if it fails it is tried again after the
// function's pauses, and given up then (Config.Failed). What has not ended when
// the service does is lost.
func (f *Function) InvokeAsync(payload []byte) error {
	if len(payload) > MaxAsyncPayload {
		return tooLarge(MaxAsyncPayload)
	}
	if !f.begin() {
		return errClosed()
	}
	payload = bytes.Clone(payload)
	go func() {
		defer f.running.Done()
		if err := f.try(payload); err != nil && fault.CodeOf(err) != CodeClosed && f.cfg.Failed != nil {
			f.cfg.Failed(payload, err)
		}
	}()
	return nil
}

// try invokes the function until it succeeds or the retries are used up.
func (f *Function) try(payload []byte) error {
	for attempt := 0; ; attempt++ {
		select {
		case f.slots <- struct{}{}:
		case <-f.ended:
			return errClosed()
		}
		_, err := f.invoke(context.Background(), payload)
		if err == nil || fault.CodeOf(err) == CodeClosed || attempt == len(f.cfg.Retries) {
			return err
		}
		t := time.NewTimer(f.cfg.Retries[attempt])
		select {
		case <-t.C:
		case <-f.ended:
			t.Stop()
			return errClosed()
		}
	}
}

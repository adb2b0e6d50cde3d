package keys

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// respite is how long a keeper that failed is not asked again for the same key, so
// that one that hangs does not hold up what waits for nothing of it.
const respite = 5 * time.Second

// keyID names a stored key: whose, which version, and what is stored.
type keyID struct {
	partner string
	version int
	sum     [sha256.Size]byte
}

// held is an unwrapped key in memory.
type held struct {
	secret Key
	since  time.Time
	always bool        // of a ring in memory
	end    *time.Timer // forgets it
}

// failure is that of unwrapping a key.
type failure struct {
	err error
	at  time.Time
}

// use hands do the key of a version. It must not keep it.
func (r *Ring) use(partner string, e entry, do func(secret []byte) error) error {
	id := e.id(partner)
	r.mu.Lock()
	if h := r.keys[id]; h != nil && (h.always || time.Since(h.since) < Keep) {
		defer r.mu.Unlock()
		return do(h.secret.Secret())
	}
	f, failed := r.failed[id]
	r.mu.Unlock()
	if failed && time.Since(f.at) < respite {
		return f.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	secret, err := r.unwrap(ctx, partner, e) // nobody else waits for it
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed[id] = failure{err, time.Now()}
		return err
	}
	delete(r.failed, id)
	r.hold(id, secret)
	return do(secret)
}

// hold keeps a key for Keep. The ring is locked. Who has forgotten all keys keeps
// no more: then the caller's use of it is its last.
func (r *Ring) hold(id keyID, secret []byte) {
	r.forget(id)
	h := &held{secret: Key{func() []byte { return secret }}, since: time.Now()}
	if r.closed {
		return
	}
	r.keys[id] = h
	h.end = time.AfterFunc(Keep, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.keys[id] == h {
			r.forget(id)
		}
	})
}

// forget overwrites a key with zeros. The ring is locked.
func (r *Ring) forget(id keyID) {
	h := r.keys[id]
	if h == nil {
		return
	}
	if h.end != nil {
		h.end.Stop()
	}
	clear(h.secret.Secret())
	delete(r.keys, id)
}

// unwrap is the key of an entry, from its keeper or, if it is not wrapped, from
// where the ring is stored.
func (r *Ring) unwrap(ctx context.Context, partner string, e entry) ([]byte, error) {
	if r.source == nil {
		return nil, fault.New(fault.Retry, CodeUnreachable, "the key ring is closed", "")
	}
	switch {
	case partner != "":
		keeper, err := openKeeper(ctx, e.Keeper, "of partner "+partner)
		if err != nil {
			return nil, err
		}
		defer keeper.Close()
		return decrypt(ctx, keeper, e, partner)
	case len(e.Wrapped) > 0:
		return decrypt(ctx, r.keeper, e, "")
	}
	data, err := r.source.read(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, codeOr(err, CodeUnreachable), err, "the key ring cannot be read again")
	}
	defer clear(data)
	d, err := decode(data)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, CodeDamaged, err, "the key ring cannot be read again")
	}
	defer d.clear()
	for _, now := range d.Versions {
		stored := now.Key
		if now.seal(); now.id("") == e.id("") {
			return append([]byte(nil), stored...), nil
		}
	}
	return nil, fault.New(fault.Retry, CodeDamaged, fmt.Sprintf("version %d is not in the key ring any more", e.Version), "restore the key ring from a copy; tokens cannot be made again without its keys")
}

// decrypt has a keeper unwrap a key.
func decrypt(ctx context.Context, keeper *secrets.Keeper, e entry, partner string) ([]byte, error) {
	secret, err := keeper.Decrypt(ctx, e.Wrapped)
	switch {
	case err != nil:
		return nil, unwrapFault(e.Version, partner, gcerrors.Code(err))
	case len(secret) != KeySize:
		clear(secret)
		return nil, fault.New(fault.Denied, CodeDamaged, fmt.Sprintf("version %d is no key of %d bytes", e.Version, KeySize), "restore the key ring from a copy; tokens cannot be made again without its keys")
	}
	return secret, nil
}

// unwrapFault is the fault of a keeper that did not unwrap a key. The keeper's
// own text is left out: it is not known what it holds. What the exchange's own
// keeper refuses may be a mistake that is mended; who brings a keeper may take it
// back.
func unwrapFault(version int, partner string, code gcerrors.ErrorCode) error {
	if partner == "" {
		return fault.New(fault.Retry, CodeUnreachable, fmt.Sprintf("the keeper did not unwrap the key of version %d (%s)", version, code),
			"see that the keeper is the one that wrapped it, that it answers and that this identity may decrypt with it")
	}
	msg := fmt.Sprintf("the keeper of partner %s did not unwrap its key of version %d (%s)", partner, version, code)
	switch code {
	case gcerrors.PermissionDenied, gcerrors.NotFound, gcerrors.FailedPrecondition:
		return fault.New(fault.Denied, CodeRevoked, msg, "ask the partner: its key was disabled or removed, or this identity may not decrypt with it any more; once that is mended, drop the data again under another name")
	}
	return fault.New(fault.Retry, CodeUnreachable, msg, "see that the keeper answers; nothing leaves for this partner until then, and others are not held up")
}

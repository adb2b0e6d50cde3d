package keys

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// maxSealed bounds an object of a subject in bytes.
const maxSealed = 1 << 10

// sealed is an object of a subject: a wrapped secret, or that there is none any
// more.
type sealed struct {
	Version int       `json:"version,omitempty"` // of the ring
	Wrapped []byte    `json:"wrapped,omitempty"` // nonce and AES-256-GCM
	Erased  time.Time `json:"erased,omitzero"`
}

func (e sealed) encode() ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fault.New(fault.Denied, CodeSubjectDamaged, "the key of a data subject cannot be written down", "")
	}
	return data, nil
}

func decodeSealed(data []byte) (e sealed, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if d.Decode(&e) != nil || d.More() || e.Erased.IsZero() == (len(e.Wrapped) == 0) {
		return sealed{}, damagedSubject()
	}
	return e, nil
}

// Erasure is a subject whose secret is destroyed.
type Erasure struct {
	Ref SubjectRef
	// At is when it was first erased, in seconds: as its object says, so the same
	// however often it is erased.
	At time.Time
	// New tells that this run erased it; else it had been before.
	New bool
}

// Erase destroys the secret of the subject that a value names in a contract: its
// object says from then on that it was erased, and when, also if there was none
// yet, so that none is made. It may be done again at any time. When Erase returns
// without an error no object in the bucket holds the secret; who has it in memory
// forgets it within Stale.
func (s *Subjects) Erase(ctx context.Context, contract string, value []byte, now time.Time) (Erasure, error) {
	ref, err := s.ref(ctx, contract, value)
	if err != nil {
		return Erasure{}, err
	}
	s.mu.Lock()
	if at := s.known[ref]; at != nil {
		s.forget(at)
	}
	s.mu.Unlock()
	data, err := store.Read(ctx, s.b, ref.object(), maxSealed)
	switch {
	case err != nil && !store.NotFound(err) && !fault.KindOf(err).Final(): // what is too large is to go, too
		return Erasure{}, unreachableSubjects(err)
	case err == nil:
		if e, err := decodeSealed(data); err == nil && !e.Erased.IsZero() {
			return Erasure{Ref: ref, At: e.Erased}, nil
		}
	}
	tombstone, err := sealed{Erased: now.UTC().Truncate(time.Second)}.encode()
	if err != nil {
		return Erasure{}, err
	}
	// Unlike all else it replaces what is there. A secret that is created meanwhile
	// is either replaced, or not created.
	if err := s.b.WriteAll(ctx, ref.object(), tombstone, &blob.WriterOptions{ContentType: store.ContentType}); err != nil {
		return Erasure{}, unreachableSubjects(err)
	}
	left, err := store.Read(ctx, s.b, ref.object(), maxSealed)
	if err != nil {
		return Erasure{}, unreachableSubjects(err)
	}
	e, err := decodeSealed(left)
	if err != nil || e.Erased.IsZero() {
		return Erasure{}, fault.New(fault.Retry, CodeSubjectBucket, "the key of the data subject is still there after it was overwritten", "see what else writes into the bucket, then erase again")
	}
	return Erasure{Ref: ref, At: e.Erased, New: true}, nil
}

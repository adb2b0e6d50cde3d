package keys

import (
	"bytes"
	"container/list"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

const (
	// Stale is how old what is known of a data subject may be when tokens are made:
	// that long after it was erased they may still be made with its key.
	Stale = time.Minute
	// maxSubjects is how many subjects are kept in memory: about 20 MB.
	maxSubjects = 1 << 16

	indexObject = "index"
	wrapInfo    = "sallyport/subject-wrap/v1"
	subjectInfo = "sallyport/subject/v1"
)

// The codes of faults of data subjects.
const (
	CodeSubjectErased  = "subject-erased"      // Denied: its key was destroyed
	CodeSubjectMissing = "subject-missing"     // Denied: it has no key
	CodeSubjectBucket  = "subject-unreachable" // Retry: the bucket of their keys does not answer
	CodeSubjectDamaged = "subject-damaged"     // Denied: what is there is no key of a subject
	CodeSubjectEmpty   = "subject-empty"       // Denied: nobody is named
)

// Subjects are the secrets of data subjects: one object for each in a bucket of
// their own, that is created where absent, and that Erase overwrites. So each has
// one secret for all time, whoever asks first, and none once it was erased.
//
// An object holds 32 random bytes, sealed by AES-256-GCM with a key that is derived
// from a version of the ring (a retired one opens what it sealed), and lies under an
// HMAC of contract and subject. The key of that HMAC is an object likewise, "index";
// it is not replaced when the ring rotates.
//
// For Erase to destroy a secret the bucket must keep no older versions of its
// objects, and no copies of them must be kept elsewhere for longer than an erased
// subject may be remembered.
//
// Any number of goroutines may use it, and any number of processes the same bucket.
type Subjects struct {
	b    *blob.Bucket
	ring *Ring

	mu    sync.Mutex
	known map[SubjectRef]*list.Element // of *knownSubject
	used  *list.List                   // the last used first
	index Subject                      // zero: not read yet
	sweep *time.Timer                  // forgets what is stale; nil: nothing is known
	done  bool
}

// SubjectRef names the object of a subject: the first 128 bits of the HMAC-SHA256
// of its contract and value. It does not tell them.
type SubjectRef [16]byte

func (r SubjectRef) String() string { return hex.EncodeToString(r[:]) }

// object is the key of the subject's object.
func (r SubjectRef) object() string { return r.String()[:2] + "/" + r.String()[2:] }

// Subject is the secret of one subject.
type Subject struct {
	Ref    SubjectRef
	Erased time.Time // zero: it was not
	secret Key
}

type knownSubject struct {
	Subject
	at time.Time
}

// NewSubjects takes a bucket, which it does not close, and the ring that seals what
// lies in it.
func NewSubjects(b *blob.Bucket, ring *Ring) *Subjects {
	return &Subjects{b: b, ring: ring, known: map[SubjectRef]*list.Element{}, used: list.New()}
}

// Close forgets the secrets.
func (s *Subjects) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	for s.used.Len() > 0 {
		s.forget(s.used.Back())
	}
	clear(s.index.secret.Secret())
	s.index = Subject{}
}

// Of is the subject that a value names in a contract, by its exact bytes. If it has
// no secret yet one is made. What is answered may be Stale.
func (s *Subjects) Of(ctx context.Context, contract string, value []byte) (Subject, error) {
	ref, err := s.ref(ctx, contract, value)
	if err != nil {
		return Subject{}, err
	}
	if known, ok := s.recall(ref); ok {
		return known, nil
	}
	at := time.Now()
	found, err := s.make(ctx, ref.object())
	if err != nil {
		return Subject{}, err
	}
	found.Ref = ref
	return s.remember(found, at), nil
}

// Look is the subject of a reference as it is now. The fault is Denied with
// CodeSubjectErased if it was erased, with CodeSubjectMissing if there never was one.
func (s *Subjects) Look(ctx context.Context, ref SubjectRef) (Subject, error) {
	found, there, err := s.read(ctx, ref.object())
	switch {
	case err != nil:
		return Subject{}, err
	case !there:
		return Subject{}, fault.New(fault.Denied, CodeSubjectMissing, "the data subject has no key", "see that the bucket of the subjects' keys is the one that the tokens were made with")
	case !found.Erased.IsZero():
		return Subject{}, fault.New(fault.Denied, CodeSubjectErased, "the data subject was erased at "+found.Erased.Format(time.RFC3339), "nobody can reveal its tokens any more")
	}
	found.Ref = ref
	return found, nil
}

// TokenKey is the subject's key in the token domain and version of a key: HKDF with
// the subject's secret, the domain's key for its salt and the info
// "sallyport/subject/v1". It needs both.
func (s Subject) TokenKey(domain TokenKey) (TokenKey, error) {
	if s.secret.Secret() == nil || domain.Secret() == nil {
		return TokenKey{}, fault.New(fault.Denied, CodeSubjectErased, "the data subject has no key", "")
	}
	derived, err := hkdf.Key(sha256.New, s.secret.Secret(), domain.Secret(), subjectInfo, KeySize)
	if err != nil {
		return TokenKey{}, fault.Wrap(fault.Denied, CodeDomain, err, "no key can be derived")
	}
	return TokenKey{NewKey([KeySize]byte(derived)), domain.Version()}, nil
}

// ref names a subject.
func (s *Subjects) ref(ctx context.Context, contract string, value []byte) (ref SubjectRef, err error) {
	if contract == "" || len(value) == 0 {
		return ref, fault.New(fault.Denied, CodeSubjectEmpty, "no data subject is named", "")
	}
	index, err := s.indexKey(ctx)
	if err != nil {
		return ref, err
	}
	mac := hmac.New(sha256.New, index.Secret())
	fmt.Fprintf(mac, "%d:%s", len(contract), contract)
	mac.Write(value)
	copy(ref[:], mac.Sum(nil))
	return ref, nil
}

// indexKey is the key of references. It is kept until Close.
func (s *Subjects) indexKey(ctx context.Context) (Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index.secret.Secret() == nil {
		index, err := s.make(ctx, indexObject)
		switch {
		case err != nil:
			return Key{}, err
		case !index.Erased.IsZero():
			return Key{}, damagedSubject()
		}
		s.index = index
	}
	return NewKey([KeySize]byte(s.index.secret.Secret())), nil
}

// make reads an object, or creates it.
func (s *Subjects) make(ctx context.Context, object string) (Subject, error) {
	if found, there, err := s.read(ctx, object); there || err != nil {
		return found, err
	}
	secret := GenerateKey()
	e, err := s.seal(object, secret)
	if err != nil {
		return Subject{}, err
	}
	data, err := e.encode()
	if err != nil {
		return Subject{}, err
	}
	created, err := store.Create(ctx, s.b, object, data)
	switch {
	case err == nil && created:
		return Subject{secret: secret}, nil
	case err != nil:
		clear(secret.Secret())
		return Subject{}, unreachableSubjects(err)
	}
	clear(secret.Secret())
	found, there, err := s.read(ctx, object)
	if err == nil && !there {
		err = unreachableSubjects(nil)
	}
	return found, err
}

// read is the secret of an object as it is now.
func (s *Subjects) read(ctx context.Context, object string) (found Subject, there bool, err error) {
	data, err := store.Read(ctx, s.b, object, maxSealed)
	switch {
	case store.NotFound(err):
		return Subject{}, false, nil
	case err != nil && fault.KindOf(err).Final():
		return Subject{}, false, damagedSubject()
	case err != nil:
		return Subject{}, false, unreachableSubjects(err)
	}
	e, err := decodeSealed(data)
	switch {
	case err != nil:
		return Subject{}, false, err
	case !e.Erased.IsZero():
		return Subject{Erased: e.Erased}, true, nil
	}
	secret, err := s.open(object, e)
	return Subject{secret: secret}, err == nil, err
}

// seal wraps a secret with the version of the ring that is in use, expired or not.
func (s *Subjects) seal(object string, secret Key) (sealed, error) {
	entries, err := s.ring.entries("")
	if err != nil {
		return sealed{}, err
	}
	i, now := len(entries)-1, time.Now()
	for i >= 0 && (entries[i].Retired || entries[i].ActiveFrom.After(now)) { // others may not know of it yet
		i--
	}
	if i < 0 {
		return sealed{}, fault.New(fault.Denied, CodeNoVersion, "no version of the key ring is active", "rotate the key ring")
	}
	aead, err := s.wrapping(entries[i])
	if err != nil {
		return sealed{}, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails, see crypto/rand
	return sealed{Version: entries[i].Version, Wrapped: aead.Seal(nonce, nonce, secret.Secret(), []byte(object))}, nil
}

// open unwraps a secret.
func (s *Subjects) open(object string, e sealed) (Key, error) {
	entries, err := s.ring.entries("")
	if err != nil {
		return Key{}, err
	}
	i := slices.IndexFunc(entries, func(v entry) bool { return v.Version == e.Version })
	if i < 0 {
		return Key{}, fault.New(fault.Retry, CodeSubjectDamaged, fmt.Sprintf("the key of a data subject is sealed with version %d, which the key ring does not have", e.Version), "restore the key ring from a copy; tokens cannot be made again without its keys")
	}
	aead, err := s.wrapping(entries[i])
	if err != nil {
		return Key{}, err
	}
	if len(e.Wrapped) < aead.NonceSize() {
		return Key{}, damagedSubject()
	}
	secret, err := aead.Open(nil, e.Wrapped[:aead.NonceSize()], e.Wrapped[aead.NonceSize():], []byte(object))
	if err != nil || len(secret) != KeySize {
		return Key{}, damagedSubject()
	}
	defer clear(secret)
	return NewKey([KeySize]byte(secret)), nil
}

// wrapping seals secrets with a key that is derived from a version's.
func (s *Subjects) wrapping(e entry) (aead cipher.AEAD, err error) {
	err = s.ring.use("", e, func(secret []byte) error {
		key, err := hkdf.Key(sha256.New, secret, nil, wrapInfo, KeySize)
		if err != nil {
			return err
		}
		defer clear(key)
		block, err := aes.NewCipher(key)
		if err != nil {
			return err
		}
		aead, err = cipher.NewGCM(block)
		return err
	})
	return aead, err
}

func unreachableSubjects(err error) error {
	return fault.Wrap(fault.Retry, CodeSubjectBucket, err, "the bucket of the data subjects' keys does not answer")
}

func damagedSubject() error {
	return fault.New(fault.Denied, CodeSubjectDamaged, "an object in the bucket of the data subjects' keys is not what it should be", "find out who else writes there, or whether the key ring is another")
}

// recall is what is known of a subject and not stale.
func (s *Subjects) recall(ref SubjectRef) (Subject, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.known[ref]
	if at == nil {
		return Subject{}, false
	}
	k := at.Value.(*knownSubject)
	if time.Since(k.at) >= Stale {
		s.forget(at)
		return Subject{}, false
	}
	s.used.MoveToFront(at)
	return k.copy(), true
}

// copy is the subject with a secret of its own: what is kept is overwritten when
// it is forgotten.
func (s Subject) copy() Subject {
	if b := s.secret.Secret(); b != nil {
		s.secret = NewKey([KeySize]byte(bytes.Clone(b)))
	}
	return s
}

// remember keeps what was read, and answers it.
func (s *Subjects) remember(found Subject, at time.Time) Subject {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return found
	}
	if old := s.known[found.Ref]; old != nil {
		s.forget(old)
	}
	s.known[found.Ref] = s.used.PushFront(&knownSubject{found.copy(), at})
	if s.used.Len() > maxSubjects {
		s.forget(s.used.Back())
	}
	if s.sweep == nil {
		s.sweep = time.AfterFunc(Stale, s.clean)
	}
	return found
}

// forget overwrites a secret. s is locked.
func (s *Subjects) forget(at *list.Element) {
	k := s.used.Remove(at).(*knownSubject)
	clear(k.secret.Secret())
	delete(s.known, k.Ref)
	if s.used.Len() == 0 && s.sweep != nil {
		s.sweep.Stop()
		s.sweep = nil
	}
}

// clean forgets what is stale.
func (s *Subjects) clean() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := s.used.Back(); at != nil; {
		next := at.Prev()
		if time.Since(at.Value.(*knownSubject).at) >= Stale {
			s.forget(at)
		}
		at = next
	}
	if s.used.Len() > 0 {
		s.sweep = time.AfterFunc(Stale, s.clean)
	} else {
		s.sweep = nil
	}
}

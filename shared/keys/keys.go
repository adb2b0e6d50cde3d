// Package keys holds the key ring: the secrets that tokens are made with, in
// versions, and what is derived from them.
//
// A ring is a JSON document:
//
//	{"versions": [
//	  {"version": 1, "activeFrom": "1970-01-01T00:00:00Z", "key": "<32 bytes in base64>"},
//	  {"version": 2, "activeFrom": "2027-01-01T00:00:00Z", "wrapped": "<the same, encrypted by a keeper>"}
//	]}
//
// Which version is used for a drop follows from the ring and the drop's pinned
// time alone, so that a second run of a function makes the same tokens. For that
// to hold while a ring changes, a new version becomes active Lead after it was
// added at the earliest, and an open ring looks for new versions every Refresh.
//
// A key that cannot be had is an error: nothing is done without it.
package keys

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	// Refresh is how old what an open ring knows may be when it is asked.
	Refresh = time.Minute
	// Lead is how long before it becomes active a version must be added. It is
	// longer than Refresh, so that every process knows it in time; the rest is
	// for clocks that differ.
	Lead = 5 * time.Minute

	// patience is how long a ring is tried to be read again while a caller waits.
	patience = 20 * time.Second

	tokenInfo = "sallyport/token/v1\x00" // the domain follows
)

// The codes of this package's faults.
const (
	CodeURL         = "keyring-url"         // Denied: the URL does not say where the ring is
	CodeMissing     = "keyring-missing"     // Retry: there is no ring
	CodeUnreachable = "keyring-unreachable" // Retry: the ring, or the keeper of its keys, does not answer
	CodePermissions = "keyring-permissions" // Denied: others than its owner may read the ring's file
	CodeDamaged     = "keyring-damaged"     // Denied: what is there is not a ring
	CodeKeeper      = "keyring-keeper"      // Denied: the keys are wrapped and no keeper is named, or the other way round
	CodeExists      = "keyring-exists"      // Denied: Create found a ring; errors.Is fs.ErrExist
	CodeBusy        = "keyring-busy"        // Retry: another change of the ring is under way
	CodeLead        = "keyring-lead"        // Denied: a version is to become active too soon
	CodeNoVersion   = "key-version"         // Denied: no version is active, or there is none of that number
	CodeDomain      = "key-domain"          // Denied: a token domain is empty
)

// Version is one version of a ring's key.
type Version struct {
	Number     int       // from 1
	ActiveFrom time.Time // when it takes over from the one before it
	Retired    bool      // it is not used any more, whatever the time
	Key        Key
}

// Ring is an open key ring. Any number of goroutines may use it.
type Ring struct {
	place *place // nil: the ring is in memory and does not change

	mu       sync.Mutex
	document []byte // what versions were read from
	versions []Version
	read     time.Time
}

// NewRing makes a ring in memory. Versions must be numbered from 1 up, each
// active from a later time than the one before it.
func NewRing(versions ...Version) (*Ring, error) {
	r := &Ring{versions: slices.Clone(versions)}
	slices.SortFunc(r.versions, func(a, b Version) int { return cmp.Compare(a.Number, b.Number) })
	return r, check(r.versions)
}

// check is the fault of versions, sorted by number, that make no ring.
func check(versions []Version) error {
	damaged := func(format string, args ...any) error {
		return fault.New(fault.Denied, CodeDamaged, "the key ring is not whole: "+fmt.Sprintf(format, args...), "restore it from a copy; tokens cannot be made again without its keys")
	}
	if len(versions) == 0 {
		return damaged("it has no version")
	}
	for i, v := range versions {
		switch {
		case v.Number < 1:
			return damaged("a version has the number %d", v.Number)
		case v.Key.Secret() == nil:
			return damaged("version %d has no key of %d bytes", v.Number, KeySize)
		case i > 0 && v.Number == versions[i-1].Number:
			return damaged("version %d is there twice", v.Number)
		case i > 0 && !v.ActiveFrom.After(versions[i-1].ActiveFrom):
			return damaged("version %d becomes active no later than version %d", v.Number, versions[i-1].Number)
		}
	}
	return nil
}

// Versions are the versions of the ring, by number.
func (r *Ring) Versions() ([]Version, error) {
	versions, err := r.current()
	return slices.Clone(versions), err
}

// Active is the number of the version that is used for what was pinned at a
// time: the newest that is active by then and not retired. If there is none the
// fault is Denied. If the ring cannot be read anew the fault is Retry.
func (r *Ring) Active(at time.Time) (int, error) {
	v, err := r.active(at)
	return v.Number, err
}

func (r *Ring) active(at time.Time) (Version, error) {
	versions, err := r.current()
	if err != nil {
		return Version{}, err
	}
	for _, v := range slices.Backward(versions) {
		if !v.Retired && !v.ActiveFrom.After(at) {
			return v, nil
		}
	}
	return Version{}, fault.New(fault.Denied, CodeNoVersion, "no version of the key ring is active at "+at.UTC().Format(time.RFC3339), "rotate the key ring, then drop the data again")
}

// TokenKey is the key of a token domain for what was pinned at a time: HKDF
// (RFC 5869) with SHA-256 and no salt, of the active version's key, with the
// info "sallyport/token/v1", a zero byte and the domain. Its faults are those of
// Active.
func (r *Ring) TokenKey(domain string, at time.Time) (TokenKey, error) {
	if domain == "" {
		return TokenKey{}, fault.New(fault.Denied, CodeDomain, "a token key was asked for without a domain", "name a tokenDomain in the subscription")
	}
	v, err := r.active(at)
	if err != nil {
		return TokenKey{}, err
	}
	derived, err := hkdf.Key(sha256.New, v.Key.Secret(), nil, tokenInfo+domain, KeySize)
	if err != nil {
		return TokenKey{}, fault.Wrap(fault.Denied, CodeDomain, err, "no key can be derived")
	}
	return TokenKey{NewKey([KeySize]byte(derived)), v.Number}, nil
}

// Close lets go of what the ring is read from.
func (r *Ring) Close() error {
	if r.place == nil {
		return nil
	}
	return r.place.close()
}

// current are the versions, read anew if they are older than Refresh. They do
// not change. A ring that was whole once and now is not can be mended: Retry.
func (r *Ring) current() ([]Version, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.place == nil || time.Since(r.read) < Refresh {
		return r.versions, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.load(ctx); err != nil {
		return nil, fault.Wrap(fault.Retry, codeOr(err, CodeUnreachable), err, "the key ring cannot be read again")
	}
	return r.versions, nil
}

// load reads the ring. Its keys are unwrapped only if it has changed.
func (r *Ring) load(ctx context.Context) error {
	at := time.Now()
	document, err := r.place.read(ctx)
	if err != nil {
		return err
	}
	if r.versions == nil || !slices.Equal(document, r.document) {
		d, err := decode(document)
		if err != nil {
			return err
		}
		versions, err := d.open(ctx, r.place.keeper)
		if err != nil {
			return err
		}
		r.versions, r.document = versions, document
	}
	r.read = at
	return nil
}

func codeOr(err error, code string) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return code
}

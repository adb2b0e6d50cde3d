// Package keys holds the key ring: the secrets that tokens are made with, in
// versions, and what is derived from them.
//
// A ring is a JSON document:
//
//	{"versions": [
//	   {"version": 1, "activeFrom": "1970-01-01T00:00:00Z", "key": "<32 bytes in base64>"},
//	   {"version": 2, "activeFrom": "2027-01-01T00:00:00Z", "wrapped": "<the same, encrypted by a keeper>"}
//	 ],
//	 "partners": {"acme": [
//	   {"version": 1, "activeFrom": "1970-01-01T00:00:00Z", "wrapped": "<...>", "keeper": "<URL of acme's keeper>"}
//	 ]}}
//
// The versions are the exchange's own. A partner that brings its own keeper has
// versions of its own: without that keeper nobody makes or reveals its tokens.
//
// Which version is used for a drop follows from the ring and the drop's pinned
// time alone, so that a second run of a function makes the same tokens. For that
// to hold while a ring changes, a new version becomes active Lead after it was
// added at the earliest, and an open ring looks for new versions every Refresh.
//
// Keys are unwrapped when they are first used. They live in memory only, for Keep
// at most, and are overwritten with zeros then and by Close. What is derived from
// them lives as long as its user keeps it.
//
// A key that cannot be had is an error: nothing is done without it.
package keys

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gocloud.dev/secrets"

	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	// Refresh is how old what an open ring knows may be when it is asked.
	Refresh = time.Minute
	// Lead is how long before it becomes active a version must be added. It is
	// longer than Refresh, so that every process knows it in time; the rest is
	// for clocks that differ.
	Lead = 5 * time.Minute
	// Keep is how long an unwrapped key stays in memory. A keeper that takes back
	// its permission has effect within that time.
	Keep = 15 * time.Minute

	// patience is how long a ring is tried to be read again while a caller waits.
	patience = 20 * time.Second

	tokenInfo = "sallyport/token/v1\x00"       // the domain follows
	scopeInfo = "sallyport/token-scope/v1\x00" // names follow
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
	CodeBusy        = "keyring-busy"        // Retry: another change of the ring came first
	CodeLead        = "keyring-lead"        // Denied: a version is to become active too soon
	CodeNoVersion   = "key-version"         // Denied: no version is active, or there is none of that number
	CodeDomain      = "key-domain"          // Denied: a token domain is empty
	CodeNoPartner   = "key-partner"         // Retry: a partner has no key of its own in the ring
	CodeRevoked     = "key-revoked"         // Denied: a partner's keeper refuses to unwrap its key
	CodeExpired     = "key-expired"         // Denied: the version that is active had expired by then
)

// Version is one version of a key.
type Version struct {
	Number     int       // from 1
	ActiveFrom time.Time // when it takes over from the one before it
	Expires    time.Time // from when on no token is made with it; its tokens are revealed still; zero: never
	Retired    bool      // it is not used any more, whatever the time
	Key        Key       // for NewRing; an open ring does not tell it
}

// Ring is an open key ring. Any number of goroutines may use it.
type Ring struct {
	source source          // nil: the ring is in memory and does not change
	keeper *secrets.Keeper // of the exchange's own keys; nil: they are not wrapped

	mu     sync.Mutex
	sum    [sha256.Size]byte // of the document
	doc    document          // without keys that are not wrapped
	read   time.Time         // when
	keys   map[keyID]*held
	failed map[keyID]failure
	closed bool
}

// NewRing makes a ring in memory. Versions must be numbered from 1 up, each
// active from a later time than the one before it.
func NewRing(versions ...Version) (*Ring, error) {
	r := &Ring{keys: map[keyID]*held{}}
	for _, v := range versions {
		r.doc.Versions = append(r.doc.Versions, entry{Version: v.Number, ActiveFrom: v.ActiveFrom, Expires: v.Expires, Retired: v.Retired, Key: v.Key.Secret()})
	}
	sortEntries(r.doc.Versions)
	if err := r.doc.check(); err != nil {
		return r, err
	}
	for i, e := range r.doc.Versions {
		e.seal()
		r.keys[e.id("")] = &held{secret: NewKey([KeySize]byte(e.Key)), always: true}
		e.Key = nil
		r.doc.Versions[i] = e
	}
	return r, nil
}

// Versions are the versions of the exchange's own key, by number, without the
// keys.
func (r *Ring) Versions() ([]Version, error) { return r.PartnerVersions("") }

// PartnerVersions are the versions of a partner's own key, by number, without the
// keys; none if it has none.
func (r *Ring) PartnerVersions(partner string) ([]Version, error) {
	entries, err := r.entries(partner)
	if fault.CodeOf(err) == CodeNoPartner {
		return nil, nil
	}
	var versions []Version
	for _, e := range entries {
		versions = append(versions, Version{Number: e.Version, ActiveFrom: e.ActiveFrom, Expires: e.Expires, Retired: e.Retired})
	}
	return versions, err
}

// Partners are the ids of the partners that have a key of their own, sorted.
func (r *Ring) Partners() ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(); err != nil {
		return nil, err
	}
	return r.doc.partners(), nil
}

// Active is the number of the version that is used for what was pinned at a
// time: the newest that is active by then and not retired. If there is none, or it
// had expired by then, the fault is Denied: no older version takes its place. If
// the ring cannot be read anew the fault is Retry.
func (r *Ring) Active(at time.Time) (int, error) {
	e, err := r.active("", at)
	return e.Version, err
}

func (r *Ring) active(partner string, at time.Time) (entry, error) {
	entries, err := r.entries(partner)
	if err != nil {
		return entry{}, err
	}
	for _, e := range slices.Backward(entries) {
		switch {
		case e.Retired || e.ActiveFrom.After(at):
			continue
		case !e.Expires.IsZero() && !at.Before(e.Expires):
			return entry{}, expired(partner, e)
		}
		return e, nil
	}
	return entry{}, fault.New(fault.Denied, CodeNoVersion, "no version of the key ring is active at "+at.UTC().Format(time.RFC3339), "rotate the key ring, then drop the data again")
}

// TokenKey is the key of a token domain for what was pinned at a time: HKDF
// (RFC 5869) with SHA-256 and no salt, of the active version's key, with the
// info "sallyport/token/v1", a zero byte and the domain. Its faults are those of
// Active; Retry if the keeper does not unwrap the key.
func (r *Ring) TokenKey(domain string, at time.Time) (TokenKey, error) {
	return r.PartnerTokenKey("", domain, at)
}

// PartnerTokenKey is TokenKey with a partner's own key; partner "" is the
// exchange. Faults that are the partner's keeper's are Denied with CodeRevoked if
// it refuses, and Retry if it does not answer; they say nothing of other
// partners' keys.
func (r *Ring) PartnerTokenKey(partner, domain string, at time.Time) (TokenKey, error) {
	e, err := r.active(partner, at)
	if err != nil {
		return TokenKey{}, err
	}
	return r.derive(partner, e, domain)
}

// VersionTokenKey is PartnerTokenKey of a version by its number, for who reveals
// tokens: also of one that is not active any more. A version that is retired, or
// not there, is Denied.
func (r *Ring) VersionTokenKey(partner, domain string, version int) (TokenKey, error) {
	entries, err := r.entries(partner)
	if err != nil {
		return TokenKey{}, err
	}
	i := slices.IndexFunc(entries, func(e entry) bool { return e.Version == version && !e.Retired })
	if i < 0 {
		return TokenKey{}, noVersion(version)
	}
	return r.derive(partner, entries[i], domain)
}

// derive makes the key of a domain from a version's.
func (r *Ring) derive(partner string, e entry, domain string) (key TokenKey, err error) {
	if domain == "" {
		return key, fault.New(fault.Denied, CodeDomain, "a token key was asked for without a domain", "name a tokenDomain in the subscription")
	}
	err = r.use(partner, e, func(secret []byte) error {
		derived, err := hkdf.Key(sha256.New, secret, nil, tokenInfo+domain, KeySize)
		if err != nil {
			return fault.Wrap(fault.Denied, CodeDomain, err, "no key can be derived")
		}
		key = TokenKey{NewKey([KeySize]byte(derived)), e.Version}
		return nil
	})
	return key, err
}

// Close forgets the keys and lets go of what the ring is read from.
func (r *Ring) Close() error {
	r.mu.Lock()
	r.closed = true
	for id := range r.keys {
		r.forget(id)
	}
	r.mu.Unlock()
	var errs []error
	if r.source != nil {
		errs = append(errs, r.source.close())
	}
	if r.keeper != nil {
		errs = append(errs, r.keeper.Close())
	}
	return errors.Join(errs...)
}

// entries are the versions of the exchange's key ("") or a partner's. They do not
// change.
func (r *Ring) entries(partner string) ([]entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(); err != nil {
		return nil, err
	}
	if entries := r.doc.of(partner); len(entries) > 0 {
		return entries, nil
	}
	return nil, fault.New(fault.Retry, CodeNoPartner, "partner "+partner+" has no key of its own in the key ring, although the exchange names a keeper of it", "run sallyport keys init --partner "+partner)
}

// refresh reads the ring anew if what is known is older than Refresh. A ring that
// was whole once and now is not can be mended: Retry. The ring is locked.
func (r *Ring) refresh() error {
	if r.source == nil || time.Since(r.read) < Refresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.load(ctx); err != nil {
		return fault.Wrap(fault.Retry, codeOr(err, CodeUnreachable), err, "the key ring cannot be read again")
	}
	return nil
}

// load reads the ring. The ring is locked, or nobody else has it yet.
func (r *Ring) load(ctx context.Context) error {
	at := time.Now()
	data, err := r.source.read(ctx)
	if err != nil {
		return err
	}
	defer clear(data)
	if sum := sha256.Sum256(data); r.doc.Versions == nil || sum != r.sum {
		d, err := decode(data)
		if err != nil {
			return err
		}
		defer d.clear()
		if err := d.fits(r.keeper); err != nil {
			return err
		}
		r.doc, r.sum = d.sealed(), sum
	}
	r.read = at
	return nil
}

// expired is the fault of a version whose time is over.
func expired(partner string, e entry) error {
	what, flag := "the key ring", ""
	if partner != "" {
		what, flag = "the key of partner "+partner, " --partner "+partner
	}
	return fault.New(fault.Denied, CodeExpired, fmt.Sprintf("version %d of %s expired at %s, and no other had followed it: no token is made", e.Version, what, e.Expires.UTC().Format(time.RFC3339)),
		"run sallyport keys rotate"+flag+", then drop the data again under another name once the new version is active")
}

func codeOr(err error, code string) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return code
}

func noVersion(version int) error {
	return fault.New(fault.Denied, CodeNoVersion, fmt.Sprintf("the key ring has no version %d that is in use", version), "list the versions with sallyport keys list")
}

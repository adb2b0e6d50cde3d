package keys

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// maxDocument bounds the document of a ring in bytes.
const maxDocument = 1 << 20

// document is a ring as it is stored.
type document struct {
	Versions []entry            `json:"versions"`
	Partners map[string][]entry `json:"partners,omitempty"` // by id; versions as those of the exchange
}

// entry is one version. It has a key or a wrapped key.
type entry struct {
	Version    int       `json:"version"`
	ActiveFrom time.Time `json:"activeFrom"`
	Expires    time.Time `json:"expires,omitzero"`
	Retired    bool      `json:"retired,omitempty"`
	Key        []byte    `json:"key,omitempty"`
	Wrapped    []byte    `json:"wrapped,omitempty"`
	Keeper     string    `json:"keeper,omitempty"` // URL of the partner's keeper that wrapped it

	sum [sha256.Size]byte // of what is stored
}

// seal notes what is stored.
func (e *entry) seal() { e.sum = sha256.Sum256(slices.Concat(e.Key, e.Wrapped)) }

// id names the key of an entry that was sealed.
func (e entry) id(partner string) keyID { return keyID{partner, e.Version, e.sum} }

// decode reads a document. Its errors hold nothing of the data.
func decode(data []byte) (document, error) {
	var d document
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil || dec.More() {
		d.clear()
		return document{}, fault.New(fault.Denied, CodeDamaged, "the key ring is not the JSON document that it should be", "restore it from a copy")
	}
	sortEntries(d.Versions)
	for _, entries := range d.Partners {
		sortEntries(entries)
	}
	return d, nil
}

func sortEntries(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.Version, b.Version) })
}

func (d document) encode() ([]byte, error) {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fault.New(fault.Denied, CodeDamaged, "the key ring cannot be written down", "give a time between the years 0 and 9999")
	}
	if len(data) >= maxDocument {
		return nil, fault.New(fault.Denied, CodeDamaged, fmt.Sprintf("the key ring would have more than %d bytes", maxDocument), "give fewer partners keys of their own")
	}
	return append(data, '\n'), nil
}

// of are the versions of the exchange's key ("") or a partner's.
func (d document) of(partner string) []entry {
	if partner == "" {
		return d.Versions
	}
	return d.Partners[partner]
}

// partners are the ids of those that have a key of their own.
func (d document) partners() []string { return slices.Sorted(maps.Keys(d.Partners)) }

// clear overwrites keys that are not wrapped.
func (d document) clear() {
	for _, e := range d.Versions {
		clear(e.Key)
	}
}

// sealed is the document without keys that are not wrapped.
func (d document) sealed() document {
	s := document{Versions: slices.Clone(d.Versions), Partners: d.Partners}
	seal := func(entries []entry) {
		for i := range entries {
			entries[i].seal()
			entries[i].Key = nil
		}
	}
	seal(s.Versions)
	for _, entries := range s.Partners {
		seal(entries)
	}
	return s
}

// check is the fault of a document that makes no ring.
func (d document) check() error {
	if err := checkEntries("the key ring", d.Versions); err != nil {
		return err
	}
	for _, partner := range d.partners() {
		if err := checkEntries("the key of partner "+partner, d.Partners[partner]); err != nil {
			return err
		}
	}
	return nil
}

func checkEntries(what string, entries []entry) error {
	damaged := func(format string, args ...any) error {
		return fault.New(fault.Denied, CodeDamaged, what+" is not whole: "+fmt.Sprintf(format, args...), "restore it from a copy; tokens cannot be made again without its keys")
	}
	if len(entries) == 0 {
		return damaged("it has no version")
	}
	for i, e := range entries {
		switch {
		case e.Version < 1:
			return damaged("a version has the number %d", e.Version)
		case len(e.Key) != KeySize && len(e.Wrapped) == 0 || len(e.Key) > 0 && len(e.Wrapped) > 0:
			return damaged("version %d has no key of %d bytes", e.Version, KeySize)
		case i > 0 && e.Version == entries[i-1].Version:
			return damaged("version %d is there twice", e.Version)
		case i > 0 && !e.ActiveFrom.After(entries[i-1].ActiveFrom):
			return damaged("version %d becomes active no later than version %d", e.Version, entries[i-1].Version)
		}
	}
	return nil
}

// fits is the fault of a document that is not whole, or does not go with a keeper
// of the exchange's keys; nil: there is none.
func (d document) fits(keeper *secrets.Keeper) error {
	if err := d.check(); err != nil {
		return err
	}
	for _, e := range d.Versions {
		switch {
		case len(e.Wrapped) > 0 && keeper == nil:
			return fault.New(fault.Denied, CodeKeeper, fmt.Sprintf("the key of version %d is wrapped and no keeper is named", e.Version), "add keeper=<URL> to the URL of the key ring")
		case len(e.Key) > 0 && keeper != nil:
			return fault.New(fault.Denied, CodeKeeper, fmt.Sprintf("the key of version %d is not wrapped, although a keeper is named", e.Version), "who could read the ring knows the key: retire it, or take the keeper out of the URL")
		}
	}
	for _, partner := range d.partners() {
		for _, e := range d.Partners[partner] {
			if len(e.Wrapped) == 0 || e.Keeper == "" {
				return fault.New(fault.Denied, CodeKeeper, fmt.Sprintf("the key of partner %s, version %d, is not wrapped by a keeper of its own", partner, e.Version), "restore the key ring from a copy")
			}
		}
	}
	return nil
}

// newEntry makes an entry with a random key, which a keeper wraps; nil: it is
// stored as it is.
func newEntry(ctx context.Context, e entry, keeper *secrets.Keeper) (entry, error) {
	key := GenerateKey()
	if keeper == nil {
		e.Key = key.Secret()
		return e, nil
	}
	defer clear(key.Secret())
	var err error
	if e.Wrapped, err = keeper.Encrypt(ctx, key.Secret()); err != nil {
		return e, fault.New(fault.Retry, CodeUnreachable, fmt.Sprintf("the keeper did not wrap a new key (%s)", gcerrors.Code(err)), "see that it answers and that this identity may encrypt with it")
	}
	return e, nil
}

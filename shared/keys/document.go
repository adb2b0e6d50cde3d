package keys

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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
	Versions []entry `json:"versions"`
}

// entry is one version. It has a key or a wrapped key.
type entry struct {
	Version    int       `json:"version"`
	ActiveFrom time.Time `json:"activeFrom"`
	Retired    bool      `json:"retired,omitempty"`
	Key        []byte    `json:"key,omitempty"`
	Wrapped    []byte    `json:"wrapped,omitempty"`
}

// decode reads a document. Its errors hold nothing of the data.
func decode(data []byte) (document, error) {
	var d document
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil || dec.More() {
		return d, fault.New(fault.Denied, CodeDamaged, "the key ring is not the JSON document that it should be", "restore it from a copy")
	}
	slices.SortFunc(d.Versions, func(a, b entry) int { return cmp.Compare(a.Version, b.Version) })
	return d, nil
}

func (d document) encode() ([]byte, error) {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fault.New(fault.Denied, CodeDamaged, "the key ring cannot be written down", "give a time between the years 0 and 9999")
	}
	return append(data, '\n'), nil
}

// open unwraps the keys of a document. keeper is nil if they are not wrapped.
func (d document) open(ctx context.Context, keeper *secrets.Keeper) ([]Version, error) {
	versions := make([]Version, len(d.Versions))
	for i, e := range d.Versions {
		versions[i] = Version{Number: e.Version, ActiveFrom: e.ActiveFrom, Retired: e.Retired}
		secret := e.Key
		switch {
		case len(e.Wrapped) > 0 && keeper == nil:
			return nil, fault.New(fault.Denied, CodeKeeper, fmt.Sprintf("the key of version %d is wrapped and no keeper is named", e.Version), "add keeper=<URL> to the URL of the key ring")
		case len(e.Key) > 0 && keeper != nil:
			return nil, fault.New(fault.Denied, CodeKeeper, fmt.Sprintf("the key of version %d is not wrapped, although a keeper is named", e.Version), "who could read the ring knows the key: retire it, or take the keeper out of the URL")
		case keeper != nil:
			var err error
			if secret, err = keeper.Decrypt(ctx, e.Wrapped); err != nil {
				return nil, unwrapFault(e.Version, err)
			}
		}
		if len(secret) == KeySize {
			versions[i].Key = NewKey([KeySize]byte(secret))
		}
	}
	return versions, check(versions)
}

// unwrapFault is the fault of a keeper that did not unwrap a key. The keeper's
// own text is left out: it is not known what it holds.
func unwrapFault(version int, err error) error {
	code := gcerrors.Code(err)
	return fault.New(fault.Retry, CodeUnreachable, fmt.Sprintf("the keeper did not unwrap the key of version %d (%s)", version, code),
		"see that the keeper is the one that wrapped it, that it answers and that this identity may decrypt with it")
}

// add adds a version with a new key.
func (d *document) add(ctx context.Context, activeFrom time.Time, keeper *secrets.Keeper) error {
	e := entry{Version: 1, ActiveFrom: activeFrom}
	if n := len(d.Versions); n > 0 {
		e.Version = d.Versions[n-1].Version + 1
	}
	key := GenerateKey()
	if keeper == nil {
		e.Key = key.Secret()
	} else {
		var err error
		if e.Wrapped, err = keeper.Encrypt(ctx, key.Secret()); err != nil {
			return fault.New(fault.Retry, CodeUnreachable, fmt.Sprintf("the keeper did not wrap a new key (%s)", gcerrors.Code(err)), "see that it answers and that this identity may encrypt with it")
		}
	}
	d.Versions = append(d.Versions, e)
	return nil
}

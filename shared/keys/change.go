package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"gocloud.dev/secrets"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// ever is when the first version of a key becomes active.
func ever() time.Time { return time.Unix(0, 0).UTC() }

// change is what Rotate and Retire do, and to whose key.
type change struct {
	partner, keeper string
	expires         time.Time
}

// Option says more about a change of a ring.
type Option func(*change)

// OfPartner means the key of a partner that brings its own keeper. keeper, a
// gocloud secrets URL, wraps the version that is added; Retire needs none.
func OfPartner(partner, keeper string) Option {
	return func(c *change) { c.partner, c.keeper = partner, keeper }
}

// ExpiresAt says until when a version is used (Version.Expires).
func ExpiresAt(t time.Time) Option { return func(c *change) { c.expires = t } }

func options(opts []Option) (c change) {
	for _, o := range opts {
		o(&c)
	}
	return c
}

// Create makes a ring of one version with a random key, active since ever, where
// the URL says (see Open). In a file it makes the folder if there is none. If the
// URL names a keeper the key is wrapped. The ring is whole and stored when Create
// returns, or not there. If something is there already it stays as it is, and the
// error is fs.ErrExist.
//
// With OfPartner it gives the partner a key of its own in a ring that is there;
// if it has one the error is fs.ErrExist, too.
func Create(ctx context.Context, ringURL string, opts ...Option) error {
	c := options(opts)
	if c.partner != "" {
		return edit(ctx, ringURL, func(d *document, _ *secrets.Keeper) error {
			if len(d.Partners[c.partner]) > 0 {
				return exists("partner "+c.partner+" has a key of its own already", "rotate it to get a new one")
			}
			return c.add(ctx, d, ever(), nil)
		})
	}
	return opened(ctx, ringURL, func(s source, keeper *secrets.Keeper) error {
		var d document
		if err := c.add(ctx, &d, ever(), keeper); err != nil {
			return err
		}
		defer d.clear()
		data, err := d.encode()
		if err != nil {
			return err
		}
		defer clear(data)
		return s.create(ctx, data)
	})
}

// Rotate adds a version with a random key to the ring that the URL names, and
// answers its number. The version becomes active at the given time, which must be
// at least Lead from now; the zero time means as soon as that. Of several changes
// at once one wins, and the others are told with CodeBusy. If Rotate fails because
// the world does not answer, the version may be there all the same; then another
// Rotate is refused with CodeLead until that version is active.
func Rotate(ctx context.Context, ringURL string, activeFrom time.Time, opts ...Option) (version int, err error) {
	c := options(opts)
	err = edit(ctx, ringURL, func(d *document, keeper *secrets.Keeper) error {
		earliest := time.Now().Add(Lead)
		switch {
		case activeFrom.IsZero():
			activeFrom = earliest.Truncate(time.Second).Add(time.Second)
		case activeFrom.Before(earliest):
			return fault.New(fault.Denied, CodeLead, fmt.Sprintf("a new version must not become active before %s from now: what is under way would get another token on a second run", Lead), "give a later time")
		}
		entries := d.of(c.partner)
		if len(entries) == 0 {
			return fault.New(fault.Denied, CodeNoPartner, "partner "+c.partner+" has no key of its own in the key ring", "run sallyport keys init --partner "+c.partner)
		}
		if last := entries[len(entries)-1]; !activeFrom.After(last.ActiveFrom) {
			return fault.New(fault.Denied, CodeLead, fmt.Sprintf("version %d becomes active only at %s", last.Version, last.ActiveFrom.Format(time.RFC3339)), "give a later time")
		}
		if !c.expires.IsZero() && !c.expires.After(activeFrom) {
			return fault.New(fault.Denied, CodeLead, "the version would expire before it becomes active", "give a later time")
		}
		if err := c.add(ctx, d, activeFrom.UTC(), keeper); err != nil {
			return err
		}
		entries = d.of(c.partner)
		version = entries[len(entries)-1].Version
		return nil
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

// Retire takes a version out of use, at once and for all times: what was pinned
// while it was active gets tokens of the version before it from now on, and its
// tokens are not revealed any more. It is for a key that became known. At least
// one version must stay.
func Retire(ctx context.Context, ringURL string, version int, opts ...Option) error {
	c := options(opts)
	return edit(ctx, ringURL, func(d *document, _ *secrets.Keeper) error {
		entries := d.of(c.partner)
		i := slices.IndexFunc(entries, func(e entry) bool { return e.Version == version })
		if i < 0 {
			return fault.New(fault.Denied, CodeNoVersion, fmt.Sprintf("the key ring has no version %d", version), "list the versions")
		}
		entries[i].Retired = true
		if !slices.ContainsFunc(entries, func(e entry) bool { return !e.Retired }) {
			return fault.New(fault.Denied, CodeNoVersion, "no version of the key would be left", "rotate it first")
		}
		return nil
	})
}

// add adds a version with a new key. keeper wraps those of the exchange.
func (c change) add(ctx context.Context, d *document, activeFrom time.Time, keeper *secrets.Keeper) error {
	e := entry{Version: 1, ActiveFrom: activeFrom, Expires: c.expires}
	if !c.expires.IsZero() {
		e.Expires = c.expires.UTC()
	}
	if entries := d.of(c.partner); len(entries) > 0 {
		e.Version = entries[len(entries)-1].Version + 1
	}
	if c.partner != "" {
		own, err := openKeeper(ctx, c.keeper, "of partner "+c.partner)
		if err != nil {
			return err
		}
		defer own.Close()
		e.Keeper, keeper = c.keeper, own
	}
	e, err := newEntry(ctx, e, keeper)
	if err != nil {
		return err
	}
	if c.partner == "" {
		d.Versions = append(d.Versions, e)
		return nil
	}
	if d.Partners == nil {
		d.Partners = map[string][]entry{}
	}
	d.Partners[c.partner] = append(d.Partners[c.partner], e)
	return nil
}

// edit replaces a ring with what do makes of it.
func edit(ctx context.Context, ringURL string, do func(*document, *secrets.Keeper) error) error {
	return opened(ctx, ringURL, func(s source, keeper *secrets.Keeper) error {
		return s.edit(ctx, func(data []byte) ([]byte, error) {
			defer clear(data)
			d, err := decode(data)
			if err != nil {
				return nil, err
			}
			defer func() { d.clear() }()
			if err := d.opens(ctx, keeper); err != nil { // nothing is built on a ring that is not whole
				return nil, err
			}
			if err := do(&d, keeper); err != nil {
				return nil, err
			}
			return d.encode()
		})
	})
}

// opens is the fault of a document that is not whole, or whose newest version in
// use the keeper does not unwrap.
func (d document) opens(ctx context.Context, keeper *secrets.Keeper) error {
	if err := d.fits(keeper); err != nil || keeper == nil {
		return err
	}
	for _, e := range slices.Backward(d.Versions) {
		if e.Retired {
			continue
		}
		secret, err := decrypt(ctx, keeper, e, "")
		clear(secret)
		return err
	}
	return nil
}

// opened opens what a URL names for a change of it.
func opened(ctx context.Context, ringURL string, do func(source, *secrets.Keeper) error) (err error) {
	l, err := parse(ringURL)
	if err != nil {
		return err
	}
	s, keeper, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.close())
		if keeper != nil {
			err = errors.Join(err, keeper.Close())
		}
	}()
	return do(s, keeper)
}

func exists(msg, do string) error {
	return &fault.Error{Kind: fault.Denied, Code: CodeExists, Msg: msg, Do: do, Err: fs.ErrExist}
}

package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/shared/keys"
)

type keysCommand struct {
	List   keysListCommand   `cmd:"" help:"List the versions of the key ring, without the keys."`
	Init   keysInitCommand   `cmd:"" help:"Make a key ring, or give a partner a key of its own."`
	Rotate keysRotateCommand `cmd:"" help:"Add a version with a new key."`
	Retire keysRetireCommand `cmd:"" help:"Take a version out of use for good, at once."`
}

// ringFlags say which key ring is meant, and whose key of it.
type ringFlags struct {
	Ring    string `placeholder:"URL" help:"The key ring, as mask is told it. Default: that of the chain that ran on the folder."`
	Partner string `placeholder:"ID" help:"The key of a partner that brings its own (keys: in its file) instead of the exchange's."`
}

// open is the URL of the ring, and whose key of it is meant.
func (r ringFlags) open(dir string) (url string, of []keys.Option, err error) {
	if r.Ring != "" && r.Partner == "" {
		return r.Ring, nil, nil
	}
	f, err := local.Open(dir)
	if err != nil {
		return "", nil, err
	}
	if url = r.Ring; url == "" {
		if url, err = f.KeyRing(); err != nil {
			return "", nil, err
		}
	}
	if r.Partner == "" {
		return url, nil, nil
	}
	p, err := f.Policy()
	if err != nil {
		return "", nil, err
	}
	for _, partner := range p.Bundle().Partners() {
		switch {
		case partner.ID != r.Partner:
			continue
		case partner.Keys.Keeper == "":
			return "", nil, failure("partner "+r.Partner+" brings no key of its own", "add keys: {keeper: <URL of its key service>} to its file, or leave --partner out")
		}
		return url, []keys.Option{keys.OfPartner(partner.ID, partner.Keys.Keeper)}, nil
	}
	return "", nil, failure("the exchange has no partner "+r.Partner, "sallyport check lists them")
}

type keysInitCommand struct {
	dirArgument
	ringFlags
	jsonFlag
}

func (keysInitCommand) Help() string {
	return `The chain on a folder makes its own key ring when it first runs. Elsewhere the ring is made once, before anything is dropped; its keys are wrapped by a key service. What is there already stays as it is.

Examples:

    sallyport keys init --ring 's3://bucket?region=eu-west-1&ring=keyring.json&keeper=awskms%3A%2F%2Falias%2Fring'
    sallyport keys init myexchange --partner acme`
}

// Run makes it.
func (c keysInitCommand) Run(s *session) error {
	if c.Ring == "" && c.Partner == "" {
		return usageError{fmt.Errorf("--ring or --partner is missing: the chain on a folder makes its own key ring")}
	}
	url, of, err := c.open(c.Dir)
	if err != nil {
		return err
	}
	if err := keys.Create(s, url, of...); err != nil {
		return err
	}
	if c.JSON {
		return s.json(map[string]int{"version": 1})
	}
	s.out.Printf("version 1 is in the key ring, and active\n")
	return nil
}

type keysRotateCommand struct {
	dirArgument
	ringFlags
	At      time.Time `placeholder:"TIME" help:"When the new version becomes active, such as 2027-01-01T00:00:00Z. Default: as soon as may be, in about five minutes."`
	Expires time.Time `placeholder:"TIME" help:"Until when tokens are made with it: keys list, check and status warn a month before. From then on nothing that needs it leaves, unless a later version is active; its tokens are revealed still."`
	jsonFlag
}

func (keysRotateCommand) Help() string {
	return `Tokens of drops that are taken from then on are made with the new key: they differ from the tokens that partners have. The versions before stay in the ring, because what is under way needs them, and whoever reveals tokens. Nothing stops meanwhile.

Of several changes at once one wins; the others are told, and change nothing.

Examples:

    sallyport keys rotate
    sallyport keys rotate myexchange --at 2027-01-01T00:00:00Z --expires 2028-01-01T00:00:00Z
    sallyport keys rotate --partner acme`
}

// Run adds a version.
func (c keysRotateCommand) Run(s *session) error {
	url, of, err := c.open(c.Dir)
	if err != nil {
		return err
	}
	version, err := keys.Rotate(s, url, c.At, append(slices.Clone(of), keys.ExpiresAt(c.Expires))...)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(map[string]int{"version": version})
	}
	s.out.Printf("version %d is in the key ring; sallyport keys list says when it becomes active\n", version)
	return nil
}

type keysRetireCommand struct {
	Version int `arg:"" help:"Number of the version."`
	dirArgument
	ringFlags
	jsonFlag
}

func (keysRetireCommand) Help() string {
	return `For a key that became known. Drops that were taken in its time get tokens of the version before it when they are masked again, and its own tokens are not revealed any more. It cannot be undone; at least one version must stay in use.

Examples:

    sallyport keys retire 2
    sallyport keys retire 2 myexchange --partner acme`
}

// Run retires the version.
func (c keysRetireCommand) Run(s *session) error {
	url, of, err := c.open(c.Dir)
	if err != nil {
		return err
	}
	if err := keys.Retire(s, url, c.Version, of...); err != nil {
		return err
	}
	if c.JSON {
		return s.json(map[string]int{"retired": c.Version})
	}
	s.out.Printf("version %d is retired; what runs knows it within a minute\n", c.Version)
	return nil
}

package cli

import (
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/keys"
)

type keysCommand struct {
	List   keysListCommand   `cmd:"" help:"List the versions of the key ring, without the keys."`
	Rotate keysRotateCommand `cmd:"" help:"Add a version with a new key."`
}

type keysListCommand struct {
	dirArgument
	jsonFlag
}

func (keysListCommand) Help() string {
	return `Examples:

    sallyport keys list
    sallyport keys list myexchange --json`
}

// Run lists the versions.
func (c keysListCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	url, err := f.KeyRing()
	if err != nil {
		return err
	}
	ring, err := keys.Open(s, url)
	if err != nil {
		return err
	}
	defer ring.Close()
	versions, err := ring.Versions()
	if err != nil {
		return err
	}
	active, err := ring.Active(time.Now())
	if err != nil {
		return err
	}
	type version struct {
		Version    int       `json:"version"`
		ActiveFrom time.Time `json:"activeFrom"`
		State      string    `json:"state"` // active, coming, past or retired
	}
	var list []version
	for _, v := range versions {
		state := "past"
		switch {
		case v.Retired:
			state = "retired"
		case v.Number == active:
			state = "active"
		case v.Number > active:
			state = "coming"
		}
		list = append(list, version{v.Number, v.ActiveFrom, state})
	}
	if c.JSON {
		return s.json(list)
	}
	t := show.Table{Columns: []show.Column{{Head: "VERSION", Right: true}, {Head: "ACTIVE FROM (UTC)"}, {Head: "STATE"}}}
	for _, v := range list {
		from := when(v.ActiveFrom)
		if v.ActiveFrom.Unix() == 0 {
			from = "the beginning"
		}
		style := show.Plain
		if v.State == "active" {
			style = show.Good
		}
		t.Add(show.Cell{Text: show.Number(int64(v.Version))}, show.Cell{Text: from}, show.Cell{Text: v.State, Style: style})
	}
	s.out.Table(&t)
	return nil
}

type keysRotateCommand struct {
	dirArgument
	At time.Time `placeholder:"TIME" help:"When the new version becomes active, such as 2027-01-01T00:00:00Z. Default: as soon as may be, in about five minutes."`
	jsonFlag
}

func (keysRotateCommand) Help() string {
	return `Tokens of drops that are taken from then on are made with the new key: they differ from the tokens that partners have. The versions before stay in the ring, because what is under way needs them.

Examples:

    sallyport keys rotate
    sallyport keys rotate myexchange --at 2027-01-01T00:00:00Z`
}

// Run adds a version.
func (c keysRotateCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	url, err := f.KeyRing()
	if err != nil {
		return err
	}
	version, err := keys.Rotate(s, url, c.At)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(map[string]int{"version": version})
	}
	s.out.Printf("version %d is in the key ring; sallyport keys list says when it becomes active\n", version)
	return nil
}

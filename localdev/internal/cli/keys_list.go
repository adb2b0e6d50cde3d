package cli

import (
	"slices"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/history"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
)

type keysListCommand struct {
	dirArgument
	Ring string `placeholder:"URL" help:"The key ring, as mask is told it. Default: that of the chain that ran on the folder."`
	jsonFlag
}

func (keysListCommand) Help() string {
	return `DROPS counts what was taken while a version of the exchange's key was active, as far as the ledger of the folder tells: partners may have tokens of it. UNDER WAY are those of them that still need the version. Both are left out with --ring.

Examples:

    sallyport keys list
    sallyport keys list myexchange --json`
}

// expiresSoon is how long before its end the version in use is warned of.
const expiresSoon = 30 * 24 * time.Hour

// ringVersion is a version as it is listed.
type ringVersion struct {
	Partner    string     `json:"partner,omitempty"` // whose own key it is; "": the exchange's
	Version    int        `json:"version"`
	ActiveFrom time.Time  `json:"activeFrom"`
	Expires    time.Time  `json:"expires,omitzero"`
	State      string     `json:"state"` // active, coming, expired (no token is made), past or retired
	Uses       *usesOfKey `json:"uses,omitempty"`
}

// usesOfKey are drops that were taken while a version was active.
type usesOfKey struct {
	Drops    int `json:"drops"`
	UnderWay int `json:"underWay"`
}

// Run lists the versions.
func (c keysListCommand) Run(s *session) error {
	var drops []*history.Drop
	url := c.Ring
	if url == "" {
		f, err := local.Open(c.Dir)
		if err != nil {
			return err
		}
		if url, err = f.KeyRing(); err != nil {
			return err
		}
		h, err := s.history(f, remembered)
		if err != nil {
			return err
		}
		drops = h.Newest(remembered)
	}
	ring, err := keys.Open(s, url)
	if err != nil {
		return err
	}
	defer ring.Close()
	list, err := versionsOf(ring, time.Now())
	if err != nil {
		return err
	}
	if c.Ring == "" {
		if err := countUses(ring, list, drops); err != nil {
			return err
		}
	}
	if c.JSON {
		return s.json(list)
	}
	showVersions(s, list, c.Ring == "")
	return nil
}

// versionsOf are all versions of a ring: the exchange's, then each partner's.
func versionsOf(ring *keys.Ring, now time.Time) (list []ringVersion, err error) {
	partners, err := ring.Partners()
	if err != nil {
		return nil, err
	}
	for _, partner := range append([]string{""}, partners...) {
		versions, err := ring.PartnerVersions(partner)
		if err != nil {
			return nil, err
		}
		active := 0 // the number of the active one
		for _, v := range versions {
			if !v.Retired && !v.ActiveFrom.After(now) {
				active = v.Number
			}
		}
		for _, v := range versions {
			state := "past"
			switch {
			case v.Retired:
				state = "retired"
			case v.Number == active && !v.Expires.IsZero() && !now.Before(v.Expires):
				state = "expired"
			case v.Number == active:
				state = "active"
			case v.Number > active:
				state = "coming"
			}
			list = append(list, ringVersion{Partner: partner, Version: v.Number, ActiveFrom: v.ActiveFrom, Expires: v.Expires, State: state})
		}
	}
	return list, nil
}

// countUses tells of each version of the exchange's key what was taken in its time.
func countUses(ring *keys.Ring, list []ringVersion, drops []*history.Drop) error {
	uses := map[int]*usesOfKey{}
	for i := range list {
		if list[i].Partner == "" {
			list[i].Uses = &usesOfKey{}
			uses[list[i].Version] = list[i].Uses
		}
	}
	for _, d := range drops {
		version, err := ring.Active(d.Time)
		switch {
		case fault.CodeOf(err) == keys.CodeNoVersion, fault.CodeOf(err) == keys.CodeExpired:
			continue
		case err != nil:
			return err
		}
		u := uses[version]
		if u == nil || d.State() == history.Refused {
			continue
		}
		u.Drops++
		if s := d.State(); s == history.UnderWay || s == history.Waiting {
			u.UnderWay++
		}
	}
	return nil
}

// showVersions prints a table, and warns of what expires. Columns in which there is
// nothing are left out.
func showVersions(s *session, list []ringVersion, uses bool) {
	partners, ends := false, false
	for _, v := range list {
		partners = partners || v.Partner != ""
		ends = ends || !v.Expires.IsZero()
	}
	var columns []show.Column
	head := func(is bool, name string, right bool) {
		if is {
			columns = append(columns, show.Column{Head: name, Right: right})
		}
	}
	if partners {
		columns = append(columns, show.Column{Head: "KEY OF", Least: 6})
	}
	head(true, "VERSION", true)
	head(true, "ACTIVE FROM (UTC)", false)
	head(ends, "EXPIRES", false)
	head(uses, "DROPS", true)
	head(uses, "UNDER WAY", true)
	head(true, "STATE", false)
	t := show.Table{Columns: columns}
	for _, v := range list {
		var cells []show.Cell
		cell := func(is bool, text string, style show.Style) {
			if is {
				cells = append(cells, show.Cell{Text: text, Style: style})
			}
		}
		whose, from, drops, underWay := v.Partner, when(v.ActiveFrom), "", ""
		if whose == "" {
			whose = "(exchange)"
		}
		if v.ActiveFrom.Unix() == 0 {
			from = "the beginning"
		}
		if v.Uses != nil {
			drops, underWay = show.Number(int64(v.Uses.Drops)), show.Number(int64(v.Uses.UnderWay))
		}
		style := show.Plain
		if v.State == "active" {
			style = show.Good
		}
		cell(partners, whose, show.Plain)
		cell(true, show.Number(int64(v.Version)), show.Plain)
		cell(true, from, show.Plain)
		cell(ends, day(v.Expires), show.Plain)
		cell(uses, drops, show.Plain)
		cell(uses, underWay, show.Plain)
		cell(true, v.State, style)
		t.Add(cells...)
	}
	s.out.Table(&t)
	warnOfEnds(s, ending(list, time.Now()))
}

// day is the day of a time in UTC.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// ending are the versions in use that have expired, or do within expiresSoon, and
// that no other follows by then.
func ending(list []ringVersion, now time.Time) (ends []ringVersion) {
	for _, v := range list {
		inUse := v.State == "active" || v.State == "expired"
		if !inUse || v.Expires.IsZero() || !now.Add(expiresSoon).After(v.Expires) {
			continue
		}
		if !slices.ContainsFunc(list, func(next ringVersion) bool {
			return next.Partner == v.Partner && next.State == "coming" && !next.ActiveFrom.After(v.Expires)
		}) {
			ends = append(ends, v)
		}
	}
	return ends
}

// warnOfEnds says what of versions that end, and what to do.
func warnOfEnds(s *session, ends []ringVersion) {
	for _, v := range ends {
		what, flag := "the key ring", ""
		if v.Partner != "" {
			what, flag = "the key of partner "+v.Partner, " --partner "+v.Partner
		}
		if v.State == "expired" {
			s.err.Printf("version %d of %s expired on %s: nothing that needs it leaves\n", v.Version, what, day(v.Expires))
		} else {
			s.err.Printf("version %d of %s expires on %s and no other follows it: nothing that needs it leaves from then on\n", v.Version, what, day(v.Expires))
		}
		s.advise("sallyport keys rotate" + flag)
	}
}

// endingKeys are the versions of a folder's key ring that end; none if there is no
// ring yet. A ring that cannot be opened is told of, and stops nothing here: who
// may look at a folder need not have its keys.
func (s *session) endingKeys(f *local.Folder, now time.Time) []ringVersion {
	url, err := f.KeyRing()
	if err != nil {
		return nil
	}
	ring, err := keys.Open(s, url)
	if err != nil {
		s.err.Printf("when keys expire is not known: %s\n", show.Clean(err.Error()))
		return nil
	}
	defer ring.Close()
	list, err := versionsOf(ring, now)
	if err != nil {
		s.err.Printf("when keys expire is not known: %s\n", show.Clean(err.Error()))
	}
	return ending(list, now)
}

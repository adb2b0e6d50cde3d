package cli

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/history"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/event"
)

type statusCommand struct {
	dirArgument
	Drop  string `placeholder:"ID" help:"Show one drop in detail, by its id or the beginning of it."`
	Limit int    `short:"n" default:"20" help:"How many drops to show at most."`
	jsonFlag
}

func (statusCommand) Help() string {
	return `Reads the ledger: what it says was recorded at the time, and nobody has changed it since. The newest drop comes first.

Examples:

    sallyport status
    sallyport status myexchange -n 100
    sallyport status --drop 3f2a91c0
    sallyport status --json | jq '.drops[] | select(.state == "failed")'`
}

// Validate is part of kong: it holds the flags to their bounds.
func (c statusCommand) Validate() error {
	if c.Limit < 1 || c.Limit > maxLimit {
		return fmt.Errorf("--limit must be from 1 to %d", maxLimit)
	}
	return nil
}

const (
	maxLimit = 10_000
	// remembered is how many drops are looked through for one.
	remembered = 100_000
)

// Run shows what the ledger tells.
func (c statusCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	keep := c.Limit
	if c.Drop != "" {
		keep = remembered
	}
	h, err := s.history(f, keep)
	if err != nil {
		return err
	}
	if c.Drop != "" {
		d := h.Drop(c.Drop)
		if d == nil {
			return failure("the ledger knows no drop, or more than one, whose id starts with "+c.Drop, "sallyport status lists them; a drop that was not taken yet is not recorded")
		}
		if c.JSON {
			return s.json(statusDrop{d.State(), d})
		}
		showDrop(s.out, f, d)
		return nil
	}
	running, err := f.Running()
	if err != nil {
		return err
	}
	ends := s.endingKeys(f, time.Now())
	if c.JSON {
		return s.json(statusReport(f, h, c.Limit, running, ends))
	}
	showStatus(s.out, f, h, c.Limit, running)
	warnOfEnds(s, ends)
	return nil
}

// history reads the whole ledger, and shows how far it is.
func (s *session) history(f *local.Folder, keep int) (*history.History, error) {
	progress := s.err.Progress("reading the ledger", 0, show.Number)
	defer progress.Done()
	return f.History(s, keep, func(done int64) { progress.Set(done, 0) })
}

type statusDrop struct {
	State history.State `json:"state"`
	*history.Drop
}

func statusReport(f *local.Folder, h *history.History, limit int, running bool, ends []ringVersion) any {
	report := struct {
		Dir     string         `json:"dir"`
		Running bool           `json:"running"` // sallyport up has the folder
		Totals  history.Totals `json:"totals"`
		Drops   []statusDrop   `json:"drops"`
		Keys    []ringVersion  `json:"endingKeys,omitempty"` // expired or soon to expire, and followed by no other
	}{Dir: f.Dir, Running: running, Totals: h.Totals, Drops: []statusDrop{}, Keys: ends}
	for _, d := range h.Newest(limit) {
		report.Drops = append(report.Drops, statusDrop{d.State(), d})
	}
	return report
}

// stateStyle says what needs attention.
func stateStyle(s history.State) show.Style {
	switch s {
	case history.Done:
		return show.Good
	case history.Refused, history.Failed:
		return show.Bad
	}
	return show.Changed
}

// shortID is as much of an id as people need.
func shortID(id string) string { return id[:min(len(id), 8)] }

func showStatus(out *show.Screen, f *local.Folder, h *history.History, limit int, running bool) {
	t := h.Totals
	out.Printf("%s: %s taken, %s refused; %s accepted, %s in quarantine\n", out.Paint(show.Title, filepath.Base(f.Dir)),
		show.Count(t.Accepted, "drop"), show.Number(t.Rejected), show.Count(t.Rows, "row"), show.Number(t.InvalidRows))
	out.Printf("%s delivered, %s failed; %s in the ledger\n", show.Count(t.Delivered, "segment"), show.Number(t.FailedDeliveries), show.Count(t.Records, "record"))
	if t.Reveals+t.RefusedReveals > 0 {
		out.Printf("%s revealed in %s, %s refused\n", show.Count(t.Revealed, "token"), show.Count(t.Reveals, "request"), show.Number(t.RefusedReveals))
	}
	if !running {
		out.Printf("%s\n", out.Paint(show.Faint, "The chain does not run: sallyport up starts it, and it goes on where it stopped."))
	}
	drops := h.Newest(limit)
	if len(drops) == 0 {
		out.Printf("Nothing is recorded yet.\n")
		return
	}
	out.Printf("\n")
	table := show.Table{Columns: []show.Column{{Head: "DROP"}, {Head: "TAKEN (UTC)"}, {Head: "PARTNER", Least: 6}, {Head: "CONTRACT", Least: 6},
		{Head: "ROWS", Right: true}, {Head: "REFUSED", Right: true}, {Head: "SENT", Right: true}, {Head: "STATE"}}}
	for _, d := range drops {
		accepted, invalid := "", show.Cell{}
		if o := d.Outcome; o != nil {
			accepted = show.Number(o.Rows.Accepted)
			invalid.Text = show.Number(o.Rows.Invalid)
			if o.Rows.Invalid > 0 {
				invalid.Style = show.Changed
			}
		}
		done, of := progressOf(d)
		table.Add(show.Cell{Text: shortID(d.ID), Style: show.Title}, show.Cell{Text: minute(d.Time)}, show.Cell{Text: d.Partner}, show.Cell{Text: d.Contract},
			show.Cell{Text: accepted}, invalid, show.Cell{Text: fmt.Sprintf("%d/%d", done, of)}, show.Cell{Text: string(d.State()), Style: stateStyle(d.State())})
	}
	out.Table(&table)
	showReasons(out, drops)
}

// progressOf counts the subscriptions that have got all of a drop.
func progressOf(d *history.Drop) (done, of int) {
	for _, delivery := range d.Deliveries {
		if delivery.Done == delivery.Segments {
			done++
		}
	}
	return done, len(d.Deliveries)
}

// minute is a time where there is little room.
func minute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// showReasons says of each drop that was refused or failed why.
func showReasons(out *show.Screen, drops []*history.Drop) {
	said := false
	say := func(d *history.Drop, who string, f *event.Fault) {
		if f == nil {
			return
		}
		if !said {
			out.Heading("What went wrong")
			said = true
		}
		out.Printf("%s %s\n", out.Paint(show.Title, shortID(d.ID)), out.Paint(show.Bad, who))
		out.Text(2, reason(f))
		if f.Do != "" {
			out.Text(2, "→ "+f.Do)
		}
	}
	for _, d := range drops {
		if d.Outcome != nil && d.Outcome.Fault != nil {
			say(d, "refused", d.Outcome.Fault)
		}
		for _, delivery := range d.Deliveries {
			say(d, "not delivered to "+delivery.Subscription, delivery.Fault)
		}
		for _, dead := range d.DeadLetters {
			say(d, "given up in "+dead.Function, &dead.Fault)
		}
	}
}

// showDrop shows one drop in detail.
func showDrop(out *show.Screen, f *local.Folder, d *history.Drop) {
	state := d.State()
	out.Printf("%s %s\n", out.Paint(show.Title, d.ID), out.Paint(stateStyle(state), string(state)))
	field := func(name, text string) {
		if text != "" {
			out.Printf("  %s %s\n", out.Paint(show.Faint, fmt.Sprintf("%-10s", name)), show.Clean(text))
		}
	}
	field("from", d.Partner+": "+d.Key)
	field("contract", d.Contract+" "+d.Object)
	field("taken", when(d.Time))
	if o := d.Outcome; o != nil {
		field("format", formatOf(o.Format))
		for i, note := range o.Notes {
			field([]string{"notes", ""}[min(i, 1)], note)
		}
		field("rows", fmt.Sprintf("%s accepted in %s, %s refused", show.Number(o.Rows.Accepted), show.Count(int64(o.Segments), "segment"), show.Number(o.Rows.Invalid)))
		for _, rule := range o.Broken() {
			out.Printf("             %s %s\n", out.Paint(show.Changed, rule.Name), out.Paint(show.Faint, fmt.Sprintf("× %d", rule.Times)))
		}
		if o.Report != nil {
			field("report", f.Quarantined(o.Report.Key))
		}
		for _, q := range o.Quarantine {
			field("refused", f.Quarantined(q.Key))
		}
	}
	if len(d.Deliveries) > 0 {
		out.Printf("\n")
		t := show.Table{Indent: 2, Columns: []show.Column{{Head: "SUBSCRIPTION", Least: 8}, {Head: "PARTNER", Least: 6}, {Head: "ROWS", Right: true}, {Head: "SEGMENTS", Right: true}, {}}}
		for _, delivery := range d.Deliveries {
			failed := show.Cell{}
			if delivery.Failed > 0 {
				failed = show.Cell{Text: show.Number(int64(delivery.Failed)) + " failed", Style: show.Bad}
			}
			t.Add(show.Cell{Text: delivery.Subscription, Style: show.Title}, show.Cell{Text: delivery.Partner}, show.Cell{Text: show.Number(delivery.Rows)},
				show.Cell{Text: fmt.Sprintf("%d of %d", delivery.Done, delivery.Segments)}, failed)
		}
		out.Table(&t)
	}
	showReasons(out, []*history.Drop{d})
}

// formatOf is a format in words.
func formatOf(f event.Format) string {
	text := f.Codec
	if f.Delimiter != "" && f.Delimiter != "," {
		text += fmt.Sprintf(", parted by %q", f.Delimiter)
	}
	if f.Codec == "csv" && !f.Header {
		text += ", without a header"
	}
	return cmp.Or(text, "not recognised")
}

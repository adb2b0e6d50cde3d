package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/preview"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
)

type previewCommand struct {
	File         string `arg:"" type:"existingfile" help:"The file."`
	As           string `required:"" placeholder:"PARTNER" help:"Id of the partner that would receive it."`
	Contract     string `placeholder:"NAME" help:"Id or name of the contract, where the partner receives several."`
	Subscription string `placeholder:"ID" help:"One of the partner's subscriptions, where it has several."`
	Rows         int    `default:"3" help:"How many rows are shown at most."`
	dirFlag
	jsonFlag
}

func (previewCommand) Help() string {
	return `Shows what a partner would see of a file that nobody has dropped, beside what is in it: ingest and mask run over it in a folder of their own, which is gone afterwards. Nothing is delivered and nothing is recorded. Tokens are those of the exchange's key ring, if it has one.

It shows values: that is what it is for.

Examples:

    sallyport preview payments.csv --as sentinel
    sallyport preview patients.ndjson --as cohort-research --rows 1
    sallyport preview payments.csv -C myexchange --as sentinel --json`
}

// previewed is what a preview found.
type previewed struct {
	Subscription string           `json:"subscription"`
	Accepted     int64            `json:"accepted"` // rows
	Invalid      int64            `json:"invalid"`
	Refused      *event.Fault     `json:"refused,omitempty"` // why the file would be
	Broken       []preview.Broken `json:"broken,omitempty"`
	Leaves       int64            `json:"leaves"`               // rows
	Kept         int64            `json:"suppressed,omitempty"` // rows that do not leave though the filter lets them through
	Withheld     *event.Fault     `json:"withheld,omitempty"`   // why a segment would not leave
	OwnKeys      bool             `json:"ownKeys"`              // tokens are made with the exchange's keys
	Rows         [][]previewField `json:"rows"`

	view *policy.View
}

// previewField is a value on both sides.
type previewField struct {
	Path     string  `json:"path"`
	Dropped  *string `json:"dropped"`  // null: there is none
	Received *string `json:"received"` // null: it does not leave, or leaves as null
	How      string  `json:"how"`

	field int
	left  bool // it leaves, if only as null
}

// Run previews.
func (c previewCommand) Run(s *session) error {
	if c.Rows < 1 || c.Rows > 1000 {
		return failure("--rows must be from 1 to 1000", "")
	}
	p, err := local.Policy(c.Dir)
	if err != nil {
		return err
	}
	sub, err := c.subscription(p)
	if err != nil {
		return err
	}
	key, err := c.key(p, sub)
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	ring := stack.Layout(c.Dir).Keyring
	if _, err := os.Stat(ring); errors.Is(err, fs.ErrNotExist) {
		ring = ""
	}
	seen, err := preview.Of(s, p, sub, preview.File{Key: key, From: file}, preview.Options{Rows: c.Rows, Ring: ring})
	if err != nil {
		return err
	}
	r := newPreviewed(p, sub, seen)
	r.OwnKeys = ring != ""
	if r.Refused != nil || r.Withheld != nil || r.Invalid > 0 {
		s.code = Refused
	}
	if c.JSON {
		return s.json(r)
	}
	r.show(s.out, c.File)
	return nil
}

// subscription is the one that the flags name.
func (c previewCommand) subscription(p *policy.Policy) (*exchange.Subscription, error) {
	found, err := explainCommand{As: c.As, Contract: c.Contract, Subscription: c.Subscription}.subscriptions(p)
	if err != nil {
		return nil, err
	}
	if len(found) > 1 {
		var ids []string
		for _, sub := range found {
			ids = append(ids, sub.ID)
		}
		return nil, failure(fmt.Sprintf("%s has several subscriptions", c.As), "name one with --subscription: "+strings.Join(ids, ", "))
	}
	if err := found[0].Standing(time.Now()); err != nil {
		return nil, failure("nothing would be sent: "+reasonOf(err), "")
	}
	return found[0], nil
}

// key is where somebody would drop the file for the subscription's contract.
func (c previewCommand) key(p *policy.Policy, sub *exchange.Subscription) (string, error) {
	b := p.Bundle()
	var unplaced error
	for _, doc := range append([]*exchange.Contract{sub.Resolved()}, b.Versions(sub.Resolved().ID)...) {
		for _, partner := range droppers(b, doc, cmp.Or(sub.Object, doc.OnlyObject())) {
			key, err := local.KeyFor(p, partner, doc.ID, filepath.Base(c.File))
			if err == nil {
				return key, nil
			}
			unplaced = err
		}
	}
	if unplaced != nil {
		return "", unplaced
	}
	return "", failure("nobody may drop anything for "+sub.Resolved().ID, "give a partner a drop rule for it")
}

func newPreviewed(p *policy.Policy, sub *exchange.Subscription, seen *preview.Seen) *previewed {
	v := p.View(sub)
	r := &previewed{Subscription: sub.ID, Accepted: seen.Outcome.Rows.Accepted, Invalid: seen.Outcome.Rows.Invalid, Refused: seen.Outcome.Fault,
		Broken: seen.Broken, Leaves: seen.Leaves, Kept: seen.Kept, Withheld: seen.Withheld, Rows: [][]previewField{}, view: v}
	for _, row := range seen.Rows {
		var fields []previewField
		for _, d := range row.Dropped {
			f := previewField{Path: d.Label, How: local.How(v.Fields[d.Field]), field: d.Field}
			if !d.Null {
				f.Dropped = &d.Text
			}
			if got, ok := row.Received.Find(d.Label); ok {
				f.left = true
				if !got.Null {
					f.Received = &got.Text
				}
			}
			fields = append(fields, f)
		}
		if row.Dropped == nil { // it was dropped in another version, or rows are counted
			for _, got := range row.Received {
				fields = append(fields, previewField{Path: got.Label, Received: &got.Text, How: local.How(v.Fields[got.Field]), field: got.Field, left: true})
			}
		}
		r.Rows = append(r.Rows, fields)
	}
	return r
}

func (r *previewed) show(out *show.Screen, file string) {
	name := filepath.Base(file)
	if r.Refused != nil {
		out.Printf("%s %s\n", out.Paint(show.Bad, "refused"), show.Clean(name))
		out.Text(2, r.Refused.Msg)
		out.Text(2, r.Refused.Do)
	} else {
		out.Printf("%s %s: %s, %s\n", out.Paint(show.Good, "taken"), show.Clean(name), show.Count(r.Accepted, "valid row"), show.Count(r.Invalid, "invalid row"))
	}
	if len(r.Broken) > 0 {
		t := show.Table{Indent: 2, Columns: []show.Column{{Head: "ROW", Right: true}, {Head: "FIELD", Least: 6}, {Head: "RULE", Least: 6}, {Head: "WANTED", Least: 12}}}
		for _, b := range r.Broken[:min(len(r.Broken), 10)] {
			t.Add(show.Cell{Text: show.Number(b.Row)}, show.Cell{Text: cmp.Or(b.Path, "the row")}, show.Cell{Text: b.Rule, Style: show.Bad}, show.Cell{Text: b.Want})
		}
		out.Table(&t)
		if more := len(r.Broken) - 10; more > 0 {
			out.Text(2, fmt.Sprintf("and %d more", more))
		}
	}
	if r.Refused != nil {
		return
	}
	if r.Withheld != nil {
		out.Printf("%s\n", out.Paint(show.Bad, "withheld"))
		out.Text(2, r.Withheld.Msg)
		out.Text(2, r.Withheld.Do)
	}
	out.Text(0, fmt.Sprintf("%s would leave to %s.", show.Count(r.Leaves, "row"), r.Subscription))
	if r.Kept > 0 {
		out.Text(0, fmt.Sprintf("%s would not, by dropRow or kAnonymity.", show.Count(r.Kept, "row")))
	}
	if !r.OwnKeys {
		out.Text(0, "There is no key ring yet: tokens are made with keys that are thrown away.")
	}
	for i, fields := range r.Rows {
		out.Printf("\n%s\n", out.Paint(show.Title, fmt.Sprintf("row %d of those that leave", i+1)))
		var pairs []show.Pair
		for _, f := range fields {
			pairs = append(pairs, f.pair(r.view))
		}
		out.SideBySide(2, "dropped", r.Subscription, pairs)
	}
}

// pair is a field as it is shown.
func (f *previewField) pair(v *policy.View) show.Pair {
	text := func(s *string) string {
		if s == nil {
			return "null"
		}
		return *s
	}
	p := show.Pair{Name: f.Path, Left: text(f.Dropped), Right: show.Cell{Text: text(f.Received)}}
	switch {
	case !f.left:
		p.Right = show.Cell{Text: "–", Style: show.Faint}
	case v.Fields[f.field].Op != record.Keep:
		p.Right.Style, p.Note = show.Changed, f.How
	}
	return p
}

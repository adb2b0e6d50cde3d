package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/localdev/internal/history"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/rows"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// maxShown bounds the objects that are read to be shown.
const maxShown = 4 << 20

// receiver is one subscription to what was dropped, and what came of it.
type receiver struct {
	subscription *exchange.Subscription
	view         *policy.View
	delivery     *history.Delivery
	object       []byte     // the first that was delivered
	rows         []rows.Row // of the drop that left to it, as they were dropped
}

// refusedRow is a violation of the drop's report.
type refusedRow struct {
	Row  int64  `json:"row"`
	Path string `json:"path"`
	Rule string `json:"rule"`
	Want string `json:"want"`
}

// story shows one drop and what became of it.
func (d *demo) story(ctx context.Context, i int, drop stories.Drop) error {
	told := d.told[i]
	compiled := d.policy.Contract(told.Contract, told.Object)
	refused, err := d.refused(ctx, told)
	if err != nil {
		return err
	}
	invalid := make(map[int64]bool)
	for _, r := range refused {
		invalid[r.Row] = true
	}
	receivers, err := d.receivers(ctx, told, compiled, drop.Data, invalid)
	if err != nil {
		return err
	}
	d.out.Heading(fmt.Sprintf("%d of %d", i+1, len(d.drops)))
	for _, line := range show.Wrap(drop.Story+".", min(d.out.Width, show.DefaultWidth)) {
		d.out.Printf("%s\n", d.out.Paint(show.Title, line))
	}
	d.out.Printf("\n")
	rows := told.Outcome.Rows
	d.out.Printf("%s dropped %s: %s, %s refused\n", d.out.Paint(show.Title, drop.Partner), show.Clean(path.Base(drop.Key())),
		show.Count(rows.Accepted+rows.Invalid, "row"), d.out.Paint(show.Bad, show.Number(rows.Invalid)))
	if len(receivers) == 1 {
		if err := d.record(receivers[0], compiled, drop.Partner); err != nil {
			return err
		}
	} else if err := d.routes(receivers, compiled, drop.Data, invalid); err != nil {
		return err
	}
	d.showRefused(told, refused)
	return nil
}

// receivers are the subscriptions that got something of a drop.
func (d *demo) receivers(ctx context.Context, told *history.Drop, compiled *contract.Compiled, data []byte, invalid map[int64]bool) ([]*receiver, error) {
	var all []*receiver
	for _, v := range d.policy.Views(told.Contract, told.Object) {
		for _, s := range v.Subscriptions {
			r := &receiver{subscription: s, view: v}
			for _, delivery := range told.Deliveries {
				if delivery.Subscription == s.ID {
					r.delivery = delivery
				}
			}
			if r.delivery == nil || len(r.delivery.Objects) == 0 {
				return nil, fault.New(fault.Retry, "demo", "nothing was delivered to "+s.ID, "run the demo again with --keep, and look at sallyport status")
			}
			var err error
			if r.object, err = d.delivered(ctx, r); err != nil {
				return nil, err
			}
			leaving, err := rows.Leaving(v, invalid)
			if err != nil {
				return nil, err
			}
			if r.rows, err = rows.Read(data, compiled, leaving); err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *receiver) int { return cmp.Compare(a.subscription.ID, b.subscription.ID) })
	return all, nil
}

// delivered reads the first object that a receiver got.
func (d *demo) delivered(ctx context.Context, r *receiver) ([]byte, error) {
	b, err := d.folder.Destination(ctx, r.subscription.Destination.URL)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return store.Read(ctx, b, r.delivery.Objects[0], maxShown)
}

// record shows one row, as it was dropped and as it was received.
func (d *demo) record(r *receiver, compiled *contract.Compiled, dropper string) error {
	received, err := rows.ReadReceived(r.delivery.Objects[0], r.object, compiled)
	if err != nil {
		return err
	}
	d.summary("", r)
	if len(received) == 0 || len(received) != len(r.rows) {
		return fault.New(fault.Retry, "demo", fmt.Sprintf("%s got %d rows where %d were to be expected", r.subscription.ID, len(received), len(r.rows)), "")
	}
	// Of the rows that left, the one that has most to show.
	shown := 0
	for i := range r.rows {
		if len(r.rows[i]) > len(r.rows[shown]) {
			shown = i
		}
	}
	var pairs []show.Pair
	for _, v := range r.rows[shown] {
		p := show.Pair{Name: v.Label, Left: v.Text}
		switch got, ok := received[shown].Find(v.Label); {
		case !ok:
			p.Right = show.Cell{Text: "–", Style: show.Faint}
		case got.Null && !v.Null:
			p.Right, p.Note = show.Cell{Text: got.Text, Style: show.Changed}, "null"
		case got.Text != v.Text:
			p.Right, p.Note = show.Cell{Text: got.Text, Style: show.Changed}, local.How(r.view.Fields[v.Field])
		default:
			p.Right = show.Cell{Text: got.Text}
		}
		pairs = append(pairs, p)
	}
	d.out.Printf("\n")
	d.out.SideBySide(2, dropper, r.subscription.Partner().ID, pairs)
	return nil
}

// summary says who got how much.
func (d *demo) summary(mark string, r *receiver) {
	s := r.subscription
	if mark != "" {
		mark = d.out.Paint(show.Good, mark) + " "
	}
	d.out.Printf("%s%s received %s as %s for %s\n", mark, d.out.Paint(show.Title, s.Partner().ID), show.Count(r.delivery.Rows, "row"),
		strings.TrimPrefix(path.Ext(r.delivery.Objects[0]), "."), show.Clean(s.Purpose))
	if s.Filter != "" {
		d.out.Text(2, "where "+s.Filter)
	}
}

// sampled is how many rows are shown of those that went the same way.
const sampled = 2

// routes shows which rows went to whom, and how what each got begins.
func (d *demo) routes(receivers []*receiver, compiled *contract.Compiled, data []byte, invalid map[int64]bool) error {
	times := make(map[string]int)
	goes := make([]func(*record.Batch, int, int64) bool, len(receivers))
	for i, r := range receivers {
		var err error
		if goes[i], err = rows.Leaving(r.view, invalid); err != nil {
			return err
		}
	}
	var marks []string // of the rows that readRows answers
	rows, err := rows.Read(data, compiled, func(b *record.Batch, row int, number int64) bool {
		if invalid[number] {
			return false
		}
		var m strings.Builder
		for i := range receivers {
			if goes[i](b, row, number) {
				m.WriteByte(letter(i))
			}
		}
		if times[m.String()]++; times[m.String()] > sampled {
			return false
		}
		marks = append(marks, m.String())
		return true
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	t := show.Table{Indent: 2}
	for _, v := range rows[0] {
		t.Columns = append(t.Columns, show.Column{Head: v.Label, Least: 6})
	}
	for i := range receivers {
		t.Columns = append(t.Columns, show.Column{Head: string(letter(i))})
	}
	for at, row := range rows {
		var cells []show.Cell
		for _, v := range row {
			cells = append(cells, show.Cell{Text: v.Text})
		}
		for i := range receivers {
			cell := show.Cell{Text: "·", Style: show.Faint}
			if strings.IndexByte(marks[at], letter(i)) >= 0 {
				cell = show.Cell{Text: "●", Style: show.Good}
			}
			cells = append(cells, cell)
		}
		t.Add(cells...)
	}
	d.out.Printf("\n")
	d.out.Table(&t)
	d.out.Printf("\n")
	for i, r := range receivers {
		d.summary(string(letter(i)), r)
		for _, line := range head(r.object, d.out.Width-4) {
			d.out.Printf("    %s\n", line)
		}
	}
	return nil
}

func letter(i int) byte { return byte('A' + i%26) }

// began is how many lines of the screen the beginning of an object gets.
const began = 2

// head is how an object begins, in lines of at most so many columns.
func head(object []byte, width int) []string {
	var shown []string
	for line := range bytes.Lines(object) {
		if len(shown) >= began {
			break
		}
		shown = append(shown, show.Break(show.Clean(strings.TrimRight(string(line), "\r\n")), width, began-len(shown))...)
	}
	return shown
}

// refused reads the drop's report.
func (d *demo) refused(ctx context.Context, told *history.Drop) ([]refusedRow, error) {
	if told.Outcome.Report == nil {
		return nil, nil
	}
	data, err := d.folder.Report(ctx, told.Outcome.Report.Key, maxShown)
	if err != nil {
		return nil, err
	}
	var report struct {
		Violations []refusedRow `json:"violations"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fault.New(fault.Poison, "report-broken", "the report of drop "+told.ID+" cannot be read", "look at "+told.Outcome.Report.Key)
	}
	return report.Violations, nil
}

// showRefused shows which rows were refused, and why: the report has places and
// rules, never a value.
func (d *demo) showRefused(told *history.Drop, refused []refusedRow) {
	if len(refused) == 0 {
		return
	}
	d.out.Printf("\n%s, kept in quarantine\n", d.out.Paint(show.Bad, "refused"))
	t := show.Table{Indent: 2, Columns: []show.Column{{Head: "ROW", Right: true}, {Head: "FIELD", Least: 6}, {Head: "RULE", Least: 6}, {Head: "WANTED", Least: 12}}}
	for _, r := range refused {
		t.Add(show.Cell{Text: show.Number(r.Row)}, show.Cell{Text: cmp.Or(r.Path, "the row")}, show.Cell{Text: r.Rule, Style: show.Bad}, show.Cell{Text: r.Want})
	}
	d.out.Table(&t)
	rel, err := filepath.Rel(d.folder.Dir, d.folder.Quarantined(told.Outcome.Report.Key))
	if err != nil {
		return
	}
	d.out.Printf("  %s\n", d.out.Paint(show.Faint, "report: "+show.Cut(rel, max(d.out.Width-10, 10))))
}

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

type checkCommand struct {
	dirArgument
	againstFlags
	jsonFlag
	Terraform bool `help:"Tell which resources Terraform makes of it on AWS and Google Cloud, and for whom."`
}

func (checkCommand) Help() string {
	return `Reads the whole folder and tells every problem with file, line and column. Of an exchange in order it shows who may drop what, and for each field of each contract how it leaves to each subscription, what of the contracts is deprecated and who still drops or receives it, what is not enforced, and which keys are of a later version of the standard.

With --against it also tells what is different since a revision: first of all what leaves now and did not, then partners, subscriptions, and each change of a contract with whom it really touches. It ends with exit code 1 where a contract has changed more than its version says.

Examples:

    sallyport check
    sallyport check myexchange
    sallyport check --against main
    sallyport check --terraform
    sallyport check --json | jq '.subscriptions[].fields'`
}

// Run checks the exchange.
func (c checkCommand) Run(s *session) error {
	p, err := local.Policy(c.Dir)
	if err != nil {
		var problems yamldoc.Problems
		if c.JSON && errors.As(err, &problems) {
			s.code = Failed
			return s.json(checked{Problems: problems})
		}
		return err
	}
	report := examine(p, time.Now())
	if report.Since, err = c.compare(s, c.Dir, p); err != nil {
		return err
	}
	if report.Since != nil && report.Since.tooSmall() {
		s.code = Failed
	}
	if c.Terraform {
		if report.Terraform, err = deployment(p.Bundle()); err != nil {
			return err
		}
	}
	if f, err := local.Open(c.Dir); err == nil {
		report.Keys = s.endingKeys(f, time.Now())
	}
	if c.JSON {
		return s.json(report)
	}
	report.show(s.out)
	warnOfEnds(s, report.Keys)
	return nil
}

// checked is what check found.
type checked struct {
	OK            bool              `json:"ok"`
	Name          string            `json:"name,omitempty"`
	Digest        string            `json:"digest,omitempty"`
	Drops         []checkedDrop     `json:"drops,omitempty"`
	Subscriptions []*checkedView    `json:"subscriptions,omitempty"`
	Grants        []checkedGrant    `json:"grants,omitempty"`
	Warnings      []checkedWarning  `json:"warnings,omitempty"` // what is deprecated, and who has to do with it
	NotEnforced   []yamldoc.Problem `json:"notEnforced,omitempty"`
	Newer         []yamldoc.Problem `json:"newer,omitempty"`      // keys of a later version of the standard than the document's
	Unused        []string          `json:"unused,omitempty"`     // contracts that nobody drops and nobody receives
	Since         *since            `json:"since,omitempty"`      // what is different from what it was compared with
	Terraform     []deployed        `json:"terraform,omitempty"`  // what is made on clouds
	Keys          []ringVersion     `json:"endingKeys,omitempty"` // of the folder: expired or soon to expire, and followed by no other
	Problems      []yamldoc.Problem `json:"problems,omitempty"`

	contracts, partners, profiles int
}

// checkedDrop is what a partner may drop.
type checkedDrop struct {
	Partner  string `json:"partner"`
	Contract string `json:"contract"`
	Version  string `json:"version,omitempty"` // where the contract has several
	Object   string `json:"object"`
	Path     string `json:"path"` // below the drops folder
}

// checkedView is what a subscription gets.
type checkedView struct {
	ID          string         `json:"id"`
	Partner     string         `json:"partner"`
	Contract    string         `json:"contract"`
	Version     string         `json:"version,omitempty"` // where the contract has several
	Object      string         `json:"object"`
	Purpose     string         `json:"purpose"`
	LegalBasis  string         `json:"legalBasis"`
	Agreements  []string       `json:"agreements,omitempty"`
	Filter      string         `json:"filter,omitempty"`
	Expires     string         `json:"expires,omitempty"`
	Stopped     string         `json:"stopped,omitempty"` // why nothing is sent
	Destination string         `json:"destination"`
	Format      string         `json:"format,omitempty"`
	Fields      []checkedField `json:"fields"`

	view *policy.View
}

// sameRows reports whether two subscriptions are to the same object of the same
// version of a contract.
func (v *checkedView) sameRows(o *checkedView) bool {
	return v.Contract == o.Contract && v.Version == o.Version && v.Object == o.Object
}

// checkedField is how a field leaves.
type checkedField struct {
	Path string `json:"path"`
	How  string `json:"how"` // as is, not at all, null, or the transform
	Why  string `json:"why"`
}

func examine(p *policy.Policy, now time.Time) *checked {
	b := p.Bundle()
	r := &checked{OK: true, Name: b.Name(), Digest: b.Digest(), contracts: len(b.Contracts()), partners: len(b.Partners()), profiles: len(b.Profiles())}
	r.Grants, r.Warnings = revealable(b, now), warn(p, now)
	used := make(map[objectID]bool)
	for _, partner := range b.Partners() {
		for _, d := range partner.Drops {
			id := resolve(d.Resolved(), d.Object)
			used[id] = true
			r.Drops = append(r.Drops, checkedDrop{partner.ID, id.contract, versionOf(b, d.Resolved()), id.object, partner.ID + "/" + string(d.Glob())})
		}
		for _, sub := range partner.Subscriptions {
			used[resolve(sub.Resolved(), sub.Object)] = true
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(used), objectID.compare) {
		for _, v := range p.Views(id.contract, id.object) {
			for _, sub := range v.Subscriptions {
				r.Subscriptions = append(r.Subscriptions, describe(b, id, v, sub, now))
			}
		}
		for _, version := range b.Versions(id.contract) {
			if c := p.Compiled(version, id.object); c != nil {
				r.NotEnforced = append(r.NotEnforced, c.Unenforced...)
			}
		}
	}
	for _, c := range b.Contracts() {
		if slices.ContainsFunc(slices.Collect(maps.Keys(used)), func(id objectID) bool { return id.contract == c.ID }) {
			r.NotEnforced = append(r.NotEnforced, c.Doc.NotEnforced()...)
			r.Newer = append(r.Newer, c.Doc.Newer()...)
		}
	}
	slices.SortStableFunc(r.Subscriptions, func(a, b *checkedView) int {
		return cmp.Or(cmp.Compare(a.Contract, b.Contract), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Version, b.Version), cmp.Compare(a.ID, b.ID))
	})
	for _, c := range b.Contracts() {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(used)), func(id objectID) bool { return id.contract == c.ID }) {
			r.Unused = append(r.Unused, cmp.Or(c.Name, c.ID))
		}
	}
	return r
}

// objectID names a schema object of a contract.
type objectID struct{ contract, object string }

func (a objectID) compare(b objectID) int {
	return cmp.Or(cmp.Compare(a.contract, b.contract), cmp.Compare(a.object, b.object))
}

// resolve names the object that a partner's file means. The exchange is checked:
// it is there.
func resolve(c *exchange.Contract, object string) objectID {
	return objectID{c.ID, cmp.Or(object, c.OnlyObject())}
}

func describe(b *exchange.Bundle, id objectID, v *policy.View, sub *exchange.Subscription, now time.Time) *checkedView {
	d := &checkedView{ID: sub.ID, Partner: sub.Partner().ID, Contract: id.contract, Version: versionOf(b, v.Contract), Object: id.object,
		Purpose: sub.Purpose, LegalBasis: sub.LegalBasis, Agreements: sub.Agreements, Expires: sub.Expires.String(),
		Filter: strings.TrimSpace(sub.Filter), Destination: sub.Destination.URL, Format: string(sub.Destination.Format), view: v}
	if err := sub.Standing(now); err != nil {
		d.Stopped = reasonOf(err)
	}
	local.Walk(v.Schema, func(field int) bool {
		rule := v.Fields[field]
		if rule.Op == record.Descend {
			return true
		}
		d.Fields = append(d.Fields, checkedField{v.Schema.Fields[field].Path, local.How(rule), rule.Why})
		return false
	})
	return d
}

func styleOf(r policy.FieldRule) show.Style {
	switch r.Op {
	case record.Keep, record.Descend:
		return show.Plain
	case record.Drop:
		return show.Faint
	}
	return show.Changed
}

// abreast is how many subscriptions stand next to each other in a table.
const abreast = 4

func (r *checked) show(out *show.Screen) {
	out.Printf("%s %s\n", out.Paint(show.Good, "in order"), out.Paint(show.Title, r.Name))
	out.Text(0, fmt.Sprintf("%s, %s, %s, %s", show.Count(int64(r.contracts), "contract"), show.Count(int64(r.partners), "partner"),
		show.Count(int64(len(r.Subscriptions)), "subscription"), show.Count(int64(r.profiles), "profile")))
	if len(r.Drops) > 0 {
		out.Heading("Who may drop what")
		t := show.Table{Columns: []show.Column{{Head: "PARTNER", Least: 8}, {Head: "CONTRACT", Least: 12}, {Head: "WHERE", Least: 16}}}
		for _, d := range r.Drops {
			t.Add(show.Cell{Text: d.Partner}, show.Cell{Text: strings.TrimSpace(d.Contract + " " + d.Object + " " + d.Version)}, show.Cell{Text: d.Path})
		}
		out.Table(&t)
	}
	for from := 0; from < len(r.Subscriptions); {
		to := from
		for to < len(r.Subscriptions) && r.Subscriptions[to].sameRows(r.Subscriptions[from]) {
			to++
		}
		same := r.Subscriptions[from:to]
		out.Heading("Who receives " + strings.TrimSpace(same[0].Contract+" "+same[0].Object+" "+same[0].Version))
		for _, v := range same {
			v.show(out)
		}
		for group := range slices.Chunk(same, abreast) {
			showFields(out, group)
		}
		from = to
	}
	if len(r.Grants) > 0 {
		out.Heading("Who may have tokens revealed")
		for i := range r.Grants {
			r.Grants[i].show(out)
		}
	}
	if len(r.Warnings) > 0 {
		out.Heading("Warnings")
		for i := range r.Warnings {
			r.Warnings[i].show(out)
		}
	}
	if len(r.NotEnforced) > 0 {
		out.Heading("Not enforced")
		for _, p := range r.NotEnforced {
			out.Printf("%s\n", out.Paint(show.Changed, p.Error()))
		}
	}
	if len(r.Newer) > 0 {
		out.Heading("Newer than the contract's apiVersion")
		for _, p := range r.Newer {
			out.Printf("%s\n", out.Paint(show.Changed, p.Error()))
		}
	}
	for _, c := range r.Unused {
		out.Printf("\n%s\n", out.Paint(show.Changed, "Nobody drops or receives "+c+"."))
	}
	if r.Since != nil {
		r.Since.show(out)
	}
	if r.Terraform != nil {
		showDeployment(out, r.Terraform)
	}
}

// show says on what terms a subscription gets what it gets.
func (v *checkedView) show(out *show.Screen) {
	rows := "all rows"
	if v.Filter != "" {
		rows = "the rows where " + v.Filter
	}
	terms := fmt.Sprintf("gets %s for %s (%s)", rows, v.Purpose, strings.Join(append([]string{v.LegalBasis}, v.Agreements...), ", "))
	if v.Expires != "" {
		terms += ", until " + v.Expires
	}
	out.Printf("%s (%s)\n", out.Paint(show.Title, v.ID), show.Clean(v.Partner))
	out.Text(2, terms+", at "+v.Destination+".")
	if v.Stopped != "" {
		for _, line := range wrapped(out, 2, "Nothing is sent: "+v.Stopped) {
			out.Printf("  %s\n", out.Paint(show.Bad, line))
		}
	}
}

// showFields is a table of fields and what each subscription gets of them.
func showFields(out *show.Screen, views []*checkedView) {
	t := show.Table{Indent: 2, Columns: []show.Column{{Head: "FIELD", Least: 10}}}
	for _, v := range views {
		t.Columns = append(t.Columns, show.Column{Head: v.ID, Least: 6})
	}
	schema := views[0].view.Schema
	local.Walk(schema, func(field int) (inside bool) {
		cells := []show.Cell{{Text: schema.Fields[field].Path}}
		said := false
		for _, v := range views {
			rule := v.view.Fields[field]
			inside = inside || rule.Op == record.Descend
			if parent := schema.Fields[field].Parent; parent > 0 && v.view.Fields[parent].Op != record.Descend {
				cells = append(cells, show.Cell{}) // decided with what holds it
				continue
			}
			said = said || rule.Op != record.Descend
			cells = append(cells, show.Cell{Text: local.How(rule), Style: styleOf(rule)})
		}
		if said {
			t.Add(cells...)
		}
		return inside
	})
	out.Printf("\n")
	out.Table(&t)
}

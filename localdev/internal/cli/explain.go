package cli

import (
	"fmt"
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

type explainCommand struct {
	dirArgument
	As           string `required:"" placeholder:"PARTNER" help:"Id of the partner that receives."`
	Contract     string `placeholder:"NAME" help:"Id or name of a contract. Default: all that the partner receives."`
	Subscription string `placeholder:"ID" help:"One of the partner's subscriptions. Default: all."`
	jsonFlag
}

func (explainCommand) Help() string {
	return `Says for each field how it leaves to a partner and which rule decided: its place in the profile, the rules that name the field, too, and were less specific, and what the field is classified as.

Examples:

    sallyport explain --as sentinel
    sallyport explain --as sentinel --contract payments
    sallyport explain myexchange --as cohort-research --json`
}

// explained is a subscription with its fields.
type explained struct {
	Subscription string               `json:"subscription"`
	Contract     string               `json:"contract"`
	Version      string               `json:"version"`
	Object       string               `json:"object"`
	Profile      string               `json:"profile,omitempty"`
	Filter       string               `json:"filter,omitempty"`
	DropsRows    []rowRule            `json:"dropRow,omitempty"`
	KAnonymity   *exchange.KAnonymity `json:"kAnonymity,omitempty"`
	TokenDomain  string               `json:"tokenDomain,omitempty"`
	Stopped      string               `json:"stopped,omitempty"` // why nothing is sent
	Requirements []neededBy           `json:"requirements,omitempty"`
	Fields       []explainedField     `json:"fields"`
}

// explainedField is how a field leaves, and why.
type explainedField struct {
	Path           string       `json:"path"`
	How            string       `json:"how"`
	Type           string       `json:"type"`
	LeavesAs       string       `json:"leavesAs,omitempty"` // the type; "" if it does not leave
	Why            string       `json:"why"`
	Classification string       `json:"classification"`
	ClassifiedBy   string       `json:"classifiedBy,omitempty"` // the path that says so
	Tags           []string     `json:"tags,omitempty"`
	Rules          []namingRule `json:"rules,omitempty"` // that name it, the one that decided first

	rule policy.FieldRule
}

// neededBy is a requirement of the exchange that the subscription falls under.
type neededBy struct {
	Requirement string `json:"requirement"`
	Field       string `json:"field"`               // the first that it is about
	Agreement   string `json:"agreement,omitempty"` // by which it is met, if it asks for one
}

// rowRule is a rule that keeps rows from leaving.
type rowRule struct {
	Field string `json:"field"`
	Rule  string `json:"rule"`
	At    string `json:"at"` // file:line
}

// namingRule is a rule of a profile that names a field.
type namingRule struct {
	Rule      string `json:"rule"`
	Transform string `json:"transform"`
	At        string `json:"at"` // file:line
}

// Run explains.
func (c explainCommand) Run(s *session) error {
	p, err := local.Policy(c.Dir)
	if err != nil {
		return err
	}
	subscriptions, err := c.subscriptions(p)
	if err != nil {
		return err
	}
	all := make([]explained, 0, len(subscriptions))
	for _, sub := range subscriptions {
		all = append(all, explain(p, sub, time.Now()))
	}
	if c.JSON {
		return s.json(all)
	}
	for i := range all {
		all[i].show(s.out)
	}
	return nil
}

// subscriptions are those that the flags name.
func (c explainCommand) subscriptions(p *policy.Policy) ([]*exchange.Subscription, error) {
	b := p.Bundle()
	partner := b.Partner(c.As)
	if partner == nil {
		var ids []string
		for _, other := range b.Partners() {
			ids = append(ids, other.ID)
		}
		return nil, unknown("partner", c.As, ids)
	}
	var ids, contracts []string
	var found []*exchange.Subscription
	for _, sub := range partner.Subscriptions {
		doc := sub.Resolved()
		ids, contracts = append(ids, sub.ID), append(contracts, doc.ID)
		if (c.Subscription == "" || sub.ID == c.Subscription) && (c.Contract == "" || doc.ID == c.Contract || doc.Name == c.Contract) {
			found = append(found, sub)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case len(ids) == 0:
		return nil, failure(fmt.Sprintf("%s receives nothing", c.As), "give it a subscription in its file")
	case c.Subscription != "" && !slices.Contains(ids, c.Subscription):
		return nil, unknown("subscription of "+c.As, c.Subscription, ids)
	}
	return nil, unknown("contract that "+c.As+" receives", c.Contract, contracts)
}

// unknown says that there is no such thing, and which there are.
func unknown(what, name string, known []string) error {
	do := "there are " + strings.Join(known, ", ")
	if near := yamldoc.Nearest(name, known); near != "" {
		do = fmt.Sprintf("did you mean %q?", near)
	}
	return failure(fmt.Sprintf("there is no %s %q", what, name), do)
}

func explain(p *policy.Policy, sub *exchange.Subscription, now time.Time) explained {
	v := p.View(sub)
	e := explained{Subscription: sub.ID, Contract: v.Contract.ID, Version: v.Contract.Version, Object: v.Compiled.Object, Profile: sub.Profile,
		Filter: strings.TrimSpace(sub.Filter), KAnonymity: sub.KAnonymity, TokenDomain: v.TokenDomain}
	if err := sub.Standing(now); err != nil {
		e.Stopped = reasonOf(err)
	}
	for _, n := range p.Needs(sub) {
		said := neededBy{Requirement: n.Requirement.ID, Field: n.Field}
		if n.Agreement != nil {
			said.Agreement = n.Agreement.ID
		}
		e.Requirements = append(e.Requirements, said)
	}
	profile := p.Bundle().Profile(sub.Profile)
	for _, r := range v.RowRules {
		at := profile.Problem(fmt.Sprintf("rules[%d]", r.Rule), "", "")
		e.DropsRows = append(e.DropsRows, rowRule{v.Schema.Fields[r.Field].Path, profile.Rules[r.Rule].String(), fmt.Sprintf("%s:%d", at.File, at.Line)})
	}
	for _, x := range p.Explain(sub) {
		f := explainedField{Path: v.Schema.Fields[x.Field].Path, How: local.How(x.FieldRule), Type: v.Schema.Fields[x.Field].Type.String(), Why: x.Why,
			Classification: x.Classification, ClassifiedBy: x.ClassifiedBy, Tags: x.Tags, rule: x.FieldRule}
		if x.Op != record.Drop {
			f.LeavesAs = x.Out.String()
		}
		for _, i := range x.Rules {
			rule := profile.Rules[i]
			at := profile.Problem(fmt.Sprintf("rules[%d]", i), "", "")
			f.Rules = append(f.Rules, namingRule{Rule: rule.String(), Transform: rule.Transform.Type, At: fmt.Sprintf("%s:%d", at.File, at.Line)})
		}
		e.Fields = append(e.Fields, f)
	}
	return e
}

func (e *explained) show(out *show.Screen) {
	out.Heading(strings.TrimSpace(e.Subscription + ": " + e.Contract + " " + e.Version + " " + e.Object))
	rows := "All rows"
	if e.Filter != "" {
		rows = "The rows where " + e.Filter
	}
	out.Text(0, rows+".")
	for _, r := range e.DropsRows {
		out.Text(0, fmt.Sprintf("Rows in which %s matches do not leave: dropRow of %s (%s).", r.Field, r.Rule, r.At))
	}
	if k := e.KAnonymity; k != nil {
		out.Text(0, fmt.Sprintf("Rows leave only where at least %d of a drop are alike, as they leave, in %s.", k.K, strings.Join(k.QuasiIdentifiers, ", ")))
	}
	if e.TokenDomain != "" {
		out.Text(0, "Tokens agree within the domain "+e.TokenDomain+".")
	}
	if e.Stopped != "" {
		for _, line := range wrapped(out, 0, "Nothing is sent: "+e.Stopped) {
			out.Printf("%s\n", out.Paint(show.Bad, line))
		}
	}
	for _, n := range e.Requirements {
		text := fmt.Sprintf("Requirement %s holds because of field %s", n.Requirement, n.Field)
		if n.Agreement != "" {
			text += ", and is met by agreement " + n.Agreement
		}
		out.Text(0, text+".")
	}
	for _, f := range e.Fields {
		out.Printf("\n%s  %s\n", out.Paint(show.Title, show.Clean(f.Path)), out.Paint(styleOf(f.rule), f.How))
		out.Text(2, f.Why+f.place())
		for _, lost := range f.Rules[min(1, len(f.Rules)):] {
			out.Text(2, fmt.Sprintf("%s (%s) would say %s: less specific", lost.Rule, lost.At, lost.Transform))
		}
		class := "counts as " + f.Classification
		if f.ClassifiedBy != "" {
			class = "classified " + f.Classification
			if f.ClassifiedBy != f.Path {
				class += " by " + f.ClassifiedBy
			}
		}
		if len(f.Tags) > 0 {
			class += "; tags " + strings.Join(f.Tags, ", ")
		}
		if f.LeavesAs != "" && f.LeavesAs != f.Type {
			class += fmt.Sprintf("; %s leaves as %s", f.Type, f.LeavesAs)
		}
		out.Text(2, class)
	}
}

// place is where the rule stands that decided.
func (f *explainedField) place() string {
	if len(f.Rules) == 0 || !strings.HasPrefix(f.Why, "rule ") {
		return ""
	}
	return " (" + f.Rules[0].At + ")"
}

package exchange

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Agreement is a paper that the exchange and a partner have signed, such as a data
// processing agreement. Subscriptions and grants name those that they stand on.
type Agreement struct {
	// Id of the agreement, unique in the partner's file.
	ID string `yaml:"id" json:"id" jsonschema:"required,pattern=^[a-z0-9-]{1\\,60}$"`
	// What it is: dpa (GDPR, article 28), baa (HIPAA), pci-attestation (PCI DSS), or a name that a requirement of the exchange asks for.
	Type string `yaml:"type" json:"type" jsonschema:"required,pattern=^[a-z0-9-]{1\\,60}$"`
	// Where the paper is.
	Reference string `yaml:"reference" json:"reference,omitempty"`
	// Last day (UTC, the day itself still counts) or RFC 3339 instant until which it holds.
	Expires Expiry `yaml:"expires" json:"expires,omitzero"`
}

// Requirement is what subscriptions need that show certain fields, and grants that
// reveal them. All that it asks for is needed.
type Requirement struct {
	// Id of the requirement. pci and hipaa are there without being written; one that is written takes the place of the one that is there.
	ID string `yaml:"id" json:"id" jsonschema:"required,pattern=^[a-z0-9-]{1\\,60}$"`
	// Why the one that is there does not count in this exchange.
	Off string `yaml:"off" json:"off,omitempty" jsonschema:"minLength=1"`
	// Which fields it is about.
	When RequirementWhen `yaml:"when" json:"when,omitzero"`
	// What a subscription needs that shows one of them.
	Needs RequirementNeeds `yaml:"needs" json:"needs,omitzero"`
}

// RequirementWhen says which fields a requirement is about: those for which all that is said is so.
type RequirementWhen struct {
	// Tag of the contract or of the object.
	ContractTag string `yaml:"contractTag" json:"contractTag,omitempty" jsonschema:"minLength=1"`
	// Tag of the field, or of what holds it.
	Tag string `yaml:"tag" json:"tag,omitempty" jsonschema:"minLength=1"`
	// Classification of the field.
	Classification string `yaml:"classification" json:"classification,omitempty" jsonschema:"minLength=1"`
	// Only fields that leave as they are. Default: all that leave in any form.
	Clear bool `yaml:"clear" json:"clear,omitempty"`
}

// RequirementNeeds is what a requirement asks of a subscription.
type RequirementNeeds struct {
	// Type of an agreement that it must stand on.
	Agreement string `yaml:"agreement" json:"agreement,omitempty" jsonschema:"pattern=^[a-z0-9-]{1\\,60}$"`
	// Whether it needs a filter, such as one for consent.
	Filter bool `yaml:"filter" json:"filter,omitempty"`
	// Whether it must expire.
	Expires bool `yaml:"expires" json:"expires,omitempty"`
	// Purposes of which it must have one.
	Purposes []string `yaml:"purposes" json:"purposes,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Legal bases of which it must have one.
	LegalBases []string `yaml:"legalBases" json:"legalBases,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
}

func (n RequirementNeeds) nothing() bool {
	return n.Agreement == "" && !n.Filter && !n.Expires && len(n.Purposes) == 0 && len(n.LegalBases) == 0
}

// builtIn are the requirements that every exchange has unless it says otherwise.
func builtIn() []*Requirement {
	return []*Requirement{
		{ID: "pci", When: RequirementWhen{Tag: "pci", Clear: true}, Needs: RequirementNeeds{Agreement: "pci-attestation"}},
		{ID: "hipaa", When: RequirementWhen{ContractTag: "hipaa"}, Needs: RequirementNeeds{Agreement: "baa"}},
	}
}

// Requirements are those that count, by id: the exchange's own, and those that are there
// without being written.
func (b *Bundle) Requirements() []*Requirement {
	all := builtIn()
	if b.exchange != nil {
		for _, own := range b.exchange.Requirements {
			if own == nil {
				continue
			}
			all = slices.DeleteFunc(all, func(r *Requirement) bool { return r.ID == own.ID })
			if own.Off == "" {
				all = append(all, own)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Requirement) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// CodeAgreementExpired is the code of Subscription.Standing and Grant.Standing where
// an agreement that they stand on has ended.
const CodeAgreementExpired = "agreement-expired"

// Stands are the agreements that the subscription stands on.
func (s *Subscription) Stands() []*Agreement { return s.agreements }

// agreed is nil while all agreements hold at a time.
func agreed(all []*Agreement, at time.Time, where fault.Where) error {
	for _, a := range all {
		if !a.Expires.IsZero() && !at.Before(a.Expires.Instant()) {
			return &fault.Error{Kind: fault.Denied, Code: CodeAgreementExpired, Where: where,
				Msg: fmt.Sprintf("agreement %s (%s) ended on %s", a.ID, a.Type, a.Expires), Do: "to resume, sign it anew, set a later expires: and publish the exchange"}
		}
	}
	return nil
}

// requirements holds the exchange's own requirements to their form.
func (c *checker) requirements(at problemAt, own []*Requirement) {
	seen := map[string]bool{}
	for i, r := range own {
		where := fmt.Sprintf("requirements[%d]", i)
		if r == nil {
			c.add(at, where, "the requirement is empty", "")
			continue
		}
		c.id(at, where+".id", r.ID, longID)
		if seen[r.ID] {
			c.add(at, where+".id", fmt.Sprintf("requirement %q is there twice", r.ID), "")
		}
		seen[r.ID] = true
		there := slices.ContainsFunc(builtIn(), func(b *Requirement) bool { return b.ID == r.ID })
		switch {
		case r.Off != "" && !there:
			c.add(at, where+".off", fmt.Sprintf("there is no requirement %q that could be off", r.ID), "those that are there are hipaa and pci; leave out your own")
		case r.Off != "":
		case r.When == (RequirementWhen{}) || r.When == (RequirementWhen{Clear: true}):
			c.add(at, where+".when", "the requirement does not say which fields it is about", "give it contractTag, tag or classification")
		case r.Needs.nothing():
			c.add(at, where+".needs", "the requirement asks for nothing", "give it agreement, filter, expires, purposes or legalBases")
		}
		if r.Needs.Agreement != "" && !longID.MatchString(r.Needs.Agreement) {
			c.add(at, where+".needs.agreement", fmt.Sprintf("a type of agreement has the form %s", longID), "")
		}
	}
}

// agreements holds a partner's agreements to their form, and finds those that its
// subscriptions and grants name.
func (c *checker) agreements(at problemAt, p *Partner) {
	known := map[string]*Agreement{}
	var ids []string
	for i, a := range p.Agreements {
		where := fmt.Sprintf("agreements[%d]", i)
		if a == nil {
			c.add(at, where, "the agreement is empty", "")
			continue
		}
		c.id(at, where+".id", a.ID, longID)
		c.id(at, where+".type", a.Type, longID)
		if known[a.ID] != nil {
			c.add(at, where+".id", fmt.Sprintf("agreement %q is there twice", a.ID), "")
		}
		known[a.ID], ids = a, append(ids, a.ID)
	}
	named := func(where string, names []string) (all []*Agreement) {
		for k, id := range names {
			place := fmt.Sprintf("%s.agreements[%d]", where, k)
			switch a := known[id]; {
			case a == nil:
				c.add(at, place, fmt.Sprintf("the partner has no agreement %q", id), near(id, ids))
			case slices.Contains(all, a):
				c.add(at, place, fmt.Sprintf("agreement %q is there twice", id), "")
			default:
				all = append(all, a)
			}
		}
		return all
	}
	for i, s := range p.Subscriptions {
		if s != nil {
			s.agreements = named(fmt.Sprintf("subscriptions[%d]", i), s.Agreements)
		}
	}
	for i, g := range p.Reveal {
		if g != nil {
			g.agreements = named(fmt.Sprintf("reveal[%d]", i), g.Agreements)
		}
	}
}

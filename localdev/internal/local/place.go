package local

import (
	"fmt"
	"path"
	"strings"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// rulesFor are the partner's rules by which it may drop data of a contract.
func rulesFor(p *policy.Policy, partnerID, contract string) ([]*exchange.DropRule, error) {
	b := p.Bundle()
	partner := b.Partner(partnerID)
	if partner == nil {
		return nil, fault.New(fault.Invalid, CodeNoPlace, fmt.Sprintf("the exchange has no partner %q", partnerID), "partners: "+join(b.Partners(), func(p *exchange.Partner) string { return p.ID }))
	}
	meant := b.Contract(contract)
	if meant == nil {
		return nil, fault.New(fault.Invalid, CodeNoPlace, fmt.Sprintf("the exchange has no contract %q", contract), "contracts: "+join(b.Contracts(), nameOf))
	}
	var rules []*exchange.DropRule
	for _, r := range partner.Drops {
		if b.Contract(r.Contract) == meant {
			rules = append(rules, r)
		}
	}
	if len(rules) == 0 {
		do := "add drops: to its file"
		if len(partner.Drops) > 0 {
			do = "it may drop " + join(partner.Drops, func(r *exchange.DropRule) string { return r.Contract })
		}
		return nil, fault.New(fault.Invalid, CodeNoPlace, fmt.Sprintf("partner %s may not drop data of contract %s", partnerID, contract), do)
	}
	return rules, nil
}

// nameOf is how people call a contract.
func nameOf(c *exchange.Contract) string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

func join[T any](list []T, name func(T) string) string {
	var names []string
	for _, v := range list {
		names = append(names, name(v))
	}
	return strings.Join(names, ", ")
}

// KeyFor is a key in the drops bucket under which a file of this name is taken
// for the contract: in the first of the partner's paths that allows it.
func KeyFor(p *policy.Policy, partner, contract, file string) (string, error) {
	rules, err := rulesFor(p, partner, contract)
	if err != nil {
		return "", err
	}
	for _, r := range rules {
		if below, ok := pathFor(r.Glob(), file); ok {
			return CheckKey(p, partner+"/"+below, contract)
		}
	}
	return "", fault.New(fault.Invalid, CodeNoPlace, fmt.Sprintf("no path of partner %s for contract %s can be made of the file name alone", partner, contract),
		"name one with --name: "+join(rules, func(r *exchange.DropRule) string { return string(r.Glob()) }))
}

// CheckKey holds a key to what ingest will make of it.
func CheckKey(p *policy.Policy, key, contract string) (string, error) {
	partner, _, _ := strings.Cut(key, "/")
	if _, err := rulesFor(p, partner, contract); err != nil {
		return "", err
	}
	intake, err := p.Intake(key)
	if err != nil {
		return "", err
	}
	if meant := p.Bundle().Contract(contract); meant == nil || intake.Contract.ID != meant.ID {
		return "", fault.New(fault.Invalid, CodeNoPlace, fmt.Sprintf("%s is a place for contract %s, not for %s", key, intake.Contract.ID, contract), "choose another --name")
	}
	return key, nil
}

// pathFor fills a glob with a file name: what stands fast in it stays, "**"
// stands for nothing but at its end. Other wildcards have no one answer.
func pathFor(g exchange.Glob, file string) (string, bool) {
	segments := strings.Split(string(g), "/")
	last := len(segments) - 1
	var filled []string
	for i, segment := range segments {
		switch wild := strings.ContainsAny(segment, "*?"); {
		case i == last && segment == "**":
			filled = append(filled, file)
		case segment == "**":
		case i == last && wild:
			filled = append(filled, file)
		case wild:
			return "", false
		default:
			filled = append(filled, segment)
		}
	}
	made := path.Join(filled...)
	return made, g.Match(made)
}

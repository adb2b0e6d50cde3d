package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// Intake is what a drop is held to, as found by where it lies.
type Intake struct {
	Partner  *exchange.Partner
	Contract *exchange.Contract
	Compiled *contract.Compiled // the object of the contract that the drop's rows are
}

// maxKey is how long the key of a drop may be, in bytes: the limit of S3 and
// GCS.
const maxKey = 1024

// Intake finds what a drop is held to from its decoded key in the drops bucket,
// "<partner>/<path>", and from nothing else: what a drop says of itself is not
// asked.
//
// Invalid fault: "bad-key" (a key that could be read in two ways: it has an
// empty segment, "." or "..", a backslash or a control character, is not UTF-8,
// or is longer than 1024 bytes). Denied faults: "unknown-partner",
// "no-contract" (the partner may not drop there), "ambiguous-contract" (rules of
// the partner for two contracts match).
func (p *Policy) Intake(key string) (Intake, error) {
	if why := badKey(key); why != "" {
		return Intake{}, fault.New(fault.Invalid, "bad-key", "the key of the drop "+why,
			"use keys of the form <partner>/<path>, with plain names parted by single slashes")
	}
	id, path, _ := strings.Cut(key, "/")
	partner := p.bundle.Partner(id)
	if partner == nil {
		return Intake{}, &fault.Error{Kind: fault.Denied, Code: "unknown-partner", Where: fault.Where{Object: key},
			Msg: "the drop does not lie below the prefix of a partner",
			Do:  "drop it under <partner id>/, or add the partner to the exchange"}
	}
	where := fault.Where{Partner: id, Object: key}
	var match *dropRule
	for i := range p.drops[id] {
		rule := &p.drops[id][i]
		switch {
		case !rule.glob.Match(path):
		case match == nil:
			match = rule
		case match.contract != rule.contract:
			return Intake{}, &fault.Error{Kind: fault.Denied, Code: "ambiguous-contract", Where: where,
				Msg: fmt.Sprintf("the paths of two contracts match: %s for %s and %s for %s", match.glob, match.contract, rule.glob, rule.contract),
				Do:  "make the partner's drops: paths disjoint"}
		}
	}
	if match == nil {
		return Intake{}, &fault.Error{Kind: fault.Denied, Code: "no-contract", Where: where,
			Msg: "the partner may not drop here", Do: p.allowedPaths(partner)}
	}
	return Intake{Partner: partner, Contract: match.contract.doc, Compiled: p.contracts[match.contract]}, nil
}

// allowedPaths says where a partner may drop.
func (p *Policy) allowedPaths(partner *exchange.Partner) string {
	rules := p.drops[partner.ID]
	if len(rules) == 0 {
		return "it may not drop anything; add drops: to its file"
	}
	var paths []string
	for _, rule := range rules {
		paths = append(paths, fmt.Sprintf("%s/%s for %s", partner.ID, rule.glob, rule.contract))
	}
	return "it may use " + strings.Join(paths, ", ")
}

// badKey says what is wrong with a key, "" if nothing is.
func badKey(key string) string {
	switch {
	case len(key) > maxKey:
		return fmt.Sprintf("is longer than %d bytes", maxKey)
	case !utf8.ValidString(key):
		return "is not UTF-8"
	case strings.ContainsRune(key, '\\'):
		return "has a backslash"
	case strings.ContainsFunc(key, isHidden):
		return "has a control or formatting character"
	case !strings.Contains(key, "/"):
		return "has no slash: it must start with a partner's prefix"
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch segment {
		case "":
			return "has an empty segment, or starts or ends with a slash"
		case ".", "..":
			return "has a segment . or .."
		}
	}
	return ""
}

// isHidden tells characters that do not show: control characters, line
// separators, and those that change the direction of text.
func isHidden(c rune) bool { return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

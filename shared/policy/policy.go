// Package policy decides who may drop what and who may see what of it: it
// compiles an exchange's partners, subscriptions and profiles to intakes and
// views.
//
// Everything is decided when the policy is compiled, so that nothing can be
// wrong with a rule while rows go by. What no rule names leaves only if the
// contract classifies it as public or internal.
package policy

import (
	"slices"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/migration"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Policy is a compiled exchange. It does not change; any number of goroutines
// may use it, and what it hands out must not be changed.
type Policy struct {
	bundle    *exchange.Bundle
	contracts map[objectKey]*contract.Compiled // of what is dropped or subscribed to
	drops     map[string][]dropRule            // by partner
	views     map[objectKey][]*View
	leading   map[objectKey][]lead
}

// objectKey names one schema object of one version of a contract.
type objectKey struct {
	doc    *exchange.Contract
	object string
}

func (k objectKey) String() string { return "contract " + k.doc.String() + " object " + k.object }

type dropRule struct {
	glob     exchange.Glob
	contract objectKey
}

// Bundle is what the policy was compiled from.
func (p *Policy) Bundle() *exchange.Bundle { return p.bundle }

// Views are the views of an object of a contract, of all its versions: from the
// lowest version to the highest, and by id.
func (p *Policy) Views(contractID, object string) []*View {
	var views []*View
	for _, doc := range p.bundle.Versions(contractID) {
		if doc.ID == contractID {
			views = append(views, p.views[objectKey{doc, object}]...)
		}
	}
	return views
}

// Feed is what comes of the rows of a drop: views of one version of its contract.
type Feed struct {
	// Schema is that of the rows as they were dropped.
	Schema *record.Schema
	// Migration makes rows of the views' version of them; nil: they are.
	Migration migration.Chain
	// Views of one version, by id.
	Views []*View
}

// Feeds are the feeds of rows of an object of a version of a contract, as events
// name them: the views of that version, and those of each version to which
// migrations lead.
func (p *Policy) Feeds(contractID, version, object string) []Feed {
	key := objectKey{p.bundle.Version(contractID, version), object}
	compiled := p.contracts[key]
	if compiled == nil {
		return nil
	}
	var feeds []Feed
	if views := p.views[key]; len(views) > 0 {
		feeds = append(feeds, Feed{Schema: compiled.Schema, Views: views})
	}
	for _, l := range p.leading[key] {
		if views := p.views[l.to]; len(views) > 0 {
			feeds = append(feeds, Feed{Schema: compiled.Schema, Migration: l.chain, Views: views})
		}
	}
	return feeds
}

// Contract is an object of a contract that is dropped or subscribed to,
// compiled; nil if there is no such. Of several versions it is the highest.
func (p *Policy) Contract(contractID, object string) *contract.Compiled {
	for _, doc := range slices.Backward(p.bundle.Versions(contractID)) {
		if compiled := p.contracts[objectKey{doc, object}]; compiled != nil && doc.ID == contractID {
			return compiled
		}
	}
	return nil
}

// Compiled is an object of a version of a contract; nil if it is not there, or
// neither dropped nor subscribed to nor at an end of a migration.
func (p *Policy) Compiled(version *exchange.Contract, object string) *contract.Compiled {
	return p.contracts[objectKey{version, object}]
}

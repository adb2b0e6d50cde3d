package exchange

import (
	"fmt"
	"net/url"
)

// PartnerKeys say whose key makes a partner's tokens.
type PartnerKeys struct {
	// Key service of the partner that wraps the key of its tokens, such as awskms:///arn:aws:kms:...: while it refuses or does not answer nothing that needs the key leaves for the partner. Default: the exchange's own key ring.
	Keeper string `yaml:"keeper" json:"keeper,omitempty" jsonschema:"pattern=^[a-z][a-z0-9+.-]*:"`
}

// KeyHolder is the id of the partner whose own key makes the subscription's
// tokens; "" if it is the exchange's.
func (s *Subscription) KeyHolder() string {
	if s.owner == nil || s.owner.Keys.Keeper == "" {
		return ""
	}
	return s.owner.ID
}

// KeyHolder is the partner whose own key makes the tokens of a domain, "" if it is
// the exchange's.
func (b *Bundle) KeyHolder(domain string) string {
	for _, p := range b.partners {
		for _, s := range p.Subscriptions {
			if s.Domain() == domain { // all of a domain have the same: see checker.domain
				return s.KeyHolder()
			}
		}
	}
	return ""
}

// tokenKey is whose key makes the tokens of a domain.
type tokenKey struct {
	holder       string // a partner that brings its own; "" the exchange
	subscription string // that was seen first
}

// domain holds the key of a subscription's tokens against those of others of its
// token domain.
func (c *checker) domain(p *Partner, s *Subscription, at problemAt, field string) {
	domain, key := s.TokenDomain, tokenKey{subscription: s.ID}
	if domain == "" {
		domain = p.ID
	}
	if p.Keys.Keeper != "" {
		key.holder = p.ID
	}
	first, taken := c.domains[domain]
	switch {
	case !taken:
		c.domains[domain] = key
	case first.holder != key.holder:
		c.add(at, field, fmt.Sprintf("tokenDomain %q is also that of subscription %s, whose tokens are made with another key: they would not be the same", domain, first.subscription),
			"who brings its own key shares a domain with nobody: use another tokenDomain, or take keys: out of the partner's file")
	}
}

// keeper holds the URL of a partner's key service against what one can be.
func (c *checker) keeper(at problemAt, text string) {
	if text == "" {
		return
	}
	switch u, err := url.Parse(text); {
	case err != nil || u.Scheme == "":
		c.add(at, "keys.keeper", "keys.keeper is not a URL", "give the key of a key service: awskms://, gcpkms://, azurekeyvault://, hashivault://")
	case u.User != nil || u.Scheme == "base64key" || u.Scheme == "stringkey":
		c.add(at, "keys.keeper", "keys.keeper holds a secret", "secrets do not belong into the exchange folder; name a key of a key service")
	}
}

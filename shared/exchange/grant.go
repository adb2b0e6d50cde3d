package exchange

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Grant lets callers have the values behind tokens of some fields of a contract.
type Grant struct {
	// Id of the grant, unique in the exchange.
	ID string `yaml:"id" json:"id" jsonschema:"required,pattern=^[a-z0-9-]{1\\,60}$"`
	// Id or name of a contract. The grant is for all of its versions.
	Contract string `yaml:"contract" json:"contract" jsonschema:"required,minLength=1"`
	// Schema object of the contract; may be left out where there is one.
	Object string `yaml:"object" json:"object,omitempty" jsonschema:"minLength=1"`
	// Paths of the fields whose tokens are revealed. A profile must make these with algorithm aes-siv or aes-gcm.
	Fields []string `yaml:"fields" json:"fields" jsonschema:"required,minItems=1,uniqueItems=true"`
	// What the values are used for. Each request says it, too.
	Purpose string `yaml:"purpose" json:"purpose" jsonschema:"required,minLength=1"`
	// On what ground the callers may have the values, such as legal-obligation.
	LegalBasis string `yaml:"legalBasis" json:"legalBasis" jsonschema:"required,minLength=1"`
	// Ids of the partner's agreements that it stands on: when one of them ends, nothing is revealed any more.
	Agreements []string `yaml:"agreements" json:"agreements,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Last day (UTC, the day itself still counts) or RFC 3339 instant until which the grant stands.
	Expires Expiry `yaml:"expires" json:"expires,omitzero" jsonschema:"required"`
	// Whether the grant was withdrawn.
	Revoked bool `yaml:"revoked" json:"revoked,omitempty"`
	// Token domain whose tokens are revealed. Default: the partner's id.
	TokenDomain string `yaml:"tokenDomain" json:"tokenDomain,omitempty" jsonschema:"pattern=^[a-z0-9-]{1\\,60}$"`
	// How fast tokens are revealed.
	Rate Rate `yaml:"rate" json:"rate,omitzero"`
	// Who may ask.
	Callers []Caller `yaml:"callers" json:"callers" jsonschema:"required,minItems=1"`

	owner      *Partner
	contractID string
	object     string
	audience   string // the default of callers
	agreements []*Agreement
}

// Rate bounds how fast tokens are revealed.
type Rate struct {
	// Tokens in a minute, of all callers of the grant together, for each instance of the function. Default: 1000.
	PerMinute int `yaml:"perMinute" json:"perMinute,omitempty" jsonschema:"minimum=1,maximum=1000000"`
}

// Caller is who may ask: whoever has a token of an OpenID Connect issuer for a
// subject, or an API key.
type Caller struct {
	// URL of the issuer of the caller's JSON Web Tokens, as their claim iss has it. Its keys are found by OpenID Connect Discovery.
	Issuer string `yaml:"issuer" json:"issuer,omitempty" jsonschema:"pattern=^https://"`
	// Their audience, one of the claim aud. Default: sallyport/<name of the exchange>.
	Audience string `yaml:"audience" json:"audience,omitempty" jsonschema:"minLength=1"`
	// Whom they are for: the claim sub.
	Subject string `yaml:"subject" json:"subject,omitempty" jsonschema:"minLength=1"`
	// SHA-256, in hex, of a random key of at least 32 characters.
	APIKey string `yaml:"apiKey" json:"apiKey,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$"`
}

// The codes of the faults of Grant.Standing.
const (
	CodeGrantRevoked = "grant-revoked" // Denied: the grant was withdrawn
	CodeGrantExpired = "grant-expired" // Denied: its time is over
	CodeGrantPartner = "grant-partner" // Denied: no subscription of its partner stands any more
)

const (
	defaultPerMinute = 1000
	maxPerMinute     = 1_000_000
)

// keyDigest is the form of Caller.APIKey.
var keyDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Partner is whose grant it is.
func (g *Grant) Partner() *Partner { return g.owner }

// ContractID is the id of the contract, and ObjectName the name of the object,
// that the grant is for. The bundle has passed its checks: neither is empty.
func (g *Grant) ContractID() string { return g.contractID }

// ObjectName is told of with ContractID.
func (g *Grant) ObjectName() string { return g.object }

// Domain is the token domain, its default filled in.
func (g *Grant) Domain() string {
	if g.TokenDomain == "" && g.owner != nil {
		return g.owner.ID
	}
	return g.TokenDomain
}

// PerMinute is the rate, its default filled in.
func (g *Grant) PerMinute() int { return cmp.Or(g.Rate.PerMinute, defaultPerMinute) }

// AudienceOf is the audience that tokens of a caller of the grant must have.
func (g *Grant) AudienceOf(c Caller) string { return cmp.Or(c.Audience, g.audience) }

// Standing is nil while the grant lets its callers have values, and otherwise a
// Denied fault. It ends with its partner: where the partner has subscriptions, one
// of them must stand.
func (g *Grant) Standing(at time.Time) error {
	refuse := func(code, msg, do string) error {
		f := fault.New(fault.Denied, code, msg, do)
		if g.owner != nil {
			f.Where.Partner = g.owner.ID
		}
		return f
	}
	switch {
	case g.Revoked:
		return refuse(CodeGrantRevoked, "the grant was revoked", "nothing is revealed; to resume, set revoked: false and publish the exchange")
	case !at.Before(g.Expires.Instant()):
		return refuse(CodeGrantExpired, "the grant expired on "+g.Expires.String(), "to renew it, set a later expires: and publish the exchange")
	case g.owner != nil && len(g.owner.Subscriptions) > 0 &&
		!slices.ContainsFunc(g.owner.Subscriptions, func(s *Subscription) bool { return s.Standing(at) == nil }):
		return refuse(CodeGrantPartner, "no subscription of the grant's partner stands any more", "to resume, renew one of them and publish the exchange")
	}
	where := fault.Where{}
	if g.owner != nil {
		where.Partner = g.owner.ID
	}
	return agreed(g.agreements, at, where)
}

// Stands are the agreements that the grant stands on.
func (g *Grant) Stands() []*Agreement { return g.agreements }

// Problem says what is wrong at a path of the grant in its partner's document; ""
// is the grant itself.
func (g *Grant) Problem(path, message, hint string) yamldoc.Problem {
	where := fmt.Sprintf("reveal[%d]", slices.Index(g.owner.Reveal, g))
	if path != "" {
		where += "." + path
	}
	return g.owner.Problem(where, message, hint)
}

// grants holds the grants of a partner against the rest of the exchange.
func (c *checker) grants(p *Partner, grants map[string]*Partner) {
	at := p.source.problem
	for i, g := range p.Reveal {
		if g == nil {
			c.add(at, fmt.Sprintf("reveal[%d]", i), "the grant is empty", "")
			continue
		}
		field := func(name string) string { return fmt.Sprintf("reveal[%d].%s", i, name) }
		if g.owner = p; c.b.exchange != nil {
			g.audience = "sallyport/" + c.b.exchange.Name
		}
		c.grant(at, field, g)
		if first := grants[g.ID]; first != nil {
			c.add(at, field("id"), fmt.Sprintf("grant %q is there twice, also of partner %s", g.ID, first.ID), "give each grant an id of its own in the exchange")
		}
		grants[g.ID] = p
	}
}

func (c *checker) grant(at problemAt, field func(string) string, g *Grant) {
	if !longID.MatchString(g.ID) {
		c.add(at, field("id"), fmt.Sprintf("id %q does not have the form %s", g.ID, longID), "")
	}
	if strings.TrimSpace(g.Purpose) == "" {
		c.add(at, field("purpose"), "purpose is missing", "say what the values are used for; each request has to say the same")
	}
	if strings.TrimSpace(g.LegalBasis) == "" {
		c.add(at, field("legalBasis"), "legalBasis is missing", "say on what ground the callers may have the values, such as legal-obligation")
	}
	if g.Expires.IsZero() {
		c.add(at, field("expires"), "expires is missing", "say until when values are revealed, such as 2027-12-31")
	}
	if g.TokenDomain != "" && !longID.MatchString(g.TokenDomain) {
		c.add(at, field("tokenDomain"), fmt.Sprintf("tokenDomain %q does not have the form %s", g.TokenDomain, longID), "")
	}
	if g.Rate.PerMinute < 0 || g.Rate.PerMinute > maxPerMinute {
		c.add(at, field("rate.perMinute"), fmt.Sprintf("rate.perMinute is %d", g.Rate.PerMinute), fmt.Sprintf("use 1 to %d, or leave it out for %d", maxPerMinute, defaultPerMinute))
	}
	if len(g.Fields) == 0 {
		c.add(at, field("fields"), "fields is missing", "name the fields whose tokens are revealed")
	}
	for i, name := range g.Fields {
		if slices.Contains(g.Fields[:i], name) {
			c.add(at, fmt.Sprintf("%s[%d]", field("fields"), i), fmt.Sprintf("field %q is there twice", name), "")
		}
	}
	c.grantObject(at, field, g)
	if len(g.Callers) == 0 {
		c.add(at, field("callers"), "callers is missing: nobody could ask", "name an issuer and a subject, or the digest of an API key")
	}
	for i, caller := range g.Callers {
		c.caller(at, func(name string) string { return fmt.Sprintf("%s[%d].%s", field("callers"), i, name) }, caller)
		if slices.Contains(g.Callers[:i], caller) {
			c.add(at, fmt.Sprintf("%s[%d]", field("callers"), i), "the caller is there twice", "")
		}
	}
}

// grantObject finds what a grant is for. Which version a token is of it does not
// tell, so the object is looked for in all of them.
func (c *checker) grantObject(at problemAt, field func(string) string, g *Grant) {
	if g.Contract == "" {
		c.add(at, field("contract"), "contract is missing", "give the id or the name of a contract")
		return
	}
	all := c.contract(at, field, g.Contract)
	if len(all) == 0 {
		return
	}
	g.contractID = all[0].ID
	var objects []string
	for _, k := range all {
		objects = append(objects, k.Objects()...)
	}
	slices.Sort(objects)
	objects = slices.Compact(objects)
	switch {
	case g.Object == "" && len(objects) == 1:
		g.object = objects[0]
	case g.Object == "":
		c.add(at, field("object"), fmt.Sprintf("contract %s has %d objects", g.contractID, len(objects)), "name one of "+strings.Join(objects, ", "))
	case !slices.Contains(objects, g.Object):
		c.add(at, field("object"), fmt.Sprintf("contract %s has no object %q", g.contractID, g.Object), near(g.Object, objects))
	default:
		g.object = g.Object
	}
}

func (c *checker) caller(at problemAt, field func(string) string, who Caller) {
	token := who.Issuer != "" || who.Audience != "" || who.Subject != ""
	switch {
	case token == (who.APIKey != ""):
		c.add(at, field("apiKey"), "a caller is an issuer with a subject, or an API key", "give it one of both; write a caller for each")
		return
	case who.APIKey != "" && !keyDigest.MatchString(who.APIKey):
		// What stands there may be the key itself: it is not repeated.
		c.add(at, field("apiKey"), "apiKey is not a SHA-256 in 64 characters of lower-case hex", "the key itself does not belong into the exchange folder: write what printf %s KEY | sha256sum prints")
		return
	case who.APIKey != "":
		return
	}
	u, err := url.Parse(who.Issuer)
	switch {
	case who.Issuer == "":
		c.add(at, field("issuer"), "issuer is missing", "write the claim iss of the caller's tokens, such as https://login.example.org")
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		c.add(at, field("issuer"), "issuer is not an https URL without user, query and fragment", "write the claim iss of the caller's tokens, such as https://login.example.org")
	}
	if strings.TrimSpace(who.Subject) == "" {
		c.add(at, field("subject"), "subject is missing: whoever has an account there could ask", "write the claim sub of the caller's tokens")
	}
}

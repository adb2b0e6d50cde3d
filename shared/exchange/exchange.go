// Package exchange is the configuration of one deployment: the folder of
// contracts, partners and profiles that lies in Git, the checks that it must
// pass, and the bundle that it is compiled to.
//
// Load reads a folder and answers every problem of every file at once, with
// file, line and column. A Bundle is one canonical document under one digest;
// a Repository keeps bundles in a bucket, so that a drop can be pinned to the
// configuration under which it arrived.
//
// What a partner may see of a contract is not decided here but in package
// policy, which compiles a Bundle.
package exchange

import (
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// APIVersion is the version of the documents of the folder (contracts have
// their own, ODCS).
const APIVersion = "sallyport.io/v1"

// The kinds of documents.
const (
	KindExchange = "Exchange"
	KindPartner  = "Partner"
	KindProfile  = "Profile"
)

// Exchange is exchange.yaml: the name of a deployment and its bounds.
type Exchange struct {
	// Version of this document's form.
	APIVersion string `yaml:"apiVersion" json:"apiVersion" jsonschema:"required,enum=sallyport.io/v1"`
	// What this document is.
	Kind string `yaml:"kind" json:"kind" jsonschema:"required,enum=Exchange"`
	// Name of the deployment.
	Name string `yaml:"name" json:"name" jsonschema:"required,pattern=^[a-z0-9-]{1\\,40}$"`
	// What the exchange is for, in words.
	Description string `yaml:"description" json:"description,omitempty"`
	// How drops are cut.
	Segment Segment `yaml:"segment" json:"segment,omitzero"`
	// What a drop may cost at most.
	Limits Limits `yaml:"limits" json:"limits,omitzero"`
	// What happens where a column that leaves in the clear seems to hold personal data: block, warn or off. Default: block for contracts with a field that is neither public nor internal, warn for others.
	LeakGuard string `yaml:"leakGuard" json:"leakGuard,omitempty" jsonschema:"enum=block,enum=warn,enum=off"`
	// What subscriptions need that show certain fields. Default: an agreement of type pci-attestation for fields tagged pci that leave in the clear, one of type baa for contracts tagged hipaa.
	Requirements []*Requirement `yaml:"requirements" json:"requirements,omitempty"`

	source source
}

// What the leak guard does (Exchange.LeakGuard).
const (
	GuardBlock = "block" // the segment does not leave
	GuardWarn  = "warn"  // it leaves, and the event about it says so
	GuardOff   = "off"
)

// Segment says how drops are cut.
type Segment struct {
	// Bytes of a landing segment. Default: 64MiB.
	Size Size `yaml:"size" json:"size,omitempty"`
}

// Limits bound what a drop may cost. A zero field means the default.
type Limits struct {
	// Stored size of a drop. Default: 50GiB.
	Object Size `yaml:"object" json:"object,omitempty" jsonschema:"minLength=1"`
	// Size of a drop once decompressed. Default: 200GiB.
	Decompressed Size `yaml:"decompressed" json:"decompressed,omitempty"`
	// Decompressed size over stored size, once past 1 MiB. Default: 200.
	Ratio int `yaml:"ratio" json:"ratio,omitempty" jsonschema:"minimum=1"`
	// Bytes of one row. Default: 4MiB.
	Row Size `yaml:"row" json:"row,omitempty"`
	// Columns of a CSV record, or members of a JSON object. Default: 4096.
	Columns int `yaml:"columns" json:"columns,omitempty" jsonschema:"minimum=1"`
	// Depth of nested JSON. Default: 64.
	Nesting int `yaml:"nesting" json:"nesting,omitempty" jsonschema:"minimum=1"`
	// Violations that a report lists; the rest is counted. Default: 1000.
	Report int `yaml:"report" json:"report,omitempty" jsonschema:"minimum=1"`
	// Local disk that a drop's keys may take while uniqueness is checked, once they
	// no longer fit in memory. Default: 16GiB.
	Spill Size `yaml:"spill" json:"spill,omitempty"`
}

// WithDefaults fills the zero fields.
func (l Limits) WithDefaults() Limits {
	size := func(v *Size, d Size) {
		if *v == 0 {
			*v = d
		}
	}
	count := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	rows := record.Limits{}.WithDefaults()
	size(&l.Object, 50<<30)
	size(&l.Decompressed, 200<<30)
	count(&l.Ratio, 200)
	size(&l.Row, Size(rows.Row))
	count(&l.Columns, rows.Columns)
	count(&l.Nesting, rows.Nesting)
	count(&l.Report, 1000)
	size(&l.Spill, 16<<30)
	return l
}

// Records are the bounds that a record.Reader keeps.
func (l Limits) Records() record.Limits {
	return record.Limits{Row: int(l.Row), Columns: l.Columns, Nesting: l.Nesting}
}

// Partner is one document of partners/: an organisation that drops data,
// receives data, or both.
type Partner struct {
	// Version of this document's form.
	APIVersion string `yaml:"apiVersion" json:"apiVersion" jsonschema:"required,enum=sallyport.io/v1"`
	// What this document is.
	Kind string `yaml:"kind" json:"kind" jsonschema:"required,enum=Partner"`
	// Id of the partner, also its prefix in the drops bucket.
	ID string `yaml:"id" json:"id" jsonschema:"required,pattern=^[a-z0-9-]{1\\,40}$"`
	// Name of the organisation.
	Name string `yaml:"name" json:"name,omitempty"`
	// What is there to know about it, in words.
	Description string `yaml:"description" json:"description,omitempty"`
	// What the partner may drop, and where.
	Drops []*DropRule `yaml:"drops" json:"drops,omitempty"`
	// What the exchange and the partner have signed.
	Agreements []*Agreement `yaml:"agreements" json:"agreements,omitempty"`
	// What the partner receives.
	Subscriptions []*Subscription `yaml:"subscriptions" json:"subscriptions,omitempty"`
	// The key of the partner's tokens, where it brings its own.
	Keys PartnerKeys `yaml:"keys" json:"keys,omitzero"`
	// Who may have the values behind tokens, and which.
	Reveal []*Grant `yaml:"reveal" json:"reveal,omitempty"`
	// How the partner reaches a deployment. Terraform reads it, the functions do not.
	Access Access `yaml:"access" json:"access,omitzero"`

	source source
}

// DropRule lets a partner drop data of one contract below one path.
type DropRule struct {
	// Id or name of a contract.
	Contract string `yaml:"contract" json:"contract" jsonschema:"required,minLength=1"`
	// Version of the contract: ^1, ~1.2, 1.x or an exact one. Default: the active one.
	Version Range `yaml:"version" json:"version,omitempty"`
	// Schema object of the contract; may be left out where there is one.
	Object string `yaml:"object" json:"object,omitempty" jsonschema:"minLength=1"`
	// Glob below the partner's prefix: * and ? within a segment, ** for any number of segments. Default: all below a folder with the name of contract.
	Path Glob `yaml:"path" json:"path,omitempty" jsonschema:"minLength=1"`

	resolved *Contract
}

// Resolved is the version of the contract that drops are held to. The bundle has
// passed its checks: it is never nil.
func (d *DropRule) Resolved() *Contract { return d.resolved }

// Glob is the path pattern of the rule, its default filled in.
func (d *DropRule) Glob() Glob {
	if d.Path == "" {
		return Glob(d.Contract + "/**")
	}
	return d.Path
}

// Subscription is one partner's entitlement to one object of one contract.
type Subscription struct {
	// Id of the subscription, unique in the exchange.
	ID string `yaml:"id" json:"id" jsonschema:"required,pattern=^[a-z0-9-]{1\\,60}$"`
	// Id or name of a contract.
	Contract string `yaml:"contract" json:"contract" jsonschema:"required,minLength=1"`
	// Version of the contract: ^1, ~1.2, 1.x or an exact one. Default: the one that is dropped.
	Version Range `yaml:"version" json:"version,omitempty"`
	// Schema object of the contract; may be left out where there is one.
	Object string `yaml:"object" json:"object,omitempty" jsonschema:"minLength=1"`
	// What the partner uses the data for.
	Purpose string `yaml:"purpose" json:"purpose" jsonschema:"required,minLength=1"`
	// On what ground the partner may have the data, such as contract or consent.
	LegalBasis string `yaml:"legalBasis" json:"legalBasis" jsonschema:"required,minLength=1"`
	// Ids of the partner's agreements that it stands on: when one of them ends, nothing is sent any more.
	Agreements []string `yaml:"agreements" json:"agreements,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// CEL expression over the raw values of a row: only rows for which it is true are sent. Default: all rows.
	Filter string `yaml:"filter" json:"filter,omitempty" jsonschema:"minLength=1"`
	// Top-level fields that are sent. Default: all that the profile lets through.
	Columns []string `yaml:"columns" json:"columns,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Id of the masking profile. Without one only public and internal fields are sent.
	Profile string `yaml:"profile" json:"profile,omitempty" jsonschema:"minLength=1"`
	// Where tokens are comparable: subscriptions of one domain get the same token for the same value. Default: the partner's id.
	TokenDomain string `yaml:"tokenDomain" json:"tokenDomain,omitempty" jsonschema:"pattern=^[a-z0-9-]{1\\,60}$"`
	// Rows leave only where enough of a drop are alike in what could tell a person from others.
	KAnonymity *KAnonymity `yaml:"kAnonymity" json:"kAnonymity,omitempty"`
	// Last day (UTC, the day itself still counts) or RFC 3339 instant until which the subscription stands.
	Expires Expiry `yaml:"expires" json:"expires,omitzero"`
	// Whether the subscription was withdrawn.
	Revoked bool `yaml:"revoked" json:"revoked,omitempty"`
	// Where the data goes.
	Destination Destination `yaml:"destination" json:"destination" jsonschema:"required"`

	owner      *Partner
	resolved   *Contract
	agreements []*Agreement
}

// Partner is who receives.
func (s *Subscription) Partner() *Partner { return s.owner }

// Resolved is the version of the contract that the subscription is to. The
// bundle has passed its checks: it is never nil.
func (s *Subscription) Resolved() *Contract { return s.resolved }

// Domain is the token domain, its default filled in.
func (s *Subscription) Domain() string {
	if s.TokenDomain == "" && s.owner != nil {
		return s.owner.ID
	}
	return s.TokenDomain
}

// Standing is nil while the subscription entitles its partner at the given
// time, and otherwise a Denied fault with the code "subscription-revoked" or
// "subscription-expired", CodeAgreementExpired if an agreement that it stands on has
// ended, or CodeSunset if its contract has.
func (s *Subscription) Standing(at time.Time) error {
	where := fault.Where{Subscription: s.ID}
	if s.owner != nil {
		where.Partner = s.owner.ID
	}
	switch {
	case s.Revoked:
		return &fault.Error{Kind: fault.Denied, Code: "subscription-revoked", Where: where,
			Msg: "the subscription was revoked", Do: "nothing is sent to this partner; to resume, set revoked: false and publish the exchange"}
	case !s.Expires.IsZero() && !at.Before(s.Expires.Instant()):
		return &fault.Error{Kind: fault.Denied, Code: "subscription-expired", Where: where,
			Msg: "the subscription expired on " + s.Expires.String(), Do: "to renew it, set a later expires: and publish the exchange"}
	}
	if err := agreed(s.agreements, at, where); err != nil {
		return err
	}
	if s.resolved != nil {
		if f := s.resolved.ended(at); f != nil {
			return f.At(where)
		}
	}
	return nil
}

// KAnonymity keeps back the rows of a drop that too few others are like (Samarati and
// Sweeney, 1998). Rows are compared as they leave.
type KAnonymity struct {
	// How many rows of a drop must be alike, at least.
	K int `yaml:"k" json:"k" jsonschema:"required,minimum=2,maximum=10000"`
	// Paths of the fields by which they must be, as they leave.
	QuasiIdentifiers []string `yaml:"quasiIdentifiers" json:"quasiIdentifiers" jsonschema:"required,minItems=1,maxItems=32,uniqueItems=true"`
}

// Destination is where a subscription's data goes, and how.
type Destination struct {
	// Bucket or topic URL, such as file://./outbox/acme.
	URL string `yaml:"url" json:"url" jsonschema:"required,pattern=^[a-z][a-z0-9+.-]*:"`
	// What a topic gets: rows (one event per row) or segments (one reference per segment).
	Send string `yaml:"send" json:"send,omitempty" jsonschema:"enum=rows,enum=segments"`
	// Bucket URL where the segments lie that a topic gets references to.
	Bucket string `yaml:"bucket" json:"bucket,omitempty" jsonschema:"pattern=^[a-z][a-z0-9+.-]*:"`
	// How rows are written. Default: as they were dropped.
	Format record.Codec `yaml:"format" json:"format,omitempty" jsonschema:"enum=csv,enum=ndjson,enum=json,enum=parquet,enum=avro"`
	// How long a destination that fails is tried again. Default: 24h.
	RetryFor Duration `yaml:"retryFor" json:"retryFor,omitempty"`
}

// What a topic gets (Destination.Send).
const (
	SendRows     = "rows"
	SendSegments = "segments"
)

// Patience is how long a destination that fails is tried again, the default
// filled in.
func (d *Destination) Patience() time.Duration {
	if d.RetryFor == 0 {
		return 24 * time.Hour
	}
	return time.Duration(d.RetryFor)
}

// Profile is one document of profiles/: named masking rules. The most specific
// rule wins: a path before a tag before a classification before what is detected; of
// several of one kind the first.
type Profile struct {
	// Version of this document's form.
	APIVersion string `yaml:"apiVersion" json:"apiVersion" jsonschema:"required,enum=sallyport.io/v1"`
	// What this document is.
	Kind string `yaml:"kind" json:"kind" jsonschema:"required,enum=Profile"`
	// Id of the profile.
	ID string `yaml:"id" json:"id" jsonschema:"required,pattern=^[a-z0-9-]{1\\,60}$"`
	// What the profile is for, in words.
	Description string `yaml:"description" json:"description,omitempty"`
	// Its rules.
	Rules []Rule `yaml:"rules" json:"rules" jsonschema:"required,minItems=1"`

	source source
}

// Rule names fields, by exactly one of path, tag, classification and detect, and
// either what is done to them or which rows do not leave because of them.
type Rule struct {
	// Field path: "." for members, "[]" for items. Covers what is inside.
	Path string `yaml:"path" json:"path,omitempty" jsonschema:"minLength=1"`
	// Tag of a field, or of one that holds it.
	Tag string `yaml:"tag" json:"tag,omitempty" jsonschema:"minLength=1"`
	// Classification of a field, or of one that holds it, in any case.
	Classification string `yaml:"classification" json:"classification,omitempty" jsonschema:"minLength=1"`
	// Fields that are of a type by their contract: by logicalTypeOptions.format, by a tag, or because all of their examples are. What rows hold does not count.
	Detect string `yaml:"detect" json:"detect,omitempty" jsonschema:"enum=EMAIL_ADDRESS,enum=IBAN_CODE,enum=CREDIT_CARD,enum=US_SSN,enum=PHONE_NUMBER,enum=IP_ADDRESS,enum=URL,enum=UK_NHS,enum=UK_NINO,enum=ES_NIF,enum=ES_NIE,enum=IT_FISCAL_CODE,enum=FR_NIR,enum=BE_NATIONAL_NUMBER,enum=BR_CPF,enum=DE_TAX_ID,enum=IN_AADHAAR,enum=NL_BSN,enum=PL_PESEL,enum=SE_PERSONNUMMER"`
	// What is done to the fields.
	Transform transform.Spec `yaml:"transform" json:"transform,omitzero"`
	// Rows in which one of the fields matches do not leave. What becomes of the fields in other rows the other rules say. All rules with dropRow hold, not only the most specific.
	DropRow transform.Match `yaml:"dropRow" json:"dropRow,omitzero"`
}

// DropsRows tells whether the rule is one with dropRow.
func (r Rule) DropsRows() bool { return r.DropRow != transform.Match{} }

func (r Rule) String() string {
	switch {
	case r.Path != "":
		return "path " + r.Path
	case r.Tag != "":
		return "tag " + r.Tag
	case r.Detect != "":
		return "detect " + r.Detect
	}
	return "classification " + r.Classification
}

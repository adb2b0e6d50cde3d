package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// View is what one or more subscriptions see of an object of a contract. Two
// subscriptions that see the same share a view.
type View struct {
	// ID is derived from everything that decides what the view shows: a change
	// to any of it makes another view.
	ID string
	// Contract is the version that the view's subscriptions are to.
	Contract *exchange.Contract
	// Schema and Compiled are those of the contract's object.
	Schema   *record.Schema
	Compiled *contract.Compiled
	// Filter lets rows through; nil lets all.
	Filter *Filter
	// Fields has a rule for every field of the schema, by field id.
	Fields []FieldRule
	// RowRules keep rows from leaving by what is in them.
	RowRules []RowRule
	// KAnonymity keeps rows from leaving that too few others of a drop are like; nil:
	// it does not.
	KAnonymity *KAnonymity
	// Guard watches what leaves in the clear.
	Guard Guard
	// TokenDomain is where the view's tokens are comparable, "" if it has none.
	TokenDomain string
	// KeyHolder is the partner whose own key makes the view's tokens, "" if it is
	// the exchange's, or no key is needed.
	KeyHolder string
	// Subscriptions that see this, by id, whether or not they stand.
	Subscriptions []*exchange.Subscription
}

// Standing are the view's subscriptions that stand at a time.
func (v *View) Standing(at time.Time) []*exchange.Subscription {
	var standing []*exchange.Subscription
	for _, s := range v.Subscriptions {
		if s.Standing(at) == nil {
			standing = append(standing, s)
		}
	}
	return standing
}

// identify is the id of the view: 128 bits of the digest of all that decides
// what it shows, in hex.
func (v *View) identify(doc *exchange.Contract, object string) (string, error) {
	type field struct {
		Path      string
		Op        record.Op
		Transform any `json:",omitempty"`
	}
	type dropped struct {
		Path  string
		Match transform.Match
	}
	shown := struct {
		Contract, Object, Filter, TokenDomain string
		KeyHolder                             string `json:",omitempty"`
		Fields                                []field
		DropRow                               []dropped   `json:",omitempty"`
		KAnonymity                            *KAnonymity `json:",omitempty"`
	}{Contract: doc.Digest(), Object: object, TokenDomain: v.TokenDomain, KeyHolder: v.KeyHolder, KAnonymity: v.KAnonymity}
	if v.Filter != nil {
		shown.Filter = v.Filter.String()
	}
	for id, rule := range v.Fields {
		f := field{Path: v.Schema.Fields[id].Path, Op: rule.Op}
		if rule.Op == record.Replace {
			f.Transform = rule.Transform
		}
		shown.Fields = append(shown.Fields, f)
	}
	for _, rule := range v.RowRules {
		shown.DropRow = append(shown.DropRow, dropped{v.Schema.Fields[rule.Field].Path, rule.Match})
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "view-id", err, "cannot identify a view")
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

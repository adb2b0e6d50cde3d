// Package reveal gives back the values behind tokens, to those whom the exchange
// grants it: a batch of tokens in, values out.
//
// Grants stand in the partners' files; those of the newest exchange count, and the
// clock. Only tokens of aes-siv and aes-gcm can be revealed, and only in the token
// domain of the grant.
//
// Every request becomes an event, the refused ones included, which is published
// before the answer is sent: what cannot be recorded is not revealed. An event says
// who asked for what, and how many tokens were revealed; never a value, nor a token.
//
// The function opens published exchanges and the key ring, and no bucket with
// anybody's rows.
//
// Tokens that were made with the key of a data subject need that key, too. It is
// looked up anew for each request: once a subject was erased nothing of it is revealed.
package reveal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// Source is the source attribute of the events that reveal makes.
const Source = "/sallyport/reveal"

// The codes of refusals of a caller who has shown who it is. See also those of
// exchange.Grant.Standing.
const (
	CodeOtherContract = "grant-contract"   // Denied: the grant is for another contract
	CodeOtherField    = "grant-field"      // Denied: it does not name the field
	CodeOtherPurpose  = "grant-purpose"    // Denied: it is for another purpose
	CodeTooFast       = "too-fast"         // Retry: more tokens in a minute than the grant allows
	CodeTooManyAtOnce = "too-many"         // Denied: more tokens than the grant allows in a minute
	CodeUnrecorded    = "unrecorded"       // Retry: the request could not be recorded
	CodeNoSubjects    = "subjects-missing" // Retry: a token is of a data subject, and reveal was given no bucket with their keys
)

// Config says where reveal reads. It names no bucket with rows.
type Config struct {
	Exchange string `env:"EXCHANGE,required"` // bucket URL: published exchange bundles; read only
	Keys     string `env:"KEYS,required"`     // key ring URL, see keys.Open
	Subjects string `env:"SUBJECTS"`          // bucket URL: keys of data subjects, see keys.Subjects; read only; "": their tokens are not revealed
	// Buckets opens the URLs of buckets; nil: blob.DefaultURLMux().
	Buckets *blob.URLMux `env:"-"`
	// Transport reaches the issuers of callers' tokens; nil: http.DefaultTransport.
	Transport http.RoundTripper `env:"-"`
	// Now is the clock; nil: time.Now.
	Now func() time.Time `env:"-"`
}

// Function is the reveal function. Any number of goroutines, and of copies in any
// number of processes, may use it at once. Rates are counted in each by itself.
type Function struct {
	config    *blob.Bucket
	exchanges *exchange.Repository
	policies  *policy.Cache
	ring      *keys.Ring
	secrets   *blob.Bucket   // of data subjects; nil: none
	subjects  *keys.Subjects // nil: none
	issuers   *issuers
	rates     *rates
	now       func() time.Time
}

// Publish hands on events and returns when they are stored for those who
// subscribe.
type Publish = func(ctx context.Context, events []event.Event) error

// Open opens the bucket and the key ring of cfg. Issuers are asked when they are
// needed.
func Open(ctx context.Context, cfg Config) (*Function, error) {
	ring, err := keys.Open(ctx, cfg.Keys)
	if err != nil {
		return nil, err
	}
	b, err := store.Open(ctx, cfg.Buckets, cfg.Exchange)
	if err != nil {
		return nil, errors.Join(err, ring.Close())
	}
	f := &Function{config: b[0], ring: ring, now: cfg.Now}
	if f.now == nil {
		f.now = time.Now
	}
	f.exchanges = exchange.Open(f.config)
	f.policies = policy.NewCache(f.exchanges)
	f.issuers = newIssuers(cfg.Transport, f.now)
	f.rates = newRates()
	if cfg.Subjects != "" {
		b, err := store.Open(ctx, cfg.Buckets, cfg.Subjects)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		f.secrets, f.subjects = b[0], keys.NewSubjects(b[0], ring)
	}
	return f, nil
}

// Close closes the buckets and the key ring. No request may be under way.
func (f *Function) Close() error {
	var err error
	if f.subjects != nil {
		f.subjects.Close()
		err = f.secrets.Close()
	}
	return errors.Join(err, f.config.Close(), f.ring.Close())
}

// Answer is what a caller gets.
type Answer struct {
	ID    string // of the event that records the request
	Items []Item // by token, in the order of the request
}

// Item is the value behind one token. Why there is none is not told: whoever tries
// tokens should not learn from it.
type Item struct {
	Value    []byte
	Revealed bool
}

// Reveal answers a request whose caller somebody else has authenticated: caller
// names it in the record. All else is as for a request by HTTP. An error is a
// fault, recorded as well; the ID of the answer is that of the record, "" if there
// is none.
func (f *Function) Reveal(ctx context.Context, caller string, r Request, publish Publish) (Answer, error) {
	return f.answer(ctx, r, nil, func(context.Context, *exchange.Grant) (string, error) { return caller, nil }, publish)
}

// inquiry is a request on its way, and what its record will say.
type inquiry struct {
	bundle *exchange.Bundle // nil: none could be had
	data   event.Reveal
}

// authenticate says who asks, or why it may not. It is given the grant that the
// request names, nil if there is none.
type authenticate func(ctx context.Context, g *exchange.Grant) (caller string, err error)

// answer does all that there is to a request. unread is why it could not be read.
func (f *Function) answer(ctx context.Context, r Request, unread error, who authenticate, publish Publish) (Answer, error) {
	q := &inquiry{data: event.Reveal{Tokens: len(r.Tokens)}}
	items, err := []Item(nil), unread
	if err == nil {
		items, err = f.reveal(ctx, q, r, who)
	}
	id, unrecorded := f.record(ctx, q, err, publish)
	switch {
	case unrecorded != nil:
		return Answer{ID: id}, unrecorded
	case err != nil:
		return Answer{ID: id}, err
	}
	return Answer{ID: id, Items: items}, nil
}

// reveal checks a request against its grant and looks behind its tokens.
func (f *Function) reveal(ctx context.Context, q *inquiry, r Request, who authenticate) ([]Item, error) {
	p, err := f.policies.Newest(ctx)
	if err != nil {
		return nil, err
	}
	q.bundle = p.Bundle()
	g := q.bundle.Grant(r.Grant)
	caller, err := who(ctx, g)
	if err == nil && g == nil {
		err = unknownGrant()
	}
	if g != nil { // what it says is known, whoever asks
		q.data.Grant, q.data.Partner, q.data.Contract, q.data.Object = g.ID, g.Partner().ID, g.ContractID(), g.ObjectName()
		q.data.Purpose, q.data.LegalBasis = g.Purpose, g.LegalBasis
		if slices.Contains(g.Fields, r.Field) {
			q.data.Field = r.Field
		}
	}
	if err != nil {
		return nil, err
	}
	q.data.Caller = caller
	now := f.now()
	if err := allowed(g, r, now); err != nil {
		return nil, err
	}
	if err := f.rates.take(q.bundle, g, len(r.Tokens), now); err != nil {
		return nil, err
	}
	scopes := [][]string{keys.FieldScope(g.ContractID(), g.ObjectName(), r.Field), keys.ContractScope(g.ContractID()), nil}
	items, err := f.open(ctx, q.bundle.KeyHolder(g.Domain()), g.Domain(), scopes, r.Tokens, q)
	if err != nil { // of some tokens it may have been known already
		q.data.Revealed, q.data.Refused = 0, nil
		return nil, err
	}
	return items, nil
}

// allowed holds a request to its grant.
func allowed(g *exchange.Grant, r Request, now time.Time) error {
	if err := g.Standing(now); err != nil {
		return err
	}
	refuse := func(code, msg string) error {
		return fault.New(fault.Denied, code, msg, "look at the grant in the exchange folder")
	}
	switch {
	case r.Contract != g.Contract && r.Contract != g.ContractID():
		return refuse(CodeOtherContract, "the grant is for another contract")
	case !slices.Contains(g.Fields, r.Field):
		return refuse(CodeOtherField, "the grant is for other fields")
	case r.Purpose != g.Purpose:
		return refuse(CodeOtherPurpose, "the grant is for another purpose")
	}
	return nil
}

// open looks behind tokens of a domain, and counts them. holder is the partner that
// has brought a key of its own for them, "" if none has; tokens from before that are
// the exchange's, and are revealed as well. scopes are the parts of the domain that
// they may be of: a token does not say. The fault is Retry: the key ring or the
// partner's key service does not answer; or Denied: the partner's refuses.
func (f *Function) open(ctx context.Context, holder, domain string, scopes [][]string, tokens []string, q *inquiry) ([]Item, error) {
	known := map[int][]keys.TokenKey{} // by version: of all that may have made a token
	keysOf := func(number int) ([]keys.TokenKey, error) {
		if all, asked := known[number]; asked {
			return all, nil
		}
		var all []keys.TokenKey
		for _, h := range slices.Compact([]string{holder, ""}) {
			whole, err := f.ring.VersionTokenKey(h, domain, number)
			if fault.CodeOf(err) == keys.CodeNoVersion {
				continue
			}
			for _, scope := range scopes {
				if err != nil {
					return nil, err
				}
				var part keys.TokenKey
				part, err = whole.Within(scope...)
				all = append(all, part)
			}
			if err != nil {
				return nil, err
			}
		}
		known[number] = all
		return all, nil
	}
	look := subjects{from: f.subjects, known: map[keys.SubjectRef]looked{}}
	items := make([]Item, len(tokens))
	for i, token := range tokens {
		number, ok := transform.TokenVersion([]byte(token))
		if !ok {
			q.refuse("form")
			continue
		}
		all, err := keysOf(number)
		if err != nil {
			return nil, err
		}
		why := "key"
		for _, key := range all {
			value, refused, err := look.value(ctx, token, key)
			if err != nil {
				return nil, err
			}
			if why = refused; why == "" {
				items[i] = Item{Value: value, Revealed: true}
			}
			if why == "" || why == erased {
				break
			}
		}
		if !items[i].Revealed {
			q.refuse(why)
			continue
		}
		q.data.Revealed++
	}
	return items, nil
}

// refuse counts a token that is not revealed.
func (q *inquiry) refuse(why string) {
	if q.data.Refused == nil {
		q.data.Refused = map[string]int{}
	}
	q.data.Refused[why]++
}

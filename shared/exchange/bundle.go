package exchange

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// DefaultSegment is the size of a landing segment where exchange.yaml says none.
const DefaultSegment Size = 64 << 20

// Bundle is a whole exchange that has passed its checks, as one document under
// one digest. It does not change; any number of goroutines may use it. What it
// hands out must not be changed either.
type Bundle struct {
	exchange   *Exchange
	contracts  []*Contract // all lists are sorted by id, contracts then by version
	partners   []*Partner
	profiles   []*Profile
	migrations []*Migration // by compareMigrations

	subscriptions map[string]*Subscription
	grants        map[string]*Grant
	encoded       []byte
	digest        string
}

// Contract is one document of contracts/: one version of a contract.
type Contract struct {
	ID      string
	Name    string
	Version string
	// Text is the document as it was written.
	Text string
	// Doc is the document as it was parsed.
	Doc *contract.Contract

	file    string
	several bool // there are other versions of the contract
}

// String names the contract, and its version where there are others.
func (c *Contract) String() string {
	if c.several {
		return c.ID + " version " + c.Version
	}
	return c.ID
}

// Digest is the digest of the contract's text.
func (c *Contract) Digest() string { return digest([]byte(c.Text)) }

// Problem says what is wrong at a path of the document.
func (c *Contract) Problem(path, message, hint string) yamldoc.Problem {
	return c.Doc.Problem(path, message, hint)
}

// Problem says what is wrong at a path of the document, such as
// "drops[1].contract": with line and column if the bundle was loaded from its
// folder.
func (p *Partner) Problem(path, message, hint string) yamldoc.Problem {
	return p.source.problem(path, message, hint)
}

// Problem says what is wrong at a path of the subscription, such as "filter".
func (s *Subscription) Problem(path, message, hint string) yamldoc.Problem {
	at := "subscriptions"
	if i := slices.Index(s.owner.Subscriptions, s); i >= 0 {
		at = fmt.Sprintf("subscriptions[%d]", i)
	}
	if path != "" {
		at += "." + path
	}
	return s.owner.source.problem(at, message, hint)
}

// Problem says what is wrong at a path of the document, such as
// "rules[0].transform".
func (p *Profile) Problem(path, message, hint string) yamldoc.Problem {
	return p.source.problem(path, message, hint)
}

// source is where a document was read. A document that comes out of a decoded
// bundle has no lines, because nobody edits it there.
type source struct {
	file string
	doc  *yamldoc.Document
}

func (s source) problem(path, message, hint string) yamldoc.Problem {
	if s.doc == nil {
		return yamldoc.Problem{File: s.file, Path: path, Message: message, Hint: hint}
	}
	return s.doc.Problem(path, message, hint)
}

// Name of the deployment.
func (b *Bundle) Name() string { return b.exchange.Name }

// Limits are the bounds of the exchange, defaults filled in.
func (b *Bundle) Limits() Limits { return b.exchange.Limits.WithDefaults() }

// LeakGuard is what the leak guard does: GuardBlock, GuardWarn, GuardOff, or "" for
// what suits each contract.
func (b *Bundle) LeakGuard() string { return b.exchange.LeakGuard }

// SegmentSize is the size of a landing segment in bytes.
func (b *Bundle) SegmentSize() int64 {
	return int64(cmp.Or(b.exchange.Segment.Size, DefaultSegment))
}

// Contracts are all versions of all contracts, by id and version.
func (b *Bundle) Contracts() []*Contract { return b.contracts }

// Partners are all partners, by id.
func (b *Bundle) Partners() []*Partner { return b.partners }

// Profiles are all profiles, by id.
func (b *Bundle) Profiles() []*Profile { return b.profiles }

// Migrations are all migrations, by contract.
func (b *Bundle) Migrations() []*Migration { return b.migrations }

// Partner is the partner with the id, or nil.
func (b *Bundle) Partner(id string) *Partner {
	return find(b.partners, id, func(p *Partner) string { return p.ID })
}

// Profile is the profile with the id, or nil.
func (b *Bundle) Profile(id string) *Profile {
	return find(b.profiles, id, func(p *Profile) string { return p.ID })
}

// Subscription is the subscription with the id, or nil. It knows its partner.
func (b *Bundle) Subscription(id string) *Subscription { return b.subscriptions[id] }

// Grants are all grants, by id.
func (b *Bundle) Grants() []*Grant {
	return slices.SortedFunc(maps.Values(b.grants), func(x, y *Grant) int { return cmp.Compare(x.ID, y.ID) })
}

// Grant is the grant with the id, or nil. It knows its partner.
func (b *Bundle) Grant(id string) *Grant { return b.grants[id] }

// Contract is the contract with the id, or else the one with the name, or nil. Of
// several versions it is the active one, and of several of those the highest.
// What a partner's file means says DropRule.Resolved and Subscription.Resolved.
func (b *Bundle) Contract(idOrName string) *Contract {
	if all := best(b.Versions(idOrName)); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// Versions are the versions of the contract with the id, or else of the one with
// the name, from the lowest to the highest.
func (b *Bundle) Versions(idOrName string) []*Contract {
	from, there := slices.BinarySearchFunc(b.contracts, idOrName, func(c *Contract, id string) int { return cmp.Compare(c.ID, id) })
	if !there {
		i := slices.IndexFunc(b.contracts, func(c *Contract) bool { return c.Name == idOrName && c.ID != idOrName })
		if i < 0 {
			return nil
		}
		return b.Versions(b.contracts[i].ID)
	}
	past := from
	for past < len(b.contracts) && b.contracts[past].ID == idOrName {
		past++
	}
	return b.contracts[from:past:past]
}

// Version is the version of a contract that an event names, or nil. Events of
// times when contracts had one version name none: then it is that of Contract.
func (b *Bundle) Version(id, version string) *Contract {
	all := b.Versions(id)
	if version == "" {
		return b.Contract(id)
	}
	if i := slices.IndexFunc(all, func(c *Contract) bool { return c.Version == version }); i >= 0 {
		return all[i]
	}
	return nil
}

func find[T any](sorted []*T, id string, of func(*T) string) *T {
	if i, ok := slices.BinarySearchFunc(sorted, id, func(v *T, id string) int { return cmp.Compare(of(v), id) }); ok {
		return sorted[i]
	}
	return nil
}

// Digest identifies the bundle: "sha256:" and the hex digest of its encoding.
func (b *Bundle) Digest() string { return b.digest }

// Encode is the bundle as its canonical JSON document. The same folder yields
// the same bytes, whatever its files are called and in whatever order partners
// and subscriptions stand in them. The caller must not change them.
func (b *Bundle) Encode() []byte { return b.encoded }

// document is the form of an encoded bundle.
type document struct {
	Format     string         `json:"format"`
	Exchange   *Exchange      `json:"exchange"`
	Contracts  []contractText `json:"contracts"`
	Partners   []*Partner     `json:"partners"`
	Profiles   []*Profile     `json:"profiles"`
	Migrations []*Migration   `json:"migrations,omitempty"`
}

type contractText struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// bundleFormat names the form of an encoded bundle. A reader refuses others.
const bundleFormat = "sallyport.io/bundle/v1"

// seal sorts the bundle, indexes it and gives it its encoding.
func (b *Bundle) seal() error {
	b.index()
	doc := document{Format: bundleFormat, Exchange: b.exchange, Profiles: b.profiles, Migrations: b.migrations}
	for _, c := range b.contracts {
		doc.Contracts = append(doc.Contracts, contractText{ID: c.ID, Text: c.Text})
	}
	for _, p := range b.partners {
		sorted := *p // the order in the file is what positions go by
		sorted.Subscriptions = slices.Clone(p.Subscriptions)
		slices.SortFunc(sorted.Subscriptions, func(x, y *Subscription) int { return cmp.Compare(x.ID, y.ID) })
		sorted.Reveal = slices.Clone(p.Reveal)
		slices.SortFunc(sorted.Reveal, func(x, y *Grant) int { return cmp.Compare(x.ID, y.ID) })
		doc.Partners = append(doc.Partners, &sorted)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return fault.Wrap(fault.Invalid, "bundle-encode", err, "cannot encode the exchange")
	}
	b.encoded, b.digest = out.Bytes(), digest(out.Bytes())
	return nil
}

func (b *Bundle) index() {
	b.sortContracts()
	slices.SortFunc(b.partners, func(x, y *Partner) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortFunc(b.profiles, func(x, y *Profile) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortFunc(b.migrations, compareMigrations)
	b.subscriptions, b.grants = make(map[string]*Subscription), make(map[string]*Grant)
	for _, p := range b.partners {
		for _, s := range p.Subscriptions {
			s.owner = p
			b.subscriptions[s.ID] = s
		}
		for _, g := range p.Reveal {
			b.grants[g.ID] = g
		}
	}
}

func (b *Bundle) sortContracts() {
	slices.SortStableFunc(b.contracts, func(x, y *Contract) int {
		return cmp.Or(cmp.Compare(x.ID, y.ID), compareVersions(x.Version, y.Version))
	})
}

// Decode reads what Encode wrote. A document that is not a bundle of this
// version, or that would not pass the checks of Load, is a Poison fault with
// the code "bundle-decode".
func Decode(data []byte) (*Bundle, error) {
	var doc document
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, undecodable(err)
	}
	if doc.Format != bundleFormat || doc.Exchange == nil {
		return nil, undecodable(fmt.Errorf("its format is %q, this version reads %q", doc.Format, bundleFormat))
	}
	b := &Bundle{exchange: doc.Exchange, encoded: data, digest: digest(data)}
	b.exchange.source.file = "exchange.yaml"
	for i, t := range doc.Contracts {
		file := "contracts/" + t.ID + ".odcs.yaml"
		if i > 0 && doc.Contracts[i-1].ID == t.ID { // another version
			file = fmt.Sprintf("contracts/%s.%d.odcs.yaml", t.ID, i)
		}
		c, err := contract.Parse(file, []byte(t.Text))
		if err != nil {
			return nil, undecodable(err)
		}
		b.contracts = append(b.contracts, newContract(c, t.Text, file))
	}
	for _, p := range doc.Partners {
		if p == nil {
			return nil, undecodable(fmt.Errorf("a partner is null"))
		}
		p.source.file = "partners/" + p.ID + ".yaml"
		b.partners = append(b.partners, p)
	}
	for _, p := range doc.Profiles {
		if p == nil {
			return nil, undecodable(fmt.Errorf("a profile is null"))
		}
		p.source.file = "profiles/" + p.ID + ".yaml"
		b.profiles = append(b.profiles, p)
	}
	for i, m := range doc.Migrations {
		if m == nil {
			return nil, undecodable(fmt.Errorf("a migration is null"))
		}
		m.source.file = fmt.Sprintf("migrations/%d.yaml", i+1)
		b.migrations = append(b.migrations, m)
	}
	if problems := check(b, false); len(problems) > 0 {
		return nil, undecodable(yamldoc.Problems(problems))
	}
	b.index()
	return b, nil
}

func undecodable(err error) error {
	return &fault.Error{Kind: fault.Poison, Code: "bundle-decode", Msg: "the exchange bundle cannot be decoded", Err: err,
		Do: "it was published by another version; publish the exchange again with this one"}
}

// digest is the digest of data in the form "sha256:<hex>".
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return digestPrefix + hex.EncodeToString(sum[:])
}

const digestPrefix = "sha256:"

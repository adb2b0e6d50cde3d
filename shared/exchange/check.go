package exchange

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// shortID is what names the exchange and partners, longID everything else.
var (
	shortID = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	longID  = regexp.MustCompile(`^[a-z0-9-]{1,60}$`)
)

// checker holds the documents of a bundle against each other.
type checker struct {
	b        *Bundle
	lenient  bool // a document could not be read: a reference may be to it
	problems []yamldoc.Problem
	places   map[string]string   // where objects are delivered: the subscription's id
	dropped  map[target]bool     // what partners may drop
	domains  map[string]tokenKey // by token domain
}

// target is an object of one version of a contract.
type target struct {
	contract *Contract
	object   string
}

// check answers everything that is wrong with documents that were read. If
// some could not be read, references that lead nowhere are passed over.
func check(b *Bundle, unread bool) []yamldoc.Problem {
	c := checker{b: b, lenient: unread, places: make(map[string]string), dropped: make(map[target]bool), domains: make(map[string]tokenKey)}
	if b.exchange != nil {
		c.exchange(b.exchange)
	}
	b.sortContracts()
	for i, k := range b.contracts {
		c.version(k, b.contracts[:i])
		c.problems = append(c.problems, k.deprecationProblems()...)
	}
	profiles := make(map[string]*Profile)
	for _, p := range b.profiles {
		if first := profiles[p.ID]; first != nil {
			c.add(p.Problem, "id", fmt.Sprintf("profile %q is there twice, also in %s", p.ID, first.source.file), "")
		}
		profiles[p.ID] = p
		c.profile(p)
	}
	partners := make(map[string]*Partner)
	subscriptions, grants := make(map[string]*Partner), make(map[string]*Partner)
	for _, p := range b.partners {
		if first := partners[p.ID]; first != nil {
			c.add(p.Problem, "id", fmt.Sprintf("partner %q is there twice, also in %s", p.ID, first.source.file), "")
		}
		partners[p.ID] = p
		c.partner(p)
	}
	for _, p := range b.partners { // once it is known what is dropped
		c.subscriptions(p, subscriptions)
		c.grants(p, grants)
	}
	for i, m := range b.migrations {
		c.migration(m, b.migrations[:i])
	}
	return c.problems
}

// problemAt makes a problem at a path of a document.
type problemAt func(path, message, hint string) yamldoc.Problem

func (c *checker) add(at problemAt, path, message, hint string) {
	c.problems = append(c.problems, at(path, message, hint))
}

func (c *checker) head(at problemAt, apiVersion, kind, want string) {
	if apiVersion != APIVersion {
		c.add(at, "apiVersion", fmt.Sprintf("apiVersion is %q", apiVersion), "this version reads "+APIVersion)
	}
	if kind != want {
		c.add(at, "kind", fmt.Sprintf("kind is %q", kind), "a document in this place is a "+want)
	}
}

func (c *checker) id(at problemAt, path, id string, form *regexp.Regexp) {
	if !form.MatchString(id) {
		c.add(at, path, fmt.Sprintf("%s %q does not have the form %s", path, id, form), "")
	}
}

func (c *checker) exchange(x *Exchange) {
	at := x.source.problem
	c.head(at, x.APIVersion, x.Kind, KindExchange)
	c.id(at, "name", x.Name, shortID)
	counts := []struct {
		path  string
		value int
	}{
		{"limits.ratio", x.Limits.Ratio}, {"limits.columns", x.Limits.Columns}, {"limits.nesting", x.Limits.Nesting},
		{"limits.report", x.Limits.Report},
	}
	for _, n := range counts {
		if n.value < 0 {
			c.add(at, n.path, n.path+" is negative", "leave it out for the default")
		}
	}
	switch x.LeakGuard {
	case "", GuardBlock, GuardWarn, GuardOff:
	default:
		c.add(at, "leakGuard", fmt.Sprintf("leakGuard cannot be %q", x.LeakGuard), "use block, warn or off")
	}
	c.requirements(at, x.Requirements)
	limits := x.Limits.WithDefaults()
	if limits.Row > maxRow {
		c.add(at, "limits.row", fmt.Sprintf("limits.row is %d bytes", limits.Row), "a row is held in memory: use at most 1GiB")
	}
	if limits.Columns > maxColumns {
		c.add(at, "limits.columns", fmt.Sprintf("limits.columns is %d", limits.Columns), fmt.Sprintf("use at most %d", maxColumns))
	}
	if limits.Decompressed < limits.Object {
		c.add(at, "limits.decompressed", "limits.decompressed is less than limits.object", "no drop could use what limits.object allows")
	}
}

const (
	maxRow     = 1 << 30
	maxColumns = 65535 // what a field's id has room for
)

func (c *checker) profile(p *Profile) {
	at := p.source.problem
	c.head(at, p.APIVersion, p.Kind, KindProfile)
	c.id(at, "id", p.ID, longID)
	if len(p.Rules) == 0 {
		c.add(at, "rules", "the profile has no rules", "leave the profile out of the subscriptions: then only public and internal fields leave")
	}
	for i, r := range p.Rules {
		where := fmt.Sprintf("rules[%d]", i)
		named := 0
		for _, s := range []string{r.Path, r.Tag, r.Classification} {
			if s != "" {
				named++
			}
		}
		if named != 1 {
			c.add(at, where, fmt.Sprintf("the rule has %d of path, tag and classification", named), "give it exactly one; write a rule for each")
		}
		switch {
		case r.DropsRows() && r.Transform != (transform.Spec{}):
			c.add(at, where, "the rule has both transform and dropRow", "write a rule for each")
		case r.Transform.Type == "" && !r.DropsRows():
			c.add(at, where, "the rule has no transform", "add transform: {type: ...}; type: drop lets nothing out")
		}
		for k := range i {
			if named == 1 && !r.DropsRows() && !p.Rules[k].DropsRows() && p.Rules[k].Path == r.Path && p.Rules[k].Tag == r.Tag && strings.EqualFold(p.Rules[k].Classification, r.Classification) {
				c.add(at, where, fmt.Sprintf("a rule for %s is there already, the first of them counts", r), "remove one")
				break
			}
		}
	}
}

// version holds a version of a contract against those before it.
func (c *checker) version(k *Contract, before []*Contract) {
	for _, other := range before {
		switch {
		case other.ID != k.ID:
			continue
		case sameVersion(other.Version, k.Version):
			c.add(k.Problem, "id", fmt.Sprintf("contract %q is there twice, also in %s", k.ID, other.file),
				"give each contract an id of its own, and each version of one its version")
		case k.rank() == 0 && other.rank() == 0 && major(other.Version) == major(k.Version):
			c.add(k.Problem, "status", fmt.Sprintf("contract %q has two active versions with the same first number, %s and %s in %s", k.ID, k.Version, other.Version, other.file),
				"let one be active: the others are deprecated or retired")
		}
		k.several, other.several = true, true
	}
}

func (c *checker) partner(p *Partner) {
	at := p.source.problem
	c.head(at, p.APIVersion, p.Kind, KindPartner)
	c.id(at, "id", p.ID, shortID)
	c.keeper(at, p.Keys.Keeper)
	c.access(at, p.Access)
	c.agreements(at, p)
	paths := make(map[Glob]target)
	for i, d := range p.Drops {
		if d == nil {
			c.add(at, fmt.Sprintf("drops[%d]", i), "the rule is empty", "")
			continue
		}
		field := func(name string) string { return fmt.Sprintf("drops[%d].%s", i, name) }
		k, object := c.object(at, field, reference{contract: d.Contract, version: d.Version, object: d.Object})
		if d.resolved = k; k != nil {
			c.dropped[target{k, object}] = true
		}
		if err := d.Glob().Check(); err != nil {
			c.add(at, field("path"), err.Error(), "")
			continue
		}
		if first, taken := paths[d.Glob()]; taken && k != nil && first != (target{k, object}) {
			c.add(at, field("path"), fmt.Sprintf("path %s is that of contract %s already: nobody could tell what a drop there is", d.Glob(), first.contract), "give each a path: of its own")
		} else if k != nil {
			paths[d.Glob()] = target{k, object}
		}
	}
}

func (c *checker) subscriptions(p *Partner, subscriptions map[string]*Partner) {
	at := p.source.problem
	for i, s := range p.Subscriptions {
		if s == nil {
			c.add(at, fmt.Sprintf("subscriptions[%d]", i), "the subscription is empty", "")
			continue
		}
		field := func(name string) string { return fmt.Sprintf("subscriptions[%d].%s", i, name) }
		c.subscription(at, field, s)
		c.domain(p, s, at, field("tokenDomain"))
		if first := subscriptions[s.ID]; first != nil {
			c.add(at, field("id"), fmt.Sprintf("subscription %q is there twice, also of partner %s", s.ID, first.ID), "give each subscription an id of its own in the exchange")
		}
		subscriptions[s.ID] = p
	}
}

func (c *checker) subscription(at problemAt, field func(string) string, s *Subscription) {
	if !longID.MatchString(s.ID) {
		c.add(at, field("id"), fmt.Sprintf("id %q does not have the form %s", s.ID, longID), "")
	}
	if strings.TrimSpace(s.Purpose) == "" {
		c.add(at, field("purpose"), "purpose is missing", "say what the partner uses the data for")
	}
	if strings.TrimSpace(s.LegalBasis) == "" {
		c.add(at, field("legalBasis"), "legalBasis is missing", "say on what ground the partner may have the data, such as contract or consent")
	}
	if s.TokenDomain != "" && !longID.MatchString(s.TokenDomain) {
		c.add(at, field("tokenDomain"), fmt.Sprintf("tokenDomain %q does not have the form %s", s.TokenDomain, longID), "")
	}
	if s.Profile != "" && !c.lenient && !slices.ContainsFunc(c.b.profiles, func(p *Profile) bool { return p.ID == s.Profile }) {
		var ids []string
		for _, p := range c.b.profiles {
			ids = append(ids, p.ID)
		}
		c.add(at, field("profile"), fmt.Sprintf("there is no profile %q", s.Profile), near(s.Profile, ids))
	}
	k, object := c.object(at, field, reference{contract: s.Contract, version: s.Version, object: s.Object, dropped: c.dropped})
	if s.resolved = k; k != nil {
		names := columns(k, object)
		for i, name := range s.Columns {
			switch where := fmt.Sprintf("%s[%d]", field("columns"), i); {
			case !slices.Contains(names, name):
				c.add(at, where, fmt.Sprintf("contract %s has no top-level field %q", k, name), near(name, names))
			case slices.Contains(s.Columns[:i], name):
				c.add(at, where, fmt.Sprintf("column %q is there twice", name), "")
			}
		}
	}
	if s.Columns != nil && len(s.Columns) == 0 {
		c.add(at, field("columns"), "columns is empty: nothing would leave", "leave it out for all that the profile lets through")
	}
	c.kAnonymity(at, field, s.KAnonymity)
	c.destination(at, field, s)
}

// kAnonymity checks the form; which fields there are the policy knows.
func (c *checker) kAnonymity(at problemAt, field func(string) string, a *KAnonymity) {
	if a == nil {
		return
	}
	if a.K < 2 || a.K > maxK {
		c.add(at, field("kAnonymity.k"), fmt.Sprintf("k is %d", a.K), fmt.Sprintf("it is how many rows must be alike: 2 to %d", maxK))
	}
	if n := len(a.QuasiIdentifiers); n == 0 || n > maxQuasiIdentifiers {
		c.add(at, field("kAnonymity.quasiIdentifiers"), fmt.Sprintf("there are %d quasi-identifiers", n), fmt.Sprintf("name 1 to %d fields that together could tell a person, such as age and postcode", maxQuasiIdentifiers))
	}
	for i, path := range a.QuasiIdentifiers {
		if slices.Contains(a.QuasiIdentifiers[:i], path) {
			c.add(at, fmt.Sprintf("%s[%d]", field("kAnonymity.quasiIdentifiers"), i), fmt.Sprintf("field %q is there twice", path), "")
		}
	}
}

const (
	maxK                = 10000
	maxQuasiIdentifiers = 32
)

// bucketSchemes are the URL schemes that are surely buckets: gocloud's.
var bucketSchemes = []string{"file", "s3", "gs", "azblob", "mem"}

// place is where a subscription's objects lie: bucket and contract; "" if it
// has none or that cannot be told.
func (s *Subscription) place() string {
	bucket := s.Destination.URL
	if s.Destination.Send == SendSegments {
		bucket = s.Destination.Bucket
	}
	if u, err := url.Parse(bucket); err != nil || !slices.Contains(bucketSchemes, u.Scheme) {
		return ""
	}
	return strings.TrimRight(bucket, "/") + " " + s.Contract
}

func (c *checker) destination(at problemAt, field func(string) string, s *Subscription) {
	d := &s.Destination
	c.url(at, field, "destination.url", d.URL)
	switch {
	case d.Send == SendSegments:
		c.url(at, field, "destination.bucket", d.Bucket)
	case d.Bucket != "":
		c.add(at, field("destination.bucket"), "destination.bucket is only for send: segments", "leave it out, or say send: segments")
	}
	if place := s.place(); place != "" {
		if first := c.places[place]; first != "" {
			c.add(at, field("destination.url"), fmt.Sprintf("subscription %s delivers the same contract to the same place", first), "give each subscription a folder or bucket of its own")
		}
		c.places[place] = s.ID
	}
	if d.Send != "" && d.Send != SendRows && d.Send != SendSegments {
		c.add(at, field("destination.send"), fmt.Sprintf("send is %q", d.Send), "use rows or segments")
	}
	switch d.Format {
	case "", record.CSV, record.NDJSON, record.JSON, record.Parquet, record.Avro:
	default:
		c.add(at, field("destination.format"), fmt.Sprintf("format is %q", d.Format), "use csv, ndjson, json, parquet or avro")
	}
}

func (c *checker) url(at problemAt, field func(string) string, name, text string) {
	switch u, err := url.Parse(text); {
	case text == "":
		c.add(at, field(name), name+" is missing", "give the URL of a bucket or topic, such as file://./outbox/acme")
	case err != nil:
		c.add(at, field(name), name+" is not a URL", "use something like file://./outbox/acme")
	case u.Scheme == "":
		c.add(at, field(name), fmt.Sprintf("%s %q has no scheme", name, text), "start it with what it is: file://, s3://, gs://, ...")
	case u.User != nil:
		c.add(at, field(name), name+" holds a user or password", "secrets do not belong into the exchange folder")
	}
}

// near words a guess at what was meant.
func near(word string, candidates []string) string {
	if n := yamldoc.Nearest(word, candidates); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	if len(candidates) == 0 {
		return "there are none"
	}
	return ""
}

func newContract(doc *contract.Contract, text, file string) *Contract {
	return &Contract{ID: doc.ID, Name: doc.Name, Version: doc.Version, Text: text, Doc: doc, file: file}
}

// Objects are the names of the contract's schema objects.
func (c *Contract) Objects() []string {
	var names []string
	for _, o := range c.Doc.Schema {
		names = append(names, o.Name)
	}
	return names
}

// OnlyObject is the name of the contract's schema object if it has one, and ""
// otherwise.
func (c *Contract) OnlyObject() string {
	if objects := c.Objects(); len(objects) == 1 {
		return objects[0]
	}
	return ""
}

// columns are the names of the top-level fields of an object of a contract.
func columns(c *Contract, object string) []string {
	var names []string
	for _, o := range c.Doc.Schema {
		if o.Name == object {
			for _, p := range o.Properties {
				names = append(names, p.Name)
			}
		}
	}
	return names
}

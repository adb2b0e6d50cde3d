package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/migration"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Compile compiles a bundle. If anything is wrong the error is
// yamldoc.Problems, with the places of all of it if the bundle was loaded from
// its folder.
func Compile(b *exchange.Bundle) (*Policy, error) {
	c := compiler{
		policy: &Policy{
			bundle:    b,
			contracts: make(map[objectKey]*contract.Compiled),
			drops:     make(map[string][]dropRule),
			views:     make(map[objectKey][]*View),
			leading:   make(map[objectKey][]lead),
		},
		envs:     make(map[objectKey]*filterEnv),
		profiles: make(map[string]*profileUse),
		steps:    make(map[objectKey][]step),
	}
	for _, partner := range b.Partners() {
		for i, d := range partner.Drops {
			if key, _, ok := c.object(d.Resolved(), d.Object, func(m, h string) yamldoc.Problem {
				return partner.Problem(fmt.Sprintf("drops[%d].contract", i), m, h)
			}); ok {
				c.policy.drops[partner.ID] = append(c.policy.drops[partner.ID], dropRule{d.Glob(), key})
			}
		}
		for _, s := range partner.Subscriptions {
			if err := c.subscribe(s); err != nil {
				return nil, err
			}
		}
	}
	for _, m := range b.Migrations() {
		c.migration(m)
	}
	c.chains()
	c.unusedPaths()
	if len(c.problems) == 0 { // else views are missing
		c.grants()
	}
	if len(c.problems) > 0 {
		return nil, yamldoc.Problems(c.problems)
	}
	for _, views := range c.policy.views {
		slices.SortFunc(views, func(a, b *View) int { return cmp.Compare(a.ID, b.ID) })
		for _, v := range views {
			slices.SortFunc(v.Subscriptions, func(a, b *exchange.Subscription) int { return cmp.Compare(a.ID, b.ID) })
		}
	}
	return c.policy, nil
}

// compiler gathers a policy and its problems.
type compiler struct {
	policy   *Policy
	envs     map[objectKey]*filterEnv
	profiles map[string]*profileUse
	problems []yamldoc.Problem
	failed   map[objectKey]bool
	steps    map[objectKey][]step // by the version that they lead from
}

// profileUse is what the subscriptions of a profile have made of its rules.
type profileUse struct {
	profile *exchange.Profile
	matched []bool   // per rule: its path names a field of a contract
	paths   []string // of all fields of all contracts
	told    map[string]bool
}

// object compiles an object of a contract, once. An object may be left out
// where a contract has one.
func (c *compiler) object(doc *exchange.Contract, object string, problem func(message, hint string) yamldoc.Problem) (objectKey, *contract.Compiled, bool) {
	if object == "" {
		object = doc.OnlyObject()
	}
	key := objectKey{doc, object}
	if compiled := c.policy.contracts[key]; compiled != nil {
		return key, compiled, true
	}
	if c.failed[key] {
		return key, nil, false
	}
	compiled, err := contract.Compile(doc.Doc, object)
	if err != nil {
		if c.failed == nil {
			c.failed = make(map[objectKey]bool)
		}
		c.failed[key] = true
		var problems yamldoc.Problems
		if errors.As(err, &problems) {
			c.problems = append(c.problems, problems...)
		} else {
			c.problems = append(c.problems, problem(err.Error(), ""))
		}
		return key, nil, false
	}
	c.policy.contracts[key] = compiled
	return key, compiled, true
}

// migration compiles a migration, and notes where it leads by itself.
func (c *compiler) migration(m *exchange.Migration) {
	old, next, object := m.Ends()
	problem := func(message, hint string) yamldoc.Problem { return m.Problem("contract", message, hint) }
	from, was, ok := c.object(old, object, problem)
	to, is, both := c.object(next, object, problem)
	if !ok || !both {
		return
	}
	compiled, err := migration.Compile(m, was, is)
	var problems yamldoc.Problems
	switch {
	case errors.As(err, &problems):
		c.problems = append(c.problems, problems...)
	case err != nil:
		c.problems = append(c.problems, m.Problem("steps", err.Error(), ""))
	default:
		versions := c.policy.bundle.Versions(old.ID)
		c.steps[from] = append(c.steps[from], step{to, m, compiled, slices.Index(versions, old) < slices.Index(versions, next)})
	}
}

// subscribe adds a subscription to the view that shows what it sees.
func (c *compiler) subscribe(s *exchange.Subscription) error {
	key, compiled, ok := c.object(s.Resolved(), s.Object, func(m, h string) yamldoc.Problem { return s.Problem("contract", m, h) })
	if !ok {
		return nil
	}
	before := len(c.problems)
	v := &View{Contract: key.doc, Schema: compiled.Schema, Compiled: compiled, Subscriptions: []*exchange.Subscription{s}}
	if strings.TrimSpace(s.Filter) != "" {
		env := c.envs[key]
		if env == nil {
			var err error
			if env, err = newFilterEnv(compiled.Schema, func(f int) bool { return hasFormat(compiled, f) }); err != nil {
				return fault.Wrap(fault.Invalid, "filter-environment", err, "no filters can be made for "+key.String())
			}
			c.envs[key] = env
		}
		filter, problems := env.compile(strings.TrimSpace(s.Filter), func(m, h string) yamldoc.Problem { return s.Problem("filter", m, h) })
		v.Filter, c.problems = filter, append(c.problems, problems...)
	}
	r := resolver{compiled: compiled, tags: key.doc.Doc.Object(key.object).Tags, schema: compiled.Schema,
		profile: c.policy.bundle.Profile(s.Profile), columns: s.Columns}
	fields, errs := r.fields()
	rowRules, more := r.rowRules()
	errs = append(errs, more...)
	c.use(r.profile, compiled.Schema)
	for _, e := range errs {
		c.ruleProblem(r.profile, key, e)
	}
	if len(c.problems) > before {
		return nil
	}
	v.Fields, v.RowRules, v.Guard = fields, rowRules, r.guard(c.policy.bundle.LeakGuard(), fields)
	columns := compiled.Schema.Columns()
	if !slices.ContainsFunc(columns, func(f int) bool { return fields[f].Op != record.Drop }) {
		c.problems = append(c.problems, s.Problem("", "nothing would leave: every field of "+key.String()+" drops",
			"name a profile with rules for its fields, or classify them in the contract"))
		return nil
	}
	v.KAnonymity = c.kAnonymity(v, s)
	c.needs(v, s)
	if slices.ContainsFunc(fields, func(f FieldRule) bool { return transform.Keyed(f.Transform) }) {
		v.TokenDomain, v.KeyHolder = s.Domain(), s.KeyHolder()
	}
	var err error
	if v.ID, err = v.identify(key.doc, key.object); err != nil {
		return err
	}
	for _, same := range c.policy.views[key] {
		if same.ID == v.ID {
			same.Subscriptions = append(same.Subscriptions, s)
			return nil
		}
	}
	c.policy.views[key] = append(c.policy.views[key], v)
	return nil
}

// hasFormat tells whether a contract gives a field a format of its own.
func hasFormat(c *contract.Compiled, field int) bool {
	p := c.Properties[field]
	return p != nil && p.LogicalTypeOptions.Format != ""
}

// use notes which paths of a profile's rules name a field of a schema.
func (c *compiler) use(p *exchange.Profile, s *record.Schema) {
	if p == nil {
		return
	}
	u := c.profiles[p.ID]
	if u == nil {
		u = &profileUse{profile: p, matched: make([]bool, len(p.Rules)), told: make(map[string]bool)}
		c.profiles[p.ID] = u
	}
	for i, rule := range p.Rules {
		u.matched[i] = u.matched[i] || s.Lookup(rule.Path) > 0
	}
	for _, f := range s.Fields[1:] {
		u.paths = append(u.paths, f.Path)
	}
}

// unusedPaths reports rules whose path names no field of any contract that
// their profile is used with: a misspelt rule protects nothing.
func (c *compiler) unusedPaths() {
	if len(c.failed) > 0 {
		return // a field of a contract that does not compile may be meant
	}
	for _, p := range c.policy.bundle.Profiles() {
		u := c.profiles[p.ID]
		if u == nil {
			continue
		}
		for i, rule := range p.Rules {
			if rule.Path == "" || u.matched[i] {
				continue
			}
			hint := ""
			if near := yamldoc.Nearest(rule.Path, u.paths); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			c.problems = append(c.problems, p.Problem(fmt.Sprintf("rules[%d].path", i),
				fmt.Sprintf("no contract that the profile is used with has a field %q", rule.Path), hint))
		}
	}
}

// ruleProblem reports a transform that does not go with a field: once for each
// thing that is wrong with a rule, naming the first field.
func (c *compiler) ruleProblem(p *exchange.Profile, key objectKey, e ruleError) {
	message, hint := e.err.Error(), ""
	var f *fault.Error
	if errors.As(e.err, &f) {
		message, hint = f.Msg, f.Do
	}
	u := c.profiles[p.ID]
	if id := fmt.Sprintf("%d %s", e.rule, message); !u.told[id] {
		u.told[id] = true
		part := "transform"
		if p.Rules[e.rule].DropsRows() {
			part = "dropRow"
		}
		c.problems = append(c.problems, p.Problem(fmt.Sprintf("rules[%d].%s", e.rule, part),
			fmt.Sprintf("field %s of %s: %s", e.path, key, message), hint))
	}
}

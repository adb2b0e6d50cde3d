package policy

import (
	"slices"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// RowRule is a rule of a profile that keeps rows from leaving, by one field.
type RowRule struct {
	Field int // of the view's schema, a scalar
	Rule  int // number in the profile
	Match transform.Match
}

// rowRules are the rules with dropRow of the profile, for each field that one of
// them names. A rule on what holds a field is one on the field. Columns that the
// subscription leaves out count as well, as they do in its filter.
func (r *resolver) rowRules() (rules []RowRule, errs []ruleError) {
	if r.profile == nil || !slices.ContainsFunc(r.profile.Rules, exchange.Rule.DropsRows) {
		return nil, nil
	}
	for field := 1; field < len(r.schema.Fields); field++ {
		if len(r.inside(field)) > 0 {
			continue
		}
		for _, i := range r.naming(field, true) {
			match := r.profile.Rules[i].DropRow
			if _, err := match.Compile(r.schema.Fields[field].Type); err != nil {
				errs = append(errs, ruleError{i, r.schema.Fields[field].Path, err})
				continue
			}
			rules = append(rules, RowRule{field, i, match})
		}
	}
	return rules, errs
}

// RowDropper tells which rows a view's RowRules keep from leaving. It is for one
// goroutine at a time.
type RowDropper struct {
	rules [][]*transform.Matcher // by field
	spare []byte
}

// RowDropper answers nil if the view has no rules that keep rows from leaving.
func (v *View) RowDropper() (*RowDropper, error) {
	if len(v.RowRules) == 0 {
		return nil, nil
	}
	d := &RowDropper{rules: make([][]*transform.Matcher, len(v.Schema.Fields))}
	for _, rule := range v.RowRules {
		m, err := rule.Match.Compile(v.Schema.Fields[rule.Field].Type)
		if err != nil {
			return nil, err
		}
		d.rules[rule.Field] = append(d.rules[rule.Field], m)
	}
	return d, nil
}

// Drops tells whether a row, which is well formed, does not leave: whether one of
// its values matches, of an array any of its items. A null matches nothing.
func (d *RowDropper) Drops(b *record.Batch, row int) bool {
	r := &b.Rows[row]
	for at := r.First; at < r.Past; at++ {
		n := &b.Nodes[at]
		rules := d.rules[n.Field]
		if len(rules) == 0 || n.Kind == record.Null || n.Kind == record.Absent {
			continue
		}
		var value []byte
		value, d.spare = b.Value(n, d.spare)
		for _, m := range rules {
			if m.Match(value) {
				return true
			}
		}
	}
	return false
}

package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// FieldRule is what becomes of one field in a view, and why.
type FieldRule struct {
	// Op is what the projection does: Drop, Keep (all inside included), Descend
	// (an object or array whose inside has rules of its own), Nullify, Replace.
	Op record.Op
	// Transform is how a field is replaced. Only with Replace.
	Transform transform.Spec
	// Out is the type that the field has in the view.
	Out record.Type
	// Why says in words which rule decided.
	Why string
}

// DefaultClassification is what a field counts as if neither it nor anything
// that holds it is classified.
const DefaultClassification = "confidential"

// leavesByDefault tells whether a field of a classification leaves although no
// rule names it.
func leavesByDefault(classification string) bool {
	return strings.EqualFold(classification, "public") || strings.EqualFold(classification, "internal")
}

// decision is what one field resolves to on its own.
type decision struct {
	rule int // index in the profile's rules, -1 for none
	op   record.Op
	why  string
}

// resolver decides what a profile makes of the fields of an object.
type resolver struct {
	compiled *contract.Compiled
	tags     []string // of the schema object itself
	schema   *record.Schema
	profile  *exchange.Profile // nil: none
	columns  []string          // nil: all

	decisions []decision // per field
}

// ruleError is a rule that cannot be applied to a field.
type ruleError struct {
	rule int
	path string // of the field
	err  error
}

// fields resolves every field of the object.
//
// A field is decided by the rule whose path is the longest that names it or
// something that holds it; or else by the first rule with a tag of the field or,
// if there is none, of what holds it; or else by the first rule with its
// classification; or else by the first rule with a type that the contract shows it to
// be of; and otherwise it leaves if it is public or internal. A field's
// classification is its own or that of the nearest that holds it.
//
// An object or array of which all that is inside is decided alike goes as a
// whole: kept as it stands, dropped, or replaced by null or a constant. If all
// inside drops it drops, too. Otherwise it is there with what is left inside.
func (r *resolver) fields() ([]FieldRule, []ruleError) {
	rules := make([]FieldRule, len(r.schema.Fields))
	r.decisions = make([]decision, len(r.schema.Fields))
	for field := range r.decisions {
		r.decisions[field] = r.decide(field)
	}
	var errs []ruleError
	rules[0] = FieldRule{Op: record.Descend, Out: record.Object, Why: "the row"}
	for _, column := range r.schema.Columns() {
		if r.columns != nil && !slices.Contains(r.columns, r.schema.Fields[column].Name) {
			r.cover(column, decision{rule: -1, op: record.Drop, why: "not one of the subscription's columns"}, rules)
			continue
		}
		errs = append(errs, r.resolve(column, rules)...)
	}
	return rules, errs
}

// resolve decides on a field and all inside it.
func (r *resolver) resolve(field int, rules []FieldRule) (errs []ruleError) {
	d := r.decisions[field]
	inside := r.inside(field)
	if len(inside) == 0 {
		return r.apply(field, d, rules)
	}
	whole := d.op != record.Replace || r.profile.Rules[d.rule].Transform.Type == transform.Constant
	if !whole && r.profile.Rules[d.rule].Path == r.schema.Fields[field].Path {
		// Who names an object or array means it, not what is inside.
		if _, err := transform.Check(r.profile.Rules[d.rule].Transform, r.schema.Fields[field].Type); err != nil {
			return []ruleError{{d.rule, r.schema.Fields[field].Path, err}}
		}
	}
	if whole && r.alike(field, d) {
		r.cover(field, d, rules)
		return r.apply(field, d, rules)
	}
	kept, dropped := true, true
	for _, f := range inside {
		errs = append(errs, r.resolve(f, rules)...)
		kept = kept && rules[f].Op == record.Keep
		dropped = dropped && rules[f].Op == record.Drop
	}
	rules[field] = FieldRule{Op: record.Descend, Out: r.schema.Fields[field].Type, Why: "what is inside has rules of its own"}
	switch {
	case dropped:
		rules[field].Op, rules[field].Why = record.Drop, "all that is inside drops"
	case kept:
		rules[field].Op, rules[field].Why = record.Keep, "all that is inside stays"
	}
	return errs
}

// inside are the fields directly inside an object or array.
func (r *resolver) inside(field int) []int {
	f := &r.schema.Fields[field]
	if f.Items >= 0 && f.Type == record.Array {
		return []int{f.Items}
	}
	return f.Members
}

// alike tells whether everything inside a field is decided as the field is.
func (r *resolver) alike(field int, d decision) bool {
	for _, f := range r.inside(field) {
		if o := r.decisions[f]; o.rule != d.rule || o.op != d.op || !r.alike(f, d) {
			return false
		}
	}
	return true
}

// cover applies a decision to a field and all inside it.
func (r *resolver) cover(field int, d decision, rules []FieldRule) {
	rules[field] = FieldRule{Op: d.op, Out: r.schema.Fields[field].Type, Why: d.why}
	if d.op == record.Replace {
		rules[field].Op = record.Drop // gone with what holds it, which apply decides on
	}
	for _, f := range r.inside(field) {
		r.cover(f, d, rules)
	}
}

// apply applies a decision to a field as a whole.
func (r *resolver) apply(field int, d decision, rules []FieldRule) []ruleError {
	f := &r.schema.Fields[field]
	rules[field] = FieldRule{Op: d.op, Out: f.Type, Why: d.why}
	if d.rule < 0 {
		return nil
	}
	spec := r.profile.Rules[d.rule].Transform
	out, err := transform.Check(spec, f.Type)
	if err == nil {
		err = transform.CheckRow(spec, r.schema)
	}
	if err != nil {
		rules[field].Op = record.Drop
		return []ruleError{{d.rule, f.Path, err}}
	}
	rules[field].Out = out
	if d.op == record.Replace {
		rules[field].Transform = spec
	}
	return nil
}

// decide finds the rule of one field.
func (r *resolver) decide(field int) decision {
	if rules := r.naming(field, false); len(rules) > 0 {
		return r.chosen(field, rules[0])
	}
	class, declared := r.classification(field)
	switch {
	case leavesByDefault(class):
		return decision{rule: -1, op: record.Keep, why: "classified " + class + ", and no rule names it"}
	case declared:
		return decision{rule: -1, op: record.Drop, why: "classified " + class + ", and no rule names it"}
	}
	return decision{rule: -1, op: record.Drop, why: "not classified, which counts as " + DefaultClassification + ", and no rule names it"}
}

func (r *resolver) chosen(field, i int) decision {
	rule := r.profile.Rules[i]
	op := record.Replace
	switch rule.Transform.Type {
	case transform.Keep:
		op = record.Keep
	case transform.Drop:
		op = record.Drop
	case transform.Null:
		op = record.Nullify
	}
	why := fmt.Sprintf("rule %d of profile %s: %s", i+1, r.profile.ID, rule)
	if rule.Detect != "" {
		_, evidence := r.shown(field, rule.Detect)
		why += ", by its " + evidence
	}
	return decision{rule: i, op: op, why: why}
}

// naming are the rules of the profile that name a field, those with dropRow or the
// others, the most specific first:
// by path, the longest before the others; by tag, its own before those of what
// holds it; by classification; by what it is detected to be. Among equals the first
// in the profile is first.
func (r *resolver) naming(field int, dropRow bool) (rules []int) {
	if r.profile == nil {
		return nil
	}
	add := func(is func(exchange.Rule) bool) {
		for i, rule := range r.profile.Rules {
			if rule.DropsRows() == dropRow && is(rule) && !slices.Contains(rules, i) {
				rules = append(rules, i)
			}
		}
	}
	for f := field; f > 0; f = r.schema.Fields[f].Parent {
		add(func(rule exchange.Rule) bool { return rule.Path != "" && rule.Path == r.schema.Fields[f].Path })
	}
	for f := field; f >= 0; f = r.schema.Fields[f].Parent {
		tags := r.tagsOf(f)
		add(func(rule exchange.Rule) bool { return rule.Tag != "" && slices.Contains(tags, rule.Tag) })
	}
	class, _ := r.classification(field)
	add(func(rule exchange.Rule) bool {
		return rule.Classification != "" && strings.EqualFold(rule.Classification, class)
	})
	add(func(rule exchange.Rule) bool {
		is, _ := r.shown(field, rule.Detect)
		return is
	})
	return rules
}

// tagsOf are the tags of a field itself; those of the row are the object's.
func (r *resolver) tagsOf(field int) []string {
	if p := r.property(field); p != nil {
		return p.Tags
	}
	return r.tags
}

// classification is that of a field or of the nearest that holds it.
func (r *resolver) classification(field int) (class string, declared bool) {
	for ; field >= 0; field = r.schema.Fields[field].Parent {
		if p := r.property(field); p != nil && p.Classification != "" {
			return p.Classification, true
		}
	}
	return DefaultClassification, false
}

// property is a field as the contract describes it; nil for the row.
func (r *resolver) property(field int) *contract.Property { return r.compiled.Properties[field] }

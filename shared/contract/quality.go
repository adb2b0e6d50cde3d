package contract

import (
	"fmt"
	"slices"
	"strings"
)

// Severity says what a broken rule means: errors decide, the others are told.
type Severity uint8

const (
	Error Severity = iota
	Warning
	Info
)

func (s Severity) String() string { return [...]string{"error", "warning", "info"}[s] }

// metric is a library metric that is counted over a drop and compared at its
// end. Where a metric must be 0 it is a rule of each row instead.
type metric struct {
	id       int   // field; 0: of the whole object
	counts   check // a value counts where this answers a rule
	nulls    bool  // nulls count
	empty    bool  // empty CSV fields count, which are nulls
	key      int   // duplicateValues: index in Compiled.keys; else -1
	percent  bool
	rule     rule
	compare  func(float64) bool
	operator string
}

// metrics are those of the standard's library.
var metrics = []string{"nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"}

// rules30 are the names that ODCS 3.0 gave to metrics.
var rules30 = map[string]string{"duplicateCount": "duplicateValues", "validValues": "invalidValues"}

// quality compiles a quality rule of a property, or of the object (id 0).
func (b *compiler) quality(q *Quality, id int, at string) {
	severity := Error
	switch strings.ToLower(q.Severity) {
	case "", "error":
	case "warning", "warn":
		severity = Warning
	case "info":
		severity = Info
	default:
		b.problem(at+".severity", fmt.Sprintf("%q is not a severity", q.Severity), "info, warning or error")
	}
	metricName, old := q.Metric, false
	if metricName == "" && q.Rule != "" {
		metricName, old = q.Rule, true
		if name, known := rules30[q.Rule]; known {
			metricName = name
		}
	}
	valid, validAt := q.Arguments.ValidValues, at+".arguments.validValues"
	if len(valid) == 0 {
		valid, validAt = q.ValidValues, at+".validValues"
	}
	kind := q.Type
	if kind == "" {
		kind = "library"
		if metricName == "" {
			kind = "text"
		}
	}
	name := q.Name
	if name == "" {
		name = metricName
	}
	switch kind {
	case "library":
	case "text":
		return // words for people
	case "sql", "custom":
		b.unenforced(at, fmt.Sprintf("the %s rule %q is not run", kind, name), "use a library metric or logicalTypeOptions")
		return
	default:
		b.problem(at+".type", fmt.Sprintf("there is no type of rule %q", kind), "text, library, sql or custom")
		return
	}
	if old && !slices.Contains(metrics, metricName) {
		b.unenforced(at, fmt.Sprintf("the rule %q is not one that is known", metricName), "as a metric: "+strings.Join(metrics, ", "))
		return
	}
	if old && metricName == "invalidValues" && !q.Operators.any() {
		q.Operators.MustBe = 0 // 3.0 leaves it out of validValues
	}
	compare, words, zero, err := q.Operators.compile()
	if err != nil {
		b.problem(at, err.Error(), "one of mustBe, mustNotBe, mustBeGreaterThan, mustBeGreaterOrEqualTo, mustBeLessThan, mustBeLessOrEqualTo, mustBeBetween, mustNotBeBetween")
		return
	}
	m := metric{id: id, key: -1, compare: compare, percent: strings.HasPrefix(q.Unit, "percent"), operator: words,
		rule: rule{name: metricName, severity: severity, do: "correct the rows"}}
	unit := "rows"
	if m.percent {
		unit = "percent of the rows"
	}
	m.rule.want = fmt.Sprintf("%s that are %s %s", metricName, words, unit)
	if q.Unit != "" && q.Unit != "rows" && !m.percent {
		b.unenforced(at+".unit", fmt.Sprintf("the unit %q is taken as rows", q.Unit), "rows or percent")
	}
	f := &b.out.fields[id]
	switch metricName {
	case "rowCount":
		m.rule.want = words + " rows"
		m.rule.do = "look at what made the file"
		if id != 0 {
			b.problem(at, "rowCount is a rule of the object, not of a property", "")
			return
		}
		b.out.metrics = append(b.out.metrics, m)
		return
	case "duplicateValues":
		ids := []int{id}
		if id == 0 {
			ids = nil
			for _, name := range q.Arguments.Properties {
				k := slices.IndexFunc(b.records[0].Members, func(m int) bool { return b.records[m].Name == name })
				if k < 0 {
					b.problem(at+".arguments.properties", fmt.Sprintf("there is no property %q", name), "")
					return
				}
				ids = append(ids, b.records[0].Members[k])
			}
			if len(ids) == 0 {
				b.problem(at+".arguments", "duplicateValues of an object needs arguments.properties", "")
				return
			}
		}
		before := len(b.out.keys)
		b.unique(ids, metricName, at, severity)
		if len(b.out.keys) > before && !zero {
			b.out.keys[before].counted = true
			m.key = before
			b.out.metrics = append(b.out.metrics, m)
		}
		return
	}
	if id == 0 {
		b.unenforced(at, fmt.Sprintf("the metric %q is not one of an object", metricName), "rowCount or duplicateValues")
		return
	}
	broken := m.rule
	switch metricName {
	case "nullValues":
		m.nulls = true
		broken.want = "a value"
		if zero && severity == Error {
			f.required = &broken
			return
		}
		m.counts = func([]byte) *rule { return nil }
	case "missingValues":
		if len(q.Arguments.MissingValues) == 0 {
			b.problem(at+".arguments", "missingValues needs arguments.missingValues", "")
			return
		}
		broken.want = "a value that does not mean that it is missing"
		texts := b.literals(at+".arguments.missingValues", q.Arguments.MissingValues)
		m.nulls = len(texts) < len(q.Arguments.MissingValues)
		m.empty = m.nulls || slices.Contains(texts, "")
		if zero && severity == Error {
			if m.nulls {
				f.required = &broken
			}
			if m.empty {
				f.missing = &broken
			}
		}
		means := lookup(texts)
		m.counts = func(v []byte) *rule {
			if means(v) {
				return &broken
			}
			return nil
		}
	case "invalidValues":
		switch {
		case len(valid) > 0:
			broken.want = fmt.Sprintf("one of the %d valid values of the contract", len(valid))
			m.counts = oneOf(b.literals(validAt, valid), b.records[id].Type, &broken)
		case q.Arguments.Pattern != "":
			p, err := compilePattern(q.Arguments.Pattern)
			if err != nil {
				b.problem(at+".arguments.pattern", err.Error(), "")
				return
			}
			broken.want = "text that matches " + q.Arguments.Pattern
			m.counts = func(v []byte) *rule {
				if p.match(v) {
					return nil
				}
				return &broken
			}
		default:
			b.problem(at+".arguments", "invalidValues needs arguments.validValues or arguments.pattern", "")
			return
		}
	default:
		b.problem(at+".metric", fmt.Sprintf("there is no metric %q", metricName), strings.Join(metrics, ", "))
		return
	}
	if !single(b.records[id].Type) {
		b.unenforced(at, fmt.Sprintf("the metric %q is checked on single values only", metricName), "")
		return
	}
	if zero && severity == Error {
		f.checks = append(f.checks, m.counts)
		return
	}
	b.out.metrics = append(b.out.metrics, m)
}

// any tells whether an operator is set.
func (o Operators) any() bool {
	return o.MustBe != nil || o.MustNotBe != nil || o.MustBeGreaterThan != nil || o.MustBeGreaterOrEqualTo != nil || o.MustBeLessThan != nil ||
		o.MustBeLessOrEqualTo != nil || o.MustBeBetween != nil || o.MustNotBeBetween != nil
}

// compile makes one comparison of the operator that is set. zero tells that
// nothing at all may count.
//
// The standard's text shows two operators in one rule; its schema allows one.
// All that are set must hold. mustBeBetween excludes its ends, as the text says.
func (o Operators) compile() (compare func(float64) bool, words string, zero bool, err error) {
	var all []func(float64) bool
	var said []string
	add := func(text string, f func(float64) bool) {
		all = append(all, f)
		said = append(said, text)
	}
	number := func(v any) (float64, bool) {
		switch v := v.(type) {
		case int:
			return float64(v), true
		case float64:
			return v, true
		}
		return 0, false
	}
	if o.MustBe != nil {
		n, ok := number(o.MustBe)
		if !ok {
			return nil, "", false, fmt.Errorf("mustBe must be a number")
		}
		zero = n == 0
		add(fmt.Sprint(n), func(v float64) bool { return v == n })
	}
	if o.MustNotBe != nil {
		n, ok := number(o.MustNotBe)
		if !ok {
			return nil, "", false, fmt.Errorf("mustNotBe must be a number")
		}
		add(fmt.Sprintf("not %v", n), func(v float64) bool { return v != n })
	}
	if n := o.MustBeGreaterThan; n != nil {
		add(fmt.Sprintf("more than %v", *n), func(v float64) bool { return v > *n })
	}
	if n := o.MustBeGreaterOrEqualTo; n != nil {
		add(fmt.Sprintf("at least %v", *n), func(v float64) bool { return v >= *n })
	}
	if n := o.MustBeLessThan; n != nil {
		add(fmt.Sprintf("less than %v", *n), func(v float64) bool { return v < *n })
	}
	if n := o.MustBeLessOrEqualTo; n != nil {
		zero = zero || *n == 0
		add(fmt.Sprintf("at most %v", *n), func(v float64) bool { return v <= *n })
	}
	for _, between := range []struct {
		ends   []float64
		inside bool
	}{{o.MustBeBetween, true}, {o.MustNotBeBetween, false}} {
		if between.ends == nil {
			continue
		}
		if len(between.ends) != 2 || between.ends[0] >= between.ends[1] {
			return nil, "", false, fmt.Errorf("between takes two numbers, the smaller first")
		}
		low, high := between.ends[0], between.ends[1]
		text := "between"
		if !between.inside {
			text = "not between"
		}
		add(fmt.Sprintf("%s %v and %v", text, low, high), func(v float64) bool { return (v > low && v < high) == between.inside })
	}
	if len(all) == 0 {
		return nil, "", false, fmt.Errorf("the rule compares with nothing")
	}
	return func(v float64) bool {
		for _, f := range all {
			if !f(v) {
				return false
			}
		}
		return true
	}, strings.Join(said, " and "), zero, nil
}

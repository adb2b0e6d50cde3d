package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/record"
)

// Severity says what a broken rule means: errors decide, the others are told.
type Severity uint8

const (
	Error Severity = iota
	Warning
	Info
)

func (s Severity) String() string { return [...]string{"error", "warning", "info"}[s] }

var severities = map[string]Severity{"": Error, "error": Error, "warning": Warning, "warn": Warning, "info": Info}

// metric is a library metric that is counted over a drop and compared at its
// end. Where a metric must be 0 it is a rule of each row instead.
type metric struct {
	path    string
	on      []counted // what makes a row count; a row counts once
	key     int       // duplicateValues: index in Compiled.keys; else -1
	percent bool
	rule    rule
	compare func(float64) bool
}

// counted tells which values of a field count.
type counted struct {
	metric int // in Compiled.metrics
	id     int
	value  check // a value counts where this answers a rule
	nulls  bool  // nulls count
	empty  bool  // empty CSV fields count, which are nulls
}

// metrics are those of the standard's library.
var metrics = []string{"nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"}

// rules30 are the names that ODCS 3.0 gave to metrics.
var rules30 = map[string]string{"duplicateCount": "duplicateValues", "validValues": "invalidValues"}

// notRun says why rules of a type are not run.
var notRun = map[string]string{"sql": "rows are held to the contract before they are in a database", "custom": "its engine is not part of Sallyport"}

// quality compiles a quality rule of a property, or of the object (id 0).
func (b *compiler) quality(q *Quality, id int, at string) {
	severity, known := severities[strings.ToLower(q.Severity)]
	if !known {
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
	case "text": // words for people
		if b.texts++; b.texts == 1 {
			b.textAt = at
		}
		return
	case "sql", "custom":
		b.unenforced(at, fmt.Sprintf("the %s rule %q is not run: %s", kind, name, notRun[kind]), "use a library metric or logicalTypeOptions")
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
	m := metric{path: b.records[id].Path, key: -1, compare: compare, percent: strings.HasPrefix(q.Unit, "percent"),
		rule: rule{name: metricName, severity: severity, do: "correct the rows"}}
	unit := "rows"
	if m.percent {
		unit = "percent of the rows"
	}
	m.rule.want = fmt.Sprintf("%s: %s %s", metricName, words, unit)
	if q.Unit != "" && q.Unit != "rows" && !m.percent {
		b.unenforced(at+".unit", fmt.Sprintf("the unit %q is taken as rows", q.Unit), "rows or percent")
	}
	if !slices.Contains(metrics, metricName) {
		b.problem(at+".metric", fmt.Sprintf("there is no metric %q", metricName), strings.Join(metrics, ", "))
		return
	}
	ids := []int{id}
	if id == 0 && metricName != "rowCount" {
		if ids = b.named(q.Arguments.Properties, metricName, at); ids == nil {
			return
		}
		var paths []string
		for _, id := range ids {
			paths = append(paths, b.records[id].Path)
		}
		m.path = strings.Join(paths, ", ")
	}
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
		before := len(b.out.keys)
		b.unique(ids, metricName, at, severity)
		if len(b.out.keys) > before && !zero {
			b.out.keys[before].counted = true
			m.key = before
			b.out.metrics = append(b.out.metrics, m)
		}
		return
	}
	m.on = make([]counted, 0, len(ids))
	for _, id := range ids {
		c := counted{metric: len(b.out.metrics), id: id}
		if !b.counted(&c, q, metricName, valid, validAt, at, m.rule, zero && severity == Error) {
			return
		}
		m.on = append(m.on, c)
	}
	if !zero || severity != Error {
		b.out.metrics = append(b.out.metrics, m)
	}
}

// named finds the properties of an object's rule.
func (b *compiler) named(properties []string, metricName, at string) (ids []int) {
	if len(properties) == 0 {
		b.problem(at+".arguments", fmt.Sprintf("%s of an object needs arguments.properties", metricName), "the properties that it is about")
		return nil
	}
	for _, name := range properties {
		k := slices.IndexFunc(b.records, func(f record.Field) bool { return f.Path == name && f.Path != "" })
		if k < 0 {
			b.problem(at+".arguments.properties", fmt.Sprintf("there is no property %q", name), "")
			return nil
		}
		ids = append(ids, k)
	}
	return ids
}

// counted compiles which values of a field count, or, where none may, what a
// row with such a value breaks.
func (b *compiler) counted(c *counted, q *Quality, metricName string, valid []any, validAt, at string, broken rule, decides bool) bool {
	f := &b.out.fields[c.id]
	if metricName != "nullValues" && !single(f.typ) {
		b.unenforced(at, fmt.Sprintf("the metric %q is checked on single values only", metricName), "say it of what is inside")
		return false
	}
	switch metricName {
	case "nullValues":
		c.nulls = true
		broken.want = "a value"
		c.value = func([]byte) *rule { return nil }
		if decides {
			f.required = &broken
		}
		return true
	case "missingValues":
		if len(q.Arguments.MissingValues) == 0 {
			b.problem(at+".arguments", "missingValues needs arguments.missingValues", "")
			return false
		}
		broken.want = "a value that does not mean that it is missing"
		texts := b.literals(at+".arguments.missingValues", q.Arguments.MissingValues)
		c.nulls = len(texts) < len(q.Arguments.MissingValues)
		c.empty = c.nulls || slices.Contains(texts, "")
		if decides && c.nulls {
			f.required = &broken
		}
		if decides && c.empty {
			f.missing = &broken
		}
		means := oneOf(texts, f.typ, &broken)
		c.value = func(v []byte) *rule {
			if means(v) == nil {
				return &broken
			}
			return nil
		}
	case "invalidValues":
		if len(valid) == 0 && q.Arguments.Pattern == "" {
			b.problem(at+".arguments", "invalidValues needs arguments.validValues or arguments.pattern", "")
			return false
		}
		in := func([]byte) *rule { return nil }
		if len(valid) > 0 {
			broken.want = fmt.Sprintf("one of the %d valid values of the contract", len(valid))
			in = oneOf(b.literals(validAt, valid), f.typ, &broken)
		}
		c.value = in
		if q.Arguments.Pattern != "" {
			p, err := compilePattern(q.Arguments.Pattern)
			if err != nil {
				b.problem(at+".arguments.pattern", err.Error(), "")
				return false
			}
			if len(valid) > 0 {
				broken.want += ", and text that matches " + q.Arguments.Pattern
			} else {
				broken.want = "text that matches " + q.Arguments.Pattern
			}
			c.value = func(v []byte) *rule {
				if in(v) == nil && p.match(v) {
					return nil
				}
				return &broken
			}
		}
	}
	if decides {
		f.checks = append(f.checks, c.value)
	}
	return true
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

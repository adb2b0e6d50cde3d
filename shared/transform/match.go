package transform

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/record"
)

// Limits of what matches.
const (
	maxMatches     = 1000 // values
	maxMatch       = 1000 // bytes of one
	maxRowPattern  = 500  // bytes of a pattern
	matchedByValue = "compare it in the subscription's filter"
)

// Match says which values of a field are meant: those that are one of Values, and
// those in which Pattern matches. Null is never one.
type Match struct {
	// The values: of strings the text itself, of numbers however they are written, of booleans true or false.
	Values Words `yaml:"values" json:"values,omitempty" jsonschema:"oneof_type=array"`
	// A regular expression (RE2) that matches anywhere in a string, unless ^ and $ tie it down.
	Pattern string `yaml:"pattern" json:"pattern,omitempty" jsonschema:"minLength=1,maxLength=500"`
}

// Compile makes the matcher for fields of type in. Its errors are faults with
// CodeOption or CodeType.
func (m Match) Compile(in record.Type) (*Matcher, error) {
	values := m.Values.list()
	switch {
	case len(values) == 0 && m.Pattern == "":
		return nil, optionFault("nothing says which values match", `write dropRow: {values: ["..."]}, or {pattern: "..."}`)
	case len(values) > maxMatches:
		return nil, optionFault(fmt.Sprintf("there are %d values", len(values)), fmt.Sprintf("it takes %d at most", maxMatches))
	case !slices.Contains([]record.Type{record.String, record.Integer, record.Number, record.Boolean}, in):
		return nil, (Spec{Type: "dropRow"}).takes(in, matchedByValue, record.String, record.Integer, record.Number, record.Boolean)
	case m.Pattern != "" && in != record.String:
		return nil, optionFault("a pattern is for strings, and the field is of type "+in.String(), "write values, or "+matchedByValue)
	}
	c := &Matcher{in: in, values: make(map[string]struct{}, len(values))}
	for i, v := range values {
		if v == "" || len(v) > maxMatch {
			return nil, optionFault(fmt.Sprintf("value %d is empty, or has more than %d bytes", i+1, maxMatch), "null and empty texts are no values: "+matchedByValue)
		}
		switch in {
		case record.Integer, record.Number:
			n, ok := parseNumber([]byte(v))
			if !ok {
				return nil, optionFault(fmt.Sprintf("value %d is no number, and the field is of type %s", i+1, in), "write it as 10 or 0.25")
			}
			v = string(n.appendCanonical(nil))
		case record.Boolean:
			if v = strings.ToLower(v); v != "true" && v != "false" {
				return nil, optionFault(fmt.Sprintf("value %d is neither true nor false, and the field is a boolean", i+1), "write true or false")
			}
		}
		c.values[v] = struct{}{}
	}
	if m.Pattern == "" {
		return c, nil
	}
	if len(m.Pattern) > maxRowPattern {
		return nil, optionFault(fmt.Sprintf("the pattern has more than %d bytes", maxRowPattern), "write a shorter one")
	}
	tree, err := syntax.Parse(m.Pattern, syntax.Perl)
	if err == nil {
		c.pattern, err = regexp.Compile(m.Pattern)
	}
	if err != nil {
		return nil, optionFault("the pattern is not a regular expression: "+err.Error(), `write it as RE2 has it, such as pattern: "^TEST"`)
	}
	if lookaround(tree) == "" {
		c.ascii = newFinder(tree)
	}
	return c, nil
}

// Matcher tells which values match. It is for one goroutine at a time.
type Matcher struct {
	in      record.Type
	values  map[string]struct{}
	pattern *regexp.Regexp // nil: none
	ascii   *finder        // the same for ASCII text; nil: the pattern is too large for that
	scratch []byte
}

// Match tells whether a value, UTF-8 without quotes, escapes resolved, matches. A
// number that is none matches: nobody can tell that it does not.
func (m *Matcher) Match(value []byte) bool {
	switch m.in {
	case record.Integer, record.Number:
		n, ok := parseNumber(value)
		if !ok {
			return true
		}
		m.scratch = n.appendCanonical(m.scratch[:0])
		value = m.scratch
	case record.Boolean:
		_, ok := m.values[string(value)]
		return ok || string(value) != "true" && string(value) != "false"
	}
	if _, ok := m.values[string(value)]; ok || m.pattern == nil {
		return ok
	}
	if m.ascii != nil && ascii(value) {
		_, _, ok := m.ascii.find(value, 0)
		return ok
	}
	return m.pattern.Match(value)
}

package contract

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Deprecation says that a contract is on its way out: by the standard's status
// (deprecated, retired), by the custom property of ours
//
//	deprecation: {from: 2026-01-01, sunset: 2026-12-31, migration: https://...}
//
// or by both. The zero Deprecation is that of a contract that stays.
type Deprecation struct {
	// Status is that of the document if it is deprecated or retired, else "".
	Status string
	// From is the moment from which the contract is deprecated; a day counts from
	// its midnight in UTC. Zero: it is already, if anything says so.
	From time.Time
	// Sunset is the first moment at which the contract is not served any more. A
	// day still counts, in UTC, as it does in expires: of a subscription. Zero: none
	// is planned.
	Sunset time.Time
	// Migration is the URL of what to do instead, or "".
	Migration string
	// Path is where the document says so, "" if it does not.
	Path string
}

// The values of status that count here. The standard's list is open.
const (
	statusDeprecated = "deprecated"
	statusRetired    = "retired"
)

// maxMigration is how long the URL of a migration may be: it goes on every event.
const maxMigration = 2048

// Announced reports whether the contract is deprecated, or will be.
func (d Deprecation) Announced() bool { return d != Deprecation{} }

// InForce reports whether the contract is deprecated at a time.
func (d Deprecation) InForce(at time.Time) bool {
	return d.Announced() && (d.Status != "" || !at.Before(d.From))
}

// Ended reports whether the contract is not served any more at a time: it is
// retired, or its sunset has come.
func (d Deprecation) Ended(at time.Time) bool {
	return d.Status == statusRetired || !d.Sunset.IsZero() && !at.Before(d.Sunset)
}

// Deprecation is what the document says of its own end. What it says and cannot
// be understood is a problem with its place.
func (c *Contract) Deprecation() (Deprecation, yamldoc.Problems) {
	var d Deprecation
	if status := strings.ToLower(c.Status); status == statusDeprecated || status == statusRetired {
		d.Status, d.Path = status, "status"
	}
	i := ours(c.CustomProperties, "deprecation")
	if i < 0 {
		return d, nil
	}
	r := deprecationReader{c: c, d: &d, at: fmt.Sprintf("customProperties[%d]", i)}
	r.read(c.CustomProperties[i].Value)
	if next := ours(c.CustomProperties[i+1:], "deprecation"); next >= 0 {
		r.problems = append(r.problems, c.Problem(fmt.Sprintf("customProperties[%d]", i+1+next), "deprecation stands twice", "remove one"))
	}
	return d, r.problems
}

// deprecationReader reads the custom property into d.
type deprecationReader struct {
	c        *Contract
	d        *Deprecation
	at       string // of the custom property
	problems yamldoc.Problems
}

func (r *deprecationReader) problem(key, message, hint string) {
	r.problems = append(r.problems, r.c.Problem(under(r.at+".value", key), message, hint))
}

func (r *deprecationReader) read(value any) {
	m, ok := value.(map[string]any)
	if !ok || len(m) == 0 {
		r.problems = append(r.problems, r.c.Problem(r.at, "deprecation is not understood",
			"deprecation: {from: 2026-01-01, sunset: 2026-12-31, migration: https://...}, each optional"))
		return
	}
	r.d.Path = r.at + ".value"
	keys := []string{"from", "sunset", "migration"}
	var lastDay bool // sunset is a day
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(keys, key) {
			hint := "known here: " + strings.Join(keys, ", ")
			if near := yamldoc.Nearest(key, keys); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			r.problem(key, fmt.Sprintf("deprecation has no %q", key), hint)
			continue
		}
		text, ok := m[key].(string)
		switch {
		case key == "migration":
			if r.d.Migration = text; !ok || !isMigration(text) {
				r.problem(key, "migration is not the URL of a page", "say what to use instead there, such as https://example.com/orders-v2")
			}
		case key == "from":
			if r.d.From, _, ok = dayOrMoment(text); !ok {
				r.problem(key, "from is not a date", "a date such as 2026-01-01, or a timestamp such as 2026-01-01T12:00:00Z")
			}
		case key == "sunset":
			if r.d.Sunset, lastDay, ok = dayOrMoment(text); !ok {
				r.problem(key, "sunset is not a date", "a date such as 2026-12-31, or a timestamp such as 2026-12-31T12:00:00Z")
			} else if lastDay {
				r.d.Sunset = r.d.Sunset.AddDate(0, 0, 1)
			}
		}
	}
	// CloudEvents 1.0, extensions/deprecation.md: not before deprecationfrom.
	before := r.d.Sunset.Before(r.d.From) || lastDay && r.d.Sunset.Equal(r.d.From)
	if before && !r.d.From.IsZero() && !r.d.Sunset.IsZero() {
		r.problem("sunset", "the sunset comes before the deprecation", "let sunset be from or later")
	}
}

// dayOrMoment reads a date, which is its midnight in UTC, or an RFC 3339
// timestamp.
func dayOrMoment(text string) (t time.Time, day, ok bool) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, true, inYears(t)
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	return t.UTC(), false, err == nil && inYears(t.UTC())
}

// inYears keeps to moments that are still RFC 3339 a day later or in UTC.
func inYears(t time.Time) bool { return t.Year() >= 1 && t.Year() < 9999 }

// isMigration tells an absolute http(s) URL that may go on an event. One with a
// password would be told to everybody.
func isMigration(text string) bool {
	if len(text) > maxMigration || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("\"<>\\^`{|}", c) }) {
		return false // RFC 3986, section 2
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil
}

// Deprecated finds what the document marks with deprecated: true (3.2): schema
// objects and properties, in the order of the document.
func (c *Contract) Deprecated() []DeprecatedElement {
	var all []DeprecatedElement
	for i := range c.Schema {
		o, at := &c.Schema[i], fmt.Sprintf("schema[%d]", i)
		if o.Deprecated {
			all = append(all, DeprecatedElement{Object: o.Name, Path: at + ".deprecated"})
		}
		deprecatedIn(o.Properties, at+".properties", "", func(field, at string) {
			all = append(all, DeprecatedElement{Object: o.Name, Field: field, Path: at + ".deprecated"})
		})
	}
	return all
}

// DeprecatedElement is a schema object or a property of one that is deprecated.
type DeprecatedElement struct {
	Object string // schema object
	Field  string // path of the field as in record.Schema ("name[].family"); "" for the object itself
	Path   string // in the document
}

func deprecatedIn(props []Property, at, prefix string, found func(field, at string)) {
	for i := range props {
		p, here := &props[i], fmt.Sprintf("%s[%d]", at, i)
		path := p.Name
		if prefix != "" {
			path = prefix + "." + p.Name
		}
		deprecatedBelow(p, here, path, found)
	}
}

func deprecatedBelow(p *Property, at, path string, found func(field, at string)) {
	if p.Deprecated {
		found(path, at)
	}
	deprecatedIn(p.Properties, at+".properties", path, found)
	if p.Items != nil {
		deprecatedBelow(p.Items, at+".items", path+"[]", found)
	}
	if p.Map == nil {
		return
	}
	whole := func(_, at string) { found(path, at) } // a map is one field, whatever is inside
	if p.Map.Key != nil {
		deprecatedBelow(p.Map.Key, at+".map.key", path, whole)
	}
	if p.Map.Value != nil {
		deprecatedBelow(p.Map.Value, at+".map.value", path, whole)
	}
}

package event

import "time"

// The attributes of the CloudEvents deprecation extension
// (CloudEvents 1.0, extensions/deprecation.md).
const (
	ExtDeprecated           = "deprecated"           // boolean: true, or the attribute is not there
	ExtDeprecationFrom      = "deprecationfrom"      // timestamp: since when
	ExtDeprecationSunset    = "deprecationsunset"    // timestamp: from when on there is no more of it
	ExtDeprecationMigration = "deprecationmigration" // URI: what to use instead
)

// CodeSunset is the code of the fault by which rows of a contract that has ended
// are refused.
const CodeSunset = "contract-sunset"

// Deprecation tells those who work with data that its contract ends. The zero
// value says that it does not: nothing of it shows.
type Deprecation struct {
	Deprecated bool      `json:"deprecated"`
	From       time.Time `json:"from,omitzero"`
	Sunset     time.Time `json:"sunset,omitzero"`
	Migration  string    `json:"migration,omitempty"` // URL
}

// Attribute is an extension attribute and its value, a boolean or a text.
type Attribute struct {
	Name  string
	Value any
}

// Attributes are those of the CloudEvents deprecation extension, none for the
// zero Deprecation. Timestamps are RFC 3339 texts in UTC.
func (d Deprecation) Attributes() []Attribute {
	if !d.Deprecated {
		return nil
	}
	all := []Attribute{{ExtDeprecated, true}}
	if !d.From.IsZero() {
		all = append(all, Attribute{ExtDeprecationFrom, d.From.UTC().Format(time.RFC3339Nano)})
	}
	if !d.Sunset.IsZero() {
		all = append(all, Attribute{ExtDeprecationSunset, d.Sunset.UTC().Format(time.RFC3339Nano)})
	}
	if d.Migration != "" {
		all = append(all, Attribute{ExtDeprecationMigration, d.Migration})
	}
	return all
}

// Mark sets the attributes of the deprecation on an event. Events do not inherit
// them: what a segment is delivered as may end at another time than what it was
// dropped as.
func (d Deprecation) Mark(e *Event) {
	for _, a := range d.Attributes() {
		e.SetExtension(a.Name, a.Value)
	}
}

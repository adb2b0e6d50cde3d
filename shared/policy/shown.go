package policy

import (
	"slices"

	"github.com/sallyport-io/sallyport/shared/detect"
)

// What a contract shows a field to be something by.
const (
	byFormat   = "format"
	byTag      = "tag"
	byExamples = "examples"
)

// saying are the tags and formats of a property that say what is in it. The names of
// types are tags, too.
var saying = map[string]detect.Type{
	"email": detect.Email, "iban": detect.IBAN, "card": detect.Card, "ssn": detect.SSN, "phone": detect.Phone, "ip": detect.IP, "ipv4": detect.IP, "ipv6": detect.IP, "uri": detect.URL,
}

// shown tells whether the contract shows a field to be of a type, and by what: the
// property's own format or tags say so, or all of its examples are such. What rows hold
// does not count: it would make another view of each drop.
func (r *resolver) shown(field int, name string) (is bool, evidence string) {
	p := r.property(field)
	typ, ok := detect.ParseType(name)
	if p == nil || !ok {
		return false, ""
	}
	says := func(word string) bool {
		t, ok := saying[word]
		return ok && t == typ || word == name
	}
	switch {
	case says(p.LogicalTypeOptions.Format):
		return true, byFormat
	case slices.ContainsFunc(p.Tags, says):
		return true, byTag
	case len(p.Examples) > 0 && !slices.ContainsFunc(p.Examples, func(e any) bool { return !whole(e, typ) }):
		return true, byExamples
	}
	return false, ""
}

// whole tells whether an example is a text that is of a type from its begin to its
// end.
func whole(example any, typ detect.Type) (is bool) {
	text, ok := example.(string)
	if !ok {
		return false
	}
	detect.Each([]byte(text), detect.Of(typ), func(h detect.Hit) {
		is = is || h.Start == 0 && h.End == len(text)
	})
	return is
}

package event

import (
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// The attributes of the CloudEvents data classification extension
// (CloudEvents 1.0, extensions/data-classification.md).
const (
	ExtDataClassification = "dataclassification" // public, internal, confidential or restricted
	ExtDataRegulation     = "dataregulation"     // names of regulations, parted by commas: GDPR,HIPAA
	ExtDataCategory       = "datacategory"       // names of categories, parted by commas: PII
)

// Classification tells how secret the data of an event is, and by what it is
// regulated. The zero value says nothing.
type Classification struct {
	Level                   string
	Regulations, Categories []string
}

// Attributes are those of the extension, none for the zero Classification.
func (c Classification) Attributes() (all []Attribute) {
	for _, a := range []Attribute{{ExtDataClassification, c.Level}, {ExtDataRegulation, strings.Join(c.Regulations, ",")}, {ExtDataCategory, strings.Join(c.Categories, ",")}} {
		if a.Value != "" {
			all = append(all, a)
		}
	}
	return all
}

// Mark sets the attributes on an event.
func (c Classification) Mark(e *Event) {
	for _, a := range c.Attributes() {
		e.SetExtension(a.Name, a.Value)
	}
}

const (
	maxClassification = 1024 // bytes of an attribute
	maxClassifiedName = 64   // bytes of a name in it
)

// ClassificationOf reads the attributes of an event. One that cannot be read is an
// Invalid fault with the code "classification-malformed", which repeats nothing of it.
func ClassificationOf(e Event) (c Classification, err error) {
	names := func(attribute string) (all []string) {
		text := Extension(e, attribute)
		if text == "" || err != nil {
			return nil
		}
		if len(text) <= maxClassification {
			for name := range strings.SplitSeq(text, ",") {
				all = append(all, strings.TrimSpace(name))
			}
		}
		for _, name := range all {
			if name == "" || len(name) > maxClassifiedName {
				all = nil
				break
			}
		}
		if all == nil {
			err = fault.New(fault.Invalid, "classification-malformed", "the attribute "+attribute+" of the event cannot be read", "write names of at most 64 bytes, parted by commas")
		}
		return all
	}
	level := names(ExtDataClassification)
	c.Regulations, c.Categories = names(ExtDataRegulation), names(ExtDataCategory)
	switch {
	case err != nil:
		return Classification{}, err
	case len(level) > 1:
		return Classification{}, fault.New(fault.Invalid, "classification-malformed", "the attribute "+ExtDataClassification+" of the event has several values", "write one: public, internal, confidential or restricted")
	case len(level) == 1:
		c.Level = level[0]
	}
	return c, nil
}

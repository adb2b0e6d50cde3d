package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// CodeUnhonoured is the code of the Invalid fault of an event whose classification
// asks for more than its contract gives: CloudEvents wants such an event refused.
const CodeUnhonoured = "classification-unhonoured"

// levels are the classifications that CloudEvents and we have names for, the most
// open first. What a contract calls otherwise counts as the last.
var levels = [...]string{"public", "internal", "confidential", "restricted"}

func levelOf(classification string) int {
	for i, name := range levels {
		if strings.EqualFold(name, classification) {
			return i
		}
	}
	return len(levels) - 1
}

// regulations are the names of regulations by the tags of contracts that mean them.
var regulations = map[string]string{"gdpr": "GDPR", "hipaa": "HIPAA", "pci": "PCI-DSS", "pci-dss": "PCI-DSS", "ccpa": "CCPA", "glba": "GLBA", "ferpa": "FERPA", "sox": "SOX"}

// categories are those of data by the tags of fields that mean them.
var categories = map[string]string{"pii": "PII", "phi": "PHI"}

// Classification is that of what leaves in a view: the level of its most secret
// field, in whatever form that leaves, the regulations that its contract is tagged
// with, and the categories of fields that leave.
func (v *View) Classification() event.Classification {
	level, of := 0, map[string]bool{}
	r := resolver{compiled: v.Compiled, schema: v.Schema}
	for field := 1; field < len(v.Schema.Fields); field++ {
		if op := v.Fields[field].Op; op == record.Drop || op == record.Descend || !v.leaves(field) {
			continue
		}
		class, _ := r.classification(field)
		level = max(level, levelOf(class))
		for tag, category := range categories {
			if r.under(field, tag) {
				of[category] = true
			}
		}
	}
	c := event.Classification{Level: levels[level], Regulations: regulated(v.Contract, v.Compiled)}
	for category := range of {
		c.Categories = append(c.Categories, category)
	}
	slices.Sort(c.Categories)
	return c
}

// regulated are the regulations that a contract, or its object, is tagged with.
func regulated(doc *exchange.Contract, compiled *contract.Compiled) (all []string) {
	for _, tag := range slices.Concat(doc.Doc.Tags, doc.Doc.Object(compiled.Object).Tags) {
		if name := regulations[strings.ToLower(tag)]; name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// Honour is nil if what an event says of its data's classification asks for no more
// than the contract gives: a field as secret, the tag of each regulation, and that of
// each category on the contract or a field.
func (i Intake) Honour(c event.Classification) error {
	refuse := func(attribute, msg, do string) error {
		return &fault.Error{Kind: fault.Invalid, Code: CodeUnhonoured, Where: fault.Where{Partner: i.Partner.ID, Contract: i.Contract.ID},
			Msg: fmt.Sprintf("the event's %s asks for %s", attribute, msg), Do: do}
	}
	schema := i.Compiled.Schema
	r := resolver{compiled: i.Compiled, schema: schema}
	most, tags := 0, slices.Concat(i.Contract.Doc.Tags, i.Contract.Doc.Object(i.Compiled.Object).Tags)
	for field := 1; field < len(schema.Fields); field++ {
		class, _ := r.classification(field)
		most = max(most, levelOf(class))
		tags = append(tags, r.tagsOf(field)...)
	}
	if c.Level != "" && !slices.ContainsFunc(levels[:], func(name string) bool { return strings.EqualFold(name, c.Level) }) {
		return refuse(event.ExtDataClassification, "a level that nobody here knows", "use one of "+strings.Join(levels[:], ", "))
	}
	if c.Level != "" && levelOf(c.Level) > most {
		return refuse(event.ExtDataClassification, "more secrecy than the contract gives any field", "send no more than "+levels[most]+" data, or agree on a contract that classifies it")
	}
	known := regulated(i.Contract, i.Compiled)
	for _, name := range c.Regulations {
		if !tagged(known, name) && !tagged(tags, name) {
			return refuse(event.ExtDataRegulation, "a regulation that the contract is not tagged with", "agree on a contract that is")
		}
	}
	for _, name := range c.Categories {
		if !tagged(tags, name) {
			return refuse(event.ExtDataCategory, "a category that neither the contract nor a field of it is tagged with", "agree on a contract that is")
		}
	}
	return nil
}

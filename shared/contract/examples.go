package contract

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sallyport-io/sallyport/shared/record"
)

// examples holds the examples of each property to the property itself.
func (b *compiler) examples() {
	for id, p := range b.out.Properties {
		if p == nil {
			continue
		}
		for i, example := range p.Examples {
			if example == nil {
				continue
			}
			at := fmt.Sprintf("%s.examples[%d]", b.out.Paths[id], i)
			if broken := b.example(id, example, at); broken != "" {
				b.problem(at, "the example is not one: "+broken, "")
			}
		}
	}
}

// example answers what an example breaks, "" if nothing.
func (b *compiler) example(id int, example any, at string) string {
	f := &b.out.fields[id]
	if single(f.typ) {
		switch example.(type) {
		case []any, map[string]any:
			return "it should be " + f.kind.want
		}
		text := []byte(b.literal(at, example))
		for _, check := range f.checks {
			if broken := check(text); broken != nil && broken.severity == Error {
				return fmt.Sprintf("%s wants %s", broken.name, broken.want)
			}
		}
		return ""
	}
	text, err := json.Marshal(example)
	if written, ok := example.(string); ok && json.Valid([]byte(written)) {
		text = []byte(strings.TrimSpace(written)) // as JSON
	}
	if err != nil {
		return "it cannot be written as JSON"
	}
	if b.alone == nil {
		b.alone = b.out.NewValidator(ValidatorOptions{})
	}
	batch := record.Batch{Data: text, First: 1}
	t := tree{s: b.out.Schema, b: &batch}
	t.add(0, id)
	batch.Rows = []record.Row{{End: uint32(len(text)), Past: uint32(len(batch.Nodes)), Line: 1}}
	said := ""
	b.alone.row(&batch, 0, []bool{false}, func(v Violation) {
		if said == "" && v.Severity == Error {
			said = fmt.Sprintf("%s: %s wants %s", v.Path, v.Rule, v.Want)
		}
	})
	if said == "" && t.unknown {
		said = "it has members that the contract does not name, or one twice"
	}
	return said
}

package infer

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// YAML writes the contract as an ODCS document with a comment at every property
// of which something was guessed.
func (r *Result) YAML() ([]byte, error) {
	text, err := contract.Encode(r.Contract)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil || len(doc.Content) == 0 {
		return nil, fault.Wrap(fault.Poison, "contract-yaml", err, "the contract was not written as YAML")
	}
	said := map[string][]string{}
	for _, n := range r.Proposals {
		said[n.Path] = append(said[n.Path], "# proposed: "+n.Text)
	}
	if objects := member(doc.Content[0], "schema"); objects != nil && len(objects.Content) > 0 {
		comment(member(objects.Content[0], "properties"), "", said)
	}
	doc.Content[0].HeadComment = "" // go-yaml would put it behind the first key
	var b bytes.Buffer
	b.WriteString(r.head())
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, fault.Wrap(fault.Poison, "contract-yaml", err, "the contract was not written as YAML")
	}
	return b.Bytes(), nil
}

// head says where the contract comes from.
func (r *Result) head() string {
	var b strings.Builder
	source := r.source
	if source == "" {
		source = "a sample"
	}
	fmt.Fprintf(&b, "# Started from %q (%s): %s read", source, r.Form(), rows(r.Rows))
	if r.All {
		b.WriteString(", all that it has")
	} else {
		b.WriteString(", there are more")
	}
	if r.Malformed > 0 {
		fmt.Fprintf(&b, "; %d could not be parsed", r.Malformed)
	}
	b.WriteString(".\n# Everything in it is a guess: look at each line, above all at those marked \"proposed\".\n")
	b.WriteString("# What has no classification counts as confidential and leaves to nobody; say public or internal where it may.\n")
	return b.String()
}

// Form is how the sample is written, for people.
func (r *Result) Form() string {
	if r.Format.Codec != record.CSV {
		return string(r.Format.Codec)
	}
	header := "without a header"
	if r.Format.Header {
		header = "with a header"
	}
	return fmt.Sprintf("csv, delimiter %q, %s", r.Format.Delimiter, header)
}

// comment puts the proposals above their properties.
func comment(list *yaml.Node, path string, said map[string][]string) {
	if list == nil {
		return
	}
	for _, p := range list.Content {
		name := member(p, "name")
		if name == nil {
			continue
		}
		here := name.Value
		if path != "" {
			here = path + "." + name.Value
		}
		p.HeadComment = strings.Join(said[here], "\n")
		inside(p, here, said)
	}
}

func inside(p *yaml.Node, path string, said map[string][]string) {
	comment(member(p, "properties"), path, said)
	if items := member(p, "items"); items != nil && items.Kind == yaml.MappingNode {
		if lines := said[path+"[]"]; len(lines) > 0 && len(items.Content) > 0 {
			items.Content[0].HeadComment = strings.Join(lines, "\n")
		}
		inside(items, path+"[]", said)
	}
}

func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

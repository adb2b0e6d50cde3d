package yamldoc

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bytes writes the document: values, comments and the order of keys as they were
// read, but for what was set or deleted since. Blank lines and the width of
// indentation are not kept. What Problem and Literal say goes by the document as
// it is now; lines are those of the text that was read.
func (d *Document) Bytes() ([]byte, error) { return d.write(d.root) }

// write is the text of a root, with the comments before and after it.
func (d *Document) write(root *yaml.Node) ([]byte, error) {
	return write(&yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}, HeadComment: d.head, FootComment: d.foot})
}

// Set puts a value at a path ("schema[0].properties[3].required"). The mapping or
// list in which it stands must be there; a key that is not there is put last, as
// is the member of a list whose index is its length. Comments at the path stay.
func (d *Document) Set(path string, value any) error {
	at := steps(path)
	if len(at) == 0 {
		return fmt.Errorf("the path %q names nothing", path)
	}
	parent, last, err := d.parent(at)
	if err != nil {
		return err
	}
	old := child(parent, last)
	n, err := merge(reflect.ValueOf(&value).Elem(), old)
	if err != nil {
		return err
	}
	if old != nil {
		*old = *n
		return nil
	}
	switch parent.Kind {
	case yaml.MappingNode:
		key, err := leaf(last)
		if err != nil {
			return err
		}
		parent.Content = append(parent.Content, key, n)
		parent.Style &^= flowIfEmpty(parent)
		return nil
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(last); err == nil && i == len(parent.Content) {
			parent.Content = append(parent.Content, n)
			parent.Style &^= flowIfEmpty(parent)
			return nil
		}
	}
	return fmt.Errorf("%s: there is nothing of which %q could be a part", path, last)
}

// flowIfEmpty is the style to take from a mapping or list that was "{}" or "[]".
func flowIfEmpty(n *yaml.Node) yaml.Style {
	if len(n.Content) <= 2 && n.Kind == yaml.MappingNode || len(n.Content) <= 1 {
		return yaml.FlowStyle
	}
	return 0
}

// Delete takes out what stands at a path, with its comments. That there is
// nothing is an error.
func (d *Document) Delete(path string) error {
	at := steps(path)
	if len(at) == 0 {
		return fmt.Errorf("the path %q names nothing", path)
	}
	parent, last, err := d.parent(at)
	if err != nil {
		return err
	}
	if child(parent, last) == nil {
		return fmt.Errorf("%s: there is nothing", path)
	}
	if parent.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(last)
		if err != nil {
			return err
		}
		parent.Content = slices.Delete(parent.Content, i, i+1)
		return nil
	}
	for i := 0; i+1 < len(parent.Content); i += 2 {
		if parent.Content[i].Value == last {
			parent.Content = slices.Delete(parent.Content, i, i+2)
			break
		}
	}
	return nil
}

// Comment writes a comment behind what stands at a path, or above it where it is
// a mapping or a list; "" takes the comment away.
func (d *Document) Comment(path, text string) error {
	at := steps(path)
	if len(at) == 0 {
		return fmt.Errorf("the path %q names nothing", path)
	}
	parent, last, err := d.parent(at)
	if err != nil {
		return err
	}
	n := child(parent, last)
	if n == nil {
		return fmt.Errorf("%s: there is nothing", path)
	}
	if text != "" {
		text = "# " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n# ")
	}
	if n.Kind == yaml.ScalarNode && !strings.Contains(text, "\n") {
		n.LineComment = text
		return nil
	}
	for i := 0; parent.Kind == yaml.MappingNode && i+1 < len(parent.Content); i += 2 {
		if parent.Content[i+1] == n {
			n = parent.Content[i]
			break
		}
	}
	n.HeadComment = text
	return nil
}

// parent finds what the last step of a path is a part of.
func (d *Document) parent(at []string) (n *yaml.Node, last string, err error) {
	n = d.root
	for i, step := range at[:len(at)-1] {
		next := child(n, step)
		if next == nil {
			return nil, "", fmt.Errorf("%s: there is nothing", strings.Join(at[:i+1], "."))
		}
		n = next
	}
	return n, at[len(at)-1], nil
}

// Has reports whether something stands at a path, be it null.
func (d *Document) Has(path string) bool {
	_, found := d.find(path)
	return found
}

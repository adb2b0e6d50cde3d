package yamldoc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Ordered is implemented by structs whose keys are written in another order than
// that of their fields; keys that are not listed follow.
type Ordered interface {
	YAMLOrder() []string
}

// Encode writes a value as YAML: structs by their `yaml:"name"` tags, in the
// order of their fields, without the fields that are zero unless they are tagged
// `write:"always"`. Types with MarshalYAML are written as what it answers.
// Values that were decoded into an any come out as they went in.
func Encode(v any) ([]byte, error) { return encode(nil, v) }

// Encode writes v, which was decoded from the document and perhaps changed
// since. What has not changed is written as it stands there: its comments, its
// order of keys, its digits, and keys that say the zero value. The members of a
// list are recognised by their id or name, or else by where they stand. Blank
// lines and the width of indentation are not kept.
func (d *Document) Encode(v any) ([]byte, error) { return encode(d, v) }

func encode(d *Document, v any) ([]byte, error) {
	var old *yaml.Node
	if d != nil {
		old = d.root
	}
	n, err := merge(reflect.ValueOf(v), old)
	if err != nil {
		return nil, err
	}
	if d != nil {
		return d.write(n)
	}
	return write(n)
}

// write is the text of a node.
func write(n *yaml.Node) (text []byte, err error) {
	defer unpanic(&err)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	n, _ = plain(n, false)
	if err := enc.Encode(n); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// merge is the node of a value, as much as can be taken from the old node of the
// same place, which may be nil.
func merge(v reflect.Value, old *yaml.Node) (*yaml.Node, error) {
	if old != nil && same(v, old) {
		return old, nil
	}
	float := false // whether a whole number must look like a float to be one
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		float = v.Kind() == reflect.Interface
		if v.IsNil() {
			return commented(scalar("!!null", "null"), old), nil
		}
		if m, ok := v.Interface().(yaml.Marshaler); ok {
			return marshaled(m, old)
		}
		v = v.Elem()
	}
	if v.CanInterface() {
		switch t := v.Interface().(type) {
		case json.Number:
			return commented(scalar("", t.String()), old), nil
		case yaml.Marshaler:
			return marshaled(t, old)
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		return mergeStruct(v, old)
	case reflect.Map:
		return mergeMap(v, old)
	case reflect.Slice, reflect.Array:
		return mergeList(v, old)
	case reflect.Float32, reflect.Float64:
		return commented(number(v.Float(), float), old), nil
	}
	n, err := leaf(v.Interface())
	if err != nil {
		return nil, err
	}
	return commented(n, old), nil
}

// leaf is the node of a single value, in quotes where it would be read as
// something else.
func leaf(v any) (n *yaml.Node, err error) {
	defer unpanic(&err)
	n = new(yaml.Node)
	return n, n.Encode(v)
}

// unpanic makes an error of how go-yaml says that it cannot write a value.
func unpanic(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("yaml: %v", p)
	}
}

func marshaled(m yaml.Marshaler, old *yaml.Node) (*yaml.Node, error) {
	v, err := m.MarshalYAML()
	if err != nil {
		return nil, err
	}
	return merge(reflect.ValueOf(v), old)
}

// same reports whether an old node says the value.
func same(v reflect.Value, old *yaml.Node) bool {
	t := v.Type()
	if old.Kind == yaml.MappingNode && t.Kind() == reflect.Struct {
		return false // its keys are compared one by one
	}
	decoded := reflect.New(t)
	return old.Decode(decoded.Interface()) == nil && reflect.DeepEqual(decoded.Elem().Interface(), v.Interface())
}

// plain copies a node without the tags that reading gave to its values, so that a
// date without quotes stays one. flow tells that it stands in braces or brackets:
// there go-yaml writes an empty null as an empty text and puts a time in quotes,
// so nulls are spelt out, and what holds a time is written without braces. Folded
// text of several paragraphs, or with blank lines at its end, which it does not write
// as it was, becomes literal.
func plain(n *yaml.Node, flow bool) (c *yaml.Node, block bool) {
	k := *n
	c = &k
	flow = flow || n.Style&yaml.FlowStyle != 0
	if c.Kind == yaml.ScalarNode && c.Style == 0 {
		if c.Value == "" && flow {
			c.Value = "null"
		}
		c.Tag = ""
		return c, flow && strings.Contains(c.Value, ":") && c.ShortTag() == "!!timestamp"
	}
	if text := strings.TrimRight(c.Value, "\n"); c.Style&yaml.FoldedStyle != 0 && (strings.Contains(text, "\n") || text != strings.TrimSpace(text) || len(c.Value) > len(text)+1) {
		c.Style = c.Style&^yaml.FoldedStyle | yaml.LiteralStyle
	}
	c.Content = nil
	for _, item := range n.Content {
		p, b := plain(item, flow)
		c.Content, block = append(c.Content, p), block || b
	}
	if block {
		c.Style &^= yaml.FlowStyle
	}
	return c, block
}

func scalar(tag, text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
}

// number is a float, with a decimal point if it must be read as one again.
func number(f float64, float bool) *yaml.Node {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		text := strings.ToLower(strconv.FormatFloat(f, 'f', -1, 64)) // nan, +inf, -inf
		return scalar("", strings.NewReplacer("nan", ".nan", "+inf", ".inf", "-inf", "-.inf").Replace(text))
	}
	format := byte('f')
	if abs := math.Abs(f); abs >= 1e21 || abs != 0 && abs < 1e-7 {
		format = 'e'
	}
	text := strconv.FormatFloat(f, format, -1, 64)
	if float && !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return scalar("", text)
}

// commented gives a new node the comments of the old one.
func commented(n, old *yaml.Node) *yaml.Node {
	if old != nil {
		n.HeadComment, n.LineComment, n.FootComment = old.HeadComment, old.LineComment, old.FootComment
	}
	return n
}

// member is a key of a struct and its value.
type member struct {
	key    string
	value  reflect.Value
	always bool
}

// members are the keys of a struct, inline ones among them, in order.
func members(v reflect.Value) []member {
	var all []member
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if strings.Contains(options, "inline") {
			inner := v.Field(i)
			switch inner.Kind() {
			case reflect.Struct:
				all = append(all, members(inner)...)
			case reflect.Map:
				for _, key := range slices.Sorted(maps.Keys(stringKeys(inner))) {
					all = append(all, member{key: key, value: inner.MapIndex(reflect.ValueOf(key)), always: true})
				}
			}
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		all = append(all, member{key: name, value: v.Field(i), always: f.Tag.Get("write") == "always"})
	}
	if o, ok := v.Interface().(Ordered); ok {
		order := o.YAMLOrder()
		slices.SortStableFunc(all, func(a, b member) int { return rank(order, a.key) - rank(order, b.key) })
	}
	return all
}

func rank(order []string, key string) int {
	if i := slices.Index(order, key); i >= 0 {
		return i
	}
	return len(order)
}

func stringKeys(m reflect.Value) map[string]bool {
	keys := map[string]bool{}
	for _, k := range m.MapKeys() {
		keys[fmt.Sprint(k.Interface())] = true
	}
	return keys
}

func mergeStruct(v reflect.Value, old *yaml.Node) (*yaml.Node, error) {
	all := members(v)
	n := &yaml.Node{Kind: yaml.MappingNode}
	if old != nil && old.Kind == yaml.MappingNode {
		n.Style, n.HeadComment, n.LineComment, n.FootComment = old.Style, old.HeadComment, old.LineComment, old.FootComment
	}
	// first come the keys that are there already, in their order
	written := map[string]int{} // where the key behind this one would stand
	if old != nil && old.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(old.Content); i += 2 {
			key, value := old.Content[i], old.Content[i+1]
			at := slices.IndexFunc(all, func(m member) bool { return m.key == key.Value })
			if at < 0 {
				continue // a key of an inline map that was taken out
			}
			m := all[at]
			if m.value.IsZero() && !m.always && !same(m.value, value) {
				continue
			}
			merged, err := merge(m.value, value)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, key, merged)
			written[m.key] = len(n.Content)
		}
	}
	// then each new one behind the nearest that goes before it
	behind := 0
	for _, m := range all {
		if at, there := written[m.key]; there {
			behind = at
			continue
		}
		if m.value.IsZero() && !m.always {
			continue
		}
		merged, err := merge(m.value, nil)
		if err != nil {
			return nil, err
		}
		key, err := leaf(m.key)
		if err != nil {
			return nil, err
		}
		n.Content = slices.Insert(n.Content, behind, key, merged)
		for key, at := range written {
			if at > behind {
				written[key] = at + 2
			}
		}
		behind += 2
	}
	if len(n.Content) == 0 {
		n.Style |= yaml.FlowStyle
	}
	return n, nil
}

func mergeMap(v reflect.Value, old *yaml.Node) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	type entry struct{ key, value reflect.Value } // by its key NaN would not be found again
	var all []entry
	for r := v.MapRange(); r.Next(); {
		all = append(all, entry{r.Key(), r.Value()})
	}
	name := func(e entry) string { return fmt.Sprint(e.key.Interface()) }
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(name(a), name(b)) })
	place := func(key string) int { return -1 }
	if old != nil && old.Kind == yaml.MappingNode {
		commented(n, old).Style = old.Style
		place = func(key string) int {
			for i := 0; i+1 < len(old.Content); i += 2 {
				if old.Content[i].Value == key {
					return i
				}
			}
			return -1
		}
		slices.SortStableFunc(all, func(a, b entry) int {
			x, y := place(name(a)), place(name(b))
			if x < 0 || y < 0 {
				return y - x // new keys last
			}
			return x - y
		})
	}
	for _, e := range all {
		key, err := merge(e.key, nil)
		if err != nil {
			return nil, err
		}
		var was *yaml.Node
		if i := place(name(e)); i >= 0 {
			key, was = old.Content[i], old.Content[i+1]
		}
		value, err := merge(e.value, was)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, key, value)
	}
	if len(n.Content) == 0 {
		n.Style |= yaml.FlowStyle
	}
	return n, nil
}

func mergeList(v reflect.Value, old *yaml.Node) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	var was []*yaml.Node
	if old != nil && old.Kind == yaml.SequenceNode {
		commented(n, old).Style = old.Style
		was = old.Content
	}
	taken := make([]bool, len(was))
	places := map[string]int{} // the first of each name
	for i := len(was) - 1; i >= 0; i-- {
		places[calledNode(was[i])] = i
	}
	for i := range v.Len() {
		at := i
		if name := called(v.Index(i)); name != "" && (at >= len(was) || calledNode(was[at]) != name) {
			var there bool
			if at, there = places[name]; !there {
				at = len(was)
			}
		}
		var from *yaml.Node
		if at < len(was) && !taken[at] {
			from, taken[at] = was[at], true
		}
		item, err := merge(v.Index(i), from)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, item)
	}
	if len(n.Content) == 0 {
		n.Style |= yaml.FlowStyle
	}
	return n, nil
}

// naming are the keys by which the members of a list are known.
func naming() []string {
	return []string{"id", "name", "server", "property", "channel", "role", "username", "metric", "url"}
}

// called is what the member of a list is called, "" if nothing.
func called(v reflect.Value) string {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return ""
	}
	all := members(v)
	for _, key := range naming() {
		for _, m := range all {
			if m.key == key && m.value.Kind() == reflect.String && m.value.String() != "" {
				return key + " " + m.value.String()
			}
		}
	}
	return ""
}

func calledNode(n *yaml.Node) string {
	for _, key := range naming() {
		if c := child(n, key); c != nil && c.Value != "" && n.Kind == yaml.MappingNode {
			return key + " " + c.Value
		}
	}
	return ""
}

package yamldoc

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Either is implemented by types that may be written in more than one way, such
// as a list in one version of a format and a mapping in the next. YAMLForms
// answers a value of the type of each form: a struct or map, a slice, or a
// string, no two of one kind. The checks of Decode go by the form that is
// there; the type's UnmarshalYAML then reads it.
type Either interface {
	YAMLForms() []any
}

var either = reflect.TypeFor[Either]()

// formsOf are the forms of a type; nil where it has one.
func formsOf(t reflect.Type) []any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !reflect.PointerTo(t).Implements(either) {
		return nil
	}
	return reflect.New(t).Interface().(Either).YAMLForms()
}

// formFor is the form that a node of a kind has, nil if there is none, and all
// forms in words.
func formFor(forms []any, kind yaml.Kind) (form reflect.Type, want string) {
	var words []string
	for _, f := range forms {
		t := reflect.TypeOf(f)
		of, word := yaml.ScalarNode, "a single value"
		switch t.Kind() {
		case reflect.Struct, reflect.Map:
			of, word = yaml.MappingNode, "a mapping"
		case reflect.Slice:
			of, word = yaml.SequenceNode, "a list"
		}
		if of == kind {
			form = t
		}
		words = append(words, word)
	}
	return form, strings.Join(words, " or ")
}

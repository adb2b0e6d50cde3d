package policy

import (
	"fmt"
	"slices"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// KAnonymity is how many rows of a drop must be alike for them to leave a view, and in
// which fields.
type KAnonymity struct {
	K      int
	Fields []int // of the view's schema, scalars outside of arrays, sorted
}

// Paths are those of the fields, in the view's schema.
func (k *KAnonymity) Paths(s *record.Schema) []string {
	paths := make([]string, len(k.Fields))
	for i, f := range k.Fields {
		paths[i] = s.Fields[f].Path
	}
	return paths
}

// kAnonymity resolves the quasi-identifiers of a subscription to fields that leave.
func (c *compiler) kAnonymity(v *View, s *exchange.Subscription) *KAnonymity {
	if s.KAnonymity == nil {
		return nil
	}
	k := &KAnonymity{K: s.KAnonymity.K}
	for i, path := range s.KAnonymity.QuasiIdentifiers {
		message, hint := "", ""
		field := v.Schema.Lookup(path)
		switch {
		case field <= 0:
			message = fmt.Sprintf("the contract has no field %q", path)
			var paths []string
			for _, f := range v.Schema.Fields[1:] {
				paths = append(paths, f.Path)
			}
			if near := yamldoc.Nearest(path, paths); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
		case v.Fields[field].Op == record.Drop || !v.leaves(field):
			message, hint = fmt.Sprintf("field %s does not leave", path), "take it out: what a receiver does not get, it cannot compare"
		case !scalar(v.Schema, field):
			message, hint = fmt.Sprintf("field %s has no value of its own, or several in one row", path), "name fields with one text, number, boolean, date or time"
		case v.Fields[field].Transform.Algorithm == transform.GCM:
			message, hint = fmt.Sprintf("field %s leaves as another token in each row, so that no two are alike", path), "take it out, or use another algorithm"
		case v.Fields[field].Transform.Type == transform.Noise:
			message, hint = fmt.Sprintf("field %s leaves with noise of its own in each row, so that hardly two are alike", path), "take it out, or use round or bucket"
		case v.Fields[field].Transform.Subject != "":
			message, hint = fmt.Sprintf("field %s leaves as a token of a data subject, so that only rows of one person are alike", path), "take it out, or leave out subject"
		default:
			k.Fields = append(k.Fields, field)
			continue
		}
		c.problems = append(c.problems, s.Problem(fmt.Sprintf("kAnonymity.quasiIdentifiers[%d]", i), message, hint))
	}
	slices.Sort(k.Fields)
	return k
}

// scalar tells whether each row has at most one value of a field.
func scalar(s *record.Schema, field int) bool {
	switch s.Fields[field].Type {
	case record.String, record.Integer, record.Number, record.Boolean, record.Date, record.Timestamp, record.Time:
	default:
		return false
	}
	for f := s.Fields[field].Parent; f > 0; f = s.Fields[f].Parent {
		if s.Fields[f].Type != record.Object {
			return false
		}
	}
	return true
}

package transform

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// Place is where the values of a Transform stand, for those whose new values
// depend on it. It is pinned with the drop: the same in every run. Where a
// transform misses what it needs of it, every value leaves as null.
type Place struct {
	Time time.Time // of the drop
	// Drop, Segment, View and Field tell the values of one rendering from all
	// others'.
	Drop    string
	Segment int
	View    string
	Field   string
	// Subjects are the keys of those whom the rows are about, for specs with Subject.
	Subjects SubjectKeys
}

// RowAppender is an Appender whose new values depend on the row, too.
type RowAppender interface {
	Appender
	// Row tells the row of the next values: its number in the segment and the value
	// of its field Spec.By or Subject, which is empty if there is none and is not kept.
	Row(number int64, by []byte)
}

// At is a new appender for values at a place, for one goroutine.
func (t *Transform) At(p Place) Appender {
	if t.placed != nil {
		return t.placed(p)
	}
	return t.appender()
}

// Appender is At no place.
func (t *Transform) Appender() Appender { return t.At(Place{}) }

// Rule is what a projection of rows of s does with a field of the transform. It
// holds an appender: it is for one projection.
func (t *Transform) Rule(s *record.Schema, p Place) record.Rule {
	a := t.At(p)
	rule := record.Rule{Op: record.Replace, Append: a.Append, Out: t.out, Plain: t.plain, Nulls: t.HidesNull()}
	if batch, ok := a.(BatchAppender); ok {
		rule.AppendAll, rule.Size = batch.AppendAll, batch.Size()
	}
	if row, ok := a.(RowAppender); ok {
		rule.Row, rule.By = row.Row, max(t.spec.by(s), 0)
	}
	return rule
}

// by is the field that Spec.By or Subject names, -1 if there is none.
func (s Spec) by(schema *record.Schema) int {
	return schema.Member(0, []byte(cmp.Or(s.By, s.Subject)))
}

// SubjectField is the field of the rows that Spec.Subject names; ok is false if the
// spec names none.
func (s Spec) SubjectField(schema *record.Schema) (field int, ok bool) {
	if s.Subject == "" {
		return 0, false
	}
	field = s.by(schema)
	return field, field >= 0
}

// CheckRow is the fault of a spec whose By or Subject names no field that each row
// has at most once and that has a text.
func CheckRow(s Spec, schema *record.Schema) error {
	option, name := "by", s.By
	if s.Subject != "" {
		option, name = "subject", s.Subject
	}
	if name == "" {
		return nil
	}
	field := s.by(schema)
	if field < 0 {
		return optionFault(fmt.Sprintf("%s of %s names %q, and the rows have no such field of their own", option, s.Type, name), "name a top-level field of the contract, such as a number of the patient")
	}
	if in := schema.Fields[field].Type; !slices.Contains(scalars, in) {
		return fault.New(fault.Poison, CodeType, fmt.Sprintf("%s of %s names %q, which is of type %s", option, s.Type, name, in), "name a field that holds one text or number")
	}
	return nil
}

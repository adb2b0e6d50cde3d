package local

import (
	"fmt"

	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// How says in a few words how a field leaves: "as is", "token", "mask …4".
func How(r policy.FieldRule) string {
	switch r.Op {
	case record.Keep:
		return "as is"
	case record.Drop:
		return "–"
	case record.Nullify:
		return "null"
	case record.Descend:
		return "in part"
	}
	t := r.Transform
	switch t.Type {
	case transform.Mask:
		switch {
		case t.KeepFirst > 0 && t.KeepLast > 0:
			return fmt.Sprintf("mask %d…%d", t.KeepFirst, t.KeepLast)
		case t.KeepFirst > 0:
			return fmt.Sprintf("mask %d…", t.KeepFirst)
		case t.KeepLast > 0:
			return fmt.Sprintf("mask …%d", t.KeepLast)
		}
	case transform.Date:
		return t.To + " only"
	case transform.Bucket:
		return "by " + string(t.Size)
	case transform.Round:
		return "to " + string(t.Size)
	case transform.Prefix:
		return fmt.Sprintf("first %d", t.Length)
	case transform.DateShift:
		return fmt.Sprintf("±%d days", t.Days)
	}
	return t.Type
}

// Walk visits the fields of a schema in the contract's order, and what is inside
// one if visit says so.
func Walk(s *record.Schema, visit func(field int) (inside bool)) {
	var each func(field int)
	each = func(field int) {
		f := &s.Fields[field]
		if !visit(field) {
			return
		}
		if f.Type == record.Array && f.Items >= 0 {
			each(f.Items)
		}
		for _, m := range f.Members {
			each(m)
		}
	}
	for _, column := range s.Columns() {
		each(column)
	}
}

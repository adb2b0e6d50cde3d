package reveal

import (
	"context"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// Why a token is refused, see event.Reveal.
const (
	otherKey = "other"
	erased   = "subject-erased"
)

// subjects are those whose tokens one request holds. Each is looked up once: what
// was erased before the request is refused.
type subjects struct {
	from  *keys.Subjects // nil: none
	known map[keys.SubjectRef]looked
}

type looked struct {
	subject keys.Subject
	refused string // why; "": it is not
}

// value is what a token stands for under the key of its domain, or why it is
// refused.
func (s subjects) value(ctx context.Context, token string, key keys.TokenKey) (value []byte, refused string, err error) {
	if !transform.OfSubject([]byte(token)) {
		return orOther(transform.Reveal(nil, []byte(token), key))
	}
	opened, ok, err := transform.OpenSubject([]byte(token), key)
	if err != nil || !ok {
		return nil, otherKey, err
	}
	found, err := s.look(ctx, keys.SubjectRef(opened.Ref))
	if err != nil || found.refused != "" {
		return nil, found.refused, err
	}
	own, err := found.subject.TokenKey(key)
	if err != nil {
		return nil, "", err
	}
	return orOther(opened.Reveal(nil, own))
}

func orOther(value []byte, ok bool, err error) ([]byte, string, error) {
	if err != nil || !ok {
		return nil, otherKey, err
	}
	return value, "", nil
}

func (s subjects) look(ctx context.Context, ref keys.SubjectRef) (found looked, err error) {
	if known, there := s.known[ref]; there {
		return known, nil
	}
	if s.from == nil {
		return found, fault.New(fault.Retry, CodeNoSubjects, "a token is of a data subject, and there is no bucket for the keys of these", "set SALLYPORT_SUBJECTS to the URL of the one that mask has")
	}
	found.subject, err = s.from.Look(ctx, ref)
	switch fault.CodeOf(err) {
	case keys.CodeSubjectErased:
		found.refused, err = erased, nil
	case keys.CodeSubjectMissing:
		found.refused, err = otherKey, nil
	}
	if err == nil {
		s.known[ref] = found
	}
	return found, err
}

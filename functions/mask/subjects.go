package mask

import (
	"context"
	"slices"
	"sync"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// CodeNoSubjects is the code of a fault: a view keys its tokens by data subject, and
// mask was given no bucket with their keys (Retry).
const CodeNoSubjects = "subjects-missing"

// asked is how many keys of data subjects are asked for at once.
const asked = 32

// subjects are the keys of those whom the rows at hand are about, for the tokens of
// one view. It is a transform.SubjectKeys.
type subjects struct {
	from     *keys.Subjects
	contract string
	domain   keys.TokenKey
	fields   []int // of the rows, that name them

	known   map[string]subjectKey // by value, of the rows at hand
	scratch []byte
}

type subjectKey struct {
	ref transform.SubjectRef
	key keys.TokenKey
	has bool // false: it was erased
}

// subjectsOf are those that a view asks for, nil if it asks for none.
func (f *Function) subjectsOf(v *policy.View, domain func() (keys.TokenKey, error)) (*subjects, error) {
	s := &subjects{from: f.subjects, contract: v.Contract.ID}
	for _, rule := range v.Fields {
		if rule.Op != record.Replace {
			continue
		}
		if field, ok := rule.Transform.SubjectField(v.Schema); ok && !slices.Contains(s.fields, field) {
			s.fields = append(s.fields, field)
		}
	}
	if len(s.fields) == 0 {
		return nil, nil
	}
	if s.from == nil {
		return nil, fault.New(fault.Retry, CodeNoSubjects, "a view keys its tokens by data subject, and there is no bucket for the keys of these", "set SALLYPORT_SUBJECTS to the URL of one that keeps no older versions of its objects")
	}
	var err error
	s.domain, err = domain()
	return s, err
}

// fetch gets the keys of the subjects of rows of b.
func (s *subjects) fetch(ctx context.Context, b *record.Batch, rows []uint32) error {
	if s == nil {
		return nil
	}
	before := s.known
	s.known = make(map[string]subjectKey, len(rows))
	var missing []string
	for _, i := range rows {
		for _, field := range s.fields {
			n := b.Top(int(i), field)
			if n == nil || n.Kind == record.JSONObject || n.Kind == record.JSONArray {
				continue
			}
			var value []byte
			if value, s.scratch = b.Value(n, s.scratch); len(value) == 0 {
				continue
			}
			if _, there := s.known[string(value)]; there {
				continue
			}
			k, there := before[string(value)]
			if !there {
				missing = append(missing, string(value))
			}
			s.known[string(value)] = k
		}
	}
	return s.ask(ctx, missing)
}

// ask asks for keys, some at once.
func (s *subjects) ask(ctx context.Context, values []string) error {
	found := make([]subjectKey, len(values))
	errs := make([]error, len(values))
	var wg sync.WaitGroup
	room := make(chan struct{}, asked)
	for i, value := range values {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			found[i], errs[i] = s.one(ctx, value)
		})
	}
	wg.Wait()
	for i, value := range values {
		if errs[i] != nil {
			return errs[i] // the others', if any, are the same bucket's
		}
		s.known[value] = found[i]
	}
	return nil
}

func (s *subjects) one(ctx context.Context, value string) (k subjectKey, err error) {
	found, err := s.from.Of(ctx, s.contract, []byte(value))
	if err != nil || !found.Erased.IsZero() {
		return k, err
	}
	k.ref, k.has = transform.SubjectRef(found.Ref), true
	k.key, err = found.TokenKey(s.domain)
	return k, err
}

// Subject implements transform.SubjectKeys.
func (s *subjects) Subject(value []byte) (transform.SubjectRef, transform.TokenKey, bool) {
	k := s.known[string(value)]
	return k.ref, k.key, k.has
}

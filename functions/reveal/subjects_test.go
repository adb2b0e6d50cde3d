package reveal

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// oneSubject has the key of one data subject, as mask has.
type oneSubject struct {
	ref keys.SubjectRef
	key keys.TokenKey
}

func (o oneSubject) Subject([]byte) (transform.SubjectRef, transform.TokenKey, bool) {
	return transform.SubjectRef(o.ref), o.key, true
}

// subjectToken is the token of a value of a subject in domain acme, by version 3.
func (w *world) subjectToken(t *testing.T, from *keys.Subjects, who, algorithm, value string) string {
	t.Helper()
	ring, err := keys.Open(t.Context(), w.ring)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	domain, err := ring.VersionTokenKey("", "acme", 3)
	if err != nil {
		t.Fatal(err)
	}
	found, err := from.Of(t.Context(), "people-id", []byte(who))
	if err != nil {
		t.Fatal(err)
	}
	own, err := found.TokenKey(domain)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := transform.Compile(transform.Spec{Type: transform.Token, Algorithm: algorithm, Subject: "land"}, record.String, domain)
	if err != nil {
		t.Fatal(err)
	}
	a := tr.At(transform.Place{Drop: "d", View: "v", Field: "f", Subjects: oneSubject{found.Ref, own}})
	a.(transform.RowAppender).Row(1, []byte(who))
	out, ok := a.Append(nil, []byte(value))
	if !ok {
		t.Fatal("there is no token")
	}
	return string(out)
}

// TestErasedSubject: tokens of data subjects are revealed, and those of one that was
// erased are refused by name from the next request on, whatever is in memory;
// others' still are revealed.
func TestErasedSubject(t *testing.T) {
	w := newWorld(t)
	ring, err := keys.Open(t.Context(), w.ring)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	people := keys.NewSubjects(w.people, ring)
	defer people.Close()
	siv := w.subjectToken(t, people, "anna", transform.SIV, canary)
	body := inquiryOf(siv, w.subjectToken(t, people, "anna", transform.GCM, canary), w.subjectToken(t, people, "bert", transform.SIV, "canary of another"),
		token(t, "acme", 3, "canary of nobody in particular"), siv[:len(siv)-4], "s"+siv[1:])
	got := func(name, want string, refused map[string]int) {
		t.Helper()
		a := w.ask(t, withKey(goodKey), body)
		w.now = w.now.Add(time.Minute) // for the rate
		var is strings.Builder
		for _, item := range a.Items {
			if item.Value != nil {
				is.WriteString(*item.Value)
			}
			is.WriteByte('|')
		}
		_, data, _ := w.last(t)
		if a.Status != http.StatusOK || is.String() != want || len(data.Refused) != len(refused) {
			t.Errorf("%s: %d %q, recorded as %+v", name, a.Status, is.String(), data)
		}
		for why, n := range refused {
			if data.Refused[why] != n {
				t.Errorf("%s: %d are refused as %q, want %d", name, data.Refused[why], why, n)
			}
		}
		w.silent(t, "")
	}
	got("before", canary+"|"+canary+"|canary of another|canary of nobody in particular|||", map[string]int{"other": 2})
	if _, err := people.Erase(t.Context(), "people-id", []byte("anna"), time.Now()); err != nil {
		t.Fatal(err)
	}
	got("after", "||canary of another|canary of nobody in particular|||", map[string]int{"other": 2, "subject-erased": 2})

	// What is no key of a subject, or does not answer, stops the request: nothing of it
	// is revealed.
	w.Fail = func(_ int, op string) storetest.Mode {
		if strings.HasPrefix(op, "subjects ") {
			return storetest.Before
		}
		return storetest.None
	}
	a := w.ask(t, withKey(goodKey), body)
	_, data, _ := w.last(t)
	if a.Status != http.StatusServiceUnavailable || len(a.Items) != 0 || data.Revealed != 0 || data.Fault == nil || data.Fault.Code != keys.CodeSubjectBucket {
		t.Errorf("the bucket is down: %d %s, recorded as %+v", a.Status, a.Code, data)
	}
	w.Fail = nil
	w.now = w.now.Add(time.Minute)
	f, err := Open(t.Context(), Config{Exchange: "b://exchange", Keys: w.ring, Buckets: w.mux(), Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.Reveal(t.Context(), "local ann", Request{"cases", "people", "mail", "investigation", []string{siv}}, w.take)
	if _, data, _ := w.last(t); err == nil || data.Fault == nil || data.Fault.Code != CodeNoSubjects || bytes.Contains([]byte(err.Error()), []byte("canary")) {
		t.Errorf("without a bucket: %v, recorded as %+v", err, data)
	}
}

package transform

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

// subjectsOf are keys of subjects in a domain; those in it were erased.
type subjectsOf struct {
	domain string
	erased map[string]bool
}

func (s subjectsOf) Subject(value []byte) (ref SubjectRef, k TokenKey, ok bool) {
	sum := sha256.Sum256(value)
	copy(ref[:], sum[:])
	own := sha256.Sum256([]byte(s.domain + string(value)))
	return ref, testKey{key.version, string(own[:])}, !s.erased[string(value)]
}

// TestSubjectTokens: tokens of one subject agree where those of the algorithm do,
// those of two never; whoever has the subject's key reveals them, and without it
// nobody does.
func TestSubjectTokens(t *testing.T) {
	const value = "DE02120300000000202051"
	here := somewhere
	erased := map[string]bool{}
	here.Subjects = subjectsOf{"acme", erased}
	for _, algorithm := range []string{"", HMAC, BLAKE3, SIV, GCM} {
		spec := Spec{Type: Token, Algorithm: algorithm, Subject: "customer"}
		tr, err := Compile(spec, record.String, key)
		if err != nil {
			t.Fatal(err)
		}
		anna := apply(inRow(tr, here, 1, "anna"), value)
		joins := algorithm != GCM
		if again := apply(inRow(tr, here, 2, "anna"), value); (again == anna) != joins {
			t.Errorf("%s: the same value of one subject: %s, %s", algorithm, anna, again)
		}
		if again := apply(inRow(tr, here, 1, "anna"), value); again != anna {
			t.Errorf("%s: a second run: %s, %s", algorithm, anna, again)
		}
		if bert := apply(inRow(tr, here, 1, "bert"), value); bert == anna {
			t.Errorf("%s: two subjects have one token", algorithm)
		}
		if plain := apply(inRow(compile(t, Spec{Type: Token, Algorithm: algorithm}, record.String), here, 1, ""), value); plain == anna {
			t.Errorf("%s: the token is that of nobody in particular", algorithm)
		}
		for name, a := range map[string]Appender{"nobody": inRow(tr, here, 1, ""), "no keys": inRow(tr, somewhere, 1, "anna"), "no row": tr.At(here)} {
			if out, ok := a.Append([]byte("x"), []byte(value)); ok || string(out) != "x" {
				t.Errorf("%s: %s: %q", algorithm, name, out)
			}
		}
		// One appender goes from row to row, and an erased one has nothing.
		a := tr.At(here)
		erased["bert"] = true
		for _, who := range []string{"anna", "bert", "bert", "", "anna"} {
			a.(RowAppender).Row(1, []byte(who))
			out, ok := a.Append(nil, []byte(value))
			if ok != (who == "anna") || ok && string(out) != anna {
				t.Errorf("%s: %q has %q", algorithm, who, out)
			}
		}
		delete(erased, "bert")

		if version, ok := TokenVersion([]byte(anna)); spec.Reversible() != ok || ok && version != key.version {
			t.Errorf("%s: version %d, %v", algorithm, version, ok)
		}
		if OfSubject([]byte(anna)) != spec.Reversible() {
			t.Errorf("%s: %s", algorithm, anna)
		}
		if _, ok, err := Reveal(nil, []byte(anna), key); ok || err != nil {
			t.Errorf("%s: revealed without the subject's key: %v", algorithm, err)
		}
		opened, ok, err := OpenSubject([]byte(anna), key)
		if err != nil || ok != spec.Reversible() {
			t.Errorf("%s: opened: %v, %v", algorithm, ok, err)
		}
		if !ok {
			continue
		}
		ref, own, _ := here.Subjects.Subject([]byte("anna"))
		if opened.Ref != ref {
			t.Errorf("%s: it is said to be another's", algorithm)
		}
		if out, ok, err := opened.Reveal(nil, own); string(out) != value || !ok || err != nil {
			t.Errorf("%s: revealed %q, %v", algorithm, out, err)
		}
		_, other, _ := here.Subjects.Subject([]byte("bert"))
		if out, ok, err := opened.Reveal([]byte("x"), other); ok || string(out) != "x" || err != nil {
			t.Errorf("%s: with another's key: %q, %v", algorithm, out, err)
		}
		if bytes.Contains(opened.sealed, []byte(value)) {
			t.Errorf("%s: the domain's key alone opens it", algorithm)
		}
		if _, ok, err := OpenSubject([]byte(anna), testKey{key.version, "another domain's key, 32 bytes.."}); ok || err != nil {
			t.Errorf("%s: another domain opens it: %v", algorithm, err)
		}
		for _, changed := range []string{anna + "A", anna[:len(anna)-4], "s" + anna[1:], "g" + anna[1:], strings.Replace(anna, "_", "_A", 1)} {
			if _, ok, err := OpenSubject([]byte(changed), key); ok || err != nil {
				t.Errorf("%s: changed: %v", algorithm, err)
			}
			if _, ok, err := Reveal(nil, []byte(changed), key); ok || err != nil {
				t.Errorf("%s: changed and revealed: %v", algorithm, err)
			}
		}
	}
}

// FuzzSubjectTokens: any value of any subject is revealed, and what is no token is
// refused.
func FuzzSubjectTokens(f *testing.F) {
	f.Add([]byte("ann@example.org"), "anna", "e3_AAAA")
	f.Add([]byte(""), "b", "x3_")
	f.Add([]byte("\xff\x00"), "\xff", "e3_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, value []byte, who, forged string) {
		if who == "" {
			return
		}
		here := somewhere
		here.Subjects = subjectsOf{"acme", nil}
		for _, algorithm := range []string{SIV, GCM} {
			tr, err := Compile(Spec{Type: Token, Algorithm: algorithm, Subject: "customer"}, record.String, key)
			if err != nil {
				t.Fatal(err)
			}
			token, ok := inRow(tr, here, 1, who).Append(nil, value)
			opened, is, err := OpenSubject(token, key)
			if !ok || !is || err != nil {
				t.Fatalf("%s: %v, %v", algorithm, is, err)
			}
			_, own, _ := here.Subjects.Subject([]byte(who))
			if out, ok, err := opened.Reveal(nil, own); !ok || err != nil || !bytes.Equal(out, value) {
				t.Fatalf("%s: %q, %v", algorithm, out, err)
			}
		}
		if _, ok, err := OpenSubject([]byte(forged), key); ok || err != nil {
			t.Fatalf("%q is taken: %v", forged, err)
		}
	})
}

func TestSubjectOption(t *testing.T) {
	with := func(inside string) Spec { return Spec{Type: Text, With: Specs(`{"EMAIL_ADDRESS":` + inside + `}`)} }
	for name, c := range map[string]struct {
		spec Spec
		ok   bool
	}{
		"token":               {Spec{Type: Token, Subject: "c"}, true},
		"another transform":   {Spec{Type: Mask, Subject: "c"}, false},
		"inside a text":       {with(`{"type":"token","subject":"c"}`), false},
		"inside it, nobody's": {with(`{"type":"token"}`), true},
	} {
		if _, err := Check(c.spec, record.String); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package transform

import (
	"bytes"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/transform/internal/siv"
)

// The info of HKDF-Expand for the keys that seal whose a token is: not those of
// tokens of nobody in particular.
const subjectInfo = "sallyport/subject-token/v1"

// SubjectRef says whose a token is to who can find the subject's key by it. It
// tells nothing of the subject.
type SubjectRef [16]byte

// SubjectKeys are the keys of data subjects, in one token domain and version.
type SubjectKeys interface {
	// Subject is the key of the subject that a value names. ok is false if there is
	// none: the subject was erased. value is not kept.
	Subject(value []byte) (ref SubjectRef, key TokenKey, ok bool)
}

// subjectTokens makes what makes the appenders of a place. secret is the domain's.
//
// Tokens of hmac-sha256 and blake3 are as others, with the subject's key in the
// place of the domain's. Those that can be revealed are sealed twice: "e<version>_"
// (aes-siv) or "x<version>_" (aes-gcm), and in it, sealed with the domain's key, the
// subject's reference and what AES-256-SIV makes of the value with the subject's.
// So nobody without the domain's key can tell whose a token is, and nobody without
// the subject's what it stands for.
func subjectTokens(algorithm string, secret []byte, version int) (func(Place) Appender, error) {
	sealing, err := derive(secret, subjectInfo, 32)
	if err != nil {
		return nil, err
	}
	outer := func(Place) Appender { return nil }
	inner := Spec{Type: Token, Algorithm: algorithm}
	switch algorithm {
	case SIV:
		made, err := sivTokens(sealing, 'e', version)
		if err != nil {
			return nil, err
		}
		outer = func(Place) Appender { return made() }
	case GCM:
		if outer, err = gcmTokens(sealing, 'x', version); err != nil {
			return nil, err
		}
	}
	return func(p Place) Appender {
		if p.Subjects == nil {
			return appendFunc(appendNothing)
		}
		return &subjectAppender{keys: p.Subjects, spec: inner, outer: outer(p)}
	}, nil
}

// subjectAppender makes tokens with the key of whom the row is about.
type subjectAppender struct {
	keys  SubjectKeys
	spec  Spec     // of the tokens of one subject that cannot be revealed
	outer Appender // what seals those that can, nil for others

	subject []byte   // of the row; empty: nobody
	inner   Appender // makes tokens of the subject; nil: it has no key
	cipher  *siv.Cipher
	sealed  []byte // its reference, and a value
}

// Row finds the key of a subject.
func (a *subjectAppender) Row(number int64, by []byte) {
	if outer, ok := a.outer.(RowAppender); ok {
		outer.Row(number, nil)
	}
	if bytes.Equal(by, a.subject) {
		return
	}
	a.subject, a.inner, a.cipher = append(a.subject[:0], by...), nil, nil
	if len(by) == 0 {
		return
	}
	ref, key, ok := a.keys.Subject(by)
	if !ok {
		return
	}
	if a.outer == nil {
		if t, err := tokenKind().make(a.spec, key); err == nil {
			a.inner = t()
		}
		return
	}
	a.cipher, _ = subjectCipher(key) // nil if there is no usable key
	a.sealed = append(a.sealed[:0], ref[:]...)
}

func (a *subjectAppender) Append(dst, value []byte) ([]byte, bool) {
	switch {
	case a.inner != nil:
		return a.inner.Append(dst, value)
	case a.cipher == nil:
		return dst, false
	}
	a.sealed = a.cipher.Seal(a.sealed[:len(SubjectRef{})], value, nil)
	return a.outer.Append(dst, a.sealed)
}

// subjectCipher seals and opens values with the key of a subject.
func subjectCipher(key TokenKey) (*siv.Cipher, error) {
	secret, err := secretOf(key, Token)
	if err != nil {
		return nil, err
	}
	if secret, err = derive(secret, sivInfo, 64); err != nil {
		return nil, err
	}
	c, err := siv.New(secret)
	if err != nil {
		return nil, fault.Wrap(fault.Poison, CodeKey, err, "no token can be made with the key")
	}
	return c, nil
}

// OfSubject tells whether a token, of which TokenVersion knows the version, was
// made with the key of a data subject: OpenSubject takes it, Reveal does not.
func OfSubject(token []byte) bool { return len(token) > 0 && (token[0] == 'e' || token[0] == 'x') }

// SubjectToken is a token of a data subject of which the outer seal is open.
type SubjectToken struct {
	Ref    SubjectRef // whose it is
	sealed []byte
}

// OpenSubject opens the outer seal of a token, under the key of the domain. ok is
// false if it was not made with that.
func OpenSubject(token []byte, key TokenKey) (t SubjectToken, ok bool, err error) {
	secret, err := secretOf(key, Token)
	if err != nil {
		return t, false, err
	}
	if secret, err = derive(secret, subjectInfo, 32); err != nil {
		return t, false, err
	}
	text, ok, err := open(nil, token, secret, key.Version(), 'e', 'x')
	if err != nil || !ok || len(text) < len(t.Ref) {
		return t, false, err
	}
	n := copy(t.Ref[:], text)
	return SubjectToken{t.Ref, text[n:]}, true, nil
}

// Reveal appends the value of the token, under the subject's key in the same domain
// and version. ok is false if it was not made with that.
func (t SubjectToken) Reveal(dst []byte, key TokenKey) (out []byte, ok bool, err error) {
	c, err := subjectCipher(key)
	if err != nil {
		return dst, false, err
	}
	out, err = c.Open(dst, t.sealed, nil)
	return out, err == nil, nil
}

package reveal

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// CodeUnauthorized is the one code that is told to callers who have not shown who
// they are. The codes below are in the record only.
const CodeUnauthorized = "unauthorized"

const (
	codeUnknownGrant = "grant-unknown"   // there is no grant of that id
	codeNoCaller     = "no-credentials"  // neither a token nor a key
	codeTwoCallers   = "two-credentials" // more than one
	codeAPIKey       = "api-key"         // none of the grant's
	codeShortKey     = "api-key-short"   // anybody could guess it
	codeTokenForm    = "token-form"      // not a signed JSON Web Token, or not by an algorithm that is taken
	codeTokenIssuer  = "token-issuer"    // of an issuer that the grant does not name
	codeTokenSign    = "token-signature" // not signed by a key of the issuer
	codeTokenExpired = "token-expired"
	codeTokenEarly   = "token-early"    // its time is still to come
	codeTokenFor     = "token-audience" // meant for somebody else
	codeTokenSubject = "token-subject"  // of an issuer and audience of the grant, for another subject
	codeIssuer       = "issuer-down"    // Retry: the issuer's keys cannot be had
)

// shortestKey is how many characters an API key has at least: as many as 128
// random bits in hex.
const shortestKey = 32

// unauthorized is the fault of a request that does not show that its caller is one
// of the grant's: code and msg are for the record.
func unauthorized(code, msg string) error {
	return &fault.Error{Kind: fault.Denied, Code: CodeUnauthorized, Msg: "the request does not come from a caller of this grant",
		Do: "send a token of one of its issuers (Authorization: Bearer ...) or an API key (X-API-Key: ...)", Err: fault.New(fault.Denied, code, msg, "")}
}

func unknownGrant() error { return unauthorized(codeUnknownGrant, "there is no grant of that id") }

// caller authenticates by the headers of a request: a JSON Web Token of an issuer,
// or an API key.
func (f *Function) caller(h http.Header) authenticate {
	return func(ctx context.Context, g *exchange.Grant) (string, error) {
		authorization, keys := h.Values("Authorization"), h.Values("X-Api-Key")
		switch {
		case len(authorization)+len(keys) == 0:
			return "", unauthorized(codeNoCaller, "the request has neither a token nor a key")
		case len(authorization)+len(keys) > 1:
			return "", unauthorized(codeTwoCallers, "the request has more than one token or key")
		case g == nil:
			return "", unknownGrant()
		case len(keys) == 1:
			return byKey(g, keys[0])
		}
		scheme, token, _ := strings.Cut(authorization[0], " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return "", unauthorized(codeTokenForm, "the header Authorization holds no bearer token")
		}
		return f.byToken(ctx, g, token)
	}
}

// byKey finds the caller of a grant who has an API key.
func byKey(g *exchange.Grant, key string) (string, error) {
	if len(key) < shortestKey {
		return "", unauthorized(codeShortKey, "the API key has less than 32 characters")
	}
	sum := sha256.Sum256([]byte(key))
	digest := hex.EncodeToString(sum[:])
	found := 0
	for _, c := range g.Callers { // all of them, in the same time wherever they differ
		found |= subtle.ConstantTimeCompare([]byte(c.APIKey), []byte(digest))
	}
	if found == 0 {
		return "", unauthorized(codeAPIKey, "the API key is none of the grant's")
	}
	return "key " + digest[:16], nil
}

// byToken finds the caller of a grant that a JSON Web Token is for. Only issuers
// that the grant names are asked for their keys.
func (f *Function) byToken(ctx context.Context, g *exchange.Grant, token string) (string, error) {
	issuer, ok := claimedIssuer(token)
	if !ok {
		return "", unauthorized(codeTokenForm, "the token is no JSON Web Token")
	}
	if !slices.ContainsFunc(g.Callers, func(c exchange.Caller) bool { return c.Issuer != "" && c.Issuer == issuer }) {
		return "", unauthorized(codeTokenIssuer, "the token is of an issuer that the grant does not name")
	}
	claims, err := f.issuers.verify(ctx, issuer, token)
	if err != nil {
		return "", err
	}
	mine := false // the audience
	for _, c := range g.Callers {
		if c.Issuer != issuer || !slices.Contains(claims.audience, g.AudienceOf(c)) {
			continue
		}
		if c.Subject == claims.subject {
			return issuer + " " + c.Subject, nil
		}
		mine = true
	}
	if mine {
		return "", unauthorized(codeTokenSubject, "the token is for a subject that the grant does not name")
	}
	return "", unauthorized(codeTokenFor, "the token is not meant for this exchange")
}

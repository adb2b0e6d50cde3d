package transform

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/shared/record"
)

func hmacOf(secret string, message []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(message)
	return h.Sum(nil)
}

// variants are specs of all types, with each of the options that change what is
// done.
func variants() []Spec {
	var all []Spec
	for _, typ := range names() {
		all = append(all, example(typ))
	}
	for _, algorithm := range []string{HMAC, BLAKE3, SIV, GCM} {
		all = append(all, Spec{Type: Token, Algorithm: algorithm})
	}
	for _, distribution := range []string{Gaussian, Uniform} {
		all = append(all, Spec{Type: Noise, Distribution: distribution, Scale: "0.001"})
	}
	for _, to := range []string{Week, Quarter, Year} {
		all = append(all, Spec{Type: Date, To: to})
	}
	return append(all,
		Spec{Type: Mask}, Spec{Type: Mask, KeepDomain: true}, Spec{Type: Mask, KeepCard: true}, Spec{Type: Mask, KeepCard: true, Char: "•"},
		Spec{Type: Mask, KeepPattern: "^[A-Z]|[0-9]{2}$|é+"}, Spec{Type: Prefix, Length: 2, Char: "x"}, Spec{Type: Geo, Decimals: 6},
		Spec{Type: Round, Size: "0.00000000000000003"}, Spec{Type: Bucket, Size: "99999999999999999"},
		Spec{Type: FPE, Luhn: true}, Spec{Type: FPE, Alphabet: Lower}, Spec{Type: FPE, Alphabet: "äöüß0123456789"})
}

// FuzzTokens: a token of any value is revealed under its key where that can be,
// and two domains never have the same.
func FuzzTokens(f *testing.F) {
	f.Add([]byte("ann@example.org"), "another domain's key, 32 bytes..")
	f.Add([]byte(""), "0123456789abcdef")
	f.Add([]byte("\xff\x00 of any bytes, longer than a block of the cipher, and than two of the hash: 64 and 128"), "0123456789abcdef0123456789abcdee")
	f.Fuzz(func(t *testing.T, value []byte, secret string) {
		if len(secret) < 16 || len(secret) > 64 || strings.TrimRight(secret, "\x00") == key.secret { // HMAC pads keys with zeros
			return
		}
		other := testKey{key.version, secret}
		for _, algorithm := range []string{HMAC, BLAKE3, SIV, GCM} {
			spec := Spec{Type: Token, Algorithm: algorithm}
			theirs, err := Compile(spec, record.String, other)
			if err != nil {
				t.Fatal(err)
			}
			token := apply(inRow(compile(t, spec, record.String), somewhere, 1, ""), string(value))
			if token == none || token == apply(inRow(theirs, somewhere, 1, ""), string(value)) {
				t.Fatalf("%s: %q has the token %s in two domains", algorithm, value, token)
			}
			back, ok, err := Reveal(nil, []byte(token), key)
			if can := algorithm == SIV || algorithm == GCM; ok != can || err != nil || can && !bytes.Equal(back, value) {
				t.Fatalf("%s: %q comes back as %q, %v, %v", algorithm, value, back, ok, err)
			}
			if back, ok, err := Reveal(nil, []byte(token), other); ok || err != nil || len(back) > 0 {
				t.Fatalf("%s: another domain reveals %q, %v", algorithm, value, err)
			}
		}
	})
}

// FuzzFPEKeepsForm: what is encrypted with its form kept has its length, a
// character of the alphabet for each one, and all else where it was.
func FuzzFPEKeepsForm(f *testing.F) {
	f.Add("4111 1111-1111.1111")
	f.Add("ß1234567ä")
	f.Add("+49 (30) 12345678")
	f.Fuzz(func(t *testing.T, value string) {
		for _, alphabet := range []string{digits, digits + lower, "äöüß0123456789"} {
			got := apply(compile(t, Spec{Type: FPE, Alphabet: alphabet}, record.String).Appender(), value)
			if got == none {
				continue
			}
			was, is := []rune(value), []rune(got)
			if len(was) != len(is) {
				t.Fatalf("%q became %q", value, got)
			}
			for i := range was {
				if in := strings.ContainsRune(alphabet, was[i]); in != strings.ContainsRune(alphabet, is[i]) || !in && was[i] != is[i] {
					t.Fatalf("%q became %q", value, got)
				}
			}
		}
	})
}

// FuzzHidden: what a transform hides is not in what leaves, in no encoding.
func FuzzHidden(f *testing.F) {
	f.Add("ann.example@example.org")
	f.Add("DE89370400440532013000")
	f.Add("4111111111111111")
	f.Add("Žluťoučký kůň, a longer text: 100 % & more")
	f.Add("\x00\xff\xfe bytes that are no text")
	const shown = 4
	whole := func(value string) string { return value }
	hides := []struct {
		spec   Spec
		hidden func(value string) string
	}{
		{Spec{Type: Token}, whole},
		{Spec{Type: Token, Algorithm: BLAKE3}, whole},
		{Spec{Type: Token, Algorithm: SIV}, whole},
		{Spec{Type: Token, Algorithm: GCM}, whole},
		{Spec{Type: Dictionary, Words: `["Ada","Bram","Carla"]`}, whole},
		{Spec{Type: Constant, Value: `"n/a"`}, whole},
		{Spec{Type: Null}, whole},
		{Spec{Type: Drop}, whole},
		{Spec{Type: Mask}, whole},
		{Spec{Type: Mask, KeepLast: shown}, func(value string) string { return trim(value, 0, shown) }},
		{Spec{Type: Mask, KeepFirst: shown}, func(value string) string { return trim(value, shown, 0) }},
		{Spec{Type: Mask, KeepPattern: "^(?s:.{4})"}, func(value string) string { return trim(value, shown, 0) }},
		{Spec{Type: Prefix, Length: shown}, func(value string) string { return trim(value, shown, 0) }},
		{Spec{Type: Prefix, Length: shown, Char: "*"}, func(value string) string { return trim(value, shown, 0) }},
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.Contains(value, "*") {
			return // it could not be told from what hides
		}
		for _, h := range hides {
			got := apply(inRow(compile(t, h.spec, record.String), somewhere, 1, ""), value)
			hidden := h.hidden(value)
			if len(hidden) < 8 || got == none {
				continue // so short a text can be anywhere by chance
			}
			for name, text := range encodings([]byte(hidden)) {
				if strings.Contains(got, text) {
					t.Fatalf("%+v of %q: %q holds %s, %q", h.spec, value, got, name, text)
				}
			}
		}
	})
}

// trim is value without its first and last characters.
func trim(value string, first, last int) string {
	r := []rune(value)
	if len(r) <= first+last || !utf8.ValidString(value) {
		return ""
	}
	return string(r[first : len(r)-last])
}

// encodings are what a value could be hidden as, by name.
func encodings(value []byte) map[string]string {
	backwards := slices.Clone(value)
	slices.Reverse(backwards)
	runes := []rune(string(value))
	slices.Reverse(runes)
	all := map[string]string{
		"it raw": string(value), "it reversed": string(backwards), "its characters reversed": string(runes),
		"its hex": hex.EncodeToString(value), "its HEX": strings.ToUpper(hex.EncodeToString(value)),
		"it in a query": url.QueryEscape(string(value)), "it in a path": url.PathEscape(string(value)),
	}
	// In base64 it can stand at three places of a group of three bytes: of each
	// the characters that its neighbours have no part in.
	for k := range 3 {
		padded := append(make([]byte, k), value...)
		from, past := (8*k+5)/6, 8*len(padded)/6
		all["its base64"+strings.Repeat(" ", k)] = base64.RawStdEncoding.EncodeToString(padded)[from:past]
		all["its base64url"+strings.Repeat(" ", k)] = base64.RawURLEncoding.EncodeToString(padded)[from:past]
	}
	return all
}

// Package detect finds personal data in text by its form and, where it has one, by
// its check digit: addresses of e-mail and of the network, URLs, IBANs, payment cards,
// telephone numbers, and numbers that states give to persons.
//
// It is made for columns that should not hold such data, and for text in which
// people write what they like. What a form alone tells may be something else: a
// version number of four parts is taken for an IPv4 address. What has no form, such
// as names, is not found.
package detect

import (
	"fmt"
	"slices"
)

// Type is what a text may be.
type Type uint8

// The types.
const (
	Email Type = iota
	IBAN
	Card
	SSN
	Phone
	IP
	URL
	UKNHS
	UKNINO
	ESNIF
	ESNIE
	ITFiscalCode
	FRNIR
	BENationalNumber
	BRCPF
	DETaxID
	INAadhaar
	NLBSN
	PLPESEL
	SEPersonnummer
	types
)

// Count is how many types there are.
const Count = int(types)

// names are as in Presidio, and nearly as in Google's Sensitive Data Protection.
var names = [types]string{"EMAIL_ADDRESS", "IBAN_CODE", "CREDIT_CARD", "US_SSN", "PHONE_NUMBER", "IP_ADDRESS", "URL",
	"UK_NHS", "UK_NINO", "ES_NIF", "ES_NIE", "IT_FISCAL_CODE", "FR_NIR", "BE_NATIONAL_NUMBER", "BR_CPF", "DE_TAX_ID", "IN_AADHAAR", "NL_BSN", "PL_PESEL", "SE_PERSONNUMMER"}

func (t Type) String() string {
	if t < types {
		return names[t]
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// ParseType finds a type by its name.
func ParseType(name string) (Type, bool) {
	i := slices.Index(names[:], name)
	return Type(max(i, 0)), i >= 0
}

// Types are all of them.
func Types() []Type {
	all := make([]Type, types)
	for i := range all {
		all[i] = Type(i)
	}
	return all
}

// Hit is one thing found: text[Start:End].
type Hit struct {
	Start, End int
	Type       Type
}

// Each calls f for each hit of some types in text, in order; none begins before the
// one before it has ended. What stands inside of a URL is found only where URLs are
// none of the types. It takes time in proportion to the text, and allocates nothing
// but for what may be an IPv6 address.
func Each(text []byte, of Set, f func(Hit)) {
	scan(text, of.Has(URL), func(h Hit, sure bool) {
		if sure && of.Has(h.Type) {
			f(h)
		}
	})
}

// longest bounds what is looked at from where something may begin: an IBAN of 34
// characters in groups of four has 42 bytes.
const longest = 48

// scan tells what has the form of something, and whether it surely is that: its
// check digit is right, or it has none. urls: URLs are looked for, and what is inside
// of one is not.
func scan(text []byte, urls bool, f func(h Hit, sure bool)) {
	from := 0 // where the last hit ended
	for i := 0; i < len(text); i++ {
		c := text[i]
		class := classes[c]
		if class == 0 {
			continue
		}
		if class&at != 0 {
			if h, ok := email(text, i, from); ok {
				f(h, true)
				from = h.End
				i = h.End - 1
			}
			continue
		}
		if c == ':' && urls {
			if h, ok := url(text, i, from); ok {
				f(h, true)
				from = h.End
				i = h.End - 1
				continue
			}
		}
		if class&begins == 0 || i > from && classes[text[i-1]]&word != 0 || i > from+1 && text[i-1] == '.' && classes[text[i-2]]&digit != 0 {
			continue // in the middle of something
		}
		rest := text[i:min(i+longest, len(text))]
		typ, size, sure := number(rest)
		if size == 0 && class&upper != 0 {
			typ = IBAN
			size, sure = iban(rest)
		}
		if size == 0 && class&hex != 0 {
			typ, size, sure = IP, ipv6(rest), true
		}
		if size == 0 {
			typ, size, sure = national(text, i)
		}
		if size > 0 {
			f(Hit{i, i + size, typ}, sure)
			if sure {
				from = i + size
			}
			i += size - 1
		}
	}
}

// Classes of bytes.
const (
	digit  = 1 << iota
	upper  // letters A to Z
	hex    // digits, letters to F, and the colon
	word   // letters, digits, the underscore, and what is not ASCII
	local  // of what stands before the @: RFC 5322's atext and the dot
	domain // of a domain
	at
	begins // what a number or IBAN may begin with
)

var classes = func() (t [256]uint8) {
	mark := func(class uint8, text string) {
		for i := range len(text) {
			t[text[i]] |= class
		}
	}
	const digits, capitals, smalls = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
	mark(digit, digits)
	mark(upper, capitals)
	mark(hex, digits+"abcdefABCDEF:")
	mark(word, digits+capitals+smalls+"_")
	mark(local, digits+capitals+smalls+"!#$%&'*+-/=?^_`{|}~.")
	mark(domain, digits+capitals+smalls+"-.")
	mark(at, "@")
	mark(begins, digits+capitals+"abcdef+(:")
	for c := 0x80; c <= 0xff; c++ {
		t[c] |= word
	}
	return t
}()

// email is the address around the @ at text[i]; it begins at from at the earliest.
func email(text []byte, i, from int) (h Hit, ok bool) {
	start := i
	for start > max(from, i-64) && classes[text[start-1]]&local != 0 {
		start--
	}
	for start < i && text[start] == '.' {
		start++
	}
	end, dot := i+1, -1
	for end < min(i+254, len(text)) && classes[text[end]]&domain != 0 {
		if text[end] == '.' {
			if text[end-1] == '.' || text[end-1] == '@' {
				break
			}
			dot = end
		}
		end++
	}
	for end > i+1 && (text[end-1] == '.' || text[end-1] == '-') {
		if end--; end == dot {
			dot = -1
			for k := end - 1; k > i; k-- {
				if text[k] == '.' {
					dot = k
					break
				}
			}
		}
	}
	if start == i || text[i-1] == '.' || dot < 0 || end-dot < 3 {
		return Hit{}, false
	}
	for _, c := range text[dot+1 : end] { // the last label is letters, or the xn-- of others
		if classes[c]&digit != 0 && (end-dot < 5 || text[dot+1]|0x20 != 'x') {
			return Hit{}, false
		}
	}
	return Hit{start, end, Email}, true
}

// ends tells that nothing goes on behind v[:n].
func ends(v []byte, n int) bool { return n == len(v) || classes[v[n]]&(word|at) == 0 }

package infer

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
)

// The kinds of personal data that values show by their form.
const (
	emails = iota
	ibans
	cards
	phones
	ssns
	addresses // of the network
	kinds
)

// detectors name each kind: for people, as a tag, and as a classification.
var detectors = [kinds]struct{ words, tag, classification string }{
	emails:    {"email addresses", "email", "confidential"},
	ibans:     {"IBANs", "iban", "restricted"},
	cards:     {"card numbers", "card", "restricted"},
	phones:    {"phone numbers", "phone", "confidential"},
	ssns:      {"social security numbers", "ssn", "restricted"},
	addresses: {"IP addresses", "ip", "confidential"},
}

// detect counts what a value looks like.
func (s *survey) detect(c *column, v []byte) {
	if len(v) < 2 || len(v) > 254 {
		return
	}
	digits, at := 0, false
	for _, b := range v {
		if b >= '0' && b <= '9' {
			digits++
		}
		at = at || b == '@'
	}
	switch {
	case at:
		if s.probe.compiled.Fits(s.probe.email, v) {
			c.detected[emails]++
		}
	case isIBAN(v):
		c.detected[ibans]++
	case digits == 9 && isSSN(v):
		c.detected[ssns]++
	case digits >= 13 && isCard(v):
		c.detected[cards]++
	case s.probe.compiled.Fits(s.probe.ip[0], v), bytes.IndexByte(v, ':') >= 0 && s.probe.compiled.Fits(s.probe.ip[1], v) && len(v) > 5:
		c.detected[addresses]++
	case digits >= 7 && digits <= 15 && isPhone(v):
		c.detected[phones]++
	}
}

// isIBAN: ISO 13616: two letters, two check digits, up to 30 letters or digits;
// the remainder by 97 is 1. Blanks between groups are let pass.
func isIBAN(v []byte) bool {
	text := bytes.ReplaceAll(v, []byte(" "), nil)
	if len(text) < 15 || len(text) > 34 || !letter(text[0]) || !letter(text[1]) || !digit(text[2]) || !digit(text[3]) {
		return false
	}
	rest := 0
	for _, b := range slices.Concat(text[4:], text[:4]) {
		switch {
		case digit(b):
			rest = (10*rest + int(b-'0')) % 97
		case letter(b):
			rest = (100*rest + int(b-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

func digit(b byte) bool  { return b >= '0' && b <= '9' }
func letter(b byte) bool { return b >= 'A' && b <= 'Z' }

// isCard: ISO/IEC 7812: 13 to 19 digits that begin with the number of a payment
// network (2 to 6) and end in Luhn's check digit.
func isCard(v []byte) bool {
	sum, n := 0, 0
	for i := len(v) - 1; i >= 0; i-- {
		b := v[i]
		switch {
		case digit(b):
			d := int(b - '0')
			if n%2 == 1 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum += d
			n++
		case b != ' ' && b != '-':
			return false
		}
	}
	return n >= 13 && n <= 19 && sum%10 == 0 && v[0] >= '2' && v[0] <= '6'
}

// isSSN: the form of numbers of the United States' Social Security
// Administration, 3-2-4 digits, without the areas that are never given.
func isSSN(v []byte) bool {
	if len(v) != 11 || v[3] != '-' || v[6] != '-' {
		return false
	}
	area := string(v[:3])
	return area != "000" && area != "666" && string(v[4:6]) != "00" && string(v[7:]) != "0000"
}

// isPhone: a plus (ITU-T E.164) or brackets, and digits with what stands between
// groups of them.
func isPhone(v []byte) bool {
	for i, b := range v {
		if !digit(b) && !strings.ContainsRune(" -./()", rune(b)) && (b != '+' || i > 0) {
			return false
		}
	}
	return v[0] == '+' || v[0] == '(' || len(v) == 12 && v[3] == '-' && v[7] == '-'
}

// named is what the name of a column says of what is in it.
type named struct {
	words               []string // each a word, or words joined by a blank that follow each other
	what, tag, classify string
}

// names are in English; the first that fits counts.
var names = []named{
	{[]string{"password", "passwd", "secret", "token", "pin", "cvv", "cvc"}, "a secret", "secret", "restricted"},
	{[]string{"ssn", "social security", "national id", "nationalid", "nationalidnumber", "tax id", "passport", "nino", "driver license", "licence number"}, "an official number of a person", "national-id", "restricted"},
	{[]string{"card number", "card no", "cardnumber", "pan", "creditcard", "credit card"}, "a card number", "card", "restricted"},
	{[]string{"iban", "account number", "account no", "bank account"}, "a bank account", "account", "restricted"},
	{[]string{"diagnosis", "disease", "medication", "allergy", "blood", "icd"}, "health", "health", "restricted"},
	{[]string{"religion", "ethnicity", "race", "political", "orientation"}, "what the law protects most", "special-category", "restricted"},
	{[]string{"email", "e mail", "mail"}, "an email address", "email", "confidential"},
	{[]string{"phone", "mobile", "telephone", "tel", "fax", "telecom", "msisdn"}, "a phone number", "phone", "confidential"},
	{[]string{"first name", "firstname", "last name", "lastname", "surname", "given", "given name", "family", "family name", "full name", "fullname", "maiden", "maiden name", "middle name",
		"customer name", "patient name", "employee name", "contact name", "cardholder", "holder", "login", "username", "user name"}, "a name of a person", "name", "confidential"},
	{[]string{"birth", "born", "birthdate", "birthday", "dob", "date of birth", "age"}, "a date of birth or age", "birth", "confidential"},
	{[]string{"address", "street", "zip", "zipcode", "postcode", "postal code", "postal", "city", "latitude", "longitude", "lat", "lon", "geo"}, "where somebody is", "address", "confidential"},
	{[]string{"gender", "sex", "marital", "maritalstatus", "nationality"}, "what a person is", "person", "confidential"},
	{[]string{"salary", "wage", "income", "payrate"}, "what a person earns", "income", "confidential"},
	{[]string{"ip", "ip address", "ipaddress", "device id", "user agent", "cookie"}, "a device of a person", "device", "confidential"},
}

// byName finds what a column's name says; nil if nothing.
func byName(tokens []string) *named {
	text := " " + strings.Join(tokens, " ") + " "
	for i := range names {
		for _, w := range names[i].words {
			if strings.Contains(text, " "+w+" ") {
				return &names[i]
			}
		}
	}
	if len(tokens) == 1 && tokens[0] == "name" {
		return &named{what: "a name, perhaps of a person", tag: "name", classify: "confidential"}
	}
	return nil
}

// words cuts a column's name into its words: created_at, createdAt and
// "Created At" are the same.
func words(name string) []string {
	var out []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	lower := false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
		case unicode.IsUpper(r) && lower:
			end()
			word = append(word, r)
		default:
			word = append(word, r)
		}
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
	}
	end()
	return out
}

// keyWords end the names of columns that identify a row.
var keyWords = []string{"id", "key", "uuid", "guid", "number", "no", "nr", "num", "code", "sku", "ref", "reference", "identifier"}

// dateWords are in the names of columns of dates.
var dateWords = []string{"date", "day", "on", "at", "time", "timestamp", "birth", "birthdate", "dob", "created", "updated", "modified", "valid", "from", "until", "since"}

// known reports whether words are such as name columns.
func known(tokens []string) bool {
	if len(tokens) == 0 {
		return false
	}
	last := tokens[len(tokens)-1]
	return byName(tokens) != nil || slices.Contains(keyWords, last) || slices.ContainsFunc(tokens, func(w string) bool { return slices.Contains(dateWords, w) }) ||
		slices.Contains([]string{"name", "type", "status", "amount", "price", "currency", "country", "quantity", "total", "description", "note", "comment", "category", "value", "title", "state"}, last)
}

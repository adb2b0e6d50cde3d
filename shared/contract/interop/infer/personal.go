package infer

import (
	"slices"
	"strings"
	"unicode"

	"github.com/sallyport-io/sallyport/shared/detect"
)

// kinds name what values may show by their form, by detect.Type: for people, as a
// tag, and as a classification.
var kinds = []struct{ words, tag, classification string }{
	detect.Email:            {"email addresses", "email", "confidential"},
	detect.IBAN:             {"IBANs", "iban", "restricted"},
	detect.Card:             {"card numbers", "card", "restricted"},
	detect.SSN:              {"social security numbers", "ssn", "restricted"},
	detect.Phone:            {"phone numbers", "phone", "confidential"},
	detect.IP:               {"IP addresses", "ip", "confidential"},
	detect.UKNHS:            {"NHS numbers", "UK_NHS", "restricted"},
	detect.UKNINO:           {"National Insurance numbers", "UK_NINO", "restricted"},
	detect.ESNIF:            {"Spanish NIFs", "ES_NIF", "restricted"},
	detect.ESNIE:            {"Spanish NIEs", "ES_NIE", "restricted"},
	detect.ITFiscalCode:     {"Italian tax codes", "IT_FISCAL_CODE", "restricted"},
	detect.FRNIR:            {"French social security numbers", "FR_NIR", "restricted"},
	detect.BENationalNumber: {"Belgian national numbers", "BE_NATIONAL_NUMBER", "restricted"},
	detect.BRCPF:            {"Brazilian CPFs", "BR_CPF", "restricted"},
	detect.DETaxID:          {"German tax numbers", "DE_TAX_ID", "restricted"},
	detect.INAadhaar:        {"Aadhaar numbers", "IN_AADHAAR", "restricted"},
	detect.NLBSN:            {"Dutch BSNs", "NL_BSN", "restricted"},
	detect.PLPESEL:          {"Polish PESELs", "PL_PESEL", "restricted"},
	detect.SEPersonnummer:   {"Swedish personnummer", "SE_PERSONNUMMER", "restricted"},
}

// detect counts what a value is as a whole.
func (c *column) detect(v []byte) {
	if len(v) > 254 {
		return
	}
	detect.Each(v, detect.All&^detect.Of(detect.URL), func(h detect.Hit) {
		if h.Start == 0 && h.End == len(v) {
			c.detected[h.Type]++
		}
	})
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

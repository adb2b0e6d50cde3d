package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sallyport-io/sallyport/shared/record"
)

// Spec is what the rule of a profile does to the fields that it names, as its
// YAML says it. Options that are not the type's own are an error.
type Spec struct {
	// What is done: keep, drop, null, constant, text, dictionary, mask, token, fpe, date, bucket, ip, round, prefix, geo, age, dateShift or noise.
	Type string `yaml:"type" json:"type" jsonschema:"required,enum=keep,enum=drop,enum=null,enum=constant,enum=text,enum=dictionary,enum=mask,enum=token,enum=fpe,enum=date,enum=bucket,enum=ip,enum=round,enum=prefix,enum=geo,enum=age,enum=dateShift,enum=noise"`
	// constant: the string, number or boolean that takes the place of every value.
	Value Scalar `yaml:"value" json:"value,omitempty" jsonschema:"oneof_type=string;number;boolean"`
	// mask: how many characters at the start stay readable. Default: 0.
	KeepFirst int `yaml:"keepFirst" json:"keepFirst,omitempty" jsonschema:"minimum=0"`
	// mask: how many characters at the end stay readable. Default: 0. A value that has no more than keepFirst and keepLast together is masked as a whole.
	KeepLast int `yaml:"keepLast" json:"keepLast,omitempty" jsonschema:"minimum=0"`
	// mask, prefix: the character that takes the place of each other. Default for mask: "*"; prefix then cuts the rest.
	Char string `yaml:"char" json:"char,omitempty" jsonschema:"minLength=1,maxLength=1"`
	// mask: keep the domain of an e-mail address, from the last "@" on; keepFirst and keepLast then count in what stands before it. Default: false.
	KeepDomain bool `yaml:"keepDomain" json:"keepDomain,omitempty"`
	// mask: a regular expression (RE2); the parts of the value that match stay, at most 64. It knows ^ and $ for the ends of the value, but neither groups that capture nor \b.
	KeepPattern string `yaml:"keepPattern" json:"keepPattern,omitempty" jsonschema:"maxLength=500"`
	// mask: of a card number (15 to 19 digits, valid by Luhn) keep the first six and the last four digits; mask other values as a whole. Default: false.
	KeepCard bool `yaml:"keepCard" json:"keepCard,omitempty"`
	// dictionary: the words, one of which takes the place of each value: the same for the same value under the same key. text: names or other words that are hidden as PERSON, in any case.
	Words Words `yaml:"words" json:"words,omitempty" jsonschema:"oneof_type=array"`
	// text: what is detected and replaced by its name: EMAIL_ADDRESS, IBAN_CODE, CREDIT_CARD, US_SSN, PHONE_NUMBER, IP_ADDRESS, URL, and numbers of persons: UK_NHS, UK_NINO, ES_NIF, ES_NIE, IT_FISCAL_CODE, FR_NIR, BE_NATIONAL_NUMBER, BR_CPF, DE_TAX_ID, IN_AADHAAR, NL_BSN, PL_PESEL, SE_PERSONNUMMER. Default: all of them.
	Detect Words `yaml:"detect" json:"detect,omitempty" jsonschema:"oneof_type=array"`
	// text: how what is detected is hidden, by its name (PERSON: that of words), where it is not replaced by that: mask, token (hmac-sha256 or blake3), fpe, dictionary, constant, prefix or ip, with their options.
	With Specs `yaml:"with" json:"with,omitempty" jsonschema:"oneof_type=object"`
	// token: hmac-sha256 or blake3; aes-siv for tokens that can be revealed by who has the key; aes-gcm for such of which no two are the same, so that nothing can be joined by them. Default: hmac-sha256.
	Algorithm string `yaml:"algorithm" json:"algorithm,omitempty" jsonschema:"enum=hmac-sha256,enum=blake3,enum=aes-siv,enum=aes-gcm"`
	// fpe: the characters that are replaced by each other: digits, lower (0-9 and a-z), alphanumeric (0-9, A-Z and a-z), or the characters themselves. Default: digits.
	Alphabet string `yaml:"alphabet" json:"alphabet,omitempty"`
	// fpe: the last digit is the check digit of Luhn, before and after; values of which it is not leave as null. Default: false.
	Luhn bool `yaml:"luhn" json:"luhn,omitempty"`
	// date: week, month, quarter or year. The first day of it takes the place of the date.
	To string `yaml:"to" json:"to,omitempty" jsonschema:"enum=week,enum=month,enum=quarter,enum=year"`
	// bucket: the width of a bucket. round: what is rounded to a multiple of. Such as 10 or 0.25.
	Size Decimal `yaml:"size" json:"size,omitempty" jsonschema:"oneof_type=string;number"`
	// ip: how many bits of an IPv4 address stay. Default: 24.
	V4 int `yaml:"v4" json:"v4,omitempty" jsonschema:"minimum=1,maximum=32"`
	// ip: how many bits of an IPv6 address stay. Default: 48.
	V6 int `yaml:"v6" json:"v6,omitempty" jsonschema:"minimum=1,maximum=128"`
	// prefix: how many characters at the start stay.
	Length int `yaml:"length" json:"length,omitempty" jsonschema:"minimum=1"`
	// geo: how many decimals of a coordinate in degrees stay: 0 is a grid of about 111 km, 1 of 11 km, 2 of 1.1 km. Default: 0.
	Decimals int `yaml:"decimals" json:"decimals,omitempty" jsonschema:"minimum=0,maximum=6"`
	// age: whoever is older than this many years is shown as one year older, however old. Default: 89, as HIPAA's Safe Harbor has it.
	TopCode int `yaml:"topCode" json:"topCode,omitempty" jsonschema:"minimum=1,maximum=150"`
	// dateShift: by how many days, forth or back, a date is shifted at most; never by none.
	Days int `yaml:"days" json:"days,omitempty" jsonschema:"minimum=1,maximum=36500"`
	// dateShift: the top-level field whose value, such as the number of a patient, decides by how many days; all dates of one are shifted alike.
	By string `yaml:"by" json:"by,omitempty" jsonschema:"minLength=1"`
	// token: the top-level field whose value, such as the number of a customer, says whom the row is about. The token is made with a key of that data subject's own, which sallyport erase destroys: then nobody can reveal the token or make it again, and the field leaves as null. Where nobody is named it leaves as null, too.
	Subject string `yaml:"subject" json:"subject,omitempty" jsonschema:"minLength=1"`
	// token, fpe, dictionary, noise: where equal values become equal: in the domain (the default: all fields of all contracts whose tokens are of the same tokenDomain), in the contract, or in the field of that contract alone.
	Scope string `yaml:"scope" json:"scope,omitempty" jsonschema:"enum=domain,enum=contract,enum=field"`
	// noise: what it is drawn from: laplace, gaussian or uniform. The same number has the same noise under the same key.
	Distribution string `yaml:"distribution" json:"distribution,omitempty" jsonschema:"enum=laplace,enum=gaussian,enum=uniform"`
	// noise: how large it is: of laplace the mean distance, of gaussian the standard deviation, of uniform the most.
	Scale Decimal `yaml:"scale" json:"scale,omitempty" jsonschema:"oneof_type=string;number"`
}

// What a date is cut to (Spec.To).
const (
	Week    = "week" // its Monday
	Month   = "month"
	Quarter = "quarter"
	Year    = "year"
)

// only is the fault for an option that is given but not one of the allowed.
func (s Spec) only(allowed ...string) error {
	for _, o := range []struct {
		name  string
		given bool
	}{
		{"value", s.Value != ""}, {"keepFirst", s.KeepFirst != 0}, {"keepLast", s.KeepLast != 0},
		{"char", s.Char != ""}, {"keepDomain", s.KeepDomain}, {"words", s.Words != ""}, {"detect", s.Detect != ""}, {"with", s.With != ""},
		{"v4", s.V4 != 0}, {"v6", s.V6 != 0}, {"algorithm", s.Algorithm != ""}, {"alphabet", s.Alphabet != ""}, {"luhn", s.Luhn}, {"to", s.To != ""}, {"size", s.Size != ""},
		{"keepPattern", s.KeepPattern != ""}, {"keepCard", s.KeepCard},
		{"length", s.Length != 0}, {"decimals", s.Decimals != 0},
		{"topCode", s.TopCode != 0}, {"days", s.Days != 0}, {"by", s.By != ""}, {"subject", s.Subject != ""}, {"scope", s.Scope != ""},
		{"distribution", s.Distribution != ""}, {"scale", s.Scale != ""},
	} {
		if o.given && !slices.Contains(allowed, o.name) {
			do := s.Type + " has no options"
			if len(allowed) > 0 {
				do = "the options of " + s.Type + " are " + strings.Join(allowed, ", ")
			}
			return optionFault(fmt.Sprintf("%q is not an option of %s", o.name, s.Type), do)
		}
	}
	return nil
}

// Scalar is a string, number or boolean as JSON text: `"n/a"`, `0`, `true`. The
// empty Scalar is none. Numbers are kept digit by digit.
type Scalar string

// UnmarshalYAML reads a scalar. What YAML takes for a date is a string.
func (v *Scalar) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return badScalar(n, "the value must be a string, a number or a boolean")
	}
	switch n.ShortTag() {
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return err
		}
		*v = Scalar(fmt.Sprint(b))
		return nil
	case "!!int", "!!float":
		*v = Scalar(n.Value)
		if _, err := v.check(); err != nil {
			return badScalar(n, fmt.Sprintf("%q is not a number in the form that JSON has: put it into quotes if it is a string", n.Value))
		}
		return nil
	}
	text, err := json.Marshal(n.Value)
	*v = Scalar(text)
	return err
}

// badScalar is an error that says where it is.
func badScalar(n *yaml.Node, msg string) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s", n.Line, msg)}}
}

// MarshalJSON writes the scalar as it is.
func (v Scalar) MarshalJSON() ([]byte, error) {
	if v == "" {
		return []byte("null"), nil
	}
	return []byte(v), nil
}

// UnmarshalJSON takes the scalar as it is, null for none.
func (v *Scalar) UnmarshalJSON(data []byte) error {
	*v = ""
	if string(data) == "null" {
		return nil
	}
	*v = Scalar(data)
	_, err := v.check()
	return err
}

// check tells the type of the scalar.
func (v Scalar) check() (record.Type, error) {
	if v == "" {
		return record.Opaque, optionFault("constant needs a value", `write {type: constant, value: "n/a"}, or use null`)
	}
	var any any
	if json.Unmarshal([]byte(v), &any) == nil {
		switch any.(type) {
		case string:
			return record.String, nil
		case bool:
			return record.Boolean, nil
		case float64:
			if strings.ContainsAny(string(v), ".eE") {
				return record.Number, nil
			}
			return record.Integer, nil
		}
	}
	return record.Opaque, optionFault("the value of constant must be a string, a number or a boolean", `write {type: constant, value: "n/a"}`)
}

// Words is a list of strings as JSON text: `["a","b"]`.
type Words string

// UnmarshalYAML reads a list of scalars.
func (w *Words) UnmarshalYAML(n *yaml.Node) error {
	var list []string
	if err := n.Decode(&list); err != nil {
		return fmt.Errorf("words must be a list of texts")
	}
	text, err := json.Marshal(list)
	*w = Words(text)
	return err
}

// MarshalJSON writes the list.
func (w Words) MarshalJSON() ([]byte, error) {
	if w == "" {
		return []byte("null"), nil
	}
	return []byte(w), nil
}

// UnmarshalJSON reads a list of strings, null for none.
func (w *Words) UnmarshalJSON(data []byte) error {
	*w = ""
	var list []string
	if err := json.Unmarshal(data, &list); err != nil || list == nil {
		return err
	}
	text, err := json.Marshal(list)
	*w = Words(text)
	return err
}

// list are the words.
func (w Words) list() (words []string) {
	if w != "" && json.Unmarshal([]byte(w), &words) != nil {
		return nil
	}
	return words
}

// Specs are specs by name, as JSON, so that a Spec can be compared. The empty Specs
// are none.
type Specs string

// UnmarshalYAML reads a mapping of specs. Keys that a spec does not have are an error.
func (s *Specs) UnmarshalYAML(n *yaml.Node) error {
	var plain map[string]any
	if err := n.Decode(&plain); err != nil {
		return fmt.Errorf("with must be transforms by the names of types")
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return fmt.Errorf("with must be transforms by the names of types")
	}
	return s.UnmarshalJSON(text)
}

// MarshalJSON writes the object.
func (s Specs) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return []byte(s), nil
}

// UnmarshalJSON reads an object of specs, null for none.
func (s *Specs) UnmarshalJSON(data []byte) error {
	*s = ""
	all, err := decodeSpecs(data)
	if err != nil || all == nil {
		return err
	}
	text, err := json.Marshal(all)
	*s = Specs(text)
	return err
}

func decodeSpecs(data []byte) (all map[string]Spec, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("with: %w", err)
	}
	return all, nil
}

// list are the specs by name.
func (s Specs) list() map[string]Spec {
	if s == "" {
		return nil
	}
	all, err := decodeSpecs([]byte(s))
	if err != nil {
		return nil
	}
	return all
}

// Decimal is a number as decimal text, such as "0.25": exact, and written with
// or without quotes.
type Decimal string

// UnmarshalYAML takes the text of a scalar.
func (d *Decimal) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("a number is needed here, such as 10 or 0.25")
	}
	*d = Decimal(n.Value)
	return nil
}

// UnmarshalJSON takes the text of a string or number.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(d))
	}
	var n json.Number
	err := json.Unmarshal(data, &n)
	*d = Decimal(n)
	return err
}

// nearest is the type of transform that was probably meant by a name, or "".
func nearest(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	switch name {
	case "":
		return ""
	case "hash", "hmac", "sha256", "tokenize", "tokenise", "pseudonym", "pseudonymize", "pseudonymise", "encrypt", "siv", "aes-siv", "gcm", "aes-gcm", "aead":
		return Token
	case "freetext", "free-text", "deidentify", "scrub":
		return Text
	case "lookup", "pick", "choose", "fake":
		return Dictionary
	case "network", "subnet", "cidr", "ipaddress":
		return IP
	case "ff1", "format-preserving", "formatpreserving", "encrypt-fpe":
		return FPE
	case "redact", "partial", "star", "stars", "obfuscate":
		return Mask
	case "remove", "delete", "omit", "exclude", "hide":
		return Drop
	case "pass", "passthrough", "none", "clear":
		return Keep
	case "empty", "blank", "nil":
		return Null
	case "fixed", "replace", "literal", "static":
		return Constant
	case "truncate", "month", "year", "generalize", "generalise":
		return Date
	case "range", "band", "bin":
		return Bucket
	case "rounding", "nearest":
		return Round
	case "zip", "postcode", "postal":
		return Prefix
	case "birthdate", "dateofbirth", "years":
		return Age
	case "perturb", "laplace", "gaussian", "fuzz":
		return Noise
	case "shift", "jitter", "shiftdate", "date-shift":
		return DateShift
	case "location", "coordinate", "latlon", "geohash", "grid":
		return Geo
	}
	for _, t := range names() {
		if distance(name, t) <= 2 && len(name) > 2 {
			return t
		}
	}
	return ""
}

// distance is Levenshtein's: how many characters differ.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

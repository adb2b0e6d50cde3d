package transform

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sallyport-io/sallyport/shared/detect"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

func TestText(t *testing.T) {
	for _, test := range []struct {
		detect   Words
		in, want string
	}{
		{"", "Jürgen: ann@example.com, DE89 3704 0044 0532 0130 00!", "Jürgen: <EMAIL_ADDRESS>, <IBAN_CODE>!"},
		{`["IBAN_CODE"]`, "ann@example.com DE89370400440532013000", "ann@example.com <IBAN_CODE>"},
		{"", "nothing", "nothing"},
		{"", "", ""},
	} {
		tr, err := Compile(Spec{Type: Text, Detect: test.detect}, record.String, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := tr.Appender().Append([]byte("x"), []byte(test.in)); !ok || string(got) != "x"+test.want {
			t.Errorf("%q becomes %q", test.in, got)
		}
		if _, ok := tr.Appender().Append(nil, []byte("ann@example.com \xff")); ok {
			t.Error("broken UTF-8 leaves")
		}
	}
	for _, s := range []Spec{{Type: Text, Detect: `["EMAIL"]`}, {Type: Text, Detect: `[]`}, {Type: Text, KeepFirst: 1}} {
		if _, err := Check(s, record.String); fault.CodeOf(err) != CodeOption {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if _, err := Check(Spec{Type: Text}, record.Integer); fault.CodeOf(err) != CodeType {
		t.Errorf("an integer is no text: %v", err)
	}
}

// FuzzText: an address that is detected in a value stands in it less often
// afterwards.
func FuzzText(f *testing.F) {
	f.Add([]byte("ann@example.com, 4111 1111 1111 1111; 192.0.2.1"))
	f.Add([]byte("a@b.cd@e.fg"))
	tr, err := Compile(Spec{Type: Text}, record.String, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got, ok := tr.Appender().Append(nil, value)
		if !ok {
			return
		}
		detect.Each(value, detect.Of(detect.Email), func(h detect.Hit) {
			if strings.Count(string(got), string(value[h.Start:h.End])) >= strings.Count(string(value), string(value[h.Start:h.End])) {
				t.Errorf("%q leaves as %q", value, got)
			}
		})
	})
}

// withOf reads specs as a profile has them.
func withOf(t testing.TB, text string) Specs {
	t.Helper()
	var s Specs
	if err := yaml.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTextWith: each type has a transform of its own, or its name.
func TestTextWith(t *testing.T) {
	s := Spec{Type: Text, With: withOf(t, `{EMAIL_ADDRESS: {type: mask, keepDomain: true}, CREDIT_CARD: {type: mask, keepCard: true}, IP_ADDRESS: {type: ip},
  US_SSN: {type: token}, IBAN_CODE: {type: constant, value: an account}, PHONE_NUMBER: {type: fpe}}`)}
	if !Keyed(s) || Keyed(Spec{Type: Text}) || Keyed(Spec{Type: Text, With: withOf(t, "{EMAIL_ADDRESS: {type: mask}}")}) {
		t.Error("whether a key is needed is not what the transforms inside say")
	}
	if _, err := Compile(s, record.String, nil); err == nil {
		t.Error("it compiles without a key")
	}
	tr, err := Compile(s, record.String, testKey{1, strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := tr.Appender().Append(nil, []byte("Mail ann@example.com, card 4111 1111 1111 1111, from 192.0.2.77; 219-09-9999, DE89 3704 0044 0532 0130 00, 12"))
	token, err := Compile(Spec{Type: Token}, record.String, testKey{1, strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	ssn, _ := token.Appender().Append(nil, []byte("219-09-9999"))
	if want := "Mail ***@example.com, card 4111 11** **** 1111, from 192.0.2.0; " + string(ssn) + ", an account, 12"; !ok || string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
	// What a transform does not take is hidden by its name.
	if got, _ := tr.Appender().Append(nil, []byte("call +1 212 555 0123")); strings.Contains(string(got), "212 555 0123") {
		t.Errorf("%s", got)
	}
	for text, tell := range map[string]string{
		"{EMAIL: {type: mask}}": "nothing detects", "{EMAIL_ADDRESS: {type: keep}}": "cannot be hidden", "{EMAIL_ADDRESS: {type: token, algorithm: aes-siv}}": "cannot be hidden",
		"{EMAIL_ADDRESS: {type: text}}": "cannot be hidden", "{EMAIL_ADDRESS: {}}": "cannot be hidden", "{EMAIL_ADDRESS: {type: mask, keepFirst: -1}}": "negative",
		"{EMAIL_ADDRESS: {type: constant, value: 1}}": "",
	} {
		_, err := Check(Spec{Type: Text, With: withOf(t, text)}, record.String)
		if err == nil || !strings.Contains(err.Error(), tell) {
			t.Errorf("%s: %v, want %q", text, err, tell)
		}
	}
	if _, err := Check(Spec{Type: Text, Detect: `["US_SSN"]`, With: withOf(t, "{EMAIL_ADDRESS: {type: mask}}")}, record.String); err == nil {
		t.Error("what is not detected is hidden")
	}
	var broken Specs
	for _, text := range []string{"{EMAIL_ADDRESS: {type: mask, keepFrist: 1}}", "[1]", "{EMAIL_ADDRESS: 1}"} {
		if err := yaml.Unmarshal([]byte(text), &broken); err == nil {
			t.Errorf("%s is read", text)
		}
	}
	text, err := json.Marshal(s)
	var again Spec
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil || again != s {
		t.Errorf("written and read: %v %v", again, err)
	}
}

// TestTextWords: names of a list are hidden as whole words, in any case.
func TestTextWords(t *testing.T) {
	words := Words(`["Ann Example", "Ann", "Łukasz", "van der Berg", "O'Neil", "STRASSE"]`)
	for with, tests := range map[string]map[string]string{
		"": {
			"ann met ANN EXAMPLE, and Anna":    "<PERSON> met <PERSON>, and Anna",
			"Ann, Example & ann-example":       "<PERSON> & <PERSON>",
			"ŁUKASZ van Der berg; Vander Berg": "<PERSON> <PERSON>; Vander Berg",
			"mail ann@example.com, Ann":        "mail <EMAIL_ADDRESS>, <PERSON>",
			"o'neil and O’Neil":                "<PERSON> and <PERSON>",
			"Ann and her example":              "<PERSON> and her example",
			"nobody":                           "nobody",
			"":                                 "",
			"annex, Joann, ann1":               "annex, Joann, ann1",
			"strasse, straße":                  "<PERSON>, straße", // one letter is not two
			"Ann     Example":                  "<PERSON>     Example",
			"ann\u0301":                        "ann\u0301", // a mark is part of the word
		},
		"{PERSON: {type: mask, keepFirst: 1}}": {"by Ann Example": "by A**********"},
	} {
		spec := Spec{Type: Text, Words: words}
		if with != "" {
			spec.With = withOf(t, with)
		}
		a := compile(t, spec, record.String).Appender()
		for in, want := range tests {
			if got, ok := a.Append(nil, []byte(in)); !ok || string(got) != want {
				t.Errorf("%s: %q becomes %q, want %q", with, in, got, want)
			}
		}
	}
	for _, s := range []Spec{{Type: Text, Words: `[" - "]`}, {Type: Text, Words: Words(`["` + strings.Repeat("a", 201) + `"]`)}, {Type: Text, With: withOf(t, "{PERSON: {type: mask}}")}} {
		if _, err := Check(s, record.String); fault.CodeOf(err) != CodeOption {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

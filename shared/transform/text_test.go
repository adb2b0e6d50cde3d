package transform

import (
	"strings"
	"testing"

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
		detect.Each(value, func(h detect.Hit) {
			if h.Type == detect.Email && strings.Count(string(got), string(value[h.Start:h.End])) >= strings.Count(string(value), string(value[h.Start:h.End])) {
				t.Errorf("%q leaves as %q", value, got)
			}
		})
	})
}

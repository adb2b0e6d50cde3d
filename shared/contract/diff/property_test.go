package diff

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/record"
)

// values are JSON of all kinds, at and beside the bounds of the pairs.
func values() []string {
	all := []string{"null", "true", "false", "{}", "[]", `""`, `"a"`, `"ab"`, `"abc"`, `"abcd"`, `"abcdef"`, `"b"`, `"c"`, `"x"`, `"a@example.com"`,
		`"2019-12-31"`, `"2020-01-01"`, `"2020-06-01"`, `"2021-01-01"`, `"31.12.2020"`, `"01.01.2020"`, `"2020-01-01T10:00:00Z"`, `"2020-01-01T10:00:00"`, `"10:00:00"`,
		`{"a":null}`, `{"a":"x"}`, `{"b":"x"}`, `{"a":"x","b":"y"}`, `{"a":1}`, `{"a":1.5,"long":2}`, `{"long":1}`, `{"c":1}`, `[1]`, `[1.5]`, `[1,1]`, `[1,2]`, `[1,2,3]`, `[1,2,3,4]`,
		`["a"]`, `[{"a":"x"}]`, `[{}]`, `[{"a":null}]`, `[0.6,0.8,0]`, `[1,0,0,0]`, `[[1]]`, `"a"`}
	return append(all, "-1", "0", "0.25", "0.3", "0.5", "1", "1.5", "2", "3", "4", "6", "8", "9", "9.5", "10", "11", "2147483647", "2147483648", "4294967295", "4294967296", "-2147483648", "9223372036854775808", "1e300")
}

// accepted tells which rows, each with one of the values, a contract takes.
func accepted(t *testing.T, c *contract.Contract) []bool {
	t.Helper()
	compiled, err := contract.Compile(c, "o")
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for i, v := range append(values(), "") {
		if !json.Valid([]byte(v)) && v != "" {
			t.Fatal(v)
		}
		if v == "" {
			fmt.Fprintf(&rows, `{"other":"%d"}`+"\n", i)
		} else {
			fmt.Fprintf(&rows, `{"v":%s,"other":"%d"}`+"\n", v, i)
		}
	}
	r, err := record.NewReader(strings.NewReader(rows.String()), record.Format{Codec: record.NDJSON}, compiled.Schema, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v := compiled.NewValidator(contract.ValidatorOptions{})
	defer v.Close()
	var all []bool
	for {
		b, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		invalid := make([]bool, len(b.Rows))
		if err := v.Check(b, invalid, func(contract.Violation) {}); err != nil {
			t.Fatal(err)
		}
		for i := range invalid {
			all = append(all, !invalid[i])
		}
	}
}

// TestClassesAreWhatTheValidatorDoes compares every property of the pairs with
// every other. A value that one version takes and the other does not is a break,
// and the report says so: nobody is surprised. Only an added property is taken for
// no break of consumers.
func TestClassesAreWhatTheValidatorDoes(t *testing.T) {
	type version struct {
		text  string
		doc   *contract.Contract
		takes []bool
	}
	var all []version
	seen := map[string]bool{}
	for _, test := range pairTests {
		for _, text := range []string{test.old, test.new} {
			if test.at == "" && !seen[text] && !strings.Contains(text, "customProperties: [{property: a,") {
				seen[text] = true
				c := doc(t, "", "", text)
				all = append(all, version{text, c, accepted(t, c)})
			}
		}
	}
	if len(all) < 60 {
		t.Fatalf("%d versions", len(all))
	}
	rows := append(values(), "no v")
	breaks := 0
	for _, a := range all {
		for _, b := range all {
			r := Compare(a.doc, b.doc)
			var class Class
			for _, c := range r.Changes {
				if c.Data {
					class |= c.Class
				}
			}
			for i := range rows {
				who := Class(0)
				switch {
				case a.takes[i] && !b.takes[i]:
					who = BreaksProducer
				case b.takes[i] && !a.takes[i]:
					who = BreaksConsumer
				}
				if who == BreaksConsumer && strings.Contains(lines(r), "property-added") {
					continue // who does not know a property passes it by
				}
				if who&^class != 0 {
					t.Errorf("%s is taken by one and not by the other: %s\n%s\nto\n%s\nis said to be: %s", rows[i], who, a.text, b.text, lines(r))
				}
				if who != 0 {
					breaks++
				}
			}
		}
	}
	if breaks < 1000 {
		t.Errorf("only %d breaks were seen", breaks)
	}
}

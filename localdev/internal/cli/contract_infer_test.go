package cli_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop/infer"
	"github.com/sallyport-io/sallyport/shared/record"
)

// inferred infers a contract of data and counts the rows of data that break it.
func inferred(t *testing.T, data []byte, o infer.Options) (*infer.Result, *contract.Contract, int) {
	t.Helper()
	r, err := infer.Read(bytes.NewReader(data), o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.YAML()
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Parse("sample.odcs.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	compiled, err := contract.Compile(c, "")
	if err != nil {
		t.Fatal(err)
	}
	format, skip, _, err := record.Sniff(data[:min(len(data), record.HeadSize)], compiled.Expect())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := record.NewReader(bytes.NewReader(data[skip:]), format, compiled.Schema, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v := compiled.NewValidator(contract.ValidatorOptions{})
	broken := 0
	for {
		b, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		invalid := make([]bool, len(b.Rows))
		if err := v.Check(b, invalid, func(x contract.Violation) { t.Logf("row %d %s %s", x.Row, x.Path, x.Rule) }); err != nil {
			t.Fatal(err)
		}
		for _, bad := range invalid {
			if bad {
				broken++
			}
		}
	}
	whole, err := v.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return r, c, broken + len(whole)
}

// TestInferPayments infers the contract of a large made-up file, which holds
// every kind of personal data; no value of it may be in the contract.
func TestInferPayments(t *testing.T) {
	var b bytes.Buffer
	if err := stories.Payments(&b, 1<<20, 3); err != nil {
		t.Fatal(err)
	}
	r, c, broken := inferred(t, b.Bytes(), infer.Options{Source: "payments.csv"})
	if broken > 0 || !r.All || r.Malformed > 0 {
		t.Errorf("%d rows break it, all %v, %d malformed", broken, r.All, r.Malformed)
	}
	properties := map[string]*contract.Property{}
	for i := range c.Schema[0].Properties {
		p := &c.Schema[0].Properties[i]
		properties[p.Name] = p
	}
	for name, want := range map[string]string{"name": "confidential", "email": "confidential", "ssn": "restricted", "card_number": "restricted", "iban": "restricted", "amount": "", "currency": ""} {
		if p := properties[name]; p == nil || p.Classification != want || !p.Required {
			t.Errorf("%s is %+v", name, p)
		}
	}
	if properties["amount"].LogicalType != "number" || properties["created_at"].LogicalType != "timestamp" || !properties["id"].PrimaryKey {
		t.Errorf("amount, created_at, id are %+v, %+v, %+v", properties["amount"], properties["created_at"], properties["id"])
	}
	text, err := r.YAML()
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(b.String(), "\n")
	for _, v := range strings.FieldsFunc(rows[:64<<10], func(r rune) bool { return strings.ContainsRune(",\r\n\"", r) }) {
		if len(v) >= 5 && bytes.Contains(text, []byte(v)) {
			t.Fatalf("%q is in the contract", v)
		}
	}
	few, err := infer.Read(bytes.NewReader(b.Bytes()), infer.Options{Rows: 50})
	if err != nil || few.All || few.Rows != 50 {
		t.Errorf("50 rows: %+v, %v", few, err)
	}
	_, c, broken = inferred(t, b.Bytes(), infer.Options{Enums: true})
	enums := 0
	for _, p := range c.Schema[0].Properties {
		if enums += len(p.Enum); len(p.Enum) > 0 && p.Classification != "" {
			t.Errorf("the personal data of %s became an enum", p.Name)
		}
	}
	if broken > 0 || enums == 0 {
		t.Errorf("with enums %d rows break it, %d values", broken, enums)
	}
}

// TestInferStories infers the contracts of what the partners of the example
// drop. The rows that break their own contracts by their form are left out;
// those that the drops flaw by their values are what the sample says.
func TestInferStories(t *testing.T) {
	for _, d := range stories.Drops() {
		t.Run(d.Name, func(t *testing.T) {
			r, _, broken := inferred(t, d.Data, infer.Options{Source: d.Name})
			if int64(broken) != r.Malformed {
				t.Errorf("%d rows break the contract, %d are malformed", broken, r.Malformed)
			}
		})
	}
}

package stories

import (
	"bytes"
	"encoding/csv"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform"
)

// compile writes an exchange, loads and compiles it.
func compile(t *testing.T, write func(string) error) *policy.Policy {
	t.Helper()
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	bundle, err := exchange.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Compile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// outbox is what a subscription's view makes of a drop: the rows that keep the
// contract, filtered and masked, in the format of the drop.
type outbox struct {
	data []byte
	rows int
}

func (o outbox) String() string { return string(o.data) }

// run takes a drop the short way: validate, filter, mask.
func run(t *testing.T, p *policy.Policy, d Drop) (invalid map[string]int, out map[string]outbox) {
	t.Helper()
	intake, err := p.Intake(d.Key())
	if err != nil {
		t.Fatal(err)
	}
	c := intake.Compiled
	for _, u := range c.Unenforced {
		t.Errorf("%s is not enforced: %+v", d.Contract, u)
	}
	format := record.Format{Codec: record.NDJSON}
	if d.Contract == "payments" {
		format = record.Format{Codec: record.CSV, Delimiter: ',', Header: true, EOL: "\n"}
	}
	ring, err := keys.NewRing(keys.Version{Number: 1, Key: keys.NewKey([keys.KeySize]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	views := p.Views(intake.Contract.ID, c.Object)
	projections := make([]*record.Projection, len(views))
	for i, v := range views {
		rules := make([]record.Rule, len(v.Fields))
		for id, f := range v.Fields {
			if rules[id].Op = f.Op; f.Op != record.Replace {
				continue
			}
			var key transform.TokenKey
			if v.TokenDomain != "" {
				if key, err = ring.TokenKey(v.TokenDomain, time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)); err != nil {
					t.Fatal(err)
				}
			}
			tr, err := transform.Compile(f.Transform, v.Schema.Fields[id].Type, key)
			if err != nil {
				t.Fatal(err)
			}
			rules[id].Append, rules[id].Out, rules[id].Nulls = tr.Appender().Append, tr.Out(), tr.HidesNull()
		}
		projections[i] = record.NewProjection(v.Schema, format, rules)
	}
	invalid, out = map[string]int{}, map[string]outbox{}
	validator := c.NewValidator(contract.ValidatorOptions{})
	r, err := record.NewReader(bytes.NewReader(d.Data), format, c.Schema, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		bad := make([]bool, len(b.Rows))
		if err := validator.Check(b, bad, func(v contract.Violation) { invalid[v.Path+" "+v.Rule]++ }); err != nil {
			t.Fatal(err)
		}
		rows += len(b.Rows)
		for i, v := range views {
			var matcher *policy.Matcher
			if v.Filter != nil {
				matcher = v.Filter.Matcher()
			}
			for row := range b.Rows {
				if bad[row] || matcher != nil && !matcher.Match(b, row) {
					continue
				}
				for _, s := range v.Subscriptions {
					o := out[s.ID]
					if o.rows == 0 {
						o.data = projections[i].AppendHead(o.data)
					}
					out[s.ID] = outbox{projections[i].AppendRow(o.data, b, row), o.rows + 1}
				}
			}
		}
	}
	if rows != d.Rows {
		t.Errorf("%s: %d rows, want %d", d.Name, rows, d.Rows)
	}
	return invalid, out
}

// drop is the drop of the example that is held to a contract.
func drop(t *testing.T, contract string) Drop {
	t.Helper()
	drops := Drops()
	i := slices.IndexFunc(drops, func(d Drop) bool { return d.Contract == contract })
	if i < 0 {
		t.Fatalf("no drop of %s", contract)
	}
	return drops[i]
}

func wantInvalid(t *testing.T, got map[string]int, want ...string) {
	t.Helper()
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("broken rules: %v, want %v", got, want)
	}
}

func TestStockStory(t *testing.T) {
	invalid, out := run(t, compile(t, Write), drop(t, "inventory"))
	wantInvalid(t, invalid, "available minimum", "sku pattern", "sku, location primaryKey")
	want := map[string]int{"hammer-and-co-stock": 9, "alpine-supply-stock": 9, "bay-hardware-stock": 6}
	for id, rows := range want {
		o := out[id]
		if o.rows != rows || strings.Contains(o.String(), "unit_cost") {
			t.Errorf("%s has %d rows, want %d, without costs:\n%s", id, o.rows, rows, o)
		}
	}
	if len(out) != len(want) {
		t.Errorf("%d subscriptions got something", len(out))
	}
	if bay := out["bay-hardware-stock"].String(); strings.Contains(bay, "location") || !strings.Contains(bay, `"available"`) {
		t.Errorf("bay-hardware asked for three columns:\n%s", bay)
	}
}

func TestPaymentsStory(t *testing.T) {
	d := drop(t, "payments")
	invalid, out := run(t, compile(t, Write), d)
	wantInvalid(t, invalid, " columns", "amount type", "card_number pattern", "country enum")
	o := out["sentinel-payments"]
	if o.rows != d.Rows-d.Invalid {
		t.Errorf("%d rows, want %d", o.rows, d.Rows-d.Invalid)
	}
	records, err := csv.NewReader(strings.NewReader(o.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(records[0], " "); got != "id created_at name email card_number iban amount currency merchant country" {
		t.Fatalf("columns: %s", got)
	}
	token, card := regexp.MustCompile(`^t1_[A-Za-z0-9_-]{22}$`), regexp.MustCompile(`^\*{12}[0-9]{4}$`)
	people := map[string]int{}
	for _, r := range records[1:] {
		if !token.MatchString(r[2]) || !token.MatchString(r[3]) || !card.MatchString(r[4]) || !token.MatchString(r[5]) {
			t.Errorf("not masked: %q", r)
		}
		people[r[2]]++
	}
	if len(people) >= len(records)-1 || len(people) < 2 {
		t.Errorf("%d payments of %d persons: nothing can be joined", len(records)-1, len(people))
	}
}

func TestPatientsStory(t *testing.T) {
	invalid, out := run(t, compile(t, Write), drop(t, "patients"))
	wantInvalid(t, invalid, "birthDate type", "id required")
	o := out["cohort-research-patients"]
	if o.rows != 6 {
		t.Errorf("%d patients, 6 agreed and keep the contract", o.rows)
	}
	for line := range strings.Lines(o.String()) {
		if !regexp.MustCompile(`^\{"resourceType":"Patient","id":"t1_[\w-]{22}","name":\[\{"use":"official","family":".·+"\}\],"gender":"\w+","birthDate":"\d{4}-01-01","address":\[\{"state":"[\w ]+","postalCode":"\d{3}\*\*","country":"US"\}\],"generalPractitioner":null\}\n$`).MatchString(line) {
			t.Errorf("not as a study may see it: %s", line)
		}
	}
}

func TestBenchExchange(t *testing.T) {
	p := compile(t, WriteBench)
	data := generate(t, Payments, 1<<20, 1)
	d := Drop{Partner: BenchPartner, Contract: BenchContract, Name: "payments.csv", Data: data, Rows: bytes.Count(data, []byte("@"))}
	invalid, out := run(t, p, d)
	wantInvalid(t, invalid)
	rows := 0
	for _, o := range out {
		rows += o.rows
	}
	if len(out) != 4 || rows != d.Rows {
		t.Errorf("%d subscriptions got %d of %d rows", len(out), rows, d.Rows)
	}
	for _, v := range p.Views(BenchContract, "payment") {
		if _, _, ok := v.Filter.Equality(); !ok {
			t.Errorf("rows cannot be routed by %s", v.Filter)
		}
	}
	if _, err := p.Intake(BenchPartner + "/elsewhere/x.csv"); fault.CodeOf(err) != "no-contract" {
		t.Error("the bank may drop anywhere")
	}
}

package stories

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/big"
	"net/mail"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func TestWrite(t *testing.T) {
	for name, write := range map[string]func(string) error{"example": Write, "bench": WriteBench} {
		dir := filepath.Join(t.TempDir(), "new", name)
		if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := write(dir); err != nil {
			t.Fatal(name, err)
		}
		if err := write(dir); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: writing over what is there: %v", name, err)
		}
		documents := 0
		err := fs.WalkDir(os.DirFS(dir), ".", func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				return err
			}
			var head struct {
				APIVersion string `yaml:"apiVersion"`
				Kind       string `yaml:"kind"`
			}
			if err := yaml.Unmarshal(data, &head); err != nil || head.APIVersion == "" {
				t.Errorf("%s: %+v, %v", file, head, err)
			}
			kinds := map[string]string{".": "Exchange", "contracts": "DataContract", "partners": "Partner", "profiles": "Profile"}
			if want := kinds[path.Dir(file)]; head.Kind != want {
				t.Errorf("%s is a %s, want %s", file, head.Kind, want)
			}
			documents++
			return nil
		})
		if err != nil || documents < 6 {
			t.Errorf("%s: %d documents, %v", name, documents, err)
		}
	}
}

// TestContractsAreODCS holds the contracts to the standard's own JSON schema. It
// is that of 3.1.0; what 3.2.0 adds (vendor, enum) is taken out before.
func TestContractsAreODCS(t *testing.T) {
	file := filepath.Join("..", "..", "..", "..", "shared", "data", "odcs", "odcs-json-schema-v3.1.0.json")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the schema is not there")
	} else if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("odcs.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("odcs.json")
	if err != nil {
		t.Fatal(err)
	}
	contracts, err := fs.Glob(files, "exchange/contracts/*.odcs.yaml")
	if err != nil || len(contracts) != 3 {
		t.Fatal(contracts, err)
	}
	for _, name := range contracts {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		var contract map[string]any
		if err := yaml.Unmarshal(text, &contract); err != nil {
			t.Fatal(name, err)
		}
		contract["apiVersion"] = "v3.1.0"
		older(contract)
		asJSON, err := json.Marshal(contract)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// older takes out of a contract what ODCS 3.1.0 does not have.
func older(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "vendor")
		delete(v, "enum")
		for _, inside := range v {
			older(inside)
		}
	case []any:
		for _, inside := range v {
			older(inside)
		}
	}
}

func generate(t testing.TB, write func(io.Writer, int64, uint64) error, size int64, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, size, seed); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGeneratorsAreStable: benchmarks and golden outputs elsewhere rely on the
// very bytes. A change of a generator changes these digests, knowingly.
func TestGeneratorsAreStable(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"payments":        {generate(t, Payments, 1<<20, 1), "02f00e80665c1e14"},
		"payments 2":      {generate(t, Payments, 1<<20, 2), "3b4bae914507401d"},
		"flawed payments": {generate(t, FlawedPayments, 1<<20, 1), "5d842e92b0980a94"},
		"stock":           {Drops()[0].Data, "7fade4a3044e2e4b"},
		"bank":            {Drops()[1].Data, "1d47209c5c16c081"},
		"patients":        {Drops()[2].Data, "267cf2f9875a2191"},
	} {
		sum := sha256.Sum256(c.data)
		if got := hex.EncodeToString(sum[:8]); got != c.want {
			t.Errorf("%s: digest %s, want %s", name, got, c.want)
		}
	}
}

func TestPaymentsSize(t *testing.T) {
	for _, size := range []int64{0, 1, 1000, 1 << 20} {
		n := int64(len(generate(t, Payments, size, 1)))
		if n < size || n > size+400 && size > 0 {
			t.Errorf("asked for %d bytes, got %d", size, n)
		}
	}
	rows := bytes.Count(generate(t, Payments, 1<<20, 1), []byte("@"))
	if perRow := 1 << 20 / rows; perRow < 200 || perRow > 260 {
		t.Errorf("a row has %d bytes", perRow)
	}
	errFull := errors.New("full")
	if err := Payments(failing{errFull}, 1<<20, 1); !errors.Is(err, errFull) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

var (
	ssnForm    = regexp.MustCompile(`^9\d\d-\d\d-\d{4}$`)
	cardForm   = regexp.MustCompile(`^\d{16}$`)
	ibanForm   = regexp.MustCompile(`^DE\d{20}$`)
	amountForm = regexp.MustCompile(`^\d+\.\d\d$`)
)

// rowFault is what is wrong with a record of a payments file, "" if nothing is:
// the rules of the contract once more, written by other means.
func rowFault(record []string) string {
	if len(record) != 12 {
		return "columns"
	}
	if id, err := uuid.Parse(record[0]); err != nil || id.String() != record[0] || id.Version() != 4 {
		return "id"
	}
	if _, err := time.Parse(time.RFC3339, record[1]); err != nil {
		return "created_at"
	}
	if n := len([]rune(record[2])); n < 2 || n > 60 {
		return "name"
	}
	if a, err := mail.ParseAddress(record[3]); err != nil || a.Address != record[3] {
		return "email"
	}
	amount, err := strconv.ParseFloat(record[7], 64)
	switch {
	case !ssnForm.MatchString(record[4]):
		return "ssn"
	case !cardForm.MatchString(record[5]) || luhn([]byte(record[5][:15])) != record[5][15]:
		return "card_number"
	case !ibanForm.MatchString(record[6]) || !validIBAN(record[6]):
		return "iban"
	case err != nil || amount < 0 || !amountForm.MatchString(record[7]):
		return "amount"
	case !slices.Contains(currencies[:], record[8]):
		return "currency"
	case record[9] == "":
		return "merchant"
	case !slices.Contains(countries[:], record[10]):
		return "country"
	}
	return ""
}

// validIBAN is the check of ISO 7064, MOD 97-10.
func validIBAN(iban string) bool {
	digits := iban[4:] + "1314" + iban[2:4] // D and E are 13 and 14
	n, ok := new(big.Int).SetString(digits, 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

// rowFaults counts the rows of a payments file by what is wrong with them.
func rowFaults(t *testing.T, data []byte) map[string]int {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(records[0], ",") + "\n"; got != paymentsHeader {
		t.Fatalf("header %q", got)
	}
	faults := map[string]int{}
	for _, record := range records[1:] {
		faults[rowFault(record)]++
	}
	return faults
}

func TestPaymentsKeepTheContract(t *testing.T) {
	if faults := rowFaults(t, generate(t, Payments, 4<<20, 3)); len(faults) != 1 || faults[""] < 10000 {
		t.Errorf("rows by fault: %v", faults)
	}
}

func TestFlawedPayments(t *testing.T) {
	faults := rowFaults(t, generate(t, FlawedPayments, 8<<20, 3))
	sound := faults[""]
	delete(faults, "")
	want := []string{"amount", "card_number", "columns", "country", "created_at", "email", "id"}
	if got := slices.Sorted(maps.Keys(faults)); !slices.Equal(got, want) {
		t.Errorf("rows by fault: %v, want all of %v", faults, want)
	}
	flawed := 0
	for _, n := range faults {
		flawed += n
	}
	if perRow := float64(flawed) / float64(sound+flawed); perRow < 0.0009 || perRow > 0.0011 {
		t.Errorf("%d of %d rows are flawed", flawed, sound+flawed)
	}
}

func TestPaymentsGroups(t *testing.T) {
	records, err := csv.NewReader(bytes.NewReader(generate(t, Payments, 2<<20, 1))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, record := range records[1:] {
		rows[record[10]]++
	}
	var subscribed []string
	partners, err := fs.Glob(files, "bench/partners/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range partners {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		share := 0
		for _, match := range regexp.MustCompile(`"([A-Z]{2})"`).FindAllStringSubmatch(string(text), -1) {
			subscribed = append(subscribed, match[1])
			share += rows[match[1]]
		}
		if percent := 100 * share / (len(records) - 1); share > 0 && (percent < 20 || percent > 30) {
			t.Errorf("%s gets %d %% of the rows", name, percent)
		}
	}
	slices.Sort(subscribed)
	if !slices.Equal(subscribed, countries[:]) {
		t.Errorf("the subscriptions have the countries %v, the payments %v", subscribed, countries)
	}
}

// TestDrops looks at the drops by other means than the contracts.
func TestDrops(t *testing.T) {
	drops := Drops()
	if len(drops) != 3 {
		t.Fatalf("%d drops", len(drops))
	}
	for _, d := range drops {
		if d.Key() != d.Partner+"/"+d.Contract+"/"+d.Name || d.Story == "" || !bytes.HasSuffix(d.Data, []byte("\n")) {
			t.Errorf("%+v", d.Key())
		}
		if d.Contract == "payments" {
			faults := rowFaults(t, d.Data)
			if invalid := d.Rows - faults[""]; invalid != d.Invalid || faults[""] == 0 {
				t.Errorf("payments: %v, want %d of %d", faults, d.Invalid, d.Rows)
			}
			continue
		}
		rows := 0
		for line := range bytes.Lines(d.Data) {
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				t.Errorf("%s, row %d: %v", d.Contract, rows+1, err)
			}
			rows++
		}
		if rows != d.Rows {
			t.Errorf("%s has %d rows, says %d", d.Contract, rows, d.Rows)
		}
	}
	people := map[string]int{}
	for line := range strings.Lines(string(drops[1].Data)) {
		if fields := strings.Split(line, ","); len(fields) > 6 {
			people[fields[2]]++
		}
	}
	if most := slices.Max(slices.Collect(maps.Values(people))); most < 3 {
		t.Errorf("nobody pays more than %d times: tokens have nothing to join", most)
	}
}

// TestArticles: the distributors' filters name articles that there are.
func TestArticles(t *testing.T) {
	stock := string(Drops()[0].Data)
	named := map[string]bool{}
	for _, partner := range []string{"hammer-and-co", "alpine-supply", "bay-hardware"} {
		text, err := fs.ReadFile(files, "exchange/partners/"+partner+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		skus := regexp.MustCompile(`"(\d{13})"`).FindAllStringSubmatch(string(text), -1)
		if len(skus) < 2 {
			t.Errorf("%s carries %d articles", partner, len(skus))
		}
		for _, sku := range skus {
			named[sku[1]] = true
			if !strings.Contains(stock, fmt.Sprintf(`"sku":%q`, sku[1])) {
				t.Errorf("%s carries %s, which there is not", partner, sku[1])
			}
		}
	}
	if len(named) != 7 {
		t.Errorf("%d articles are carried by somebody, want all 7", len(named))
	}
}

func BenchmarkPayments(b *testing.B) {
	const size = 32 << 20
	b.SetBytes(size)
	for b.Loop() {
		if err := Payments(io.Discard, size, 1); err != nil {
			b.Fatal(err)
		}
	}
}

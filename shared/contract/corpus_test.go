package contract

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

var updateDrops = flag.Bool("update-drops", false, "write what the reports of testdata/drops are")

// dropReport is what is found in a drop, as far as this package finds it: the
// report of ingest has the same violations.
type dropReport struct {
	Rows       int         `json:"rows"`
	Invalid    []int64     `json:"invalid,omitempty"` // rows that are refused
	Violations []violation `json:"violations,omitempty"`
	Fault      string      `json:"fault,omitempty"` // the drop cannot be read on
	Told       string      `json:"told,omitempty"`  // of the fault: where, what, what to do
	NotRun     []string    `json:"notRun,omitempty"`
}

type violation struct {
	Row      int64  `json:"row,omitempty"`
	Line     int64  `json:"line,omitempty"`
	Path     string `json:"path,omitempty"`
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Want     string `json:"want"`
	Do       string `json:"do"`
}

// TestDrops holds every drop of testdata/drops to the contract beside it: the
// report is the one beside it, it is the same the second time, in the order of
// the rows, and holds no value. Every value of the drops that may not be told
// has the letters "secret", or the digits 4711, in it.
func TestDrops(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join("testdata", "drops", "*"))
	if err != nil || len(dirs) < 40 {
		t.Fatalf("%d drops: %v", len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			source, err := os.ReadFile(filepath.Join(dir, "contract.odcs.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			c := compile(t, string(source))
			d := readDrop(t, dir, c)
			got := encodeReport(t, examine(t, c, d))
			if again := encodeReport(t, examine(t, c, d)); !bytes.Equal(got, again) {
				t.Fatalf("the second report differs:\n%s\n%s", got, again)
			}
			if told := string(got); strings.Contains(strings.ToLower(told), "secret") || strings.Contains(told, "4711") {
				t.Errorf("the report tells a value:\n%s", told)
			}
			path := filepath.Join(dir, "report.json")
			if *updateDrops {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// drop is a file that a partner sends, and the limits that it is read with.
type drop struct {
	format record.Format
	data   []byte
	limits record.Limits
}

func readDrop(t *testing.T, dir string, c *Compiled) drop {
	if strings.HasPrefix(filepath.Base(dir), "parquet-") || strings.HasPrefix(filepath.Base(dir), "avro-") {
		return writeDrop(t, dir, c)
	}
	for name, format := range map[string]record.Format{
		"drop.csv": {Codec: record.CSV, Delimiter: ',', Header: true, EOL: "\n"}, "drop.ndjson": {Codec: record.NDJSON}, "drop.json": {Codec: record.JSON}} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return drop{format: format, data: data}
		}
	}
	t.Fatalf("there is no drop in %s", dir)
	return drop{}
}

// fails writes down why a drop cannot be read on.
func (out *dropReport) fails(err error) {
	out.Fault, out.Told = fault.CodeOf(err), err.Error()
}

func examine(t *testing.T, c *Compiled, d drop) (out dropReport) {
	r, err := openDrop(c, d)
	if err != nil {
		out.fails(err)
		return out
	}
	for _, p := range c.Unenforced {
		out.NotRun = append(out.NotRun, p.Path+": "+p.Message)
	}
	add := func(v Violation) {
		out.Violations = append(out.Violations, violation{v.Row, v.Line, v.Path, v.Rule, v.Severity.String(), v.Want, v.Do})
	}
	v := c.NewValidator(ValidatorOptions{})
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			out.fails(err)
			break
		}
		invalid := make([]bool, len(b.Rows))
		if err := v.Check(b, invalid, add); err != nil {
			t.Fatal(err)
		}
		out.Rows += len(b.Rows)
		for i, bad := range invalid {
			if bad {
				out.Invalid = append(out.Invalid, b.First+int64(i))
			}
		}
	}
	if !slices.IsSortedFunc(out.Violations, func(a, b violation) int { return int(a.Row - b.Row) }) {
		t.Errorf("the violations are not in the order of the rows: %+v", out.Violations)
	}
	whole, err := v.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range whole {
		add(broken)
	}
	return out
}

func encodeReport(t *testing.T, r dropReport) []byte {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

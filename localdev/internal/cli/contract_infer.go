package cli

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/contract/interop/infer"
	"github.com/sallyport-io/sallyport/shared/record"
)

type contractInferCommand struct {
	File   string `arg:"" type:"existingfile" help:"The sample: CSV, NDJSON or JSON, also packed with gzip or zstd; Parquet or Avro."`
	Rows   int64  `default:"100000" placeholder:"N" help:"Read at most so many rows. Default: 100000."`
	Header string `default:"auto" enum:"auto,present,absent" placeholder:"HOW" help:"Whether CSV starts with the names of its columns: auto, present or absent."`
	Enums  bool   `help:"Write the values of columns that have few as the only ones allowed. They are values of the sample."`
	headFlags
	outFlags
}

func (contractInferCommand) Help() string {
	return `Finds types (of Parquet and Avro the file says them), formats, what is never missing, likely keys and likely personal data, and writes an ODCS contract in status draft that the sample keeps. Without --enums no value of the sample is in it. What was guessed is marked with a comment: look at it.

Examples:

    sallyport contract infer payments.csv
    sallyport contract infer people.ndjson.gz --rows 5000
    sallyport contract infer stock.parquet
    sallyport contract infer payments.csv --id payments --out contracts/payments.odcs.yaml`
}

// Run infers the contract.
func (c contractInferCommand) Run(s *session) error {
	if c.Rows < 1 {
		return usageError{errors.New("--rows is a number from 1")}
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	base := filepath.Base(c.File)
	header := map[string]record.Header{"present": record.HeaderPresent, "absent": record.HeaderAbsent}[c.Header]
	r, err := infer.Read(f, infer.Options{Head: c.head(c.File), Source: base, Rows: c.Rows, Header: header, Enums: c.Enums})
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	text, err := r.YAML()
	if err != nil {
		return err
	}
	if err := c.write(s, text); err != nil {
		return err
	}
	s.err.Printf("%s of %s read (%s); %s marked in the contract\n", show.Count(r.Rows, "row"), show.Clean(base), r.Form(), show.Count(int64(len(r.Proposals)), "proposal"))
	if !r.All {
		s.err.Printf("%s there are more rows, which were not looked at: --rows reads more of them\n", s.err.Paint(show.Accent, "note:"))
	}
	if r.Malformed > 0 {
		s.err.Printf("%s %s could not be parsed and counted for nothing\n", s.err.Paint(show.Accent, "note:"), show.Count(r.Malformed, "row"))
	}
	return nil
}

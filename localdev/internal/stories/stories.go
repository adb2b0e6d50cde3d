// Package stories is what newcomers see and benchmarks run: three small
// exchanges in one example folder, the drops that go with them, and payments
// files of any size.
//
//   - Northwind Tools drops its stock; three distributors see the articles that
//     each of them carries.
//   - Harbour Bank drops card payments; Sentinel looks for fraud in them without
//     knowing whose they are.
//   - Riverside Hospital drops patients; Cohort Research gets those who agreed,
//     without what leads to a person.
//
// Everything that is generated is a pure function of a seed. All persons,
// companies and numbers are made up: SSNs start with 9, which is never issued.
package stories

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed exchange bench
var files embed.FS

// Write writes the example exchange into dir, which is made if it is not there.
// A file that is there already is an error (fs.ErrExist).
func Write(dir string) error {
	example, err := fs.Sub(files, "exchange")
	if err != nil {
		return err
	}
	return os.CopyFS(dir, example)
}

// The partner that drops payments and their contract, in the example as well as
// in the exchange of the benchmark.
const (
	BenchPartner  = "harbour-bank"
	BenchContract = "payments"
)

// WriteBench writes the exchange of the benchmark into dir: the payments
// contract of the example and four subscriptions, each to a quarter of the
// countries, with one profile. A file that is there already is an error
// (fs.ErrExist).
func WriteBench(dir string) error {
	bench, err := fs.Sub(files, "bench")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, bench); err != nil {
		return err
	}
	const name = "contracts/payments.odcs.yaml"
	text, err := fs.ReadFile(files, "exchange/"+name)
	if err != nil {
		return err
	}
	to := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// Drop is one file that a partner of the example drops. Its key in the drops
// bucket is Partner/Contract/Name.
type Drop struct {
	Story    string // one line: what is to be seen
	Partner  string // id of who drops it
	Contract string // id of what it is held to
	Name     string // of the file
	Data     []byte
	Rows     int // in it
	Invalid  int // of them break a rule of the contract
}

// Key is where the drop belongs in the drops bucket.
func (d Drop) Key() string { return d.Partner + "/" + d.Contract + "/" + d.Name }

// Drops are the example's drops, the same every time. A few rows of each are
// wrong.
func Drops() []Drop { return []Drop{stock(), payments(), patients()} }

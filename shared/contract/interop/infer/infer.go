// Package infer starts a contract from a sample of the data: types (those of
// Parquet and Avro are the file's own), formats, what is never missing, likely keys, and what is likely personal data, proposed
// as classification and tags.
//
// Nothing that it says of the data is a value of it: proposals are counts
// ("98 of 100 values look like IBANs"). Only where the caller asks for them are
// the values of columns with few distinct ones written, as the values allowed.
//
// Whether a value fits a type or format is asked of the contract's own
// validator, so that what is inferred from a file accepts it.
package infer

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/maphash"
	"io"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
)

// Options bound what is read. Zero fields have defaults.
type Options struct {
	Head   interop.Head
	Source string        // what the sample is called, for the comment on top
	Rows   int64         // at most this many are read; 100,000
	Header record.Header // whether CSV starts with the names of its columns; unknown: find out
	Enums  bool          // write the values of columns with few distinct ones: values of the sample
	Limits record.Limits
}

// Result is a contract and how it came about.
type Result struct {
	Contract  *contract.Contract
	Proposals []interop.Note // what was guessed of properties, and why
	Format    record.Format  // how the sample is written
	Rows      int64          // that were read, malformed ones included
	Malformed int64          // that could not be parsed and count nowhere
	All       bool           // there are no others

	source string
}

// Bounds of what is remembered, whatever the sample.
const (
	maxColumns  = 4096
	maxNesting  = 60
	maxKeys     = 2_000_000 // of all columns that may be keys
	maxDistinct = 20        // values of a column that may be an enum
	maxValue    = 64        // bytes of one of them
)

// File is what a sample is read from, such as an *os.File or a *bytes.Reader.
type File interface {
	io.ReadSeeker
	io.ReaderAt
}

// Read infers a contract from a sample in CSV, NDJSON or JSON, packed or not, or in
// Parquet or Avro. The faults are Invalid; codes besides those of record.Unpack and
// of packages parquet and avro are "empty-drop", "utf16", "header-unknown",
// "header-duplicate", "too-many-columns", "row-too-large" and "no-rows".
func Read(file File, o Options) (*Result, error) {
	if o.Rows == 0 {
		o.Rows = 100_000
	}
	o.Limits = o.Limits.WithDefaults()
	in := bufio.NewReaderSize(file, record.HeadSize)
	head, err := in.Peek(4)
	if err != nil && len(head) == 0 {
		return nil, empty(err)
	}
	switch string(head) {
	case "PAR1":
		return columns(file, o)
	case avro.Magic:
		return blocks(file, o)
	}
	unpacked, err := record.Unpack(in, record.CompressionOf(head), record.Expansion{Stored: 1 << 40, Size: 1 << 40, Ratio: 1 << 20})
	if err != nil {
		return nil, err
	}
	defer unpacked.Close()
	in = bufio.NewReaderSize(unpacked, record.HeadSize)
	if head, _ = in.Peek(record.HeadSize); len(head) == 0 {
		_, err := in.ReadByte()
		return nil, empty(err)
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return nil, fault.New(fault.Invalid, "utf16", "the file is written in UTF-16", "save it as UTF-8")
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		if _, err := in.Discard(3); err != nil {
			return nil, err
		}
		head = head[3:]
	}
	s, err := newSurvey(o)
	if err != nil {
		return nil, err
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0:
		return nil, empty(io.EOF)
	case text[0] == '{':
		err = s.ndjson(in)
	case text[0] == '[':
		err = s.json(in)
	default:
		err = s.csv(in, head)
	}
	if err != nil {
		return nil, err
	}
	return s.finish()
}

func empty(err error) error {
	if err == io.EOF { //nolint:errorlint // bufio answers it bare
		return fault.New(fault.Invalid, "empty-drop", "there is nothing in the file", "give one that has rows")
	}
	return err
}

// survey is one reading of a sample.
type survey struct {
	o       Options
	probe   *probe
	seed    maphash.Seed
	root    *column
	columns int
	keys    int // remembered, of all columns
	result  *Result
}

func newSurvey(o Options) (*survey, error) {
	probe, err := newProbe()
	if err != nil {
		return nil, err
	}
	return &survey{o: o, probe: probe, seed: maphash.MakeSeed(), root: &column{byName: map[string]*column{}}, result: &Result{All: true, source: o.Source}}, nil
}

// more counts a row and reports whether it may be read.
func (s *survey) more() bool {
	if s.result.Rows >= s.o.Rows {
		s.result.All = false
		return false
	}
	s.result.Rows++
	return true
}

func (s *survey) member(parent *column, name string, depth int) (*column, error) {
	if c := parent.byName[name]; c != nil {
		return c, nil
	}
	c, err := s.column(name, depth)
	if err != nil {
		return nil, err
	}
	parent.byName[name] = c
	parent.members = append(parent.members, c)
	return c, nil
}

func (s *survey) column(name string, depth int) (*column, error) {
	if s.columns++; s.columns > min(maxColumns, s.o.Limits.Columns) || depth > maxNesting {
		return nil, fault.New(fault.Invalid, "too-many-columns", fmt.Sprintf("there are more than %d columns or members, or they lie deeper than %d", min(maxColumns, s.o.Limits.Columns), maxNesting),
			"if names of members are data, describe the member that holds them as an object without properties by hand")
	}
	return &column{name: name, top: depth == 1, alive: s.probe.all, byName: map[string]*column{}, keys: map[uint64]struct{}{}, values: map[string]int64{}}, nil
}

// finish makes the contract.
func (s *survey) finish() (*Result, error) {
	if s.root.objects == 0 {
		return nil, fault.New(fault.Invalid, "no-rows", fmt.Sprintf("no row of the %d read could be parsed", s.result.Rows), "give CSV with a delimiter, one JSON object a line, or an array of JSON objects")
	}
	name := s.o.Source
	if i := strings.IndexByte(name, '.'); i > 0 {
		name = name[:i]
	}
	c := interop.New(s.o.Head, name)
	w := writer{s: s, r: s.result}
	c.Schema[0].Properties = w.properties(s.root, "")
	w.keys(c.Schema[0].Properties)
	s.result.Contract = c
	for _, p := range c.Schema[0].Properties {
		if len(p.Enum) > 0 {
			c.APIVersion = "v3.2.0"
		}
	}
	interop.Settle(c, nil)
	if _, err := contract.Compile(c, ""); err != nil {
		return nil, err
	}
	return s.result, nil
}

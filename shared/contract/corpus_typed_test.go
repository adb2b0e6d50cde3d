package contract

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/record/avro"
	"github.com/sallyport-io/sallyport/shared/record/parquet"
)

// typedWriter is what the writers of Parquet and Avro have in common.
type typedWriter interface {
	Append(b *record.Batch, i int) error
	Close() error
}

// writeDrop writes the Parquet or Avro file that a directory of testdata/drops
// describes: the rows of rows.ndjson, with the columns of written.odcs.yaml where
// the partner's are not those of the contract, and then what damage.txt says, a
// line each:
//
//	cut N          take N bytes off the end
//	keep N         take all off behind the first N bytes
//	put AT "TEXT"  write TEXT, a Go string, over what is at byte AT, from the end if AT is negative
//	row N          read it with rows of N bytes at most
//	columns N      read it with N columns at most
func writeDrop(t *testing.T, dir string, c *Compiled) (d drop) {
	schema := c.Schema
	if source, err := os.ReadFile(filepath.Join(dir, "written.odcs.yaml")); err == nil {
		schema = compile(t, string(source)).Schema
	} else if !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	rows, err := os.ReadFile(filepath.Join(dir, "rows.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	d.format = record.Format{Codec: record.Avro}
	var out bytes.Buffer
	var w typedWriter
	if strings.HasPrefix(filepath.Base(dir), "parquet-") {
		d.format.Codec = record.Parquet
		w, err = parquet.NewWriter(&out, schema, record.Format{Codec: record.NDJSON})
	} else {
		w, err = avro.NewWriter(&out, schema)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.NewReader(bytes.NewReader(rows), record.Format{Codec: record.NDJSON}, schema, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows {
			if b.Rows[i].Bad != "" {
				t.Fatalf("row %d cannot be written: %s", b.First+int64(i), b.Rows[i].Bad)
			}
			if err := w.Append(b, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d.data = out.Bytes()
	damage, err := os.ReadFile(filepath.Join(dir, "damage.txt"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(damage)) {
		d.damage(t, strings.TrimSpace(line))
	}
	return d
}

// damage does what a line of damage.txt says.
func (d *drop) damage(t *testing.T, line string) {
	words := strings.SplitN(line, " ", 3)
	if len(words) < 2 {
		t.Fatalf("damage %q", line)
	}
	n, err := strconv.Atoi(words[1])
	if err != nil {
		t.Fatal(err)
	}
	switch words[0] {
	case "cut":
		d.data = d.data[:len(d.data)-n]
	case "keep":
		d.data = d.data[:n]
	case "put":
		text, err := strconv.Unquote(words[2])
		if err != nil {
			t.Fatal(err)
		}
		if n < 0 {
			n += len(d.data)
		}
		if at := d.data[n:]; len(at) < len(text) || bytes.HasPrefix(at, []byte(text)) {
			t.Fatalf("%q changes nothing, or is longer than the file", line)
		}
		copy(d.data[n:], text)
	case "row":
		d.limits.Row = n
	case "columns":
		d.limits.Columns = n
	default:
		t.Fatalf("damage %q", line)
	}
}

// openDrop begins to read a drop as the contract expects it.
func openDrop(c *Compiled, d drop) (record.Reader, error) {
	stored := record.Expansion{Stored: int64(len(d.data))}
	switch d.format.Codec {
	case record.Parquet:
		return parquet.NewReader(bytes.NewReader(d.data), int64(len(d.data)), c.Expect(), d.limits, stored)
	case record.Avro:
		return avro.NewReader(bytes.NewReader(d.data), c.Expect(), d.limits, stored)
	}
	return record.NewReader(bytes.NewReader(d.data), d.format, c.Schema, d.limits)
}

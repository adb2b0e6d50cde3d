package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/contract/interop/avroschema"
	"github.com/sallyport-io/sallyport/shared/contract/interop/jsonschema"
	"github.com/sallyport-io/sallyport/shared/contract/interop/markdown"
)

type contractExportCommand struct {
	File   string `arg:"" type:"existingfile" help:"The contract: an ODCS document."`
	To     string `required:"" enum:"jsonschema,avro,markdown" placeholder:"FORMAT" help:"jsonschema, avro or markdown."`
	Object string `placeholder:"NAME" help:"Schema object of the contract. Default: its only one; markdown shows all."`
	outFlags
}

func (contractExportCommand) Help() string {
	return `What the other language cannot say is listed on stderr. JSON Schema is draft 2020-12, one schema for a row.

Examples:

    sallyport contract export contracts/payments.odcs.yaml --to jsonschema
    sallyport contract export contracts/payments.odcs.yaml --to avro --out payments.avsc
    sallyport contract export contracts/payments.odcs.yaml --to markdown --out docs/payments.md --force`
}

// Run writes the contract in another language.
func (c contractExportCommand) Run(s *session) error {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	data, err := readSchema(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	doc, err := contract.Parse(filepath.Base(c.File), data)
	if err != nil {
		return err
	}
	if c.To != "markdown" && c.Object == "" && len(doc.Schema) > 1 {
		names := make([]string, len(doc.Schema))
		for i, o := range doc.Schema {
			names[i] = o.Name
		}
		return failure(fmt.Sprintf("the contract has %d schema objects, and each is a schema of its own", len(names)), "say which: --object "+strings.Join(names, " or --object "))
	}
	var text []byte
	var notes []interop.Note
	switch c.To {
	case "jsonschema":
		text, notes, err = jsonschema.Export(doc, c.Object)
	case "avro":
		text, notes, err = avroschema.Export(doc, c.Object)
	case "markdown":
		text = markdown.Write(doc)
	}
	if err != nil {
		return err
	}
	s.notes(notes)
	return c.write(s, text)
}

// outFlags say where a text goes.
type outFlags struct {
	Out   string `short:"o" placeholder:"FILE" help:"Write into this file. Default: stdout."`
	Force bool   `help:"Overwrite the file if it is there."`
}

// write writes text, and never over a file without --force.
func (c outFlags) write(s *session, text []byte) error {
	if c.Out == "" {
		_, err := s.out.Write(text)
		return err
	}
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(c.Out, how, 0o644) //nolint:gosec // a contract is for all to read
	if errors.Is(err, fs.ErrExist) {
		return failure(c.Out+" is there already", "choose another name, or overwrite it with --force")
	} else if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	s.err.Printf("written into %s\n", s.err.Paint(show.Title, show.Clean(c.Out)))
	return nil
}

// notes tells on stderr what was not carried over.
func (s *session) notes(notes []interop.Note) {
	for _, n := range notes {
		s.err.Printf("%s %s\n", s.err.Paint(show.Accent, "note:"), show.Clean(n.String()))
	}
}

// readSchema reads a document that is not larger than one may be.
func readSchema(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, interop.MaxSize+1))
	if err == nil && len(data) > interop.MaxSize {
		err = failure(fmt.Sprintf("the document is larger than %d bytes", interop.MaxSize), "")
	}
	return data, err
}

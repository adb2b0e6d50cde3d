package cli

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/contract/interop/avroschema"
	"github.com/sallyport-io/sallyport/shared/contract/interop/jsonschema"
	"github.com/sallyport-io/sallyport/shared/contract/interop/registry"
)

type contractImportCommand struct {
	Source         string `arg:"" name:"file-or-url" help:"A file, an http(s) URL, or the URL of the registry."`
	From           string `required:"" enum:"jsonschema,avro,registry" placeholder:"FORMAT" help:"jsonschema, avro or registry."`
	Subject        string `placeholder:"NAME" help:"Subject in the registry, such as orders-value."`
	SubjectVersion string `default:"latest" placeholder:"N" help:"Version of the subject. Default: latest."`
	headFlags
	outFlags
}

func (contractImportCommand) Help() string {
	return `Writes an ODCS contract in status draft. What ODCS cannot say is listed on stderr and stands in the descriptions. A registry is one that speaks the REST API of Confluent's, with Avro or JSON Schema; user and password may stand in its URL.

Examples:

    sallyport contract import orders.schema.json --from jsonschema
    sallyport contract import orders.avsc --from avro --id orders --out contracts/orders.odcs.yaml
    sallyport contract import https://registry.example.org --from registry \
        --subject orders-value --subject-version 3`
}

// Run starts the contract.
func (c contractImportCommand) Run(s *session) error {
	doc, notes, err := c.read(s)
	if err != nil {
		return err
	}
	text, err := contract.Encode(doc)
	if err != nil {
		return err
	}
	s.notes(notes)
	return c.write(s, text)
}

func (c contractImportCommand) read(s *session) (*contract.Contract, []interop.Note, error) {
	head := c.head(c.Source)
	if c.From == "registry" {
		version := registry.Latest
		if c.SubjectVersion != "latest" {
			n, err := strconv.Atoi(c.SubjectVersion)
			if err != nil || n < 1 {
				return nil, nil, usageError{errors.New("--subject-version is a number from 1, or latest")}
			}
			version = n
		}
		if c.Subject == "" {
			return nil, nil, usageError{errors.New("--from registry needs --subject")}
		}
		return registry.Import(s, c.Source, c.Subject, version, head)
	}
	data, err := c.fetch(s)
	if err != nil {
		return nil, nil, err
	}
	if c.From == "avro" {
		return avroschema.Import(data, head)
	}
	return jsonschema.Import(data, head)
}

// fetch reads the schema from a file or URL.
func (c contractImportCommand) fetch(s *session) (data []byte, err error) {
	if !strings.HasPrefix(c.Source, "http://") && !strings.HasPrefix(c.Source, "https://") {
		f, err := os.Open(c.Source)
		if err != nil {
			return nil, err
		}
		data, err := readSchema(f)
		return data, errors.Join(err, f.Close())
	}
	request, err := http.NewRequestWithContext(s, http.MethodGet, c.Source, nil)
	if err != nil {
		return nil, failure("the URL is not understood", "such as https://example.org/orders.schema.json")
	}
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return nil, failure("nothing answers at the URL", "look whether it is right")
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return nil, failure(fmt.Sprintf("the URL answers with status %d", answer.StatusCode), "look whether it is right")
	}
	return readSchema(answer.Body)
}

// headFlags name a contract that is started.
type headFlags struct {
	ID   string `name:"id" placeholder:"ID" help:"Id of the contract. Default: made from its name."`
	Name string `placeholder:"NAME" help:"Name of the contract. Default: what the source is called."`
}

func (f headFlags) head(source string) interop.Head {
	base := path.Base(strings.ReplaceAll(source, `\`, "/"))
	if i := strings.IndexByte(base, '.'); i > 0 {
		base = base[:i]
	}
	return interop.Head{ID: f.ID, Name: f.Name, Source: base}
}

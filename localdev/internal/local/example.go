package local

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// ignored keeps out of Git what the chain makes beside the exchange.
const ignored = "# The exchange belongs into Git, the data does not.\n/.sallyport/\n/outbox/\n"

// WriteExample writes a commented example exchange into a folder that is empty
// or not there, with the JSON Schemas that editors check and complete its files
// by. It answers the files, by slash-separated path.
func WriteExample(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unwritable(err)
	}
	if len(entries) > 0 {
		return nil, fault.New(fault.Invalid, CodeNotEmpty, dir+" is not empty", "name a folder that is empty or not there yet")
	}
	if err := stories.Write(dir); err != nil {
		return nil, unwritable(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "schema"), exchange.Schemas()); err != nil {
		return nil, unwritable(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(ignored), 0o666); err != nil {
		return nil, unwritable(err)
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files = append(files, name)
		return nameSchema(filepath.Join(dir, filepath.FromSlash(name)), name)
	})
	if err != nil {
		return nil, unwritable(err)
	}
	return files, nil
}

// nameSchema makes the first line of a file say which schema it goes by, in the
// way that the YAML language server reads.
func nameSchema(file, name string) error {
	var schema string
	switch {
	case name == "exchange.yaml":
		schema = "schema/exchange.schema.json"
	case path.Dir(name) == "partners":
		schema = "../schema/partner.schema.json"
	case path.Dir(name) == "profiles":
		schema = "../schema/profile.schema.json"
	default:
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil || bytes.HasPrefix(text, []byte("# yaml-language-server:")) {
		return err
	}
	return os.WriteFile(file, append([]byte("# yaml-language-server: $schema="+schema+"\n"), text...), 0o666)
}

func unwritable(err error) error {
	return fault.Wrap(fault.Retry, "folder-write", err, "the folder cannot be written")
}

package impact

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// Sides are an exchange with one and with another version of a contract. The
// folder holds one of the two; for the other its file is taken to have changed.
// What is wrong with the exchange as it is, is the error; that it would not be in
// order with the other version is told by broken, and that side has no policy.
func Sides(folder fs.FS, oldText, newText []byte) (old, new Side, broken error, err error) {
	oldDoc, err := contract.Parse("old", oldText)
	if err != nil {
		return old, new, nil, err
	}
	newDoc, err := contract.Parse("new", newText)
	if err != nil {
		return old, new, nil, err
	}
	name, holdsNew, err := find(folder, oldDoc, newDoc)
	if err != nil {
		return old, new, nil, err
	}
	was, is := folder, fs.FS(replaced{folder, name, newText})
	if holdsNew {
		was, is = replaced{folder, name, oldText}, folder
	}
	old, oldErr := side(was, oldDoc)
	new, newErr := side(is, newDoc)
	if holdsNew {
		return old, new, oldErr, newErr
	}
	return old, new, newErr, oldErr
}

// side compiles an exchange.
func side(folder fs.FS, doc *contract.Contract) (Side, error) {
	b, err := exchange.Load(folder)
	if err != nil {
		return Side{}, err
	}
	p, err := policy.Compile(b)
	if err != nil {
		return Side{}, err
	}
	return Side{Policy: p, Contract: b.Version(doc.ID, doc.Version)}, nil
}

// find is the file of a folder's exchange that has the old version of a contract,
// or else the new one.
func find(folder fs.FS, old, new *contract.Contract) (name string, holdsNew bool, err error) {
	files, err := fs.Glob(folder, "contracts/*.yaml")
	if err != nil {
		return "", false, err
	}
	var versions []string
	for _, doc := range []*contract.Contract{old, new} {
		for _, file := range files {
			text, err := fs.ReadFile(folder, file)
			if err != nil {
				return "", false, err
			}
			c, err := contract.Parse(path.Base(file), text)
			if err != nil || c.ID != doc.ID {
				continue // what is wrong with it is told when the exchange is loaded
			}
			if c.Version == doc.Version {
				return file, doc == new && old.Version != new.Version, nil
			}
			versions = append(versions, c.Version)
		}
	}
	has := "it has no contract of that id"
	if len(versions) > 0 {
		has = "it has " + strings.Join(versions, ", ")
	}
	return "", false, fault.New(fault.Invalid, "no-contract", fmt.Sprintf("the exchange has neither version %s nor %s of contract %s: %s", old.Version, new.Version, old.ID, has),
		"name the folder of an exchange that has one of them")
}

// replaced is a folder in which one file says something else.
type replaced struct {
	fs.FS
	name string
	text []byte
}

// ReadFile implements fs.ReadFileFS.
func (r replaced) ReadFile(name string) ([]byte, error) {
	if name == r.name {
		return r.text, nil
	}
	return fs.ReadFile(r.FS, name)
}

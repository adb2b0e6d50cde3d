package exchange

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// mainFile is the one file of the folder whose name is fixed.
const mainFile = "exchange.yaml"

// Load reads an exchange folder: exchange.yaml, contracts/*.odcs.yaml,
// partners/*.yaml, profiles/*.yaml and migrations/*.yaml. If anything is wrong the error is
// yamldoc.Problems with every problem of every file. A file that cannot be read
// is an error of its own.
func Load(fsys fs.FS) (*Bundle, error) {
	l := loader{fsys: fsys}
	b := new(Bundle)
	err := l.each("contracts", ".odcs.yaml", func(file string, data []byte) {
		if c := l.contract(file, data); c != nil {
			b.contracts = append(b.contracts, c)
		}
	})
	if err != nil {
		return nil, err
	}
	err = l.each("partners", ".yaml", func(file string, data []byte) {
		p := new(Partner)
		if doc := l.decode(file, data, p); doc != nil {
			p.source = source{file, doc}
			b.partners = append(b.partners, p)
		}
	})
	if err != nil {
		return nil, err
	}
	err = l.each("profiles", ".yaml", func(file string, data []byte) {
		p := new(Profile)
		if doc := l.decode(file, data, p); doc != nil {
			p.source = source{file, doc}
			b.profiles = append(b.profiles, p)
		}
	})
	if err != nil {
		return nil, err
	}
	err = l.each("migrations", ".yaml", func(file string, data []byte) {
		m := new(Migration)
		if doc := l.decode(file, data, m); doc != nil {
			m.source = source{file, doc}
			b.migrations = append(b.migrations, m)
		}
	})
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(fsys, mainFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.problems = append(l.problems, yamldoc.Problem{File: mainFile, Message: "the file is missing: it makes a folder an exchange", Hint: "sallyport init writes one"})
	case err != nil:
		return nil, unreadable(mainFile, err)
	default:
		x := new(Exchange)
		if doc := l.decode(mainFile, data, x); doc != nil {
			x.source = source{mainFile, doc}
			b.exchange = x
		}
	}
	l.problems = append(l.problems, check(b, l.unread)...)
	if len(l.problems) > 0 {
		return nil, l.sorted()
	}
	if err := b.seal(); err != nil {
		return nil, err
	}
	return b, nil
}

// loader gathers the problems of a folder.
type loader struct {
	fsys     fs.FS
	problems []yamldoc.Problem
	unread   bool // a document could not be read, so that references to it would dangle
}

// each calls f for the files of a folder with the suffix, in the order of their
// names. YAML that no suffix takes in would be forgotten silently, and is a
// problem therefore.
func (l *loader) each(dir, suffix string, f func(file string, data []byte)) error {
	entries, err := fs.ReadDir(l.fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unreadable(dir, err)
	}
	for _, entry := range entries {
		file := path.Join(dir, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), "."):
		case entry.IsDir():
			l.problems = append(l.problems, yamldoc.Problem{File: file, Message: "a folder in " + dir + " is not read", Hint: "move its files up"})
		case strings.HasSuffix(entry.Name(), suffix):
			data, err := fs.ReadFile(l.fsys, file)
			if err != nil {
				return unreadable(file, err)
			}
			f(file, data)
		case path.Ext(file) == ".yaml" || path.Ext(file) == ".yml":
			l.problems = append(l.problems, yamldoc.Problem{File: file, Message: "a file with this name is not read in " + dir, Hint: "let its name end in " + suffix})
		}
	}
	return nil
}

func unreadable(file string, err error) error {
	return fault.Wrap(fault.Retry, "exchange-read", err, "cannot read "+file+" of the exchange")
}

// decode reads one document. It answers nil, and notes why, if it cannot.
func (l *loader) decode(file string, data []byte, into any) *yamldoc.Document {
	doc, err := yamldoc.Parse(file, data)
	if err == nil {
		l.blanks(file, data)
		err = doc.Decode(into)
	}
	if err != nil {
		l.fail(file, err)
		return nil
	}
	return doc
}

// blanks reports keys that are there and say nothing. A filter or an expiry
// left blank would otherwise count as none, and more would leave than was meant.
func (l *loader) blanks(file string, data []byte) {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil {
		return // Decode tells
	}
	var walk func(n *yaml.Node, key string)
	walk = func(n *yaml.Node, key string) {
		blank := yamldoc.Problem{File: file, Line: n.Line, Column: n.Column, Message: key + " has no value", Hint: "leave it out or give it one"}
		switch {
		case n.ShortTag() == "!!null" && key == "type":
			blank.Hint = `YAML takes null for nothing unless it is in quotes: {type: "null"}`
			l.problems = append(l.problems, blank)
		case n.ShortTag() == "!!null", n.Kind == yaml.ScalarNode && n.Value == "" && key != "value":
			l.problems = append(l.problems, blank)
		}
		for i, c := range n.Content {
			if n.Kind != yaml.MappingNode {
				walk(c, key)
			} else if i%2 == 1 {
				walk(c, n.Content[i-1].Value)
			}
		}
	}
	walk(&root, "the document")
}

func (l *loader) contract(file string, data []byte) *Contract {
	parsed, err := contract.Parse(file, data)
	if err != nil {
		l.fail(file, err)
		return nil
	}
	return newContract(parsed, string(data), file)
}

func (l *loader) fail(file string, err error) {
	l.unread = true
	var problems yamldoc.Problems
	if errors.As(err, &problems) {
		l.problems = append(l.problems, problems...)
		return
	}
	l.problems = append(l.problems, yamldoc.Problem{File: file, Message: err.Error()})
}

// sorted is what was gathered, in the order of files and lines.
func (l *loader) sorted() yamldoc.Problems {
	slices.SortStableFunc(l.problems, func(a, b yamldoc.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.problems
}

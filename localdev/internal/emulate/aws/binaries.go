package aws

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
)

const (
	bootstrap = "bootstrap"
	maxBinary = 250 << 20 // Lambda's own limit, unzipped
)

// binaries are the binaries of the functions, by their names: those in the folder
// from ("<function>-lambda-<arch>.zip", as make dist writes them, or
// "<function>"), or, where from is "", built from the source that the working
// directory is in. What has to be written is written into the folder to.
func binaries(ctx context.Context, functions []string, from, to string) (map[string]string, error) {
	if from == "" {
		return emulate.Build(ctx, functions, "lambda", "lambda.norpc", to)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, emulate.Unwritable(err)
	}
	paths := map[string]string{}
	for _, name := range functions {
		path, err := take(name, from, filepath.Join(to, name))
		if err != nil {
			return nil, err
		}
		paths[name] = path
	}
	return paths, nil
}

// take takes the binary of a function from a folder, and answers its path.
func take(name, from, to string) (string, error) {
	archive := filepath.Join(from, name+"-lambda-"+runtime.GOARCH+".zip")
	z, err := zip.OpenReader(archive)
	if errors.Is(err, fs.ErrNotExist) {
		path, err := filepath.Abs(filepath.Join(from, name))
		if err != nil {
			return "", emulate.Unwritable(err)
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return "", fault.New(fault.Invalid, emulate.CodeBinaries, fmt.Sprintf("neither %s nor %s is in %s", filepath.Base(archive), name, from), "run make dist, or name the folder that it wrote")
		}
		return path, nil
	}
	if err != nil {
		return "", fault.Wrap(fault.Invalid, emulate.CodeBinaries, err, archive+" cannot be read")
	}
	defer z.Close()
	b, err := z.Open(bootstrap)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, emulate.CodeBinaries, err, archive+" has no "+bootstrap)
	}
	defer b.Close()
	// A binary that runs cannot be written over.
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", emulate.Unwritable(err)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return "", emulate.Unwritable(err)
	}
	n, err := io.Copy(f, io.LimitReader(b, maxBinary+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", emulate.Unwritable(err)
	}
	if n > maxBinary {
		return "", fault.New(fault.Invalid, emulate.CodeBinaries, archive+" is larger than Lambda takes", "")
	}
	return to, nil
}

// system is what the binaries run on; Lambda has no other.
func system() error {
	if runtime.GOOS != "linux" {
		return fault.New(fault.Invalid, emulate.CodeMissing, "the binaries of make dist are for Linux", "let them be built here: leave out --binaries")
	}
	return nil
}

package aws

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// CodeBinaries, of kind Invalid: the binaries of the functions are not to be had.
const CodeBinaries = "no-binaries"

const (
	module    = "github.com/sallyport-io/sallyport"
	bootstrap = "bootstrap"
	maxBinary = 250 << 20 // Lambda's own limit, unzipped
)

// binaries are the binaries of the functions, by their names: those in the folder
// from ("<function>-lambda-<arch>.zip", as make dist writes them, or
// "<function>"), or, where from is "", built from the source that the working
// directory is in. What has to be written is written into the folder to.
func binaries(ctx context.Context, functions []string, from, to string) (map[string]string, error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, unwritable(err)
	}
	paths := make([]string, len(functions))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(building)
	for i, name := range functions {
		g.Go(func() (err error) {
			paths[i], err = binary(ctx, name, from, filepath.Join(to, name, bootstrap))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := map[string]string{}
	for i, name := range functions {
		all[name] = paths[i]
	}
	return all, nil
}

// building is how many binaries are made at once.
const building = 2

// binary is the binary of a function, written to path if it has to be.
func binary(ctx context.Context, name, from, path string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", unwritable(err)
	}
	if from != "" {
		return take(name, from, path)
	}
	return path, build(ctx, name, path)
}

// build builds the binary of a function with what is in Go's cache already: unlike
// those of make dist it may be linked to this machine's C library.
func build(ctx context.Context, name, path string) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return fault.New(fault.Invalid, CodeBinaries, "there is no Go to build the functions with", "name the folder of make dist with --binaries")
	}
	cmd := exec.CommandContext(ctx, goTool, "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", path, module+"/functions/"+name+"/lambda")
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f := fault.New(fault.Invalid, CodeBinaries, fmt.Sprintf("the function %s does not build here: %s", name, bytes.TrimSpace(lastLine(out))),
			"run the command inside the repository, or name the folder of make dist with --binaries")
		f.Err = err
		return f
	}
	return nil
}

func lastLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[bytes.LastIndexByte(text, '\n')+1:]
}

// take takes the binary of a function from a folder, and answers its path.
func take(name, from, to string) (string, error) {
	archive := filepath.Join(from, name+"-lambda-"+runtime.GOARCH+".zip")
	z, err := zip.OpenReader(archive)
	if errors.Is(err, fs.ErrNotExist) {
		path, err := filepath.Abs(filepath.Join(from, name))
		if err != nil {
			return "", unwritable(err)
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return "", fault.New(fault.Invalid, CodeBinaries, fmt.Sprintf("neither %s nor %s is in %s", filepath.Base(archive), name, from), "run make dist, or name the folder that it wrote")
		}
		return path, nil
	}
	if err != nil {
		return "", fault.Wrap(fault.Invalid, CodeBinaries, err, archive+" cannot be read")
	}
	defer z.Close()
	b, err := z.Open(bootstrap)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, CodeBinaries, err, archive+" has no "+bootstrap)
	}
	defer b.Close()
	// A binary that runs cannot be written over.
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", unwritable(err)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return "", unwritable(err)
	}
	n, err := io.Copy(f, io.LimitReader(b, maxBinary+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", unwritable(err)
	}
	if n > maxBinary {
		return "", fault.New(fault.Invalid, CodeBinaries, archive+" is larger than Lambda takes", "")
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

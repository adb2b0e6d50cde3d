package emulate

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// CodeBinaries, of kind Invalid: the binaries of the functions are not to be had.
const CodeBinaries = "no-binaries"

const (
	module = "github.com/sallyport-io/sallyport"
	// building is how many binaries are built at once.
	building = 2
)

// Build builds the binaries of functions for a cloud (functions/<function>/<cloud>)
// from the source that the working directory is in, into a folder. It answers
// their paths by the functions' names. It uses what is in Go's cache: unlike those
// of make dist they may be linked to this machine's C library.
func Build(ctx context.Context, functions []string, cloud, tags, to string) (map[string]string, error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, Unwritable(err)
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, fault.New(fault.Invalid, CodeBinaries, "there is no Go to build the functions with", "name a folder that has them with --binaries")
	}
	paths := map[string]string{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(building)
	for _, name := range functions {
		path := filepath.Join(to, name)
		paths[name] = path
		g.Go(func() error {
			cmd := exec.CommandContext(ctx, goTool, "build", "-tags", tags, "-ldflags", "-s -w", "-o", path, module+"/functions/"+name+"/"+cloud)
			out, err := cmd.CombinedOutput()
			if err == nil || ctx.Err() != nil {
				return ctx.Err()
			}
			f := fault.New(fault.Invalid, CodeBinaries, fmt.Sprintf("the function %s does not build here: %s", name, lastLine(out)),
				"run the command inside the repository, or name a folder that has the binaries with --binaries")
			f.Err = err
			return f
		})
	}
	return paths, g.Wait()
}

func lastLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[bytes.LastIndexByte(text, '\n')+1:]
}

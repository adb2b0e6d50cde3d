package emulate

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Tools is the folder that make emulators installs programs into.
type Tools struct {
	// Dir is that folder; "" if none was found.
	Dir string
}

const (
	toolsName     = ".emulators"
	toolsVariable = "SALLYPORT_EMULATORS"
	installHint   = "run make emulators in the repository, which needs Go and npm; " + toolsVariable + " names the folder if it is not .emulators there"
)

// FindTools finds the folder: the environment variable SALLYPORT_EMULATORS names
// it, or it is .emulators in dir or in the nearest folder above that has one.
func FindTools(dir string, getenv func(string) string) Tools {
	if named := getenv(toolsVariable); named != "" {
		return Tools{named}
	}
	dir, err := filepath.Abs(dir)
	for err == nil {
		candidate := filepath.Join(dir, toolsName)
		if info, statErr := os.Stat(candidate); statErr == nil && info.IsDir() {
			return Tools{candidate}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return Tools{}
}

// Program is the path of an installed program.
func (t Tools) Program(name string) (string, error) {
	return t.installed(name, filepath.Join("bin", name))
}

// Module is the folder of an installed module of Node.js.
func (t Tools) Module(name string) (string, error) {
	return t.installed(name, filepath.Join("node_modules", name))
}

func (t Tools) installed(name, at string) (string, error) {
	if t.Dir != "" {
		path, err := filepath.Abs(filepath.Join(t.Dir, at))
		if err == nil {
			if _, err = os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	return "", fault.New(fault.Invalid, CodeMissing, name+" is not installed", installHint)
}

// nodeAtLeast is the first version of Node.js with the SQLite module that fauxqs
// loads.
var nodeAtLeast = []int{22, 5}

// Node is the path of Node.js: the installed one, or that of the machine if it is
// new enough.
func (t Tools) Node() (string, error) {
	if t.Dir != "" {
		found, _ := filepath.Glob(filepath.Join(t.Dir, "node_modules", "node-*", "bin", "node")) // the pattern is well formed
		if len(found) > 0 {
			return filepath.Abs(found[0])
		}
	}
	if path, err := exec.LookPath("node"); err == nil {
		if out, err := exec.Command(path, "--version").Output(); err == nil && slices.Compare(version(string(out)), nodeAtLeast) >= 0 {
			return path, nil
		}
	}
	return "", fault.New(fault.Invalid, CodeMissing, "Node.js 22.5 or newer is not installed", installHint)
}

// version is the numbers of a version such as v22.23.3.
func version(text string) []int {
	var numbers []int
	for part := range strings.SplitSeq(strings.TrimPrefix(strings.TrimSpace(text), "v"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		numbers = append(numbers, n)
	}
	return numbers
}

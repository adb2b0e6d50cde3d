package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"gocloud.dev/blob"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/sallyport-io/sallyport/localdev/internal/cli"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/filebucket"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sallyport": func() {
		blob.DefaultURLMux().RegisterBucket("testfolder", &filebucket.URLOpener{})
		secrets.DefaultURLMux().RegisterKeeper("testkeeper", sameKeeper{})
		os.Exit(cli.Main())
	}})
}

// sameKeeper is a key service that has one key, the same in every process.
type sameKeeper struct{}

func (sameKeeper) OpenKeeperURL(context.Context, *url.URL) (*secrets.Keeper, error) {
	return localsecrets.NewKeeper([32]byte([]byte("a key that every process knows.."))), nil
}

// TestScripts runs the real command, as testdata/*.txt say. Besides the usual
// commands of testscript there are:
//
//	code N sallyport ...   runs it; its exit code must be N
//	fits N                 no line of the last stdout is wider than N columns
//	story PARTNER FILE     writes what the partner of the example drops
//	head N FROM TO         writes the first lines of a file into another
//	await FILE             waits until there is a file
//	flip FILE...           changes one byte of each file
//	tokens DIR FILE        writes the tokens in all files of a folder, one a line
//	set NAME FILE          sets a variable to what is in a file
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("RING", "testfolder://"+filepath.ToSlash(e.WorkDir)+"?ring=keyring.json&keeper="+url.QueryEscape("testkeeper://ring"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code, "fits": fits, "story": story, "head": head, "await": await, "flip": flip, "tokens": tokens, "set": set,
		},
	})
}

func code(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func fits(ts *testscript.TestScript, _ bool, args []string) {
	columns, err := strconv.Atoi(args[0])
	ts.Check(err)
	for line := range strings.SplitSeq(ts.ReadFile("stdout"), "\n") {
		if show.Width(line) > columns {
			ts.Fatalf("%d columns: %s", show.Width(line), line)
		}
	}
}

func story(ts *testscript.TestScript, _ bool, args []string) {
	for _, d := range stories.Drops() {
		if d.Partner == args[0] {
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), d.Data, 0o600))
			return
		}
	}
	ts.Fatalf("no story of %s", args[0])
}

func head(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	lines := bytes.SplitAfterN([]byte(ts.ReadFile(args[1])), []byte("\n"), n+1)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), bytes.Join(lines[:n], nil), 0o600))
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 600 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s does not come", args[0])
}

func tokens(ts *testscript.TestScript, _ bool, args []string) {
	var all [][]byte
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all = append(all, regexp.MustCompile(`[sgex][0-9]+_[A-Za-z0-9_-]+`).FindAll(data, -1)...)
		return err
	}))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), append(bytes.Join(all, []byte("\n")), '\n'), 0o600))
}

func set(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		path := ts.MkAbs(name)
		data, err := os.ReadFile(path)
		ts.Check(err)
		data[len(data)/2] ^= 1
		ts.Check(os.WriteFile(path, data, 0o600))
	}
}

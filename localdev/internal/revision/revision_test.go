package revision

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes a repository with two commits, the first of them tagged "one".
func repository(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write("ex/exchange.yaml", "one")
	write("ex/contracts/a b.yaml", "a")
	write("other.txt", "other")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "ex/link")); err != nil {
		t.Fatal(err)
	}
	run("init", "-q")
	run("add", ".")
	run("commit", "-qm", "one")
	run("tag", "one")
	write("ex/exchange.yaml", "two")
	run("commit", "-qam", "two")
	write("ex/exchange.yaml", "not committed")
	return dir
}

func TestFolder(t *testing.T) {
	dir := repository(t)
	for revision, want := range map[string]string{"one": "one", "HEAD": "two", "HEAD~1": "one"} {
		copied, err := Folder(t.Context(), filepath.Join(dir, "ex"), revision)
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(copied)
		text, err := os.ReadFile(filepath.Join(copied, "exchange.yaml"))
		if err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", revision, text, err)
		}
		if _, err := os.Stat(filepath.Join(copied, "contracts", "a b.yaml")); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"link", "other.txt", "ex"} {
			if _, err := os.Lstat(filepath.Join(copied, name)); !os.IsNotExist(err) {
				t.Errorf("%s is there: %v", name, err)
			}
		}
	}
	for _, revision := range []string{"", "-h", "--output=x", "none"} {
		if _, err := Folder(t.Context(), dir, revision); err == nil {
			t.Errorf("%q is taken", revision)
		}
	}
	if _, err := Folder(t.Context(), t.TempDir(), "HEAD"); err == nil || !strings.Contains(err.Error(), "git") {
		t.Errorf("a folder that is no repository: %v", err)
	}
}

func TestFile(t *testing.T) {
	dir := repository(t)
	for name, want := range map[string]string{"one:ex/exchange.yaml": "one", "HEAD:ex/exchange.yaml": "two", "HEAD:./exchange.yaml": "two"} {
		if got, err := File(t.Context(), filepath.Join(dir, "ex"), name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"one:nothing", "none:ex/exchange.yaml", "--batch", "one:ex"} {
		if _, err := File(t.Context(), dir, name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

package sallyport_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const command = "go run ./localdev/sallyport "

// TestREADME runs every command of the README's shell snippets.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, -1) {
		for _, line := range strings.Split(strings.TrimSpace(string(block[1])), "\n") {
			line, _, _ = strings.Cut(line, " #")
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	bin := filepath.Join(t.TempDir(), "sallyport")
	if out, err := exec.Command("go", "build", "-o", bin, "./localdev/sallyport").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	ran := 0
	for _, line := range lines {
		args, ours := strings.CutPrefix(line, command)
		switch {
		case line == "go test ./...":
			continue // this is it
		case !ours:
			t.Errorf("the README says %q, which this test does not know how to run", line)
			continue
		}
		ran++
		t.Run(args, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, bin, strings.Fields(args)...)
			cmd.Dir = dir
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if strings.HasPrefix(args, "up ") {
				up(t, cmd, &out)
				return
			}
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
		})
	}
	if ran < 4 {
		t.Errorf("only %d commands were found", ran)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("the README links to %s, which is not there", link[1])
		}
	}
}

// up runs a command that goes on until it is told to stop.
func up(t *testing.T, cmd *exec.Cmd, out *bytes.Buffer) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	// Its HTTP address is written down once it takes drops.
	ready := filepath.Join(cmd.Dir, cmd.Args[len(cmd.Args)-1], ".sallyport", "http")
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, out.String())
		default:
		}
		if time.Since(start) > time.Minute {
			t.Error("it did not come up")
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("told to stop, it ended with %v\n%s", err, out.String())
	}
}

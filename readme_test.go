package sallyport_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sallyport-io/sallyport/shared/jetstream/embedded"
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
	env := append(os.Environ(), "SALLYPORT_EMULATORS="+emulators(t))
	bin := filepath.Join(t.TempDir(), "sallyport")
	if out, err := exec.Command("go", "build", "-o", bin, "./localdev/sallyport").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	ran := 0
	for _, line := range lines {
		args, ours := strings.CutPrefix(line, command)
		if set, ok := strings.CutPrefix(line, "export "); ok {
			env = append(env, strings.Fields(set)...)
			continue
		}
		switch {
		case line == "go test ./...":
			continue // this is it
		case !ours:
			t.Errorf("the README says %q, which this test does not know how to run", line)
			continue
		}
		ran++
		t.Run(args, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, bin, strings.Fields(args)...)
			cmd.Dir, cmd.Env = dir, env
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			switch {
			case strings.HasPrefix(args, "up "):
				// Its HTTP address is written down once it takes drops.
				ready := filepath.Join(dir, cmd.Args[len(cmd.Args)-1], ".sallyport", "http")
				serve(t, cmd, &out, func() bool {
					_, err := os.Stat(ready)
					return err == nil
				})
				return
			case strings.HasPrefix(args, "run "):
				cmd.Env = append(env, "SALLYPORT_NATS_URL="+stream(t))
				health := freeAddress(t)
				cmd.Args[len(cmd.Args)-1] = health
				serve(t, cmd, &out, func() bool {
					answer, err := http.Get("http://" + health + "/readyz")
					if err != nil {
						return false
					}
					defer answer.Body.Close()
					return answer.StatusCode == http.StatusOK
				})
				return
			case strings.HasPrefix(args, "emulate "):
				if testing.Short() {
					t.Skip("it builds the functions")
				}
				if _, err := os.Stat(filepath.Join(emulators(t), "bin")); err != nil && strings.HasPrefix(args, "emulate aws") {
					t.Skip("the emulators are not installed: make emulators")
				}
				// The functions are built from the repository.
				root, err := os.Getwd()
				if err != nil {
					t.Fatal(err)
				}
				for i, arg := range cmd.Args {
					if arg == "two" {
						cmd.Args[i] = filepath.Join(dir, arg)
					}
				}
				cmd.Dir = root
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

// emulators is the folder that make emulators installs into.
func emulators(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("SALLYPORT_EMULATORS"); dir != "" {
		return dir
	}
	dir, err := filepath.Abs(".emulators")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// stream starts a NATS server with the stream that the README speaks of, and
// answers its URL.
func stream(t *testing.T) string {
	t.Helper()
	server, err := embedded.Start(t.TempDir(), embedded.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Shutdown() })
	conn, err := server.Conn()
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CHAIN", Subjects: []string{"ingest", "mask", "dead"}}); err != nil {
		t.Fatal(err)
	}
	return "nats://" + server.Addr().String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serve runs a command that goes on until it is told to stop, and tells it when
// it is ready.
func serve(t *testing.T, cmd *exec.Cmd, out *bytes.Buffer, ready func() bool) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for start := time.Now(); !ready(); time.Sleep(20 * time.Millisecond) {
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

//go:build unix

package hosttest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/pubsub"
	_ "gocloud.dev/pubsub/awssnssqs"

	"github.com/sallyport-io/sallyport/shared/host/hosttest"
)

// serveSQS serves fauxqs on loopback only. Arguments: its folder, the port.
const serveSQS = `
import { pathToFileURL } from "node:url";
const [folder, port] = process.argv.slice(-2);
const { buildApp } = await import(pathToFileURL(folder + "/dist/app.js").href);
await buildApp({ logger: false }).listen({ host: "127.0.0.1", port: Number(port) });`

// emulators is the folder with what make emulators installs.
func emulators(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("SALLYPORT_EMULATORS"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".emulators")
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		dir = filepath.Dir(dir)
	}
}

// startSQS starts fauxqs, or skips the test, and returns where it listens.
func startSQS(t *testing.T) string {
	t.Helper()
	modules := filepath.Join(emulators(t), "node_modules")
	fauxqs := filepath.Join(modules, "fauxqs")
	node, _ := filepath.Glob(filepath.Join(modules, "node-*", "bin", "node")) // the pattern is well formed
	if _, err := os.Stat(fauxqs); err != nil || len(node) == 0 {
		t.Skip("fauxqs is not installed: make emulators does it")
	}
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	start(t, filepath.Join(t.TempDir(), "log"), os.Environ(), node[0],
		"--input-type=module", "--no-warnings", "--eval", serveSQS, "--", fauxqs, strings.TrimPrefix(address, "127.0.0.1:"))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get("http://" + address + "/health"); err == nil {
			_ = r.Body.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("fauxqs does not start")
		}
	}
}

// visibleAfter is in seconds. A poll that is under way when its worker ends takes
// a message with it for that long.
const visibleAfter = "3"

func TestWorkerSQS(t *testing.T) {
	address := startSQS(t)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "test")
	}
	run(t, pubsub.DefaultURLMux(), hosttest.Options{}, func(t *testing.T, name string) (string, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", strings.NewReader(`{"QueueName":"`+name+`","Attributes":{"VisibilityTimeout":"`+visibleAfter+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amz-Target", "AmazonSQS.CreateQueue")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
			t.Fatalf("cannot make a queue: %s", body)
		}
		u := "awssqs://" + address + "/000000000000/" + name + "?region=us-east-1&endpoint=" + url.QueryEscape("http://"+address)
		return u, u + "&waittime=1s"
	})
}

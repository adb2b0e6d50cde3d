//go:build unix

package lambda_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// bootVariable makes this test program a function: see boot.
const bootVariable = "SALLYPORT_TEST_BOOT"

func TestMain(m *testing.M) {
	if how := os.Getenv(bootVariable); how != "" {
		boot(how)
	}
	os.Exit(m.Run())
}

// order is what an invocation asks the function to do.
type order struct {
	Do     string          `json:"do"`
	N      int             `json:"n"`
	Record json.RawMessage `json:"Records"`
}

// boot is a function that speaks the Runtime API by itself.
func boot(how string) {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	post := func(path string, body []byte) int {
		r, err := http.Post(api+path, "application/json", bytes.NewReader(body))
		if err != nil {
			os.Exit(9)
		}
		r.Body.Close()
		return r.StatusCode
	}
	switch how {
	case "init-exit":
		os.Exit(3)
	case "init-error":
		post("init/error", []byte(`{"errorType":"Init.Bad","errorMessage":"no configuration"}`))
		os.Exit(1)
	case "init-slow":
		time.Sleep(time.Hour)
	}
	fmt.Println("started with", os.Getenv("AWS_LAMBDA_FUNCTION_NAME"))
	for served := 1; ; served++ {
		r, err := http.Get(api + "invocation/next")
		if err != nil {
			os.Exit(9)
		}
		payload, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			os.Exit(9)
		}
		id := r.Header.Get("Lambda-Runtime-Aws-Request-Id")
		answer := func(v any) {
			body, _ := json.Marshal(v)
			post("invocation/"+id+"/response", body)
		}
		if how == "url" {
			answer(responding(payload))
			continue
		}
		var o order
		_ = json.Unmarshal(payload, &o) // other payloads are echoed
		if len(o.Record) > 0 {
			answer(batch(o.Record))
			continue
		}
		switch o.Do {
		case "sleep":
			time.Sleep(time.Duration(o.N) * time.Millisecond)
			answer(os.Getpid())
		case "exit":
			os.Exit(o.N)
		case "exit-after":
			answer("bye")
			os.Exit(0)
		case "fail":
			post("invocation/"+id+"/error", []byte(`{"errorType":"Boom","errorMessage":"it failed"}`))
		case "large":
			if status := post("invocation/"+id+"/response", make([]byte, o.N)); status != http.StatusRequestEntityTooLarge && status != http.StatusAccepted {
				os.Exit(8)
			}
		case "memory":
			hog := make([]byte, o.N<<20)
			for i := range hog {
				hog[i] = byte(i)
			}
			time.Sleep(time.Second) // to be seen
			answer(len(hog))
		case "environment":
			answer(os.Environ())
		default:
			answer(map[string]any{
				"pid": os.Getpid(), "served": served, "size": len(payload), "trace": r.Header.Get("Lambda-Runtime-Trace-Id"),
				"arn": r.Header.Get("Lambda-Runtime-Invoked-Function-Arn"), "deadline": r.Header.Get("Lambda-Runtime-Deadline-Ms"),
			})
		}
	}
}

// batch handles messages of a queue by their bodies: "bad..." fails each time,
// "once..." until it was received twice, "exit" ends the process in the middle.
func batch(records json.RawMessage) any {
	var messages []struct {
		ID         string            `json:"messageId"`
		Body       string            `json:"body"`
		Source     string            `json:"eventSource"`
		Attributes map[string]string `json:"attributes"`
	}
	if json.Unmarshal(records, &messages) != nil {
		os.Exit(7)
	}
	type failure struct {
		ID string `json:"itemIdentifier"`
	}
	failures := []failure{}
	for _, m := range messages {
		first := m.Attributes["ApproximateReceiveCount"] == "1"
		switch {
		case m.Source != "aws:sqs":
			os.Exit(7)
		case m.Body == "exit" && first:
			os.Exit(1)
		case strings.HasPrefix(m.Body, "bad"), strings.HasPrefix(m.Body, "once") && first:
			failures = append(failures, failure{m.ID})
		}
	}
	return map[string]any{"batchItemFailures": failures}
}

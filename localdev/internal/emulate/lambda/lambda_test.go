//go:build unix

package lambda_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// printed is what functions print, and may be read meanwhile.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// function makes a function of this test program.
func function(t *testing.T, cfg lambda.Config, how string) *lambda.Function {
	t.Helper()
	f, _ := serving(t, cfg, how)
	return f
}

func serving(t *testing.T, cfg lambda.Config, how string) (*lambda.Function, *printed) {
	t.Helper()
	out := new(printed)
	s, err := lambda.Open(t.Context(), emulate.NewLog(out))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Name, cfg.Path = "fn", self
	cfg.Env = append(cfg.Env, bootVariable+"="+how)
	if cfg.Memory == 0 {
		cfg.Memory = 512
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	f := s.Function(cfg)
	t.Cleanup(func() {
		pids := f.Pids()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d is still there: %v", pid, err)
			}
		}
	})
	return f, out
}

type echo struct {
	PID      int
	Served   int
	Size     int
	ARN      string
	Trace    string
	Deadline json.Number
}

func invoke(t *testing.T, f *lambda.Function, payload string) echo {
	t.Helper()
	answer, err := f.Invoke(t.Context(), []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	var e echo
	if err := json.Unmarshal(answer, &e); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return e
}

func TestColdAndWarm(t *testing.T) {
	var mu sync.Mutex
	var reports []lambda.Report
	f, out := serving(t, lambda.Config{Report: func(r lambda.Report) {
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, r)
	}}, "yes")
	if n := f.Environments(); n != 0 {
		t.Errorf("%d processes before there is something to do", n)
	}
	first, second := invoke(t, f, `{}`), invoke(t, f, `{}`)
	if first.PID != second.PID || first.Served != 1 || second.Served != 2 {
		t.Errorf("not the same environment: %+v, %+v", first, second)
	}
	if first.ARN != f.ARN() || first.ARN != "arn:aws:lambda:us-east-1:000000000000:function:fn" || !strings.HasPrefix(first.Trace, "Root=1-") || first.Trace == second.Trace {
		t.Errorf("headers: %+v", first)
	}
	if ms, err := first.Deadline.Int64(); err != nil || time.UnixMilli(ms).Before(time.Now()) {
		t.Errorf("deadline %s", first.Deadline)
	}
	if len(reports) != 2 || reports[0].Cold == 0 || reports[1].Cold != 0 || reports[0].ID == reports[1].ID || reports[0].Err != nil {
		t.Errorf("reports: %+v", reports)
	}
	if runtime.GOOS == "linux" && reports[0].Memory < 1<<20 {
		t.Errorf("memory of %d bytes", reports[0].Memory)
	}
	if got := out.String(); got != "fn | started with fn\n" {
		t.Errorf("printed %q", got)
	}

	answer, err := f.Invoke(t.Context(), []byte(`{"do":"environment"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_REGION=us-east-1"} {
		if !strings.Contains(string(answer), `"`+name) {
			t.Errorf("there is no %s in the environment", name)
		}
	}
	if strings.Contains(string(answer), `"HOME=`) {
		t.Error("the function has the environment of this process")
	}
}

func TestIdleEnds(t *testing.T) {
	f := function(t, lambda.Config{Idle: 20 * time.Millisecond}, "yes")
	first := invoke(t, f, `{}`)
	wait(t, "the idle environment to end", func() bool { return f.Environments() == 0 })
	if second := invoke(t, f, `{}`); second.PID == first.PID || second.Served != 1 {
		t.Errorf("%+v after %+v", second, first)
	}
}

// wait waits until cond holds.
func wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestConcurrency(t *testing.T) {
	f := function(t, lambda.Config{Concurrency: 2}, "yes")
	var working sync.WaitGroup
	pids := make([]string, 2)
	for i := range pids {
		working.Go(func() {
			answer, err := f.Invoke(t.Context(), []byte(`{"do":"sleep","n":1000}`))
			if err != nil {
				t.Error(err)
			}
			pids[i] = string(answer)
		})
	}
	wait(t, "two environments", func() bool { return f.Environments() == 2 })
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); fault.CodeOf(err) != lambda.CodeThrottled {
		t.Errorf("a third invocation: %v", err)
	}
	working.Wait()
	if pids[0] == pids[1] || pids[0] == "" {
		t.Errorf("processes %q", pids)
	}
	invoke(t, f, `{}`)
	if n := f.Environments(); n != 2 {
		t.Errorf("%d environments", n)
	}
}

func TestFailures(t *testing.T) {
	cases := map[string]struct {
		boot, payload, failure, says string
		cfg                          lambda.Config
		keeps                        bool // the environment
	}{
		"timeout":     {payload: `{"do":"sleep","n":60000}`, cfg: lambda.Config{Timeout: 300 * time.Millisecond}, failure: lambda.FailureTimeout, says: "Task timed out after 0.30 seconds"},
		"exit":        {payload: `{"do":"exit","n":4}`, failure: lambda.FailureExit, says: "exit status 4"},
		"exit 0":      {payload: `{"do":"exit"}`, failure: lambda.FailureExit, says: "exit status 0"},
		"error":       {payload: `{"do":"fail"}`, failure: "Boom", says: "it failed", keeps: true},
		"large":       {payload: `{"do":"large","n":6291557}`, failure: lambda.FailureAnswer, says: "exceeded", keeps: true},
		"init exit":   {boot: "init-exit", failure: lambda.FailureExit, says: "exit status 3"},
		"init error":  {boot: "init-error", failure: "Init.Bad", says: "no configuration"},
		"init slow":   {boot: "init-slow", cfg: lambda.Config{Init: 200 * time.Millisecond}, failure: lambda.FailureTimeout, says: "Init timed out"},
		"out of room": {payload: `{"do":"memory","n":400}`, cfg: lambda.Config{Memory: 256}, failure: lambda.FailureMemory, says: "256 MB"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.failure == lambda.FailureMemory && runtime.GOOS != "linux" {
				t.Skip("memory is watched on Linux only")
			}
			if c.boot == "" {
				c.boot = "yes"
			}
			f := function(t, c.cfg, c.boot)
			_, err := f.Invoke(t.Context(), []byte(c.payload))
			var got *lambda.Failure
			if !errors.As(err, &got) || got.Type != c.failure || !strings.Contains(got.Message, c.says) {
				t.Fatalf("%v, want %s with %q", err, c.failure, c.says)
			}
			if c.keeps != (f.Environments() == 1) {
				t.Errorf("%d environments after it", f.Environments())
			}
			if c.boot == "yes" && !c.keeps {
				if e := invoke(t, f, `{}`); e.Served != 1 {
					t.Errorf("the next invocation: %+v", e)
				}
			}
		})
	}
}

func TestPayload(t *testing.T) {
	f := function(t, lambda.Config{}, "yes")
	largest := bytes.Repeat([]byte("x"), lambda.MaxPayload)
	if e := invoke(t, f, string(largest)); e.Size != lambda.MaxPayload {
		t.Errorf("%d bytes arrived", e.Size)
	}
	if _, err := f.Invoke(t.Context(), append(largest, 'x')); fault.CodeOf(err) != lambda.CodePayload {
		t.Errorf("a byte more: %v", err)
	}
	if answer, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":"large","n":%d}`, lambda.MaxAnswer)); err != nil || len(answer) != lambda.MaxAnswer {
		t.Errorf("the largest answer: %d bytes, %v", len(answer), err)
	}
	if err := f.InvokeAsync(largest[:lambda.MaxAsyncPayload+1]); fault.CodeOf(err) != lambda.CodePayload {
		t.Errorf("asynchronous: %v", err)
	}
}

// TestDiesWhileWarm: a process that ends between two invocations fails neither.
func TestDiesWhileWarm(t *testing.T) {
	f := function(t, lambda.Config{}, "yes")
	first := invoke(t, f, `{}`)
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wait(t, "its end to be noticed", func() bool { return f.Environments() == 0 })
	if second := invoke(t, f, `{}`); second.PID == first.PID || second.Served != 1 {
		t.Errorf("%+v after %+v", second, first)
	}
	if answer, err := f.Invoke(t.Context(), []byte(`{"do":"exit-after"}`)); err != nil || string(answer) != `"bye"` {
		t.Errorf("%s, %v", answer, err)
	}
	wait(t, "its end to be noticed", func() bool { return f.Environments() == 0 })
	invoke(t, f, `{}`)
}

func TestAsync(t *testing.T) {
	type dead struct {
		payload string
		why     error
	}
	var mu sync.Mutex
	tries := 0
	letters := make(chan dead, 1)
	f := function(t, lambda.Config{
		Retries: []time.Duration{time.Millisecond, 2 * time.Millisecond},
		Failed:  func(payload []byte, why error) { letters <- dead{string(payload), why} },
		Report: func(lambda.Report) {
			mu.Lock()
			defer mu.Unlock()
			tries++
		},
		Concurrency: 1,
	}, "yes")
	for _, payload := range []string{`{"do":"sleep","n":10}`, `{"do":"fail"}`, `{"do":"sleep","n":10}`} {
		if err := f.InvokeAsync([]byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case d := <-letters:
		var why *lambda.Failure
		if d.payload != `{"do":"fail"}` || !errors.As(d.why, &why) || why.Type != "Boom" {
			t.Errorf("%+v", d)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no dead letter")
	}
	wait(t, "three tries of one and one of the two others", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return tries == 5
	})
}

// TestClose: what runs fails, nothing is left, and nothing begins any more.
func TestClose(t *testing.T) {
	s, err := lambda.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := s.Function(lambda.Config{Name: "fn", Path: self, Env: []string{bootVariable + "=yes"}, Memory: 512, Timeout: time.Minute, Concurrency: 1})
	ended := make(chan error, 1)
	go func() {
		_, err := f.Invoke(t.Context(), []byte(`{"do":"sleep","n":60000}`))
		ended <- err
	}()
	wait(t, "a process", func() bool { return f.Environments() == 1 })
	if err := f.InvokeAsync([]byte(`{}`)); err != nil { // waits for the slot
		t.Fatal(err)
	}
	pids := f.Pids()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the invocation that ran did not fail")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d: %v", pid, err)
		}
	}
	if _, err := f.Invoke(t.Context(), nil); fault.CodeOf(err) != lambda.CodeClosed {
		t.Errorf("after the end: %v", err)
	}
}

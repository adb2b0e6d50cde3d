// Package lambda is AWS Lambda on this machine, as far as functions can tell: it
// runs their real binaries as processes and serves them the Runtime API
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
//
// A [Function] has execution environments, each of them one process that handles
// one invocation at a time. An invocation goes to one that is warm, or to a new
// one (a cold start) while there are fewer than the function's concurrency; then
// it is throttled. A process that takes too long, takes too much memory or ends
// fails its invocation, and is gone.
//
// A [Mapping] invokes a function with what comes from a queue.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// Lambda's quotas, in bytes.
const (
	MaxPayload      = 6 << 20     // of an invocation that is waited for
	MaxAnswer       = 6<<20 + 100 // of what it answers
	MaxAsyncPayload = 1 << 20     // of an invocation that is not
	defaultMemory   = 128         // MB
	maxErrorBody    = 256 << 10   // of what a runtime reports
)

// Where everything is, and whose.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)

// The defaults of a Config.
const (
	DefaultTimeout     = 3 * time.Second
	DefaultInit        = 10 * time.Second
	DefaultConcurrency = 10
	DefaultIdle        = 5 * time.Minute
)

// The codes of this package's faults.
const (
	CodeThrottled = "lambda-throttled" // Retry: all environments are busy
	CodePayload   = "lambda-payload"   // Invalid: a payload is larger than Lambda takes
	CodeClosed    = "lambda-closed"    // Retry: the service has ended
)

// The types of a Failure that Lambda itself gives; others are the function's own.
const (
	FailureTimeout = "Sandbox.Timedout"
	FailureExit    = "Runtime.ExitError"
	FailureMemory  = "Runtime.OutOfMemory"
	FailureAnswer  = "Function.ResponseSizeTooLarge"
)

// Failure is an invocation that failed, as its caller is told.
type Failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// Config describes a function.
type Config struct {
	Name string
	Path string   // the binary; it gets no arguments
	Env  []string // beside what Lambda sets; nothing else is inherited
	// Timeout bounds an invocation, Init the start of a process until it asks
	// for its first one.
	Timeout, Init time.Duration
	Memory        int // MB that a process may have; 0: 128. Watched on Linux only
	// Concurrency is how many invocations run at once: the reserved concurrency.
	Concurrency int
	Idle        time.Duration // how long an environment is kept warm
	// Retries are the pauses before a failed asynchronous invocation is tried
	// again. nil: a minute and two, as Lambda has it.
	Retries []time.Duration
	// Failed gets what was invoked asynchronously and failed for good: the
	// dead-letter queue. It may be nil.
	Failed func(payload []byte, why error)
	// Report is told of each invocation when it ends, and may be nil. It is
	// called concurrently.
	Report func(Report)
}

// Report is what Lambda writes in a function's log after an invocation.
type Report struct {
	Function string
	ID       string // of the request
	Took     time.Duration
	Cold     time.Duration // what the start of the process took; 0: it was warm
	Memory   int64         // bytes that the process had at most; 0: not known
	Begun    bool          // a process had got it; else it failed in starting
	Err      error         // nil, or the Failure
}

// Log writes the report.
func (r Report) Log(ctx context.Context, logger *slog.Logger) {
	attrs := []slog.Attr{slog.String("function", r.Function), slog.Duration("took", r.Took.Round(time.Millisecond))}
	if r.Cold > 0 {
		attrs = append(attrs, slog.Duration("coldStart", r.Cold.Round(time.Millisecond)))
	}
	if r.Memory > 0 {
		attrs = append(attrs, slog.Int64("memoryMB", r.Memory>>20))
	}
	var f *Failure
	if errors.As(r.Err, &f) {
		logger.LogAttrs(ctx, slog.LevelWarn, "invocation failed", append(attrs, slog.String("type", f.Type), slog.String("why", f.Message))...)
		return
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "invoked", attrs...)
}

// Function is a function that can be invoked. Its methods may be called
// concurrently.
type Function struct {
	cfg     Config
	service *Service
	slots   chan struct{} // one for each invocation that runs
	ended   chan struct{} // closed by close

	mu      sync.Mutex
	warm    []*environment // those that wait, the one that worked last at the end
	all     map[*environment]bool
	closed  bool
	running sync.WaitGroup // invocations
}

// Function makes a function. Nothing is started before its first invocation.
func (s *Service) Function(cfg Config) *Function {
	orDuration := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	orDuration(&cfg.Timeout, DefaultTimeout)
	orDuration(&cfg.Init, DefaultInit)
	orDuration(&cfg.Idle, DefaultIdle)
	if cfg.Memory <= 0 {
		cfg.Memory = defaultMemory
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.Retries == nil {
		cfg.Retries = []time.Duration{time.Minute, 2 * time.Minute}
	}
	f := &Function{cfg: cfg, service: s, slots: make(chan struct{}, cfg.Concurrency), ended: make(chan struct{}), all: map[*environment]bool{}}
	s.add(f)
	return f
}

// Invoke invokes the function and waits for its answer. The error is a *Failure
// if the invocation failed, and a fault of the code CodeThrottled or CodePayload
// if there was none. If ctx is done the invocation goes on, and nobody is told
// how it ends.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if len(payload) > MaxPayload {
		return nil, tooLarge(MaxPayload)
	}
	select {
	case f.slots <- struct{}{}:
	default:
		return nil, fault.New(fault.Retry, CodeThrottled, "all environments of "+f.cfg.Name+" are busy", "invoke it again, or give it a higher concurrency")
	}
	return f.invoke(ctx, payload)
}

// invoke invokes the function in a slot that was taken for it.
func (f *Function) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if !f.begin() {
		<-f.slots
		return nil, errClosed()
	}
	ended := make(chan outcome, 1)
	go func() {
		defer f.running.Done()
		defer func() { <-f.slots }()
		ended <- f.run(payload)
	}()
	select {
	case o := <-ended:
		return o.answer, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin counts an invocation in, unless the function has ended.
func (f *Function) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.running.Add(1)
	return true
}

// run runs one invocation to its end.
func (f *Function) run(payload []byte) outcome {
	inv := newInvocation(payload)
	var cold time.Duration
	var o outcome
	var e *environment
	var began time.Time
	for {
		var err error
		if e = f.takeWarm(); e == nil {
			began = time.Now()
			if e, err = f.start(inv); err != nil {
				o = outcome{err: err}
				break
			}
			cold = time.Since(began)
		}
		began = time.Now()
		if o = e.handle(inv); o.err == errGone && cold == 0 {
			continue // it died while it waited: that is nobody's invocation
		}
		break
	}
	r := Report{Function: f.cfg.Name, ID: inv.id, Took: time.Since(began), Cold: cold, Begun: e != nil && o.err != errGone, Err: o.err}
	if e != nil {
		r.Memory = e.peak()
	}
	if e != nil && o.reusable {
		f.keep(e)
	} else if e != nil {
		f.drop(e)
	}
	if f.cfg.Report != nil {
		f.cfg.Report(r)
	}
	return o
}

// takeWarm takes the environment that worked last, or nil.
func (f *Function) takeWarm() *environment {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.warm) > 0 {
		e := f.warm[len(f.warm)-1]
		f.warm = f.warm[:len(f.warm)-1]
		e.idle.Stop()
		if e.alive() {
			return e
		}
		go f.drop(e)
	}
	return nil
}

// keep keeps an environment warm. One whose process ended meanwhile, which watch
// looked for in vain among those that are warm, expires at once.
func (f *Function) keep(e *environment) {
	f.mu.Lock()
	if f.closed { // close ends it
		f.mu.Unlock()
		return
	}
	f.warm = append(f.warm, e)
	e.idle = time.AfterFunc(f.cfg.Idle, func() { f.expire(e) })
	f.mu.Unlock()
	if !e.alive() {
		f.expire(e)
	}
}

// expire ends an environment if it is warm.
func (f *Function) expire(e *environment) {
	f.mu.Lock()
	waiting := false
	for i, w := range f.warm {
		if w == e {
			f.warm = append(f.warm[:i:i], f.warm[i+1:]...)
			w.idle.Stop()
			waiting = true
			break
		}
	}
	f.mu.Unlock()
	if waiting {
		f.drop(e)
	}
}

// drop ends an environment.
func (f *Function) drop(e *environment) {
	e.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, e)
}

// close ends the function: its processes are stopped, and the invocations that
// run fail.
func (f *Function) close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.ended)
	}
	var all []*environment
	for e := range f.all {
		all = append(all, e)
	}
	f.mu.Unlock()
	var ending sync.WaitGroup
	for _, e := range all {
		ending.Go(e.stop)
	}
	ending.Wait()
	f.running.Wait()
}

// Environments are how many processes the function has.
func (f *Function) Environments() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

// Pids are the ids of the function's processes.
func (f *Function) Pids() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var pids []int
	for e := range f.all {
		pids = append(pids, e.process.Pid())
	}
	return pids
}

// Working are the ids of the processes that have an invocation.
func (f *Function) Working() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var pids []int
	for e := range f.all {
		if e.working() {
			pids = append(pids, e.process.Pid())
		}
	}
	return pids
}

// ARN is the function's name in AWS.
func (f *Function) ARN() string {
	return "arn:aws:lambda:" + Region + ":" + Account + ":function:" + f.cfg.Name
}

// start starts an environment, for the invocation inv, and waits until it asks
// for work.
func (f *Function) start(inv *invocation) (*environment, error) {
	e, err := f.service.environment(f)
	if err != nil {
		return nil, &Failure{FailureExit, "RequestId: " + inv.id + " Error: the binary cannot be started"}
	}
	f.mu.Lock()
	closed := f.closed
	f.all[e] = true
	f.mu.Unlock()
	if closed {
		f.drop(e)
		return nil, errClosed()
	}
	t := time.NewTimer(f.cfg.Init)
	defer t.Stop()
	var why *Failure
	select {
	case <-e.ready:
		return e, nil
	case why = <-e.broken:
	case <-e.process.Done():
		select { // what it said before it ended says more
		case why = <-e.broken:
		default:
			why = e.exited(inv.id)
		}
	case <-t.C:
		why = &Failure{FailureTimeout, fmt.Sprintf("RequestId: %s Error: Init timed out after %s", inv.id, f.cfg.Init)}
	}
	f.drop(e)
	return nil, why
}

// env is the environment of a process, as Lambda sets it, and what the function
// was given.
func (f *Function) env(runtimeAPI, stream string) []string {
	return append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAPI,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.cfg.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", f.cfg.Memory),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.cfg.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + stream,
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"_HANDLER=bootstrap",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"PATH=/usr/local/bin:/usr/bin:/bin",
	}, f.cfg.Env...)
}

// command is what starts a process.
func (f *Function) command(runtimeAPI, stream string) emulate.Command {
	return emulate.Command{Name: f.cfg.Name, Path: f.cfg.Path, Env: f.env(runtimeAPI, stream), Log: f.service.log}
}

func tooLarge(limit int) error {
	return fault.New(fault.Invalid, CodePayload, fmt.Sprintf("the payload has more than %d bytes", limit), "send less in one invocation")
}

func errClosed() error {
	return fault.New(fault.Retry, CodeClosed, "the service has ended", "")
}

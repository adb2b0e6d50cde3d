package lambda

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
)

// invocation is one call of a function.
type invocation struct {
	id       string
	payload  []byte
	trace    string // X-Amzn-Trace-Id
	deadline time.Time
	ended    chan outcome // room for one
	once     sync.Once
}

// outcome is how an invocation ended.
type outcome struct {
	answer   []byte
	err      error
	reusable bool // the environment can have another
}

func newInvocation(payload []byte) *invocation {
	var id [20]byte
	_, _ = rand.Read(id[:]) // never fails
	return &invocation{
		id:      uuid.NewString(),
		payload: payload,
		trace:   fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), hex.EncodeToString(id[:12]), hex.EncodeToString(id[12:])),
		ended:   make(chan outcome, 1),
	}
}

// end ends the invocation; only the first end counts.
func (i *invocation) end(o outcome) { i.once.Do(func() { i.ended <- o }) }

// environment is one process of a function.
type environment struct {
	id       string
	function *Function
	process  *emulate.Process
	next     chan *invocation // to who asks for it
	ready    chan struct{}    // closed at the first asking
	asked    sync.Once
	broken   chan *Failure // the process said that it cannot start
	idle     *time.Timer   // ends it while it is warm; belongs to the function

	mu      sync.Mutex
	current *invocation

	memory   atomic.Int64 // bytes at most
	exceeded atomic.Bool  // it had too many of them
}

// errGone is the outcome of an invocation that its process never got.
var errGone = errors.New("the environment has ended")

// watching is how often the memory of a process is looked at.
const watching = 10 * time.Millisecond

// working tells whether the process has an invocation.
func (e *environment) working() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.current != nil
}

// handle has the process handle an invocation, within the function's timeout.
func (e *environment) handle(inv *invocation) outcome {
	timeout := e.function.cfg.Timeout
	inv.deadline = time.Now().Add(timeout)
	if !e.alive() { // its asking may not have been cut off yet
		return outcome{err: errGone}
	}
	select {
	case e.next <- inv:
	case <-e.process.Done():
		return outcome{err: errGone}
	case <-time.After(timeout): // it answered, and never asked again
		return outcome{err: timedOut(inv, timeout)}
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case o := <-inv.ended:
		return o
	case <-e.process.Done():
		select { // it answered before it ended
		case o := <-inv.ended:
			o.reusable = false
			return o
		default:
			return outcome{err: e.exited(inv.id)}
		}
	case <-t.C:
		return outcome{err: timedOut(inv, timeout)}
	}
}

func timedOut(inv *invocation, timeout time.Duration) *Failure {
	return &Failure{FailureTimeout, fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.id, timeout.Seconds())}
}

// exited says how the process ended.
func (e *environment) exited(request string) *Failure {
	if e.exceeded.Load() {
		return &Failure{FailureMemory, fmt.Sprintf("RequestId: %s Error: Runtime exited with error: signal: killed: more than %d MB of memory", request, e.function.cfg.Memory)}
	}
	how := "exit status 0"
	if err := e.process.Err(); err != nil {
		how = err.Error()
	}
	return &Failure{FailureExit, "RequestId: " + request + " Error: Runtime exited with error: " + how}
}

// watch kills the process when it has more memory than it may have, and forgets
// it when it ends while it is warm.
func (e *environment) watch() {
	defer e.function.expire(e)
	limit := int64(e.function.cfg.Memory) << 20
	t := time.NewTicker(watching)
	defer t.Stop()
	for {
		select {
		case <-e.process.Done():
			return
		case <-t.C:
		}
		bytes, ok := peakMemory(e.process.Pid())
		if !ok {
			continue // it has just ended, or the system does not tell
		}
		e.memory.Store(bytes)
		if bytes > limit {
			e.exceeded.Store(true)
			e.process.Kill()
			return
		}
	}
}

// peak is the memory that the process had at most, as far as is known.
func (e *environment) peak() int64 {
	if bytes, ok := peakMemory(e.process.Pid()); ok && e.alive() {
		e.memory.Store(bytes)
	}
	return e.memory.Load()
}

func (e *environment) alive() bool {
	select {
	case <-e.process.Done():
		return false
	default:
		return true
	}
}

// end kills the process and forgets it.
func (e *environment) end() {
	e.process.Kill()
	e.function.service.forget(e)
}

// stop asks the process to end before it is killed.
func (e *environment) stop() {
	e.process.Stop()
	e.function.service.forget(e)
}

package emulate

import (
	"bytes"
	"io"
	"sync"
)

// maxLine is how long a line can be before it is broken, in bytes.
const maxLine = 64 << 10

// Log brings the lines of several programs together without mixing them. A nil
// Log drops them. It may be used concurrently.
type Log struct {
	mu sync.Mutex
	w  io.Writer
}

// NewLog makes a Log that writes to w, one line at a time.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// Lines is a writer whose lines are those of name.
func (l *Log) Lines(name string) *Lines { return &Lines{log: l, prefix: name + " | "} }

// Lines is what one program prints. Only one goroutine at a time may use it.
type Lines struct {
	log    *Log
	prefix string
	rest   []byte // of a line that has not ended
	last   string // the last line
}

// Write takes any part of the program's output. It never fails.
func (l *Lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			end = len(p) - 1
		}
		end = min(end, maxLine-len(l.rest)-1)
		l.rest = append(l.rest, p[:end+1]...)
		p = p[end+1:]
		if l.rest[len(l.rest)-1] == '\n' || len(l.rest) >= maxLine {
			l.Flush()
		}
	}
	return n, nil
}

// Flush writes what is left of a line that has not ended.
func (l *Lines) Flush() {
	line := bytes.TrimRight(l.rest, "\r\n")
	if len(line) > 0 {
		l.last = string(line)
	}
	if len(line) > 0 && l.log != nil {
		out := append(append([]byte(l.prefix), line...), '\n')
		l.log.mu.Lock()
		_, _ = l.log.w.Write(out) // where a log cannot be written there is nobody to tell
		l.log.mu.Unlock()
	}
	l.rest = l.rest[:0]
}

// Package fault is the closed set of error kinds that decide what happens to a
// piece of work: retry, quarantine, refusal or dead letter. Callers act on the
// kind, never on the text.
//
// A fault's text says what happened, where, why and what to do. It never holds
// a value of a row: every part of it is a name, a number or a rule.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind tells what to do with work that failed.
type Kind uint8

const (
	// Retry: the world's fault (a bucket, queue or key service did not answer).
	// Hand the work back and try again later. It is the kind of every error
	// that is not a fault, so that nothing is lost by forgetting to classify.
	Retry Kind = iota
	// Invalid: the data's fault. Quarantine it, report, done.
	Invalid
	// Denied: policy's decision. Refuse, record, done.
	Denied
	// Poison: can never succeed. Dead-letter, record.
	Poison
)

var kindNames = [...]string{"retry", "invalid", "denied", "poison"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", k)
}

// Final reports whether trying again cannot help.
func (k Kind) Final() bool { return k != Retry }

// Where says which piece of work failed. Empty parts are left out of the text.
type Where struct {
	Partner      string `json:"partner,omitempty"`
	Contract     string `json:"contract,omitempty"`
	Subscription string `json:"subscription,omitempty"`
	Drop         string `json:"drop,omitempty"`
	Segment      string `json:"segment,omitempty"`
	Object       string `json:"object,omitempty"` // key of a stored object
	Row          int64  `json:"row,omitempty"`    // counted from 1
	Path         string `json:"path,omitempty"`   // field path in the contract
}

func (w Where) String() string {
	var b strings.Builder
	add := func(name, value string) {
		if value != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(name)
			b.WriteByte('=')
			b.WriteString(value)
		}
	}
	add("partner", w.Partner)
	add("contract", w.Contract)
	add("subscription", w.Subscription)
	add("drop", w.Drop)
	add("segment", w.Segment)
	add("object", w.Object)
	if w.Row > 0 {
		add("row", fmt.Sprint(w.Row))
	}
	add("path", w.Path)
	return b.String()
}

// Error is a fault. Code is its stable name (lower case, hyphens), such as
// "gzip-bomb": documentation, reports and tests go by it.
type Error struct {
	Kind  Kind
	Code  string
	Where Where
	Msg   string // what happened and why
	Do    string // what to do about it
	Err   error  // the cause, if another error was
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code)
	if w := e.Where.String(); w != "" {
		b.WriteString(" [" + w + "]")
	}
	if e.Msg != "" {
		b.WriteString(": " + e.Msg)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Do != "" {
		b.WriteString(" (" + e.Do + ")")
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// At returns a copy of e with the empty parts of its place filled from w.
func (e *Error) At(w Where) *Error {
	c := *e
	fill := func(dst *string, src string) {
		if *dst == "" {
			*dst = src
		}
	}
	fill(&c.Where.Partner, w.Partner)
	fill(&c.Where.Contract, w.Contract)
	fill(&c.Where.Subscription, w.Subscription)
	fill(&c.Where.Drop, w.Drop)
	fill(&c.Where.Segment, w.Segment)
	fill(&c.Where.Object, w.Object)
	fill(&c.Where.Path, w.Path)
	if c.Where.Row == 0 {
		c.Where.Row = w.Row
	}
	return &c
}

// New makes a fault. do says what the reader can do; it may be empty.
func New(k Kind, code, msg, do string) *Error {
	return &Error{Kind: k, Code: code, Msg: msg, Do: do}
}

// Wrap makes a fault with a cause.
func Wrap(k Kind, code string, err error, msg string) *Error {
	return &Error{Kind: k, Code: code, Msg: msg, Err: err}
}

// KindOf is the kind of the first fault in err's chain, and Retry for every
// other error, cancellation and deadlines included.
func KindOf(err error) Kind {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Retry
	}
	var f *Error
	if errors.As(err, &f) {
		return f.Kind
	}
	return Retry
}

// CodeOf is the code of the first fault in err's chain, or "" if there is none.
func CodeOf(err error) string {
	var f *Error
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// Partial is the error of work of which a part is done, and need not wait for the
// rest: Err says what of it failed. Doing all of it again does no harm.
type Partial struct{ Err error }

func (p *Partial) Error() string { return p.Err.Error() }

func (p *Partial) Unwrap() error { return p.Err }

// Batch is the error of a batch in which some items failed: index to error.
// An item that is not in it succeeded.
type Batch map[int]error

func (b Batch) Error() string {
	return fmt.Sprintf("%d items of the batch failed", len(b))
}

// Of is the error of item i: nil where err is nil, the item's own where err is
// a Batch, and err itself (the whole batch failed) otherwise.
func Of(err error, i int) error {
	var b Batch
	if errors.As(err, &b) {
		return b[i]
	}
	return err
}

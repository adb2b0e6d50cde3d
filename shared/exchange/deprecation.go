package exchange

import (
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// CodeSunset is the code of the Denied fault by which a contract that has ended
// is neither dropped nor delivered.
const CodeSunset = event.CodeSunset

// Deprecation is what events say, at a time, of the rows of an object of the
// contract: the contract may be deprecated, or the object may be marked so. It
// does not pre-announce: before its from: a contract is not deprecated.
func (c *Contract) Deprecation(object string, at time.Time) event.Deprecation {
	d := c.ending()
	marked := slices.ContainsFunc(c.Doc.Deprecated(), func(e contract.DeprecatedElement) bool {
		return e.Object == object && e.Field == ""
	})
	if !d.InForce(at) {
		return event.Deprecation{Deprecated: marked}
	}
	if d.From.After(at) {
		d.From = time.Time{}
	}
	return event.Deprecation{Deprecated: true, From: d.From, Sunset: d.Sunset, Migration: d.Migration}
}

// Sunset is nil while the contract may be dropped and delivered, and otherwise a
// Denied fault with the code CodeSunset: it is retired, or its sunset has come.
func (c *Contract) Sunset(at time.Time) error {
	if f := c.ended(at); f != nil {
		return f
	}
	return nil
}

func (c *Contract) ended(at time.Time) *fault.Error {
	d := c.ending()
	if !d.Ended(at) {
		return nil
	}
	msg, do := fmt.Sprintf("contract %s is retired", c), "set another status: and publish the exchange"
	if !d.Sunset.IsZero() && !at.Before(d.Sunset) {
		msg, do = fmt.Sprintf("contract %s ended at %s", c, d.Sunset.Format(time.RFC3339)), "set a later sunset: and publish the exchange"
	}
	if do = "use the contract that takes its place; to go on with this one, " + do; d.Migration != "" {
		do = "see " + d.Migration + " for what to use instead"
	}
	return &fault.Error{Kind: fault.Denied, Code: CodeSunset, Where: fault.Where{Contract: c.ID}, Msg: msg, Do: do}
}

// ending is what the document says of its own end; its problems were found when
// the exchange was checked.
func (c *Contract) ending() contract.Deprecation {
	d, _ := c.Doc.Deprecation()
	return d
}

// deprecationProblems are what the contract says of its own end and cannot be
// understood, whether or not anybody uses the contract.
func (c *Contract) deprecationProblems() []yamldoc.Problem {
	_, problems := c.Doc.Deprecation()
	return problems
}

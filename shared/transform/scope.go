package transform

import (
	"fmt"
	"slices"
)

// Where equal values become equal (Spec.Scope); "" is ScopeDomain.
const (
	ScopeDomain   = "domain"
	ScopeContract = "contract"
	ScopeField    = "field"
)

func (s Spec) checkScope() error {
	switch {
	case s.Scope != "" && !slices.Contains([]string{ScopeDomain, ScopeContract, ScopeField}, s.Scope):
		return optionFault(fmt.Sprintf("there is no scope %q", s.Scope), "use domain, contract or field")
	case s.Scope != "" && s.Subject != "":
		return optionFault("a token of a data subject has no scope", "leave out one of subject and scope")
	}
	return nil
}

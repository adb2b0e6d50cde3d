package transform

import (
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

func TestCheckScope(t *testing.T) {
	for _, s := range []Spec{{Type: Token, Scope: ScopeField}, {Type: Token, Algorithm: SIV, Scope: ScopeContract}, {Type: FPE, Scope: ScopeDomain}, {Type: Dictionary, Words: `["a","b"]`, Scope: ScopeField}} {
		if _, err := Check(s, record.String); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, s := range []Spec{{Type: Token, Scope: "row"}, {Type: Token, Scope: ScopeField, Subject: "id"}, {Type: Mask, KeepFirst: 1, Scope: ScopeField}, {Type: Token, Scope: "Field"}} {
		if _, err := Check(s, record.String); fault.CodeOf(err) != CodeOption {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

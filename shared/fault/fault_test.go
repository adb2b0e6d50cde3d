package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestKindOf(t *testing.T) {
	denied := New(Denied, "expired", "it expired", "renew it")
	for _, test := range []struct {
		err  error
		kind Kind
		code string
	}{
		{denied, Denied, "expired"},
		{fmt.Errorf("outer: %w", denied), Denied, "expired"},
		{errors.New("anything"), Retry, ""},
		{context.Canceled, Retry, ""},
		{Wrap(Poison, "x", context.DeadlineExceeded, "too late"), Retry, "x"},
		{Wrap(Poison, "outer", denied, ""), Poison, "outer"},
	} {
		if k, c := KindOf(test.err), CodeOf(test.err); k != test.kind || c != test.code {
			t.Errorf("%v: %s %q, want %s %q", test.err, k, c, test.kind, test.code)
		}
	}
	if Retry.Final() || !Invalid.Final() || !Denied.Final() || !Poison.Final() {
		t.Error("only a retry can help")
	}
}

func TestText(t *testing.T) {
	e := New(Invalid, "row-too-long", "a row is longer than 10 bytes", "send shorter rows").At(Where{Partner: "acme", Row: 3}).At(Where{Partner: "other", Path: "name"})
	if got := e.Error(); got != "row-too-long [partner=acme row=3 path=name]: a row is longer than 10 bytes (send shorter rows)" {
		t.Error(got)
	}
}

func TestBatch(t *testing.T) {
	bad := errors.New("bad")
	err := fmt.Errorf("outer: %w", Batch{1: bad})
	if Of(err, 0) != nil || Of(err, 1) != bad || Of(nil, 0) != nil || Of(bad, 7) != bad {
		t.Error("the errors of the items are mixed up")
	}
}

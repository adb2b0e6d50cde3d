package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/fault"
)

func TestIDs(t *testing.T) {
	if first := ID("a", "b"); ID([]string{"a", "b"}...) != first {
		t.Error("the same parts, another id")
	}
	if ID("a", "b") == ID("ab") || ID("a", "b") == ID("a", "b", "") {
		t.Error("other parts, the same id")
	}
	// Ids are written into buckets and ledgers: they may never change.
	if got := DropID("acme/orders/a.csv", "1"); got != "1d58e890-2470-5a3a-868e-b90c07052548" {
		t.Errorf("the id of a drop is now %s", got)
	}
}

func TestNew(t *testing.T) {
	now := time.Unix(1, 0).UTC()
	cause, err := Origin("cause", TypeDropReceived, "/test", now, DropReceived{Key: "a/b"})
	if err != nil {
		t.Fatal(err)
	}
	cause.SetExtension(ExtExchange, "sha256:x")
	cause.SetExtension(ExtTraceparent, "00-a-b-01")
	cause.SetExtension(ExtPartner, "acme")
	a, err := New(cause, TypeSegmentAccepted, "/test", now, SegmentAccepted{Segment: 3, Rows: 4}, "3")
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(cause, TypeSegmentAccepted, "/test", now.Add(time.Hour), SegmentAccepted{}, "4")
	if err != nil {
		t.Fatal(err)
	}
	if a.ID() == b.ID() || a.ID() != ID("cause", TypeSegmentAccepted, "3") {
		t.Errorf("ids %s and %s", a.ID(), b.ID())
	}
	if Extension(a, ExtExchange) != "sha256:x" || Extension(a, ExtTraceparent) != "00-a-b-01" || Extension(a, ExtCausationID) != "cause" || Extension(a, ExtPartner) != "" {
		t.Errorf("extensions %v", a.Extensions())
	}
	if err := a.Validate(); err != nil {
		t.Error(err)
	}
	s, err := Decode[SegmentAccepted](a)
	if err != nil || s.Segment != 3 || s.Rows != 4 {
		t.Errorf("%+v, %v", s, err)
	}
	if !FromChain(a) {
		t.Error("it is of the chain")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"key":"a/b","generation":"1","size":3}`))
	f.Add([]byte(`{"key":1}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Origin("x", TypeDropReceived, "/test", time.Time{}, json.RawMessage(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		e.DataEncoded = data
		if _, err := Decode[DropReceived](e); err != nil && fault.KindOf(err) != fault.Poison {
			t.Fatalf("not Poison: %v", err)
		}
	})
}

func TestFaultOf(t *testing.T) {
	if FaultOf(nil) != nil {
		t.Error("no error, no fault")
	}
	f := FaultOf(fmt.Errorf("outer: %w", &fault.Error{Kind: fault.Invalid, Code: "drift", Where: fault.Where{Drop: "d"}, Msg: "m", Do: "d", Err: errors.New("secret")}))
	if *f != (Fault{Kind: "invalid", Code: "drift", Where: fault.Where{Drop: "d"}, Msg: "m", Do: "d"}) {
		t.Errorf("%+v", f)
	}
	if f := FaultOf(errors.New("secret")); *f != (Fault{Kind: "retry", Code: "internal"}) {
		t.Errorf("an error that nobody vouches for is told: %+v", f)
	}
}

package impact

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// TestCrowds: that fewer rows leave is a change; that more may is told with what leaves.
func TestCrowds(t *testing.T) {
	with := func(k string) *policy.Policy {
		fs := folder()
		if k != "" {
			fs["partners/acme.yaml"] = &fstest.MapFile{Data: append(fs["partners/acme.yaml"].Data, "    kAnonymity: {k: "+k+", quasiIdentifiers: [amount]}\n"...)}
		}
		b, err := exchange.Load(fs)
		if err != nil {
			t.Fatal(err)
		}
		p, err := policy.Compile(b)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if d := Between(with(""), with("3")); len(d.Leaves) > 0 || strings.Join(d.Changes, "\n") != "subscription acme-orders: only rows where at least 3 of a drop are alike in amount" {
		t.Errorf("%+v", d)
	}
	for old, new := range map[string]string{"3": "", "5": "3"} {
		if d := Between(with(old), with(new)); len(d.Changes) > 0 || len(d.Leaves) != 1 || d.Leaves[0].Subscription != "acme-orders" || d.Leaves[0].Field != "" ||
			!strings.Contains(d.Leaves[0].Before, "at least "+old) {
			t.Errorf("%+v", d)
		}
	}
	if d := Between(with("3"), with("3")); len(d.Leaves)+len(d.Changes) > 0 {
		t.Errorf("%+v", d)
	}
}

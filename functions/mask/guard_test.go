package mask_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/shared/event"
)

// TestGuard: somebody writes addresses into the country.
func TestGuard(t *testing.T) {
	var text strings.Builder
	text.WriteString("country;id;name;secret\r\n")
	for i := range 3000 {
		country := "DE"
		if i%40 == 0 {
			country = fmt.Sprintf("zq%d@canary.test", i)
		}
		fmt.Fprintf(&text, "%s;%d;Ann;x\r\n", country, i)
	}
	open := strings.Replace(contractFile, "  - {name: name, logicalType: string, classification: confidential}\n", "  - {name: name, logicalType: string, classification: internal}\n", 1)
	open = strings.Replace(open, "  - {name: secret, logicalType: string}\n", "  - {name: secret, logicalType: string, classification: public}\n", 1)
	tagged := strings.Replace(contractFile, "name: country, logicalType: string,", "name: country, logicalType: string, tags: [EMAIL_ADDRESS],", 1)
	for _, test := range []struct {
		name, exchange, contract string
		leaves, told             bool
	}{
		{"a contract with confidential fields", "", contractFile, false, true},
		{"one without", "", open, true, true},
		{"block", "leakGuard: block\n", open, false, true},
		{"warn", "leakGuard: warn\n", contractFile, true, true},
		{"off", "leakGuard: off\n", contractFile, true, false},
		{"the contract says so", "", tagged, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := openWorld(t, test.exchange, test.contract,
				subscription("all", ""),
				subscription("numbers", "  columns: [id]\n"),
				subscription("germany", "  filter: country == \"DE\"\n"))
			e := w.segment(text.String(), csvFormat)
			var first []event.Event
			for range 2 { // the second run finds the same
				out, err := w.f.Handle(t.Context(), e)
				if err != nil {
					t.Fatal(err)
				}
				if len(out) != 3 {
					t.Fatalf("%d events", len(out))
				}
				for i, made := range out {
					if first != nil && (made.ID() != first[i].ID() || string(made.Data()) != string(first[i].Data())) {
						t.Errorf("the second run differs: %s", made.Data())
					}
					if strings.Contains(string(made.Data()), "zq") || strings.Contains(string(made.Data()), "canary.test") {
						t.Errorf("the event holds a value: %s", made.Data())
					}
				}
				first = out
			}
			for _, made := range first {
				d, err := event.Decode[event.Delivery](made)
				if err != nil {
					t.Fatal(err)
				}
				if d.Subscription != "all" { // what others see holds none
					if made.Type() != event.TypeSegmentMasked {
						t.Errorf("%s: %s %s", d.Subscription, made.Type(), made.Data())
					}
					continue
				}
				if leaves := made.Type() == event.TypeSegmentMasked; leaves != test.leaves {
					t.Errorf("%s: %s", made.Type(), made.Data())
				}
				if told := strings.Contains(string(made.Data()), "EMAIL_ADDRESS"); told != test.told {
					t.Errorf("told: %v: %s", told, made.Data())
				}
				if !test.leaves && (made.Type() != event.TypeDeliveryFailed || d.Fault == nil || d.Fault.Code != mask.CodeLeak || d.Fault.Where.Path != "country" || d.Fault.Kind != "denied") {
					t.Errorf("%s: %s", made.Type(), made.Data())
				}
			}
			objects := 0
			for it := w.buckets["masked"].List(nil); ; objects++ {
				if _, err := it.Next(t.Context()); err != nil {
					break
				}
			}
			want := 2
			if test.leaves {
				want = 3
			}
			if objects != want {
				t.Errorf("%d objects lie in masked, want %d", objects, want)
			}
		})
	}
}

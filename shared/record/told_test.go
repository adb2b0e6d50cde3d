package record

import (
	"fmt"
	"reflect"
	"testing"
)

// TestProjectionTellsRows: a rule with Row hears of each row, by its number and the
// value of another field, before its values are asked for.
func TestProjectionTellsRows(t *testing.T) {
	var heard []string
	rule := func(by int) Rule {
		return Rule{Op: Replace, By: by, Out: String, Plain: true,
			Row:    func(number int64, by []byte) { heard = append(heard, fmt.Sprintf("%d by %q", number, by)) },
			Append: func(dst, v []byte) ([]byte, bool) { heard = append(heard, string(v)); return append(dst, '*'), true }}
	}
	s := table("a", "b")
	project(t, "a,b\n1,x\n2,\"y\"\"z\"\n3,\n,w\n", Format{Codec: CSV, Delimiter: ',', EOL: "\n", Header: true}, s, []Rule{{}, rule(2), {}})
	if want := []string{`1 by "x"`, "1", `2 by "y\"z"`, "2", `3 by ""`, "3", `4 by "w"`}; !reflect.DeepEqual(heard, want) {
		t.Errorf("CSV: heard %q, want %q", heard, want)
	}
	heard = nil
	p := person()
	rules := make([]Rule, len(p.Fields))
	rules[p.Lookup("name")], rules[p.Lookup("name.given")] = Rule{Op: Descend}, Rule{Op: Descend}
	rules[p.Lookup("name.given[]")] = rule(p.Lookup("id"))
	project(t, `{"name":{"given":["x","y"]},"id":7}`+"\n"+`{"id":null,"name":{"given":["z"]}}`+"\n"+`{"id":{"a":1},"name":{"given":["u"]}}`+"\n"+`{}`+"\n", Format{Codec: NDJSON}, p, rules)
	if want := []string{`1 by "7"`, "x", "y", `2 by ""`, "z", `3 by ""`, "u", `4 by ""`}; !reflect.DeepEqual(heard, want) {
		t.Errorf("JSON: heard %q, want %q", heard, want)
	}
	heard = nil
	project(t, "a,b\n1,x\n", Format{Codec: CSV, Delimiter: ',', EOL: "\n", Header: true}, s, []Rule{{}, rule(0), {}})
	if want := []string{`1 by ""`, "1"}; !reflect.DeepEqual(heard, want) {
		t.Errorf("by no field: heard %q, want %q", heard, want)
	}
}

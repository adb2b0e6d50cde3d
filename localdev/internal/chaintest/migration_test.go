package chaintest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// versioned is the exchange of one, in which version 1 of orders is dropped and lab is
// subscribed to version 3. West stays on version 1.
func versioned() map[string]string {
	folder := one()
	first := folder["contracts/orders.odcs.yaml"]
	second := strings.NewReplacer("version: 1.0.0", "version: 2.0.0", "{name: text,", "{name: remark,",
		"{name: id, logicalType: integer,", "{name: id, logicalType: string,").Replace(first)
	third := strings.NewReplacer("version: 2.0.0", "version: 3.0.0", "{name: remark, logicalType: string,", "{name: remark, logicalType: string, required: true,",
		"{name: region,", "{name: area,").Replace(second) + "      - {name: channel, logicalType: string, required: true, classification: public}\n"
	folder["contracts/orders-2.odcs.yaml"], folder["contracts/orders-3.odcs.yaml"] = second, third
	migration := func(from, to, steps string) string {
		return fmt.Sprintf("apiVersion: sallyport.io/v1\nkind: Migration\ncontract: orders\nfrom: ^%s\nto: ^%s\nsteps:\n%s", from, to, steps)
	}
	folder["migrations/1-2.yaml"] = migration("1", "2", "- rename: {from: text, to: remark}\n- cast: {field: id, to: string}\n")
	folder["migrations/2-3.yaml"] = migration("2", "3", "- rename: {from: region, to: area}\n- default: {field: remark, value: none}\n- default: {field: channel, value: shop}\n")
	folder["partners/maker.yaml"] = strings.Replace(folder["partners/maker.yaml"], "contract: orders", "contract: orders, version: ^1", 1)
	folder["partners/west.yaml"] = files["partners/west.yaml"]
	for name, version := range map[string]string{"west": "^1", "lab": "^3"} {
		file := "partners/" + name + ".yaml"
		folder[file] = strings.Replace(folder[file], "contract: orders", "contract: orders, version: "+version, 1)
	}
	return folder
}

// Of one drop of version 1 who is on version 1 gets it as it is, and who is on
// version 3 gets it through two migrations, masked by the names of version 3:
// whatever operation of mask everything stops at, and with two copies.
func TestMigratedChain(t *testing.T) {
	bundle, s := load(t, versioned()), newSecrets(t)
	const text = "id,region,buyer,text\n1,west,hush-ann,a\n02,east,hush-bob,\n3,west,hush-ann,\"c, \"\"d\"\"\"\n"
	run := func(t *testing.T, q ways, disturb func(w *world) (crashed func() bool)) (ops []string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, s, q)
			w.publish(bundle)
			var crashed func() bool
			if disturb != nil {
				crashed = disturb(w)
			}
			w.drop("maker/orders/monday.csv", []byte(text))
			for _, function := range functions {
				w.work(function, crashed)
			}
			ops = w.Ops()
			w.Fail = nil
			rows := func(bucket string) (all []string) {
				for key, text := range w.objects(bucket) {
					if !strings.HasSuffix(key, "manifest.json") {
						all = append(all, w.rowsOf(key, text)...)
					}
				}
				slices.Sort(all)
				return all
			}
			tokens := map[string]string{}
			for _, row := range rows("lab") {
				var of struct{ ID, Area, Buyer, Remark, Channel string }
				w.decode(row, &of)
				shape := strings.TrimSuffix(strings.Replace(row, of.Buyer, "T", 1), "\n")
				if want := map[string]string{
					"1":  `{"id":"1","area":"west","buyer":"T","remark":"a","channel":"shop"}`,
					"02": `{"id":"02","area":"east","buyer":"T","remark":"none","channel":"shop"}`,
					"3":  `{"id":"3","area":"west","buyer":"T","remark":"c, \"d\"","channel":"shop"}`,
				}[of.ID]; shape != want || !strings.HasPrefix(of.Buyer, "t1_") {
					t.Errorf("lab gets %s, want %s", shape, want)
				}
				tokens[of.ID] = of.Buyer
			}
			if len(tokens) != 3 || tokens["1"] != tokens["3"] || tokens["1"] == tokens["02"] {
				t.Errorf("lab gets the tokens %v; %v", tokens, w.nacked)
			}
			if got, want := rows("west"), []string{`{"id":"1","region":"west","text":"a"}`, `{"id":"3","region":"west","text":"c, \"d\""}`}; !slices.Equal(got, want) {
				t.Errorf("west gets %q, want %q", got, want)
			}
		})
		return ops
	}
	ops := run(t, usual, nil)
	run(t, ways{copies: 2, together: usual.together}, nil)
	disturbed := 0
	for n, op := range ops {
		if !strings.HasPrefix(op, "mask ") || n%thin != 0 {
			continue
		}
		disturbed++
		for name, last := range map[string]bool{"before": false, "after": true} {
			t.Run(fmt.Sprintf("%d %s %s", n, kind(op), name), func(t *testing.T) {
				t.Parallel()
				run(t, usual, func(w *world) func() bool { return w.crash(n, last) })
			})
		}
	}
	if thin == 1 && disturbed < 8 {
		t.Errorf("only %d operations of mask: %v", disturbed, ops)
	}
}

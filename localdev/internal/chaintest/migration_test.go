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
	for _, name := range []string{"west", "lab"} {
		version := map[string]string{"west": "^1", "lab": "^3"}[name]
		file := "partners/" + name + ".yaml"
		folder[file] = strings.Replace(folder[file], "contract: orders", "contract: orders, version: "+version, 1)
	}
	return folder
}

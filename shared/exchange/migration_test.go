package exchange

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

const migrationFile = `# yaml-language-server: $schema=migration.schema.json
apiVersion: sallyport.io/v1
kind: Migration
description: to the new numbers
contract: orders
from: ^1
to: ^2
object: head
steps:
  - rename: {from: id, to: number}
  - cast: {field: number, to: string}
  - default: {field: currency, value: EUR}
  - drop: {field: id}
`

// migrated is an exchange with two versions of orders and a migration.
func migrated(t *testing.T) map[string]string {
	t.Helper()
	files := versions("1.0.0 deprecated", "2.0.0 active")
	files["migrations/orders.yaml"] = migrationFile
	return files
}

func TestMigrations(t *testing.T) {
	without := versions("1.0.0 deprecated", "2.0.0 active")
	b, plain := load(t, migrated(t)), load(t, without)
	if b.Digest() == plain.Digest() {
		t.Error("a migration does not change the digest")
	}
	if strings.Contains(string(plain.Encode()), "migration") {
		t.Error("an exchange without migrations speaks of them")
	}
	decoded, err := Decode(b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*Bundle{b, decoded} {
		if len(b.Migrations()) != 1 {
			t.Fatalf("%d migrations", len(b.Migrations()))
		}
		m := b.Migrations()[0]
		from, to, object := m.Ends()
		if from.Version != "1.0.0" || to.Version != "2.0.0" || object != "head" || from != b.Version("orders", "1.0.0") {
			t.Errorf("from %s to %s of %s", from, to, object)
		}
		if len(m.Steps) != 4 || m.Steps[0].Rename.To != "number" || m.Steps[1].Cast.To != "string" || m.Steps[2].Default.Value != `"EUR"` || m.Steps[3].Drop.Field != "id" {
			t.Errorf("steps %+v", m.Steps)
		}
	}
	broken := strings.Replace(string(b.Encode()), `"migrations":[`, `"migrations":[null,`, 1)
	if _, err := Decode([]byte(broken)); fault.CodeOf(err) != "bundle-decode" {
		t.Errorf("of a null migration: %v", err)
	}
}

func TestMigrationProblems(t *testing.T) {
	const file = "migrations/orders.yaml"
	for _, tt := range []struct {
		old, new, message string
		schema            bool // the schema refuses it, too
	}{
		{"kind: Migration", "kind: Partner", `kind is "Partner"`, true},
		{"sallyport.io/v1", "sallyport.io/v2", "apiVersion", true},
		{"contract: orders", "contract: order", `no contract "order"`, false},
		{"contract: orders\n", "", "contract is missing", true},
		{"from: ^1\n", "", "from is missing", true},
		{"to: ^2\n", "", "to is missing", true},
		{"from: ^1", "from: ^3", "contract orders has no version ^3 it has 1.0.0, 2.0.0", false},
		{"from: ^1", `from: ">1"`, "not a range", true},
		{"to: ^2", "to: 1.x", "from and to are the same: version 1.0.0", false},
		{"object: head\n", "", "2 objects", false},
		{"object: head", "object: haed", `no object "haed"`, false},
		{"rename: {from", "renam: {from", "renam", true},
		{"to: number}", "too: number}", "too", true},
		{", to: number}", "}", "steps[0].rename.to is missing", true},
		{"{field: number, to: string}", "{to: string}", "steps[1].cast.field is missing", true},
		{", value: EUR", "", "steps[2].default.value is missing", true},
		{"value: EUR", "value: [EUR]", "must be a string, a number or a boolean", true},
		{"drop: {field: id}", "drop: {}", "steps[3].drop.field is missing", true},
		{"- drop: {field: id}", "- {}", "the step has 0 of rename", true},
		{"- drop: {field: id}", "- drop: {field: id}\n    cast: {field: id, to: string}", "the step has 2 of rename", true},
		{"- drop: {field: id}", "-", "no value", true},
	} {
		files := migrated(t)
		replace(t, files, file, tt.old, tt.new)
		_, err := Load(mapFS(files))
		var problems yamldoc.Problems
		if !errors.As(err, &problems) {
			t.Errorf("%q: %v", tt.new, err)
			continue
		}
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.Message+" "+p.Hint, tt.message) && p.Line > 0 && p.File == file
		}
		if !found {
			t.Errorf("%q: %v\nlacks %q with a line", tt.new, err, tt.message)
		}
		schema, doc := schemaOf(t, file, files[file])
		if err := schema.Validate(doc); (err != nil) != tt.schema {
			t.Errorf("%q and its schema: %v", tt.new, err)
		}
	}
	schema, doc := schemaOf(t, file, migrationFile)
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
	files := migrated(t)
	files["migrations/again.yaml"] = strings.Replace(migrationFile, "from: ^1", "from: 1.0.0", 1)
	if _, err := Load(mapFS(files)); err == nil || !strings.Contains(err.Error(), "the migration from version 1.0.0 to 2.0.0 is there already, in migrations/again.yaml") {
		t.Errorf("of two migrations: %v", err)
	}
}

package exchange

import (
	"cmp"
	"fmt"

	"github.com/sallyport-io/sallyport/shared/transform"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// KindMigration is the kind of a document of migrations/.
const KindMigration = "Migration"

// Migration is one document of migrations/: how rows of one version of a contract
// become rows of another, so that who receives that version gets them, too.
type Migration struct {
	// Version of this document's form.
	APIVersion string `yaml:"apiVersion" json:"apiVersion" jsonschema:"required,enum=sallyport.io/v1"`
	// What this document is.
	Kind string `yaml:"kind" json:"kind" jsonschema:"required,enum=Migration"`
	// What the migration is for, in words.
	Description string `yaml:"description" json:"description,omitempty"`
	// Id or name of a contract.
	Contract string `yaml:"contract" json:"contract" jsonschema:"required,minLength=1"`
	// Version of the contract that the rows are of: ^1, ~1.2, 1.x or an exact one.
	From Range `yaml:"from" json:"from" jsonschema:"required"`
	// Version of the contract that the rows become.
	To Range `yaml:"to" json:"to" jsonschema:"required"`
	// Schema object of both versions; may be left out where there is one.
	Object string `yaml:"object" json:"object,omitempty" jsonschema:"minLength=1"`
	// What is done, one after the other. Fields that no step names stay as they are.
	Steps []Step `yaml:"steps" json:"steps,omitempty"`

	source   source
	from, to target
}

// Step is one thing that a migration does to a field, which is named by its path as
// the steps before have left it: address.zip, items[].price. It is exactly one of
// rename, default, cast and drop.
type Step struct {
	// Gives a field another name.
	Rename *Rename `yaml:"rename" json:"rename,omitempty"`
	// Fills a field where it has no value, or adds it.
	Default *Default `yaml:"default" json:"default,omitempty"`
	// Makes another type of a field.
	Cast *Cast `yaml:"cast" json:"cast,omitempty"`
	// Leaves a field out.
	Drop *Dropped `yaml:"drop" json:"drop,omitempty"`
}

// Rename gives a field another name in the object that it is in.
type Rename struct {
	// Path of the field before.
	From string `yaml:"from" json:"from" jsonschema:"required,minLength=1"`
	// Path of the field after: what stands before its name stays.
	To string `yaml:"to" json:"to" jsonschema:"required,minLength=1"`
}

// Default fills a field where it has no value, or adds it to every row, or to every
// object that the path says.
type Default struct {
	// Path of the field.
	Field string `yaml:"field" json:"field" jsonschema:"required,minLength=1"`
	// The value: a string, number or boolean as the version that the rows become takes it.
	Value transform.Scalar `yaml:"value" json:"value" jsonschema:"required,oneof_type=string;number;boolean"`
}

// Cast makes another type of a field.
type Cast struct {
	// Path of the field.
	Field string `yaml:"field" json:"field" jsonschema:"required,minLength=1"`
	// The logicalType that it becomes.
	To string `yaml:"to" json:"to" jsonschema:"required,enum=string,enum=number,enum=timestamp,enum=date"`
	// Whether something may be lost: the time of day of a timestamp that becomes a date.
	Lossy bool `yaml:"lossy" json:"lossy,omitempty"`
}

// Dropped leaves a field out.
type Dropped struct {
	// Path of the field.
	Field string `yaml:"field" json:"field" jsonschema:"required,minLength=1"`
}

// Ends are the versions of the contract that the migration leads from and to, and
// the object of both. The bundle has passed its checks: none is nil.
func (m *Migration) Ends() (from, to *Contract, object string) {
	return m.from.contract, m.to.contract, m.from.object
}

// Problem says what is wrong at a path of the document, such as "steps[0].cast".
func (m *Migration) Problem(path, message, hint string) yamldoc.Problem {
	return m.source.problem(path, message, hint)
}

// compareMigrations is the order of migrations in a bundle.
func compareMigrations(a, b *Migration) int {
	return cmp.Or(cmp.Compare(a.Contract, b.Contract), cmp.Compare(a.Object, b.Object), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

// migration holds a migration against those before it and against the contracts.
func (c *checker) migration(m *Migration, before []*Migration) {
	at := m.source.problem
	c.head(at, m.APIVersion, m.Kind, KindMigration)
	for i, s := range m.Steps {
		c.step(at, fmt.Sprintf("steps[%d]", i), s)
	}
	end := func(name string, version Range) target {
		field := func(path string) string {
			if path == "version" {
				return name
			}
			return path
		}
		if version == "" {
			c.add(at, name, name+" is missing", "say which version of the contract: ^1, ~1.2, 1.x or an exact one")
			return target{}
		}
		k, object := c.object(at, field, reference{contract: m.Contract, version: version, object: m.Object})
		return target{k, object}
	}
	m.from = end("from", m.From)
	if m.From != "" && m.from.contract == nil {
		return // what is wrong with the contract need not be said twice
	}
	if m.to = end("to", m.To); m.from.contract == nil || m.to.contract == nil {
		return
	}
	if m.from == m.to {
		c.add(at, "to", fmt.Sprintf("from and to are the same: version %s", m.to.contract.Version), "name another version")
		return
	}
	if m.from.object != m.to.object {
		c.add(at, "object", fmt.Sprintf("the object is called %s in one version and %s in the other", m.from.object, m.to.object), "an object has the same name in both")
	}
	for _, other := range before {
		if other.from == m.from && other.to == m.to {
			c.add(at, "from", fmt.Sprintf("the migration from version %s to %s is there already, in %s", m.from.contract.Version, m.to.contract.Version, other.source.file), "remove one")
		}
	}
}

func (c *checker) step(at problemAt, where string, s Step) {
	var kinds, missing []string
	need := func(kind, key, value string) {
		if value == "" {
			missing = append(missing, where+"."+kind+"."+key)
		}
	}
	if s.Rename != nil {
		kinds = append(kinds, "rename")
		need("rename", "from", s.Rename.From)
		need("rename", "to", s.Rename.To)
	}
	if s.Default != nil {
		kinds = append(kinds, "default")
		need("default", "field", s.Default.Field)
		need("default", "value", string(s.Default.Value))
	}
	if s.Cast != nil {
		kinds = append(kinds, "cast")
		need("cast", "field", s.Cast.Field)
		need("cast", "to", s.Cast.To)
	}
	if s.Drop != nil {
		kinds = append(kinds, "drop")
		need("drop", "field", s.Drop.Field)
	}
	if len(kinds) != 1 {
		c.add(at, where, fmt.Sprintf("the step has %d of rename, default, cast and drop", len(kinds)), "give it exactly one; write a step for each")
	}
	for _, path := range missing {
		c.add(at, path, path+" is missing", "")
	}
}

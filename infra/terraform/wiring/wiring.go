// Package wiring reads wiring.yaml: what is deployed and how it is connected.
// Terraform reads the same file, so that an emulated deployment and a real one
// cannot differ.
package wiring

import (
	"bytes"
	_ "embed"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

//go:embed wiring.yaml
var text []byte

// Wiring is what is deployed. The descriptions are for people.
type Wiring struct {
	Buckets   map[string]string   `yaml:"buckets"` // name: description
	Topics    map[string]string   `yaml:"topics"`  // name: description
	Functions map[string]Function `yaml:"functions"`
}

// Function is one of the functions.
type Function struct {
	Hears     []string           `yaml:"hears"`     // topics; none: it has no queue
	Serves    bool               `yaml:"serves"`    // answers requests by HTTP
	Publishes bool               `yaml:"publishes"` // to a topic of its own name
	Batch     int                `yaml:"batch"`     // events handled together at most; 0: one
	Keys      bool               `yaml:"keys"`      // has the key ring of tokens
	Signs     bool               `yaml:"signs"`     // has the signing key of the ledger
	Partners  bool               `yaml:"partners"`  // reaches the destinations of partners
	Buckets   map[string][]Right `yaml:"buckets"`
}

// Right is what a function may do with a bucket.
type Right string

// The rights.
const (
	Read   Right = "read"   // get and list objects
	Create Right = "create" // create an object where there is none
)

// Load reads the wiring.
func Load() (Wiring, error) {
	var w Wiring
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	return w, d.Decode(&w)
}

// Names are the names of all functions, sorted.
func (w Wiring) Names() []string { return slices.Sorted(maps.Keys(w.Functions)) }

// AllTopics are the names of all topics, sorted: those of functions as well.
func (w Wiring) AllTopics() []string {
	all := slices.Collect(maps.Keys(w.Topics))
	for name, f := range w.Functions {
		if f.Publishes {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}
